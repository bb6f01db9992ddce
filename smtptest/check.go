package smtptest

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// compile checks the rules of a script and parses their On. The error is a
// sentence for the test author.
func (s *Server) compile(rules []Rule) ([]*row, error) {
	rows := make([]*row, len(rules))
	for i, rule := range rules {
		r := &row{Rule: rule, n: i + 1, text: fmt.Sprintf("row %d: %s", i+1, rule)}
		r.verb, r.arg, _ = strings.Cut(rule.On, " ")
		r.verb = asciiUpper(r.verb)
		if err := r.check(); err != nil {
			return nil, err
		}
		if s.started() {
			if err := s.checkFields(r); err != nil {
				return nil, err
			}
		}
		for _, above := range rows[:i] {
			if above.covers(r) {
				return nil, r.bad("On", "row %d above takes all its events: put this row first, or give that one Times or If", above.n)
			}
		}
		rows[i] = r
	}
	return rows, nil
}

// bad is the error for a mistake in a field of the row.
func (r *row) bad(field, format string, args ...any) error {
	return fmt.Errorf("smtptest: %s: %s: %s", r.text, field, fmt.Sprintf(format, args...))
}

// check finds the mistakes that need no Server fields to be seen.
func (r *row) check() error {
	for _, f := range []func() error{r.checkOn, r.checkNumbers, r.checkAnswer, r.checkEffect, r.checkHow} {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

func (r *row) checkOn() error {
	switch r.verb {
	case "":
		return r.bad("On", `is empty: name an event, such as "RCPT", "CONNECT" or "."`)
	case "CONNECT", "TLS", "*":
		if r.arg != "" {
			return r.bad("On", "%s takes no argument: use If", r.verb)
		}
	case "BODY":
		n, err := strconv.Atoi(r.arg)
		if r.arg != "" && (err != nil || n < 0) {
			return r.bad("On", "%q is not a number of octets", r.arg)
		}
		r.octets = n
	case "IDLE":
		r.arg = asciiUpper(r.arg)
		if r.arg != "" && !isPseudo(r.arg) && !knownVerb(r.arg) && !strings.HasPrefix(r.arg, "X") {
			return r.bad("On", "%q is not an event", r.arg)
		}
	case "MAIL", "RCPT":
		want := map[string]string{"MAIL": "FROM:", "RCPT": "TO:"}[r.verb]
		if r.arg != "" && !strings.HasPrefix(r.arg, "*") && !strings.HasPrefix(asciiUpper(r.arg), want) {
			return r.bad("On", `the argument of %s begins with %q, as in "%s %s<bob@example.com>"`, r.verb, want, r.verb, want)
		}
	}
	return nil
}

func isPseudo(name string) bool {
	switch name {
	case "CONNECT", "TLS", "RESPONSE", "BODY", ".", "IDLE", "*":
		return true
	}
	return false
}

func (r *row) checkNumbers() error {
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"Skip", int64(r.Skip)}, {"Times", int64(r.Times)}, {"For", int64(r.For)}, {"Every", int64(r.Every)},
		{"Delay", int64(r.Delay)}, {"Jitter", int64(r.Jitter)}, {"Pause", int64(r.Pause)}, {"Chunk", int64(r.Chunk) - ByLine},
	} {
		if f.value < 0 {
			return r.bad(f.name, "is negative")
		}
	}
	if !(r.Chance >= 0 && r.Chance <= 1) {
		return r.bad("Chance", "is a probability from 0 to 1")
	}
	if r.Every > 0 && r.Skip == 0 && r.Times == 0 && r.For == 0 {
		return r.bad("Every", "has nothing to begin afresh: give Skip, Times or For")
	}
	return nil
}

func (r *row) checkAnswer() error {
	if r.Reply != "" && r.Reply != NoReply {
		if err := wire.CheckReply(string(r.Reply)); err != nil {
			return r.bad("Reply", "%v", err)
		}
	}
	switch {
	case r.Reply != "" && r.Raw != "":
		return r.bad("Raw", "stands beside Reply: give one of them")
	case r.verb == "TLS" && r.Reply != "" && r.Reply != NoReply:
		return r.bad("Reply", "a handshake has no reply: use Raw, or NoReply with Then")
	}
	return nil
}

// effective are the events whose success takes effect; Keep and Lose have a
// meaning there only.
var effective = map[string]bool{
	"HELO": true, "EHLO": true, "LHLO": true, "MAIL": true, "RCPT": true, "RSET": true,
	".": true, "BDAT": true, "AUTH": true, "RESPONSE": true,
}

func (r *row) checkEffect() error {
	field := "Keep"
	if r.Lose {
		field = "Lose"
	}
	switch {
	case r.Keep && r.Lose:
		return r.bad("Lose", "stands beside Keep: give one of them")
	case (r.Keep || r.Lose) && !effective[r.verb]:
		return r.bad(field, "nothing takes effect at %s", r.verb)
	}
	return nil
}

func (r *row) checkHow() error {
	answers := r.Reply != "" || r.Raw != ""
	shapes := r.Chunk != 0 || r.Pause != 0
	switch r.Then {
	case "", Close, Drop, Reset, HalfClose, Hold:
	default:
		return r.bad("Then", "%q is not known", string(r.Then))
	}
	switch {
	case r.Delay == Forever && (answers || shapes || r.Jitter != 0 || r.Then != "" || r.Lose):
		return r.bad("Delay", "nothing comes after Forever")
	case r.Then == Hold && (r.Reply == NoReply || r.Reply.Code() == 421):
		return r.bad("Then", "there is nothing to hold")
	case shapes && r.Reply == NoReply:
		return r.bad("Chunk", "there is nothing to write")
	case r.verb == "IDLE" && !answers && r.Then == "":
		return r.bad("On", "the row does nothing: give Reply, Raw or Then")
	case !answers && !shapes && r.Then == "" && r.Delay == 0 && r.Jitter == 0 && !r.Keep && !r.Lose:
		return r.bad("On", "the row does nothing: give Reply, Delay, Then or another action")
	}
	return nil
}

// covers says that no event is left for a later row: r has no condition and
// takes all that the other is for.
func (r *row) covers(later *row) bool {
	if r.If != nil || r.Skip > 0 || r.Times > 0 || r.For > 0 || r.Chance > 0 || r.verb == "IDLE" {
		return false
	}
	if r.verb == "*" {
		return later.verb != "TLS" && later.verb != "BODY" && later.verb != "IDLE"
	}
	if r.verb != later.verb {
		return false
	}
	if r.verb == "BODY" {
		return r.octets == later.octets
	}
	return r.arg == "" || (later.arg != "" && matchArg(r.arg, later.arg))
}

// checkFields finds the mistakes that depend on the Server's configuration.
func (s *Server) checkFields(r *row) error {
	switch {
	case !isPseudo(r.verb) && !knownVerb(r.verb) && !strings.HasPrefix(r.verb, "X") && s.Commands[r.verb] == nil:
		return r.bad("On", "%q is no verb: use one of %s, a key of Server.Commands or X...", r.verb, strings.Join(verbNames(), " "))
	case r.verb == "." && r.arg != "" && !s.LMTP:
		return r.bad("On", "only LMTP answers each recipient at the end of data: set Server.LMTP, or use If")
	case r.verb == "TLS" && s.tls == nil:
		return r.bad("On", "there is no TLS: set Server.TLS or use NewTLSServer")
	case r.verb == "STARTTLS" && s.tls == nil && (r.Reply.Code()/100 == 2 || strings.HasPrefix(r.Raw, "2")):
		return r.bad("Reply", "a success is followed by TLS: set Server.TLS")
	}
	return nil
}

// checkScript repeats compile's checks that need Server fields, at Start.
func (s *Server) checkScript() error {
	s.script.mu.Lock()
	defer s.script.mu.Unlock()
	for _, r := range s.script.rows {
		if err := s.checkFields(r); err != nil {
			return err
		}
	}
	return nil
}

// String writes the rule as a literal, without the fields that are zero.
func (r Rule) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "{On: %q", r.On)
	field := func(set bool, name string, value any) {
		if set {
			fmt.Fprintf(&b, ", %s: %v", name, value)
		}
	}
	field(r.If != nil, "If", "func")
	field(r.Skip != 0, "Skip", r.Skip)
	field(r.Times != 0, "Times", r.Times)
	field(r.Per != 0, "Per", r.Per)
	field(r.For != 0, "For", span(r.For))
	field(r.Every != 0, "Every", span(r.Every))
	field(r.Chance != 0, "Chance", r.Chance)
	field(r.Optional, "Optional", true)
	field(r.Delay != 0, "Delay", span(r.Delay))
	field(r.Jitter != 0, "Jitter", span(r.Jitter))
	field(r.Reply == NoReply, "Reply", "NoReply")
	field(r.Reply != "" && r.Reply != NoReply, "Reply", strconv.Quote(string(r.Reply)))
	field(r.Raw != "", "Raw", cut(strconv.Quote(r.Raw)))
	field(r.Keep, "Keep", true)
	field(r.Lose, "Lose", true)
	field(r.Chunk == ByLine, "Chunk", "ByLine")
	field(r.Chunk > 0, "Chunk", r.Chunk)
	field(r.Pause != 0, "Pause", span(r.Pause))
	field(r.Then != "", "Then", string(r.Then))
	b.WriteByte('}')
	return b.String()
}

// String names the scopes, as in "PerPeer|PerSender".
func (s Scope) String() string {
	var names []string
	for i, name := range []string{"PerSession", "PerTransaction", "PerPeer", "PerSender", "PerRecipient"} {
		if s&(PerSession<<i) != 0 {
			names = append(names, name)
		}
	}
	if names == nil {
		return "PerServer"
	}
	return strings.Join(names, "|")
}

// span writes a duration as time does, without the zero units at its end.
func span(d time.Duration) string {
	if d == Forever {
		return "Forever"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// reportUnused fails the test for each row that never fired.
func (s *Server) reportUnused() {
	s.test().Helper()
	s.script.mu.Lock()
	s.script.retire()
	rows := s.script.old
	s.script.old = nil
	s.script.active.Store(false)
	s.script.mu.Unlock()
	for _, r := range rows {
		if !r.Optional && r.Chance == 0 {
			s.errorf("%s", r.report())
		}
	}
}

// report says how far a row that never fired came.
func (r *row) report() string {
	head := strings.Replace(r.text, ": ", " never fired: ", 1)
	var what string
	switch m := r.miss; {
	case m.came == 0:
		what = r.verb + " never came"
	case m.matched > 0:
		what = fmt.Sprintf("%s came %s, matched %d; %s", r.verb, times(m.came), m.matched, m.reason)
	case m.taken == m.came:
		what = fmt.Sprintf("%s came %s; an earlier row took it", r.verb, times(m.came))
	case m.refused > 0:
		what = fmt.Sprintf("%s came %s; If said no %s", r.verb, times(m.came), times(m.refused))
	default:
		what = fmt.Sprintf("%s came %s, matched 0", r.verb, times(m.came))
	}
	if r.miss.nearest != "" {
		what += "; nearest miss, " + r.miss.nearest
	}
	return fmt.Sprintf("smtptest: %s\n\t%s", head, what)
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
