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
// reply passes through it, the greeting and the one at the end of data too. told is the
// reply that was sent, took whether the event took effect.
func (c *Conn) answer(e *event) (told wire.Reply, took bool) {
	c.stamp(e)
	var r *script.Rule
	if c.lines > c.MaxLines { // no rule lifts the limit
		e.own, e.late = verdict{reply: c.say(repManyCommands)}, nil
	} else {
		r = match(c, e)
	}
	switch {
	case e.confused:
		e.own, e.late = verdict{reply: c.say(repConfused)}, nil
	case r != nil:
		told, took = perform(c, r, e)
	}
	if r == nil {
		if e.late != nil {
			c.begin(e)
			e.own.reply = e.late(c)
		}
		told = e.own.reply
		took = c.settle(e, told, told, true, nil)
		c.queue(told)
		if told.Code() == 421 {
			c.finish(EndReply)
		}
	}
	c.mask.reply(e, told)
	c.clock.restart(e)
	c.ahead = c.r.Buffered() > 0
	return told, took
}

// moment lets a rule for a BODY, IDLE or TLS event fire. The event itself has no reply,
// and does not count as the last one.
func (c *Conn) moment(e *event) (*script.Rule, error) {
	e.at = time.Since(c.record.Start)
	r := match(c, e)
	if r == nil {
		return nil, nil
	}
	perform(c, r, e)
	if c.over {
		c.flush()
		return r, errOver
	}
	return r, c.flushUnlessHeld()
}

// stamp notes when the event was complete, and under what.
func (c *Conn) stamp(e *event) {
	e.at = time.Since(c.record.Start)
	if c.underTLS() {
		e.flags |= journal.OverTLS
	}
}

// begin records the event before it is answered, so that it can be seen while the
// answer takes its time.
func (c *Conn) begin(e *event) {
	c.Journal.Lock()
	c.enroll(e)
	c.Journal.Unlock()
}

// enroll puts the event into the record, once. The journal must be locked.
func (c *Conn) enroll(e *event) *journal.Exchange {
	if e.x == nil {
		e.x = c.record.Add()
		*e.x = journal.Exchange{On: e.on(c.Config), At: e.at, Flags: e.flags}
		if c.opened {
			e.x.Transaction = c.transaction.Number
		}
		if e.hidden != (journal.Hidden{}) {
			e.x.Rare = &journal.Rare{Hidden: e.hidden}
		}
	}
	e.x.Command, e.x.Octets = e.line, e.octets // of a BDAT both may be known later
	return e.x
}

// settle lets the event take effect and records its reply, in one step. answer is
// what decides on the effect, told what is really sent. decided is false when a rule
// has said already what takes effect. Nothing does once the connection is being
// closed, as nobody would be told.
func (c *Conn) settle(e *event, told, answer wire.Reply, decided bool, odd *journal.Rare) (took bool) {
	c.Journal.Lock()
	defer c.Journal.Unlock()
	reply := told.Said() // that the client gets whole
	if odd != nil && odd.Raw != "" {
		reply = wire.Reply(wire.FirstReply(string(answer)))
	}
	if odd != nil || c.Commands[e.name] != nil { // others made the reply
		told, reply = wire.Reply(c.redact(string(told))), wire.Reply(c.redact(string(reply)))
	}
	took = decided && e.own.commit != nil && e.success(answer) && !c.interrupted
	if took {
		e.own.commit(c)
	}
	x := c.enroll(e)
	if answer != wire.NoReply && !c.mute && !c.interrupted {
		x.Reply = c.login.mask(told)
		e.told = reply
		c.settleContent(e, took)
	} else if odd != nil {
		odd.Raw = ""
	}
	if odd != nil {
		odd.Hidden = e.hidden
		x.Rare = odd
	}
	if class := answer.Code() / 100; class == 4 || class == 5 {
		c.errors++
	}
	if e.verb != nil && e.verb.note != nil {
		e.verb.note(c, e.told, took || e.kept)
	}
	return took
}

// settleContent records the reply to a content. Of several the first counts for BODY
// rules, and with LMTP the last to a recipient that accepts the message.
func (c *Conn) settleContent(e *event, took bool) {
	t := c.transaction
	if e.told == "" || t == nil {
		return
	}
	e.of, e.before = t, t.Reply
	switch {
	case !e.endsData() && e.name != "BODY":
	case t.Reply == "", e.endsData() && (took || t.Outcome != journal.Accepted):
		t.Reply = e.told
	}
}

// withdraw takes a recorded reply back, of which only n bytes could be sent. The
// journal must be locked.
func (c *Conn) withdraw(e *event, n int) {
	x := c.enroll(e)
	odd := x.Unusual()
	odd.Note("broken off after " + show.Plural(n, "octet"))
	odd.Raw = odd.Raw[:min(n, len(odd.Raw))]
	x.Reply = ""
	if e.of == nil || wire.FirstReply(odd.Raw) != "" {
		return
	}
	switch e.name {
	case "RCPT":
		var last *journal.Recipient
		for _, last = range e.of.Recipients.All() {
		}
		if last != nil && last.Reply == e.told {
			last.Reply = ""
		}
	case ".", "BDAT", "BODY":
		e.of.Reply = e.before
	}
	e.told = ""
}
