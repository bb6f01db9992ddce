package smtptest_test

import (
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
)

const (
	mailSyntax  = "501 5.5.4 Syntax: MAIL FROM: <address>"
	rcptSyntax  = "501 5.5.4 Syntax: RCPT TO: <address>"
	mailUnknown = "555 5.5.4 MAIL FROM parameters not recognized or not implemented"
	rcptUnknown = "555 5.5.4 RCPT TO parameters not recognized or not implemented"
	badBody     = "501 5.5.4 Error: BODY can only be one of 7BIT, 8BITMIME"
	sizeOver    = "552 5.3.4 Error: message size exceeds fixed maximum message size"
	tooMuch     = "552 5.3.4 Error: Too much mail data"
)

// TestConformanceParameters is about parameters that are taken: they are
// recorded as sent.
func TestConformanceParameters(t *testing.T) {
	var rows []row
	for _, p := range []struct {
		name, why, sent string
		options         []string
	}{
		{"size", "RFC 1870 3", " SIZE=1000", []string{"SIZE=1000"}},
		{"size zero", "RFC 1870 3", " SIZE=0", []string{"SIZE=0"}},
		{"size at the limit", "RFC 1870 6.1", " SIZE=33554432", []string{"SIZE=33554432"}},
		{"size of 20 digits", "RFC 1870 3: 1*20DIGIT", " SIZE=00000000000000000001", []string{"SIZE=00000000000000000001"}},
		{"size lower", "2.4: keywords in any case, recorded as sent", " size=7312", []string{"size=7312"}},
		{"body 7bit", "RFC 6152 3", " BODY=7BIT", []string{"BODY=7BIT"}},
		{"body 8bitmime", "RFC 6152 3", " BODY=8BITMIME", []string{"BODY=8BITMIME"}},
		{"body mixed", "2.4", " Body=8BitMime", []string{"Body=8BitMime"}},
		{"smtputf8", "RFC 6531 3.4; also with ASCII addresses", " SMTPUTF8", []string{"SMTPUTF8"}},
		{"smtputf8 lower", "2.4", " smtputf8", []string{"smtputf8"}},
		{"all, order kept", "4.1.2", " BODY=8BITMIME SMTPUTF8 SIZE=10", []string{"BODY=8BITMIME", "SMTPUTF8", "SIZE=10"}},
		{"size twice", "as smtpd: the last counts", " SIZE=33554433 SIZE=20", []string{"SIZE=33554433", "SIZE=20"}},
		{"body twice", "as smtpd", " BODY=7BIT BODY=8BITMIME", []string{"BODY=7BIT", "BODY=8BITMIME"}},
		{"smtputf8 twice", "as smtpd", " SMTPUTF8 SMTPUTF8", []string{"SMTPUTF8", "SMTPUTF8"}},
		{"trailing space", "4.1.1", " SIZE=10 ", []string{"SIZE=10"}},
		{"two spaces", "lint, and no refusal", "  SIZE=10   BODY=7BIT", []string{"SIZE=10", "BODY=7BIT"}},
	} {
		rows = append(rows, row{name: p.name, why: p.why, in: ehlo,
			talk: talk("C: MAIL FROM:<a@client.test>"+p.sent, "S: "+mailOK, sayRcpt, sayData, sayText),
			want: []smtptest.Message{message(func(m *smtptest.Message) { m.MailOptions = p.options })}})
	}
	rows = append(rows, row{name: "null sender", why: "4.5.5, RFC 1870 6", in: ehlo,
		talk: talk("C: MAIL FROM:<> SIZE=10", "S: "+mailOK, sayRcpt, sayData, sayText),
		want: []smtptest.Message{message(func(m *smtptest.Message) { m.From, m.MailOptions = "", []string{"SIZE=10"} })}},
		row{name: "of the accepted mail", why: "4.1.4: a refused MAIL leaves nothing behind", in: ehlo,
			talk: talk("C: MAIL FROM:<x@client.test> SIZE=1 FOO=1", "S: "+mailUnknown, sayMail,
				"C: MAIL FROM:<y@client.test> BODY=7BIT", "S: "+nested, sayRcpt, sayData, sayText),
			want: []smtptest.Message{message()}},
		row{name: "not kept over rset", why: "4.1.1.5", in: ehlo,
			talk: talk("C: MAIL FROM:<x@client.test> SIZE=1", "S: "+mailOK, "C: RSET", "S: "+ok, sayMail, sayRcpt, sayData, sayText),
			want: []smtptest.Message{message()}})
	run(t, rows)
}

func TestConformanceParameterRefusals(t *testing.T) {
	var rows []row
	for _, p := range []struct{ name, why, sent, reply string }{
		{"size over", "RFC 1870 6.1", "SIZE=33554433", sizeOver},
		{"size of 20 nines", "RFC 1870 3: over int64", "SIZE=99999999999999999999", sizeOver},
		{"size of 21 digits", "RFC 1870 3: 1*20DIGIT", "SIZE=000000000000000000001", mailSyntax + params},
		{"size empty", "4.1.2 esmtp-value", "SIZE=", mailSyntax + params},
		{"size bare", "RFC 1870 3", "SIZE", mailSyntax + params},
		{"size negative", "RFC 1870 3", "SIZE=-1", mailSyntax + params},
		{"size plus", "RFC 1870 3", "SIZE=+5", mailSyntax + params},
		{"size hex", "RFC 1870 3", "SIZE=0x10", mailSyntax + params},
		{"size fraction", "RFC 1870 3", "SIZE=1.5", mailSyntax + params},
		{"size equals", "4.1.2 esmtp-value: no =", "SIZE=1=2", mailSyntax + params},
		{"body unknown", "RFC 6152 3", "BODY=9BIT", badBody},
		{"body bare", "RFC 6152 3", "BODY", badBody},
		{"body empty", "4.1.2", "BODY=", mailSyntax + params},
		{"binarymime", "RFC 3030 3: not offered", "BODY=BINARYMIME", badBody},
		{"smtputf8 with value", "RFC 6531 3.4", "SMTPUTF8=1", "501 5.5.4 Error: SMTPUTF8 takes no arguments"},
		{"smtputf8 empty value", "4.1.2", "SMTPUTF8=", mailSyntax + params},
		{"unknown", "4.1.1.11", "FOO", mailUnknown},
		{"unknown with value", "4.1.1.11", "FOO=bar", mailUnknown},
		{"unknown with hyphen", "4.1.2 esmtp-keyword", "X-FOO=bar", mailUnknown},
		{"unknown and known", "4.1.1.11", "SIZE=10 FOO=1", mailUnknown},
		{"known and unknown", "4.1.1.11", "FOO=1 SIZE=10", mailUnknown},
		{"two unknown", "4.1.1.11", "two words", mailUnknown},
		{"over and unknown", "the reply does not depend on an order of ours", "SIZE=33554433 FOO=1", sizeOver},
		{"unknown and bad", "4.1.2", "FOO=1 BAR=", mailSyntax + params},
		{"underscore", "4.1.2 esmtp-keyword", "X_FOO=bar", mailSyntax + params},
		{"hyphen first", "4.1.2 esmtp-keyword", "-FOO=bar", mailSyntax + params},
		{"equals first", "4.1.2", "=x", mailSyntax + params},
		{"equals only", "4.1.2", "=", mailSyntax + params},
		{"space round equals", "4.1.2", "SIZE = 10", mailSyntax + params},
		{"comma between", "4.1.2", "SIZE=10,BODY=7BIT", mailSyntax + params},
		{"control in value", "4.1.2", "FOO=a\x01b", mailSyntax + params},
		{"tab between", "4.1.2", "SIZE=10\tBODY=7BIT", mailSyntax + params},
		{"auth", "RFC 4954 5: not offered", "AUTH=<>", mailUnknown},
		{"ret", "RFC 3461 4.3: not offered", "RET=FULL", mailUnknown},
		{"envid", "RFC 3461 4.4: not offered", "ENVID=abc", mailUnknown},
		{"notify", "RFC 3461 4.1: of RCPT", "NOTIFY=NEVER", mailUnknown},
		{"requiretls", "RFC 8689 4.2.1: not offered", "REQUIRETLS", mailUnknown},
		{"percent", "trap: client text never is a format", "%s=%d", mailSyntax + params},
	} {
		rows = append(rows, lineCase("mail/"+p.name, p.why, ehlo, "MAIL FROM:<a@client.test> "+p.sent, p.reply, ""))
	}
	for _, p := range []struct{ name, why, sent, reply string }{
		{"unknown", "4.1.1.11", "FOO=1", rcptUnknown},
		{"size", "4.1.1.11: of MAIL", "SIZE=10", rcptUnknown},
		{"notify", "RFC 3461 4.1: not offered", "NOTIFY=NEVER", rcptUnknown},
		{"orcpt", "RFC 3461 4.2: not offered", "ORCPT=rfc822;c@d.test", rcptUnknown},
		{"value missing", "4.1.2", "FOO=", rcptSyntax + params},
		{"two unknown", "4.1.1.11", "FOO=1 BAR=2", rcptUnknown},
	} {
		rows = append(rows, lineCase("rcpt/"+p.name, p.why, mailGiven, "RCPT TO:<b@server.test> "+p.sent, p.reply, ""))
	}
	run(t, append(rows, []row{
		lineCase("helo mail", "4.1.1.1: HELO offers no extensions", helo, "MAIL FROM:<a@client.test> SIZE=10", mailSyntax, ""),
		lineCase("helo unknown", "4.1.1.1", helo, "MAIL FROM:<a@client.test> FOO", mailSyntax, ""),
		lineCase("helo rcpt", "4.1.1.1", heloMail, "RCPT TO:<b@server.test> FOO", rcptSyntax, ""),
	}...))
}

// TestConformanceExtensions is about extensions that are taken out, and about
// SizeLimit and what EHLO says of it.
func TestConformanceExtensions(t *testing.T) {
	only := func(lines ...string) func(*smtptest.Server) {
		return func(srv *smtptest.Server) { srv.Extensions = append([]string{"ENHANCEDSTATUSCODES"}, lines...) }
	}
	offered := func(lines ...string) []string {
		all := append([]string{"localhost", "ENHANCEDSTATUSCODES"}, lines...)
		out := []string{"C: EHLO client.test"}
		for _, line := range all[:len(all)-1] {
			out = append(out, "S: 250-"+line)
		}
		return append(out, "S: 250 "+all[len(all)-1])
	}
	limit := func(n int64, lines ...string) func(*smtptest.Server) {
		return func(srv *smtptest.Server) { only(lines...)(srv); srv.SizeLimit = n }
	}
	mail := func(param, reply string) []string {
		return []string{"C: MAIL FROM:<a@client.test> " + param, "S: " + reply}
	}
	run(t, []row{
		{name: "nothing offered", why: "RFC 1870 3, RFC 6152 3, RFC 6531 3.4: then nothing is taken", setup: only(), in: greeted,
			talk: talk(offered(), mail("SIZE=1", mailUnknown), mail("BODY=7BIT", mailUnknown), mail("SMTPUTF8", mailUnknown), sayQuit)},
		{name: "help not offered", why: "4.1.1.1: HELP is listed and served, or neither", setup: only(), in: greeted,
			talk: talk(offered(), "C: HELP", "S: 502 5.5.1 HELP not implemented", sayQuit)},
		{name: "one line", why: "4.1.1.1: no keyword at all", setup: func(srv *smtptest.Server) { srv.Extensions = nil }, in: greeted,
			talk: talk("C: EHLO client.test", "S: 250 localhost", "C: NOOP", "S: 250 OK", "C: QUIT", "S: 221 Bye", closed)},
		{name: "limit announced", why: "RFC 1870 3", setup: limit(1000, "SIZE"), in: greeted,
			talk: talk(offered("SIZE 1000"), mail("SIZE=1001", sizeOver), mail("SIZE=1000", mailOK), sayQuit)},
		{name: "no limit", why: "RFC 1870 3: SIZE 0 is no fixed limit", setup: limit(-1, "SIZE"), in: greeted,
			talk: talk(offered("SIZE 0"), mail("SIZE=99999999999999999999", mailOK), sayQuit)},
		{name: "number as written", why: "Server.Extensions: a written number is sent as is", setup: limit(1000, "SIZE 5"), in: greeted,
			talk: talk(offered("SIZE 5"), mail("SIZE=1001", sizeOver), mail("SIZE=1000", mailOK), sayQuit)},
		{name: "any keyword", why: "2.2.2: EHLO says what the test wants", setup: only("XYZZY plugh"), in: greeted,
			talk: talk(offered("XYZZY plugh"), sayQuit)},
		{name: "greeting", why: "4.3.1: its text is the server's own", in: start,
			setup: func(srv *smtptest.Server) { srv.Greeting = "ESMTP Example 1.0"; only()(srv) },
			talk:  talk("S: 220 localhost ESMTP Example 1.0", offered(), sayQuit)},
		{name: "host name", why: "4.1.1.1: the first line names the server", in: start,
			setup: func(srv *smtptest.Server) { srv.Hostname = "mx.server.test"; only()(srv) },
			talk: talk("S: 220 mx.server.test ESMTP smtptest", "C: HELO client.test", "S: 250 mx.server.test",
				"C: EHLO client.test", "S: 250-mx.server.test", "S: 250 ENHANCEDSTATUSCODES", sayQuit)},
	})
}
