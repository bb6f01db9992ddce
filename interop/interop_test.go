package interop

import (
	"crypto/tls"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
)

// TestDeliveries hands each client each mail, and two mails at once.
func TestDeliveries(t *testing.T) {
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			for _, m := range mails {
				t.Run(m.name, func(t *testing.T) {
					srv := smtptest.NewServer(t)
					if err := c.deliver(t, srv, security{}, m); err != nil {
						t.Fatal(err)
					}
					compare(t, m, srv.Wait(1)[0])
				})
			}
			t.Run("two mails", func(t *testing.T) {
				srv := smtptest.NewServer(t)
				if err := c.deliver(t, srv, security{}, mails[0], mails[4]); err != nil {
					t.Fatal(err)
				}
				both := srv.Wait(2)
				compare(t, mails[0], both[0])
				compare(t, mails[4], both[1])
			})
		})
	}
}

// TestSecureDeliveries is STARTTLS, and implicit TLS, with AUTH, verified
// against the server's authority; the wrong password is refused and shows
// nowhere.
func TestSecureDeliveries(t *testing.T) {
	for _, c := range clients {
		if c.plain {
			continue
		}
		for _, mode := range []string{"starttls", "implicit"} {
			t.Run(c.name+" "+mode, func(t *testing.T) {
				srv := secureServer(t, mode)
				if err := c.deliver(t, srv, security{mode, "ann", "open-sesame"}, mails[0]); err != nil {
					t.Fatal(err)
				}
				m := srv.Wait(1)[0]
				compare(t, mails[0], m)
				if !m.TLS || m.User != "ann" {
					t.Errorf("TLS = %t, User = %q", m.TLS, m.User)
				}
				if strings.Contains(srv.Transcript(), "open-sesame") {
					t.Errorf("the password shows:\n%s", srv.Transcript())
				}
			})
			t.Run(c.name+" "+mode+" wrong password", func(t *testing.T) {
				srv := secureServer(t, mode)
				if err := c.deliver(t, srv, security{mode, "ann", "friend"}, mails[0]); err == nil {
					t.Error("delivered with the wrong password")
				}
				if n := srv.Count(); n != 0 {
					t.Errorf("%d messages", n)
				}
			})
		}
	}
}

func secureServer(t *testing.T, mode string) *smtptest.Server {
	srv := smtptest.NewUnstartedServer(t)
	srv.Users = map[string]string{"ann": "open-sesame"}
	srv.RequireAuth = true
	srv.TLS = &tls.Config{}
	if mode == "implicit" {
		srv.StartTLS()
	} else {
		srv.Start()
	}
	return srv
}
