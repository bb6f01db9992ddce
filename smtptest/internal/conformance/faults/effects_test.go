package faults_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

// effects are about what is so after a rule has answered: a scripted success
// overrules the server's judgement, never grammar or the order of commands.
var effects = []fault{{
	name:  "announced size",
	setup: sizes,
	rules: []smtptest.Rule{{On: "MAIL", Reply: "250 2.1.0 OK"}},
	talk:  play.Talk("S: "+play.Greeting, sayEhloSize, play.Said("MAIL FROM:<a@client.test> SIZE=2000", play.MailOK), play.SayRcpt, play.SayData, play.SayText, play.SayQuit),
	ends:  "quit: accepted",
	told:  []smtptest.Reply{play.OK},
}, {
	name:  "size",
	setup: sizes,
	rules: []smtptest.Rule{{On: ".", Reply: "250 2.6.0 all of it"}},
	talk:  play.Talk("S: "+play.Greeting, sayEhloSize, play.SayMail, play.SayRcpt, play.SayData, "C: "+long2000, "C: .", "S: 250 2.6.0 all of it", play.SayQuit),
	ends:  "quit: accepted",
	told:  []smtptest.Reply{"250 2.6.0 all of it"},
}, {
	name:  "grammar",
	rules: []smtptest.Rule{{On: "MAIL", Reply: "250 2.1.0 OK"}},
	talk:  play.Talk(play.PathTo[play.EHLO], play.Said("MAIL FROM:<a@client..test>", play.MailOK), play.SayTo("b@server.test", play.NeedMail), play.SayQuit),
	ends:  "quit",
}, {
	name:  "order",
	rules: []smtptest.Rule{{On: "RCPT", Times: 1, Reply: "250 2.1.5 OK"}, {On: "MAIL", Skip: 1, Reply: "250 2.1.0 OK"}},
	talk: play.Talk(play.PathTo[play.EHLO], play.SayTo("b@server.test", play.RcptOK), play.Said("DATA", play.NeedRcpt), play.SayMail, sayFrom("other@client.test", play.MailOK),
		play.SayRcpt, play.SayData, play.SayText, play.SayQuit),
	ends: "quit: accepted",
	told: []smtptest.Reply{play.OK},
}, {
	name:  "recipient kept",
	rules: []smtptest.Rule{{On: "RCPT", Keep: true, Reply: "450 4.2.1 later"}},
	talk:  play.Talk(play.PathTo[play.MailGiven], play.SayTo("b@server.test", "450 4.2.1 later"), play.SayData, play.SayText, play.SayQuit),
	ends:  "quit: accepted",
	told:  []smtptest.Reply{play.OK},
}, {
	name:  "recipient lost",
	rules: []smtptest.Rule{{On: "RCPT", Discard: true}},
	talk:  play.Talk(play.PathTo[play.MailGiven], play.SayRcpt, play.Said("DATA", play.NoRcpt), play.SayQuit),
	ends:  "quit: aborted",
}, {
	name:  "login kept",
	setup: mustLogIn,
	rules: []smtptest.Rule{{On: "AUTH", Keep: true, Reply: "454 4.7.0 later"}},
	talk:  play.Talk(begunAuth, play.Said(plainAnn, "454 4.7.0 later"), play.SayMail, play.SayQuit),
	ends:  "quit: aborted",
}, {
	name:  "login lost",
	setup: mustLogIn,
	rules: []smtptest.Rule{{On: "AUTH", Discard: true}},
	talk:  play.Talk(begunAuth, sayAuth, sayFrom("a@client.test", "530 5.7.0 Authentication required"), play.SayQuit),
	ends:  "quit",
}, {
	name:  "reset kept",
	rules: []smtptest.Rule{{On: "RSET", Keep: true, Reply: "451 4.3.0 no"}},
	talk:  play.Talk(play.PathTo[play.MailGiven], play.Said("RSET", "451 4.3.0 no"), play.SayTo("b@server.test", play.NeedMail), play.SayQuit),
	ends:  "quit: reset",
}, {
	name:  "reset lost",
	rules: []smtptest.Rule{{On: "RSET", Discard: true}},
	talk:  play.Talk(play.PathTo[play.MailGiven], play.Said("RSET", play.OK), play.SayRcpt, play.SayQuit),
	ends:  "quit: aborted",
}, {
	name:  "hello lost",
	rules: []smtptest.Rule{{On: "EHLO", Discard: true}},
	talk:  play.Talk(play.PathTo[play.Greeted], play.SayEHLO, sayFrom("a@client.test", play.NeedHelo), play.SayQuit),
	ends:  "quit",
}, {
	name:  "farewell lost",
	rules: []smtptest.Rule{{On: "QUIT", Times: 1, Discard: true}},
	talk:  play.Talk(play.PathTo[play.EHLO], play.Said("QUIT", play.Bye), play.Said("NOOP", play.OK), play.SayQuit),
	ends:  "quit",
}, {
	name:  "raw 421",
	rules: []smtptest.Rule{{On: "NOOP", Times: 1, Raw: "421 4.3.2 and go on\r\n"}},
	talk:  play.Talk(play.PathTo[play.EHLO], play.Said("NOOP", "421 4.3.2 and go on"), play.Said("NOOP", play.OK), play.SayQuit),
	ends:  "quit",
}, {
	name:  "354 out of order",
	rules: []smtptest.Rule{{On: "DATA", Times: 1, Reply: "354 go on"}},
	talk:  play.Talk(play.PathTo[play.EHLO], play.Said("DATA", "354 go on"), "C: QUIT", "C: .", "S: "+play.NeedRcpt, play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayQuit),
	ends:  "quit: accepted",
	told:  []smtptest.Reply{play.OK},
}, {
	name:  "334 out of order",
	rules: []smtptest.Rule{{On: "AUTH", Reply: "334 "}},
	talk:  play.Talk(play.PathTo[play.EHLO], play.Said(plainAnn, "334 "), play.Said("QUIT", "504 5.5.4 Unrecognized authentication type"), play.SayQuit),
	ends:  "quit",
}, {
	name:  "error replies counted",
	rules: []smtptest.Rule{{On: "NOOP", Times: 2, Raw: "550 no\r\n"}, {On: "NOOP", If: func(e smtptest.Event) bool { return e.Errors == 2 }, Reply: "421 4.7.0 two"}},
	talk:  play.Talk(play.PathTo[play.EHLO], play.Said("NOOP", "550 no"), play.Said("NOOP", "550 no"), play.Said("NOOP", "421 4.7.0 two"), play.Closed),
	ends:  "421",
}, {
	name:  "LMTP recipients counted one by one",
	setup: play.WithLMTP,
	rules: []smtptest.Rule{{On: ".", Per: smtptest.PerRecipient, Times: 1, Reply: "450 4.2.1 greylisted"}},
	talk: play.Talk("S: "+play.Greeting, "C: LHLO client.test", play.SayEHLO[1:], play.SayMail, play.SayTo("b@server.test", play.RcptOK), play.SayTo("c@server.test", play.RcptOK), play.SayData, "C: text", "C: .",
		"S: 450 4.2.1 greylisted", "S: 450 4.2.1 greylisted", play.SayMail, play.SayTo("c@server.test", play.RcptOK), play.SayTo("d@server.test", play.RcptOK), play.SayData, "C: text", "C: .",
		"S: "+play.OK, "S: 450 4.2.1 greylisted", play.SayQuit),
	ends: "quit: refused, accepted",
	told: []smtptest.Reply{play.OK},
}}

func mustLogIn(srv *smtptest.Server) {
	play.WithUsers(srv)
	srv.RequireAuth = true
}

func TestEffects(t *testing.T) {
	for _, f := range effects {
		t.Run(f.name, func(t *testing.T) {
			t.Run("memory", func(t *testing.T) { f.inMemory(t) })
			t.Run("tcp", f.overTCP)
		})
	}
}

// TestHandlerUnderRows holds that a Handler is asked only if its reply will be
// sent or the message recorded, after the Delay, or before it with Keep.
func TestHandlerUnderRows(t *testing.T) {
	const own = "552 5.2.2 full"
	for _, test := range []struct {
		name  string
		rules []smtptest.Rule
		asked string // the time since the dot; "" if not at all
		told  string
		kept  []smtptest.Reply
	}{
		{"no rule", nil, "0s", own, nil},
		{"delay", []smtptest.Rule{{On: ".", Delay: time.Hour}}, "1h0m0s", own, nil},
		{"success", []smtptest.Rule{{On: ".", Delay: time.Hour, Reply: "250 2.6.0 fine"}}, "1h0m0s", "250 2.6.0 fine", []smtptest.Reply{"250 2.6.0 fine"}},
		{"refusal", []smtptest.Rule{{On: ".", Reply: "451 4.3.0 later"}}, "", "451 4.3.0 later", nil},
		{"raw refusal", []smtptest.Rule{{On: ".", Raw: "451 4.3.0 later\r\n"}}, "", "451 4.3.0 later", nil},
		{"kept", []smtptest.Rule{{On: ".", Keep: true, Delay: time.Hour, Reply: "451 4.3.0 later"}}, "0s", "451 4.3.0 later", []smtptest.Reply{"451 4.3.0 later"}},
		{"kept with its own", []smtptest.Rule{{On: ".", Keep: true}}, "0s", own, []smtptest.Reply{own}},
		{"lost", []smtptest.Rule{{On: ".", Discard: true}}, "0s", own, nil},
		{"lost with success", []smtptest.Rule{{On: ".", Discard: true, Reply: "250 2.6.0 fine"}}, "", "250 2.6.0 fine", nil},
		{"early", []smtptest.Rule{{On: "BODY", Reply: "550 5.7.1 stop"}}, "", "550 5.7.1 stop", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := smtptest.NewUnstartedServer(t)
				var began time.Time
				asked := ""
				srv.Handler = smtptest.HandlerFunc(func(context.Context, smtptest.Message) smtptest.Reply {
					asked = time.Since(began).String()
					return own
				})
				srv.Script(test.rules...)
				srv.StartInMemory()
				c := play.Listen(play.Arrive(t, srv, play.InData))
				began = time.Now()
				c.Say(play.Step{Send: "text\r\n.\r\n"})
				time.Sleep(2 * time.Hour)
				if got := strings.SplitAfter(c.Heard(), "\r\n")[0]; got != test.told+"\r\n" {
					t.Errorf("the client was told %q, want %q", got, test.told)
				}
				if asked != test.asked {
					t.Errorf("the Handler was asked after %q, want %q", asked, test.asked)
				}
				var kept []smtptest.Reply
				for _, m := range srv.Messages() {
					kept = append(kept, m.Reply)
				}
				if diff := cmp.Diff(test.kept, kept); diff != "" {
					t.Errorf("Messages() mismatch (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestOverlongRcpt is recorded as no recipient.
func TestOverlongRcpt(t *testing.T) {
	srv := smtptest.NewInMemoryServer(t)
	c := play.Arrive(t, srv, play.RcptGiven)
	if err := play.Converse(c, play.StepsOf(play.Talk(play.Said("RCPT TO:<"+long2000+"@server.test>", play.TooLong), play.SayData, play.SayText, play.SayQuit))); err != nil {
		t.Fatal(err)
	}
	want := []smtptest.Recipient{{To: "b@server.test", Reply: play.RcptOK, Accepted: true}}
	if diff := cmp.Diff(want, srv.Sessions()[0].Transactions[0].Recipients); diff != "" {
		t.Errorf("Recipients mismatch (-want +got):\n%s", diff)
	}
}
