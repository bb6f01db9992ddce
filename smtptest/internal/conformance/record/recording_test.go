package record_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

// TestRecordedBeforeReply holds that who has read the 250 finds the message.
func TestRecordedBeforeReply(t *testing.T) {
	play.Networks(t, func(t *testing.T, start func(*smtptest.Server)) {
		srv := smtptest.NewUnstartedServer(t)
		start(srv)
		c := play.Arrive(t, srv, play.EHLO)
		for i := 1; i <= 50; i++ {
			if err := play.Converse(c, play.StepsOf(play.Talk(play.SayMail, play.SayRcpt, play.SayData, play.SayText))); err != nil {
				t.Fatal(err)
			}
			if n := srv.Count(); n != i {
				t.Fatalf("Count() after the 250 = %d, want %d", n, i)
			}
			if m := srv.Messages(); len(m) != i || m[i-1].Data != "text\r\n" || m[i-1].Reply != play.OK {
				t.Fatalf("Messages() after the 250: %v", m)
			}
		}
	})
}

// TestCloseOnArrival is the test that closes the server as soon as it is told
// of a message: the client has its 250 all the same.
func TestCloseOnArrival(t *testing.T) {
	for name, reaction := range map[string]func(*smtptest.Server){
		"close": (*smtptest.Server).Close, "stop": (*smtptest.Server).Stop, "hang up": (*smtptest.Server).CloseClientConnections,
	} {
		t.Run(name, func(t *testing.T) {
			play.Networks(t, func(t *testing.T, start func(*smtptest.Server)) {
				for range 50 {
					srv := smtptest.NewUnstartedServer(t)
					start(srv)
					c := play.Arrive(t, srv, play.InData)
					var told sync.WaitGroup
					told.Go(func() { srv.Wait(1); reaction(srv) })
					io.WriteString(c, "text\r\n.\r\n")
					got, err := io.ReadAll(c)
					if string(got) != play.OK+"\r\n" || err != nil {
						t.Fatalf("the client read %q, %v", got, err)
					}
					told.Wait()
				}
			})
		})
	}
}

// TestCopies changes all that the accessors return: nothing of it comes back.
func TestCopies(t *testing.T) {
	srv := smtptest.NewInMemoryServer(t)
	c := play.Arrive(t, srv, play.EHLO)
	if err := play.Converse(c, play.StepsOf(play.Talk("C: MAIL FROM:<a@client.test> SIZE=10", "S: "+play.MailOK, play.SayRcpt, play.SayData, "C: .text", "C: .", "S: "+play.OK, play.SayQuit))); err != nil {
		t.Fatal(err)
	}
	srv.WaitSession(func(smtptest.Session) bool { return true })
	messages, sessions := srv.Messages(), srv.Sessions()
	m, s := srv.Wait(1)[0], srv.WaitSession(nil)
	f := srv.WaitFor(nil)
	for _, m := range []smtptest.Message{m, f, srv.Messages()[0]} {
		m.To[0], m.MailOptions[0], m.RcptOptions[0], m.Unstuffed[0] = "x", "x", []string{"x"}, 99
	}
	for _, s := range []smtptest.Session{s, srv.Sessions()[0]} {
		s.Exchanges[0].Command = "x"
		s.Transactions[0].Recipients[0].To, s.Transactions[0].MailOptions[0] = "x", "x"
		s.Transactions[0].Outcome = "x"
	}
	if diff := cmp.Diff(messages, srv.Messages()); diff != "" {
		t.Errorf("Messages() (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(sessions, srv.Sessions()); diff != "" {
		t.Errorf("Sessions() (-before +after):\n%s", diff)
	}
}

// TestReadersAndTraffic reads all there is to read while clients are busy, and
// drains: each message is seen once.
func TestReadersAndTraffic(t *testing.T) {
	srv := smtptest.NewServer(t)
	const clients, each = 4, 25
	var senders, readers sync.WaitGroup
	for i := range clients {
		senders.Go(func() {
			for j := range each {
				if err := play.Deliver(srv, fmt.Sprintf("c%d-%d@client.test", i, j), "text"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	over := make(chan struct{})
	seen := map[string]int{}
	drain := func() {
		for _, m := range srv.Drain() {
			seen[m.From]++
		}
	}
	readers.Go(func() { play.Repeat(over, drain) })
	readers.Go(func() {
		play.Repeat(over, func() { srv.Messages(); srv.Sessions(); srv.Transcript(); srv.Count(); srv.Unused() })
	})
	senders.Wait()
	close(over)
	readers.Wait()
	drain()
	if len(seen) != clients*each {
		t.Errorf("%d of %d messages drained", len(seen), clients*each)
	}
	for from, n := range seen {
		if n != 1 {
			t.Errorf("%s was drained %d times", from, n)
		}
	}
}

// TestWait is about what ends a wait, and what it says then.
func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tb := &play.FakeTB{}
		srv := smtptest.NewInMemoryServer(tb)
		defer tb.End()
		later := func(from string) {
			time.AfterFunc(time.Minute, func() { play.Deliver(srv, from, "text") })
		}
		began := time.Now()
		later("one@client.test")
		if m := srv.Wait(1); m[0].From != "one@client.test" || time.Since(began) != time.Minute {
			t.Errorf("Wait(1) = %v after %v", m, time.Since(began))
		}
		if m := srv.Wait(1); len(m) != 1 {
			t.Errorf("Wait(1) again = %v", m)
		}
		if m := srv.Drain(); len(m) != 1 || srv.Count() != 0 || len(srv.Messages()) != 0 {
			t.Errorf("Drain() = %v, and %d are left", m, srv.Count())
		}
		later("two@client.test")
		later("three@client.test")
		m := srv.WaitFor(func(m smtptest.Message) bool { return m.From == "three@client.test" })
		if m.From != "three@client.test" || time.Since(began) != 2*time.Minute {
			t.Errorf("WaitFor() = %v after %v", m, time.Since(began))
		}
		if m := srv.Wait(2); len(m) != 2 {
			t.Errorf("Wait(2) = %v", m)
		}
		if got := tb.Errors(); got != "" {
			t.Errorf("failures: %s", got)
		}
	})
}

func TestWaitFails(t *testing.T) {
	dialogue := "C: RCPT TO:<b@server.test>\n            S: 250 2.1.5 OK\n"
	for name, wait := range map[string]func(*smtptest.Server){
		"Wait(3)":     func(srv *smtptest.Server) { srv.Wait(3) },
		"WaitFor":     func(srv *smtptest.Server) { srv.WaitFor(func(m smtptest.Message) bool { return m.From == "x" }) },
		"WaitSession": func(srv *smtptest.Server) { srv.WaitSession(func(s smtptest.Session) bool { return s.End == "x" }) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tb := &play.FakeTB{}
				srv := smtptest.NewInMemoryServer(tb)
				if err := play.Deliver(srv, "a@client.test", "text"); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				play.Try(func() { wait(srv); t.Error("a failed wait goes on") })
				if time.Since(began) != 24*time.Hour {
					t.Errorf("it waited %v", time.Since(began))
				}
				got := tb.Errors()
				if !strings.HasPrefix(got, "smtptest: "+name+": ") || !strings.Contains(got, dialogue) || !strings.Contains(got, "1 ") {
					t.Errorf("failure: %s", got)
				}
				tb.End()
				if strings.Contains(tb.Logged(), dialogue) {
					t.Errorf("a failed test shows the same dialogue again: %s", tb.Logged())
				}
			})
		})
	}
}

func TestWaitContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewInMemoryServer(t)
		enough := errors.New("enough")
		ctx, cancel := context.WithTimeoutCause(context.Background(), time.Minute, enough)
		defer cancel()
		if err := play.Deliver(srv, "a@client.test", "text"); err != nil {
			t.Fatal(err)
		}
		if m, err := srv.WaitContext(ctx, 1); len(m) != 1 || err != nil {
			t.Errorf("WaitContext(1) = %v, %v", m, err)
		}
		if m, err := srv.WaitContext(ctx, 2); len(m) != 1 || !errors.Is(err, enough) {
			t.Errorf("WaitContext(2) = %v, %v", m, err)
		}
		time.AfterFunc(time.Hour, srv.Close)
		if m, err := srv.WaitContext(context.Background(), 2); len(m) != 1 || err == nil || !strings.Contains(err.Error(), "closed") {
			t.Errorf("WaitContext(2) at Close = %v, %v", m, err)
		}
	})
}

// TestWaitRaces has what could come between the count and the messages, or
// between the last look and the end of the wait, come there.
func TestWaitRaces(t *testing.T) {
	for range 100 {
		srv := smtptest.NewServer(t)
		var others sync.WaitGroup
		over := make(chan struct{})
		others.Go(func() { play.Repeat(over, func() { srv.Drain() }) })
		for range 3 {
			others.Go(func() { play.Deliver(srv, "a@client.test", "text") })
		}
		ctx, cancel := context.WithCancel(context.Background())
		others.Go(func() {
			if m, err := srv.WaitContext(ctx, 1); err == nil && len(m) < 1 {
				t.Error("WaitContext(1) = nothing, and no error")
			}
		})
		if err := play.Deliver(srv, "a@client.test", "text"); err != nil {
			t.Fatal(err)
		}
		cancel()
		close(over)
		others.Wait()
	}
	for range 100 {
		srv := smtptest.NewServer(t)
		var waiting sync.WaitGroup
		waiting.Go(func() {
			if m, err := srv.WaitContext(context.Background(), 1); len(m) != 1 || err != nil {
				t.Errorf("WaitContext(1) = %v, %v: the message was recorded before Close", m, err)
			}
		})
		if err := play.Deliver(srv, "a@client.test", "text"); err != nil {
			t.Fatal(err)
		}
		srv.Close()
		waiting.Wait()
	}
}
