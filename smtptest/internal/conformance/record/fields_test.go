package record_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

// TestMessageTransaction verifies that a message has the number of its
// transaction, and an event that of the present one or of the one to come.
func TestMessageTransaction(t *testing.T) {
	srv := smtptest.NewServer(t)
	var seen []int
	srv.Script(
		smtptest.Rule{On: "*", If: func(e smtptest.Event) bool { seen = append(seen, e.Transaction); return false }, Reply: play.OK, Optional: true},
		smtptest.Rule{On: "RCPT TO:<gone@server.test>", Reply: "550 5.1.1 gone"},
	)
	gone := play.Said("RCPT TO:<gone@server.test>", "550 5.1.1 gone")
	first := play.Talk(play.PathTo[play.EHLO], play.SayMail, gone, "C: RSET", "S: "+play.OK, play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayMail, gone, play.SayQuit)
	second := play.Talk(play.PathTo[play.EHLO], play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayQuit)
	for _, talk := range [][]string{first, second} {
		if err := play.Converse(play.Dial(t, srv), play.StepsOf(talk)); err != nil {
			t.Fatal(err)
		}
	}
	srv.WaitSessions(2)
	var got [][2]int
	for _, m := range srv.Messages() {
		got = append(got, [2]int{m.Session, m.Transaction})
	}
	if diff := cmp.Diff([][2]int{{1, 2}, {2, 1}, {2, 2}}, got); diff != "" {
		t.Errorf("Session and Transaction, mismatch (-want +got):\n%s", diff)
	}
	// CONNECT, EHLO; MAIL, RCPT, RSET; MAIL, RCPT, DATA, "."; MAIL, RCPT, QUIT; and so on
	if diff := cmp.Diff([]int{1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3}, seen); diff != "" {
		t.Errorf("Event.Transaction, mismatch (-want +got):\n%s", diff)
	}
	play.CheckAgreement(t, srv)
}

// TestExchangeOn verifies that each exchange has its event as Rule.On writes it.
func TestExchangeOn(t *testing.T) {
	chunks := play.WithExtensions("CHUNKING")
	begin := []string{"CONNECT", "EHLO", "MAIL", "RCPT"}
	for _, test := range []struct {
		name  string
		setup func(*smtptest.Server)
		rules []smtptest.Rule
		sent  []string
		want  []string
	}{
		{"message", nil, nil, []string{envelope + "DATA\r\ntext\r\n.\r\nQUIT\r\n"}, slices.Concat(begin, []string{"DATA", ".", "QUIT"})},
		{"chunks", chunks, nil, []string{envelope + "bdat 2\r\nteBDAT 2 LAST\r\nxt"}, slices.Concat(begin, []string{"BDAT", "BDAT"})},
		{"LMTP", func(srv *smtptest.Server) { chunks(srv); srv.LMTP = true }, nil, []string{strings.Replace(envelope, "EHLO", "LHLO", 1) +
			"RCPT TO:<c@server.test>\r\nDATA\r\ntext\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<b@server.test>\r\nRCPT TO:<c@server.test>\r\nBDAT 1 LAST\r\nx"},
			[]string{"CONNECT", "LHLO", "MAIL", "RCPT", "RCPT", "DATA", ".", ".", "MAIL", "RCPT", "RCPT", "BDAT", "BDAT"}},
		{"moments", nil, []smtptest.Rule{{On: "BODY", Delay: 1}, {On: "BODY 3", Delay: 1}, {On: "IDLE EHLO", Times: 1, Delay: 800 * time.Millisecond, Reply: "250 x"}, {On: "IDLE EHLO", Times: 1, Delay: 900 * time.Millisecond, Reply: "250 x"}},
			[]string{"EHLO client.test\r\n", strings.SplitAfterN(envelope, "\n", 2)[1] + "DATA\r\ntext\r\n.\r\n"},
			[]string{"CONNECT", "EHLO", "IDLE EHLO", "IDLE EHLO", "MAIL", "RCPT", "DATA", "BODY", "BODY 3", "."}},
		{"no verb", nil, nil, []string{"\r\n", " NOOP\r\n", "CONNECT\r\n", "*\r\n", "BODY 5\r\n", ".\r\n", "noop\tx\r\n"}, []string{"CONNECT", "*", "*", "*", "*", "*", "*", "*"}},
		{"no verb of the server's", nil, nil, []string{"FOO bar\r\nxfoo bar\r\nlhlo x\r\nBDAT 0\r\nTURN\r\nnoop x\r\n"}, []string{"CONNECT", "FOO", "XFOO", "LHLO", "BDAT", "TURN", "NOOP"}},
		{"an idle verb of nobody", nil, []smtptest.Rule{{On: "IDLE", Skip: 1, Times: 1, Delay: 400 * time.Millisecond, Reply: "250 x"}}, []string{"FOO bar\r\n"}, []string{"CONNECT", "FOO", "IDLE"}},
		{"too long", nil, nil, []string{strings.Repeat("x", 600) + "\r\n", "NOOP " + strings.Repeat("x", 2000) + "\r\n"}, []string{"CONNECT", "*", "NOOP"}},
		{"AUTH", play.WithUsers, nil, []string{"EHLO client.test\r\n", "AUTH PLAIN\r\n", "AGFubgBzZWNyZXQ=\r\n"}, []string{"CONNECT", "EHLO", "AUTH", "RESPONSE"}},
		{"a secret on its own", play.WithUsers, nil, []string{"EHLO client.test\r\n", "AUTH FOO\r\n", "c2VjcmV0\r\n"}, []string{"CONNECT", "EHLO", "AUTH", "*"}},
		{"an own verb that asks", func(srv *smtptest.Server) {
			srv.Commands = map[string]smtptest.CommandFunc{"XASK": func(ch *smtptest.Channel, _ string) smtptest.Reply { ch.Ask("334 well?"); return "250 thanks" }}
		}, nil, []string{"xask\r\n", "secret\r\n"}, []string{"CONNECT", "XASK", "XASK"}},
		{"STARTTLS", play.WithTLS, []smtptest.Rule{{On: "TLS", Raw: "no"}}, []string{"EHLO client.test\r\n", "STARTTLS\r\n", "NOOP\r\n"}, []string{"CONNECT", "EHLO", "STARTTLS", "TLS"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := smtptest.NewUnstartedServer(t)
				if test.setup != nil {
					test.setup(srv)
				}
				srv.Script(test.rules...)
				srv.StartInMemory()
				c := play.Listen(play.Dial(t, srv))
				for _, send := range test.sent {
					c.Say(play.Step{Send: send})
					time.Sleep(time.Second)
				}
				c.Close()
				var got []string
				for _, e := range srv.WaitSession(nil).Exchanges {
					got = append(got, e.On)
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("On mismatch (-want +got):\n%s", diff)
				}
				play.CheckAgreement(t, srv)
			})
		})
	}
}

// envelope is what a client sends before its content.
const envelope = "EHLO client.test\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<b@server.test>\r\n"
