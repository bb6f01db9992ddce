package mailman_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/mailman"
	"github.com/google/go-cmp/cmp"
)

// TestMailman puts a Relay in front of a real Mailman: what Mailman sends comes
// back to a second fake server.
func TestMailman(t *testing.T) {
	requireMailman(t)
	sink := smtptest.NewUnstartedServer(t)
	sink.WaitTimeout = math.MaxInt64 // Mailman takes the time that the machine needs
	sink.Start()
	m := startMailman(t, sink.Addr)
	s := &site{mailman: m, sink: sink, upstream: smtptest.NewServer(t)}
	s.front = s.relay(t, filepath.Join(m.data(), "postfix_lmtp"))

	m.post("domains", "mail_host", "lists.test")
	m.post("lists", "fqdn_listname", "ant@lists.test")
	s.join("ant.lists.test", "member", "anne@members.test", "bart@members.test")
	t.Run("posting", func(t *testing.T) { s.posting(t, s.front, "ant", "anne@members.test", "bart@members.test") })

	m.post("lists", "fqdn_listname", "two-words@lists.test")
	s.join("two-words.lists.test", "member", "carl@members.test")
	s.join("two-words.lists.test", "owner", "olga@members.test")
	t.Run("posting to a list made since", func(t *testing.T) { s.posting(t, s.front, "two-words", "carl@members.test") })
	t.Run("posting by a map of patterns", func(t *testing.T) {
		s.posting(t, s.relay(t, m.regexMap()), "two-words", "carl@members.test")
	})
	t.Run("owner", s.owner)
	t.Run("request", s.request)
	t.Run("join and leave", s.joinAndLeave)
	t.Run("bounces", s.bounces)
	t.Run("unknown", s.unknown)
	t.Run("refused", s.refused)
	m.stop()
	t.Run("down", s.down)
}

// site is a Mailman between the server that it gets mail from and the one that
// it sends mail to.
type site struct {
	mailman               *instance
	front, sink, upstream *smtptest.Server
}

// relay is a server that looks up a map.
func (s *site) relay(t *testing.T, path string) *smtptest.Server {
	srv := smtptest.NewUnstartedServer(t)
	srv.WaitTimeout = math.MaxInt64
	srv.Handler = &mailman.Relay{Lists: mailman.Map(path), Relay: &smtptest.Relay{Addr: s.upstream.Addr, NoPeer: true}}
	srv.Start()
	return srv
}

func (s *site) join(list, role string, addrs ...string) {
	for _, addr := range addrs {
		s.mailman.post("members", "list_id", list, "subscriber", addr, "role", role,
			"pre_verified", "true", "pre_confirmed", "true", "pre_approved", "true", "send_welcome_message", "false")
	}
}

// accepted delivers a message, which must be accepted.
func (s *site) accepted(t *testing.T, srv *smtptest.Server, from, data string, to ...string) {
	t.Helper()
	if reply := send(srv.Client(), from, data, to...); reply != "" {
		t.Fatalf("%v: %s", to, reply)
	}
}

// sent waits for a message that Mailman sends to somebody, and forgets all that
// came before.
func (s *site) sent(to string) smtptest.Message {
	m := s.sink.WaitFor(func(m smtptest.Message) bool { return slices.Contains(m.To, to) })
	s.sink.Drain()
	return m
}

// posting is a message of the list's first member to the list and somebody else.
func (s *site) posting(t *testing.T, front *smtptest.Server, list string, members ...string) {
	s.upstream.Drain()
	data := "From: " + members[0] + "\r\nTo: " + list + "@lists.test\r\nSubject: hi\r\nMessage-ID: <" + list + "." + front.Addr + "@members.test>\r\n" +
		"Date: Sun, 22 Nov 2026 07:17:30 +0000\r\n\r\n.dots\r\n\r\nand text\r\n"
	s.accepted(t, front, members[0], data, list+"@lists.test", "bob@plain.test")

	got := s.sent(members[0])
	slices.Sort(got.To)
	if diff := cmp.Diff(members, got.To); diff != "" || got.From != list+"-bounces@lists.test" {
		t.Errorf("fan-out from %s, To mismatch (-want +got):\n%s", got.From, diff)
	}
	h := got.Header()
	name := strings.ToUpper(list[:1]) + list[1:]
	if got.Subject() != "["+name+"] hi" || !strings.Contains(h.Get("List-Id"), "<"+list+".lists.test>") || h.Get("X-Peer") != "" {
		t.Errorf("fan-out: header %v", h)
	}
	if !strings.HasPrefix(got.Text(), ".dots\n\nand text\n") {
		t.Errorf("fan-out: text %q", got.Text())
	}
	plain := s.upstream.Wait(1)
	if diff := cmp.Diff([]string{"bob@plain.test"}, plain[0].To); diff != "" || len(plain) != 1 {
		t.Errorf("upstream: %d messages, To mismatch (-want +got):\n%s", len(plain), diff)
	}
	if diff := cmp.Diff(data, plain[0].Data); diff != "" {
		t.Errorf("upstream: Data mismatch (-want +got):\n%s", diff)
	}
}

// help is a mail for Mailman's commands, which it finds in To, too.
func help(to string) string {
	return "From: dora@members.test\r\nTo: " + to + "\r\nMessage-ID: <help@members.test>\r\nDate: Sun, 22 Nov 2026 07:17:30 +0000\r\nSubject: help\r\n\r\n"
}

// owner reaches those who own the list, and not its members.
func (s *site) owner(t *testing.T) {
	s.accepted(t, s.front, "dora@members.test", help("two-words-owner@lists.test"), "two-words-owner@lists.test")
	if got := s.sent("olga@members.test"); got.Subject() != "help" || len(got.To) != 1 {
		t.Errorf("to %v: %s", got.To, got.Data)
	}
}

// request is answered by Mailman's command runner.
func (s *site) request(t *testing.T) {
	s.accepted(t, s.front, "dora@members.test", help("two-words-request@lists.test"), "two-words-request@lists.test")
	if got := s.sent("dora@members.test"); !strings.Contains(got.Text(), "results of your email command") {
		t.Errorf("no answer to a request:\n%s", got.Data)
	}
}

// joinAndLeave becomes a member by mail, and no longer is: each time Mailman
// asks back with a cookie in the address.
func (s *site) joinAndLeave(t *testing.T) {
	for _, c := range []struct{ command, done string }{{"join", "Welcome"}, {"leave", "unsubscribed"}} {
		to := "two-words-" + c.command + "@lists.test"
		s.accepted(t, s.front, "dora@members.test", help(to), to)
		asked := s.sent("dora@members.test")
		from, err := asked.Header().AddressList("From")
		if err != nil || !strings.HasPrefix(from[0].Address, "two-words-confirm+") {
			t.Fatalf("%s: %v, no address to confirm to in:\n%s", c.command, err, asked.Data)
		}
		s.accepted(t, s.front, "dora@members.test", help(from[0].Address), from[0].Address)
		if got := s.sent("dora@members.test"); !strings.Contains(got.Subject(), c.done) {
			t.Errorf("%s: Subject = %q, want %q in it\n%s", c.command, got.Subject(), c.done, got.Data)
		}
	}
}

// bounces are Mailman's, whatever address they were sent back to.
func (s *site) bounces(t *testing.T) {
	s.upstream.Drain()
	s.accepted(t, s.front, "", help(""), "ant-bounces@lists.test", "ant-bounces+anne=members.test@lists.test", "two-words-bounces+x-y@lists.test")
	if got := s.upstream.Messages(); len(got) != 0 {
		t.Errorf("upstream: %v", got)
	}
}

// unknown are what looks like a list or a command.
func (s *site) unknown(t *testing.T) {
	s.upstream.Drain()
	to := []string{"two@lists.test", "ant-x@lists.test", "ant@elsewhere.test"}
	s.accepted(t, s.front, "dora@members.test", help(to[0]), to...)
	if diff := cmp.Diff(to, s.upstream.Wait(1)[0].To); diff != "" {
		t.Errorf("upstream: To mismatch (-want +got):\n%s", diff)
	}
}

// refused is a list that the map has and Mailman has not.
func (s *site) refused(t *testing.T) {
	s.upstream.Drain()
	text, err := os.ReadFile(filepath.Join(s.mailman.data(), "postfix_lmtp"))
	if err != nil {
		t.Fatal(err)
	}
	stale := filepath.Join(t.TempDir(), "postfix_lmtp")
	write(t, stale, strings.ReplaceAll(string(text), "ant", "bee"))
	srv := s.relay(t, stale)
	to := []string{"bee@lists.test", "bob@plain.test", "two-words-request@lists.test"}
	const no = "550 Requested action not taken: mailbox unavailable"
	if reply := send(srv.Client(), "dora@members.test", help(to[0]), to...); reply != no+": <bee@lists.test>" {
		t.Errorf("reply %q", reply)
	}
	checkFinals(t, srv, no, ok, ok)
	s.upstream.Wait(1)
	s.sent("dora@members.test") // the answer to the request
}

// down is Mailman's absence: it concerns its own recipients only.
func (s *site) down(t *testing.T) {
	s.upstream.Drain()
	srv := s.relay(t, filepath.Join(s.mailman.data(), "postfix_lmtp"))
	if reply := send(srv.Client(), "dora@members.test", help("bob@plain.test"), "bob@plain.test", "ant@lists.test"); !strings.HasPrefix(reply, "451 ") || !strings.HasSuffix(reply, ": <ant@lists.test>") {
		t.Errorf("reply %q, want 451 about ant", reply)
	}
	checkFinals(t, srv, ok, fails+"*")
	s.upstream.Wait(1)
}

// checkFinals compares what each recipient of the only transaction was told.
func checkFinals(t *testing.T, srv *smtptest.Server, want ...string) {
	t.Helper()
	tr := srv.WaitSession(func(smtptest.Session) bool { return true }).Transactions[0]
	for i, r := range tr.Recipients {
		if !like(want[i], string(r.FinalReply)) {
			t.Errorf("%s: FinalReply = %q, want %q", r.To, r.FinalReply, want[i])
		}
	}
}
