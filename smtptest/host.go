package smtptest

import (
	"fmt"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/session"
	"github.com/go-smtptest/smtp/smtptest/internal/stack"
)

// host is the Server as its sessions see it.
type host struct{ s *Server }

func (h host) Errorf(format string, args ...any) { h.s.errorf(format, args...) }

// Blame fails the test for its own code. If the server has no TB, a problem that the
// server itself reported within that code goes on as it is, so that it is reported once.
func (h host) Blame(what string, p any) {
	if text, _ := p.(string); h.s.tb == nil && strings.HasPrefix(text, "smtptest: ") {
		panic(p)
	}
	h.s.reportUserFailure(what, p)
}

func (h host) Run(what string, f func(), blame func(p any)) { h.s.run(what, f, blame) }

func (h host) Held() { h.s.alarm.watchHold() }

// reportUserFailure fails the test for its own code, which has panicked with p, or has left its
// goroutine if p is nil.
func (s *Server) reportUserFailure(what string, p any) {
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
	if s.calls == nil {
		s.calls = make(map[string]int)
	}
	s.calls[what]++
	s.mu.Unlock()
	go func() {
		defer func() {
			s.mu.Lock()
			if s.calls[what]--; s.calls[what] == 0 {
				delete(s.calls, what)
			}
			s.mu.Unlock()
			s.journal.Wake()
		}()
		session.Guard(f, blame)
	}()
}

// callListener calls a method of the Listener.
func (s *Server) callListener(method string, f func()) {
	if !s.foreign {
		f()
		return
	}
	what := fmt.Sprintf("%s of the Listener (%T)", method, s.Listener)
	s.run(what, f, func(p any) { s.reportUserFailure(what, p) })
}
