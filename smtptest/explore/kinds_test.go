package explore_test

import (
	"bufio"
	"context"
	"net"
	"net/smtp"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/explore"
)

// queueing returns the client of a mailer that only queues the mail.
func queueing(t *testing.T, srv *smtptest.Server) func(context.Context) error {
	m := newMailer(srv)
	queue, done := make(chan string, 10), make(chan bool)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(done)
		for text := range queue {
			m.Send(ctx, []string{"bob@example.com"}, text)
		}
	}()
	t.Cleanup(func() {
		cancel()
		close(queue)
		<-done
	})
	return func(context.Context) error {
		queue <- mail
		return nil
	}
}

// TestQueue verifies that a mailer that returns before it delivers is judged by what it
// promises.
func TestQueue(t *testing.T) {
	found, table := explore.Violations(t, explore.Config{Server: withLogin, Retry: explore.Temporary | explore.Lost}, queueing)
	if len(found) > 0 {
		t.Errorf("violations: %v\n%s", found, table)
	}
}

// guarded returns the client of a mailer with a goroutine that takes the mailer's lock
// now and then. While a delivery holds the lock, that stops the clock of a bubble.
// With the flaw, the mailer takes its lock twice after a failure.
func guarded(flaw bool) func(t *testing.T, srv *smtptest.Server) func(context.Context) error {
	return func(t *testing.T, srv *smtptest.Server) func(context.Context) error {
		m := newMailer(srv)
		m.tries = 1
		var mu sync.Mutex
		stop, done := make(chan bool), make(chan bool)
		go func() {
			defer close(done)
			for {
				select {
				case <-time.After(time.Second):
					mu.Lock()
					mu.Unlock()
				case <-stop:
					return
				}
			}
		}()
		t.Cleanup(func() { close(stop); <-done })
		return func(ctx context.Context) error {
			mu.Lock()
			defer mu.Unlock()
			conn, err := m.dial(ctx, "tcp", "mx")
			if err != nil {
				return err
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(time.Minute))
			defer context.AfterFunc(ctx, func() { conn.Close() })()
			err = sendOver(conn)
			if err != nil && flaw {
				mu.Lock()
			}
			return err
		}
	}
}

// sendOver sends the mail over a connection.
func sendOver(conn net.Conn) error {
	c := &rawConn{Conn: conn, r: textproto.NewReader(bufio.NewReader(conn))}
	if err := c.reply('2'); err != nil {
		return err
	}
	if err := c.command("EHLO client.test"); err != nil {
		return err
	}
	_, err := (&rawMailer{}).transact(c, []string{"bob@example.com"}, mail)
	if err == nil {
		c.command("QUIT")
	}
	return err
}

// TestLockedClock verifies that a client whose lock stops the clock of a bubble is not
// taken for one that waits for its lock forever.
func TestLockedClock(t *testing.T) {
	only := func(step, fault string) bool { return step == "MAIL" && (fault == "stall" || fault == "4xx") }
	found, table := explore.Violations(t, explore.Config{Only: only}, guarded(false))
	if len(found) > 0 || !strings.Contains(table, "\nMAIL   e  x\n") {
		t.Errorf("violations: %v\n%s", found, table)
	}
	found, table = explore.Violations(t, explore.Config{Only: only}, guarded(true))
	if len(found) != 1 || len(found["stuck"]) != 1 {
		t.Errorf("violations: %v\n%s", found, table)
	}
}

// TestOverTCP plays clients that take no dialer.
func TestOverTCP(t *testing.T) {
	t.Run("SendMail", func(t *testing.T) {
		found, table := explore.Violations(t, explore.Config{TCP: true}, func(t *testing.T, srv *smtptest.Server) func(context.Context) error {
			return func(context.Context) error {
				return smtp.SendMail(srv.Addr, nil, "shop@example.com", []string{"bob@example.com"}, []byte(mail))
			}
		})
		t.Logf("%v\n%s", found, table)
		if len(found) != 2 || len(found["hang"]) == 0 || len(found["false-failure"]) == 0 {
			t.Errorf("violations: %v\n%s", found, table)
		}
	})
	t.Run("good", func(t *testing.T) {
		found, table := explore.Violations(t, explore.Config{TCP: true, Server: withLogin}, func(t *testing.T, srv *smtptest.Server) func(context.Context) error {
			m := newMailer(srv)
			m.tries, m.timeout = 1, time.Second
			return func(ctx context.Context) error { return m.Send(ctx, []string{"bob@example.com"}, mail) }
		})
		t.Logf("%v\n%s", found, table)
		if len(found) > 0 {
			t.Errorf("violations: %v\n%s", found, table)
		}
	})
}

// TestAbandonedBubbles verifies that a client that deadlocks costs only its scenarios:
// after three of them with one fault, and after ten in all, the others are not played.
func TestAbandonedBubbles(t *testing.T) {
	only := func(step, fault string) bool {
		return fault == "4xx" || fault == "reset" || fault == "close" || fault == "421"
	}
	found, table := explore.Violations(t, explore.Config{Only: only}, withFlaws(flaws{deadlock: true}, "bob@example.com"))
	if len(found) != 1 || len(found["stuck"]) != 10 {
		t.Errorf("violations: %v\n%s", found, table)
	}
	for _, want := range []string{"CONNECT e! e! e! e!\n", "RCPT    x  x  x  x\n"} {
		if !strings.Contains(strings.ReplaceAll(table, " \n", "\n"), want) {
			t.Errorf("the table has no %q:\n%s", want, table)
		}
	}
}
