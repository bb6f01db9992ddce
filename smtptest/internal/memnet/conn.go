package memnet

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// A Conn is one end of a connection. It is a net.Conn, and its methods may be
// called from several goroutines, as those of a net.TCPConn.
//
// The end of a connection is that of TCP on Linux. After the peer has closed,
// what it sent can be read, then comes io.EOF; the first Write succeeds and is
// lost, the next fails with EPIPE. After a reset what had been delivered can be
// read; then one Read or Write gets ECONNRESET, and from there on Read returns
// io.EOF and Write EPIPE.
type Conn struct {
	link          *link
	peer          *Conn
	in, out       *stream
	local, remote *net.TCPAddr

	// Guarded by link.mu.
	closed                      bool
	aborted                     bool          // closed by Reset
	left                        chan struct{} // made by PeerLeft, closed when the peer has closed
	reset                       bool          // a reset has come from the peer
	pending                     syscall.Errno // what the reset has in store for the next Read or Write; 0: nothing
	readDeadline, writeDeadline deadline
}

// A link is what the two ends share:
//
//	client.Write -> streams[0] -> server.Read
//	client.Read  <- streams[1] <- server.Write
//
// One mutex for all of it makes Close and Reset a single step for both ends.
type link struct {
	mu             sync.Mutex
	client, server Conn
	streams        [2]stream
	addrs          [2]net.TCPAddr
}

// newPair connects a client of the given port with the server's port.
func newPair(buffer, port int) (client, server *Conn) {
	l := &link{
		streams: [2]stream{newStream(buffer), newStream(buffer)},
		addrs: [2]net.TCPAddr{
			{IP: net.IP{127, 0, 0, 1}, Port: port},
			{IP: net.IP{127, 0, 0, 1}, Port: serverPort},
		},
	}
	up, down, near, far := &l.streams[0], &l.streams[1], &l.addrs[0], &l.addrs[1]
	l.client = Conn{link: l, peer: &l.server, in: down, out: up, local: near, remote: far}
	l.server = Conn{link: l, peer: &l.client, in: up, out: down, local: far, remote: near}
	return &l.client, &l.server
}

// Read reads what has arrived, and waits if that is nothing.
func (c *Conn) Read(b []byte) (int, error) {
	c.in.reading <- struct{}{}
	defer func() { <-c.in.reading }()
	for {
		n, err := c.receive(b)
		if err == io.EOF {
			return 0, io.EOF
		}
		if err != nil {
			return 0, c.opError("read", err)
		}
		if n > 0 || len(b) == 0 {
			return n, nil
		}
		<-c.in.readable
	}
}

// receive returns 0 and no error if there is nothing to read yet.
func (c *Conn) receive(b []byte) (int, error) {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	switch {
	case c.closed:
		return 0, net.ErrClosed
	case len(b) == 0:
		return 0, nil
	case c.readDeadline.passed(): // before the data: a late Read fails, whatever is there
		return 0, os.ErrDeadlineExceeded
	case c.in.n > 0:
		c.in.writable.send()
		return c.in.take(b), nil
	case c.in.fin:
		return 0, io.EOF
	case c.reset:
		return 0, c.resetError(io.EOF)
	}
	return 0, nil
}

// Write returns when all of b is in the buffer, from where the peer reads it.
// If it fails, it returns how many octets had got there.
func (c *Conn) Write(b []byte) (int, error) {
	c.out.writing <- struct{}{}
	defer func() { <-c.out.writing }()
	for n := 0; ; {
		k, err := c.send(b[n:])
		n += k
		if err != nil {
			return n, c.opError("write", err)
		}
		if n == len(b) {
			return n, nil
		}
		<-c.out.writable
	}
}

// send returns less than len(b) and no error if there is no room yet.
func (c *Conn) send(b []byte) (int, error) {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	switch {
	case c.closed:
		return 0, net.ErrClosed
	case c.writeDeadline.passed():
		return 0, os.ErrDeadlineExceeded
	case c.reset:
		return 0, c.resetError(syscall.EPIPE)
	case c.out.fin:
		return 0, syscall.EPIPE
	case len(b) == 0:
		return 0, nil
	case c.peer.closed:
		c.takeReset() // that is the closed socket's answer to this very segment
		return len(b), nil
	}
	c.out.readable.send()
	return c.out.put(b), nil
}

// resetError returns the pending error of a reset once, then after.
func (c *Conn) resetError(after error) error {
	if c.pending == 0 {
		return after
	}
	err := c.pending
	c.pending = 0
	return err
}

// takeReset is the arrival of an RST segment. What was delivered before stays
// readable. After a FIN the kernel says EPIPE instead of ECONNRESET.
func (c *Conn) takeReset() {
	if c.closed || c.reset {
		return
	}
	c.reset = true
	c.pending = syscall.ECONNRESET
	if c.in.fin {
		c.pending = syscall.EPIPE
	}
}

// Close sends FIN after what was written, or a reset if there are octets that
// were received and never read, as Linux does. Reads and Writes that wait
// return net.ErrClosed.
func (c *Conn) Close() error { return c.close(false) }

// Reset closes the connection with RST, as Close after SetLinger(0) does.
func (c *Conn) Reset() error { return c.close(true) }

func (c *Conn) close(abort bool) error {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	if c.closed {
		return c.opError("close", net.ErrClosed)
	}
	c.closed, c.aborted = true, abort
	if left := c.peer.left; left != nil {
		close(left)
	}
	if abort || c.in.n > 0 {
		c.peer.takeReset()
	} else {
		c.out.fin = true
	}
	c.in.drop()
	c.readDeadline.stop()
	c.writeDeadline.stop()
	c.in.wake()
	c.out.wake()
	return nil
}

// PeerLeft returns a channel that is closed when the peer has called Close or
// Reset. It tells these from CloseWrite at once, which no read of TCP does.
func (c *Conn) PeerLeft() <-chan struct{} {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	if c.left == nil {
		c.left = make(chan struct{})
		if c.peer.closed {
			close(c.left)
		}
	}
	return c.left
}

// PeerEnd says that the peer has called Close, or Reset. A reset that Read or
// Write reports may come of either: of Close if the peer had octets to read.
func (c *Conn) PeerEnd() (closed, reset bool) {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	return c.peer.closed && !c.peer.aborted, c.peer.aborted
}

// CloseWrite sends FIN: the peer reads io.EOF after what was written, and can
// go on writing. To call it again does nothing.
func (c *Conn) CloseWrite() error {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	switch {
	case c.closed:
		return c.opError("close", net.ErrClosed)
	case c.reset:
		return c.opError("close", os.NewSyscallError("shutdown", syscall.ENOTCONN))
	}
	c.out.fin = true
	c.out.wake()
	return nil
}

// LocalAddr returns a *net.TCPAddr: 127.0.0.1, port 1 for the server and the
// number of the Dial for the client.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr returns the peer's LocalAddr.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error { return c.setDeadline(t, true, true) }

// SetReadDeadline makes Reads fail from t on, also if there is data, and also
// those that wait now. The zero Time means never.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadline(t, true, false) }

// SetWriteDeadline makes Writes fail from t on, also if there is room, and also
// those that wait now. The zero Time means never.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(t, false, true) }

func (c *Conn) setDeadline(t time.Time, read, write bool) error {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	if c.closed {
		return &net.OpError{Op: "set", Net: "tcp", Addr: c.local, Err: net.ErrClosed}
	}
	if read {
		c.readDeadline.set(t, c.in.readable)
	}
	if write {
		c.writeDeadline.set(t, c.out.writable)
	}
	return nil
}

func (c *Conn) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.remote, Err: sysError(op, err)}
}

// sysError dresses an error number as package net does: "read: connection
// reset by peer".
func sysError(op string, err error) error {
	if errno, ok := err.(syscall.Errno); ok {
		if op == "dial" {
			op = "connect"
		}
		return os.NewSyscallError(op, errno)
	}
	return err
}
