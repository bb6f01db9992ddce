package smtptest_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

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
		{name: "bad sizes", why: "2: 1*DIGIT, and no int64 holds 2^63; only RSET helps", talk: talk(begin, sayMail, sayRcpt,
			bad("BDAT"), bad("BDAT x"), bad("BDAT -1"), bad("BDAT +1"), bad("BDAT 0x10"), bad("BDAT 1e3"), bad("BDAT 1.5"), bad("BDAT 1_000"), bad("BDAT LAST"),
			bad("BDAT 9223372036854775808"), bad("BDAT 18446744073709551616 LAST"), "C+ BDAT 1 LAST\r\nx", "S: "+outOfStep, "C: RSET", "S: "+ok, sayQuit)},
		{name: "bad word", why: "2: the size is known, so the chunk is consumed", talk: talk(begin, sayMail, sayRcpt,
			"C+ BDAT 6 FIRST\r\nQUIT\r\n", "S: 501 5.5.4 Syntax: BDAT size [LAST]", "C+ BDAT 6 LAST LAST\r\nQUIT\r\n", "S: 501 5.5.4 Syntax: BDAT size [LAST]", "C: RSET", "S: "+ok, sayQuit)},
		{name: "leading zeros", why: "2: 1*DIGIT", want: []smtptest.Message{chunked("abc", 3)}, talk: talk(begin, sayMail, sayRcpt, "C+ BDAT 000000000000000000000003 LAST\r\nabc", "S: "+ok, sayQuit)},
		{name: "spaces", why: "RFC 5321 4.1.1: white space before the CRLF", want: []smtptest.Message{chunked("abc", 3)}, talk: talk(begin, sayMail, sayRcpt, "C+ BDAT 3  LAST \r\nabc", "S: "+ok, sayQuit)},
		{name: "only zero", why: "4.2: an empty message", want: []smtptest.Message{chunked("", 0)}, talk: talk(begin, sayMail, sayRcpt, "C: BDAT 0 LAST", "S: "+ok, sayQuit)},
		{name: "zero in between", why: "2", want: []smtptest.Message{chunked("ab", 1, 0, 1)}, talk: talk(begin, sayMail, sayRcpt,
			"C+ BDAT 1\r\na", chunk("1 octet"), "C: BDAT 0", chunk("0 octets"), "C+ BDAT 1 LAST\r\nb", "S: "+ok, sayQuit)},
		{name: "cr and lf in two chunks", why: "2: borders do not show", want: []smtptest.Message{chunked("a\r\n.\r\n", 2, 2, 2)}, talk: talk(begin, sayMail, sayRcpt,
			"C+ BDAT 2\r\na\r", chunk("2 octets"), "C+ BDAT 2\r\n\n.", chunk("2 octets"), "C+ BDAT 2 LAST\r\n\r\n", "S: "+ok, sayQuit)},
		{name: "pipelined", why: "4.2; libESMTP", want: []smtptest.Message{chunked("abc", 2, 1, 0)}, split: true, talk: talk(begin, sayMail, sayRcpt,
			"C+ BDAT 2\r\nabBDAT 1\r\ncBDAT 0 LAST\r\n", chunk("2 octets"), chunk("1 octet"), "S: "+ok, sayQuit)},
		{name: "exim", why: "all at once, QUIT too", want: []smtptest.Message{chunked("abc", 3)}, talk: talk(begin,
			"C+ MAIL FROM:<a@client.test>\r\nRCPT TO:<b@server.test>\r\nBDAT 3 LAST\r\nabcQUIT\r\n", "S: "+mailOK, "S: "+rcptOK, "S: "+ok, "S: "+bye, closed)},
		{name: "exim, all refused", why: "the octets of the refused chunk are read", setup: refusing, talk: talk(begin,
			"C+ MAIL FROM:<a@client.test>\r\nRCPT TO:<b@server.test>\r\nBDAT 6 LAST\r\nRSET\r\nQUIT\r\n", "S: "+mailOK, "S: 550 5.1.1 gone", "S: "+noRcpt, "S: "+bye, closed)},
		{name: "pipelined behind a failed one", why: "2: read and refused, whatever they hold", setup: failing, fates: []string{smtptest.OutcomeReset}, talk: talk(begin, sayMail, sayRcpt,
			"C+ BDAT 6\r\nQUIT\r\nBDAT 6\r\nRSET\r\nBDAT 6 LAST\r\nQUIT\r\nRSET\r\n", "S: 452 4.3.1 no room", "S: "+outOfStep, "S: "+outOfStep, "S: "+ok, sayQuit)},
		{name: "pipelined behind one that a row of its content refused", why: "2: only what is in place is content", setup: stopping, fates: []string{smtptest.OutcomeRefused}, talk: talk(begin, sayMail, sayRcpt,
			"C+ BDAT 3\r\nabcBDAT 3\r\ndefBDAT 3 LAST\r\nghiRSET\r\n", "S: 550 5.7.1 stop", "S: "+outOfStep, "S: "+outOfStep, "S: "+ok, sayQuit)},
		{name: "a last out of place", why: "it is no end of data, so a row of . does not cover it", fates: []string{smtptest.OutcomeReset, smtptest.OutcomeRefused}, setup: func(srv *smtptest.Server) {
			setup(srv)
			srv.Script(smtptest.Rule{On: ".", Reply: "452 4.3.1 no room"}, smtptest.Rule{On: "BDAT * LAST", Reply: "554 5.5.1 no recipients"})
		}, talk: talk(begin, sayMail, "C+ BDAT 1 LAST\r\nx", "S: 554 5.5.1 no recipients", "C: RSET", "S: "+ok, sayMail, sayRcpt, "C+ BDAT 1 LAST\r\nx", "S: 452 4.3.1 no room", sayQuit)},
		{name: "a second last", why: "2: 503", want: []smtptest.Message{chunked("x", 1)}, talk: talk(begin, sayMail, sayRcpt, "C+ BDAT 1 LAST\r\nx", "S: "+ok, "C+ BDAT 1 LAST\r\nx", "S: "+outOfStep, sayQuit)},
		{name: "rcpt in between", why: "2: recipients come first", want: []smtptest.Message{chunked("ab", 1, 1)}, talk: talk(begin, sayMail, sayRcpt,
			"C+ BDAT 1\r\na", chunk("1 octet"), sayRcpt[0], "S: "+place, "C+ BDAT 1 LAST\r\nb", "S: "+ok, sayQuit)},
		{name: "disconnect in a chunk", why: "RFC 5321 4.1.1.10", fates: []string{smtptest.OutcomeAborted}, talk: talk(begin, sayMail, sayRcpt, "C+ BDAT 9223372036854775807 LAST\r\nabc", silence)},
		{name: "after helo", why: "smtpping -C", want: []smtptest.Message{chunked("x", 1)}, talk: talk("S: "+greeting, sayHelo, sayMail, sayRcpt, "C+ BDAT 1 LAST\r\nx", "S: "+ok, sayQuit)},
		{name: "after a 554 greeting", why: "RFC 5321 3.1: the octets are read there too", setup: unwelcome, talk: talk("S: 554 no mail here",
			"C+ BDAT 6 LAST\r\nQUIT\r\n", "S: 503 5.5.1 Error: no mail here, send QUIT", sayQuit)},
		{name: "not offered", why: "RFC 5321 4.2.4: an unknown verb has no chunk", setup: func(*smtptest.Server) {}, talk: talk("S: "+greeting, sayEhlo, sayMail, sayRcpt,
			"C+ BDAT 6 LAST\r\nNOOP\r\n", "S: "+unknown("BDAT"), "S: "+ok, sayQuit)},
		{name: "too much in all", why: "RFC 1870 6: the limit is over all chunks", setup: limited, fates: []string{smtptest.OutcomeReset}, talk: talk(begin, sayMail, sayRcpt,
			"C+ BDAT 3\r\n123", chunk("3 octets"), "C+ BDAT 3\r\n456", "S: "+tooMuch, "C: RSET", "S: "+ok, sayQuit)},
		{name: "too much with the last", why: "2: the transaction is over", setup: limited, fates: []string{smtptest.OutcomeRefused, smtptest.OutcomeAccepted}, talk: talk(begin, sayMail, sayRcpt,
			"C+ BDAT 3\r\n123", chunk("3 octets"), "C+ BDAT 3 LAST\r\n456", "S: "+tooMuch, sayMail, sayRcpt, "C+ BDAT 4 LAST\r\n1234", "S: "+ok, sayQuit), want: []smtptest.Message{chunked("1234", 4)}},
		{name: "too much", why: "2: consumed, then 552; only RSET helps", setup: limited,
			talk: talk(begin, sayMail, sayRcpt, "C+ BDAT 9\r\n123456789", "S: 552 5.3.4 Error: Too much mail data", "C+ BDAT 1 LAST\r\nx", "S: "+outOfStep, "C: RSET", "S: "+ok, sayQuit)},
	}
	for i := range rows {
		if rows[i].setup == nil {
			rows[i].setup = setup
		}
	}
	run(t, rows)
}

// TestConformanceBDATStates is the command table for the states that only BDAT
// leads to: a chunk was accepted (B), and a chunk was refused (F).
func TestConformanceBDATStates(t *testing.T) {
	const place, step = "503 5.5.1 Error: command out of place", "503 5.5.1 Error: need RCPT command"
	setup := func(srv *smtptest.Server) {
		offering("CHUNKING", "XCLIENT NAME")(srv)
		withTLS(srv)
		srv.Users, srv.ClearMechanisms = map[string]string{"ann": "secret"}, []string{"PLAIN"}
	}
	sayEhlo := ehloWith("CHUNKING", "XCLIENT NAME", "STARTTLS", "AUTH PLAIN")
	hello := strings.Join(replies(sayEhlo), "\n")
	offers := "EHLO HELO MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY HELP STARTTLS AUTH XCLIENT"
	begin := talk("S: "+greeting, sayEhlo, sayMail, sayRcpt)
	in := map[state][]string{
		"B": talk(begin, "C+ BDAT 1\r\nx", "S: 250 2.0.0 1 octet received"),
		"F": talk(begin, "C: BDAT x", "S: 501 5.5.4 Syntax: BDAT size [LAST]"),
	}
	shows := map[state][]string{
		"B":  {"C: BDAT 0 LAST", "S: " + ok},
		"F":  talk("C+ BDAT 1 LAST\r\ny", "S: "+step, "C: MAIL FROM:<c@client.test>", "S: "+nested, "C: RSET", "S: "+ok, sayMail, sayRcpt, sayData, sayText),
		ehlo: proof[ehlo], helo: proof[helo], quit: proof[quit],
	}
	var rows []row
	for _, c := range []struct{ line, why, B, F string }{
		{"EHLO client.test", "RFC 5321 4.1.4: it resets", hello + " -> E", hello + " -> E"},
		{"HELO client.test", "RFC 5321 4.1.4: it resets", "250 localhost -> H", "250 localhost -> H"},
		{"MAIL FROM:<a@client.test>", "RFC 5321 4.1.4", nested, nested},
		{"RCPT TO:<b@server.test>", "2: recipients come first", place, place},
		{"DATA", "2: DATA and BDAT do not mix, and the failure lasts", place + " -> F", step},
		{"BDAT 0", "2", "250 2.0.0 0 octets received", step},
		{"RSET", "2: RSET drops the chunks, and only RSET helps", ok + " -> E", ok + " -> E"},
		{"NOOP", "RFC 5321 4.1.4", ok, ok},
		{"VRFY bob", "RFC 5321 4.1.4", cannot, cannot},
		{"EXPN staff", "RFC 5321 4.1.4", "502 5.5.1 EXPN not implemented", "502 5.5.1 EXPN not implemented"},
		{"HELP", "RFC 5321 4.1.4", "214 2.0.0 Supported commands: " + offers, "214 2.0.0 Supported commands: " + offers},
		{"STARTTLS", "RFC 3207 4.2", place, place},
		{"AUTH PLAIN =", "RFC 4954 4", place, place},
		{"XCLIENT NAME=x", "Postfix XCLIENT_README", place, place},
		{"TURN", "RFC 5321 F.1", "502 5.5.1 Error: command not implemented", "502 5.5.1 Error: command not implemented"},
		{"LHLO client.test", "RFC 2033 4.1", unknown("LHLO"), unknown("LHLO")},
		{"ETRN x", "RFC 1985: not offered", unknown("ETRN"), unknown("ETRN")},
		{"FOO", "RFC 5321 4.2.4", unknown("FOO"), unknown("FOO")},
		{"QUIT", "RFC 5321 4.1.1.10", bye + " -> Q", bye + " -> Q"},
	} {
		for from, cell := range map[state]string{"B": c.B, "F": c.F} {
			reply, to, changes := strings.Cut(cell, " -> ")
			if !changes {
				to = string(from)
			}
			r := row{name: string(from) + "/" + c.line, why: c.why, setup: setup, talk: talk(in[from], "C: "+c.line)}
			for line := range strings.SplitSeq(reply, "\n") {
				r.talk = append(r.talk, "S: "+line)
			}
			r.talk = append(r.talk, shows[state(to)]...)
			switch {
			case to == "B" && c.line == "BDAT 0":
				r.want = []smtptest.Message{chunked("x", 1, 0, 0)}
			case to == "B":
				r.want = []smtptest.Message{chunked("x", 1, 0)}
			case state(to) != quit:
				r.want = []smtptest.Message{message()}
			}
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.name, b.name) })
	run(t, rows)
}

// TestConformanceBDATLMTP is about the last chunk in LMTP: one reply for each
// accepted recipient, and none if there is none (RFC 2033 4.3).
func TestConformanceBDATLMTP(t *testing.T) {
	setup := func(rules ...smtptest.Rule) func(*smtptest.Server) {
		return func(srv *smtptest.Server) {
			offering("CHUNKING")(srv)
			srv.LMTP = true
			srv.Script(rules...)
		}
	}
	begin := talk("S: "+greeting, "C: LHLO client.test", ehloWith("CHUNKING")[1:], sayMail)
	two := talk(begin, sayRcpt, sayRcpt)
	to := func(m smtptest.Message, paths ...string) []smtptest.Message {
		m.To = paths
		return []smtptest.Message{m}
	}
	step := "503 5.5.1 Error: need RCPT command"
	run(t, []row{
		{name: "for each", why: "4.3: duplicates too", setup: setup(), want: to(chunked("abc", 2, 1), "b@server.test", "b@server.test"),
			talk: talk(two, "C+ BDAT 2\r\nab", "S: 250 2.0.0 2 octets received", "C+ BDAT 1 LAST\r\nc", "S: "+ok, "S: "+ok, sayQuit)},
		{name: "one refused", why: "4.3: scripted for the second", setup: setup(smtptest.Rule{On: ". <b@server.test>", Skip: 1, Reply: "452 4.2.2 full"}), want: to(chunked("c", 1), "b@server.test"),
			talk: talk(two, "C+ BDAT 1 LAST\r\nc", "S: "+ok, "S: 452 4.2.2 full", sayQuit)},
		{name: "by its own argument", why: "a BDAT row compares that, not the recipient", setup: setup(smtptest.Rule{On: "BDAT 1 LAST", Skip: 1, Times: 1, Reply: "452 4.3.1 no room"}, smtptest.Rule{On: "BDAT * LAST", Times: 1, Reply: ok}), want: to(chunked("c", 1), "b@server.test"),
			talk: talk(two, "C+ BDAT 1 LAST\r\nc", "S: "+ok, "S: 452 4.3.1 no room", sayQuit)},
		{name: "for none", why: "4.3: zero replies, and the transaction is over", setup: setup(), fates: []string{smtptest.OutcomeRefused, smtptest.OutcomeAccepted}, want: []smtptest.Message{chunked("x", 1)},
			talk: talk(begin, "C+ BDAT 6 LAST\r\nQUIT\r\n", silence, "C: NOOP", "S: "+ok, sayMail, sayRcpt, "C+ BDAT 1 LAST\r\nx", "S: "+ok, sayQuit)},
		{name: "not the last", why: "2: one reply, and only RSET helps", setup: setup(), talk: talk(begin, "C+ BDAT 6\r\nQUIT\r\n", "S: "+step, "C: RSET", "S: "+ok, sayQuit)},
		{name: "behind a failed one", why: "4.3: for each, once: the transaction is over", setup: setup(smtptest.Rule{On: "BDAT", Times: 1, Reply: "452 4.3.1 no room"}), fates: []string{smtptest.OutcomeRefused, smtptest.OutcomeAccepted},
			talk: talk(two, "C+ BDAT 1\r\nxBDAT 6 LAST\r\nQUIT\r\nBDAT 0 LAST\r\n", "S: 452 4.3.1 no room", "S: "+step, "S: "+step, "S: "+step, sayMail, sayRcpt, "C+ BDAT 1 LAST\r\nx", "S: "+ok, sayQuit), want: []smtptest.Message{chunked("x", 1)}},
		{name: "without mail", why: "2: there is no transaction to be replied for", setup: setup(), talk: talk(begin[:len(begin)-2], "C+ BDAT 1 LAST\r\nx", "S: "+step, sayQuit)},
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
				client := listenTo(dial(t, srv))
				client.say(turn{send: "EHLO client.test\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<b@server.test>\r\n" + c.sent})
				client.heard()
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
