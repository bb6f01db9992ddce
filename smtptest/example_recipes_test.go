package smtptest_test

import (
	"errors"
	"fmt"
	"net/smtp"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
)

// Greylisting: who comes for the first time, with this sender and to this
// recipient, is put off for five minutes. In a bubble of testing/synctest, on
// the network in memory, these pass in no time.
func Example_greylisting() {
	srv := smtptest.NewInMemoryServer(nil)
	defer srv.Close()
	srv.Script(smtptest.Rule{
		On:    "RCPT",
		Per:   smtptest.PerPeer | smtptest.PerSender | smtptest.PerRecipient,
		For:   5 * time.Minute,
		Reply: "450 4.7.1 greylisted",
	})
	fmt.Println(send(srv, "ann@example.com", "bob@example.com", "Hi!\r\n"))
	fmt.Println(send(srv, "ann@example.com", "bob@example.com", "Hi!\r\n")) // too early
	fmt.Println(srv.Count())
	// Output:
	// 450 "4.7.1 greylisted"
	// 450 "4.7.1 greylisted"
	// 0
}

// A provider's rate limits: so many messages an hour, so many recipients of a
// sender in an hour, and so many connections at a time.
func Example_rateLimit() {
	srv := smtptest.NewInMemoryServer(nil)
	defer srv.Close()
	srv.Script(
		smtptest.Rule{On: "CONNECT", If: func(e smtptest.Event) bool { return e.Open > 20 }, Reply: "421 4.7.0 too many connections",
			Optional: true},
		smtptest.Rule{On: "MAIL", Skip: 3, Every: time.Hour, Reply: "451 4.7.0 too many messages, slow down"},
		smtptest.Rule{On: "RCPT", Skip: 2, Every: time.Hour, Per: smtptest.PerSender, Reply: "452 4.5.3 too many recipients, slow down"},
	)
	for _, from := range []string{"ann@example.com", "ann@example.com", "ann@example.com", "eve@example.com"} {
		fmt.Println(send(srv, from, "bob@example.com", "Hi!\r\n"))
	}
	// Output:
	// <nil>
	// <nil>
	// 452 "4.5.3 too many recipients, slow down"
	// 451 "4.7.0 too many messages, slow down"
}

// A flaky server, which refuses, drops and forgets by chance: with a seed that
// is set, the same each time. Without one it draws a seed and logs it, to be
// set when a test has failed.
func Example_flakyServer() {
	srv := smtptest.NewUnstartedServer(nil)
	defer srv.Close()
	srv.Seed = 2
	srv.Script(
		smtptest.Rule{On: "MAIL", Chance: 0.2, Reply: "451 4.3.0 try again"},
		smtptest.Rule{On: "DATA", Chance: 0.2, Reply: smtptest.NoReply, Then: smtptest.Close},
		smtptest.Rule{On: ".", Chance: 0.2, Keep: true, Reply: smtptest.NoReply, Then: smtptest.Close}, // the 250 is lost
	)
	srv.StartInMemory()
	for range 8 {
		err := send(srv, "ann@example.com", "bob@example.com", "Hi!\r\n")
		fmt.Println(err, srv.Count())
	}
	// Output:
	// EOF 0
	// 451 "4.3.0 try again" 0
	// 451 "4.3.0 try again" 0
	// <nil> 1
	// <nil> 2
	// <nil> 3
	// <nil> 4
	// EOF 5
}

// A server that dies after n messages: it closes each connection after two,
// and for a client that goes on to use it the next is lost.
func Example_dyingServer() {
	srv := smtptest.NewInMemoryServer(nil)
	defer srv.Close()
	srv.Script(smtptest.Rule{On: ".", Skip: 1, Per: smtptest.PerSession, Then: smtptest.Close})
	for range 2 {
		c := srv.Client()
		for range 3 {
			err := transact(c, "bob@example.com")
			fmt.Println(err == nil) // EOF, or a reset if MAIL comes before the server closes
		}
		c.Close()
	}
	fmt.Println(srv.Count())
	// Output:
	// true
	// true
	// false
	// true
	// true
	// false
	// 4
}

// Some recipients are refused, for good or for now, and some are not: the mail
// goes to those that are left.
func Example_someRecipients() {
	srv := smtptest.NewInMemoryServer(nil)
	defer srv.Close()
	srv.Script(
		smtptest.Rule{On: "RCPT TO:<bob@example.com>", Reply: "550 5.1.1 gone"},
		smtptest.Rule{On: "RCPT TO:<eve@example.com>", Times: 1, Reply: "450 4.2.1 later"},
	)
	fmt.Println(transact(srv.Client(), "ann@example.com", "bob@example.com", "eve@example.com"))
	fmt.Println(transact(srv.Client(), "eve@example.com"))
	for _, m := range srv.Wait(2) {
		fmt.Println(m.To)
	}
	// Output:
	// 550 "5.1.1 gone"
	// 450 "4.2.1 later"
	// <nil>
	// [ann@example.com]
	// [eve@example.com]
}

// transact sends a mail to those recipients that are accepted, and returns
// what was refused.
func transact(c *smtp.Client, to ...string) error {
	if err := c.Mail("shop@example.com"); err != nil {
		return err
	}
	var refused []error
	for _, rcpt := range to {
		if err := c.Rcpt(rcpt); err != nil {
			refused = append(refused, err)
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	fmt.Fprint(w, "Hi!\r\n")
	return errors.Join(append(refused, w.Close())...)
}
