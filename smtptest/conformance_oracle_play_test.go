package smtptest_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
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

// upstream is the server behind a PureProxy. The returned function gives the
// messages whose content it has read, as smtpd lists them.
func (c oracleCase) upstream(t *testing.T) (*smtptest.Server, func() []oracleMessage) {
	srv := smtptest.NewUnstartedServer(t)
	var taken []oracleMessage // written by its one client's session
	srv.Handler = smtptest.HandlerFunc(func(_ context.Context, m smtptest.Message) smtptest.Reply {
		taken = append(taken, seenAsBySMTPD(m, true))
		return smtptest.Reply(c.Config.Upstream.End)
	})
	var rules []smtptest.Rule
	for on, reply := range map[string]string{"MAIL": c.Config.Upstream.Mail, "DATA": c.Config.Upstream.Data} {
		if reply != "" {
			rules = append(rules, smtptest.Rule{On: on, Reply: smtptest.Reply(reply)})
		}
	}
	for to, reply := range c.Config.Upstream.Refuse {
		rules = append(rules, smtptest.Rule{On: "RCPT TO:<" + to + ">", Reply: smtptest.Reply(reply)})
	}
	srv.Script(rules...)
	srv.StartInMemory()
	return srv, func() []oracleMessage { srv.Close(); return taken }
}

// refusedUpstream are the refusals of each delivery, as smtpd's _deliver returns
// them.
func refusedUpstream(srv *smtptest.Server) (deliveries []map[string]string) {
	for _, s := range srv.Sessions() {
		for _, tr := range s.Transactions {
			refused := map[string]string{}
			for _, r := range tr.Recipients {
				if r.FinalReply.Code() >= 400 {
					refused[r.To] = string(r.FinalReply)
				}
			}
			deliveries = append(deliveries, refused)
		}
	}
	return deliveries
}

// listenIPv6 is nil on a machine without IPv6.
func listenIPv6(t *testing.T) net.Listener {
	ln, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Logf("this machine has no IPv6: %v", err)
		return nil
	}
	return ln
}

// built is what came of making a server.
type built struct {
	Failed bool
	Family string // "ipv4", "ipv6"; "" if it is not recorded
	Left   bool   // a failed server still holds the address
}

// construct makes the case's server, and compares. smtpd listens by itself; here
// the test does, for any other address than the default one.
func (c oracleCase) construct(t *testing.T) {
	want := built{Failed: c.Error != nil, Family: c.Family}
	if c.Config.DecodeData && c.Config.UTF8 {
		want.Failed = false // SMTPUTF8 without 8BITMIME is accepted: see docs/smtpd.md
	}
	got, family := built{}, ""
	switch {
	case c.Config.ListenFails || c.Config.PortInUse:
		got = listenTwice(t)
	case c.Config.Listen == "::1":
		if srv, _ := c.server(t, nil); listenAt(srv, listenIPv6(t)) {
			srv.Start()
			family = familyOf(srv)
		} else {
			family = c.Family
		}
	default:
		tb := &play.FakeTB{}
		srv, _ := c.server(tb, nil)
		play.Try(srv.Start)
		got.Failed, family = tb.Errors() != "", familyOf(srv)
		tb.End()
	}
	if c.Family != "" {
		got.Family = family
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("construction (-smtpd +ours):\n%s", diff)
	}
}

func listenAt(srv *smtptest.Server, ln net.Listener) bool {
	if ln != nil {
		srv.Listener = ln
	}
	return ln != nil
}

func familyOf(srv *smtptest.Server) string {
	if strings.Contains(srv.Host(), ":") {
		return "ipv6"
	}
	return "ipv4"
}

// listenTwice tries to listen where a server does, and again once that is
// closed.
func listenTwice(t *testing.T) (got built) {
	first, err := net.Listen("tcp4", "127.0.0.3:0") // where no other test of this machine listens
	if err != nil {
		t.Fatal(err)
	}
	srv := smtptest.NewUnstartedServer(t)
	srv.Listener = first
	srv.Start()
	if ln, err := net.Listen("tcp4", srv.Addr); err != nil {
		got.Failed = true
	} else {
		ln.Close()
	}
	srv.Close()
	ln, err := net.Listen("tcp4", srv.Addr)
	if err != nil {
		got.Left = true
		return got
	}
	ln.Close()
	return got
}

// seen are the variables that smtpd documents, after each step of a case whose
// connection is still open then, and received_data in the end.
type seen struct {
	States   []oracleState
	Received string // as normal has it
}

// variables looks at the channels of a server while a case is played.
type variables struct {
	seen
	channels map[string]*smtptest.Peek // by connection
	first    *smtptest.Peek
}

// after looks at the channel that a step was sent to, the latest if it is new.
func (v *variables) after(srv *smtptest.Server, sessions int, conn string) {
	if v.channels == nil {
		v.channels = map[string]*smtptest.Peek{}
	}
	peek := v.channels[conn]
	if peek == nil {
		peek = smtptest.PeekAt(srv, sessions)
		v.channels[conn] = peek
		if v.first == nil {
			v.first = peek
		}
	}
	if peek == nil || !peek.IsOpen() {
		return
	}
	ch := peek.Channel()
	state := oracleState{State: "COMMAND", Greeting: ch.SeenGreeting, Extended: ch.Extended, RcptTos: ch.RcptTos}
	switch ch.State {
	case smtptest.StateData:
		state.State = "DATA"
		fallthrough
	case smtptest.StateMail, smtptest.StateRcpt:
		state.MailFrom = &ch.MailFrom
	}
	v.States = append(v.States, state.normal())
}

func (v *variables) end() {
	if v.first != nil {
		v.Received = received(seenAsBySMTPD(smtptest.Message{Data: v.first.Channel().ReceivedData}, true))
	}
}

// variables are the recorded ones.
func (c oracleCase) variables() seen {
	want := seen{Received: received(oracleMessage{Data: c.Final.Data, DataB64: c.Final.B64, SHA256: c.Final.SHA256})}
	last := map[string]oracleState{}
	for _, s := range c.Steps {
		if s.State != nil {
			last[string(s.Conn)] = s.State.normal()
		} else if last[string(s.Conn)].State == "" {
			last[string(s.Conn)] = oracleState{State: "COMMAND", RcptTos: []string{}}
		}
		if !s.Closed {
			want.States = append(want.States, last[string(s.Conn)])
		}
	}
	return want
}

// received is the digest of received_data; "" if it is empty.
func received(m oracleMessage) string {
	if m = m.normal(); m.SHA256 == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
		return ""
	}
	return m.SHA256
}

// normal is the state in the form that both sides are compared in.
func (s oracleState) normal() oracleState {
	if s.MailFrom != nil {
		from := wire.LeastQuoted(strings.TrimPrefix(*s.MailFrom, "<>"))
		s.MailFrom = &from
	}
	to := []string{}
	for _, r := range s.RcptTos {
		to = append(to, wire.LeastQuoted(r))
	}
	s.RcptTos = to
	return s
}
