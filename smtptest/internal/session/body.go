package session

import (
	"math"
	"strconv"

	"github.com/go-smtptest/smtp/smtptest/internal/journal"
	"github.com/go-smtptest/smtp/smtptest/internal/script"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// body is the content that is being read, with the rules for BODY.
type body struct {
	content wire.Content
	rules   bodyRules
}

// bodyRules is where the rules for BODY stand.
type bodyRules struct {
	marks    []int        // numbers of bytes that rules wait for; the first is next
	version  uint64       // of the script that they are from
	done     int          // bytes whose rules have had their moment, or are to have none; -1 at the start
	slow     *script.Rule // shapes the reading
	next     int          // bytes at which that pauses
	answered bool         // a rule has replied to the content
}

// readContent takes content up to its final dot. octets is its size as sent.
func readContent(c *Conn) (octets int, err error) {
	var dot wire.Dot
	c.body.rules = bodyRules{done: -1}
	for {
		src, err := nextContent(c, octets)
		if err != nil {
			return octets, err
		}
		n, done := dot.Decode(&c.body.content, src)
		c.r.Discard(n)
		octets += n
		if done {
			c.body.noteLength(c.Script, octets-3)
			return max(0, octets-3), nil
		}
	}
}

// nextContent waits for more of a content of which octets have come, and lets rules for
// BODY fire.
func nextContent(c *Conn, octets int) ([]byte, error) {
	if err := fireBodyRules(c, octets); err != nil {
		return nil, err
	}
	if err := throttle(c, octets); err != nil {
		return nil, err
	}
	if c.r.Buffered() == 0 {
		c.reading.Store(int64(octets) + 1)
		err := c.fill()
		c.reading.Store(0)
		if err != nil {
			return nil, err
		}
		c.resetIdle()
	}
	src := c.r.Bytes()
	return src[:min(len(src), c.body.rules.allowance(octets))], nil
}

// fireBodyRules lets the rules for BODY fire whose number of bytes has come.
func fireBodyRules(c *Conn, octets int) error {
	b := &c.body.rules
	if v := c.Script.Version(); v != b.version {
		b.marks, b.version = c.Script.Marks(b.done), v
	}
	for len(b.marks) > 0 && b.marks[0] <= octets {
		e := event{name: "BODY", line: "BODY", flags: journal.Event, bodyOffset: b.marks[0]}
		if e.bodyOffset > 0 {
			e.arg = strconv.Itoa(e.bodyOffset)
			e.line += " " + e.arg
		}
		b.marks = b.marks[1:]
		r, err := c.fireTimedRule(&e)
		if err != nil {
			return err
		}
		b.apply(r, octets)
	}
	b.done = max(b.done, octets)
	return nil
}

// throttle pauses where a rule requires it.
func throttle(c *Conn, octets int) error {
	b := &c.body.rules
	if b.slow == nil || octets < b.next {
		return nil
	}
	b.nextPause(octets)
	if err := c.flushUnlessHeld(); err != nil {
		return err
	}
	return c.pause(b.slow.Pause)
}

// noteLength notes for the report of rules for BODY how long a content was.
func (b *body) noteLength(rules *script.Table, octets int) {
	if len(b.rules.marks) > 0 {
		rules.Short(octets)
	}
}

// apply carries out a rule that has fired for the content; r may be nil.
func (b *bodyRules) apply(r *script.Rule, octets int) {
	switch {
	case r == nil:
		return
	case r.Raw != "" || r.Reply != "":
		b.answered = true
	case r.Chunk != 0 || r.Pause != 0:
		b.slow = r
		b.nextPause(octets)
	}
}

// nextPause lets the next Chunk bytes pass.
func (b *bodyRules) nextPause(octets int) {
	b.next = octets + min(max(1, b.slow.Chunk), math.MaxInt-octets)
}

// allowance is how many more bytes may be taken before something has to happen.
func (b *bodyRules) allowance(octets int) int {
	n := math.MaxInt
	if len(b.marks) > 0 {
		n = b.marks[0] - octets
	}
	if b.slow != nil {
		n = min(n, b.next-octets)
	}
	return n
}
