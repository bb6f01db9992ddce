package smtptest_test

import (
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
)

// TestConformanceXCLIENT is about the client that says on whose behalf it speaks
// (Postfix XCLIENT_README). NOOP is answered by the peer's address.
func TestConformanceXCLIENT(t *testing.T) {
	const line = "XCLIENT NAME ADDR PORT PROTO HELO LOGIN"
	setup := func(srv *smtptest.Server) {
		offering(line)(srv)
		srv.Commands = map[string]smtptest.CommandFunc{"NOOP": func(ch *smtptest.Channel, arg string) smtptest.Reply {
			return smtptest.Reply("250 2.0.0 " + ch.Peer + " " + ch.SeenGreeting)
		}}
	}
	begin := talk("S: "+greeting, ehloWith(line))
	is := func(text string) []string { return []string{"C: NOOP", "S: 250 2.0.0 " + text} }
	bad := func(args string) []string {
		return []string{"C: XCLIENT" + args, "S: 501 5.5.4 Syntax: XCLIENT attribute=value..."}
	}
	run(t, []row{
		{name: "address", why: "220, as a new session", setup: setup, talk: talk(begin, "C: XCLIENT NAME=spike.example.org ADDR=192.0.2.7 PORT=4711", "S: "+greeting,
			is("192.0.2.7:4711 "), mustHello, "C: DATA", "S: "+needHelo, sayQuit)},
		{name: "ipv6", why: "IPV6: in any case", setup: setup, talk: talk(begin, "C: xclient addr=ipv6:2001:db8::1 port=25", "S: "+greeting, is("[2001:db8::1]:25 "), sayQuit)},
		{name: "no port", why: "the address alone", setup: setup, talk: talk(begin, "C: XCLIENT ADDR=192.0.2.7", "S: "+greeting, is("192.0.2.7 "), sayQuit)},
		{name: "xtext", why: "values are xtext", setup: setup, talk: talk(begin, "C: XCLIENT HELO=a+2Bb", "S: "+greeting, sayQuit)},
		{name: "login", why: "the user, as by AUTH", setup: setup, want: []smtptest.Message{message(func(m *smtptest.Message) { m.User = "ann" })},
			talk: talk(begin, "C: XCLIENT LOGIN=ann", "S: "+greeting, begin[1:], sayMail, sayRcpt, sayData, sayText, sayQuit)},
		{name: "logout", why: "[UNAVAILABLE] in any case", setup: setup, want: []smtptest.Message{message()},
			talk: talk(begin, "C: XCLIENT LOGIN=ann", "S: "+greeting, "C: XCLIENT LOGIN=[unavailable] NAME=[TEMPUNAVAIL]", "S: "+greeting, begin[1:], sayMail, sayRcpt, sayData, sayText, sayQuit)},
		{name: "before ehlo", why: "at any time", setup: setup, talk: talk("S: "+greeting, "C: XCLIENT ADDR=192.0.2.7", "S: "+greeting, sayQuit)},
		{name: "in a transaction", why: "503", setup: setup, talk: talk(begin, sayMail, "C: XCLIENT ADDR=192.0.2.7", "S: 503 5.5.1 Error: command out of place", "C: RSET", "S: "+ok, sayQuit)},
		{name: "syntax", why: "501", setup: setup, talk: talk(begin, bad(""), bad(" ADDR"), bad(" ADDR="), bad(" ADDR=example.org"), bad(" ADDR=2001:db8::1"), bad(" ADDR=IPV6:192.0.2.7"),
			bad(" PORT=x"), bad(" PORT=65536"), bad(" PROTO=LMTP"), bad(" NAME=a+2"), bad(" FOO=1"), bad(" DESTADDR=192.0.2.7"), sayQuit)},
		{name: "not allowed", why: "550, by a row", setup: func(srv *smtptest.Server) {
			setup(srv)
			srv.Script(smtptest.Rule{On: "XCLIENT", Reply: "550 5.7.0 insufficient authorization"})
		}, talk: talk(begin, "C: XCLIENT LOGIN=ann", "S: 550 5.7.0 insufficient authorization", sayMail, "C: RSET", "S: "+ok, sayQuit)},
	})
}
