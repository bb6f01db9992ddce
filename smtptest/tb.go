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

// reporter passes problems on to the test as long as it runs.
type reporter struct {
	over   atomic.Bool  // the test has ended, so no method of its TB may be called
	waits  atomic.Int32 // calls of Wait, WaitFor, WaitSession and WaitSessions that run
	mu     sync.Mutex   // held while over is set
	failed bool
	seen   map[int]int // of each session that the log has shown, how many exchanges
	files  []artifact  // to be kept if the test fails
}

// test returns the server's TB, or what replaces it. Each function between the test
// and a failure calls its Helper itself, so that the failure names the test's line:
// Helper marks its caller only.
func (s *Server) test() TB {
	switch {
	case s.tb == nil:
		return panicTB{}
	case s.report.over.Load():
		return endedTB{}
	}
	return s.tb
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
func (s *Server) fatalf(format string, args ...any) {
	s.test().Helper()
	s.tell(true, format, args...)
}

// errorf fails the test from any goroutine.
func (s *Server) errorf(format string, args ...any) {
	s.test().Helper()
	s.tell(false, format, args...)
}

func (s *Server) tell(fatal bool, format string, args ...any) {
	s.test().Helper()
	s.report.mu.Lock() // until the test is told, so that it does not end before
	defer s.report.mu.Unlock()
	s.report.failed = true
	if fatal {
		s.test().Fatalf(format, args...)
	} else {
		s.fail(format, args...)
	}
}

// fail calls Errorf. That of Ginkgo notes the failure and then panics to leave
// the spec; a session, and the end of a test, must go on.
func (s *Server) fail(format string, args ...any) {
	s.test().Helper()
	if s.tb != nil { // Not: a nil one, whose panic is all that it says
		defer func() { _ = recover() }()
	}
	s.test().Errorf(format, args...)
}

// logf writes to the test's log; a nil TB has none.
func (s *Server) logf(format string, args ...any) {
	s.test().Helper()
	s.report.mu.Lock()
	defer s.report.mu.Unlock()
	s.test().Logf(format, args...)
}

// print writes to the test's log too, without naming a line if the TB can do so.
func (s *Server) print(text string) {
	out, ok := harness.Optional(s.tb, func(t interface{ Output() io.Writer }) io.Writer { return t.Output() })
	if !ok {
		s.test().Helper()
		s.logf("%s", text)
		return
	}
	s.report.mu.Lock()
	defer s.report.mu.Unlock()
	if !s.report.over.Load() {
		fmt.Fprintln(out, text)
	}
}

// testContext is the test's own context, where it has one.
func (s *Server) testContext() context.Context {
	if ctx, ok := harness.Optional(s.tb, func(t interface{ Context() context.Context }) context.Context { return t.Context() }); ok {
		return ctx
	}
	return context.Background()
}

// failed says whether the test has failed, as far as can be known.
func (s *Server) failed() bool {
	if harness.Failed(s.tb) {
		return true
	}
	s.report.mu.Lock()
	defer s.report.mu.Unlock()
	return s.report.failed // which Ginkgo's Failed says later
}

// finish is the test's Cleanup.
func (s *Server) finish() {
	s.tb.Helper()
	defer s.endReports() // even if the TB leaves the goroutine
	if s.report.waits.Load() > 0 {
		s.errorf("smtptest: the test has ended, but another goroutine still calls Wait, WaitFor, WaitSession or WaitSessions: let the test wait for that goroutine, or call WaitContext there")
	}
	s.Close()
	if skipped, _ := harness.Optional(s.tb, func(t interface{ Skipped() bool }) bool { return t.Skipped() }); !skipped {
		s.reportChanges()
		s.reportUnused()
	}
	s.showFailure()
	s.keepFiles()
}

// endReports is called when the test ends. Nothing may reach its TB after that.
func (s *Server) endReports() {
	s.report.mu.Lock()
	defer s.report.mu.Unlock()
	s.report.over.Store(true)
}
