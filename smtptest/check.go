package smtptest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// compile checks the rules of a script and parses their On. The error is a
// sentence for the test author.
func (s *Server) compile(rules []Rule) ([]*row, error) {
	if !s.started() {
		s.passwords = passwordsOf(s.Users)
	}
	rows := make([]*row, len(rules))
	for i, rule := range rules {
		r := &row{Rule: rule, n: i + 1, text: s.ruleText(i+1, rule)}
		if err := r.readOn(); err != nil {
			return nil, err
		}
		if s.started() {
			if err := s.checkServed(r); err != nil {
				return nil, err
			}
		}
		if err := r.check(); err != nil {
			return nil, err
		}
		for _, above := range rows[:i] {
			if above.covers(r) {
				return nil, r.bad("On", "row %d above takes all its events: put this row first, or give that one Times or If", above.n)
			}
		}
		rows[i] = r
	}
	if s.started() {
		return rows, s.checkFields(rows)
	}
	return rows, nil
}

// ruleText returns the nth rule with its number, without secrets.
func (s *Server) ruleText(n int, rule Rule) string {
	text := fmt.Sprintf("row %d: %s", n, rule)
	if s.passwords == nil || !isLoginEvent(rule.On) {
		return text
	}
	return s.passwords.Replace(text)
}

// bad is the error for a mistake in a field of the row, or in the row ("").
func (r *row) bad(field, format string, args ...any) error {
	if field != "" {
		field += ": "
	}
	return fmt.Errorf("%s: %s%s", r.text, field, fmt.Sprintf(format, args...))
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

// readOn takes On apart. What a client sends is compared without the white
// space around verb and argument, so a row that has some could not fire.
func (r *row) readOn() error {
	r.verb, r.arg, _ = strings.Cut(r.On, " ")
	r.verb = asciiUpper(r.verb)
	if r.On != strings.TrimSpace(r.On) || r.arg != strings.TrimSpace(r.arg) {
		return r.bad("On", "white space or a line end stands around the verb or its argument: leave it out")
	}
	if strings.ContainsFunc(r.verb+strings.ReplaceAll(r.arg, "\t", " "), isControl) {
		return r.bad("On", "there is a control character in it: write a * for it in an argument, or use If")
	}
	return nil
}

func isControl(c rune) bool { return c < ' ' || c == 0x7f }

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
		switch r.arg = asciiUpper(r.arg); r.arg {
		case "TLS", "BODY", "IDLE", "*":
			return r.bad("On", "silence is counted from an event that is answered: name one, or none for any")
		}
	case ".":
		if r.arg != "" && !strings.HasPrefix(r.arg, "<") && !strings.HasPrefix(r.arg, "*") {
			return r.bad("On", `the argument is a recipient in angle brackets, as in ". <bob@example.com>"`)
		}
	case "MAIL", "RCPT":
		want := map[string]string{"MAIL": "FROM:", "RCPT": "TO:"}[r.verb]
		if r.arg != "" && !strings.HasPrefix(r.arg, "*") && !strings.HasPrefix(asciiUpper(r.arg), want) {
			return r.bad("On", `the argument of %s begins with %q, as in "%s %s<bob@example.com>"`, r.verb, want, r.verb, want)
		}
		if path := r.arg[min(len(want), len(r.arg)):]; path != "" && !strings.HasPrefix(r.arg, "*") && path[0] != '<' && path[0] != '*' {
			return r.bad("On", `a path stands in angle brackets, as in "%s %s<bob@example.com>"; for clients that leave them out use If`, r.verb, want)
		}
	}
	return nil
}

// pseudoVerbs are the events that are no commands.
var pseudoVerbs = []string{"CONNECT", "TLS", "RESPONSE", "BODY", ".", "IDLE", "*"}

func isPseudo(name string) bool { return slices.Contains(pseudoVerbs, name) }

func (r *row) checkNumbers() error {
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"Skip", int64(r.Skip)}, {"Times", int64(r.Times)}, {"For", int64(r.For)}, {"Every", int64(r.Every)},
		{"Delay", int64(r.Delay)}, {"Jitter", int64(r.Jitter)}, {"Pause", int64(r.Pause)}, {"Chunk", min(int64(r.Chunk), 0) - ByLine},
	} {
		if f.value < 0 {
			return r.bad(f.name, "is negative")
		}
	}
	if !(r.Chance >= 0 && r.Chance <= 1) {
		return r.bad("Chance", "is a probability from 0 to 1")
	}
	counts := r.Skip > 0 || r.Times > 0 || r.For > 0
	switch {
	case r.Delay < Forever && r.Jitter > Forever-r.Delay:
		return r.bad("Jitter", "is more than can be added to Delay: shorten one of them")
	case r.Every > 0 && !counts:
		return r.bad("Every", "has nothing to begin afresh: give Skip, Times or For")
	case r.Every > 0 && r.For >= r.Every:
		return r.bad("For", "is never over, as Every begins it afresh before: make Every longer")
	case r.Per&^allScopes != 0:
		return r.bad("Per", "unknown bits %v; combine PerSession, PerTransaction, PerPeer, PerSender and PerRecipient with |", r.Per&^allScopes)
	case r.Per != 0 && !counts:
		return r.bad("Per", "has nothing to count: give Skip, Times or For")
	case r.Per&PerRecipient != 0 && (r.verb == "MAIL" || r.verb == "CONNECT" || r.verb == "TLS"):
		return r.bad("Per", "%s has no recipient: leave PerRecipient out", r.verb)
	case r.Per&PerSender != 0 && (r.verb == "CONNECT" || r.verb == "TLS"):
		return r.bad("Per", "%s has no sender: leave PerSender out", r.verb)
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
	case r.Reply == NoReply && (r.verb == "BODY" || r.verb == "IDLE"):
		return r.bad("Reply", "%s has no answer that could be kept back: leave NoReply out", r.verb)
	}
	return nil
}

// effective are the events whose success takes effect; Keep and Lose have a
// meaning there only.
var effective = map[string]bool{
	"HELO": true, "EHLO": true, "LHLO": true, "MAIL": true, "RCPT": true, "RSET": true,
	".": true, "BDAT": true, "AUTH": true, "RESPONSE": true, "XCLIENT": true, "QUIT": true,
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
	if err := r.checkThen(shapes); err != nil {
		return err
	}
	switch {
	case r.Delay == Forever && (answers || shapes || r.Jitter != 0 || r.Then != "" || r.Lose):
		return r.bad("Delay", "nothing comes after Forever: leave out what cannot happen, or give a time")
	case r.verb == "IDLE" && !answers && r.Then == "":
		return r.bad("", "the row does nothing: give Reply, Raw or Then")
	case shapes && r.verb != "BODY" && !r.writes():
		return r.bad(map[bool]string{true: "Chunk", false: "Pause"}[r.Chunk != 0], "there is nothing to write: give Reply or Raw, or leave it out")
	case !answers && !shapes && r.Then == "" && r.Delay == 0 && r.Jitter == 0 && !r.Keep && !r.Lose:
		return r.bad("", "the row does nothing: give Reply, Delay, Then or another action")
	}
	return nil
}

// checkThen finds what Then could not do.
func (r *row) checkThen(shapes bool) error {
	switch r.Then {
	case "", Close, Drop, Reset:
	case HalfClose:
		if r.Reply.Code() == 421 {
			return r.bad("Then", "a Reply of 421 closes: say it with Raw")
		}
	case Hold:
		switch {
		case r.verb == "TLS":
			return r.bad("Then", "nothing follows that it could be held for: leave Hold out")
		case r.Reply.Code() == 421:
			return r.bad("Then", "a Reply of 421 closes, so nothing can be held: say it with Raw")
		case !r.writes():
			return r.bad("Then", "there is nothing to hold: give a Reply or Raw")
		case shapes:
			return r.bad("Then", "what is written in pieces cannot be held: leave Chunk and Pause out")
		}
	default:
		return r.bad("Then", "%q is not known: use Close, Drop, Reset, HalfClose or Hold", string(r.Then))
	}
	return nil
}

// writes says that the row answers, with words of its own or the server's.
func (r *row) writes() bool {
	switch r.verb {
	case "TLS", "BODY", "IDLE":
		return r.Raw != "" || r.Reply != "" && r.Reply != NoReply
	}
	return r.Reply != NoReply
}

// covers says that no event is left for a later row: r has no condition and
// takes all that the other is for.
func (r *row) covers(later *row) bool {
	if r.If != nil || r.Skip > 0 || r.Times > 0 || r.For > 0 || r.Chance > 0 {
		return false
	}
	if r.verb == "*" {
		return later.verb != "TLS" && later.verb != "BODY" && later.verb != "IDLE"
	}
	if r.verb != later.verb {
		return false
	}
	switch r.verb {
	case "BODY":
		return r.octets == later.octets
	case "IDLE":
		return (r.arg == "" || r.arg == later.arg) && r.Delay == later.Delay && r.Jitter == 0 && later.Jitter == 0
	}
	return r.arg == "" || (later.arg != "" && matchArg(r.arg, later.arg))
}

// checkFields finds the mistakes that depend on the Server's configuration.
func (s *Server) checkFields(rows []*row) error {
	for _, r := range rows {
		if err := s.checkServed(r); err != nil {
			return err
		}
		switch success := r.Reply.Code()/100 == 2 || strings.HasPrefix(r.Raw, "2"); {
		case r.verb == "." && r.arg != "" && !s.config.LMTP:
			return r.bad("On", "only LMTP answers each recipient at the end of data: set Server.LMTP, or use If")
		case r.verb == "TLS" && s.tls == nil:
			return r.bad("On", "there is no TLS: set Server.TLS or use NewTLSServer")
		case r.verb == "STARTTLS" && success && s.tls == nil:
			return r.bad("Reply", "a success is followed by TLS: set Server.TLS")
		case r.verb == "STARTTLS" && success && s.implicit:
			return r.bad("Reply", "there is TLS from the first octet, and no other after a success: use Start")
		case r.verb == "RESPONSE" && !s.asks(rows):
			return r.bad("On", "nobody is asked, as there is no AUTH: set Server.Users or Authenticate, or give AUTH a Reply of 334")
		}
	}
	return nil
}

// unserved says how verbs come to be served that are not by default.
var unserved = map[string]string{
	"BDAT":    `put "CHUNKING" into Server.Extensions`,
	"XCLIENT": `put "XCLIENT" with its attributes into Server.Extensions`,
	"LHLO":    "set Server.LMTP",
	"HELO":    "with LMTP it is LHLO",
	"EHLO":    "with LMTP it is LHLO",
}

// checkServed finds verbs that nobody may say here. STARTTLS and AUTH are none
// of them: a row for EHLO can offer what other rows then refuse.
func (s *Server) checkServed(r *row) error {
	verb, what := r.verb, "%q"
	if verb == "IDLE" {
		verb, what = asciiUpper(r.arg), "silence is counted from an event, but %q"
	}
	v := commands[verb]
	switch remedy := unserved[verb]; {
	case verb == "" || isPseudo(verb) || s.config.Commands[verb] != nil:
	case v == nil && !strings.HasPrefix(verb, "X"):
		return r.bad("On", what+` is no event: use one of %s ("." is the end of data), a verb of %s, a key of Server.Commands or X...`,
			verb, strings.Join(pseudoVerbs, " "), strings.Join(verbNames(), " "))
	case v != nil && remedy != "" && !v.offered(s):
		return r.bad("On", what+" is not served: %s", verb, remedy)
	}
	return nil
}

// asks says that a client may have a 334 to respond to.
func (s *Server) asks(rows []*row) bool {
	return s.offersAuth() || s.config.Commands["AUTH"] != nil || slices.ContainsFunc(rows, func(r *row) bool {
		return (r.verb == "AUTH" || r.verb == "*") && strings.HasPrefix(string(r.Reply)+r.Raw, "3")
	})
}

// checkScript does at Start what Script needs the Server's fields for.
func (s *Server) checkScript() error {
	s.script.mu.Lock()
	defer s.script.mu.Unlock()
	for _, r := range s.script.rows {
		r.text = s.ruleText(r.n, r.Rule)
	}
	if err := s.checkFields(s.script.rows); err != nil {
		return err
	}
	s.drawSeed(s.script.rows)
	return nil
}

// String writes the rule as a literal, without the fields that are zero and
// without the secrets of AUTH in On.
func (r Rule) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "{On: %q", shownOn(r.On))
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
	field(r.Raw != "", "Raw", quoted(r.Raw))
	field(r.Keep, "Keep", true)
	field(r.Lose, "Lose", true)
	field(r.Chunk == ByLine, "Chunk", "ByLine")
	field(r.Chunk != 0 && r.Chunk != ByLine, "Chunk", r.Chunk)
	field(r.Pause != 0, "Pause", span(r.Pause))
	field(r.Then != "", "Then", string(r.Then))
	b.WriteByte('}')
	return b.String()
}

const allScopes = PerSession | PerTransaction | PerPeer | PerSender | PerRecipient

// String names the scopes, as in "PerPeer|PerSender". It writes bits that are no
// scope as a number, as in "PerPeer|Scope(1)".
func (s Scope) String() string {
	var names []string
	for i, name := range []string{"PerSession", "PerTransaction", "PerPeer", "PerSender", "PerRecipient"} {
		if s&(PerSession<<i) != 0 {
			names = append(names, name)
		}
	}
	if unknown := s &^ allScopes; unknown != 0 {
		names = append(names, fmt.Sprintf("Scope(%d)", uint8(unknown)))
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
