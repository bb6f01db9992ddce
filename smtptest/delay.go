package smtptest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// pause waits for d. It ends early, with an error, when the server closes or
// the client is seen to leave: meanwhile input is read as far as the buffer
// goes, so a client that goes on writing blocks in the end.
func (ch *Channel) pause(d time.Duration) error {
	if d <= 0 {
		return nil
	}
	var until time.Time
	st := stageHeld
	if d != Forever {
		until, st = time.Now().Add(d), stageDelay
	}
	ch.enter(st)
	defer ch.enter(stageNone)
	early := ch.r.Buffered()
	ch.arm(until)
	for !ch.r.Full() {
		err := ch.r.Fill()
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case errors.Is(err, io.EOF) && ch.stays(early, d):
			return ch.sleep(until)
		default:
			return err
		}
	}
	return ch.sleep(until)
}

// stays says that a client whose input has ended during a delay of d may have
// closed its sending side only, and waits for its answers: not if they never
// come. Where the network cannot tell, a client has left if no command waits, or
// only a QUIT that came since the delay began; early is how much had come before.
func (ch *Channel) stays(early int, d time.Duration) bool {
	switch {
	case d == Forever:
		return false
	case ch.peerLeft() != nil:
		return true // sleep sees it leave
	}
	return ch.r.Buffered() > 0 && (early > 0 || !bytes.EqualFold(ch.r.Bytes(), []byte("QUIT\r\n")))
}

// sleep waits until then (the zero time: for ever), for the server to close, or
// for the client to leave if the network tells.
func (ch *Channel) sleep(until time.Time) error {
	var due <-chan time.Time
	if !until.IsZero() {
		timer := time.NewTimer(time.Until(until))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-due:
		return nil
	case <-ch.gone:
		return net.ErrClosed
	case <-ch.peerLeft():
		if _, reset := ch.peerEnd(); reset {
			return syscall.ECONNRESET
		}
		return io.EOF
	}
}

// peerLeft is closed when the client has closed or reset its end: the network in
// memory tells that from a half-close. nil if the network cannot tell.
func (ch *Channel) peerLeft() <-chan struct{} {
	if conn, ok := ch.raw.(interface{ PeerLeft() <-chan struct{} }); ok {
		return conn.PeerLeft()
	}
	return nil
}

// peerEnd says that the client has closed its end, or has reset it, if the
// network can tell. A close with replies unread makes a reset of TCP too.
func (ch *Channel) peerEnd() (closed, reset bool) {
	if conn, ok := ch.raw.(interface{ PeerEnd() (closed, reset bool) }); ok {
		return conn.PeerEnd()
	}
	return false, false
}

// watch returns a context for the test's own code that ends with the
// connection; done must be called when that code has returned. In between
// only the watch reads.
func (ch *Channel) watch() (ctx context.Context, done func()) {
	ctx, cancel := context.WithCancel(ch.Server.base)
	ended := make(chan struct{})
	ch.arm(time.Time{})
	go func() {
		defer close(ended)
		over := true // even if the connection panics
		defer func() {
			if over {
				cancel()
			}
		}()
		ch.guardConn(func() { over = ch.readsUntilOver(ctx) })
	}()
	return ctx, func() {
		defer func() {
			if ch.broken.Load() {
				ch.callConn("Close", func() { ch.raw.Close() }) // the deadline may not end its Read
			}
			cancel()
			<-ended
		}()
		ch.guardConn(func() { ch.arm(time.Unix(1, 0)) })
	}
}

// readsUntilOver reads until the connection or ctx has ended. It returns false if
// the read deadline comes first.
func (ch *Channel) readsUntilOver(ctx context.Context) bool {
	for !ch.r.Full() {
		err := ch.r.Fill()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return false
		}
		if errors.Is(err, io.EOF) && ch.r.Buffered() > 0 {
			break // perhaps half-closed, with commands yet to be answered
		}
		if err != nil {
			return true
		}
	}
	select {
	case <-ch.peerLeft():
	case <-ch.gone:
	case <-ctx.Done():
	}
	return true
}
