package smtptest_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

// TestChannelEnvelope verifies that the record has what a CommandFunc has made
// of the recipients: when it has returned, at the end of the session, and in the
// message.
func TestChannelEnvelope(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(ch *smtptest.Channel)
		want []string // recipients and parameters; "-" begins one that was taken away
	}{
		{"nothing", func(ch *smtptest.Channel) {}, []string{"b@one.test[NOTIFY=NEVER]", "c@two.test[]", "d@three.test[]"}},
		{"an element replaced", func(ch *smtptest.Channel) { ch.RcptTos[0] = "x@server.test" }, []string{"x@server.test[NOTIFY=NEVER]", "c@two.test[]", "d@three.test[]"}},
		{"options replaced", func(ch *smtptest.Channel) { ch.RcptOptions[1] = []string{"NOTIFY=DELAY"} }, []string{"b@one.test[NOTIFY=NEVER]", "c@two.test[NOTIFY=DELAY]", "d@three.test[]"}},
		{"an option replaced", func(ch *smtptest.Channel) { ch.RcptOptions[0][0] = "NOTIFY=DELAY" }, []string{"b@one.test[NOTIFY=DELAY]", "c@two.test[]", "d@three.test[]"}},
		{"options forgotten", func(ch *smtptest.Channel) { ch.RcptOptions = nil }, []string{"b@one.test[]", "c@two.test[]", "d@three.test[]"}},
		{"another list", func(ch *smtptest.Channel) { ch.RcptTos = []string{"x@server.test", "y@server.test", "z@server.test"} }, []string{"x@server.test[NOTIFY=NEVER]", "y@server.test[]", "z@server.test[]"}},
		{"a longer list", func(ch *smtptest.Channel) { ch.RcptTos = append(ch.RcptTos, "x@server.test") }, []string{"b@one.test[NOTIFY=NEVER]", "c@two.test[]", "d@three.test[]", "x@server.test[]"}},
		{"the last taken away", func(ch *smtptest.Channel) { ch.RcptTos = ch.RcptTos[:2] }, []string{"b@one.test[NOTIFY=NEVER]", "c@two.test[]", "-d@three.test[]"}},
		{"the first deleted", func(ch *smtptest.Channel) {
			ch.RcptTos, ch.RcptOptions = slices.Delete(ch.RcptTos, 0, 1), slices.Delete(ch.RcptOptions, 0, 1)
		}, []string{"c@two.test[]", "d@three.test[]", "-d@three.test[]"}},
		{"the list reused", func(ch *smtptest.Channel) { ch.RcptTos = append(ch.RcptTos[:0], "x@server.test", "y@server.test") }, []string{"x@server.test[NOTIFY=NEVER]", "y@server.test[]", "-d@three.test[]"}},
		{"the order turned", func(ch *smtptest.Channel) { slices.Reverse(ch.RcptTos); slices.Reverse(ch.RcptOptions) }, []string{"d@three.test[]", "c@two.test[]", "b@one.test[NOTIFY=NEVER]"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			srv.Parameters = map[string]func(string) error{"NOTIFY": nil}
			srv.Commands = map[string]smtptest.CommandFunc{"XEDIT": func(ch *smtptest.Channel, _ string) smtptest.Reply { c.edit(ch); return play.OK }}
			srv.StartInMemory()
			client := play.Arrive(t, srv, play.EHLO)
			talkTo := func(lines ...string) {
				if err := play.Converse(client, play.StepsOf(play.Talk(lines))); err != nil {
					t.Fatal(err)
				}
			}
			recorded := func() (list []string) {
				for _, r := range srv.Sessions()[0].Transactions[0].Recipients {
					mark := "-"
					if r.Accepted {
						mark = ""
					}
					list = append(list, fmt.Sprint(mark, r.To, r.Options))
				}
				return list
			}
			talkTo(play.Talk(play.SayMail, play.Said("RCPT TO:<b@one.test> NOTIFY=NEVER", play.RcptOK), play.SayTo("c@two.test", play.RcptOK), play.SayTo("d@three.test", play.RcptOK), "C: XEDIT", "S: "+play.OK)...)
			if diff := cmp.Diff(c.want, recorded()); diff != "" {
				t.Errorf("recipients while the session is open (-want +got):\n%s", diff)
			}
			talkTo(play.Talk(play.SayTo("e@four.test", play.RcptOK), play.SayData, play.SayText, play.SayQuit)...)
			srv.WaitSessions(1)
			want := append(c.want, "e@four.test[]")
			if diff := cmp.Diff(want, recorded()); diff != "" {
				t.Errorf("recipients at the end (-want +got):\n%s", diff)
			}
			m := srv.Messages()[0]
			var got []string
			for i, to := range m.To {
				got = append(got, fmt.Sprint(to, m.RcptOptions[i]))
			}
			if diff := cmp.Diff(slices.DeleteFunc(want, func(s string) bool { return s[0] == '-' }), got); diff != "" {
				t.Errorf("To (-want +got):\n%s", diff)
			}
		})
	}
}

// TestChannelDomains verifies that LIMITS counts the domains of the recipients
// that a CommandFunc has left.
func TestChannelDomains(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(ch *smtptest.Channel)
		want string // the reply to a recipient in a third domain
	}{
		{"nothing", func(ch *smtptest.Channel) {}, "452"},
		{"another list", func(ch *smtptest.Channel) { ch.RcptTos = []string{"x@one.test", "y@one.test"} }, "250"},
		{"the last taken away", func(ch *smtptest.Channel) { ch.RcptTos = ch.RcptTos[:1] }, "250"},
		{"the last ones replaced", func(ch *smtptest.Channel) { ch.RcptTos[1], ch.RcptTos[2] = "x@one.test", "y@one.test" }, "250"},
		{"the list reused", func(ch *smtptest.Channel) { ch.RcptTos = append(ch.RcptTos[:0], "x@one.test") }, "250"},
		{"none left", func(ch *smtptest.Channel) { ch.RcptTos = nil }, "250"},
		{"one of another domain added", func(ch *smtptest.Channel) { ch.RcptTos = append(ch.RcptTos[:1], "x@four.test", "y@one.test") }, "452"},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			srv.Extensions = append(srv.Extensions, "LIMITS RCPTDOMAINMAX=2")
			srv.Commands = map[string]smtptest.CommandFunc{"XEDIT": func(ch *smtptest.Channel, _ string) smtptest.Reply { c.edit(ch); return play.OK }}
			srv.StartInMemory()
			tell(t, srv, "MAIL FROM:<a@client.test>\r\nRCPT TO:<b@one.test>\r\nRCPT TO:<c@two.test>\r\nRCPT TO:<d@two.test>\r\nXEDIT\r\nRCPT TO:<e@three.test>\r\n")
			exchanges := srv.Sessions()[0].Exchanges
			if got := exchanges[len(exchanges)-2].Reply; !strings.HasPrefix(string(got), c.want) {
				t.Errorf("reply %q, want %s", got, c.want)
			}
		})
	}
}

// TestKeptRecipient verifies that a recipient that a rule keeps is one of the
// message, and that those after it are, too.
func TestKeptRecipient(t *testing.T) {
	srv := smtptest.NewInMemoryServer(t)
	srv.Script(smtptest.Rule{On: "RCPT TO:<c@server.test>", Keep: true, Reply: "450 4.2.1 later"})
	tell(t, srv, "MAIL FROM:<a@client.test>\r\nRCPT TO:<b@server.test>\r\nRCPT TO:<c@server.test>\r\nRCPT TO:<d@server.test>\r\nDATA\r\ntext\r\n.\r\n")
	if diff := cmp.Diff([]string{"b@server.test", "c@server.test", "d@server.test"}, srv.Messages()[0].To); diff != "" {
		t.Errorf("To (-want +got):\n%s", diff)
	}
	want := []smtptest.Recipient{{To: "b@server.test", Reply: play.RcptOK, Accepted: true}, {To: "c@server.test", Reply: "450 4.2.1 later", Accepted: true}, {To: "d@server.test", Reply: play.RcptOK, Accepted: true}}
	if diff := cmp.Diff(want, srv.Sessions()[0].Transactions[0].Recipients); diff != "" {
		t.Errorf("Recipients (-want +got):\n%s", diff)
	}
}

// tell has a client send the lines, between EHLO and QUIT, and waits for its end.
func tell(tb testing.TB, srv *smtptest.Server, lines string) {
	c, err := srv.DialContext(tb.Context(), "", "")
	if err != nil {
		tb.Fatal(err)
	}
	go io.WriteString(c, "EHLO client.test\r\n"+lines+"QUIT\r\n")
	io.Copy(io.Discard, c)
	c.Close()
	srv.WaitSessions(1)
}
