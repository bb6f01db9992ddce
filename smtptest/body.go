package smtptest

import (
	"math"
	"strconv"

	"github.com/go-smtptest/smtp/smtptest/internal/script"
)

// bodyRows is where the BODY rows stand while a content is read.
type bodyRows struct {
	marks    []int        // numbers of octets that rows wait for; the first is next
	version  uint64       // of the script that they are from
	done     int          // octets whose rows have had their moment, or are to have none; -1 at the start
	slow     *script.Rule // shapes the reading
	next     int          // octets at which that pauses
	answered bool         // a rule has replied to the content
}

// reach lets the BODY rows fire whose number of octets has come.
func (ch *Channel) reach(octets int) error {
	b := &ch.body
	if v := ch.Server.script.Version(); v != b.version {
		b.marks, b.version = ch.Server.script.Marks(b.done), v
	}
	for len(b.marks) > 0 && b.marks[0] <= octets {
		t := turn{name: "BODY", line: "BODY", flags: isEvent, mark: b.marks[0]}
		if t.mark > 0 {
			t.arg = strconv.Itoa(t.mark)
			t.line += " " + t.arg
		}
		b.marks = b.marks[1:]
		r, err := ch.moment(&t)
		if err != nil {
			return err
		}
		b.fired(r, octets)
	}
	b.done = max(b.done, octets)
	return nil
}

// fired does what a row that has fired says of the content; r may be nil.
func (b *bodyRows) fired(r *script.Rule, octets int) {
	switch {
	case r == nil:
		return
	case r.Raw != "" || r.Reply != "":
		b.answered = true
	case r.Chunk != 0 || r.Pause != 0:
		b.slow = r
		b.chunk(octets)
	}
}

// chunk lets the next Chunk octets pass.
func (b *bodyRows) chunk(octets int) {
	b.next = octets + min(max(1, b.slow.Chunk), math.MaxInt-octets)
}

// slowDown pauses where a row says so.
func (ch *Channel) slowDown(octets int) error {
	b := &ch.body
	if b.slow == nil || octets < b.next {
		return nil
	}
	b.chunk(octets)
	if err := ch.flushUnlessHeld(); err != nil {
		return err
	}
	return ch.pause(b.slow.Pause)
}

// shortOf notes for the report of BODY rows how long a content was.
func (ch *Channel) shortOf(octets int) {
	if len(ch.body.marks) > 0 {
		ch.Server.script.Short(octets)
	}
}

// room is how many more octets may be taken before something has to happen.
func (b *bodyRows) room(octets int) int {
	n := math.MaxInt
	if len(b.marks) > 0 {
		n = b.marks[0] - octets
	}
	if b.slow != nil {
		n = min(n, b.next-octets)
	}
	return n
}
