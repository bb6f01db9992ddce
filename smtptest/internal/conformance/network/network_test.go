package network_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

func TestLoopback(t *testing.T) {
	for _, srv := range []*smtptest.Server{smtptest.NewServer(t), smtptest.NewTLSServer(t)} {
		if ip := net.ParseIP(srv.Host()); !ip.IsLoopback() {
			t.Errorf("Addr = %s is no loopback address", srv.Addr)
		}
	}
}

// TestInMemoryAddr verifies that the address of a server in memory is that of no
// mail server, however it is started, and that its connections have the same port.
func TestInMemoryAddr(t *testing.T) {
	for name, start := range map[string]func(*smtptest.Server){
		"StartInMemory":    (*smtptest.Server).StartInMemory,
		"StartTLSInMemory": (*smtptest.Server).StartTLSInMemory,
		"Restart":          func(srv *smtptest.Server) { srv.StartInMemory(); srv.Stop(); srv.Restart() },
	} {
		t.Run(name, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			start(srv)
			if srv.Addr != "localhost:1" || srv.Listener.Addr().String() != srv.Addr || srv.Host() != "localhost" || srv.Port() != 1 {
				t.Errorf("Addr = %q, Listener.Addr() = %v, Host() = %q, Port() = %d, want localhost:1", srv.Addr, srv.Listener.Addr(), srv.Host(), srv.Port())
			}
			if got := play.Dial(t, srv).RemoteAddr().String(); got != "127.0.0.1:1" {
				t.Errorf("RemoteAddr() = %s, want 127.0.0.1:1", got)
			}
		})
	}
}

// TestUnreached verifies that a failed wait says how to reach a server in memory
// to which no client has connected, and says so of no other server.
func TestUnreached(t *testing.T) {
	const hint = "reach it by DialContext or Client"
	for _, c := range []struct {
		name  string
		start func(*smtptest.Server)
		want  int // times that the hint is in the failure and the log
	}{
		{"in memory", (*smtptest.Server).StartInMemory, 1},
		{"in memory, with TLS", (*smtptest.Server).StartTLSInMemory, 1},
		{"in memory, restarted", func(srv *smtptest.Server) { srv.StartInMemory(); srv.Stop(); srv.Restart() }, 1},
		{"in memory, a client connected", func(srv *smtptest.Server) {
			srv.StartInMemory()
			srv.Client().Close()
		}, 0},
		{"in memory, a client connected before Drain", func(srv *smtptest.Server) {
			srv.StartInMemory()
			play.SendMail(srv, "ann@example.com", "bob@example.com", "Hi!\r\n")
			srv.Drain()
		}, 0},
		{"with sockets", (*smtptest.Server).Start, 0},
	} {
		for name, wait := range map[string]func(*play.FakeTB, *smtptest.Server){
			"Wait":    func(_ *play.FakeTB, srv *smtptest.Server) { srv.Wait(1) },
			"WaitFor": func(_ *play.FakeTB, srv *smtptest.Server) { srv.WaitFor(nil) },
			"WaitSession": func(_ *play.FakeTB, srv *smtptest.Server) {
				srv.WaitSession(func(smtptest.Session) bool { return false })
			},
			"WaitSessions": func(_ *play.FakeTB, srv *smtptest.Server) { srv.WaitSessions(9) },
			"WaitContext": func(tb *play.FakeTB, srv *smtptest.Server) {
				_, err := srv.WaitContext(context.Background(), 1)
				tb.Logf("%v", err)
			},
		} {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				tb := &play.FakeTB{}
				srv := smtptest.NewUnstartedServer(tb)
				c.start(srv)
				srv.Close() // which ends the wait
				play.Try(func() { wait(tb, srv) })
				tb.End()
				if got := strings.Count(tb.Errors()+tb.Logged(), hint); got != c.want {
					t.Errorf("%q is there %d times, want %d:\n%s\n%s", hint, got, c.want, tb.Errors(), tb.Logged())
				}
			})
		}
	}
	t.Run("no wait", func(t *testing.T) {
		tb := &play.FakeTB{}
		smtptest.NewInMemoryServer(tb)
		tb.Errorf("the client could not connect")
		tb.End()
		if got := strings.Count(tb.Logged(), hint); got != 1 {
			t.Errorf("%q is there %d times, want 1:\n%s", hint, got, tb.Logged())
		}
	})
}

// namedListener gives connections another client's address.
type namedListener struct {
	net.Listener
	addr net.Addr
}

func (l namedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return namedConn{c, l.addr}, err
}

type namedConn struct {
	net.Conn
	addr net.Addr
}

func (c namedConn) RemoteAddr() net.Addr { return c.addr }

// TestPeer: it is the address as package net writes it, whatever a Listener says.
func TestPeer(t *testing.T) {
	for _, addr := range []net.Addr{
		&net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 7},
		&net.TCPAddr{IP: net.IPv4(192, 0, 2, 7).To4(), Port: 7},
		&net.TCPAddr{IP: net.ParseIP("fe80::1"), Port: 7, Zone: "eth0"},
		&net.TCPAddr{Port: 7},
		&net.UnixAddr{Name: "@", Net: "unix"},
	} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		srv := smtptest.NewUnstartedServer(t)
		srv.Listener = namedListener{ln, addr}
		srv.Start()
		if err := play.Deliver(srv, "a@client.test", "text"); err != nil {
			t.Fatal(err)
		}
		if got, want := srv.Wait(1)[0].Peer, addr.String(); got != want {
			t.Errorf("%T: Peer = %q, want %q", addr, got, want)
		}
	}
}
