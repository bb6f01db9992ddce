package rules_test

import (
	"context"
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

// TestIfBlocksAlone verifies that an If that does not return keeps waiting only
// the events that reach an If, and that the server closes the sessions of these
// at once.
func TestIfBlocksAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tb := &play.FakeTB{}
		srv := smtptest.NewUnstartedServer(tb)
		srv.WaitTimeout = time.Minute
		release := make(chan struct{})
		srv.StartInMemory()
		srv.Script(
			smtptest.Rule{On: "MAIL", If: func(e smtptest.Event) bool { <-release; return false }, Reply: "450 no", Optional: true},
			smtptest.Rule{On: "RCPT TO:<c@*>", If: func(e smtptest.Event) bool { panic("it is not the turn of this If") }, Reply: "450 no", Optional: true},
			smtptest.Rule{On: "NOOP", Skip: 1, Times: 1, Reply: "450 no"},
		)
		play.Arrive(t, srv, play.EHLO)
		first := play.Listen(play.Arrive(t, srv, play.EHLO))
		first.Say(play.Step{Send: "MAIL FROM:<a@client.test>\r\n"})
		waiting := play.Listen(play.Arrive(t, srv, play.EHLO))
		waiting.Say(play.Step{Send: "NOOP\r\nMAIL FROM:<a@client.test>\r\n"})
		if got := waiting.Heard(); got != play.OK+"\r\n" {
			t.Errorf("NOOP before the wait for an If: %q", got)
		}
		free := play.Listen(play.Arrive(t, srv, play.EHLO))
		free.Say(play.Step{Send: "NOOP\r\n"})
		free.Say(play.Step{Send: "RCPT TO:<c@server.test>\r\n"})
		if got := free.Heard(); got != "450 no\r\n" {
			t.Errorf("NOOP, and RCPT that waits for its If: %q", got)
		}
		if diff := cmp.Diff([]int{0, 0, 1}, srv.Fired()); diff != "" {
			t.Errorf("Fired() (-want +got):\n%s", diff)
		}
		began := time.Now()
		srv.Close()
		if took := time.Since(began); took != time.Minute {
			t.Errorf("Close took %v", took)
		}
		want := `smtptest: Close: the test's own code has not returned within 1m0s: If of rule 1: {On: "MAIL", If: func, Optional: true, Reply: "450 no"} in session 2; `
		if got := tb.Errors(); !strings.HasPrefix(got, want) || strings.Contains(got, "\n") {
			t.Errorf("failure %q, want %q", got, want)
		}
		for _, s := range srv.Sessions() {
			if open := s.End == ""; open != (s.ID == 2) {
				t.Errorf("session %d: End = %q", s.ID, s.End)
			}
		}
		close(release)
		synctest.Wait()
		for _, s := range srv.Sessions() {
			if s.End != smtptest.EndServer {
				t.Errorf("session %d: End = %q", s.ID, s.End)
			}
		}
	})
}

// TestIfTurns verifies that Ifs run one at a time, each event is counted once, and
// an If may read the Server.
func TestIfTurns(t *testing.T) {
	const sessions, commands = 8, 40
	srv := smtptest.NewServer(t)
	calls := [2]int{} // without a lock: -race finds two Ifs at a time
	count := func(i int, result bool) func(smtptest.Event) bool {
		return func(smtptest.Event) bool {
			calls[i]++
			return len(srv.Fired()) == 4 && len(srv.Sessions()) > 0 && srv.Count() == 0 && len(srv.Unused()) > 0 && result
		}
	}
	srv.Script(
		smtptest.Rule{On: "NOOP", Skip: 10, Times: 30, Reply: "450 one"},
		smtptest.Rule{On: "NOOP", If: count(0, true), Times: 50, Reply: "450 two"},
		smtptest.Rule{On: "NOOP", If: count(1, false), Reply: "450 three", Optional: true},
		smtptest.Rule{On: "NOOP", Skip: 100, Reply: "450 four"},
	)
	var clients sync.WaitGroup
	replies := make(chan string, sessions)
	for range sessions {
		clients.Go(func() {
			c, err := srv.DialContext(context.Background(), "", "")
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			io.WriteString(c, strings.Repeat("NOOP\r\n", commands)+"QUIT\r\n")
			got, _ := io.ReadAll(c)
			replies <- string(got)
		})
	}
	clients.Wait()
	close(replies)
	total := map[string]int{}
	for got := range replies {
		for line := range strings.Lines(got) {
			total[strings.TrimSpace(line)]++
		}
	}
	const rest = sessions*commands - 30 - 50 - 100
	want := map[string]int{play.Greeting: sessions, play.Bye: sessions, "450 one": 30, "450 two": 50, "450 four": rest, play.OK: 100}
	if diff := cmp.Diff(want, total); diff != "" {
		t.Errorf("replies (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{30, 50, 0, rest}, srv.Fired()); diff != "" {
		t.Errorf("Fired() (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([2]int{sessions*commands - 30, sessions*commands - 30 - 50}, calls); diff != "" {
		t.Errorf("calls of the Ifs (-want +got):\n%s", diff)
	}
}

// TestIfCost verifies that the cost of a rule with an If grows with the number of
// recipients and lines, and not with its square.
func TestIfCost(t *testing.T) {
	never := func(smtptest.Event) bool { return false }
	rcpts := func(n int) string { return strings.Repeat("RCPT TO:<b@server.test> NOTIFY=NEVER\r\n", n) }
	data := func(n int) string { return "DATA\r\n" + strings.Repeat(".x\r\n", n) + ".\r\n" }
	bdat := func(n int) string { return strings.Repeat("BDAT 1\r\nx", n) + "BDAT 0 LAST\r\n" }
	for _, test := range []struct {
		name  string
		on    string
		cond  func(smtptest.Event) bool
		lmtp  bool
		after func(n int) string
	}{
		{"recipients", "RCPT", never, false, rcpts},
		{"refused recipients", "RCPT", func(smtptest.Event) bool { return true }, false, rcpts},
		{"every second recipient refused", "RCPT", func() func(smtptest.Event) bool {
			odd := false
			return func(smtptest.Event) bool { odd = !odd; return odd }
		}(), false, rcpts},
		{"other events", "NOOP", never, false, func(n int) string { return rcpts(n) + strings.Repeat("NOOP\r\n", n) }},
		{"every event", "*", never, true, func(n int) string { return rcpts(n) + data(1) }},
		{"replies of LMTP", ".", never, true, func(n int) string { return rcpts(n) + data(1) }},
		{"refusals of LMTP", ".", func(smtptest.Event) bool { return true }, true, func(n int) string { return rcpts(n) + data(1) }},
		{"replies of LMTP to lines", ".", never, true, func(n int) string { return rcpts(n) + data(n) }},
		{"replies of LMTP to chunks", ".", never, true, func(n int) string { return rcpts(n) + bdat(n) }},
		{"chunks", "BDAT", never, false, func(n int) string { return rcpts(1) + bdat(n) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			cost := func(n int) uint64 {
				srv := smtptest.NewUnstartedServer(nil)
				srv.LMTP = test.lmtp
				srv.Extensions = append(srv.Extensions, "DSN", "CHUNKING")
				srv.StartInMemory()
				defer srv.Close()
				srv.Script(smtptest.Rule{On: test.on, If: test.cond, Reply: "450 no", Optional: true})
				c := play.Dial(t, srv)
				go io.Copy(io.Discard, c)
				hello := "EHLO client.test\r\n"
				if test.lmtp {
					hello = "LHLO client.test\r\n"
				}
				return play.Allocated(func() {
					io.WriteString(c, hello+"MAIL FROM:<a@client.test>\r\n"+test.after(n)+"QUIT\r\n")
					srv.WaitSessions(1)
				})
			}
			cost(100)
			const n = 500
			if one, four := cost(n), cost(4*n); four > 5*one {
				t.Errorf("n = %d allocates %d bytes, 4n allocates %d", n, one, four)
			}
		})
	}
}

// TestIfWritesLongLists verifies that an If that writes into the lists of a large
// transaction changes nothing in the record, and that each If finds the recipient
// of its own event at the end.
func TestIfWritesLongLists(t *testing.T) {
	const n = 300
	record := func(t *testing.T, write bool) smtptest.Message {
		srv := smtptest.NewUnstartedServer(t)
		srv.Extensions = append(srv.Extensions, "DSN")
		srv.StartInMemory()
		look := func(e smtptest.Event) bool {
			last := len(e.To) - 1
			if e.Verb == "RCPT" && (e.Arg != "TO:<"+e.To[last]+"> NOTIFY=NEVER" || len(e.RcptOptions) != last+1) {
				t.Errorf("%s %s: To ends with %q", e.Verb, e.Arg, e.To[last])
			}
			if write {
				for i := range e.To {
					e.To[i] = "written"
					copy(e.RcptOptions[i], []string{"written"})
				}
				clear(e.RcptOptions)
				clear(e.Unstuffed)
				_, _ = append(e.To, "written"), append(e.Unstuffed, 7)
			}
			return strings.HasPrefix(e.Arg, "TO:<refused")
		}
		srv.Script(smtptest.Rule{On: "*", If: look, Reply: "550 5.1.1 no"})
		group := "EHLO client.test\r\nMAIL FROM:<a@client.test>\r\n"
		for i := range n {
			group += fmt.Sprintf("RCPT TO:<b%d@server.test> NOTIFY=NEVER\r\nRCPT TO:<refused%d@server.test> NOTIFY=NEVER\r\n", i, i)
		}
		c := play.Dial(t, srv)
		go io.WriteString(c, group+"DATA\r\n"+strings.Repeat(".text\r\n", n)+".\r\nQUIT\r\n")
		io.Copy(io.Discard, c)
		return srv.Wait(1)[0]
	}
	want, got := record(t, false), record(t, true)
	if len(want.To) != n || len(want.Unstuffed) != n {
		t.Fatalf("%d recipients, %d lines", len(want.To), len(want.Unstuffed))
	}
	got.Time, got.Peer = want.Time, want.Peer
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("an If that writes (-without +with):\n%s", diff)
	}
}
