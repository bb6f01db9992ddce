package smtp_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// Greylisting: who comes for the first time, with this sender and to this
// recipient, is put off for five minutes. The mailer's first two attempts come
// too early.
func TestExample_greylisting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewInMemoryServer(t)
		srv.Script(smtptest.Rule{
			On:    "RCPT",
			Per:   smtptest.PerPeer | smtptest.PerSender | smtptest.PerRecipient,
			For:   5 * time.Minute,
			Reply: "450 4.7.1 greylisted",
		})
		m := mailer{srv.DialContext}
		began := time.Now()
		if err := m.Send(t.Context(), "bob@example.com", mail); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]time.Duration{0, 1 * time.Minute, 6 * time.Minute}, attempts(srv, began)); diff != "" {
			t.Errorf("attempts mismatch (-want +got):\n%s", diff)
		}

		// He is known now, and another recipient is not.
		began = time.Now()
		if err := errors.Join(m.Send(t.Context(), "bob@example.com", mail), m.Send(t.Context(), "eve@example.com", mail)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 6*time.Minute {
			t.Errorf("it took %v, want 6 minutes", took)
		}
		if fired := srv.Fired()[0]; fired != 4 {
			t.Errorf("put off %d times, want 4", fired)
		}
		srv.WaitSessions(7)
		t.Logf("the dialogue:\n%s", srv.Transcript())
	})
}

// A provider's rate limit: three messages an hour. The mailer gives up the
// fourth after 21 minutes; once the hour is over, there is room again.
func TestExample_rateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewInMemoryServer(t)
		srv.Script(smtptest.Rule{On: "MAIL", Skip: 3, Every: time.Hour, Reply: "451 4.7.0 too many messages, slow down"})
		m := mailer{srv.DialContext}
		for n := 1; n <= 4; n++ {
			if err := m.Send(t.Context(), "bob@example.com", mail); (err == nil) != (n <= 3) {
				t.Errorf("message %d: %v", n, err)
			}
		}
		time.Sleep(39 * time.Minute) // in the bubble: the hour ends with it
		if err := m.Send(t.Context(), "bob@example.com", mail); err != nil {
			t.Errorf("in the next hour: %v", err)
		}

		if n := srv.Count(); n != 4 {
			t.Errorf("%d messages, want 4", n)
		}
		srv.WaitSessions(8)
		t.Logf("the dialogue:\n%s", srv.Transcript())
	})
}

// A slow server: each answer takes a while. A mail has seven of them, with the
// greeting and that to QUIT.
func TestExample_slowServer(t *testing.T) {
	for _, tt := range []struct {
		name      string
		rule      smtptest.Rule
		took      time.Duration
		attempts  int
		delivered int
	}{
		{"in time", smtptest.Rule{On: "*", Delay: 30 * time.Second}, 7 * 30 * time.Second, 1, 1},
		{"too slow", smtptest.Rule{On: "*", Delay: 90 * time.Second}, 4*timeOut + 21*time.Minute, 4, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := smtptest.NewInMemoryServer(t)
				srv.Script(tt.rule)
				began := time.Now()
				err := mailer{srv.DialContext}.Send(t.Context(), "bob@example.com", mail)
				if took := time.Since(began); took != tt.took {
					t.Errorf("it took %v, want %v", took, tt.took)
				}
				if n := srv.Count(); n != tt.delivered || (err == nil) != (n == 1) {
					t.Errorf("%d messages, Send() = %v, want %d", n, err, tt.delivered)
				}
				srv.WaitSessions(tt.attempts)
				t.Logf("the dialogue:\n%s", srv.Transcript())
			})
		})
	}
}

// A server that has the message, and forgets to answer the dot: the mailer
// waits for its time-out, and has to send the mail again.
func TestExample_forgottenDot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewInMemoryServer(t)
		srv.Script(smtptest.Rule{On: ".", Times: 1, Keep: true, Reply: smtptest.NoReply})
		began := time.Now()
		if err := (mailer{srv.DialContext}).Send(t.Context(), "bob@example.com", mail); err != nil {
			t.Fatal(err)
		}

		if took := time.Since(began); took != timeOut+time.Minute {
			t.Errorf("it took %v, want %v", took, timeOut+time.Minute)
		}
		if diff := cmp.Diff([]string{"<1@shop.example.com>"}, duplicates(srv.Wait(2))); diff != "" {
			t.Errorf("duplicates mismatch (-want +got):\n%s", diff)
		}
		srv.WaitSessions(2)
		t.Logf("the dialogue:\n%s", srv.Transcript())
	})
}

// A flaky server, which refuses, drops and forgets by chance: the same each
// time, as its seed is set. Without one it draws a seed and logs it, to be set
// when a test has failed.
func TestExample_flakyServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewUnstartedServer(t)
		srv.Seed = 1
		srv.Script(
			smtptest.Rule{On: "CONNECT", Chance: 0.2, Reply: "421 4.3.2 too busy"},
			smtptest.Rule{On: "RCPT", Chance: 0.2, Reply: "451 4.3.0 try again"},
			smtptest.Rule{On: ".", Chance: 0.2, Keep: true, Reply: smtptest.NoReply, Then: smtptest.Reset},
		)
		srv.StartInMemory()
		delivered := 0
		for n := range 50 {
			mail := fmt.Sprintf("Message-ID: <%d@shop.example.com>\r\n\r\nHi!\r\n", n)
			if err := (mailer{srv.DialContext}).Send(t.Context(), "bob@example.com", mail); err == nil {
				delivered++
			}
		}

		fired := srv.Fired()
		if diff := cmp.Diff([]int{19, 12, 15}, fired); diff != "" {
			t.Errorf("faults mismatch (-want +got):\n%s", diff)
		}
		all := srv.Messages()
		if len(all) != delivered+fired[2] {
			t.Errorf("%d messages, want the %d delivered and the %d whose 250 was lost", len(all), delivered, fired[2])
		}
		again := duplicates(all)
		t.Logf("%d mails of 50 delivered, and more than once: %v", delivered, again)
		for _, m := range all {
			if id := m.Header().Get("Message-ID"); slices.Index(again, id) == 0 {
				t.Logf("the dialogue that brought %s:\n%s", id, srv.Sessions()[m.Session-1].Transcript())
			}
		}
	})
}
