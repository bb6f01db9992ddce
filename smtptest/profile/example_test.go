package profile_test

import (
	"fmt"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/profile"
)

// A mailer is tested against what Postfix says of a mailbox that it does not
// have.
func Example() {
	srv := smtptest.NewUnstartedServer(nil) // in a test: t
	profile.Postfix.Apply(srv)
	srv.Script(smtptest.Rule{On: "RCPT", Reply: profile.Postfix.Refusals[profile.UnknownUser]})
	srv.Start()
	defer srv.Close()

	c := srv.Client()
	c.Mail("ann@example.com")
	c.Rcpt("bob@example.com")
	c.Quit()
	srv.WaitSession(func(smtptest.Session) bool { return true })
	fmt.Print(srv.Transcript())
	// Output:
	// -- session 1
	// S: 220 server.example.com ESMTP Postfix
	// C: EHLO localhost
	// S: 250-server.example.com
	// S: 250-PIPELINING
	// S: 250-SIZE 10240000
	// S: 250-VRFY
	// S: 250-ENHANCEDSTATUSCODES
	// S: 250-8BITMIME
	// S: 250-DSN
	// S: 250-SMTPUTF8
	// S: 250-CHUNKING
	// S: 250 STARTTLS
	// C: MAIL FROM:<ann@example.com> BODY=8BITMIME SMTPUTF8
	// S: 250 2.1.0 OK
	// C: RCPT TO:<bob@example.com>
	// -- rule 1
	// S: 550 5.1.1 <bob@example.com>: Recipient address rejected: User unknown in local recipient table
	// C: QUIT
	// S: 221 2.0.0 Bye
	// -- quit
}

// A receiver of the test's own: a known one, changed.
func ExampleProfile() {
	receiver := profile.Postfix
	receiver.Hostname = "mx.example.org"
	receiver.SizeLimit = 1000
	receiver.Extensions = []string{"PIPELINING", "SIZE"}
	srv := smtptest.NewUnstartedServer(nil) // in a test: t
	receiver.Apply(srv)
	srv.Start()
	defer srv.Close()

	c := srv.Client()
	defer c.Close()
	fmt.Println(c.Extension("SIZE"))
	fmt.Println(c.Extension("DSN"))
	// Output:
	// true 1000
	// false
}
