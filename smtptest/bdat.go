package smtptest

import (
	"math"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/show"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// chunk is a BDAT command (RFC 3030 2).
type chunk struct {
	size    int
	read    int // octets of it that have come
	last    bool
	inPlace bool
}

// verbBdat reads the chunk before anything is decided: it comes whatever the
// answer will be.
func (ch *Channel) verbBdat(arg string) verdict {
	ch.pending = pending{}
	if !commands["BDAT"].offered(ch.Server) {
		return verdict{}
	}
	size, last, _ := strings.Cut(arg, " ")
	n, err := sizeOf(size)
	if err != nil {
		return verdict{reply: ch.syntax("BDAT", "5.5.4")}
	}
	place := ch.bdatPlace()
	last = wire.Upper(strings.TrimLeft(last, blanks))
	if last != "" && last != "LAST" {
		place = ch.syntax("BDAT", "5.5.4")
	}
	ch.pending.chunk = chunk{size: n, last: last == "LAST", inPlace: place == ""}
	if err := ch.readChunk(); err != nil {
		ch.lost(err)
		return verdict{reply: NoReply}
	}
	c := &ch.pending.chunk
	switch {
	case !c.inPlace:
		return verdict{reply: place}
	case ch.content.Over():
		return verdict{ch.say(repTooMuch), (*Channel).commitChunk}
	}
	return verdict{ch.say(text(Reply("250 "+show.Plural(c.size, "octet")+" received"), "2.0.0")), (*Channel).commitChunk}
}

// takesChunk says that the command is a BDAT whose chunk is read.
func (ch *Channel) takesChunk(t *turn) bool {
	return t.name == "BDAT" && t.flags&tooLong == 0 && ch.Server.features.has("CHUNKING")
}

// bdat answers a chunk. The last one is the end of data too.
func (ch *Channel) bdat(t *turn) {
	c := ch.pending.chunk
	answered := c.inPlace && ch.body.answered // by a BODY rule
	t.octets = c.read
	switch {
	case ch.over:
		ch.stamp(t)
		ch.begin(t)
	case !answered && ch.customBdat(t):
	case c.inPlace && c.last:
		ch.noteChunk(c)
		end := *t
		end.also = "."
		ch.endOfData(end, ch.content.Len(), "")
	case answered:
		ch.begin(t)
		ch.bdatFailed()
	case ch.Server.config.LMTP && c.last && ch.rec != nil:
		ch.refuseEach(t)
	default:
		_, took := ch.answer(t)
		if took {
			ch.noteChunk(c)
		} else {
			ch.bdatFailed()
		}
	}
}

// refuseEach answers an LMTP client's last chunk that is out of place: for each
// accepted recipient, and not at all if there is none. That ends the
// transaction (RFC 2033 4.3): no recipient is answered for twice.
func (ch *Channel) refuseEach(t *turn) {
	for range ch.RcptTos {
		one := *t
		if ch.answer(&one); ch.over {
			return
		}
		t.x = nil // each reply has an exchange
	}
	ch.Server.mu.Lock()
	defer ch.Server.mu.Unlock()
	if len(ch.RcptTos) == 0 {
		ch.stamp(t)
		ch.record(t)
	}
	ch.reset(isRefused)
	ch.ahead = ch.r.Buffered() > 0
}

// customBdat asks a CommandFunc once the chunk has come. Its reply is no success
// of the built-in verb: the chunk is lost.
func (ch *Channel) customBdat(t *turn) bool {
	f := ch.Server.config.Commands["BDAT"]
	if f == nil {
		return false
	}
	reply := ch.guardCommand(t, f)
	switch {
	case t.spent:
		return true
	case reply == "":
		return false
	}
	t.own = verdict{reply: reply}
	ch.answer(t)
	ch.bdatFailed()
	return true
}

// noteChunk records a chunk that belongs to the message.
func (ch *Channel) noteChunk(c chunk) {
	ch.Server.mu.Lock()
	defer ch.Server.mu.Unlock()
	ch.rec.chunks = append(ch.rec.chunks, c.size)
}

// bdatFailed leaves the transaction dead until RSET (RFC 3030 2).
func (ch *Channel) bdatFailed() {
	switch ch.State {
	case StateMail, StateRcpt, StateBdat:
		ch.State = StateFailed
	}
}

// bdatPlace is the refusal of a chunk that is out of place.
func (ch *Channel) bdatPlace() Reply {
	switch {
	case ch.State == StateGreeted:
		return ch.say(repNoHello)
	case ch.State == StateMail && ch.refusals > 0 && !ch.Server.config.LMTP:
		return ch.say(repAllGone)
	case ch.State != StateRcpt && ch.State != StateBdat:
		return ch.say(repNoRcpt)
	}
	return ""
}

// readChunk takes the chunk's octets; they are kept only if the chunk is in
// place. Its size is the client's word and nothing is allocated for it.
func (ch *Channel) readChunk() error {
	c := &ch.pending.chunk
	ch.stamp(&ch.turn)
	ch.begin(&ch.turn) // before what happens while the chunk comes
	base := 0
	switch {
	case !c.inPlace:
		ch.body = bodyRows{done: math.MaxInt} // it is no content, and no BODY row has a moment in it
	case ch.State == StateBdat:
		base = ch.content.Len()
	default:
		ch.body = bodyRows{done: -1}
	}
	for c.read < c.size {
		src, err := ch.nextContent(base + c.read)
		if err != nil {
			return err
		}
		src = src[:min(len(src), c.size-c.read)]
		if c.inPlace {
			ch.content.Append(src)
		}
		ch.r.Discard(len(src))
		c.read += len(src)
	}
	err := ch.reach(base + c.read)
	if c.last {
		ch.shortOf(base + c.read)
	}
	return err
}

func (ch *Channel) commitChunk() { ch.State = StateBdat }
