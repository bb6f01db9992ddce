package smtptest_test

import (
	"slices"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
)

// offering adds EHLO lines to the defaults.
func offering(lines ...string) func(*smtptest.Server) {
	return func(srv *smtptest.Server) { srv.Extensions = append(srv.Extensions, lines...) }
}

// ehloWith is EHLO with lines added to the defaults.
func ehloWith(lines ...string) []string {
	said := slices.Clone(sayEhlo)
	said[len(said)-1] = "S: 250-HELP"
	for i, line := range lines {
		sep := "-"
		if i == len(lines)-1 {
			sep = " "
		}
		said = append(said, "S: 250"+sep+line)
	}
	return said
}

// TestConformanceLMTP is about RFC 2033.
func TestConformanceLMTP(t *testing.T) {
	lmtp := func(rules ...smtptest.Rule) func(*smtptest.Server) {
		return func(srv *smtptest.Server) { srv.LMTP = true; srv.Script(rules...) }
	}
	begin := talk("S: "+greeting, "C: LHLO client.test", sayEhlo[1:], sayMail)
	two := talk("C: RCPT TO:<b@server.test>", "S: "+rcptOK, "C: RCPT TO:<c@server.test>", "S: "+rcptOK, sayData)
	to := func(paths ...string) []smtptest.Message {
		return []smtptest.Message{message(func(m *smtptest.Message) { m.To = paths })}
	}
	run(t, []row{
		{name: "a reply for each", why: "4.2", setup: lmtp(), want: to("b@server.test", "c@server.test"),
			talk: talk(begin, two, "C: text", "C: .", "S: "+ok, "S: "+ok, sayQuit)},
		{name: "one refused", why: "4.2: scripted for one recipient", want: to("c@server.test"),
			setup: lmtp(smtptest.Rule{On: ". <b@server.test>", Reply: "452 4.2.2 mailbox full"}),
			talk:  talk(begin, two, "C: text", "C: .", "S: 452 4.2.2 mailbox full", "S: "+ok, sayQuit)},
		{name: "all refused", why: "4.2", fates: []string{smtptest.OutcomeRefused},
			setup: lmtp(smtptest.Rule{On: ".", Reply: "552 5.2.2 no"}),
			talk:  talk(begin, two, "C: text", "C: .", "S: 552 5.2.2 no", "S: 552 5.2.2 no", sayQuit)},
		{name: "data without recipients", why: "4.2: 503", setup: lmtp(smtptest.Rule{On: "RCPT", Reply: "550 5.1.1 no"}),
			talk: talk(begin, "C: RCPT TO:<b@server.test>", "S: 550 5.1.1 no", "C: DATA", "S: "+needRcpt, sayQuit)},
		{name: "the same twice", why: "4.2: a reply for each RCPT, duplicates included", want: to("b@server.test", "b@server.test"),
			setup: lmtp(smtptest.Rule{On: ". <b@server.test>", Times: 1, Reply: "250 2.0.0 first"}), talk: talk(begin, sayRcpt, sayRcpt, sayData, "C: text", "C: .", "S: 250 2.0.0 first", "S: "+ok, sayQuit)},
		{name: "only the accepted", why: "4.2: none for a refused RCPT", want: to("c@server.test"), setup: lmtp(smtptest.Rule{On: "RCPT TO:<b@*>", Reply: "550 5.1.1 no"}),
			talk: talk(begin, "C: RCPT TO:<b@server.test>", "S: 550 5.1.1 no", "C: RCPT TO:<c@server.test>", "S: "+rcptOK, sayData, "C: text", "C: .", "S: "+ok, sayQuit)},
		{name: "broken off in between", why: "5: the missing are temporary", want: to("b@server.test", "c@server.test"), end: smtptest.EndRule,
			setup: lmtp(smtptest.Rule{On: ". <c@server.test>", Reply: smtptest.NoReply, Keep: true, Then: smtptest.Close}), talk: talk(begin, two, "C: text", "C: .", "S: "+ok, closed)},
		{name: "two messages", why: "4.2", want: append(to("b@server.test", "c@server.test"), to("b@server.test")...), setup: lmtp(),
			talk: talk(begin, two, "C: text", "C: .", "S: "+ok, "S: "+ok, sayMail, sayRcpt, sayData, "C: text", "C: .", "S: "+ok, sayQuit)},
		{name: "mail before lhlo", why: "4.1", setup: lmtp(), talk: talk("S: "+greeting, "C: MAIL FROM:<a@client.test>", "S: "+needHelo, sayQuit)},
		{name: "lhlo syntax", why: "4.1", setup: lmtp(), talk: talk("S: "+greeting, "C: LHLO", "S: 501 5.5.4 Syntax: LHLO hostname", "C: HELO client.test", "S: "+unknown("HELO"), sayQuit)},
		{name: "too much", why: "4.2: for each", fates: []string{smtptest.OutcomeRefused}, setup: func(srv *smtptest.Server) {
			srv.LMTP, srv.SizeLimit, srv.Extensions[1] = true, 3, "SIZE 33554432"
		}, talk: talk(begin, two, "C: text", "C: .", "S: "+tooMuch, "S: "+tooMuch, sayQuit)},
		{name: "helo", why: "4.1: HELO and EHLO are not LMTP", setup: lmtp(),
			talk: talk("S: "+greeting, "C: EHLO a", `S: 500 5.5.2 Error: command "EHLO" not recognized`, sayQuit)},
	})
}
