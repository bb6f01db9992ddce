package tls_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

// TestConformanceSTARTTLS is the command itself; see TestTLS for what follows.
func TestConformanceSTARTTLS(t *testing.T) {
	mail := []string{"C: MAIL FROM:<a@client.test>", "S: " + play.MailOK}
	need := func(line string) []string {
		return []string{"C: " + line, "S: 530 5.7.0 Must issue a STARTTLS command first"}
	}
	play.Run(t, []play.Case{
		{Name: "before ehlo", Why: "RFC 3207 4: after EHLO", Setup: play.WithTLS, In: play.Greeted, Talk: play.Talk("C: STARTTLS", "S: "+play.NeedHelo, play.SayQuit)},
		{Name: "with argument", Why: "RFC 3207 4: no parameters, 501", Setup: play.WithTLS, In: play.Greeted, Talk: play.Talk(play.SayEHLOTLS, "C: STARTTLS now", "S: 501 5.5.4 Syntax: STARTTLS", play.SayQuit)},
		{Name: "in a transaction", Why: "RFC 3207 4.2 resets: not in the middle", Setup: play.WithTLS, In: play.Greeted,
			Talk: play.Talk(play.SayEHLOTLS, mail, "C: STARTTLS", "S: 503 5.5.1 Error: command out of place", "C: RSET", "S: "+play.OK, play.SayQuit)},
		{Name: "not set", Why: "RFC 5321 4.2.4: an unknown verb", In: play.EHLO, Talk: play.Talk("C: STARTTLS", "S: "+play.Unknown("STARTTLS"), play.SayQuit)},
		{Name: "required", Why: "RFC 3207 4: 530 to all but NOOP, EHLO, STARTTLS, QUIT, and HELO and RSET", In: play.Greeted,
			Setup: func(srv *smtptest.Server) {
				play.WithTLS(srv)
				play.WithExtensions("CHUNKING", "XCLIENT NAME")(srv)
				srv.RequireTLS, srv.Users, srv.ClearMechanisms = true, map[string]string{"ann": "secret"}, []string{"PLAIN"}
			},
			Talk: play.Talk(play.EHLOWith("CHUNKING", "XCLIENT NAME", "STARTTLS", "AUTH PLAIN"), need("MAIL FROM:<a@client.test>"), need("RCPT TO:<b@server.test>"), need("DATA"),
				need("VRFY bob"), need("EXPN staff"), need("HELP"), need("AUTH PLAIN ="), need("XCLIENT NAME=x"),
				"C+ BDAT 6 LAST\r\nQUIT\r\n", "S: 530 5.7.0 Must issue a STARTTLS command first",
				"C: NOOP", "S: "+play.OK, "C: RSET", "S: "+play.OK, play.SayHELO, "C: STARTTLS now", "S: 501 5.5.4 Syntax: STARTTLS", play.SayQuit)},
		{Name: "refused by a rule", Why: "RFC 3207 4: 454; the session goes on in clear", In: play.Greeted, Want: []smtptest.Message{play.Message()},
			Setup: func(srv *smtptest.Server) {
				play.WithTLS(srv)
				play.WithScript(smtptest.Rule{On: "STARTTLS", Reply: "454 4.7.0 not now"})(srv)
			},
			Talk: play.Talk(play.SayEHLOTLS, "C: STARTTLS", "S: 454 4.7.0 not now", play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayQuit)},
	})
}

// TestTLS delivers over STARTTLS and over implicit TLS, and reads what was
// recorded of them; in memory the clock is that of a bubble.
func TestTLS(t *testing.T) {
	play.Networks(t, func(t *testing.T, start func(*smtptest.Server)) {
		srv := smtptest.NewUnstartedServer(t)
		srv.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
		start(srv)
		cert := smtptest.NewCertificate(time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC), "client.test")
		config := srv.ClientTLSConfig()
		config.Certificates = []tls.Certificate{cert}
		c := play.Dial(t, srv)
		if err := play.Converse(c, play.StepsOf(play.Talk("S: "+play.Greeting, play.SayEHLOTLS, "C: STARTTLS", "S: "+play.TLSReady))); err != nil {
			t.Fatal(err)
		}
		tc := tls.Client(c, config)
		if err := play.Converse(tc, play.StepsOf(play.Talk(play.MustHello, play.SayEHLO, play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayQuit))); err != nil {
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

// TestImplicitTLS: the handshake comes first, then the greeting (RFC 8314 3);
// STARTTLS is not offered, and refused as what is not.
func TestImplicitTLS(t *testing.T) {
	play := func(t *testing.T, start func(*smtptest.Server)) {
		srv := smtptest.NewUnstartedServer(t)
		srv.RequireTLS = true
		start(srv)
		c := tls.Client(play.Dial(t, srv), srv.ClientTLSConfig())
		if err := play.Converse(c, play.StepsOf(play.Talk("S: "+play.Greeting, play.SayEHLO, "C: STARTTLS", "S: "+play.Unknown("STARTTLS"), play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayQuit))); err != nil {
			t.Fatal(err)
		}
		if m := srv.Wait(1)[0]; !m.TLS {
			t.Error("the message is not marked TLS")
		}
		client := srv.Client()
		defer client.Close()
		if _, on := client.TLSConnectionState(); !on || client.Hello("client.test") != nil {
			t.Error("Client() does not speak TLS")
		}
	}
	t.Run("tcp", func(t *testing.T) { play(t, (*smtptest.Server).StartTLS) })
	t.Run("memory", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { play(t, (*smtptest.Server).StartTLSInMemory) })
	})
}

// upgrade is a client in a bubble that has done STARTTLS.
func upgrade(t *testing.T, srv *smtptest.Server, hello []string, config *tls.Config) net.Conn {
	t.Helper()
	c := play.Dial(t, srv)
	if err := play.Converse(c, play.StepsOf(play.Talk("S: "+play.Greeting, hello, "C: STARTTLS", "S: "+play.TLSReady))); err != nil {
		t.Fatal(err)
	}
	return tls.Client(c, config)
}

// TestSTARTTLSForgets: the name, the login and the lists of what was offered in
// clear are gone, and a second STARTTLS is 503 (RFC 3207 4.2).
func TestSTARTTLSForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewUnstartedServer(t)
		play.WithTLS(srv)
		play.WithExtensions("REQUIRETLS")(srv)
		srv.Users, srv.Mechanisms, srv.ClearMechanisms = map[string]string{"ann": "secret"}, []string{"PLAIN", "LOGIN"}, []string{"PLAIN"}
		srv.StartInMemory()
		login := []string{"C: AUTH PLAIN " + play.Base64("\x00ann\x00secret"), "S: 235 2.7.0 Authentication successful"}
		clear := play.Talk(play.EHLOWith("STARTTLS", "AUTH PLAIN"), "C: MAIL FROM:<a@client.test> REQUIRETLS", "S: "+play.MailUnknown, login)
		c := upgrade(t, srv, clear, srv.ClientTLSConfig())
		again := "503 5.5.1 Error: already under TLS"
		if err := play.Converse(c, play.StepsOf(play.Talk("C: STARTTLS", "S: "+again, login[0], "S: "+play.NeedHelo, play.MustHello, play.EHLOWith("REQUIRETLS", "AUTH PLAIN LOGIN"),
			"C: STARTTLS", "S: "+again, "C: MAIL FROM:<a@client.test> REQUIRETLS=1", "S: "+play.MailSyntax+play.Params,
			"C: MAIL FROM:<a@client.test> REQUIRETLS", "S: "+play.MailOK, play.SayRcpt, play.SayData, play.SayText, play.SayQuit))); err != nil {
			t.Error(err)
		}
		s := srv.WaitSession(func(smtptest.Session) bool { return true })
		if m := srv.Messages()[0]; s.User != "" || m.User != "" || m.MailOptions[0] != "REQUIRETLS" {
			t.Errorf("User = %q, of the message %q; MailOptions %q", s.User, m.User, m.MailOptions)
		}
	})
}

// TestHandshakeEnds: a client that says STARTTLS, or connects for implicit TLS,
// and then nothing or nearly nothing is closed after 10 s, or IdleTimeout; one that
// goes leaves no goroutine behind, or the bubble would not end. The dialogue says
// why.
func TestHandshakeEnds(t *testing.T) {
	for _, test := range []struct {
		name  string
		idle  time.Duration
		drip  string
		leave bool
		after time.Duration
		cause string
	}{
		{name: "silent", after: 10 * time.Second, cause: "failed: the client sent nothing"},
		{name: "silent under a short IdleTimeout", idle: 3 * time.Second, after: 3 * time.Second, cause: "failed: the client sent nothing"},
		{name: "silent without IdleTimeout", idle: -1, after: 10 * time.Second, cause: "failed: the client sent nothing"},
		{name: "an octet a second", drip: "\x16\x03\x01\x02\x00\x01", after: 10 * time.Second, cause: "i/o timeout"},
		{name: "gone at once", leave: true, cause: "failed: the client sent nothing"},
		{name: "gone in its hello", drip: "\x16\x03", leave: true, after: 2 * time.Second, cause: "EOF"},
	} {
		for _, implicit := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, implicit %t", test.name, implicit), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					srv := smtptest.NewUnstartedServer(t)
					play.WithTLS(srv)
					srv.IdleTimeout = test.idle
					if implicit {
						srv.StartTLSInMemory()
					} else {
						srv.StartInMemory()
					}
					c := play.Dial(t, srv)
					if !implicit {
						if err := play.Converse(c, play.StepsOf(play.Talk("S: "+play.Greeting, play.SayEHLOTLS, "C: STARTTLS", "S: "+play.TLSReady))); err != nil {
							t.Fatal(err)
						}
					}
					for i := range test.drip {
						io.WriteString(c, test.drip[i:i+1])
						time.Sleep(time.Second)
					}
					if test.leave {
						c.Close()
					}
					io.Copy(io.Discard, c)
					s := srv.WaitSession(func(smtptest.Session) bool { return true })
					if s.End != smtptest.EndTLS || s.TLS != nil || s.Duration != test.after {
						t.Errorf("End = %q after %v, want %v; TLS = %v", s.End, s.Duration, test.after, s.TLS)
					}
					if did := play.FirstExchange(s, "TLS").Effects; !strings.Contains(did, test.cause) || strings.Contains(did, "before the greeting") != (implicit && test.drip == "") {
						t.Errorf("Effects = %q, want %q", did, test.cause)
					}
				})
			})
		}
	}
}

// TestTooWeak: a rule lets nothing but QUIT through once there is TLS (RFC 3207
// 4.1).
func TestTooWeak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewUnstartedServer(t)
		play.WithTLS(srv)
		srv.Script(smtptest.Rule{On: "*", If: func(e smtptest.Event) bool { return e.TLS && e.Verb != "QUIT" }, Reply: "554 5.7.0 TLS too weak"})
		srv.StartInMemory()
		c := upgrade(t, srv, play.SayEHLOTLS, srv.ClientTLSConfig())
		if err := play.Converse(c, play.StepsOf(play.Talk("C: EHLO client.test", "S: 554 5.7.0 TLS too weak", "C: NOOP", "S: 554 5.7.0 TLS too weak", play.SayQuit))); err != nil {
			t.Error(err)
		}
	})
}

// TestNetSMTP delivers with net/smtp over STARTTLS and implicit TLS, with AUTH,
// inside a bubble.
func TestNetSMTP(t *testing.T) {
	for _, implicit := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			srv.TLS, srv.Users = &tls.Config{}, map[string]string{"ann": "secret"}
			srv.RequireTLS, srv.RequireAuth = true, true
			if implicit {
				srv.StartTLSInMemory()
			} else {
				srv.StartInMemory()
			}
			c := srv.Client()
			defer c.Close()
			if !implicit {
				if err := c.StartTLS(srv.ClientTLSConfig()); err != nil {
					t.Fatal(err)
				}
			}
			send := func() error {
				if err := c.Mail("a@client.test"); err != nil {
					return err
				}
				if err := c.Rcpt("b@server.test"); err != nil {
					return err
				}
				w, err := c.Data()
				if err != nil {
					return err
				}
				io.WriteString(w, "text\r\n.\r\n")
				return w.Close()
			}
			if err := send(); err == nil || !strings.HasPrefix(err.Error(), "530 ") {
				t.Errorf("before AUTH: %v", err)
			}
			if err := c.Auth(smtp.PlainAuth("", "ann", "secret", "localhost")); err != nil {
				t.Fatal(err)
			}
			if err := send(); err != nil {
				t.Error(err)
			}
			if m := srv.Wait(1)[0]; m.User != "ann" || !m.TLS || m.Data != "text\r\n.\r\n" {
				t.Errorf("%+v", m)
			}
		})
	}
}

// TestSTARTTLSInjection: nothing that was sent in clear behind STARTTLS, in
// the same write, is ever executed (RFC 3207 6, CVE-2011-0411).
func TestSTARTTLSInjection(t *testing.T) {
	for name, injected := range map[string]string{
		"line":     "RSET\r\n",
		"lines":    "MAIL FROM:<e@evil.test>\r\nRCPT TO:<v@server.test>\r\nDATA\r\n",
		"fragment": "MAIL FROM:<e@evil.test> ",
		"auth":     "AUTH PLAIN AGV2aWwAZXZpbA==\r\nXCLIENT NAME=evil\r\n",
		"long":     "NOOP evil" + strings.Repeat("x", 3000),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := smtptest.NewUnstartedServer(t)
				play.WithTLS(srv)
				srv.StartInMemory()
				c := play.Dial(t, srv)
				if err := play.Converse(c, play.StepsOf(play.Talk("S: "+play.Greeting, play.SayEHLOTLS, "C+ STARTTLS\r\n"+injected, "S: "+play.TLSReady))); err != nil {
					t.Fatal(err)
				}
				tc := tls.Client(c, srv.ClientTLSConfig())
				if err := play.Converse(tc, play.StepsOf(play.Talk(play.MustHello, play.SayEHLO, play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayQuit))); err != nil {
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

// TestPlaintextBehindSTARTTLS: what comes in clear where the handshake should
// be, be it more than one read holds or a moment later, ends the session.
func TestPlaintextBehindSTARTTLS(t *testing.T) {
	for name, parts := range map[string][]string{
		"after the 220":      {"STARTTLS\r\n", "NOOP evil\r\n"},
		"more than a buffer": {"STARTTLS\r\n" + strings.Repeat("NOOP evil\r\n", 5000)},
		"in an endless line": {"STARTTLS\r\nNOOP evil" + strings.Repeat("x", 50000), "\r\nNOOP evil\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := smtptest.NewUnstartedServer(t)
				play.WithTLS(srv)
				srv.StartInMemory()
				c := play.Listen(play.Dial(t, srv))
				c.Say(play.Step{Send: "EHLO client.test\r\n"})
				c.Heard()
				for _, part := range parts {
					c.Say(play.Step{Send: part})
				}
				if heard := c.Heard(); strings.Count(heard, "250") != 0 || !c.Ended() {
					t.Errorf("heard %q, closed %t", heard, c.Ended())
				}
				s := srv.WaitSession(func(smtptest.Session) bool { return true })
				if s.End != smtptest.EndTLS || strings.Contains(s.Transcript(), "C: NOOP") {
					t.Errorf("End = %q:\n%s", s.End, s.Transcript())
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
				c := play.Dial(t, srv)
				if err := play.Converse(c, play.StepsOf(play.Talk("S: "+play.Greeting, play.SayEHLOTLS, "C: STARTTLS", "S: "+play.TLSReady))); err != nil {
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
	c := play.Dial(t, srv)
	io.WriteString(c, "\x16\x03")
	srv.Close()
	if n, err := c.Read(make([]byte, 10)); n > 0 || !play.Ended(err) {
		t.Errorf("Read() = %d, %v", n, err)
	}
}
