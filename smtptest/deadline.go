package smtptest

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/harness"
	"github.com/go-smtptest/smtp/smtptest/internal/show"
)

// alarm reports a test that hangs: the testing package prints no log of a test
// that it ends at its deadline. Server.mu guards timer and off.
type alarm struct {
	timer *time.Timer   // nil if none was set
	off   bool          // the server is closed
	quiet time.Duration // in a bubble: how long a rule may hold a client; else 0
}

// setAlarm is called by Start. T.Deadline panics in a bubble, where the time that
// passes is not the deadline's.
func (s *Server) setAlarm() {
	deadline, _ := harness.Optional(s.tb, func(t interface{ Deadline() (time.Time, bool) }) time.Time {
		deadline, _ := t.Deadline()
		return deadline
	})
	left := time.Until(deadline)
	switch {
	case left > 0:
		lead := min(max(left/20, time.Second), 10*time.Second, left/2)
		s.schedule(left-lead, func() { s.deadlineNears(deadline, lead) })
	case s.tb != nil && inBubble():
		s.alarm.quiet = min(s.waitTimeout(), Forever-1)
	}
}

// schedule calls f after d, unless the server is closed by then. It replaces
// what was scheduled before.
func (s *Server) schedule(d time.Duration, f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := &s.alarm
	if a.off {
		return
	}
	if a.timer != nil {
		a.timer.Stop()
	}
	a.timer = time.AfterFunc(d, f)
}

// stopAlarm is called when the server is closed.
func (s *Server) stopAlarm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.alarm.off = true
	if s.alarm.timer != nil {
		s.alarm.timer.Stop()
	}
}

// deadlineNears reports the test, and schedules a second report to standard
// error: the test has some time to end before that.
func (s *Server) deadlineNears(deadline time.Time, lead time.Duration) {
	text := s.hangText(fmt.Sprintf("the test has not ended %v before its deadline", lead.Round(100*time.Millisecond)))
	last := min(time.Second, lead*9/10)
	s.schedule(time.Until(deadline.Add(-last)), func() { fmt.Fprintln(os.Stderr, text) })
	s.reportHang(text)
}

// watchHold is called in a bubble when a rule begins to hold a client.
func (s *Server) watchHold() {
	if s.alarm.quiet > 0 {
		s.schedule(s.alarm.quiet+1, s.holdLasts) // a Wait or a client with the same timeout comes first
	}
}

// holdLasts reports the test if a rule holds a client and nothing has happened
// for long enough.
func (s *Server) holdLasts() {
	if !slices.ContainsFunc(s.channels(), (*Channel).isHeld) {
		return
	}
	quiet := s.alarm.quiet
	if idle := time.Since(s.lastEvent()); idle < quiet {
		s.schedule(quiet-idle+1, s.holdLasts)
		return
	}
	s.reportHang(s.hangText(fmt.Sprintf("nothing has happened for %s while a rule holds a client", show.Duration(quiet))))
}

// lastEvent returns when a session last began, recorded an event or ended.
func (s *Server) lastEvent() (last time.Time) {
	for _, se := range s.Sessions() {
		if t := se.Start.Add(max(se.Duration, se.lastAt())); t.After(last) {
			last = t
		}
	}
	return last
}

// reportHang fails the test, and closes the server so that its clients and the
// waits of the test end.
func (s *Server) reportHang(text string) {
	defer s.shut() // even if Errorf leaves its goroutine
	s.errorf("%s", text)
}

// hangText returns what the open sessions wait for, and the dialogue.
func (s *Server) hangText(why string) string {
	channels := s.channels()
	sessions := s.Sessions()
	waits := make(map[string][]Session)
	for _, ch := range channels {
		se := sessions[ch.session.id-1]
		what := ch.waitsFor(se)
		waits[what] = append(waits[what], se)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "smtptest: %s, so the server ends its sessions\n", why)
	for i, what := range slices.SortedFunc(maps.Keys(waits), func(a, b string) int { return waits[a][0].ID - waits[b][0].ID }) {
		if i == maxBriefs {
			b.WriteString("(there are more open sessions)\n")
			break
		}
		fmt.Fprintf(&b, "session %s: %s\n", ranges(waits[what]), what)
	}
	if len(waits) == 0 {
		b.WriteString("no session is open\n")
	}
	return b.String() + s.dialogue()
}

// stage is what a session waits for besides input and the test's own code.
type stage uint8

const (
	stageNone  stage = iota // it writes, if it waits at all
	stageDelay              // a rule's Delay or Pause
	stageHeld               // a rule keeps the client waiting until it leaves or sends more
	stageQueue              // the If of another session
	stageShake              // the TLS handshake
)

// enter notes what the session waits for.
func (ch *Channel) enter(st stage) {
	ch.waiting.Lock()
	ch.stage = st
	ch.waiting.Unlock()
	if st == stageHeld {
		ch.Server.watchHold()
	}
}

func (ch *Channel) isHeld() bool {
	ch.waiting.Lock()
	defer ch.waiting.Unlock()
	return ch.stage == stageHeld
}

// waitsFor says what the session waits for, whose record is se.
func (ch *Channel) waitsFor(se Session) string {
	ch.waiting.Lock()
	defer ch.waiting.Unlock()
	switch n := len(se.Exchanges); {
	case ch.stage == stageDelay || ch.stage == stageHeld:
		return se.heldBy(ch.stage)
	case ch.stage == stageQueue:
		return "the If of another session has not returned"
	case ch.stage == stageShake:
		return "the TLS handshake has not ended"
	case ch.code != "" && ch.waits:
		return "the client has not sent the line that your " + ch.code + " asks for"
	case ch.code != "":
		return "your " + ch.code + " has not returned"
	case !ch.waits:
		return "the client does not read a reply"
	case ch.reading.Load() > 0:
		return fmt.Sprintf("the server reads the content, of which %s came", show.Plural(int(ch.reading.Load()-1), "byte"))
	case n > 0 && se.Exchanges[n-1].Reply.Code() == 334:
		return "the server waits for the response to 334"
	}
	return "the server waits for a command"
}

// heldBy names the rule that makes the client wait: the last that left an event
// without its whole reply.
func (s Session) heldBy(st stage) string {
	for _, e := range slices.Backward(s.Exchanges) {
		held := strings.HasSuffix(e.Effects, string(Hold))
		if e.Rule == "" || st == stageHeld && e.Reply != "" && !held {
			continue
		}
		what := "withholds the reply to " + e.name()
		switch {
		case e.Event && strings.HasPrefix(e.Command, "BODY"):
			what = "delays the reading of the content"
		case e.Event && e.Command == "TLS":
			what = "withholds the TLS handshake"
		case (e.Reply != "" || e.Raw != "") && !held:
			what = "withholds the rest of the reply to " + e.name()
		}
		head, text, _ := strings.Cut(e.Rule, ": ")
		_, number, _ := strings.Cut(head, " ")
		return fmt.Sprintf("rule %s %s %s", number, text, what)
	}
	return "a rule withholds a reply"
}
