package session

import (
	"slices"

	"github.com/go-smtptest/smtp/smtptest/internal/journal"
)

// openTransaction begins a transaction. The journal must be locked.
func (c *Conn) openTransaction() {
	c.transactionCount++
	c.opened = true
	c.transaction = c.record.Begin(c.From, c.recorded(c.MailOptions))
	c.body.content.Begin(c.sizeLimit, c.parsed.size)
}

// reset ends the transaction, if there is one. The journal must be locked.
func (c *Conn) reset(why journal.Outcome) {
	c.closeTransaction(why)
	c.From, c.To, c.MailOptions, c.RcptOptions = "", nil, nil, nil
	c.refusedRcpts, c.domains, c.lists = 0, domains{}, ifLists{}
	if c.State != StateGreeted && c.State != StateRefusing {
		c.State = StateHello
	}
}

// closeTransaction ends the record of the open transaction, if there is one: chunks
// stay in it whose last has not come. The journal must be locked.
func (c *Conn) closeTransaction(why journal.Outcome) {
	if !c.opened {
		return
	}
	t := c.transaction
	c.keep(c.body.content.Len())
	c.syncRecipients()
	c.accepted = nil
	switch {
	case t.Outcome != journal.Open:
	case t.Reply != "":
		t.Outcome = journal.Refused // by a BODY rule
	default:
		t.Outcome = why
	}
	c.transaction, c.opened = nil, false
}

// keepContent records what came of a content that was broken off.
func (c *Conn) keepContent(octets int) {
	c.Journal.Lock()
	defer c.Journal.Unlock()
	if c.opened {
		c.keep(octets)
	}
}

// keep records a content whose end has not come, unless one is recorded. octets is its
// size as sent. The journal must be locked.
func (c *Conn) keep(octets int) {
	if c.transaction.Octets == 0 {
		c.transaction.Octets, c.transaction.Data = octets, c.body.content.Take()
	}
}

// syncRecord takes over into the record what a Command has done to the state.
func (c *Conn) syncRecord() {
	c.Journal.Lock()
	defer c.Journal.Unlock()
	c.inCommand = false
	c.record.Helo, c.record.Peer, c.record.User = c.Helo, c.peer, c.User
	c.inferState()
	switch c.State {
	case StateMail, StateRcpt, StateData, StateBdat:
		if !c.opened {
			c.openTransaction()
		}
		c.syncEnvelope()
	case StateFailed:
	default:
		if c.opened {
			c.reset(journal.Reset)
		}
	}
}

// inferState moves the state to where a sender and recipients that were set belong.
func (c *Conn) inferState() {
	if c.State == StateHello && !c.opened && (c.From != "" || len(c.To) > 0) {
		c.State = StateMail
	}
	switch {
	case c.State == StateMail && len(c.To) > 0:
		c.State = StateRcpt
	case c.State == StateRcpt && len(c.To) == 0:
		c.State = StateMail
	}
}

// syncEnvelope makes the record that of the session's sender, and of as many
// recipients. It looks at none of those that there were before: see syncRecipients.
func (c *Conn) syncEnvelope() {
	c.transaction.From, c.transaction.MailOptions = c.From, c.recorded(c.MailOptions)
	for len(c.RcptOptions) < len(c.To) {
		c.RcptOptions = append(c.RcptOptions, nil)
	}
	c.RcptOptions = c.RcptOptions[:len(c.To)]
	n := min(len(c.accepted), len(c.To))
	for _, r := range c.accepted[n:] {
		r.Accepted = false
	}
	c.accepted = c.accepted[:n]
	for i, to := range c.To[n:] {
		r := c.transaction.AddRecipient()
		*r = journal.Recipient{To: to, Options: c.recorded(c.RcptOptions[n+i]), Accepted: true}
		c.accepted = append(c.accepted, r)
	}
	c.parsed.adopted = c.accepted[n:]
}

// syncRecipients makes the accepted recipients of the record those of the session, of
// which a Command may have changed any. To do so after each Command would take time
// that grows with the square of their number, so it is done when the record is read,
// and at the end of the transaction. The journal must be locked.
func (c *Conn) syncRecipients() {
	if c.inCommand {
		return // the Command may be writing there
	}
	for i, r := range c.accepted[:min(len(c.accepted), len(c.To))] {
		r.To = c.To[i]
		if !slices.Equal(r.Options, c.RcptOptions[i]) {
			r.Options = slices.Clone(c.RcptOptions[i])
		}
	}
}

// recorded returns options for the record: a Command may write into the session's own,
// while another goroutine reads the record.
func (c *Conn) recorded(options []string) []string {
	if c.Commands == nil {
		return options
	}
	return slices.Clone(options)
}
