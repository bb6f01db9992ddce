package smtptest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// A row is one conversation and what must come of it. The conformance_*_test.go
// files are tables of rows; run plays each of them in every way that applies.
type row struct {
	name  string
	why   string                 // section of RFC 5321, another RFC's, or the trap that it avoids
	setup func(*smtptest.Server) // before Start; nil: the defaults
	in    state                  // where the talk begins; "": before the greeting
	talk  []string               // see turns
	want  []smtptest.Message     // what is recorded; see envelope
	end   string                 // Session.End; "": EndQuit if the server closes, else EndClosed
	fates []string               // the outcome of each transaction; nil: not looked at
	turns bool                   // needs its turns one by one: not in one write, not split
	split bool                   // small enough to be cut at every octet of the talk
}

// Lines of a talk. The text after "C: " is sent with a CRLF and that after
// "C+ " as it is; the text after "S: " must come back.
const (
	silence = "--" // nothing comes back so far
	shut    = "C-" // the client ends its sending side and reads on
	closed  = "S-" // the server closes
)

type turn struct {
	send, expect string
	shut, closed bool
}

// turnsOf groups a talk: what is sent at once, then what comes back for it.
func turnsOf(talk []string) []turn {
	turns := []turn{{}}
	answered := false
	for _, line := range talk {
		if line[0] == 'C' && answered {
			turns = append(turns, turn{})
		}
		answered = line[0] != 'C'
		now := &turns[len(turns)-1]
		switch {
		case line == shut:
			now.shut = true
		case line == closed:
			now.closed = true
		case line == silence:
		case strings.HasPrefix(line, "C+ "):
			now.send += line[3:]
		case strings.HasPrefix(line, "C: "):
			now.send += line[3:] + "\r\n"
		case strings.HasPrefix(line, "S: "):
			now.expect += line[3:] + "\r\n"
		default:
			panic("talk: " + line)
		}
	}
	return turns
}

// joined is a talk as two streams.
func joined(turns []turn) turn {
	var all turn
	for _, t := range turns {
		all.send += t.send
		all.expect += t.expect
		all.shut = all.shut || t.shut
		all.closed = all.closed || t.closed
	}
	return all
}

// run plays the rows over TCP and in memory; then, as far as a row allows, with
// everything in one write, cut in two at every octet, octet by octet, and
// without enhanced status codes.
func run(t *testing.T, rows []row) {
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			turns := turnsOf(slices.Concat(reach[r.in], r.talk))
			one := []turn{joined(turns)}
			t.Run("tcp", func(t *testing.T) { r.overTCP(t, turns) })
			t.Run("memory", func(t *testing.T) { r.inMemory(t, turns) })
			if !r.turns {
				t.Run("one write", func(t *testing.T) { r.inMemory(t, one) })
			}
			if r.split {
				t.Run("split", func(t *testing.T) { r.inPieces(t, one[0]) })
			}
			if r.setup == nil {
				t.Run("plain", func(t *testing.T) { r.plain().inMemory(t, plain(turns)) })
			}
		})
	}
}

// overTCP plays the turns one by one over a real connection.
func (r row) overTCP(t *testing.T, turns []turn) {
	t.Parallel()
	srv := r.server(t)
	startTCP(srv)
	c := dial(t, srv)
	if err := converse(c, turns); err != nil {
		t.Fatalf("%s\n%v", r.why, err)
	}
	c.Close()
	r.check(t, srv, joined(turns))
}

// converse plays turns one by one as a client that reads what it expects.
func converse(c net.Conn, turns []turn) error {
	for i, turn := range turns {
		io.WriteString(c, turn.send)
		if turn.shut {
			c.(interface{ CloseWrite() error }).CloseWrite()
		}
		got := make([]byte, len(turn.expect))
		n, err := io.ReadFull(c, got)
		if diff := cmp.Diff(turn.expect, string(got[:n])); diff != "" {
			return fmt.Errorf("turn %d, %q: %v, replies (-want +got):\n%s", i, short(turn.send), err, diff)
		}
		if turn.closed {
			if n, err := c.Read(make([]byte, 512)); n > 0 || !ended(err) {
				return fmt.Errorf("turn %d: Read() = %d, %v; the server must close", i, n, err)
			}
		}
	}
	return nil
}

// inMemory plays the turns in a bubble, where synctest.Wait shows that nothing
// else comes back.
func (r row) inMemory(t *testing.T, turns []turn) {
	synctest.Test(t, func(t *testing.T) {
		srv := r.server(t)
		srv.StartInMemory()
		c := listenTo(dial(t, srv))
		for i, turn := range turns {
			c.say(turn)
			if diff := cmp.Diff(turn.expect, c.heard()); diff != "" {
				t.Fatalf("%s\nturn %d, %q: replies (-want +got):\n%s", r.why, i, short(turn.send), diff)
			}
			if turn.closed != c.ended() {
				t.Fatalf("%s\nturn %d, %q: closed = %t", r.why, i, short(turn.send), !turn.closed)
			}
		}
		c.Close()
		r.check(t, srv, joined(turns))
	})
}

// inPieces plays a row in two writes, cut at each octet of its talk in turn,
// and then octet by octet: the replies are the same.
func (r row) inPieces(t *testing.T, all turn) {
	cut := func(t *testing.T, pieces ...string) {
		synctest.Test(t, func(t *testing.T) {
			srv := r.server(t)
			srv.StartInMemory()
			c := listenTo(dial(t, srv))
			for _, p := range pieces {
				c.say(turn{send: p})
			}
			if all.shut {
				c.say(turn{shut: true})
			}
			if diff := cmp.Diff(all.expect, c.heard()); diff != "" {
				t.Fatalf("%s\ncut after %q: replies (-want +got):\n%s", r.why, short(pieces[0]), diff)
			}
			c.Close()
			r.check(t, srv, all)
		})
	}
	for i := len(joined(turnsOf(reach[r.in])).send); i < len(all.send); i++ {
		cut(t, all.send[:i], all.send[i:])
	}
	cut(t, strings.Split(all.send, "")...)
}

func (r row) server(t *testing.T) *smtptest.Server {
	srv := smtptest.NewUnstartedServer(t)
	if r.setup != nil {
		r.setup(srv)
	}
	return srv
}

// check compares what was recorded of the one session, after its end.
func (r row) check(t *testing.T, srv *smtptest.Server, all turn) {
	t.Helper()
	s := srv.WaitSession(func(smtptest.Session) bool { return true })
	end := smtptest.EndClosed
	if all.closed {
		end = smtptest.EndQuit
	}
	if r.end != "" {
		end = r.end
	}
	if s.End != end {
		t.Errorf("%s\nEnd = %q, want %q", r.why, s.End, end)
	}
	if diff := cmp.Diff(filled(r.want), envelopes(srv.Messages())); diff != "" {
		t.Errorf("%s\nMessages() (-want +got):\n%s", r.why, diff)
	}
	fates := []string{}
	for _, tr := range s.Transactions {
		fates = append(fates, tr.Outcome)
	}
	if diff := cmp.Diff(r.fates, fates); r.fates != nil && diff != "" {
		t.Errorf("%s\noutcomes (-want +got):\n%s", r.why, diff)
	}
	if said := spoken(s); said != all.expect {
		t.Errorf("%s\nthe recorded replies differ from the sent ones (-sent +recorded):\n%s", r.why, cmp.Diff(all.expect, said))
	}
	checkReplies(t, srv, s)
	checkAgreement(t, srv)
}

// spoken is what the server said, by its own record.
func spoken(s smtptest.Session) string {
	var b strings.Builder
	for _, e := range s.Exchanges {
		if e.Raw != "" {
			b.WriteString(e.Raw)
		} else if e.Reply != "" {
			b.WriteString(onWire(e.Reply))
		}
	}
	return b.String()
}

func onWire(r smtptest.Reply) string {
	return strings.ReplaceAll(strings.ReplaceAll(string(r), "\r\n", "\n"), "\n", "\r\n") + "\r\n"
}

// checkReplies holds all replies of a session against RFC 2034 and RFC 5321
// 4.2: where ENHANCEDSTATUSCODES is offered each has an enhanced code of its
// own class, but not the greeting, also after XCLIENT, HELO, EHLO and 3yz.
func checkReplies(t *testing.T, srv *smtptest.Server, s smtptest.Session) {
	t.Helper()
	offered := strings.Contains(strings.Join(srv.Extensions, " "), "ENHANCEDSTATUSCODES")
	for _, e := range s.Exchanges {
		verb := strings.ToUpper(strings.Fields(e.Command + " -")[0])
		if e.Rule != "" {
			continue // sent verbatim
		}
		bare := verb == "CONNECT" || verb == "XCLIENT" && strings.Contains(string(e.Reply), " ESMTP ") || e.Reply.Code() == 250 && (verb == "HELO" || verb == "EHLO" || verb == "LHLO") || e.Reply.Code()/100 == 3
		for line := range strings.Lines(string(e.Reply)) {
			line = strings.TrimRight(line, "\r\n")
			m := enhanced.FindStringSubmatch(line)
			if len(line) > 510 || e.Reply.Code()/100 < 2 || e.Reply.Code()/100 > 5 {
				t.Errorf("%q: bad reply %q", e.Command, line)
			}
			if want := offered && !bare; want != (m != nil) || want && m[2][0] != line[0] {
				t.Errorf("%q: reply %q: enhanced status code = %q, want one: %t", e.Command, line, m, want)
			}
		}
	}
}

var enhanced = regexp.MustCompile(`(?m)^([2-5]\d\d[ -])([245]\.\d{1,3}\.\d{1,3}) `)

// plain is the row for a server that does not offer ENHANCEDSTATUSCODES.
func (r row) plain() row {
	r.setup = func(srv *smtptest.Server) { srv.Extensions = without(srv.Extensions, "ENHANCEDSTATUSCODES") }
	r.want = filled(r.want)
	for i, m := range r.want {
		r.want[i].Reply = smtptest.Reply(enhanced.ReplaceAllString(string(m.Reply), "$1"))
	}
	return r
}

func plain(turns []turn) []turn {
	bare := make([]turn, len(turns))
	for i, t := range turns {
		t.expect = strings.ReplaceAll(t.expect, "250-ENHANCEDSTATUSCODES\r\n", "")
		t.expect = enhanced.ReplaceAllString(t.expect, "$1")
		bare[i] = t
	}
	return bare
}

// filled adds to the messages of a row what rows do not repeat.
func filled(want []smtptest.Message) []smtptest.Message {
	want = slices.Clone(want)
	for i, m := range want {
		if m.Reply == "" {
			want[i].Reply = ok
		}
		if m.RcptOptions == nil {
			want[i].RcptOptions = make([][]string, len(m.To))
		}
	}
	return want
}

// envelopes leaves out what differs from run to run.
func envelopes(messages []smtptest.Message) []smtptest.Message {
	for i := range messages {
		m := &messages[i]
		m.Session, m.Transaction, m.Time, m.Peer, m.Helo = 0, 0, time.Time{}, "", ""
	}
	return messages
}

func without(list []string, entry string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(e string) bool { return e == entry })
}

func short(s string) string {
	if len(s) > 300 {
		return fmt.Sprintf("%s... (%d octets)", s[:300], len(s))
	}
	return s
}

func dial(t *testing.T, srv *smtptest.Server) net.Conn {
	t.Helper()
	c, err := srv.DialContext(context.Background(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// ended says that the peer closed: with a FIN, or with the RST that a close
// before all input was read becomes.
func ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)
}

// A listener is a client in a bubble that takes in whatever comes.
type listener struct {
	net.Conn
	mu   sync.Mutex
	got  strings.Builder
	done bool
}

func listenTo(c net.Conn) *listener {
	l := &listener{Conn: c}
	go l.listen()
	return l
}

func (l *listener) listen() {
	buf := make([]byte, 4096)
	for {
		n, err := l.Read(buf)
		l.mu.Lock()
		l.got.Write(buf[:n])
		l.done = l.done || err != nil
		l.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// say sends and waits until all has been answered that will be.
func (l *listener) say(turn turn) {
	io.WriteString(l, turn.send) // fails after the server has closed
	if turn.shut {
		l.Conn.(interface{ CloseWrite() error }).CloseWrite()
	}
	synctest.Wait()
}

// heard is what has come since the last call.
func (l *listener) heard() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.got.String()
	l.got.Reset()
	return s
}

func (l *listener) ended() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.done
}
