package lint_test

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/lint"
	"github.com/google/go-cmp/cmp"
)

// TestVariants is more of what the rules must find: other forms of one fault.
func TestVariants(t *testing.T) {
	for _, tt := range []struct {
		name   string
		setup  func(*smtptest.Server)
		script []smtptest.Rule
		tls    func(*tls.Config)
		lines  []string
		want   []string
	}{
		{name: "a refused AUTH is taken back", setup: withUsers, lines: said(hi, "AUTH PLAIN AGEAYg==", "*"), want: ids1("auth-cleartext")},
		{name: "a refused AUTH LOGIN is taken back", setup: withUsers, lines: said(hi, "AUTH LOGIN", "YQ==", "Yg==", "*"), want: ids1("auth-cleartext")},
		{name: "an AUTH that was accepted is not", setup: withUsers, lines: said(hi, "AUTH PLAIN AGFubgBzZWNyZXQ=", "*"), want: ids1("auth-cleartext", "command-unknown")},
		{name: "RCPT before MAIL", lines: said(hi, to), want: ids1("bad-sequence")},
		{name: "DATA before MAIL", lines: said(hi, "DATA"), want: ids1("bad-sequence")},
		{name: "DATA before RCPT", lines: said(hi, from, "DATA"), want: ids1("bad-sequence")},
		{name: "BDAT before RCPT", lines: said(hi, from, "+BDAT 1 LAST\r\na"), want: ids1("bad-sequence")},
		{name: "BDAT after LAST", lines: said(bdat(text("Hi!")+"\r\n"), "+BDAT 1\r\na"), want: ids1("bad-sequence")},
		{name: "RCPT behind BDAT", lines: said(hi, from, to, "+BDAT 1\r\na", to), want: ids1("bad-sequence", "recipient-duplicate")},
		{name: "DATA behind BDAT", lines: said(hi, from, to, "+BDAT 1\r\na", "DATA"), want: ids1("bad-sequence")},
		{name: "RCPT after a refused BDAT", setup: limited, lines: said(hi, from, to, "+BDAT 5\r\nabcde", "NOOP", "RCPT TO:<eve@test.example>"), want: ids1("bad-sequence")},
		{name: "STARTTLS in a transaction", setup: withTLS, lines: said(hi, from, "STARTTLS"), want: ids1("bad-sequence", "starttls-ignored")},
		{name: "commands after a 554 greeting", script: []smtptest.Rule{{On: "CONNECT", Reply: "554 no mail here"}}, lines: said(hi, from), want: ids1("bad-sequence")},
		{name: "MAIL after a refused EHLO", lines: said("EHLO a_b", from), want: ids1("hello-name-invalid", "mail-without-hello")},
		{name: "MAIL first after STARTTLS", setup: withTLS, lines: said(hi, "STARTTLS", "<tls", from), want: ids1("ehlo-missing-after-starttls")},
		{name: "HELO after STARTTLS", setup: withTLS, lines: said(hi, "STARTTLS", "<tls", "HELO client.test"), want: ids1("ehlo-missing-after-starttls")},
		{name: "SIZE of before STARTTLS", setup: withTLS, lines: said(hi, "STARTTLS", "<tls", "HELO client.test", from+" SIZE=1"), want: ids1("ehlo-missing-after-starttls", "param-not-offered")},
		{name: "AUTH after HELO", setup: withUsers, lines: said("HELO client.test", plain), want: ids1("auth-cleartext", "command-not-offered", "helo-not-ehlo")},
		{name: "pipelined before any EHLO", lines: said("+NOOP\r\nNOOP\r\n"), want: ids1("pipelining-not-offered")},
		{name: "commands behind EHLO", lines: said(hi, "+"+hi+"\r\n"+from+"\r\n"), want: ids1("pipelining-past-sync")},
		{name: "commands behind a refused STARTTLS", setup: withTLS, script: []smtptest.Rule{{On: "STARTTLS", Reply: "454 4.7.0 no"}}, lines: said(hi, "+STARTTLS\r\nNOOP\r\n"), want: ids1("starttls-pipelined")},
		{name: "responses behind AUTH", setup: withUsers, lines: said(hi, "+AUTH PLAIN\r\n"+b64("\x00ann\x00secret")+"\r\n"), want: ids1("auth-cleartext", "auth-pipelined")},
		{name: "content after 354 to nobody", script: []smtptest.Rule{{On: "DATA", Reply: "554 5.5.1 no"}}, lines: said(hi, from, to, "DATA", "."), want: ids1("data-after-refusal")},
		{name: "QUIT with argument", lines: said(hi, "QUIT now"), want: ids1("argument-unexpected")},
		{name: "STARTTLS with argument", setup: withTLS, lines: said(hi, "STARTTLS now"), want: ids1("argument-unexpected")},
		{name: "closed within a chunk", lines: said(hi, from, to, "+BDAT 9\r\nabc", "<close"), want: ids1("connection-abandoned-in-data")},
		{name: "closed within a chunk with dots", lines: said(hi, from, to, "+BDAT 99\r\n.a\r\n.b\r\n.\n", "<close"), want: ids1("connection-abandoned-in-data", "data-bare-lf", "data-eod-lookalike")},
		{name: "closed between chunks", lines: said(hi, from, to, "+BDAT 3\r\nabc", "<close"), want: ids1("connection-abandoned-in-data")},
		{name: "closed within AUTH", setup: withUsers, lines: said(hi, "AUTH LOGIN", "<close"), want: ids1("connection-abandoned-in-data")},
		{name: "bare LF only", lines: said("+EHLO client.test\n", "<close"), want: ids1("command-bare-lf", "quit-missing")},
		{name: "content of bare LF only", lines: said(hi, from, to, "+DATA\r\n", "+"+strings.ReplaceAll(text("Hi!", "."), "\r\n", "\n")+"\n", "<close"), want: ids1("connection-abandoned-in-data", "data-bare-lf", "data-eod-lookalike")},
		{name: "empty line behind QUIT", lines: said(hi, "+QUIT\r\n\r\n"), want: ids1("command-after-quit")},
		{name: "TAB", lines: said(hi, "NOOP\tx"), want: ids1("command-control-char")},
		{name: "empty hello", lines: said("EHLO"), want: ids1("hello-name-invalid")},
		{name: "bare IPv6", lines: said("EHLO ::1"), want: ids1("hello-name-bare-ip")},
		{name: "space before the colon", lines: said(hi, "MAIL FROM :<ann@client.test>"), want: ids1("path-space")},
		{name: "no FROM:", lines: said(hi, "MAIL <ann@client.test>"), want: ids1("path-invalid")},
		{name: "empty forward-path", lines: said(hi, from, "RCPT TO:<>"), want: ids1("path-invalid")},
		{name: "bad domain", lines: said(hi, "MAIL FROM:<ann@-client.test>"), want: ids1("path-invalid")},
		{name: "not closed", lines: said(hi, "MAIL FROM:<ann@client.test"), want: ids1("path-invalid")},
		{name: "parameter behind the bracket", lines: said(hi, "MAIL FROM:<ann@client.test>SIZE=1"), want: ids1("path-invalid")},
		{name: "parameter after HELO", lines: said("HELO client.test", from+" SIZE=1"), want: ids1("helo-not-ehlo", "param-not-offered")},
		{name: "unknown parameter", lines: said(hi, from+" FOO=1"), want: ids1("param-not-offered")},
		{name: "parameter of the other command", lines: said(hi, from+" NOTIFY=NEVER"), want: ids1("param-not-offered")},
		{name: "BINARYMIME not offered", setup: without("BINARYMIME"), lines: said(hi, from+" BODY=BINARYMIME"), want: ids1("param-not-offered")},
		{name: "bad BODY", lines: said(hi, from+" BODY=9BIT"), want: ids1("param-syntax")},
		{name: "SMTPUTF8 with a value", lines: said(hi, from+" SMTPUTF8=yes"), want: ids1("param-syntax")},
		{name: "no keyword", lines: said(hi, from+" =1"), want: ids1("param-syntax")},
		{name: "bad RET", lines: said(hi, from+" RET=ALL"), want: ids1("dsn-invalid")},
		{name: "bad ENVID", lines: said(hi, from+" ENVID=a+b"), want: ids1("dsn-invalid")},
		{name: "bad ORCPT", lines: said(hi, from, to+" ORCPT=bob@test.example"), want: ids1("dsn-invalid")},
		{name: "content over the limit", setup: func(srv *smtptest.Server) { srv.SizeLimit = 1000 }, lines: said(hi, mail(lines(1000)...)), want: ids1("size-over-limit")},
		{name: "no new version", setup: withTLS, tls: func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, lines: said(hi, "STARTTLS", "<tls"), want: ids1("tls-version-old")},
		{name: "certificate for another name", setup: withCertificate(year2000.AddDate(1, 0, 0)), tls: func(c *tls.Config) { c.ServerName, c.InsecureSkipVerify = "other.test", true }, lines: said(hi, "STARTTLS", "<tls", hi), want: ids1("tls-untrusted-accepted")},
		{name: "LOGIN in clear", setup: withUsers, lines: said(hi, "AUTH LOGIN", b64("ann"), b64("secret")), want: ids1("auth-cleartext")},
		{name: "CRAM-MD5 with upper-case digest", setup: secure, lines: said(tlsHi, "AUTH CRAM-MD5", b64("ann "+strings.Repeat("A", 32))), want: ids1("auth-malformed-message")},
		{name: "LOGIN again", setup: secure, lines: said(tlsHi, "AUTH LOGIN", b64("ann"), b64("x"), "AUTH LOGIN", b64("ann"), b64("x")), want: ids1("auth-same-credentials")},
		{name: "chunks with doubled dots", lines: bdat(text("..", "a") + "\r\n"), want: ids1("data-possibly-overstuffed")},
		{name: "header of a message that was refused", script: []smtptest.Rule{{On: ".", Reply: "554 5.6.0 no"}}, lines: said(hi, from, to, "DATA", "Subject: Hi\r\n\r\nHi!", "."),
			want: ids1("header-message-id-missing", "header-missing-date", "header-missing-from", "header-no-destination")},
		{name: "header of a message with SMTPUTF8", lines: said(hi, from+" SMTPUTF8", to, "DATA", "X-Name: J\xf6rg\r\n"+text("Hi!"), "."), want: ids1("header-bad-utf8")},
		{name: "hidden recipient", lines: said(hi, from, to, "RCPT TO:<eve@test.example>", "DATA", "X-To: eve@test.example\r\n"+text("Hi!"), "."), want: ids1("header-rcpt-disclosed")},
		{name: "chunks of nothing", lines: said(hi, from, to, "BDAT 0 LAST"), want: ids1("data-empty")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found := findings(t, row{setup: tt.setup, script: tt.script, tls: tt.tls}, tt.lines)
			if diff := cmp.Diff(tt.want, ids(found)); diff != "" {
				t.Errorf("Check() mismatch (-want +got):\n%s\n%v", diff, found)
			}
		})
	}
}

func ids1(ids ...string) []string { return slices.Sorted(slices.Values(ids)) }

// TestLookalikes sends each sequence that some server takes for the end of
// content; a client that doubles its dots sends none.
func TestLookalikes(t *testing.T) {
	for _, seq := range []string{"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\n", "\n.\r", "\r\n.\r", "\r.\r\n", "\r\n.\r\r\n", "\r\r\n.\r\r\n",
		"\n\r.\n\r", "\n\n.\n\n", "\r\r.\r\r", "\r\n\x00.\r\n", "\r\n.\x00\r\n", "\r\x00\n.\r\n", "\r\n.\r\x00\n", "\r\n. \r\n", "\r\n.\t\r\n",
		"\v.\v", "\f.\f", "\u0085.\u0085", "\u2028.\u2028", "\r\n\uff0e\r\n"} {
		found := findings(t, row{}, said(hi, from+" BODY=8BITMIME", to, "DATA", text("a"+seq+"b"), "."))
		i := slices.IndexFunc(found, func(f lint.Finding) bool { return f.ID == "data-eod-lookalike" })
		if i < 0 {
			t.Errorf("%q: not found; %v", seq, found)
			continue
		}
		if want := len(text("a")); found[i].Offset < want-1 || found[i].Offset > want+1 {
			t.Errorf("%q: offset %d, want about %d", seq, found[i].Offset, want)
		}
	}
}

// TestInnocent plays what clients do and may do: nothing is found.
func TestInnocent(t *testing.T) {
	for _, tt := range []struct {
		name, why string
		setup     func(*smtptest.Server)
		script    []smtptest.Rule
		lines     []string
	}{
		{name: "one group", why: "RFC 2920 3.1: DATA is the last", lines: said(hi, "+"+from+"\r\n"+to+"\r\nDATA\r\n", "+"+text("Hi!")+"\r\n.\r\nQUIT\r\n")},
		{name: "content and the next transaction", why: "RFC 2920 3.1: content may be the first of a group",
			lines: said(hi, "+"+from+"\r\n"+to+"\r\nDATA\r\n", "+"+text("Hi!")+"\r\n.\r\nRSET\r\n"+from+"\r\n"+to+"\r\nDATA\r\n", text("Hi!"), ".")},
		{name: "group with refused MAIL", why: "the replies were not known", script: []smtptest.Rule{{On: "MAIL", Times: 1, Reply: "550 5.1.0 no"}},
			lines: said(hi, "+"+from+"\r\n"+to+"\r\nDATA\r\n", "RSET", mail("Hi!"))},
		{name: "group with refused RCPT", why: "the replies were not known", script: []smtptest.Rule{{On: "RCPT", Times: 1, Reply: "550 5.1.1 no"}},
			lines: said(hi, "+"+from+"\r\n"+to+"\r\nDATA\r\n", "RSET", mail("Hi!"))},
		{name: "one of two recipients refused", why: "partial success", script: []smtptest.Rule{{On: "RCPT", Times: 1, Reply: "550 5.1.1 no"}}, lines: said(hi, from, to, "RCPT TO:<eve@test.example>", "DATA", text("Hi!"), ".")},
		{name: "greylisted", why: "RFC 5321 4.2.1: 4yz may be tried again", script: []smtptest.Rule{{On: "RCPT", Times: 1, Reply: "450 4.2.1 later"}}, lines: said(hi, from, to, "RSET", mail("Hi!"))},
		{name: "DATA again with a recipient", why: "the state is another", script: []smtptest.Rule{{On: "RCPT", Times: 1, Reply: "550 5.1.1 no"}}, lines: said(hi, "+"+from+"\r\n"+to+"\r\nDATA\r\n", "RCPT TO:<eve@test.example>", "DATA", text("Hi!"), ".")},
		{name: "group with refused RSET", why: "the reply was not known", script: []smtptest.Rule{{On: "RSET", Reply: "451 4.3.0 no"}}, lines: said(hi, from, "+RSET\r\n"+from+"\r\n")},
		{name: "chunks behind a refused one", why: "the replies were not known", setup: limited, lines: said(hi, from, to, "+BDAT 5\r\nabcdeBDAT 1\r\naBDAT 0 LAST\r\n", "RSET")},
		{name: "421", why: "the server closes", script: []smtptest.Rule{{On: "MAIL", Reply: "421 4.3.2 down"}}, lines: said(hi, from)},
		{name: "421 as octets", why: "to leave is right", script: []smtptest.Rule{{On: "MAIL", Raw: "421 4.3.2 down\r\n"}}, lines: said(hi, from, "<close")},
		{name: "half-closed by the server", why: "it ended first", script: []smtptest.Rule{{On: "MAIL", Then: smtptest.HalfClose}}, lines: said(hi, from, "<close")},
		{name: "reset by the server", why: "it ended first", script: []smtptest.Rule{{On: "MAIL", Then: smtptest.Reset}}, lines: said(hi, from, "<close")},
		{name: "no reply to the dot", why: "to leave is all that is left", script: []smtptest.Rule{{On: ".", Keep: true, Reply: smtptest.NoReply}}, lines: said(hi, mail("Hi!"), "~11m", "<close")},
		{name: "octets for a reply", why: "it may leave without QUIT", script: []smtptest.Rule{{On: "MAIL", Raw: "25 short\r\n"}}, lines: said(hi, from, "<close")},
		{name: "half a refusal", why: "it got no reply", script: []smtptest.Rule{{On: "MAIL", Raw: "550 5.1.0 no"}}, lines: said(hi, from, "~1m", "NOOP", from)},
		{name: "half a 354", why: "it got no reply to DATA", script: []smtptest.Rule{{On: "DATA", Raw: "354-half\r\n35"}}, lines: said(hi, from, to, "DATA", "~11m", "<close")},
		{name: "chunk refused by its content", why: "to leave is right", script: []smtptest.Rule{{On: "BODY 3", Reply: "552 5.3.4 too big"}}, lines: said(hi, from, to, "+BDAT 900\r\nabcdef", "<close")},
		{name: "content refused before its end", why: "to leave is right", script: []smtptest.Rule{{On: "BODY 3", Reply: "552 5.3.4 too big"}}, lines: said(hi, from, to, "DATA", "abcdef", "<close")},
		{name: "slow reply", why: "RFC 5321 4.5.3.2", script: []smtptest.Rule{{On: "*", Delay: 30 * time.Second}}, lines: said("~31s", hi, "~31s", from, "~31s", "QUIT", "~31s")},
		{name: "QUIT before a slow 354", why: "it gave up, and took the 354 for the reply to QUIT", script: []smtptest.Rule{{On: "DATA", Delay: time.Minute}},
			lines: said(hi, from, to, "DATA", "~30s", "+QUIT\r\n", "~40s", "<close")},
		{name: "LMTP", why: "RFC 2033", setup: func(srv *smtptest.Server) { srv.LMTP = true }, lines: said("LHLO client.test", from, to, "RCPT TO:<eve@test.example>", "DATA", text("Hi!"), ".")},
		{name: "own parameter", why: "Server.Parameters", setup: func(srv *smtptest.Server) { srv.Parameters = map[string]func(string) error{"FOO": nil} }, lines: said(hi, from+" FOO=1")},
		{name: "own verb", why: "Server.Commands", lines: said(hi, "FOO"), setup: func(srv *smtptest.Server) {
			srv.Commands = map[string]smtptest.CommandFunc{"FOO": func(*smtptest.Channel, string) smtptest.Reply { return "550 not today" }}
		}},
		{name: "own verb that asks", why: "Channel.Ask: the answer is no command", lines: said(hi, "FOO", "bar"), setup: func(srv *smtptest.Server) {
			srv.Commands = map[string]smtptest.CommandFunc{"FOO": func(ch *smtptest.Channel, _ string) smtptest.Reply { ch.Ask("334 what?"); return "250 OK" }}
		}},
		{name: "AUTH tried by two mechanisms", why: "as smtplib does", setup: secure, lines: said(tlsHi, "AUTH LOGIN", b64("ann"), b64("wrong"), plain, from)},
		{name: "masked commands that differ", why: "only what is masked tells them apart", setup: secure, lines: said(tlsHi, "AUTH PLAIN", "*", "EXPN staff", "EXPN others")},
		{name: "a masked argument", why: "it may be valid", setup: secure, lines: said(tlsHi, "AUTH PLAIN", "*", "MAIL FROM:<ann@client.test> SOLICIT=org.example:ADV")},
		{name: "AUTH with a challenge that is masked", why: "it is base64", setup: secure, lines: said(tlsHi, "AUTH CRAM-MD5", b64("ann "+strings.Repeat("a", 32)))},
		{name: "AUTH before the EHLO of STARTTLS", why: "STARTTLS forgets it", setup: secure, lines: said(tlsHi, plain, hi, from)},
		{name: "EHLO again", why: "as git send-email does", setup: withTLS, lines: said(hi, "STARTTLS", "<tls", hi, hi, from)},
		{name: "refused STARTTLS", why: "454", setup: withTLS, script: []smtptest.Rule{{On: "STARTTLS", Reply: "454 4.7.0 no"}}, lines: said(hi, "STARTTLS", from)},
		{name: "8-bit header with SMTPUTF8", why: "RFC 6531 3.2", lines: said(hi, from+" SMTPUTF8", to, "DATA", "X-Name: J\u00f6rg\r\n"+text("Hi!"), ".")},
		{name: "dots in chunks", why: "RFC 3030 2: none is doubled", lines: bdat(text(".", ". ", ".a") + "\r\n")},
		{name: "a path that looks doubled", why: "it is not", lines: said(hi, mail(".../lib", "....", "x"))},
		{name: "report", why: "RFC 5321 4.5.5", lines: said(hi, "MAIL FROM:<>", to, "DATA", header+"MIME-Version: 1.0\r\nContent-Type:\r\n multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nIt bounced.\r\n--b--", ".")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if found := findings(t, row{setup: tt.setup, script: tt.script}, tt.lines); found != nil {
				t.Errorf("%s\nCheck() = %v, want nothing", tt.why, found)
			}
		})
	}
}

// TestOpenSession judges a session that goes on.
func TestOpenSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewInMemoryServer(t)
		c := client{t: t, srv: srv}
		c.dial()
		c.say("EHLO 127.0.0.1\r\n")
		if diff := cmp.Diff(ids1("hello-name-bare-ip"), ids(lint.Check(srv.Sessions()))); diff != "" {
			t.Errorf("Check() mismatch (-want +got):\n%s", diff)
		}
		c.finish()
	})
}

// TestFinding holds the places and octets of findings, and their order.
func TestFinding(t *testing.T) {
	found := findings(t, row{}, said(hi, "*", mail("a\nb", ".c"), "<close"))
	start := len(text("")) // of the body
	want := []lint.Finding{
		{ID: "command-unknown", Level: lint.Warning, RFC: "RFC 5321 4.2.4", Session: 1, Exchange: 3, Offset: -1, Octets: "*", Detail: "a line is no command"},
		{ID: "data-bare-lf", Level: lint.Error, RFC: "RFC 5321 2.3.8", Session: 1, Exchange: 7, Transaction: 1, Offset: start, Octets: "a\nb", Detail: "LF without CR"},
		{ID: "data-dot-not-stuffed", Level: lint.Error, RFC: "RFC 5321 4.5.2", Session: 1, Exchange: 7, Transaction: 1, Offset: start + 5, Octets: "c", Detail: "a dot at the start of a line that was not doubled"},
		{ID: "quit-missing", Level: lint.Error, RFC: "RFC 5321 4.1.1.10", Session: 1, Exchange: 7, Transaction: 1, Offset: -1, Detail: "the connection was closed without QUIT"},
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("Check() mismatch (-want +got):\n%s", diff)
	}
	if got, want := found[1].String(), `session 1, transaction 1: data-bare-lf (error, RFC 5321 2.3.8): LF without CR at octet `+fmt.Sprint(start)+`: "a\nb"`; got != want {
		t.Errorf("String() = %s, want %s", got, want)
	}
}
