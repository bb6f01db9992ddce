package smtptest_test

import (
	"context"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
)

// leavingTB leaves the code that fails by a panic, as Ginkgo does, and knows of
// the failure later.
type leavingTB struct{ *fakeTB }

func (l leavingTB) Errorf(format string, args ...any) {
	l.fakeTB.Errorf(format, args...)
	panic("leaves the spec")
}

func (l leavingTB) Failed() bool { return false }

// TestLeavingTB: a session answers and the end of the test says all, whatever
// Errorf does.
func TestLeavingTB(t *testing.T) {
	tb := leavingTB{&fakeTB{}}
	srv := smtptest.NewUnstartedServer(tb)
	srv.Handler = smtptest.HandlerFunc(func(context.Context, smtptest.Message) smtptest.Reply { panic("boom") })
	srv.Start()
	srv.Script(
		smtptest.Rule{On: "VRFY", Reply: "450 later"},
		smtptest.Rule{On: "EXPN", Reply: "450 later"},
	)
	if err := send(srv, "ann@example.com", "bob@example.com", "Hi!\r\n"); err == nil || !strings.Contains(err.Error(), "451") {
		t.Errorf("send() = %v, want a 451", err)
	}
	tb.end()
	for _, want := range []string{"panicked: boom", "row 1 never fired", "row 2 never fired"} {
		if !strings.Contains(tb.errors(), want) {
			t.Errorf("the failures do not say %q:\n%s", want, tb.errors())
		}
	}
	if want := "C: MAIL FROM:<ann@example.com>"; !strings.Contains(tb.log(), want) {
		t.Errorf("the log does not show %q:\n%s", want, tb.log())
	}
}

// fiveTB has the five methods of a TB. All others come from a nil testing.TB, so
// they panic.
type fiveTB struct {
	testing.TB
	own smtptest.TB
}

func (f fiveTB) Helper()                           { f.own.Helper() }
func (f fiveTB) Cleanup(c func())                  { f.own.Cleanup(c) }
func (f fiveTB) Logf(format string, args ...any)   { f.own.Logf(format, args...) }
func (f fiveTB) Errorf(format string, args ...any) { f.own.Errorf(format, args...) }
func (f fiveTB) Fatalf(format string, args ...any) { f.own.Fatalf(format, args...) }

// TestEmbeddedTB verifies that a server works with a TB of which only the five
// methods can be called.
func TestEmbeddedTB(t *testing.T) {
	for name, start := range constructors {
		t.Run(name, func(t *testing.T) {
			tb := &fakeTB{}
			srv := start(fiveTB{own: tb})
			srv.Artifact(fiveTB{own: tb}, "note.txt", note("failed"))
			srv.Script(smtptest.Rule{On: "VRFY", Reply: "450 later"})
			c := srv.Client()
			c.Noop()
			c.Close()
			tb.end()
			if want := "row 1 never fired"; !strings.Contains(tb.errors(), want) {
				t.Errorf("the failures do not say %q:\n%s", want, tb.errors())
			}
			for _, want := range []string{"C: NOOP", "go test -artifacts keeps note.txt"} {
				if !strings.Contains(tb.log(), want) {
					t.Errorf("the log does not say %q:\n%s", want, tb.log())
				}
			}
		})
	}
}

// constructors start a server in each way there is.
var constructors = map[string]func(smtptest.TB) *smtptest.Server{
	"NewServer":         smtptest.NewServer,
	"NewTLSServer":      smtptest.NewTLSServer,
	"NewInMemoryServer": smtptest.NewInMemoryServer,
	"NewUnstartedServer": func(tb smtptest.TB) *smtptest.Server {
		srv := smtptest.NewUnstartedServer(tb)
		srv.StartTLSInMemory()
		return srv
	},
}
