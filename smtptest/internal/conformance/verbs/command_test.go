package verbs_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

func TestConformanceCommands(t *testing.T) {
	play.Run(t, []play.Case{
		play.LineCase("helo lower", "2.4: verbs in any case", play.Greeted, "helo client.test", "250 localhost", play.HELO),
		play.LineCase("helo mixed", "2.4", play.Greeted, "hElO client.test", "250 localhost", play.HELO),
		play.LineCase("helo trailing space", "4.1.1: white space before the CRLF is taken", play.Greeted, "HELO client.test ", "250 localhost", play.HELO),
		play.LineCase("helo trailing tab", "4.1.1", play.Greeted, "HELO client.test\t", "250 localhost", play.HELO),
		play.LineCase("helo only space", "4.1.1.1", play.Greeted, "HELO  ", "501 5.5.4 Syntax: HELO hostname", ""),
		play.LineCase("helo literal", "4.1.3: tolerated", play.Greeted, "HELO [127.0.0.1]", "250 localhost", play.HELO),
		play.LineCase("ehlo only space", "4.1.1.1", play.Greeted, "EHLO ", "501 5.5.4 Syntax: EHLO hostname", ""),
		play.LineCase("noop lower", "2.4", play.RcptGiven, "noop", play.OK, ""),
		play.LineCase("noop trailing space", "4.1.1", play.RcptGiven, "NOOP ", play.OK, ""),
		play.LineCase("noop trailing blanks", "4.1.1", play.RcptGiven, "NOOP \t ", play.OK, ""),
		play.LineCase("noop percent", "trap: client text never is a format", play.RcptGiven, "NOOP %s%d%n", play.OK, ""),
		play.LineCase("noop 8 bit", "4.1.2 String: ASCII; as smtpd", play.RcptGiven, "NOOP \xff\xfe", "501 5.5.4 Syntax: NOOP", ""),
		play.LineCase("noop utf-8", "4.1.2 String", play.RcptGiven, "NOOP grüße", "501 5.5.4 Syntax: NOOP", ""),
		play.LineCase("noop nul", "2.3.8, 4.1.1.9", play.RcptGiven, "NOOP a\x00b", play.OK, ""),
		play.LineCase("noop bare lf", "2.3.8: only CRLF ends a line", play.RcptGiven, "NOOP a\nMAIL FROM:<e@evil.test>", play.OK, ""),
		play.LineCase("noop bare cr", "2.3.8", play.RcptGiven, "NOOP a\rMAIL FROM:<e@evil.test>", play.OK, ""),
		play.LineCase("noop lf cr", "2.3.8", play.RcptGiven, "NOOP a\n\rQUIT", play.OK, ""),
		play.LineCase("noop cr at the end", "2.3.8: CR CRLF is one line end", play.RcptGiven, "NOOP a\r", play.OK, ""),
		play.LineCase("rset lower", "2.4", play.RcptGiven, "rset", play.OK, play.EHLO),
		play.LineCase("rset trailing space", "4.1.1", play.RcptGiven, "RSET \t", play.OK, play.EHLO),
		play.LineCase("data lower", "2.4", play.RcptGiven, "data", play.GoAhead, play.InData),
		play.LineCase("data trailing space", "4.1.1", play.RcptGiven, "DATA  ", play.GoAhead, play.InData),
		play.LineCase("data argument", "4.1.1.4, trap: no data mode", play.RcptGiven, "DATA now", "501 5.5.4 Syntax: DATA", ""),
		play.LineCase("data argument without recipient", "4.1.4", play.MailGiven, "DATA now", play.NeedRcpt, ""),
		play.LineCase("quit argument", "4.1.1.10", play.RcptGiven, "QUIT now", "501 5.5.4 Syntax: QUIT", ""),
		play.LineCase("vrfy words", "3.5.1", play.RcptGiven, "VRFY Fred Blogs", play.Cannot, ""),
		play.LineCase("vrfy quoted", "4.1.2", play.RcptGiven, `VRFY "Fred Blogs"`, play.Cannot, ""),
		play.LineCase("vrfy smtputf8", "RFC 6531 3.7.4.2", play.RcptGiven, "VRFY fred SMTPUTF8", play.Cannot, ""),
		play.LineCase("vrfy that ends like quit", "trap: verbs are compared whole", play.RcptGiven, "VRFY quitter", play.Cannot, ""),
		play.LineCase("vrfy only space", "4.1.1.6", play.RcptGiven, "VRFY ", "501 5.5.4 Syntax: VRFY <address>", ""),
		play.LineCase("expn lower", "2.4", play.RcptGiven, "expn staff", "502 5.5.1 EXPN not implemented", ""),
		play.LineCase("expn without argument", "3.5.2: not implemented either way", play.RcptGiven, "EXPN", "502 5.5.1 EXPN not implemented", ""),
		play.LineCase("ehlo no-break space", "4.1.1.1, 2.3.8: white space is SP and HT", play.Greeted, "EHLO client.test\u00a0", "501 5.5.4 Syntax: EHLO hostname", ""),
		play.LineCase("ehlo cr at the end", "2.3.8", play.Greeted, "EHLO client.test\r", "501 5.5.4 Syntax: EHLO hostname", ""),
		play.LineCase("rset lf at the end", "2.3.8: a bare LF is no white space", play.RcptGiven, "RSET \n", "501 5.5.4 Syntax: RSET", ""),
		play.LineCase("rset form feed at the end", "2.3.8", play.RcptGiven, "RSET \f", "501 5.5.4 Syntax: RSET", ""),
		play.LineCase("data lf at the end", "2.3.8", play.RcptGiven, "DATA \n", "501 5.5.4 Syntax: DATA", ""),
		play.LineCase("data cr at the end", "2.3.8", play.RcptGiven, "DATA \r", "501 5.5.4 Syntax: DATA", ""),
		play.LineCase("data em space at the end", "2.3.8", play.RcptGiven, "DATA \u2003", "501 5.5.4 Syntax: DATA", ""),
		play.LineCase("help lower topic", "4.1.1.8", play.RcptGiven, "help data", "214 2.0.0 Syntax: DATA", ""),
		play.LineCase("help mail after helo", "4.1.1.8", play.HELORcpt, "HELP mail", "214 2.0.0 Syntax: MAIL FROM:<address>", ""),
		play.LineCase("help rcpt after helo", "4.1.1.8", play.HELORcpt, "HELP RCPT", "214 2.0.0 Syntax: RCPT TO:<address>", ""),
		play.LineCase("help rcpt", "4.1.1.8", play.RcptGiven, "HELP RCPT", "214 2.0.0 Syntax: RCPT TO:<address>"+play.Params, ""),
		play.LineCase("help helo", "4.1.1.8", play.Greeted, "HELP HELO", "214 2.0.0 Syntax: HELO hostname", ""),
		play.LineCase("help ehlo", "4.1.1.8", play.Greeted, "HELP EHLO", "214 2.0.0 Syntax: EHLO hostname", ""),
		play.LineCase("help vrfy", "4.1.1.8", play.Greeted, "HELP VRFY", "214 2.0.0 Syntax: VRFY <address>", ""),
		play.LineCase("help of what is not offered", "4.2.4", play.Greeted, "HELP STARTTLS", play.NoTopic, ""),
	})
}

func TestConformanceJunk(t *testing.T) {
	play.Run(t, []play.Case{
		play.LineCase("unknown lower", "4.2.4: the verb is named in upper case", play.RcptGiven, "foo bar baz", play.Unknown("FOO"), ""),
		play.LineCase("x command", "4.1.5: private, and not offered", play.RcptGiven, "XFOO", play.Unknown("XFOO"), ""),
		play.LineCase("percent", "trap: client text never is a format", play.RcptGiven, "%s%d", play.Unknown("%S%D"), ""),
		play.LineCase("braces", "trap: client text never is a format", play.RcptGiven, "{0}", play.Unknown("{0}"), ""),
		play.LineCase("quote", "4.1.1", play.RcptGiven, `FO"O`, play.Unknown(`FO"O`), ""),
		play.LineCase("backslash", "4.1.1", play.RcptGiven, `FO\O`, play.Unknown(`FO\O`), ""),
		play.LineCase("leading space", "4.1.1: the verb comes first", play.RcptGiven, " NOOP", play.Unknown(""), ""),
		play.LineCase("only space", "4.1.1", play.RcptGiven, "  ", play.Unknown(""), ""),
		play.LineCase("only tab", "4.1.1, 4.2: HT may stand in a reply", play.RcptGiven, "\t", play.Unknown("\t"), ""),
		play.LineCase("tab after the verb", "4.1.1: SP and no other white space", play.RcptGiven, "RCPT\tTO:<c@x.test>", play.Unknown("RCPT\tTO:<C@X.TEST>"), ""),
		play.LineCase("nul", "4.2: no controls in a reply", play.RcptGiven, "NO\x00OP", play.Unknown("NO?OP"), ""),
		play.LineCase("escape", "4.2", play.RcptGiven, "\x1b[31m", play.Unknown("?[31M"), ""),
		play.LineCase("8 bit", "4.2, RFC 6531 3.7.4: no UTF-8 that was not asked for", play.RcptGiven, "\xe9t\xe9", play.Unknown("?T?"), ""),
		play.LineCase("utf-8", "4.2, RFC 6531 3.7.4", play.RcptGiven, "né", play.Unknown("N?"), ""),
		play.LineCase("long s", "2.4: folding is of ASCII only (U+017F)", play.RcptGiven, "R\u017fET", play.Unknown("RSET"), ""),
		play.LineCase("kelvin", "2.4: folding is of ASCII only (U+212A)", play.RcptGiven, "\u212a", play.Unknown("?"), ""),
		play.LineCase("bare cr in the verb", "2.3.8, 4.2: a reply is not split", play.RcptGiven, "FOO\rBAR", play.Unknown("FOO?BAR"), ""),
		play.LineCase("bare lf in the verb", "2.3.8, 4.2: a reply is not split", play.RcptGiven, "FOO\n250OK", play.Unknown("FOO?250OK"), ""),
		play.LineCase("leading lf", "2.3.8", play.RcptGiven, "\nNOOP", play.Unknown("?NOOP"), ""),
		play.LineCase("dot", "4.1.1: not the end of data here", play.RcptGiven, ".", play.Unknown("."), ""),
		play.LineCase("http", "someone else's protocol", play.Greeted, "GET / HTTP/1.0", play.Unknown("GET"), ""),
		play.LineCase("tls hello", "protocol on the wrong port", play.Greeted, "\x16\x03\x01\x02", play.Unknown("????"), ""),
		play.LineCase("asterisk", "some clients cancel AUTH after its refusal", play.EHLO, "*", play.Unknown("*"), ""),
	})
}

func TestConformanceLineLength(t *testing.T) {
	noSize := func(srv *smtptest.Server) { srv.Extensions = play.Without(srv.Extensions, "SIZE") }
	addr := func(n int, after string) string { return play.Fill(n, "MAIL FROM:<a@client.test> BODY=", after) }
	rows := []play.Case{
		play.LineCase("noop 512", "4.5.3.1.4: 512 octets, CRLF counted", play.RcptGiven, play.Fill(512, "NOOP ", ""), play.OK, ""),
		play.LineCase("noop 513", "4.5.3.1.4", play.RcptGiven, play.Fill(513, "NOOP ", ""), play.TooLong, ""),
		play.LineCase("spaces 513", "4.5.3.1.4: white space counts", play.RcptGiven, "NOOP"+strings.Repeat(" ", 507), play.TooLong, ""),
		play.LineCase("unknown 512", "4.5.3.1.4, 4.5.3.1.5: the reply is at most 512", play.RcptGiven, play.Fill(512, "", ""), play.Unknown(strings.Repeat("X", 400)), ""),
		play.LineCase("unknown 513", "4.5.3.1.4", play.RcptGiven, play.Fill(513, "", ""), play.TooLong, ""),
		play.LineCase("70000", "read to its CRLF, one reply", play.RcptGiven, play.Fill(70000, "", ""), play.TooLong, ""),
		play.LineCase("13000", "longer than any line that is kept", play.RcptGiven, play.Fill(13000, "NOOP ", ""), play.TooLong, ""),
		play.LineCase("hidden command", "4.5.3.1.4: the tail of a long line is no command", play.RcptGiven, play.Fill(600, "NOOP ", "\nRSET"), play.TooLong, ""),
		play.LineCase("mail 548", "4.5.3.1.7: SIZE adds 26 and SMTPUTF8 10 to MAIL", play.EHLO, addr(548, ""), play.BadBody, ""),
		play.LineCase("mail 549", "4.5.3.1.7", play.EHLO, addr(549, ""), play.TooLong, ""),
		play.LineCase("rcpt 513", "RFC 1870 3, RFC 6531 3.1: not to RCPT", play.RcptGiven, play.Fill(513, "RCPT TO:<", "@x.test>"), play.TooLong, ""),
		play.LineCase("mail 513 before ehlo", "4.5.3.1.4: nothing is offered yet", play.Greeted, addr(513, ""), play.TooLong, ""),
		play.LineCase("mail 513 after helo", "4.5.3.1.4: nothing is offered after HELO", play.HELO, addr(513, ""), play.TooLong, ""),
	}
	rows = append(rows, play.Case{
		Name: "mail 522 without size", Why: "4.5.3.1.7: what is not offered adds nothing", In: play.Greeted, Setup: noSize,
		Talk: play.Talk("C: EHLO client.test", "S: 250-localhost", "S: 250-PIPELINING", "S: 250-8BITMIME", "S: 250-SMTPUTF8", "S: 250-ENHANCEDSTATUSCODES", "S: 250 HELP",
			"C: "+addr(522, ""), "S: "+play.BadBody, "C: "+addr(523, ""), "S: "+play.TooLong, play.SayQuit),
	}, play.Case{
		Name: "long and short in one segment", Why: "trap: one 500 each, in step", In: play.Greeted,
		Talk: play.Talk("C: "+play.Fill(600, "NOOP ", ""), "C: NOOP", "C: "+play.Fill(40000, "NOOP ", ""), "C: NOOP",
			"S: "+play.TooLong, "S: "+play.OK, "S: "+play.TooLong, "S: "+play.OK, play.SayQuit),
	}, play.Case{
		Name: "endless line", Why: "2.3.8: without CRLF no line, and no reply", In: play.Greeted,
		Talk: []string{"C+ " + strings.Repeat("x", 100_000), play.Silence},
	})
	play.Run(t, rows)
}

// TestConformanceSegments is about how commands fall into writes.
func TestConformanceSegments(t *testing.T) {
	whole := play.Talk("S: "+play.Greeting, play.SayEHLO, play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayQuit)
	var sent, got []string
	for _, line := range whole {
		if strings.HasPrefix(line, "C") {
			sent = append(sent, line)
		} else {
			got = append(got, line)
		}
	}
	play.Run(t, []play.Case{
		{Name: "session", Why: "appendix D.1", Talk: whole, Want: []smtptest.Message{play.Message()}, Split: true},
		{Name: "session in one write", Why: "nc writes before the greeting", Talk: slices.Concat(sent, got), Want: []smtptest.Message{play.Message()}},
		{Name: "session in one write, half closed", Why: "nc -N, then shuts down its side",
			Talk: slices.Concat(sent, []string{play.Shut}, got), Want: []smtptest.Message{play.Message()}},
		{Name: "half closed without quit", Why: "4.1.1.10: what is complete stays",
			Talk: play.Talk(play.PathTo[play.RcptGiven], play.SayData, "C: text", "C: .", play.Shut, "S: "+play.OK, play.Closed), End: smtptest.EndClosed, Want: []smtptest.Message{play.Message()}},
		{Name: "pipelined group", Why: "RFC 2920 3.1, 3.2: replies in order", In: play.EHLO, Want: []smtptest.Message{play.Message()}, Split: true,
			Talk: play.Talk("C: MAIL FROM:<a@client.test>", "C: RCPT TO:<b@server.test>", "C: DATA", "S: "+play.MailOK, "S: "+play.RcptOK, "S: "+play.GoAhead,
				"C: text", "C: .", "C: QUIT", "S: "+play.OK, "S: "+play.Bye, play.Closed)},
		{Name: "after quit", Why: "4.1.1.10: nothing after QUIT is a command", In: play.EHLO,
			Talk: play.Talk("C: QUIT", "C: MAIL FROM:<a@client.test>", "C: NOOP", "S: "+play.Bye, play.Closed), Outcomes: nil},
		{Name: "crlf after quit", Why: "sendmail of npm", In: play.EHLO, Talk: play.Talk("C: QUIT", "C: ", "S: "+play.Bye, play.Closed)},
		{Name: "line in three", Why: "2.3.8", In: play.Greeted, Split: true,
			Talk: play.Talk("C+ NO", play.Silence, "C+ OP\r", play.Silence, "C+ \n", "S: "+play.OK, play.SayQuit)},
		{Name: "unfinished line", Why: "2.4: acts only on CRLF", In: play.EHLO, Talk: play.Talk("C+ NOOP\r", play.Silence)},
		{Name: "lf cr", Why: "2.3.8: LFCR is no line end", In: play.Greeted, Talk: play.Talk("C+ NOOP\n\rNOOP", play.Silence, "C+ \r\n", "S: "+play.Unknown("NOOP??NOOP"), play.SayQuit)},
		{Name: "two empty lines", Why: "4.3.1: one reply each", In: play.Greeted,
			Talk: play.Talk("C: ", "C: ", "S: 500 5.5.2 Error: bad syntax", "S: 500 5.5.2 Error: bad syntax", play.SayQuit), Split: true},
	})
}
