package smtptest_test

import (
	"context"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

// leavingTB leaves the code that fails by a panic, as Ginkgo does, and knows of
// the failure later.
type leavingTB struct{ *play.FakeTB }

func (l leavingTB) Errorf(format string, args ...any) {
	l.FakeTB.Errorf(format, args...)
	panic("leaves the spec")
}

func (l leavingTB) Failed() bool { return false }

// TestLeavingTB: a session answers and the end of the test says all, whatever
// Errorf does.
func TestLeavingTB(t *testing.T) {
	tb := leavingTB{&play.FakeTB{}}
	srv := smtptest.NewUnstartedServer(tb)
	srv.Handler = smtptest.HandlerFunc(func(context.Context, smtptest.Message) smtptest.Reply { panic("boom") })
	srv.Start()
	srv.Script(
		smtptest.Rule{On: "VRFY", Reply: "450 later"},
		smtptest.Rule{On: "EXPN", Reply: "450 later"},
	)
	if err := play.SendMail(srv, "ann@example.com", "bob@example.com", "Hi!\r\n"); err == nil || !strings.Contains(err.Error(), "451") {
		t.Errorf("send() = %v, want a 451", err)
	}
	tb.End()
	for _, want := range []string{"panicked: boom", "rule 1 never fired", "rule 2 never fired"} {
		if !strings.Contains(tb.Errors(), want) {
			t.Errorf("the failures do not say %q:\n%s", want, tb.Errors())
		}
	}
	if want := "C: MAIL FROM:<ann@example.com>"; !strings.Contains(tb.Logged(), want) {
		t.Errorf("the log does not show %q:\n%s", want, tb.Logged())
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
			tb := &play.FakeTB{}
			srv := start(fiveTB{own: tb})
			srv.Artifact(fiveTB{own: tb}, "note.txt", play.WriteText("failed"))
			srv.Script(smtptest.Rule{On: "VRFY", Reply: "450 later"})
			c := srv.Client()
			c.Noop()
			c.Close()
			tb.End()
			if want := "rule 1 never fired"; !strings.Contains(tb.Errors(), want) {
				t.Errorf("the failures do not say %q:\n%s", want, tb.Errors())
			}
			for _, want := range []string{"C: NOOP", "go test -artifacts keeps note.txt"} {
				if !strings.Contains(tb.Logged(), want) {
					t.Errorf("the log does not say %q:\n%s", want, tb.Logged())
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

// TestBrokenTB verifies that a TB without a working method is refused by its type.
func TestBrokenTB(t *testing.T) {
	for _, test := range []struct {
		tb   smtptest.TB
		want string
	}{
		{(*testing.T)(nil), "*testing.T"},
		{(*testing.B)(nil), "*testing.B"},
		{(*testing.F)(nil), "*testing.F"},
		{(*play.FakeTB)(nil), "*play.FakeTB"},
		{struct{ *testing.T }{}, "struct { *testing.T }"},
		{&struct{ testing.TB }{}, "*struct { testing.TB }"},
	} {
		for name, start := range constructors {
			want := "smtptest: the TB, a " + test.want + ", is nil or embeds nil; pass the t of the running test"
			if p := play.PanicOf(func() { start(test.tb) }); p != want {
				t.Errorf("%s: panic %v, want %s", name, p, want)
			}
		}
	}
}

// TestLateWait verifies that a wait on another goroutine fails the test that ends
// before it, whichever of the two is faster.
func TestLateWait(t *testing.T) {
	for name, wait := range map[string]func(*smtptest.Server){
		"Wait":         func(srv *smtptest.Server) { srv.Wait(1) },
		"WaitFor":      func(srv *smtptest.Server) { srv.WaitFor(nil) },
		"WaitSession":  func(srv *smtptest.Server) { srv.WaitSession(nil) },
		"WaitSessions": func(srv *smtptest.Server) { srv.WaitSessions(1) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tb := &play.FakeTB{}
				srv := smtptest.NewInMemoryServer(tb)
				go wait(srv)
				synctest.Wait()
				tb.End()
				if want := "the test has ended, but another goroutine still calls Wait"; !strings.Contains(tb.Errors(), want) {
					t.Errorf("the failures do not say %q:\n%s", want, tb.Errors())
				}
			})
		})
	}
}

// TestLateSession verifies that the code of a test may do anything in a session
// that outlives the test: nothing reaches the TB then.
func TestLateSession(t *testing.T) {
	for name, late := range map[string]func(*smtptest.Server) smtptest.Reply{
		"panics":                func(*smtptest.Server) smtptest.Reply { panic("boom") },
		"leaves its goroutine":  func(*smtptest.Server) smtptest.Reply { runtime.Goexit(); return "" },
		"returns no reply":      func(*smtptest.Server) smtptest.Reply { return "hello" },
		"calls Wait":            func(srv *smtptest.Server) smtptest.Reply { srv.Wait(1); return "" },
		"calls Stop":            func(srv *smtptest.Server) smtptest.Reply { srv.Stop(); return "" },
		"calls Script":          func(srv *smtptest.Server) smtptest.Reply { srv.Script(smtptest.Rule{}); return "" },
		"returns":               func(*smtptest.Server) smtptest.Reply { return "" },
		"asks for an Artifact":  func(srv *smtptest.Server) smtptest.Reply { srv.Artifact(nil, "", nil); return "" },
		"starts another server": func(*smtptest.Server) smtptest.Reply { smtptest.NewInMemoryServer(nil).Close(); return "" },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tb := &play.FakeTB{}
				ended := make(chan struct{})
				srv := smtptest.NewUnstartedServer(tb)
				srv.Handler = smtptest.HandlerFunc(func(context.Context, smtptest.Message) smtptest.Reply {
					<-ended
					return late(srv)
				})
				srv.StartInMemory()
				go play.Deliver(srv, "ann@example.com", "Hi")
				synctest.Wait()
				tb.End()
				close(ended)
				synctest.Wait()
				if want := "has not returned within"; !strings.Contains(tb.Errors(), want) || len(tb.Failures) != 1 {
					t.Errorf("the failures are not one with %q:\n%s", want, tb.Errors())
				}
			})
		})
	}
}

const nilTBEnv = "SMTPTEST_NIL_TB"

// nilTBs are servers without a TB whose own code makes a mistake. Each ends the
// process, so it runs in one of its own.
var nilTBs = []struct {
	name, says string
	setup      func(*smtptest.Server)
}{
	{"an invalid reply", `smtptest: session 1: Handler returned the reply "hello"`,
		play.WithHandler(func(context.Context, smtptest.Message) smtptest.Reply { return "hello" })},
	{"an invalid reply of a command", `smtptest: session 1: Commands["MAIL"] returned the reply "hello"`,
		play.WithCommand("MAIL", func(*smtptest.Channel, string) smtptest.Reply { return "hello" })},
	{"an invalid reply to a recipient", `smtptest: session 1: Handler returned the reply "hello"`,
		func(srv *smtptest.Server) { srv.Handler = &play.PerRecipient{Replies: []smtptest.Reply{"hello"}} }},
	{"a reply too many", "smtptest: session 1: ProcessRecipients returned 2 replies for 1 recipients",
		func(srv *smtptest.Server) { srv.Handler = &play.PerRecipient{Replies: []smtptest.Reply{"", ""}} }},
	{"a field that cannot be", `smtptest: session 1: Commands["MAIL"] has set Channel.Server`,
		play.WithCommand("MAIL", func(ch *smtptest.Channel, _ string) smtptest.Reply { ch.Server = nil; return "" })},
	{"a method that waits for itself", "smtptest: Close: the test's own code has not returned within 1ms: Handler in session 1",
		func(srv *smtptest.Server) {
			srv.WaitTimeout = time.Millisecond
			play.WithHandler(func(context.Context, smtptest.Message) smtptest.Reply { srv.Close(); return "" })(srv)
		}},
	{"an If that replaces its own rule", "smtptest: session 1: the rules were replaced 100 times",
		func(srv *smtptest.Server) {
			var rule smtptest.Rule
			rule = smtptest.Rule{On: "MAIL", Reply: "450 no", If: func(smtptest.Event) bool { srv.Script(rule); return true }}
			srv.Script(rule)
		}},
	{"a panic", "smtptest: session 1: Handler panicked: boom, at tb_test.go:",
		play.WithHandler(func(context.Context, smtptest.Message) smtptest.Reply { panic("boom") })},
}

// TestNilTBProcess is the process of its own.
func TestNilTBProcess(t *testing.T) {
	if os.Getenv(nilTBEnv) == "" {
		return
	}
	for _, test := range nilTBs {
		t.Run(test.name, func(*testing.T) {
			srv := smtptest.NewUnstartedServer(nil)
			test.setup(srv)
			srv.StartInMemory()
			play.Deliver(srv, "ann@example.com", "Hi")
			select {} // the connection may end before the process does
		})
	}
}

// TestNilTBOnce verifies that a server without a TB reports a mistake of the test's
// own code by a panic, once.
func TestNilTBOnce(t *testing.T) {
	for _, test := range nilTBs {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			out, err := play.RunElsewhere(nilTBEnv, subtest("TestNilTBProcess", test.name))
			if n := strings.Count(out, test.says); n != 1 || err == nil || !strings.Contains(out, "panic: ") {
				t.Errorf("%v; it says %q %d times:\n%s", err, test.says, n, out)
			}
		})
	}
}
