package auth_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

// The secret of the clients here. No command takes it, or its base64, for a host
// name or another argument that may be shown.
const hush = "S3cr3t_h0rse!x"

var (
	hushB64   = play.Base64(hush)
	hushPlain = play.Base64("\x00bob\x00" + hush)
	hushes    = []string{hush, hush[2:9], hushB64, hushB64[4:12], hushPlain, hushPlain[8:16]}
)

// withHush has the user bob, with the secret or with another.
func withHush(srv *smtptest.Server)  { srv.Users = map[string]string{"bob": hush} }
func withOther(srv *smtptest.Server) { srv.Users = map[string]string{"bob": "another one"} }

// asksInAuth has an AUTH of the test's own that asks for more than base64.
func asksInAuth(srv *smtptest.Server) {
	play.WithCommand("AUTH", func(ch *smtptest.Channel, _ string) smtptest.Reply {
		if _, err := ch.Ask("350 and the password?"); err != nil {
			return smtptest.NoReply
		}
		return "535 5.7.8 no"
	})(srv)
}

// TestSecretsAnywhere verifies that a secret shows nowhere if its line has a login
// word, or an AUTH has begun.
func TestSecretsAnywhere(t *testing.T) {
	for _, c := range []struct {
		name  string
		setup func(*smtptest.Server)
		lines []string
	}{
		{"refused AUTH, NOOP, password", withHush, []string{"AUTH LOGIN", "NOOP", hushB64}},
		{"AUTH and then each command", withOther, []string{"EHLO x", "AUTH FOO", "EHLO x", "MAIL FROM:<a@b.example>", "RCPT TO:<a@b.example>", "DATA", ".", "RSET", "STARTTLS", "AUTH FOO", "HELP", hushB64}},
		{"EHLO before the response", withHush, []string{"AUTH PLAIN", "EHLO x", hushPlain}},
		{"a pass phrase that begins with a verb", withHush, []string{"EHLO x", "AUTH LOGIN", "x", "HELP " + hush, "NOOP " + hush, "VRFY " + hush, "EXPN " + hush, "RSET " + hush, "QUIT " + hush}},
		{"a pass phrase in every command", withOther, []string{"EHLO x", "AUTH PLAIN AGEAYg==", "EHLO " + hush, "HELO x " + hush, "MAIL " + hush, "MAIL FROM:<a@b.example> " + hush, "MAIL FROM:<a@b.example> SIZE=" + hush, "RCPT TO:<a@b.example> NOTIFY=" + hush, "DATA " + hush, "BDAT " + hush, "BDAT 1 " + hush, "STARTTLS " + hush, "XCLIENT " + hush, "TURN " + hush, "SEND " + hush, "SOML FROM:<a@b.example> " + hush, "AUTH " + hush, "AUTH PLAIN " + hush}},
		{"after AUTH, in unknown lines", withOther, []string{"EHLO x", "AUTH PLAIN AGEAYg==", "FOO " + hush, hush, " " + hush, "x" + hush, "* " + hush}},
		{"in MAIL", withHush, []string{"EHLO x", "MAIL FROM:<a@b.example> AUTH PLAIN " + hushPlain, "MAIL FROM:<a@b.example> AUTH=" + hush}},
		{"in RCPT", withHush, []string{"EHLO x", "MAIL FROM:<a@b.example>", "RCPT TO:<a@b.example> AUTH PLAIN " + hushPlain}},
		{"in an envelope that a rule accepts", func(srv *smtptest.Server) {
			withHush(srv)
			srv.Script(smtptest.Rule{On: "MAIL", Reply: "250 2.1.0 OK"}, smtptest.Rule{On: "RCPT", Reply: "250 2.1.5 OK"})
		}, []string{"EHLO x", "MAIL FROM:<a@b.example> AUTH " + strings.Trim(hushPlain, "="), "RCPT TO:<a@b.example> LOGIN=" + strings.Trim(hushPlain, "="), "RSET"}},
		{"in EHLO", withHush, []string{"EHLO x AUTH PLAIN " + hushPlain, "EHLO xAUTH PLAIN " + hushPlain}},
		{"in NOOP and HELP", withHush, []string{"NOOP AUTH PLAIN " + hushPlain, "HELP AUTH PLAIN " + hushPlain, "HELP login " + hush}},
		{"XAUTH", withHush, []string{"EHLO x", "XAUTH PLAIN " + hushPlain, "xlogin bob " + hush, "XAUTH LOGIN", hushB64}},
		{"a command with an unusual name", play.WithCommand("XLOGIN", func(ch *smtptest.Channel, _ string) smtptest.Reply {
			ch.Ask("350 Password:")
			return "535 5.7.8 no"
		}), []string{"EHLO x", "XLOGIN bob", hush, "XLOGIN " + hush}},
		{"a question of AUTH without base64", asksInAuth, []string{"EHLO x", "AUTH FOO", hush, hush}},
		{"IMAP", withHush, []string{"a1 LOGIN bob " + hush, "a2 login {3}", "bob {14}", hush, "a3 AUTHENTICATE PLAIN", hushPlain, "a4 AUTHENTICATE PLAIN " + hushPlain}},
		{"POP3", withHush, []string{"USER bob", "USER=" + hush, "PASS " + hush, "pass " + hush, "APOP bob " + hush, "AUTH PLAIN", hushPlain}},
		{"POP3 without USER", withHush, []string{"PASS " + hush, "Pass:" + hush, "PASS" + hush}},
		{"HTTP", withHush, []string{"GET / HTTP/1.1", "Authorization: Basic " + play.Base64("bob:"+hush), hush}},
		{"HTTP of a proxy", withHush, []string{"Proxy-Authorization: Bearer " + hush}},
		{"HTTP form", withHush, []string{"user=bob&password=" + hush, "smtp_pass=" + hush, "bearer " + hush}},
		{"NNTP", withHush, []string{"AUTHINFO USER bob", "AUTHINFO PASS " + hush, "authinfo sasl plain " + hush}},
		{"spaces inside the word", withHush, []string{"A U T H PLAIN " + hushPlain, "NOOP au  th plain " + hush, "L OGIN bob " + hush, "P\tA\tS S " + hush, "AU\x00TH PLAIN " + hush, "AU THENTICATE " + hush, "NOOP author ization " + hush, "NOOP proxy-authorisation: " + hush, "XA UTH " + hush}},
		{"cut off", withHush, []string{"EHLO x", "XAUTH PLAIN " + hushPlain}},
		{"cut off after a refusal", withHush, []string{"EHLO x", "AUTH FOO", "QUIT", "NOOP", hush, "NOOP " + hush}},
		{"a chunk between", func(srv *smtptest.Server) { withOther(srv); srv.Extensions = append(srv.Extensions, "CHUNKING") },
			[]string{"EHLO x", "AUTH PLAIN AGEAYg==", "MAIL FROM:<a@b.example>", "RCPT TO:<a@b.example>", "BDAT 2", "BDAT 0 LAST " + hush, "BDAT 0 LAST", hushB64}},
		{"content of a refused DATA", withOther, []string{"EHLO x", "AUTH PLAIN AGEAYg==", "DATA", "Subject: x", "", hush, "."}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sent := strings.Join(c.lines, "\r\n") + "\r\n"
				hides(t, c.setup, hushes, append([]string{"BOGUS\r\n"}, strings.SplitAfter(sent, "\r\n")...))
				hides(t, c.setup, hushes, []string{"BOGUS\r\n", sent})
				hides(t, c.setup, hushes, []string{"BOGUS\r\n", strings.TrimSuffix(sent, "\r\n")})
			})
		})
	}
}

// TestReadable verifies that masking takes nothing from the dialogues that have
// no secret, and no valid command from the others.
func TestReadable(t *testing.T) {
	const masked = "****"
	for _, c := range []struct {
		name, why string
		lines     []string
		want      []string // of the lines those that show otherwise
	}{
		{name: "no login word", why: "it is shown whole", lines: []string{"EHLO x", "FOO bar", "HELP S3cr3t", "NOOP a b", "VRFY bob", "MAIL from bob", "dXNlcg==", "QUIT now"}},
		{name: "words that contain one", why: "they are other words", lines: []string{"VRFY author", "NOOP authority authors", "EXPN passengers", "NOOP compass bypass", "NOOP the users", "NOOP blog inside", "NOOP use ring", "FOO passport", "User-Agent: x"}},
		{name: "names that contain one", why: "a host name or a path is no secret", lines: []string{"EHLO auth.login.example", "MAIL FROM:<login@auth.example> SIZE=10", "RCPT TO:<pass@login.example> NOTIFY=NEVER", "RSET", "VRFY <password@login.example>", "HELP AUTH", "NOOP hello", "FOO bar"}},
		{name: "the AUTH parameter", why: "RFC 4954 5", lines: []string{"EHLO x", "MAIL FROM:<a@b.example> SIZE=10 AUTH=<> BODY=8BITMIME", "RSET", "mail from:<a@b.example> auth=e+3Dmc2@b.example", "FOO bar"}},
		{name: "after a 535", why: "valid commands are no secrets", lines: []string{"EHLO x", "AUTH PLAIN AGEAYg==", "EHLO y.example", "EHLO [192.0.2.1]", "MAIL FROM:<a@b.example>", "RCPT TO:<\"a b\"@b.example>", "RCPT TO: <c@b.example>", "rset", "MAIL FROM:<> SIZE=10 BODY=7BIT", "RSET", "NOOP", "NOOP ", "HELP", "HELP MAIL", "VRFY <a@b.example>", "BDAT 0 LAST", "STARTTLS", "*", "QUIT"}, want: []string{"AUTH PLAIN " + masked}},
		{name: "the rest after a 535", why: "it may be a secret", lines: []string{"EHLO x", "AUTH PLAIN AGEAYg==", "HELP S3cr3t", "FOO", "EHLO x y", "MAIL FROM:<a@b.example> FOO=1 SIZE=1", "QUIT"}, want: []string{"AUTH PLAIN " + masked, "HELP " + masked, masked, "EHLO x " + masked, "MAIL FROM:<a@b.example> " + masked}},
		{name: "after a 235", why: "the client has sent its secret", lines: []string{"EHLO x", "AUTH FOO", "HELP S3cr3t", "AUTH PLAIN " + hushPlain, "HELP S3cr3t", "FOO bar", "QUIT"}, want: []string{"HELP " + masked, "AUTH PLAIN " + masked}},
		{name: "after a 235 to a response", why: "the client has sent its secret", lines: []string{"EHLO x", "AUTH LOGIN", play.Base64("bob"), hushB64, "HELP S3cr3t", "FOO bar", "QUIT"}, want: []string{masked, masked}},
		{name: "a cancelled AUTH", why: "none has succeeded", lines: []string{"EHLO x", "AUTH LOGIN", "*", "RSET", "FOO bar", "QUIT"}, want: []string{masked}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := smtptest.NewUnstartedServer(t)
				withHush(srv)
				srv.StartInMemory()
				client := play.Listen(play.Dial(t, srv))
				for _, line := range c.lines {
					client.Say(play.Step{Send: line + "\r\n"})
				}
				client.Close()
				var got, other []string
				for _, e := range srv.WaitSession(nil).Exchanges {
					if !e.Event {
						got = append(got, e.Command)
					}
				}
				for i := range min(len(got), len(c.lines)) {
					if got[i] != c.lines[i] {
						other = append(other, got[i])
					}
				}
				if diff := cmp.Diff(c.want, other); diff != "" || len(got) != len(c.lines) {
					t.Errorf("%s: masked lines of %q (-want +got):\n%s", c.why, got, diff)
				}
			})
		})
	}
}

// TestContentReadable verifies that message content is not masked, whatever it
// holds and whatever came before.
func TestContentReadable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const content = "Authorization: Basic " + hush + "\r\n\r\nAUTH PLAIN " + hush + "\r\nPASS " + hush + "\r\n"
		srv := smtptest.NewUnstartedServer(t)
		withOther(srv)
		srv.Extensions = append(srv.Extensions, "CHUNKING")
		srv.StartInMemory()
		client := play.Listen(play.Dial(t, srv))
		envelope := "MAIL FROM:<a@b.example>\r\nRCPT TO:<a@b.example>\r\n"
		for _, s := range []string{"EHLO x\r\nAUTH PLAIN AGEAYg==\r\n" + envelope, "DATA\r\n", content + ".\r\n", envelope + fmt.Sprintf("BDAT %d LAST\r\n", len(content)) + content} {
			client.Say(play.Step{Send: s})
		}
		client.Close()
		for _, tr := range srv.WaitSession(nil).Transactions {
			if tr.Data != content {
				t.Errorf("Data = %q", tr.Data)
			}
		}
		shown := "C: " + strings.ReplaceAll(strings.TrimSuffix(content, "\r\n"), "\r\n", "\nC: ") + "\n"
		if got := srv.Transcript(); srv.Count() != 2 || strings.Count(got, shown) != 2 {
			t.Errorf("%d messages; Transcript() does not have twice\n%s\n%s", srv.Count(), shown, got)
		}
	})
}

// TestSecretsOfTests verifies that a secret shows nowhere that stands in a rule,
// or that the test's own code puts into a panic or a reply.
func TestSecretsOfTests(t *testing.T) {
	script := func(rules ...smtptest.Rule) func(*smtptest.Server) {
		return func(srv *smtptest.Server) { srv.Script(rules...); withHush(srv) }
	}
	auth := func(f func(password string) smtptest.Reply) func(*smtptest.Server) {
		return play.WithCommand("AUTH", func(_ *smtptest.Channel, arg string) smtptest.Reply {
			b, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(arg, "PLAIN "))
			return f(string(b[min(len(b), len("\x00bob\x00")):]))
		})
	}
	authenticate := func(f func(c smtptest.Credentials)) func(*smtptest.Server) {
		return func(srv *smtptest.Server) {
			srv.Authenticate = func(c smtptest.Credentials) bool { f(c); return false }
		}
	}
	login := []string{"EHLO x", "AUTH PLAIN " + hushPlain}
	for _, c := range []struct {
		name  string
		setup func(*smtptest.Server)
		lines []string
		want  string // in what shows
	}{
		{"a rule for AUTH", script(smtptest.Rule{On: "AUTH PLAIN " + hushPlain, Reply: "454 4.7.0 later"}), login, `{On: "AUTH PLAIN ****", Reply: "454 4.7.0 later"}`},
		{"a rule for a response", script(smtptest.Rule{On: "RESPONSE " + hushB64, Reply: "454 4.7.0 later"}), []string{"EHLO x", "AUTH LOGIN", play.Base64("bob"), hushB64}, `{On: "RESPONSE ****", Reply: "454 4.7.0 later"}`},
		{"a rule for XAUTH", script(smtptest.Rule{On: "XAUTH " + hushB64, Reply: "454 4.7.0 later"}), []string{"XAUTH " + hushB64}, `{On: "XAUTH ****", Reply: "454 4.7.0 later"}`},
		{"a rule for MAIL", script(smtptest.Rule{On: "MAIL FROM:<a@b.example> AUTH PLAIN " + hushPlain, Reply: "454 4.7.0 later"}), []string{"EHLO x", "MAIL FROM:<a@b.example> AUTH PLAIN " + hushPlain}, `{On: "MAIL FROM:<a@b.example> ****", Reply: "454 4.7.0 later"}`},
		{"a reply of a rule", script(smtptest.Rule{On: "AUTH", Reply: "535 5.7.8 not " + hush}), login, `{On: "AUTH", Reply: "535 5.7.8 not ****"}`},
		{"a raw reply of a rule", script(smtptest.Rule{On: "AUTH", Raw: "535 5.7.8 not " + hushPlain + "\r\n"}), login, `{On: "AUTH", Raw: "535 5.7.8 not ****\r\n"}`},
		{"a reply of a rule to a response", script(smtptest.Rule{On: "RESPONSE", Reply: smtptest.Reply("535 5.7.8 " + hushB64)}), []string{"EHLO x", "AUTH PLAIN", hushPlain}, `{On: "RESPONSE", Reply: "535 5.7.8 ****"}`},
		{"a reply of a rule for all", script(smtptest.Rule{On: "*", Skip: 2, Reply: smtptest.Reply("535 5.7.8 " + hushB64)}), login, `{On: "*", Skip: 2, Reply: "535 5.7.8 ****"}`},
		{"a rule that does not fire", script(smtptest.Rule{On: "AUTH PLAIN " + hushPlain, Reply: "535 5.7.8 not " + hush}), []string{"EHLO x"}, `rule 1 never fired: {On: "AUTH PLAIN ****", Reply: "535 5.7.8 not ****"}`},
		{"a near miss", script(smtptest.Rule{On: "AUTH PLAIN x" + hushPlain, Reply: "535 5.7.8 no"}), login, "nearest miss, session 1: AUTH PLAIN ****"},
		{"an If", func(srv *smtptest.Server) {
			srv.Script(smtptest.Rule{On: "AUTH", If: func(e smtptest.Event) bool { panic(e) }, Reply: "535 5.7.8 no", Optional: true})
		}, login, "panicked: {AUTH PLAIN ****"},
		{"a panic of Authenticate", authenticate(func(c smtptest.Credentials) { panic(c) }), login, "Authenticate panicked: {PLAIN  bob ****}"},
		{"a panic that quotes", authenticate(func(c smtptest.Credentials) { panic(fmt.Errorf("%q is wrong", c.Secret)) }), login, `Authenticate panicked: "****" is wrong`},
		{"a panic about a token", func(srv *smtptest.Server) {
			authenticate(func(c smtptest.Credentials) { panic(c.Secret + " has expired") })(srv)
			srv.Mechanisms = []string{"XOAUTH2"}
		}, []string{"EHLO x", "AUTH XOAUTH2 " + play.Base64("user=bob\x01auth=Bearer "+hush+"\x01\x01")}, "Authenticate panicked: **** has expired"},
		{"a panic of a CommandFunc", auth(func(password string) smtptest.Reply { panic(password) }), login, `Commands["AUTH"] panicked: ****`},
		{"an invalid reply of a CommandFunc", auth(func(password string) smtptest.Reply { return smtptest.Reply(password) }), login, `Commands["AUTH"] returned the reply "****"`},
		{"a reply of a CommandFunc", auth(func(password string) smtptest.Reply { return smtptest.Reply("535 5.7.8 not " + password) }), login, "S: 535 5.7.8 not ****"},
		{"a bad prompt", play.WithCommand("AUTH", func(ch *smtptest.Channel, arg string) smtptest.Reply { ch.Ask(smtptest.Reply(arg)); return "" }), login, `panicked: Ask("PLAIN ****")`},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tb := &play.FakeTB{}
				srv := smtptest.NewUnstartedServer(tb)
				c.setup(srv)
				srv.StartInMemory()
				client := play.Listen(play.Dial(t, srv))
				for _, line := range c.lines {
					client.Say(play.Step{Send: line + "\r\n"})
				}
				client.Close()
				srv.WaitSessions(1)
				out := output(t, srv, tb)
				checkHidden(t, out, hushes)
				if !strings.Contains(out, c.want) {
					t.Errorf("%q does not show:\n%s", c.want, out)
				}
			})
		})
	}
}

// TestSecretInBadRule verifies that the message about a mistake in a rule does
// not show the secret of the rule.
func TestSecretInBadRule(t *testing.T) {
	tb := &play.FakeTB{}
	srv := smtptest.NewUnstartedServer(tb)
	withHush(srv)
	play.Try(func() { srv.Script(smtptest.Rule{On: "AUTH PLAIN " + hushPlain, Reply: "535 not " + hush, Times: -1}) })
	const want = `rule 1: {On: "AUTH PLAIN ****", Times: -1, Reply: "535 not ****"}: Times:`
	if got := tb.Errors(); !strings.Contains(got, want) {
		t.Errorf("the failure is %q, want %q in it", got, want)
	}
	for _, c := range []struct{ on, want string }{
		{"AUTH", "AUTH"}, {"AUTH *", "AUTH *"}, {"AUTH PLAIN *", "AUTH PLAIN *"}, {"AUTH SCRAM-*", "AUTH SCRAM-*"}, {"RESPONSE *", "RESPONSE *"}, {"RESPONSE =", "RESPONSE ="},
		{"IDLE AUTH", "IDLE AUTH"}, {"RCPT TO:<login*>", "RCPT TO:<login*>"}, {"EHLO auth.example", "EHLO auth.example"}, {"VRFY author", "VRFY author"}, {". <pass@b.example>", ". <pass@b.example>"},
		{"VRFY login x", "VRFY ****"}, {"AUTH " + hush, "AUTH ****"}, {"AUTH PLAIN *" + hush + "*", "AUTH PLAIN ****"},
	} {
		if got, want := fmt.Sprint(smtptest.Rule{On: c.on}), fmt.Sprintf("{On: %q}", c.want); got != want {
			t.Errorf("String() = %s, want %s", got, want)
		}
	}
}

// TestPasswordIsWord verifies that a password does not change the texts that are
// not about a login, if it is a word that they have.
func TestPasswordIsWord(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Users = map[string]string{"ann@client.test": "test"}
	srv.Script(smtptest.Rule{On: "RCPT TO:<b@server.test>", Reply: "550 5.1.1 no ann@client.test"}, smtptest.Rule{On: "AUTH", Reply: "535 5.7.8 no ann@client.test"})
	srv.StartInMemory()
	c := play.Dial(t, srv)
	io.WriteString(c, "EHLO x\r\nAUTH PLAIN "+play.Base64("\x00ann@client.test\x00other")+"\r\nMAIL FROM:<ann@client.test>\r\nRCPT TO:<b@server.test>\r\nQUIT\r\n")
	io.Copy(io.Discard, c)
	e := srv.WaitSession(nil).Exchanges
	if rcpt := e[4]; rcpt.Rule != `rule 1: {On: "RCPT TO:<b@server.test>", Reply: "550 5.1.1 no ann@client.test"}` || rcpt.Reply != "550 5.1.1 no ann@client.test" {
		t.Errorf("RCPT is recorded as %+v", rcpt)
	}
	if auth := e[2]; auth.Reply != "535 5.7.8 no ann@client.****" {
		t.Errorf("AUTH is recorded as %+v", auth)
	}
}

// TestMaskedParameter verifies that a parameter of the test's own is kept after a
// refused AUTH.
func TestMaskedParameter(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	withOther(srv)
	srv.Extensions = append(srv.Extensions, "XFOO")
	srv.Parameters = map[string]func(string) error{"XFOO": nil}
	srv.StartInMemory()
	c := play.Dial(t, srv)
	io.WriteString(c, "EHLO x\r\nAUTH PLAIN AGEAYg==\r\nMAIL FROM:<a@b.example> XFOO=bar SIZE=1\r\nQUIT\r\n")
	io.Copy(io.Discard, c)
	if got := srv.WaitSession(nil).Transactions[0].MailOptions; !cmp.Equal(got, []string{"XFOO=bar", "SIZE=1"}) {
		t.Errorf("MailOptions = %q", got)
	}
}
