package session

import (
	"bytes"
	"net"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/script"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// maxBuffered is how much of the replies to a pipelined group is kept for one write.
const maxBuffered = 64 << 10

// bufferReply buffers a reply for the next flush.
func (p *pipe) bufferReply(r wire.Reply) {
	if r == "" || r == wire.NoReply {
		return
	}
	p.buffer(wire.AppendReply(p.out, string(r)))
}

// buffer keeps out, which has grown by a reply, for the next flush; it is flushed at
// once when it is long, so that a client that reads nothing is made to wait.
func (p *pipe) buffer(out []byte) {
	p.holdReplies = nil
	p.out = out
	if len(p.out) > maxBuffered {
		p.flush()
	}
}

// flush writes what was buffered. After the write, a message that was recorded before
// it has had its reply, so an interrupt may close the connection.
func (p *pipe) flush() error {
	p.holdReplies = nil
	err := p.write(p.out)
	p.out = p.out[:0]
	if err2 := p.afterWrite(); err2 != nil {
		return err2
	}
	return err
}

// flushUnlessHeld writes what was buffered, unless a rule holds it.
func (p *pipe) flushUnlessHeld() error {
	if p.holdReplies != nil {
		return nil
	}
	return p.flush()
}

// write sends bytes, unless the connection is being closed and no message was recorded
// of which they tell.
func (p *pipe) write(b []byte) error {
	if len(b) == 0 || p.sendClosed {
		return nil
	}
	if isClosed(p.interruptedCh) && !p.replying {
		return net.ErrClosed
	}
	if isClosed(p.interruptedCh) {
		p.netConn.SetWriteDeadline(time.Now().Add(lastReply)) // Interrupt may have set it long ago
	}
	_, err := p.conn.Write(b)
	return err
}

// afterWrite is called when nothing is left to be written.
func (p *pipe) afterWrite() error {
	if isClosed(p.interruptedCh) {
		p.netConn.Close()
		return net.ErrClosed
	}
	if !p.replying {
		return nil
	}
	p.config.Journal.Lock()
	p.replying = false
	interrupted := p.interrupted
	p.config.Journal.Unlock()
	if interrupted {
		p.netConn.Close()
		return net.ErrClosed
	}
	return nil
}

// writeInChunks writes bytes in pieces, with a pause between two of them, as the rule
// requires, and returns how many were sent. An interrupt waits for the end of the reply to
// a message, but for no pause.
func (p *pipe) writeInChunks(b []byte, r *script.Rule) (sent int, err error) {
	for sent < len(b) {
		rest := b[sent:]
		n := max(1, r.Chunk)
		if r.Chunk == script.ByLine {
			n = bytes.IndexByte(rest, '\n') + 1
		}
		if n == 0 || n > len(rest) {
			n = len(rest)
		}
		if err := p.write(rest[:n]); err != nil {
			return sent, err
		}
		if sent += n; sent == len(b) || r.Pause == 0 {
			continue
		}
		if err := p.afterWrite(); err != nil {
			return sent, err
		}
		if err := p.pause(r.Pause); err != nil {
			return sent, err
		}
	}
	return sent, p.afterWrite()
}

// breakOff resets a connection: RST, where the network has that.
func breakOff(conn net.Conn) {
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
