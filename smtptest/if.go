package smtptest

import (
	"slices"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/script"
)

// evalIf asks r's If about the event. The If may take its time, and read the Server.
func (ch *Channel) evalIf(r *script.Rule, t *turn) (answer script.Answer) {
	ch.flushUnlessHeld()
	switch {
	case !ch.awaitIf(t):
		return script.Stopped
	case r.Outdated():
		return script.No
	}
	f, ok := r.If.(func(Event) bool), false
	if !ch.callWithEvent("If of "+ch.redact(r.Text), t, func(e Event) { ok = f(e) }) {
		return script.Failed
	}
	if ok {
		return script.Yes
	}
	return script.No
}

// observe calls Observe with the event, before the rules are tried. It returns
// false if the event gets no reply of a rule: Observe has failed, or the server
// closes.
func (ch *Channel) observe(t *turn) bool {
	f := ch.Server.config.Observe
	if f == nil || t.flags&isEvent != 0 && (t.name == "BODY" || t.name == "IDLE") {
		return true // content and silence are events only for the rules that ask for them
	}
	ch.flushUnlessHeld()
	if !ch.awaitIf(t) {
		return false
	}
	t.confused = !ch.callWithEvent("Observe", t, f)
	return !t.confused
}

// callWithEvent calls f, which is the test's own code. If f panics or leaves its
// goroutine, the test fails, and callWithEvent returns false.
func (ch *Channel) callWithEvent(what string, t *turn, f func(Event)) (ok bool) {
	ch.enterUserCode(what)
	defer func() {
		ch.leaveUserCode()
		if p := recover(); p != nil || !ok {
			ok = false
			ch.blame(what, p)
		}
	}()
	f(ch.copyForIf(ch.event(t), t))
	return true
}

// awaitIf waits for the turn to run an If, as one runs at a time. If the server
// closes the session first, awaitIf ends the event, which gets no reply, and
// returns false.
func (ch *Channel) awaitIf(t *turn) bool {
	if t.runsIf {
		return true
	}
	ch.enter(stageQueue)
	defer ch.enter(stageNone)
	select {
	case ch.Server.ifTurn <- struct{}{}:
		t.runsIf = true
	case <-ch.gone:
		t.own, t.late = verdict{reply: NoReply}, nil
		ch.finish(EndServer)
	}
	return t.runsIf
}

// event is what scopes see of the turn, and conditions, in a copy. Its lists are
// the session's own, without the recipient at hand.
func (ch *Channel) event(t *turn) Event {
	e := Event{Verb: t.name, Arg: t.arg, Open: int(ch.Server.open.Load()), Errors: ch.errors}
	e.Message = Message{
		Session:     ch.session.id,
		Transaction: ch.transaction(),
		Time:        time.Now(),
		Peer:        ch.Peer,
		Helo:        ch.SeenGreeting,
		User:        ch.User,
		TLS:         ch.underTLS,
		From:        ch.MailFrom,
		To:          ch.RcptTos,
		MailOptions: ch.MailOptions,
		RcptOptions: ch.RcptOptions,
	}
	switch {
	case t.name == "HELO" || t.name == "EHLO" || t.name == "LHLO":
		e.Helo = ch.pending.path
	case t.name == "MAIL" && ch.rec == nil:
		e.From, e.MailOptions = ch.pending.path, ch.pending.options
	case t.endsData() && ch.rec != nil:
		e.Data, e.Unstuffed, e.Chunks = ch.rec.data, ch.rec.unstuffed, ch.rec.chunks
	}
	return e
}

// transaction returns the number of the open transaction, or of the one to come.
func (ch *Channel) transaction() int {
	if ch.rec == nil {
		return ch.mails + 1
	}
	return ch.mails
}

// ifLists are copies of the lists of a transaction, for its Ifs.
type ifLists struct {
	to                []string
	rcptOptions       [][]string
	unstuffed, chunks []int
}

// maxIfCopy is the number of entries of which each If gets its own copy: as many
// recipients as every server must take (RFC 5321 4.5.3.1.8).
const maxIfCopy = 100

// copyForIf returns the event for one If. What the If writes into it never reaches
// the session. Long lists are copied once in a transaction and shared by its Ifs:
// a copy for each event would make the cost of n recipients grow with n².
func (ch *Channel) copyForIf(e Event, t *turn) Event {
	lists := &ifLists{}
	if len(e.To)+len(e.Unstuffed)+len(e.Chunks) > maxIfCopy {
		lists = &ch.ifLists
	}
	lists.update(&e)
	c := e
	c.Open = int(ch.Server.open.Load()) // the If may have waited for its turn
	c.MailOptions = slices.Clone(e.MailOptions)
	c.To, c.RcptOptions = lists.to, lists.rcptOptions
	c.Unstuffed, c.Chunks = slices.Clip(lists.unstuffed), slices.Clip(lists.chunks)
	if n := len(c.To); t.name == "RCPT" && ch.pending.ok {
		c.To, c.RcptOptions = push(c.To, ch.pending.path), push(c.RcptOptions, slices.Clone(ch.pending.options))
		lists.to, lists.rcptOptions = c.To[:n], c.RcptOptions[:n] // with the room that push has made
	}
	c.To, c.RcptOptions = slices.Clip(c.To), slices.Clip(c.RcptOptions)
	return c
}

// update adds what the event has more than the lists.
func (l *ifLists) update(e *Event) {
	for _, to := range e.To[len(l.to):] {
		l.to = push(l.to, to)
	}
	for _, options := range e.RcptOptions[len(l.rcptOptions):] {
		l.rcptOptions = push(l.rcptOptions, slices.Clone(options))
	}
	if l.unstuffed == nil && l.chunks == nil {
		l.unstuffed, l.chunks = slices.Clone(e.Unstuffed), slices.Clone(e.Chunks)
	}
}
