package smtptest_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// with makes a server's Commands of one function.
func with(verb string, f smtptest.CommandFunc) func(*smtptest.Server) {
	return func(srv *smtptest.Server) { srv.Commands = map[string]smtptest.CommandFunc{verb: f} }
}

// replying is a CommandFunc that does nothing but reply.
func replying(verb string, reply smtptest.Reply) func(*smtptest.Server) {
	return with(verb, func(*smtptest.Channel, string) smtptest.Reply { return reply })
}

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
	networks(t, func(t *testing.T, start func(*smtptest.Server)) {
		srv := smtptest.NewUnstartedServer(t)
		srv.Hostname = "mx.test"
		srv.Extensions = append(srv.Extensions, "DSN")
		var client net.Conn
		var seen []variables
		with("XLOOK", func(ch *smtptest.Channel, arg string) smtptest.Reply {
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
		client = dial(t, srv)
		look := []string{"C: XLOOK now  ", "S: 250 2.0.0 now"}
		err := converse(client, turnsOf(talk("S: 220 mx.test ESMTP smtptest", look, "C: HELO client.test", "S: 250 mx.test", look, sayMail, look, sayRcpt, look, sayData, "C: ..text", "C: .", "S: "+ok, look,
			"C: EHLO other.test", "S: 250-mx.test", sayEhlo[2:6], "S: 250-ENHANCEDSTATUSCODES", "S: 250-HELP", "S: 250 DSN", "C: MAIL FROM:<> RET=HDRS", "S: "+mailOK,
			"C: RCPT TO:<b@server.test> NOTIFY=NEVER", "S: "+rcptOK, "C: RCPT TO:<c@server.test>", "S: "+rcptOK, look, "C: RSET", "S: "+ok, look)))
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
func once(verb string, in state, reply smtptest.Reply) func(*smtptest.Server) {
	at := map[state]smtptest.State{greeted: smtptest.StateGreeted, ehlo: smtptest.StateHello, mailGiven: smtptest.StateMail, rcptGiven: smtptest.StateRcpt}[in]
	return func(srv *smtptest.Server) {
		done := false
		with(verb, func(ch *smtptest.Channel, _ string) smtptest.Reply {
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
	var rows []row
	for _, c := range []struct {
		line  string
		in    state
		reply smtptest.Reply
	}{
		{"EHLO client.test", greeted, "250 mine"}, {"EHLO other.test", rcptGiven, "250 mine"}, {"EHLO", ehlo, "250-mine\n250 SIZE"},
		{"HELO client.test", greeted, "250 mine"}, {"HELO client.test", greeted, "550 5.7.1 mine"}, {"LHLO client.test", ehlo, "250 mine"},
		{"MAIL FROM:<a@client.test>", ehlo, "250 2.0.0 mine"}, {"MAIL FROM:<a@client.test>", greeted, "250 2.0.0 mine"}, {"MAIL FROM:<a@client.test>", ehlo, "550 5.7.1 mine"},
		{"RCPT TO:<c@server.test>", rcptGiven, "251 2.0.0 mine"}, {"RCPT me", rcptGiven, "452 4.5.3 mine"},
		{"DATA", rcptGiven, "451 4.3.0 mine"}, {"DATA", rcptGiven, "250 2.0.0 mine"}, {"DATA", mailGiven, "250 2.0.0 mine"},
		{"BDAT 5", rcptGiven, "250 2.0.0 mine"}, {"RSET", rcptGiven, "250 2.0.0 mine"}, {"NOOP", rcptGiven, "550 5.0.0 mine"}, {"noop", rcptGiven, "250 2.0.0 mine"},
		{"QUIT", rcptGiven, "250 2.0.0 mine"}, {"VRFY bob", rcptGiven, "250 2.0.0 mine"}, {"EXPN staff", rcptGiven, "250-2.0.0 a\n250 2.0.0 b"},
		{"HELP", rcptGiven, "211 2.0.0 mine"}, {"STARTTLS", ehlo, "454 4.7.0 mine"}, {"STARTTLS", ehlo, "220 2.0.0 mine"},
		{"AUTH PLAIN AGEAYg==", ehlo, "535 5.7.8 mine"}, {"AUTH PLAIN AGEAYg==", ehlo, "235 2.7.0 mine"}, {"XCLIENT ADDR=192.0.2.1", ehlo, "220 2.0.0 mine"},
		{"TURN", rcptGiven, "250 2.0.0 mine"}, {"SEND FROM:<a@client.test>", ehlo, "250 2.0.0 mine"}, {"SOML FROM:<a@client.test>", ehlo, "250 2.0.0 mine"},
		{"SAML FROM:<a@client.test>", ehlo, "250 2.0.0 mine"}, {"ETRN server.test", ehlo, "250 2.0.0 mine"},
	} {
		verb, _, _ := strings.Cut(strings.ToUpper(c.line), " ")
		r := row{name: fmt.Sprintf("%s/%s/%s", c.in, c.line, c.reply[:3]), why: "smtpd: smtp_<COMMAND>", in: c.in, setup: once(verb, c.in, c.reply), want: []smtptest.Message{message()}}
		r.talk = talk("C: " + c.line)
		for line := range strings.Lines(string(c.reply)) {
			r.talk = append(r.talk, "S: "+strings.TrimRight(line, "\n"))
		}
		r.talk = append(r.talk, proof[c.in]...)
		rows = append(rows, r)
	}
	run(t, rows)
}

// TestChannelState sets the state: a command that follows finds it so, and what
// is recorded is what was set.
func TestChannelState(t *testing.T) {
	to := func(to ...string) []smtptest.Message {
		return []smtptest.Message{message(func(m *smtptest.Message) { m.To = to })}
	}
	run(t, []row{
		{name: "greeting not needed", why: "smtp_state and seen_greeting", in: greeted, setup: with("XHI", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			ch.State, ch.SeenGreeting, ch.Extended = smtptest.StateHello, arg, true
			return "250 2.0.0 hi"
		}), talk: talk("C: XHI client.test", "S: 250 2.0.0 hi", proof[ehlo]), want: []smtptest.Message{message()}},
		{name: "greeting forgotten", why: "smtp_state", in: rcptGiven, setup: with("XBYE", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			ch.State, ch.SeenGreeting = smtptest.StateGreeted, ""
			return "250 2.0.0 who are you?"
		}), talk: talk("C: XBYE", "S: 250 2.0.0 who are you?", proof[greeted]), want: []smtptest.Message{message()}, fates: []string{smtptest.OutcomeReset, smtptest.OutcomeAccepted}},
		{name: "sender and recipient", why: "mailfrom and rcpttos alone begin a transaction, as in smtpd", in: ehlo, setup: with("XSEND", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			ch.MailFrom, ch.RcptTos = "a@client.test", strings.Fields(arg)
			return "250 2.0.0 sending"
		}), talk: talk("C: XSEND b@server.test c@server.test", "S: 250 2.0.0 sending", proof[rcptGiven]), want: to("b@server.test", "c@server.test")},
		{name: "transaction dropped", why: "smtp_state", in: rcptGiven, setup: with("XDROP", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			ch.State = smtptest.StateHello
			return "250 2.0.0 dropped"
		}), talk: talk("C: XDROP", "S: 250 2.0.0 dropped", proof[ehlo]), want: []smtptest.Message{message()}, fates: []string{smtptest.OutcomeReset, smtptest.OutcomeAccepted}},
		{name: "sender rewritten", why: "mailfrom", in: rcptGiven, setup: with("XFROM", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			ch.MailFrom, ch.MailOptions = arg, []string{"SIZE=5"}
			return "250 2.0.0 rewritten"
		}), talk: talk("C: XFROM x@client.test", "S: 250 2.0.0 rewritten", proof[rcptGiven]), want: []smtptest.Message{message(func(m *smtptest.Message) { m.From, m.MailOptions = "x@client.test", []string{"SIZE=5"} })}},
		{name: "recipients rewritten", why: "rcpttos", in: rcptGiven, setup: with("RCPT", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			if len(ch.RcptTos) == 1 {
				ch.RcptTos, ch.RcptOptions = []string{"x@server.test", "y@server.test"}, [][]string{nil, {"NOTIFY=NEVER"}}
				return "250 2.0.0 rewritten"
			}
			return ""
		}), talk: talk("C: RCPT TO:<c@server.test>", "S: 250 2.0.0 rewritten", sayRcpt, proof[rcptGiven]), want: []smtptest.Message{
			message(func(m *smtptest.Message) {
				m.To, m.RcptOptions = []string{"x@server.test", "y@server.test", "b@server.test"}, [][]string{nil, {"NOTIFY=NEVER"}, nil}
			})}},
		{name: "recipient not added", why: "a 250 alone adds nobody", in: mailGiven, setup: replying("RCPT", "250 2.1.5 mine"),
			talk: talk("C: RCPT TO:<b@server.test>", "S: 250 2.1.5 mine", "C: DATA", "S: "+noRcpt)},
		{name: "recipients taken away", why: "rcpttos", in: rcptGiven, setup: with("XNONE", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			ch.RcptTos = nil
			return "250 2.0.0 none"
		}), talk: talk("C: XNONE", "S: 250 2.0.0 none", proof[mailGiven]), want: []smtptest.Message{message()}},
		{name: "built in afterwards", why: "the zero Reply runs the verb on what the function has left", in: greeted, setup: with("MAIL", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			ch.State, ch.SeenGreeting = smtptest.StateHello, "client.test" // as if it had been greeted
			return ""
		}), talk: talk(sayMail, sayRcpt, sayData, sayText), want: []smtptest.Message{message()}},
		{name: "built in, refused", why: "4.1.4: order holds for the verb itself", in: greeted, setup: replying("MAIL", ""), talk: talk("C: MAIL FROM:<a@client.test>", "S: "+needHelo)},
		{name: "built in, unknown", why: "4.2.4", in: ehlo, setup: replying("XFOO", ""), talk: talk("C: XFOO", "S: "+unknown("XFOO"))},
		{name: "built in, not offered", why: "4.2.4", in: ehlo, setup: replying("STARTTLS", ""), talk: talk("C: STARTTLS", "S: "+unknown("STARTTLS"))},
		{name: "built in, needs auth", why: "RFC 4954 6", in: greeted, setup: func(srv *smtptest.Server) {
			replying("MAIL", "")(srv)
			srv.Extensions, srv.Users, srv.RequireAuth, srv.Mechanisms = []string{"ENHANCEDSTATUSCODES"}, map[string]string{"a": "b"}, true, []string{"PLAIN"}
		}, talk: talk("C: EHLO client.test", "S: 250-localhost", "S: 250-ENHANCEDSTATUSCODES", "S: 250 AUTH PLAIN", "C: MAIL FROM:<a@client.test>", "S: 530 5.7.0 Authentication required")},
		{name: "354 with a text of one's own", why: "354 lets the content follow", in: rcptGiven, setup: replying("DATA", "354 now you"),
			talk: talk("C: DATA", "S: 354 now you", sayText, "C: NOOP", "S: "+ok), want: []smtptest.Message{message()}},
		{name: "354 out of order", why: "what follows is content, and is thrown away", in: mailGiven, setup: replying("DATA", "354 now you"),
			talk: talk("C: DATA", "S: 354 now you", "C: text", "C: .", "S: "+needRcpt, "C: NOOP", "S: "+ok)},
		{name: "354 after setting a recipient", why: "rcpttos", in: mailGiven, setup: with("DATA", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			ch.RcptTos = []string{"b@server.test"}
			return "354 now you"
		}), talk: talk("C: DATA", "S: 354 now you", sayText, "C: NOOP", "S: "+ok), want: []smtptest.Message{message()}},
		{name: "data by another verb", why: "smtp_state: DATA is what makes lines content", in: rcptGiven, setup: with("XDATA", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			ch.State = smtptest.StateData
			return "354 go on"
		}), talk: talk("C: XDATA", "S: 354 go on", sayText, proof[ehlo]), want: []smtptest.Message{message(), message()}},
		{name: "data by another verb, silently", why: "smtp_state", in: rcptGiven, setup: with("XDATA", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			ch.State = smtptest.StateData
			return smtptest.NoReply
		}), talk: talk("C: XDATA", silence, sayText, proof[ehlo]), want: []smtptest.Message{message(), message()}, turns: true},
		{name: "data without recipients", why: "the test's own doing is recorded as it is", in: greeted, setup: with("XDATA", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			ch.State, ch.SeenGreeting = smtptest.StateData, "client.test"
			return "354 go on"
		}), talk: talk("C: XDATA", "S: 354 go on", sayText), want: []smtptest.Message{message(func(m *smtptest.Message) { m.From, m.To, m.RcptOptions = "", []string{}, [][]string{} })}},
		{name: "logged in", why: "an AUTH of the test's own, RFC 4954 4", in: ehlo, setup: with("XLOGIN", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			ch.User = arg
			return "235 2.7.0 welcome"
		}), talk: talk("C: XLOGIN ann", "S: 235 2.7.0 welcome", proof[ehlo]), want: []smtptest.Message{message(func(m *smtptest.Message) { m.User = "ann" })}},
		{name: "name of the server", why: "fqdn", in: ehlo, setup: with("XNAME", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			ch.FQDN = arg
			return "250 2.0.0 renamed"
		}), talk: talk("C: XNAME mx.test", "S: 250 2.0.0 renamed", "C: HELO client.test", "S: 250 mx.test", "C: EHLO client.test", "S: 250-mx.test", sayEhlo[2:])},
	})
}

// TestChannelRecipients records what a function in the place of RCPT has added,
// with the reply that it gave.
func TestChannelRecipients(t *testing.T) {
	networks(t, func(t *testing.T, start func(*smtptest.Server)) {
		srv := smtptest.NewUnstartedServer(t)
		with("RCPT", func(ch *smtptest.Channel, arg string) smtptest.Reply {
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
		c := arrive(t, srv, mailGiven)
		if err := converse(c, turnsOf(talk("C: RCPT TO:<staff@server.test>", "S: 251 2.1.5 two of them", "C: RCPT TO:<gone@server.test>", "S: 550 5.1.1 gone", sayRcpt, sayData, sayText, sayQuit))); err != nil {
			t.Fatal(err)
		}
		want := []smtptest.Recipient{{To: "b@server.test", Reply: "251 2.1.5 two of them", Accepted: true}, {To: "c@server.test", Reply: "251 2.1.5 two of them", Accepted: true},
			{To: "gone@server.test", Reply: "550 5.1.1 gone"}, {To: "b@server.test", Reply: rcptOK, Accepted: true}}
		if diff := cmp.Diff(want, srv.WaitSession(func(smtptest.Session) bool { return true }).Transactions[0].Recipients); diff != "" {
			t.Errorf("Recipients mismatch (-want +got):\n%s", diff)
		}
	})
}

// TestChannelXclient is a verb of the test's own with arguments, that says on
// whose behalf the client speaks: the records have it.
func TestChannelXclient(t *testing.T) {
	networks(t, func(t *testing.T, start func(*smtptest.Server)) {
		srv := smtptest.NewUnstartedServer(t)
		with("XFORWARD", func(ch *smtptest.Channel, arg string) smtptest.Reply {
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
		c := arrive(t, srv, ehlo)
		err := converse(c, turnsOf(talk("C: XFORWARD NAME", "S: 501-5.5.4 Syntax: XFORWARD attribute=value...", "S: 501 5.5.4 Attributes: ADDR HELO",
			"C: xforward ADDR=192.0.2.7 HELO=far.test", "S: 250 2.0.0 OK", proof[ehlo], sayQuit)))
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

// TestChannelScript: a row of the script comes before the function, which is
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
		c := arrive(t, srv, mailGiven)
		err := converse(c, turnsOf(talk("C: XFOO bar", "S: 450 4.2.1 later", "C: XFOO bar", "S: 250 2.0.0 bar", "C: NOOP a", "S: 250 2.0.0 a", "C: RCPT TO:<b@server.test>", "S: 450 4.2.1 later",
			"C: DATA", "S: "+noRcpt)))
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
		with("XRAW", func(ch *smtptest.Channel, arg string) smtptest.Reply {
			io.WriteString(ch.Conn, "250-2.0.0 a\r\n")
			return "250 2.0.0 b"
		})(srv)
		srv.StartInMemory()
		c := listenTo(arrive(t, srv, ehlo))
		c.say(turn{send: "NOOP\r\nXRAW\r\nNOOP\r\n"})
		if diff := cmp.Diff(ok+"\r\n250-2.0.0 a\r\n250 2.0.0 b\r\n"+ok+"\r\n", c.heard()); diff != "" {
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
		{"as built in", "", "250 2.0.0 5 octets received\r\n" + ok + "\r\n" + ok + "\r\n", 1},
		{"refused", "452 4.3.1 full", "452 4.3.1 full\r\n452 4.3.1 full\r\n" + ok + "\r\n", 0},
		{"no success of its own", "250 2.0.0 mine", "250 2.0.0 mine\r\n250 2.0.0 mine\r\n" + ok + "\r\n", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := smtptest.NewUnstartedServer(t)
				srv.Extensions = append(srv.Extensions, "CHUNKING")
				replying("BDAT", c.reply)(srv)
				srv.StartInMemory()
				client := listenTo(dial(t, srv))
				client.say(turn{send: "EHLO client.test\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<b@server.test>\r\n"})
				client.heard()
				client.say(turn{send: "BDAT 5\r\nNOOP\nBDAT 2 LAST\r\n\r\nNOOP\r\n"})
				if diff := cmp.Diff(c.want, client.heard()); diff != "" {
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
	c := dial(t, srv)
	io.WriteString(c, "EHLO client.test\r\nMAIL FROM:<a@client.test> RET=FULL\r\nRCPT TO:<b@server.test> NOTIFY=DELAY\r\nXNEVER\r\nQUIT\r\n")
	tr := srv.WaitSession(nil).Transactions[0]
	if diff := cmp.Diff([]string{"RET=HDRS", "NOTIFY=NEVER"}, append(tr.MailOptions, tr.Recipients[0].Options...)); diff != "" {
		t.Errorf("options mismatch (-want +got):\n%s", diff)
	}
}
