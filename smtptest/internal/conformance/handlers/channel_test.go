package handlers_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

// TestChannelVariables holds each variable that smtpd documents, as a
// CommandFunc sees it in the course of a session.
func TestChannelVariables(t *testing.T) {
	type variables struct {
		State, Greeting, MailFrom string
		Extended                  bool
		RcptTos                   []string
		MailOptions               []string
		RcptOptions               [][]string
		Lines                     []string
		Data                      string
	}
	play.Networks(t, func(t *testing.T, start func(*smtptest.Server)) {
		srv := smtptest.NewUnstartedServer(t)
		srv.Hostname = "mx.test"
		srv.Extensions = append(srv.Extensions, "DSN")
		var client net.Conn
		var seen []variables
		play.WithCommand("XLOOK", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			if ch.Server != srv || ch.FQDN != "mx.test" {
				t.Errorf("Server = %p, FQDN = %q", ch.Server, ch.FQDN)
			}
			if addr := client.LocalAddr().String(); ch.Conn.RemoteAddr().String() != addr || ch.Addr.String() != addr || ch.Peer != addr {
				t.Errorf("Conn of %s, Addr = %s, Peer = %s, want %s", ch.Conn.RemoteAddr(), ch.Addr, ch.Peer, addr)
			}
			seen = append(seen, variables{string(ch.State), ch.SeenGreeting, ch.MailFrom, ch.Extended, ch.RcptTos, ch.MailOptions, ch.RcptOptions, ch.ReceivedLines, ch.ReceivedData})
			return smtptest.Reply("250 2.0.0 " + arg)
		})(srv)
		start(srv)
		client = play.Dial(t, srv)
		look := []string{"C: XLOOK now  ", "S: 250 2.0.0 now"}
		err := play.Converse(client, play.StepsOf(play.Talk("S: 220 mx.test ESMTP smtptest", look, "C: HELO client.test", "S: 250 mx.test", look, play.SayMail, look, play.SayRcpt, look, play.SayData, "C: ..text", "C: .", "S: "+play.OK, look,
			"C: EHLO other.test", "S: 250-mx.test", play.SayEHLO[2:6], "S: 250-ENHANCEDSTATUSCODES", "S: 250-HELP", "S: 250 DSN", "C: MAIL FROM:<> RET=HDRS", "S: "+play.MailOK,
			"C: RCPT TO:<b@server.test> NOTIFY=NEVER", "S: "+play.RcptOK, "C: RCPT TO:<c@server.test>", "S: "+play.RcptOK, look, "C: RSET", "S: "+play.OK, look)))
		if err != nil {
			t.Fatal(err)
		}
		lines := []string{"XLOOK now  ", "HELO client.test", "XLOOK now  ", "MAIL FROM:<a@client.test>", "XLOOK now  ", "RCPT TO:<b@server.test>", "XLOOK now  ", "DATA", "XLOOK now  ",
			"EHLO other.test", "MAIL FROM:<> RET=HDRS", "RCPT TO:<b@server.test> NOTIFY=NEVER", "RCPT TO:<c@server.test>", "XLOOK now  ", "RSET", "XLOOK now  "}
		want := []variables{
			{State: "greeted", Lines: lines[:1]},
			{State: "hello", Greeting: "client.test", Lines: lines[:3]},
			{State: "mail", Greeting: "client.test", MailFrom: "a@client.test", Lines: lines[:5]},
			{State: "rcpt", Greeting: "client.test", MailFrom: "a@client.test", RcptTos: []string{"b@server.test"}, RcptOptions: [][]string{nil}, Lines: lines[:7]},
			{State: "hello", Greeting: "client.test", Lines: lines[:9], Data: ".text\r\n"},
			{State: "rcpt", Greeting: "other.test", Extended: true, MailOptions: []string{"RET=HDRS"}, RcptTos: []string{"b@server.test", "c@server.test"},
				RcptOptions: [][]string{{"NOTIFY=NEVER"}, nil}, Lines: lines[:14]},
			{State: "hello", Greeting: "other.test", Extended: true, Lines: lines},
		}
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Errorf("Channel mismatch (-want +got):\n%s", diff)
		}
	})
}

// once is a CommandFunc in place of a verb that replies the first time that it is
// called in a state, and else leaves all to the verb.
func once(verb string, in play.State, reply smtptest.Reply) func(*smtptest.Server) {
	at := map[play.State]smtptest.State{play.Greeted: smtptest.StateGreeted, play.EHLO: smtptest.StateHello, play.MailGiven: smtptest.StateMail, play.RcptGiven: smtptest.StateRcpt}[in]
	return func(srv *smtptest.Server) {
		done := false
		play.WithCommand(verb, func(ch *smtptest.Channel, _ string) smtptest.Reply {
			if done || ch.State != at {
				return ""
			}
			done = true
			return reply
		})(srv)
	}
}

// TestChannelReplace replaces each built-in verb: the reply is the function's,
// and the state is as if the command had not been.
func TestChannelReplace(t *testing.T) {
	var rows []play.Case
	for _, c := range []struct {
		line  string
		in    play.State
		reply smtptest.Reply
	}{
		{"EHLO client.test", play.Greeted, "250 mine"}, {"EHLO other.test", play.RcptGiven, "250 mine"}, {"EHLO", play.EHLO, "250-mine\n250 SIZE"},
		{"HELO client.test", play.Greeted, "250 mine"}, {"HELO client.test", play.Greeted, "550 5.7.1 mine"}, {"LHLO client.test", play.EHLO, "250 mine"},
		{"MAIL FROM:<a@client.test>", play.EHLO, "250 2.0.0 mine"}, {"MAIL FROM:<a@client.test>", play.Greeted, "250 2.0.0 mine"}, {"MAIL FROM:<a@client.test>", play.EHLO, "550 5.7.1 mine"},
		{"RCPT TO:<c@server.test>", play.RcptGiven, "251 2.0.0 mine"}, {"RCPT me", play.RcptGiven, "452 4.5.3 mine"},
		{"DATA", play.RcptGiven, "451 4.3.0 mine"}, {"DATA", play.RcptGiven, "250 2.0.0 mine"}, {"DATA", play.MailGiven, "250 2.0.0 mine"},
		{"BDAT 5", play.RcptGiven, "250 2.0.0 mine"}, {"RSET", play.RcptGiven, "250 2.0.0 mine"}, {"NOOP", play.RcptGiven, "550 5.0.0 mine"}, {"noop", play.RcptGiven, "250 2.0.0 mine"},
		{"QUIT", play.RcptGiven, "250 2.0.0 mine"}, {"VRFY bob", play.RcptGiven, "250 2.0.0 mine"}, {"EXPN staff", play.RcptGiven, "250-2.0.0 a\n250 2.0.0 b"},
		{"HELP", play.RcptGiven, "211 2.0.0 mine"}, {"STARTTLS", play.EHLO, "454 4.7.0 mine"}, {"STARTTLS", play.EHLO, "220 2.0.0 mine"},
		{"AUTH PLAIN AGEAYg==", play.EHLO, "535 5.7.8 mine"}, {"AUTH PLAIN AGEAYg==", play.EHLO, "235 2.7.0 mine"}, {"XCLIENT ADDR=192.0.2.1", play.EHLO, "220 2.0.0 mine"},
		{"TURN", play.RcptGiven, "250 2.0.0 mine"}, {"SEND FROM:<a@client.test>", play.EHLO, "250 2.0.0 mine"}, {"SOML FROM:<a@client.test>", play.EHLO, "250 2.0.0 mine"},
		{"SAML FROM:<a@client.test>", play.EHLO, "250 2.0.0 mine"}, {"ETRN server.test", play.EHLO, "250 2.0.0 mine"},
	} {
		verb, _, _ := strings.Cut(strings.ToUpper(c.line), " ")
		r := play.Case{Name: fmt.Sprintf("%s/%s/%s", c.in, c.line, c.reply[:3]), Why: "smtpd: smtp_<COMMAND>", In: c.in, Setup: once(verb, c.in, c.reply), Want: []smtptest.Message{play.Message()}}
		r.Talk = play.Talk("C: " + c.line)
		for line := range strings.Lines(string(c.reply)) {
			r.Talk = append(r.Talk, "S: "+strings.TrimRight(line, "\n"))
		}
		r.Talk = append(r.Talk, play.Proof[c.in]...)
		rows = append(rows, r)
	}
	play.Run(t, rows)
}

// TestChannelState sets the state: a command that follows finds it so, and what
// is recorded is what was set.
func TestChannelState(t *testing.T) {
	to := func(to ...string) []smtptest.Message {
		return []smtptest.Message{play.Message(func(m *smtptest.Message) { m.To = to })}
	}
	play.Run(t, []play.Case{
		{Name: "greeting not needed", Why: "smtp_state and seen_greeting", In: play.Greeted, Setup: play.WithCommand("XHI", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			ch.State, ch.SeenGreeting, ch.Extended = smtptest.StateHello, arg, true
			return "250 2.0.0 hi"
		}), Talk: play.Talk("C: XHI client.test", "S: 250 2.0.0 hi", play.Proof[play.EHLO]), Want: []smtptest.Message{play.Message()}},
		{Name: "greeting forgotten", Why: "smtp_state", In: play.RcptGiven, Setup: play.WithCommand("XBYE", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			ch.State, ch.SeenGreeting = smtptest.StateGreeted, ""
			return "250 2.0.0 who are you?"
		}), Talk: play.Talk("C: XBYE", "S: 250 2.0.0 who are you?", play.Proof[play.Greeted]), Want: []smtptest.Message{play.Message()}, Outcomes: []string{smtptest.OutcomeReset, smtptest.OutcomeAccepted}},
		{Name: "sender and recipient", Why: "mailfrom and rcpttos alone begin a transaction, as in smtpd", In: play.EHLO, Setup: play.WithCommand("XSEND", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			ch.MailFrom, ch.RcptTos = "a@client.test", strings.Fields(arg)
			return "250 2.0.0 sending"
		}), Talk: play.Talk("C: XSEND b@server.test c@server.test", "S: 250 2.0.0 sending", play.Proof[play.RcptGiven]), Want: to("b@server.test", "c@server.test")},
		{Name: "transaction dropped", Why: "smtp_state", In: play.RcptGiven, Setup: play.WithCommand("XDROP", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			ch.State = smtptest.StateHello
			return "250 2.0.0 dropped"
		}), Talk: play.Talk("C: XDROP", "S: 250 2.0.0 dropped", play.Proof[play.EHLO]), Want: []smtptest.Message{play.Message()}, Outcomes: []string{smtptest.OutcomeReset, smtptest.OutcomeAccepted}},
		{Name: "sender rewritten", Why: "mailfrom", In: play.RcptGiven, Setup: play.WithCommand("XFROM", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			ch.MailFrom, ch.MailOptions = arg, []string{"SIZE=5"}
			return "250 2.0.0 rewritten"
		}), Talk: play.Talk("C: XFROM x@client.test", "S: 250 2.0.0 rewritten", play.Proof[play.RcptGiven]), Want: []smtptest.Message{play.Message(func(m *smtptest.Message) { m.From, m.MailOptions = "x@client.test", []string{"SIZE=5"} })}},
		{Name: "recipients rewritten", Why: "rcpttos", In: play.RcptGiven, Setup: play.WithCommand("RCPT", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			if len(ch.RcptTos) == 1 {
				ch.RcptTos, ch.RcptOptions = []string{"x@server.test", "y@server.test"}, [][]string{nil, {"NOTIFY=NEVER"}}
				return "250 2.0.0 rewritten"
			}
			return ""
		}), Talk: play.Talk("C: RCPT TO:<c@server.test>", "S: 250 2.0.0 rewritten", play.SayRcpt, play.Proof[play.RcptGiven]), Want: []smtptest.Message{
			play.Message(func(m *smtptest.Message) {
				m.To, m.RcptOptions = []string{"x@server.test", "y@server.test", "b@server.test"}, [][]string{nil, {"NOTIFY=NEVER"}, nil}
			})}},
		{Name: "recipient not added", Why: "a 250 alone adds nobody", In: play.MailGiven, Setup: play.WithReply("RCPT", "250 2.1.5 mine"),
			Talk: play.Talk("C: RCPT TO:<b@server.test>", "S: 250 2.1.5 mine", "C: DATA", "S: "+play.NoRcpt)},
		{Name: "recipients taken away", Why: "rcpttos", In: play.RcptGiven, Setup: play.WithCommand("XNONE", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			ch.RcptTos = nil
			return "250 2.0.0 none"
		}), Talk: play.Talk("C: XNONE", "S: 250 2.0.0 none", play.Proof[play.MailGiven]), Want: []smtptest.Message{play.Message()}},
		{Name: "built in afterwards", Why: "the zero Reply runs the verb on what the function has left", In: play.Greeted, Setup: play.WithCommand("MAIL", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			ch.State, ch.SeenGreeting = smtptest.StateHello, "client.test" // as if it had been greeted
			return ""
		}), Talk: play.Talk(play.SayMail, play.SayRcpt, play.SayData, play.SayText), Want: []smtptest.Message{play.Message()}},
		{Name: "built in, refused", Why: "4.1.4: order holds for the verb itself", In: play.Greeted, Setup: play.WithReply("MAIL", ""), Talk: play.Talk("C: MAIL FROM:<a@client.test>", "S: "+play.NeedHelo)},
		{Name: "built in, unknown", Why: "4.2.4", In: play.EHLO, Setup: play.WithReply("XFOO", ""), Talk: play.Talk("C: XFOO", "S: "+play.Unknown("XFOO"))},
		{Name: "built in, not offered", Why: "4.2.4", In: play.EHLO, Setup: play.WithReply("STARTTLS", ""), Talk: play.Talk("C: STARTTLS", "S: "+play.Unknown("STARTTLS"))},
		{Name: "built in, needs auth", Why: "RFC 4954 6", In: play.Greeted, Setup: func(srv *smtptest.Server) {
			play.WithReply("MAIL", "")(srv)
			srv.Extensions, srv.Users, srv.RequireAuth, srv.Mechanisms = []string{"ENHANCEDSTATUSCODES"}, map[string]string{"a": "b"}, true, []string{"PLAIN"}
		}, Talk: play.Talk("C: EHLO client.test", "S: 250-localhost", "S: 250-ENHANCEDSTATUSCODES", "S: 250 AUTH PLAIN", "C: MAIL FROM:<a@client.test>", "S: 530 5.7.0 Authentication required")},
		{Name: "354 with a text of one's own", Why: "354 lets the content follow", In: play.RcptGiven, Setup: play.WithReply("DATA", "354 now you"),
			Talk: play.Talk("C: DATA", "S: 354 now you", play.SayText, "C: NOOP", "S: "+play.OK), Want: []smtptest.Message{play.Message()}},
		{Name: "354 out of order", Why: "what follows is content, and is thrown away", In: play.MailGiven, Setup: play.WithReply("DATA", "354 now you"),
			Talk: play.Talk("C: DATA", "S: 354 now you", "C: text", "C: .", "S: "+play.NeedRcpt, "C: NOOP", "S: "+play.OK)},
		{Name: "354 after setting a recipient", Why: "rcpttos", In: play.MailGiven, Setup: play.WithCommand("DATA", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			ch.RcptTos = []string{"b@server.test"}
			return "354 now you"
		}), Talk: play.Talk("C: DATA", "S: 354 now you", play.SayText, "C: NOOP", "S: "+play.OK), Want: []smtptest.Message{play.Message()}},
		{Name: "data by another verb", Why: "smtp_state: DATA is what makes lines content", In: play.RcptGiven, Setup: play.WithCommand("XDATA", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			ch.State = smtptest.StateData
			return "354 go on"
		}), Talk: play.Talk("C: XDATA", "S: 354 go on", play.SayText, play.Proof[play.EHLO]), Want: []smtptest.Message{play.Message(), play.Message()}},
		{Name: "data by another verb, silently", Why: "smtp_state", In: play.RcptGiven, Setup: play.WithCommand("XDATA", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			ch.State = smtptest.StateData
			return smtptest.NoReply
		}), Talk: play.Talk("C: XDATA", play.Silence, play.SayText, play.Proof[play.EHLO]), Want: []smtptest.Message{play.Message(), play.Message()}, Separate: true},
		{Name: "data without recipients", Why: "the test's own doing is recorded as it is", In: play.Greeted, Setup: play.WithCommand("XDATA", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			ch.State, ch.SeenGreeting = smtptest.StateData, "client.test"
			return "354 go on"
		}), Talk: play.Talk("C: XDATA", "S: 354 go on", play.SayText), Want: []smtptest.Message{play.Message(func(m *smtptest.Message) { m.From, m.To, m.RcptOptions = "", []string{}, [][]string{} })}},
		{Name: "logged in", Why: "an AUTH of the test's own, RFC 4954 4", In: play.EHLO, Setup: play.WithCommand("XLOGIN", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			ch.User = arg
			return "235 2.7.0 welcome"
		}), Talk: play.Talk("C: XLOGIN ann", "S: 235 2.7.0 welcome", play.Proof[play.EHLO]), Want: []smtptest.Message{play.Message(func(m *smtptest.Message) { m.User = "ann" })}},
		{Name: "name of the server", Why: "fqdn", In: play.EHLO, Setup: play.WithCommand("XNAME", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			ch.FQDN = arg
			return "250 2.0.0 renamed"
		}), Talk: play.Talk("C: XNAME mx.test", "S: 250 2.0.0 renamed", "C: HELO client.test", "S: 250 mx.test", "C: EHLO client.test", "S: 250-mx.test", play.SayEHLO[2:])},
	})
}

// TestChannelRecipients records what a function in the place of RCPT has added,
// with the reply that it gave.
func TestChannelRecipients(t *testing.T) {
	play.Networks(t, func(t *testing.T, start func(*smtptest.Server)) {
		srv := smtptest.NewUnstartedServer(t)
		play.WithCommand("RCPT", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			switch arg {
			case "TO:<staff@server.test>":
				ch.RcptTos = append(ch.RcptTos, "b@server.test", "c@server.test")
				return "251 2.1.5 two of them"
			case "TO:<gone@server.test>":
				return "550 5.1.1 gone"
			}
			return ""
		})(srv)
		start(srv)
		c := play.Arrive(t, srv, play.MailGiven)
		if err := play.Converse(c, play.StepsOf(play.Talk("C: RCPT TO:<staff@server.test>", "S: 251 2.1.5 two of them", "C: RCPT TO:<gone@server.test>", "S: 550 5.1.1 gone", play.SayRcpt, play.SayData, play.SayText, play.SayQuit))); err != nil {
			t.Fatal(err)
		}
		want := []smtptest.Recipient{{To: "b@server.test", Reply: "251 2.1.5 two of them", Accepted: true}, {To: "c@server.test", Reply: "251 2.1.5 two of them", Accepted: true},
			{To: "gone@server.test", Reply: "550 5.1.1 gone"}, {To: "b@server.test", Reply: play.RcptOK, Accepted: true}}
		if diff := cmp.Diff(want, srv.WaitSession(func(smtptest.Session) bool { return true }).Transactions[0].Recipients); diff != "" {
			t.Errorf("Recipients mismatch (-want +got):\n%s", diff)
		}
	})
}

// TestChannelXclient is a verb of the test's own with arguments, that says on
// whose behalf the client speaks: the records have it.
func TestChannelXclient(t *testing.T) {
	play.Networks(t, func(t *testing.T, start func(*smtptest.Server)) {
		srv := smtptest.NewUnstartedServer(t)
		play.WithCommand("XFORWARD", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			for attr := range strings.FieldsSeq(arg) {
				name, value, ok := strings.Cut(attr, "=")
				switch {
				case ok && name == "ADDR":
					ch.Peer = value
				case ok && name == "HELO":
					ch.SeenGreeting = value
				default:
					return "501-5.5.4 Syntax: XFORWARD attribute=value...\n501 5.5.4 Attributes: ADDR HELO"
				}
			}
			return "250 2.0.0 OK"
		})(srv)
		start(srv)
		c := play.Arrive(t, srv, play.EHLO)
		err := play.Converse(c, play.StepsOf(play.Talk("C: XFORWARD NAME", "S: 501-5.5.4 Syntax: XFORWARD attribute=value...", "S: 501 5.5.4 Attributes: ADDR HELO",
			"C: xforward ADDR=192.0.2.7 HELO=far.test", "S: 250 2.0.0 OK", play.Proof[play.EHLO], play.SayQuit)))
		if err != nil {
			t.Fatal(err)
		}
		if m := srv.Wait(1)[0]; m.Peer != "192.0.2.7" || m.Helo != "far.test" {
			t.Errorf("Peer = %q, Helo = %q", m.Peer, m.Helo)
		}
		if s := srv.WaitSession(func(smtptest.Session) bool { return true }); s.Peer != "192.0.2.7" || s.Helo != "far.test" {
			t.Errorf("session: Peer = %q, Helo = %q", s.Peer, s.Helo)
		}
	})
}

// TestChannelScript: a rule of the script comes before the function, which is
// asked only if its reply is sent or it takes effect.
func TestChannelScript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewUnstartedServer(t)
		asked := 0
		count := func(ch *smtptest.Channel, arg string) smtptest.Reply {
			asked++
			return "250 2.0.0 " + smtptest.Reply(arg)
		}
		srv.Commands = map[string]smtptest.CommandFunc{"XFOO": count, "NOOP": count, "RCPT": count}
		srv.Script(
			smtptest.Rule{On: "XFOO bar", Times: 1, Reply: "450 4.2.1 later"},
			smtptest.Rule{On: "NOOP", Times: 1, Delay: 1},
			smtptest.Rule{On: "RCPT", Times: 1, Keep: true, Reply: "450 4.2.1 later"},
		)
		srv.StartInMemory()
		c := play.Arrive(t, srv, play.MailGiven)
		err := play.Converse(c, play.StepsOf(play.Talk("C: XFOO bar", "S: 450 4.2.1 later", "C: XFOO bar", "S: 250 2.0.0 bar", "C: NOOP a", "S: 250 2.0.0 a", "C: RCPT TO:<b@server.test>", "S: 450 4.2.1 later",
			"C: DATA", "S: "+play.NoRcpt)))
		if err != nil || asked != 3 {
			t.Errorf("asked %d times: %v", asked, err)
		}
	})
}

// TestChannelRaw writes to the connection itself, behind what is already
// answered.
func TestChannelRaw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewUnstartedServer(t)
		play.WithCommand("XRAW", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			io.WriteString(ch.Conn, "250-2.0.0 a\r\n")
			return "250 2.0.0 b"
		})(srv)
		srv.StartInMemory()
		c := play.Listen(play.Arrive(t, srv, play.EHLO))
		c.Say(play.Step{Send: "NOOP\r\nXRAW\r\nNOOP\r\n"})
		if diff := cmp.Diff(play.OK+"\r\n250-2.0.0 a\r\n250 2.0.0 b\r\n"+play.OK+"\r\n", c.Heard()); diff != "" {
			t.Errorf("replies (-want +got):\n%s", diff)
		}
	})
}

// TestChannelBdat replaces BDAT, whose chunk is read whatever the function says.
func TestChannelBdat(t *testing.T) {
	for _, c := range []struct {
		name  string
		reply smtptest.Reply
		want  string
		count int
	}{
		{"as built in", "", "250 2.0.0 5 octets received\r\n" + play.OK + "\r\n" + play.OK + "\r\n", 1},
		{"refused", "452 4.3.1 full", "452 4.3.1 full\r\n452 4.3.1 full\r\n" + play.OK + "\r\n", 0},
		{"no success of its own", "250 2.0.0 mine", "250 2.0.0 mine\r\n250 2.0.0 mine\r\n" + play.OK + "\r\n", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := smtptest.NewUnstartedServer(t)
				srv.Extensions = append(srv.Extensions, "CHUNKING")
				play.WithReply("BDAT", c.reply)(srv)
				srv.StartInMemory()
				client := play.Listen(play.Dial(t, srv))
				client.Say(play.Step{Send: "EHLO client.test\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<b@server.test>\r\n"})
				client.Heard()
				client.Say(play.Step{Send: "BDAT 5\r\nNOOP\nBDAT 2 LAST\r\n\r\nNOOP\r\n"})
				if diff := cmp.Diff(c.want, client.Heard()); diff != "" {
					t.Errorf("replies (-want +got):\n%s", diff)
				}
				if n := srv.Count(); n != c.count {
					t.Errorf("Count() = %d, want %d", n, c.count)
				}
			})
		})
	}
}

// TestChannelOptions reads the record while a CommandFunc writes into the
// Channel's options: the race detector looks on. What it has written is so when
// it has returned.
func TestChannelOptions(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Extensions = append(srv.Extensions, "DSN")
	srv.Commands = map[string]smtptest.CommandFunc{"XNEVER": func(ch *smtptest.Channel, _ string) smtptest.Reply {
		var reader sync.WaitGroup
		reader.Go(func() { srv.Sessions() })
		ch.MailOptions[0], ch.RcptOptions[0][0] = "RET=HDRS", "NOTIFY=NEVER"
		reader.Wait()
		return "250 OK"
	}}
	srv.Start()
	c := play.Dial(t, srv)
	io.WriteString(c, "EHLO client.test\r\nMAIL FROM:<a@client.test> RET=FULL\r\nRCPT TO:<b@server.test> NOTIFY=DELAY\r\nXNEVER\r\nQUIT\r\n")
	tr := srv.WaitSession(nil).Transactions[0]
	if diff := cmp.Diff([]string{"RET=HDRS", "NOTIFY=NEVER"}, append(tr.MailOptions, tr.Recipients[0].Options...)); diff != "" {
		t.Errorf("options mismatch (-want +got):\n%s", diff)
	}
}
