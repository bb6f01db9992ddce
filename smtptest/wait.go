package smtptest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/journal"
	"github.com/go-smtptest/smtp/smtptest/internal/show"
)

// Wait returns the messages as soon as there are at least n since the start or
// the last Drain. If they do not come within WaitTimeout, or the server is
// closed, it fails the test with the dialogue so far. Wait needs no sleep and
// does not poll. A second copy of a message may still be on its way: wait with
// WaitSessions for the clients to end, then Count is exact. Call it and its kin
// on the goroutine of the test that owns the server: like any t.Fatal in a
// subtest of it, their failure would end the test binary there. Use WaitContext
// in subtests that share a server.
func (s *Server) Wait(n int) []Message {
	s.test().Helper()
	defer s.countWait()()
	messages, err := s.wait(context.Background(), n)
	if err != nil {
		s.fatalf("smtptest: Wait(%d): %v\n%s", n, err, s.story())
	}
	return messages
}

// WaitContext is Wait for goroutines, subtests that share a server, and
// programs: it returns an error instead of failing the test, and ends with ctx
// (context.Cause says why) as well as after WaitTimeout. It returns what did
// arrive together with the error.
func (s *Server) WaitContext(ctx context.Context, n int) ([]Message, error) {
	if ctx == nil {
		return nil, fmt.Errorf("smtptest: WaitContext(%d) with a nil context: give t.Context() or context.Background()", n)
	}
	messages, err := s.wait(ctx, n)
	if err == nil {
		return messages, nil
	}
	if miss := cmp.Or(nearestMiss(s.Sessions()), s.unreached(s.Sessions())); miss != "" {
		err = fmt.Errorf("%w; %s", err, miss)
	}
	return messages, fmt.Errorf("smtptest: WaitContext(%d): %w", n, err)
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
		err = fmt.Errorf("%w; %s", err, s.recorded(n))
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

// WaitFor returns the first message since the start or the last Drain that
// matches, as soon as it is there; otherwise it fails the test like Wait.
// match runs on the test's goroutine, once for each message, without a lock; a
// nil match takes any.
func (s *Server) WaitFor(match func(Message) bool) Message {
	s.test().Helper()
	defer s.countWait()()
	asked, next := 0, 0
	var found *Message
	err := s.until(context.Background(), func() bool {
		for _, m := range s.messagesFrom(&next) {
			asked++
			if match == nil || match(m) {
				found = &m
				return true
			}
		}
		return false
	})
	if err != nil {
		s.fatalf("smtptest: WaitFor: %v; none of %s matched%s\n%s", err, show.Plural(asked, "message"), s.arrived(), s.story())
		return Message{}
	}
	return *found
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
		s.fatalf("smtptest: WaitSessions(%d): %v; %s%s\n%s", n, err, show.Plural(len(ended), "ended session"), stillOpen(s.Sessions()), s.story())
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
		s.fatalf("smtptest: WaitSession: %v; none of %s matched%s\n%s", err, show.Plural(next, "ended session"), stillOpen(s.Sessions()), s.story())
		return Session{}
	}
	return *found
}

// messagesFrom returns the messages from *next on, counted since the start, that
// no Drain has taken, and moves it behind them.
func (s *Server) messagesFrom(next *int) []Message {
	j := &s.journal
	j.Lock()
	defer j.Unlock()
	fresh := exportMessages(j.Messages[max(0, *next-j.Drained):])
	*next = j.Drained + len(j.Messages)
	return fresh
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
		return errors.New("this is " + phases[s.phase.Load()])
	}
	timer := time.NewTimer(s.waitTimeout())
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
			return fmt.Errorf("nothing more within %v%s", s.waitTimeout(), s.inUserCode())
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

func (s *Server) waitTimeout() time.Duration {
	switch {
	case s.config.WaitTimeout > 0:
		return s.config.WaitTimeout
	case inBubble():
		return 24 * time.Hour
	}
	return 10 * time.Second
}

// inBubble says that this seems to be a bubble of testing/synctest: its clock
// starts at the beginning of 2000.
func inBubble() bool { return time.Now().UTC().Year() == 2000 }

// wake ends the waits of a server that is closed.
func (s *Server) wake() {
	s.journal.Lock()
	defer s.journal.Unlock()
	s.journal.Notify()
}
