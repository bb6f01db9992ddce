package interop

import (
	"crypto/tls"
	"slices"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
)

// TestDeliveries hands each client each mail, and two mails at once.
func TestDeliveries(t *testing.T) {
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			for _, m := range mails {
				if m.data == "" && c.empty {
					continue
				}
				t.Run(m.name, func(t *testing.T) {
					srv := smtptest.NewServer(t)
					if err := c.deliver(t, srv, security{}, m); err != nil {
						t.Fatal(err)
					}
					compare(t, c.given(m), srv.Wait(1)[0])
				})
			}
			t.Run("two mails", func(t *testing.T) {
				srv := smtptest.NewServer(t)
				if err := c.deliver(t, srv, security{}, mails[0], mails[len(mails)-2]); err != nil {
					t.Fatal(err)
				}
				both := srv.Wait(2)
				compare(t, c.given(mails[0]), both[0])
				compare(t, c.given(mails[len(mails)-2]), both[1])
			})
		})
	}
}

// given is the mail as the client is known to hand it on.
func (c client) given(m mail) mail {
	if m.data == "" && c.blank {
		m.data = "\r\n"
	}
	m.data += c.adds
	if c.once {
		m.to = slices.Compact(slices.Sorted(slices.Values(m.to)))
	}
	return m
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
				compare(t, c.given(mails[0]), m)
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
				refused := func(e smtptest.Exchange) bool { return e.Reply.Code() == 535 }
				s := srv.WaitSession(func(smtptest.Session) bool { return true })
				if !slices.ContainsFunc(s.Exchanges, refused) || srv.Count() != 0 {
					t.Errorf("no 535 and no message wanted in:\n%s", s.Transcript())
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
