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
	"github.com/google/go-cmp/cmp"
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

// TestLateChanges holds that what is written into the fields after Start is
// told to the test and changes nothing.
func TestLateChanges(t *testing.T) {
	changes := []struct {
		field  string
		change func(*smtptest.Server)
	}{
		{"Hostname", func(s *smtptest.Server) { s.Hostname = "other.test" }},
		{"Greeting", func(s *smtptest.Server) { s.Greeting = "other" }},
		{"Extensions", func(s *smtptest.Server) { s.Extensions[0] = "OTHER" }},
		{"SizeLimit", func(s *smtptest.Server) { s.SizeLimit = 1 }},
		{"TLS", func(s *smtptest.Server) { s.TLS = &tls.Config{} }},
		{"Users", func(s *smtptest.Server) { s.Users = nil }},
		{"Users", func(s *smtptest.Server) { s.Users["bob"] = "secret" }},
		{"Authenticate", func(s *smtptest.Server) { s.Authenticate = func(smtptest.Credentials) bool { return true } }},
		{"Mechanisms", func(s *smtptest.Server) { s.Mechanisms = []string{"PLAIN"} }},
		{"ClearMechanisms", func(s *smtptest.Server) { s.ClearMechanisms = []string{"PLAIN"} }},
		{"RequireTLS", func(s *smtptest.Server) { s.RequireTLS = true }},
		{"RequireAuth", func(s *smtptest.Server) { s.RequireAuth = true }},
		{"LMTP", func(s *smtptest.Server) { s.LMTP = true }},
		{"Lenient", func(s *smtptest.Server) { s.Lenient = true }},
		{"Handler", play.WithHandlerReply("554 no")},
		{"Commands", func(s *smtptest.Server) {
			s.Commands = map[string]smtptest.CommandFunc{"MAIL": func(*smtptest.Channel, string) smtptest.Reply { return "550 no" }}
		}},
		{"Parameters", func(s *smtptest.Server) { s.Parameters = map[string]func(string) error{"SIZE": nil} }},
		{"Observe", func(s *smtptest.Server) { s.Observe = func(smtptest.Event) { panic("boom") } }},
		{"Seed", func(s *smtptest.Server) { s.Seed = 7 }},
		{"IdleTimeout", func(s *smtptest.Server) { s.IdleTimeout = time.Nanosecond }},
	}
	want, _ := lateChange(t, func(*smtptest.Server) {})
	changed := map[string]bool{}
	for _, c := range changes {
		changed[c.field] = true
		got, failure := lateChange(t, c.change)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s has an effect (-want +got):\n%s", c.field, diff)
		}
		if say := "Server." + c.field + " was changed after Start"; !strings.Contains(failure, say) {
			t.Errorf("failure %q does not say %q", failure, say)
		}
	}
	if len(changed) != smtptest.ConfigFields {
		t.Errorf("%d of %d fields were changed", len(changed), smtptest.ConfigFields)
	}
}

// lateChange plays a dialogue to a server whose fields have changed.
func lateChange(t *testing.T, change func(*smtptest.Server)) (heard []string, failure string) {
	tb := &play.FakeTB{}
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewUnstartedServer(tb)
		srv.Users = map[string]string{"ann": "secret"}
		srv.StartInMemory()
		srv.Script(smtptest.Rule{On: "RCPT TO:<refused@server.test>", Reply: "550 5.1.1 no"})
		change(srv)
		c := play.Listen(play.Dial(t, srv))
		for _, send := range []string{
			"", "EHLO client.test\r\n", "VRFY a@server.test\r\n", "RSET\r\n",
			"MAIL FROM:<a@client.test> SIZE=1000\r\n", "RCPT TO:<refused@server.test>\r\n", "DATA\r\n",
			"RCPT TO:<b@server.test>\r\n", "DATA\r\n", "text\r\n.\r\n",
			"MAIL FROM:<a@client.test>\r\n", "BDAT 1 LAST\r\n", "QUIT\r\n",
		} {
			c.Say(play.Step{Send: send})
			heard = append(heard, c.Heard())
		}
		srv.Wait(1)
		tb.End()
	})
	return heard, tb.Errors()
}

// TestConformanceLastCommand sends one line more than a session may have: it is
// answered 421, whatever a rule says.
func TestConformanceLastCommand(t *testing.T) {
	const last = "421 4.7.0 Error: too many commands"
	setup := func(rules ...smtptest.Rule) func(*smtptest.Server) {
		return func(srv *smtptest.Server) {
			play.WithCommand("XLAST", func(ch *smtptest.Channel, arg string) smtptest.Reply {
				smtptest.LeaveLines(ch, 2)
				return play.OK
			})(srv)
			srv.Script(rules...)
		}
	}
	asks := smtptest.Rule{On: "RESPONSE", Reply: "334 ", Optional: true}
	play.Run(t, []play.Case{
		{Name: "command", Why: "4.3.2: 421 to any", In: play.EHLO, Setup: setup(), End: smtptest.EndReply,
			Talk: play.Talk("C: XLAST", "S: "+play.OK, "C: NOOP", "S: "+play.OK, "C: NOOP", "S: "+play.OK, "C: NOOP", "S: "+last, play.Closed)},
		{Name: "command with a rule", Why: "a rule does not lift the limit", In: play.EHLO, Setup: setup(smtptest.Rule{On: "NOOP", Reply: "250 rule"}), End: smtptest.EndReply,
			Talk: play.Talk("C: XLAST", "S: "+play.OK, "C: NOOP", "S: 250 rule", "C: NOOP", "S: 250 rule", "C: NOOP", "S: "+last, play.Closed)},
		{Name: "response", Why: "RFC 4954 4: a rule may ask for ever", In: play.EHLO, Setup: setup(smtptest.Rule{On: "AUTH", Reply: "334 "}, asks), End: smtptest.EndReply,
			Talk: play.Talk("C: XLAST", "S: "+play.OK, "C: AUTH PLAIN", "S: 334 ", "C: eA==", "S: 334 ", "C: eA==", "S: "+last, play.Closed)},
	})
}

// TestConformanceLastAnswer has a CommandFunc ask until a line is one more than a
// session may have: that is answered as a command would be, and the function has
// nothing more to say.
func TestConformanceLastAnswer(t *testing.T) {
	const last = "421 4.7.0 Error: too many commands"
	endless := func(ch *smtptest.Channel) {
		for {
			ch.Ask("350 more?")
		}
	}
	failing := func(ch *smtptest.Channel) {
		for {
			if _, err := ch.Ask("350 more?"); err != nil {
				return
			}
		}
	}
	asking := func(verb string, ask func(*smtptest.Channel), reply smtptest.Reply, rules ...smtptest.Rule) func(*smtptest.Server) {
		return func(srv *smtptest.Server) {
			play.WithExtensions("CHUNKING")(srv)
			play.WithCommand(verb, func(ch *smtptest.Channel, _ string) smtptest.Reply {
				smtptest.LeaveLines(ch, 2)
				ask(ch)
				return reply
			})(srv)
			srv.Script(rules...)
		}
	}
	answers := []string{"S: 350 more?", "C: yes", "S: 350 more?", "C: yes", "S: 350 more?", "C: yes", "S: " + last, play.Closed}
	ask := func(first string) []string { return play.Talk(first, answers) }
	hello := play.EHLOWith("CHUNKING")
	all := []play.Case{
		{Name: "an endless loop", Setup: asking("XASK", endless, ""), Talk: play.Talk(hello, ask("C: XASK"))},
		{Name: "a reply of its own", Setup: asking("XASK", failing, play.OK), Talk: play.Talk(hello, ask("C: XASK"))},
		{Name: "the built-in verb", Setup: asking("RCPT", failing, ""), Talk: play.Talk(hello, play.SayMail, ask(play.SayRcpt[0])), Outcomes: []string{smtptest.OutcomeAborted}},
		{Name: "a panic", Setup: asking("XASK", func(ch *smtptest.Channel) { defer func() { recover() }(); endless(ch) }, play.OK), Talk: play.Talk(hello, ask("C: XASK"))},
		{Name: "a rule that shapes", Setup: asking("XASK", failing, play.OK, smtptest.Rule{On: "XASK", Chunk: 3}), Talk: play.Talk(hello, ask("C: XASK"))},
		{Name: "a rule that answers", Setup: asking("RCPT", failing, "", smtptest.Rule{On: "RCPT", Reply: "250 rule"}), Talk: play.Talk(hello, play.SayMail, ask(play.SayRcpt[0])), Outcomes: []string{smtptest.OutcomeAborted}},
		{Name: "a rule that keeps", Setup: asking("RCPT", failing, "", smtptest.Rule{On: "RCPT", Reply: "450 rule", Keep: true}), Talk: play.Talk(hello, play.SayMail, ask(play.SayRcpt[0])), Outcomes: []string{smtptest.OutcomeAborted}},
		{Name: "a rule that keeps and holds up", Setup: asking("RCPT", failing, "", smtptest.Rule{On: "RCPT", Keep: true, Delay: smtptest.Forever}), Talk: play.Talk(hello, play.SayMail, ask(play.SayRcpt[0])), Outcomes: []string{smtptest.OutcomeAborted}},
		{Name: "a chunk", Setup: asking("BDAT", failing, play.OK), Talk: play.Talk(hello, play.SayMail, play.SayRcpt, ask("C+ BDAT 1 LAST\r\nx")), Outcomes: []string{smtptest.OutcomeAborted}},
	}
	for i := range all {
		all[i].Why, all[i].End = "4.3.2: 421 to any", smtptest.EndReply
		all[i].Talk = play.Talk("S: "+play.Greeting, all[i].Talk)
	}
	play.Run(t, all)
}
