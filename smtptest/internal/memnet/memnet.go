// Package memnet is a network in memory: a listener and connections that
// behave as TCP over the loopback interface does, as far as an SMTP client can
// tell, and that work in the bubbles of testing/synctest.
//
// Every wait is a channel operation, so a bubble sees it as durably blocking
// and its clock goes on. Mutexes are held for copying only, never in a wait.
// Listen and Dial must be called in the same bubble, or both outside of any.
package memnet

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"syscall"
)

const (
	defaultBuffer = 4 << 20 // octets per direction
	backlog       = 4096    // Linux's SOMAXCONN
	serverPort    = 1       // no mail server listens there
	firstPort     = 49152   // the ephemeral range of RFC 6335
	lastPort      = 65535
)

// A Listener hands out connections to whoever calls Dial. Make one with
// Listen.
type Listener struct {
	buffer  int
	waiting chan *Conn // server ends: dialled, not yet accepted
	closed  atomic.Bool
	done    chan struct{} // closed by Close
	dials   atomic.Uint32
}

// Listen returns a listener whose connections hold up to buffer octets per
// direction; 0 stands for 4 MiB. A connection takes memory only for what is
// really in flight.
func Listen(buffer int) *Listener {
	if buffer <= 0 {
		buffer = defaultBuffer
	}
	return &Listener{
		buffer:  buffer,
		waiting: make(chan *Conn, backlog),
		done:    make(chan struct{}),
	}
}

// Accept waits for the next connection. After Close it returns net.ErrClosed.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case <-l.done:
	case c := <-l.waiting:
		if !l.closed.Load() {
			return c, nil
		}
		c.Reset() // select chose the connection although the listener is closed
	}
	return nil, l.opError("accept", net.ErrClosed)
}

// Dial connects as connect(2) does: it returns as soon as the connection is in
// the backlog, accepted or not. It waits only while the backlog is full. A
// closed listener refuses with ECONNREFUSED.
//
// Clients are numbered: the first to call Dial has port 49152, the next 49153,
// and after port 65535 the count starts again.
func (l *Listener) Dial(ctx context.Context) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, l.opError("dial", err)
	}
	if l.closed.Load() {
		return nil, l.opError("dial", syscall.ECONNREFUSED)
	}
	port := firstPort + int(l.dials.Add(1)-1)%(lastPort-firstPort+1)
	client, server := newPair(l.buffer, port)
	select {
	case l.waiting <- server:
	case <-l.done:
		return nil, l.opError("dial", syscall.ECONNREFUSED)
	case <-ctx.Done():
		return nil, l.opError("dial", ctx.Err())
	}
	if l.closed.Load() {
		l.drain() // Close may have drained before the connection was there
	}
	return client, nil
}

// Close ends every Accept and every waiting Dial, and resets the connections
// that nobody accepted. Accepted ones live on. A second Close returns
// net.ErrClosed.
func (l *Listener) Close() error {
	if !l.closed.CompareAndSwap(false, true) {
		return l.opError("close", net.ErrClosed)
	}
	close(l.done)
	l.drain()
	return nil
}

// drain resets what waits in the backlog.
func (l *Listener) drain() {
	for {
		select {
		case c := <-l.waiting:
			c.Reset()
		default:
			return
		}
	}
}

// Addr returns tcp localhost:1. There is no such socket: only Dial connects to l.
func (l *Listener) Addr() net.Addr { return listenAddr{} }

func (l *Listener) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Addr: l.Addr(), Err: sysError(op, err)}
}

type listenAddr struct{}

func (listenAddr) Network() string { return "tcp" }
func (listenAddr) String() string  { return fmt.Sprintf("localhost:%d", serverPort) }
