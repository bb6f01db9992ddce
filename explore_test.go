package smtp_test

import (
	"context"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/explore"
)

// TestMailerUnderFaults plays the mailer under each fault at each step of its dialogue.
func TestMailerUnderFaults(t *testing.T) {
	explore.Run(t, explore.Config{Retry: explore.Temporary | explore.Lost}, func(t *testing.T, srv *smtptest.Server) func(context.Context) error {
		m := mailer{srv.DialContext} // made again for each scenario
		return func(ctx context.Context) error { return m.Send(ctx, "bob@example.com", mail) }
	})
}
