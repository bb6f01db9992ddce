package report_test

import (
	"fmt"
	"net/smtp"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/report"
)

func ExampleOnFailure() {
	_ = func(t *testing.T) { // in a test file: func TestWelcomeMail(t *testing.T)
		srv := smtptest.NewServer(t)
		report.OnFailure(t, srv) // go test -artifacts keeps report.html if the test fails
		smtp.SendMail(srv.Addr, nil, "ann@example.com", []string{"bob@example.com"}, []byte("Subject: Hi!\r\n\r\n"))
		if got := srv.Wait(1)[0].Subject(); got != "Welcome" {
			t.Errorf("Subject() = %q", got)
		}
	}
	// Output:
}

func ExampleWrite() {
	srv := smtptest.NewServer(nil)
	defer srv.Close()
	smtp.SendMail(srv.Addr, nil, "ann@example.com", []string{"bob@example.com"}, []byte("Subject: Hi!\r\n\r\n"))
	var page strings.Builder
	err := report.Write(&page, srv) // or to a file, to look at
	fmt.Println(err, strings.Contains(page.String(), "Hi!"))
	// Output: <nil> true
}
