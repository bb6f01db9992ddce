package extensions_test

import (
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

// TestConformanceLMTP is about RFC 2033.
func TestConformanceLMTP(t *testing.T) {
	lmtp := func(rules ...smtptest.Rule) func(*smtptest.Server) {
		return func(srv *smtptest.Server) { srv.LMTP = true; srv.Script(rules...) }
	}
	begin := play.Talk("S: "+play.Greeting, "C: LHLO client.test", play.SayEHLO[1:], play.SayMail)
	two := play.Talk("C: RCPT TO:<b@server.test>", "S: "+play.RcptOK, "C: RCPT TO:<c@server.test>", "S: "+play.RcptOK, play.SayData)
	to := func(paths ...string) []smtptest.Message {
		return []smtptest.Message{play.Message(func(m *smtptest.Message) { m.To = paths })}
	}
	play.Run(t, []play.Case{
		{Name: "a reply for each", Why: "4.2", Setup: lmtp(), Want: to("b@server.test", "c@server.test"),
			Talk: play.Talk(begin, two, "C: text", "C: .", "S: "+play.OK, "S: "+play.OK, play.SayQuit)},
		{Name: "one refused", Why: "4.2: scripted for one recipient", Want: to("c@server.test"),
			Setup: lmtp(smtptest.Rule{On: ". <b@server.test>", Reply: "452 4.2.2 mailbox full"}),
			Talk:  play.Talk(begin, two, "C: text", "C: .", "S: 452 4.2.2 mailbox full", "S: "+play.OK, play.SayQuit)},
		{Name: "all refused", Why: "4.2", Outcomes: []string{smtptest.OutcomeRefused},
			Setup: lmtp(smtptest.Rule{On: ".", Reply: "552 5.2.2 no"}),
			Talk:  play.Talk(begin, two, "C: text", "C: .", "S: 552 5.2.2 no", "S: 552 5.2.2 no", play.SayQuit)},
		{Name: "data without recipients", Why: "4.2: 503", Setup: lmtp(smtptest.Rule{On: "RCPT", Reply: "550 5.1.1 no"}),
			Talk: play.Talk(begin, "C: RCPT TO:<b@server.test>", "S: 550 5.1.1 no", "C: DATA", "S: "+play.NeedRcpt, play.SayQuit)},
		{Name: "the same twice", Why: "4.2: a reply for each RCPT, duplicates included", Want: to("b@server.test", "b@server.test"),
			Setup: lmtp(smtptest.Rule{On: ". <b@server.test>", Times: 1, Reply: "250 2.0.0 first"}), Talk: play.Talk(begin, play.SayRcpt, play.SayRcpt, play.SayData, "C: text", "C: .", "S: 250 2.0.0 first", "S: "+play.OK, play.SayQuit)},
		{Name: "only the accepted", Why: "4.2: none for a refused RCPT", Want: to("c@server.test"), Setup: lmtp(smtptest.Rule{On: "RCPT TO:<b@*>", Reply: "550 5.1.1 no"}),
			Talk: play.Talk(begin, "C: RCPT TO:<b@server.test>", "S: 550 5.1.1 no", "C: RCPT TO:<c@server.test>", "S: "+play.RcptOK, play.SayData, "C: text", "C: .", "S: "+play.OK, play.SayQuit)},
		{Name: "broken off in between", Why: "5: the missing are temporary", Want: to("b@server.test", "c@server.test"), End: smtptest.EndRule,
			Setup: lmtp(smtptest.Rule{On: ". <c@server.test>", Reply: smtptest.NoReply, Keep: true, Then: smtptest.Close}), Talk: play.Talk(begin, two, "C: text", "C: .", "S: "+play.OK, play.Closed)},
		{Name: "two messages", Why: "4.2", Want: append(to("b@server.test", "c@server.test"), to("b@server.test")...), Setup: lmtp(),
			Talk: play.Talk(begin, two, "C: text", "C: .", "S: "+play.OK, "S: "+play.OK, play.SayMail, play.SayRcpt, play.SayData, "C: text", "C: .", "S: "+play.OK, play.SayQuit)},
		{Name: "mail before lhlo", Why: "4.1", Setup: lmtp(), Talk: play.Talk("S: "+play.Greeting, "C: MAIL FROM:<a@client.test>", "S: "+play.NeedHelo, play.SayQuit)},
		{Name: "lhlo syntax", Why: "4.1", Setup: lmtp(), Talk: play.Talk("S: "+play.Greeting, "C: LHLO", "S: 501 5.5.4 Syntax: LHLO hostname", "C: HELO client.test", "S: "+play.Unknown("HELO"), play.SayQuit)},
		{Name: "too much", Why: "4.2: for each", Outcomes: []string{smtptest.OutcomeRefused}, Setup: func(srv *smtptest.Server) {
			srv.LMTP, srv.SizeLimit, srv.Extensions[1] = true, 3, "SIZE 33554432"
		}, Talk: play.Talk(begin, two, "C: text", "C: .", "S: "+play.TooMuch, "S: "+play.TooMuch, play.SayQuit)},
		{Name: "helo", Why: "4.1: HELO and EHLO are not LMTP", Setup: lmtp(),
			Talk: play.Talk("S: "+play.Greeting, "C: EHLO a", `S: 500 5.5.2 Error: command "EHLO" not recognized`, play.SayQuit)},
	})
}
