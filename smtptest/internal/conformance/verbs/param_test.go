package verbs_test

import (
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

const (
	sizeOver = "552 5.3.4 Error: message size exceeds fixed maximum message size"
)

// TestConformanceParameters is about parameters that are taken: they are
// recorded as sent.
func TestConformanceParameters(t *testing.T) {
	var rows []play.Case
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
	} {
		rows = append(rows, play.Case{Name: p.name, Why: p.why, In: play.EHLO,
			Talk: play.Talk("C: MAIL FROM:<a@client.test>"+p.sent, "S: "+play.MailOK, play.SayRcpt, play.SayData, play.SayText),
			Want: []smtptest.Message{play.Message(func(m *smtptest.Message) { m.MailOptions = p.options })}})
	}
	rows = append(rows, play.Case{Name: "null sender", Why: "4.5.5, RFC 1870 6", In: play.EHLO,
		Talk: play.Talk("C: MAIL FROM:<> SIZE=10", "S: "+play.MailOK, play.SayRcpt, play.SayData, play.SayText),
		Want: []smtptest.Message{play.Message(func(m *smtptest.Message) { m.From, m.MailOptions = "", []string{"SIZE=10"} })}},
		play.Case{Name: "of the accepted mail", Why: "4.1.4: a refused MAIL leaves nothing behind", In: play.EHLO,
			Talk: play.Talk("C: MAIL FROM:<x@client.test> SIZE=1 FOO=1", "S: "+play.MailUnknown, play.SayMail,
				"C: MAIL FROM:<y@client.test> BODY=7BIT", "S: "+play.Nested, play.SayRcpt, play.SayData, play.SayText),
			Want: []smtptest.Message{play.Message()}},
		play.Case{Name: "not kept over rset", Why: "4.1.1.5", In: play.EHLO,
			Talk: play.Talk("C: MAIL FROM:<x@client.test> SIZE=1", "S: "+play.MailOK, "C: RSET", "S: "+play.OK, play.SayMail, play.SayRcpt, play.SayData, play.SayText),
			Want: []smtptest.Message{play.Message()}})
	play.Run(t, rows)
}

func TestConformanceParameterRefusals(t *testing.T) {
	var rows []play.Case
	for _, p := range []struct{ name, why, sent, reply string }{
		{"size over", "RFC 1870 6.1", "SIZE=33554433", sizeOver},
		{"size of 20 nines", "RFC 1870 3: over int64", "SIZE=99999999999999999999", sizeOver},
		{"size of 21 digits", "RFC 1870 3: 1*20DIGIT", "SIZE=000000000000000000001", play.MailSyntax + play.Params},
		{"size empty", "4.1.2 esmtp-value", "SIZE=", play.MailSyntax + play.Params},
		{"size bare", "RFC 1870 3", "SIZE", play.MailSyntax + play.Params},
		{"size negative", "RFC 1870 3", "SIZE=-1", play.MailSyntax + play.Params},
		{"size plus", "RFC 1870 3", "SIZE=+5", play.MailSyntax + play.Params},
		{"size hex", "RFC 1870 3", "SIZE=0x10", play.MailSyntax + play.Params},
		{"size fraction", "RFC 1870 3", "SIZE=1.5", play.MailSyntax + play.Params},
		{"size equals", "4.1.2 esmtp-value: no =", "SIZE=1=2", play.MailSyntax + play.Params},
		{"body unknown", "RFC 6152 3", "BODY=9BIT", play.BadBody},
		{"body bare", "RFC 6152 3", "BODY", play.BadBody},
		{"body empty", "4.1.2", "BODY=", play.MailSyntax + play.Params},
		{"binarymime", "RFC 3030 3: not offered", "BODY=BINARYMIME", play.BadBody},
		{"smtputf8 with value", "RFC 6531 3.4", "SMTPUTF8=1", "501 5.5.4 Error: SMTPUTF8 takes no arguments"},
		{"smtputf8 empty value", "4.1.2", "SMTPUTF8=", play.MailSyntax + play.Params},
		{"unknown", "4.1.1.11", "FOO", play.MailUnknown},
		{"unknown with value", "4.1.1.11", "FOO=bar", play.MailUnknown},
		{"unknown with hyphen", "4.1.2 esmtp-keyword", "X-FOO=bar", play.MailUnknown},
		{"unknown and known", "4.1.1.11", "SIZE=10 FOO=1", play.MailUnknown},
		{"known and unknown", "4.1.1.11", "FOO=1 SIZE=10", play.MailUnknown},
		{"two unknown", "4.1.1.11", "two words", play.MailUnknown},
		{"over and unknown", "the reply does not depend on an order of ours", "SIZE=33554433 FOO=1", sizeOver},
		{"unknown and bad", "4.1.2", "FOO=1 BAR=", play.MailSyntax + play.Params},
		{"underscore", "4.1.2 esmtp-keyword", "X_FOO=bar", play.MailSyntax + play.Params},
		{"hyphen first", "4.1.2 esmtp-keyword", "-FOO=bar", play.MailSyntax + play.Params},
		{"equals first", "4.1.2", "=x", play.MailSyntax + play.Params},
		{"equals only", "4.1.2", "=", play.MailSyntax + play.Params},
		{"space round equals", "4.1.2", "SIZE = 10", play.MailSyntax + play.Params},
		{"comma between", "4.1.2", "SIZE=10,BODY=7BIT", play.MailSyntax + play.Params},
		{"control in value", "4.1.2", "FOO=a\x01b", play.MailSyntax + play.Params},
		{"tab between", "4.1.2", "SIZE=10\tBODY=7BIT", play.MailSyntax + play.Params},
		{"auth", "RFC 4954 5: not offered", "AUTH=<>", play.MailUnknown},
		{"ret", "RFC 3461 4.3: not offered", "RET=FULL", play.MailUnknown},
		{"envid", "RFC 3461 4.4: not offered", "ENVID=abc", play.MailUnknown},
		{"notify", "RFC 3461 4.1: of RCPT", "NOTIFY=NEVER", play.MailUnknown},
		{"requiretls", "RFC 8689 4.2.1: not offered", "REQUIRETLS", play.MailUnknown},
		{"percent", "trap: client text never is a format", "%s=%d", play.MailSyntax + play.Params},
	} {
		rows = append(rows, play.LineCase("mail/"+p.name, p.why, play.EHLO, "MAIL FROM:<a@client.test> "+p.sent, p.reply, ""))
	}
	for _, p := range []struct{ name, why, sent, reply string }{
		{"unknown", "4.1.1.11", "FOO=1", play.RcptUnknown},
		{"size", "4.1.1.11: of MAIL", "SIZE=10", play.RcptUnknown},
		{"notify", "RFC 3461 4.1: not offered", "NOTIFY=NEVER", play.RcptUnknown},
		{"orcpt", "RFC 3461 4.2: not offered", "ORCPT=rfc822;c@d.test", play.RcptUnknown},
		{"value missing", "4.1.2", "FOO=", play.RcptSyntax + play.Params},
		{"two unknown", "4.1.1.11", "FOO=1 BAR=2", play.RcptUnknown},
	} {
		rows = append(rows, play.LineCase("rcpt/"+p.name, p.why, play.MailGiven, "RCPT TO:<b@server.test> "+p.sent, p.reply, ""))
	}
	play.Run(t, append(rows, []play.Case{
		play.LineCase("helo mail", "4.1.1.1: HELO offers no extensions", play.HELO, "MAIL FROM:<a@client.test> SIZE=10", play.MailSyntax, ""),
		play.LineCase("helo unknown", "4.1.1.1", play.HELO, "MAIL FROM:<a@client.test> FOO", play.MailSyntax, ""),
		play.LineCase("helo rcpt", "4.1.1.1", play.HELOMail, "RCPT TO:<b@server.test> FOO", play.RcptSyntax, ""),
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
	play.Run(t, []play.Case{
		{Name: "nothing offered", Why: "RFC 1870 3, RFC 6152 3, RFC 6531 3.4: then nothing is taken", Setup: only(), In: play.Greeted,
			Talk: play.Talk(offered(), mail("SIZE=1", play.MailUnknown), mail("BODY=7BIT", play.MailUnknown), mail("SMTPUTF8", play.MailUnknown), play.SayQuit)},
		{Name: "help not offered", Why: "4.1.1.1: HELP is listed and served, or neither", Setup: only(), In: play.Greeted,
			Talk: play.Talk(offered(), "C: HELP", "S: 502 5.5.1 HELP not implemented", play.SayQuit)},
		{Name: "one line", Why: "4.1.1.1: no keyword at all", Setup: func(srv *smtptest.Server) { srv.Extensions = nil }, In: play.Greeted,
			Talk: play.Talk("C: EHLO client.test", "S: 250 localhost", "C: NOOP", "S: 250 OK", "C: QUIT", "S: 221 Bye", play.Closed)},
		{Name: "limit announced", Why: "RFC 1870 3", Setup: limit(1000, "SIZE"), In: play.Greeted,
			Talk: play.Talk(offered("SIZE 1000"), mail("SIZE=1001", sizeOver), mail("SIZE=1000", play.MailOK), play.SayQuit)},
		{Name: "no limit", Why: "RFC 1870 3: SIZE 0 is no fixed limit", Setup: limit(-1, "SIZE"), In: play.Greeted,
			Talk: play.Talk(offered("SIZE 0"), mail("SIZE=99999999999999999999", play.MailOK), play.SayQuit)},
		{Name: "number as written", Why: "Server.Extensions: a written number is sent as is", Setup: limit(1000, "SIZE 5"), In: play.Greeted,
			Talk: play.Talk(offered("SIZE 5"), mail("SIZE=1001", sizeOver), mail("SIZE=1000", play.MailOK), play.SayQuit)},
		{Name: "any keyword", Why: "2.2.2: EHLO says what the test wants", Setup: only("XYZZY plugh"), In: play.Greeted,
			Talk: play.Talk(offered("XYZZY plugh"), play.SayQuit)},
		{Name: "greeting", Why: "4.3.1: its text is the server's own", In: play.Start,
			Setup: func(srv *smtptest.Server) { srv.Greeting = "ESMTP Example 1.0"; only()(srv) },
			Talk:  play.Talk("S: 220 localhost ESMTP Example 1.0", offered(), play.SayQuit)},
		{Name: "host name", Why: "4.1.1.1: the first line names the server", In: play.Start,
			Setup: func(srv *smtptest.Server) { srv.Hostname = "mx.server.test"; only()(srv) },
			Talk: play.Talk("S: 220 mx.server.test ESMTP smtptest", "C: HELO client.test", "S: 250 mx.server.test",
				"C: EHLO client.test", "S: 250-mx.server.test", "S: 250 ENHANCEDSTATUSCODES", play.SayQuit)},
	})
}
