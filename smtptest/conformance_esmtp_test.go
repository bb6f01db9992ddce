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
		{name: "helo", why: "4.1: HELO and EHLO are not LMTP", setup: lmtp(),
			talk: talk("S: "+greeting, "C: EHLO a", `S: 500 5.5.2 Error: command "EHLO" not recognized`, sayQuit)},
	})
}
