package mailman_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/mailman"
	"github.com/google/go-cmp/cmp"
)

// A row is one message to lists and others, and what becomes of it. An LMTP
// fake stands for Mailman and knows the lists of hashMap.
type row struct {
	name, why string
	to        []string
	data      string // "": complete
	mailman   []smtptest.Rule
	upstream  []smtptest.Rule
	change    func(r *mailman.Relay, lists, upstream *smtptest.Server)
	reply     string // "": accepted
	finals    []smtptest.Reply
	after     time.Duration // when the reply comes
	posted    []string      // recipients that Mailman has taken; nil: no message
	relayed   []string      // recipients that the upstream has taken
}

const (
	complete = "From: a@client.test\r\nDate: Thu, 1 Jan 1970 00:00:00 +0000\r\n\r\ntext\r\n"
	ok       = "250 2.0.0 OK"
	fails    = "451 4.4.1 Error: the upstream server fails: "
)

func always(on string, reply smtptest.Reply) []smtptest.Rule {
	return []smtptest.Rule{{On: on, Reply: reply}}
}

// TestRelay is about who gets what, and what the client hears of it.
func TestRelay(t *testing.T) {
	both := []string{"ant@lists.test", "bob@plain.test"}
	ant, bob := both[:1], both[1:]
	for _, r := range []row{
		{name: "a list", to: ant, posted: ant},
		{name: "no list", to: bob, relayed: bob},
		{name: "both", to: both, posted: ant, relayed: bob},
		{name: "mixed", why: "in order, duplicates kept", to: []string{"bob@plain.test", "two-words@lists.test", "eve@plain.test", "ant-bounces+x@lists.test", "two-words@lists.test", "bob@plain.test"},
			posted: []string{"two-words@lists.test", "ant-bounces+x@lists.test", "two-words@lists.test"}, relayed: []string{"bob@plain.test", "eve@plain.test", "bob@plain.test"}},
		{name: "as sent", why: "RFC 5321 2.4", to: []string{"ANT@Lists.test", `"ant-owner"@lists.test`}, posted: []string{"ANT@Lists.test", `"ant-owner"@lists.test`}},
		{name: "source route", why: "RFC 5321 C: ignored", to: []string{"@hop.test:ant@lists.test"}, posted: ant},
		{name: "list of nobody", why: "the map knows it not: the upstream decides", to: []string{"nobody@lists.test"}, relayed: []string{"nobody@lists.test"}},

		{name: "list refused at rcpt", to: both, mailman: always("RCPT", "550 no such list"), relayed: bob,
			reply: "550 no such list: <ant@lists.test>", finals: []smtptest.Reply{"550 no such list", ok}},
		{name: "list refused at the dot", to: both, mailman: always(".", "501 Message has defects"), relayed: bob,
			reply: "501 Message has defects: <ant@lists.test>", finals: []smtptest.Reply{"501 Message has defects", ok}},
		{name: "one list of two refused", to: []string{"ant@lists.test", "bob@plain.test", "two-words@lists.test"}, mailman: always(". <two-words@lists.test>", "550 held"),
			posted: ant, relayed: bob, reply: "550 held: <two-words@lists.test>", finals: []smtptest.Reply{ok, ok, "550 held"}},
		{name: "plain refused", to: both, upstream: always("RCPT", "550 5.1.1 no such user"), posted: ant,
			reply: "550 5.1.1 no such user: <bob@plain.test>", finals: []smtptest.Reply{ok, "550 5.1.1 no such user"}},
		{name: "both refused", why: "4yz before 5yz: the client tries again", to: both, upstream: always(".", "452 4.3.1 full"), mailman: always("RCPT", "550 no such list"),
			reply: "452 4.3.1 full: <ant@lists.test>, <bob@plain.test>", finals: []smtptest.Reply{"550 no such list", "452 4.3.1 full"}},

		{name: "mailman is down", to: both, change: func(_ *mailman.Relay, lists, _ *smtptest.Server) { lists.Stop() }, relayed: bob,
			reply: fails + "*", finals: []smtptest.Reply{fails + "*", ok}},
		{name: "mailman hangs", to: both, mailman: []smtptest.Rule{{On: ".", Delay: smtptest.Forever}}, after: 30 * time.Second, relayed: bob,
			reply: fails + "no delivery within 30s: <ant@lists.test>", finals: []smtptest.Reply{fails + "no delivery within 30s", ok}},
		{name: "mailman breaks off", to: both, mailman: []smtptest.Rule{{On: "RCPT", Then: smtptest.Drop, Reply: smtptest.NoReply}}, relayed: bob,
			reply: fails + "EOF: <ant@lists.test>", finals: []smtptest.Reply{fails + "EOF", ok}},
		{name: "upstream is down", to: both, change: func(_ *mailman.Relay, _, upstream *smtptest.Server) { upstream.Stop() }, posted: ant,
			reply: fails + "*", finals: []smtptest.Reply{ok, fails + "*"}},

		{name: "no relay", why: "accepted, and kept here", to: both, change: func(r *mailman.Relay, _, _ *smtptest.Server) { r.Relay = nil }, posted: ant},
		{name: "no map", why: "the lists' mail must not go to the upstream", to: both, change: func(r *mailman.Relay, _, _ *smtptest.Server) { r.Lists = mailman.Map("no/such/ü") },
			reply: "451 4.3.0 Error: open no/such/?: no such file or directory"},
		{name: "lists not told for one", to: both, change: func(r *mailman.Relay, _, _ *smtptest.Server) {
			r.Lists = func(to string) (string, error) {
				if to == "ant@lists.test" {
					return "", errors.New("no answer")
				}
				return "", nil
			}
		}, relayed: bob, reply: "451 4.3.0 Error: no answer: <ant@lists.test>", finals: []smtptest.Reply{"451 4.3.0 Error: no answer", ok}},
		{name: "a function", why: "a test without Mailman", to: both, change: func(r *mailman.Relay, _, _ *smtptest.Server) {
			r.Lists = func(to string) (string, error) {
				if to == "bob@plain.test" {
					return "127.0.0.1:8024", nil
				}
				return "", nil
			}
		}, posted: bob, relayed: ant},
	} {
		t.Run(r.name, func(t *testing.T) { synctest.Test(t, r.play) })
	}
}

// between is a started server with a Relay between an upstream and an LMTP
// server that stands for Mailman.
func between(t *testing.T, r row) (srv, lists, upstream *smtptest.Server) {
	lists = smtptest.NewUnstartedServer(t)
	lists.LMTP = true
	lists.Script(r.mailman...)
	lists.StartInMemory()
	upstream = smtptest.NewInMemoryServer(t)
	upstream.Script(r.upstream...)
	known, _ := mapOf(t, hashMap)
	relay := &mailman.Relay{
		Lists: known,
		Relay: &smtptest.Relay{Addr: upstream.Addr, Dial: upstream.DialContext, NoPeer: true},
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if addr != "127.0.0.1:8024" {
				return nil, fmt.Errorf("nobody is at %s", addr)
			}
			return lists.DialContext(ctx, network, addr)
		},
	}
	if r.change != nil {
		r.change(relay, lists, upstream)
	}
	srv = smtptest.NewUnstartedServer(t)
	srv.Handler = relay
	srv.StartInMemory()
	return srv, lists, upstream
}

func (r row) play(t *testing.T) {
	if r.data == "" {
		r.data = complete
	}
	srv, lists, upstream := between(t, r)
	began := time.Now()
	reply := send(srv.Client(), "a@client.test", r.data, r.to...)
	if !like(r.reply, reply) || time.Since(began) != r.after {
		t.Errorf("%s\nafter %v the reply is %q, want %q after %v", r.why, time.Since(began), reply, r.reply, r.after)
	}
	srv.CloseClientConnections()
	tr := srv.WaitSession(func(smtptest.Session) bool { return true }).Transactions[0]
	for i, want := range r.finals {
		if got := tr.Recipients[i].FinalReply; !like(string(want), string(got)) {
			t.Errorf("%s\n%s: FinalReply = %q, want %q", r.why, tr.Recipients[i].To, got, want)
		}
	}
	if accepted := r.reply == ""; accepted != (srv.Count() == 1) || tr.Data != r.data {
		t.Errorf("%s\nCount() = %d; Data = %q", r.why, srv.Count(), tr.Data)
	}
	taken(t, "Mailman", lists, r.posted, r.data)
	taken(t, "upstream", upstream, r.relayed, r.data)
}

// like compares replies; want may end in * for any text.
func like(want, got string) bool {
	if start, some := strings.CutSuffix(want, "*"); some {
		return strings.HasPrefix(got, start)
	}
	return want == got
}

// taken checks what a server behind the Relay has recorded.
func taken(t *testing.T, who string, srv *smtptest.Server, to []string, data string) {
	t.Helper()
	var want, got []smtptest.Message
	if to != nil {
		want = []smtptest.Message{{From: "a@client.test", To: to, Data: data}}
	}
	for _, m := range srv.Messages() {
		got = append(got, smtptest.Message{From: m.From, To: m.To, Data: m.Data})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: Messages() mismatch (-want +got):\n%s", who, diff)
	}
}

// send delivers by net/smtp, and returns the refusal as on the wire; "" if there
// was none.
func send(c *smtp.Client, from, data string, to ...string) string {
	err := func() error {
		defer c.Close()
		if err := c.Mail(from); err != nil {
			return err
		}
		for _, to := range to {
			if err := c.Rcpt(to); err != nil {
				return err
			}
		}
		w, err := c.Data()
		if err != nil {
			return err
		}
		fmt.Fprint(w, data)
		return w.Close()
	}()
	var reply *textproto.Error
	switch {
	case errors.As(err, &reply):
		return fmt.Sprintf("%d %s", reply.Code, reply.Msg)
	case err != nil:
		return err.Error()
	}
	return ""
}

// TestRelayFields is about what Mailman gets that the client did not write, and
// that the upstream gets its X-Peer without that.
func TestRelayFields(t *testing.T) {
	const date = "Date: Sat, 01 Jan 2000 00:00:00 +0000\r\n" // when a bubble begins
	for _, c := range []struct{ name, from, data, want, why string }{
		{"complete", "a@client.test", complete, complete, "nothing is added"},
		{"in any case", "a@client.test", "from: x\r\ndate: y\r\n\r\n", "from: x\r\ndate: y\r\n\r\n", "RFC 5322 1.2.2"},
		{"no from", "a@client.test", "Date: x\r\n\r\ntext\r\n", "Date: x\r\nFrom: a@client.test\r\n\r\ntext\r\n", "as smtpd"},
		{"no date", "a@client.test", "From: x\r\n\r\ntext\r\n", "From: x\r\n" + date + "\r\ntext\r\n", "as smtpd"},
		{"neither", "a@client.test", "Subject: x\r\n\r\ntext\r\n", "Subject: x\r\nFrom: a@client.test\r\n" + date + "\r\ntext\r\n", "as smtpd"},
		{"no header", "a@client.test", "\r\ntext\r\n", "From: a@client.test\r\n" + date + "\r\ntext\r\n", "as smtpd"},
		{"no body", "a@client.test", "Subject: x\r\n", "Subject: x\r\nFrom: a@client.test\r\n" + date, "as smtpd"},
		{"null sender", "", "Date: x\r\n\r\ntext\r\n", "Date: x\r\n\r\ntext\r\n", "RFC 5321 4.5.5: it has no mailbox to give"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, lists, upstream := between(t, row{change: func(r *mailman.Relay, _, _ *smtptest.Server) { r.Relay.NoPeer = false }})
				if reply := send(srv.Client(), c.from, c.data, "ant@lists.test", "bob@plain.test"); reply != "" {
					t.Fatal(reply)
				}
				if diff := cmp.Diff(c.want, lists.Wait(1)[0].Data); diff != "" {
					t.Errorf("%s\nMailman: Data mismatch (-want +got):\n%s", c.why, diff)
				}
				plain := strings.Replace(upstream.Wait(1)[0].Data, "X-Peer: 127.0.0.1\r\n", "", 1)
				if diff := cmp.Diff(c.data, plain); diff != "" {
					t.Errorf("%s\nupstream, but for X-Peer: Data mismatch (-want +got):\n%s", c.why, diff)
				}
			})
		})
	}
}

// TestRelayOptions keeps the parameters of MAIL, and those of each RCPT with
// their recipient.
func TestRelayOptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lists, upstream := smtptest.NewUnstartedServer(t), smtptest.NewUnstartedServer(t)
		lists.LMTP = true
		for _, s := range []*smtptest.Server{lists, upstream} {
			s.Extensions = append(s.Extensions, "DSN")
			s.StartInMemory()
		}
		known, _ := mapOf(t, hashMap)
		relay := &mailman.Relay{Lists: known, Dial: lists.DialContext, Relay: &smtptest.Relay{Addr: upstream.Addr, Dial: upstream.DialContext}}
		relay.ProcessRecipients(t.Context(), smtptest.Message{
			From: "a@client.test", To: []string{"bob@plain.test", "ant@lists.test", "eve@plain.test"}, Data: complete,
			MailOptions: []string{"RET=HDRS"}, RcptOptions: [][]string{{"NOTIFY=NEVER"}, {"NOTIFY=FAILURE"}, nil},
		})
		want := [][][]string{{{"RET=HDRS"}, {"NOTIFY=FAILURE"}}, {{"RET=HDRS"}, {"NOTIFY=NEVER"}, nil}}
		var got [][][]string
		for _, s := range []*smtptest.Server{lists, upstream} {
			m := s.Wait(1)[0]
			got = append(got, append([][]string{m.MailOptions}, m.RcptOptions...))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("MailOptions and RcptOptions mismatch (-want +got):\n%s", diff)
		}
	})
}

// TestRelayTwoMailmans is one message to lists of two, of which one is down.
func TestRelayTwoMailmans(t *testing.T) {
	one, two := smtptest.NewUnstartedServer(t), smtptest.NewUnstartedServer(t)
	one.LMTP, two.LMTP = true, true
	one.Start()
	two.Start()
	lists, _ := mapOf(t, postfixLMTP("hash", one.Addr, "ant")+postfixLMTP("regex", two.Addr, "bee"))
	srv := smtptest.NewUnstartedServer(t)
	srv.Handler = &mailman.Relay{Lists: lists}
	srv.Start()
	if reply := send(srv.Client(), "a@client.test", complete, "ant@lists.test", "bee@lists.test"); reply != "" {
		t.Error(reply)
	}
	taken(t, "one", one, []string{"ant@lists.test"}, complete)
	taken(t, "two", two, []string{"bee@lists.test"}, complete)

	one.Stop()
	if reply := send(srv.Client(), "a@client.test", complete, "ant@lists.test", "bee@lists.test"); !strings.HasPrefix(reply, fails) || !strings.HasSuffix(reply, ": <ant@lists.test>") {
		t.Errorf("reply %q, want %s... about ant only", reply, fails)
	}
	two.Wait(2)
}

// TestRelayLMTP gives an LMTP client each recipient's answer.
func TestRelayLMTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, lists, _ := between(t, row{mailman: always(". <ant-join@lists.test>", "550 closed")})
		known, _ := mapOf(t, hashMap)
		srv := smtptest.NewUnstartedServer(t)
		srv.LMTP, srv.Handler = true, &mailman.Relay{Lists: known, Dial: lists.DialContext}
		srv.StartInMemory()
		client := &smtptest.Relay{Addr: srv.Addr, Dial: srv.DialContext, LMTP: true}
		to := []string{"ant@lists.test", "ant-join@lists.test", "bob@plain.test"}
		got := client.ProcessRecipients(t.Context(), smtptest.Message{From: "a@client.test", To: to, RcptOptions: make([][]string, 3), Data: complete})
		if diff := cmp.Diff([]smtptest.Reply{"", "550 closed", ""}, got); diff != "" {
			t.Errorf("ProcessRecipients() mismatch (-want +got):\n%s", diff)
		}
	})
}

// TestRelayManyAtOnce delivers from many clients while Mailman replaces its map.
func TestRelayManyAtOnce(t *testing.T) {
	lists := smtptest.NewUnstartedServer(t)
	lists.LMTP = true
	lists.Start()
	known, path := mapOf(t, postfixLMTP("hash", lists.Addr, "ant"))
	srv := smtptest.NewUnstartedServer(t)
	srv.Handler = &mailman.Relay{Lists: known}
	srv.Start()
	const clients, each = 8, 5
	var running sync.WaitGroup
	for range clients {
		running.Go(func() {
			for range each {
				if reply := send(srv.Client(), "a@client.test", complete, "ant@lists.test"); reply != "" {
					t.Error(reply)
				}
			}
		})
	}
	for i := range 20 {
		write(t, path, postfixLMTP([]string{"regex", "hash"}[i%2], lists.Addr, "ant"))
	}
	running.Wait()
	if n := lists.Count(); n != clients*each {
		t.Errorf("Count() = %d, want %d", n, clients*each)
	}
}

// TestRelayWithoutLists fails the test, with a sentence that says what to do.
func TestRelayWithoutLists(t *testing.T) {
	tb := &failures{}
	srv := smtptest.NewUnstartedServer(tb)
	defer srv.Close()
	srv.Handler = &mailman.Relay{}
	srv.Start()
	reply := send(srv.Client(), "a@client.test", complete, "ant@lists.test")
	srv.Close()
	if want := "set Lists to mailman.Map("; !strings.HasPrefix(reply, "451 ") || len(tb.said) != 1 || !strings.Contains(tb.said[0], want) {
		t.Errorf("reply %q, failures %q; want 451 and one with %q", reply, tb.said, want)
	}
}

// failures is a TB that keeps what is said of a failing test.
type failures struct {
	mu   sync.Mutex
	said []string
}

func (f *failures) Helper()                   {}
func (f *failures) Cleanup(func())            {}
func (f *failures) Logf(string, ...any)       {}
func (f *failures) Fatalf(s string, a ...any) { f.Errorf(s, a...) }
func (f *failures) Errorf(s string, a ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.said = append(f.said, fmt.Sprintf(s, a...))
}

// TestRelayMistakes are a Relay that was not made, and messages that no server
// has recorded.
func TestRelayMistakes(t *testing.T) {
	for _, r := range []*mailman.Relay{nil, {}} {
		func() {
			defer func() {
				if p, _ := recover().(string); !strings.HasPrefix(p, "mailman: Relay, or its Lists, is nil: set") {
					t.Errorf("panic %q", p)
				}
			}()
			r.ProcessMessage(t.Context(), smtptest.Message{})
		}()
	}
	r := &mailman.Relay{Lists: mailman.Map("")}
	if got := r.ProcessMessage(t.Context(), smtptest.Message{To: []string{"b@server.test"}}); got.Code() != 451 {
		t.Errorf("ProcessMessage() with no map = %q", got)
	}
	r.Lists = func(string) (string, error) { return "", nil }
	for _, m := range []smtptest.Message{{}, {To: []string{"b@server.test"}}, {To: []string{"b@server.test", "c@server.test"}, RcptOptions: [][]string{nil}}} {
		if got := r.ProcessMessage(t.Context(), m); got != "" {
			t.Errorf("ProcessMessage(%+v) = %q", m, got)
		}
	}
}
