package relay_test

import (
	"crypto/tls"
	"errors"
	"net"
	"net/smtp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

// TestReservedPort has others after the port of a stopped server: they do not
// get it, and the server has it back.
func TestReservedPort(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux can reserve a port without listening on it")
	}
	for _, network := range []string{"tcp4", "tcp6"} {
		t.Run(network, func(t *testing.T) {
			ln, err := net.Listen(network, map[string]string{"tcp4": "127.0.0.1:0", "tcp6": "[::1]:0"}[network])
			if err != nil {
				t.Skipf("no %s: %v", network, err)
			}
			srv := smtptest.NewUnstartedServer(t)
			srv.Listener = ln
			srv.Start()
			for range 3 {
				srv.Stop()
				for _, addr := range []string{srv.Addr, strings.Replace(strings.Replace(srv.Addr, "127.0.0.1", "", 1), "[::1]", "", 1)} {
					if other, err := net.Listen("tcp", addr); !errors.Is(err, syscall.EADDRINUSE) {
						t.Errorf("Listen(%s) of another = %v, %v", addr, other, err)
					}
				}
				for range 50 { // ephemeral ports are others
					other, err := net.Listen(network, ln.Addr().(*net.TCPAddr).IP.String()+":0")
					if network == "tcp6" {
						other, err = net.Listen(network, "[::1]:0")
					}
					if err != nil {
						t.Fatal(err)
					}
					defer other.Close()
					if other.Addr().String() == srv.Addr {
						t.Error("another server was given the port")
					}
				}
				if _, err := net.Dial("tcp", srv.Addr); !errors.Is(err, syscall.ECONNREFUSED) {
					t.Errorf("Dial() in the outage: %v", err)
				}
				srv.Restart()
				if err := play.Deliver(srv, "a@client.test", "text"); err != nil {
					t.Error(err)
				}
			}
			srv.Stop()
			srv.Close()
			if other, err := net.Listen("tcp", srv.Addr); err != nil {
				t.Errorf("Listen() after Close: %v", err)
			} else {
				other.Close()
			}
		})
	}
}

// TestOutageUnderTraffic stops and restarts a server while clients deliver: who
// has read a 250 finds the message recorded, and no other is.
func TestOutageUnderTraffic(t *testing.T) {
	play.Networks(t, func(t *testing.T, start func(*smtptest.Server)) {
		srv := smtptest.NewUnstartedServer(t)
		start(srv)
		var clients sync.WaitGroup
		var told atomic.Int64
		over := make(chan struct{})
		for range 4 {
			clients.Go(func() {
				play.Repeat(over, func() {
					c, err := srv.DialContext(t.Context(), "", "")
					if err != nil {
						return
					}
					defer c.Close()
					if play.Converse(c, play.StepsOf(play.Talk(play.PathTo[play.InData], play.SayText))) == nil {
						told.Add(1)
					}
				})
			})
		}
		for range 10 {
			srv.Wait(srv.Count() + 1)
			srv.Stop()
			srv.Restart()
		}
		close(over)
		clients.Wait()
		if n := int(told.Load()); n < 10 || srv.Count() != n {
			t.Errorf("%d were told 250, %d are recorded", n, srv.Count())
		}
	})
}

// TestLateRestart has the timer of an outage go off when the server, or the
// test, is over.
func TestLateRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tb := &play.FakeTB{}
		srv := smtptest.NewInMemoryServer(tb)
		srv.Stop()
		time.AfterFunc(time.Minute, srv.Restart)
		tb.End()
		time.Sleep(time.Hour)
		if got := tb.Errors(); got != "" {
			t.Errorf("Restart() after the end: %s", got)
		}
		if _, err := srv.DialContext(t.Context(), "", ""); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("DialContext() after Close: %v", err)
		}
	})
}

// TestHangingServer accepts, and does not answer, for ten minutes.
func TestHangingServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewInMemoryServer(t)
		srv.Script(smtptest.Rule{On: "CONNECT", For: 10 * time.Minute, Delay: smtptest.Forever})
		attempt := func() error {
			c, err := srv.DialContext(t.Context(), "", "")
			if err != nil {
				return err
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(time.Minute))
			_, err = smtp.NewClient(c, "localhost")
			return err
		}
		began := time.Now()
		tries := 0
		for tries = 1; attempt() != nil; tries++ {
			time.Sleep(time.Minute)
		}
		if took := time.Since(began); tries != 6 || took != 10*time.Minute {
			t.Errorf("%d tries in %v", tries, took)
		}
	})
}

// TestNetSMTPFaults drives the standard client through faults in virtual time, by
// DialContext and by Client, in clear and under TLS.
func TestNetSMTPFaults(t *testing.T) {
	send := func(c *smtp.Client) error {
		defer c.Close()
		if err := c.Mail("a@client.test"); err != nil {
			return err
		}
		if err := c.Rcpt("b@server.test"); err != nil {
			return err
		}
		w, err := c.Data()
		if err != nil {
			return err
		}
		w.Write([]byte("text\r\n"))
		if err := w.Close(); err != nil {
			return err
		}
		return c.Quit()
	}
	for _, test := range []struct {
		name string
		rule smtptest.Rule
		err  string
		took time.Duration
	}{
		{"temporary", smtptest.Rule{On: "RCPT", Reply: "450 4.2.1 later"}, `450 "4.2.1 later"`, 0},
		{"slow", smtptest.Rule{On: ".", Delay: 4 * time.Minute}, "", 4 * time.Minute},
		{"stall", smtptest.Rule{On: "MAIL", Delay: smtptest.Forever}, timeout, 5 * time.Minute},
		{"drip", smtptest.Rule{On: "RCPT", Pause: time.Minute}, timeout, 5 * time.Minute},
		{"closed", smtptest.Rule{On: "DATA", Reply: smtptest.NoReply, Then: smtptest.Close}, "EOF", 0},
		{"reset", smtptest.Rule{On: ".", Keep: true, Reply: smtptest.NoReply, Then: smtptest.Reset}, "connection reset by peer", 0},
		{"421", smtptest.Rule{On: "MAIL", Reply: "421 4.3.2 bye"}, `421 "4.3.2 bye"`, 0},
		{"unsolicited 421", smtptest.Rule{On: "IDLE EHLO", Reply: "421 4.3.2 bye"}, `421 "4.3.2 bye"`, 0}, // the write into the closed connection succeeds
	} {
		for _, how := range []string{"DialContext", "Client", "STARTTLS", "implicit TLS"} {
			if how == "Client" && test.err == timeout {
				continue // a net/smtp client has no time-out of its own: a bubble reports the deadlock
			}
			t.Run(test.name+"/"+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					srv := smtptest.NewUnstartedServer(t)
					srv.Script(test.rule)
					switch how {
					case "STARTTLS":
						play.WithTLS(srv)
						srv.StartInMemory()
					case "implicit TLS":
						srv.StartTLSInMemory()
					default:
						srv.StartInMemory()
					}
					began := time.Now()
					c, err := client(t, srv, how)
					synctest.Wait() // so that what comes unasked is there
					if err == nil {
						err = send(c)
					}
					if took := time.Since(began); (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) || took != test.took {
						t.Errorf("send() = %v after %v, want %q after %v", err, took, test.err, test.took)
					}
				})
			})
		}
	}
}

const timeout = "i/o timeout"

// client connects and says EHLO, in one of several ways; with five minutes for
// all that follows, where it can have a deadline.
func client(t *testing.T, srv *smtptest.Server, how string) (*smtp.Client, error) {
	connect := srv.Client
	if how != "Client" {
		connect = func() *smtp.Client {
			conn := play.Dial(t, srv)
			conn.SetDeadline(time.Now().Add(5 * time.Minute))
			if how == "implicit TLS" {
				conn = tls.Client(conn, srv.ClientTLSConfig())
			}
			c, err := smtp.NewClient(conn, "localhost")
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
	}
	c := connect()
	err := c.Hello("client.test")
	if err == nil && how == "STARTTLS" {
		err = c.StartTLS(srv.ClientTLSConfig())
	}
	return c, err
}

// TestDialOfTheDead takes the port of a closed server, as another process may:
// DialContext does not reach who has it now.
func TestDialOfTheDead(t *testing.T) {
	srv := smtptest.NewServer(t)
	srv.Close()
	heir, err := net.Listen("tcp", srv.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer heir.Close()
	if c, err := srv.DialContext(t.Context(), "", ""); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("DialContext = %v, %v; want ECONNREFUSED", c, err)
	}
}
