package record_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

// connect opens a connection that the test closes.
func connect(t *testing.T, srv *smtptest.Server) net.Conn {
	t.Helper()
	c, err := srv.DialContext(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, c)
	t.Cleanup(func() { c.Close() })
	return c
}

// saysEvery has the client send a line n times, as long as the server is there.
func saysEvery(c net.Conn, pause time.Duration, n int) {
	for range n {
		time.Sleep(pause)
		if _, err := fmt.Fprint(c, "NOOP\r\n"); err != nil {
			return
		}
	}
}

// TestWaitQuiet verifies how long WaitQuiet(1m) waits, what it returns, and when it fails.
func TestWaitQuiet(t *testing.T) {
	const d = time.Minute
	for _, c := range []struct {
		name     string
		rules    []smtptest.Rule
		handler  time.Duration // how long the Handler takes
		traffic  func(t *testing.T, srv *smtptest.Server)
		took     time.Duration
		messages int
		err      string
	}{
		{name: "no client", took: d},
		{name: "mail came before", traffic: func(t *testing.T, srv *smtptest.Server) {
			deliverFrom(t, srv, "a")
			time.Sleep(time.Hour)
		}, took: d, messages: 1},
		{name: "mail comes in the background", traffic: func(t *testing.T, srv *smtptest.Server) {
			time.AfterFunc(d-1, func() { deliverFrom(t, srv, "a") })
		}, took: 2*d - 1, messages: 1},
		{name: "a second copy comes", traffic: func(t *testing.T, srv *smtptest.Server) {
			deliverFrom(t, srv, "a")
			time.AfterFunc(d/2, func() { deliverFrom(t, srv, "a") })
		}, took: d + d/2, messages: 2},
		{name: "several connections in a row", traffic: func(t *testing.T, srv *smtptest.Server) {
			go func() {
				for range 5 {
					time.Sleep(d - 1)
					deliverFrom(t, srv, "a")
				}
			}()
		}, took: 6*d - 5, messages: 5},
		{name: "a connection without a command", traffic: func(t *testing.T, srv *smtptest.Server) {
			time.AfterFunc(d/2, func() { connect(t, srv) })
		}, took: d + d/2},
		{name: "a pool keeps its connection", traffic: func(t *testing.T, srv *smtptest.Server) {
			c := connect(t, srv)
			fmt.Fprint(c, "EHLO client.test\r\n")
			time.Sleep(time.Hour)
		}, took: d},
		{name: "a pool sends once more", traffic: func(t *testing.T, srv *smtptest.Server) {
			c := connect(t, srv)
			time.AfterFunc(d/2, func() { fmt.Fprint(c, "EHLO client.test\r\n") })
		}, took: d + d/2},
		{name: "part of a line counts", traffic: func(t *testing.T, srv *smtptest.Server) {
			c := connect(t, srv)
			time.AfterFunc(d/2, func() { fmt.Fprint(c, "EH") })
		}, took: d + d/2},
		{name: "part of a content counts", traffic: func(t *testing.T, srv *smtptest.Server) {
			c := connect(t, srv)
			fmt.Fprint(c, "EHLO client.test\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<b@server.test>\r\nDATA\r\n")
			time.AfterFunc(d/2, func() { fmt.Fprint(c, "Sub") })
			time.AfterFunc(d, func() { fmt.Fprint(c, "ject: x\r\n") })
		}, took: 2 * d},
		{name: "a client that sends all the time", traffic: func(t *testing.T, srv *smtptest.Server) {
			connect(t, srv)
			go saysEvery(connect(t, srv), d/2, 24*60*2+10)
		}, took: 24 * time.Hour, err: "not quiet within 24h0m0s: busy in session 2"},
		{name: "a delay that ends", rules: []smtptest.Rule{{On: "EHLO", Delay: time.Hour}}, traffic: func(t *testing.T, srv *smtptest.Server) {
			fmt.Fprint(connect(t, srv), "EHLO client.test\r\n")
		}, took: time.Hour + d},
		{name: "a delay that does not end in time", rules: []smtptest.Rule{{On: "EHLO", Delay: 48 * time.Hour}}, traffic: func(t *testing.T, srv *smtptest.Server) {
			fmt.Fprint(connect(t, srv), "EHLO client.test\r\n")
		}, took: 24 * time.Hour, err: "not quiet within 24h0m0s: busy in session 1"},
		{name: "a rule that holds the client", rules: []smtptest.Rule{{On: "EHLO", Delay: smtptest.Forever}}, traffic: func(t *testing.T, srv *smtptest.Server) {
			fmt.Fprint(connect(t, srv), "EHLO client.test\r\n")
		}, took: d},
		{name: "a Handler that takes its time", handler: time.Hour, traffic: func(t *testing.T, srv *smtptest.Server) {
			go func() { deliverFrom(t, srv, "a") }()
		}, took: time.Hour + d, messages: 1},
		{name: "Stop", traffic: func(t *testing.T, srv *smtptest.Server) {
			connect(t, srv)
			time.AfterFunc(d/2, srv.Stop)
		}, took: d + d/2},
		{name: "Close", traffic: func(_ *testing.T, srv *smtptest.Server) { time.AfterFunc(d/2, srv.Close) }, took: d / 2, err: "the server is closed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tb := &play.FakeTB{}
				srv := smtptest.NewUnstartedServer(tb)
				if c.handler > 0 {
					srv.Handler = smtptest.HandlerFunc(func(context.Context, smtptest.Message) smtptest.Reply { time.Sleep(c.handler); return "" })
				}
				srv.StartInMemory()
				defer time.Sleep(d) // for the clients to end
				defer tb.End()
				srv.Script(c.rules...)
				if c.traffic != nil {
					c.traffic(t, srv)
				}
				began := time.Now()
				var messages []smtptest.Message
				play.Try(func() { messages = srv.WaitQuiet(d) })
				if took := time.Since(began); took != c.took {
					t.Errorf("WaitQuiet took %v, want %v", took, c.took)
				}
				if len(messages) != c.messages {
					t.Errorf("WaitQuiet returns %d messages, want %d", len(messages), c.messages)
				}
				if got := tb.Errors(); (got == "") != (c.err == "") || !strings.Contains(got, c.err) {
					t.Errorf("WaitQuiet fails with %q, want %q", got, c.err)
				}
			})
		})
	}
}

// TestWaitQuietOverTCP verifies that an open connection does not make WaitQuiet fail on a
// real network.
func TestWaitQuietOverTCP(t *testing.T) {
	srv := smtptest.NewServer(t)
	connect(t, srv)
	deliverFrom(t, srv, "a")
	if m := srv.WaitQuiet(10 * time.Millisecond); len(m) != 1 {
		t.Errorf("WaitQuiet returns %d messages, want 1", len(m))
	}
}
