package lint

import (
	"fmt"
	"io"
	"slices"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/stack"
)

// Require makes the test fail at its end if a client of the server did
// something wrong, of that level or worse; allow lists the ids that are no
// reason to fail:
//
//	lint.Require(t, srv, lint.Error, "quit-missing")
//
// Each finding is one line of the test's log. When the test has failed for any
// reason, the findings that are no failure are logged too. The server may be
// that of a parent test and goes on: a session that is open at the end of the
// test is judged as far as it has come. An id in allow that no rule has or whose
// rule is off, or another level, fails the test at once; a test that is skipped is
// not judged.
func Require(tb smtptest.TB, srv *smtptest.Server, level Level, allow ...string) {
	if tb == nil {
		panic("lint: Require without a TB: give the test that may fail, or call Check")
	}
	tb.Helper()
	if mistake := mistakeIn(srv, level, allow); mistake != "" {
		tb.Fatalf("lint: Require: %s", mistake)
		return
	}
	tb.Cleanup(func() {
		tb.Helper()
		if t, ok := tb.(interface{ Skipped() bool }); ok && t.Skipped() {
			return
		}
		var bad, passed []Finding
		for _, f := range Check(srv.Sessions()) {
			if f.Level < level || slices.Contains(allow, f.ID) {
				passed = append(passed, f)
			} else {
				bad = append(bad, f)
			}
		}
		if show(tb, bad, tb.Errorf) && len(bad) > 0 {
			tb.Errorf("lint: findings above: %d", len(bad))
		}
		if len(bad) > 0 || stack.Failed(tb) {
			show(tb, passed, tb.Logf)
		}
	})
}

// mistakeIn says what is wrong with the arguments of Require; "" if nothing is.
func mistakeIn(srv *smtptest.Server, level Level, allow []string) string {
	switch {
	case srv == nil:
		return "there is no Server: make it first"
	case level != Warning && level != Error:
		return fmt.Sprintf("%d is no Level: give lint.Warning or lint.Error", level)
	}
	for _, id := range allow {
		rule, ok := ruleOf[id]
		switch {
		case !ok:
			return fmt.Sprintf("%q is the id of no rule: lint.Rules lists them", id)
		case rule.off:
			return fmt.Sprintf("%q is off, and needs no allowing: lint.Check looks for it when it is named there", id)
		}
	}
	return ""
}

// show writes a line for each finding to the TB's Output, and says whether there
// is one; else to other, which in a Cleanup cannot always name the test's line.
func show(tb smtptest.TB, findings []Finding, other func(string, ...any)) bool {
	tb.Helper()
	t, ok := tb.(interface{ Output() io.Writer })
	for _, f := range findings {
		if ok {
			fmt.Fprintf(t.Output(), "lint: %v\n", f)
		} else {
			other("lint: %v", f)
		}
	}
	return ok
}
