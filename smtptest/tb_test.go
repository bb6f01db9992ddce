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
