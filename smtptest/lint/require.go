package lint

import (
	"slices"

	"github.com/go-smtptest/smtp/smtptest"
)

// Require makes the test fail at its end if a client of the server did
// something wrong, of that level or worse; allow lists the ids that are no
// reason to fail:
//
//	lint.Require(t, srv, lint.Error, "quit-missing")
//
// Each finding is one line of the test's log. When the test has failed for any
// reason, the findings that are no failure are logged too. At the end of the
// test Require closes the server, so that what its clients have left open is
// judged as well. An id in allow that no rule has fails the test at once.
func Require(tb smtptest.TB, srv *smtptest.Server, level Level, allow ...string) {
	tb.Helper()
	for _, id := range allow {
		if _, ok := ruleOf[id]; !ok {
			tb.Fatalf("lint: Require: %q is the id of no rule: lint.Rules lists them", id)
			return
		}
	}
	tb.Cleanup(func() {
		tb.Helper()
		srv.Close()
		var passed []Finding
		failed := false
		for _, f := range Check(srv.Sessions()) {
			if f.Level < level || slices.Contains(allow, f.ID) {
				passed = append(passed, f)
				continue
			}
			failed = true
			tb.Errorf("lint: %v", f)
		}
		if t, ok := tb.(interface{ Failed() bool }); ok {
			failed = failed || t.Failed()
		}
		if failed {
			for _, f := range passed {
				tb.Logf("lint: %v", f)
			}
		}
	})
}
