package record_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

// deliverFrom sends one message from each sender, in order.
func deliverFrom(t *testing.T, srv *smtptest.Server, senders ...string) {
	t.Helper()
	for _, from := range senders {
		if err := play.Deliver(srv, from+"@client.test", "text"); err != nil {
			t.Fatal(err)
		}
	}
}

// isFrom returns a match for messages from the sender.
func isFrom(sender string) func(smtptest.Message) bool {
	return func(m smtptest.Message) bool { return m.From == sender+"@client.test" }
}

func sendersOf(messages []smtptest.Message) string {
	var senders []string
	for _, m := range messages {
		sender, _, _ := strings.Cut(m.From, "@")
		senders = append(senders, sender)
	}
	return strings.Join(senders, " ")
}

// TestTake verifies which message Take returns, and that the other methods no longer
// have it.
func TestTake(t *testing.T) {
	for _, c := range []struct {
		name, come, take, taken, left string
	}{
		{"first", "a b c", "a", "a", "b c"},
		{"middle", "a b c", "b", "b", "a c"},
		{"last", "a b c", "c", "c", "a b"},
		{"the first of two that match", "a b a", "a", "a", "b a"},
		{"a nil match takes in order", "a b c", "* *", "a b", "c"},
		{"all, in another order", "a b c", "c a b", "c a b", ""},
		{"each of two equal messages once", "a a", "a a", "a a", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := smtptest.NewInMemoryServer(t)
			deliverFrom(t, srv, strings.Fields(c.come)...)
			var taken []smtptest.Message
			for _, sender := range strings.Fields(c.take) {
				match := isFrom(sender)
				if sender == "*" {
					match = nil
				}
				taken = append(taken, srv.Take(match))
			}
			left := srv.Messages()
			if got := sendersOf(taken); got != c.taken {
				t.Errorf("taken: %s, want %s", got, c.taken)
			}
			if got := sendersOf(left); got != c.left || srv.Count() != len(left) {
				t.Errorf("left: %q, Count() = %d, want %q", got, srv.Count(), c.left)
			}
			deliverFrom(t, srv, "new")
			if got := sendersOf(srv.Wait(len(left) + 1)); got != strings.TrimSpace(c.left+" new") {
				t.Errorf("Wait returns %q", got)
			}
			if m := srv.WaitFor(isFrom("new")); m.From != "new@client.test" {
				t.Errorf("WaitFor returns a message from %s", m.From)
			}
			if got := sendersOf(srv.Drain()); got != strings.TrimSpace(c.left+" new") {
				t.Errorf("Drain returns %q", got)
			}
		})
	}
}

// TestTakeWaits verifies that Take and TakeContext wait for a message that matches,
// and how they end without one.
func TestTakeWaits(t *testing.T) {
	enough := errors.New("enough")
	for _, c := range []struct {
		name  string
		after time.Duration // the message comes; 0: never
		limit time.Duration // of the context; 0: none
		close time.Duration // the server is closed; 0: never
		took  time.Duration
		err   string
	}{
		{"it comes", time.Minute, 0, 0, time.Minute, ""},
		{"it comes before the deadline", time.Minute, time.Hour, 0, time.Minute, ""},
		{"it never comes", 0, 0, 0, 24 * time.Hour, "nothing more within 24h0m0s; none of 1 message matched"},
		{"the deadline passes", 0, time.Hour, 0, time.Hour, "enough"},
		{"the server is closed", 0, 0, time.Hour, time.Hour, "the server is closed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, method := range []string{"Take", "TakeContext"} {
				if method == "Take" && c.limit > 0 {
					continue
				}
				synctest.Test(t, func(t *testing.T) {
					tb := &play.FakeTB{}
					srv := smtptest.NewInMemoryServer(tb)
					defer tb.End()
					deliverFrom(t, srv, "other")
					if c.after > 0 {
						time.AfterFunc(c.after, func() { deliverFrom(t, srv, "a") })
					}
					if c.close > 0 {
						time.AfterFunc(c.close, srv.Close)
					}
					ctx := context.Background()
					if c.limit > 0 {
						limited, cancel := context.WithTimeoutCause(ctx, c.limit, enough)
						defer cancel()
						ctx = limited
					}
					began := time.Now()
					var m smtptest.Message
					got := ""
					if method == "Take" {
						play.Try(func() { m = srv.Take(isFrom("a")) })
						got = tb.Errors()
					} else {
						var err error
						if m, err = srv.TakeContext(ctx, isFrom("a")); err != nil {
							got = err.Error()
						}
					}
					synctest.Wait() // for the client to end
					if time.Since(began) != c.took {
						t.Errorf("%s took %v, want %v", method, time.Since(began), c.took)
					}
					if (got == "") != (c.err == "") || !strings.Contains(got, c.err) {
						t.Errorf("%s fails with %q, want %q", method, got, c.err)
					}
					if want := c.err == ""; want != (m.From == "a@client.test") {
						t.Errorf("%s returns a message from %q", method, m.From)
					}
					if srv.Count() != 1 {
						t.Errorf("%d messages are left, want 1", srv.Count())
					}
				})
			}
		})
	}
}

// TestTakeOnce verifies that each message has one taker: of several that wait with the
// same match, one gets the next message and the others continue to wait.
func TestTakeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewInMemoryServer(t)
		const takers = 5
		var mu sync.Mutex
		var taken []string
		var waiting sync.WaitGroup
		for range takers {
			waiting.Go(func() {
				m, err := srv.TakeContext(t.Context(), func(m smtptest.Message) bool {
					srv.Count() // match runs without a lock
					time.Sleep(time.Second)
					return strings.HasPrefix(m.From, "m")
				})
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				taken = append(taken, m.From)
			})
		}
		for i := range takers {
			synctest.Wait()
			deliverFrom(t, srv, "other", fmt.Sprintf("m%d", i))
			time.Sleep(time.Minute)
			mu.Lock()
			if len(taken) != i+1 {
				t.Errorf("after message %d: taken %v", i, taken)
			}
			mu.Unlock()
		}
		waiting.Wait()
		slices.Sort(taken)
		if len(slices.Compact(taken)) != takers {
			t.Errorf("taken %v: a message was taken twice", taken)
		}
		if got := sendersOf(srv.Messages()); got != strings.TrimSpace(strings.Repeat("other ", takers)) {
			t.Errorf("left: %s", got)
		}
	})
}

// TestTakeAndTraffic lets takers, a drain and senders run at the same time: each
// message is seen once.
func TestTakeAndTraffic(t *testing.T) {
	srv := smtptest.NewServer(t)
	const messages = 60
	seen := make(chan string, messages)
	ctx, cancel := context.WithCancel(t.Context())
	var takers, senders sync.WaitGroup
	for range 4 {
		takers.Go(func() {
			for {
				m, err := srv.TakeContext(ctx, nil)
				if err != nil {
					return
				}
				seen <- m.From
			}
		})
	}
	for i := range messages {
		senders.Go(func() { deliverFrom(t, srv, fmt.Sprint("m", i)) })
	}
	senders.Wait()
	for _, m := range srv.Drain() {
		seen <- m.From
	}
	got := map[string]bool{}
	for range messages {
		got[<-seen] = true
	}
	cancel()
	takers.Wait()
	if len(got) != messages || srv.Count() != 0 {
		t.Errorf("%d of %d messages were seen, and %d are left", len(got), messages, srv.Count())
	}
}
