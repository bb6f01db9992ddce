package memnet

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// An end is what both networks offer.
type end interface {
	net.Conn
	CloseWrite() error
	Reset() error
}

type tcpEnd struct{ *net.TCPConn }

func (c tcpEnd) Reset() error {
	c.SetLinger(0)
	return c.Close()
}

// A hand works one end and writes down what came of it.
type hand struct {
	t     *testing.T
	conn  end
	notes *notes
}

type notes struct {
	short []string // to compare with the table
	texts []string // of errors, to compare memnet's with TCP's
}

func (h hand) note(what string, err error) {
	if err != nil {
		what = errorName(err)
		h.notes.texts = append(h.notes.texts, strings.NewReplacer(
			h.conn.LocalAddr().String(), "local", h.conn.RemoteAddr().String(), "remote").Replace(err.Error()))
	}
	h.notes.short = append(h.notes.short, what)
}

func errorName(err error) string {
	var ne net.Error
	if errors.As(err, &ne) && ne.Timeout() && errors.Is(err, os.ErrDeadlineExceeded) {
		return "timeout"
	}
	for _, known := range []struct {
		err  error
		name string
	}{
		{io.EOF, "EOF"},
		{net.ErrClosed, "ErrClosed"},
		{syscall.EPIPE, "EPIPE"},
		{syscall.ECONNRESET, "ECONNRESET"},
		{syscall.ENOTCONN, "ENOTCONN"},
	} {
		if errors.Is(err, known.err) {
			return known.name
		}
	}
	return err.Error()
}

func (h hand) write(s string) { _, err := h.conn.Write([]byte(s)); h.note("ok", err) }
func (h hand) close()         { h.note("ok", h.conn.Close()) }
func (h hand) closeWrite()    { h.note("ok", h.conn.CloseWrite()) }
func (h hand) reset()         { h.note("ok", h.conn.Reset()) }

func (h hand) deadline(set func(time.Time) error, t time.Time) { h.note("ok", set(t)) }

// read expects n octets.
func (h hand) read(n int) {
	b := make([]byte, n)
	n, err := io.ReadFull(h.conn, b)
	h.note(string(b[:n]), err)
}

// fill writes until that fails. The peer's segments may take a moment over
// TCP, so this is also how to await a reset without reading.
func (h hand) fill(size int) {
	b := make([]byte, size)
	for {
		if _, err := h.conn.Write(b); err != nil {
			h.note("", err)
			return
		}
	}
}

// await runs f while wait waits, if it is not late.
func (h hand) await(wait, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		wait()
	}()
	f()
	<-done
}

// TestSemantics runs every row over TCP and over memnet: the table states what
// TCP does, the second run that memnet does the same, down to the error texts.
func TestSemantics(t *testing.T) {
	for _, row := range semantics {
		t.Run(row.name, func(t *testing.T) {
			run := func(network string, client, server end) []string {
				var n notes
				row.do(hand{t, client, &n}, hand{t, server, &n})
				if got := strings.Join(n.short, " "); got != row.want {
					t.Errorf("%s: got %q, want %q: %s", network, got, row.want, row.reason)
				}
				return n.texts
			}
			c, s := connect(t, 0)
			got := run("memnet", c, s)
			if runtime.GOOS != "linux" {
				return // other systems differ in what they say after a reset
			}
			tc, ts := connectTCP(t)
			if want := run("tcp", tc, ts); !slices.Equal(got, want) {
				t.Errorf("error texts:\nmemnet %q\ntcp    %q", got, want)
			}
		})
	}
}

func connectTCP(t *testing.T) (client, server end) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); s.Close() })
	return tcpEnd{c.(*net.TCPConn)}, tcpEnd{s.(*net.TCPConn)}
}

// TestSecondWriteFails is what TCP cannot promise: its reset may be late.
func TestSecondWriteFails(t *testing.T) {
	c, s := connect(t, 0)
	s.Close()
	if n, err := c.Write([]byte("abc")); n != 3 || err != nil {
		t.Errorf("first write: %d, %v", n, err)
	}
	if n, err := c.Write([]byte("abc")); n != 0 || !errors.Is(err, syscall.EPIPE) {
		t.Errorf("second write: %d, %v", n, err)
	}
}
