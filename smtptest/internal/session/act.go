package session

import (
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/journal"
	"github.com/go-smtptest/smtp/smtptest/internal/script"
	"github.com/go-smtptest/smtp/smtptest/internal/show"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// perform does what a fired rule says, in the order that Rule documents. told
// is what the client was told ("" if nothing), took whether it took effect.
func perform(c *Conn, r *script.Rule, e *event) (told wire.Reply, took bool) {
	a := act{c: c, rule: r, event: e, odd: &journal.Rare{Rule: c.redact(r.Text), Hidden: e.hidden}}
	a.begin()
	if r.Then == script.Hold && c.replying { // written by this goroutine only
		c.flush() // holding may not take the reply from a message before
	}
	if r.Keep {
		a.keep()
	}
	if e.spent || !a.wait() || !a.awaitHello() || !a.choose() {
		return "", a.took
	}
	a.effect()
	c.withheld = c.withheld || r.Then == "" && a.incomplete()
	if a.write() {
		a.then()
	}
	if a.raw == "" && a.told.Code() == 421 {
		c.finish(EndReply)
	}
	return a.told, a.took
}

// act is a fired rule at work.
type act struct {
	c     *Conn
	rule  *script.Rule
	event *event
	odd   *journal.Rare
	took  bool
	told  wire.Reply // what the client is told; "" if nothing
	raw   string     // octets instead of told
}

// begin records the event with the rule that answers it, before anything takes
// its time.
func (a *act) begin() {
	a.c.Journal.Lock()
	defer a.c.Journal.Unlock()
	a.c.enroll(a.event).Rare = a.odd
}

// incomplete reports whether the event has a reply of which the client gets
// nothing, or only a part.
func (a *act) incomplete() bool {
	switch {
	case a.event.name == "BODY" || a.event.name == "IDLE" || a.event.name == "TLS":
		return false
	case a.raw == "":
		return a.told == ""
	}
	last := a.raw[strings.LastIndexByte(strings.TrimSuffix(a.raw, "\n"), '\n')+1:]
	return !strings.HasSuffix(last, "\n") || len(last) > 3 && last[3] == '-'
}

// note says in the transcript what was done.
func (a *act) note(what string) {
	a.c.Journal.Lock()
	defer a.c.Journal.Unlock()
	odd := *a.odd
	odd.Note(what)
	a.odd = &odd
	a.c.enroll(a.event).Rare = a.odd
}

// keep lets the event take effect at once, whatever is answered later.
func (a *act) keep() {
	if a.event.own.commit == nil {
		return
	}
	if a.event.late != nil {
		a.event.own.reply = a.event.late(a.c)
		a.event.late = nil
	}
	if a.event.own.commit == nil { // a Command has done it all
		return
	}
	a.c.Journal.Lock()
	a.event.own.commit(a.c)
	a.c.Journal.Unlock()
	a.event.kept, a.took = true, true
	a.note("kept")
}

// wait is the rule's Delay. It ends the session when the client leaves or the
// server closes meanwhile.
func (a *act) wait() bool {
	d := a.event.delay
	if d <= 0 || a.event.name == "IDLE" { // a rule for IDLE fires after its Delay
		if d > 0 {
			a.note("after " + show.Duration(d))
		}
		return true
	}
	err := a.c.flush()
	if err == nil {
		err = a.c.pause(d)
	}
	if err != nil {
		who := "left"
		if a.c.isInterrupted() {
			who = "the server closed"
		}
		a.note(who + " during a delay of " + show.Duration(d))
		a.c.lost(err)
		return false
	}
	a.note("after " + show.Duration(d))
	return true
}

// awaitHello waits before Raw is sent in place of a handshake. It reports whether the
// session goes on.
func (a *act) awaitHello() bool {
	return a.event.name != "TLS" || a.rule.Raw == "" || awaitHello(a.c, a.event)
}

// choose finds the answer. The test's own code is asked only if its reply will
// be sent or the message recorded. False means that the client has had its last.
func (a *act) choose() bool {
	r, e := a.rule, a.event
	switch {
	case r.Raw != "":
		a.raw = r.Raw
	case r.Reply != "":
		a.told = r.Reply
	}
	own := a.raw == "" && a.told == "" && e.name != "BODY" && e.name != "IDLE" && e.name != "TLS"
	records := !r.Discard && e.own.commit != nil && e.success(a.answer())
	if e.late != nil && (own || records) {
		e.own.reply = e.late(a.c)
	}
	if e.spent {
		return false
	}
	if own {
		a.told = e.own.reply
	}
	if a.told == wire.NoReply {
		a.note("no reply")
	}
	if r.Discard {
		a.note("lost")
	}
	return true
}

// answer is what decides on the effect: the reply, or the octets in its place.
func (a *act) answer() wire.Reply {
	if a.raw != "" {
		return wire.Reply(a.raw)
	}
	return a.told
}

// effect commits and records the answer, in one step, before it is written.
func (a *act) effect() {
	told := a.told
	if told == wire.NoReply {
		a.told = ""
	}
	odd := *a.odd // the one recorded may be read meanwhile
	odd.Raw = a.c.redact(a.raw)
	a.odd = &odd
	took := a.c.settle(a.event, told, a.answer(), !a.event.kept && !a.rule.Discard, a.odd)
	a.took = a.took || took
	if a.raw != "" {
		a.told = wire.Reply(strings.TrimRight(a.raw, "\r\n"))
	}
}

// write sends the answer, shaped by Chunk and Pause. False means that the
// connection is gone.
func (a *act) write() bool {
	c, r := a.c, a.rule
	if a.event.name == "BODY" && r.Reply == "" && r.Raw == "" {
		return true // Chunk and Pause shape the reading
	}
	if r.Chunk == 0 && r.Pause == 0 {
		if a.raw != "" || a.told != "" {
			c.gather(a.appendTo(c.out))
		}
		return true
	}
	err := c.write(c.out)
	c.out = c.out[:0]
	if err == nil {
		a.note(shape(r))
		c.held = nil
		octets, sent := a.appendTo(nil), 0
		if sent, err = c.writePieces(octets, r); sent < len(octets) {
			c.Journal.Lock()
			c.withdraw(a.event, sent)
			c.Journal.Unlock()
		}
	}
	if err != nil {
		c.lost(err)
	}
	return err == nil
}

// appendTo appends the answer's octets.
func (a *act) appendTo(out []byte) []byte {
	if a.raw != "" {
		return append(out, a.raw...)
	}
	if a.told != "" {
		return wire.AppendReply(out, string(a.told))
	}
	return out
}

func shape(r *script.Rule) string {
	s := "octet by octet"
	switch {
	case r.Chunk == script.ByLine:
		s = "line by line"
	case r.Chunk > 0:
		s = "by " + show.Plural(r.Chunk, "octet")
	}
	if r.Pause > 0 {
		s += " every " + show.Duration(r.Pause)
	}
	return s
}

// then is how the connection goes on.
func (a *act) then() {
	c := a.c
	switch a.rule.Then {
	case "":
		return
	case script.Hold:
		a.note(script.Hold)
		held := *a.event
		c.held = &held
		if err := c.replied(); err != nil { // nobody is writing it
			c.lost(err)
		}
		return
	}
	a.note(a.rule.Then)
	c.flush()
	if a.rule.Then != script.HalfClose {
		c.finish(EndRule)
	}
	switch a.rule.Then {
	case script.Close:
		c.conn.Close()
	case script.Drop:
		c.raw.Close()
	case script.Reset:
		breakOff(c.raw)
	case script.HalfClose:
		c.mute = true
		closeWrite(c.conn)
	}
}
