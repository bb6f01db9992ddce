package verbs_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

const (
	reset   = smtptest.OutcomeReset
	aborted = smtptest.OutcomeAborted
)

// again is message with another sender and other data.
func again(from, data string) smtptest.Message {
	return play.Message(func(m *smtptest.Message) { m.From, m.Data = from, data })
}

func TestConformanceTransactions(t *testing.T) {
	second := []string{"C: MAIL FROM:<c@client.test>", "S: " + play.MailOK}
	more := []string{"C: more", "C: .", "S: " + play.OK}
	both := []smtptest.Message{play.Message(), again("c@client.test", "more\r\n")}
	rows := []play.Case{
		{Name: "two messages", Why: "4.1.1.4, trap: no RSET needed", In: play.InData, Want: both, Split: true,
			Talk: play.Talk(play.SayText, second, play.SayRcpt, play.SayData, more, play.SayQuit), Outcomes: []string{play.Accepted, play.Accepted}},
		{Name: "two messages and rset", Why: "4.1.1.5, trap: RSET does not erase what was accepted", In: play.InData, Want: both,
			Talk: play.Talk(play.SayText, "C: RSET", "S: "+play.OK, second, play.SayRcpt, play.SayData, more, play.SayQuit), Outcomes: []string{play.Accepted, play.Accepted}},
		{Name: "rset at the end", Why: "trap: the message stays", In: play.InData, Want: []smtptest.Message{play.Message()},
			Talk: play.Talk(play.SayText, "C: RSET", "S: "+play.OK), Outcomes: []string{play.Accepted}},
		{Name: "no quit", Why: "many just close", In: play.InData, Want: []smtptest.Message{play.Message()}, Talk: play.Talk(play.SayText), Outcomes: []string{play.Accepted}},
		{Name: "ehlo after a message", Why: "4.1.4", In: play.InData, Want: []smtptest.Message{play.Message()}, Talk: play.Talk(play.SayText, play.SayEHLO, play.SayQuit), Outcomes: []string{play.Accepted}},
		{Name: "data is over", Why: "4.1.1.4: the buffers are cleared", In: play.InData, Want: []smtptest.Message{play.Message()},
			Talk: play.Talk(play.SayText, "C: DATA", "S: "+play.NeedRcpt, "C: RCPT TO:<b@server.test>", "S: "+play.NeedMail, play.SayQuit)},
		{Name: "rset drops it", Why: "4.1.1.5", In: play.RcptGiven, Talk: play.Talk("C: RSET", "S: "+play.OK, play.SayQuit), Outcomes: []string{reset}},
		{Name: "helo drops it", Why: "4.1.4", In: play.RcptGiven, Talk: play.Talk(play.SayHELO, play.SayQuit), Outcomes: []string{reset}},
		{Name: "ehlo drops it", Why: "4.1.4", In: play.MailGiven, Talk: play.Talk(play.SayEHLO, play.SayQuit), Outcomes: []string{reset}},
		{Name: "quit drops it", Why: "4.1.1.10", In: play.RcptGiven, Talk: play.SayQuit, Outcomes: []string{aborted}},
		{Name: "closing drops it", Why: "4.1.1.10", In: play.RcptGiven, Talk: []string{play.Silence}, Outcomes: []string{aborted}},
		{Name: "connect and quit", Why: "trap: no message", In: play.Greeted, Talk: play.SayQuit, Outcomes: []string{}},
		{Name: "connect and close", Why: "CVE-2010-3493: no message, no harm", In: play.Greeted},
		{Name: "null sender", Why: "4.5.5, trap: an empty From is not a missing MAIL", In: play.EHLO, Want: []smtptest.Message{again("", "text\r\n")},
			Talk: play.Talk("C: MAIL FROM:<>", "S: "+play.MailOK, "C: MAIL FROM:<>", "S: "+play.Nested, play.SayRcpt, play.SayData, play.SayText, play.SayQuit)},
		{Name: "refused commands in between", Why: "4.1.4: state untouched", In: play.RcptGiven, Want: []smtptest.Message{play.Message()},
			Talk: play.Talk("C: FOO", "S: "+play.Unknown("FOO"), "C: MAIL FROM:<x@evil.test>", "S: "+play.Nested, "C: RCPT TO:<>", "S: "+play.BadRcpt+play.Params,
				"C: RSET x", "S: 501 5.5.4 Syntax: RSET", "C: DATA x", "S: 501 5.5.4 Syntax: DATA", "C: NOOP", "S: "+play.OK, play.SayData, play.SayText)},
		{Name: "rset keeps the name", Why: "4.1.1.5", In: play.HELORcpt, Talk: play.Talk("C: RSET", "S: "+play.OK, play.Proof[play.HELO]), Want: []smtptest.Message{play.Message()}, Outcomes: []string{reset, play.Accepted}},
	}
	play.Run(t, rows)
}

func TestConformanceRecipients(t *testing.T) {
	to := func(list ...string) []smtptest.Message {
		return []smtptest.Message{play.Message(func(m *smtptest.Message) { m.To = list })}
	}
	rcpt := func(address, reply string) []string {
		return []string{"C: RCPT TO:<" + address + ">", "S: " + reply}
	}
	gone := smtptest.Rule{On: "RCPT TO:<gone@*>", Reply: "550 5.1.1 gone"}
	play.Run(t, []play.Case{
		{Name: "three", Why: "3.3: in order", In: play.MailGiven, Want: to("x@d.test", "a@d.test", "m@d.test"), Split: true,
			Talk: play.Talk(rcpt("x@d.test", play.RcptOK), rcpt("a@d.test", play.RcptOK), rcpt("m@d.test", play.RcptOK), play.SayData, play.SayText)},
		{Name: "twice the same", Why: "trap: duplicates and other case kept as sent", In: play.MailGiven, Want: to("b@d.test", "b@d.test", "B@d.test"),
			Talk: play.Talk(rcpt("b@d.test", play.RcptOK), rcpt("b@d.test", play.RcptOK), rcpt("B@d.test", play.RcptOK), play.SayData, play.SayText)},
		{Name: "150", Why: "4.5.3.1.8: at least 100", In: play.MailGiven, Talk: play.Talk(many(150), play.SayData, play.SayText), Want: to(addresses(150)...)},
		{Name: "one refused", Why: "3.3: the others stand", In: play.MailGiven, Setup: play.WithScript(gone), Want: to("a@d.test", "c@d.test"), Split: true,
			Talk: play.Talk(rcpt("a@d.test", play.RcptOK), rcpt("gone@d.test", "550 5.1.1 gone"), rcpt("c@d.test", play.RcptOK), play.SayData, play.SayText)},
		{Name: "first refused", Why: "3.3", In: play.MailGiven, Setup: play.WithScript(gone), Want: to("c@d.test"),
			Talk: play.Talk(rcpt("gone@d.test", "550 5.1.1 gone"), rcpt("c@d.test", play.RcptOK), play.SayData, play.SayText)},
		{Name: "all refused", Why: "3.3, RFC 2920 3.2: 554, no data mode, and MAIL stands", In: play.MailGiven, Setup: play.WithScript(gone), Split: true,
			Talk: play.Talk(rcpt("gone@d.test", "550 5.1.1 gone"), rcpt("gone@e.test", "550 5.1.1 gone"), "C: DATA", "S: "+play.NoRcpt, "C: NOOP", "S: "+play.OK,
				play.SayRcpt, play.SayData, play.SayText), Want: []smtptest.Message{play.Message()}, Outcomes: []string{play.Accepted}},
		{Name: "all refused, pipelined", Why: "RFC 2920 3.1: the content that was not sent is no command", In: play.EHLO, Setup: play.WithScript(gone),
			Talk: play.Talk("C: MAIL FROM:<a@client.test>", "C: RCPT TO:<gone@d.test>", "C: DATA", "S: "+play.MailOK, "S: 550 5.1.1 gone", "S: "+play.NoRcpt,
				"C: .", "S: "+play.Unknown("."), play.SayQuit), Outcomes: []string{aborted}},
		{Name: "bad paths only", Why: "3.3: no recipient was given", In: play.MailGiven, Talk: play.Talk("C: RCPT TO:<>", "S: "+play.BadRcpt+play.Params, "C: DATA", "S: "+play.NeedRcpt, play.SayQuit)},
		{Name: "too many", Why: "4.5.3.1.10: 452, and those before stand", In: play.MailGiven,
			Setup: play.WithScript(smtptest.Rule{On: "RCPT", Skip: 100, Per: smtptest.PerTransaction, Reply: "452 4.5.3 too many recipients"}),
			Talk: play.Talk(many(100), rcpt("last@d.test", "452 4.5.3 too many recipients"), play.SayData, play.SayText,
				play.SayMail, rcpt("last@d.test", play.RcptOK), play.SayData, play.SayText), Want: slices.Concat(to(addresses(100)...), to("last@d.test"))},
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
		lines = append(lines, "S: "+play.RcptOK)
	}
	return lines
}

// TestConformanceOverrides is about scripted answers that are not the server's
// own: the state follows what the client was told.
func TestConformanceOverrides(t *testing.T) {
	play.Run(t, []play.Case{
		{Name: "refused mail", Why: "4.1.4", In: play.EHLO, Setup: play.WithScript(smtptest.Rule{On: "MAIL", Times: 1, Reply: "451 4.3.0 later"}),
			Talk: play.Talk("C: MAIL FROM:<x@evil.test>", "S: 451 4.3.0 later", "C: RCPT TO:<b@server.test>", "S: "+play.NeedMail, play.SayMail, play.SayRcpt, play.SayData, play.SayText),
			Want: []smtptest.Message{play.Message()}, Outcomes: []string{play.Accepted}},
		{Name: "refused data", Why: "trap: the next line is a command", In: play.RcptGiven, Setup: play.WithScript(smtptest.Rule{On: "DATA", Times: 1, Reply: "451 4.3.0 later"}),
			Talk: play.Talk("C: DATA", "S: 451 4.3.0 later", "C: text", "S: "+play.Unknown("TEXT"), play.SayData, play.SayText), Want: []smtptest.Message{play.Message()}, Split: true},
		{Name: "250 to data", Why: "4.1.1.4: without 354 no content", In: play.RcptGiven, Setup: play.WithScript(smtptest.Rule{On: "DATA", Times: 1, Reply: "250 2.0.0 hm"}),
			Talk: play.Talk("C: DATA", "S: 250 2.0.0 hm", "C: NOOP", "S: "+play.OK, play.SayData, play.SayText), Want: []smtptest.Message{play.Message()}},
		{Name: "354 without recipient", Why: "RFC 2920 3.1: the content is read and thrown away", In: play.MailGiven, Setup: play.WithScript(smtptest.Rule{On: "DATA", Reply: "354 go on"}),
			Talk: play.Talk("C: DATA", "S: 354 go on", "C: text", "C: .", "S: "+play.NeedRcpt, play.SayQuit)},
		{Name: "354 before helo", Why: "RFC 2920 3.1", In: play.Greeted, Setup: play.WithScript(smtptest.Rule{On: "DATA", Reply: "354 go on"}),
			Talk: play.Talk("C: DATA", "S: 354 go on", "C: QUIT", "C: .", "S: "+play.NeedHelo, play.SayQuit)},
		{Name: "354 to rcpt", Why: "4.2.1: a success of another kind is none", In: play.MailGiven, Setup: play.WithScript(smtptest.Rule{On: "RCPT", Times: 1, Reply: "354 go on"}),
			Talk: play.Talk("C: RCPT TO:<x@d.test>", "S: 354 go on", play.SayRcpt, play.SayData, play.SayText), Want: []smtptest.Message{play.Message()}},
		{Name: "250 to a bad path", Why: "script.md: success overrules the judgement and never the grammar", In: play.MailGiven, Setup: play.WithScript(smtptest.Rule{On: "RCPT", Times: 1, Reply: "250 2.1.5 fine"}),
			Talk: play.Talk("C: RCPT TO:<>", "S: 250 2.1.5 fine", "C: RCPT TO:<b@server.test>", "S: "+play.RcptOK, play.SayData, play.SayText), Want: []smtptest.Message{play.Message()}},
		{Name: "250 to rcpt before mail", Why: "script.md: nor the order", In: play.EHLO, Setup: play.WithScript(smtptest.Rule{On: "RCPT", Times: 1, Reply: "250 2.1.5 fine"}),
			Talk: play.Talk("C: RCPT TO:<x@d.test>", "S: 250 2.1.5 fine", "C: DATA", "S: "+play.NeedRcpt, play.SayMail, play.SayRcpt, play.SayData, play.SayText), Want: []smtptest.Message{play.Message()}},
		{Name: "refused rset", Why: "4.1.4", In: play.RcptGiven, Setup: play.WithScript(smtptest.Rule{On: "RSET", Reply: "451 4.3.0 no"}),
			Talk: play.Talk("C: RSET", "S: 451 4.3.0 no", play.SayData, play.SayText), Want: []smtptest.Message{play.Message()}, Outcomes: []string{play.Accepted}},
		{Name: "refused ehlo", Why: "4.1.4", In: play.RcptGiven, Setup: play.WithScript(smtptest.Rule{On: "EHLO *", Skip: 1, Reply: "451 4.3.0 no"}),
			Talk: play.Talk("C: EHLO client.test", "S: 451 4.3.0 no", play.SayData, play.SayText), Want: []smtptest.Message{play.Message()}},
		{Name: "refused end of data", Why: "4.1.1.4: the transaction is over, and kept apart from the messages", In: play.InData,
			Setup: play.WithScript(smtptest.Rule{On: ".", Times: 1, Reply: "554 5.6.0 no"}), Talk: play.Talk("C: bad", "C: .", "S: 554 5.6.0 no", "C: RCPT TO:<b@server.test>", "S: "+play.NeedMail,
				play.SayMail, play.SayRcpt, play.SayData, play.SayText), Want: []smtptest.Message{play.Message()}, Outcomes: []string{smtptest.OutcomeRefused, play.Accepted}},
		{Name: "refused quit", Why: "4.1.1.10: no 221, no end", In: play.EHLO, Setup: play.WithScript(smtptest.Rule{On: "QUIT", Times: 1, Reply: "500 5.0.0 stay"}),
			Talk: play.Talk("C: QUIT", "S: 500 5.0.0 stay", "C: NOOP", "S: "+play.OK, play.SayQuit)},
		{Name: "421", Why: "3.8: it closes after the reply", In: play.EHLO, Setup: play.WithScript(smtptest.Rule{On: "NOOP", Reply: "421 4.3.2 bye"}), End: smtptest.EndReply,
			Talk: play.Talk("C: NOOP", "C: NOOP", "S: 421 4.3.2 bye", play.Closed)},
		{Name: "421 greeting", Why: "3.1", In: play.Start, Setup: play.WithScript(smtptest.Rule{On: "CONNECT", Reply: "421 4.3.2 not now"}), End: smtptest.EndReply,
			Talk: play.Talk("S: 421 4.3.2 not now", play.Closed)},
		{Name: "long reply", Why: "4.2.1: several lines", In: play.EHLO, Setup: play.WithScript(smtptest.Rule{On: "EXPN", Reply: "250-2.1.5 Ann <ann@d.test>\n250 2.1.5 Bob <bob@d.test>"}),
			Talk: play.Talk("C: EXPN staff", "S: 250-2.1.5 Ann <ann@d.test>", "S: 250 2.1.5 Bob <bob@d.test>", play.SayQuit), Split: true},
		{Name: "other reply to mail", Why: "4.2.1: a success is one by its first digit", In: play.EHLO, Setup: play.WithScript(smtptest.Rule{On: "MAIL", Reply: smtptest.Reply("259 2.1.0 " + strings.Repeat("x", 400))}),
			Talk: play.Talk("C: MAIL FROM:<a@client.test>", "S: 259 2.1.0 "+strings.Repeat("x", 400), play.SayRcpt, play.SayData, play.SayText), Want: []smtptest.Message{play.Message()}},
	})
}
