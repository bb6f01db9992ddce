// Package smtp_test has whole stories, as a user of smtptest would write them.
// Run them with
//
//	go test -v -run Example .
//
// Each ends with the dialogue, once its sessions have ended: then nothing is
// missing from it.
package smtp_test

import (
	"errors"
	"fmt"
	"net/smtp"
	"strings"
	"testing"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// signup is a service under test: it welcomes new users by mail.
type signup struct{ relay string }

func (s signup) Register(addr string) error {
	if !strings.Contains(addr, "@") {
		return errors.New("not an address: " + addr)
	}
	body := "From: Shop <shop@example.com>\r\nTo: " + addr + "\r\nSubject: Welcome\r\n\r\nGlad to have you.\r\n"
	return smtp.SendMail(s.relay, nil, "shop@example.com", []string{addr}, []byte(body))
}

// The service sends one mail, and the test reads what arrived.
func TestExample_welcomeMail(t *testing.T) {
	srv := smtptest.NewServer(t)
	app := signup{relay: srv.Addr}
	if err := app.Register("bob@example.com"); err != nil {
		t.Fatal(err)
	}

	msg := srv.Wait(1)[0]
	if diff := cmp.Diff([]string{"bob@example.com"}, msg.To); diff != "" {
		t.Errorf("recipients (-want +got):\n%s", diff)
	}
	if !strings.Contains(msg.Data, "Subject: Welcome\r\n") {
		t.Errorf("no welcome in:\n%s", msg.Data)
	}
	srv.WaitSessions(1)
	t.Logf("the dialogue:\n%s", srv.Transcript())
}

// Nothing is sent for a bad address.
func TestExample_noMail(t *testing.T) {
	srv := smtptest.NewServer(t)
	app := signup{relay: srv.Addr}
	if err := app.Register("nobody"); err == nil {
		t.Error("a bad address was accepted")
	}

	srv.WaitQuiet(50 * time.Millisecond) // for a sender in the background
	if n := len(srv.Sessions()); n != 0 {
		t.Errorf("%d connections, want none", n)
	}
	t.Logf("the dialogue: %q", srv.Transcript())
}

// A program, too, can have a fake server: with a nil TB problems panic, and
// the caller closes.
func Example() {
	srv := smtptest.NewServer(nil)
	defer srv.Close()
	srv.Script(smtptest.Rule{On: "RCPT TO:<*@example.org>", Reply: "550 5.1.1 no such user"})

	send := func(to string) error {
		return smtp.SendMail(srv.Addr, nil, "ann@example.com", []string{to}, []byte("Subject: Hi\r\n\r\nHi!\r\n"))
	}
	fmt.Println(send("bob@example.com"))
	fmt.Println(send("bob@example.org"))
	for _, m := range srv.Wait(1) {
		fmt.Printf("%s -> %s\n%s", m.From, m.To, strings.ReplaceAll(m.Data, "\r\n", "\n"))
	}
	// Output:
	// <nil>
	// 550 "5.1.1 no such user"
	// ann@example.com -> [bob@example.com]
	// Subject: Hi
	//
	// Hi!
}
