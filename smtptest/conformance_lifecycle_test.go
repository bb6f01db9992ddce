package smtptest_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

// TestOutage stops and restarts a server: same address, records kept, sessions
// counted on.
func TestOutage(t *testing.T) {
	play.Networks(t, func(t *testing.T, start func(*smtptest.Server)) {
		srv := smtptest.NewUnstartedServer(t)
		start(srv)
		addr := srv.Addr
		idle := play.Arrive(t, srv, play.MailGiven)
		for i := range 3 {
			if err := play.Deliver(srv, "a@client.test", "text"); err != nil {
				t.Fatal(err)
			}
			srv.Stop()
			if _, err := srv.DialContext(context.Background(), "", ""); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Fatalf("outage %d: DialContext: %v", i, err)
			}
			srv.Restart()
		}
		if n, err := idle.Read(make([]byte, 100)); n > 0 || !play.Ended(err) {
			t.Errorf("Read() after Stop = %d, %v", n, err)
		}
		if err := play.Deliver(srv, "a@client.test", "text"); err != nil || srv.Addr != addr {
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
		if p := play.PanicOf(f); !strings.HasPrefix(fmt.Sprint(p), "smtptest: ") {
			t.Errorf("%s panicked with %v", name, p)
		}
	}
}

func TestNilTB(t *testing.T) {
	srv := smtptest.NewServer(nil)
	defer srv.Close()
	if err := play.Deliver(srv, "a@client.test", "text"); err != nil {
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
		srv.Listener = &play.Stutter{Listener: ln}
		srv.Start()
		if err := play.Deliver(srv, "a@client.test", "text"); err != nil {
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
			tb := &play.FakeTB{}
			play.Try(func() { start(tb) })
			tb.End()
			if got := tb.Errors(); !strings.Contains(got, "use NewInMemoryServer") {
				t.Errorf("%s in a bubble: failure %q", name, got)
			}
		}
	})
}

// TestWaitSessions: each attempt of a client that tries again is a session.
func TestWaitSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewInMemoryServer(t)
		open := play.Dial(t, srv)
		for i := range 3 {
			time.AfterFunc(time.Duration(3-i)*time.Minute, func() { play.Deliver(srv, "a@client.test", "text") })
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
		for _, s := range []play.State{play.Greeted, play.RcptGiven, play.InData} {
			began := time.Now()
			c := play.Arrive(t, srv, s)
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
		c := play.Dial(t, secure)
		got, err := io.ReadAll(tls.Client(c, secure.ClientTLSConfig()))
		if string(got) != play.Greeting+"\r\n421 4.4.2 Error: idle too long\r\n" || err != nil || time.Since(began) != 5*time.Minute {
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
			c := play.Arrive(t, srv, play.EHLO)
			if err := play.Converse(c, play.StepsOf([]string{"C: EXPN x", "S: 250 2.0.0 " + from})); err != nil {
				t.Error(err)
			}
			if err := play.Deliver(srv, from, "text"); err != nil {
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
			if err := play.Deliver(srv, from, from); err != nil {
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
