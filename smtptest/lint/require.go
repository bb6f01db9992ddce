package lint

import (
	"fmt"
	"io"
	"slices"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/harness"
)

// Require fails the test at its end if Check finds a mistake of that level, or
// worse, in the sessions of the server. Each id changes this for one rule:
//
//   - The id of a rule that is on allows the findings of that rule.
//   - The id of a rule that is off requires that rule: its findings fail the test at any level.
//
// Require writes each finding as one line to the log of the test. If the test has
// failed for any reason, Require logs the findings that are allowed or below the
// level, too. It also logs how many messages it could not judge completely because
// their content was released (Transaction.Released). Require does not close the server, which can be that of a parent
// test: Check judges an open session by what the server has recorded so far.
//
// Require fails the test at once if no rule has one of the ids, if level is
// neither Warning nor Error, or if srv is nil. It does not judge a test that is
// skipped.
func Require(tb smtptest.TB, srv *smtptest.Server, level Level, ids ...string) {
	if tb == nil {
		panic("lint: Require without a TB: give the test that may fail, or call Check")
	}
	if mistake := harness.NilTB(tb); mistake != "" {
		panic("lint: Require: " + mistake)
	}
	tb.Helper()
	if mistake := mistakeIn(srv, level, ids); mistake != "" {
		tb.Fatalf("lint: Require: %s", mistake)
		return
	}
	ids = slices.Clone(ids) // the caller can change its slice before the end of the test
	required := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !ruleOf[id].off })
	tb.Cleanup(func() {
		tb.Helper()
		if skipped, _ := harness.Optional(tb, func(t interface{ Skipped() bool }) bool { return t.Skipped() }); skipped {
			return
		}
		var bad, passed []Finding
		sessions := srv.Sessions()
		if n := countReleased(sessions); n > 0 {
			tb.Logf("lint: messages of which only the header and a hash were judged, because the server released their content after Drain or Take: %d", n)
		}
		for _, f := range Check(sessions, required...) {
			if ruleOf[f.ID].off || f.Level >= level && !slices.Contains(ids, f.ID) {
				bad = append(bad, f)
			} else {
				passed = append(passed, f)
			}
		}
		if show(tb, bad, tb.Errorf) && len(bad) > 0 {
			tb.Errorf("lint: findings above: %d", len(bad))
		}
		if len(bad) > 0 || harness.Failed(tb) {
			show(tb, passed, tb.Logf)
		}
	})
}

// countReleased returns the number of messages whose content was released.
func countReleased(sessions []smtptest.Session) (n int) {
	for _, s := range sessions {
		for _, t := range s.Transactions {
			if t.Released {
				n++
			}
		}
	}
	return n
}

// mistakeIn returns what is wrong with the arguments of Require, or "".
func mistakeIn(srv *smtptest.Server, level Level, ids []string) string {
	switch {
	case srv == nil:
		return "there is no Server: make it first"
	case level != Warning && level != Error:
		return fmt.Sprintf("%d is no Level: give lint.Warning or lint.Error", level)
	}
	for _, id := range ids {
		if _, ok := ruleOf[id]; !ok {
			return fmt.Sprintf("%q is the id of no rule: lint.Rules lists them", id)
		}
	}
	return ""
}

// show writes a line for each finding to the TB's Output, and says whether there
// is one; else to other, which in a Cleanup cannot always name the test's line.
func show(tb smtptest.TB, findings []Finding, other func(string, ...any)) bool {
	tb.Helper()
	out, ok := harness.Optional(tb, func(t interface{ Output() io.Writer }) io.Writer { return t.Output() })
	for _, f := range findings {
		if ok {
			fmt.Fprintf(out, "lint: %v\n", f)
		} else {
			other("lint: %v", f)
		}
	}
	return ok
}
