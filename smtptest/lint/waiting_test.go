package lint_test

import (
	"context"
	"testing"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/lint"
	"github.com/google/go-cmp/cmp"
)

// waitingRows are clients that cannot wait for a reply, because none comes, or
// need not, because another came in its place.
var waitingRows = []struct {
	name   string
	why    string
	setup  func(*smtptest.Server)
	script []smtptest.Rule
	lines  []string
	want   []string
}{
	{name: "commands after a half-close", why: "no reply can come", script: halfClose("EHLO"), lines: said("+"+hi+"\r\n", "+HELO client.test\r\nQUIT\r\n")},
	{name: "commands after a half-close without a reply", why: "no reply can come",
		script: []smtptest.Rule{{On: "EHLO", Times: 1, Reply: smtptest.NoReply, Then: smtptest.HalfClose}}, lines: said(hi, "+HELO client.test\r\nQUIT\r\n")},
	{name: "a transaction after a half-close", why: "no reply can come", setup: without("PIPELINING"), script: halfClose("MAIL"), lines: said(hi, from, "+"+to+"\r\nRSET\r\nQUIT\r\n")},
	{name: "STARTTLS after a half-close", why: "the client got no 220", setup: withTLS, script: halfClose("NOOP"), lines: said(hi, "NOOP", "+STARTTLS\r\nQUIT\r\n")},
	{name: "STARTTLS after a half-close, then QUIT", why: "the client got no 220", setup: withTLS, script: halfClose("NOOP"), lines: said(hi, "NOOP", "STARTTLS", "QUIT")},
	{name: "AUTH after a half-close", why: "no reply can come", setup: withUsers, script: halfClose("NOOP"), lines: said(hi, "NOOP", "+AUTH LOGIN\r\n*\r\nQUIT\r\n")},
	{name: "content after a half-close", why: "no reply can come", script: halfClose("DATA"), lines: said(hi, from, to, "DATA", "+Date: ", "<close")},
	{name: "chunks after a half-close", why: "no reply can come", script: halfClose("BDAT"), lines: said(hi, from, to, "+"+chunk("a\r\n", ""), "<close")},
	{name: "a challenge and a half-close", why: "no reply can come", setup: withUsers, script: halfClose("AUTH"), lines: said(hi, "AUTH LOGIN", "<close")},
	{name: "a close after a half-close", why: "no reply can come", script: halfClose("NOOP"), lines: said(hi, "NOOP", from, "<close")},
	{name: "QUIT and a close after a half-close", why: "no reply can come", script: halfClose("NOOP"), lines: said(hi, "NOOP", "+QUIT\r\n", "<close")},
	{name: "EHLO refused and a half-close", why: "HELO is of no use", script: []smtptest.Rule{{On: "EHLO", Reply: "502 5.5.1 no", Then: smtptest.HalfClose}}, lines: said(hi, "<close")},

	{name: "no greeting", why: "the client gave up waiting", script: []smtptest.Rule{{On: "CONNECT", Delay: time.Minute, Reply: smtptest.NoReply}}, lines: said("QUIT", "~2m")},
	{name: "no reply to NOOP", why: "the client gave up waiting", script: []smtptest.Rule{{On: "NOOP", Delay: time.Minute, Reply: smtptest.NoReply}}, lines: said(hi, "NOOP", "+RSET\r\nQUIT\r\n", "~2m")},
	{name: "no reply to a later EHLO", why: "the first one offered CHUNKING", script: []smtptest.Rule{{On: "EHLO", Skip: 1, Reply: smtptest.NoReply}},
		lines: said(hi, hi, from+" BODY=8BITMIME", to, "+"+chunk(text("Hi!")+"\r\n", " LAST"))},
	{name: "no reply to STARTTLS", why: "the client gave up waiting", setup: withTLS, script: []smtptest.Rule{{On: "STARTTLS", Delay: time.Minute, Reply: smtptest.NoReply}}, lines: said(hi, "STARTTLS", "QUIT", "~2m")},
	{name: "no reply to AUTH", why: "the client gave up waiting", setup: withUsers, script: []smtptest.Rule{{On: "AUTH", Delay: time.Minute, Reply: smtptest.NoReply}}, lines: said(hi, "AUTH LOGIN", "QUIT", "~2m")},
	{name: "no reply to MAIL within a group", why: "the client may take the 550 for that of MAIL",
		script: []smtptest.Rule{{On: "MAIL", Reply: smtptest.NoReply}, {On: "RCPT", Reply: "550 5.1.1 no"}}, lines: said(hi, "+"+from+"\r\n"+to+"\r\n", "NOOP", to)},

	{name: "a late greeting", why: "the client gave up waiting", script: later("CONNECT"), lines: said("QUIT", "~20m")},
	{name: "a late reply", why: "the client gave up waiting", script: later("NOOP"), lines: said(hi, "NOOP", "~6m", "QUIT", "~20m")},
	{name: "a late reply to AUTH", why: "the client gave up waiting", setup: withUsers, script: later("AUTH"), lines: said(hi, "AUTH LOGIN", "~6m", "QUIT", "~20m")},
	{name: "a late reply to STARTTLS", why: "the client gave up waiting", setup: withTLS, script: later("STARTTLS"), lines: said(hi, "STARTTLS", "~6m", "QUIT", "~20m", "<close")},
	{name: "a late reply of a handler", why: "the client gave up waiting", setup: slowHandler, lines: said(hi, mail("Hi!"), "~11m", "QUIT", "~20m")},
	{name: "a reply in slow pieces", why: "the client gave up waiting", script: []smtptest.Rule{{On: "NOOP", Pause: time.Minute}}, lines: said(hi, "NOOP", "QUIT", "~30m")},
	{name: "a reply in slow pieces, and a close", why: "the reply was not whole", script: []smtptest.Rule{{On: "NOOP", Pause: time.Minute}}, lines: said(hi, "NOOP", "~6m", "<close")},

	{name: "a held reply", why: "the client did not get the 550", setup: without("PIPELINING"), script: []smtptest.Rule{{On: "MAIL", Reply: "550 5.1.0 no", Then: smtptest.Hold}}, lines: said(hi, from, to)},
	{name: "a held greeting", why: "the client did not get the 554", script: []smtptest.Rule{{On: "CONNECT", Reply: "554 5.3.2 no", Then: smtptest.Hold}}, lines: said(hi)},
	{name: "a held refusal of DATA", why: "the client did not get the 451", script: []smtptest.Rule{{On: "DATA", Reply: "451 4.3.0 no", Then: smtptest.Hold}}, lines: said(hi, from, to, "DATA", "Subject: Hi"), want: []string{"command-unknown"}},
	{name: "a held refusal of EHLO", why: "the client did not get the 502", script: []smtptest.Rule{{On: "EHLO", Reply: "502 5.5.1 no", Then: smtptest.Hold}}, lines: said(hi, "<close")},
	{name: "a held reply and a close", why: "the client gave up waiting", script: []smtptest.Rule{{On: "NOOP", Then: smtptest.Hold}}, lines: said(hi, "NOOP", "~6m", "<close")},

	{name: "two replies at once", why: "the second is taken for that to RCPT", setup: without("PIPELINING"), script: []smtptest.Rule{{On: "MAIL", Raw: "250 2.1.0 OK\r\n250 2.1.5 OK\r\n"}},
		lines: said(hi, from, "+"+to+"\r\nDATA\r\n", text("Hi!"), ".")},
	{name: "a reply while idle", why: "it is taken for that to MAIL", setup: without("PIPELINING"), script: []smtptest.Rule{{On: "IDLE EHLO", Delay: time.Second, Times: 1, Raw: "250 2.0.0 hello\r\n"}},
		lines: said(hi, "~2s", "+"+from+"\r\n"+to+"\r\n")},
	{name: "half a reply", why: "there is no reply to read", script: []smtptest.Rule{{On: "NOOP", Raw: "250-half\r\n25"}}, lines: said(hi, "NOOP", "+RSET\r\nVRFY x\r\n", "<close")},

	{name: "MAIL behind a pipelined AUTH", why: "the 535 was not known", setup: withUsers, lines: said(hi, "+AUTH PLAIN "+b64("\x00ann\x00wrong")+"\r\n"+from+"\r\n"), want: []string{"auth-cleartext"}},
	{name: "QUIT after a half-close at STARTTLS", why: "there can be no handshake", setup: withTLS, script: halfClose("STARTTLS"), lines: said(hi, "STARTTLS", "QUIT")},
}

func halfClose(on string) []smtptest.Rule {
	return []smtptest.Rule{{On: on, Times: 1, Then: smtptest.HalfClose}}
}

func later(on string) []smtptest.Rule { return []smtptest.Rule{{On: on, Delay: 15 * time.Minute}} }

func slowHandler(srv *smtptest.Server) {
	srv.Extensions = nil
	srv.Handler = smtptest.HandlerFunc(func(context.Context, smtptest.Message) smtptest.Reply {
		time.Sleep(15 * time.Minute)
		return ""
	})
}

// TestWaiting verifies that Check does not blame a client for what it did while
// it got no reply, even by the opt-in rules.
func TestWaiting(t *testing.T) {
	var off []string
	for _, r := range lint.Rules() {
		if r.OptIn && r.ID != "timeout-too-short" && r.ID != "header-date-skewed" {
			off = append(off, r.ID)
		}
	}
	for _, tt := range waitingRows {
		t.Run(tt.name, func(t *testing.T) {
			found := findings(t, row{setup: tt.setup, script: tt.script}, tt.lines, off...)
			if diff := cmp.Diff(append([]string{}, tt.want...), ids(found)); diff != "" {
				t.Errorf("%s\nids mismatch (-want +got):\n%s\n%v", tt.why, diff, found)
			}
		})
	}
}
