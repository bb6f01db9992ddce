package lint_test

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
)

func withTLS(srv *smtptest.Server)   { srv.TLS = &tls.Config{} }
func withUsers(srv *smtptest.Server) { srv.Users = map[string]string{"ann": "secret"} }

// withCertificate serves a certificate for mx.test that ends when it is told.
func withCertificate(end time.Time) func(*smtptest.Server) {
	return func(srv *smtptest.Server) {
		srv.TLS = &tls.Config{Certificates: []tls.Certificate{smtptest.NewCertificate(end, "mx.test")}}
	}
}

func old(srv *smtptest.Server) { srv.TLS = &tls.Config{MinVersion: tls.VersionTLS10} }

func careless(c *tls.Config) { c.ServerName, c.InsecureSkipVerify = "mx.test", true }

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

var plain = "AUTH PLAIN " + b64("\x00ann\x00secret")

func xs(n int) string { return strings.Repeat("x", n) }

// lines are n octets in lines of 70.
func lines(n int) []string {
	var all []string
	for ; n > 0; n -= 72 {
		all = append(all, xs(70))
	}
	return all
}

// size is the size of the shortest text, and so much more.
func size(more int) string { return fmt.Sprint(len(text("Hi!")) + 2 + more) }

func recipients(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("RCPT TO:<bob%d@test.example>", i))
	}
	return all
}

var (
	year2000 = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // when a bubble's clock begins
	year1999 = year2000.AddDate(-1, 0, 0)
)

var tlsRows = []row{
	{id: "starttls-ignored", why: "refused", setup: withTLS, script: []smtptest.Rule{{On: "STARTTLS", Reply: "454 4.7.0 not now", Optional: true}}, bad: said(hi, from), good: said(hi, "STARTTLS", from)},
	{id: "starttls-pipelined", why: "the last of its group", setup: withTLS, bad: said(hi, "+STARTTLS\r\nNOOP\r\n", "<tls", hi), good: said(hi, "STARTTLS", "<tls", hi)},
	{id: "starttls-no-handshake", why: "a handshake that fails", setup: withTLS, bad: said(hi, "STARTTLS", hi), good: said(hi, "STARTTLS", "<tls"), calm: func(c *tls.Config) { c.RootCAs = nil }},
	{id: "starttls-again", why: "once", setup: withTLS, bad: said(hi, "STARTTLS", "<tls", hi, "STARTTLS"), good: said(hi, "STARTTLS", "<tls", hi)},
	{id: "tls-version-old", why: "TLS 1.2", setup: old, tls: func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, calm: func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 },
		bad: said(hi, "STARTTLS", "<tls", hi), good: said(hi, "STARTTLS", "<tls", hi)},
	{id: "tls-no-sni", why: "named", setup: withTLS, tls: func(c *tls.Config) { c.ServerName = "127.0.0.1" }, calm: func(c *tls.Config) {},
		bad: said(hi, "STARTTLS", "<tls", hi), good: said(hi, "STARTTLS", "<tls", hi)},
	{id: "tls-untrusted-accepted", why: "it leaves", setup: withCertificate(year1999), tls: careless, bad: said(hi, "STARTTLS", "<tls", hi), good: said(hi, "STARTTLS", "<tls", "QUIT")},
	{id: "tls-close-without-notify", why: "closed as it should be", setup: withTLS, bad: said(hi, "STARTTLS", "<tls", hi, "<cut"), with: []string{"quit-missing"},
		good: said(hi, "STARTTLS", "<tls", hi, "<close"), has: []string{"quit-missing"}},
}

var authRows = []row{
	{id: "auth-cleartext", why: "no secret was sent", setup: withUsers, bad: said(hi, plain), good: said(hi, "AUTH PLAIN", "*")},
	{id: "auth-mechanism-not-offered", why: "offered", setup: secure, bad: said(tlsHi, "AUTH XOAUTH2"), good: said(tlsHi, "AUTH plain", "*")},
	{id: "auth-ir-not-allowed", why: "the server speaks first", setup: secure, bad: said(tlsHi, "AUTH CRAM-MD5 "+b64("ann 0")), good: said(tlsHi, "AUTH CRAM-MD5", "*")},
	{id: "auth-ir-empty", why: "no initial response", setup: secure, bad: said(tlsHi, "AUTH PLAIN ", "*"), good: said(tlsHi, "AUTH PLAIN", "*")},
	{id: "auth-ir-too-long", why: "short enough", setup: secure, bad: said(tlsHi, "AUTH PLAIN "+b64("\x00ann\x00"+xs(400))), good: said(tlsHi, "AUTH PLAIN "+b64("\x00ann\x00"+xs(300)))},
	{id: "auth-bad-base64", why: "padded", setup: secure, bad: said(tlsHi, "AUTH PLAIN", "AGFubgBzZWNyZXQx"[:15]), good: said(tlsHi, "AUTH PLAIN", b64("\x00ann\x00secret"))},
	{id: "auth-malformed-message", why: "the wrong password is well-formed", setup: secure, bad: said(tlsHi, "AUTH PLAIN "+b64("ann secret")), good: said(tlsHi, "AUTH PLAIN "+b64("\x00ann\x00wrong"))},
	{id: "auth-not-cancelled", why: "cancelled", setup: secure, script: []smtptest.Rule{{On: "AUTH", Reply: "334 not*base64"}}, bad: said(tlsHi, "AUTH CRAM-MD5", ""), with: []string{"auth-malformed-message"},
		good: said(tlsHi, "AUTH CRAM-MD5", "*")},
	{id: "auth-in-transaction", why: "before it", setup: secure, bad: said(tlsHi, from, plain), good: said(tlsHi, plain, from)},
	{id: "auth-twice", why: "the first failed", setup: secure, bad: said(tlsHi, plain, plain), good: said(tlsHi, "AUTH PLAIN "+b64("\x00ann\x00wrong"), plain)},
	{id: "auth-pipelined", why: "one round trip may be within a group (RFC 4954 4)", setup: secure, bad: said(tlsHi, "+AUTH LOGIN "+b64("ann")+"\r\n"+b64("secret")+"\r\n"), good: said(tlsHi, "+"+plain+"\r\n"+from+"\r\n")},
	{id: "auth-same-credentials", why: "454 is no refusal", setup: secure, script: []smtptest.Rule{{On: "AUTH LOGIN *", Times: 1, Reply: "454 4.7.0 later", Optional: true}},
		bad: said(tlsHi, "AUTH PLAIN "+b64("\x00ann\x00wrong"), "AUTH PLAIN "+b64("\x00ann\x00wrong")), good: said(tlsHi, "AUTH LOGIN "+b64("ann"), "AUTH LOGIN "+b64("ann"), b64("wrong"))},
	{id: "auth-fallthrough", why: "the second AUTH succeeded", setup: secure, bad: said(tlsHi, "AUTH PLAIN "+b64("\x00ann\x00wrong"), from), good: said(tlsHi, "AUTH PLAIN "+b64("\x00ann\x00wrong"), plain, from)},
	{id: "auth-scram-downgrade", why: "it could not bind at all", setup: secure, bad: said(tlsHi, "AUTH SCRAM-SHA-256 "+b64("y,,n=ann,r=abc")), good: said(tlsHi, "AUTH SCRAM-SHA-256 "+b64("n,,n=ann,r=abc"), "*")},
}

func secure(srv *smtptest.Server) {
	withTLS(srv)
	withUsers(srv)
}

var tlsHi = []string{hi, "STARTTLS", "<tls", hi}
