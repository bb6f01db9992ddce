package smtptest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
)

func scripted(rules ...smtptest.Rule) func(*smtptest.Server) {
	return func(srv *smtptest.Server) { srv.Script(rules...) }
}

const (
	accepted = smtptest.OutcomeAccepted
	reset    = smtptest.OutcomeReset
	aborted  = smtptest.OutcomeAborted
)

// again is message with another sender and other data.
func again(from, data string) smtptest.Message {
	return message(func(m *smtptest.Message) { m.From, m.Data = from, data })
}

func TestConformanceTransactions(t *testing.T) {
	second := []string{"C: MAIL FROM:<c@client.test>", "S: " + mailOK}
	more := []string{"C: more", "C: .", "S: " + ok}
	both := []smtptest.Message{message(), again("c@client.test", "more\r\n")}
	rows := []row{
		{name: "two messages", why: "4.1.1.4, trap: no RSET needed", in: inData, want: both, split: true,
			talk: talk(sayText, second, sayRcpt, sayData, more, sayQuit), fates: []string{accepted, accepted}},
		{name: "two messages and rset", why: "4.1.1.5, trap: RSET does not erase what was accepted", in: inData, want: both,
			talk: talk(sayText, "C: RSET", "S: "+ok, second, sayRcpt, sayData, more, sayQuit), fates: []string{accepted, accepted}},
		{name: "rset at the end", why: "trap: the message stays", in: inData, want: []smtptest.Message{message()},
			talk: talk(sayText, "C: RSET", "S: "+ok), fates: []string{accepted}},
		{name: "no quit", why: "many just close", in: inData, want: []smtptest.Message{message()}, talk: talk(sayText), fates: []string{accepted}},
		{name: "ehlo after a message", why: "4.1.4", in: inData, want: []smtptest.Message{message()}, talk: talk(sayText, sayEhlo, sayQuit), fates: []string{accepted}},
		{name: "data is over", why: "4.1.1.4: the buffers are cleared", in: inData, want: []smtptest.Message{message()},
			talk: talk(sayText, "C: DATA", "S: "+needRcpt, "C: RCPT TO:<b@server.test>", "S: "+needMail, sayQuit)},
		{name: "rset drops it", why: "4.1.1.5", in: rcptGiven, talk: talk("C: RSET", "S: "+ok, sayQuit), fates: []string{reset}},
		{name: "helo drops it", why: "4.1.4", in: rcptGiven, talk: talk(sayHelo, sayQuit), fates: []string{reset}},
		{name: "ehlo drops it", why: "4.1.4", in: mailGiven, talk: talk(sayEhlo, sayQuit), fates: []string{reset}},
		{name: "quit drops it", why: "4.1.1.10", in: rcptGiven, talk: sayQuit, fates: []string{aborted}},
		{name: "closing drops it", why: "4.1.1.10", in: rcptGiven, talk: []string{silence}, fates: []string{aborted}},
		{name: "connect and quit", why: "trap: no message", in: greeted, talk: sayQuit, fates: []string{}},
		{name: "connect and close", why: "CVE-2010-3493: no message, no harm", in: greeted},
		{name: "null sender", why: "4.5.5, trap: an empty From is not a missing MAIL", in: ehlo, want: []smtptest.Message{again("", "text\r\n")},
			talk: talk("C: MAIL FROM:<>", "S: "+mailOK, "C: MAIL FROM:<>", "S: "+nested, sayRcpt, sayData, sayText, sayQuit)},
		{name: "refused commands in between", why: "4.1.4: state untouched", in: rcptGiven, want: []smtptest.Message{message()},
			talk: talk("C: FOO", "S: "+unknown("FOO"), "C: MAIL FROM:<x@evil.test>", "S: "+nested, "C: RCPT TO:<>", "S: "+badRcpt+params,
				"C: RSET x", "S: 501 5.5.4 Syntax: RSET", "C: DATA x", "S: 501 5.5.4 Syntax: DATA", "C: NOOP", "S: "+ok, sayData, sayText)},
		{name: "rset keeps the name", why: "4.1.1.5", in: heloRcpt, talk: talk("C: RSET", "S: "+ok, proof[helo]), want: []smtptest.Message{message()}, fates: []string{reset, accepted}},
	}
	run(t, rows)
}

func TestConformanceRecipients(t *testing.T) {
	to := func(list ...string) []smtptest.Message {
		return []smtptest.Message{message(func(m *smtptest.Message) { m.To = list })}
	}
	rcpt := func(address, reply string) []string {
		return []string{"C: RCPT TO:<" + address + ">", "S: " + reply}
	}
	gone := smtptest.Rule{On: "RCPT TO:<gone@*>", Reply: "550 5.1.1 gone"}
	run(t, []row{
		{name: "three", why: "3.3: in order", in: mailGiven, want: to("x@d.test", "a@d.test", "m@d.test"), split: true,
			talk: talk(rcpt("x@d.test", rcptOK), rcpt("a@d.test", rcptOK), rcpt("m@d.test", rcptOK), sayData, sayText)},
		{name: "twice the same", why: "trap: duplicates and other case kept as sent", in: mailGiven, want: to("b@d.test", "b@d.test", "B@d.test"),
			talk: talk(rcpt("b@d.test", rcptOK), rcpt("b@d.test", rcptOK), rcpt("B@d.test", rcptOK), sayData, sayText)},
		{name: "150", why: "4.5.3.1.8: at least 100", in: mailGiven, talk: talk(many(150), sayData, sayText), want: to(addresses(150)...)},
		{name: "one refused", why: "3.3: the others stand", in: mailGiven, setup: scripted(gone), want: to("a@d.test", "c@d.test"), split: true,
			talk: talk(rcpt("a@d.test", rcptOK), rcpt("gone@d.test", "550 5.1.1 gone"), rcpt("c@d.test", rcptOK), sayData, sayText)},
		{name: "first refused", why: "3.3", in: mailGiven, setup: scripted(gone), want: to("c@d.test"),
			talk: talk(rcpt("gone@d.test", "550 5.1.1 gone"), rcpt("c@d.test", rcptOK), sayData, sayText)},
		{name: "all refused", why: "3.3, RFC 2920 3.2: 554, no data mode, and MAIL stands", in: mailGiven, setup: scripted(gone), split: true,
			talk: talk(rcpt("gone@d.test", "550 5.1.1 gone"), rcpt("gone@e.test", "550 5.1.1 gone"), "C: DATA", "S: "+noRcpt, "C: NOOP", "S: "+ok,
				sayRcpt, sayData, sayText), want: []smtptest.Message{message()}, fates: []string{accepted}},
		{name: "all refused, pipelined", why: "RFC 2920 3.1: the content that was not sent is no command", in: ehlo, setup: scripted(gone),
			talk: talk("C: MAIL FROM:<a@client.test>", "C: RCPT TO:<gone@d.test>", "C: DATA", "S: "+mailOK, "S: 550 5.1.1 gone", "S: "+noRcpt,
				"C: .", "S: "+unknown("."), sayQuit), fates: []string{aborted}},
		{name: "bad paths only", why: "3.3: no recipient was given", in: mailGiven, talk: talk("C: RCPT TO:<>", "S: "+badRcpt+params, "C: DATA", "S: "+needRcpt, sayQuit)},
		{name: "too many", why: "4.5.3.1.10: 452, and those before stand", in: mailGiven,
			setup: scripted(smtptest.Rule{On: "RCPT", Skip: 100, Per: smtptest.PerTransaction, Reply: "452 4.5.3 too many recipients"}),
			talk: talk(many(100), rcpt("last@d.test", "452 4.5.3 too many recipients"), sayData, sayText,
				sayMail, rcpt("last@d.test", rcptOK), sayData, sayText), want: slices.Concat(to(addresses(100)...), to("last@d.test"))},
	})
}

func addresses(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("u%d@d.test", i)
	}
	return list
}

// many is n recipients in one pipelined group.
func many(n int) []string {
	lines := make([]string, 0, 2*n)
	for _, a := range addresses(n) {
		lines = append(lines, "C: RCPT TO:<"+a+">")
	}
	for range n {
		lines = append(lines, "S: "+rcptOK)
	}
	return lines
}

// TestConformanceOverrides is about scripted answers that are not the server's
// own: the state follows what the client was told.
func TestConformanceOverrides(t *testing.T) {
	run(t, []row{
		{name: "refused mail", why: "4.1.4", in: ehlo, setup: scripted(smtptest.Rule{On: "MAIL", Times: 1, Reply: "451 4.3.0 later"}),
			talk: talk("C: MAIL FROM:<x@evil.test>", "S: 451 4.3.0 later", "C: RCPT TO:<b@server.test>", "S: "+needMail, sayMail, sayRcpt, sayData, sayText),
			want: []smtptest.Message{message()}, fates: []string{accepted}},
		{name: "refused data", why: "trap: the next line is a command", in: rcptGiven, setup: scripted(smtptest.Rule{On: "DATA", Times: 1, Reply: "451 4.3.0 later"}),
			talk: talk("C: DATA", "S: 451 4.3.0 later", "C: text", "S: "+unknown("TEXT"), sayData, sayText), want: []smtptest.Message{message()}, split: true},
		{name: "250 to data", why: "4.1.1.4: without 354 no content", in: rcptGiven, setup: scripted(smtptest.Rule{On: "DATA", Times: 1, Reply: "250 2.0.0 hm"}),
			talk: talk("C: DATA", "S: 250 2.0.0 hm", "C: NOOP", "S: "+ok, sayData, sayText), want: []smtptest.Message{message()}},
		{name: "354 without recipient", why: "RFC 2920 3.1: the content is read and thrown away", in: mailGiven, setup: scripted(smtptest.Rule{On: "DATA", Reply: "354 go on"}),
			talk: talk("C: DATA", "S: 354 go on", "C: text", "C: .", "S: "+needRcpt, sayQuit)},
		{name: "354 before helo", why: "RFC 2920 3.1", in: greeted, setup: scripted(smtptest.Rule{On: "DATA", Reply: "354 go on"}),
			talk: talk("C: DATA", "S: 354 go on", "C: QUIT", "C: .", "S: "+needHelo, sayQuit)},
		{name: "354 to rcpt", why: "4.2.1: a success of another kind is none", in: mailGiven, setup: scripted(smtptest.Rule{On: "RCPT", Times: 1, Reply: "354 go on"}),
			talk: talk("C: RCPT TO:<x@d.test>", "S: 354 go on", sayRcpt, sayData, sayText), want: []smtptest.Message{message()}},
		{name: "250 to a bad path", why: "script.md: success overrules the judgement and never the grammar", in: mailGiven, setup: scripted(smtptest.Rule{On: "RCPT", Times: 1, Reply: "250 2.1.5 fine"}),
			talk: talk("C: RCPT TO:<>", "S: 250 2.1.5 fine", "C: RCPT TO:<b@server.test>", "S: "+rcptOK, sayData, sayText), want: []smtptest.Message{message()}},
		{name: "250 to rcpt before mail", why: "script.md: nor the order", in: ehlo, setup: scripted(smtptest.Rule{On: "RCPT", Times: 1, Reply: "250 2.1.5 fine"}),
			talk: talk("C: RCPT TO:<x@d.test>", "S: 250 2.1.5 fine", "C: DATA", "S: "+needRcpt, sayMail, sayRcpt, sayData, sayText), want: []smtptest.Message{message()}},
		{name: "refused rset", why: "4.1.4", in: rcptGiven, setup: scripted(smtptest.Rule{On: "RSET", Reply: "451 4.3.0 no"}),
			talk: talk("C: RSET", "S: 451 4.3.0 no", sayData, sayText), want: []smtptest.Message{message()}, fates: []string{accepted}},
		{name: "refused ehlo", why: "4.1.4", in: rcptGiven, setup: scripted(smtptest.Rule{On: "EHLO *", Skip: 1, Reply: "451 4.3.0 no"}),
			talk: talk("C: EHLO client.test", "S: 451 4.3.0 no", sayData, sayText), want: []smtptest.Message{message()}},
		{name: "refused end of data", why: "4.1.1.4: the transaction is over, and kept apart from the messages", in: inData,
			setup: scripted(smtptest.Rule{On: ".", Times: 1, Reply: "554 5.6.0 no"}), talk: talk("C: bad", "C: .", "S: 554 5.6.0 no", "C: RCPT TO:<b@server.test>", "S: "+needMail,
				sayMail, sayRcpt, sayData, sayText), want: []smtptest.Message{message()}, fates: []string{smtptest.OutcomeRefused, accepted}},
		{name: "refused quit", why: "4.1.1.10: no 221, no end", in: ehlo, setup: scripted(smtptest.Rule{On: "QUIT", Times: 1, Reply: "500 5.0.0 stay"}),
			talk: talk("C: QUIT", "S: 500 5.0.0 stay", "C: NOOP", "S: "+ok, sayQuit)},
		{name: "421", why: "3.8: it closes after the reply", in: ehlo, setup: scripted(smtptest.Rule{On: "NOOP", Reply: "421 4.3.2 bye"}), end: smtptest.EndReply,
			talk: talk("C: NOOP", "C: NOOP", "S: 421 4.3.2 bye", closed)},
		{name: "421 greeting", why: "3.1", in: start, setup: scripted(smtptest.Rule{On: "CONNECT", Reply: "421 4.3.2 not now"}), end: smtptest.EndReply,
			talk: talk("S: 421 4.3.2 not now", closed)},
		{name: "long reply", why: "4.2.1: several lines", in: ehlo, setup: scripted(smtptest.Rule{On: "EXPN", Reply: "250-2.1.5 Ann <ann@d.test>\n250 2.1.5 Bob <bob@d.test>"}),
			talk: talk("C: EXPN staff", "S: 250-2.1.5 Ann <ann@d.test>", "S: 250 2.1.5 Bob <bob@d.test>", sayQuit), split: true},
		{name: "other reply to mail", why: "4.2.1: a success is one by its first digit", in: ehlo, setup: scripted(smtptest.Rule{On: "MAIL", Reply: smtptest.Reply("259 2.1.0 " + strings.Repeat("x", 400))}),
			talk: talk("C: MAIL FROM:<a@client.test>", "S: 259 2.1.0 "+strings.Repeat("x", 400), sayRcpt, sayData, sayText), want: []smtptest.Message{message()}},
	})
}
