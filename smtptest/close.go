package smtptest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/harness"
	"github.com/go-smtptest/smtp/smtptest/internal/reserve"
	"github.com/go-smtptest/smtp/smtptest/internal/session"
)

// Close ends the server: it closes every connection, ends every wait and
// returns when all its goroutines are gone. If the test's own code keeps one of them
// for WaitTimeout, Close fails the test and names that code: a Handler, an If, a method
// of a Listener or of a connection. The reply to a message that was
// recorded is written first; a client that does not read has 250 ms to take it.
// No client gets a 421: RFC 5321 3.8 lets a server send one before it shuts down, but a
// test that closes its server plays a lost connection. For a 421, use the rule
// {On: "IDLE", Reply: "421 4.3.2 shutting down"}.
// What was recorded stays readable. Calling it again does nothing. Code that the
// server calls, such as a Handler, must not call Close, Stop or a Wait: these wait
// for that code, and fail the test after WaitTimeout.
func (s *Server) Close() {
	s.test().Helper()
	defer s.alarm.stop() // the sessions may not end
	s.shut(s.waitTimeout())
}

// shut is Close. timeout is how long it waits for the test's own code.
func (s *Server) shut(timeout time.Duration) {
	s.test().Helper()
	s.life.Lock()
	defer s.life.Unlock()
	switch s.phase.Load() {
	case zeroValue:
		s.wrongPhase("Close")
		return
	case closed:
		return
	case unstarted:
		s.lazy.Close()
		if s.Listener != nil && s.Listener != &s.lazy {
			s.foreign = true
			s.callListener("Close", func() { s.Listener.Close() })
			s.waitForCalls(timeout)
		}
	case serving:
		s.shutDown(timeout)
	case stopped:
		s.waitForCalls(timeout) // Stop may not have waited long enough
	}
	s.reserved.Release()
	s.phase.Store(closed)
	s.journal.Wake()
	s.reportBusy("Close", timeout)
	if s.tb == nil {
		s.reportChanges()
		s.reportUnused()
		s.reportUnmet()
	}
}

// shutDown stops accepting, closes every connection and waits for all of the server's
// goroutines. life must be held.
func (s *Server) shutDown(timeout time.Duration) {
	s.mu.Lock()
	close(s.ended)
	s.mu.Unlock()
	s.callListener("Close", func() { s.Listener.Close() })
	s.CloseClientConnections()
	s.waitForCalls(timeout)
}

// waitForCalls waits until all sessions have ended and all methods of the Listener
// and of connections have returned, but not longer than timeout: see reportBusy.
func (s *Server) waitForCalls(timeout time.Duration) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for {
		changed := s.journal.Next()
		s.mu.Lock()
		sessions, calls := len(s.live), len(s.calls)+s.accepting
		s.mu.Unlock()
		if sessions+calls == 0 {
			return
		}
		select {
		case <-changed:
		case <-timer.C:
			if s.foreign || sessions > 0 {
				return
			}
		}
	}
}

// reportBusy fails the test for its own code that has not returned when the server is
// down.
func (s *Server) reportBusy(method string, timeout time.Duration) {
	s.test().Helper()
	if culprits := s.culprits(); len(culprits) > 0 {
		s.errorf("smtptest: %s: the test's own code has not returned within %v: %s; a Handler must return when its context ends, a CommandFunc when Ask fails, a method of a Listener or a connection when it is closed", method, timeout, strings.Join(culprits, ", "))
	}
}

// culprits names the test's own code that has not returned, each with its sessions.
func (s *Server) culprits() []string {
	var names []string
	sessions := map[string][]Session{}
	for _, c := range s.conns() {
		name := culprit(c)
		if sessions[name] == nil {
			names = append(names, name)
		}
		sessions[name] = append(sessions[name], Session{ID: c.Record().ID})
	}
	for i, name := range names {
		names[i] = name + " in session " + ranges(sessions[name])
	}
	if !s.foreign {
		return names
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return append(names, slices.Sorted(maps.Keys(s.calls))...)
}

// culprit names the test's own code that the session is in: a function, or else its
// connection.
func culprit(c *session.Conn) string {
	switch status := c.Status(); {
	case status.Stage == session.StageShake:
		return "the TLS handshake"
	case status.Code != "":
		return status.Code
	}
	return c.ConnName()
}

// inUserCode says which of the test's own functions have not returned, as a wait
// may wait for what only comes after them; "" if there are none.
func inUserCode(conns []*session.Conn) string {
	var b strings.Builder
	for _, c := range conns {
		if code := c.Status().Code; code != "" {
			fmt.Fprintf(&b, "; session %d is in your %s, which has not returned", c.Record().ID, code)
		}
	}
	return b.String()
}

// CloseClientConnections closes every open connection. A reply that is being
// written is written to its end first.
func (s *Server) CloseClientConnections() {
	for _, c := range s.conns() {
		c.Interrupt()
	}
}

// Stop begins an outage: it closes the listener and every connection. The clients get
// no 421, as with Close. The address stays reserved where the system allows it; records
// and script are kept. Restart ends the outage. On a closed server both do nothing.
func (s *Server) Stop() {
	s.test().Helper()
	timeout := s.waitTimeout()
	s.life.Lock()
	defer s.life.Unlock()
	switch s.phase.Load() {
	case serving:
	case closed:
		return // as Restart
	default:
		s.wrongPhase("Stop")
		return
	}
	s.reserved = reserve.Hold(s.Listener)
	s.shutDown(timeout)
	s.phase.Store(stopped)
	s.reportBusy("Stop", timeout)
}

// Restart ends the outage that Stop began, at the same address.
func (s *Server) Restart() {
	s.test().Helper()
	s.life.Lock()
	defer s.life.Unlock()
	switch s.phase.Load() {
	case stopped:
	case closed:
		return // an outage timed by the test may outlive it
	case serving:
		s.fatalf("smtptest: Restart of a server that is not stopped: it ends what Stop began")
		return
	default:
		s.wrongPhase("Restart")
		return
	}
	if err := s.relisten(); err != nil {
		s.errorf("smtptest: cannot listen at %s again: %v", s.Addr, err)
		return
	}
	s.serve()
}

// cleanUp is the test's Cleanup.
func (s *Server) cleanUp() {
	s.tb.Helper()
	defer s.endReports() // even if the TB leaves the goroutine
	if s.waits.Load() > 0 {
		s.errorf("smtptest: the test has ended, but another goroutine still calls Wait, WaitFor, WaitSession or WaitSessions: let the test wait for that goroutine, or call WaitContext there")
	}
	forgotten := s.phase.Load() == unstarted && !s.hasFailed()
	s.Close()
	if skipped, _ := harness.Optional(s.tb, func(t interface{ Skipped() bool }) bool { return t.Skipped() }); !skipped {
		if forgotten {
			s.errorf("smtptest: the server was made and never started: call Start, StartTLS, StartInMemory or StartTLSInMemory, or Close if the test does not need it")
		}
		s.reportChanges()
		s.reportUnused()
		s.reportUnmet()
	}
	s.showFailure()
	s.keepArtifacts()
}
