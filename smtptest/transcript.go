package smtptest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/show"
)

// Transcript is the dialogue of all sessions in RFC 5321's notation, C: for
// client and S: for server, secrets masked and without what differs from run
// to run, so that it can be kept as a golden file. Lines that begin with --
// say what else happened. It is complete when the sessions have ended: a client
// whose mail is there may have still to say QUIT, and WaitSession waits for that.
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
	contents := s.contents()
	for i, e := range s.Exchanges {
		for _, line := range e.lines(contents[i]) {
			b.WriteString(line + "\n")
		}
		for _, line := range s.brokenOff(i) {
			b.WriteString(line + "\n")
		}
	}
	if s.End != "" {
		fmt.Fprintf(&b, "-- %s\n", s.End)
	}
	return b.String()
}

// lines returns the lines of the exchange, with which content came: first the
// client's, then what else happened, then the server's.
func (e Exchange) lines(content content) []string {
	var lines []string
	if !e.Event {
		lines = append(lines, "C: "+show.Printable(e.Command))
	}
	if e.Octets > 0 {
		lines = append(lines, e.contentLines(content)...)
	}
	if e.endsData() {
		lines = append(lines, "C: .")
	}
	if e.TooLong {
		lines = append(lines, "-- the line was too long")
	}
	if text := e.ruleText(); text != "" {
		lines = append(lines, "-- "+text)
	}
	if e.Raw != "" {
		return append(lines, "S: "+show.Quote(e.Raw))
	}
	for line := range strings.Lines(string(e.Reply)) {
		lines = append(lines, "S: "+show.Printable(strings.TrimRight(line, "\r\n")))
	}
	return lines
}

func (e Exchange) endsData() bool { return e.Event && strings.HasPrefix(e.Command, ".") }

// The most of a content that a transcript shows.
const (
	maxLines = 12
	maxData  = 2000 // octets
)

// content is what is known of the content that came with an exchange.
type content struct {
	data     string // "" if it was not kept
	released bool   // data is the header only
}

// contentLines returns the lines of the content that came with the exchange, or only
// the first of them if it is long.
func (e Exchange) contentLines(c content) []string {
	all := strings.SplitAfterN(c.data[:min(len(c.data), maxData)], "\r\n", maxLines+1)
	whole := len(all) <= maxLines && len(c.data) <= maxData && c.data != ""
	var lines []string
	for _, line := range all[:min(len(all), maxLines)] {
		if line == "" {
			continue
		}
		if line[0] == '.' && e.Event {
			line = "." + line
		}
		lines = append(lines, "C: "+show.Printable(strings.TrimSuffix(line, "\r\n")))
	}
	switch size := show.Plural(e.Octets, "octet"); {
	case c.released:
		lines = append(lines, fmt.Sprintf("-- %s in all; the server released what followed the header, because Drain or Take removed the message", size))
	case !whole:
		lines = append(lines, fmt.Sprintf("-- %s in all", size))
	}
	return lines
}

// contents returns what came with each exchange: all of the transaction's Data with
// the dot, one chunk of it with BDAT.
func (s Session) contents() []content {
	contents := make([]content, len(s.Exchanges))
	rest := make([]string, len(s.Transactions)) // of Data, after the chunks so far
	for i, t := range s.Transactions {
		rest[i] = t.Data
	}
	for i, e := range s.Exchanges {
		n := e.Transaction - 1
		if n < 0 || n >= len(rest) {
			continue
		}
		end := min(e.Octets, len(rest[n]))
		c := content{data: rest[n][:end]}
		rest[n] = rest[n][end:]
		if e.Event {
			c.data = s.Transactions[n].Data
		}
		c.released = s.Transactions[n].Released && len(c.data) < e.Octets
		contents[i] = c
	}
	return contents
}

// brokenOff returns the lines of a content that came for the DATA of exchange i
// and did not end, or that came although there was no 354.
func (s Session) brokenOff(i int) []string {
	e := s.Exchanges[i]
	n := e.Transaction - 1
	if e.On != "DATA" || n < 0 || n >= len(s.Transactions) {
		return nil
	}
	t := s.Transactions[n]
	if (e.Reply.Code()/100 != 3 || t.Data == "") && i == len(s.Exchanges)-1 && s.Unread != "" {
		return []string{"-- not read as commands: " + show.Quote(s.Unread)}
	}
	ended := func(e Exchange) bool { return e.Transaction == n+1 && e.endsData() }
	if t.Data == "" || t.Chunks != nil || slices.ContainsFunc(s.Exchanges[i:], ended) {
		return nil
	}
	e = Exchange{Event: true, Octets: t.Octets}
	return append(e.contentLines(content{data: t.Data}), "-- the content did not end")
}

// ruleText returns the number of the rule that fired, with its effects; "" if none did.
func (e Exchange) ruleText() string {
	text, _, _ := strings.Cut(e.Rule, ":")
	switch {
	case text != "" && e.Event && e.Command != "CONNECT" && !e.endsData():
		text += " at " + e.Command
	case text == "" && e.Effects != "":
		text = e.Command
	case text == "":
		return ""
	}
	if e.Effects != "" {
		text += ": " + e.Effects
	}
	return text
}
