package lint_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/lint"
)

func ExampleCheck() {
	srv := smtptest.NewServer(nil)
	defer srv.Close()

	c := srv.Client()
	c.Hello("client.example")
	c.Mail("ann@example.com")
	c.Rcpt("bob@example.com")
	w, _ := c.Data()
	io.WriteString(w, "Date: Sat, 01 Jan 2000 00:00:00 +0000\r\nFrom: ann@example.com\r\nTo: bob@example.com\r\n"+
		"Message-ID: <1@example.com>\r\n\r\nVoil\u00e0!\r\n")
	w.Close()
	c.Close() // and no QUIT
	srv.WaitSession(func(smtptest.Session) bool { return true })

	for _, f := range lint.Check(srv.Sessions()) {
		fmt.Println(f.ID, f.Level, f.RFC)
		fmt.Printf("\t%s: %q\n", f.Detail, f.Octets)
	}
	// Output:
	// data-8bit-not-mime error RFC 5321 2.4
	// 	an octet outside ASCII, and no MIME field that allows it: "à!"
	// quit-missing error RFC 5321 4.1.1.10
	// 	the connection was closed without QUIT: ""
}

func ExampleRequire() {
	_ = func(t *testing.T) { // a test
		srv := smtptest.NewServer(t)
		lint.Require(t, srv, lint.Error,
			"quit-missing",        // on: this rule is allowed to find something
			"hello-name-not-fqdn", // off: this rule, a warning, must not find anything
		)

		// ... the service under test sends its mail to srv.Addr
	}
	// Output:
}

// What a log shows of the errors; warnings are left out.
func ExampleFinding() {
	srv := smtptest.NewServer(nil)
	defer srv.Close()
	c := srv.Client()
	c.Hello("client.example")
	c.Text.PrintfLine("RCPT TO:<bob@example.com>") // and no MAIL
	c.Text.ReadResponse(503)
	c.Quit()
	srv.WaitSession(nil)

	for _, f := range lint.Check(srv.Sessions()) {
		if f.Level >= lint.Error {
			fmt.Println(f)
		}
	}
	// Output:
	// session 1: bad-sequence (error, RFC 5321 4.1.4): RCPT came without MAIL: "RCPT TO:<bob@example.com>"
}

// The rules of a kind, here about QUIT: opt-in rules are checked when
// Check is given their ids.
func ExampleRule() {
	for _, r := range lint.Rules() {
		if strings.HasPrefix(r.ID, "quit-") {
			fmt.Println(r.ID, r.Level, r.OptIn, r.RFC)
			fmt.Println("\t" + r.Summary)
		}
	}
	// Output:
	// quit-missing error false RFC 5321 4.1.1.10
	// 	The client closed the connection without QUIT. It is a warning after a refusal, or without a reply.
	// quit-reply-not-read warning true RFC 5321 4.1.1.10
	// 	The client closed the connection before the reply to QUIT.
}
