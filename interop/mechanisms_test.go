package interop

import (
	"crypto/tls"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	gomail "github.com/wneessen/go-mail"
)

// mechanisms are the SASL mechanisms that go-mail, an independent client, has.
var mechanisms = []struct {
	name gomail.SMTPAuthType
	bare bool // works without TLS
}{
	{gomail.SMTPAuthPlainNoEnc, true},
	{gomail.SMTPAuthLoginNoEnc, true},
	{gomail.SMTPAuthCramMD5, true},
	{gomail.SMTPAuthSCRAMSHA1, true},
	{gomail.SMTPAuthSCRAMSHA256, true},
	{gomail.SMTPAuthSCRAMSHA1PLUS, false},
	{gomail.SMTPAuthSCRAMSHA256PLUS, false},
	{gomail.SMTPAuthXOAUTH2, true},
}

// TestMechanisms logs in by each mechanism in clear, by STARTTLS and by
// implicit TLS, with the right and the wrong password.
func TestMechanisms(t *testing.T) {
	for _, m := range mechanisms {
		for _, mode := range []string{"", "starttls", "implicit"} {
			if mode == "" && !m.bare {
				continue
			}
			t.Run(string(m.name)+" "+mode, func(t *testing.T) {
				srv := mechanismServer(mode)(t)
				if err := login(t, srv, m.name, mode, "open-sesame"); err != nil {
					t.Error(err)
				}
				if err := login(t, srv, m.name, mode, "friend"); err == nil {
					t.Error("logged in with the wrong password")
				}
				for i, want := range []string{"ann", ""} {
					s := srv.WaitSession(func(s smtptest.Session) bool { return s.ID == i+1 })
					if s.User != want {
						t.Errorf("session %d: User = %q, want %q", i+1, s.User, want)
					}
				}
			})
		}
	}
}

func mechanismServer(mode string) func(*testing.T) *smtptest.Server {
	return func(t *testing.T) *smtptest.Server {
		srv := smtptest.NewUnstartedServer(t)
		srv.Users = map[string]string{"ann": "open-sesame"}
		srv.Mechanisms = []string{"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "XOAUTH2"}
		if mode != "" {
			srv.TLS = &tls.Config{}
			srv.Mechanisms = append(srv.Mechanisms, "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS")
		}
		if mode == "implicit" {
			srv.StartTLS()
		} else {
			srv.Start()
		}
		return srv
	}
}

func login(t *testing.T, srv *smtptest.Server, mechanism gomail.SMTPAuthType, mode, password string) error {
	options := []gomail.Option{gomail.WithPort(srv.Port()), gomail.WithTLSPolicy(gomail.NoTLS), gomail.WithHELO("client.test"),
		gomail.WithSMTPAuth(mechanism), gomail.WithUsername("ann"), gomail.WithPassword(password)}
	if mode != "" {
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory), gomail.WithTLSConfig(srv.ClientTLSConfig()))
	}
	if mode == "implicit" {
		options = append(options, gomail.WithSSL())
	}
	c, err := gomail.NewClient(srv.Host(), options...)
	if err != nil {
		return err
	}
	conn, err := c.DialToSMTPClientWithContext(t.Context())
	if err != nil {
		return err
	}
	return conn.Quit()
}
