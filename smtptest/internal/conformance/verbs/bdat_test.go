package verbs_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

func chunked(data string, chunks ...int) smtptest.Message {
	return play.Message(func(m *smtptest.Message) { m.Data, m.Chunks = data, chunks })
}

// TestConformanceBDAT is about CHUNKING and BINARYMIME (RFC 3030).
func TestConformanceBDAT(t *testing.T) {
	begin := play.Talk("S: "+play.Greeting, play.EHLOWith("CHUNKING", "BINARYMIME"))
	setup := play.WithExtensions("CHUNKING", "BINARYMIME")
	place := "503 5.5.1 Error: command out of place"
	chunk := func(n string) string { return "S: 250 2.0.0 " + n + " received" }
	outOfStep := "503 5.5.1 Error: need RCPT command"
	bad := func(line string) []string { return []string{"C: " + line, "S: 501 5.5.4 Syntax: BDAT size [LAST]"} }
	limited := func(srv *smtptest.Server) { setup(srv); srv.SizeLimit = 4; srv.Extensions[1] = "SIZE 33554432" }
	refusing := func(srv *smtptest.Server) {
		setup(srv)
		srv.Script(smtptest.Rule{On: "RCPT", Reply: "550 5.1.1 gone"})
	}
	unwelcome := func(srv *smtptest.Server) {
		setup(srv)
		srv.Script(smtptest.Rule{On: "CONNECT", Reply: "554 no mail here"})
	}
	failing := func(srv *smtptest.Server) {
		setup(srv)
		srv.Script(smtptest.Rule{On: "BDAT", Times: 1, Reply: "452 4.3.1 no room"})
	}
	stopping := func(srv *smtptest.Server) {
		setup(srv)
		srv.Script(smtptest.Rule{On: "BODY 2", Reply: "550 5.7.1 stop"}, smtptest.Rule{On: "BODY", Skip: 1, Reply: "550 5.7.1 again", Optional: true})
	}
	rows := []play.Case{
		{Name: "one chunk", Why: "2: as it is, no dots stuffed", Want: []smtptest.Message{chunked(".\r\n..\r\n", 7)}, Split: true,
			Talk: play.Talk(begin, play.SayMail, play.SayRcpt, "C+ BDAT 7 LAST\r\n.\r\n..\r\n", "S: "+play.OK, play.SayQuit)},
		{Name: "two chunks", Why: "2", Want: []smtptest.Message{chunked("abcde", 2, 3)}, Split: true,
			Talk: play.Talk(begin, play.SayMail, play.SayRcpt, "C+ BDAT 2\r\nab", chunk("2 octets"), "C+ BDAT 3 LAST\r\ncde", "S: "+play.OK, play.SayQuit)},
		{Name: "last of zero", Why: "2: BDAT 0 LAST ends", Want: []smtptest.Message{chunked("abc", 3, 0)},
			Talk: play.Talk(begin, play.SayMail, play.SayRcpt, "C+ BDAT 3\r\nabc", chunk("3 octets"), "C: BDAT 0 LAST", "S: "+play.OK, play.SayQuit)},
		{Name: "commands within", Why: "2: the octets are no commands", Want: []smtptest.Message{chunked("QUIT\r\n.\r\n", 9)},
			Talk: play.Talk(begin, play.SayMail, play.SayRcpt, "C+ BDAT 9 LAST\r\nQUIT\r\n.\r\n", "S: "+play.OK, play.SayQuit)},
		{Name: "lower case", Why: "RFC 5321 2.4", Want: []smtptest.Message{chunked("x", 1)},
			Talk: play.Talk(begin, play.SayMail, play.SayRcpt, "C+ bdat 1 last\r\nx", "S: "+play.OK, play.SayQuit)},
		{Name: "binary", Why: "3: BODY=BINARYMIME, bare octets kept", Want: []smtptest.Message{
			play.Message(func(m *smtptest.Message) {
				m.Data, m.Chunks, m.MailOptions = "\x00\n\r.\xff", []int{5}, []string{"BODY=BINARYMIME"}
			})},
			Talk: play.Talk(begin, "C: MAIL FROM:<a@client.test> BODY=BINARYMIME", "S: "+play.MailOK, play.SayRcpt, "C+ BDAT 5 LAST\r\n\x00\n\r.\xff", "S: "+play.OK, play.SayQuit)},
		{Name: "binary by data", Why: "3: only BDAT may carry it", Outcomes: []string{smtptest.OutcomeReset},
			Talk: play.Talk(begin, "C: MAIL FROM:<a@client.test> BODY=BINARYMIME", "S: "+play.MailOK, play.SayRcpt, "C: DATA", "S: "+place, "C: RSET", "S: "+play.OK, play.SayQuit)},
		{Name: "data between", Why: "2: DATA after BDAT is 503", Outcomes: []string{smtptest.OutcomeReset},
			Talk: play.Talk(begin, play.SayMail, play.SayRcpt, "C+ BDAT 1\r\nx", chunk("1 octet"), "C: DATA", "S: "+place, "C: RSET", "S: "+play.OK, play.SayQuit)},
		{Name: "rset between", Why: "2: RSET drops the chunks", Want: []smtptest.Message{chunked("y", 1)},
			Talk: play.Talk(begin, play.SayMail, play.SayRcpt, "C+ BDAT 1\r\nx", chunk("1 octet"), "C: RSET", "S: "+play.OK, play.SayMail, play.SayRcpt, "C+ BDAT 1 LAST\r\ny", "S: "+play.OK, play.SayQuit)},
		{Name: "without rcpt", Why: "2: the chunk is consumed", Talk: play.Talk(begin, play.SayMail, "C+ BDAT 6 LAST\r\nQUIT\r\n", "S: "+outOfStep, "C: NOOP", "S: "+play.OK, play.SayQuit)},
		{Name: "without mail", Why: "2", Talk: play.Talk(begin, "C+ BDAT 6 LAST\r\nQUIT\r\n", "S: "+outOfStep, play.SayQuit)},
		{Name: "before ehlo", Why: "2", Talk: play.Talk("S: "+play.Greeting, "C+ BDAT 6 LAST\r\nQUIT\r\n", "S: "+play.NeedHelo, play.SayQuit)},
		{Name: "bad sizes", Why: "2: 1*DIGIT, and no int64 holds 2^63; only RSET helps", Talk: play.Talk(begin, play.SayMail, play.SayRcpt,
			bad("BDAT"), bad("BDAT x"), bad("BDAT -1"), bad("BDAT +1"), bad("BDAT 0x10"), bad("BDAT 1e3"), bad("BDAT 1.5"), bad("BDAT 1_000"), bad("BDAT LAST"),
			bad("BDAT 9223372036854775808"), bad("BDAT 18446744073709551616 LAST"), "C+ BDAT 1 LAST\r\nx", "S: "+outOfStep, "C: RSET", "S: "+play.OK, play.SayQuit)},
		{Name: "bad word", Why: "2: the size is known, so the chunk is consumed", Talk: play.Talk(begin, play.SayMail, play.SayRcpt,
			"C+ BDAT 6 FIRST\r\nQUIT\r\n", "S: 501 5.5.4 Syntax: BDAT size [LAST]", "C+ BDAT 6 LAST LAST\r\nQUIT\r\n", "S: 501 5.5.4 Syntax: BDAT size [LAST]", "C: RSET", "S: "+play.OK, play.SayQuit)},
		{Name: "leading zeros", Why: "2: 1*DIGIT", Want: []smtptest.Message{chunked("abc", 3)}, Talk: play.Talk(begin, play.SayMail, play.SayRcpt, "C+ BDAT 000000000000000000000003 LAST\r\nabc", "S: "+play.OK, play.SayQuit)},
		{Name: "spaces", Why: "RFC 5321 4.1.1: white space before the CRLF", Want: []smtptest.Message{chunked("abc", 3)}, Talk: play.Talk(begin, play.SayMail, play.SayRcpt, "C+ BDAT 3  LAST \r\nabc", "S: "+play.OK, play.SayQuit)},
		{Name: "only zero", Why: "4.2: an empty message", Want: []smtptest.Message{chunked("", 0)}, Talk: play.Talk(begin, play.SayMail, play.SayRcpt, "C: BDAT 0 LAST", "S: "+play.OK, play.SayQuit)},
		{Name: "zero in between", Why: "2", Want: []smtptest.Message{chunked("ab", 1, 0, 1)}, Talk: play.Talk(begin, play.SayMail, play.SayRcpt,
			"C+ BDAT 1\r\na", chunk("1 octet"), "C: BDAT 0", chunk("0 octets"), "C+ BDAT 1 LAST\r\nb", "S: "+play.OK, play.SayQuit)},
		{Name: "cr and lf in two chunks", Why: "2: borders do not show", Want: []smtptest.Message{chunked("a\r\n.\r\n", 2, 2, 2)}, Talk: play.Talk(begin, play.SayMail, play.SayRcpt,
			"C+ BDAT 2\r\na\r", chunk("2 octets"), "C+ BDAT 2\r\n\n.", chunk("2 octets"), "C+ BDAT 2 LAST\r\n\r\n", "S: "+play.OK, play.SayQuit)},
		{Name: "pipelined", Why: "4.2; libESMTP", Want: []smtptest.Message{chunked("abc", 2, 1, 0)}, Split: true, Talk: play.Talk(begin, play.SayMail, play.SayRcpt,
			"C+ BDAT 2\r\nabBDAT 1\r\ncBDAT 0 LAST\r\n", chunk("2 octets"), chunk("1 octet"), "S: "+play.OK, play.SayQuit)},
		{Name: "exim", Why: "all at once, QUIT too", Want: []smtptest.Message{chunked("abc", 3)}, Talk: play.Talk(begin,
			"C+ MAIL FROM:<a@client.test>\r\nRCPT TO:<b@server.test>\r\nBDAT 3 LAST\r\nabcQUIT\r\n", "S: "+play.MailOK, "S: "+play.RcptOK, "S: "+play.OK, "S: "+play.Bye, play.Closed)},
		{Name: "exim, all refused", Why: "the octets of the refused chunk are read", Setup: refusing, Talk: play.Talk(begin,
			"C+ MAIL FROM:<a@client.test>\r\nRCPT TO:<b@server.test>\r\nBDAT 6 LAST\r\nRSET\r\nQUIT\r\n", "S: "+play.MailOK, "S: 550 5.1.1 gone", "S: "+play.NoRcpt, "S: "+play.Bye, play.Closed)},
		{Name: "pipelined behind a failed one", Why: "2: read and refused, whatever they hold", Setup: failing, Outcomes: []string{smtptest.OutcomeReset}, Talk: play.Talk(begin, play.SayMail, play.SayRcpt,
			"C+ BDAT 6\r\nQUIT\r\nBDAT 6\r\nRSET\r\nBDAT 6 LAST\r\nQUIT\r\nRSET\r\n", "S: 452 4.3.1 no room", "S: "+outOfStep, "S: "+outOfStep, "S: "+play.OK, play.SayQuit)},
		{Name: "pipelined behind one that a rule of its content refused", Why: "2: only what is in place is content", Setup: stopping, Outcomes: []string{smtptest.OutcomeRefused}, Talk: play.Talk(begin, play.SayMail, play.SayRcpt,
			"C+ BDAT 3\r\nabcBDAT 3\r\ndefBDAT 3 LAST\r\nghiRSET\r\n", "S: 550 5.7.1 stop", "S: "+outOfStep, "S: "+outOfStep, "S: "+play.OK, play.SayQuit)},
		{Name: "a last out of place", Why: "it is no end of data, so a rule of . does not cover it", Outcomes: []string{smtptest.OutcomeReset, smtptest.OutcomeRefused}, Setup: func(srv *smtptest.Server) {
			setup(srv)
			srv.Script(smtptest.Rule{On: ".", Reply: "452 4.3.1 no room"}, smtptest.Rule{On: "BDAT * LAST", Reply: "554 5.5.1 no recipients"})
		}, Talk: play.Talk(begin, play.SayMail, "C+ BDAT 1 LAST\r\nx", "S: 554 5.5.1 no recipients", "C: RSET", "S: "+play.OK, play.SayMail, play.SayRcpt, "C+ BDAT 1 LAST\r\nx", "S: 452 4.3.1 no room", play.SayQuit)},
		{Name: "a second last", Why: "2: 503", Want: []smtptest.Message{chunked("x", 1)}, Talk: play.Talk(begin, play.SayMail, play.SayRcpt, "C+ BDAT 1 LAST\r\nx", "S: "+play.OK, "C+ BDAT 1 LAST\r\nx", "S: "+outOfStep, play.SayQuit)},
		{Name: "rcpt in between", Why: "2: recipients come first", Want: []smtptest.Message{chunked("ab", 1, 1)}, Talk: play.Talk(begin, play.SayMail, play.SayRcpt,
			"C+ BDAT 1\r\na", chunk("1 octet"), play.SayRcpt[0], "S: "+place, "C+ BDAT 1 LAST\r\nb", "S: "+play.OK, play.SayQuit)},
		{Name: "disconnect in a chunk", Why: "RFC 5321 4.1.1.10", Outcomes: []string{smtptest.OutcomeAborted}, Talk: play.Talk(begin, play.SayMail, play.SayRcpt, "C+ BDAT 9223372036854775807 LAST\r\nabc", play.Silence)},
		{Name: "after helo", Why: "smtpping -C", Want: []smtptest.Message{chunked("x", 1)}, Talk: play.Talk("S: "+play.Greeting, play.SayHELO, play.SayMail, play.SayRcpt, "C+ BDAT 1 LAST\r\nx", "S: "+play.OK, play.SayQuit)},
		{Name: "after a 554 greeting", Why: "RFC 5321 3.1: the octets are read there too", Setup: unwelcome, Talk: play.Talk("S: 554 no mail here",
			"C+ BDAT 6 LAST\r\nQUIT\r\n", "S: 503 5.5.1 Error: no mail here, send QUIT", play.SayQuit)},
		{Name: "not offered", Why: "RFC 5321 4.2.4: an unknown verb has no chunk", Setup: func(*smtptest.Server) {}, Talk: play.Talk("S: "+play.Greeting, play.SayEHLO, play.SayMail, play.SayRcpt,
			"C+ BDAT 6 LAST\r\nNOOP\r\n", "S: "+play.Unknown("BDAT"), "S: "+play.OK, play.SayQuit)},
		{Name: "too much in all", Why: "RFC 1870 6: the limit is over all chunks", Setup: limited, Outcomes: []string{smtptest.OutcomeReset}, Talk: play.Talk(begin, play.SayMail, play.SayRcpt,
			"C+ BDAT 3\r\n123", chunk("3 octets"), "C+ BDAT 3\r\n456", "S: "+play.TooMuch, "C: RSET", "S: "+play.OK, play.SayQuit)},
		{Name: "too much with the last", Why: "2: the transaction is over", Setup: limited, Outcomes: []string{smtptest.OutcomeRefused, smtptest.OutcomeAccepted}, Talk: play.Talk(begin, play.SayMail, play.SayRcpt,
			"C+ BDAT 3\r\n123", chunk("3 octets"), "C+ BDAT 3 LAST\r\n456", "S: "+play.TooMuch, play.SayMail, play.SayRcpt, "C+ BDAT 4 LAST\r\n1234", "S: "+play.OK, play.SayQuit), Want: []smtptest.Message{chunked("1234", 4)}},
		{Name: "too much", Why: "2: consumed, then 552; only RSET helps", Setup: limited,
			Talk: play.Talk(begin, play.SayMail, play.SayRcpt, "C+ BDAT 9\r\n123456789", "S: 552 5.3.4 Error: Too much mail data", "C+ BDAT 1 LAST\r\nx", "S: "+outOfStep, "C: RSET", "S: "+play.OK, play.SayQuit)},
	}
	for i := range rows {
		if rows[i].Setup == nil {
			rows[i].Setup = setup
		}
	}
	play.Run(t, rows)
}

// TestConformanceBDATStates is the command table for the states that only BDAT
// leads to: a chunk was accepted (B), and a chunk was refused (F).
func TestConformanceBDATStates(t *testing.T) {
	const place, step = "503 5.5.1 Error: command out of place", "503 5.5.1 Error: need RCPT command"
	setup := func(srv *smtptest.Server) {
		play.WithExtensions("CHUNKING", "XCLIENT NAME")(srv)
		play.WithTLS(srv)
		srv.Users, srv.ClearMechanisms = map[string]string{"ann": "secret"}, []string{"PLAIN"}
	}
	sayEhlo := play.EHLOWith("CHUNKING", "XCLIENT NAME", "STARTTLS", "AUTH PLAIN")
	hello := strings.Join(play.Replies(sayEhlo), "\n")
	offers := "EHLO HELO MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY HELP STARTTLS AUTH XCLIENT"
	begin := play.Talk("S: "+play.Greeting, sayEhlo, play.SayMail, play.SayRcpt)
	in := map[play.State][]string{
		"B": play.Talk(begin, "C+ BDAT 1\r\nx", "S: 250 2.0.0 1 octet received"),
		"F": play.Talk(begin, "C: BDAT x", "S: 501 5.5.4 Syntax: BDAT size [LAST]"),
	}
	shows := map[play.State][]string{
		"B":       {"C: BDAT 0 LAST", "S: " + play.OK},
		"F":       play.Talk("C+ BDAT 1 LAST\r\ny", "S: "+step, "C: MAIL FROM:<c@client.test>", "S: "+play.Nested, "C: RSET", "S: "+play.OK, play.SayMail, play.SayRcpt, play.SayData, play.SayText),
		play.EHLO: play.Proof[play.EHLO], play.HELO: play.Proof[play.HELO], play.Quit: play.Proof[play.Quit],
	}
	var rows []play.Case
	for _, c := range []struct{ line, why, B, F string }{
		{"EHLO client.test", "RFC 5321 4.1.4: it resets", hello + " -> E", hello + " -> E"},
		{"HELO client.test", "RFC 5321 4.1.4: it resets", "250 localhost -> H", "250 localhost -> H"},
		{"MAIL FROM:<a@client.test>", "RFC 5321 4.1.4", play.Nested, play.Nested},
		{"RCPT TO:<b@server.test>", "2: recipients come first", place, place},
		{"DATA", "2: DATA and BDAT do not mix, and the failure lasts", place + " -> F", step},
		{"BDAT 0", "2", "250 2.0.0 0 octets received", step},
		{"RSET", "2: RSET drops the chunks, and only RSET helps", play.OK + " -> E", play.OK + " -> E"},
		{"NOOP", "RFC 5321 4.1.4", play.OK, play.OK},
		{"VRFY bob", "RFC 5321 4.1.4", play.Cannot, play.Cannot},
		{"EXPN staff", "RFC 5321 4.1.4", "502 5.5.1 EXPN not implemented", "502 5.5.1 EXPN not implemented"},
		{"HELP", "RFC 5321 4.1.4", "214 2.0.0 Supported commands: " + offers, "214 2.0.0 Supported commands: " + offers},
		{"STARTTLS", "RFC 3207 4.2", place, place},
		{"AUTH PLAIN =", "RFC 4954 4", place, place},
		{"XCLIENT NAME=x", "Postfix XCLIENT_README", place, place},
		{"TURN", "RFC 5321 F.1", "502 5.5.1 Error: command not implemented", "502 5.5.1 Error: command not implemented"},
		{"LHLO client.test", "RFC 2033 4.1", play.Unknown("LHLO"), play.Unknown("LHLO")},
		{"ETRN x", "RFC 1985: not offered", play.Unknown("ETRN"), play.Unknown("ETRN")},
		{"FOO", "RFC 5321 4.2.4", play.Unknown("FOO"), play.Unknown("FOO")},
		{"QUIT", "RFC 5321 4.1.1.10", play.Bye + " -> Q", play.Bye + " -> Q"},
	} {
		for from, cell := range map[play.State]string{"B": c.B, "F": c.F} {
			reply, to, changes := strings.Cut(cell, " -> ")
			if !changes {
				to = string(from)
			}
			r := play.Case{Name: string(from) + "/" + c.line, Why: c.why, Setup: setup, Talk: play.Talk(in[from], "C: "+c.line)}
			for line := range strings.SplitSeq(reply, "\n") {
				r.Talk = append(r.Talk, "S: "+line)
			}
			r.Talk = append(r.Talk, shows[play.State(to)]...)
			switch {
			case to == "B" && c.line == "BDAT 0":
				r.Want = []smtptest.Message{chunked("x", 1, 0, 0)}
			case to == "B":
				r.Want = []smtptest.Message{chunked("x", 1, 0)}
			case play.State(to) != play.Quit:
				r.Want = []smtptest.Message{play.Message()}
			}
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b play.Case) int { return strings.Compare(a.Name, b.Name) })
	play.Run(t, rows)
}

// TestConformanceBDATLMTP is about the last chunk in LMTP: one reply for each
// accepted recipient, and none if there is none (RFC 2033 4.3).
func TestConformanceBDATLMTP(t *testing.T) {
	setup := func(rules ...smtptest.Rule) func(*smtptest.Server) {
		return func(srv *smtptest.Server) {
			play.WithExtensions("CHUNKING")(srv)
			srv.LMTP = true
			srv.Script(rules...)
		}
	}
	begin := play.Talk("S: "+play.Greeting, "C: LHLO client.test", play.EHLOWith("CHUNKING")[1:], play.SayMail)
	two := play.Talk(begin, play.SayRcpt, play.SayRcpt)
	to := func(m smtptest.Message, paths ...string) []smtptest.Message {
		m.To = paths
		return []smtptest.Message{m}
	}
	step := "503 5.5.1 Error: need RCPT command"
	play.Run(t, []play.Case{
		{Name: "for each", Why: "4.3: duplicates too", Setup: setup(), Want: to(chunked("abc", 2, 1), "b@server.test", "b@server.test"),
			Talk: play.Talk(two, "C+ BDAT 2\r\nab", "S: 250 2.0.0 2 octets received", "C+ BDAT 1 LAST\r\nc", "S: "+play.OK, "S: "+play.OK, play.SayQuit)},
		{Name: "one refused", Why: "4.3: scripted for the second", Setup: setup(smtptest.Rule{On: ". <b@server.test>", Skip: 1, Reply: "452 4.2.2 full"}), Want: to(chunked("c", 1), "b@server.test"),
			Talk: play.Talk(two, "C+ BDAT 1 LAST\r\nc", "S: "+play.OK, "S: 452 4.2.2 full", play.SayQuit)},
		{Name: "by its own argument", Why: "a BDAT rule compares that, not the recipient", Setup: setup(smtptest.Rule{On: "BDAT 1 LAST", Skip: 1, Times: 1, Reply: "452 4.3.1 no room"}, smtptest.Rule{On: "BDAT * LAST", Times: 1, Reply: play.OK}), Want: to(chunked("c", 1), "b@server.test"),
			Talk: play.Talk(two, "C+ BDAT 1 LAST\r\nc", "S: "+play.OK, "S: 452 4.3.1 no room", play.SayQuit)},
		{Name: "for none", Why: "4.3: zero replies, and the transaction is over", Setup: setup(), Outcomes: []string{smtptest.OutcomeRefused, smtptest.OutcomeAccepted}, Want: []smtptest.Message{chunked("x", 1)},
			Talk: play.Talk(begin, "C+ BDAT 6 LAST\r\nQUIT\r\n", play.Silence, "C: NOOP", "S: "+play.OK, play.SayMail, play.SayRcpt, "C+ BDAT 1 LAST\r\nx", "S: "+play.OK, play.SayQuit)},
		{Name: "not the last", Why: "2: one reply, and only RSET helps", Setup: setup(), Talk: play.Talk(begin, "C+ BDAT 6\r\nQUIT\r\n", "S: "+step, "C: RSET", "S: "+play.OK, play.SayQuit)},
		{Name: "behind a failed one", Why: "4.3: for each, once: the transaction is over", Setup: setup(smtptest.Rule{On: "BDAT", Times: 1, Reply: "452 4.3.1 no room"}), Outcomes: []string{smtptest.OutcomeRefused, smtptest.OutcomeAccepted},
			Talk: play.Talk(two, "C+ BDAT 1\r\nxBDAT 6 LAST\r\nQUIT\r\nBDAT 0 LAST\r\n", "S: 452 4.3.1 no room", "S: "+step, "S: "+step, "S: "+step, play.SayMail, play.SayRcpt, "C+ BDAT 1 LAST\r\nx", "S: "+play.OK, play.SayQuit), Want: []smtptest.Message{chunked("x", 1)}},
		{Name: "without mail", Why: "2: there is no transaction to be replied for", Setup: setup(), Talk: play.Talk(begin[:len(begin)-2], "C+ BDAT 1 LAST\r\nx", "S: "+step, play.SayQuit)},
	})
}

// TestChunksKept ends transactions before their last chunk, or refuses a chunk:
// the record has what had come.
func TestChunksKept(t *testing.T) {
	ownReset := func(ch *smtptest.Channel, _ string) smtptest.Reply {
		ch.State, ch.MailFrom, ch.RcptTos = smtptest.StateHello, "", nil
		return "250 OK"
	}
	refusing := smtptest.Rule{On: "BDAT", Skip: 1, Reply: "452 4.3.1 no room"}
	for _, c := range []struct {
		name, sent string
		commands   map[string]smtptest.CommandFunc
		rules      []smtptest.Rule
		data       string
		chunks     []int
		outcome    string
	}{
		{"RSET", "BDAT 3\r\nabcRSET\r\n", nil, nil, "abc", []int{3}, smtptest.OutcomeReset},
		{"EHLO", "BDAT 3\r\nabcBDAT 2\r\ndeEHLO client.test\r\n", nil, nil, "abcde", []int{3, 2}, smtptest.OutcomeReset},
		{"HELO", "BDAT 3\r\nabcHELO client.test\r\n", nil, nil, "abc", []int{3}, smtptest.OutcomeReset},
		{"QUIT", "BDAT 3\r\nabcQUIT\r\n", nil, nil, "abc", []int{3}, smtptest.OutcomeAborted},
		{"disconnect", "BDAT 3\r\nabc", nil, nil, "abc", []int{3}, smtptest.OutcomeAborted},
		{"disconnect in a chunk", "BDAT 3\r\nabcBDAT 3\r\nd", nil, nil, "abcd", []int{3}, smtptest.OutcomeAborted},
		{"another message", "BDAT 3\r\nabcRSET\r\nMAIL FROM:<>\r\nRCPT TO:<c@d>\r\nBDAT 1 LAST\r\nx", nil, nil, "abc", []int{3}, smtptest.OutcomeReset},
		{"a CommandFunc", "BDAT 3\r\nabcXFORGET\r\n", map[string]smtptest.CommandFunc{"XFORGET": ownReset}, nil, "abc", []int{3}, smtptest.OutcomeReset},
		{"refused, RSET", "BDAT 3\r\nabcBDAT 2\r\ndeRSET\r\n", nil, []smtptest.Rule{refusing}, "abcde", []int{3}, smtptest.OutcomeReset},
		{"refused, QUIT", "BDAT 3\r\nabcBDAT 2\r\ndeBDAT 2\r\nfgQUIT\r\n", nil, []smtptest.Rule{refusing}, "abcde", []int{3}, smtptest.OutcomeAborted},
		{"the last refused", "BDAT 3\r\nabcBDAT 2 LAST\r\nde", nil, []smtptest.Rule{refusing}, "abcde", []int{3}, smtptest.OutcomeRefused},
		{"the only one refused", "BDAT 2 LAST\r\nde", nil, []smtptest.Rule{{On: ".", Reply: "451 4.3.0 later"}}, "de", []int{}, smtptest.OutcomeRefused},
		{"the last refused by what is in it", "BDAT 3\r\nabcBDAT 2 LAST\r\nde", nil, []smtptest.Rule{{On: "BODY 4", Reply: "554 5.6.0 no"}}, "abcde", []int{3}, smtptest.OutcomeRefused},
		{"content of a DATA out of order", "BDAT 3\r\nabcDATA\r\nthrown away\r\n.\r\n", nil, []smtptest.Rule{{On: "DATA", Reply: "354 go on"}}, "abc", []int{3}, smtptest.OutcomeRefused},
		{"half the content of a DATA out of order", "BDAT 3\r\nabcDATA\r\nthrown", nil, []smtptest.Rule{{On: "DATA", Reply: "354 go on"}}, "abc", []int{3}, smtptest.OutcomeAborted},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := smtptest.NewUnstartedServer(t)
				srv.Extensions, srv.Commands = append(srv.Extensions, "CHUNKING"), c.commands
				srv.Script(c.rules...)
				srv.StartInMemory()
				client := play.Listen(play.Dial(t, srv))
				client.Say(play.Step{Send: "EHLO client.test\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<b@server.test>\r\n" + c.sent})
				client.Heard()
				client.Close()
				got := srv.WaitSession(nil).Transactions[0]
				want := smtptest.Transaction{Data: c.data, Octets: len(c.data), Chunks: c.chunks, Outcome: c.outcome, From: got.From, Recipients: got.Recipients, Reply: got.Reply}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("Transaction mismatch (-want +got):\n%s", diff)
				}
			})
		})
	}
}
