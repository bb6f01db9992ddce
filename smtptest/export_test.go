package smtptest

import (
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/journal"
	"github.com/go-smtptest/smtp/smtptest/internal/session"
)

// A Peek looks at the state of a session, also after its end.
type Peek struct {
	s *Server
	c *session.Conn
}

// PeekAt looks at an open session; nil if it has ended.
func PeekAt(s *Server, id int) *Peek {
	for _, c := range s.conns() {
		if c.Record().ID == id {
			return &Peek{s, c}
		}
	}
	return nil
}

// IsOpen reports whether the session has not ended yet.
func (p *Peek) IsOpen() bool { return PeekAt(p.s, p.c.Record().ID) != nil }

// Channel returns the state as a CommandFunc would see it.
func (p *Peek) Channel() *Channel {
	ch := &Channel{Server: p.s, call: &session.Call{View: p.c.View()}}
	ch.enter()
	return ch
}

// ConfigFields is how many fields are read by Start.
var ConfigFields = len(configFields())

// LeaveLines has the sessions of a server take so many lines more. It is for a
// CommandFunc of the only one.
func LeaveLines(ch *Channel, n int) { ch.Server.engine.MaxLines = len(ch.ReceivedLines) + n }

// Recorded returns what is recorded of an end of data with so many bytes.
func Recorded(octets int) Exchange { return exportExchange(&journal.Exchange{Octets: octets}) }

// SessionText is a session as the file session-N.txt shows it.
func SessionText(s Session) string {
	l := newLog([]Session{s})
	l.most = len(s.Exchanges)
	l.session(s)
	return l.String()
}

// CommandRows returns the rows of README's command list. The commands of RFC 5321's
// appendix F are not in it.
func CommandRows() (rows []string) {
	for _, v := range session.Verbs() {
		if !strings.HasPrefix(v.RFC, "RFC 5321 F") {
			rows = append(rows, "| "+v.Name+" | `"+v.Syntax+"` | "+v.RFC+" |\n")
		}
	}
	return rows
}
