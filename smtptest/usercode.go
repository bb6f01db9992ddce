package smtptest

import (
	"fmt"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/stack"
)

// enterUserCode is called before the test's own code runs on the session's
// goroutine. It writes the replies so far: that code may take its time, and the
// server may close meanwhile. The caller defers leaveUserCode.
func (ch *Channel) enterUserCode(code string) {
	ch.flushUnlessHeld()
	ch.setCode(code)
}

func (ch *Channel) leaveUserCode() { ch.setCode("") }

// userCode names the test's own function that the session is in; "" if it is in none.
func (ch *Channel) userCode() string {
	ch.waiting.Lock()
	defer ch.waiting.Unlock()
	return ch.code
}

func (ch *Channel) setCode(code string) {
	ch.waiting.Lock()
	defer ch.waiting.Unlock()
	ch.code = code
}

// blame fails the test for its own code, which has panicked with p, or has left
// its goroutine if p is nil. If the server has no TB, a problem that the server
// itself reported within that code goes on as it is, so that it is reported once.
func (ch *Channel) blame(what string, p any) {
	if text, _ := p.(string); ch.Server.tb == nil && strings.HasPrefix(text, "smtptest: ") {
		panic(p)
	}
	if p == nil && ch.left.Swap(true) {
		return // the connection has left it, and is blamed
	}
	if p != nil {
		p = ch.redact(fmt.Sprint(p))
	}
	ch.Server.blame(fmt.Sprintf("session %d: %s", ch.session.id, what), p)
}

func (s *Server) blame(what string, p any) {
	if p != nil {
		place := stack.Panic()
		if place != "" {
			place = ", at " + place
		}
		s.errorf("smtptest: %s panicked: %v%s", what, p, place)
		return
	}
	s.errorf("smtptest: %s left its goroutine: call t.Error there, never t.Fatal or a method of the Server that waits", what)
}

// run calls f, which may be a method of the test's own Listener or connection, on a
// goroutine of its own: it may never return. Close waits for f, and names it if it does
// not return. If f panics or leaves its goroutine, blame gets the panic, or nil.
func (s *Server) run(what string, f func(), blame func(p any)) {
	s.mu.Lock()
	s.calls[what]++
	s.mu.Unlock()
	go func() {
		defer func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.calls[what]--; s.calls[what] == 0 {
				delete(s.calls, what)
			}
			s.notify()
		}()
		guard(f, blame)
	}()
}

// guard calls f. If f panics or leaves its goroutine, blame gets the panic, or nil.
func guard(f func(), blame func(p any)) {
	returned := false
	defer func() {
		if p := recover(); p != nil || !returned {
			blame(p)
		}
	}()
	f()
	returned = true
}

// guardConn calls f, which uses the connection. That may be the test's own: if it
// panics or leaves the goroutine, the test fails, once for each session.
func (ch *Channel) guardConn(f func()) { guard(f, ch.blameConn) }

// callConn calls a method of the connection on another goroutine than the session's.
func (ch *Channel) callConn(method string, f func()) {
	if !ch.Server.foreign {
		f()
		return
	}
	ch.Server.run(fmt.Sprintf("%s of %s in session %d", method, ch.connName(), ch.session.id), f, ch.blameConn)
}

// callListener calls a method of the Listener.
func (s *Server) callListener(method string, f func()) {
	if !s.foreign {
		f()
		return
	}
	what := fmt.Sprintf("%s of the Listener (%T)", method, s.Listener)
	s.run(what, f, func(p any) { s.blame(what, p) })
}

// blameConn is blame for the connection. If that is not the test's own, the panic is
// the server's, and goes on.
func (ch *Channel) blameConn(p any) {
	if p != nil && (ch.Server.tb == nil || !ch.Server.foreign) {
		panic(p)
	}
	if p == nil && ch.left.Swap(true) || ch.broken.Swap(true) {
		return
	}
	if p != nil {
		p = ch.redact(fmt.Sprint(p))
	}
	ch.Server.blame(fmt.Sprintf("session %d: %s", ch.session.id, ch.connName()), p)
}

// connName names the connection in messages.
func (ch *Channel) connName() string { return fmt.Sprintf("the connection (%T)", ch.raw) }
