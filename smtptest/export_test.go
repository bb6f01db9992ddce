package smtptest

import "strings"

// ChannelOf is the open session's channel; nil if it has ended.
func ChannelOf(s *Server, session int) *Channel {
	for _, ch := range s.channels() {
		if ch.session.id == session {
			return ch
		}
	}
	return nil
}

// IsOpen says whether the channel's session has not ended yet.
func IsOpen(ch *Channel) bool { return ChannelOf(ch.Server, ch.session.id) == ch }

// ConfigFields is how many fields are read by Start.
var ConfigFields = len(configFields())

// Recorded is what is recorded of an end of data with so many octets.
func Recorded(octets int) Exchange {
	ch := &Channel{session: &session{}}
	return ch.record(&turn{name: ".", octets: octets}).export()
}

// LeaveLines has a session take so many lines more. It is for a CommandFunc.
func LeaveLines(ch *Channel, n int) { ch.lines = maxCommands - n }

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
	for _, v := range commandTable {
		if !strings.HasPrefix(v.rfc, "RFC 5321 F") {
			rows = append(rows, "| "+v.name+" | `"+v.syntax+"` | "+v.rfc+" |\n")
		}
	}
	return rows
}
