package smtptest_test

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// TestConformanceAUTH is the exchange as RFC 4954 has it; internal/sasl tests the
// mechanisms.
func TestConformanceAUTH(t *testing.T) {
	users := func(srv *smtptest.Server) {
		srv.Users = map[string]string{"ann": "secret"}
		srv.Mechanisms = []string{"CRAM-MD5", "PLAIN", "LOGIN"}
	}
	begin := talk("S: "+greeting, ehloWith("AUTH CRAM-MD5 PLAIN LOGIN"))
	good, bad := b64("\x00ann\x00secret"), b64("\x00ann\x00wrong")
	const welcome, refused = "S: 235 2.7.0 Authentication successful", "S: 535 5.7.8 Authentication credentials invalid"
	need := func(line string) []string { return []string{"C: " + line, "S: 530 5.7.0 Authentication required"} }
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
		{name: "no initial response allowed", why: "4: 501", talk: talk(begin, "C: AUTH CRAM-MD5 "+good, "S: 501 5.7.0 Error: this mechanism takes no initial response", sayQuit)},
		{name: "unknown mechanism", why: "4: 504", talk: talk(begin, "C: AUTH XOAUTH2", "S: 504 5.5.4 Unrecognized authentication type", sayQuit)},
		{name: "no mechanism", why: "4", talk: talk(begin, "C: AUTH", "S: 501 5.5.4 Syntax: AUTH mechanism [initial-response]", sayQuit)},
		{name: "twice", why: "4: 503", talk: talk(begin, "C: AUTH PLAIN "+good, welcome, "C: AUTH PLAIN "+good, "S: 503 5.5.1 Error: already authenticated", sayQuit)},
		{name: "in a transaction", why: "4: 503", talk: talk(begin, sayMail, "C: AUTH PLAIN "+good, "S: 503 5.5.1 Error: command out of place", sayQuit)},
		{name: "before ehlo", why: "4", talk: talk("S: "+greeting, "C: AUTH PLAIN "+good, "S: "+needHelo, sayQuit)},
		{name: "after helo", why: "3: EHLO offers it", talk: talk("S: "+greeting, sayHelo, "C: AUTH PLAIN "+good, "S: 503 5.5.1 Error: command out of place", sayQuit)},
		{name: "line end in base64", why: "4: a bare CR or LF is no base64", talk: talk(begin, "C: AUTH PLAIN AGFubgBz\rZWNyZXQ=", "S: 501 5.5.2 Error: cannot decode base64",
			"C: AUTH PLAIN", "S: 334 ", "C: AGFubgBz\nZWNyZXQ=", "S: 501 5.5.2 Error: cannot decode base64", sayQuit)},
		{name: "pad in the middle", why: "4", talk: talk(begin, "C: AUTH PLAIN AA==AA==", "S: 501 5.5.2 Error: cannot decode base64", sayQuit)},
		{name: "bits behind the end", why: "RFC 4648 3.5", talk: talk(begin, "C: AUTH PLAIN AGE9AGI=x", "S: 501 5.5.2 Error: cannot decode base64", "C: AUTH PLAIN AGEAYh==", "S: 501 5.5.2 Error: cannot decode base64", sayQuit)},
		{name: "= after 334", why: "4: only an initial response is written so", talk: talk(begin, "C: AUTH PLAIN", "S: 334 ", "C: =", "S: 501 5.5.2 Error: cannot decode base64", sayQuit)},
		{name: "empty line after 334", why: "4: an empty response", talk: talk(begin, "C: AUTH PLAIN", "S: 334 ", "C: ", "S: 501 5.5.2 Error: malformed authentication response", sayQuit)},
		{name: "two spaces", why: "emailjs", talk: talk(begin, "C: AUTH  PLAIN "+good, welcome, sayQuit)},
		{name: "login with its user", why: "many clients: only the password is asked for", talk: talk(begin, "C: AUTH LOGIN "+b64("ann"), "S: 334 UGFzc3dvcmQ6", "C: "+b64("secret"), welcome, sayQuit)},
		{name: "acting as itself", why: "RFC 4616 2", want: as, talk: talk(begin, "C: AUTH PLAIN "+b64("ann\x00ann\x00secret"), welcome, sayMail, sayRcpt, sayData, sayText, sayQuit)},
		{name: "acting as another", why: "RFC 4616 2: the server decides, and refuses", talk: talk(begin, "C: AUTH PLAIN "+b64("bob\x00ann\x00secret"), refused, sayQuit)},
		{name: "three failures", why: "9: the connection lives", talk: talk(begin, "C: AUTH PLAIN "+bad, refused, "C: AUTH PLAIN "+bad, refused, "C: AUTH PLAIN "+bad, refused, "C: AUTH PLAIN "+good, welcome, sayQuit)},
		{name: "cancelled twice", why: "net/smtp says * after the 535", talk: talk(begin, "C: AUTH PLAIN "+bad, refused, "C: *", "S: "+unknown("*"), sayQuit)},
		{name: "after rset", why: "4: it stays, 503", talk: talk(begin, "C: AUTH PLAIN "+good, welcome, "C: RSET", "S: "+ok, "C: AUTH PLAIN "+good, "S: 503 5.5.1 Error: already authenticated", sayQuit)},
		{name: "after another ehlo", why: "4: it stays, 503", talk: talk(begin, "C: AUTH PLAIN "+good, welcome, begin[1:], "C: AUTH PLAIN "+good, "S: 503 5.5.1 Error: already authenticated", sayQuit)},
		{name: "pipelined", why: "4: an initial response may stand in a group", want: as, talk: talk(begin,
			"C: AUTH PLAIN "+good, "C: MAIL FROM:<a@client.test>", "C: RCPT TO:<b@server.test>", welcome, "S: "+mailOK, "S: "+rcptOK, sayData, sayText, sayQuit)},
		{name: "line of 12288", why: "4: no limit below", talk: talk(begin, "C: "+fill(12288, "AUTH PLAIN ", ""), "S: 501 5.5.2 Error: cannot decode base64", sayQuit), turns: true},
		{name: "line of 12289", why: "4: 500 5.5.6", talk: talk(begin, "C: "+fill(12289, "AUTH PLAIN ", ""), "S: 500 5.5.6 Authentication exchange line is too long", sayQuit), turns: true},
		{name: "long line", why: "4: 12288 octets", talk: talk(begin, "C: AUTH PLAIN", "S: 334 ", "C: "+strings.Repeat("A", 13000), "S: 500 5.5.6 Authentication exchange line is too long", sayQuit), turns: true},
		{name: "auth parameter", why: "5", want: []smtptest.Message{message(func(m *smtptest.Message) { m.MailOptions = []string{"AUTH=e+3Dmc2@example.com"} })},
			talk: talk(begin, "C: MAIL FROM:<a@client.test> AUTH=e+3Dmc2@example.com", "S: "+mailOK, sayRcpt, sayData, sayText, sayQuit)},
		{name: "auth parameter bad", why: "5", talk: talk(begin, "C: MAIL FROM:<a@client.test> AUTH=e+3", "S: "+mailSyntax+params, sayQuit)},
		{name: "auth parameter without brackets", why: "5; sendmail, before AUTH", talk: talk(begin, "C: MAIL FROM:<a@client.test> AUTH=a@client.test", "S: "+mailOK, "C: RSET", "S: "+ok, sayQuit)},
		{name: "auth parameter null", why: "5: <>", talk: talk(begin, "C: MAIL FROM:<a@client.test> AUTH=<>", "S: "+mailOK, "C: RSET", "S: "+ok, sayQuit)},
		{name: "auth parameter no mailbox", why: "5", talk: talk(begin, "C: MAIL FROM:<a@client.test> AUTH=ann", "S: "+mailSyntax+params, "C: MAIL FROM:<a@client.test> AUTH=<a@client.test>", "S: "+mailSyntax+params, sayQuit)},
		{name: "auth parameter twice", why: "5; RFC 5321 4.1.2", talk: talk(begin, "C: MAIL FROM:<a@client.test> AUTH=<> AUTH=<>", "S: "+mailSyntax+params, sayQuit)},
		{name: "auth parameter not yet offered", why: "5: EHLO offered no AUTH before TLS", setup: func(srv *smtptest.Server) { users(srv); withTLS(srv) },
			talk: talk("S: "+greeting, sayEhloTLS, "C: MAIL FROM:<a@client.test> AUTH=<>", "S: "+mailUnknown, sayQuit)},
		{name: "required", why: "6: 530 to all but AUTH, EHLO, HELO, NOOP, RSET, QUIT", setup: func(srv *smtptest.Server) { users(srv); srv.RequireAuth = true },
			talk: talk(begin, need("MAIL FROM:<a@client.test>"), need("RCPT TO:<b@server.test>"), need("DATA"), need("VRFY bob"), need("EXPN staff"), need("HELP"),
				"C: NOOP", "S: "+ok, "C: RSET", "S: "+ok, begin[1:], sayHelo, "C: QUIT", "S: "+bye, closed)},
		{name: "required and given", why: "6: 530", setup: func(srv *smtptest.Server) { users(srv); srv.RequireAuth = true },
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
			talk: talk("S: "+greeting, sayEhloTLS, "C: AUTH PLAIN "+good, "S: 538 5.7.11 Encryption required for requested authentication mechanism",
				"C: AUTH XOAUTH2", "S: 504 5.5.4 Unrecognized authentication type", sayQuit)},
		{name: "some in clear", why: "4: the list may differ before and after TLS", setup: func(srv *smtptest.Server) {
			users(srv)
			withTLS(srv)
			srv.ClearMechanisms = []string{"CRAM-MD5"}
		}, talk: talk("S: "+greeting, ehloWith("STARTTLS", "AUTH CRAM-MD5"), "C: AUTH PLAIN "+good, "S: 538 5.7.11 Encryption required for requested authentication mechanism",
			"C: AUTH CRAM-MD5 =", "S: 501 5.7.0 Error: this mechanism takes no initial response", sayQuit)},
	}
	for i := range rows {
		if rows[i].setup == nil {
			rows[i].setup = users
		}
	}
	run(t, rows)
}

// TestConformanceAuthenticate is about the function that decides instead of
// Users: what it is shown, and the two steps of a token's refusal.
func TestConformanceAuthenticate(t *testing.T) {
	var seen []smtptest.Credentials // of one server at a time: the rows below run in sequence
	decide := func(srv *smtptest.Server) {
		seen = nil
		srv.Mechanisms = []string{"OAUTHBEARER", "XOAUTH2", "PLAIN", "LOGIN"}
		srv.Authenticate = func(c smtptest.Credentials) bool {
			seen = append(seen, c)
			return c.Secret == "open sesame"
		}
	}
	const welcome, refused = "S: 235 2.7.0 Authentication successful", "S: 535 5.7.8 Authentication credentials invalid"
	begin := talk("S: "+greeting, ehloWith("AUTH OAUTHBEARER XOAUTH2 PLAIN LOGIN"))
	bearer := func(token string) string {
		return b64("n,a=ann@example.com,\x01host=mx\x01auth=Bearer " + token + "\x01\x01")
	}
	xoauth := func(token string) string { return b64("user=ann\x01auth=Bearer " + token + "\x01\x01") }
	for _, c := range []struct {
		name, why string
		talk      []string
		want      []smtptest.Credentials
		user      string
	}{
		{"plain", "RFC 4616 2: it decides on the authorization identity too", talk("C: AUTH PLAIN "+b64("bob\x00ann\x00open sesame"), welcome),
			[]smtptest.Credentials{{Mechanism: "PLAIN", Authzid: "bob", User: "ann", Secret: "open sesame"}}, "ann"},
		{"login", "", talk("C: AUTH LOGIN", "S: 334 VXNlcm5hbWU6", "C: "+b64("ann"), "S: 334 UGFzc3dvcmQ6", "C: "+b64("friend"), refused),
			[]smtptest.Credentials{{Mechanism: "LOGIN", User: "ann", Secret: "friend"}}, ""},
		{"oauthbearer", "RFC 7628 3.1", talk("C: AUTH OAUTHBEARER "+bearer("open sesame"), welcome),
			[]smtptest.Credentials{{Mechanism: "OAUTHBEARER", Authzid: "ann@example.com", User: "ann@example.com", Secret: "open sesame"}}, "ann@example.com"},
		{"oauthbearer refused", "RFC 7628 3.2.3: 334 with JSON, AQ==, 535", talk("C: AUTH OAUTHBEARER "+bearer("friend"),
			"S: 334 "+b64(`{"status":"invalid_token","scope":"mail"}`), "C: AQ==", refused),
			[]smtptest.Credentials{{Mechanism: "OAUTHBEARER", Authzid: "ann@example.com", User: "ann@example.com", Secret: "friend"}}, ""},
		{"oauthbearer cancelled", "RFC 4954 4", talk("C: AUTH OAUTHBEARER "+bearer("friend"),
			"S: 334 "+b64(`{"status":"invalid_token","scope":"mail"}`), "C: *", "S: 501 5.7.0 Authentication cancelled"),
			[]smtptest.Credentials{{Mechanism: "OAUTHBEARER", Authzid: "ann@example.com", User: "ann@example.com", Secret: "friend"}}, ""},
		{"xoauth2", "", talk("C: AUTH XOAUTH2", "S: 334 ", "C: "+xoauth("open sesame"), welcome),
			[]smtptest.Credentials{{Mechanism: "XOAUTH2", User: "ann", Secret: "open sesame"}}, "ann"},
		{"xoauth2 refused", "334 with JSON, an empty line, 535", talk("C: AUTH XOAUTH2 "+xoauth("friend"),
			"S: 334 "+b64(`{"status":"401","schemes":"bearer","scope":"mail"}`), "C: ", refused),
			[]smtptest.Credentials{{Mechanism: "XOAUTH2", User: "ann", Secret: "friend"}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			networks(t, func(t *testing.T, start func(*smtptest.Server)) {
				srv := smtptest.NewUnstartedServer(t)
				decide(srv)
				start(srv)
				if err := converse(dial(t, srv), turnsOf(talk(begin, c.talk, sayQuit))); err != nil {
					t.Fatalf("%s\n%v", c.why, err)
				}
				s := srv.WaitSession(func(smtptest.Session) bool { return true })
				if diff := cmp.Diff(c.want, seen); diff != "" || s.User != c.user {
					t.Errorf("%s\nUser = %q, Credentials (-want +got):\n%s", c.why, s.User, diff)
				}
			})
		})
	}
}

// TestAuthenticatePanics: the function that panics fails the test and refuses;
// the session lives.
func TestAuthenticatePanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tb := &fakeTB{}
		srv := smtptest.NewUnstartedServer(tb)
		srv.Authenticate = func(smtptest.Credentials) bool { panic("oh") }
		srv.StartInMemory()
		err := converse(dial(t, srv), turnsOf(talk("S: "+greeting, ehloWith("AUTH OAUTHBEARER XOAUTH2 PLAIN LOGIN"), "C: AUTH PLAIN "+b64("\x00ann\x00secret"),
			"S: 535 5.7.8 Authentication credentials invalid", "C: NOOP", "S: "+ok, sayQuit)))
		tb.end()
		if err != nil || !strings.Contains(tb.errors(), "Authenticate panicked: oh") {
			t.Errorf("%v; failures: %s", err, tb.errors())
		}
	})
}

// TestOwnMechanism: a mechanism of the test's own is a CommandFunc and an EHLO
// line. It names the identity, which counts where AUTH is required and which
// STARTTLS forgets.
func TestOwnMechanism(t *testing.T) {
	run(t, []row{{name: "anonymous", why: "RFC 4505, RFC 4954 3", setup: func(srv *smtptest.Server) {
		srv.Extensions = append(srv.Extensions, "AUTH ANONYMOUS")
		srv.RequireAuth = true
		srv.Commands = map[string]smtptest.CommandFunc{"AUTH": func(ch *smtptest.Channel, arg string) smtptest.Reply {
			if arg != "ANONYMOUS" {
				return "504 5.5.4 only ANONYMOUS"
			}
			if trace, err := ch.Ask("334 "); err != nil || trace != b64("ann") {
				return "535 5.7.8 who are you?"
			}
			ch.User = "anonymous"
			return "235 2.7.0 welcome"
		}}
	}, talk: talk("S: "+greeting, ehloWith("AUTH ANONYMOUS"), "C: MAIL FROM:<a@client.test>", "S: 530 5.7.0 Authentication required",
		"C: AUTH FOO", "S: 504 5.5.4 only ANONYMOUS", "C: AUTH ANONYMOUS", "S: 334 ", "C: "+b64("ann"), "S: 235 2.7.0 welcome",
		sayMail, sayRcpt, sayData, sayText, sayQuit),
		want: []smtptest.Message{message(func(m *smtptest.Message) { m.User = "anonymous" })}, turns: true}})
}

// TestSecretsMasked: passwords and tokens show in no transcript, record, reply
// or log of a failed test, however a client came to send them; all else does.
func TestSecretsMasked(t *testing.T) {
	token := b64("\x00ann\x00hunter2")
	secrets := []string{token, token[:8], token[8:], b64("hunter2"), "hunter2"}
	users := func(srv *smtptest.Server) { srv.Users = map[string]string{"ann": "hunter2"} }
	none := func(*smtptest.Server) {}
	ask := func(srv *smtptest.Server) {
		srv.Commands = map[string]smtptest.CommandFunc{"AUTH": func(ch *smtptest.Channel, arg string) smtptest.Reply {
			if _, err := ch.Ask("334 UGFzc3dvcmQ6"); err != nil {
				return smtptest.NoReply
			}
			ch.User = "ann"
			return "235 2.7.0 welcome"
		}}
	}
	secure := func(srv *smtptest.Server) { srv.TLS = &tls.Config{} }
	near := func(srv *smtptest.Server) {
		users(srv)
		srv.Script(smtptest.Rule{On: "AUTH EXTERNAL", Reply: "235 2.7.0 no"}, smtptest.Rule{On: "RESPONSE never", Reply: "235 2.7.0 no"})
	}
	for _, c := range []struct {
		name  string
		setup func(*smtptest.Server)
		lines []string
	}{
		{"initial response", users, []string{"AUTH PLAIN " + token}},
		{"lower case", users, []string{"auth plain " + token}},
		{"two spaces", users, []string{"AUTH  PLAIN  " + token}},
		{"tabs", users, []string{"AUTH\tPLAIN\t" + token}},
		{"tab before the token", users, []string{"AUTH PLAIN\t" + token}},
		{"leading space", users, []string{" AUTH PLAIN " + token}},
		{"no mechanism", users, []string{"AUTH " + token}},
		{"a short password alone", users, []string{"AUTH hunter2"}},
		{"a sign in between", users, []string{"AUTH=PLAIN " + token}},
		{"another verb", users, []string{"AUTHENTICATE PLAIN " + token}},
		{"response", users, []string{"AUTH PLAIN", token}},
		{"login", users, []string{"AUTH LOGIN", b64("ann"), b64("hunter2")}},
		{"raw password", users, []string{"AUTH LOGIN", b64("ann"), "hunter2"}},
		{"over-long initial response", users, []string{"AUTH PLAIN " + strings.Repeat(token, 1000)}},
		{"over-long response", users, []string{"AUTH PLAIN", strings.Repeat(token, 1000)}},
		{"over-long line of no command", users, []string{"AUTH FOO", strings.Repeat(token, 100)}},
		{"not offered", none, []string{"AUTH PLAIN " + token}},
		{"not offered, and answered", none, []string{"AUTH LOGIN", b64("ann"), b64("hunter2"), "hunter2"}},
		{"unknown mechanism, and answered", users, []string{"AUTH FOO", token}},
		{"after a refusal", users, []string{"AUTH PLAIN AGEAYg==", token, "*", token}},
		{"in two words", users, []string{"AUTH FOO", "ann hunter2"}},
		{"commands of the test's own", ask, []string{"AUTH FOO", token}},
		{"behind a bare LF", users, []string{"EHLO a\nAUTH PLAIN " + token}},
		{"behind a bare CR", users, []string{"NOOP\rauth plain " + token}},
		{"behind a NUL", users, []string{"\x00AUTH PLAIN " + token}},
		{"behind a mark of UTF-8", users, []string{"\ufeffAUTH PLAIN " + token}},
		{"behind a command that is recorded", users, []string{"MAIL FROM:<a@b.test>", "RCPT TO:<b@c.test> NOTIFY=NEVER\nAUTH PLAIN " + token}},
		{"mechanism on a line of its own", users, []string{"AUTH\nPLAIN " + token, "AUTH PLAIN\n" + token, "AUTH\n" + token}},
		{"two of them", users, []string{"AUTH FOO\nAUTH PLAIN " + token}},
		{"nothing between", users, []string{"AUTH:" + token, "NOOP", "AUTH" + token}},
		{"beyond the limit of the line", users, []string{strings.Repeat("x", 500) + "\nAUTH PLAIN " + token}},
		{"login by bare LF", users, []string{"AUTH LOGIN\n" + b64("ann") + "\n" + b64("hunter2")}},
		{"response cut by a bare LF", users, []string{"AUTH LOGIN", b64("ann") + "\n" + b64("hunter2"), "hunter2"}},
		{"folded", users, []string{"AUTH PLAIN " + token[:8], token[8:] + token, "AUTH PLAIN", token[:8] + "\r" + token, token}},
		{"after QUIT", none, []string{"AUTH LOGIN", "QUIT", token}},
		{"after STARTTLS", secure, []string{"AUTH LOGIN", "STARTTLS", token}},
		{"near miss of a row", near, []string{"AUTH PLAIN " + token, "AUTH PLAIN", token}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, end := range []string{"\r\n", "\n", "\r", "\x00"} {
					sent := strings.Join(append([]string{"EHLO a", "BOGUS", "NOOP"}, c.lines...), end) + end
					hides(t, c.setup, secrets, strings.SplitAfter(sent, end))
					hides(t, c.setup, secrets, []string{sent})
				}
			})
		})
	}
	for name, setup := range map[string]func(*smtptest.Server){
		"334 of a row":         func(srv *smtptest.Server) { srv.Script(smtptest.Rule{On: "VRFY", Reply: "334 UGFzc3dvcmQ6"}) },
		"334 of a CommandFunc": with("VRFY", func(*smtptest.Channel, string) smtptest.Reply { return "334 UGFzc3dvcmQ6" }),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hides(t, setup, secrets, []string{"EHLO a\r\n", "BOGUS\r\n", "VRFY ann\r\n", b64("hunter2") + "\r\n", "hunter2\r\n"})
			})
		})
	}
}

// hides sends the pieces and says that what shows of them holds no secret, but the
// rest; also when the server has ended the session because the client was silent.
func hides(t *testing.T, setup func(*smtptest.Server), secrets, pieces []string) {
	t.Helper()
	tb := &fakeTB{}
	srv := smtptest.NewUnstartedServer(tb)
	srv.IdleTimeout = time.Minute
	setup(srv)
	srv.StartInMemory()
	client := listenTo(dial(t, srv))
	for _, piece := range pieces {
		client.say(turn{send: piece})
	}
	time.Sleep(time.Hour)
	client.Close()
	checkHidden(t, client.heard()+output(t, srv, tb), secrets)
	if len(strings.Join(pieces, "")) < 10_000 && !strings.Contains(tb.log(), "BOGUS") {
		t.Errorf("%.200q: the log does not show the dialogue:\n%s", pieces, tb.log())
	}
}

// TestContentShows: a line of mail that looks like AUTH is mail.
func TestContentShows(t *testing.T) {
	srv := smtptest.NewInMemoryServer(t)
	if err := converse(dial(t, srv), turnsOf(talk(reach[inData], "C: text\nAUTH PLAIN AGEAYg==", "C: AUTH PLAIN AGEAYg==", "C: .", "S: "+ok, sayQuit))); err != nil {
		t.Fatal(err)
	}
	want := "C: \"text\\nAUTH PLAIN AGEAYg==\"\nC: AUTH PLAIN AGEAYg==\nC: .\n"
	if got := srv.WaitSession(nil).Transcript(); !strings.Contains(got, want) {
		t.Errorf("Transcript() has no\n%s\n%s", want, got)
	}
}

// TestSecretsEqual: Exchange.Secret is equal for the same secret, so that a
// client can be seen to repeat itself, and says so of no other line.
func TestSecretsEqual(t *testing.T) {
	srv := smtptest.NewServer(t)
	c := arrive(t, srv, ehlo)
	for _, line := range []string{"AUTH PLAIN QQ==", "QQ==", "auth  login QQ==", "Qg==", "AUTH FOO", "XCLIENT LOGIN=QQ==", "QUIT"} {
		fmt.Fprintf(c, "%s\r\n", line)
	}
	s := srv.WaitSession(func(smtptest.Session) bool { return true })
	secrets := map[string]uint64{}
	for _, e := range s.Exchanges[2:] {
		secrets[e.Command] = e.Secret
	}
	first := s.Exchanges[2].Secret
	if first == 0 || s.Exchanges[3].Secret != first || s.Exchanges[4].Secret != first {
		t.Errorf("equal secrets differ:\n%+v", s.Exchanges)
	}
	if other := s.Exchanges[5].Secret; other == 0 || other == first {
		t.Errorf("Secret of another response = %d, of the first %d", other, first)
	}
	if secrets["AUTH FOO"] != 0 || secrets["QUIT"] != 0 {
		t.Errorf("Secret where there is none: %v", secrets)
	}
}
