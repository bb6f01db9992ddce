// Package stack looks at the calls that the present goroutine is in.
package stack

import (
	"fmt"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
)

// frames yields the calls that this goroutine is in, the innermost first.
func frames(yield func(runtime.Frame) bool) {
	pcs := make([]uintptr, 256)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		f, more := frames.Next()
		if !yield(f) || !more {
			return
		}
	}
}

// core and internal begin the names of the functions that call the test's code.
const (
	core     = "github.com/go-smtptest/smtp/smtptest."
	internal = "github.com/go-smtptest/smtp/smtptest/internal/"
)

// Panic is the line of the test's code from which the panic has come that runs
// this deferred function, "a_test.go:12": the innermost that is neither the
// standard library's nor the core's. "" if there is none.
func Panic() string {
	panics := false
	for f := range frames {
		switch {
		case f.Function == "runtime.gopanic":
			panics = true
		case panics && !IsStandard(f.File) && !isServer(f):
			return fmt.Sprintf("%s:%d", filepath.Base(f.File), f.Line)
		}
	}
	return ""
}

// isServer reports whether the function is the server's. The functions of its own
// tests are the test's code.
func isServer(f runtime.Frame) bool {
	own := strings.HasPrefix(f.Function, core) || strings.HasPrefix(f.Function, internal)
	return own && !strings.HasSuffix(f.File, "_test.go")
}

// root is the directory of the standard library in the names of files; "" if the binary
// was built with -trimpath.
var root = func() string {
	gc := reflect.ValueOf(runtime.GC).Pointer()
	file, _ := runtime.FuncForPC(gc).FileLine(gc)
	return strings.TrimSuffix(file, "runtime/mgc.go")
}()

// IsStandard reports whether a file that a stack names is one of the standard library.
// With -trimpath only the first part of its name tells.
func IsStandard(file string) bool {
	if root != "" {
		return strings.HasPrefix(file, root)
	}
	first, _, within := strings.Cut(file, "/")
	return within && !strings.Contains(first, ".")
}

// Panicking reports whether a panic runs this Cleanup. A panic that is still on the
// stack does not count if a deferred function has recovered it and skips the test.
func Panicking() bool {
	for f := range frames {
		switch f.Function {
		case "runtime.gopanic":
			return true
		case "runtime.Goexit":
			return false
		}
	}
	return false
}
