package smtptest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// miss tells how far a row came, for the report of rows that never fired.
type miss struct {
	came    int    // events with the row's verb
	matched int    // with its argument and condition too
	skipped int    // of those: by Skip
	late    int    // of those: For was over
	refused int    // times that If said no
	taken   int    // events with its verb and argument that an earlier row answered
	by      int    // the last such row
	nearest string // the command whose argument came nearest; "" if none came
	session int    // of nearest
	score   int    // of nearest
	longest int    // octets of the longest content that did not reach a BODY row
}

// differs notes an event whose argument is another than the row's.
func (r *row) differs(se *session, t *turn) {
	score := likeness(r.arg, r.compared(t))
	if score < r.miss.score {
		return
	}
	line := t.line // secrets masked
	if t.name == "RESPONSE" {
		line = "RESPONSE " + line
	}
	r.miss.nearest, r.miss.session, r.miss.score = line, se.id, score
}

// likeness is how much of its beginning and its end a string has in common with
// a pattern.
func likeness(pattern, s string) int {
	n := 0
	for n < min(len(pattern), len(s)) && lower(pattern[n]) == lower(s[n]) {
		n++
	}
	pattern, s = pattern[n:], s[n:]
	m := 0
	for m < min(len(pattern), len(s)) && lower(pattern[len(pattern)-1-m]) == lower(s[len(s)-1-m]) {
		m++
	}
	return n + m
}

// short notes how long a content was that did not reach the rows for the marks
// that are left.
func (sc *script) short(octets int) {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	for _, r := range sc.rows {
		if r.verb == "BODY" && r.octets > octets {
			r.miss.longest = max(r.miss.longest, octets)
		}
	}
}

// reportUnused fails the test for each row that never fired. It is called once;
// Fired and Unused go on telling.
func (s *Server) reportUnused() {
	s.test().Helper()
	if len(s.busy()) > 0 {
		return // whose events may still be matched, as Close has said
	}
	s.script.mu.Lock()
	rows := slices.Concat(s.script.old, s.script.unfired())
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
	if r.replaced {
		head = strings.Replace(r.text, ": ", " was replaced before it fired: ", 1)
	}
	m := r.miss
	if m.came == 0 {
		return fmt.Sprintf("smtptest: %s\n\t%s", head, r.absence())
	}
	what := r.event() + " came " + times(m.came)
	if m.matched > 0 || m.taken+m.refused == 0 {
		what += fmt.Sprintf(", matched %d%s", m.matched, m.fate())
	}
	if m.refused > 0 {
		what += "; If said no"
		if m.refused > 1 {
			what += " " + times(m.refused)
		}
	}
	if m.taken > 0 {
		what += fmt.Sprintf("; row %d took %s", m.by, share(m.taken, m.came))
	}
	if m.nearest != "" {
		what += fmt.Sprintf("; nearest miss, session %d: %s", m.session, shown(m.nearest))
	}
	return fmt.Sprintf("smtptest: %s\n\t%s", head, what)
}

// event is what the row waits for, without what is compared.
func (r *row) event() string {
	switch r.verb {
	case "*":
		return "an event"
	case "BODY", "IDLE":
		return strings.TrimSpace(r.verb + " " + r.arg)
	}
	return r.verb
}

// absence says that the row's event never came.
func (r *row) absence() string {
	switch {
	case r.verb == "*":
		return "no client connected"
	case r.verb == "IDLE" && r.Delay+r.Jitter > 0:
		return fmt.Sprintf("%s never came: no client was silent for %s then", r.event(), span(r.Delay+r.Jitter))
	case r.verb == "BODY" && r.miss.longest > 0:
		return fmt.Sprintf("%s never came: the longest content had %s", r.event(), count(r.miss.longest, "octet"))
	}
	return r.event() + " never came"
}

// fate says what became of the matches.
func (m *miss) fate() string {
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{m.skipped, "skipped"}, {m.late, "after For was over"}} {
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

// share is n of all, in words.
func share(n, all int) string {
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

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
