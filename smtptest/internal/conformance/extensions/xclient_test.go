package extensions_test

import (
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

// TestConformanceXCLIENT is about the client that says on whose behalf it speaks
// (Postfix XCLIENT_README). NOOP is answered by the peer's address.
func TestConformanceXCLIENT(t *testing.T) {
	const line = "XCLIENT NAME ADDR PORT PROTO HELO LOGIN"
	setup := func(srv *smtptest.Server) {
		play.WithExtensions(line)(srv)
		srv.Commands = map[string]smtptest.CommandFunc{"NOOP": func(ch *smtptest.Channel, arg string) smtptest.Reply {
			return smtptest.Reply("250 2.0.0 " + ch.Peer + " " + ch.SeenGreeting)
		}}
	}
	begin := play.Talk("S: "+play.Greeting, play.EHLOWith(line))
	is := func(text string) []string { return []string{"C: NOOP", "S: 250 2.0.0 " + text} }
	bad := func(args string) []string {
		return []string{"C: XCLIENT" + args, "S: 501 5.5.4 Syntax: XCLIENT attribute=value..."}
	}
	play.Run(t, []play.Case{
		{Name: "address", Why: "220, as a new session", Setup: setup, Talk: play.Talk(begin, "C: XCLIENT NAME=spike.example.org ADDR=192.0.2.7 PORT=4711", "S: "+play.Greeting,
			is("192.0.2.7:4711 "), play.MustHello, "C: DATA", "S: "+play.NeedHelo, play.SayQuit)},
		{Name: "ipv6", Why: "IPV6: in any case", Setup: setup, Talk: play.Talk(begin, "C: xclient addr=ipv6:2001:db8::1 port=25", "S: "+play.Greeting, is("[2001:db8::1]:25 "), play.SayQuit)},
		{Name: "no port", Why: "the address alone", Setup: setup, Talk: play.Talk(begin, "C: XCLIENT ADDR=192.0.2.7", "S: "+play.Greeting, is("192.0.2.7 "), play.SayQuit)},
		{Name: "xtext", Why: "values are xtext", Setup: setup, Talk: play.Talk(begin, "C: XCLIENT HELO=a+2Bb", "S: "+play.Greeting, play.SayQuit)},
		{Name: "login", Why: "the user, as by AUTH", Setup: setup, Want: []smtptest.Message{play.Message(func(m *smtptest.Message) { m.User = "ann" })},
			Talk: play.Talk(begin, "C: XCLIENT LOGIN=ann", "S: "+play.Greeting, begin[1:], play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayQuit)},
		{Name: "logout", Why: "[UNAVAILABLE] in any case", Setup: setup, Want: []smtptest.Message{play.Message()},
			Talk: play.Talk(begin, "C: XCLIENT LOGIN=ann", "S: "+play.Greeting, "C: XCLIENT LOGIN=[unavailable] NAME=[TEMPUNAVAIL]", "S: "+play.Greeting, begin[1:], play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayQuit)},
		{Name: "before ehlo", Why: "at any time", Setup: setup, Talk: play.Talk("S: "+play.Greeting, "C: XCLIENT ADDR=192.0.2.7", "S: "+play.Greeting, play.SayQuit)},
		{Name: "in a transaction", Why: "503", Setup: setup, Talk: play.Talk(begin, play.SayMail, "C: XCLIENT ADDR=192.0.2.7", "S: 503 5.5.1 Error: command out of place", "C: RSET", "S: "+play.OK, play.SayQuit)},
		{Name: "syntax", Why: "501", Setup: setup, Talk: play.Talk(begin, bad(""), bad(" ADDR"), bad(" ADDR="), bad(" ADDR=example.org"), bad(" ADDR=2001:db8::1"), bad(" ADDR=IPV6:192.0.2.7"),
			bad(" PORT=x"), bad(" PORT=65536"), bad(" PROTO=LMTP"), bad(" NAME=a+2"), bad(" FOO=1"), bad(" DESTADDR=192.0.2.7"), play.SayQuit)},
		{Name: "not allowed", Why: "550, by a rule", Setup: func(srv *smtptest.Server) {
			setup(srv)
			srv.Script(smtptest.Rule{On: "XCLIENT", Reply: "550 5.7.0 insufficient authorization"})
		}, Talk: play.Talk(begin, "C: XCLIENT LOGIN=ann", "S: 550 5.7.0 insufficient authorization", play.SayMail, "C: RSET", "S: "+play.OK, play.SayQuit)},
	})
}
