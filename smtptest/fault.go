package smtptest

import (
	"bytes"
	"math/rand/v2"
	"net"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/script"
	"github.com/go-smtptest/smtp/smtptest/internal/show"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// perform does what a fired row says, in the order that Rule documents. told
// is what the client was told ("" if nothing), took whether it took effect.
func (ch *Channel) perform(r *script.Rule, t *turn) (told Reply, took bool) {
	a := act{ch: ch, row: r, turn: t, odd: &rare{rule: ch.redact(r.Text), hidden: t.hidden}}
	a.begin()
	if r.Then == script.Hold && ch.replying { // written by this goroutine only
		ch.flush() // holding may not take the reply from a message before
	}
	if r.Keep {
		a.keep()
	}
	if t.spent || !a.wait() || !a.awaitHello() || !a.choose() {
		return "", a.took
	}
	a.effect()
	ch.withheld = ch.withheld || r.Then == "" && a.incomplete()
	if a.write() {
		a.then()
	}
	if a.raw == "" && a.told.Code() == 421 {
		ch.finish(EndReply)
	}
	return a.told, a.took
}

// act is a fired row at work.
type act struct {
	ch   *Channel
	row  *script.Rule
	turn *turn
	odd  *rare
	took bool
	told Reply  // what the client is told; "" if nothing
	raw  string // octets instead of told
}

// begin records the event with the row that answers it, before anything takes
// its time.
func (a *act) begin() {
	a.ch.Server.mu.Lock()
	defer a.ch.Server.mu.Unlock()
	a.ch.record(a.turn).rare = a.odd
}

// incomplete reports whether the event has a reply of which the client gets
// nothing, or only a part.
func (a *act) incomplete() bool {
	switch {
	case a.turn.name == "BODY" || a.turn.name == "IDLE" || a.turn.name == "TLS":
		return false
	case a.raw == "":
		return a.told == ""
	}
	last := a.raw[strings.LastIndexByte(strings.TrimSuffix(a.raw, "\n"), '\n')+1:]
	return !strings.HasSuffix(last, "\n") || len(last) > 3 && last[3] == '-'
}

// note says in the transcript what was done.
func (a *act) note(what string) {
	a.ch.Server.mu.Lock()
	defer a.ch.Server.mu.Unlock()
	odd := *a.odd
	odd.note(what)
	a.odd = &odd
	a.ch.record(a.turn).rare = a.odd
}

// keep lets the event take effect at once, whatever is answered later.
func (a *act) keep() {
	if a.turn.own.commit == nil {
		return
	}
	if a.turn.late != nil {
		a.turn.own.reply = a.turn.late(a.ch)
		a.turn.late = nil
	}
	if a.turn.own.commit == nil { // a CommandFunc has done it all
		return
	}
	s := a.ch.Server
	s.mu.Lock()
	a.turn.own.commit(a.ch)
	s.mu.Unlock()
	a.turn.kept, a.took = true, true
	a.note("kept")
}

// wait is the row's Delay. It ends the session when the client leaves or the
// server closes meanwhile.
func (a *act) wait() bool {
	d := a.turn.delay
	if d <= 0 || a.turn.name == "IDLE" { // an IDLE row fires after its Delay
		if d > 0 {
			a.note("after " + show.Duration(d))
		}
		return true
	}
	err := a.ch.flush()
	if err == nil {
		err = a.ch.pause(d)
	}
	if err != nil {
		who := "left"
		if a.ch.isInterrupted() {
			who = "the server closed"
		}
		a.note(who + " during a delay of " + show.Duration(d))
		a.ch.lost(err)
		return false
	}
	a.note("after " + show.Duration(d))
	return true
}

// choose finds the answer. The test's own code is asked only if its reply will
// be sent or the message recorded. False means that the client has had its last.
func (a *act) choose() bool {
	r, t := a.row, a.turn
	switch {
	case r.Raw != "":
		a.raw = r.Raw
	case r.Reply != "":
		a.told = Reply(r.Reply)
	}
	own := a.raw == "" && a.told == "" && t.name != "BODY" && t.name != "IDLE" && t.name != "TLS"
	records := !r.Discard && t.own.commit != nil && t.success(a.answer())
	if t.late != nil && (own || records) {
		t.own.reply = t.late(a.ch)
	}
	if t.spent {
		return false
	}
	if own {
		a.told = t.own.reply
	}
	if a.told == NoReply {
		a.note("no reply")
	}
	if r.Discard {
		a.note("lost")
	}
	return true
}

// answer is what decides on the effect: the reply, or the octets in its place.
func (a *act) answer() Reply {
	if a.raw != "" {
		return Reply(a.raw)
	}
	return a.told
}

// effect commits and records the answer, in one step, before it is written.
func (a *act) effect() {
	told := a.told
	if told == NoReply {
		a.told = ""
	}
	odd := *a.odd // the one recorded may be read meanwhile
	odd.raw = a.ch.redact(a.raw)
	a.odd = &odd
	took := a.ch.settle(a.turn, told, a.answer(), !a.turn.kept && !a.row.Discard, a.odd)
	a.took = a.took || took
	if a.raw != "" {
		a.told = Reply(strings.TrimRight(a.raw, "\r\n"))
	}
}

// write sends the answer, shaped by Chunk and Pause. False means that the
// connection is gone.
func (a *act) write() bool {
	ch, r := a.ch, a.row
	if a.turn.name == "BODY" && r.Reply == "" && r.Raw == "" {
		return true // Chunk and Pause shape the reading
	}
	if r.Chunk == 0 && r.Pause == 0 {
		if a.raw != "" || a.told != "" {
			ch.gather(a.appendTo(ch.out))
		}
		return true
	}
	err := ch.write(ch.out)
	ch.out = ch.out[:0]
	if err == nil {
		a.note(shape(r))
		ch.held = nil
		octets, sent := a.appendTo(nil), 0
		if sent, err = ch.dole(octets, r); sent < len(octets) {
			ch.Server.mu.Lock()
			ch.withdraw(a.turn, sent)
			ch.Server.mu.Unlock()
		}
	}
	if err != nil {
		ch.lost(err)
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

// dole writes octets in pieces, with a pause between two of them, and returns how
// many were sent. An interrupt waits for the end of the reply to a message, but
// for no pause.
func (ch *Channel) dole(octets []byte, r *script.Rule) (sent int, err error) {
	for sent < len(octets) {
		rest := octets[sent:]
		n := max(1, r.Chunk)
		if r.Chunk == ByLine {
			n = bytes.IndexByte(rest, '\n') + 1
		}
		if n == 0 || n > len(rest) {
			n = len(rest)
		}
		if err := ch.write(rest[:n]); err != nil {
			return sent, err
		}
		if sent += n; sent == len(octets) || r.Pause == 0 {
			continue
		}
		if err := ch.replied(); err != nil {
			return sent, err
		}
		if err := ch.pause(r.Pause); err != nil {
			return sent, err
		}
	}
	return sent, ch.replied()
}

func shape(r *script.Rule) string {
	s := "octet by octet"
	switch {
	case r.Chunk == ByLine:
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
	ch := a.ch
	switch Then(a.row.Then) {
	case "":
		return
	case Hold:
		a.note(string(Hold))
		held := *a.turn
		ch.held = &held
		if err := ch.replied(); err != nil { // nobody is writing it
			ch.lost(err)
		}
		return
	}
	a.note(a.row.Then)
	ch.flush()
	if a.row.Then != script.HalfClose {
		ch.finish(EndRule)
	}
	switch Then(a.row.Then) {
	case Close:
		ch.Conn.Close()
	case Drop:
		ch.raw.Close()
	case Reset:
		reset(ch.raw)
	case HalfClose:
		ch.mute = true
		closeWrite(ch.Conn)
	}
}

// reset breaks a connection off: RST, where the network has that.
func reset(conn net.Conn) {
	switch c := conn.(type) {
	case *net.TCPConn:
		c.SetLinger(0)
	case interface{ Reset() error }:
		c.Reset()
	}
	conn.Close()
}

func closeWrite(conn net.Conn) {
	if c, ok := conn.(interface{ CloseWrite() error }); ok {
		c.CloseWrite()
	}
}

// seed is Server.Seed, or one drawn once and logged.
func (s *Server) seed() uint64 {
	if s.config.Seed != 0 {
		return s.config.Seed
	}
	if n := s.drawn.Load(); n != 0 {
		return n
	}
	if n := rand.Uint64() | 1; s.drawn.CompareAndSwap(0, n) {
		s.logf("smtptest: Seed = %d", n)
	}
	return s.drawn.Load()
}
