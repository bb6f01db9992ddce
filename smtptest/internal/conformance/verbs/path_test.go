package verbs_test

import (
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

// Paths that MAIL and RCPT both take, with the address that is recorded.
var goodPaths = []struct{ name, why, path, address string }{
	{"plain", "4.1.2", "<a@b.test>", "a@b.test"},
	{"dots", "4.1.2 Dot-string", "<a.b.c@d.test>", "a.b.c@d.test"},
	{"atext", "4.1.2, RFC 5322 3.2.3: all of atext", "<!#$%&'*+-/=?^_`{|}~@b.test>", "!#$%&'*+-/=?^_`{|}~@b.test"},
	{"case kept", "2.4: as sent", "<MiXed@B.Test>", "MiXed@B.Test"},
	{"one label", "2.3.5, 4.1.2: is syntax", "<a@localhost>", "a@localhost"},
	{"digits", "RFC 1123 2.1", "<a@1.2.test>", "a@1.2.test"},
	{"hyphens", "4.1.2 Ldh-str", "<a@b--c.test>", "a@b--c.test"},
	{"a-label", "RFC 5890 2.3.2.1", "<a@xn--bcher-kva.test>", "a@xn--bcher-kva.test"},
	{"quoted", "4.1.2: recorded as sent", `<"ab"@c.test>`, `"ab"@c.test`},
	{"quoted empty", "4.1.2 Quoted-string", `<""@c.test>`, `""@c.test`},
	{"quoted space", "4.1.2 qtextSMTP", `<"a b"@c.test>`, `"a b"@c.test`},
	{"quoted at", "never a@b@c", `<"a@b"@c.test>`, `"a@b"@c.test`},
	{"quoted angle", "the first > is not the end", `<"a>b"@c.test>`, `"a>b"@c.test`},
	{"quoted angle and space", "neither is the first space", `<"a> SIZE=1"@c.test>`, `"a> SIZE=1"@c.test`},
	{"quoted pair", "4.1.2 quoted-pairSMTP", `<"a\"b\\c"@c.test>`, `"a\"b\\c"@c.test`},
	{"ipv4", "4.1.3", "<a@[127.0.0.1]>", "a@[127.0.0.1]"},
	{"ipv6", "4.1.3", "<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]"},
	{"ipv6 any", "4.1.3", "<a@[IPv6:::]>", "a@[IPv6:::]"},
	{"ipv6 full", "4.1.3", "<a@[IPv6:1:2:3:4:5:6:7:8]>", "a@[IPv6:1:2:3:4:5:6:7:8]"},
	{"ipv6 with ipv4", "4.1.3 IPv6v4-comp", "<a@[IPv6:::ffff:1.2.3.4]>", "a@[IPv6:::ffff:1.2.3.4]"},
	{"ipv6 tag lower", "2.4", "<a@[ipv6:::1]>", "a@[ipv6:::1]"},
	{"ipv6 of six groups and two colons", "4.1.3: :: is two groups or more", "<a@[IPv6:1:2:3:4:5:6::]>", "a@[IPv6:1:2:3:4:5:6::]"},
	{"ipv6 of four groups, two colons and ipv4", "4.1.3 IPv6v4-comp", "<a@[IPv6:1:2:3:4::1.2.3.4]>", "a@[IPv6:1:2:3:4::1.2.3.4]"},
	{"quoted comma and colon", "neither ends a source route", `<@r.test:"a,@b:c"@d.test>`, `"a,@b:c"@d.test`},
	{"source route", "4.1.1.3, appendix C: taken and dropped", "<@r.test:a@b.test>", "a@b.test"},
	{"source route of two", "4.1.1.3, appendix C", "<@r.test,@s.test:a@b.test>", "a@b.test"},
	{"local part of 64", "4.5.3.1.1", "<" + strings.Repeat("l", 64) + "@b.test>", strings.Repeat("l", 64) + "@b.test"},
	{"path of 256", "4.5.3.1.3", "<a@" + domain(252) + ">", "a@" + domain(252)},
}

// Paths that neither takes: the path is a syntax error (4.1.2 ends with a MUST).
var badPaths = []struct{ name, why, path string }{
	{"none", "4.1.1.2", ""},
	{"only a space", "4.1.1.2", " "},
	{"no brackets", "4.1.2 Path", "a@b.test"},
	{"space before", "3.3: no spaces at the colon", " <a@b.test>"},
	{"not opened", "4.1.2", "a@b.test>"},
	{"not closed", "4.1.2", "<a@b.test"},
	{"closed twice", "4.1.2", "<a@b.test>>"},
	{"opened twice", "4.1.2", "<<a@b.test>>"},
	{"null in brackets", "smtp-source", "<<>>"},
	{"text behind", "4.1.2", "<a@b.test>x"},
	{"list", "4.1.2", "<a@b.test>,<c@d.test>"},
	{"display name", "4.1.2", "Fred <a@b.test>"},
	{"no domain", "4.1.2: only Postmaster may", "<a>"},
	{"empty domain", "4.1.2", "<a@>"},
	{"no local part", "dma", "<@b.test>"},
	{"route only", "4.1.2", "<@r.test:>"},
	{"route without at", "4.1.2", "<r.test:a@b.test>"},
	{"leading dot", "4.1.2 Dot-string", "<.a@b.test>"},
	{"trailing dot", "4.1.2 Dot-string", "<a.@b.test>"},
	{"two dots", "4.1.2 Dot-string", "<a..b@c.test>"},
	{"space in local part", "4.1.2", "<a b@c.test>"},
	{"space in domain", "4.1.2", "<a@b c>"},
	{"two ats", "4.1.2", "<a@b@c.test>"},
	{"specials", "4.1.2", "<a;b@c.test>"},
	{"comment", "4.1.2: no CFWS here", "<a(x)@b.test>"},
	{"underscore", "4.1.2, 2.3.5", "<a@b_c.test>"},
	{"root dot", "4.1.2, 2.3.5", "<a@b.test.>"},
	{"empty label", "4.1.2", "<a@b..test>"},
	{"hyphen first", "4.1.2 sub-domain", "<a@-b.test>"},
	{"hyphen last", "4.1.2 sub-domain", "<a@b-.test>"},
	{"quote not closed", "4.1.2", `<"a@b.test>`},
	{"text after quote", "4.1.2", `<"a"b@c.test>`},
	{"quoted domain", "4.1.2", `<a@"b.test">`},
	{"ipv4 of three", "4.1.3", "<a@[1.2.3]>"},
	{"ipv4 over 255", "4.1.3 Snum", "<a@[1.2.3.256]>"},
	{"ipv4 after tag", "4.1.3", "<a@[IPv6:1.2.3.4]>"},
	{"ipv6 without tag", "4.1.3", "<a@[::1]>"},
	{"ipv6 zone", "4.1.3: no zones", "<a@[IPv6:fe80::1%eth0]>"},
	{"ipv6 twice shortened", "4.1.3", "<a@[IPv6:1::2::3]>"},
	{"ipv6 of seven groups and two colons", "4.1.3: :: is two groups or more", "<a@[IPv6:1:2:3:4:5:6:7::]>"},
	{"ipv6 of five groups, two colons and ipv4", "4.1.3 IPv6v4-comp", "<a@[IPv6:1:2:3:4:5::1.2.3.4]>"},
	{"ipv6 of nine groups", "4.1.3", "<a@[IPv6:1:2:3:4:5:6:7:8:9]>"},
	{"route by literal", "4.1.2 At-domain: a domain", "<@[127.0.0.1]:a@b.test>"},
	{"route with a space", "4.1.2 A-d-l", "<@r.test, @s.test:a@b.test>"},
	{"route ends in a comma", "4.1.2 A-d-l", "<@r.test,:a@b.test>"},
	{"literal open", "4.1.3", "<a@[127.0.0.1>"},
	{"literal empty", "4.1.3", "<a@[]>"},
	{"tag unknown", "4.1.3: must be registered", "<a@[x400:c=us]>"},
	{"control", "4.1.2", "<a\x01@b.test>"},
	{"nul", "4.1.2", "<a\x00@b.test>"},
	{"delete", "4.1.2", "<a\x7f@b.test>"},
	{"control in quotes", "4.1.2 qtextSMTP", "<\"a\tb\"@c.test>"},
	{"bare cr", "2.3.8", "<a\r@b.test>"},
	{"bare lf", "2.3.8", "<a\n@b.test>"},
	{"bare lf and command", "trap: injection stays one refused line", "<a@b.test>\nRCPT TO:<e@evil.test>"},
	{"local part of 65", "4.5.3.1.1", "<" + strings.Repeat("l", 65) + "@b.test>"},
	{"path of 257", "4.5.3.1.3", "<a@" + domain(253) + ">"},
	{"domain of 256", "4.5.3.1.2", "<a@" + domain(256) + ">"},
}

// domain is a domain of n octets, in labels of at most 63.
func domain(n int) string {
	d := strings.Repeat(strings.Repeat("d", 62)+".", n/63+1)[:n]
	if d[n-1] == '.' {
		d = d[:n-1] + "d"
	}
	return d
}

func TestConformancePaths(t *testing.T) {
	var rows []play.Case
	for _, p := range goodPaths {
		rows = append(rows, play.Case{Name: "mail/" + p.name, Why: p.why, In: play.EHLO,
			Talk: play.Talk("C: MAIL FROM:"+p.path, "S: "+play.MailOK, play.SayRcpt, play.SayData, play.SayText),
			Want: []smtptest.Message{play.Message(func(m *smtptest.Message) { m.From = p.address })}})
		rows = append(rows, play.Case{Name: "rcpt/" + p.name, Why: p.why, In: play.MailGiven,
			Talk: play.Talk("C: RCPT TO:"+p.path, "S: "+play.RcptOK, play.SayData, play.SayText),
			Want: []smtptest.Message{play.Message(func(m *smtptest.Message) { m.To = []string{p.address} })}})
	}
	for _, p := range badPaths {
		rows = append(rows, play.LineCase("mail/"+p.name, p.why, play.EHLO, "MAIL FROM:"+p.path, play.BadMail+play.Params, ""))
		rows = append(rows, play.LineCase("rcpt/"+p.name, p.why, play.MailGiven, "RCPT TO:"+p.path, play.BadRcpt+play.Params, ""))
	}
	play.Run(t, rows)
}

// TestConformancePathForms is about what only one of MAIL and RCPT takes, and
// about the words around the path.
func TestConformancePathForms(t *testing.T) {
	rows := []play.Case{
		play.LineCase("null recipient", "4.1.1.3: <> is no forward-path", play.MailGiven, "RCPT TO:<>", play.BadRcpt+play.Params, ""),
		play.LineCase("postmaster as sender", "4.1.2: only a forward-path", play.EHLO, "MAIL FROM:<Postmaster>", play.BadMail+play.Params, ""),
		play.LineCase("mail without argument", "4.1.1.2", play.EHLO, "MAIL", play.MailSyntax+play.Params, ""),
		play.LineCase("mail without argument after helo", "4.1.1.2", play.HELO, "MAIL", play.MailSyntax, ""),
		play.LineCase("mail without colon", "4.1.1.2", play.EHLO, "MAIL FROM <a@b.test>", play.MailSyntax+play.Params, ""),
		play.LineCase("mail with space before colon", "3.3", play.EHLO, "MAIL FROM :<a@b.test>", play.MailSyntax+play.Params, ""),
		play.LineCase("mail to", "4.1.1.2", play.EHLO, "MAIL TO:<a@b.test>", play.MailSyntax+play.Params, ""),
		play.LineCase("mail with two spaces", "4.1.1.2", play.EHLO, "MAIL  FROM:<a@client.test>", play.MailSyntax+play.Params, play.EHLO),
		play.LineCase("mail lower", "2.4", play.EHLO, "mail from:<a@client.test>", play.MailOK, play.MailGiven),
		play.LineCase("mail mixed", "2.4", play.EHLO, "MaIL FrOm:<a@client.test>", play.MailOK, play.MailGiven),
		play.LineCase("mail trailing blanks", "4.1.1", play.EHLO, "MAIL FROM:<a@client.test> \t", play.MailOK, play.MailGiven),
		play.LineCase("rcpt without argument", "4.1.1.3", play.MailGiven, "RCPT", play.RcptSyntax+play.Params, ""),
		play.LineCase("rcpt without argument after helo", "4.1.1.3", play.HELOMail, "RCPT", play.RcptSyntax, ""),
		play.LineCase("rcpt without colon", "4.1.1.3", play.MailGiven, "RCPT TO<b@server.test>", play.RcptSyntax+play.Params, ""),
		play.LineCase("rcpt from", "4.1.1.3", play.MailGiven, "RCPT FROM:<b@server.test>", play.RcptSyntax+play.Params, ""),
		play.LineCase("rcpt lower", "2.4", play.MailGiven, "rcpt to:<b@server.test>", play.RcptOK, play.RcptGiven),
		play.LineCase("rcpt trailing blanks", "4.1.1", play.MailGiven, "RCPT TO:<b@server.test>   ", play.RcptOK, play.RcptGiven),
		play.LineCase("mail trailing no-break space", "4.1.1, 2.3.8: white space is SP and HT", play.EHLO, "MAIL FROM:<a@client.test>\u00a0", play.BadMail+play.Params, ""),
		play.LineCase("mail trailing lf", "2.3.8: a bare LF is no white space", play.EHLO, "MAIL FROM:<a@client.test>\n", play.BadMail+play.Params, ""),
		play.LineCase("mail trailing space and cr", "2.3.8", play.EHLO, "MAIL FROM:<a@client.test> \r", play.MailSyntax+play.Params, ""),
		play.LineCase("mail trailing space and cr after helo", "2.3.8", play.HELO, "MAIL FROM:<a@client.test> \r", play.MailSyntax, ""),
		play.LineCase("rcpt trailing em space", "2.3.8", play.MailGiven, "RCPT TO:<b@server.test>\u2003", play.BadRcpt+play.Params, ""),
		play.LineCase("rcpt trailing space and lf after helo", "2.3.8", play.HELOMail, "RCPT TO:<b@server.test> \n", play.RcptSyntax, ""),
	}
	for _, path := range []string{"Postmaster", "postmaster", "POSTMASTER", "Postmaster@b.test"} {
		rows = append(rows, play.Case{Name: path, Why: "4.1.1.3, 4.5.1: without a domain, in any case", In: play.MailGiven,
			Talk: play.Talk("C: RCPT TO:<"+path+">", "S: "+play.RcptOK, play.SayData, play.SayText),
			Want: []smtptest.Message{play.Message(func(m *smtptest.Message) { m.To = []string{path} })}})
	}
	play.Run(t, rows)
}
