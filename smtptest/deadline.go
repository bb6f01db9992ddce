package smtptest

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/harness"
	"github.com/go-smtptest/smtp/smtptest/internal/session"
	"github.com/go-smtptest/smtp/smtptest/internal/show"
)

// alarm reports a test that hangs: the testing package prints no log of a test that it
// ends at its deadline.
type alarm struct {
	s     *Server
	quiet time.Duration // in a bubble: how long a rule may hold a client; else 0
	limit time.Duration // for the test's own code to return when the alarm closes the server

	mu    sync.Mutex  // guards what follows
	timer *time.Timer // nil if none was set
	off   bool        // the server is closed
}

// set is called by Start. T.Deadline panics in a bubble, where the time that passes is
// not the deadline's.
func (a *alarm) set(s *Server) {
	a.s, a.limit = s, s.waitTimeout()
	deadline, _ := harness.Optional(s.tb, func(t interface{ Deadline() (time.Time, bool) }) time.Time {
		deadline, _ := t.Deadline()
		return deadline
	})
	left := time.Until(deadline)
	switch {
	case left > 0:
		lead := min(max(left/20, time.Second), 10*time.Second, left/2)
		a.schedule(left-lead, func() { a.deadlineNears(deadline, lead) })
	case s.tb != nil && inBubble():
		a.quiet = min(a.limit, Forever-1)
	}
}

// schedule calls f after d, unless the server is closed by then. It replaces what was
// scheduled before.
func (a *alarm) schedule(d time.Duration, f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.off {
		return
	}
	if a.timer != nil {
		a.timer.Stop()
	}
	a.timer = time.AfterFunc(d, f)
}

// stop is called when the server is closed.
func (a *alarm) stop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.off = true
	if a.timer != nil {
		a.timer.Stop()
	}
}

// deadlineNears reports the test, and schedules a second report to standard error: the
// test has some time to end before that.
func (a *alarm) deadlineNears(deadline time.Time, lead time.Duration) {
	text := a.text(fmt.Sprintf("the test has not ended %v before its deadline", lead.Round(100*time.Millisecond)))
	last := min(time.Second, lead*9/10)
	a.schedule(time.Until(deadline.Add(-last)), func() { fmt.Fprintln(os.Stderr, text) })
	a.report(text)
}

// watchHold is called in a bubble when a rule begins to hold a client.
func (a *alarm) watchHold() {
	if a.quiet > 0 {
		a.schedule(a.quiet+1, a.holdLasts) // a Wait or a client with the same timeout comes first
	}
}

// holdLasts reports the test if a rule holds a client and nothing has happened for long
// enough.
func (a *alarm) holdLasts() {
	if !slices.ContainsFunc(a.s.conns(), isHeld) {
		return
	}
	if idle := time.Since(lastEvent(a.s.Sessions())); idle < a.quiet {
		a.schedule(a.quiet-idle+1, a.holdLasts)
		return
	}
	a.report(a.text(fmt.Sprintf("nothing has happened for %s while a rule holds a client", show.Duration(a.quiet))))
}

// lastEvent returns when a session last began, recorded an event or ended.
func lastEvent(sessions []Session) (last time.Time) {
	for _, se := range sessions {
		if t := se.Start.Add(max(se.Duration, lastAt(se))); t.After(last) {
			last = t
		}
	}
	return last
}

// report fails the test, and closes the server so that its clients and the waits of the
// test end.
func (a *alarm) report(text string) {
	defer a.s.shut(a.limit) // even if Errorf leaves its goroutine
	a.s.errorf("%s", text)
}

// text returns what the open sessions wait for, and the dialogue.
func (a *alarm) text(why string) string {
	conns := a.s.conns()
	sessions := a.s.Sessions()
	waits := make(map[string][]Session)
	for _, c := range conns {
		se := sessions[c.Record().ID-1]
		what := waitsFor(se, c.Status())
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
	return b.String() + a.s.dialogue()
}

// isHeld reports whether a rule keeps the session's client waiting.
func isHeld(c *session.Conn) bool { return c.Status().Stage == session.StageHeld }

// waitsFor says what the session waits for.
func waitsFor(s Session, c session.Status) string {
	switch n := len(s.Exchanges); {
	case c.Stage == session.StageDelay || c.Stage == session.StageHeld:
		return heldBy(s, c.Stage)
	case c.Stage == session.StageQueue:
		return "the If of another session has not returned"
	case c.Stage == session.StageShake:
		return "the TLS handshake has not ended"
	case c.Code != "" && c.Waits:
		return "the client has not sent the line that your " + c.Code + " asks for"
	case c.Code != "":
		return "your " + c.Code + " has not returned"
	case !c.Waits:
		return "the client does not read a reply"
	case c.Content >= 0:
		return fmt.Sprintf("the server reads the content, of which %s came", show.Plural(c.Content, "byte"))
	case n > 0 && s.Exchanges[n-1].Reply.Code() == 334:
		return "the server waits for the response to 334"
	}
	return "the server waits for a command"
}

// heldBy names the rule that makes the client wait: the last that left an event
// without its whole reply.
func heldBy(s Session, stage session.Stage) string {
	for _, e := range slices.Backward(s.Exchanges) {
		held := strings.HasSuffix(e.Effects, string(Hold))
		if e.Rule == "" || stage == session.StageHeld && e.Reply != "" && !held {
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
