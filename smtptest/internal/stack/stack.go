// Package stack looks at the calls that the present goroutine is in.
package stack

import "runtime"

// Callers yields the functions that this goroutine is in, the innermost first.
func Callers(yield func(string) bool) {
	pcs := make([]uintptr, 256)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		f, more := frames.Next()
		if !yield(f.Function) || !more {
			return
		}
	}
}

// Failed is for a Cleanup of tb: testing runs those first when a test panics, and
// only then is its Failed true.
func Failed(tb any) bool {
	t, ok := tb.(interface{ Failed() bool })
	return ok && t.Failed() || panicking()
}

// panicking says whether a panic runs this Cleanup. Not: whether there is one on
// the stack: a deferred function may have recovered it and skip the test.
func panicking() bool {
	for name := range Callers {
		switch name {
		case "runtime.gopanic":
			return true
		case "runtime.Goexit":
			return false
		}
	}
	return false
}
