// Package harness deals with the TBs that tests pass, of which some lack methods.
package harness

import (
	"fmt"
	"reflect"

	"github.com/go-smtptest/smtp/smtptest/internal/stack"
)

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

// NilTB returns what is wrong with a TB of which no method works, because it is a nil
// pointer or embeds nil. It returns "" for all others, and for a nil interface.
func NilTB(tb any) string {
	v := reflect.ValueOf(tb)
	if !v.IsValid() {
		return ""
	}
	_, works := Optional(tb, func(t interface{ Helper() }) bool { t.Helper(); return true })
	if works && !(v.Kind() == reflect.Pointer && v.IsNil()) {
		return ""
	}
	return fmt.Sprintf("the TB, a %T, is nil or embeds nil; pass the t of the running test", tb)
}

// Failed reports whether the test has failed. It is for a Cleanup of tb: if a test
// panics, the testing package runs the Cleanups first, and tb.Failed returns true
// only after that.
func Failed(tb any) bool {
	failed, _ := Optional(tb, func(t interface{ Failed() bool }) bool { return t.Failed() })
	return failed || stack.Panicking()
}
