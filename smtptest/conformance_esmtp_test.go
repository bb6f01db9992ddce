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

func chunked(data string, chunks ...int) smtptest.Message {
	return message(func(m *smtptest.Message) { m.Data, m.Chunks = data, chunks })
}

// TestConformanceBDAT is about CHUNKING and BINARYMIME (RFC 3030).
func TestConformanceBDAT(t *testing.T) {
	begin := talk("S: "+greeting, ehloWith("CHUNKING", "BINARYMIME"))
	setup := offering("CHUNKING", "BINARYMIME")
	place := "503 5.5.1 Error: command out of place"
	chunk := func(n string) string { return "S: 250 2.0.0 " + n + " received" }
	outOfStep := "503 5.5.1 Error: need RCPT command"
	rows := []row{
		{name: "one chunk", why: "2: as it is, no dots stuffed", want: []smtptest.Message{chunked(".\r\n..\r\n", 7)}, split: true,
			talk: talk(begin, sayMail, sayRcpt, "C+ BDAT 7 LAST\r\n.\r\n..\r\n", "S: "+ok, sayQuit)},
		{name: "two chunks", why: "2", want: []smtptest.Message{chunked("abcde", 2, 3)}, split: true,
			talk: talk(begin, sayMail, sayRcpt, "C+ BDAT 2\r\nab", chunk("2 octets"), "C+ BDAT 3 LAST\r\ncde", "S: "+ok, sayQuit)},
		{name: "last of zero", why: "2: BDAT 0 LAST ends", want: []smtptest.Message{chunked("abc", 3, 0)},
			talk: talk(begin, sayMail, sayRcpt, "C+ BDAT 3\r\nabc", chunk("3 octets"), "C: BDAT 0 LAST", "S: "+ok, sayQuit)},
		{name: "commands within", why: "2: the octets are no commands", want: []smtptest.Message{chunked("QUIT\r\n.\r\n", 9)},
			talk: talk(begin, sayMail, sayRcpt, "C+ BDAT 9 LAST\r\nQUIT\r\n.\r\n", "S: "+ok, sayQuit)},
		{name: "lower case", why: "RFC 5321 2.4", want: []smtptest.Message{chunked("x", 1)},
			talk: talk(begin, sayMail, sayRcpt, "C+ bdat 1 last\r\nx", "S: "+ok, sayQuit)},
		{name: "binary", why: "3: BODY=BINARYMIME, bare octets kept", want: []smtptest.Message{
			message(func(m *smtptest.Message) {
				m.Data, m.Chunks, m.MailOptions = "\x00\n\r.\xff", []int{5}, []string{"BODY=BINARYMIME"}
			})},
			talk: talk(begin, "C: MAIL FROM:<a@client.test> BODY=BINARYMIME", "S: "+mailOK, sayRcpt, "C+ BDAT 5 LAST\r\n\x00\n\r.\xff", "S: "+ok, sayQuit)},
		{name: "binary by data", why: "3: only BDAT may carry it", fates: []string{smtptest.OutcomeReset},
			talk: talk(begin, "C: MAIL FROM:<a@client.test> BODY=BINARYMIME", "S: "+mailOK, sayRcpt, "C: DATA", "S: "+place, "C: RSET", "S: "+ok, sayQuit)},
		{name: "data between", why: "2: DATA after BDAT is 503", fates: []string{smtptest.OutcomeReset},
			talk: talk(begin, sayMail, sayRcpt, "C+ BDAT 1\r\nx", chunk("1 octet"), "C: DATA", "S: "+place, "C: RSET", "S: "+ok, sayQuit)},
		{name: "rset between", why: "2: RSET drops the chunks", want: []smtptest.Message{chunked("y", 1)},
			talk: talk(begin, sayMail, sayRcpt, "C+ BDAT 1\r\nx", chunk("1 octet"), "C: RSET", "S: "+ok, sayMail, sayRcpt, "C+ BDAT 1 LAST\r\ny", "S: "+ok, sayQuit)},
		{name: "without rcpt", why: "2: the chunk is consumed", talk: talk(begin, sayMail, "C+ BDAT 6 LAST\r\nQUIT\r\n", "S: "+outOfStep, "C: NOOP", "S: "+ok, sayQuit)},
		{name: "without mail", why: "2", talk: talk(begin, "C+ BDAT 6 LAST\r\nQUIT\r\n", "S: "+outOfStep, sayQuit)},
		{name: "before ehlo", why: "2", talk: talk("S: "+greeting, "C+ BDAT 6 LAST\r\nQUIT\r\n", "S: "+needHelo, sayQuit)},
		{name: "bad size", why: "2", talk: talk(begin, sayMail, sayRcpt, "C: BDAT x", "S: 501 5.5.4 Syntax: BDAT size [LAST]", "C: BDAT -1", "S: 501 5.5.4 Syntax: BDAT size [LAST]", "C: RSET", "S: "+ok, sayQuit)},
		{name: "too much", why: "2: consumed, then 552; only RSET helps", setup: func(srv *smtptest.Server) { setup(srv); srv.SizeLimit = 4; srv.Extensions[1] = "SIZE 33554432" },
			talk: talk(begin, sayMail, sayRcpt, "C+ BDAT 9\r\n123456789", "S: 552 5.3.4 Error: Too much mail data", "C+ BDAT 1 LAST\r\nx", "S: "+outOfStep, "C: RSET", "S: "+ok, sayQuit)},
	}
	for i := range rows {
		if rows[i].setup == nil {
			rows[i].setup = setup
		}
	}
	run(t, rows)
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
