package mailman_test

import (
	"errors"
	"fmt"
	"net/smtp"
	"strings"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/mailman"
)

// A test that has no Mailman: a fake that speaks LMTP takes what is for the
// lists, and a function says what that is.
func ExampleRelay() {
	lists := smtptest.NewUnstartedServer(nil) // in a test: t, and no Close
	defer lists.Close()
	lists.LMTP = true
	lists.Start()
	upstream := smtptest.NewServer(nil)
	defer upstream.Close()

	srv := smtptest.NewUnstartedServer(nil)
	defer srv.Close()
	srv.Handler = &mailman.Relay{
		Lists: func(recipient string) (string, error) {
			if strings.HasSuffix(recipient, "@lists.example.com") {
				return lists.Addr, nil
			}
			return "", nil
		},
		Relay: &smtptest.Relay{Addr: upstream.Addr},
	}
	srv.Start()

	to := []string{"ant@lists.example.com", "bob@example.com", "ant-join@lists.example.com"}
	if err := smtp.SendMail(srv.Addr, nil, "ann@example.com", to, []byte("Subject: Hi\r\n\r\nHi!\r\n")); err != nil {
		fmt.Println(err)
	}
	fmt.Println("lists:", lists.Wait(1)[0].To)
	fmt.Println("upstream:", upstream.Wait(1)[0].To)
	// Output:
	// lists: [ant@lists.example.com ant-join@lists.example.com]
	// upstream: [bob@example.com]
}

// With a Mailman on this host, its own map says what is a list.
func ExampleMap() {
	srv := smtptest.NewUnstartedServer(nil)
	srv.Handler = &mailman.Relay{
		Lists: mailman.Map("/var/lib/mailman3/data/postfix_lmtp"),
		Relay: &smtptest.Relay{Addr: "127.0.0.1:2525"}, // a staging server, or another fake
	}
}

// Lists of the test's own, and an error, which is the recipient's 451.
func ExampleLists() {
	var lists mailman.Lists = func(recipient string) (string, error) {
		if recipient == "ant@lists.example.com" {
			return "", errors.New("the lists are being moved")
		}
		return "", nil // no list
	}
	srv := smtptest.NewUnstartedServer(nil)
	defer srv.Close()
	srv.Handler = &mailman.Relay{Lists: lists} // what is for no list is accepted, and goes nowhere
	srv.Start()
	for _, to := range []string{"bob@example.com", "ant@lists.example.com"} {
		fmt.Println(smtp.SendMail(srv.Addr, nil, "ann@example.com", []string{to}, []byte("Subject: Hi\r\n\r\nHi!\r\n")))
	}
	// Output:
	// <nil>
	// 451 "4.3.0 Error: the lists are being moved"
}
