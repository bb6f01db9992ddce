package smtptest

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/go-smtptest/smtp/smtptest/internal/harness"
)

// TB is the part of [testing.TB] that the server needs, small enough for other
// frameworks: *testing.T, *testing.B and *testing.F implement it, and so does
// GinkgoT(). The server also calls Deadline, Failed, Skipped, Context, Output, Attr
// and ArtifactDir when it needs them. If a TB lacks one of them, or if it panics, as in
// a struct that embeds a nil testing.TB, the server works without it. The server's
// own goroutines call Errorf only, never Fatalf. A TB must run the functions that
// Cleanup was given when the test ends, the last one first: they close the server
// and report the rules that never fired.
type TB interface {
	Helper()
	Cleanup(func())
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// reporter passes problems on to the test as long as it runs. The Server embeds it.
type reporter struct {
	tb     TB
	over   atomic.Bool  // the test has ended, so no method of its TB may be called
	waits  atomic.Int32 // calls of Wait, WaitFor, WaitSession and WaitSessions that run
	told   sync.Mutex   // held while over is set; guards what follows
	failed bool
	seen   map[int]int // of each session that the log has shown, how many exchanges
	files  []artifact  // to be kept if the test fails
}

// test returns the server's TB, or what replaces it. Each function between the test
// and a failure calls its Helper itself, so that the failure names the test's line:
// Helper marks its caller only.
func (r *reporter) test() TB {
	switch {
	case r.tb == nil:
		return panicTB{}
	case r.over.Load():
		return endedTB{}
	}
	return r.tb
}

// countWait counts a wait that may fail the test, until the returned function is
// called.
func (r *reporter) countWait() func() {
	r.waits.Add(1)
	return func() { r.waits.Add(-1) }
}

// panicTB replaces a nil TB: problems panic.
type panicTB struct{}

func (panicTB) Helper()                           {}
func (panicTB) Cleanup(func())                    {}
func (panicTB) Logf(string, ...any)               {}
func (panicTB) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (panicTB) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// endedTB replaces the TB of a test that has ended: the testing package ends the
// process if such a TB logs or fails.
type endedTB struct{}

func (endedTB) Helper()               {}
func (endedTB) Cleanup(func())        {}
func (endedTB) Logf(string, ...any)   {}
func (endedTB) Errorf(string, ...any) {}

// Fatalf ends the goroutine, and writes the text to standard error.
func (endedTB) Fatalf(format string, args ...any) {
	fmt.Fprintln(os.Stderr, fmt.Sprintf(format, args...)+" (the test of this server has ended)")
	runtime.Goexit()
}

// fatalf ends the test. It is for the public methods, on the test's goroutine;
// a TB whose Fatalf returns is no reason to go on.
func (r *reporter) fatalf(format string, args ...any) {
	r.test().Helper()
	r.report(true, format, args...)
}

// errorf fails the test from any goroutine.
func (r *reporter) errorf(format string, args ...any) {
	r.test().Helper()
	r.report(false, format, args...)
}

func (r *reporter) report(fatal bool, format string, args ...any) {
	r.test().Helper()
	r.told.Lock() // until the test is told, so that it does not end before
	defer r.told.Unlock()
	r.failed = true
	if fatal {
		r.test().Fatalf(format, args...)
	} else {
		r.fail(format, args...)
	}
}

// fail calls Errorf. That of Ginkgo notes the failure and then panics to leave
// the spec; a session, and the end of a test, must go on.
func (r *reporter) fail(format string, args ...any) {
	r.test().Helper()
	if r.tb != nil { // Not: a nil one, whose panic is all that it says
		defer func() { _ = recover() }()
	}
	r.test().Errorf(format, args...)
}

// logf writes to the test's log; a nil TB has none.
func (r *reporter) logf(format string, args ...any) {
	r.test().Helper()
	r.told.Lock()
	defer r.told.Unlock()
	r.test().Logf(format, args...)
}

// print writes to the test's log too, without naming a line if the TB can do so.
func (r *reporter) print(text string) {
	out, ok := harness.Optional(r.tb, func(t interface{ Output() io.Writer }) io.Writer { return t.Output() })
	if !ok {
		r.test().Helper()
		r.logf("%s", text)
		return
	}
	r.told.Lock()
	defer r.told.Unlock()
	if !r.over.Load() {
		fmt.Fprintln(out, text)
	}
}

// testContext is the test's own context, where it has one.
func (r *reporter) testContext() context.Context {
	if ctx, ok := harness.Optional(r.tb, func(t interface{ Context() context.Context }) context.Context { return t.Context() }); ok {
		return ctx
	}
	return context.Background()
}

// hasFailed reports whether the test has failed, as far as can be known.
func (r *reporter) hasFailed() bool {
	if harness.Failed(r.tb) {
		return true
	}
	r.told.Lock()
	defer r.told.Unlock()
	return r.failed // which Ginkgo's Failed says later
}

// endReports is called when the test ends. Nothing may reach its TB after that.
func (r *reporter) endReports() {
	r.told.Lock()
	defer r.told.Unlock()
	r.over.Store(true)
}
