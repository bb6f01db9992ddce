// Package smtp_test has whole stories, as a user of smtptest would write them.
// Run them with
//
//	go test -v -run Example .
package smtp_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"strings"
	"testing"
	"testing/synctest"
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
	t.Logf("the dialogue:\n%s", srv.Transcript())
}

// Nothing is sent for a bad address.
func TestExample_noMail(t *testing.T) {
	srv := smtptest.NewServer(t)
	app := signup{relay: srv.Addr}
	if err := app.Register("nobody"); err == nil {
		t.Error("a bad address was accepted")
	}

	if n := len(srv.Sessions()); n != 0 {
		t.Errorf("%d connections, want none", n)
	}
	t.Logf("messages: %d", srv.Count())
}

// mailer is a service under test that retries: at once after a dropped
// connection, after a minute on 4yz, never on 5yz.
type mailer struct {
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

const backOff = time.Minute

func (m mailer) Send(ctx context.Context, from, to, body string) error {
	for attempt := 1; ; attempt++ {
		err := m.try(ctx, from, to, body)
		var reply *textproto.Error
		if err == nil || attempt == 5 || errors.As(err, &reply) && reply.Code >= 500 {
			return err
		}
		if reply != nil {
			time.Sleep(backOff)
		}
	}
}

func (m mailer) try(ctx context.Context, from, to, body string) error {
	conn, err := m.dial(ctx, "tcp", "mx.example.com:25")
	if err != nil {
		return err
	}
	defer conn.Close()
	c, err := smtp.NewClient(conn, "mx.example.com")
	if err != nil {
		return err
	}
	if err := c.Mail(from); err != nil {
		return err
	}
	if err := c.Rcpt(to); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	fmt.Fprint(w, body)
	if err := w.Close(); err != nil {
		return err
	}
	return c.Quit()
}

// The mailer meets greylisting, a refusal after the dot and a dropped
// connection. Its two minutes of back-off pass in no time: the test runs in a
// bubble, on the network in memory.
func TestExample_retry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewInMemoryServer(t)
		srv.Script(
			smtptest.Rule{On: "RCPT TO:<bob@example.com>", Times: 1, Reply: "450 4.2.1 greylisted"},
			smtptest.Rule{On: ".", Times: 1, Reply: "451 4.3.0 try again"},
			smtptest.Rule{On: "DATA", Skip: 1, Times: 1, Then: smtptest.Drop},
		)
		began := time.Now()
		m := mailer{dial: srv.DialContext}
		if err := m.Send(t.Context(), "shop@example.com", "bob@example.com", "Subject: Hi\r\n\r\nHi!\r\n"); err != nil {
			t.Fatal(err)
		}

		if waited := time.Since(began); waited != 2*backOff {
			t.Errorf("it waited %v, want %v", waited, 2*backOff)
		}
		if n := len(srv.Wait(1)); n != 1 {
			t.Errorf("%d messages, want 1", n)
		}
		t.Logf("the dialogue:\n%s", srv.Transcript())
	})
}

// A permanent refusal is not retried, and no message is recorded.
func TestExample_permanentRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewInMemoryServer(t)
		srv.Script(smtptest.Rule{On: "RCPT", Reply: "550 5.1.1 no such user"})
		m := mailer{dial: srv.DialContext}
		err := m.Send(t.Context(), "shop@example.com", "bob@example.com", "Hi!\r\n")
		var reply *textproto.Error
		if !errors.As(err, &reply) || reply.Code != 550 {
			t.Errorf("Send() = %v, want the 550", err)
		}

		if n := len(srv.Sessions()); n != 1 {
			t.Errorf("%d attempts, want 1", n)
		}
		t.Logf("the dialogue:\n%s", srv.Transcript())
	})
}

// The ambiguous delivery: the server has stored the message, and its 250 is
// lost. A correct client sends it again; the Message-ID shows the duplicate.
func TestExample_duplicate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewInMemoryServer(t)
		srv.Script(smtptest.Rule{On: ".", Times: 1, Keep: true, Reply: smtptest.NoReply, Then: smtptest.Reset})
		m := mailer{dial: srv.DialContext}
		if err := m.Send(t.Context(), "shop@example.com", "bob@example.com", "Message-ID: <1@example.com>\r\n\r\nHi!\r\n"); err != nil {
			t.Fatal(err)
		}

		both := srv.Wait(2)
		if diff := cmp.Diff(both[0].Data, both[1].Data); diff != "" {
			t.Errorf("the second attempt differs (-first +second):\n%s", diff)
		}
		if both[0].Reply != "" || both[1].Reply.Code() != 250 {
			t.Errorf("replies %q and %q", both[0].Reply, both[1].Reply)
		}
		t.Logf("the dialogue:\n%s", srv.Transcript())
	})
}

// An outage: the relay is gone for ten minutes and comes back at the same
// address.
func TestExample_outage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewInMemoryServer(t)
		srv.Stop()
		m := mailer{dial: srv.DialContext}
		if err := m.Send(t.Context(), "shop@example.com", "bob@example.com", "Hi!\r\n"); err == nil {
			t.Error("a message was delivered to nobody")
		}
		time.AfterFunc(10*time.Minute, srv.Restart)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if err := m.Send(t.Context(), "shop@example.com", "bob@example.com", "Hi!\r\n"); err != nil {
			t.Error(err)
		}

		srv.Wait(1)
		t.Logf("the dialogue:\n%s", srv.Transcript())
	})
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
