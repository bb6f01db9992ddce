package rules_test

import (
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

// TestObserve verifies that Observe gets each event once, in order, before the rules
// are tried, and that it does not change the replies.
func TestObserve(t *testing.T) {
	play.Networks(t, func(t *testing.T, start func(*smtptest.Server)) {
		srv := smtptest.NewUnstartedServer(t)
		var events []string
		srv.Observe = func(e smtptest.Event) {
			if n := len(srv.Fired()); n != 2 {
				t.Errorf("Fired has %d rules", n)
			}
			events = append(events, strings.TrimSpace(e.Verb+" "+e.Arg))
			e.To = append(e.To, "added@server.test")
		}
		srv.Script(
			smtptest.Rule{On: "MAIL", Times: 1, If: func(smtptest.Event) bool { events = append(events, "If"); return true }, Reply: "451 4.3.0 later"},
			smtptest.Rule{On: "BODY 2", Pause: 1, Times: 1},
		)
		start(srv)
		if err := play.Deliver(srv, "ann@client.test", "Hi!"); err == nil {
			t.Error("the rule did not reply to MAIL")
		}
		if err := play.Deliver(srv, "ann@client.test", "Hi!"); err != nil {
			t.Error(err)
		}
		srv.WaitSessions(2)
		want := []string{
			"CONNECT", "EHLO client.test", "MAIL FROM:<ann@client.test>", "If",
			"CONNECT", "EHLO client.test", "MAIL FROM:<ann@client.test>", "If", "RCPT TO:<b@server.test>", "DATA", ".", "QUIT",
		}
		if diff := cmp.Diff(want, events); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"b@server.test"}, srv.Messages()[0].To); diff != "" {
			t.Errorf("recipients (-want +got):\n%s", diff)
		}
	})
}

// TestObserveFails verifies that a panic of Observe, and an Observe that leaves its
// goroutine, are reported like those of an If.
func TestObserveFails(t *testing.T) {
	for _, test := range []struct {
		name        string
		fail        func()
		reply, want string
	}{
		{"panic", func() { panic("boom") }, "451 4.3.0 Error: the test's own code failed\r\n", "smtptest: session 1: Observe panicked: boom, at "},
		{"no goroutine", runtime.Goexit, "", "smtptest: session 1: Observe left its goroutine: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tb := &play.FakeTB{}
				srv := smtptest.NewUnstartedServer(tb)
				srv.Observe = func(e smtptest.Event) {
					if e.Verb == "NOOP" {
						test.fail()
					}
				}
				srv.StartInMemory()
				srv.Script(smtptest.Rule{On: "NOOP", Reply: "250 not for this event", Optional: true})
				c := play.Listen(play.Arrive(t, srv, play.EHLO))
				c.Say(play.Step{Send: "NOOP\r\n"})
				play.CheckFailed(t, tb, srv, c, test.reply, test.want)
			})
		})
	}
}
