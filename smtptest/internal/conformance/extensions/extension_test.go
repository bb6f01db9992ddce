package extensions_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

// A paramRow is a parameter of MAIL or RCPT and what it is answered. What is
// taken is recorded as sent.
type paramRow struct {
	name, why string
	sent      string
	reply     string // "": it is taken
}

// TestConformanceMailParameters is about the parameters of MAIL that one table
// checks: of DSN, DELIVERBY, FUTURERELEASE and MT-PRIORITY.
func TestConformanceMailParameters(t *testing.T) {
	const bad = play.MailSyntax + play.Params
	const badPriority = "501 5.5.2 Syntax: MAIL FROM:<address> [SP <mail-parameters>]"
	runParams(t, "MAIL", play.WithExtensions("DSN", "DELIVERBY 60", "FUTURERELEASE 3600 2030-01-01T00:00:00Z", "MT-PRIORITY"), []paramRow{
		{"ret full", "RFC 3461 4.3", "RET=FULL", ""},
		{"ret lower", "RFC 3461 4.3: in any case", "ret=hdrs", ""},
		{"ret unknown", "RFC 3461 4.3", "RET=ALL", bad},
		{"ret bare", "RFC 3461 4.3", "RET", bad},
		{"ret twice", "RFC 3461 4.5", "RET=FULL RET=FULL", bad},
		{"envid", "RFC 3461 4.4", "ENVID=QQ314159", ""},
		{"envid xtext", "RFC 3461 4: space as +20", "ENVID=a+20b", ""},
		{"envid of 100", "RFC 3461 4.4", "ENVID=" + strings.Repeat("x", 100), ""},
		{"envid of 101", "RFC 3461 4.4", "ENVID=" + strings.Repeat("x", 101), bad},
		{"envid lower hex", "RFC 3461 4: upper case", "ENVID=a+2b", bad},
		{"envid cut hex", "RFC 3461 4", "ENVID=a+2", bad},
		{"envid plus", "RFC 3461 4: + only before hex", "ENVID=a+b", bad},
		{"envid control", "RFC 3461 4.4: decoded it is printable", "ENVID=a+0Ab", bad},
		{"envid twice", "RFC 3461 4.5", "ENVID=a ENVID=a", bad},
		{"notify of mail", "RFC 3461 4.1: of RCPT", "NOTIFY=NEVER", play.MailUnknown},
		{"orcpt of mail", "RFC 3461 4.2: of RCPT", "ORCPT=rfc822;a@b.test", play.MailUnknown},
		{"by return", "RFC 2852 4", "BY=120;R", ""},
		{"by at the minimum", "RFC 2852 4", "BY=60;R", ""},
		{"by below the minimum", "RFC 2852 4: 55z", "BY=59;R", "555 5.5.4 Error: BY is below the announced minimum"},
		{"by notify in the past", "RFC 2852 4: with N the time may have passed", "BY=-5;NT", ""},
		{"by plus and trace", "RFC 2852 4", "BY=+120;rt", ""},
		{"by return at zero", "RFC 2852 4: greater than zero", "BY=0;R", bad},
		{"by mode", "RFC 2852 4", "BY=120;X", bad},
		{"by no mode", "RFC 2852 4", "BY=120", bad},
		{"by trace only", "RFC 2852 4", "BY=120;T", bad},
		{"by ten digits", "RFC 2852 4: 1*9DIGIT", "BY=1234567890;N", bad},
		{"by two signs", "RFC 2852 4", "BY=+-5;N", bad},
		{"by twice", "RFC 5321 4.1.2", "BY=120;R BY=120;R", bad},
		{"holdfor", "RFC 4865 3", "HOLDFOR=60", ""},
		{"holdfor at the maximum", "RFC 4865 4", "HOLDFOR=3600", ""},
		{"holdfor over the maximum", "RFC 4865 4", "HOLDFOR=3601", "501 5.5.4 Error: the hold is longer than announced"},
		{"holdfor zero", "RFC 4865 3: 1 to 999999999", "HOLDFOR=0", bad},
		{"holdfor leading zero", "RFC 4865 3: 1 to 9 first", "HOLDFOR=060", bad},
		{"holdfor ten digits", "RFC 4865 3", "HOLDFOR=1000000000", bad},
		{"holduntil", "RFC 4865 3", "HOLDUNTIL=2029-12-31T23:59:59Z", ""},
		{"holduntil fraction", "RFC 3339 5.6", "HOLDUNTIL=2029-01-01T00:00:00.5Z", ""},
		{"holduntil over the maximum", "RFC 4865 4", "HOLDUNTIL=2030-01-01T00:00:01Z", "501 5.5.4 Error: the hold is longer than announced"},
		{"holduntil zone", "RFC 4865 3: UTC", "HOLDUNTIL=2029-01-01T00:00:00+01:00", bad},
		{"holduntil comma", "RFC 3339 5.6", "HOLDUNTIL=2029-01-01T00:00:00,5Z", bad},
		{"holduntil short hour", "RFC 3339 5.6", "HOLDUNTIL=2029-01-01T1:00:00Z", bad},
		{"holduntil no date", "RFC 4865 3", "HOLDUNTIL=tomorrow", bad},
		{"both holds", "RFC 4865 4: exactly one", "HOLDFOR=1 HOLDUNTIL=2029-01-01T00:00:00Z", bad},
		{"both holds reversed", "RFC 4865 4: exactly one", "HOLDUNTIL=2029-01-01T00:00:00Z HOLDFOR=1", bad},
		{"priority", "RFC 6710 7", "MT-PRIORITY=3", ""},
		{"priority zero", "RFC 6710 7", "MT-PRIORITY=0", ""},
		{"priority lowest", "RFC 6710 7", "MT-PRIORITY=-9", ""},
		{"priority over", "RFC 6710 4.1: 501 5.5.2", "MT-PRIORITY=10", badPriority},
		{"priority plus", "RFC 6710 7: no plus sign", "MT-PRIORITY=+3", badPriority},
		{"priority minus zero", "RFC 6710 7", "MT-PRIORITY=-0", badPriority},
		{"priority empty", "RFC 6710 7", "MT-PRIORITY", badPriority},
		{"priority twice", "RFC 6710 4.1", "MT-PRIORITY=1 MT-PRIORITY=1", badPriority},
		{"all", "order kept", "RET=HDRS ENVID=a BY=60;N HOLDFOR=5 MT-PRIORITY=1 SIZE=10 BODY=8BITMIME SMTPUTF8", ""},
	})
}

// TestConformanceRcptParameters is about DSN's parameters of RCPT, with and
// without SMTPUTF8 on MAIL.
func TestConformanceRcptParameters(t *testing.T) {
	const bad = play.RcptSyntax + play.Params
	dsn := play.WithExtensions("DSN")
	runParams(t, "RCPT", dsn, []paramRow{
		{"notify never", "RFC 3461 4.1", "NOTIFY=NEVER", ""},
		{"notify list", "RFC 3461 4.1: in any case", "NOTIFY=SUCCESS,delay,Failure", ""},
		{"never and more", "RFC 3461 4.1: NEVER stands alone", "NOTIFY=NEVER,DELAY", bad},
		{"notify unknown", "RFC 3461 4.1", "NOTIFY=ALWAYS", bad},
		{"notify empty", "RFC 5321 4.1.2", "NOTIFY=", bad},
		{"notify empty entry", "RFC 3461 4.1", "NOTIFY=SUCCESS,,DELAY", bad},
		{"notify bare", "RFC 3461 4.1", "NOTIFY", bad},
		{"notify twice", "RFC 3461 4.5", "NOTIFY=NEVER NOTIFY=NEVER", bad},
		{"orcpt", "RFC 3461 4.2, xtext", "ORCPT=rfc822;Bob+2B1@example.com", ""},
		{"orcpt other type", "RFC 3461 4.2: an atom", "ORCPT=x400;/C=us/", bad},
		{"orcpt other type in xtext", "RFC 3461 4.2", "ORCPT=x_400;/C+3Dus/", ""},
		{"orcpt no address", "RFC 3461 4.2", "ORCPT=rfc822", bad},
		{"orcpt empty address", "RFC 3461 4.2", "ORCPT=rfc822;", bad},
		{"orcpt no type", "RFC 3461 4.2", "ORCPT=;bob@example.com", bad},
		{"orcpt bad xtext", "RFC 3461 4", "ORCPT=rfc822;a+b", bad},
		{"orcpt of 500", "RFC 3461 4.2", "ORCPT=rfc822;" + strings.Repeat("x", 493), ""},
		{"orcpt of 501", "RFC 3461 4.2", "ORCPT=rfc822;" + strings.Repeat("x", 494), bad},
		{"orcpt twice", "RFC 3461 4.5", "ORCPT=rfc822;a ORCPT=rfc822;a", bad},
		{"orcpt utf-8", "RFC 6533 3; nodemailer", `ORCPT=utf-8;t\x{F6}1@example.com`, ""},
		{"orcpt utf-8 of a special", "RFC 6533 3", `ORCPT=UTF-8;a\x{2B}b\x{3D}\x{5C}\x{20}@x.test`, ""},
		{"orcpt utf-8 of a letter", "RFC 6533 3: a letter stands for itself", `ORCPT=utf-8;\x{61}@x.test`, bad},
		{"orcpt utf-8 lower hex", "RFC 6533 3", `ORCPT=utf-8;\x{f6}@x.test`, bad},
		{"orcpt utf-8 one digit", "RFC 6533 3", `ORCPT=utf-8;\x{A}@x.test`, bad},
		{"orcpt utf-8 leading zero", "RFC 6533 3", `ORCPT=utf-8;\x{00F6}@x.test`, bad},
		{"orcpt utf-8 surrogate", "RFC 6533 3", `ORCPT=utf-8;\x{D800}@x.test`, bad},
		{"orcpt utf-8 too high", "RFC 6533 3", `ORCPT=utf-8;\x{110000}@x.test`, bad},
		{"orcpt utf-8 open", "RFC 6533 3", `ORCPT=utf-8;\x{F6@x.test`, bad},
		{"orcpt utf-8 bare backslash", "RFC 6533 3", `ORCPT=utf-8;a\b@x.test`, bad},
		{"orcpt utf-8 plus", "RFC 6533 3: not xtext", `ORCPT=utf-8;a+2Bb@x.test`, bad},
		{"orcpt utf-8 unencoded", "RFC 6533 3: only with SMTPUTF8", "ORCPT=utf-8;t\u00f61@x.test", bad},
		{"both", "RFC 3461 4", "NOTIFY=FAILURE ORCPT=rfc822;a", ""},
		{"ret of rcpt", "RFC 3461 4.3: of MAIL", "RET=FULL", play.RcptUnknown},
	})
	runParams(t, "RCPT SMTPUTF8", dsn, []paramRow{
		{"orcpt utf-8 unencoded", "RFC 6533 3", "ORCPT=utf-8;t\u00f61@x.test", ""},
		{"orcpt rfc822 unencoded", "RFC 3461 4.2: xtext is ASCII", "ORCPT=rfc822;t\u00f61@x.test", bad},
		{"orcpt not utf-8", "RFC 6531 3.3", "ORCPT=utf-8;t\xf61@x.test", bad},
	})
}

// runParams plays each case; after a verb SMTPUTF8 is said by MAIL.
func runParams(t *testing.T, verb string, setup func(*smtptest.Server), list []paramRow) {
	var rows []play.Case
	srv := &smtptest.Server{Extensions: nil}
	setup(srv)
	begin := play.Talk("S: "+play.Greeting, play.EHLOWith(srv.Extensions...))
	for _, p := range list {
		m := play.Message()
		mail, rcpt := play.SayMail, play.SayRcpt
		switch verb {
		case "MAIL":
			mail = []string{"C: MAIL FROM:<a@client.test> " + p.sent, "S: " + play.MailOK}
			m.MailOptions = strings.Fields(p.sent)
		case "RCPT SMTPUTF8":
			mail = []string{"C: MAIL FROM:<a@client.test> SMTPUTF8", "S: " + play.MailOK}
			m.MailOptions = []string{"SMTPUTF8"}
			fallthrough
		default:
			rcpt = []string{"C: RCPT TO:<b@server.test> " + p.sent, "S: " + play.RcptOK}
			m.RcptOptions = [][]string{strings.Fields(p.sent)}
		}
		r := play.Case{Name: verb + "/" + p.name, Why: p.why, Setup: setup}
		switch {
		case p.reply == "":
			r.Talk, r.Want = play.Talk(begin, mail, rcpt, play.SayData, play.SayText, play.SayQuit), []smtptest.Message{m}
		case verb == "MAIL":
			r.Talk = play.Talk(begin, mail[0], "S: "+p.reply, play.SayQuit)
		default:
			r.Talk = play.Talk(begin, mail, rcpt[0], "S: "+p.reply, play.SayQuit)
		}
		rows = append(rows, r)
	}
	play.Run(t, rows)
}

// TestConformanceOwnParameters is about parameters that a test adds.
func TestConformanceOwnParameters(t *testing.T) {
	own := func(srv *smtptest.Server) {
		play.WithExtensions("RRVS", "SOLICIT")(srv)
		srv.Parameters = map[string]func(string) error{
			"RRVS": func(value string) error {
				if value == "" {
					return errors.New("no date")
				}
				return nil
			},
			"SOLICIT": nil,
		}
	}
	begin := play.Talk("S: "+play.Greeting, play.EHLOWith("RRVS", "SOLICIT"))
	play.Run(t, []play.Case{
		{Name: "taken", Why: "RFC 5321 2.2.2", Setup: own,
			Want: []smtptest.Message{play.Message(func(m *smtptest.Message) {
				m.MailOptions, m.RcptOptions = []string{"SOLICIT=net.test:ADV"}, [][]string{{"rrvs=2014-04-03T23:01:00Z"}}
			})},
			Talk: play.Talk(begin, "C: MAIL FROM:<a@client.test> SOLICIT=net.test:ADV", "S: "+play.MailOK,
				"C: RCPT TO:<b@server.test> rrvs=2014-04-03T23:01:00Z", "S: "+play.RcptOK, play.SayData, play.SayText, play.SayQuit)},
		{Name: "bad value", Why: "RFC 5321 4.1.1.11: 501", Setup: own, Talk: play.Talk(begin, play.SayMail, "C: RCPT TO:<b@server.test> RRVS", "S: "+play.RcptSyntax+play.Params, play.SayQuit)},
		{Name: "after helo", Why: "RFC 5321 4.1.1.1", Setup: own, Talk: play.Talk("S: "+play.Greeting, play.SayHELO, "C: MAIL FROM:<a@client.test> SOLICIT=x", "S: "+play.MailSyntax, play.SayQuit)},
		{Name: "instead of the built-in check", Why: "Server.Parameters", Want: []smtptest.Message{play.Message(func(m *smtptest.Message) { m.MailOptions = []string{"BODY=9BIT"} })},
			Setup: func(srv *smtptest.Server) { srv.Parameters = map[string]func(string) error{"BODY": nil} },
			Talk:  play.Talk("S: "+play.Greeting, play.SayEHLO, "C: MAIL FROM:<a@client.test> BODY=9BIT", "S: "+play.MailOK, play.SayRcpt, play.SayData, play.SayText, play.SayQuit)},
	})
}

// TestParameterPanics: a check that panics fails the test and is answered 451;
// the session lives.
func TestParameterPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tb := &play.FakeTB{}
		srv := smtptest.NewUnstartedServer(tb)
		srv.Parameters = map[string]func(string) error{"FOO": func(string) error { panic("oh") }}
		srv.StartInMemory()
		err := play.Converse(play.Dial(t, srv), play.StepsOf(play.Talk("S: "+play.Greeting, play.SayEHLO, "C: MAIL FROM:<a@client.test> FOO=1",
			"S: 451 4.3.0 Error: the test's own code failed", play.SayMail, play.SayQuit)))
		tb.End()
		if err != nil || !strings.Contains(tb.Errors(), `Parameters["FOO"] panicked: oh`) {
			t.Errorf("%v; failures: %s", err, tb.Errors())
		}
	})
}

// TestConformanceLimits is about LIMITS (RFC 9422): what is announced holds.
func TestConformanceLimits(t *testing.T) {
	many := "452 4.5.3 Error: too many recipients"
	rcpt := func(path, reply string) []string { return []string{"C: RCPT TO:<" + path + ">", "S: " + reply} }
	announce := func(line string) (func(*smtptest.Server), []string) {
		return play.WithExtensions(line), play.Talk("S: "+play.Greeting, play.EHLOWith(line))
	}
	two, beginTwo := announce("LIMITS MAILMAX=2 RCPTMAX=2")
	domains, beginDomains := announce("LIMITS RCPTDOMAINMAX=1")
	void, beginVoid := announce("LIMITS RCPTMAX=0 MAILMAX=1")
	later, beginLater := announce("LIMITS FUTUREMAX=x rcptmax=1")
	to := func(paths ...string) smtptest.Message {
		return play.Message(func(m *smtptest.Message) { m.To = paths })
	}
	play.Run(t, []play.Case{
		{Name: "rcptmax", Why: "4.2: 452 4.5.3, the others are kept; each transaction anew", Setup: two,
			Want: []smtptest.Message{to("b@server.test", "b@server.test"), play.Message()},
			Talk: play.Talk(beginTwo, play.SayMail, play.SayRcpt, play.SayRcpt, rcpt("c@server.test", many), play.SayData, play.SayText, play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayQuit)},
		{Name: "mailmax", Why: "4.1: 421, closed", Setup: two, End: smtptest.EndReply, Want: []smtptest.Message{play.Message(), play.Message()},
			Talk: play.Talk(beginTwo, play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayMail, play.SayRcpt, play.SayData, play.SayText,
				"C: MAIL FROM:<a@client.test>", "S: 421 4.3.2 Error: too many transactions in this session", play.Closed)},
		{Name: "rcptdomainmax", Why: "4.3: domains in any case", Setup: domains, Want: []smtptest.Message{to("b@server.test", "c@SERVER.test")},
			Talk: play.Talk(beginDomains, play.SayMail, play.SayRcpt, rcpt("c@SERVER.test", play.RcptOK), rcpt("d@other.test", "452 4.5.3 Error: too many recipient domains"), play.SayData, play.SayText, play.SayQuit)},
		{Name: "void", Why: "3: an error of syntax voids the line", Setup: void, Want: []smtptest.Message{play.Message(), play.Message()},
			Talk: play.Talk(beginVoid, play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayQuit)},
		{Name: "unknown and lower", Why: "3: unknown names are passed over", Setup: later, Want: []smtptest.Message{play.Message()},
			Talk: play.Talk(beginLater, play.SayMail, play.SayRcpt, rcpt("c@server.test", many), play.SayData, play.SayText, play.SayQuit)},
		{Name: "overruled", Why: "a scripted success overrules a limit", Want: []smtptest.Message{to("b@server.test", "c@server.test")},
			Setup: func(srv *smtptest.Server) {
				later(srv)
				srv.Script(smtptest.Rule{On: "RCPT TO:<c@server.test>", Reply: "250 2.1.5 come in"})
			},
			Talk: play.Talk(beginLater, play.SayMail, play.SayRcpt, rcpt("c@server.test", "250 2.1.5 come in"), play.SayData, play.SayText, play.SayQuit)},
	})
}

// TestConformanceGrownLines: each extension that is offered lets MAIL and RCPT
// be longer by what its RFC says (protocol order: all of them at once).
func TestConformanceGrownLines(t *testing.T) {
	setup := func(srv *smtptest.Server) {
		play.WithExtensions("CHUNKING", "BINARYMIME", "DSN", "DELIVERBY", "FUTURERELEASE", "MT-PRIORITY", "REQUIRETLS")(srv)
		srv.Users = map[string]string{"ann": "secret"}
		srv.Mechanisms = []string{"PLAIN"}
	}
	begin := play.Talk("S: "+play.Greeting, play.EHLOWith("CHUNKING", "BINARYMIME", "DSN", "DELIVERBY", "FUTURERELEASE", "MT-PRIORITY", "AUTH PLAIN"))
	const mail, rcpt = 512 + 26 + 10 + 16 + 114 + 17 + 34 + 15 + 11 + 500, 512 + 548
	play.Run(t, []play.Case{{Name: "mail and rcpt", Why: "RFC 5321 4.5.3.1.4, 4.1.1.11", Setup: setup, Talk: play.Talk(begin,
		"C: "+play.Fill(mail+1, "MAIL FROM:<a@client.test> X=", ""), "S: "+play.TooLong,
		"C: "+play.Fill(mail, "MAIL FROM:<a@client.test> X=", ""), "S: "+play.MailUnknown, play.SayMail,
		"C: "+play.Fill(rcpt+1, "RCPT TO:<b@server.test> X=", ""), "S: "+play.TooLong,
		"C: "+play.Fill(rcpt, "RCPT TO:<b@server.test> X=", ""), "S: "+play.RcptUnknown, play.SayQuit)}})
}

// TestConformanceSMTPUTF8 is about addresses outside ASCII (RFC 6531).
func TestConformanceSMTPUTF8(t *testing.T) {
	const needMailUTF8, needRcptUTF8 = "550 5.6.7 Error: non-ASCII address without SMTPUTF8", "553 5.6.7 Error: non-ASCII address without SMTPUTF8"
	with := []string{"C: MAIL FROM:<a@client.test> SMTPUTF8", "S: " + play.MailOK}
	none := func(srv *smtptest.Server) { srv.Extensions = []string{"ENHANCEDSTATUSCODES"} }
	plainEhlo := play.Talk("S: "+play.Greeting, "C: EHLO client.test", "S: 250-localhost", "S: 250 ENHANCEDSTATUSCODES")
	var rows []play.Case
	for _, address := range []string{"\u00fc@b.test", "a@b\u00fccher.test", "\u4f8b@\u4f8b\u3048.\u30c6\u30b9\u30c8", `"\u00fc b"@c.test`, "a@xn--bcher-kva.test"} {
		rows = append(rows, play.Case{Name: "taken " + address, Why: "3.3", In: play.EHLO,
			Want: []smtptest.Message{play.Message(func(m *smtptest.Message) {
				m.From, m.To, m.MailOptions = address, []string{address}, []string{"SMTPUTF8"}
			})},
			Talk: play.Talk("C: MAIL FROM:<"+address+"> SMTPUTF8", "S: "+play.MailOK, "C: RCPT TO:<"+address+">", "S: "+play.RcptOK, play.SayData, play.SayText)})
	}
	for _, address := range []string{"\xfc@b.test", "a@b\xfc.test", "a@b\u3002test", "a@\u3000.test", "a@b\u0085.test", "a@\U0001f600.test", "a@\u00fc_b.test", "a@-\u00fc.test"} {
		rows = append(rows, play.Case{Name: fmt.Sprintf("refused %q", address), Why: "3.3: valid UTF-8, U-labels", In: play.EHLO,
			Talk: play.Talk("C: MAIL FROM:<"+address+"> SMTPUTF8", "S: "+play.BadMail+play.Params, with, "C: RCPT TO:<"+address+">", "S: "+play.BadRcpt+play.Params)})
	}
	play.Run(t, append(rows,
		play.Case{Name: "not asked for", Why: "3.5: 550 and 553 5.6.7", In: play.EHLO,
			Talk: play.Talk("C: MAIL FROM:<\u00fc@b.test>", "S: "+needMailUTF8, play.SayMail, "C: RCPT TO:<\u00fc@b.test>", "S: "+needRcptUTF8)},
		play.Case{Name: "asked for inside the path", Why: "3.4: a parameter stands behind the path", In: play.EHLO,
			Talk: play.Talk("C: MAIL FROM:<\"> SMTPUTF8 \"@b\u00fccher.test>", "S: "+needMailUTF8)},
		play.Case{Name: "not offered", Why: "3.5; 4.1.1.11", Setup: none, Talk: play.Talk(plainEhlo, "C: MAIL FROM:<\u00fc@b.test> SMTPUTF8", "S: "+needMailUTF8,
			"C: MAIL FROM:<a@client.test> SMTPUTF8", "S: "+play.MailUnknown, play.SayQuit)},
		play.Case{Name: "value outside ASCII", Why: "3.3: esmtp-value only with SMTPUTF8", In: play.EHLO,
			Talk: play.Talk("C: MAIL FROM:<a@client.test> FOO=\u00fc", "S: "+play.MailSyntax+play.Params, "C: MAIL FROM:<a@client.test> SMTPUTF8 FOO=\u00fc", "S: "+play.MailUnknown)},
		play.Case{Name: "helo", Why: "3.7.1: the argument of EHLO is ASCII", In: play.Greeted, Talk: play.Talk("C: EHLO b\u00fccher.test", "S: 501 5.5.4 Syntax: EHLO hostname")},
		play.Case{Name: "of one transaction only", Why: "3.4", In: play.EHLO, Talk: play.Talk(with, "C: RSET", "S: "+play.OK, play.SayMail, "C: RCPT TO:<\u00fc@b.test>", "S: "+needRcptUTF8)},
	))
}

// TestUTF8WithoutEightBit verifies that a server may offer SMTPUTF8 without 8BITMIME,
// against RFC 6531 3.1, because clients must survive such servers.
func TestUTF8WithoutEightBit(t *testing.T) {
	play.Run(t, []play.Case{{Name: "SMTPUTF8 alone", Why: "RFC 5321 4.1.1.11: BODY= is not offered", In: play.Greeted,
		Setup: func(srv *smtptest.Server) { srv.Extensions = []string{"SMTPUTF8", "ENHANCEDSTATUSCODES"} },
		Talk: play.Talk("C: EHLO client.test", "S: 250-localhost", "S: 250-SMTPUTF8", "S: 250 ENHANCEDSTATUSCODES",
			"C: MAIL FROM:<a@client.test> BODY=8BITMIME SMTPUTF8", "S: "+play.MailUnknown,
			"C: MAIL FROM:<\u00e9@client.test> SMTPUTF8", "S: "+play.MailOK)}})
}
