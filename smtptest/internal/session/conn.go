package session

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/journal"
)

// How a session ended, as the journal records it.
const (
	EndQuit   = "quit"
	EndClosed = "closed by client"
	EndReset  = "reset by client"
	EndReply  = "421"
	EndIdle   = "idle"
	EndRule   = "closed by rule"
	EndServer = "server closed"
	EndTLS    = "TLS failed"
)

// Conn is one session.
type Conn struct {
	protocol
	pipe
	clock
	mask
	body        body
	test        testCode
	event       event // the command, or the end of data, at hand
	record      *journal.Session
	transaction *journal.Transaction // the open one; nil if none
	accepted    []*journal.Recipient // of it, parallel to To; kept only with Commands
	lists       ifLists              // of it
	inCommand   bool                 // a Command is running; guarded by the journal
	call        *Call                // made at the first Command
	received    []string             // the command lines and answers to Ask; kept only with Commands
	peer        string
	errors      int // 4yz and 5yz replies sent
	lineCount   int // taken: commands, responses to AUTH and answers to Ask

	done      bool   // the session ends
	endReason string // as the record's End; "" while the session goes on
}

// New opens the record of a connection. The journal must be locked.
func New(config *Config, conn net.Conn) *Conn {
	c := &Conn{record: config.Journal.Open()}
	c.protocol = protocol{Config: config, Envelope: Envelope{FQDN: config.Hostname, State: StateGreeted}, at: &c.event, ask: &c.test}
	c.pipe.open(config, conn, c.record.ID, &c.mask)
	c.clock.config = config
	c.mask.grammar = &c.protocol
	c.test.c = c
	if config.Commands != nil {
		c.record.Sync = c.syncRecipients
	}
	config.Open.Add(1)
	return c
}

// Record returns the record, to which access needs the journal's lock. Its ID does not
// change.
func (c *Conn) Record() *journal.Session { return c.record }

// View returns the state of the session. It is for the session's goroutine.
func (c *Conn) View() View {
	return View{Envelope: c.Envelope, Conn: c.conn, Peer: c.peer, Lines: c.received}
}

// Serve is the life of the session. It does not return before the connection has ended.
func (c *Conn) Serve() {
	defer c.cleanUp() // even if the test's own code leaves the goroutine
	defer c.guardConn(c.hangUp)
	c.guardConn(c.talk)
}

// talk is the life of a session up to the end of its connection.
func (c *Conn) talk() {
	c.setPeer()
	if c.Implicit && !handshake(c) {
		return
	}
	c.greet()
	for !c.done {
		line, long, err := c.readLine()
		if err != nil {
			c.endOnError(err)
			return
		}
		command(c, line, long)
	}
}

// setPeer asks the connection for the client's address.
func (c *Conn) setPeer() {
	c.peer = nameOf(c.netConn.RemoteAddr())
	c.Journal.Lock()
	c.record.Peer = c.peer
	c.Journal.Unlock()
}

// nameOf returns the address as a string, made in one piece if it is one of TCP.
func nameOf(addr net.Addr) string {
	switch a := addr.(type) {
	case nil:
		return ""
	case *net.TCPAddr:
		if p := a.AddrPort(); p.IsValid() {
			return netip.AddrPortFrom(p.Addr().Unmap(), p.Port()).String()
		}
	}
	return addr.String()
}

// greet answers the connection.
func (c *Conn) greet() {
	e := &c.event
	*e = event{name: "CONNECT", line: "CONNECT", flags: journal.Event}
	e.verdict.reply = c.greeting()
	sent, _ := c.answer(e)
	if code := sent.Code(); code/100 == 5 {
		c.State = StateRefusing    // RFC 5321 3.1
		c.greeted521 = code == 521 // RFC 7504 3
	}
}

// readLine returns the next command line, without its CRLF.
func (c *Conn) readLine() (line string, long bool, err error) {
	for {
		b, long, ok := c.r.Line()
		if ok {
			c.lineCount++
			return intern(b), long, nil
		}
		if err := c.fill(); err != nil {
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

// fill waits for more input. It first sends what was buffered: replies to a pipelined
// group leave in one write, when nothing more can be answered (RFC 2920 3.2).
func (c *Conn) fill() error {
	if err := c.flushUnlessHeld(); err != nil {
		return err
	}
	had := c.r.Buffered()
	if c.withheld || c.holdReplies != nil {
		c.enter(StageHeld)
		defer c.enter(StageNone)
	}
	for {
		due := c.prepareRead(&c.clock)
		err := c.r.Fill()
		c.endRead(err == nil)
		c.withheld = c.withheld && err != nil
		if err == nil || !isTimeout(err) {
			return err
		}
		if err := c.idle(due); err != nil {
			return err
		}
		if c.r.Buffered() > had { // it came during a Pause
			return nil
		}
	}
}

// idle is called when the wait for input has reached its deadline.
func (c *Conn) idle(due *idleRule) error {
	now := time.Now()
	limit := c.idleLimit()
	switch {
	case due != nil && now.Before(due.at):
		return nil // WakeIdle or an earlier deadline ended the read
	case due == nil && (limit <= 0 || now.Before(c.idleSince.Add(limit))):
		c.readDeadline = time.Time{} // set for an earlier command
		return nil
	case due == nil:
		e := event{name: "IDLE", arg: c.lastEvent, line: c.idleName(), flags: journal.Event, verdict: verdict{reply: c.text(replyIdle)}}
		c.setEnd(EndIdle)
		c.answer(&e)
		c.flush()
		return errIdle
	}
	e := event{name: "IDLE", arg: c.lastEvent, line: c.idleName(), flags: journal.Event, rule: due.rule, delay: due.delay}
	r, err := c.fireTimedRule(&e)
	c.clock.fired(due, r != nil)
	return err
}

var (
	errIdle = errors.New("idle too long")
	errOver = errors.New("the session was ended")
)

// setEnd ends the session after the present event. The first reason stays.
func (c *Conn) setEnd(why string) {
	if !c.done {
		c.done = true
		c.Open.Add(-1)
	}
	if c.endReason == "" {
		c.endReason = why
	}
}

// endOnError ends the session because reading or writing failed.
func (c *Conn) endOnError(err error) {
	closed, reset := c.peerEnd()
	switch {
	case c.isInterrupted():
		c.setEnd(EndServer)
	case c.tlsTransport != nil && !c.tlsTransport.broke.Load() && err != io.EOF:
		recordTLSAlert(c, err)
		c.setEnd(EndTLS)
	case reset:
		c.setEnd(EndReset) // also if a write has had the error, and a read EOF
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		recordTruncation(c)
		c.setEnd(EndClosed)
	case closed && (errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)):
		c.setEnd(EndClosed) // with replies unread
	default:
		c.setEnd(EndReset)
	}
}

// hangUp closes the connection, if nothing has done so.
func (c *Conn) hangUp() {
	defer c.netConn.Close() // even if TLS cannot say goodbye
	if c.broken.Load() {
		c.setEnd(EndReset)
		return
	}
	c.setEnd(EndServer)
	held := c.holdReplies
	c.flush()
	c.conn.Close()
	c.Journal.Lock()
	defer c.Journal.Unlock()
	if held != nil && c.interrupted {
		c.withdraw(held, 0)
	}
}

// cleanUp closes the record.
func (c *Conn) cleanUp() {
	c.Journal.Lock()
	defer c.Journal.Unlock()
	c.record.Unread = c.mask.unread(c.r.Bytes())
	c.closeTransaction(journal.Aborted)
	c.Journal.Close(c.record, c.endReason)
}
