package session

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"

	"syscall"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/script"
)

// pause waits for d. It ends early, with an error, when the server closes or
// the client is seen to leave: meanwhile input is read as far as the buffer
// goes, so a client that goes on writing blocks in the end.
func (p *pipe) pause(d time.Duration) error {
	if d <= 0 {
		return nil
	}
	var until time.Time
	st := StageHeld
	if d != script.Forever {
		until, st = time.Now().Add(d), StageDelay
	}
	p.enter(st)
	defer p.enter(StageNone)
	early := p.r.Buffered()
	p.setReadDeadline(until)
	for !p.r.Full() {
		err := p.r.Fill()
		switch {
		case err == nil:
		case isTimeout(err):
			return nil
		case errors.Is(err, io.EOF) && p.stays(early, d):
			return p.sleep(until)
		default:
			return err
		}
	}
	return p.sleep(until)
}

// stays says that a client whose input has ended during a delay of d may have
// closed its sending side only, and waits for its answers: not if they never
// come. Where the network cannot tell, a client has left if no command waits, or
// only a QUIT that came since the delay began; early is how much had come before.
func (p *pipe) stays(early int, d time.Duration) bool {
	switch {
	case d == script.Forever:
		return false
	case p.peerLeft() != nil:
		return true // sleep sees it leave
	}
	return p.r.Buffered() > 0 && (early > 0 || !bytes.EqualFold(p.r.Bytes(), []byte("QUIT\r\n")))
}

// sleep waits until then (the zero time: for ever), for the server to close, or
// for the client to leave if the network tells.
func (p *pipe) sleep(until time.Time) error {
	var due <-chan time.Time
	if !until.IsZero() {
		timer := time.NewTimer(time.Until(until))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-due:
		return nil
	case <-p.interruptedCh:
		return net.ErrClosed
	case <-p.peerLeft():
		if _, reset := p.peerEnd(); reset {
			return syscall.ECONNRESET
		}
		return io.EOF
	}
}

// peerLeft is closed when the client has closed or reset its end: the network in
// memory tells that from a half-close. nil if the network cannot tell.
func (p *pipe) peerLeft() <-chan struct{} {
	if conn, ok := p.netConn.(interface{ PeerLeft() <-chan struct{} }); ok {
		return conn.PeerLeft()
	}
	return nil
}

// peerEnd says that the client has closed its end, or has reset it, if the
// network can tell. A close with replies unread makes a reset of TCP too.
func (p *pipe) peerEnd() (closed, reset bool) {
	if conn, ok := p.netConn.(interface{ PeerEnd() (closed, reset bool) }); ok {
		return conn.PeerEnd()
	}
	return false, false
}

// watch returns a context for the test's own code that ends with the
// connection; done must be called when that code has returned. In between
// only the watch reads.
func (p *pipe) watch() (ctx context.Context, done func()) {
	ctx, cancel := context.WithCancel(p.config.Base)
	ended := make(chan struct{})
	p.setReadDeadline(time.Time{})
	go func() {
		defer close(ended)
		over := true // even if the connection panics
		defer func() {
			if over {
				cancel()
			}
		}()
		p.guardConn(func() { over = p.readsUntilOver(ctx) })
	}()
	return ctx, func() {
		defer func() {
			if p.broken.Load() {
				p.callConn("Close", func() { p.netConn.Close() }) // the deadline may not end its Read
			}
			cancel()
			<-ended
		}()
		p.guardConn(func() { p.setReadDeadline(past) })
	}
}

// readsUntilOver reads until the connection or ctx has ended. It returns false if
// the read deadline comes first.
func (p *pipe) readsUntilOver(ctx context.Context) bool {
	for !p.r.Full() {
		err := p.r.Fill()
		if isTimeout(err) {
			return false
		}
		if errors.Is(err, io.EOF) && p.r.Buffered() > 0 {
			break // perhaps half-closed, with commands yet to be answered
		}
		if err != nil {
			return true
		}
	}
	select {
	case <-p.peerLeft():
	case <-p.interruptedCh:
	case <-ctx.Done():
	}
	return true
}
