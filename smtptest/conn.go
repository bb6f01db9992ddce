package smtptest

import (
	"errors"
	"net"
	"os"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/script"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// maxGathered is how much of the replies to a pipelined group is kept for one
// write.
const maxGathered = 64 << 10

// readLine returns the next command line, without its CRLF.
func (ch *Channel) readLine() (line string, long bool, err error) {
	for {
		b, long, ok := ch.r.Line()
		if ok {
			ch.lines++
			return intern(b), long, nil
		}
		if err := ch.fill(); err != nil {
			return "", false, err
		}
	}
}

// intern spares the commonest commands their allocation.
func intern(b []byte) string {
	switch string(b) {
	case "DATA":
		return "DATA"
	case "RSET":
		return "RSET"
	case "QUIT":
		return "QUIT"
	case "NOOP":
		return "NOOP"
	}
	return string(b)
}

// fill waits for more input. It first sends what was gathered: replies to a
// pipelined group leave in one write, when nothing more can be answered
// (RFC 2920 3.2).
func (ch *Channel) fill() error {
	if err := ch.flushUnlessHeld(); err != nil {
		return err
	}
	had := ch.r.Buffered()
	if ch.withheld || ch.held != nil {
		ch.enter(stageHeld)
		defer ch.enter(stageNone)
	}
	for {
		row := ch.await()
		err := ch.r.Fill()
		ch.waiting.Lock()
		ch.waits = false
		ch.waiting.Unlock()
		ch.withheld = ch.withheld && err != nil
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if err := ch.idle(row); err != nil {
			return err
		}
		if ch.r.Buffered() > had { // it came during a Pause
			return nil
		}
	}
}

// await prepares to wait for input until something is due, which it returns.
func (ch *Channel) await() *idleTime {
	ch.waiting.Lock()
	defer ch.waiting.Unlock()
	if ch.silentSince.IsZero() {
		ch.silentSince = time.Now()
	}
	wake, row := ch.nextIdle()
	if wake != ch.armed {
		ch.arm(wake)
	}
	ch.waits = true
	return row
}

// rouse lets the sessions that wait for input see what a new script says of
// their silence.
func (s *Server) rouse() {
	for _, ch := range s.channels() {
		ch.callConn("SetReadDeadline", func() {
			ch.waiting.Lock()
			defer ch.waiting.Unlock()
			if ch.waits {
				ch.arm(time.Unix(1, 0))
			}
		})
	}
}

// arm sets the read deadline; the zero time sets none.
func (ch *Channel) arm(deadline time.Time) {
	ch.armed = deadline
	ch.Conn.SetReadDeadline(deadline)
}

// queue gathers a reply for the next flush.
func (ch *Channel) queue(r Reply) {
	if r == "" || r == NoReply {
		return
	}
	ch.gather(wire.AppendReply(ch.out, string(r)))
}

// gather keeps out, which has grown by an answer, for the next flush; it is
// flushed at once when it is long, so that a client that reads nothing is made
// to wait.
func (ch *Channel) gather(out []byte) {
	ch.held = nil
	ch.out = out
	if len(ch.out) > maxGathered {
		ch.flush()
	}
}

// flush writes what was gathered. After the write a message that was recorded
// before it has had its reply, so an interrupt may close the connection.
func (ch *Channel) flush() error {
	ch.held = nil
	err := ch.write(ch.out)
	ch.out = ch.out[:0]
	if err2 := ch.replied(); err2 != nil {
		return err2
	}
	return err
}

// flushUnlessHeld writes what was gathered, unless a rule holds it.
func (ch *Channel) flushUnlessHeld() error {
	if ch.held != nil {
		return nil
	}
	return ch.flush()
}

// write sends octets, unless the connection is being closed and no message was
// recorded of which they tell.
func (ch *Channel) write(b []byte) error {
	if len(b) == 0 || ch.mute {
		return nil
	}
	if isClosed(ch.gone) && !ch.replying { // replying is written by this goroutine only
		return net.ErrClosed
	}
	if isClosed(ch.gone) {
		ch.raw.SetWriteDeadline(time.Now().Add(lastReply)) // interrupt may have set it long ago
	}
	_, err := ch.Conn.Write(b)
	return err
}

// replied is called when nothing is left to be written.
func (ch *Channel) replied() error {
	if isClosed(ch.gone) {
		ch.raw.Close()
		return net.ErrClosed
	}
	if !ch.replying { // written by this goroutine only
		return nil
	}
	s := ch.Server
	s.mu.Lock()
	ch.replying = false
	interrupted := ch.interrupted
	s.mu.Unlock()
	if interrupted {
		ch.raw.Close()
		return net.ErrClosed
	}
	return nil
}

// newSilence lets the next wait for input begin a silence of its own.
func (ch *Channel) newSilence() { ch.silentSince, ch.idleRow = time.Time{}, nil }

// idleTime is the next moment of an IDLE row.
type idleTime struct {
	row   *script.Rule
	delay time.Duration // Jitter included
	at    time.Time
	done  bool // it has no Delay and has had its turn
}

// nextIdle is the time at which waiting for input ends: when the first IDLE
// row is due, or when the client has been idle for too long (row is nil).
// Without IDLE rows the deadline set before is kept: idle finds out whether it
// was too early, and most reads cost no new timer.
func (ch *Channel) nextIdle() (wake time.Time, due *idleTime) {
	limit := ch.idleLimit()
	if limit > 0 {
		wake = ch.silentSince.Add(limit)
		if !ch.armed.IsZero() && ch.armed.After(ch.silentSince) && ch.armed.Before(wake) {
			wake = ch.armed
		}
	}
	if !ch.Server.script.Active() {
		return wake, nil
	}
	if limit > 0 {
		wake = ch.silentSince.Add(limit)
	}
	if v := ch.Server.script.Version(); ch.idleRow == nil || v != ch.idleOf {
		ch.idleRow, ch.idleOf = ch.idleRows(), v
	}
	for i := range ch.idleRow {
		if r := &ch.idleRow[i]; !r.done && (wake.IsZero() || r.at.Before(wake)) {
			wake, due = r.at, r
		}
	}
	return wake, due
}

// idleLimit is how long a client may be silent; negative: for ever.
func (ch *Channel) idleLimit() time.Duration {
	if ch.Server.config.IdleTimeout == 0 {
		return 5 * time.Minute // RFC 5321 4.5.3.2.7
	}
	return ch.Server.config.IdleTimeout
}

// idleRows are the IDLE rows of the last event. Never nil.
func (ch *Channel) idleRows() []idleTime {
	rows := []idleTime{}
	for _, i := range ch.Server.script.Idles(ch.last, ch.lastAlso) {
		rows = append(rows, idleTime{row: i.Rule, delay: i.Delay, at: ch.silentSince.Add(i.Delay)})
	}
	return rows
}

// idle is called when the wait for input has reached its deadline.
func (ch *Channel) idle(due *idleTime) error {
	now := time.Now()
	limit := ch.idleLimit()
	switch {
	case due != nil && now.Before(due.at):
		return nil // roused
	case due == nil && (limit <= 0 || now.Before(ch.silentSince.Add(limit))):
		ch.armed = time.Time{} // set for an earlier command
		return nil
	case due == nil:
		t := turn{name: "IDLE", arg: ch.last, line: ch.idleName(), flags: isEvent, own: verdict{reply: ch.say(repIdle)}}
		ch.finish(EndIdle)
		ch.answer(&t)
		ch.flush()
		return errIdle
	}
	at := due.at
	t := turn{name: "IDLE", arg: ch.last, line: ch.idleName(), flags: isEvent, row: due.row, delay: due.delay}
	r, err := ch.moment(&t)
	ch.later(due)
	for i := range ch.idleRow {
		if other := &ch.idleRow[i]; r != nil && !other.done && !other.at.After(at) {
			ch.later(other) // one event, and one row that answers it
		}
	}
	return err
}

// idleName is the event with what it follows. The first word of a line that is no
// command is not repeated: it may be anything, also a secret.
func (ch *Channel) idleName() string {
	if commands[ch.last] == nil && ch.Server.config.Commands[ch.last] == nil && !script.IsPseudo(ch.last) {
		return "IDLE"
	}
	return "IDLE " + ch.last
}

// later moves an IDLE row to its next time.
func (ch *Channel) later(i *idleTime) {
	delay, once := ch.Server.script.Again(i.row)
	if once {
		i.done = true
		return
	}
	i.delay, i.at = delay, i.at.Add(delay)
}

// moment lets a row for a BODY or IDLE event fire. The event itself has no
// answer, and does not count as the last one.
func (ch *Channel) moment(t *turn) (*script.Rule, error) {
	t.at = time.Since(ch.session.start)
	r := ch.match(t)
	if r == nil {
		return nil, nil
	}
	ch.perform(r, t)
	if ch.over {
		ch.flush()
		return r, errOver
	}
	return r, ch.flushUnlessHeld()
}

var (
	errIdle = errors.New("idle too long")
	errOver = errors.New("the session was ended")
)
