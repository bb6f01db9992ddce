package session

import (
	"io"
	"net"
	"sync/atomic"

	"github.com/go-smtptest/smtp/smtptest/internal/show"
)

// transport is the connection below TLS. It tells an end by close_notify, which TLS
// reports without reading on, from one without.
type transport struct {
	net.Conn
	pipe   *pipe
	head   []byte // what came during a rule's Delay
	began  bool   // something came
	ended  bool
	shaken bool        // the handshake has ended
	broke  atomic.Bool // reading or writing has failed, or has come to the end
}

// cause returns why a handshake failed.
func (t *transport) cause(err error, implicit bool) string {
	switch {
	case t.began:
		return show.Printable(err.Error()) // a function of Server.TLS may say what the client said
	case implicit:
		return "the client sent nothing; here TLS comes before the greeting (RFC 8314 3.3), for which a client of STARTTLS or of no TLS waits in vain"
	}
	return "the client sent nothing"
}

func (t *transport) Read(b []byte) (int, error) {
	if len(t.head) > 0 {
		n := copy(b, t.head)
		t.head = t.head[n:]
		t.began = true
		return n, nil
	}
	n, err := 0, net.ErrClosed // if it panics
	t.pipe.guardConn(func() { n, err = t.Conn.Read(b) })
	if n > 0 {
		t.began = true
		t.pipe.touch()
	}
	t.ended = t.ended || err == io.EOF
	if err != nil && !isTimeout(err) {
		t.broke.Store(true)
	}
	return n, err
}

// Close does nothing during the handshake. If its context ends, crypto/tls closes the
// connection on a goroutine of its own, where a panic would end the process; the server
// closes it too.
func (t *transport) Close() error {
	if !t.shaken {
		return nil
	}
	return t.Conn.Close()
}

func (t *transport) Write(b []byte) (int, error) {
	n, err := 0, net.ErrClosed // if it panics
	t.pipe.guardConn(func() { n, err = t.Conn.Write(b) })
	if err != nil {
		t.broke.Store(true)
	}
	return n, err
}
