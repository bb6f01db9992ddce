package misuse_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/smtp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

// skippedTB is a test that was skipped.
type skippedTB struct{ *play.FakeTB }

func (skippedTB) Skipped() bool { return true }

// TestForgottenStart verifies when a server that was never started fails its test.
func TestForgottenStart(t *testing.T) {
	for _, c := range []struct {
		name string
		skip bool
		use  func(tb *play.FakeTB, srv *smtptest.Server)
		want string // the only failure
	}{
		{"forgotten", false, func(*play.FakeTB, *smtptest.Server) {}, "the server was made and never started: call Start"},
		{"configured and forgotten", false, func(_ *play.FakeTB, srv *smtptest.Server) { srv.TLS = &tls.Config{}; srv.Addr = "localhost:25" }, "never started"},
		{"its port was opened", false, func(_ *play.FakeTB, srv *smtptest.Server) { srv.Listener.Addr() }, "never started"},
		{"skipped", true, func(*play.FakeTB, *smtptest.Server) {}, ""},
		{"failed before", false, func(tb *play.FakeTB, _ *smtptest.Server) { tb.Errorf("broken") }, "broken"},
		{"Start failed", false, func(_ *play.FakeTB, srv *smtptest.Server) {
			srv.Hostname = "a b"
			play.Try(srv.StartInMemory)
		}, `the Hostname "a b" is neither`},
		{"closed", false, func(_ *play.FakeTB, srv *smtptest.Server) { srv.Close() }, ""},
		{"started", false, func(_ *play.FakeTB, srv *smtptest.Server) { srv.StartInMemory() }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			fake := &play.FakeTB{}
			var tb smtptest.TB = fake
			if c.skip {
				tb = skippedTB{fake}
			}
			c.use(fake, smtptest.NewUnstartedServer(tb))
			fake.End()
			if got := fake.Failures; len(got) > 1 || (len(got) == 1) != (c.want != "") || !strings.Contains(fake.Errors(), c.want) {
				t.Errorf("failures %q, want %q", got, c.want)
			}
		})
	}
}

// TestWaitTimeoutChanges verifies that each call uses the WaitTimeout of its time, also
// after Start, and that such a change is no mistake.
func TestWaitTimeoutChanges(t *testing.T) {
	calls := map[string]func(*smtptest.Server){
		"Wait":         func(srv *smtptest.Server) { srv.Wait(1) },
		"WaitContext":  func(srv *smtptest.Server) { srv.WaitContext(context.Background(), 1) },
		"WaitFor":      func(srv *smtptest.Server) { srv.WaitFor(nil) },
		"Take":         func(srv *smtptest.Server) { srv.Take(nil) },
		"TakeContext":  func(srv *smtptest.Server) { srv.TakeContext(context.Background(), nil) },
		"WaitSession":  func(srv *smtptest.Server) { srv.WaitSession(func(smtptest.Session) bool { return false }) },
		"WaitSessions": func(srv *smtptest.Server) { srv.WaitSessions(100) },
		"WaitQuiet":    func(srv *smtptest.Server) { srv.WaitQuiet(24 * time.Hour) },
		"Client": func(srv *smtptest.Server) {
			if c := srv.Client(); c != nil {
				c.Close()
			}
		},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := smtptest.NewInMemoryServer(softTB{})
				srv.Script(smtptest.Rule{On: "CONNECT", Delay: smtptest.Forever})
				c := play.Dial(t, srv)
				defer c.Close()
				stop := make(chan struct{})
				go func() { // the client of WaitQuiet
					for {
						select {
						case <-stop:
							return
						case <-time.After(time.Second):
							c.Write([]byte("x"))
						}
					}
				}()
				for _, timeout := range []time.Duration{time.Minute, time.Hour, 90 * time.Second} {
					srv.WaitTimeout = timeout
					began := time.Now()
					call(srv)
					if took := time.Since(began); took != timeout {
						t.Errorf("WaitTimeout = %v: it took %v", timeout, took)
					}
				}
				close(stop)
				c.Close()
				srv.Close()
				time.Sleep(time.Minute)
			})
		})
	}
	tb := &play.FakeTB{}
	srv := smtptest.NewInMemoryServer(tb)
	srv.WaitTimeout = time.Minute
	tb.End()
	if tb.Errors() != "" {
		t.Errorf("a change of WaitTimeout fails: %s", tb.Errors())
	}
	tb = &play.FakeTB{}
	srv = smtptest.NewInMemoryServer(tb)
	srv.WaitTimeout = -1
	srv.Close()
	if !strings.Contains(tb.Errors(), "the WaitTimeout is negative") {
		t.Errorf("a negative WaitTimeout: %q", tb.Errors())
	}
}

// softTB is a test that goes on after a failure, and has no log.
type softTB struct{}

func (softTB) Helper()               {}
func (softTB) Cleanup(func())        {}
func (softTB) Logf(string, ...any)   {}
func (softTB) Errorf(string, ...any) {}
func (softTB) Fatalf(string, ...any) {}

// TestDeadlineReplacesWaitTimeout verifies that a context with a deadline decides alone.
func TestDeadlineReplacesWaitTimeout(t *testing.T) {
	for _, c := range []struct {
		timeout, deadline, took time.Duration // deadline 0: none
	}{
		{time.Minute, time.Hour, time.Hour},
		{time.Minute, time.Second, time.Second},
		{time.Minute, 0, time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			srv := smtptest.NewInMemoryServer(t)
			srv.WaitTimeout = c.timeout
			for name, wait := range map[string]func(context.Context) error{
				"WaitContext": func(ctx context.Context) error { _, err := srv.WaitContext(ctx, 1); return err },
				"TakeContext": func(ctx context.Context) error { _, err := srv.TakeContext(ctx, nil); return err },
			} {
				ctx, cancel := context.WithCancel(context.Background())
				if c.deadline > 0 {
					ctx, cancel = context.WithTimeout(ctx, c.deadline)
				}
				began := time.Now()
				if err := wait(ctx); err == nil || time.Since(began) != c.took {
					t.Errorf("%s with WaitTimeout %v, deadline %v: %v after %v", name, c.timeout, c.deadline, err, time.Since(began))
				}
				cancel()
			}
		})
	}
}

// TestListenerOfTheConstructor verifies that the Listener of an unstarted server can be
// closed and replaced, as with net/http/httptest, and opens its port when it is asked.
func TestListenerOfTheConstructor(t *testing.T) {
	deliver := func(t *testing.T, addr string) {
		t.Helper()
		if err := smtp.SendMail(addr, nil, "a@client.test", []string{"b@server.test"}, []byte("Subject: x\r\n\r\nx\r\n")); err != nil {
			t.Error(err)
		}
	}
	t.Run("closed and replaced", func(t *testing.T) {
		srv := smtptest.NewUnstartedServer(t)
		srv.Listener.Close()
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		srv.Listener = ln
		srv.Start()
		deliver(t, ln.Addr().String())
	})
	t.Run("Addr before Start", func(t *testing.T) {
		srv := smtptest.NewUnstartedServer(t)
		addr := srv.Listener.Addr().String()
		srv.Start()
		if srv.Addr != addr {
			t.Errorf("Addr = %s, and before Start %s", srv.Addr, addr)
		}
		deliver(t, addr)
	})
	t.Run("Accept before Start", func(t *testing.T) {
		srv := smtptest.NewUnstartedServer(t)
		defer srv.Close()
		c, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		accepted, err := srv.Listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		accepted.Close()
	})
	t.Run("Close of the server closes the port", func(t *testing.T) {
		srv := smtptest.NewUnstartedServer(t)
		addr := srv.Listener.Addr().String()
		srv.Close()
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			t.Error("the port is still open")
		}
	})
	t.Run("closed, then in memory", func(t *testing.T) {
		srv := smtptest.NewUnstartedServer(t)
		srv.Listener.Close()
		srv.StartInMemory()
		if err := play.Deliver(srv, "a@client.test", "text"); err != nil {
			t.Error(err)
		}
	})
	t.Run("opened, then in memory", func(t *testing.T) {
		srv := smtptest.NewUnstartedServer(t)
		addr := srv.Listener.Addr().String()
		srv.StartInMemory()
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			t.Error("the port is still open")
		}
	})
	t.Run("closed and not replaced", func(t *testing.T) {
		tb := &play.FakeTB{}
		srv := smtptest.NewUnstartedServer(tb)
		srv.Listener.Close()
		srv.Listener.Close()
		if _, err := srv.Listener.Accept(); err == nil {
			t.Error("Accept of a closed Listener succeeds")
		}
		srv.Listener.Addr()
		play.Try(srv.Start)
		tb.End()
		if !strings.Contains(tb.Errors(), "the Listener was closed and not replaced") {
			t.Errorf("failure: %q", tb.Errors())
		}
	})
	t.Run("set to nil", func(t *testing.T) {
		srv := smtptest.NewUnstartedServer(t)
		srv.Listener = nil
		srv.Start()
		deliver(t, srv.Addr)
	})
}
