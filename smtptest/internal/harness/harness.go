// Package harness calls the methods of a TB that not every TB has.
package harness

import "github.com/go-smtptest/smtp/smtptest/internal/stack"

// Optional calls a method of tb and returns its result, and reports whether there
// is one. There is none if tb lacks the method, or if the method panics, as it
// does in a struct that embeds a nil testing.TB, or if it returns nil.
//
//	name, ok := harness.Optional(tb, func(t interface{ Name() string }) string { return t.Name() })
func Optional[M, R any](tb any, method func(M) R) (result R, ok bool) {
	m, has := tb.(M)
	if !has {
		return result, false
	}
	defer func() { _ = recover() }() // the results are then as they were
	r := method(m)
	return r, any(r) != nil
}

// Failed reports whether the test has failed. It is for a Cleanup of tb: if a test
// panics, the testing package runs the Cleanups first, and tb.Failed returns true
// only after that.
func Failed(tb any) bool {
	failed, _ := Optional(tb, func(t interface{ Failed() bool }) bool { return t.Failed() })
	return failed || stack.Panicking()
}
