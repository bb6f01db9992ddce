package auth_test

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

// guess asks until the client knows the word.
func guess(ch *smtptest.Channel, arg string) smtptest.Reply {
	for prompt := smtptest.Reply("350 the word?"); ; prompt = "350-no\n350 again:" {
		answer, err := ch.Ask(prompt)
		switch {
		case err != nil:
			return smtptest.NoReply
		case answer == arg:
			return "250 2.0.0 right"
		case answer == "*":
			return "501 5.7.0 cancelled"
		}
	}
}

// TestChannelAsk is a challenge and an answer.
func TestChannelAsk(t *testing.T) {
	long := play.Fill(513, "", "")
	play.Run(t, []play.Case{
		{Name: "right", Why: "Ask", In: play.EHLO, Setup: play.WithCommand("XGUESS", guess), Split: true, Talk: play.Talk("C: XGUESS xyzzy", "S: 350 the word?", "C: xyzzy", "S: 250 2.0.0 right", play.SayQuit)},
		{Name: "again", Why: "several rounds, and prompts of several lines", In: play.EHLO, Setup: play.WithCommand("XGUESS", guess), Talk: play.Talk("C: XGUESS xyzzy", "S: 350 the word?",
			"C: plugh", "S: 350-no", "S: 350 again:", "C: ", "S: 350-no", "S: 350 again:", "C: xyzzy", "S: 250 2.0.0 right", play.SayQuit)},
		{Name: "cancelled", Why: "the function decides what ends it", In: play.EHLO, Setup: play.WithCommand("XGUESS", guess), Talk: play.Talk("C: XGUESS xyzzy", "S: 350 the word?", "C: *", "S: 501 5.7.0 cancelled", play.SayQuit)},
		{Name: "an answer is no command", Why: "it goes to the function", In: play.EHLO, Setup: play.WithCommand("XGUESS", guess), Talk: play.Talk("C: XGUESS xyzzy", "S: 350 the word?", "C: QUIT", "S: 350-no", "S: 350 again:", "C: xyzzy", "S: 250 2.0.0 right", play.SayQuit)},
		{Name: "a long answer", Why: "it is the function's to judge", In: play.EHLO, Setup: play.WithCommand("XGUESS", guess), Talk: play.Talk("C: XGUESS xyzzy", "S: 350 the word?", "C: "+long, "S: 350-no", "S: 350 again:", "C: xyzzy", "S: 250 2.0.0 right", play.SayQuit)},
		{Name: "client leaves", Why: "4.1.1.10", In: play.EHLO, Setup: play.WithCommand("XGUESS", guess), Talk: play.Talk("C: XGUESS xyzzy", "S: 350 the word?"), End: smtptest.EndClosed},
	})
}

// TestChannelAskRecords: each answer is an exchange of its own, and a line that
// was received; that to a 334 is a secret.
func TestChannelAskRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewUnstartedServer(t)
		var lines []string
		play.WithCommand("XGUESS", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			ch.Ask("350 the word?")
			secret, _ := ch.Ask("334 and the password?")
			lines = ch.ReceivedLines
			return smtptest.Reply("250 2.0.0 " + fmt.Sprint(len(secret)))
		})(srv)
		srv.StartInMemory()
		c := play.Arrive(t, srv, play.EHLO)
		if err := play.Converse(c, play.StepsOf(play.Talk("C: XGUESS", "S: 350 the word?", "C: xyzzy", "S: 334 and the password?", "C: s3cret", "S: 250 2.0.0 6", play.SayQuit))); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"EHLO client.test", "XGUESS", "xyzzy", "s3cret"}, lines); diff != "" {
			t.Errorf("ReceivedLines mismatch (-want +got):\n%s", diff)
		}
		want := "C: XGUESS\nS: 350 the word?\nC: xyzzy\nS: 334 and the password?\nC: ****\nS: 250 2.0.0 6\nC: QUIT\n"
		if got := srv.Transcript(); !strings.Contains(got, want) {
			t.Errorf("Transcript() mismatch (-want +got):\n%s", cmp.Diff(want, got))
		}
	})
}

// TestChannelAskCut ends the connection while a function waits for an answer.
func TestChannelAskCut(t *testing.T) {
	for name, end := range map[string]func(*smtptest.Server){"close": (*smtptest.Server).Close, "stop": (*smtptest.Server).Stop, "hang up": (*smtptest.Server).CloseClientConnections} {
		t.Run(name, func(t *testing.T) {
			play.Networks(t, func(t *testing.T, start func(*smtptest.Server)) {
				srv := smtptest.NewUnstartedServer(t)
				failed := make(chan error, 1)
				play.WithCommand("XGUESS", func(ch *smtptest.Channel, arg string) smtptest.Reply {
					_, err := ch.Ask("350 the word?")
					failed <- err
					return "250 2.0.0 too late"
				})(srv)
				start(srv)
				c := play.Arrive(t, srv, play.EHLO)
				if err := play.Converse(c, play.StepsOf(play.Talk("C: XGUESS", "S: 350 the word?"))); err != nil {
					t.Fatal(err)
				}
				end(srv)
				if err := <-failed; err == nil {
					t.Error("Ask() = nil error")
				}
				if s := srv.WaitSession(func(smtptest.Session) bool { return true }); s.End != smtptest.EndServer {
					t.Errorf("End = %q", s.End)
				}
			})
		})
	}
}

// TestChannelAskSecrets: what is meant as the answer to a 334 shows nowhere, also
// if it is cut short, or comes when nobody asks any more.
func TestChannelAskSecrets(t *testing.T) {
	for name, answers := range map[string]string{"cut": "hunter2", "one too many": "YW5u\r\nhunter2\r\n", "left": "YW5u\r\nhunter2"} {
		t.Run(name, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			play.WithCommand("XLOGIN", func(ch *smtptest.Channel, _ string) smtptest.Reply {
				if _, err := ch.Ask("334 Username:"); err != nil {
					return smtptest.NoReply
				}
				return "535 5.7.8 no"
			})(srv)
			srv.StartInMemory()
			c := play.Arrive(t, srv, play.EHLO)
			io.WriteString(c, "XLOGIN\r\n"+answers)
			c.Close()
			s := srv.WaitSession(nil)
			checkHidden(t, fieldTexts(s)+s.Transcript(), []string{"hunter2"})
		})
	}
}

// TestChannelAskIdle has a client whose every silence is shorter than
// IdleTimeout, and then one that is not.
func TestChannelAskIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewUnstartedServer(t)
		srv.IdleTimeout = time.Minute
		play.WithCommand("XGUESS", guess)(srv)
		srv.StartInMemory()
		c := play.Arrive(t, srv, play.EHLO)
		again := play.Talk("C: wrong", "S: 350-no", "S: 350 again:")
		for _, turn := range [][]string{play.Talk("C: XGUESS xyzzy", "S: 350 the word?"), again, again} {
			time.Sleep(59 * time.Second)
			if err := play.Converse(c, play.StepsOf(turn)); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		got, err := io.ReadAll(c)
		if want := "421 4.4.2 Error: idle too long\r\n"; string(got) != want || err != nil || time.Since(began) != time.Minute {
			t.Errorf("after %v: %q, %v", time.Since(began), got, err)
		}
	})
}

// TestCommandFailures is about functions that fail on the server's goroutine.
func TestCommandFailures(t *testing.T) {
	const confused = "451 4.3.0 Error: the test's own code failed\r\n"
	for _, f := range []struct {
		name, want string
		do         smtptest.CommandFunc
		reply      string
	}{
		{"panic", `session 1: Commands["XFOO"] panicked: boom`, func(*smtptest.Channel, string) smtptest.Reply { panic("boom") }, confused},
		{"bad reply", `session 1: Commands["XFOO"] returned the reply "hello"`, func(*smtptest.Channel, string) smtptest.Reply { return "hello" }, confused},
		{"line break", `session 1: Commands["XFOO"] returned the reply "250 a\r\nb"`, func(*smtptest.Channel, string) smtptest.Reply { return "250 a\r\nb" }, confused},
		{"bad prompt", `session 1: Commands["XFOO"] panicked: Ask("hello")`, func(ch *smtptest.Channel, _ string) smtptest.Reply { ch.Ask("hello"); return "" }, confused},
		{"goexit", `session 1: Commands["XFOO"] left its goroutine`, func(*smtptest.Channel, string) smtptest.Reply { runtime.Goexit(); return "" }, ""},
	} {
		t.Run(f.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tb := &play.FakeTB{}
				srv := smtptest.NewUnstartedServer(tb)
				play.WithCommand("XFOO", f.do)(srv)
				srv.StartInMemory()
				c := play.Listen(play.Arrive(t, srv, play.EHLO))
				c.Say(play.Step{Send: "XFOO\r\n"})
				play.CheckFailed(t, tb, srv, c, f.reply, f.want)
			})
		})
	}
}

// TestAskOutside calls Ask where no function is running.
func TestAskOutside(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	var kept *smtptest.Channel
	play.WithCommand("XFOO", func(ch *smtptest.Channel, _ string) smtptest.Reply { kept = ch; return "250 2.0.0 OK" })(srv)
	srv.Start()
	c := play.Arrive(t, srv, play.EHLO)
	if err := play.Converse(c, play.StepsOf(play.Talk("C: XFOO", "S: 250 2.0.0 OK", play.SayQuit))); err != nil {
		t.Fatal(err)
	}
	srv.WaitSession(func(smtptest.Session) bool { return true })
	if p := fmt.Sprint(play.PanicOf(func() { kept.Ask("350 hello?") })); !strings.HasPrefix(p, "smtptest: Channel.Ask called outside") {
		t.Errorf("panic %s", p)
	}
}

// TestCommandKeys refuses keys that no client could name.
func TestCommandKeys(t *testing.T) {
	nothing := func(*smtptest.Channel, string) smtptest.Reply { return "" }
	for name, f := range map[string]smtptest.CommandFunc{"": nothing, "xfoo": nothing, "X FOO": nothing, "XFOO\r\n": nothing, "CONNECT": nothing, ".": nothing, "XNIL": nil} {
		tb := &play.FakeTB{}
		srv := smtptest.NewUnstartedServer(tb)
		play.WithCommand(name, f)(srv)
		play.Try(srv.StartInMemory)
		tb.End()
		if got := tb.Errors(); !strings.Contains(got, fmt.Sprintf("%q", name)) || !strings.Contains(got, "Commands") {
			t.Errorf("key %q: failure %q", name, got)
		}
	}
}
