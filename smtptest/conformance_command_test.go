package smtptest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
)

func unknown(verb string) string {
	return `500 5.5.2 Error: command "` + verb + `" not recognized`
}

// lineCase returns the case of one line in one state. It verifies the one reply,
// and that the session is then in the state to, or as before if to is "".
func lineCase(name, why string, in state, line, reply string, to state) row {
	if to == "" {
		to = in
	}
	return row{name: name, why: why, in: in, want: []smtptest.Message{message()},
		talk: talk("C: "+line, "S: "+reply, proof[to]), split: strings.ContainsAny(line, "\r\n\x00")}
}

// fill is a line of n octets, its CRLF counted: before, x as often as needed, after.
func fill(n int, before, after string) string {
	return before + strings.Repeat("x", n-2-len(before)-len(after)) + after
}

func TestConformanceCommands(t *testing.T) {
	run(t, []row{
		lineCase("helo lower", "2.4: verbs in any case", greeted, "helo client.test", "250 localhost", helo),
		lineCase("helo mixed", "2.4", greeted, "hElO client.test", "250 localhost", helo),
		lineCase("helo trailing space", "4.1.1: white space before the CRLF is taken", greeted, "HELO client.test ", "250 localhost", helo),
		lineCase("helo trailing tab", "4.1.1", greeted, "HELO client.test\t", "250 localhost", helo),
		lineCase("helo only space", "4.1.1.1", greeted, "HELO  ", "501 5.5.4 Syntax: HELO hostname", ""),
		lineCase("helo literal", "4.1.3: tolerated", greeted, "HELO [127.0.0.1]", "250 localhost", helo),
		lineCase("ehlo only space", "4.1.1.1", greeted, "EHLO ", "501 5.5.4 Syntax: EHLO hostname", ""),
		lineCase("noop lower", "2.4", rcptGiven, "noop", ok, ""),
		lineCase("noop trailing space", "4.1.1", rcptGiven, "NOOP ", ok, ""),
		lineCase("noop trailing blanks", "4.1.1", rcptGiven, "NOOP \t ", ok, ""),
		lineCase("noop percent", "trap: client text never is a format", rcptGiven, "NOOP %s%d%n", ok, ""),
		lineCase("noop 8 bit", "4.1.2 String: ASCII; as smtpd", rcptGiven, "NOOP \xff\xfe", "501 5.5.4 Syntax: NOOP", ""),
		lineCase("noop utf-8", "4.1.2 String", rcptGiven, "NOOP grüße", "501 5.5.4 Syntax: NOOP", ""),
		lineCase("noop nul", "2.3.8, 4.1.1.9", rcptGiven, "NOOP a\x00b", ok, ""),
		lineCase("noop bare lf", "2.3.8: only CRLF ends a line", rcptGiven, "NOOP a\nMAIL FROM:<e@evil.test>", ok, ""),
		lineCase("noop bare cr", "2.3.8", rcptGiven, "NOOP a\rMAIL FROM:<e@evil.test>", ok, ""),
		lineCase("noop lf cr", "2.3.8", rcptGiven, "NOOP a\n\rQUIT", ok, ""),
		lineCase("noop cr at the end", "2.3.8: CR CRLF is one line end", rcptGiven, "NOOP a\r", ok, ""),
		lineCase("rset lower", "2.4", rcptGiven, "rset", ok, ehlo),
		lineCase("rset trailing space", "4.1.1", rcptGiven, "RSET \t", ok, ehlo),
		lineCase("data lower", "2.4", rcptGiven, "data", goAhead, inData),
		lineCase("data trailing space", "4.1.1", rcptGiven, "DATA  ", goAhead, inData),
		lineCase("data argument", "4.1.1.4, trap: no data mode", rcptGiven, "DATA now", "501 5.5.4 Syntax: DATA", ""),
		lineCase("data argument without recipient", "4.1.4", mailGiven, "DATA now", needRcpt, ""),
		lineCase("quit argument", "4.1.1.10", rcptGiven, "QUIT now", "501 5.5.4 Syntax: QUIT", ""),
		lineCase("vrfy words", "3.5.1", rcptGiven, "VRFY Fred Blogs", cannot, ""),
		lineCase("vrfy quoted", "4.1.2", rcptGiven, `VRFY "Fred Blogs"`, cannot, ""),
		lineCase("vrfy smtputf8", "RFC 6531 3.7.4.2", rcptGiven, "VRFY fred SMTPUTF8", cannot, ""),
		lineCase("vrfy that ends like quit", "trap: verbs are compared whole", rcptGiven, "VRFY quitter", cannot, ""),
		lineCase("vrfy only space", "4.1.1.6", rcptGiven, "VRFY ", "501 5.5.4 Syntax: VRFY <address>", ""),
		lineCase("expn lower", "2.4", rcptGiven, "expn staff", "502 5.5.1 EXPN not implemented", ""),
		lineCase("expn without argument", "3.5.2: not implemented either way", rcptGiven, "EXPN", "502 5.5.1 EXPN not implemented", ""),
		lineCase("ehlo no-break space", "4.1.1.1, 2.3.8: white space is SP and HT", greeted, "EHLO client.test\u00a0", "501 5.5.4 Syntax: EHLO hostname", ""),
		lineCase("ehlo cr at the end", "2.3.8", greeted, "EHLO client.test\r", "501 5.5.4 Syntax: EHLO hostname", ""),
		lineCase("rset lf at the end", "2.3.8: a bare LF is no white space", rcptGiven, "RSET \n", "501 5.5.4 Syntax: RSET", ""),
		lineCase("rset form feed at the end", "2.3.8", rcptGiven, "RSET \f", "501 5.5.4 Syntax: RSET", ""),
		lineCase("data lf at the end", "2.3.8", rcptGiven, "DATA \n", "501 5.5.4 Syntax: DATA", ""),
		lineCase("data cr at the end", "2.3.8", rcptGiven, "DATA \r", "501 5.5.4 Syntax: DATA", ""),
		lineCase("data em space at the end", "2.3.8", rcptGiven, "DATA \u2003", "501 5.5.4 Syntax: DATA", ""),
		lineCase("help lower topic", "4.1.1.8", rcptGiven, "help data", "214 2.0.0 Syntax: DATA", ""),
		lineCase("help mail after helo", "4.1.1.8", heloRcpt, "HELP mail", "214 2.0.0 Syntax: MAIL FROM: <address>", ""),
		lineCase("help rcpt after helo", "4.1.1.8", heloRcpt, "HELP RCPT", "214 2.0.0 Syntax: RCPT TO: <address>", ""),
		lineCase("help rcpt", "4.1.1.8", rcptGiven, "HELP RCPT", "214 2.0.0 Syntax: RCPT TO: <address>"+params, ""),
		lineCase("help helo", "4.1.1.8", greeted, "HELP HELO", "214 2.0.0 Syntax: HELO hostname", ""),
		lineCase("help ehlo", "4.1.1.8", greeted, "HELP EHLO", "214 2.0.0 Syntax: EHLO hostname", ""),
		lineCase("help vrfy", "4.1.1.8", greeted, "HELP VRFY", "214 2.0.0 Syntax: VRFY <address>", ""),
		lineCase("help of what is not offered", "4.2.4", greeted, "HELP STARTTLS", noTopic, ""),
	})
}

func TestConformanceJunk(t *testing.T) {
	run(t, []row{
		lineCase("unknown lower", "4.2.4: the verb is named in upper case", rcptGiven, "foo bar baz", unknown("FOO"), ""),
		lineCase("x command", "4.1.5: private, and not offered", rcptGiven, "XFOO", unknown("XFOO"), ""),
		lineCase("percent", "trap: client text never is a format", rcptGiven, "%s%d", unknown("%S%D"), ""),
		lineCase("braces", "trap: client text never is a format", rcptGiven, "{0}", unknown("{0}"), ""),
		lineCase("quote", "4.1.1", rcptGiven, `FO"O`, unknown(`FO"O`), ""),
		lineCase("backslash", "4.1.1", rcptGiven, `FO\O`, unknown(`FO\O`), ""),
		lineCase("leading space", "4.1.1: the verb comes first", rcptGiven, " NOOP", unknown(""), ""),
		lineCase("only space", "4.1.1", rcptGiven, "  ", unknown(""), ""),
		lineCase("only tab", "4.1.1, 4.2: HT may stand in a reply", rcptGiven, "\t", unknown("\t"), ""),
		lineCase("tab after the verb", "4.1.1: SP and no other white space", rcptGiven, "RCPT\tTO:<c@x.test>", unknown("RCPT\tTO:<C@X.TEST>"), ""),
		lineCase("nul", "4.2: no controls in a reply", rcptGiven, "NO\x00OP", unknown("NO?OP"), ""),
		lineCase("escape", "4.2", rcptGiven, "\x1b[31m", unknown("?[31M"), ""),
		lineCase("8 bit", "4.2, RFC 6531 3.7.4: no UTF-8 that was not asked for", rcptGiven, "\xe9t\xe9", unknown("?T?"), ""),
		lineCase("utf-8", "4.2, RFC 6531 3.7.4", rcptGiven, "né", unknown("N?"), ""),
		lineCase("long s", "2.4: folding is of ASCII only (U+017F)", rcptGiven, "R\u017fET", unknown("RSET"), ""),
		lineCase("kelvin", "2.4: folding is of ASCII only (U+212A)", rcptGiven, "\u212a", unknown("?"), ""),
		lineCase("bare cr in the verb", "2.3.8, 4.2: a reply is not split", rcptGiven, "FOO\rBAR", unknown("FOO?BAR"), ""),
		lineCase("bare lf in the verb", "2.3.8, 4.2: a reply is not split", rcptGiven, "FOO\n250OK", unknown("FOO?250OK"), ""),
		lineCase("leading lf", "2.3.8", rcptGiven, "\nNOOP", unknown("?NOOP"), ""),
		lineCase("dot", "4.1.1: not the end of data here", rcptGiven, ".", unknown("."), ""),
		lineCase("http", "someone else's protocol", greeted, "GET / HTTP/1.0", unknown("GET"), ""),
		lineCase("tls hello", "protocol on the wrong port", greeted, "\x16\x03\x01\x02", unknown("????"), ""),
		lineCase("asterisk", "some clients cancel AUTH after its refusal", ehlo, "*", unknown("*"), ""),
	})
}

func TestConformanceLineLength(t *testing.T) {
	noSize := func(srv *smtptest.Server) { srv.Extensions = without(srv.Extensions, "SIZE") }
	addr := func(n int, after string) string { return fill(n, "MAIL FROM:<a@client.test> BODY=", after) }
	rows := []row{
		lineCase("noop 512", "4.5.3.1.4: 512 octets, CRLF counted", rcptGiven, fill(512, "NOOP ", ""), ok, ""),
		lineCase("noop 513", "4.5.3.1.4", rcptGiven, fill(513, "NOOP ", ""), tooLong, ""),
		lineCase("spaces 513", "4.5.3.1.4: white space counts", rcptGiven, "NOOP"+strings.Repeat(" ", 507), tooLong, ""),
		lineCase("unknown 512", "4.5.3.1.4, 4.5.3.1.5: the reply is at most 512", rcptGiven, fill(512, "", ""), unknown(strings.Repeat("X", 400)), ""),
		lineCase("unknown 513", "4.5.3.1.4", rcptGiven, fill(513, "", ""), tooLong, ""),
		lineCase("70000", "read to its CRLF, one reply", rcptGiven, fill(70000, "", ""), tooLong, ""),
		lineCase("13000", "longer than any line that is kept", rcptGiven, fill(13000, "NOOP ", ""), tooLong, ""),
		lineCase("hidden command", "4.5.3.1.4: the tail of a long line is no command", rcptGiven, fill(600, "NOOP ", "\nRSET"), tooLong, ""),
		lineCase("mail 548", "4.5.3.1.7: SIZE adds 26 and SMTPUTF8 10 to MAIL", ehlo, addr(548, ""), badBody, ""),
		lineCase("mail 549", "4.5.3.1.7", ehlo, addr(549, ""), tooLong, ""),
		lineCase("rcpt 513", "RFC 1870 3, RFC 6531 3.1: not to RCPT", rcptGiven, fill(513, "RCPT TO:<", "@x.test>"), tooLong, ""),
		lineCase("mail 513 before ehlo", "4.5.3.1.4: nothing is offered yet", greeted, addr(513, ""), tooLong, ""),
		lineCase("mail 513 after helo", "4.5.3.1.4: nothing is offered after HELO", helo, addr(513, ""), tooLong, ""),
	}
	rows = append(rows, row{
		name: "mail 522 without size", why: "4.5.3.1.7: what is not offered adds nothing", in: greeted, setup: noSize,
		talk: talk("C: EHLO client.test", "S: 250-localhost", "S: 250-PIPELINING", "S: 250-8BITMIME", "S: 250-SMTPUTF8", "S: 250-ENHANCEDSTATUSCODES", "S: 250 HELP",
			"C: "+addr(522, ""), "S: "+badBody, "C: "+addr(523, ""), "S: "+tooLong, sayQuit),
	}, row{
		name: "long and short in one segment", why: "trap: one 500 each, in step", in: greeted,
		talk: talk("C: "+fill(600, "NOOP ", ""), "C: NOOP", "C: "+fill(40000, "NOOP ", ""), "C: NOOP",
			"S: "+tooLong, "S: "+ok, "S: "+tooLong, "S: "+ok, sayQuit),
	}, row{
		name: "endless line", why: "2.3.8: without CRLF no line, and no reply", in: greeted,
		talk: []string{"C+ " + strings.Repeat("x", 100_000), silence},
	})
	run(t, rows)
}

// TestConformanceSegments is about how commands fall into writes.
func TestConformanceSegments(t *testing.T) {
	whole := talk("S: "+greeting, sayEhlo, sayMail, sayRcpt, sayData, sayText, sayQuit)
	var sent, got []string
	for _, line := range whole {
		if strings.HasPrefix(line, "C") {
			sent = append(sent, line)
		} else {
			got = append(got, line)
		}
	}
	run(t, []row{
		{name: "session", why: "appendix D.1", talk: whole, want: []smtptest.Message{message()}, split: true},
		{name: "session in one write", why: "nc writes before the greeting", talk: slices.Concat(sent, got), want: []smtptest.Message{message()}},
		{name: "session in one write, half closed", why: "nc -N, then shuts down its side",
			talk: slices.Concat(sent, []string{shut}, got), want: []smtptest.Message{message()}},
		{name: "half closed without quit", why: "4.1.1.10: what is complete stays",
			talk: talk(reach[rcptGiven], sayData, "C: text", "C: .", shut, "S: "+ok, closed), end: smtptest.EndClosed, want: []smtptest.Message{message()}},
		{name: "pipelined group", why: "RFC 2920 3.1, 3.2: replies in order", in: ehlo, want: []smtptest.Message{message()}, split: true,
			talk: talk("C: MAIL FROM:<a@client.test>", "C: RCPT TO:<b@server.test>", "C: DATA", "S: "+mailOK, "S: "+rcptOK, "S: "+goAhead,
				"C: text", "C: .", "C: QUIT", "S: "+ok, "S: "+bye, closed)},
		{name: "after quit", why: "4.1.1.10: nothing after QUIT is a command", in: ehlo,
			talk: talk("C: QUIT", "C: MAIL FROM:<a@client.test>", "C: NOOP", "S: "+bye, closed), fates: nil},
		{name: "crlf after quit", why: "sendmail of npm", in: ehlo, talk: talk("C: QUIT", "C: ", "S: "+bye, closed)},
		{name: "line in three", why: "2.3.8", in: greeted, split: true,
			talk: talk("C+ NO", silence, "C+ OP\r", silence, "C+ \n", "S: "+ok, sayQuit)},
		{name: "unfinished line", why: "2.4: acts only on CRLF", in: ehlo, talk: talk("C+ NOOP\r", silence)},
		{name: "lf cr", why: "2.3.8: LFCR is no line end", in: greeted, talk: talk("C+ NOOP\n\rNOOP", silence, "C+ \r\n", "S: "+unknown("NOOP??NOOP"), sayQuit)},
		{name: "two empty lines", why: "4.3.1: one reply each", in: greeted,
			talk: talk("C: ", "C: ", "S: 500 5.5.2 Error: bad syntax", "S: 500 5.5.2 Error: bad syntax", sayQuit), split: true},
	})
}

// TestConformanceLastCommand sends one line more than a session may have: it is
// answered 421, whatever a row says.
func TestConformanceLastCommand(t *testing.T) {
	const last = "421 4.7.0 Error: too many commands"
	setup := func(rules ...smtptest.Rule) func(*smtptest.Server) {
		return func(srv *smtptest.Server) {
			with("XLAST", func(ch *smtptest.Channel, arg string) smtptest.Reply {
				smtptest.LeaveLines(ch, 2)
				return ok
			})(srv)
			srv.Script(rules...)
		}
	}
	asks := smtptest.Rule{On: "RESPONSE", Reply: "334 ", Optional: true}
	run(t, []row{
		{name: "command", why: "4.3.2: 421 to any", in: ehlo, setup: setup(), end: smtptest.EndReply,
			talk: talk("C: XLAST", "S: "+ok, "C: NOOP", "S: "+ok, "C: NOOP", "S: "+ok, "C: NOOP", "S: "+last, closed)},
		{name: "command with a row", why: "a row does not lift the limit", in: ehlo, setup: setup(smtptest.Rule{On: "NOOP", Reply: "250 row"}), end: smtptest.EndReply,
			talk: talk("C: XLAST", "S: "+ok, "C: NOOP", "S: 250 row", "C: NOOP", "S: 250 row", "C: NOOP", "S: "+last, closed)},
		{name: "response", why: "RFC 4954 4: a row may ask for ever", in: ehlo, setup: setup(smtptest.Rule{On: "AUTH", Reply: "334 "}, asks), end: smtptest.EndReply,
			talk: talk("C: XLAST", "S: "+ok, "C: AUTH PLAIN", "S: 334 ", "C: eA==", "S: 334 ", "C: eA==", "S: "+last, closed)},
	})
}

// TestConformanceLastAnswer has a CommandFunc ask until a line is one more than a
// session may have: that is answered as a command would be, and the function has
// nothing more to say.
func TestConformanceLastAnswer(t *testing.T) {
	const last = "421 4.7.0 Error: too many commands"
	endless := func(ch *smtptest.Channel) {
		for {
			ch.Ask("350 more?")
		}
	}
	failing := func(ch *smtptest.Channel) {
		for {
			if _, err := ch.Ask("350 more?"); err != nil {
				return
			}
		}
	}
	asking := func(verb string, ask func(*smtptest.Channel), reply smtptest.Reply, rules ...smtptest.Rule) func(*smtptest.Server) {
		return func(srv *smtptest.Server) {
			offering("CHUNKING")(srv)
			with(verb, func(ch *smtptest.Channel, _ string) smtptest.Reply {
				smtptest.LeaveLines(ch, 2)
				ask(ch)
				return reply
			})(srv)
			srv.Script(rules...)
		}
	}
	answers := []string{"S: 350 more?", "C: yes", "S: 350 more?", "C: yes", "S: 350 more?", "C: yes", "S: " + last, closed}
	ask := func(first string) []string { return talk(first, answers) }
	hello := ehloWith("CHUNKING")
	all := []row{
		{name: "an endless loop", setup: asking("XASK", endless, ""), talk: talk(hello, ask("C: XASK"))},
		{name: "a reply of its own", setup: asking("XASK", failing, ok), talk: talk(hello, ask("C: XASK"))},
		{name: "the built-in verb", setup: asking("RCPT", failing, ""), talk: talk(hello, sayMail, ask(sayRcpt[0])), fates: []string{smtptest.OutcomeAborted}},
		{name: "a panic", setup: asking("XASK", func(ch *smtptest.Channel) { defer func() { recover() }(); endless(ch) }, ok), talk: talk(hello, ask("C: XASK"))},
		{name: "a row that shapes", setup: asking("XASK", failing, ok, smtptest.Rule{On: "XASK", Chunk: 3}), talk: talk(hello, ask("C: XASK"))},
		{name: "a row that answers", setup: asking("RCPT", failing, "", smtptest.Rule{On: "RCPT", Reply: "250 row"}), talk: talk(hello, sayMail, ask(sayRcpt[0])), fates: []string{smtptest.OutcomeAborted}},
		{name: "a row that keeps", setup: asking("RCPT", failing, "", smtptest.Rule{On: "RCPT", Reply: "450 row", Keep: true}), talk: talk(hello, sayMail, ask(sayRcpt[0])), fates: []string{smtptest.OutcomeAborted}},
		{name: "a row that keeps and holds up", setup: asking("RCPT", failing, "", smtptest.Rule{On: "RCPT", Keep: true, Delay: smtptest.Forever}), talk: talk(hello, sayMail, ask(sayRcpt[0])), fates: []string{smtptest.OutcomeAborted}},
		{name: "a chunk", setup: asking("BDAT", failing, ok), talk: talk(hello, sayMail, sayRcpt, ask("C+ BDAT 1 LAST\r\nx")), fates: []string{smtptest.OutcomeAborted}},
	}
	for i := range all {
		all[i].why, all[i].end = "4.3.2: 421 to any", smtptest.EndReply
		all[i].talk = talk("S: "+greeting, all[i].talk)
	}
	run(t, all)
}
