package session

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/journal"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// pipe is the connection of a session, with the replies that wait to be written and
// the deadlines.
type pipe struct {
	config       *Config
	id           int // of the session
	mask         *mask
	conn         net.Conn   // the TLS connection once there is TLS
	netConn      net.Conn   // under TLS the connection below it
	tlsTransport *transport // nil in clear

	r            wire.Reader
	out          []byte // replies not yet written; firstOut, until they need more
	firstOut     [512]byte
	holdReplies  *event    // the last event whose reply waits for the next one; nil if none waits
	sendClosed   bool      // our side is half-closed: nothing can be sent
	inputWaiting bool      // input was there before the last reply was written
	withheld     bool      // a rule left the client without a whole reply, and nothing came from it since
	readDeadline time.Time // the read deadline that is set

	waiting sync.Mutex // guards waits, stage, code and active, and the deadline while waits is set
	waits   bool       // for input, and WakeIdle may end the wait
	stage   Stage
	code    string       // the test's own code that runs; "" if none
	active  time.Time    // when input last came, or the session last began to wait for it; zero before
	reading atomic.Int64 // while content is awaited: one more than the bytes of it that came

	broken atomic.Bool // the connection, which is the test's own, has panicked or left a goroutine
	left   atomic.Bool // the test's own code has left the session's goroutine, and the test has failed

	interruptedCh chan struct{} // closed by Interrupt

	// Guarded by the journal's lock. replying is written by the session's goroutine
	// only, which reads it without the lock.
	interrupted bool
	replying    bool // a message was recorded whose reply is not yet written
}

// open prepares the pipe for a connection.
func (p *pipe) open(config *Config, conn net.Conn, id int, mask *mask) {
	p.config, p.id, p.mask = config, id, mask
	p.conn, p.netConn = conn, conn
	p.interruptedCh = make(chan struct{})
	p.r.Reset(conn)
	p.out = p.firstOut[:0]
}

// Stage is what a session waits for besides input and the test's own code.
type Stage uint8

// The stages.
const (
	StageNone  Stage = iota // it writes, if it waits at all
	StageDelay              // a rule's Delay or Pause
	StageHeld               // a rule keeps the client waiting until it leaves or sends more
	StageQueue              // the If of another session
	StageShake              // the TLS handshake
)

// Status says what a session does.
type Status struct {
	Stage   Stage
	Code    string // the test's own code that runs; "" if none
	Waits   bool   // for input
	Content int    // the bytes that came of a content that is awaited; -1: none is

	Active time.Time // when the client last sent something, or the server last replied; zero: neither did
}

// Status returns what the session does now. It may be called from any goroutine.
func (p *pipe) Status() Status {
	p.waiting.Lock()
	defer p.waiting.Unlock()
	return Status{Stage: p.stage, Code: p.code, Waits: p.waits, Content: int(p.reading.Load()) - 1, Active: p.active}
}

// enter notes what the session waits for.
func (p *pipe) enter(stage Stage) {
	p.waiting.Lock()
	p.stage, p.active = stage, time.Now()
	p.waiting.Unlock()
	if stage == StageHeld {
		p.config.Host.Held()
	}
}

// touch notes that the client has sent something.
func (p *pipe) touch() {
	p.waiting.Lock()
	p.active = time.Now()
	p.waiting.Unlock()
}

// prepareRead prepares to wait for input until a rule for silence is due, which it returns.
func (p *pipe) prepareRead(c *clock) *idleRule {
	p.waiting.Lock()
	defer p.waiting.Unlock()
	begins := c.idleSince.IsZero()
	wake, due := c.next(p.readDeadline)
	if begins {
		p.active = c.idleSince
	}
	if wake != p.readDeadline {
		p.setReadDeadline(wake)
	}
	p.waits = true
	return due
}

// endRead ends what prepareRead began. came reports whether input has come.
func (p *pipe) endRead(came bool) {
	p.waiting.Lock()
	defer p.waiting.Unlock()
	p.waits = false
	if came {
		p.active = time.Now()
	}
}

// WakeIdle lets a session that waits for input apply the IDLE rules of a new script.
// It may be called from any goroutine.
func (p *pipe) WakeIdle() {
	p.callConn("SetReadDeadline", func() {
		p.waiting.Lock()
		defer p.waiting.Unlock()
		if p.waits {
			p.setReadDeadline(past)
		}
	})
}

// past is a deadline that is over.
var past = time.Unix(1, 0)

// setReadDeadline sets the read deadline; the zero time sets none.
func (p *pipe) setReadDeadline(deadline time.Time) {
	p.readDeadline = deadline
	p.conn.SetReadDeadline(deadline)
}

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// lastReply is the time that a client has for each write of the reply to a recorded
// message when its connection is closed: for one that has stopped reading.
const lastReply = 250 * time.Millisecond

// Interrupt ends the session from outside. A reply to a recorded message that is being
// written still goes out. It may be called from any goroutine.
func (p *pipe) Interrupt() {
	p.config.Journal.Lock()
	first := !p.interrupted
	p.interrupted = true
	replying := p.replying
	if first {
		close(p.interruptedCh)
	}
	p.config.Journal.Unlock()
	switch {
	case !first:
	case replying:
		p.callConn("SetWriteDeadline", func() { p.netConn.SetWriteDeadline(time.Now().Add(lastReply)) })
	default:
		p.callConn("Close", func() { p.netConn.Close() })
	}
}

func (p *pipe) isInterrupted() bool {
	p.config.Journal.Lock()
	defer p.config.Journal.Unlock()
	return p.interrupted
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// callUser calls f, which is the test's own code, on the session's goroutine. It first
// writes the replies so far: the code may take its time, and the server may close
// meanwhile. If f panics, callUser tells the test and returns an error; errOver if Ask has
// ended f.
func (p *pipe) callUser(what string, f func()) error { return p.callUserAs(what, what, f) }

// callUserAs is callUser for code that a wait does not name as what.
func (p *pipe) callUserAs(what, code string, f func()) (err error) {
	p.flushUnlessHeld()
	p.setCode(code)
	returned := false
	defer func() {
		p.setCode("")
		v := recover()
		if v == errOver {
			err = errOver
			return
		}
		if v != nil || !returned {
			err = fmt.Errorf("panicked: %v", v)
			p.reportUserFailure(what, v)
		}
	}()
	f()
	returned = true
	return nil
}

func (p *pipe) setCode(code string) {
	p.waiting.Lock()
	defer p.waiting.Unlock()
	p.code, p.active = code, time.Now()
}

// reportUserFailure fails the test for its own code, which has panicked with v, or has left its
// goroutine if v is nil.
func (p *pipe) reportUserFailure(what string, v any) {
	if v == nil && p.left.Swap(true) {
		return // the connection has left it, and is reported
	}
	p.config.Host.Blame(fmt.Sprintf("session %d: %s", p.id, what), p.redacted(v))
}

// redacted returns the value of a panic, or its text if that has a secret to mask.
func (p *pipe) redacted(v any) any {
	text := fmt.Sprint(v)
	if shown := p.mask.redact(text); shown != text {
		return shown
	}
	return v
}

// guardConn calls f, which uses the connection. That may be the test's own: if it
// panics or leaves the goroutine, the test fails, once for each session.
func (p *pipe) guardConn(f func()) { Guard(f, p.reportConnFailure) }

// Guard calls f. If f panics or leaves its goroutine, blame gets the panic, or nil.
func Guard(f func(), blame func(p any)) {
	returned := false
	defer func() {
		if p := recover(); p != nil || !returned {
			blame(p)
		}
	}()
	f()
	returned = true
}

// callConn calls a method of the connection on another goroutine than the session's.
func (p *pipe) callConn(method string, f func()) {
	if !p.config.Foreign {
		f()
		return
	}
	p.config.Host.Run(fmt.Sprintf("%s of %s in session %d", method, p.ConnName(), p.id), f, p.reportConnFailure)
}

// reportConnFailure is reportUserFailure for the connection. If that is not the test's own, the panic is
// the server's, and goes on.
func (p *pipe) reportConnFailure(v any) {
	if v != nil && !p.config.Foreign {
		panic(v)
	}
	if v == nil && p.left.Swap(true) || p.broken.Swap(true) {
		return
	}
	p.config.Host.Blame(fmt.Sprintf("session %d: %s", p.id, p.ConnName()), p.redacted(v))
}

// ConnName names the connection in messages.
func (p *pipe) ConnName() string { return fmt.Sprintf("the connection (%T)", p.netConn) }

// pipelined returns the flag of what comes while input is there already.
func (p *pipe) pipelined() journal.Flags {
	if p.inputWaiting {
		return journal.Early
	}
	return 0
}
