package session

import (
	"slices"

	"github.com/go-smtptest/smtp/smtptest/internal/journal"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// answerRecipients answers the end of data for each accepted recipient (RFC 2033 4.2).
// The message is visible before the first of these replies is written; its recipients
// then are all that are not yet refused.
func answerRecipients(c *Conn, end event) { endTransaction(c, replyPerRecipient(c, end)) }

// replyPerRecipient reports whether one of the recipients has accepted the message.
func replyPerRecipient(c *Conn, end event) (committed bool) {
	t := c.transaction
	var own []wire.Reply // of the recipients from this one on, once a rule leaves the test something to decide
	answered := 0
	defer func() { clearUnanswered(c, t, answered) }() // also where the test's code leaves its goroutine
	for i, r := range t.Recipients.All() {
		if !r.Accepted {
			continue
		}
		e := end
		e.name, e.alias, e.aliasArg = ".", end.name, end.arg
		e.arg = "<" + r.To + ">"
		e.line = end.line + " " + e.arg
		e.verdict.commit = commitOnce
		e.userReply = func(c *Conn) wire.Reply {
			if own == nil {
				own = ownReplies(c)
			}
			return own[0]
		}
		_, thisCommitted := c.answer(&e)
		end.exchange = nil // each recipient has an exchange
		committed = committed || thisCommitted
		if own != nil {
			own = own[1:]
		}
		c.Journal.Lock()
		r.Accepted, r.FinalReply = thisCommitted, e.completeReply
		c.Journal.Unlock()
		answered = i + 1
		if c.done {
			break
		}
	}
	return committed
}

// clearUnanswered notes that a session has ended before the recipients from this one on were
// answered: the message stays the client's for them (RFC 2033 4.2).
func clearUnanswered(c *Conn, t *journal.Transaction, from int) {
	c.Journal.Lock()
	defer c.Journal.Unlock()
	t.Refuse(from)
}

// commitOnce records the message with the first recipient that accepts it.
func commitOnce(c *Conn) {
	if c.transaction.Outcome != journal.Accepted {
		commitMessage(c)
	}
}

// ownReplies are the server's own replies for the recipients not yet refused.
func ownReplies(c *Conn) []wire.Reply {
	n := len(c.transaction.To())
	switch {
	case c.parsed.overLimit:
		return slices.Repeat([]wire.Reply{c.text(replyTooMuch)}, n)
	case c.Message == nil:
		return slices.Repeat([]wire.Reply{c.text(replyAccepted)}, n)
	}
	d := c.test.message(n)
	if !c.EachRecipient {
		d.Each = slices.Repeat([]wire.Reply{d.Reply}, n)
	}
	acceptEach(c, d.Each)
	return d.Each
}

// refuseRecipients answers a last chunk that is out of place: for each accepted recipient,
// and not at all if there is none. That ends the transaction (RFC 2033 4.3): no
// recipient is answered for twice.
func refuseRecipients(c *Conn, e *event) {
	for range c.To {
		one := *e
		if c.answer(&one); c.done {
			return
		}
		e.exchange = nil // each reply has an exchange
	}
	c.Journal.Lock()
	defer c.Journal.Unlock()
	if len(c.To) == 0 {
		c.setTime(e)
		c.exchangeOf(e)
	}
	c.reset(journal.Refused)
	c.inputWaiting = c.r.Buffered() > 0
}
