package lint

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/go-smtptest/smtp/smtptest"
)

// history is what has become of the attempts so far, in the order of their begin.
type history struct {
	*check
	last     map[string]*attempt         // by the HELO name
	accepted map[delivery]*attempt       // messages that got a 2xx
	refused  map[refusedRequest]*attempt // messages that got a 5xx
}

// delivery is a message for one recipient.
type delivery struct {
	message  identity
	from, to string
}

// refusedRequest is a delivery as the client asked for it.
type refusedRequest struct {
	delivery
	mail  string // the MAIL command
	tls   bool
	login int
	all   [sha256.Size]byte // the recipients that were refused together; zero if each got a reply
}

// checkAttempts finds attempts that repeat an earlier one although it succeeded, or
// was refused for good. It returns the transactions with a message that had
// succeeded before.
func checkAttempts(c *check) (resent map[place]bool) {
	slices.SortStableFunc(c.attempts, func(a, b attempt) int { return a.begin.Compare(b.begin) })
	h := history{c, map[string]*attempt{}, map[delivery]*attempt{}, map[refusedRequest]*attempt{}}
	resent = map[place]bool{}
	for i := range c.attempts {
		a := &c.attempts[i]
		checkSequence(&h, a)
		if a.k == 0 || a.end == 0 {
			continue
		}
		message, ok := identityOf(a.transaction())
		if !ok {
			continue
		}
		if checkDelivered(&h, a, message) {
			resent[place{a.session.ID, a.k}] = true
		}
		together := a.recipients()
		checkRefused(&h, a, message, together)
		h.note(a, message, together)
	}
	return resent
}

func (a *attempt) transaction() *smtptest.Transaction { return &a.session.Transactions[a.k-1] }

func (h *history) found(a *attempt, n int, id, octets, format string, args ...any) {
	h.add(Finding{ID: id, Session: a.session.ID, Exchange: n, Transaction: a.k, Offset: -1, Octets: octets, Detail: fmt.Sprintf(format, args...)})
}

// checkSequence compares an attempt with the last one of the same HELO name. A
// session goes on with its next message, which may be for the same recipient; a
// new connection that begins with the same commands asks for the same again.
func checkSequence(h *history, a *attempt) {
	before := h.last[a.state.hello]
	h.last[a.state.hello] = a
	if before == nil || before.refused == 0 || before.end > 0 || before.session == a.session || before.state != a.state {
		return
	}
	if n := repeats(a, before); n > 0 && before.answers.hadBy(a.begin) {
		h.found(a, n, "repeat-after-5xx", a.session.Exchanges[n-1].Command,
			"the same request was refused for good in session %d, exchange %d", before.session.ID, before.refused)
	}
}

// repeats returns the exchange of a that has the command at which before was
// refused, if a has the same commands up to there; else 0.
func repeats(a, before *attempt) int {
	n := a.first - 1
	for _, want := range before.session.Exchanges[before.first-1 : before.refused] {
		if !isRequest(&want) {
			continue
		}
		for n < a.last && !isRequest(&a.session.Exchanges[n]) {
			n++
		}
		if n >= a.last || a.session.Exchanges[n].Command != want.Command || a.session.Exchanges[n].Secret != want.Secret {
			return 0
		}
		n++
	}
	return n
}

// isRequest reports whether an exchange is part of what an attempt asks for.
func isRequest(e *smtptest.Exchange) bool {
	verb, _, _ := strings.Cut(e.Command, " ")
	switch upper(verb) {
	case "MAIL", "RCPT", "DATA", "BDAT":
		return !e.Event
	}
	return false
}

// checkDelivered finds recipients who get a message that they have.
func checkDelivered(h *history, a *attempt, message identity) (found bool) {
	t := a.transaction()
	var first *attempt
	var to string
	n := 0
	for _, r := range t.Recipients {
		before := h.accepted[delivery{message, t.From, sameMailbox(r.To)}]
		if before == nil || !isAccepted(r) || !before.answers.hadBy(a.begin) || !sameBody(before, a) {
			continue
		}
		if n++; n == 1 {
			first, to = before, r.To
		}
	}
	if n == 0 {
		return false
	}
	h.found(a, a.end, "resent-after-250", to, "the message%s was accepted for %s in session %d, transaction %d", others(n), to, first.session.ID, first.k)
	return true
}

func others(n int) string {
	if n == 1 {
		return ""
	}
	return fmt.Sprintf(" goes again to %d recipients; it", n)
}

// checkRefused finds a message that was refused for good before, by the same
// request. all tells the recipients of the attempt from others.
func checkRefused(h *history, a *attempt, message identity, all [sha256.Size]byte) {
	t := a.transaction()
	for _, r := range t.Recipients {
		for _, together := range [][sha256.Size]byte{{}, all} {
			before := h.refused[a.request(message, r.To, together)]
			if before != nil && before.answers.hadBy(a.begin) && sameBody(before, a) {
				h.found(a, a.end, "repeat-after-5xx", r.To, "the same message was refused for good in session %d, transaction %d", before.session.ID, before.k)
				return
			}
		}
	}
}

func (a *attempt) request(message identity, to string, all [sha256.Size]byte) refusedRequest {
	return refusedRequest{delivery{message, a.transaction().From, sameMailbox(to)}, a.session.Exchanges[a.first-1].Command, a.state.tls, a.state.login, all}
}

// recipients returns what tells the recipients of the attempt from others.
func (a *attempt) recipients() [sha256.Size]byte {
	var all []string
	for _, r := range a.transaction().Recipients {
		all = append(all, sameMailbox(r.To))
	}
	slices.Sort(all)
	return sha256.Sum256([]byte(strings.Join(all, "\x00")))
}

// note takes in what has become of an attempt. all is as in checkRefused.
func (h *history) note(a *attempt, message identity, all [sha256.Size]byte) {
	t := a.transaction()
	for _, r := range t.Recipients {
		code, together := a.code, all
		if r.FinalReply != "" {
			code, together = r.FinalReply.Code(), [sha256.Size]byte{}
		}
		if !isAccepted(r) {
			code, together = r.Reply.Code(), [sha256.Size]byte{}
		}
		d := delivery{message, t.From, sameMailbox(r.To)}
		switch {
		case code/100 == 2:
			if before := h.accepted[d]; before == nil || before.answers.at.IsZero() {
				h.accepted[d] = a
			}
		case code/100 == 5 && (isAccepted(r) || code != 552): // RFC 5321 4.5.3.1.10
			h.refused[a.request(message, r.To, together)] = a
		}
	}
}

func isAccepted(r smtptest.Recipient) bool { return r.Accepted || r.Reply.Code()/100 == 2 }

// checkLogins finds credentials that came again although they were refused.
func checkLogins(c *check) {
	type credentials struct {
		hello string
		tls   bool
		shown shown
	}
	slices.SortStableFunc(c.logins, func(a, b login) int { return a.begin.Compare(b.begin) })
	refused := map[credentials]*login{}
	for i := range c.logins {
		l := &c.logins[i]
		key := credentials{l.state.hello, l.state.tls, l.shown}
		if before := refused[key]; before != nil && before.refusal.hadBy(l.begin) {
			c.add(Finding{ID: "auth-same-credentials", Session: l.session.ID, Exchange: l.step.n, Offset: -1, Octets: l.step.Command,
				Detail: fmt.Sprintf("session %d, exchange %d refused them", before.session.ID, before.step.n)})
		}
		if l.refusal != nil && cmp.Or(refused[key], l) == l {
			refused[key] = l
		}
	}
}
