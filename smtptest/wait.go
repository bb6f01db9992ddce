package smtptest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/journal"
	"github.com/go-smtptest/smtp/smtptest/internal/session"
	"github.com/go-smtptest/smtp/smtptest/internal/show"
)

// Wait waits for at least n messages since the start that Drain and Take have not
// removed, and returns them all. If they do not come within WaitTimeout, or if the
// server is closed, it fails the test with the dialogue so far. Wait needs no sleep and
// does not poll. A second copy of a message may come later: wait with WaitSessions for
// the clients to end; then Count is exact.
//
// Call Wait and the other methods that can fail the test on the goroutine of the test
// that owns the server: in a subtest, their failure would end the test binary, as any
// t.Fatal of the parent's t does. Use WaitContext in subtests that share a server.
func (s *Server) Wait(n int) []Message {
	s.test().Helper()
	defer s.countWait()()
	messages, err := s.wait(context.Background(), n)
	if err != nil {
		s.fatalf("smtptest: Wait(%d): %v\n%s", n, err, s.waitReport())
	}
	return messages
}

// WaitContext is Wait for goroutines, subtests that share a server, and programs: it
// returns an error instead of failing the test, together with the messages that did
// arrive. It ends with ctx, and [context.Cause] says why. Without a deadline of ctx it
// also ends after WaitTimeout; a deadline may be longer than that.
func (s *Server) WaitContext(ctx context.Context, n int) ([]Message, error) {
	if ctx == nil {
		return nil, fmt.Errorf("smtptest: WaitContext(%d) with a nil context: give t.Context() or context.Background()", n)
	}
	messages, err := s.wait(ctx, n)
	if err == nil {
		return messages, nil
	}
	return messages, fmt.Errorf("smtptest: WaitContext(%d): %w%s", n, err, s.nearest())
}

// nearest says what came nearest to a message, at the end of an error; "" if nothing
// did.
func (s *Server) nearest() string {
	sessions := s.Sessions()
	if miss := cmp.Or(nearestMiss(sessions), s.unreached(sessions)); miss != "" {
		return "; " + miss
	}
	return ""
}

func (s *Server) wait(ctx context.Context, n int) (messages []Message, err error) {
	if n < 0 {
		return nil, errNegative
	}
	err = s.until(ctx, func() (enough bool) {
		messages, enough = s.atLeast(n)
		return enough
	})
	if err != nil {
		messages = s.Messages()
		err = fmt.Errorf("%w; %s", err, recorded(&s.journal, n))
	}
	return messages, err
}

// atLeast returns the messages if there are n: in one step, so that a Drain
// elsewhere cannot come between the count and the messages.
func (s *Server) atLeast(n int) (messages []Message, enough bool) {
	s.journal.Lock()
	defer s.journal.Unlock()
	if len(s.journal.Messages) < n {
		return nil, false
	}
	return exportMessages(s.journal.Messages), true
}

// WaitFor returns the first message that matches and that Drain and Take have not
// removed, as soon as it is there; otherwise it fails the test like Wait. It leaves the
// message where it is: use Take to remove it. match runs on the test's goroutine, once
// for each message, without a lock; a nil match accepts any.
func (s *Server) WaitFor(match func(Message) bool) Message {
	s.test().Helper()
	defer s.countWait()()
	m, asked, err := s.first(context.Background(), match, func(*journal.Transaction) bool { return true })
	if err != nil {
		s.fatalf("smtptest: WaitFor: %v; none of %s matched%s\n%s", err, show.Plural(asked, "message"), s.receivedMessages(), s.waitReport())
	}
	return m
}

// Take waits like WaitFor for the first message that matches, and takes it out: the
// message is no longer in Messages, and Count and Wait no longer count it. Only one
// caller gets a message, even if several wait for the same one; the others continue to
// wait. The server may release the content of the message in the record of its session:
// see [Transaction].Released. Use TakeContext in subtests that share a server.
func (s *Server) Take(match func(Message) bool) Message {
	s.test().Helper()
	defer s.countWait()()
	m, asked, err := s.first(context.Background(), match, s.claim)
	if err != nil {
		s.fatalf("smtptest: Take: %v; %s%s\n%s", err, notTaken(asked), s.receivedMessages(), s.waitReport())
	}
	return m
}

// TakeContext is Take for goroutines, subtests that share a server, and programs: it
// returns an error instead of failing the test. It ends like WaitContext.
func (s *Server) TakeContext(ctx context.Context, match func(Message) bool) (Message, error) {
	if ctx == nil {
		return Message{}, errors.New("smtptest: TakeContext with a nil context: give t.Context() or context.Background()")
	}
	m, asked, err := s.first(ctx, match, s.claim)
	if err != nil {
		err = fmt.Errorf("smtptest: TakeContext: %w; %s%s", err, notTaken(asked), s.nearest())
	}
	return m, err
}

func notTaken(asked int) string {
	return fmt.Sprintf("none of %s matched, or another call took it", show.Plural(asked, "message"))
}

// first returns the first message that matches and that claim grants, and how many
// messages match was asked about.
func (s *Server) first(ctx context.Context, match func(Message) bool, claim func(*journal.Transaction) bool) (found Message, asked int, err error) {
	last := 0
	err = s.until(ctx, func() bool {
		messages, recs := s.messagesAfter(&last)
		for i, m := range messages {
			asked++
			if (match == nil || match(m)) && claim(recs[i]) {
				found = m
				return true
			}
		}
		return false
	})
	return found, asked, err
}

// claim takes the message, unless another call has taken it.
func (s *Server) claim(rec *journal.Transaction) bool {
	s.journal.Lock()
	release, taken := s.journal.Take(rec)
	s.journal.Unlock()
	s.journal.Release(release)
	return taken
}

// WaitSessions returns the sessions that have ended, in order of connection, as
// soon as there are n since the start; otherwise it fails the test like Wait.
// It is for clients that try again: each attempt is a session.
func (s *Server) WaitSessions(n int) []Session {
	s.test().Helper()
	defer s.countWait()()
	next := 0
	var ended []Session
	err := errNegative
	if n >= 0 {
		err = s.until(context.Background(), func() bool {
			ended = append(ended, s.endedSessions(&next)...)
			return len(ended) >= n
		})
	}
	slices.SortFunc(ended, func(a, b Session) int { return a.ID - b.ID })
	if err != nil {
		s.fatalf("smtptest: WaitSessions(%d): %v; %s%s\n%s", n, err, show.Plural(len(ended), "ended session"), stillOpen(s.Sessions()), s.waitReport())
	}
	return ended
}

// WaitSession returns the first session that has ended and matches, as soon as
// there is one; otherwise it fails the test like Wait. A nil match takes any.
// Refusals and aborted transactions never become messages: they are found here.
func (s *Server) WaitSession(match func(Session) bool) Session {
	s.test().Helper()
	defer s.countWait()()
	next := 0
	var found *Session
	err := s.until(context.Background(), func() bool {
		for _, se := range s.endedSessions(&next) {
			if match == nil || match(se) {
				found = &se
				return true
			}
		}
		return false
	})
	if err != nil {
		s.fatalf("smtptest: WaitSession: %v; none of %s matched%s\n%s", err, show.Plural(next, "ended session"), stillOpen(s.Sessions()), s.waitReport())
		return Session{}
	}
	return *found
}

// WaitQuiet waits until d has passed without traffic, and returns the messages. It is
// for tests that expect no mail, or no second copy: Wait cannot tell that nothing more
// comes. It counts d from its call, or from the end of the last connection if that is
// later. A connection on which the client has sent nothing for d counts as quiet, such
// as that of a pool. A session is busy while its client sends, while a Delay or an If
// makes the client wait, and while the test's own code decides on its reply. If a
// session is busy after WaitTimeout, WaitQuiet fails the test and names the session.
//
// In a bubble of [testing/synctest] d costs no time, so it can be longer than every
// pause of the client. Elsewhere d is real time: WaitQuiet does not notice a client that
// first connects after d.
func (s *Server) WaitQuiet(d time.Duration) []Message {
	s.test().Helper()
	defer s.countWait()()
	if err := s.waitQuiet(d); err != nil {
		s.fatalf("smtptest: WaitQuiet(%v): %v\n%s", d, err, s.waitReport())
	}
	return s.Messages()
}

func (s *Server) waitQuiet(d time.Duration) error {
	switch {
	case d <= 0:
		return errors.New("the time is not positive: give the time in which no client may send")
	case !s.started():
		return errors.New("this is " + phaseErrors[s.phase.Load()])
	}
	began, timeout := time.Now(), s.waitTimeout()
	for {
		changed := s.journal.Next()
		if s.phase.Load() == closed {
			return errClosed
		}
		quiet, busy := s.quietAt(d, began)
		now := time.Now()
		limit := began.Add(timeout)
		switch {
		case !now.Before(quiet):
			return nil
		case len(busy) > 0 && !now.Before(limit):
			return fmt.Errorf("not quiet within %v: busy in session %s", timeout, ranges(busy))
		case now.Before(limit) && limit.Before(quiet):
			quiet = limit
		}
		select {
		case <-changed:
		case <-time.After(quiet.Sub(now)):
		}
	}
}

// quietAt returns when d will have passed without traffic since the time, if there is
// none until then, and the sessions that are busy.
func (s *Server) quietAt(d time.Duration, since time.Time) (quiet time.Time, busy []Session) {
	now := time.Now()
	for _, c := range s.conns() {
		active := s.lastTraffic(c, now)
		if active.After(since) {
			since = active
		}
		if now.Sub(active) < d {
			busy = append(busy, Session{ID: c.Record().ID})
		}
	}
	s.journal.Lock()
	defer s.journal.Unlock()
	if n := len(s.journal.Ended); n > 0 {
		last := s.journal.Ended[n-1]
		if end := last.Start.Add(last.Duration); end.After(since) {
			since = end
		}
	}
	return since.Add(d), busy
}

// lastTraffic returns when the client last sent something or got a reply; it returns now
// while the client waits for a reply that is still to come.
func (s *Server) lastTraffic(c *session.Conn, now time.Time) time.Time {
	status := c.Status()
	owed := status.Stage == session.StageDelay || status.Stage == session.StageQueue || status.Code != "" && !status.Waits
	switch {
	case owed:
		return now
	case status.Active.IsZero():
		return c.Record().Start
	}
	return status.Active
}

// messagesAfter returns the messages with numbers greater than *last that nobody has
// taken, with their records, and sets *last to the number of the last message.
func (s *Server) messagesAfter(last *int) (fresh []Message, recs []*journal.Transaction) {
	s.journal.Lock()
	defer s.journal.Unlock()
	recs, *last = s.journal.From(*last)
	recs = slices.Clone(recs)
	return exportMessages(recs), recs
}

// endedSessions returns the sessions from *next on, in order of their ends, and
// moves it after them. Those that it returns are in order of connection.
func (s *Server) endedSessions(next *int) []Session {
	s.journal.Lock()
	defer s.journal.Unlock()
	ended := slices.Clone(s.journal.Ended[*next:])
	*next = len(s.journal.Ended)
	slices.SortFunc(ended, func(a, b *journal.Session) int { return a.ID - b.ID })
	var fresh []Session
	for _, rec := range ended {
		fresh = append(fresh, exportSession(rec))
	}
	return fresh
}

// until calls look, without a lock, until it is satisfied: at once and each
// time that something was recorded.
func (s *Server) until(ctx context.Context, look func() bool) error {
	switch {
	case look():
		return nil
	case !s.started():
		return errors.New("this is " + phaseErrors[s.phase.Load()])
	}
	timeout := s.waitTimeoutOf(ctx)
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for {
		changed := s.journal.Next()
		phase := s.phase.Load() // before the look: what a closed server has recorded is seen
		switch {
		case look():
			return nil
		case phase == closed:
			return errClosed
		}
		select {
		case <-changed:
		case <-timer.C:
			return fmt.Errorf("nothing more within %v%s", timeout, inUserCode(s.conns()))
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// errClosed and its kin say why a wait ended without what it waited for.
var (
	errClosed   = errors.New("the server is closed")
	errNegative = errors.New("the number to wait for is negative")
)

// waitTimeoutOf is waitTimeout for a wait that ctx ends; a deadline of ctx replaces it.
func (s *Server) waitTimeoutOf(ctx context.Context) time.Duration {
	if _, ok := ctx.Deadline(); ok {
		return math.MaxInt64
	}
	return s.waitTimeout()
}

// waitTimeout returns WaitTimeout or its default. Each call of a method reads it once,
// on the goroutine of its caller, because the test may set it between calls.
func (s *Server) waitTimeout() time.Duration {
	s.test().Helper()
	switch timeout := s.WaitTimeout; {
	case timeout > 0:
		return timeout
	case timeout < 0:
		s.errorf("smtptest: the WaitTimeout is negative: leave it out, or give a time")
	}
	if inBubble() {
		return 24 * time.Hour
	}
	return 10 * time.Second
}

// inBubble says that this seems to be a bubble of testing/synctest: its clock
// starts at the beginning of 2000.
func inBubble() bool { return time.Now().UTC().Year() == 2000 }
