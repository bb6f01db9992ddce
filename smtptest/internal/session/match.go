package session

import (
	"slices"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/journal"
	"github.com/go-smtptest/smtp/smtptest/internal/script"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// match returns the rule that fires for the event, or nil. An event that has reached
// an If keeps its turn until it is matched, so that the rules count such events in one
// order.
func match(c *Conn, e *event) *script.Rule {
	defer func() {
		if e.holdsIf {
			e.holdsIf = false
			<-c.If
		}
	}()
	if !observe(c, e) || !c.Script.Active() {
		return nil
	}
	hit := c.Script.Match(scripted(c, e), func(r *script.Rule) script.Answer { return evalIf(c, r, e) })
	if hit.Stale {
		c.Host.Errorf("smtptest: session %d: the rules were replaced %d times while an If of the same event ran; call Script outside of If", c.record.ID, script.MaxScripts)
	}
	if e.rule == nil { // else the client was silent for the delay
		e.delay = hit.Delay
	}
	e.userCodeFailed = hit.Failed
	return hit.Rule
}

// evalIf asks the rule's If about the event. The If may take its time, and read the
// server.
func evalIf(c *Conn, r *script.Rule, e *event) (answer script.Answer) {
	c.flushUnlessHeld()
	switch {
	case !awaitIf(c, e):
		return script.Stopped
	case r.Outdated():
		return script.No
	}
	ok := false
	if err := c.callUser("If of "+c.redact(r.Text), func() { ok = r.If(copyForIf(c, viewOf(c, e), e)) }); err != nil {
		return script.Failed
	}
	if ok {
		return script.Yes
	}
	return script.No
}

// observe calls Observe with the event, before the rules are tried. It returns false if
// the event gets no reply of a rule: Observe has failed, or the server closes.
func observe(c *Conn, e *event) bool {
	if c.Observe == nil || e.flags&journal.Event != 0 && (e.name == "BODY" || e.name == "IDLE") {
		return true // content and silence are events only for the rules that ask for them
	}
	c.flushUnlessHeld()
	if !awaitIf(c, e) {
		return false
	}
	e.userCodeFailed = c.callUser("Observe", func() { c.Observe(copyForIf(c, viewOf(c, e), e)) }) != nil
	return !e.userCodeFailed
}

// awaitIf waits for the turn to run an If, as one runs at a time. If the server closes
// the session first, awaitIf ends the event, which gets no reply, and returns false.
func awaitIf(c *Conn, e *event) bool {
	if e.holdsIf {
		return true
	}
	c.enter(StageQueue)
	defer c.enter(StageNone)
	select {
	case c.If <- struct{}{}:
		e.holdsIf = true
	case <-c.interruptedCh:
		e.verdict, e.userReply = verdict{reply: wire.NoReply}, nil
		c.setEnd(EndServer)
	}
	return e.holdsIf
}

// scripted returns what rules are matched against.
func scripted(c *Conn, e *event) *script.Event {
	se := &script.Event{
		Name: e.name, Arg: e.arg, Also: e.alias, AlsoArg: e.aliasArg, Line: e.line, Mark: e.bodyOffset, Idle: e.rule,
		Session:     c.record.ID,
		Transaction: c.number(),
		Peer:        c.peer,
		From:        c.From,
		Recipient:   c.recipient(e),
	}
	if e.name == "MAIL" && !c.opened {
		se.From = c.parsed.path
	}
	return se
}

// viewOf returns the event as an If sees it. Its lists are the session's own, without
// the recipient at hand.
func viewOf(c *Conn, e *event) script.View {
	v := script.View{
		Verb:        e.name,
		Arg:         e.arg,
		Errors:      c.errors,
		Session:     c.record.ID,
		Transaction: c.number(),
		Time:        time.Now(),
		Peer:        c.peer,
		Helo:        c.Helo,
		User:        c.User,
		TLS:         c.underTLS(),
		From:        c.From,
		To:          c.To,
		MailOptions: c.MailOptions,
		RcptOptions: c.RcptOptions,
	}
	switch {
	case e.name == "HELO" || e.name == "EHLO" || e.name == "LHLO":
		v.Helo = c.parsed.path
	case e.name == "MAIL" && !c.opened:
		v.From, v.MailOptions = c.parsed.path, c.parsed.options
	case e.endsData() && c.opened:
		v.Data, v.Unstuffed, v.Chunks = c.transaction.Data, c.transaction.Unstuffed, c.transaction.Chunks
	}
	return v
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

// copyForIf returns the view for one If. What the If writes into it never reaches the
// session. Long lists are copied once in a transaction and shared by its Ifs: a copy
// for each event would make the cost of n recipients grow with n².
func copyForIf(c *Conn, v script.View, e *event) script.View {
	lists := &ifLists{}
	if len(v.To)+len(v.Unstuffed)+len(v.Chunks) > maxIfCopy {
		lists = &c.lists
	}
	lists.update(&v)
	v.Open = int(c.Open.Load()) // the If may have waited for its turn
	v.MailOptions = slices.Clone(v.MailOptions)
	v.To, v.RcptOptions = lists.to, lists.rcptOptions
	v.Unstuffed, v.Chunks = slices.Clip(lists.unstuffed), slices.Clip(lists.chunks)
	if n := len(v.To); e.name == "RCPT" && c.parsed.validPath {
		v.To, v.RcptOptions = journal.Append(v.To, c.parsed.path), journal.Append(v.RcptOptions, slices.Clone(c.parsed.options))
		lists.to, lists.rcptOptions = v.To[:n], v.RcptOptions[:n] // with the room that Append has made
	}
	v.To, v.RcptOptions = slices.Clip(v.To), slices.Clip(v.RcptOptions)
	return v
}

// update adds what the view has more than the lists.
func (l *ifLists) update(v *script.View) {
	for _, to := range v.To[len(l.to):] {
		l.to = journal.Append(l.to, to)
	}
	for _, options := range v.RcptOptions[len(l.rcptOptions):] {
		l.rcptOptions = journal.Append(l.rcptOptions, slices.Clone(options))
	}
	if l.unstuffed == nil && l.chunks == nil {
		l.unstuffed, l.chunks = slices.Clone(v.Unstuffed), slices.Clone(v.Chunks)
	}
}
