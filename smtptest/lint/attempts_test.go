package lint_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// changed returns a message in which some pieces of text are others.
func changed(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(text("Hi!")) }

// deliver is a session that sends a content to the recipients.
func deliver(content string, recipients ...string) []string {
	lines := said(hi, from)
	for _, r := range recipients {
		lines = append(lines, "RCPT TO:<"+r+">")
	}
	return append(lines, "DATA", content, ".", "QUIT", "<again")
}

// mixedWith is a multipart message with that boundary.
func mixedWith(boundary string) string {
	return "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=" + boundary + "\r\n" +
		text("--"+boundary, "Content-Type: text/plain", "", "Hi!", "--"+boundary+"--")
}

const bob, eve = "bob@test.example", "eve@test.example"

const (
	idLine   = "Message-ID: <1@client.test>\r\n"
	dateLine = "Date: Sat, 01 Jan 2000 00:00:00 +0000\r\n"
)

func refuse(on, reply string) []smtptest.Rule {
	return []smtptest.Rule{{On: on, Reply: smtptest.Reply(reply)}}
}

func refuseOnce(on, reply string) []smtptest.Rule {
	return []smtptest.Rule{{On: on, Times: 1, Reply: smtptest.Reply(reply)}}
}

// TestAttempts verifies what Check finds in several attempts of one client.
func TestAttempts(t *testing.T) {
	plainMail := func(mail ...string) []string { return said(hi, mail, "QUIT", "<again") }
	wrong := "AUTH PLAIN " + b64("\x00ann\x00wrong")
	for _, tt := range []struct {
		name   string
		setup  func(*smtptest.Server)
		script []smtptest.Rule
		lines  []string
		want   []string
	}{
		{name: "the same message in a new session", lines: said(deliver(text("Hi!"), bob), deliver(text("Hi!"), bob)), want: ids1("resent-after-250")},
		{name: "the same message in one session", lines: said(hi, mail("Hi!"), mail("Hi!")), want: ids1("resent-after-250")},
		{name: "another spelling of the recipient", lines: said(deliver(text("Hi!"), bob), deliver(text("Hi!"), "bob@TEST.example")), want: ids1("resent-after-250")},
		{name: "the Message-ID on a line of its own", lines: said(deliver(text("Hi!"), bob), deliver(changed("Message-ID: ", "message-id:\r\n "), bob)), want: ids1("resent-after-250")},
		{name: "a new Date", lines: said(deliver(text("Hi!"), bob), deliver(changed("00:00:00", "00:05:00"), bob)), want: ids1("resent-after-250")},
		{name: "new boundaries", lines: said(deliver(mixedWith("abc"), bob), deliver(mixedWith("xyz"), bob)), want: ids1("resent-after-250")},
		{name: "a Received field", lines: said(deliver(text("Hi!"), bob), deliver("Received: from a by b; Sat, 01 Jan 2000 00:00:00 +0000\r\n"+text("Hi!"), bob)), want: ids1("resent-after-250")},
		{name: "by BDAT", lines: said(bdat(text("Hi!")+"\r\n"), "QUIT", "<again", deliver(text("Hi!"), bob)), want: ids1("resent-after-250")},
		{name: "no Message-ID, the same Date", lines: said(deliver(changed(idLine, ""), bob), deliver(changed(idLine, ""), bob)), want: ids1("header-message-id-missing", "resent-after-250")},
		{name: "a partial refusal, and all again", script: refuseOnce("RCPT TO:<eve@*>", "450 4.2.1 later"), lines: said(deliver(text("Hi!"), bob, eve), deliver(text("Hi!"), bob, eve)), want: ids1("resent-after-250")},
		{name: "a partial refusal, and the rest", script: refuseOnce("RCPT TO:<eve@*>", "450 4.2.1 later"), lines: said(deliver(text("Hi!"), bob, eve), deliver(text("Hi!"), eve))},
		{name: "a partial refusal for good, and all again", script: refuseOnce("RCPT TO:<eve@*>", "550 5.1.1 no"), lines: said(deliver(text("Hi!"), bob, eve), deliver(text("Hi!"), bob, eve)), want: ids1("repeat-after-5xx", "resent-after-250")},
		{name: "the second 250 is a refusal", script: []smtptest.Rule{{On: ".", Skip: 1, Reply: "451 4.3.0 later"}}, lines: said(deliver(text("Hi!"), bob), deliver(text("Hi!"), bob)), want: ids1("resent-after-250")},
		{name: "LMTP, one recipient delayed", setup: lmtpOnce("450 4.2.1 later"), lines: said(lmtp(text("Hi!"), bob, eve), lmtp(text("Hi!"), bob, eve)), want: ids1("resent-after-250")},
		{name: "LMTP, the delayed recipient again", setup: lmtpOnce("450 4.2.1 later"), lines: said(lmtp(text("Hi!"), bob, eve), lmtp(text("Hi!"), eve))},
		{name: "LMTP, a recipient refused for good", setup: lmtpOnce("550 5.1.1 no"), lines: said(lmtp(text("Hi!"), bob, eve), lmtp(text("Hi!"), eve)), want: ids1("repeat-after-5xx")},

		{name: "neither Message-ID nor Date", lines: said(deliver(changed(idLine, "", dateLine, ""), bob), deliver(changed(idLine, "", dateLine, ""), bob)), want: ids1("header-message-id-missing", "header-missing-date")},
		{name: "no Message-ID, another Date", lines: said(deliver(changed(idLine, ""), bob), deliver(changed(idLine, "", "00:00:00", "00:05:00"), bob)), want: ids1("header-message-id-missing")},
		{name: "another Message-ID", lines: said(deliver(text("Hi!"), bob), deliver(changed("<1@", "<2@"), bob))},
		{name: "another recipient", lines: said(deliver(text("Hi!"), bob), deliver(text("Hi!"), eve))},
		{name: "resent on purpose", lines: said(deliver(text("Hi!"), bob), deliver("Resent-From: ann@client.test\r\nResent-Date: Sat, 01 Jan 2000 00:00:00 +0000\r\n"+text("Hi!"), bob))},
		{name: "a copy by a mailing list", lines: said(deliver(text("Hi!"), bob), hi, "MAIL FROM:<list-bounces@client.test>", to, "DATA", text("Hi!"), ".")},
		{name: "the 250 was lost", script: []smtptest.Rule{{On: ".", Times: 1, Keep: true, Reply: smtptest.NoReply, Then: smtptest.Close}}, lines: said(hi, mail("Hi!"), "<close", "<again", deliver(text("Hi!"), bob))},
		{name: "the client had given up before the 250", script: []smtptest.Rule{{On: ".", Times: 1, Delay: time.Minute}}, lines: said(hi, mail("Hi!"), "+QUIT\r\n", "~2m", "<again", deliver(text("Hi!"), bob))},
		{name: "greylisted", script: refuseOnce("RCPT", "450 4.7.1 later"), lines: said(hi, from, to, "QUIT", "<again", deliver(text("Hi!"), bob))},
		{name: "delayed at the end", script: refuseOnce(".", "451 4.3.0 later"), lines: said(deliver(text("Hi!"), bob), deliver(text("Hi!"), bob))},

		{name: "MAIL refused for good", script: refuse("MAIL", "550 5.7.1 no"), lines: said(plainMail(from), plainMail(from)), want: ids1("repeat-after-5xx")},
		{name: "RCPT refused for good", script: refuse("RCPT", "550 5.1.1 no"), lines: said(plainMail(from, to), plainMail(from, to)), want: ids1("repeat-after-5xx")},
		{name: "RCPT refused for good in a group", script: refuse("RCPT", "550 5.1.1 no"), lines: said(hi, "+"+from+"\r\n"+to+"\r\nDATA\r\n", "QUIT", "<again", plainMail(from, to)), want: ids1("repeat-after-5xx")},
		{name: "the second RCPT refused for good", script: refuse("RCPT TO:<eve@*>", "550 5.1.1 no"), lines: said(plainMail(from, to, "RCPT TO:<eve@test.example>"), plainMail(from, to, "RCPT TO:<eve@test.example>")), want: ids1("repeat-after-5xx")},
		{name: "DATA refused for good", script: refuse("DATA", "554 5.7.1 no"), lines: said(plainMail(from, to, "DATA"), plainMail(from, to, "DATA")), want: ids1("repeat-after-5xx")},
		{name: "refused for good, and closed", script: refuse("RCPT", "550 5.1.1 no"), lines: said(hi, from, to, "<close", "<again", plainMail(from, to)), want: ids1("quit-missing", "repeat-after-5xx")},
		{name: "content refused for good", script: refuse(".", "550 5.7.1 no"), lines: said(deliver(text("Hi!"), bob), deliver(text("Hi!"), bob)), want: ids1("repeat-after-5xx")},
		{name: "content refused for good before its end", script: refuse("BODY 200", "552 5.3.4 too big"), lines: said(hi, from, to, "DATA", "+"+text(xs(100)), "<close", "<again", hi, from, to, "DATA", "+"+text(xs(100)), "<close"), want: ids1("repeat-after-5xx")},
		{name: "another content before its end", script: refuse("BODY 200", "552 5.3.4 too big"), lines: said(hi, from, to, "DATA", "+"+text(xs(100)), "<close", "<again", hi, from, to, "DATA", "+"+strings.Replace(text(xs(100)), "<1@", "<2@", 1), "<close")},
		{name: "content refused for good, in one session", script: refuse(".", "550 5.7.1 no"), lines: said(hi, mail("Hi!"), mail("Hi!")), want: ids1("repeat-after-5xx")},
		{name: "content refused for good, another transaction between", script: refuseOnce(".", "550 5.7.1 no"), lines: said(deliver(text("Hi!"), bob), deliver(changed("<1@", "<2@", "Hi!", "Ho!"), eve), deliver(text("Hi!"), bob)), want: ids1("repeat-after-5xx")},

		{name: "another session between", script: refuse("RCPT TO:<bob@*>", "550 5.1.1 no"), lines: said(plainMail(from, to), plainMail(from, "RCPT TO:<eve@test.example>"), plainMail(from, to))},
		{name: "another HELO name", script: refuse("RCPT", "550 5.1.1 no"), lines: said(plainMail(from, to), "EHLO other.test", from, to)},
		{name: "a message to a refused recipient in the same session", script: refuse("RCPT", "550 5.1.1 no"), lines: said(hi, from, to, "RSET", from, to)},
		{name: "another size", script: refuse("RCPT", "550 5.1.1 no"), lines: said(plainMail(from+" SIZE=100", to), plainMail(from+" SIZE=200", to))},
		{name: "another message after a refusal of content", script: refuse(".", "550 5.7.1 no"), lines: said(deliver(text("Hi!"), bob), deliver(changed("<1@", "<2@"), bob))},
		{name: "a content that was changed", script: refuse(".", "550 5.6.0 no"), lines: said(deliver(text("Hi!"), bob), deliver(changed("Hi!", "Ho!"), bob)), want: ids1("header-message-id-reused")},
		{name: "content without Message-ID and Date refused", script: refuse(".", "550 5.7.1 no"), lines: said(deliver(changed(idLine, "", dateLine, ""), bob), deliver(changed(idLine, "", dateLine, ""), bob)), want: ids1("header-message-id-missing", "header-missing-date")},
		{name: "too many recipients", script: refuseOnce("RCPT TO:<eve@*>", "552 5.5.3 too many"), lines: said(plainMail(from, to, "RCPT TO:<eve@test.example>"), plainMail(from, to, "RCPT TO:<eve@test.example>"))},
		{name: "authenticated after a 530", setup: secure, script: refuseOnce("MAIL", "530 5.7.0 authentication required"), lines: said(tlsHi, from, "QUIT", "<again", tlsHi, plain, from)},
		{name: "over TLS after a 530", setup: withTLS, script: refuseOnce("MAIL", "530 5.7.0 STARTTLS first"), lines: said(hi, from, "QUIT", "<again", tlsHi, from), want: ids1("starttls-ignored")},
		{name: "fewer recipients after a refusal of all", script: refuseOnce(".", "550 5.7.1 one of them"), lines: said(deliver(text("Hi!"), bob, eve), deliver(text("Hi!"), bob))},
		{name: "the client had given up before the refusal", script: []smtptest.Rule{{On: "RCPT", Times: 1, Delay: time.Minute, Reply: "550 5.1.1 no"}}, lines: said(hi, from, to, "<close", "<again", plainMail(from, to))},

		{name: "credentials in a new session", setup: secure, lines: said(tlsHi, wrong, "QUIT", "<again", tlsHi, wrong), want: ids1("auth-same-credentials")},
		{name: "PLAIN in two forms", setup: secure, lines: said(tlsHi, wrong, "AUTH plain", b64("\x00ann\x00wrong")), want: ids1("auth-same-credentials")},
		{name: "PLAIN in two forms and sessions", setup: secure, lines: said(tlsHi, "AUTH PLAIN", b64("\x00ann\x00wrong"), "QUIT", "<again", tlsHi, wrong), want: ids1("auth-same-credentials")},
		{name: "LOGIN in two forms", setup: secure, lines: said(tlsHi, "AUTH LOGIN", b64("ann"), b64("x"), "AUTH LOGIN "+b64("ann"), b64("x")), want: ids1("auth-same-credentials")},
		{name: "credentials again after the connection was closed", setup: secure, lines: said(tlsHi, wrong, "<close", "<again", tlsHi, wrong), want: ids1("auth-same-credentials", "quit-missing")},
		{name: "other credentials", setup: secure, lines: said(tlsHi, wrong, "QUIT", "<again", tlsHi, plain, from)},
		{name: "credentials again after 454", setup: secure, script: refuseOnce("AUTH", "454 4.7.0 later"), lines: said(tlsHi, wrong, "QUIT", "<again", tlsHi, wrong)},
		{name: "credentials of another client", setup: secure, lines: said(tlsHi, wrong, "QUIT", "<again", "EHLO other.test", "STARTTLS", "<tls", "EHLO other.test", wrong)},
		{name: "the user name of two passwords", setup: secure, lines: said(tlsHi, "AUTH LOGIN", b64("ann"), b64("x"), "AUTH LOGIN", b64("ann"), b64("y"))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lines := tt.lines
			if lines[len(lines)-1] == "<again" {
				lines = lines[:len(lines)-1]
			}
			found := findings(t, row{setup: tt.setup, script: tt.script}, lines)
			if diff := cmp.Diff(append([]string{}, tt.want...), ids(found)); diff != "" {
				t.Errorf("Check() mismatch (-want +got):\n%s\n%v", diff, found)
			}
		})
	}
}

func lmtp(content string, recipients ...string) []string {
	lines := deliver(content, recipients...)
	lines[0] = "LHLO client.test"
	return lines
}

// lmtpOnce delays or refuses eve in the first message.
func lmtpOnce(reply smtptest.Reply) func(*smtptest.Server) {
	return func(srv *smtptest.Server) {
		srv.LMTP = true
		srv.Handler = &onceRefused{reply: reply}
	}
}

type onceRefused struct{ reply smtptest.Reply }

func (h *onceRefused) ProcessMessage(context.Context, smtptest.Message) smtptest.Reply { return "" }

func (h *onceRefused) ProcessRecipients(_ context.Context, m smtptest.Message) []smtptest.Reply {
	replies := make([]smtptest.Reply, len(m.To))
	for i, to := range m.To {
		if to == eve {
			replies[i], h.reply = h.reply, ""
		}
	}
	return replies
}
