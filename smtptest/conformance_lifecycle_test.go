package smtptest_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
)

// networks runs a test over TCP, and in memory in a bubble, which also shows
// that no goroutine is left.
func networks(t *testing.T, f func(t *testing.T, start func(*smtptest.Server))) {
	t.Run("tcp", func(t *testing.T) { f(t, startTCP) })
	t.Run("memory", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { f(t, (*smtptest.Server).StartInMemory) })
	})
}

// startTCP starts a server whose waits take as long as the machine needs. If one
// hangs, the timeout of the test binary ends it.
func startTCP(srv *smtptest.Server) {
	srv.WaitTimeout = math.MaxInt64
	srv.Start()
}

// arrive connects a client and plays the talk that leads to a state.
func arrive(t *testing.T, srv *smtptest.Server, to state) net.Conn {
	t.Helper()
	c := dial(t, srv)
	if err := converse(c, turnsOf(reach[to])); err != nil {
		t.Fatal(err)
	}
	return c
}

// deliver sends one message as a client of its own.
func deliver(srv *smtptest.Server, from, data string) error {
	c, err := srv.DialContext(context.Background(), "", "")
	if err != nil {
		return err
	}
	defer c.Close()
	return converse(c, turnsOf(talk(reach[ehlo], "C: MAIL FROM:<"+from+">", "S: "+mailOK, sayRcpt, sayData, "C: "+data, "C: .", "S: "+ok, sayQuit)))
}

// sendMail sends one message by the client of net/smtp.
func sendMail(srv *smtptest.Server, from, to, data string) error {
	c := srv.Client()
	defer c.Close()
	if err := c.Mail(from); err != nil {
		return err
	}
	if err := c.Rcpt(to); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	fmt.Fprint(w, data)
	if err := w.Close(); err != nil {
		return err
	}
	return c.Quit()
}

// TestOutage stops and restarts a server: same address, records kept, sessions
// counted on.
func TestOutage(t *testing.T) {
	networks(t, func(t *testing.T, start func(*smtptest.Server)) {
		srv := smtptest.NewUnstartedServer(t)
		start(srv)
		addr := srv.Addr
		idle := arrive(t, srv, mailGiven)
		for i := range 3 {
			if err := deliver(srv, "a@client.test", "text"); err != nil {
				t.Fatal(err)
			}
			srv.Stop()
			if _, err := srv.DialContext(context.Background(), "", ""); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Fatalf("outage %d: DialContext: %v", i, err)
			}
			srv.Restart()
		}
		if n, err := idle.Read(make([]byte, 100)); n > 0 || !ended(err) {
			t.Errorf("Read() after Stop = %d, %v", n, err)
		}
		if err := deliver(srv, "a@client.test", "text"); err != nil || srv.Addr != addr {
			t.Errorf("after the outage: %v, Addr %s, was %s", err, srv.Addr, addr)
		}
		if m := srv.Wait(4); m[3].Session != 5 {
			t.Errorf("session %d", m[3].Session)
		}
	})
}

// TestZeroServer and a server without TB have no test to fail: they panic.
func TestZeroServer(t *testing.T) {
	var zero smtptest.Server
	for name, f := range map[string]func(){
		"Start": zero.Start, "Close": zero.Close, "Stop": zero.Stop, "Wait": func() { zero.Wait(1) },
		"Script":       func() { zero.Script(smtptest.Rule{On: "NOOP", Reply: "250 OK"}) },
		"no TB, twice": func() { s := smtptest.NewInMemoryServer(nil); defer s.Close(); s.Start() },
	} {
		if p := panicOf(f); !strings.HasPrefix(fmt.Sprint(p), "smtptest: ") {
			t.Errorf("%s panicked with %v", name, p)
		}
	}
}

func TestNilTB(t *testing.T) {
	srv := smtptest.NewServer(nil)
	defer srv.Close()
	if err := deliver(srv, "a@client.test", "text"); err != nil {
		t.Fatal(err)
	}
	if m := srv.Wait(1); m[0].From != "a@client.test" {
		t.Errorf("From = %q", m[0].From)
	}
}

// TestListeners starts servers on listeners of the test's own.
func TestListeners(t *testing.T) {
	for _, l := range []struct{ network, addr string }{
		{"tcp4", "127.0.0.1:0"}, {"tcp6", "[::1]:0"}, {"unix", filepath.Join(t.TempDir(), "smtp.sock")},
	} {
		ln, err := net.Listen(l.network, l.addr)
		if err != nil && l.network == "tcp6" {
			continue // a machine without IPv6
		} else if err != nil {
			t.Fatal(err)
		}
		srv := smtptest.NewUnstartedServer(t)
		srv.Listener = &stutter{Listener: ln}
		srv.Start()
		if err := deliver(srv, "a@client.test", "text"); err != nil {
			t.Errorf("%s: %v", l.network, err)
		}
		if srv.Addr != ln.Addr().String() || srv.Count() != 1 {
			t.Errorf("%s: Addr = %s, Count() = %d", l.network, srv.Addr, srv.Count())
		}
		srv.Close()
	}
}

// TestSocketsInBubble: they would stop its clock.
func TestSocketsInBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, start := range map[string]func(smtptest.TB) *smtptest.Server{"NewServer": smtptest.NewServer, "NewTLSServer": smtptest.NewTLSServer} {
			tb := &fakeTB{}
			try(func() { start(tb) })
			tb.end()
			if got := tb.errors(); !strings.Contains(got, "use NewInMemoryServer") {
				t.Errorf("%s in a bubble: failure %q", name, got)
			}
		}
	})
}

// TestWaitSessions: each attempt of a client that tries again is a session.
func TestWaitSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewInMemoryServer(t)
		open := dial(t, srv)
		for i := range 3 {
			time.AfterFunc(time.Duration(3-i)*time.Minute, func() { deliver(srv, "a@client.test", "text") })
		}
		began := time.Now()
		ended := srv.WaitSessions(3)
		if took := time.Since(began); len(ended) != 3 || took != 3*time.Minute {
			t.Fatalf("%d sessions after %v", len(ended), took)
		}
		open.Close()
		for i, s := range srv.WaitSessions(4) {
			if s.ID != i+1 || s.End == "" {
				t.Errorf("session %d of the list: ID %d, End %q", i+1, s.ID, s.End)
			}
		}
	})
}

// TestIdle waits out the five minutes of RFC 5321 4.5.3.2.7.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewInMemoryServer(t)
		for _, s := range []state{greeted, rcptGiven, inData} {
			began := time.Now()
			c := arrive(t, srv, s)
			got, err := io.ReadAll(c)
			if string(got) != "421 4.4.2 Error: idle too long\r\n" || err != nil || time.Since(began) != 5*time.Minute {
				t.Errorf("%s: after %v: %q, %v", s, time.Since(began), got, err)
			}
		}
		for _, s := range srv.Sessions() {
			if s.End != smtptest.EndIdle {
				t.Errorf("End = %q", s.End)
			}
		}
		secure := smtptest.NewUnstartedServer(t)
		secure.StartTLSInMemory()
		began := time.Now()
		c := dial(t, secure)
		got, err := io.ReadAll(tls.Client(c, secure.ClientTLSConfig()))
		if string(got) != greeting+"\r\n421 4.4.2 Error: idle too long\r\n" || err != nil || time.Since(began) != 5*time.Minute {
			t.Errorf("under TLS: after %v: %q, %v", time.Since(began), got, err)
		}
	})
}

// TestManyServers has a thousand of them at work at the same time, each with
// its own script and records.
func TestManyServers(t *testing.T) {
	for i := range 1000 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			srv := smtptest.NewServer(t)
			from := fmt.Sprintf("s%d@client.test", i)
			srv.Script(smtptest.Rule{On: "EXPN", Reply: smtptest.Reply("250 2.0.0 " + from)})
			c := arrive(t, srv, ehlo)
			if err := converse(c, turnsOf([]string{"C: EXPN x", "S: 250 2.0.0 " + from})); err != nil {
				t.Error(err)
			}
			if err := deliver(srv, from, "text"); err != nil {
				t.Error(err)
			}
			if m := srv.Messages(); len(m) != 1 || m[0].From != from {
				t.Errorf("Messages() = %v", m)
			}
		})
	}
}

// TestSharedServer has parallel subtests on one server: each finds its own.
func TestSharedServer(t *testing.T) {
	srv := smtptest.NewServer(t)
	for i := range 20 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			from := fmt.Sprintf("t%d@client.test", i)
			if err := deliver(srv, from, from); err != nil {
				t.Fatal(err)
			}
			m := srv.WaitFor(func(m smtptest.Message) bool { return m.From == from })
			if m.Data != from+"\r\n" {
				t.Errorf("Data = %q", m.Data)
			}
			s := srv.WaitSession(func(s smtptest.Session) bool { return s.ID == m.Session })
			if len(s.Transactions) != 1 || !slices.ContainsFunc(s.Exchanges, func(e smtptest.Exchange) bool { return e.Command == "QUIT" }) {
				t.Errorf("session %+v", s)
			}
		})
	}
}
