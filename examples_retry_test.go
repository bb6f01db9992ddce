package smtp_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/smtp"
	"net/textproto"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// A mailer is a service under test that tries again where it may: after a
// temporary refusal (4yz) and after a connection that was lost or stalled, but
// not after a permanent refusal (5yz), and never once a 250 has come.
type mailer struct {
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

const timeOut = 4 * time.Minute // of one attempt; the server's IdleTimeout is longer

// backOff is how long it waits before the second attempt, the third and so on.
var backOff = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute}

// Send returns nil once the mail is delivered, or else why the last attempt
// failed.
func (m mailer) Send(ctx context.Context, to, mail string) error {
	for _, wait := range backOff {
		err := m.try(ctx, to, mail)
		var reply *textproto.Error
		if err == nil || errors.As(err, &reply) && reply.Code/100 == 5 {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return m.try(ctx, to, mail)
}

func (m mailer) try(ctx context.Context, to, mail string) error {
	conn, err := m.dial(ctx, "tcp", "mx.example.com:25")
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(timeOut))
	c, err := smtp.NewClient(conn, "mx.example.com")
	if err != nil {
		return err
	}
	if err := c.Mail("shop@example.com"); err != nil {
		return err
	}
	if err := c.Rcpt(to); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, mail); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	c.Quit() // the 250 has come: what QUIT returns is no reason to send the mail again
	return nil
}

const mail = "Message-ID: <1@shop.example.com>\r\nSubject: Hi\r\n\r\nHi!\r\n"

// attempts is when each connection was made, from a moment on.
func attempts(srv *smtptest.Server, began time.Time) []time.Duration {
	var all []time.Duration
	for _, s := range srv.Sessions() {
		all = append(all, s.Start.Sub(began))
	}
	return all
}

// The mailer meets greylisting, a refusal after the dot and a dropped
// connection. Its 21 minutes of back-off pass in no time: the test runs in a
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
		if err := (mailer{srv.DialContext}).Send(t.Context(), "bob@example.com", mail); err != nil {
			t.Fatal(err)
		}

		want := []time.Duration{0, 1 * time.Minute, 6 * time.Minute, 21 * time.Minute}
		if diff := cmp.Diff(want, attempts(srv, began)); diff != "" {
			t.Errorf("attempts mismatch (-want +got):\n%s", diff)
		}
		if n := len(srv.Wait(1)); n != 1 {
			t.Errorf("%d messages, want 1", n)
		}
		srv.WaitSessions(len(want))
		t.Logf("the dialogue:\n%s", srv.Transcript())
	})
}

// Each fault at each stage of a session, once: a temporary one costs a
// minute, a stall the time-out too, and a permanent one ends it all.
func TestExample_retryAtEachStage(t *testing.T) {
	faults := []struct {
		name   string
		rule   smtptest.Rule
		second time.Duration // when the second attempt is made; 0: there is none
	}{
		{"temporary refusal", smtptest.Rule{Reply: "451 4.3.0 try again"}, time.Minute},
		{"permanent refusal", smtptest.Rule{Reply: "550 5.7.1 go away"}, 0},
		{"going down", smtptest.Rule{Reply: "421 4.3.2 going down"}, time.Minute},
		{"closed", smtptest.Rule{Reply: smtptest.NoReply, Then: smtptest.Close}, time.Minute},
		{"reset", smtptest.Rule{Reply: smtptest.NoReply, Then: smtptest.Reset}, time.Minute},
		{"stalled", smtptest.Rule{Delay: smtptest.Forever}, timeOut + time.Minute},
	}
	for _, stage := range []string{"CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "."} {
		for _, f := range faults {
			t.Run(stage+" "+f.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					srv := smtptest.NewInMemoryServer(t)
					f.rule.On, f.rule.Times = stage, 1
					rules := []smtptest.Rule{f.rule}
					if stage == "EHLO" { // net/smtp says HELO after whatever went wrong
						f.rule.On, f.rule.Optional = "HELO", true
						rules = append(rules, f.rule)
					}
					srv.Script(rules...)
					began := time.Now()
					err := mailer{srv.DialContext}.Send(t.Context(), "bob@example.com", mail)

					want, delivered := []time.Duration{0, f.second}, 1
					if f.second == 0 {
						want, delivered = []time.Duration{0}, 0
					}
					if diff := cmp.Diff(want, attempts(srv, began)); diff != "" {
						t.Errorf("attempts mismatch (-want +got):\n%s", diff)
					}
					if n := srv.Count(); n != delivered || (err == nil) != (delivered == 1) {
						t.Errorf("%d messages, Send() = %v, want %d", n, err, delivered)
					}
					t.Logf("the dialogue of the first attempt:\n%s", srv.WaitSession(nil).Transcript())
				})
			})
		}
	}
}

// A server that refuses for hours: the attempts come at the moments that they
// should, to the second, and then the mailer gives up.
func TestExample_backOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewInMemoryServer(t)
		srv.Script(smtptest.Rule{On: "MAIL", Reply: "452 4.3.1 disk full"})
		began := time.Now()
		err := mailer{srv.DialContext}.Send(t.Context(), "bob@example.com", mail)

		var reply *textproto.Error
		if !errors.As(err, &reply) || reply.Code != 452 {
			t.Errorf("Send() = %v, want the last 452", err)
		}
		want := []time.Duration{0, 1 * time.Minute, 6 * time.Minute, 21 * time.Minute}
		if diff := cmp.Diff(want, attempts(srv, began)); diff != "" {
			t.Errorf("attempts mismatch (-want +got):\n%s", diff)
		}
		srv.WaitSessions(len(want))
		t.Logf("the dialogue:\n%s", srv.Transcript())
	})
}

// The service is shut down while the mailer waits: it does not wait on.
func TestExample_shutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewInMemoryServer(t)
		srv.Script(smtptest.Rule{On: "MAIL", Reply: "452 4.3.1 disk full"})
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		began := time.Now()
		if err := (mailer{srv.DialContext}).Send(ctx, "bob@example.com", mail); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Send() = %v, want %v", err, context.DeadlineExceeded)
		}

		if took := time.Since(began); took != 90*time.Second {
			t.Errorf("it took %v, want 90 seconds", took)
		}
		if n := len(srv.Sessions()); n != 2 {
			t.Errorf("%d attempts, want 2", n)
		}
		srv.WaitSessions(2)
		t.Logf("the dialogue:\n%s", srv.Transcript())
	})
}

// A permanent refusal is not retried, and no message is recorded.
func TestExample_permanentRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewInMemoryServer(t)
		srv.Script(smtptest.Rule{On: "RCPT", Reply: "550 5.1.1 no such user"})
		err := mailer{srv.DialContext}.Send(t.Context(), "bob@example.com", mail)
		var reply *textproto.Error
		if !errors.As(err, &reply) || reply.Code != 550 {
			t.Errorf("Send() = %v, want the 550", err)
		}

		if n := len(srv.Sessions()); n != 1 {
			t.Errorf("%d attempts, want 1", n)
		}
		if n := srv.Count(); n != 0 {
			t.Errorf("%d messages, want none", n)
		}
		srv.WaitSessions(1)
		t.Logf("the dialogue:\n%s", srv.Transcript())
	})
}

// The connection is lost in the middle of the content, before the dot: nothing
// is recorded, and the second attempt delivers the only copy.
func TestExample_lostBeforeTheDot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewInMemoryServer(t)
		srv.Script(smtptest.Rule{On: "BODY 20", Times: 1, Then: smtptest.Reset})
		if err := (mailer{srv.DialContext}).Send(t.Context(), "bob@example.com", mail); err != nil {
			t.Fatal(err)
		}

		got := srv.Wait(1)
		if len(got) != 1 || got[0].Session != 2 {
			t.Errorf("messages of the sessions %v, want one, of session 2", got)
		}
		if first := srv.Sessions()[0].Transactions[0]; first.Outcome != smtptest.OutcomeAborted {
			t.Errorf("the first attempt was %s, want it %s", first.Outcome, smtptest.OutcomeAborted)
		}
		srv.WaitSessions(2)
		t.Logf("the dialogue:\n%s", srv.Transcript())
	})
}

// The ambiguous delivery: the server has stored the message, and its 250 is
// lost behind the dot. A correct client sends it again, later and with the
// same Message-ID, by which the duplicate can be known.
func TestExample_duplicate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewInMemoryServer(t)
		srv.Script(smtptest.Rule{On: ".", Times: 1, Keep: true, Reply: smtptest.NoReply, Then: smtptest.Reset})
		if err := (mailer{srv.DialContext}).Send(t.Context(), "bob@example.com", mail); err != nil {
			t.Fatal(err)
		}

		both := srv.Wait(2)
		if diff := cmp.Diff(both[0].Data, both[1].Data); diff != "" {
			t.Errorf("the second attempt differs (-first +second):\n%s", diff)
		}
		if both[0].Reply != "" || both[1].Reply.Code() != 250 {
			t.Errorf("replies %q and %q, want none and 250", both[0].Reply, both[1].Reply)
		}
		if diff := cmp.Diff([]string{"<1@shop.example.com>"}, duplicates(both)); diff != "" {
			t.Errorf("duplicates mismatch (-want +got):\n%s", diff)
		}
		srv.WaitSessions(2)
		t.Logf("the dialogue:\n%s", srv.Transcript())
	})
}

// The connection is lost behind the 250, at QUIT: the mail is delivered, and
// must not be sent again.
func TestExample_noDuplicate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewInMemoryServer(t)
		srv.Script(smtptest.Rule{On: "QUIT", Reply: smtptest.NoReply, Then: smtptest.Reset})
		if err := (mailer{srv.DialContext}).Send(t.Context(), "bob@example.com", mail); err != nil {
			t.Error(err)
		}

		if twice := duplicates(srv.Wait(1)); twice != nil {
			t.Errorf("sent again: %v", twice)
		}
		srv.WaitSessions(1)
		t.Logf("the dialogue:\n%s", srv.Transcript())
	})
}

// duplicates are the Message-IDs that have come more than once.
func duplicates(messages []smtptest.Message) []string {
	times := map[string]int{}
	var twice []string
	for _, m := range messages {
		id := m.Header().Get("Message-ID")
		if times[id]++; times[id] == 2 {
			twice = append(twice, id)
		}
	}
	return twice
}

// An outage: the relay is gone for ten minutes and comes back at the same
// address. The attempts that it refused are no sessions.
func TestExample_outage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewInMemoryServer(t)
		srv.Stop()
		time.AfterFunc(10*time.Minute, srv.Restart)
		began := time.Now()
		if err := (mailer{srv.DialContext}).Send(t.Context(), "bob@example.com", mail); err != nil {
			t.Fatal(err)
		}

		if diff := cmp.Diff([]time.Duration{21 * time.Minute}, attempts(srv, began)); diff != "" {
			t.Errorf("attempts mismatch (-want +got):\n%s", diff)
		}
		srv.Wait(1)
		srv.WaitSessions(1)
		t.Logf("the dialogue:\n%s", srv.Transcript())
	})
}

// TestExample_outageAtAnEvent lets an outage begin at the end of the data. An If may
// not call Stop itself, which waits for the If. The delay keeps the reply back until
// Stop has closed the listener and then the connection, so the client cannot connect
// again before. Stop ends the delay, and Keep records the message.
func TestExample_outageAtAnEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewInMemoryServer(t)
		outage := func(smtptest.Event) bool {
			go srv.Stop()
			time.AfterFunc(10*time.Minute, srv.Restart)
			return true
		}
		srv.Script(smtptest.Rule{On: ".", Times: 1, If: outage, Delay: smtptest.Forever, Keep: true})
		began := time.Now()
		if err := (mailer{srv.DialContext}).Send(t.Context(), "bob@example.com", mail); err != nil {
			t.Fatal(err)
		}

		if diff := cmp.Diff([]time.Duration{0, 21 * time.Minute}, attempts(srv, began)); diff != "" {
			t.Errorf("attempts mismatch (-want +got):\n%s", diff)
		}
		srv.Wait(2) // the second one is a duplicate, which nobody can avoid (RFC 1047)
		srv.WaitSessions(2)
		t.Logf("the dialogue:\n%s", srv.Transcript())
	})
}
