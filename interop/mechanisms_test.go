package interop

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
)

// credentials are what a client is to log in with.
type credentials struct {
	mechanism    string
	security     // user and password; the password is the token of XOAUTH2 and OAUTHBEARER
	certificates []tls.Certificate
}

// A login is an independent client that can log in, and the mechanisms that it
// has; each of these is tried in clear, over STARTTLS and over implicit TLS.
type login struct {
	name       string
	mechanisms []string
	tlsOnly    []string // mechanisms that it refuses to use in clear
	do         func(t *testing.T, srv *smtptest.Server, c credentials) error
}

var logins = []login{
	{name: "net-smtp", mechanisms: []string{"PLAIN", "CRAM-MD5"}, do: loginNetSMTP},
	{name: "xdg-go/scram", mechanisms: []string{"SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"}, do: loginScram},
	{name: "go-mail", mechanisms: []string{"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS", "XOAUTH2"}, do: loginGoMail},
	{name: "go-sasl", mechanisms: []string{"PLAIN", "LOGIN", "OAUTHBEARER", "EXTERNAL"}, do: loginGoSASL},
	{name: "smtplib", mechanisms: []string{"PLAIN", "LOGIN", "CRAM-MD5"}, do: loginSmtplib},
	{name: "nodemailer", mechanisms: []string{"PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"}, do: loginNodemailer},
	{name: "curl", mechanisms: []string{"PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2", "OAUTHBEARER"}, do: loginCurl},
	{name: "swaks", mechanisms: []string{"PLAIN", "LOGIN", "CRAM-MD5"}, do: loginSwaks},
	{name: "msmtp", mechanisms: []string{"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER"}, do: loginMsmtp},
}

// TestMechanisms logs in by each mechanism with each client that has it, in
// every way that they allow, with the right and the wrong secret.
func TestMechanisms(t *testing.T) {
	for _, l := range logins {
		for _, mechanism := range l.mechanisms {
			for _, mode := range []string{"", "starttls", "implicit"} {
				needsTLS := mechanism == "EXTERNAL" || strings.HasSuffix(mechanism, "-PLUS") || slices.Contains(l.tlsOnly, mechanism)
				if mode == "" && needsTLS {
					continue
				}
				t.Run(fmt.Sprintf("%s %s %s", l.name, mechanism, mode), func(t *testing.T) {
					right := credentials{mechanism: mechanism, security: security{mode, "ann", "open-sesame"}}
					wrong := credentials{mechanism: mechanism, security: security{mode, "ann", "friend"}}
					if mechanism == "EXTERNAL" { // the secret is the key of the certificate
						right.certificates = []tls.Certificate{smtptest.NewCertificate(time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC), "ann")}
						wrong.certificates = []tls.Certificate{smtptest.NewCertificate(time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC), "eve")}
					}
					tryLogin(t, l, right, true)
					tryLogin(t, l, wrong, false)
				})
			}
		}
	}
}

// tryLogin logs in at a server that offers the one mechanism.
func tryLogin(t *testing.T, l login, c credentials, welcome bool) {
	t.Helper()
	srv := smtptest.NewUnstartedServer(t)
	srv.Users = map[string]string{"ann": "open-sesame"}
	srv.Mechanisms = []string{c.mechanism}
	if c.tls != "" {
		srv.TLS = &tls.Config{ClientAuth: tls.VerifyClientCertIfGiven}
	}
	if c.tls == "implicit" {
		srv.StartTLS()
	} else {
		srv.Start()
	}
	err := l.do(t, srv, c)
	if (err == nil) != welcome {
		t.Errorf("password %q: %v", c.password, err)
	}
	s := srv.WaitSession(func(smtptest.Session) bool { return true })
	if (s.User == "ann") != welcome || (s.User == "") == welcome {
		t.Errorf("password %q: User = %q", c.password, s.User)
	}
	used := slices.ContainsFunc(s.Exchanges, func(e smtptest.Exchange) bool {
		return strings.HasPrefix(strings.ToUpper(e.Command)+" ", "AUTH "+c.mechanism+" ") && e.TLS == (c.tls != "")
	})
	if !used || strings.Contains(srv.Transcript(), c.password) {
		t.Errorf("AUTH %s used: %t, in\n%s", c.mechanism, used, srv.Transcript())
	}
}
