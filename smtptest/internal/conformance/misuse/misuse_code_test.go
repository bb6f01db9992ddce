package misuse_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/smtp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

// failingListener has no client.
type failingListener struct{ net.Listener }

func (failingListener) Accept() (net.Conn, error) { return nil, errors.New("no more of this") }

// TestMisuseListener: a listener that fails leaves nobody a way in. One that the
// test has closed is no failure: its Cleanup may come before the server's. One
// that was never made, or is closed by then, is said at Start.
func TestMisuseListener(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tb := play.RecordingTB{FakeTB: &play.FakeTB{}, Reported: make(chan string, 1)}
	srv := smtptest.NewUnstartedServer(tb)
	srv.Listener = failingListener{ln}
	srv.Start()
	want := "smtptest: nobody can connect any more, as the Listener at " + srv.Addr + " has failed: no more of this; an outage is made with Stop"
	if got := <-tb.Reported; got != want {
		t.Errorf("failure %q, want %q", got, want)
	}
	tb.End()
	fake := &play.FakeTB{}
	srv = smtptest.NewUnstartedServer(fake)
	srv.Listener = (*net.TCPListener)(nil)
	play.Try(srv.Start)
	fake.End()
	if got := fake.Errors(); got != "smtptest: cannot listen: the Listener is a nil *net.TCPListener: check the error of what has made it, or leave Listener nil" {
		t.Errorf("a nil listener: %s", got)
	}
	ln.Close()
	fake = &play.FakeTB{}
	srv = smtptest.NewUnstartedServer(fake)
	srv.Listener = ln
	play.Try(srv.Start)
	fake.End()
	if got, want := fake.Errors(), "smtptest: cannot listen: the Listener at "+ln.Addr().String()+" is closed already: give one that is open, or leave Listener nil"; got != want {
		t.Errorf("a listener closed before Start: %s, want %s", got, want)
	}
	synctest.Test(t, func(t *testing.T) {
		tb := &play.FakeTB{}
		smtptest.NewInMemoryServer(tb).Listener.Close()
		synctest.Wait()
		tb.End()
		if got := tb.Errors(); got != "" {
			t.Errorf("a listener that was closed: %s", got)
		}
	})
}

// TestMisuseCode is the test's own code that does on a session what it must not.
func TestMisuseCode(t *testing.T) {
	sets := func(set func(*smtptest.Channel)) func(*smtptest.Server) {
		return play.WithCommand("XFOO", func(ch *smtptest.Channel, _ string) smtptest.Reply { set(ch); return "250 2.0.0 OK" })
	}
	row := func(rule smtptest.Rule) func(*smtptest.Server) {
		return func(srv *smtptest.Server) { srv.Script(rule) }
	}
	for _, test := range []struct {
		name  string
		setup func(*smtptest.Server)
		want  string
	}{
		{"Channel.Server nil", sets(func(ch *smtptest.Channel) { ch.Server = nil }), `session 1: Commands["XFOO"] has set Channel.Server to what it cannot be`},
		{"Channel.Server another", sets(func(ch *smtptest.Channel) { ch.Server = new(smtptest.Server) }), `Commands["XFOO"] has set Channel.Server to what it cannot be`},
		{"Channel.Conn nil", sets(func(ch *smtptest.Channel) { ch.Conn = nil }), `Commands["XFOO"] has set Channel.Conn to what it cannot be`},
		{"Channel.State unknown", sets(func(ch *smtptest.Channel) { ch.State = "gone" }), `Commands["XFOO"] has set Channel.State to what it cannot be`},
		{"Channel.State empty", sets(func(ch *smtptest.Channel) { ch.State = "" }), `Commands["XFOO"] has set Channel.State to what it cannot be`},
		{"Channel.Server nil, and a panic", sets(func(ch *smtptest.Channel) { ch.Server = nil; panic("boom") }), `Commands["XFOO"] panicked: boom`},
		{"all of a Channel forgotten", sets(func(ch *smtptest.Channel) {
			ch.Addr, ch.RcptTos, ch.RcptOptions, ch.MailOptions, ch.ReceivedLines = nil, nil, [][]string{nil, nil}, nil, nil
		}), ""},
		{"an If leaves", row(smtptest.Rule{On: "XFOO", If: func(smtptest.Event) bool { runtime.Goexit(); return true }, Reply: "450 no", Optional: true}),
			`session 1: If of rule 1: {On: "XFOO", If: func, Optional: true, Reply: "450 no"} left its goroutine: call t.Error there, never t.Fatal`},
		{"an If replaces its script again and again", func(srv *smtptest.Server) {
			var rule smtptest.Rule
			rule = smtptest.Rule{On: "XFOO", If: func(smtptest.Event) bool { srv.Script(rule); return false }, Reply: "450 no", Optional: true}
			srv.Script(rule)
		}, "session 1: the rules were replaced 100 times while an If of the same event ran; call Script outside of If"},
		{"GetCertificate panics", func(srv *smtptest.Server) {
			srv.TLS = &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { panic("boom") }}
		}, "a function of Server.TLS panicked: boom"},
		{"GetCertificate leaves", func(srv *smtptest.Server) {
			srv.TLS = &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { runtime.Goexit(); return nil, nil }}
		}, "session 2: a function of Server.TLS left its goroutine: call t.Error there, never t.Fatal"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tb := &play.FakeTB{}
				srv := smtptest.NewUnstartedServer(tb)
				test.setup(srv)
				srv.StartInMemory()
				c := play.Dial(t, srv)
				io.WriteString(c, "EHLO client.test\r\nXFOO\r\nMAIL FROM:<a@client.test> X\r\nQUIT\r\n")
				io.ReadAll(c)
				client := srv.Client()
				client.StartTLS(srv.ClientTLSConfig())
				client.Close()
				if err := play.SendMail(srv, "a@client.test", "b@server.test", "text\r\n"); err != nil {
					t.Errorf("the next client: %v", err)
				}
				tb.End()
				if got := tb.Errors(); !strings.Contains(got, test.want) || test.want == "" && got != "" {
					t.Errorf("failure %q, want it to say %q", got, test.want)
				}
			})
		})
	}
}

// TestMisuseSelfWait verifies that a call by which the test's own code waits for
// itself ends after WaitTimeout, with a message that names session and function.
func TestMisuseSelfWait(t *testing.T) {
	for _, test := range []struct {
		name  string
		setup func(*smtptest.Server)
		want  string
	}{
		{"GetConfigForClient closes", func(srv *smtptest.Server) {
			srv.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { srv.Close(); return nil, nil }}
		}, "Close: the test's own code has not returned within 24h0m0s: the TLS handshake in session 1"},
		{"Parameters stop", func(srv *smtptest.Server) {
			srv.Parameters = map[string]func(string) error{"X": func(string) error { srv.Stop(); return nil }}
		}, `Stop: the test's own code has not returned within 24h0m0s: Parameters["X"] in session 1`},
		{"Authenticate waits", func(srv *smtptest.Server) {
			srv.Authenticate = func(smtptest.Credentials) bool { srv.Wait(1); return true }
		}, "Wait(1): nothing more within 24h0m0s; session 1 is in your Authenticate, which has not returned"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tb := &play.FakeTB{}
				srv := smtptest.NewUnstartedServer(nonFatalTB{tb})
				test.setup(srv)
				srv.StartInMemory()
				c := srv.Client()
				if srv.TLS != nil {
					c.StartTLS(srv.ClientTLSConfig())
				}
				if srv.Authenticate != nil {
					c.Auth(smtp.PlainAuth("", "bob", "secret", "localhost"))
				}
				c.Text.Cmd("EHLO client.test\r\nMAIL FROM:<a@client.test> X\r\nQUIT")
				io.ReadAll(c.Text.R)
				c.Close()
				tb.End()
				if got := tb.Errors(); !strings.Contains(got, test.want) {
					t.Errorf("failure %q, want it to say %q", got, test.want)
				}
			})
		})
	}
}

// TestMisuseSteadfast is test code that does not return: Close does, and says
// which session it leaves behind. Other code returns when Close is under way.
func TestMisuseSteadfast(t *testing.T) {
	for _, test := range []struct {
		name  string
		setup func(srv *smtptest.Server, release chan struct{})
		want  string
		took  time.Duration
	}{
		{"Handler", func(srv *smtptest.Server, release chan struct{}) {
			play.WithHandler(func(context.Context, smtptest.Message) smtptest.Reply { <-release; return "" })(srv)
		}, "smtptest: Close: the test's own code has not returned within 24h0m0s: Handler in session 1; a Handler must return when its context ends, a CommandFunc when Ask fails", 24 * time.Hour},
		{"CommandFunc", func(srv *smtptest.Server, release chan struct{}) {
			play.WithCommand("RSET", func(*smtptest.Channel, string) smtptest.Reply { <-release; return "" })(srv)
		}, `: Commands["RSET"] in session 1; `, 24 * time.Hour},
		{"If", func(srv *smtptest.Server, release chan struct{}) {
			srv.Script(smtptest.Rule{On: "RSET", If: func(smtptest.Event) bool { <-release; return false }, Reply: "450 no"})
		}, `: If of rule 1: {On: "RSET", If: func, Reply: "450 no"} in session 1; `, 24 * time.Hour},
		{"CommandFunc that asks and asks", func(srv *smtptest.Server, _ chan struct{}) {
			play.WithCommand("RSET", func(ch *smtptest.Channel, _ string) smtptest.Reply {
				for {
					ch.Ask("350 what?")
				}
			})(srv)
		}, "", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tb := &play.FakeTB{}
				srv := smtptest.NewUnstartedServer(tb)
				release := make(chan struct{})
				test.setup(srv, release)
				srv.StartInMemory()
				c := play.Listen(play.Arrive(t, srv, play.EHLO))
				c.Say(play.Step{Send: "RSET\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<b@server.test>\r\nDATA\r\ntext\r\n.\r\n"})
				began := time.Now()
				tb.End()
				if took := time.Since(began); took != test.took {
					t.Errorf("the test's end took %v, want %v", took, test.took)
				}
				if got := tb.Errors(); !strings.Contains(got, test.want) || test.want == "" && got != "" {
					t.Errorf("failure %q, want %q", got, test.want)
				}
				close(release)
				synctest.Wait()
				if n, end := srv.Count(), srv.Sessions()[0].End; n != 0 || end != smtptest.EndServer {
					t.Errorf("Count() = %d, End = %q", n, end)
				}
			})
		})
	}
}

// TestMisuseChain has the Handler of one server stop another one, which is no
// mistake: nothing waits for itself.
func TestMisuseChain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		second := smtptest.NewInMemoryServer(t)
		play.Arrive(t, second, play.RcptGiven) // and stays
		first := smtptest.NewUnstartedServer(t)
		play.WithHandler(func(context.Context, smtptest.Message) smtptest.Reply {
			second.Stop()
			second.Restart()
			second.Close()
			return ""
		})(first)
		first.StartInMemory()
		if err := play.Deliver(first, "a@client.test", "text"); err != nil {
			t.Error(err)
		}
		if s := second.Sessions()[0]; s.End != smtptest.EndServer {
			t.Errorf("End = %q", s.End)
		}
	})
}

// TestMisuseClient: a server that does not greet is one that cannot be reached.
func TestMisuseClient(t *testing.T) {
	for _, test := range []struct {
		name, on string
		rule     smtptest.Rule
	}{
		{"no greeting", "CONNECT", smtptest.Rule{Reply: smtptest.NoReply}},
		{"a greeting that never comes", "CONNECT", smtptest.Rule{Delay: smtptest.Forever}},
		{"no handshake", "TLS", smtptest.Rule{Delay: smtptest.Forever}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tb := &play.FakeTB{}
				srv := smtptest.NewUnstartedServer(tb)
				srv.WaitTimeout = time.Minute
				if test.on == "TLS" {
					srv.StartTLSInMemory()
				} else {
					srv.StartInMemory()
				}
				test.rule.On = test.on
				srv.Script(test.rule)
				began := time.Now()
				play.Try(func() { srv.Client() })
				if took := time.Since(began); took != time.Minute {
					t.Errorf("Client() took %v", took)
				}
				tb.End()
				if got := tb.Errors(); !strings.HasPrefix(got, "smtptest: Client: no greeting within 1m0s") {
					t.Errorf("failure %q", got)
				}
			})
		})
	}
}

// TestMisuseLateFailure has a Wait on another goroutine fail while the test ends:
// the test fails before its end, or it never hears of it. Neither is a panic.
func TestMisuseLateFailure(t *testing.T) {
	for range 200 {
		tb := &play.FakeTB{}
		srv := smtptest.NewInMemoryServer(tb)
		var work sync.WaitGroup
		work.Go(func() {
			if p := play.PanicOf(func() { srv.Wait(1) }); p != nil {
				t.Errorf("Wait() panicked with %v", p)
			}
		})
		tb.End()
		work.Wait()
	}
}
