// Package lint finds mistakes of the clients of a smtptest.Server in what the server
// has recorded: commands out of order, wrong line ends, secrets without TLS, broken
// headers and MIME, and mail that was sent twice. Each finding names the RFC section
// that it is about.
//
// One line in a test makes findings fail it:
//
//	lint.Require(t, srv, lint.Error)
//
// The record proves each finding. Check does not report what the record leaves open,
// so it misses some mistakes and raises no false alarms. For example, it finds a client
// that sends commands too early only if they arrived before the server wrote the reply;
// a rule that delays the reply helps. Check judges a client by the replies that it got,
// including those of a script.
//
// [Rules] lists all rules. The page docs/lint.md has the same list.
package lint

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/go-smtptest/smtp/smtptest"
)

// Level says how bad a finding is. Levels can be compared.
type Level uint8

// The levels.
const (
	Warning Level = 1 + iota // it violates a SHOULD, or is legal and nearly always a mistake
	Error                    // it violates a MUST or a plain definition
)

// String is "warning" or "error".
func (l Level) String() string {
	if l == Error {
		return "error"
	}
	return "warning"
}

// Finding is one thing that a client did wrong.
type Finding struct {
	ID          string // "data-bare-lf": the ID of one of the Rules
	Level       Level
	RFC         string // "RFC 5321 2.3.8"; "" if no RFC speaks of it
	Session     int    // Session.ID
	Exchange    int    // within Session.Exchanges, from 1; 0 if it is about no single one
	Transaction int    // within Session.Transactions, from 1; 0 if it is about none
	Offset      int    // of Octets within the transaction's Data; -1 if they are not in it
	Octets      string // those concerned, secrets masked; at most 80
	Detail      string // what is wrong, in words
}

// String is one line, as in
//
//	session 1, transaction 1: data-bare-lf (error, RFC 5321 2.3.8): LF without CR at octet 17: "a\nb"
func (f Finding) String() string {
	where := fmt.Sprintf("session %d", f.Session)
	if f.Transaction > 0 {
		where += fmt.Sprintf(", transaction %d", f.Transaction)
	}
	s := fmt.Sprintf("%s: %s (%s", where, f.ID, f.Level)
	if f.RFC != "" {
		s += ", " + f.RFC
	}
	s += "): " + f.Detail
	if f.Offset >= 0 {
		s += fmt.Sprintf(" at octet %d", f.Offset)
	}
	if f.Octets != "" {
		s += fmt.Sprintf(": %q", f.Octets)
	}
	return s
}

// Check returns what the clients of the sessions did wrong, in the order of the
// sessions and of what they sent; what is about no single exchange comes last.
// Findings of rules that are OptIn are left out unless their ids are given in
// also. An id in also that no rule has is a mistake of the caller, and panics.
//
// An open session is judged as far as it has come. Of a released transaction, its header
// and the hash of the rest are judged.
func Check(sessions []smtptest.Session, also ...string) []Finding {
	c := check{on: map[string]bool{}}
	for _, id := range also {
		if _, ok := ruleOf[id]; !ok {
			panic(fmt.Sprintf("lint: Check: %q is the id of no rule: see Rules", id))
		}
		c.on[id] = true
	}
	for i := range sessions {
		c.session(&sessions[i])
	}
	c.across(sessions)
	slices.SortStableFunc(c.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Session, b.Session), cmp.Compare(a.place(), b.place()))
	})
	return c.findings
}

func (f Finding) place() int {
	if f.Exchange == 0 {
		return math.MaxInt
	}
	return f.Exchange
}

// check gathers findings.
type check struct {
	on       map[string]bool // OptIn rules that were asked for
	findings []Finding
	attempts []attempt // of all sessions
	logins   []login
}

// printable keeps what a client sent, and a sentence repeats, from breaking a log:
// what is no UTF-8 becomes U+FFFD too.
func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return unicode.ReplacementChar
}

// add completes a finding from its rule, unless that is off. A Level that is set
// already stays.
func (c *check) add(f Finding) {
	r, ok := ruleOf[f.ID]
	if !ok {
		panic("lint: no rule " + f.ID)
	}
	if r.off && !c.on[f.ID] {
		return
	}
	f.Level, f.RFC = cmp.Or(f.Level, r.level), r.rfc
	f.Octets = f.Octets[:min(len(f.Octets), maxOctets)]
	f.Detail = strings.Map(printable, f.Detail)
	c.findings = append(c.findings, f)
}
