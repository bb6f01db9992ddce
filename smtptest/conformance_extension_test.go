package smtptest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-smtptest/smtp/smtptest"
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
	const bad = mailSyntax + params
	const badPriority = "501 5.5.2 Syntax: MAIL FROM: <address> [SP <mail-parameters>]"
	runParams(t, "MAIL", offering("DSN", "DELIVERBY 60", "FUTURERELEASE 3600 2030-01-01T00:00:00Z", "MT-PRIORITY"), []paramRow{
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
		{"notify of mail", "RFC 3461 4.1: of RCPT", "NOTIFY=NEVER", mailUnknown},
		{"orcpt of mail", "RFC 3461 4.2: of RCPT", "ORCPT=rfc822;a@b.test", mailUnknown},
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
	const bad = rcptSyntax + params
	dsn := offering("DSN")
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
		{"ret of rcpt", "RFC 3461 4.3: of MAIL", "RET=FULL", rcptUnknown},
	})
	runParams(t, "RCPT SMTPUTF8", dsn, []paramRow{
		{"orcpt utf-8 unencoded", "RFC 6533 3", "ORCPT=utf-8;t\u00f61@x.test", ""},
		{"orcpt rfc822 unencoded", "RFC 3461 4.2: xtext is ASCII", "ORCPT=rfc822;t\u00f61@x.test", bad},
		{"orcpt not utf-8", "RFC 6531 3.3", "ORCPT=utf-8;t\xf61@x.test", bad},
	})
}

// runParams plays each row; after a verb SMTPUTF8 is said by MAIL.
func runParams(t *testing.T, verb string, setup func(*smtptest.Server), list []paramRow) {
	var rows []row
	srv := &smtptest.Server{Extensions: nil}
	setup(srv)
	begin := talk("S: "+greeting, ehloWith(srv.Extensions...))
	for _, p := range list {
		m := message()
		mail, rcpt := sayMail, sayRcpt
		switch verb {
		case "MAIL":
			mail = []string{"C: MAIL FROM:<a@client.test> " + p.sent, "S: " + mailOK}
			m.MailOptions = strings.Fields(p.sent)
		case "RCPT SMTPUTF8":
			mail = []string{"C: MAIL FROM:<a@client.test> SMTPUTF8", "S: " + mailOK}
			m.MailOptions = []string{"SMTPUTF8"}
			fallthrough
		default:
			rcpt = []string{"C: RCPT TO:<b@server.test> " + p.sent, "S: " + rcptOK}
			m.RcptOptions = [][]string{strings.Fields(p.sent)}
		}
		r := row{name: verb + "/" + p.name, why: p.why, setup: setup}
		switch {
		case p.reply == "":
			r.talk, r.want = talk(begin, mail, rcpt, sayData, sayText, sayQuit), []smtptest.Message{m}
		case verb == "MAIL":
			r.talk = talk(begin, mail[0], "S: "+p.reply, sayQuit)
		default:
			r.talk = talk(begin, mail, rcpt[0], "S: "+p.reply, sayQuit)
		}
		rows = append(rows, r)
	}
	run(t, rows)
}

// TestConformanceOwnParameters is about parameters that a test adds.
func TestConformanceOwnParameters(t *testing.T) {
	own := func(srv *smtptest.Server) {
		offering("RRVS", "SOLICIT")(srv)
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
	begin := talk("S: "+greeting, ehloWith("RRVS", "SOLICIT"))
	run(t, []row{
		{name: "taken", why: "RFC 5321 2.2.2", setup: own,
			want: []smtptest.Message{message(func(m *smtptest.Message) {
				m.MailOptions, m.RcptOptions = []string{"SOLICIT=net.test:ADV"}, [][]string{{"rrvs=2014-04-03T23:01:00Z"}}
			})},
			talk: talk(begin, "C: MAIL FROM:<a@client.test> SOLICIT=net.test:ADV", "S: "+mailOK,
				"C: RCPT TO:<b@server.test> rrvs=2014-04-03T23:01:00Z", "S: "+rcptOK, sayData, sayText, sayQuit)},
		{name: "bad value", why: "RFC 5321 4.1.1.11: 501", setup: own, talk: talk(begin, sayMail, "C: RCPT TO:<b@server.test> RRVS", "S: "+rcptSyntax+params, sayQuit)},
		{name: "after helo", why: "RFC 5321 4.1.1.1", setup: own, talk: talk("S: "+greeting, sayHelo, "C: MAIL FROM:<a@client.test> SOLICIT=x", "S: "+mailSyntax, sayQuit)},
		{name: "instead of the built-in check", why: "Server.Parameters", want: []smtptest.Message{message(func(m *smtptest.Message) { m.MailOptions = []string{"BODY=9BIT"} })},
			setup: func(srv *smtptest.Server) { srv.Parameters = map[string]func(string) error{"BODY": nil} },
			talk:  talk("S: "+greeting, sayEhlo, "C: MAIL FROM:<a@client.test> BODY=9BIT", "S: "+mailOK, sayRcpt, sayData, sayText, sayQuit)},
	})
}

// TestParameterPanics: a check that panics fails the test and is answered 451;
// the session lives.
func TestParameterPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tb := &fakeTB{}
		srv := smtptest.NewUnstartedServer(tb)
		srv.Parameters = map[string]func(string) error{"FOO": func(string) error { panic("oh") }}
		srv.StartInMemory()
		err := converse(dial(t, srv), turnsOf(talk("S: "+greeting, sayEhlo, "C: MAIL FROM:<a@client.test> FOO=1",
			"S: 451 4.3.0 Error: the test's own code failed", sayMail, sayQuit)))
		tb.end()
		if err != nil || !strings.Contains(tb.errors(), `Parameters["FOO"] panicked: oh`) {
			t.Errorf("%v; failures: %s", err, tb.errors())
		}
	})
}

// TestConformanceLimits is about LIMITS (RFC 9422): what is announced holds.
func TestConformanceLimits(t *testing.T) {
	many := "452 4.5.3 Error: too many recipients"
	rcpt := func(path, reply string) []string { return []string{"C: RCPT TO:<" + path + ">", "S: " + reply} }
	announce := func(line string) (func(*smtptest.Server), []string) {
		return offering(line), talk("S: "+greeting, ehloWith(line))
	}
	two, beginTwo := announce("LIMITS MAILMAX=2 RCPTMAX=2")
	domains, beginDomains := announce("LIMITS RCPTDOMAINMAX=1")
	void, beginVoid := announce("LIMITS RCPTMAX=0 MAILMAX=1")
	later, beginLater := announce("LIMITS FUTUREMAX=x rcptmax=1")
	to := func(paths ...string) smtptest.Message {
		return message(func(m *smtptest.Message) { m.To = paths })
	}
	run(t, []row{
		{name: "rcptmax", why: "4.2: 452 4.5.3, the others are kept; each transaction anew", setup: two,
			want: []smtptest.Message{to("b@server.test", "b@server.test"), message()},
			talk: talk(beginTwo, sayMail, sayRcpt, sayRcpt, rcpt("c@server.test", many), sayData, sayText, sayMail, sayRcpt, sayData, sayText, sayQuit)},
		{name: "mailmax", why: "4.1: 421, closed", setup: two, end: smtptest.EndReply, want: []smtptest.Message{message(), message()},
			talk: talk(beginTwo, sayMail, sayRcpt, sayData, sayText, sayMail, sayRcpt, sayData, sayText,
				"C: MAIL FROM:<a@client.test>", "S: 421 4.3.2 Error: too many transactions in this session", closed)},
		{name: "rcptdomainmax", why: "4.3: domains in any case", setup: domains, want: []smtptest.Message{to("b@server.test", "c@SERVER.test")},
			talk: talk(beginDomains, sayMail, sayRcpt, rcpt("c@SERVER.test", rcptOK), rcpt("d@other.test", "452 4.5.3 Error: too many recipient domains"), sayData, sayText, sayQuit)},
		{name: "void", why: "3: an error of syntax voids the line", setup: void, want: []smtptest.Message{message(), message()},
			talk: talk(beginVoid, sayMail, sayRcpt, sayData, sayText, sayMail, sayRcpt, sayData, sayText, sayQuit)},
		{name: "unknown and lower", why: "3: unknown names are passed over", setup: later, want: []smtptest.Message{message()},
			talk: talk(beginLater, sayMail, sayRcpt, rcpt("c@server.test", many), sayData, sayText, sayQuit)},
		{name: "overruled", why: "a scripted success overrules a limit", want: []smtptest.Message{to("b@server.test", "c@server.test")},
			setup: func(srv *smtptest.Server) {
				later(srv)
				srv.Script(smtptest.Rule{On: "RCPT TO:<c@server.test>", Reply: "250 2.1.5 come in"})
			},
			talk: talk(beginLater, sayMail, sayRcpt, rcpt("c@server.test", "250 2.1.5 come in"), sayData, sayText, sayQuit)},
	})
}

// TestConformanceGrownLines: each extension that is offered lets MAIL and RCPT
// be longer by what its RFC says (protocol order: all of them at once).
func TestConformanceGrownLines(t *testing.T) {
	setup := func(srv *smtptest.Server) {
		offering("CHUNKING", "BINARYMIME", "DSN", "DELIVERBY", "FUTURERELEASE", "MT-PRIORITY", "REQUIRETLS")(srv)
		srv.Users = map[string]string{"ann": "secret"}
		srv.Mechanisms = []string{"PLAIN"}
	}
	begin := talk("S: "+greeting, ehloWith("CHUNKING", "BINARYMIME", "DSN", "DELIVERBY", "FUTURERELEASE", "MT-PRIORITY", "AUTH PLAIN"))
	const mail, rcpt = 512 + 26 + 10 + 16 + 114 + 17 + 34 + 15 + 11 + 500, 512 + 548
	run(t, []row{{name: "mail and rcpt", why: "RFC 5321 4.5.3.1.4, 4.1.1.11", setup: setup, talk: talk(begin,
		"C: "+fill(mail+1, "MAIL FROM:<a@client.test> X=", ""), "S: "+tooLong,
		"C: "+fill(mail, "MAIL FROM:<a@client.test> X=", ""), "S: "+mailUnknown, sayMail,
		"C: "+fill(rcpt+1, "RCPT TO:<b@server.test> X=", ""), "S: "+tooLong,
		"C: "+fill(rcpt, "RCPT TO:<b@server.test> X=", ""), "S: "+rcptUnknown, sayQuit)}})
}

// TestConformanceSMTPUTF8 is about addresses outside ASCII (RFC 6531).
func TestConformanceSMTPUTF8(t *testing.T) {
	const needMailUTF8, needRcptUTF8 = "550 5.6.7 Error: non-ASCII address without SMTPUTF8", "553 5.6.7 Error: non-ASCII address without SMTPUTF8"
	with := []string{"C: MAIL FROM:<a@client.test> SMTPUTF8", "S: " + mailOK}
	none := func(srv *smtptest.Server) { srv.Extensions = []string{"ENHANCEDSTATUSCODES"} }
	plainEhlo := talk("S: "+greeting, "C: EHLO client.test", "S: 250-localhost", "S: 250 ENHANCEDSTATUSCODES")
	var rows []row
	for _, address := range []string{"\u00fc@b.test", "a@b\u00fccher.test", "\u4f8b@\u4f8b\u3048.\u30c6\u30b9\u30c8", `"\u00fc b"@c.test`, "a@xn--bcher-kva.test"} {
		rows = append(rows, row{name: "taken " + address, why: "3.3", in: ehlo,
			want: []smtptest.Message{message(func(m *smtptest.Message) {
				m.From, m.To, m.MailOptions = address, []string{address}, []string{"SMTPUTF8"}
			})},
			talk: talk("C: MAIL FROM:<"+address+"> SMTPUTF8", "S: "+mailOK, "C: RCPT TO:<"+address+">", "S: "+rcptOK, sayData, sayText)})
	}
	for _, address := range []string{"\xfc@b.test", "a@b\xfc.test", "a@b\u3002test", "a@\u3000.test", "a@b\u0085.test", "a@\U0001f600.test", "a@\u00fc_b.test", "a@-\u00fc.test"} {
		rows = append(rows, row{name: fmt.Sprintf("refused %q", address), why: "3.3: valid UTF-8, U-labels", in: ehlo,
			talk: talk("C: MAIL FROM:<"+address+"> SMTPUTF8", "S: "+badMail+params, with, "C: RCPT TO:<"+address+">", "S: "+badRcpt+params)})
	}
	run(t, append(rows,
		row{name: "not asked for", why: "3.5: 550 and 553 5.6.7", in: ehlo,
			talk: talk("C: MAIL FROM:<\u00fc@b.test>", "S: "+needMailUTF8, sayMail, "C: RCPT TO:<\u00fc@b.test>", "S: "+needRcptUTF8)},
		row{name: "asked for inside the path", why: "3.4: a parameter stands behind the path", in: ehlo,
			talk: talk("C: MAIL FROM:<\"> SMTPUTF8 \"@b\u00fccher.test>", "S: "+needMailUTF8)},
		row{name: "not offered", why: "3.5; 4.1.1.11", setup: none, talk: talk(plainEhlo, "C: MAIL FROM:<\u00fc@b.test> SMTPUTF8", "S: "+needMailUTF8,
			"C: MAIL FROM:<a@client.test> SMTPUTF8", "S: "+mailUnknown, sayQuit)},
		row{name: "value outside ASCII", why: "3.3: esmtp-value only with SMTPUTF8", in: ehlo,
			talk: talk("C: MAIL FROM:<a@client.test> FOO=\u00fc", "S: "+mailSyntax+params, "C: MAIL FROM:<a@client.test> SMTPUTF8 FOO=\u00fc", "S: "+mailUnknown)},
		row{name: "helo", why: "3.7.1: the argument of EHLO is ASCII", in: greeted, talk: talk("C: EHLO b\u00fccher.test", "S: 501 5.5.4 Syntax: EHLO hostname")},
		row{name: "of one transaction only", why: "3.4", in: ehlo, talk: talk(with, "C: RSET", "S: "+ok, sayMail, "C: RCPT TO:<\u00fc@b.test>", "S: "+needRcptUTF8)},
	))
}
