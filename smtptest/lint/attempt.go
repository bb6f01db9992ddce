package lint

import (
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
)

// attempt is one try of a client to send mail: MAIL, and what followed it up to
// the next MAIL or the end of the transaction.
type attempt struct {
	session *smtptest.Session
	k       int       // within Session.Transactions, from 1; 0 if MAIL was not accepted
	first   int       // the exchange of MAIL
	last    int       // the last exchange
	begin   time.Time // when MAIL came
	state   state
	refused int      // the exchange of the first command that got a 5xx; 0 if there is none
	end     int      // the exchange at which the content ended; 0 if it did not
	code    int      // of the reply to the content
	partial bool     // that reply came before the end of the content
	answers *reading // of the replies to refused and end
	bodies  bodies
}

// state is what makes the same command another request.
type state struct {
	hello string // the argument of the last HELO or EHLO
	tls   bool
	login int // successful AUTHs in the session
}

// login is one AUTH exchange that showed a secret.
type login struct {
	session *smtptest.Session
	step    step // the one with the last secret
	begin   time.Time
	state   state
	shown   shown
	refusal *reading // of the 535; nil if there was none
}

// reading is when a client had certainly read a reply.
type reading struct {
	at      time.Time // zero if the record does not prove that it ever had
	refusal bool      // and it came at once: a client that closes the connection has read it
}

// hadBy reports whether the client had read the reply at that time.
func (r *reading) hadBy(t time.Time) bool { return r != nil && !r.at.IsZero() && !t.Before(r.at) }

// expect returns the reading of the reply to x.
func (w *walk) expect(x *step) *reading {
	slow := strings.Contains(x.Effects, "after ") || strings.Contains(x.Effects, " every ")
	r := &reading{refusal: x.refused() && !slow && !w.astray}
	w.unread = append(w.unread, r)
	return r
}

// noteReadings notes when the client had read the replies so far: it had when it
// began a command after the last of them was written.
func (w *walk) noteReadings(x *step) {
	if x.Event || x.Pipelined || w.astray || w.prev.did(smtptest.Hold) {
		return
	}
	for _, r := range w.unread {
		r.at = w.s.Start.Add(x.At)
	}
	w.unread = w.unread[:0]
}

// endReadings takes a client that closed the connection for one that had read the
// refusals.
func (w *walk) endReadings() {
	for _, r := range w.unread {
		if r.refusal && w.s.End == smtptest.EndClosed {
			r.at = w.s.Start.Add(w.s.Duration)
		}
	}
}

// stateAt returns the state in which x came.
func (w *walk) stateAt(x *step) state {
	return state{hello: w.helloName, tls: x.TLS, login: w.logins}
}

// noteAttempt collects what the rules about several attempts need.
func (w *walk) noteAttempt(x *step) {
	if x.verb == "MAIL" {
		w.attempts = append(w.attempts, attempt{session: w.s, k: x.Transaction, first: x.n, begin: w.s.Start.Add(x.At), state: w.stateAt(x)})
	}
	n := len(w.attempts)
	if n == 0 || w.attempts[n-1].session != w.s || w.attempts[n-1].k != x.Transaction || w.attempts[n-1].end > 0 {
		return
	}
	a := &w.attempts[n-1]
	a.last = x.n
	switch t := x.Transaction; {
	case t > 0 && w.within[t].end.n == x.n:
		a.end, a.code, a.answers = x.n, x.code, w.expect(x)
	case a.refused == 0 && isRefusedRequest(x):
		a.refused, a.answers = x.n, w.expect(x)
	}
}

// notePartial collects the refusal of a content before its end.
func (w *walk) notePartial(x *step) {
	n := len(w.attempts)
	if x.told() != 5 || n == 0 || w.attempts[n-1].session != w.s || w.attempts[n-1].end > 0 || x.Transaction == 0 || w.attempts[n-1].k != x.Transaction {
		return
	}
	a := &w.attempts[n-1]
	a.end, a.code, a.answers, a.partial = x.n, x.code, w.expect(x), true
}

// isRefusedRequest reports whether x is a command of an attempt that was refused
// for good. After a 503 another order of commands is due, and after a 552 to RCPT
// the rest of the recipients (RFC 5321 4.5.3.1.10).
func isRefusedRequest(x *step) bool {
	switch x.verb {
	case "MAIL", "DATA", "BDAT":
		return x.told() == 5 && x.code != 503
	case "RCPT":
		return x.told() == 5 && x.code != 503 && x.code != 552
	}
	return false
}

// noteLogin collects an AUTH exchange that has ended.
func (w *walk) noteLogin(x *step) {
	l := login{session: w.s, step: *x, begin: w.auth.begin, state: w.stateAt(x), shown: w.auth.shown}
	if x.code == 535 {
		l.refusal = w.expect(x)
	}
	w.check.logins = append(w.check.logins, l)
}
