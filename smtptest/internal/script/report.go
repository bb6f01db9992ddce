package script

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/show"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// ruleStats counts how far a rule came, for the report of rules that never fired.
type ruleStats struct {
	events         int    // events with the rule's verb
	matched        int    // with its argument and condition too
	skipped        int    // of those: by Skip
	expired        int    // of those: For was over
	ifFalse        int    // times that If returned false
	shadowed       int    // events with its verb and argument that an earlier rule answered
	shadowedBy     int    // the last such rule
	nearest        string // the command whose argument came nearest; "" if none came
	nearestSession int    // of nearest
	nearestScore   int    // of nearest
	longestBody    int    // octets of the longest content that did not reach a BODY rule
}

// noteNearest notes an event whose argument is another than the rule's.
func (r *Rule) noteNearest(e *Event) {
	score := similarity(r.arg, r.compared(e))
	if score < r.stats.nearestScore {
		return
	}
	line := e.Line
	if e.Name == "RESPONSE" {
		line = "RESPONSE " + line
	}
	r.stats.nearest, r.stats.nearestSession, r.stats.nearestScore = line, e.Session, score
}

// similarity is how much of its beginning and its end a string has in common with
// a pattern.
func similarity(pattern, s string) int {
	n := 0
	for n < min(len(pattern), len(s)) && wire.Lower(pattern[n]) == wire.Lower(s[n]) {
		n++
	}
	pattern, s = pattern[n:], s[n:]
	m := 0
	for m < min(len(pattern), len(s)) && wire.Lower(pattern[len(pattern)-1-m]) == wire.Lower(s[len(s)-1-m]) {
		m++
	}
	return n + m
}

// Report returns a sentence for each rule that never fired and that is neither
// Optional nor has a Chance, replaced rules first.
func (t *Table) Report() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []string
	for _, r := range slices.Concat(t.old, t.unfired()) {
		if !r.Optional && r.Chance == 0 {
			all = append(all, r.report())
		}
	}
	return all
}

// Partial returns a sentence for each rule in force that fired, but less often than its
// Times. It leaves out the rules that count more than once, for several scopes or periods.
func (t *Table) Partial() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []string
	for _, r := range t.rules {
		if r.fired > 0 && r.fired < r.Times && r.Per == 0 && r.Every == 0 && r.Chance == 0 {
			all = append(all, "smtptest: "+strings.Replace(r.Text, ": ", fmt.Sprintf(" fired %d of %d times: ", r.fired, r.Times), 1))
		}
	}
	return all
}

// noteShadowed counts an event that the rule did not get, because the one above it
// fired. above is nil if an If has failed.
func (r *Rule) noteShadowed(above *Rule, e *Event) {
	r.stats.events++
	switch {
	case above == nil:
	case r.byArgument() && !matchArg(r.arg, r.compared(e)):
		r.noteNearest(e)
	default:
		r.stats.shadowed++
		r.stats.shadowedBy = above.n
	}
}

// report says how far a rule that never fired came.
func (r *Rule) report() string {
	head := strings.Replace(r.Text, ": ", " never fired: ", 1)
	if r.replaced {
		head = strings.Replace(r.Text, ": ", " was replaced before it fired: ", 1)
	}
	m := r.stats
	if m.events == 0 {
		return fmt.Sprintf("smtptest: %s\n\t%s", head, r.neverSeen())
	}
	what := r.event() + " came " + show.Times(m.events)
	if m.matched > 0 || m.shadowed+m.ifFalse == 0 {
		what += fmt.Sprintf(", matched %d%s", m.matched, m.matchSummary())
	}
	if m.ifFalse > 0 {
		what += "; If returned false"
		if m.ifFalse > 1 {
			what += " " + show.Times(m.ifFalse)
		}
	}
	if m.shadowed > 0 {
		what += fmt.Sprintf("; rule %d handled %s", m.shadowedBy, countOf(m.shadowed, m.events))
	}
	if m.nearest != "" {
		what += fmt.Sprintf("; nearest miss, session %d: %s", m.nearestSession, show.Printable(m.nearest))
	}
	return fmt.Sprintf("smtptest: %s\n\t%s", head, what)
}

// event is what the rule waits for, without what is compared.
func (r *Rule) event() string {
	switch r.verb {
	case "*":
		return "an event"
	case "BODY", "IDLE":
		return strings.TrimSpace(r.verb + " " + r.arg)
	}
	return r.verb
}

// neverSeen says that the rule's event never came.
func (r *Rule) neverSeen() string {
	switch {
	case r.verb == "*":
		return "no client connected"
	case r.verb == "IDLE" && r.Delay+r.Jitter > 0:
		return fmt.Sprintf("%s never came: no client was silent for %s then", r.event(), show.Duration(r.Delay+r.Jitter))
	case r.verb == "BODY" && r.stats.longestBody > 0:
		return fmt.Sprintf("%s never came: the longest content had %s", r.event(), show.Plural(r.stats.longestBody, "octet"))
	}
	return r.event() + " never came"
}

// matchSummary says what became of the matches.
func (m *ruleStats) matchSummary() string {
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{m.skipped, "skipped"}, {m.expired, "after For was over"}} {
		switch {
		case p.n == 0:
		case p.n < m.matched:
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		default:
			parts = append(parts, cmp.Or(map[int]string{1: "", 2: "both "}[m.matched], map[bool]string{true: "all "}[m.matched > 2])+p.what)
		}
	}
	if parts == nil {
		return ""
	}
	return ", " + strings.Join(parts, ", ")
}

// countOf returns n of all, in words.
func countOf(n, all int) string {
	switch {
	case n < all:
		return fmt.Sprint(n)
	case n == 1:
		return "it"
	case n == 2:
		return "both"
	}
	return "all"
}
