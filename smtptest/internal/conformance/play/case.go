package play

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

// A Case is one conversation and what must come of it. [Run] plays it in every way
// that applies.
type Case struct {
	Name     string
	Why      string                 // section of RFC 5321, another RFC's, or the trap that it avoids
	Setup    func(*smtptest.Server) // before Start; nil: the defaults
	In       State                  // where the talk begins; "": before the greeting
	Talk     []string               // see the documentation of the package
	Want     []smtptest.Message     // what is recorded; fields that differ from run to run are left out
	End      string                 // Session.End; "": EndQuit if the server closes, else EndClosed
	Outcomes []string               // the outcome of each transaction; nil: not looked at
	Separate bool                   // must be played step by step: not in one write, not split
	Split    bool                   // small enough to be cut at every octet of the talk
}

// Lines of a talk. The text after "C: " is sent with a CRLF and that after
// "C+ " as it is; the text after "S: " must come back.
const (
	Silence = "--" // nothing comes back so far
	Shut    = "C-" // the client ends its sending side and reads on
	Closed  = "S-" // the server closes
)

// A Step is what the client sends at once, and what must come back for it.
type Step struct {
	Send, Expect string
	Shut, Closed bool
}

// StepsOf groups a talk: what is sent at once, then what comes back for it.
func StepsOf(talk []string) []Step {
	steps := []Step{{}}
	answered := false
	for _, line := range talk {
		if line[0] == 'C' && answered {
			steps = append(steps, Step{})
		}
		answered = line[0] != 'C'
		now := &steps[len(steps)-1]
		switch {
		case line == Shut:
			now.Shut = true
		case line == Closed:
			now.Closed = true
		case line == Silence:
		case strings.HasPrefix(line, "C+ "):
			now.Send += line[3:]
		case strings.HasPrefix(line, "C: "):
			now.Send += line[3:] + "\r\n"
		case strings.HasPrefix(line, "S: "):
			now.Expect += line[3:] + "\r\n"
		default:
			panic("talk: " + line)
		}
	}
	return steps
}

// Joined returns the steps as one: all that is sent, and all that must come back.
func Joined(steps []Step) Step {
	var all Step
	for _, t := range steps {
		all.Send += t.Send
		all.Expect += t.Expect
		all.Shut = all.Shut || t.Shut
		all.Closed = all.Closed || t.Closed
	}
	return all
}

// Run plays the cases over TCP and in memory; then, as far as a case allows, with
// everything in one write, cut in two at every octet, octet by octet, and
// without enhanced status codes.
func Run(t *testing.T, cases []Case) {
	for _, r := range cases {
		t.Run(r.Name, func(t *testing.T) {
			t.Parallel()
			steps := StepsOf(slices.Concat(PathTo[r.In], r.Talk))
			one := []Step{Joined(steps)}
			t.Run("tcp", func(t *testing.T) { r.overTCP(t, steps) })
			t.Run("memory", func(t *testing.T) { r.inMemory(t, steps) })
			if !r.Separate {
				t.Run("one write", func(t *testing.T) { r.inMemory(t, one) })
			}
			if r.Split {
				t.Run("split", func(t *testing.T) { r.inPieces(t, one[0]) })
			}
			if r.Setup == nil {
				t.Run("plain", func(t *testing.T) { r.plain().inMemory(t, plain(steps)) })
			}
		})
	}
}

// overTCP plays the steps one by one over a real connection.
func (r Case) overTCP(t *testing.T, steps []Step) {
	t.Parallel()
	srv := r.server(t)
	startTCP(srv)
	c := Dial(t, srv)
	if err := Converse(c, steps); err != nil {
		t.Fatalf("%s\n%v", r.Why, err)
	}
	c.Close()
	r.check(t, srv, Joined(steps))
}

// Converse plays steps one by one as a client that reads what it expects.
func Converse(c net.Conn, steps []Step) error {
	for i, step := range steps {
		io.WriteString(c, step.Send)
		if step.Shut {
			c.(interface{ CloseWrite() error }).CloseWrite()
		}
		got := make([]byte, len(step.Expect))
		n, err := io.ReadFull(c, got)
		if diff := cmp.Diff(step.Expect, string(got[:n])); diff != "" {
			return fmt.Errorf("step %d, %q: %v, replies (-want +got):\n%s", i, Short(step.Send), err, diff)
		}
		if step.Closed {
			if n, err := c.Read(make([]byte, 512)); n > 0 || !Ended(err) {
				return fmt.Errorf("step %d: Read() = %d, %v; the server must close", i, n, err)
			}
		}
	}
	return nil
}

// inMemory plays the steps in a bubble, where synctest.Wait shows that nothing
// else comes back.
func (r Case) inMemory(t *testing.T, steps []Step) {
	synctest.Test(t, func(t *testing.T) {
		srv := r.server(t)
		srv.StartInMemory()
		c := Listen(Dial(t, srv))
		for i, step := range steps {
			c.Say(step)
			if diff := cmp.Diff(step.Expect, c.Heard()); diff != "" {
				t.Fatalf("%s\nstep %d, %q: replies (-want +got):\n%s", r.Why, i, Short(step.Send), diff)
			}
			if step.Closed != c.Ended() {
				t.Fatalf("%s\nstep %d, %q: closed = %t", r.Why, i, Short(step.Send), !step.Closed)
			}
		}
		c.Close()
		r.check(t, srv, Joined(steps))
	})
}

// inPieces plays a case in two writes, cut at each octet of its talk in turn,
// and then octet by octet: the replies are the same.
func (r Case) inPieces(t *testing.T, all Step) {
	cut := func(t *testing.T, pieces ...string) {
		synctest.Test(t, func(t *testing.T) {
			srv := r.server(t)
			srv.StartInMemory()
			c := Listen(Dial(t, srv))
			for _, p := range pieces {
				c.Say(Step{Send: p})
			}
			if all.Shut {
				c.Say(Step{Shut: true})
			}
			if diff := cmp.Diff(all.Expect, c.Heard()); diff != "" {
				t.Fatalf("%s\ncut after %q: replies (-want +got):\n%s", r.Why, Short(pieces[0]), diff)
			}
			c.Close()
			r.check(t, srv, all)
		})
	}
	for i := len(Joined(StepsOf(PathTo[r.In])).Send); i < len(all.Send); i++ {
		cut(t, all.Send[:i], all.Send[i:])
	}
	cut(t, strings.Split(all.Send, "")...)
}

func (r Case) server(t *testing.T) *smtptest.Server {
	srv := smtptest.NewUnstartedServer(t)
	if r.Setup != nil {
		r.Setup(srv)
	}
	return srv
}

// check compares what was recorded of the one session, after its end.
func (r Case) check(t *testing.T, srv *smtptest.Server, all Step) {
	t.Helper()
	s := srv.WaitSession(func(smtptest.Session) bool { return true })
	end := smtptest.EndClosed
	if all.Closed {
		end = smtptest.EndQuit
	}
	if r.End != "" {
		end = r.End
	}
	if s.End != end {
		t.Errorf("%s\nEnd = %q, want %q", r.Why, s.End, end)
	}
	if diff := cmp.Diff(filled(r.Want), Envelopes(srv.Messages())); diff != "" {
		t.Errorf("%s\nMessages() (-want +got):\n%s", r.Why, diff)
	}
	outcomes := []string{}
	for _, tr := range s.Transactions {
		outcomes = append(outcomes, tr.Outcome)
	}
	if diff := cmp.Diff(r.Outcomes, outcomes); r.Outcomes != nil && diff != "" {
		t.Errorf("%s\noutcomes (-want +got):\n%s", r.Why, diff)
	}
	if said := Spoken(s); said != all.Expect {
		t.Errorf("%s\nthe recorded replies differ from the sent ones (-sent +recorded):\n%s", r.Why, cmp.Diff(all.Expect, said))
	}
	checkReplies(t, srv, s)
	CheckAgreement(t, srv)
}

// Spoken returns what the server sent, by its own record.
func Spoken(s smtptest.Session) string {
	var b strings.Builder
	for _, e := range s.Exchanges {
		if e.Raw != "" {
			b.WriteString(e.Raw)
		} else if e.Reply != "" {
			b.WriteString(OnWire(e.Reply))
		}
	}
	return b.String()
}

// OnWire returns a reply as it is sent: each line with CRLF.
func OnWire(r smtptest.Reply) string {
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

// plain is the case for a server that does not offer ENHANCEDSTATUSCODES.
func (r Case) plain() Case {
	r.Setup = func(srv *smtptest.Server) { srv.Extensions = Without(srv.Extensions, "ENHANCEDSTATUSCODES") }
	r.Want = filled(r.Want)
	for i, m := range r.Want {
		r.Want[i].Reply = smtptest.Reply(enhanced.ReplaceAllString(string(m.Reply), "$1"))
	}
	return r
}

func plain(steps []Step) []Step {
	bare := make([]Step, len(steps))
	for i, t := range steps {
		t.Expect = strings.ReplaceAll(t.Expect, "250-ENHANCEDSTATUSCODES\r\n", "")
		t.Expect = enhanced.ReplaceAllString(t.Expect, "$1")
		bare[i] = t
	}
	return bare
}

// filled adds to the messages of a case what cases do not repeat.
func filled(want []smtptest.Message) []smtptest.Message {
	want = slices.Clone(want)
	for i, m := range want {
		if m.Reply == "" {
			want[i].Reply = OK
		}
		if m.RcptOptions == nil {
			want[i].RcptOptions = make([][]string, len(m.To))
		}
	}
	return want
}

// Envelopes leaves out what differs from run to run.
func Envelopes(messages []smtptest.Message) []smtptest.Message {
	for i := range messages {
		m := &messages[i]
		m.Session, m.Transaction, m.Time, m.Peer, m.Helo = 0, 0, time.Time{}, "", ""
	}
	return messages
}

// Without returns a copy of the list that lacks the entry.
func Without(list []string, entry string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(e string) bool { return e == entry })
}

// Short returns s, cut off if it is long.
func Short(s string) string {
	if len(s) > 300 {
		return fmt.Sprintf("%s... (%d octets)", s[:300], len(s))
	}
	return s
}

// Dial connects a client, and closes it when the test ends.
func Dial(t *testing.T, srv *smtptest.Server) net.Conn {
	t.Helper()
	c, err := srv.DialContext(context.Background(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// Ended reports whether the peer closed: with a FIN, or with the RST that a close
// before all input was read becomes.
func Ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)
}

// A Listener is a client in a bubble that takes in whatever comes.
type Listener struct {
	net.Conn
	mu   sync.Mutex
	got  strings.Builder
	done bool
}

// Listen returns a Listener that reads from c.
func Listen(c net.Conn) *Listener {
	l := &Listener{Conn: c}
	go l.listen()
	return l
}

func (l *Listener) listen() {
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

// Say sends, and waits until the server has sent all its replies.
func (l *Listener) Say(step Step) {
	io.WriteString(l, step.Send) // fails after the server has closed
	if step.Shut {
		l.Conn.(interface{ CloseWrite() error }).CloseWrite()
	}
	synctest.Wait()
}

// Heard returns what has come since the last call.
func (l *Listener) Heard() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.got.String()
	l.got.Reset()
	return s
}

// Ended reports whether the server has closed the connection.
func (l *Listener) Ended() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.done
}
