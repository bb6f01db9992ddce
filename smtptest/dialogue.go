package smtptest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/show"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// The most that the log of a failed test shows: as much as somebody reads.
const (
	fewSessions  = 3  // are shown one by one, however alike they are
	maxKinds     = 8  // in full; more have a line each
	maxBriefs    = 20 // of these lines, and of those of other addresses
	maxExchanges = 24 // of a session
)

// dialogue is what has been said so far, for the log of a test: with times, and
// of many sessions one of each kind. What it shows counts as shown.
func (s *Server) dialogue() string {
	sessions := s.Sessions()
	s.markLogged(sessions)
	return cmp.Or(s.unreached(sessions), newLog(sessions).all(sessions))
}

// showFailure logs the dialogue of a test that has failed, without the sessions
// that were shown as they are.
func (s *Server) showFailure() {
	s.test().Helper()
	if !s.hasFailed() || s.ended == nil {
		return
	}
	sessions := s.Sessions()
	if fresh, first := s.markLogged(sessions); first || len(fresh) > 0 {
		s.print(fmt.Sprintf("smtptest: the dialogue with %s:\n%s", s.Addr, cmp.Or(s.unreached(sessions), newLog(sessions).all(fresh))))
	}
}

// unreached returns what to do if no client has connected to a server in memory;
// otherwise "".
func (s *Server) unreached(sessions []Session) string {
	if len(sessions) > 0 || !s.inMemory {
		return ""
	}
	return "no client has connected: this server is in memory; reach it by DialContext or Client"
}

// markLogged returns the sessions in which something was said since they were last
// seen, and whether it is the first look.
func (r *reporter) markLogged(sessions []Session) (fresh []Session, first bool) {
	r.told.Lock()
	defer r.told.Unlock()
	if first = r.seen == nil; first {
		r.seen = make(map[int]int)
	}
	for _, se := range sessions {
		if n, ok := r.seen[se.ID]; !ok || n < len(se.Exchanges) {
			fresh = append(fresh, se)
		}
		r.seen[se.ID] = len(se.Exchanges)
	}
	return fresh, first
}

// A sessionLog writes sessions for the log of a test.
type sessionLog struct {
	strings.Builder
	zero       time.Time       // the start of the server's first session
	shownRules map[string]bool // whose text has been shown
	most       int             // exchanges of a session
	room       int             // lines for sessions that differ in their addresses only
}

func newLog(all []Session) *sessionLog {
	l := &sessionLog{shownRules: make(map[string]bool), most: maxExchanges, room: maxBriefs}
	if len(all) > 0 {
		l.zero = all[0].Start
	}
	return l
}

// all writes one session of each kind, and names the others.
func (l *sessionLog) all(sessions []Session) string {
	if len(sessions) == 0 {
		return "no client has connected"
	}
	kinds := kindsOf(sessions)
	hidden := 0
	for i, kind := range kinds {
		switch middle := min(i, len(kinds)-1-i); {
		case middle < maxKinds/2:
			if hidden > 0 {
				fmt.Fprintf(l, "(%s not shown)\n", show.Plural(hidden, "other session"))
				hidden = 0
			}
			l.session(kind[0])
		case i < maxKinds/2+maxBriefs:
			fmt.Fprintf(l, "%s: %s\n", l.headline(kind[0]), kind[0].failureSummary())
		default:
			hidden += len(kind)
			continue
		}
		l.others(kind)
	}
	return strings.TrimRight(l.String(), "\n")
}

// others names those that went like the first of their kind, and the addresses
// that they had instead of its while there is room.
func (l *sessionLog) others(kind []Session) {
	first := kind[0]
	parts := groupBy(kind, envelopes)
	l.like(first, parts[0][1:], "")
	if parts = parts[1:]; len(parts) > l.room {
		own := envelopes(first)
		more := slices.DeleteFunc(kind, func(se Session) bool { return envelopes(se) == own })
		l.like(first, more, ", but for the addresses")
		return
	}
	l.room -= len(parts)
	for _, part := range parts {
		l.like(first, part, ", but "+show.Printable(envelopes(part[0])))
	}
}

func (l *sessionLog) like(first Session, more []Session, but string) {
	if len(more) > 0 {
		fmt.Fprintf(l, "(%s like session %d%s: %s)\n", show.Plural(len(more), "other"), first.ID, but, ranges(more))
	}
}

// kindsOf puts sessions together that went alike: with the same addresses, or
// with whichever if too many differ in them to be shown in full.
func kindsOf(sessions []Session) [][]Session {
	if len(sessions) <= fewSessions {
		return groupBy(sessions, func(se Session) string { return fmt.Sprint(se.ID) })
	}
	kinds := groupBy(sessions, func(se Session) string { return sessionKind(se) + envelopes(se) })
	if len(kinds) <= maxKinds {
		return kinds
	}
	return groupBy(sessions, sessionKind)
}

// groupBy puts sessions together of which what says the same.
func groupBy(sessions []Session, what func(Session) string) [][]Session {
	var parts [][]Session
	index := make(map[string]int)
	for _, se := range sessions {
		key := what(se)
		i, ok := index[key]
		if !ok {
			i = len(parts)
			index[key] = i
			parts = append(parts, nil)
		}
		parts[i] = append(parts[i], se)
	}
	return parts
}

// sessionKind is the same for sessions that went alike: all in which as many messages
// were sent and nothing was unusual, else those with the same verbs, replies and
// rules.
func sessionKind(s Session) string {
	var b strings.Builder
	usual := s.End == EndQuit && acceptedIn(s) > 0
	last := ""
	for _, e := range s.Exchanges {
		step := e.kind()
		if step != last {
			b.WriteString(step)
		}
		last = step
		usual = usual && e.isRoutine()
	}
	if usual {
		return show.Plural(acceptedIn(s), "message")
	}
	return b.String() + s.End
}

// envelopes are the addresses of all transactions.
func envelopes(s Session) string {
	var all []string
	for _, t := range s.Transactions {
		var to []string
		for _, r := range t.Recipients {
			to = append(to, r.To)
		}
		all = append(all, fmt.Sprintf("<%s> to %s", t.From, strings.Join(to, ", ")))
	}
	return strings.Join(all, "; ")
}

// kind is the same for exchanges that went alike.
func (e Exchange) kind() string {
	verb, _, _ := strings.Cut(e.Command, " ")
	return fmt.Sprintf("%s %d %s\n", strings.ToUpper(verb), e.Reply.Code(), e.ruleText())
}

// isRoutine reports whether no rule had a hand in it and the client was refused nothing.
func (e Exchange) isRoutine() bool { return e.Rule == "" && !e.refused() }

// ranges are the numbers of sessions, as in "2-36, 38".
func ranges(sessions []Session) string {
	var parts []string
	for i := 0; i < len(sessions); {
		end := i + 1
		for end < len(sessions) && sessions[end].ID == sessions[end-1].ID+1 {
			end++
		}
		part := fmt.Sprint(sessions[i].ID)
		if end-i > 1 {
			part += fmt.Sprintf("-%d", sessions[end-1].ID)
		}
		parts = append(parts, part)
		i = end
	}
	return show.Truncate(strings.Join(parts, ", "))
}

// headline says who, when and how it ended.
func (l *sessionLog) headline(se Session) string {
	var b strings.Builder
	fmt.Fprintf(&b, "session %d from %s", se.ID, se.Peer)
	if at := se.Start.Sub(l.zero); at > 0 {
		fmt.Fprintf(&b, " at %s", roundTime(at))
	}
	if se.End == "" {
		fmt.Fprintf(&b, ", open, silent for %s", roundTime(time.Since(se.Start)-lastAt(se)))
	} else {
		fmt.Fprintf(&b, ", %s after %s", se.End, roundTime(se.Duration))
	}
	if n := acceptedIn(se); n > 0 {
		fmt.Fprintf(&b, ", %s", show.Plural(n, "message"))
	} else {
		b.WriteString(", no message")
	}
	return b.String()
}

func lastAt(s Session) time.Duration {
	if n := len(s.Exchanges); n > 0 {
		return s.Exchanges[n-1].At
	}
	return 0
}

// acceptedIn is how many messages came of the session.
func acceptedIn(s Session) (n int) {
	for _, t := range s.Transactions {
		if t.Outcome == OutcomeAccepted {
			n++
		}
	}
	return n
}

// session writes one session in full.
func (l *sessionLog) session(se Session) {
	fmt.Fprintf(l, "%s:\n", l.headline(se))
	left, failed := 0, ""
	contents := se.contents()
	for i, e := range se.Exchanges {
		middle := min(i, len(se.Exchanges)-1-i) >= (l.most+1)/2
		if middle && (e.isRoutine() || e.kind() == failed) {
			left++
			continue
		}
		if !e.isRoutine() {
			failed = e.kind()
		}
		l.left(&left)
		l.exchange(e, contents[i])
	}
	l.left(&left)
	if n := cutOff(se); n > 0 {
		fmt.Fprintf(l, "%12s-- the content did not end; %s came\n", "", show.Plural(n, "octet"))
	}
	if se.Unread != "" {
		fmt.Fprintf(l, "%12s-- not read as commands: %s%s\n", "", show.Quote(se.Unread), whyUnread(se.Unread))
	}
}

// whyUnread is for octets that look like lines.
func whyUnread(octets string) string {
	if strings.Contains(octets, "\n") && !strings.Contains(octets, "\r\n") {
		return " (only CRLF ends a line, RFC 5321 2.3.8)"
	}
	return ""
}

// cutOff is how much content came that did not end.
func cutOff(s Session) int {
	n := s.unfinished()
	if n == 0 || s.Transactions[n-1].Outcome != OutcomeAborted {
		return 0
	}
	for _, e := range s.Exchanges {
		if e.Transaction == n && (e.endsData() || e.lastChunk()) {
			return 0
		}
	}
	return s.Transactions[n-1].Octets
}

// lastChunk says that the exchange is a BDAT LAST whose chunk has come whole.
func (e Exchange) lastChunk() bool {
	words := strings.Fields(wire.Upper(e.Command))
	if len(words) != 3 || words[0] != "BDAT" || words[2] != "LAST" {
		return false
	}
	size, err := wire.ParseSize(words[1])
	return err == nil && e.Octets == size
}

// left says how many exchanges were left out.
func (l *sessionLog) left(n *int) {
	if *n > 0 {
		fmt.Fprintf(l, "%12s-- %s not shown\n", "", show.Plural(*n, "exchange"))
	}
	*n = 0
}

// exchange writes an exchange with its time, relative to the session's start,
// and a mark at what the client was refused.
func (l *sessionLog) exchange(e Exchange, content content) {
	at := roundTime(e.At).String()
	for _, line := range fold(e.lines(content)) {
		mark := ' '
		switch {
		case strings.HasPrefix(line, "S: ") && e.refused():
			mark = '!'
		case strings.HasPrefix(line, "-- rule ") && !l.shownRules[e.Rule]:
			l.shownRules[e.Rule] = true
			_, text, _ := strings.Cut(e.Rule, ": ")
			line += "    " + text
		}
		fmt.Fprintf(l, "%9s %c %s\n", at, mark, line)
		at = ""
	}
}

// fold puts a reply of several lines on one.
func fold(lines []string) []string {
	first := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "S: ") })
	if first < 0 || len(lines)-first < 3 {
		return lines
	}
	texts := slices.Clone(lines[first:])
	for i, line := range texts[1:] {
		texts[i+1] = line[min(len("S: 250-"), len(line)):]
	}
	return append(lines[:first:first], strings.Join(texts, ", "))
}

// refused says that the client was told that it failed, in words or not.
func (e Exchange) refused() bool { return e.Reply.Code() >= 400 || e.Raw != "" }

func roundTime(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }
