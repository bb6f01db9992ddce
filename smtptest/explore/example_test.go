package explore_test

import (
	"context"
	"crypto/tls"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/explore"
)

func Example() {
	var t *testing.T // that of TestMailerUnderFaults, for example

	cfg := explore.Config{Retry: explore.Temporary | explore.Lost}
	explore.Run(t, cfg, func(t *testing.T, srv *smtptest.Server) func(context.Context) error {
		m := newMailer(srv) // connects by srv.DialContext to the host srv.Hostname
		return func(ctx context.Context) error {
			return m.Send(ctx, []string{"bob@example.com"}, mail)
		}
	})
}

func ExampleConfig() {
	var t *testing.T

	cfg := explore.Config{
		Server: func(srv *smtptest.Server) {
			srv.TLS = &tls.Config{}                             // offers STARTTLS
			srv.Users = map[string]string{"shop": "secret"}     // offers AUTH
			srv.Extensions = append(srv.Extensions, "CHUNKING") // and BDAT
		},
		Retry:  explore.Temporary,                          // it tries again after 4xx, and leaves the rest to its caller
		Allow:  []string{"connection-left-open"},           // known, and accepted
		Enable: []string{"impatient", "lint:quit-missing"}, // off by default
		Only:   func(step, fault string) bool { return fault != "idle-421" },
	}
	explore.Run(t, cfg, sends("bob@example.com"))
}

// Implicit TLS is a matter of how the server starts.
func ExampleConfig_implicitTLS() {
	var t *testing.T

	cfg := explore.Config{Server: (*smtptest.Server).StartTLSInMemory}
	explore.Run(t, cfg, sends("bob@example.com"))
}
