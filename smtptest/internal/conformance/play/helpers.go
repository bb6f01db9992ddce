package play

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
)

// WriteText returns a function for [smtptest.Server.Artifact] that writes the text.
func WriteText(text string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

// RunElsewhere runs tests of this binary in another process, which finds env set, and
// returns what it says.
func RunElsewhere(env, tests string, flags ...string) (string, error) {
	cmd := exec.Command(os.Args[0], append(flags, "-test.run="+tests)...)
	cmd.Env = append(os.Environ(), env+"=1", "GORACE=atexit_sleep_ms=0")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// CheckAgreement verifies that the parts of a record agree: each message with
// its transaction, each reply with what was sent, and each outcome with its
// reply. The sessions have ended, and nothing was drained.
func CheckAgreement(t *testing.T, srv *smtptest.Server) {
	t.Helper()
	sessions, accepted := srv.Sessions(), 0
	for _, s := range sessions {
		sent := Spoken(s)
		for i, x := range s.Transactions {
			switch {
			case x.Outcome == smtptest.OutcomeAccepted:
				accepted++
			case x.Reply != "" && x.Outcome != smtptest.OutcomeRefused:
				t.Errorf("session %d, transaction %d: Outcome = %q with the reply %q", s.ID, i+1, x.Outcome, x.Reply)
			}
			if x.Reply != "" && !strings.Contains(sent, OnWire(x.Reply)) {
				t.Errorf("session %d, transaction %d: the Reply %q was not sent", s.ID, i+1, x.Reply)
			}
		}
		at := time.Duration(0)
		for _, e := range s.Exchanges {
			if e.On == "" {
				t.Errorf("session %d: %q has no On", s.ID, e.Command)
			}
			if e.At < at {
				t.Errorf("session %d: %q is recorded after %v, and came before", s.ID, e.Command, at)
			}
			at = e.At
		}
	}
	messages := srv.Messages()
	if len(messages) != accepted {
		t.Errorf("%d messages, and %d accepted transactions", len(messages), accepted)
	}
	for _, m := range messages {
		x := sessions[m.Session-1].Transactions[m.Transaction-1]
		if x.Outcome != smtptest.OutcomeAccepted || x.From != m.From || x.Data != m.Data || x.Reply != m.Reply || !slices.Equal(x.Chunks, m.Chunks) {
			t.Errorf("message and transaction differ:\n%+v\n%+v", m, x)
		}
	}
}

// Base64 returns s in Base64.
func Base64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// WithCommand sets one function as the server's Commands.
func WithCommand(verb string, f smtptest.CommandFunc) func(*smtptest.Server) {
	return func(srv *smtptest.Server) { srv.Commands = map[string]smtptest.CommandFunc{verb: f} }
}

// WithReply sets a CommandFunc that only replies.
func WithReply(verb string, reply smtptest.Reply) func(*smtptest.Server) {
	return WithCommand(verb, func(*smtptest.Channel, string) smtptest.Reply { return reply })
}

// CloseAtOnce closes the server. In a bubble it verifies that Close waits for no
// timer; elsewhere a Close that hangs ends with the timeout of the test binary.
func CloseAtOnce(t *testing.T, srv *smtptest.Server) {
	t.Helper()
	began := time.Now()
	srv.Close()
	if took := time.Since(began); inBubble() && took != 0 {
		t.Errorf("Close took %v", took)
	}
}

// inBubble reports whether the caller is in a bubble, whose clock starts in 2000.
func inBubble() bool { return time.Now().UTC().Year() == 2000 }

// Unknown returns the reply to an unknown verb.
func Unknown(verb string) string {
	return `500 5.5.2 Error: command "` + verb + `" not recognized`
}

// LineCase returns the case of one line in one state. It verifies the one reply,
// and that the session is then in the state to, or as before if to is "".
func LineCase(name, why string, in State, line, reply string, to State) Case {
	if to == "" {
		to = in
	}
	return Case{Name: name, Why: why, In: in, Want: []smtptest.Message{Message()},
		Talk: Talk("C: "+line, "S: "+reply, Proof[to]), Split: strings.ContainsAny(line, "\r\n\x00")}
}

// Fill returns a line of n octets, its CRLF counted: before, x as often as needed, after.
func Fill(n int, before, after string) string {
	return before + strings.Repeat("x", n-2-len(before)-len(after)) + after
}

// FirstExchange returns the first exchange with that command.
func FirstExchange(s smtptest.Session, command string) smtptest.Exchange {
	for _, e := range s.Exchanges {
		if e.Command == command {
			return e
		}
	}
	return smtptest.Exchange{}
}

// WithExtensions adds EHLO lines to the defaults.
func WithExtensions(lines ...string) func(*smtptest.Server) {
	return func(srv *smtptest.Server) { srv.Extensions = append(srv.Extensions, lines...) }
}

// EHLOWith returns EHLO with lines added to the defaults.
func EHLOWith(lines ...string) []string {
	said := slices.Clone(SayEHLO)
	said[len(said)-1] = "S: 250-HELP"
	for i, line := range lines {
		sep := "-"
		if i == len(lines)-1 {
			sep = " "
		}
		said = append(said, "S: 250"+sep+line)
	}
	return said
}

// Said returns a command and its reply.
func Said(command, reply string) []string { return []string{"C: " + command, "S: " + reply} }

// SayTo returns the RCPT command for an address, and its reply.
func SayTo(address, reply string) []string { return Said("RCPT TO:<"+address+">", reply) }

// WithUsers sets the user "ann" with the password "secret".
func WithUsers(srv *smtptest.Server) { srv.Users = map[string]string{"ann": "secret"} }

// BegunTLS leads to the 220 of STARTTLS.
var BegunTLS = Talk("S: "+Greeting, SayEHLOTLS, "C: STARTTLS", "S: "+TLSReady)

// WithHandler sets a Handler.
func WithHandler(f func(ctx context.Context, m smtptest.Message) smtptest.Reply) func(*smtptest.Server) {
	return func(srv *smtptest.Server) { srv.Handler = smtptest.HandlerFunc(f) }
}

// WithHandlerReply sets a Handler that always returns the reply.
func WithHandlerReply(reply smtptest.Reply) func(*smtptest.Server) {
	return WithHandler(func(context.Context, smtptest.Message) smtptest.Reply { return reply })
}

// CheckFailed verifies what comes of test code that fails: what the client heard
// ("": the connection ended), what the test was told, and that the server lives
// on.
func CheckFailed(t *testing.T, tb *FakeTB, srv *smtptest.Server, c *Listener, reply, want string) {
	t.Helper()
	if got := c.Heard(); got != reply || c.Ended() != (reply == "") {
		t.Errorf("the client heard %q, want %q", got, reply)
	}
	if got := tb.Errors(); !strings.Contains(got, want) {
		t.Errorf("failure %q, want %q", got, want)
	}
	if err := Deliver(srv, "a@client.test", "text"); err != nil || srv.Count() != 1 {
		t.Errorf("the next message: %v, Count() = %d", err, srv.Count())
	}
	tb.End()
}

// Networks runs a test over TCP, and in memory in a bubble, which also shows
// that no goroutine is left.
func Networks(t *testing.T, f func(t *testing.T, start func(*smtptest.Server))) {
	t.Run("tcp", func(t *testing.T) { f(t, startTCP) })
	t.Run("memory", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { f(t, (*smtptest.Server).StartInMemory) })
	})
}

// startTCP starts a server whose waits take as long as the machine needs, unless the
// test has set a WaitTimeout. If one hangs, the timeout of the test binary ends it.
func startTCP(srv *smtptest.Server) {
	if srv.WaitTimeout == 0 {
		srv.WaitTimeout = math.MaxInt64
	}
	srv.Start()
}

// Arrive connects a client and plays the talk that leads to a state.
func Arrive(t *testing.T, srv *smtptest.Server, to State) net.Conn {
	t.Helper()
	c := Dial(t, srv)
	if err := Converse(c, StepsOf(PathTo[to])); err != nil {
		t.Fatal(err)
	}
	return c
}

// Deliver sends one message as a client of its own.
func Deliver(srv *smtptest.Server, from, data string) error {
	c, err := srv.DialContext(context.Background(), "", "")
	if err != nil {
		return err
	}
	defer c.Close()
	return Converse(c, StepsOf(Talk(PathTo[EHLO], "C: MAIL FROM:<"+from+">", "S: "+MailOK, SayRcpt, SayData, "C: "+data, "C: .", "S: "+OK, SayQuit)))
}

// SendMail sends one message by the client of net/smtp.
func SendMail(srv *smtptest.Server, from, to, data string) error {
	c := srv.Client()
	defer c.Close()
	if err := c.Mail(from); err != nil {
		return err
	}
	if err := c.Rcpt(to); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	fmt.Fprint(w, data)
	if err := w.Close(); err != nil {
		return err
	}
	return c.Quit()
}

// PerRecipient is a RecipientHandler that gives the same replies to each
// message, writes into what it was given, and counts how often it was asked.
type PerRecipient struct {
	Replies []smtptest.Reply
	Asked   int
}

// ProcessMessage panics, because the server must call ProcessRecipients.
func (p *PerRecipient) ProcessMessage(context.Context, smtptest.Message) smtptest.Reply {
	panic("asked for one reply")
}

// ProcessRecipients returns Replies.
func (p *PerRecipient) ProcessRecipients(_ context.Context, m smtptest.Message) []smtptest.Reply {
	p.Asked++
	clear(m.To)
	return p.Replies
}

// Replies to parameters and to content that is too long.
const (
	MailSyntax  = "501 5.5.4 Syntax: MAIL FROM:<address>"
	RcptSyntax  = "501 5.5.4 Syntax: RCPT TO:<address>"
	MailUnknown = "555 5.5.4 MAIL FROM parameters not recognized or not implemented"
	RcptUnknown = "555 5.5.4 RCPT TO parameters not recognized or not implemented"
	BadBody     = "501 5.5.4 Error: BODY can only be one of 7BIT, 8BITMIME"
	TooMuch     = "552 5.3.4 Error: Too much mail data"
)

// Replies to paths that are not valid.
const (
	BadMail = "501 5.1.7 Syntax: MAIL FROM:<address>"
	BadRcpt = "501 5.1.3 Syntax: RCPT TO:<address>"
)

// WithLMTP makes the server speak LMTP.
func WithLMTP(srv *smtptest.Server) { srv.LMTP = true }

// TLSReady is the reply to STARTTLS.
const TLSReady = "220 2.0.0 Ready to start TLS"

// WithTLS offers STARTTLS.
func WithTLS(srv *smtptest.Server) { srv.TLS = &tls.Config{} }

// SayEHLOTLS is EHLO and its reply, which offers STARTTLS.
var SayEHLOTLS = append(append([]string{}, SayEHLO[:len(SayEHLO)-1]...), "S: 250-HELP", "S: 250 STARTTLS")

// MustHello shows that the EHLO given in clear is forgotten (RFC 3207 4.2).
var MustHello = []string{"C: MAIL FROM:<a@client.test>", "S: " + NeedHelo}

// WithScript sets the rules of the server.
func WithScript(rules ...smtptest.Rule) func(*smtptest.Server) {
	return func(srv *smtptest.Server) { srv.Script(rules...) }
}

// Accepted is the outcome of a transaction whose message was accepted.
const Accepted = smtptest.OutcomeAccepted

// Allocated returns how many bytes f makes this process allocate.
func Allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Abort breaks a connection off with RST.
func Abort(c net.Conn) {
	switch c := c.(type) {
	case *net.TCPConn:
		c.SetLinger(0)
	case interface{ Reset() error }:
		c.Reset()
	}
	c.Close()
}

// ReadCode reads a whole reply and returns its code.
func ReadCode(r *bufio.Reader) (string, error) {
	for {
		line, err := r.ReadString('\n')
		if err != nil || len(line) < 4 {
			return line, err
		}
		if line[3] == ' ' {
			return line[:3], nil
		}
	}
}
