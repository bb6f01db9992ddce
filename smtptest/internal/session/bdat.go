package session

import (
	"math"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/show"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// chunk is a BDAT command (RFC 3030 2).
type chunk struct {
	size    int
	read    int // bytes of it that have come
	last    bool
	refusal wire.Reply // to a chunk that is out of place; "": it is content
	over    bool       // the content is over its limit
}

// inPlace reports whether the chunk is content.
func (c *chunk) inPlace() bool { return c.refusal == "" }

// parseChunk returns the chunk that a BDAT announces. ok is false if it does not say
// how long it is.
func parseChunk(p *protocol, arg string) (c chunk, ok bool) {
	size, last, _ := strings.Cut(arg, " ")
	n, err := wire.ParseSize(size)
	if err != nil {
		return chunk{refusal: p.syntax("BDAT", "5.5.4")}, false
	}
	last = wire.Upper(strings.TrimLeft(last, blanks))
	c = chunk{size: n, last: last == "LAST", refusal: bdatPlace(p)}
	if last != "" && last != "LAST" {
		c.refusal = p.syntax("BDAT", "5.5.4")
	}
	return c, true
}

// bdatPlace is the refusal of a chunk that is out of place.
func bdatPlace(p *protocol) wire.Reply {
	switch {
	case p.State == StateGreeted:
		return p.text(replyNoHello)
	case p.State == StateMail && p.refusedRcpts > 0 && !p.LMTP:
		return p.text(replyNoValidRcpt)
	case p.State != StateRcpt && p.State != StateBdat:
		return p.text(replyNoRcpt)
	}
	return ""
}

// decideBdat decides on a chunk that has come.
func decideBdat(p *protocol, _ string) verdict {
	c := &p.parsed.chunk
	switch {
	case !c.inPlace():
		return verdict{reply: c.refusal}
	case c.over:
		return verdict{p.text(replyTooMuch), commitChunk}
	}
	return verdict{p.text(newReplyText(wire.Reply("250 "+show.Plural(c.size, "octet")+" received"), "2.0.0")), commitChunk}
}

func commitChunk(c *Conn) { c.State = StateBdat }

// takeChunk reads the chunk of a BDAT before anything is decided: it comes whatever the
// reply will be.
func takeChunk(c *Conn, e *event) {
	k, ok := parseChunk(&c.protocol, e.arg)
	c.parsed.chunk = k
	if !ok {
		return
	}
	if err := readChunk(c); err != nil {
		c.endOnError(err)
	}
	c.parsed.chunk.over = c.body.content.Over()
}

// readChunk takes the chunk's bytes; they are kept only if the chunk is in place. Its
// size is the client's word and nothing is allocated for it.
func readChunk(c *Conn) error {
	k := &c.parsed.chunk
	c.setTime(&c.event)
	c.recordStart(&c.event) // before what happens while the chunk comes
	base := 0
	switch {
	case !k.inPlace():
		c.body.rules = bodyRules{done: math.MaxInt} // it is no content, so no rule for BODY fires in it
	case c.State == StateBdat:
		base = c.body.content.Len()
	default:
		c.body.rules = bodyRules{done: -1}
	}
	for k.read < k.size {
		src, err := nextContent(c, base+k.read)
		if err != nil {
			return err
		}
		src = src[:min(len(src), k.size-k.read)]
		if k.inPlace() {
			c.body.content.Append(src)
		}
		c.r.Discard(len(src))
		k.read += len(src)
	}
	err := fireBodyRules(c, base+k.read)
	if k.last {
		c.body.noteLength(c.Script, base+k.read)
	}
	return err
}

// answerChunk answers a chunk. The last one is the end of data too.
func answerChunk(c *Conn, e *event) {
	k := c.parsed.chunk
	answered := k.inPlace() && c.body.rules.answered // by a rule for BODY
	e.octets = k.read
	switch {
	case c.done:
		c.setTime(e)
		c.recordStart(e)
	case !answered && customBdat(c, e):
	case k.inPlace() && k.last:
		recordChunk(c, k)
		end := *e
		end.alias = "."
		endOfData(c, end, c.body.content.Len(), "")
	case answered:
		c.recordStart(e)
		bdatFailed(c)
	case c.LMTP && k.last && c.opened:
		refuseRecipients(c, e)
	default:
		_, committed := c.answer(e)
		if committed {
			recordChunk(c, k)
		} else {
			bdatFailed(c)
		}
	}
}

// customBdat asks a Command once the chunk has come. Its reply is no success of the
// built-in verb: the chunk is lost.
func customBdat(c *Conn, e *event) bool {
	f := c.Commands["BDAT"]
	if f == nil {
		return false
	}
	reply := run(c, e, f)
	switch {
	case e.tooManyLines:
		return true
	case reply == "":
		return false
	}
	e.verdict = verdict{reply: reply}
	c.answer(e)
	bdatFailed(c)
	return true
}

// recordChunk records a chunk that belongs to the message.
func recordChunk(c *Conn, k chunk) {
	c.Journal.Lock()
	defer c.Journal.Unlock()
	c.transaction.Chunks = append(c.transaction.Chunks, k.size)
}

// bdatFailed leaves the transaction dead until RSET (RFC 3030 2).
func bdatFailed(c *Conn) {
	switch c.State {
	case StateMail, StateRcpt, StateBdat:
		c.State = StateFailed
	}
}
