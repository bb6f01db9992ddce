package session

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/journal"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// A Call is what a Command gets. A session has one, made at its first Command.
type Call struct {
	View         // what the Command changes counts from then on
	Guest any    // is the Command's: nil at first
	Name  string // what messages call the Command

	c     *Conn
	event *event // nil outside a Command
}

// Session returns the number of the session.
func (call *Call) Session() int { return call.c.record.ID }

// Running reports whether a Command runs.
func (call *Call) Running() bool { return call.event != nil }

// fill makes the view that of the session.
func (call *Call) fill() { call.View = call.c.View() }

// readBack makes the state of the session that of the view.
func (call *Call) readBack() {
	c := call.c
	c.Envelope, c.conn, c.peer, c.received = call.Envelope, call.Conn, call.Peer, call.Lines
}

// custom runs a Command; its zero Reply means the built-in verb.
func custom(c *Conn, e *event, f Command) wire.Reply {
	called := *e
	reply := run(c, e, f)
	if reply == "" || e.name == "DATA" {
		e.verdict = c.builtin(&called) // the Command may have changed what it depends on
	} else {
		e.verdict.commit = nil
	}
	if reply == "" {
		return e.verdict.reply
	}
	return reply
}

// run calls a Command. If it panics or returns an invalid reply, the test fails.
func run(c *Conn, e *event, f Command) (reply wire.Reply) {
	if c.call == nil {
		c.call = &Call{c: c}
	}
	call := c.call
	call.Name = "Commands[" + strconv.Quote(e.name) + "]"
	defer func() {
		if e.tooManyLines {
			reply = wire.NoReply // also after a panic
		}
	}()
	defer c.syncRecord()
	c.Journal.Lock()
	c.exchangeOf(e)
	c.inCommand = true
	c.Journal.Unlock()
	err := c.callUser(call.Name, func() {
		call.event = e
		call.fill()
		defer func() {
			call.event, c.lists = nil, ifLists{} // it may have set To
			call.readBack()
		}()
		reply = f(call, e.arg)
	})
	return c.test.replyOf(call.Name, reply, err)
}

// Ask sends an intermediate reply and returns the client's next line.
func (call *Call) Ask(prompt wire.Reply) (line string, err error) {
	c, e := call.c, call.event
	call.readBack()
	defer call.fill()
	if c.done {
		panic(errOver)
	}
	if err := wire.CheckReply(string(prompt)); err != nil {
		panic(fmt.Sprintf("Ask(%q): %v", prompt, err))
	}
	c.Journal.Lock()
	c.exchangeOf(e).Reply = wire.Reply(c.redact(string(prompt)))
	c.Journal.Unlock()
	c.bufferReply(prompt)
	c.guardConn(func() { c.flush() }) // even if the next line has come already: the Command may take its time
	c.resetIdle()
	c.mask.reply(e, prompt)
	long := false
	err = net.ErrClosed // if the connection panics
	c.guardConn(func() { line, long, err = c.readLine() })
	if err != nil {
		c.endOnError(err)
		return "", err
	}
	c.received = append(c.received, line)
	e.line, e.exchange, e.at = line, nil, time.Since(c.record.Start)
	c.mask.answer(e)
	if long {
		e.flags |= journal.TooLong
	}
	c.recordStart(e)
	if c.lineCount > c.MaxLines {
		rejectTooManyLines(c, e)
		return "", errManyLines
	}
	return line, nil
}

var errManyLines = errors.New("the client has sent more lines than a session may have")

// rejectTooManyLines ends the session at the line that is one too many, as answer does with a
// command. The reply that the Command returns is discarded.
func rejectTooManyLines(c *Conn, e *event) {
	e.tooManyLines = true
	last := c.text(replyManyCommands)
	c.Journal.Lock()
	c.exchangeOf(e).Reply = last.Recorded()
	c.errors++
	c.Journal.Unlock()
	c.bufferReply(last)
	c.setEnd(EndReply)
	c.flush() // the Command may take its time
}
