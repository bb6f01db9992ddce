package smtptest

import (
	"fmt"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/journal"
	"github.com/go-smtptest/smtp/smtptest/internal/show"
)

// nearestMiss says what came nearest to being one more message, and why it is
// none; "" if nothing did.
func nearestMiss(sessions []Session) string {
	var nearest *Session
	best := -1
	for _, se := range sessions {
		if n := se.furthestStep(); n >= best && se.failureSummary() != "" {
			nearest, best = &se, n
		}
	}
	if nearest == nil {
		return ""
	}
	return fmt.Sprintf("nearest miss, session %d: %s", nearest.ID, nearest.failureSummary())
}

// furthestStep is how far the last transaction came that is no message.
func (s Session) furthestStep() int {
	n := s.unfinished()
	if n == 0 {
		return 0
	}
	t := s.Transactions[n-1]
	if t.Octets > 0 {
		return 3
	}
	for _, r := range t.Recipients {
		if r.Accepted {
			return 2
		}
	}
	return 1
}

// unfinished is the number of the last transaction if it became no message,
// else 0.
func (s Session) unfinished() int {
	n := len(s.Transactions)
	if n > 0 && s.Transactions[n-1].Outcome == OutcomeAccepted {
		return 0
	}
	return n
}

// failureSummary says what kept the session from a message after those that it sent:
// the first refusal, or where it stopped. "" if nothing did.
func (s Session) failureSummary() string {
	failures := s.failures()
	switch {
	case len(failures) > 1:
		return fmt.Sprintf("%s, the first of %d refusals", failures[0].failure(), len(failures))
	case len(failures) == 1:
		return failures[0].failure()
	case s.End == "":
		return "open, after " + s.last()
	case s.unfinished() > 0:
		return s.End + ", after " + s.last()
	case len(s.Transactions) == 0:
		return "no MAIL came; " + s.End
	}
	return ""
}

// failures are the exchanges that the client took for a failure: those of the
// unfinished transaction, or else all since the last message.
func (s Session) failures() []Exchange {
	var all, within []Exchange
	unfinished := s.unfinished()
	for _, e := range s.Exchanges {
		n := e.Transaction
		switch {
		case n > 0 && n <= len(s.Transactions) && s.Transactions[n-1].Outcome == OutcomeAccepted:
			all = nil
		case !e.refused() && !e.unanswered():
		case n > 0 && n == unfinished:
			within = append(within, e)
		default:
			all = append(all, e)
		}
	}
	if within != nil {
		return within
	}
	return all
}

// unanswered says that a rule left the client without the answer.
func (e Exchange) unanswered() bool {
	return e.Rule != "" && e.Reply == "" && (!e.Event || e.endsData() || e.Command == "CONNECT")
}

// failure says what the client was told.
func (e Exchange) failure() string {
	b := e.name()
	switch reply, _, _ := strings.Cut(string(e.Reply), "\n"); {
	case e.Raw != "":
		b += fmt.Sprintf(" was answered with %q", show.Truncate(e.Raw))
	case reply == "":
		b += " was not answered"
	default:
		b += " was answered " + show.Printable(strings.TrimSuffix(reply, "\r"))
	}
	if e.Rule != "" {
		rule, _, _ := strings.Cut(e.Rule, ":")
		b += " (" + rule + ")"
	}
	return b
}

// name is the exchange within a sentence.
func (e Exchange) name() string {
	switch {
	case e.endsData():
		return "the content"
	case e.Event && e.Command == "CONNECT":
		return "the connection"
	}
	return show.Printable(e.Command)
}

func (s Session) last() string {
	if len(s.Exchanges) == 0 {
		return "the connection"
	}
	return s.Exchanges[len(s.Exchanges)-1].name()
}

// waitReport is what a failed wait shows besides what it waited for.
func (s *Server) waitReport() string {
	if miss := nearestMiss(s.Sessions()); miss != "" {
		return miss + "\n" + s.dialogue()
	}
	return s.dialogue()
}

// stillOpen names the sessions that have not ended; "" if all have.
func stillOpen(sessions []Session) string {
	var open []Session
	for _, se := range sessions {
		if se.End == "" {
			open = append(open, se)
		}
	}
	if len(open) == 0 {
		return ""
	}
	return fmt.Sprintf("; still open: %s", ranges(open))
}

// recorded says how many messages there are, and that others were taken.
func recorded(j *journal.Journal, n int) string {
	j.Lock()
	have, taken := len(j.Messages), j.Taken()
	j.Unlock()
	text := fmt.Sprintf("%d of %s recorded", have, show.Plural(n, "message"))
	if taken > 0 {
		text += fmt.Sprintf(", and %d drained or taken before", taken)
	}
	return text
}

// maxArrived is how many messages a failed wait names.
const maxArrived = 5

// receivedMessages names the last messages, a line for each, with the numbers that their
// files have.
func (s *Server) receivedMessages() string {
	last := 0
	messages, recs := s.messagesAfter(&last)
	var b strings.Builder
	if over := len(messages) - maxArrived; over > 0 {
		fmt.Fprintf(&b, "\n(%s before these)", show.Plural(over, "message"))
	}
	for i, m := range messages {
		if i >= len(messages)-maxArrived {
			fmt.Fprintf(&b, "\nmessage %d, session %d: %s", recs[i].Message, m.Session, summaryOf(m))
		}
	}
	return b.String()
}

// summaryOf returns the envelope, the subject and the size.
func summaryOf(m Message) string {
	to := m.To
	const most = 3
	if len(to) > most {
		to = append(to[:most:most], fmt.Sprintf("%d others", len(m.To)-most))
	}
	text := show.Printable(fmt.Sprintf("<%s> to %s", m.From, strings.Join(to, ", ")))
	if subject := m.Subject(); subject != "" {
		text += ", " + show.Truncate(fmt.Sprintf("%q", subject))
	}
	return show.Truncate(text) + ", " + show.Plural(len(m.Data), "octet")
}
