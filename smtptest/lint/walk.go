package lint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// step is one exchange, as the client saw it.
type step struct {
	smtptest.Exchange
	n      int    // within Session.Exchanges, from 1; 0: none
	verb   string // in upper case; "" if no command is known by it; of an event its name
	arg    string // what follows the verb and a space, as sent
	said   string // what came back, by Reply or Raw
	code   int    // of the reply in said; 0 if that has no complete one
	answer bool   // a line after a 334, not a command
	dirty  bool   // has controls in it: what it was meant to be is open
}

// did reports whether the rule that fired at the step did this, and reports it as
// one of the parts of Exchange.Effects.
func (x *step) did(what smtptest.Then) bool {
	return slices.Contains(strings.Split(x.Effects, "; "), string(what))
}

// told is the first digit of the code; 0 means that the client cannot know what
// its command has come to.
func (x *step) told() int { return x.code / 100 }

func (x *step) refused() bool { return x.code >= 400 }

func newStep(e smtptest.Exchange, n int, prev *step) step {
	x := step{Exchange: e, n: n, said: string(e.Reply), code: e.Reply.Code()}
	if e.Raw != "" {
		x.said, x.code = e.Raw, smtptest.Reply(wire.FirstReply(e.Raw)).Code()
	}
	x.verb, x.arg, _ = strings.Cut(e.Command, " ")
	x.verb = upper(x.verb)
	if !e.Event && prev.told() == 3 {
		x.answer = prev.verb == "AUTH" || prev.answer || !known[prev.verb] && !prev.Event
	}
	if x.answer || !e.Event && !known[x.verb] {
		x.verb = "" // which also tells a line that looks like an event
	}
	x.dirty = strings.ContainsFunc(e.Command, func(r rune) bool { return r < ' ' || r == 0x7f })
	return x
}

// known are the verbs that some RFC or wide use defines.
var known = map[string]bool{}

func init() {
	for _, verb := range strings.Fields("EHLO HELO LHLO MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY EXPN HELP STARTTLS AUTH " +
		"XCLIENT XFORWARD TURN ETRN ATRN SEND SOML SAML BURL") {
		known[verb] = true
	}
}

// upper folds ASCII only (RFC 5321 2.4).
func upper(s string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}, s)
}

// walk goes through a session and knows at each step what the client knew.
type walk struct {
	*check
	s    *smtptest.Session
	prev step // the last that was no BODY or IDLE
	last step // the last of all

	muted  bool // the server has closed its sending side: the client gets no more replies
	astray bool // the client has got more or fewer replies than it sent commands: which one it takes for which is open

	greeted  bool              // the greeting has been said
	refusing bool              // by a 5yz greeting
	hello    bool              // HELO or EHLO was answered and not refused
	first    string            // the first of them to be sent
	ehloFell int               // the EHLO that was refused as unknown, and no HELO since
	offers   map[string]string // of the last EHLO reply: keyword to the rest; nil after HELO
	freshTLS bool              // no command yet since STARTTLS
	tried    bool              // STARTTLS, or it is said that it was not
	trusted  bool              // the certificate has been looked at
	seen     int               // who keeps to RFC 2920 has read the replies up to this exchange

	mail    step // of the transaction, open or attempted; none: n is 0
	open    bool // MAIL was accepted
	rcpts   int  // sent
	taken   int  // of them not refused
	rcpt    int  // the last
	content bool // a 354 was said, no dot since
	odd     bool // a row had to do with the content while it came
	chunks  bool // a BDAT was accepted, not the last
	failed  int  // the BDAT that was refused
	rset    int  // the RSET that was refused
	within  []within

	spill       spill // of content
	dataInvited bool  // the client could wait for the reply to the last DATA

	recipients map[string]int // of the transaction: the exchange of each

	helloName string     // of the last hello that was not refused
	logins    int        // AUTHs that succeeded
	unread    []*reading // of replies that the client may not have read yet

	auth    authWalk
	fifth   map[request]int // requests that got a 5yz reply in the present state
	unknown bool            // the last command was no command
}

// request is what makes two commands the same, also where they are masked.
type request struct {
	line   string
	secret uint64
}

func (x *step) request() request { return request{x.Command, x.Secret} }

// within is what a transaction was sent under.
type within struct {
	offers map[string]string
	waits  bool // the client got a reply to DATA, and could wait for it
	cut    bool // a lone dot in its content ended it, and the rest came as commands
	end    step // the end of its content; n is 0 if it was not reached
	last   step // of its exchanges
}

// session finds what is wrong in one session.
func (c *check) session(s *smtptest.Session) {
	w := &walk{check: c, s: s, within: make([]within, len(s.Transactions)+1)}
	for i, e := range s.Exchanges {
		x := newStep(e, i+1, &w.prev)
		w.see(&x)
		if x.verb != "BODY" && x.verb != "IDLE" {
			w.look(&x)
			w.advance(&x)
			w.noteAttempt(&x)
			w.prev = x
		} else if w.content || w.prev.verb == "BDAT" && w.prev.said == "" {
			w.odd = true
			w.notePartial(&x)
		}
		w.lookReplies(&x)
		w.last = x
	}
	w.endReadings()
	for i := range s.Transactions {
		checkContent(w, i+1)
	}
	checkEnd(w)
}

// found adds a finding about a step.
func (w *walk) found(x *step, id, octets, format string, args ...any) {
	w.foundAt(0, x, id, octets, format, args...)
}

// foundAt adds a finding of that level; 0 is the level of the rule.
func (w *walk) foundAt(level Level, x *step, id, octets, format string, args ...any) {
	w.add(Finding{ID: id, Level: level, Session: w.s.ID, Exchange: x.n, Transaction: x.Transaction, Offset: -1, Octets: octets, Detail: fmt.Sprintf(format, args...)})
}

// look holds a step against the rules.
func (w *walk) look(x *step) {
	if isSpilled(w, x) {
		return
	}
	checkEarly(w, x)
	switch {
	case x.Event:
		checkEvent(w, x)
	case x.answer:
		checkResponse(w, x)
	default:
		checkOrder(w, x)
		checkOffered(w, x)
		checkAgain(w, x)
		checkHello(w, x)
		checkLine(w, x)
		checkPath(w, x)
		checkTLS(w, x)
		checkAuth(w, x)
	}
}

// see finds out which replies the client has read by now: a command that must
// end its group was answered, or there is no pipelining at all.
func (w *walk) see(x *step) {
	w.noteReadings(x)
	if !x.Pipelined && w.prev.n > 0 && !w.astray && !w.prev.did(smtptest.Hold) && (!w.pipelines() || !groups[w.prev.verb]) {
		w.seen = w.prev.n
	}
	if t := x.Transaction; t > 0 {
		if w.within[t].last.n == 0 {
			w.within[t].offers = w.offers
		}
		w.within[t].last = *x
	}
}

// lookReplies notes what the step means for the replies to come.
func (w *walk) lookReplies(x *step) {
	w.muted = w.muted || x.did(smtptest.HalfClose)
	switch {
	case x.verb == "TLS":
	case x.verb == "BODY" || x.verb == "IDLE":
		w.astray = w.astray || x.said != ""
	case x.Raw != "":
		w.astray = w.astray || !isOneReply(x.Raw)
	default:
		w.astray = w.astray || x.said == ""
	}
}

// isOneReply reports whether the octets end in the last line of a reply, and have
// no such line before.
func isOneReply(octets string) bool {
	n := 0
	for line := range strings.Lines(octets) {
		if len(line) < 4 || line[3] != '-' {
			n++
		}
	}
	return n == 1 && strings.HasSuffix(octets, "\n")
}

func (w *walk) pipelines() bool { return w.offered("PIPELINING") }

func (w *walk) offered(keyword string) bool {
	_, ok := w.offers[keyword]
	return ok
}

// groups are what others may follow before the reply (RFC 2920 3.1, RFC 3030 4.2).
var groups = map[string]bool{"MAIL": true, "RCPT": true, "RSET": true, "BDAT": true, ".": true}

// advance takes in what the step has changed.
func (w *walk) advance(x *step) {
	if ok := x.told(); ok == 2 && changes[x.verb] || ok == 3 && x.verb == "DATA" {
		w.fifth = nil
	} else if ok == 5 && !x.Event && !x.answer {
		if w.fifth == nil {
			w.fifth = map[request]int{}
		}
		w.fifth[x.request()] = x.n
	}
	switch x.verb {
	case "CONNECT":
		w.greeted, w.refusing = true, x.told() == 5
	case "EHLO", "LHLO", "HELO":
		greet(w, x)
	case "TLS":
		if w.greeted {
			w.hello, w.offers, w.freshTLS = false, nil, true
			w.auth = authWalk{}
			w.drop()
		}
	case "XCLIENT":
		if x.told() == 2 {
			w.offers = nil
		}
	case "RSET":
		if w.rset = x.n; !x.refused() {
			w.drop()
		}
	case "MAIL":
		if !w.open || x.told() == 2 {
			w.drop()
			w.mail, w.open = *x, x.told() == 2
		}
	case "RCPT":
		w.rcpts++
		w.rcpt = x.n
		if !x.refused() {
			w.taken++
		}
	case "DATA", ".", "BDAT":
		w.dataInvited = x.verb == "DATA" && x.Raw == "" && !w.astray && !w.muted && !x.did(smtptest.Hold)
		w.advanceContent(x)
	}
	advanceAuth(w, x)
	w.spill.advance(x)
	if !x.Event && !x.answer {
		w.freshTLS = false
	}
}

// changes are the commands whose success makes a later one another request.
var changes = map[string]bool{"EHLO": true, "HELO": true, "LHLO": true, "MAIL": true, "RCPT": true, "BDAT": true,
	".": true, "RSET": true, "STARTTLS": true, "AUTH": true, "": true}

// drop ends the transaction.
func (w *walk) drop() {
	w.mail, w.open, w.rcpts, w.taken, w.rcpt = step{}, false, 0, 0, 0
	w.content, w.odd, w.chunks, w.failed, w.rset = false, false, false, 0, 0
	w.recipients = nil // clear would cost as much as the largest transaction before
}

func (w *walk) advanceContent(x *step) {
	ended := false
	switch {
	case x.verb == ".":
		ended = true
	case x.verb == "DATA" && x.told() == 3:
		w.content = true
		if t := x.Transaction; t > 0 {
			w.within[t].waits = w.dataInvited
		}
	case x.verb == "DATA":
		if !w.open {
			w.mail = step{} // who has read this reply has read that to MAIL
		}
		if w.chunks {
			w.chunks, w.failed = false, x.n
		}
	case w.failed > 0:
	case isLast(x):
		ended = x.wholeChunk() && w.open && w.taken > 0 && (x.code < 500 || x.code > 504) // those refuse the command, not the content
	case x.told() == 2:
		w.chunks = true
	case x.refused() && w.open:
		w.chunks, w.failed = false, x.n
	}
	if !ended {
		return
	}
	if t := x.Transaction; t > 0 && w.within[t].end.n == 0 {
		w.within[t].end = *x
	}
	w.drop()
}

// wholeChunk says that all octets of the chunk have come; also if it is unknown
// how many there should be.
func (x *step) wholeChunk() bool {
	size, _, _ := strings.Cut(x.arg, " ")
	n, err := strconv.Atoi(size)
	return err != nil || x.Octets >= n
}

func isLast(x *step) bool { return strings.HasSuffix(upper(strings.TrimSpace(x.arg)), " LAST") }
