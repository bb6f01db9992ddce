package session

import (
	"slices"

	"github.com/go-smtptest/smtp/smtptest/internal/journal"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

func decideData(p *protocol, arg string) verdict {
	p.parsed = parsed{}
	switch {
	case p.State == StateGreeted:
		return verdict{reply: p.text(replyNoHello)}
	case p.State == StateBdat:
		return verdict{reply: p.text(replyBadSequence)}
	case p.State == StateMail && p.refusedRcpts > 0 && !p.LMTP:
		return verdict{reply: p.text(replyNoValidRcpt)}
	case p.State != StateRcpt:
		return verdict{reply: p.text(replyNoRcpt)}
	case arg != "":
		return verdict{reply: p.syntax("DATA", "5.5.4")}
	case slices.ContainsFunc(p.MailOptions, isBinary):
		return verdict{reply: p.text(replyBadSequence)} // RFC 3030 3
	}
	return verdict{p.text(replyGoAhead), commitData}
}

func isBinary(option string) bool { return wire.Upper(option) == "BODY=BINARYMIME" }

func commitData(c *Conn) { c.State = StateData }

// followData reads content after any 354, also one that was out of order: then the
// content is thrown away, and the dot gets the reply that DATA should have had.
func followData(c *Conn, sent wire.Reply) {
	if c.State != StateData && (sent == wire.NoReply || sent == "" || sent[0] != '3') {
		if c.State == StateBdat {
			c.State = StateFailed // RFC 3030 2
		}
		return
	}
	flags := journal.Event | c.pipelined()
	var instead wire.Reply
	if c.State != StateData {
		c.keepContent(c.body.content.Len()) // of chunks
		c.body.content.Begin(0, 0)
		instead = decideData(&c.protocol, "").reply
	}
	octets, err := readContent(c)
	if instead != "" {
		c.body.content.Begin(0, 0)
		flags = journal.Event // of a content that is thrown away
	}
	if err != nil {
		c.keepContent(octets)
		recordPipelined(c, flags)
		c.endOnError(err)
		return
	}
	endOfData(c, event{name: ".", line: ".", flags: flags, octets: octets}, octets, instead)
}

// recordPipelined records whether a content that was broken off began before the 354.
func recordPipelined(c *Conn, flags journal.Flags) {
	c.Journal.Lock()
	defer c.Journal.Unlock()
	if c.opened {
		c.transaction.Pipelined = flags&journal.Early != 0
	}
}

// endOfData answers a content that is complete, at the dot or the last chunk. octets is
// the size of the content as sent. If a rule for BODY has replied to the content, the
// end gets no reply.
func endOfData(c *Conn, end event, octets int, instead wire.Reply) {
	e := &c.event
	*e = end
	if c.opened && instead == "" {
		collect(c, octets)
	}
	switch {
	case c.body.rules.answered:
		c.setTime(e)
		c.recordStart(e)
		endTransaction(c, false)
		c.inputWaiting = c.r.Buffered() > 0
	case c.LMTP && instead == "":
		answerRecipients(c, end)
	default:
		ownEnd(c, e, instead)
		_, committed := c.answer(e)
		endTransaction(c, committed)
	}
}

// collect moves the content to the record.
func collect(c *Conn, octets int) {
	over := c.body.content.Over()
	unstuffed := c.body.content.Unstuffed
	data := c.body.content.Take()
	c.Journal.Lock()
	defer c.Journal.Unlock()
	t := c.transaction
	t.Octets, t.Data, t.Unstuffed = octets, data, unstuffed
	t.Helo, t.User, t.TLS = c.Helo, c.User, c.underTLS()
	c.syncRecipients()
	if !over {
		c.Data = data
	}
	c.parsed = parsed{overLimit: over}
}

// ownEnd is the server's own verdict on a complete content.
func ownEnd(c *Conn, e *event, instead wire.Reply) {
	switch {
	case instead != "":
		e.verdict = verdict{reply: instead}
	case c.parsed.overLimit:
		e.verdict = verdict{c.text(replyTooMuch), commitMessage}
	default:
		e.verdict = verdict{c.text(replyAccepted), commitMessage}
		if c.Message != nil {
			e.userReply = decideMessage
		}
	}
}

// commitMessage records the message. The journal is locked: code that sees the
// message and closes the server finds replying set, so the reply still goes out.
func commitMessage(c *Conn) {
	c.Journal.Accept(c.transaction)
	c.replying = true
}

// endTransaction is called after the answer to the end of data.
func endTransaction(c *Conn, committed bool) {
	c.Journal.Lock()
	defer c.Journal.Unlock()
	if t := c.transaction; t != nil {
		why := journal.Refused
		if (c.done || c.interrupted) && t.Reply == "" {
			why = journal.Aborted
		}
		if n := len(t.Chunks); c.event.name == "BDAT" && !committed && n > 0 {
			t.Chunks = t.Chunks[:n-1] // the Handler has seen the last, which is not accepted
		}
		c.reset(why)
	}
	if c.State == StateData {
		c.State = StateHello
	}
}

// decideMessage asks the test about the message, for the one reply of SMTP.
func decideMessage(c *Conn) wire.Reply {
	to := c.transaction.To()
	d := c.test.message(len(to))
	reply := d.Reply
	if c.EachRecipient {
		reply = wire.Combine(to, d.Each)
		if reply != "" {
			acceptEach(c, d.Each) // not the refusal that the client gets
		}
		recordFinalReplies(c, d.Each)
	}
	if reply == "" {
		return c.text(replyAccepted)
	}
	return reply
}

// acceptEach fills in the replies that are left to the server.
func acceptEach(c *Conn, each []wire.Reply) {
	for i, reply := range each {
		if reply == "" {
			each[i] = c.text(replyAccepted)
		}
	}
}

// recordFinalReplies records the test's reply for each recipient.
func recordFinalReplies(c *Conn, each []wire.Reply) {
	c.Journal.Lock()
	defer c.Journal.Unlock()
	for _, r := range c.transaction.Recipients.All() {
		if r.Accepted && len(each) > 0 {
			r.FinalReply, each = each[0].Recorded(), each[1:]
		}
	}
}
