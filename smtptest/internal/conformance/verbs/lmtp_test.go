package verbs_test

import (
	"context"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

// TestRecipientHandler gives three recipients to a handler that answers for
// each, over LMTP and over SMTP.
func TestRecipientHandler(t *testing.T) {
	const full, broken = "452 4.2.2 full", "451 4.3.0 Error: the test's own code failed"
	refuse := smtptest.Rule{On: ".", Reply: "554 5.7.1 spam"}
	for _, c := range []struct {
		name, why string
		replies   []smtptest.Reply
		rules     []smtptest.Rule
		lmtp      []string // a reply for each recipient
		smtp      string
		asked     int
		failure   string
	}{
		{"accepted", "the zero Reply is 250 OK", []smtptest.Reply{"", "", ""}, nil, []string{play.OK, play.OK, play.OK}, play.OK, 1, ""},
		{"one refused", "RFC 2033 4.2; SMTP has one reply for all", []smtptest.Reply{"", full, ""}, nil,
			[]string{play.OK, full, play.OK}, full + ": <c@server.test>", 1, ""},
		{"too few", "a test author's mistake", []smtptest.Reply{""}, nil, []string{broken, broken, broken}, broken, 1, "1 replies for 3 recipients"},
		{"illegal", "a test author's mistake", []smtptest.Reply{"", "full", ""}, nil,
			[]string{play.OK, broken, play.OK}, broken + ": <c@server.test>", 1, `returned the reply "full"`},
		{"one kept waiting", "silence is no refusal that could be named", []smtptest.Reply{"", smtptest.NoReply, full}, nil,
			[]string{play.OK, full}, full + ": <d@server.test>", 1, ""},
		{"one kept waiting first", "a refusal comes in its place", []smtptest.Reply{smtptest.NoReply, full, "550 5.1.1 gone"}, nil,
			[]string{full, "550 5.1.1 gone"}, full + ": <c@server.test>, <d@server.test>", 1, ""},
		{"one kept waiting, the others accepted", "NoReply: the message is not accepted", []smtptest.Reply{"", "", smtptest.NoReply}, nil,
			[]string{play.OK, play.OK}, "", 1, ""},
		{"all kept waiting", "NoReply sends nothing", []smtptest.Reply{smtptest.NoReply, smtptest.NoReply, smtptest.NoReply}, nil, nil, "", 1, ""},
		{"refused by the script", "a handler is not asked about what a rule refuses", nil, []smtptest.Rule{refuse},
			[]string{"554 5.7.1 spam", "554 5.7.1 spam", "554 5.7.1 spam"}, "554 5.7.1 spam", 0, ""},
	} {
		for _, lmtp := range []bool{true, false} {
			name, hello, want := c.name+" over SMTP", "EHLO", []string{c.smtp}
			if lmtp {
				name, hello, want = c.name+" over LMTP", "LHLO", c.lmtp
			}
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					tb := &play.FakeTB{}
					h := &play.PerRecipient{Replies: c.replies}
					srv := smtptest.NewUnstartedServer(tb)
					srv.LMTP, srv.Handler = lmtp, h
					srv.Script(c.rules...)
					srv.StartInMemory()
					client := play.Listen(play.Dial(t, srv))
					client.Say(play.Step{Send: hello + " client.test\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<b@server.test>\r\nRCPT TO:<c@server.test>\r\nRCPT TO:<d@server.test>\r\nDATA\r\n"})
					client.Heard()
					client.Say(play.Step{Send: "text\r\n.\r\n"})
					if diff := cmp.Diff(strings.Join(want, "\r\n"), strings.TrimSuffix(client.Heard(), "\r\n")); diff != "" {
						t.Errorf("%s\nreplies (-want +got):\n%s", c.why, diff)
					}
					io.WriteString(client, "QUIT\r\n")
					for _, r := range srv.WaitSession(nil).Transactions[0].Recipients {
						if r.FinalReply == smtptest.NoReply {
							t.Errorf("FinalReply of <%s> is what nobody was told: %q", r.To, r.FinalReply)
						}
					}
					tb.End()
					if h.Asked != c.asked {
						t.Errorf("asked %d times, want %d", h.Asked, c.asked)
					}
					if got := tb.Errors(); (got == "") != (c.failure == "") || !strings.Contains(got, c.failure) {
						t.Errorf("failure %q, want it to say %q", got, c.failure)
					}
				})
			})
		}
	}
}

// TestRecipientsLeft refuses the first recipient by a rule: a handler of either
// kind is asked about the others, and their replies stay theirs.
func TestRecipientsLeft(t *testing.T) {
	const gone, full = "550 5.1.1 gone", "452 4.2.2 full"
	for name, h := range map[string]smtptest.Handler{
		"for each": &play.PerRecipient{Replies: []smtptest.Reply{full, full}},
		"for all":  smtptest.HandlerFunc(func(context.Context, smtptest.Message) smtptest.Reply { return full }),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := smtptest.NewUnstartedServer(t)
				srv.LMTP, srv.Handler = true, h
				srv.Script(smtptest.Rule{On: ". <b@server.test>", Reply: gone})
				srv.StartInMemory()
				client := play.Listen(play.Dial(t, srv))
				client.Say(play.Step{Send: "LHLO client.test\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<b@server.test>\r\nRCPT TO:<c@server.test>\r\nRCPT TO:<d@server.test>\r\nDATA\r\n"})
				client.Heard()
				client.Say(play.Step{Send: "text\r\n.\r\n"})
				if diff := cmp.Diff(gone+"\r\n"+full+"\r\n"+full+"\r\n", client.Heard()); diff != "" {
					t.Errorf("replies (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestRecipientsUnanswered ends the session before each of three recipients is
// answered: the message stays the client's for the others (RFC 2033 4.2).
func TestRecipientsUnanswered(t *testing.T) {
	const bye421, gone = "421 4.3.2 bye", "550 5.1.1 gone"
	b, both := []string{"b@server.test"}, []string{"b@server.test", "c@server.test"}
	each := func(replies ...smtptest.Reply) smtptest.Handler { return &play.PerRecipient{Replies: replies} }
	second := ". <c@server.test>"
	for _, c := range []struct {
		name    string
		handler smtptest.Handler
		rules   []smtptest.Rule
		replies string
		to      []string // of the message; nil: there is none
	}{
		{"421 for the second", each("", bye421, ""), nil, play.OK + "\r\n" + bye421 + "\r\n", b},
		{"421 for the first", each(bye421, "", ""), nil, bye421 + "\r\n", nil},
		{"421 behind a refusal", each(gone, bye421, ""), nil, gone + "\r\n" + bye421 + "\r\n", nil},
		{"closed behind the second", nil, []smtptest.Rule{{On: second, Reply: play.OK, Then: smtptest.Close}}, play.OK + "\r\n" + play.OK + "\r\n", both},
		{"closed without the second", nil, []smtptest.Rule{{On: second, Reply: smtptest.NoReply, Then: smtptest.Close}}, play.OK + "\r\n", b},
		{"reset at the second", nil, []smtptest.Rule{{On: second, Reply: smtptest.NoReply, Then: smtptest.Reset}}, play.OK + "\r\n", b},
		{"accepted in silence, then closed", nil, []smtptest.Rule{{On: second, Reply: smtptest.NoReply, Keep: true, Then: smtptest.Close}}, play.OK + "\r\n", both},
		{"lost, then closed", nil, []smtptest.Rule{{On: second, Reply: play.OK, Discard: true, Then: smtptest.Close}}, play.OK + "\r\n" + play.OK + "\r\n", b},
		{"a condition leaves its goroutine at the second", nil, []smtptest.Rule{{On: second, If: func(smtptest.Event) bool { runtime.Goexit(); return true }, Reply: play.OK}}, play.OK + "\r\n", b},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tb := &play.FakeTB{}
				srv := smtptest.NewUnstartedServer(tb)
				srv.LMTP, srv.Handler = true, c.handler
				srv.Script(c.rules...)
				srv.StartInMemory()
				client := play.Listen(play.Dial(t, srv))
				client.Say(play.Step{Send: "LHLO client.test\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<b@server.test>\r\nRCPT TO:<c@server.test>\r\nRCPT TO:<d@server.test>\r\nDATA\r\n"})
				client.Heard()
				client.Say(play.Step{Send: "text\r\n.\r\n"})
				if diff := cmp.Diff(c.replies, client.Heard()); diff != "" {
					t.Errorf("replies mismatch (-want +got):\n%s", diff)
				}
				var accepted []string
				for _, r := range srv.WaitSession(nil).Transactions[0].Recipients {
					if r.Accepted {
						accepted = append(accepted, r.To)
					}
				}
				var to []string
				for _, m := range srv.Messages() {
					to = append(to, m.To...)
				}
				if diff := cmp.Diff([][]string{c.to, c.to}, [][]string{accepted, to}); diff != "" {
					t.Errorf("accepted Recipients and Messages().To mismatch (-want +got):\n%s", diff)
				}
				tb.End()
			})
		})
	}
}
