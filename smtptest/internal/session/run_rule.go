package session

import (
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/journal"
	"github.com/go-smtptest/smtp/smtptest/internal/script"
	"github.com/go-smtptest/smtp/smtptest/internal/show"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// runRule does what the rule says that fires for the event, in the order that Rule
// documents. sent is the reply that the client got ("" if none), committed whether the
// event took effect.
func runRule(c *Conn, r *script.Rule, e *event) (sent wire.Reply, committed bool) {
	run := ruleRun{c: c, rule: r, event: e, details: &journal.Rare{Rule: c.redact(r.Text), Hidden: e.masked}}
	run.begin()
	if r.Then == script.Hold && c.replying { // written by this goroutine only
		c.flush() // holding may not take the reply from a message before
	}
	if r.Keep {
		run.commitNow()
	}
	if e.tooManyLines || !run.wait() || !run.awaitHello() || !run.chooseReply() {
		return "", run.committed
	}
	run.commit()
	c.withheld = c.withheld || r.Then == "" && run.incomplete()
	if run.write() {
		run.then()
	}
	if run.raw == "" && run.sent.Code() == 421 {
		c.setEnd(EndReply)
	}
	return run.sent, run.committed
}

// ruleRun is a rule that has fired, while it is carried out.
type ruleRun struct {
	c         *Conn
	rule      *script.Rule
	event     *event
	details   *journal.Rare
	committed bool
	sent      wire.Reply // the reply that the client gets; "" if none
	raw       string     // bytes instead of a reply
}

// begin records the event with its rule, before anything takes its time.
func (run *ruleRun) begin() {
	run.c.Journal.Lock()
	defer run.c.Journal.Unlock()
	run.c.exchangeOf(run.event).Rare = run.details
}

// incomplete reports whether the event has a reply of which the client gets
// nothing, or only a part.
func (run *ruleRun) incomplete() bool {
	switch {
	case run.event.name == "BODY" || run.event.name == "IDLE" || run.event.name == "TLS":
		return false
	case run.raw == "":
		return run.sent == ""
	}
	last := run.raw[strings.LastIndexByte(strings.TrimSuffix(run.raw, "\n"), '\n')+1:]
	return !strings.HasSuffix(last, "\n") || len(last) > 3 && last[3] == '-'
}

// note adds to the effects in the record.
func (run *ruleRun) note(what string) {
	run.c.Journal.Lock()
	defer run.c.Journal.Unlock()
	details := *run.details
	details.Note(what)
	run.details = &details
	run.c.exchangeOf(run.event).Rare = run.details
}

// commitNow lets the event take effect at once, whatever the reply is later.
func (run *ruleRun) commitNow() {
	if run.event.verdict.commit == nil {
		return
	}
	if run.event.userReply != nil {
		run.event.verdict.reply = run.event.userReply(run.c)
		run.event.userReply = nil
	}
	if run.event.verdict.commit == nil { // a Command has done it all
		return
	}
	run.c.Journal.Lock()
	run.event.verdict.commit(run.c)
	run.c.Journal.Unlock()
	run.event.committedEarly, run.committed = true, true
	run.note("kept")
}

// wait is the rule's Delay. It ends the session when the client leaves or the
// server closes meanwhile.
func (run *ruleRun) wait() bool {
	d := run.event.delay
	if d <= 0 || run.event.name == "IDLE" { // a rule for IDLE fires after its Delay
		if d > 0 {
			run.note("after " + show.Duration(d))
		}
		return true
	}
	err := run.c.flush()
	if err == nil {
		err = run.c.pause(d)
	}
	if err != nil {
		who := "left"
		if run.c.isInterrupted() {
			who = "the server closed"
		}
		run.note(who + " during a delay of " + show.Duration(d))
		run.c.endOnError(err)
		return false
	}
	run.note("after " + show.Duration(d))
	return true
}

// awaitHello waits before Raw is sent in place of a handshake. It reports whether the
// session goes on.
func (run *ruleRun) awaitHello() bool {
	return run.event.name != "TLS" || run.rule.Raw == "" || awaitHello(run.c, run.event)
}

// chooseReply finds the reply. The test's own code is asked only if its reply will
// be sent or the message recorded. It returns false if the client
// has got its last reply.
func (run *ruleRun) chooseReply() bool {
	r, e := run.rule, run.event
	switch {
	case r.Raw != "":
		run.raw = r.Raw
	case r.Reply != "":
		run.sent = r.Reply
	}
	own := run.raw == "" && run.sent == "" && e.name != "BODY" && e.name != "IDLE" && e.name != "TLS"
	records := !r.Discard && e.verdict.commit != nil && e.success(run.answer())
	if e.userReply != nil && (own || records) {
		e.verdict.reply = e.userReply(run.c)
	}
	if e.tooManyLines {
		return false
	}
	if own {
		run.sent = e.verdict.reply
	}
	if run.sent == wire.NoReply {
		run.note("no reply")
	}
	if r.Discard {
		run.note("lost")
	}
	return true
}

// answer is what decides on the effect: the reply, or the octets in its place.
func (run *ruleRun) answer() wire.Reply {
	if run.raw != "" {
		return wire.Reply(run.raw)
	}
	return run.sent
}

// commit commits and records the reply, in one step, before it is written.
func (run *ruleRun) commit() {
	sent := run.sent
	if sent == wire.NoReply {
		run.sent = ""
	}
	details := *run.details // the one recorded may be read meanwhile
	details.Raw = run.c.redact(run.raw)
	run.details = &details
	committed := run.c.commitAndRecord(run.event, sent, run.answer(), !run.event.committedEarly && !run.rule.Discard, run.details)
	run.committed = run.committed || committed
	if run.raw != "" {
		run.sent = wire.Reply(strings.TrimRight(run.raw, "\r\n"))
	}
}

// write sends the answer, shaped by Chunk and Pause. False means that the
// connection is gone.
func (run *ruleRun) write() bool {
	c, r := run.c, run.rule
	if run.event.name == "BODY" && r.Reply == "" && r.Raw == "" {
		return true // Chunk and Pause shape the reading
	}
	if r.Chunk == 0 && r.Pause == 0 {
		if run.raw != "" || run.sent != "" {
			c.buffer(run.appendTo(c.out))
		}
		return true
	}
	err := c.write(c.out)
	c.out = c.out[:0]
	if err == nil {
		run.note(shape(r))
		c.holdReplies = nil
		octets, sent := run.appendTo(nil), 0
		if sent, err = c.writeInChunks(octets, r); sent < len(octets) {
			c.Journal.Lock()
			c.withdraw(run.event, sent)
			c.Journal.Unlock()
		}
	}
	if err != nil {
		c.endOnError(err)
	}
	return err == nil
}

// appendTo appends the answer's octets.
func (run *ruleRun) appendTo(out []byte) []byte {
	if run.raw != "" {
		return append(out, run.raw...)
	}
	if run.sent != "" {
		return wire.AppendReply(out, string(run.sent))
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
func (run *ruleRun) then() {
	c := run.c
	switch run.rule.Then {
	case "":
		return
	case script.Hold:
		run.note(script.Hold)
		held := *run.event
		c.holdReplies = &held
		if err := c.afterWrite(); err != nil { // nobody is writing it
			c.endOnError(err)
		}
		return
	}
	run.note(run.rule.Then)
	c.flush()
	if run.rule.Then != script.HalfClose {
		c.setEnd(EndRule)
	}
	switch run.rule.Then {
	case script.Close:
		c.conn.Close()
	case script.Drop:
		c.netConn.Close()
	case script.Reset:
		breakOff(c.netConn)
	case script.HalfClose:
		c.sendClosed = true
		closeWrite(c.conn)
	}
}
