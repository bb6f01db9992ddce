package explore

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
)

// A kind says which faults a step can have.
type kind int

const (
	eventStep   kind = iota // an event that gets a reply
	contentStep             // a point within the content
	tlsStep                 // a handshake
	serverStep              // the whole run
)

// A step is a point of the client's dialogue at which a fault can be played.
type step struct {
	name   string // "RCPT-2", "dot", "content-half"
	kind   kind
	on     string         // the event as Rule.On writes it
	skip   int            // how many such events come before it
	reply  smtptest.Reply // what the server replies without a fault
	during int            // the delivery in which it comes, from 0; closing if it comes after them
	place  int            // of its event, in eventsOf
}

// closing is the time after the deliveries, when the client is closed.
const closing = 2

// wholeRun is the step of the faults that last for the whole run.
var wholeRun = step{name: "server", kind: serverStep}

// An event is one exchange of a session, with the time at which it came.
type event struct {
	smtptest.Exchange
	session int
	at      time.Time
}

// label returns the name of the event in the name of a step.
func (e event) label() string {
	if e.On == "." || e.On == "BDAT" && isLast(e.Command) {
		return "dot"
	}
	return e.On
}

// isLast reports whether a BDAT command is the last one of a content. With LMTP the
// record adds the recipient to it.
func isLast(command string) bool {
	fields := strings.Fields(command)
	return len(fields) > 2 && strings.EqualFold(fields[2], "LAST")
}

// eventsOf returns the events of the sessions in the order in which they came.
func eventsOf(sessions []smtptest.Session) []event {
	var all []event
	for _, s := range sessions {
		for _, x := range s.Exchanges {
			all = append(all, event{x, s.ID, s.Start.Add(x.At)})
		}
	}
	slices.SortStableFunc(all, func(a, b event) int { return a.at.Compare(b.at) })
	return all
}

// learnSteps returns the steps of the run without faults: those of the first delivery,
// those of the second one if it uses the connection of the first, and those of the
// time when the client is closed.
func learnSteps(tr *trial) []step {
	reuses := tr.reusesConnection()
	return slices.DeleteFunc(allSteps(tr), func(s step) bool { return s.during == 1 && !reuses })
}

// allSteps returns the steps of a trial.
func allSteps(tr *trial) []step {
	l := learner{count: map[string]int{}, names: map[string]int{}, contents: map[[2]int]bool{}}
	for i, e := range eventsOf(tr.sessions) {
		before := len(l.steps)
		l.add(e, tr.during(e.at), tr.sessions)
		for n := range l.steps[before:] {
			l.steps[before+n].place = i
		}
	}
	return l.steps
}

// A learner collects steps.
type learner struct {
	steps    []step
	count    map[string]int  // events so far, as rules count them
	names    map[string]int  // steps so far, by the first part of their names
	contents map[[2]int]bool // transactions whose content has been added
	octets   []int           // sizes of the contents so far
}

func (l *learner) add(e event, during int, sessions []smtptest.Session) {
	if e.On == "*" || strings.HasPrefix(e.On, "IDLE") || strings.HasPrefix(e.On, "BODY") {
		return
	}
	label := e.label()
	s := step{on: e.On, reply: e.Reply, during: during}
	switch label {
	case "dot":
		s.on = "."
		l.addContent(e, during, sessions)
	case "TLS":
		s.kind = tlsStep
	}
	s.skip = l.count[s.on]
	l.count[s.on]++
	if e.On == "BDAT" && s.on == "." {
		l.count["BDAT"]++
	}
	l.append(label, s)
}

// addContent adds the steps within the content that ends with e.
func (l *learner) addContent(e event, during int, sessions []smtptest.Session) {
	id := [2]int{e.session, e.Transaction}
	if l.contents[id] || e.Transaction == 0 {
		return
	}
	l.contents[id] = true
	octets := transactionOf(sessions, e).Octets
	for _, part := range []struct {
		label string
		at    int
	}{{"content-first", 1}, {"content-half", octets / 2}, {"content-end", octets}} {
		if part.at < 1 || part.at == 1 && part.label != "content-first" {
			continue
		}
		s := step{kind: contentStep, on: fmt.Sprintf("BODY %d", part.at), during: during}
		for _, n := range l.octets {
			if n >= part.at {
				s.skip++
			}
		}
		l.append(part.label, s)
	}
	l.octets = append(l.octets, octets)
}

// append gives the step its name and keeps it.
func (l *learner) append(label string, s step) {
	s.name = label
	if l.names[label]++; l.names[label] > 1 {
		s.name = fmt.Sprintf("%s-%d", label, l.names[label])
	}
	l.steps = append(l.steps, s)
}

// transactionOf returns the transaction of an event; it is zero if there is none.
func transactionOf(sessions []smtptest.Session, e event) smtptest.Transaction {
	for _, s := range sessions {
		if s.ID == e.session && e.Transaction > 0 && e.Transaction <= len(s.Transactions) {
			return s.Transactions[e.Transaction-1]
		}
	}
	return smtptest.Transaction{}
}
