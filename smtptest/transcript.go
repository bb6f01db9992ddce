package smtptest

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Transcript is the dialogue of all sessions in RFC 5321's notation, C: for
// client and S: for server, secrets masked and without what differs from run
// to run, so that it can be kept as a golden file. Lines that begin with --
// say what else happened.
func (s *Server) Transcript() string {
	var b strings.Builder
	for i, se := range s.Sessions() {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(se.Transcript())
	}
	return b.String()
}

// Transcript is the dialogue of the session; see Server.Transcript.
func (s Session) Transcript() string {
	var b strings.Builder
	fmt.Fprintf(&b, "-- session %d\n", s.ID)
	for _, e := range s.Exchanges {
		s.write(&b, e, "")
	}
	if s.End != "" {
		fmt.Fprintf(&b, "-- %s\n", s.End)
	}
	return b.String()
}

// write appends an exchange of the session, each line behind the prefix.
func (s Session) write(b *strings.Builder, e Exchange, prefix string) {
	if e.Octets > 0 {
		s.writeContent(b, e, prefix)
	}
	switch {
	case !e.Event:
		fmt.Fprintf(b, "%sC: %s\n", prefix, shown(e.Command))
	case e.Command == "." || strings.HasPrefix(e.Command, ". "):
		fmt.Fprintf(b, "%sC: .\n", prefix)
	}
	if e.TooLong {
		fmt.Fprintf(b, "%s-- the line was too long\n", prefix)
	}
	e.writeRule(b, prefix)
	if e.Raw != "" {
		fmt.Fprintf(b, "%sS: %s\n", prefix, cut(strconv.Quote(e.Raw)))
		return
	}
	for line := range strings.Lines(string(e.Reply)) {
		fmt.Fprintf(b, "%sS: %s\n", prefix, shown(strings.TrimRight(line, "\r\n")))
	}
}

// The most of a content that a transcript shows.
const (
	maxLines = 12
	maxData  = 2000 // octets
)

// writeContent shows the content that an exchange ends, the beginning only if
// it is long.
func (s Session) writeContent(b *strings.Builder, e Exchange, prefix string) {
	data := ""
	if n := e.Transaction; n > 0 && n <= len(s.Transactions) {
		data = s.Transactions[n-1].Data
	}
	lines := strings.SplitAfterN(data[:min(len(data), maxData)], "\r\n", maxLines+1)
	whole := len(lines) <= maxLines && len(data) <= maxData && data != ""
	for _, line := range lines[:min(len(lines), maxLines)] {
		if line == "" {
			continue
		}
		if line[0] == '.' {
			line = "." + line
		}
		fmt.Fprintf(b, "%sC: %s\n", prefix, shown(strings.TrimSuffix(line, "\r\n")))
	}
	if !whole {
		fmt.Fprintf(b, "%s-- %s in all\n", prefix, count(e.Octets, "octet"))
	}
}

// writeRule says which row answered, and what it did.
func (e Exchange) writeRule(b *strings.Builder, prefix string) {
	row, _, _ := strings.Cut(e.Rule, ":")
	switch {
	case row != "" && e.Event && e.Command != "CONNECT" && e.Command[0] != '.':
		row += " at " + e.Command
	case row == "" && e.Did != "":
		row = e.Command
	case row == "":
		return
	}
	if e.Did != "" {
		row += ": " + e.Did
	}
	fmt.Fprintf(b, "%s-- %s\n", prefix, row)
}

// shown is a line as it is if it is printable, else quoted; long ones are cut.
func shown(line string) string {
	for i := range len(line) {
		if line[i] < ' ' || line[i] > '~' {
			line = strconv.Quote(line)
			break
		}
	}
	return cut(line)
}

const maxShown = 200

// cut shortens what is too long to be read, and says how long it was.
func cut(s string) string {
	if len(s) <= maxShown {
		return s
	}
	return fmt.Sprintf("%s... (%s)", s[:maxShown-40], count(len(s), "octet"))
}

// maxSessions is how many dialogues the log of a failed test shows.
const maxSessions = 20

// dialogue is what has been said so far, for the log of a test: with times,
// and the last sessions only if there are many.
func (s *Server) dialogue() string {
	sessions := s.Sessions()
	if len(sessions) == 0 {
		return "no client has connected"
	}
	var b strings.Builder
	if over := len(sessions) - maxSessions; over > 0 {
		fmt.Fprintf(&b, "(%s before these are not shown)\n", count(over, "session"))
		sessions = sessions[over:]
	}
	for _, se := range sessions {
		end := "open"
		if se.End != "" {
			end = fmt.Sprintf("%s after %s", se.End, round(se.Duration))
		}
		fmt.Fprintf(&b, "session %d from %s, %s:\n", se.ID, se.Peer, end)
		for _, e := range se.Exchanges {
			se.write(&b, e, fmt.Sprintf("%9s ", round(e.At)))
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }

// showFailure logs the dialogue of a test that has failed.
func (s *Server) showFailure() {
	s.tb.Helper()
	if s.failed() && s.started() {
		s.logf("smtptest: the dialogue with %s:\n%s", s.Addr, s.dialogue())
	}
}
