package smtptest_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
)

// offering adds EHLO lines to the defaults.
func offering(lines ...string) func(*smtptest.Server) {
	return func(srv *smtptest.Server) { srv.Extensions = append(srv.Extensions, lines...) }
}

// ehloWith is EHLO with lines added to the defaults.
func ehloWith(lines ...string) []string {
	said := slices.Clone(sayEhlo)
	said[len(said)-1] = "S: 250-HELP"
	for i, line := range lines {
		sep := "-"
		if i == len(lines)-1 {
			sep = " "
		}
		said = append(said, "S: 250"+sep+line)
	}
	return said
}

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
		{name: "bad size", why: "2", talk: talk(begin, sayMail, sayRcpt, "C: BDAT x", "S: 501 5.5.4 Syntax: BDAT size [LAST]", "C: BDAT -1", "S: 501 5.5.4 Syntax: BDAT size [LAST]", "C: RSET", "S: "+ok, sayQuit)},
		{name: "too much", why: "2: consumed, then 552; only RSET helps", setup: func(srv *smtptest.Server) { setup(srv); srv.SizeLimit = 4; srv.Extensions[1] = "SIZE 33554432" },
			talk: talk(begin, sayMail, sayRcpt, "C+ BDAT 9\r\n123456789", "S: 552 5.3.4 Error: Too much mail data", "C+ BDAT 1 LAST\r\nx", "S: "+outOfStep, "C: RSET", "S: "+ok, sayQuit)},
	}
	for i := range rows {
		if rows[i].setup == nil {
			rows[i].setup = setup
		}
	}
	run(t, rows)
}

// TestConformanceDSN is about the parameters of RFC 3461 and others that one
// table checks: recorded as sent, or refused.
func TestConformanceDSN(t *testing.T) {
	lines := []string{"DSN", "DELIVERBY", "FUTURERELEASE", "MT-PRIORITY"}
	begin := talk("S: "+greeting, ehloWith(lines...))
	var rows []row
	for _, p := range []struct {
		sent string
		good bool
	}{
		{"RET=FULL", true}, {"RET=hdrs", true}, {"RET=ALL", false}, {"RET", false}, {"RET=FULL RET=FULL", false},
		{"ENVID=QQ314159", true}, {"ENVID=a+20b", true}, {"ENVID=a+2x", false}, {"ENVID=" + strings.Repeat("x", 101), false},
		{"BY=120;R", true}, {"BY=-5;NT", true}, {"BY=0;R", false}, {"BY=12;X", false},
		{"HOLDFOR=60", true}, {"HOLDFOR=0", false}, {"HOLDUNTIL=2030-01-01T00:00:00Z", true}, {"HOLDUNTIL=tomorrow", false}, {"HOLDFOR=1 HOLDUNTIL=2030-01-01T00:00:00Z", false},
		{"MT-PRIORITY=3", true}, {"MT-PRIORITY=-9", true}, {"MT-PRIORITY=10", false},
	} {
		r := row{name: p.sent[:min(len(p.sent), 40)], why: "RFC 3461 4, 2852 4, 4865 4, 6710 4.1", setup: offering(lines...),
			talk: talk(begin, "C: MAIL FROM:<a@client.test> "+p.sent, "S: 501 5.5.4 Syntax: MAIL FROM: <address> [SP <mail-parameters>]", sayQuit)}
		if p.good {
			r.talk = talk(begin, "C: MAIL FROM:<a@client.test> "+p.sent, "S: "+mailOK, sayRcpt, sayData, sayText, sayQuit)
			r.want = []smtptest.Message{message(func(m *smtptest.Message) { m.MailOptions = strings.Fields(p.sent) })}
		}
		rows = append(rows, r)
	}
	for _, p := range []struct {
		sent string
		good bool
	}{
		{"NOTIFY=NEVER", true}, {"NOTIFY=SUCCESS,delay", true}, {"NOTIFY=NEVER,DELAY", false}, {"NOTIFY=", false},
		{"ORCPT=rfc822;Bob+2B1@example.com", true}, {"ORCPT=rfc822", false}, {"ORCPT=rfc822;a+b", false}, {"ORCPT=utf-8;b\\x{FC}b@x.test", true},
	} {
		r := row{name: "rcpt " + p.sent, why: "RFC 3461 4, RFC 6533 3", setup: offering(lines...),
			talk: talk(begin, sayMail, "C: RCPT TO:<b@server.test> "+p.sent, "S: 501 5.5.4 Syntax: RCPT TO: <address> [SP <mail-parameters>]", sayQuit)}
		if p.good {
			r.talk = talk(begin, sayMail, "C: RCPT TO:<b@server.test> "+p.sent, "S: "+rcptOK, sayData, sayText, sayQuit)
			r.want = []smtptest.Message{message(func(m *smtptest.Message) { m.RcptOptions = [][]string{{p.sent}} })}
		}
		rows = append(rows, r)
	}
	run(t, rows)
}

// TestConformanceLMTP is about RFC 2033.
func TestConformanceLMTP(t *testing.T) {
	lmtp := func(rules ...smtptest.Rule) func(*smtptest.Server) {
		return func(srv *smtptest.Server) { srv.LMTP = true; srv.Script(rules...) }
	}
	begin := talk("S: "+greeting, "C: LHLO client.test", sayEhlo[1:], sayMail)
	two := talk("C: RCPT TO:<b@server.test>", "S: "+rcptOK, "C: RCPT TO:<c@server.test>", "S: "+rcptOK, sayData)
	to := func(paths ...string) []smtptest.Message {
		return []smtptest.Message{message(func(m *smtptest.Message) { m.To = paths })}
	}
	run(t, []row{
		{name: "a reply for each", why: "4.2", setup: lmtp(), want: to("b@server.test", "c@server.test"),
			talk: talk(begin, two, "C: text", "C: .", "S: "+ok, "S: "+ok, sayQuit)},
		{name: "one refused", why: "4.2: scripted for one recipient", want: to("c@server.test"),
			setup: lmtp(smtptest.Rule{On: ". <b@server.test>", Reply: "452 4.2.2 mailbox full"}),
			talk:  talk(begin, two, "C: text", "C: .", "S: 452 4.2.2 mailbox full", "S: "+ok, sayQuit)},
		{name: "all refused", why: "4.2", fates: []string{smtptest.OutcomeRefused},
			setup: lmtp(smtptest.Rule{On: ".", Reply: "552 5.2.2 no"}),
			talk:  talk(begin, two, "C: text", "C: .", "S: 552 5.2.2 no", "S: 552 5.2.2 no", sayQuit)},
		{name: "data without recipients", why: "4.2: 503", setup: lmtp(smtptest.Rule{On: "RCPT", Reply: "550 5.1.1 no"}),
			talk: talk(begin, "C: RCPT TO:<b@server.test>", "S: 550 5.1.1 no", "C: DATA", "S: "+needRcpt, sayQuit)},
		{name: "helo", why: "4.1: HELO and EHLO are not LMTP", setup: lmtp(),
			talk: talk("S: "+greeting, "C: EHLO a", `S: 500 5.5.2 Error: command "EHLO" not recognized`, sayQuit)},
	})
}

// TestConformanceAUTH is the exchange as RFC 4954 has it; internal/sasl tests the
// mechanisms.
func TestConformanceAUTH(t *testing.T) {
	users := func(srv *smtptest.Server) {
		srv.Users = map[string]string{"ann": "secret"}
		srv.Mechanisms = []string{"CRAM-MD5", "PLAIN", "LOGIN"}
	}
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	begin := talk("S: "+greeting, ehloWith("AUTH CRAM-MD5 PLAIN LOGIN"))
	good, bad := b64("\x00ann\x00secret"), b64("\x00ann\x00wrong")
	const welcome, refused = "S: 235 2.7.0 Authentication successful", "S: 535 5.7.8 Authentication credentials invalid"
	as := []smtptest.Message{message(func(m *smtptest.Message) { m.User = "ann" })}
	rows := []row{
		{name: "initial response", why: "4", want: as, talk: talk(begin, "C: AUTH PLAIN "+good, welcome, sayMail, sayRcpt, sayData, sayText, sayQuit)},
		{name: "asked for", why: "4: empty challenge", want: as, talk: talk(begin, "C: AUTH PLAIN", "S: 334 ", "C: "+good, welcome, sayMail, sayRcpt, sayData, sayText, sayQuit)},
		{name: "login", why: "its prompts in base64", talk: talk(begin, "C: auth login", "S: 334 VXNlcm5hbWU6", "C: "+b64("ann"), "S: 334 UGFzc3dvcmQ6", "C: "+b64("secret"), welcome, sayQuit)},
		{name: "wrong password", why: "6: 535 5.7.8, and again", talk: talk(begin, "C: AUTH PLAIN "+bad, refused, "C: AUTH PLAIN "+good, welcome, sayQuit)},
		{name: "unknown user", why: "6: the same", talk: talk(begin, "C: AUTH PLAIN "+b64("\x00eve\x00secret"), refused, sayQuit)},
		{name: "cancelled", why: "4: *", talk: talk(begin, "C: AUTH PLAIN", "S: 334 ", "C: *", "S: 501 5.7.0 Authentication cancelled", sayQuit)},
		{name: "bad base64", why: "4", talk: talk(begin, "C: AUTH PLAIN a", "S: 501 5.5.2 Error: cannot decode base64", "C: AUTH PLAIN", "S: 334 ", "C: ?", "S: 501 5.5.2 Error: cannot decode base64", sayQuit)},
		{name: "malformed", why: "RFC 4616 2", talk: talk(begin, "C: AUTH PLAIN "+b64("ann"), "S: 501 5.5.2 Error: malformed authentication response", sayQuit)},
		{name: "empty initial response", why: "4: =", talk: talk(begin, "C: AUTH PLAIN =", "S: 501 5.5.2 Error: malformed authentication response", sayQuit)},
		{name: "no initial response allowed", why: "4: 501", talk: talk(begin, "C: AUTH CRAM-MD5 "+good, "S: 501 5.5.4 Error: this mechanism takes no initial response", sayQuit)},
		{name: "unknown mechanism", why: "4: 504", talk: talk(begin, "C: AUTH XOAUTH2", "S: 504 5.5.4 Unrecognized authentication type", sayQuit)},
		{name: "no mechanism", why: "4", talk: talk(begin, "C: AUTH", "S: 501 5.5.4 Syntax: AUTH mechanism [initial-response]", sayQuit)},
		{name: "twice", why: "4: 503", talk: talk(begin, "C: AUTH PLAIN "+good, welcome, "C: AUTH PLAIN "+good, "S: 503 5.5.1 Error: already authenticated", sayQuit)},
		{name: "in a transaction", why: "4: 503", talk: talk(begin, sayMail, "C: AUTH PLAIN "+good, "S: 503 5.5.1 Error: command out of place", sayQuit)},
		{name: "before ehlo", why: "4", talk: talk("S: "+greeting, "C: AUTH PLAIN "+good, "S: "+needHelo, sayQuit)},
		{name: "after helo", why: "3: EHLO offers it", talk: talk("S: "+greeting, sayHelo, "C: AUTH PLAIN "+good, "S: 503 5.5.1 Error: command out of place", sayQuit)},
		{name: "long line", why: "4: 12288 octets", talk: talk(begin, "C: AUTH PLAIN", "S: 334 ", "C: "+strings.Repeat("A", 13000), "S: 500 5.5.6 Authentication exchange line is too long", sayQuit), turns: true},
		{name: "auth parameter", why: "5", want: []smtptest.Message{message(func(m *smtptest.Message) { m.MailOptions = []string{"AUTH=e+3Dmc2@example.com"} })},
			talk: talk(begin, "C: MAIL FROM:<a@client.test> AUTH=e+3Dmc2@example.com", "S: "+mailOK, sayRcpt, sayData, sayText, sayQuit)},
		{name: "auth parameter bad", why: "5", talk: talk(begin, "C: MAIL FROM:<a@client.test> AUTH=e+3", "S: "+mailSyntax+params, sayQuit)},
		{name: "required", why: "6: 530", setup: func(srv *smtptest.Server) { users(srv); srv.RequireAuth = true },
			talk: talk(begin, "C: MAIL FROM:<a@client.test>", "S: 530 5.7.0 Authentication required", "C: AUTH PLAIN "+good, welcome, sayMail, "C: RSET", "S: "+ok, sayQuit)},
		{name: "scripted success", why: "a row overrules passwords", setup: func(srv *smtptest.Server) {
			users(srv)
			srv.Script(smtptest.Rule{On: "AUTH PLAIN *", Reply: "235 2.7.0 whoever you are"})
		}, talk: talk(begin, "C: AUTH PLAIN "+bad, "S: 235 2.7.0 whoever you are", "C: AUTH PLAIN "+good, "S: 235 2.7.0 whoever you are", sayQuit)},
		{name: "scripted challenge", why: "a 334 is followed by a response, whoever said it", setup: func(srv *smtptest.Server) {
			users(srv)
			srv.Script(smtptest.Rule{On: "AUTH", Reply: "334 not*base64"}, smtptest.Rule{On: "RESPONSE", Reply: "535 5.7.8 expired"})
		}, talk: talk(begin, "C: AUTH PLAIN", "S: 334 not*base64", "C: *", "S: 535 5.7.8 expired", sayQuit)},
		{name: "under tls only", why: "4: not offered in clear while there is TLS", setup: func(srv *smtptest.Server) { users(srv); withTLS(srv) },
			talk: talk("S: "+greeting, sayEhloTLS, "C: AUTH PLAIN "+good, "S: 538 5.7.11 Encryption required for requested authentication mechanism", sayQuit)},
	}
	for i := range rows {
		if rows[i].setup == nil {
			rows[i].setup = users
		}
	}
	run(t, rows)
}

// TestSecretsMasked: passwords show in no transcript, record or log.
func TestSecretsMasked(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Users = map[string]string{"ann": "hunter2"}
	srv.Start()
	b64 := base64.StdEncoding.EncodeToString
	secrets := []string{b64([]byte("\x00ann\x00hunter2")), b64([]byte("hunter2")), "hunter2"}
	c := dial(t, srv)
	for _, line := range []string{"EHLO a", "AUTH PLAIN " + secrets[0], "RSET"} {
		c.Write([]byte(line + "\r\n"))
	}
	c.Write([]byte("QUIT\r\n"))
	s := srv.WaitSession(func(smtptest.Session) bool { return true })
	all := s.Transcript() + srv.Transcript()
	for _, e := range s.Exchanges {
		all += e.Command + e.Did + e.Rule
	}
	for _, secret := range secrets {
		if strings.Contains(all, secret) {
			t.Errorf("%q shows in:\n%s", secret, all)
		}
	}
	if s.User != "ann" {
		t.Errorf("User = %q", s.User)
	}
}
