package session

import (
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/journal"
	"github.com/go-smtptest/smtp/smtptest/internal/script"
	"github.com/go-smtptest/smtp/smtptest/internal/show"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// answer replies to the event: it applies the rule that fires, or else lets the verb
// decide; commits what takes effect; records the exchange; and only then writes. Every
// reply passes through it, the greeting and the one at the end of data too. sent is the
// reply that was sent, committed whether the event took effect.
func (c *Conn) answer(e *event) (sent wire.Reply, committed bool) {
	c.setTime(e)
	var r *script.Rule
	if c.lineCount > c.MaxLines { // no rule lifts the limit
		e.verdict, e.userReply = verdict{reply: c.text(replyManyCommands)}, nil
	} else {
		r = match(c, e)
	}
	switch {
	case e.userCodeFailed:
		e.verdict, e.userReply = verdict{reply: c.text(replyUserCodeFailed)}, nil
	case r != nil:
		sent, committed = runRule(c, r, e)
	}
	if r == nil {
		if e.userReply != nil {
			c.recordStart(e)
			e.verdict.reply = e.userReply(c)
		}
		sent = e.verdict.reply
		committed = c.commitAndRecord(e, sent, sent, true, nil)
		c.bufferReply(sent)
		if sent.Code() == 421 {
			c.setEnd(EndReply)
		}
	}
	c.mask.reply(e, sent)
	c.clock.restart(e)
	c.inputWaiting = c.r.Buffered() > 0
	return sent, committed
}

// fireTimedRule lets a rule for a BODY, IDLE or TLS event fire. The event itself has no reply,
// and does not count as the last one.
func (c *Conn) fireTimedRule(e *event) (*script.Rule, error) {
	e.at = time.Since(c.record.Start)
	r := match(c, e)
	if r == nil {
		return nil, nil
	}
	runRule(c, r, e)
	if c.done {
		c.flush()
		return r, errOver
	}
	return r, c.flushUnlessHeld()
}

// setTime notes when the event was complete, and under what.
func (c *Conn) setTime(e *event) {
	e.at = time.Since(c.record.Start)
	if c.underTLS() {
		e.flags |= journal.OverTLS
	}
}

// recordStart records the event before it is answered, so that it can be seen while the
// answer takes its time.
func (c *Conn) recordStart(e *event) {
	c.Journal.Lock()
	c.exchangeOf(e)
	c.Journal.Unlock()
}

// exchangeOf puts the event into the record, once. The journal must be locked.
func (c *Conn) exchangeOf(e *event) *journal.Exchange {
	if e.exchange == nil {
		e.exchange = c.record.Exchanges.Add()
		*e.exchange = journal.Exchange{On: e.on(c.Config), At: e.at, Flags: e.flags}
		if c.opened {
			e.exchange.Transaction = c.transaction.Number
		}
		if e.masked != (journal.Hidden{}) {
			e.exchange.Rare = &journal.Rare{Hidden: e.masked}
		}
	}
	e.exchange.Command, e.exchange.Octets = e.line, e.octets // of a BDAT both may be known later
	return e.exchange
}

// commitAndRecord lets the event take effect and records its reply, in one step. answer
// decides on the effect; sent is the reply that is sent. decided is false if a rule has
// decided on the effect already. Once the connection is being closed, nothing takes
// effect, as the client would not learn of it.
func (c *Conn) commitAndRecord(e *event, sent, answer wire.Reply, decided bool, details *journal.Rare) (committed bool) {
	c.Journal.Lock()
	defer c.Journal.Unlock()
	reply := sent.Recorded() // that the client gets whole
	if details != nil && details.Raw != "" {
		reply = wire.Reply(wire.FirstReply(string(answer)))
	}
	if details != nil || c.Commands[e.name] != nil { // others made the reply
		sent, reply = wire.Reply(c.redact(string(sent))), wire.Reply(c.redact(string(reply)))
	}
	committed = decided && e.verdict.commit != nil && e.success(answer) && !c.interrupted
	if committed {
		e.verdict.commit(c)
	}
	x := c.exchangeOf(e)
	if answer != wire.NoReply && !c.sendClosed && !c.interrupted {
		x.Reply = c.login.mask(sent)
		e.completeReply = reply
		c.recordContentReply(e, committed)
	} else if details != nil {
		details.Raw = ""
	}
	if details != nil {
		details.Hidden = e.masked
		x.Rare = details
	}
	if class := answer.Code() / 100; class == 4 || class == 5 {
		c.errors++
	}
	c.noteRequirement(e, sent, e.success(answer))
	if e.verb != nil && e.verb.note != nil {
		e.verb.note(c, e.completeReply, committed || e.committedEarly)
	}
	return committed
}

// recordContentReply records the reply to a content. Of several the first counts for BODY
// rules, and with LMTP the last to a recipient that accepts the message.
func (c *Conn) recordContentReply(e *event, committed bool) {
	t := c.transaction
	if e.completeReply == "" || t == nil {
		return
	}
	e.transaction, e.replyBefore = t, t.Reply
	switch {
	case !e.endsData() && e.name != "BODY":
	case t.Reply == "", e.endsData() && (committed || t.Outcome != journal.Accepted):
		t.Reply = e.completeReply
	}
}

// withdraw takes a recorded reply back, of which only n bytes could be sent. The
// journal must be locked.
func (c *Conn) withdraw(e *event, n int) {
	x := c.exchangeOf(e)
	details := x.Unusual()
	details.Note("broken off after " + show.Plural(n, "octet"))
	details.Raw = details.Raw[:min(n, len(details.Raw))]
	x.Reply = ""
	if e.transaction == nil || wire.FirstReply(details.Raw) != "" {
		return
	}
	switch e.name {
	case "RCPT":
		var last *journal.Recipient
		for _, last = range e.transaction.Recipients.All() {
		}
		if last != nil && last.Reply == e.completeReply {
			last.Reply = ""
		}
	case ".", "BDAT", "BODY":
		e.transaction.Reply = e.replyBefore
	}
	e.completeReply = ""
}

// noteRequirement notes whether RequireTLS and RequireAuth have let a client through or
// refused it. The journal must be locked.
func (c *Conn) noteRequirement(e *event, sent wire.Reply, success bool) {
	if e.verb == nil || e.verb.exempt&always == always {
		return
	}
	u := &c.Unmet
	u.Passed = u.Passed || success && (c.RequireTLS || c.RequireAuth)
	u.TLS = u.TLS || c.RequireTLS && sent == c.text(replyNeedTLS)
	u.Auth = u.Auth || c.RequireAuth && sent == c.text(replyNeedAuth)
}
