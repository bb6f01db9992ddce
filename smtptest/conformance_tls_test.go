package smtptest_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
)

const tlsReady = "220 2.0.0 Ready to start TLS"

// withTLS offers STARTTLS.
func withTLS(srv *smtptest.Server) { srv.TLS = &tls.Config{} }

var sayEhloTLS = append(append([]string{}, sayEhlo[:len(sayEhlo)-1]...), "S: 250-HELP", "S: 250 STARTTLS")

// TestConformanceSTARTTLS is the command itself; see TestTLS for what follows.
func TestConformanceSTARTTLS(t *testing.T) {
	mail := []string{"C: MAIL FROM:<a@client.test>", "S: " + mailOK}
	run(t, []row{
		{name: "before ehlo", why: "RFC 3207 4: after EHLO", setup: withTLS, in: greeted, talk: talk("C: STARTTLS", "S: "+needHelo, sayQuit)},
		{name: "with argument", why: "RFC 3207 4: no parameters, 501", setup: withTLS, in: greeted, talk: talk(sayEhloTLS, "C: STARTTLS now", "S: 501 5.5.4 Syntax: STARTTLS", sayQuit)},
		{name: "in a transaction", why: "RFC 3207 4.2 resets: not in the middle", setup: withTLS, in: greeted,
			talk: talk(sayEhloTLS, mail, "C: STARTTLS", "S: 503 5.5.1 Error: command out of place", "C: RSET", "S: "+ok, sayQuit)},
		{name: "required", why: "RFC 3207 4: 530 to all but NOOP, EHLO, STARTTLS, QUIT", in: greeted,
			setup: func(srv *smtptest.Server) { withTLS(srv); srv.RequireTLS = true },
			talk: talk(sayEhloTLS, "C: MAIL FROM:<a@client.test>", "S: 530 5.7.0 Must issue a STARTTLS command first", "C: NOOP", "S: "+ok,
				"C: VRFY bob", "S: 530 5.7.0 Must issue a STARTTLS command first", sayQuit)},
	})
}

// TestTLS delivers over STARTTLS and over implicit TLS, and reads what was
// recorded of them; in memory the clock is that of a bubble.
func TestTLS(t *testing.T) {
	networks(t, func(t *testing.T, start func(*smtptest.Server)) {
		srv := smtptest.NewUnstartedServer(t)
		srv.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
		start(srv)
		cert := smtptest.NewCertificate(time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC), "client.test")
		config := srv.ClientTLSConfig()
		config.Certificates = []tls.Certificate{cert}
		c := dial(t, srv)
		if err := converse(c, turnsOf(talk("S: "+greeting, sayEhloTLS, "C: STARTTLS", "S: "+tlsReady))); err != nil {
			t.Fatal(err)
		}
		tc := tls.Client(c, config)
		if err := converse(tc, turnsOf(talk(mustHello, sayEhlo, sayMail, sayRcpt, sayData, sayText, sayQuit))); err != nil {
			t.Fatal(err)
		}
		s := srv.WaitSession(func(smtptest.Session) bool { return true })
		if s.TLS == nil || s.TLS.Version != "TLS 1.3" || s.TLS.ServerName != "localhost" || !bytes.Equal(s.TLS.ClientCert, cert.Leaf.Raw) {
			t.Errorf("TLS = %+v", s.TLS)
		}
		if m := srv.Wait(1)[0]; !m.TLS {
			t.Error("the message is not marked TLS")
		}
	})
}

// mustHello shows that the EHLO given in clear is forgotten (RFC 3207 4.2).
var mustHello = []string{"C: MAIL FROM:<a@client.test>", "S: " + needHelo}

func TestImplicitTLS(t *testing.T) {
	srv := smtptest.NewTLSServer(t)
	conn, err := tls.Dial("tcp", srv.Addr, srv.ClientTLSConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := converse(conn, turnsOf(talk("S: "+greeting, sayEhlo, "C: STARTTLS", `S: 500 5.5.2 Error: command "STARTTLS" not recognized`, sayQuit))); err != nil {
		t.Fatal(err)
	}
}

// TestSTARTTLSInjection: nothing that was sent in clear behind STARTTLS, in
// the same write, is ever executed (RFC 3207 6, CVE-2011-0411).
func TestSTARTTLSInjection(t *testing.T) {
	for name, injected := range map[string]string{
		"line":     "RSET\r\n",
		"lines":    "MAIL FROM:<e@evil.test>\r\nRCPT TO:<v@server.test>\r\nDATA\r\n",
		"fragment": "MAIL FROM:<e@evil.test> ",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := smtptest.NewUnstartedServer(t)
				withTLS(srv)
				srv.StartInMemory()
				c := dial(t, srv)
				if err := converse(c, turnsOf(talk("S: "+greeting, sayEhloTLS, "C+ STARTTLS\r\n"+injected, "S: "+tlsReady))); err != nil {
					t.Fatal(err)
				}
				tc := tls.Client(c, srv.ClientTLSConfig())
				if err := converse(tc, turnsOf(talk(mustHello, sayEhlo, sayMail, sayRcpt, sayData, sayText, sayQuit))); err != nil {
					t.Fatal(err)
				}
				s := srv.WaitSession(func(smtptest.Session) bool { return true })
				if strings.Contains(s.Transcript(), "evil") || strings.Contains(s.Transcript(), "RSET") {
					t.Errorf("injected octets were executed:\n%s", s.Transcript())
				}
			})
		})
	}
}

// TestTLSFaults breaks the handshake from both sides.
func TestTLSFaults(t *testing.T) {
	handshake := func(c net.Conn, srv *smtptest.Server, change func(*tls.Config)) error {
		config := srv.ClientTLSConfig()
		if change != nil {
			change(config)
		}
		return tls.Client(c, config).HandshakeContext(context.Background())
	}
	for _, test := range []struct {
		name   string
		tls    *tls.Config
		rule   smtptest.Rule
		change func(*tls.Config)
	}{
		{name: "garbage", rule: smtptest.Rule{On: "TLS", Raw: "500 what?\r\n"}},
		{name: "closed", rule: smtptest.Rule{On: "TLS", Then: smtptest.Close}},
		{name: "old version", tls: &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}},
		{name: "untrusted", change: func(c *tls.Config) { c.RootCAs = x509.NewCertPool() }},
		{name: "other name", change: func(c *tls.Config) { c.ServerName = "other.test" }},
		{name: "expired", tls: &tls.Config{Certificates: []tls.Certificate{smtptest.NewCertificate(time.Unix(1, 0), "localhost")}}},
		{name: "client certificate missing", tls: &tls.Config{ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := smtptest.NewUnstartedServer(t)
				if srv.TLS = test.tls; srv.TLS == nil {
					srv.TLS = &tls.Config{}
				}
				if test.rule.On != "" {
					srv.Script(test.rule)
				}
				srv.StartInMemory()
				c := dial(t, srv)
				if err := converse(c, turnsOf(talk("S: "+greeting, sayEhloTLS, "C: STARTTLS", "S: "+tlsReady))); err != nil {
					t.Fatal(err)
				}
				if err := handshake(c, srv, test.change); err == nil {
					t.Error("the handshake succeeds")
				}
				c.Close()
				s := srv.WaitSession(func(smtptest.Session) bool { return true })
				if s.End != smtptest.EndTLS && test.rule.Then == "" {
					t.Errorf("End = %q", s.End)
				}
				if srv.Count() != 0 {
					t.Error("a message was recorded")
				}
			})
		})
	}
}

// TestCloseInHandshake: Close does not wait for a client that never speaks TLS.
func TestCloseInHandshake(t *testing.T) {
	srv := smtptest.NewTLSServer(t)
	c := dial(t, srv)
	io.WriteString(c, "\x16\x03")
	srv.Close()
	if n, err := c.Read(make([]byte, 10)); n > 0 || !ended(err) {
		t.Errorf("Read() = %d, %v", n, err)
	}
}
