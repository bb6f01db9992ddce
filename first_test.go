package smtp_test

import (
	"net/smtp"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
)

func TestWelcomeMail(t *testing.T) {
	srv := smtptest.NewServer(t)         // started; closed when the test ends
	welcome(srv.Addr, "bob@example.com") // "127.0.0.1:40123"
	msg := srv.Wait(1)[0]                // no sleeps; fails the test with the dialogue if none comes
	if msg.To[0] != "bob@example.com" || msg.Subject() != "Welcome" {
		t.Errorf("%q came to %v", msg.Subject(), msg.To)
	}
}

// welcome stands for the service under test.
func welcome(addr, to string) error {
	return smtp.SendMail(addr, nil, "shop@example.com", []string{to}, []byte("Subject: Welcome\r\n\r\nHi!\r\n"))
}
