package play

import (
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// RecordingTB is a FakeTB that sends each failure to a channel.
type RecordingTB struct {
	*FakeTB
	Reported chan string
}

// Errorf sends the failure to Reported.
func (t RecordingTB) Errorf(format string, args ...any) { t.Reported <- fmt.Sprintf(format, args...) }

// A FakeTB is a TB that may fail, and records what it is told.
type FakeTB struct {
	mu       sync.Mutex
	cleanups []func()
	Failures []string
	logs     []string
	over     bool
}

// Helper does nothing.
func (f *FakeTB) Helper() {}

// Cleanup records the function for End.
func (f *FakeTB) Cleanup(c func()) { f.cleanups = append(f.cleanups, c) }

// Logf records a line of the log.
func (f *FakeTB) Logf(format string, args ...any) { f.note(&f.logs, format, args) }

// Errorf records a failure.
func (f *FakeTB) Errorf(format string, args ...any) { f.note(&f.Failures, format, args) }

// Fatalf ends the goroutine, as that of testing.T does.
func (f *FakeTB) Fatalf(format string, args ...any) {
	f.note(&f.Failures, format, args)
	runtime.Goexit()
}

func (f *FakeTB) note(to *[]string, format string, args []any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over {
		panic("log after the end of the test: " + fmt.Sprintf(format, args...))
	}
	*to = append(*to, fmt.Sprintf(format, args...))
}

// Failed reports whether there is a failure. The server calls it before it logs the
// dialogues.
func (f *FakeTB) Failed() bool { return f.Errors() != "" }

// Errors returns all failures, one a line.
func (f *FakeTB) Errors() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.Failures, "\n")
}

// Logged returns the log.
func (f *FakeTB) Logged() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.logs, "\n")
}

// End runs the cleanups; from then on nothing may be logged.
func (f *FakeTB) End() {
	for _, c := range slices.Backward(f.cleanups) {
		c()
	}
	f.mu.Lock()
	f.over = true
	f.mu.Unlock()
}

// Try runs f on a goroutine of its own, which a Fatalf may end.
func Try(f func()) {
	var done sync.WaitGroup
	done.Go(f)
	done.Wait()
}

// PanicOf returns the value with which f panics; nil if it does not.
func PanicOf(f func()) (p any) {
	defer func() { p = recover() }()
	f()
	return nil
}

// BrokenListener is never served.
type BrokenListener struct{ net.Listener }

// Close does nothing.
func (BrokenListener) Close() error { return nil }

// Stutter is a listener whose first Accept fails for a passing reason.
type Stutter struct {
	net.Listener
	once sync.Once
}

// Accept fails once.
func (s *Stutter) Accept() (c net.Conn, err error) {
	s.once.Do(func() { err = passing{} })
	if err != nil {
		return nil, err
	}
	return s.Listener.Accept()
}

type passing struct{}

func (passing) Error() string { return "connection aborted" }

func (passing) Temporary() bool { return true }

func (passing) Timeout() bool { return false }

// Repeat calls f until the channel is closed.
func Repeat(over <-chan struct{}, f func()) {
	for {
		select {
		case <-over:
			return
		default:
			f()
		}
	}
}
