package auth_test

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

// TestConformanceAUTH is the exchange as RFC 4954 has it; internal/sasl tests the
// mechanisms.
func TestConformanceAUTH(t *testing.T) {
	users := func(srv *smtptest.Server) {
		srv.Users = map[string]string{"ann": "secret"}
		srv.Mechanisms = []string{"CRAM-MD5", "PLAIN", "LOGIN"}
	}
	begin := play.Talk("S: "+play.Greeting, play.EHLOWith("AUTH CRAM-MD5 PLAIN LOGIN"))
	good, bad := play.Base64("\x00ann\x00secret"), play.Base64("\x00ann\x00wrong")
	const welcome, refused = "S: 235 2.7.0 Authentication successful", "S: 535 5.7.8 Authentication credentials invalid"
	need := func(line string) []string { return []string{"C: " + line, "S: 530 5.7.0 Authentication required"} }
	as := []smtptest.Message{play.Message(func(m *smtptest.Message) { m.User = "ann" })}
	rows := []play.Case{
		{Name: "initial response", Why: "4", Want: as, Talk: play.Talk(begin, "C: AUTH PLAIN "+good, welcome, play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayQuit)},
		{Name: "asked for", Why: "4: empty challenge", Want: as, Talk: play.Talk(begin, "C: AUTH PLAIN", "S: 334 ", "C: "+good, welcome, play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayQuit)},
		{Name: "login", Why: "its prompts in base64", Talk: play.Talk(begin, "C: auth login", "S: 334 VXNlcm5hbWU6", "C: "+play.Base64("ann"), "S: 334 UGFzc3dvcmQ6", "C: "+play.Base64("secret"), welcome, play.SayQuit)},
		{Name: "wrong password", Why: "6: 535 5.7.8, and again", Talk: play.Talk(begin, "C: AUTH PLAIN "+bad, refused, "C: AUTH PLAIN "+good, welcome, play.SayQuit)},
		{Name: "unknown user", Why: "6: the same", Talk: play.Talk(begin, "C: AUTH PLAIN "+play.Base64("\x00eve\x00secret"), refused, play.SayQuit)},
		{Name: "cancelled", Why: "4: *", Talk: play.Talk(begin, "C: AUTH PLAIN", "S: 334 ", "C: *", "S: 501 5.7.0 Authentication cancelled", play.SayQuit)},
		{Name: "bad base64", Why: "4", Talk: play.Talk(begin, "C: AUTH PLAIN a", "S: 501 5.5.2 Error: cannot decode base64", "C: AUTH PLAIN", "S: 334 ", "C: ?", "S: 501 5.5.2 Error: cannot decode base64", play.SayQuit)},
		{Name: "malformed", Why: "RFC 4616 2", Talk: play.Talk(begin, "C: AUTH PLAIN "+play.Base64("ann"), "S: 501 5.5.2 Error: malformed authentication response", play.SayQuit)},
		{Name: "empty initial response", Why: "4: =", Talk: play.Talk(begin, "C: AUTH PLAIN =", "S: 501 5.5.2 Error: malformed authentication response", play.SayQuit)},
		{Name: "no initial response allowed", Why: "4: 501", Talk: play.Talk(begin, "C: AUTH CRAM-MD5 "+good, "S: 501 5.7.0 Error: this mechanism takes no initial response", play.SayQuit)},
		{Name: "unknown mechanism", Why: "4: 504", Talk: play.Talk(begin, "C: AUTH XOAUTH2", "S: 504 5.5.4 Unrecognized authentication type", play.SayQuit)},
		{Name: "no mechanism", Why: "4", Talk: play.Talk(begin, "C: AUTH", "S: 501 5.5.4 Syntax: AUTH mechanism [initial-response]", play.SayQuit)},
		{Name: "twice", Why: "4: 503", Talk: play.Talk(begin, "C: AUTH PLAIN "+good, welcome, "C: AUTH PLAIN "+good, "S: 503 5.5.1 Error: already authenticated", play.SayQuit)},
		{Name: "in a transaction", Why: "4: 503", Talk: play.Talk(begin, play.SayMail, "C: AUTH PLAIN "+good, "S: 503 5.5.1 Error: command out of place", play.SayQuit)},
		{Name: "before ehlo", Why: "4", Talk: play.Talk("S: "+play.Greeting, "C: AUTH PLAIN "+good, "S: "+play.NeedHelo, play.SayQuit)},
		{Name: "after helo", Why: "3: EHLO offers it", Talk: play.Talk("S: "+play.Greeting, play.SayHELO, "C: AUTH PLAIN "+good, "S: 503 5.5.1 Error: command out of place", play.SayQuit)},
		{Name: "line end in base64", Why: "4: a bare CR or LF is no base64", Talk: play.Talk(begin, "C: AUTH PLAIN AGFubgBz\rZWNyZXQ=", "S: 501 5.5.2 Error: cannot decode base64",
			"C: AUTH PLAIN", "S: 334 ", "C: AGFubgBz\nZWNyZXQ=", "S: 501 5.5.2 Error: cannot decode base64", play.SayQuit)},
		{Name: "pad in the middle", Why: "4", Talk: play.Talk(begin, "C: AUTH PLAIN AA==AA==", "S: 501 5.5.2 Error: cannot decode base64", play.SayQuit)},
		{Name: "bits behind the end", Why: "RFC 4648 3.5", Talk: play.Talk(begin, "C: AUTH PLAIN AGE9AGI=x", "S: 501 5.5.2 Error: cannot decode base64", "C: AUTH PLAIN AGEAYh==", "S: 501 5.5.2 Error: cannot decode base64", play.SayQuit)},
		{Name: "= after 334", Why: "4: only an initial response is written so", Talk: play.Talk(begin, "C: AUTH PLAIN", "S: 334 ", "C: =", "S: 501 5.5.2 Error: cannot decode base64", play.SayQuit)},
		{Name: "empty line after 334", Why: "4: an empty response", Talk: play.Talk(begin, "C: AUTH PLAIN", "S: 334 ", "C: ", "S: 501 5.5.2 Error: malformed authentication response", play.SayQuit)},
		{Name: "two spaces", Why: "emailjs", Talk: play.Talk(begin, "C: AUTH  PLAIN "+good, welcome, play.SayQuit)},
		{Name: "login with its user", Why: "many clients: only the password is asked for", Talk: play.Talk(begin, "C: AUTH LOGIN "+play.Base64("ann"), "S: 334 UGFzc3dvcmQ6", "C: "+play.Base64("secret"), welcome, play.SayQuit)},
		{Name: "acting as itself", Why: "RFC 4616 2", Want: as, Talk: play.Talk(begin, "C: AUTH PLAIN "+play.Base64("ann\x00ann\x00secret"), welcome, play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayQuit)},
		{Name: "acting as another", Why: "RFC 4616 2: the server decides, and refuses", Talk: play.Talk(begin, "C: AUTH PLAIN "+play.Base64("bob\x00ann\x00secret"), refused, play.SayQuit)},
		{Name: "three failures", Why: "9: the connection lives", Talk: play.Talk(begin, "C: AUTH PLAIN "+bad, refused, "C: AUTH PLAIN "+bad, refused, "C: AUTH PLAIN "+bad, refused, "C: AUTH PLAIN "+good, welcome, play.SayQuit)},
		{Name: "cancelled twice", Why: "net/smtp says * after the 535", Talk: play.Talk(begin, "C: AUTH PLAIN "+bad, refused, "C: *", "S: "+play.Unknown("*"), play.SayQuit)},
		{Name: "after rset", Why: "4: it stays, 503", Talk: play.Talk(begin, "C: AUTH PLAIN "+good, welcome, "C: RSET", "S: "+play.OK, "C: AUTH PLAIN "+good, "S: 503 5.5.1 Error: already authenticated", play.SayQuit)},
		{Name: "after another ehlo", Why: "4: it stays, 503", Talk: play.Talk(begin, "C: AUTH PLAIN "+good, welcome, begin[1:], "C: AUTH PLAIN "+good, "S: 503 5.5.1 Error: already authenticated", play.SayQuit)},
		{Name: "pipelined", Why: "4: an initial response may stand in a group", Want: as, Talk: play.Talk(begin,
			"C: AUTH PLAIN "+good, "C: MAIL FROM:<a@client.test>", "C: RCPT TO:<b@server.test>", welcome, "S: "+play.MailOK, "S: "+play.RcptOK, play.SayData, play.SayText, play.SayQuit)},
		{Name: "line of 12288", Why: "4: no limit below", Talk: play.Talk(begin, "C: "+play.Fill(12288, "AUTH PLAIN ", ""), "S: 501 5.5.2 Error: cannot decode base64", play.SayQuit), Separate: true},
		{Name: "line of 12289", Why: "4: 500 5.5.6", Talk: play.Talk(begin, "C: "+play.Fill(12289, "AUTH PLAIN ", ""), "S: 500 5.5.6 Authentication exchange line is too long", play.SayQuit), Separate: true},
		{Name: "long line", Why: "4: 12288 octets", Talk: play.Talk(begin, "C: AUTH PLAIN", "S: 334 ", "C: "+strings.Repeat("A", 13000), "S: 500 5.5.6 Authentication exchange line is too long", play.SayQuit), Separate: true},
		{Name: "auth parameter", Why: "5", Want: []smtptest.Message{play.Message(func(m *smtptest.Message) { m.MailOptions = []string{"AUTH=e+3Dmc2@example.com"} })},
			Talk: play.Talk(begin, "C: MAIL FROM:<a@client.test> AUTH=e+3Dmc2@example.com", "S: "+play.MailOK, play.SayRcpt, play.SayData, play.SayText, play.SayQuit)},
		{Name: "auth parameter bad", Why: "5", Talk: play.Talk(begin, "C: MAIL FROM:<a@client.test> AUTH=e+3", "S: "+play.MailSyntax+play.Params, play.SayQuit)},
		{Name: "auth parameter without brackets", Why: "5; sendmail, before AUTH", Talk: play.Talk(begin, "C: MAIL FROM:<a@client.test> AUTH=a@client.test", "S: "+play.MailOK, "C: RSET", "S: "+play.OK, play.SayQuit)},
		{Name: "auth parameter null", Why: "5: <>", Talk: play.Talk(begin, "C: MAIL FROM:<a@client.test> AUTH=<>", "S: "+play.MailOK, "C: RSET", "S: "+play.OK, play.SayQuit)},
		{Name: "auth parameter no mailbox", Why: "5", Talk: play.Talk(begin, "C: MAIL FROM:<a@client.test> AUTH=ann", "S: "+play.MailSyntax+play.Params, "C: MAIL FROM:<a@client.test> AUTH=<a@client.test>", "S: "+play.MailSyntax+play.Params, play.SayQuit)},
		{Name: "auth parameter twice", Why: "5; RFC 5321 4.1.2", Talk: play.Talk(begin, "C: MAIL FROM:<a@client.test> AUTH=<> AUTH=<>", "S: "+play.MailSyntax+play.Params, play.SayQuit)},
		{Name: "auth parameter not yet offered", Why: "5: EHLO offered no AUTH before TLS", Setup: func(srv *smtptest.Server) { users(srv); play.WithTLS(srv) },
			Talk: play.Talk("S: "+play.Greeting, play.SayEHLOTLS, "C: MAIL FROM:<a@client.test> AUTH=<>", "S: "+play.MailUnknown, play.SayQuit)},
		{Name: "required", Why: "6: 530 to all but AUTH, EHLO, HELO, NOOP, RSET, QUIT", Setup: func(srv *smtptest.Server) { users(srv); srv.RequireAuth = true },
			Talk: play.Talk(begin, need("MAIL FROM:<a@client.test>"), need("RCPT TO:<b@server.test>"), need("DATA"), need("VRFY bob"), need("EXPN staff"), need("HELP"),
				"C: NOOP", "S: "+play.OK, "C: RSET", "S: "+play.OK, begin[1:], play.SayHELO, "C: QUIT", "S: "+play.Bye, play.Closed)},
		{Name: "required and given", Why: "6: 530", Setup: func(srv *smtptest.Server) { users(srv); srv.RequireAuth = true },
			Talk: play.Talk(begin, "C: MAIL FROM:<a@client.test>", "S: 530 5.7.0 Authentication required", "C: AUTH PLAIN "+good, welcome, play.SayMail, "C: RSET", "S: "+play.OK, play.SayQuit)},
		{Name: "scripted success", Why: "a rule overrules passwords", Setup: func(srv *smtptest.Server) {
			users(srv)
			srv.Script(smtptest.Rule{On: "AUTH PLAIN *", Reply: "235 2.7.0 whoever you are"})
		}, Talk: play.Talk(begin, "C: AUTH PLAIN "+bad, "S: 235 2.7.0 whoever you are", "C: AUTH PLAIN "+good, "S: 235 2.7.0 whoever you are", play.SayQuit)},
		{Name: "scripted challenge", Why: "a 334 is followed by a response, whoever said it", Setup: func(srv *smtptest.Server) {
			users(srv)
			srv.Script(smtptest.Rule{On: "AUTH", Reply: "334 not*base64"}, smtptest.Rule{On: "RESPONSE", Reply: "535 5.7.8 expired"})
		}, Talk: play.Talk(begin, "C: AUTH PLAIN", "S: 334 not*base64", "C: *", "S: 535 5.7.8 expired", play.SayQuit)},
		{Name: "under tls only", Why: "4: not offered in clear while there is TLS", Setup: func(srv *smtptest.Server) { users(srv); play.WithTLS(srv) },
			Talk: play.Talk("S: "+play.Greeting, play.SayEHLOTLS, "C: AUTH PLAIN "+good, "S: 538 5.7.11 Encryption required for requested authentication mechanism",
				"C: AUTH XOAUTH2", "S: 504 5.5.4 Unrecognized authentication type", play.SayQuit)},
		{Name: "some in clear", Why: "4: the list may differ before and after TLS", Setup: func(srv *smtptest.Server) {
			users(srv)
			play.WithTLS(srv)
			srv.ClearMechanisms = []string{"CRAM-MD5"}
		}, Talk: play.Talk("S: "+play.Greeting, play.EHLOWith("STARTTLS", "AUTH CRAM-MD5"), "C: AUTH PLAIN "+good, "S: 538 5.7.11 Encryption required for requested authentication mechanism",
			"C: AUTH CRAM-MD5 =", "S: 501 5.7.0 Error: this mechanism takes no initial response", play.SayQuit)},
	}
	for i := range rows {
		if rows[i].Setup == nil {
			rows[i].Setup = users
		}
	}
	play.Run(t, rows)
}

// TestConformanceAuthenticate is about the function that decides instead of
// Users: what it is shown, and the two steps of a token's refusal.
func TestConformanceAuthenticate(t *testing.T) {
	var seen []smtptest.Credentials // of one server at a time: the cases below run in sequence
	decide := func(srv *smtptest.Server) {
		seen = nil
		srv.Mechanisms = []string{"OAUTHBEARER", "XOAUTH2", "PLAIN", "LOGIN"}
		srv.Authenticate = func(c smtptest.Credentials) bool {
			seen = append(seen, c)
			return c.Secret == "open sesame"
		}
	}
	const welcome, refused = "S: 235 2.7.0 Authentication successful", "S: 535 5.7.8 Authentication credentials invalid"
	begin := play.Talk("S: "+play.Greeting, play.EHLOWith("AUTH OAUTHBEARER XOAUTH2 PLAIN LOGIN"))
	bearer := func(token string) string {
		return play.Base64("n,a=ann@example.com,\x01host=mx\x01auth=Bearer " + token + "\x01\x01")
	}
	xoauth := func(token string) string { return play.Base64("user=ann\x01auth=Bearer " + token + "\x01\x01") }
	for _, c := range []struct {
		name, why string
		talk      []string
		want      []smtptest.Credentials
		user      string
	}{
		{"plain", "RFC 4616 2: it decides on the authorization identity too", play.Talk("C: AUTH PLAIN "+play.Base64("bob\x00ann\x00open sesame"), welcome),
			[]smtptest.Credentials{{Mechanism: "PLAIN", Authzid: "bob", User: "ann", Secret: "open sesame"}}, "ann"},
		{"login", "", play.Talk("C: AUTH LOGIN", "S: 334 VXNlcm5hbWU6", "C: "+play.Base64("ann"), "S: 334 UGFzc3dvcmQ6", "C: "+play.Base64("friend"), refused),
			[]smtptest.Credentials{{Mechanism: "LOGIN", User: "ann", Secret: "friend"}}, ""},
		{"oauthbearer", "RFC 7628 3.1", play.Talk("C: AUTH OAUTHBEARER "+bearer("open sesame"), welcome),
			[]smtptest.Credentials{{Mechanism: "OAUTHBEARER", Authzid: "ann@example.com", User: "ann@example.com", Secret: "open sesame"}}, "ann@example.com"},
		{"oauthbearer refused", "RFC 7628 3.2.3: 334 with JSON, AQ==, 535", play.Talk("C: AUTH OAUTHBEARER "+bearer("friend"),
			"S: 334 "+play.Base64(`{"status":"invalid_token","scope":"mail"}`), "C: AQ==", refused),
			[]smtptest.Credentials{{Mechanism: "OAUTHBEARER", Authzid: "ann@example.com", User: "ann@example.com", Secret: "friend"}}, ""},
		{"oauthbearer cancelled", "RFC 4954 4", play.Talk("C: AUTH OAUTHBEARER "+bearer("friend"),
			"S: 334 "+play.Base64(`{"status":"invalid_token","scope":"mail"}`), "C: *", "S: 501 5.7.0 Authentication cancelled"),
			[]smtptest.Credentials{{Mechanism: "OAUTHBEARER", Authzid: "ann@example.com", User: "ann@example.com", Secret: "friend"}}, ""},
		{"xoauth2", "", play.Talk("C: AUTH XOAUTH2", "S: 334 ", "C: "+xoauth("open sesame"), welcome),
			[]smtptest.Credentials{{Mechanism: "XOAUTH2", User: "ann", Secret: "open sesame"}}, "ann"},
		{"xoauth2 refused", "334 with JSON, an empty line, 535", play.Talk("C: AUTH XOAUTH2 "+xoauth("friend"),
			"S: 334 "+play.Base64(`{"status":"401","schemes":"bearer","scope":"mail"}`), "C: ", refused),
			[]smtptest.Credentials{{Mechanism: "XOAUTH2", User: "ann", Secret: "friend"}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			play.Networks(t, func(t *testing.T, start func(*smtptest.Server)) {
				srv := smtptest.NewUnstartedServer(t)
				decide(srv)
				start(srv)
				if err := play.Converse(play.Dial(t, srv), play.StepsOf(play.Talk(begin, c.talk, play.SayQuit))); err != nil {
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
		tb := &play.FakeTB{}
		srv := smtptest.NewUnstartedServer(tb)
		srv.Authenticate = func(smtptest.Credentials) bool { panic("oh") }
		srv.StartInMemory()
		err := play.Converse(play.Dial(t, srv), play.StepsOf(play.Talk("S: "+play.Greeting, play.EHLOWith("AUTH OAUTHBEARER XOAUTH2 PLAIN LOGIN"), "C: AUTH PLAIN "+play.Base64("\x00ann\x00secret"),
			"S: 535 5.7.8 Authentication credentials invalid", "C: NOOP", "S: "+play.OK, play.SayQuit)))
		tb.End()
		if err != nil || !strings.Contains(tb.Errors(), "Authenticate panicked: oh") {
			t.Errorf("%v; failures: %s", err, tb.Errors())
		}
	})
}

// TestOwnMechanism: a mechanism of the test's own is a CommandFunc and an EHLO
// line. It names the identity, which counts where AUTH is required and which
// STARTTLS forgets.
func TestOwnMechanism(t *testing.T) {
	play.Run(t, []play.Case{{Name: "anonymous", Why: "RFC 4505, RFC 4954 3", Setup: func(srv *smtptest.Server) {
		srv.Extensions = append(srv.Extensions, "AUTH ANONYMOUS")
		srv.RequireAuth = true
		srv.Commands = map[string]smtptest.CommandFunc{"AUTH": func(ch *smtptest.Channel, arg string) smtptest.Reply {
			if arg != "ANONYMOUS" {
				return "504 5.5.4 only ANONYMOUS"
			}
			if trace, err := ch.Ask("334 "); err != nil || trace != play.Base64("ann") {
				return "535 5.7.8 who are you?"
			}
			ch.User = "anonymous"
			return "235 2.7.0 welcome"
		}}
	}, Talk: play.Talk("S: "+play.Greeting, play.EHLOWith("AUTH ANONYMOUS"), "C: MAIL FROM:<a@client.test>", "S: 530 5.7.0 Authentication required",
		"C: AUTH FOO", "S: 504 5.5.4 only ANONYMOUS", "C: AUTH ANONYMOUS", "S: 334 ", "C: "+play.Base64("ann"), "S: 235 2.7.0 welcome",
		play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayQuit),
		Want: []smtptest.Message{play.Message(func(m *smtptest.Message) { m.User = "anonymous" })}, Separate: true}})
}

// TestSecretsMasked: passwords and tokens show in no transcript, record, reply
// or log of a failed test, however a client came to send them; all else does.
func TestSecretsMasked(t *testing.T) {
	token := play.Base64("\x00ann\x00hunter2")
	secrets := []string{token, token[:8], token[8:], play.Base64("hunter2"), "hunter2"}
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
		{"login", users, []string{"AUTH LOGIN", play.Base64("ann"), play.Base64("hunter2")}},
		{"raw password", users, []string{"AUTH LOGIN", play.Base64("ann"), "hunter2"}},
		{"over-long initial response", users, []string{"AUTH PLAIN " + strings.Repeat(token, 1000)}},
		{"over-long response", users, []string{"AUTH PLAIN", strings.Repeat(token, 1000)}},
		{"over-long line of no command", users, []string{"AUTH FOO", strings.Repeat(token, 100)}},
		{"not offered", none, []string{"AUTH PLAIN " + token}},
		{"not offered, and answered", none, []string{"AUTH LOGIN", play.Base64("ann"), play.Base64("hunter2"), "hunter2"}},
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
		{"login by bare LF", users, []string{"AUTH LOGIN\n" + play.Base64("ann") + "\n" + play.Base64("hunter2")}},
		{"response cut by a bare LF", users, []string{"AUTH LOGIN", play.Base64("ann") + "\n" + play.Base64("hunter2"), "hunter2"}},
		{"folded", users, []string{"AUTH PLAIN " + token[:8], token[8:] + token, "AUTH PLAIN", token[:8] + "\r" + token, token}},
		{"after QUIT", none, []string{"AUTH LOGIN", "QUIT", token}},
		{"after STARTTLS", secure, []string{"AUTH LOGIN", "STARTTLS", token}},
		{"near miss of a rule", near, []string{"AUTH PLAIN " + token, "AUTH PLAIN", token}},
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
		"334 of a rule":        func(srv *smtptest.Server) { srv.Script(smtptest.Rule{On: "VRFY", Reply: "334 UGFzc3dvcmQ6"}) },
		"334 of a CommandFunc": play.WithCommand("VRFY", func(*smtptest.Channel, string) smtptest.Reply { return "334 UGFzc3dvcmQ6" }),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hides(t, setup, secrets, []string{"EHLO a\r\n", "BOGUS\r\n", "VRFY ann\r\n", play.Base64("hunter2") + "\r\n", "hunter2\r\n"})
			})
		})
	}
}

// hides sends the pieces and says that what shows of them holds no secret, but the
// rest; also when the server has ended the session because the client was silent.
func hides(t *testing.T, setup func(*smtptest.Server), secrets, pieces []string) {
	t.Helper()
	tb := &play.FakeTB{}
	srv := smtptest.NewUnstartedServer(tb)
	srv.IdleTimeout = time.Minute
	setup(srv)
	srv.StartInMemory()
	client := play.Listen(play.Dial(t, srv))
	for _, piece := range pieces {
		client.Say(play.Step{Send: piece})
	}
	time.Sleep(time.Hour)
	client.Close()
	checkHidden(t, client.Heard()+output(t, srv, tb), secrets)
	if len(strings.Join(pieces, "")) < 10_000 && !strings.Contains(tb.Logged(), "BOGUS") {
		t.Errorf("%.200q: the log does not show the dialogue:\n%s", pieces, tb.Logged())
	}
}

// TestContentShows: a line of mail that looks like AUTH is mail.
func TestContentShows(t *testing.T) {
	srv := smtptest.NewInMemoryServer(t)
	if err := play.Converse(play.Dial(t, srv), play.StepsOf(play.Talk(play.PathTo[play.InData], "C: text\nAUTH PLAIN AGEAYg==", "C: AUTH PLAIN AGEAYg==", "C: .", "S: "+play.OK, play.SayQuit))); err != nil {
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
	c := play.Arrive(t, srv, play.EHLO)
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
