package relay_test

import (
	"crypto/tls"
	"net/smtp"
	"testing"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

// TestRelayLMTP hands messages on to an LMTP server, which answers for each
// recipient (RFC 2033 4.2).
func TestRelayLMTP(t *testing.T) {
	three := play.Talk(play.SayMail, rcptTo("b@server.test", "c@server.test", "d@server.test"))
	rows := []relayRow{
		{name: "one", reply: play.OK, took: []string{"b@server.test"}},
		{name: "three", say: three, reply: play.OK, took: []string{"b@server.test", "c@server.test", "d@server.test"}},
		{name: "empty", data: "\r\n", reply: play.OK, took: []string{"b@server.test"}},
		{name: "x-peer", data: "A: b\r\n\r\n", change: addsPeer, reply: play.OK, took: []string{"b@server.test"}, got: "A: b\r\nX-Peer: 127.0.0.1\r\n\r\n"},
		{name: "no ehlo", why: "RFC 2033 4.1: an LMTP server answers 500 to it", upstream: func(u *smtptest.Server) { u.LMTP = false },
			reply: relayFails + `it answers 500 5.5.2 Error: command "LHLO" not recognized`},
		{name: "refused at the dot", say: three, rules: always(". <c@server.test>", "452 4.2.2 full"), took: []string{"b@server.test", "d@server.test"},
			reply: "452 4.2.2 full: <c@server.test>", finals: []smtptest.Reply{play.OK, "452 4.2.2 full", play.OK}},
		{name: "refused at rcpt", why: "the answers are those of the recipients that were accepted", say: three, took: []string{"b@server.test"},
			rules: append(always("RCPT TO:<c@server.test>", "550 5.1.1 no"), always(". <d@server.test>", "552 5.2.2 full")...),
			reply: "550 5.1.1 no: <c@server.test>, <d@server.test>", finals: []smtptest.Reply{play.OK, "550 5.1.1 no", "552 5.2.2 full"}},
		{name: "all refused at rcpt", why: "RFC 2033 4.2: no DATA", say: three, rules: append(always("RCPT", "550 5.1.1 no"), always("DATA", "503 5.5.1 no recipients")...), reply: "550 5.1.1 no"},
		{name: "all refused at the dot", say: three, rules: always(".", "452 4.2.2 full"), reply: "452 4.2.2 full"},
		{name: "breaks off between answers", why: "what was answered stays so", say: three, took: []string{"b@server.test", "c@server.test"},
			rules: []smtptest.Rule{{On: ". <c@server.test>", Reply: smtptest.NoReply, Then: smtptest.Drop, Keep: true}},
			reply: relayFails + "EOF: <c@server.test>, <d@server.test>", finals: []smtptest.Reply{play.OK, relayFails + "EOF", relayFails + "EOF"}},
		{name: "leaves between answers", why: "RFC 5321 3.8; nobody was told about the last", say: three, took: []string{"b@server.test"}, rules: always(". <c@server.test>", "421 4.3.2 bye"),
			reply:  relayFails + "it answers 421 4.3.2 bye: <c@server.test>, <d@server.test>",
			finals: []smtptest.Reply{play.OK, relayFails + "it answers 421 4.3.2 bye", relayFails + "it answers 421 4.3.2 bye"}},
		{name: "hangs between answers", why: "nobody was told about the last", say: three, after: 30 * time.Second, took: []string{"b@server.test"}, rules: []smtptest.Rule{{On: ". <c@server.test>", Delay: smtptest.Forever}},
			reply:  relayFails + "no delivery within 30s: <c@server.test>, <d@server.test>",
			finals: []smtptest.Reply{play.OK, relayFails + "no delivery within 30s", relayFails + "no delivery within 30s"}},
	}
	for i, r := range rows {
		change, upstream := r.change, r.upstream
		rows[i].change = func(relay *smtptest.Relay, srv *smtptest.Server) {
			relay.LMTP = true
			if change != nil {
				change(relay, srv)
			}
		}
		rows[i].upstream = func(srv *smtptest.Server) {
			srv.LMTP = true
			if upstream != nil {
				upstream(srv)
			}
		}
	}
	playRelay(t, rows)
}

// TestRelayLMTPSecure is LMTP with STARTTLS and AUTH: LHLO again under TLS.
func TestRelayLMTPSecure(t *testing.T) {
	upstream := smtptest.NewUnstartedServer(t)
	upstream.LMTP, upstream.TLS, upstream.Users, upstream.RequireAuth = true, &tls.Config{}, map[string]string{"ann": "secret"}, true
	upstream.Start()
	config := upstream.ClientTLSConfig()
	config.ServerName = "" // that of Addr
	srv := smtptest.NewUnstartedServer(t)
	srv.Handler = &smtptest.Relay{Addr: upstream.Addr, LMTP: true, TLS: config, Auth: smtp.PlainAuth("", "ann", "secret", "127.0.0.1")}
	srv.Start()
	if err := play.Deliver(srv, "a@client.test", "text"); err != nil {
		t.Fatal(err)
	}
	if m := upstream.Wait(1)[0]; !m.TLS || m.User != "ann" {
		t.Errorf("TLS = %t, User = %q", m.TLS, m.User)
	}
}
