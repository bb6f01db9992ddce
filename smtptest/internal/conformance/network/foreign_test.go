package network_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

// ownListener is a Listener of the test's own. Its first connection is an ownConn.
type ownListener struct {
	net.Listener
	*hook
	accepted atomic.Int32
	nothing  bool // its first Accept returns nil, nil
}

func (l *ownListener) Accept() (net.Conn, error) {
	l.call("Accept")
	n := l.accepted.Add(1)
	if n == 1 && l.nothing {
		return nil, nil
	}
	conn, err := l.Listener.Accept()
	if err != nil || n > 1 {
		return conn, err
	}
	return &ownConn{conn, l.hook}, nil
}

func (l *ownListener) Close() error {
	l.Listener.Close()
	l.call("Listener.Close")
	return nil
}

type ownConn struct {
	net.Conn
	*hook
}

func (c *ownConn) Read(b []byte) (int, error)  { c.call("Read"); return c.Conn.Read(b) }
func (c *ownConn) Write(b []byte) (int, error) { c.call("Write"); return c.Conn.Write(b) }
func (c *ownConn) Close() error                { c.Conn.Close(); c.call("Close"); return nil }
func (c *ownConn) SetReadDeadline(t time.Time) error {
	c.call("SetReadDeadline")
	return c.Conn.SetReadDeadline(t)
}
func (c *ownConn) SetWriteDeadline(t time.Time) error {
	c.call("SetWriteDeadline")
	return c.Conn.SetWriteDeadline(t)
}
func (c *ownConn) RemoteAddr() net.Addr { c.call("RemoteAddr"); return c.Conn.RemoteAddr() }

// hook makes one method fail once it is armed.
type hook struct {
	method string
	fail   func()
	armed  atomic.Bool
	later  chan struct{} // gets a value when it is armed; may be nil
	count  atomic.Int32  // how often the method has failed
	reads  chan struct{} // gets a value for each Read; may be nil
}

func (h *hook) call(method string) {
	if method == "Read" && h.reads != nil {
		h.reads <- struct{}{}
	}
	if method == h.method && h.armed.Load() {
		h.count.Add(1)
		h.fail()
	}
}

func (h *hook) arm() {
	if !h.armed.Swap(true) && h.later != nil {
		h.later <- struct{}{}
	}
}

// newOwn returns a server with an ownListener whose hook is h.
func newOwn(t *testing.T, tb smtptest.TB, h *hook) *smtptest.Server {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := smtptest.NewUnstartedServer(tb)
	srv.Listener = &ownListener{Listener: ln, hook: h}
	return srv
}

const (
	theListener   = "the Listener (*network_test.ownListener)"
	theConnection = "the connection (*network_test.ownConn)"
	leftIt        = " left its goroutine: call t.Error there, never t.Fatal or a method of the Server that waits"
)

// ownFailures are ways to fail, and how the message says so.
var ownFailures = map[string]struct {
	fail func()
	says string
}{
	"panics": {func() { panic("boom") }, " panicked: boom, at foreign_test.go:"},
	"leaves": {runtime.Goexit, leftIt},
}

// TestConnectionFails verifies that a connection of the test's own that panics or
// leaves its goroutine fails the test once, by its name, and ends its session only.
func TestConnectionFails(t *testing.T) {
	const mail = "MAIL FROM:<a@client.test>\r\nRCPT TO:<b@server.test>\r\nDATA\r\ntext\r\n.\r\n"
	atOnce := func(_ *smtptest.Server, h *hook) { h.arm() }
	withAsk := func(srv *smtptest.Server, h *hook) {
		play.WithCommand("XFOO", func(ch *smtptest.Channel, _ string) smtptest.Reply {
			h.arm()
			ch.Ask("350 go on")
			ch.Ask("350 go on")
			return ""
		})(srv)
	}
	inHandler := func(srv *smtptest.Server, h *hook) {
		play.WithHandler(func(ctx context.Context, _ smtptest.Message) smtptest.Reply {
			h.arm()
			<-ctx.Done()
			return ""
		})(srv)
	}
	afterHandler := func(srv *smtptest.Server, h *hook) {
		play.WithHandler(func(context.Context, smtptest.Message) smtptest.Reply { h.arm(); return "" })(srv)
	}
	inHandshake := func(srv *smtptest.Server, h *hook) {
		srv.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { h.arm(); return nil, nil }}
	}
	for _, test := range []struct {
		name, method string
		setup        func(*smtptest.Server, *hook)
		talk, end    string
	}{
		{"the address", "RemoteAddr", atOnce, "", smtptest.EndReset},
		{"the first read", "Read", atOnce, "", smtptest.EndReset},
		{"the greeting", "Write", atOnce, "", smtptest.EndReset},
		{"the first deadline", "SetReadDeadline", atOnce, "", smtptest.EndReset},
		{"a read in Ask", "Read", withAsk, "EHLO client.test\r\nXFOO\r\n", smtptest.EndReset},
		{"a write in Ask", "Write", withAsk, "EHLO client.test\r\nXFOO\r\n", smtptest.EndReset},
		{"a read while a Handler runs", "Read", inHandler, "EHLO client.test\r\n" + mail, smtptest.EndReset},
		{"a deadline after a Handler", "SetReadDeadline", afterHandler, "EHLO client.test\r\n" + mail, smtptest.EndReset},
		{"the reply to a message", "Write", afterHandler, "EHLO client.test\r\n" + mail, smtptest.EndReset},
		{"a read in a handshake", "Read", inHandshake, "EHLO client.test\r\nSTARTTLS\r\n", smtptest.EndReset},
		{"a write in a handshake", "Write", inHandshake, "EHLO client.test\r\nSTARTTLS\r\n", smtptest.EndReset},
		{"the close", "Close", atOnce, "QUIT\r\n", smtptest.EndQuit},
	} {
		for how, failure := range ownFailures {
			t.Run(test.name+" "+how, func(t *testing.T) {
				h := &hook{method: test.method, fail: failure.fail, later: make(chan struct{}, 1)}
				tb := &play.FakeTB{}
				srv := newOwn(t, tb, h)
				test.setup(srv, h)
				srv.Start()
				c := play.Dial(t, srv)
				if strings.Contains(test.talk, "STARTTLS") {
					defer beginTLS(c, srv)()
				} else {
					io.WriteString(c, test.talk)
					<-h.later
					io.WriteString(c, "more") // ends a Read that has begun before
				}
				s := srv.WaitSessions(1)[0]
				end := test.end
				if strings.Contains(test.name, "handshake") && how == "panics" {
					end = smtptest.EndTLS
				}
				if s.End != end {
					t.Errorf("End = %q, want %q", s.End, end)
				}
				again := play.Dial(t, srv)
				if err := play.Converse(again, play.StepsOf(play.Talk("S: "+play.Greeting, play.SayQuit))); err != nil {
					t.Errorf("the next client: %v", err)
				}
				srv.WaitSessions(2)
				srv.Close()
				if got := tb.Errors(); !strings.HasPrefix(got, "smtptest: session 1: "+theConnection+failure.says) || strings.Contains(got, "\n") {
					t.Errorf("failures %q, want one about %s%s", got, theConnection, failure.says)
				}
			})
		}
	}
}

// beginTLS begins STARTTLS as a client. The function that it returns waits for its end.
func beginTLS(c net.Conn, srv *smtptest.Server) func() {
	var client sync.WaitGroup
	client.Go(func() {
		io.WriteString(c, "EHLO client.test\r\n")
		buf := make([]byte, 4096)
		for got := ""; !strings.Contains(got, "250 STARTTLS\r\n"); {
			n, err := c.Read(buf)
			if got += string(buf[:n]); err != nil {
				return
			}
		}
		io.WriteString(c, "STARTTLS\r\n")
		c.Read(buf)
		tls.Client(c, srv.ClientTLSConfig()).Handshake()
		c.Close()
	})
	return client.Wait
}

// TestConnectionFailsElsewhere verifies the same where another goroutine calls the
// connection: Close, and Script, which wakes the sessions that wait for input.
func TestConnectionFailsElsewhere(t *testing.T) {
	for how, failure := range ownFailures {
		for _, method := range []string{"Close", "SetReadDeadline"} {
			t.Run(method+" "+how, func(t *testing.T) {
				h := &hook{method: method, fail: failure.fail, reads: make(chan struct{}, 99)}
				tb := play.RecordingTB{FakeTB: &play.FakeTB{}, Reported: make(chan string, 9)}
				srv := newOwn(t, tb, h)
				srv.Start()
				c := play.Dial(t, srv)
				if err := play.Converse(c, play.StepsOf(play.Talk("S: "+play.Greeting, play.SayEHLO))); err != nil {
					t.Fatal(err)
				}
				<-h.reads
				<-h.reads // which waits for the next command
				h.arm()
				if method == "SetReadDeadline" {
					srv.Script(smtptest.Rule{On: "IDLE", Delay: time.Hour, Reply: "421 no", Optional: true})
				} else {
					srv.CloseClientConnections()
				}
				if got := <-tb.Reported; !strings.HasPrefix(got, "smtptest: session 1: "+theConnection+failure.says) {
					t.Errorf("failure %q, want one about %s", got, theConnection)
				}
				srv.Close()
				if len(tb.Reported) > 0 {
					t.Errorf("another failure: %q", <-tb.Reported)
				}
			})
		}
	}
}

// TestListenerFails verifies that a Listener of the test's own that fails in Accept
// or Close fails the test, by its name, that open sessions go on, and that the
// server closes.
func TestListenerFails(t *testing.T) {
	for how, failure := range ownFailures {
		t.Run("Accept "+how, func(t *testing.T) {
			h := &hook{method: "Accept", fail: failure.fail}
			tb := play.RecordingTB{FakeTB: &play.FakeTB{}, Reported: make(chan string, 9)}
			srv := newOwn(t, tb, h)
			srv.Start()
			c := play.Dial(t, srv)
			if err := play.Converse(c, play.StepsOf(play.Talk("S: "+play.Greeting))); err != nil {
				t.Fatal(err)
			}
			h.arm()
			play.Dial(t, srv) // ends the Accept that waits
			if got := <-tb.Reported; !strings.HasPrefix(got, "smtptest: Accept of "+theListener+failure.says) {
				t.Errorf("failure %q", got)
			}
			if err := play.Converse(c, play.StepsOf(play.Talk(play.SayEHLO, play.SayQuit))); err != nil {
				t.Errorf("the open session: %v", err)
			}
			srv.Close()
		})
		t.Run("Close "+how, func(t *testing.T) {
			for _, started := range []bool{true, false} {
				h := &hook{method: "Listener.Close", fail: failure.fail}
				tb := &play.FakeTB{}
				srv := newOwn(t, tb, h)
				h.arm()
				if started {
					srv.Start()
				}
				srv.Close()
				if got := tb.Errors(); !strings.HasPrefix(got, "smtptest: Close of "+theListener+failure.says) || h.count.Load() != 1 {
					t.Errorf("failures %q", got)
				}
			}
		})
	}
}

// TestListenerReturnsNothing verifies that an Accept that returns neither a connection
// nor an error fails the test once, and that the server serves the next client.
func TestListenerReturnsNothing(t *testing.T) {
	tb := &play.FakeTB{}
	srv := newOwn(t, tb, &hook{})
	srv.Listener.(*ownListener).nothing = true
	srv.Start()
	if err := play.Deliver(srv, "a@client.test", "text"); err != nil {
		t.Error(err)
	}
	srv.Close()
	want := "smtptest: Accept of " + theListener + " returned no connection and no error: return one of them"
	if got := tb.Errors(); got != want {
		t.Errorf("failures %q, want %q", got, want)
	}
}

// TestCloseDeaf verifies that Close ends, and names the culprit, if a method of a
// Listener or a connection never returns, not even when it is closed.
func TestCloseDeaf(t *testing.T) {
	for method, says := range map[string]string{
		"Accept":         "Accept of " + theListener,
		"Listener.Close": "Close of " + theListener,
		"RemoteAddr":     theConnection + " in session 1",
		"Read":           theConnection + " in session 1",
		"Write":          theConnection + " in session 1",
		"Close":          "Close of " + theConnection + " in session 1",
	} {
		for _, end := range []string{"Close", "Stop"} {
			t.Run(method+" at "+end, func(t *testing.T) {
				reached, release := make(chan struct{}, 9), make(chan struct{})
				defer close(release)
				tb := &play.FakeTB{}
				srv := newOwn(t, tb, &hook{method: method, fail: func() { reached <- struct{}{}; <-release }})
				srv.Listener.(*ownListener).arm()
				srv.WaitTimeout = time.Millisecond
				srv.Start()
				c := play.Dial(t, srv)
				if !strings.HasSuffix(method, "Close") {
					<-reached
				} else if err := play.Converse(c, play.StepsOf(play.Talk("S: "+play.Greeting))); err != nil {
					t.Fatal(err)
				}
				if end == "Stop" {
					srv.Stop()
				} else {
					srv.Close()
				}
				want := "smtptest: " + end + ": the test's own code has not returned within 1ms: "
				if got := tb.Errors(); !strings.HasPrefix(got, want) || !strings.Contains(got, says) {
					t.Errorf("failures %q, want %q", got, want+says)
				}
			})
		}
	}
}

// nilConn has the methods of a nil connection.
type nilConn struct{ net.Conn }

// oneListener returns one connection of the test's own.
type oneListener struct {
	net.Listener
	conn chan net.Conn
}

func (l oneListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conn:
		return conn, nil
	default:
		return l.Listener.Accept()
	}
}

// TestConnectionNil verifies that a connection that is nil in one of many ways fails the
// test by its type.
func TestConnectionNil(t *testing.T) {
	for _, conn := range []net.Conn{nilConn{}, &nilConn{}, (*nilConn)(nil), (*net.TCPConn)(nil), (*ownConn)(nil)} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		tb := &play.FakeTB{}
		srv := smtptest.NewUnstartedServer(tb)
		one := oneListener{ln, make(chan net.Conn, 1)}
		one.conn <- conn
		srv.Listener = one
		srv.Start()
		srv.WaitSessions(1)
		if err := play.Deliver(srv, "a@client.test", "text"); err != nil {
			t.Errorf("%T: the next client: %v", conn, err)
		}
		srv.Close()
		want := fmt.Sprintf("smtptest: session 1: the connection (%T) panicked: ", conn)
		if got := tb.Errors(); !strings.HasPrefix(got, want) || strings.Contains(got, "\n") {
			t.Errorf("failures %q, want %q", got, want)
		}
	}
}
