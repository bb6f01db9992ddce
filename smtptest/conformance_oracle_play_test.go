package smtptest_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

// server is the case's smtpd, as one of ours. The returned function gives the
// messages that its Handler saw; a DebuggingServer prints them.
func (c oracleCase) server(tb smtptest.TB, printed io.Writer) (*smtptest.Server, func() []oracleMessage) {
	srv := smtptest.NewUnstartedServer(tb)
	srv.Extensions, srv.SizeLimit = nil, -1
	if c.Config.Limit > 0 {
		srv.Extensions, srv.SizeLimit = []string{"SIZE"}, int64(c.Config.Limit)
	}
	if !c.Config.DecodeData {
		srv.Extensions = append(srv.Extensions, "8BITMIME")
	}
	if c.Config.UTF8 {
		srv.Extensions = append(srv.Extensions, "SMTPUTF8")
	}
	srv.Extensions = append(srv.Extensions, "HELP")
	var mu sync.Mutex
	var seen []oracleMessage
	switch c.Config.Server {
	case "PureProxy":
		return srv, func() []oracleMessage { return nil } // play sets the Relay
	case "DebuggingServer":
		srv.Handler = smtptest.Debugging(printed)
		if c.Config.DecodeData {
			srv.Handler = smtptest.DebuggingText(printed)
		}
		return srv, func() []oracleMessage { return nil }
	}
	srv.Handler = smtptest.HandlerFunc(func(_ context.Context, m smtptest.Message) smtptest.Reply {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, seenAsBySMTPD(m, c.Config.DecodeData))
		if c.Config.Raises {
			panic("process_message failed")
		}
		if n := len(seen); n <= len(c.Config.Replies) {
			return smtptest.Reply(c.Config.Replies[n-1])
		}
		return ""
	})
	return srv, func() []oracleMessage {
		mu.Lock()
		defer mu.Unlock()
		return seen
	}
}

// play runs a case in memory, where synctest.Wait shows that nothing else comes
// back, and looks at the channel after each step.
func (c oracleCase) play(t *testing.T, look *variables) (got played) {
	synctest.Test(t, func(t *testing.T) {
		var printed bytes.Buffer
		srv, messages := c.server(&play.FakeTB{}, &printed) // illegal replies of its Handler are failures
		relayed := func() []oracleMessage { return nil }
		if c.Config.Server == "PureProxy" {
			var upstream *smtptest.Server
			upstream, relayed = c.upstream(t)
			srv.Handler = &smtptest.Relay{Addr: upstream.Addr, Dial: upstream.DialContext}
		}
		srv.StartInMemory()
		defer srv.Close()
		clients := map[string]*play.Listener{}
		for _, s := range c.Steps {
			client := clients[string(s.Conn)]
			if client == nil {
				client = play.Listen(play.Dial(t, srv))
				clients[string(s.Conn)] = client
			}
			client.Say(play.Step{Send: s.octets(), Shut: s.Shutdown})
			got.Replies = append(got.Replies, client.Heard())
			got.Closed = append(got.Closed, client.Ended())
			look.after(srv, len(clients), string(s.Conn))
		}
		look.end()
		srv.Close()
		got.Messages, got.Printed, got.Relayed = messages(), printed.String(), relayed()
		if c.Config.Server == "PureProxy" {
			got.Refused = refusedUpstream(srv)
		}
	})
	return got
}

// overTCP runs a case that is equal over TCP: the same replies in the same
// order, the same output, and the server closes where smtpd does.
func (c oracleCase) overTCP(t *testing.T) {
	var printed bytes.Buffer
	srv, _ := c.server(t, &printed)
	if c.Config.Server == "PureProxy" {
		upstream, _ := c.upstream(t)
		srv.Handler = &smtptest.Relay{Addr: upstream.Addr, Dial: upstream.DialContext}
	}
	if c.Config.Listen == "::1" {
		if srv.Listener = listenIPv6(t); srv.Listener == nil {
			return
		}
	}
	srv.Start()
	want := c.want(srv.Host())
	clients := map[string]net.Conn{}
	for i, s := range c.Steps {
		conn := clients[string(s.Conn)]
		if conn == nil {
			conn = play.Dial(t, srv)
			clients[string(s.Conn)] = conn
		}
		step := play.Step{Send: s.octets(), Expect: want.Replies[i], Shut: s.Shutdown, Closed: s.Closed}
		if err := play.Converse(conn, []play.Step{step}); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	srv.Close()
	if diff := cmp.Diff(want.Printed, printed.String()); diff != "" {
		t.Errorf("Debugging mismatch (-want +got):\n%s", diff)
	}
}
