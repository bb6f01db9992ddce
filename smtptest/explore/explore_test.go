package explore_test

import (
	"testing"

	"github.com/go-smtptest/smtp/smtptest/explore"
)

func TestGoodMailer(t *testing.T) {
	explore.Run(t, explore.Config{Server: withLogin, Retry: explore.Temporary | explore.Lost}, sends("bob@example.com"))
}

func TestGoodMailerPairs(t *testing.T) {
	explore.Run(t, explore.Config{Server: withLogin, Retry: explore.Temporary | explore.Lost, Pairs: true}, sends("bob@example.com"))
}
