package closing_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

// TestClose closes the server with a client in every state: Close returns at
// once, and each client sees the end of its connection.
func TestClose(t *testing.T) {
	play.Networks(t, func(t *testing.T, start func(*smtptest.Server)) {
		srv := smtptest.NewUnstartedServer(t)
		start(srv)
		var clients []net.Conn
		for _, s := range []play.State{play.Greeted, play.HELO, play.EHLO, play.MailGiven, play.RcptGiven, play.InData} {
			clients = append(clients, play.Arrive(t, srv, s))
		}
		half := play.Arrive(t, srv, play.InData)
		io.WriteString(half, "half a line\r\n.\r")
		play.CloseAtOnce(t, srv)
		play.CloseAtOnce(t, srv)
		for _, c := range append(clients, half) {
			if n, err := c.Read(make([]byte, 100)); n > 0 || !play.Ended(err) {
				t.Errorf("Read() after Close = %d, %v", n, err)
			}
		}
		for _, s := range srv.Sessions() {
			if s.End != smtptest.EndServer {
				t.Errorf("session %d: End = %q", s.ID, s.End)
			}
		}
		if n := srv.Count(); n != 0 {
			t.Errorf("Count() = %d", n)
		}
		if _, err := srv.DialContext(context.Background(), "", ""); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("DialContext after Close: %v", err)
		}
	})
}

// flood returns a reply of so many lines of 502 bytes.
func flood(lines int) smtptest.Reply {
	return smtptest.Reply(strings.Repeat("250-2.0.0 "+strings.Repeat("x", 490)+"\n", lines) + "250 2.0.0 end")
}

// TestCloseNotReading closes the server while a client that reads nothing keeps
// it from writing.
func TestCloseNotReading(t *testing.T) {
	play.Networks(t, func(t *testing.T, start func(*smtptest.Server)) {
		srv := smtptest.NewUnstartedServer(t)
		blocked := make(chan struct{})
		srv.Commands = map[string]smtptest.CommandFunc{"XFLOOD": func(ch *smtptest.Channel, arg string) smtptest.Reply {
			close(blocked)
			return flood(30_000) // more than TCP buffers
		}}
		start(srv)
		c := play.Arrive(t, srv, play.EHLO)
		io.WriteString(c, "XFLOOD\r\n")
		<-blocked
		play.CloseAtOnce(t, srv)
	})
}

// TestCloseWriting closes the server while a write cannot go on: at once, but for
// the reply to a message that was recorded, which a client has 250 ms to take.
func TestCloseWriting(t *testing.T) {
	for name, c := range map[string]struct {
		send string
		took time.Duration
	}{
		"a reply":                {"XFLOOD\r\n", 0},
		"the reply to a message": {"MAIL FROM:<a@client.test>\r\nRCPT TO:<b@server.test>\r\nDATA\r\ntext\r\n.\r\n", 250 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := smtptest.NewUnstartedServer(t)
				play.WithCommand("XFLOOD", func(*smtptest.Channel, string) smtptest.Reply { return flood(10_000) })(srv)
				play.WithHandler(func(context.Context, smtptest.Message) smtptest.Reply { return flood(10_000) })(srv)
				srv.StartInMemory()
				io.WriteString(play.Arrive(t, srv, play.EHLO), c.send)
				synctest.Wait() // until it writes, and nobody reads
				began := time.Now()
				srv.Close()
				if took := time.Since(began); took != c.took {
					t.Errorf("Close took %v, want %v", took, c.took)
				}
			})
		})
	}
}

// TestCloseInDelay closes the server in the middle of scripted waits, which end
// at once.
func TestCloseInDelay(t *testing.T) {
	play.Networks(t, func(t *testing.T, start func(*smtptest.Server)) {
		for _, rule := range []smtptest.Rule{
			{On: "NOOP", Delay: time.Hour},
			{On: "NOOP", Delay: smtptest.Forever},
			{On: "NOOP", Pause: time.Hour},
		} {
			srv := smtptest.NewUnstartedServer(t)
			reached := make(chan struct{})
			rule.If = func(smtptest.Event) bool { close(reached); return true }
			srv.Script(rule)
			start(srv)
			c := play.Arrive(t, srv, play.EHLO)
			io.WriteString(c, "NOOP\r\n")
			<-reached
			play.CloseAtOnce(t, srv)
		}
	})
}

// TestCloseInHandler closes the server while a Handler waits for its context to
// end, whatever the client has sent behind its message.
func TestCloseInHandler(t *testing.T) {
	play.Networks(t, func(t *testing.T, start func(*smtptest.Server)) {
		for _, behind := range []string{"", "QUIT\r\n", "QU", strings.Repeat("NOOP\r\n", 2000)} {
			for _, shut := range []bool{false, true} {
				srv := smtptest.NewUnstartedServer(t)
				reached := make(chan struct{})
				srv.Handler = smtptest.HandlerFunc(func(ctx context.Context, m smtptest.Message) smtptest.Reply {
					close(reached)
					<-ctx.Done()
					return ""
				})
				start(srv)
				c := play.Arrive(t, srv, play.InData)
				io.WriteString(c, "text\r\n.\r\n"+behind)
				if shut {
					c.(interface{ CloseWrite() error }).CloseWrite()
				}
				<-reached
				srv.Close()
			}
		}
	})
}

// TestCloseInSecondHandler closes the server while a Handler waits for its
// context to end, behind a message in the same segment whose reply is due.
func TestCloseInSecondHandler(t *testing.T) {
	play.Networks(t, func(t *testing.T, start func(*smtptest.Server)) {
		srv := smtptest.NewUnstartedServer(t)
		srv.Extensions = []string{"CHUNKING", "PIPELINING"}
		reached := make(chan struct{})
		srv.Handler = smtptest.HandlerFunc(func(ctx context.Context, m smtptest.Message) smtptest.Reply {
			if m.Data == "2" {
				close(reached)
				<-ctx.Done()
			}
			return "250 done"
		})
		start(srv)
		c := play.Arrive(t, srv, play.HELO)
		group := "EHLO client.test\r\n"
		for _, data := range []string{"1", "2"} {
			group += "MAIL FROM:<a@client.test>\r\nRCPT TO:<b@server.test>\r\nBDAT 1 LAST\r\n" + data
		}
		io.WriteString(c, group)
		<-reached
		srv.Close()
		if got, _ := io.ReadAll(c); srv.Count() != 1 || strings.Count(string(got), "250 done") != 1 {
			t.Errorf("Count() = %d, replies %q", srv.Count(), got)
		}
	})
}

// TestCloseInHold closes the server while a rule holds the reply to a command
// that came in the same segment as a message: the message has its 250.
func TestCloseInHold(t *testing.T) {
	play.Networks(t, func(t *testing.T, start func(*smtptest.Server)) {
		srv := smtptest.NewUnstartedServer(t)
		reached := make(chan struct{})
		srv.Script(smtptest.Rule{On: "NOOP", Then: smtptest.Hold, If: func(smtptest.Event) bool { close(reached); return true }})
		start(srv)
		c := play.Arrive(t, srv, play.InData)
		io.WriteString(c, "text\r\n.\r\nNOOP\r\n")
		<-reached
		srv.Close()
		if got, _ := io.ReadAll(c); srv.Count() != 1 || string(got) != play.OK+"\r\n" {
			t.Errorf("Count() = %d, replies %q", srv.Count(), got)
		}
	})
}

// TestCloseInPieces closes the server while the reply to a message is written
// in pieces without a pause: it is written to its end.
func TestCloseInPieces(t *testing.T) {
	play.Networks(t, func(t *testing.T, start func(*smtptest.Server)) {
		for _, chunk := range []int{1, 5, smtptest.ByLine} {
			for range 20 {
				srv := smtptest.NewUnstartedServer(t)
				srv.Script(smtptest.Rule{On: ".", Reply: "250-one\n250-two\n250 three", Chunk: chunk})
				start(srv)
				c := play.Arrive(t, srv, play.InData)
				io.WriteString(c, "text\r\n.\r\n")
				srv.Wait(1)
				srv.Close()
				if got, _ := io.ReadAll(c); string(got) != "250-one\r\n250-two\r\n250 three\r\n" {
					t.Errorf("Chunk %d: reply %q", chunk, got)
				}
			}
		}
	})
}

// TestCloseUnreadReplies closes the server while it writes the reply to a
// message to a client that reads none.
func TestCloseUnreadReplies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewInMemoryServer(t)
		c := play.Arrive(t, srv, play.EHLO)
		srv.Script(smtptest.Rule{On: "MAIL", Reply: smtptest.Reply(strings.Repeat("250-"+strings.Repeat("x", 500)+"\n", 100) + play.MailOK)})
		var writer sync.WaitGroup
		writer.Go(func() {
			message := "MAIL FROM:<a@client.test>\r\nRCPT TO:<b@server.test>\r\nDATA\r\ntext\r\n.\r\n"
			for err := error(nil); err == nil; {
				_, err = io.WriteString(c, message)
			}
		})
		synctest.Wait()
		began := time.Now()
		srv.Close()
		writer.Wait()
		if took := time.Since(began); took > 250*time.Millisecond || srv.Count() == 0 {
			t.Errorf("Close took %v, with %d messages", took, srv.Count())
		}
	})
}

// TestCloseInServerTLS closes the server while a function of Server.TLS waits
// for its context to end.
func TestCloseInServerTLS(t *testing.T) {
	play.Networks(t, func(t *testing.T, start func(*smtptest.Server)) {
		srv := smtptest.NewUnstartedServer(t)
		reached := make(chan struct{})
		srv.TLS = &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			close(reached)
			<-hello.Context().Done()
			return nil, hello.Context().Err()
		}}
		start(srv)
		c := srv.Client()
		var client sync.WaitGroup
		client.Go(func() {
			if c.StartTLS(srv.ClientTLSConfig()) == nil {
				t.Error("the handshake succeeded")
			}
		})
		<-reached
		srv.Close()
		client.Wait()
		if s := srv.Sessions()[0]; s.End != smtptest.EndServer {
			t.Errorf("End = %q", s.End)
		}
	})
}

// TestStopBusy stops and restarts a server whose Handler does not return for
// some time.
func TestStopBusy(t *testing.T) {
	for range 20 {
		srv := smtptest.NewUnstartedServer(&play.FakeTB{})
		srv.WaitTimeout = time.Nanosecond
		reached, release := make(chan struct{}), make(chan struct{})
		srv.Handler = smtptest.HandlerFunc(func(context.Context, smtptest.Message) smtptest.Reply {
			close(reached)
			<-release
			return ""
		})
		srv.Start()
		c := play.Arrive(t, srv, play.InData)
		io.WriteString(c, "text\r\n.\r\n")
		<-reached
		for i := range 40 {
			if i == 20 {
				go close(release)
			}
			srv.Stop()
			srv.Restart()
		}
		srv.Close()
	}
}

// TestCloseAfterBusyStop verifies that Close waits for a session that Stop has waited
// for in vain, and reports it only if it still does not return.
func TestCloseAfterBusyStop(t *testing.T) {
	for _, returns := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			tb := &play.FakeTB{}
			srv := smtptest.NewUnstartedServer(tb)
			srv.WaitTimeout = time.Minute
			release := make(chan struct{})
			play.WithHandler(func(context.Context, smtptest.Message) smtptest.Reply { <-release; return "" })(srv)
			srv.StartInMemory()
			io.WriteString(play.Arrive(t, srv, play.InData), "text\r\n.\r\n")
			synctest.Wait() // until the Handler runs
			srv.Stop()
			want := 2
			if returns {
				want = 1
				time.AfterFunc(time.Second, func() { close(release) })
			}
			srv.Close()
			if got := strings.Count(tb.Errors(), "has not returned within 1m0s: Handler in session 1; "); got != want {
				t.Errorf("the Handler returns: %t; %d failures, want %d:\n%s", returns, got, want, tb.Errors())
			}
			if !returns {
				close(release)
			}
		})
	}
}

// TestRestartInStop restarts a server that is still being stopped, as its
// Handler takes its time: fake time goes on.
func TestRestartInStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewUnstartedServer(t)
		srv.Handler = smtptest.HandlerFunc(func(context.Context, smtptest.Message) smtptest.Reply {
			time.Sleep(10 * time.Second)
			return ""
		})
		srv.StartInMemory()
		io.WriteString(play.Arrive(t, srv, play.InData), "text\r\n.\r\n")
		time.AfterFunc(5*time.Second, srv.Stop)
		began := time.Now()
		time.Sleep(6 * time.Second)
		srv.Restart()
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("Restart returned after %v", took)
		}
	})
}

// TestCloseRaces has the server closed by several at once, while clients
// connect and others stop and restart it.
func TestCloseRaces(t *testing.T) {
	play.Networks(t, func(t *testing.T, start func(*smtptest.Server)) {
		for range 20 {
			srv := smtptest.NewUnstartedServer(&play.FakeTB{})
			srv.WaitTimeout = math.MaxInt64 // which Close reads while start runs
			var work sync.WaitGroup
			work.Go(func() { start(srv) })
			for range 4 {
				work.Go(func() {
					for range 5 {
						play.Deliver(srv, "a@client.test", "text")
					}
				})
			}
			work.Go(func() { play.Try(srv.Stop); play.Try(srv.Restart); play.Try(srv.Stop) })
			work.Go(func() { play.Try(srv.Restart); play.Try(srv.CloseClientConnections) })
			work.Go(srv.Close)
			work.Go(srv.Close)
			work.Wait()
			srv.Close()
			for _, s := range srv.Sessions() {
				if s.End == "" {
					t.Errorf("session %d has not ended after Close", s.ID)
				}
			}
		}
	})
}

// lateListener has one client, who comes when it is being closed.
type lateListener struct {
	net.Listener
	late   chan net.Conn
	closed chan struct{}
}

func (l lateListener) Accept() (net.Conn, error) {
	<-l.closed
	if c, ok := <-l.late; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (l lateListener) Close() error {
	close(l.closed)
	return l.Listener.Close()
}

// TestCloseLateClient: who comes while the server closes is turned away unserved.
func TestCloseLateClient(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	client, server := net.Pipe()
	late := make(chan net.Conn, 1)
	late <- server
	close(late)
	srv := smtptest.NewUnstartedServer(t)
	srv.Listener = lateListener{ln, late, make(chan struct{})}
	srv.Start()
	srv.Close()
	if got, err := io.ReadAll(client); len(got) > 0 || err != nil {
		t.Errorf("it was told %q, %v", got, err)
	}
	if n := len(srv.Sessions()); n != 0 {
		t.Errorf("%d sessions", n)
	}
}
