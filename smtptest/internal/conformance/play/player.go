package play

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// A Player is a raw client that plays a talk.
type Player struct {
	T       *testing.T
	Srv     *smtptest.Server
	Virtual bool // in a bubble
	C       net.Conn
	below   *tap  // under TLS
	refused error // of the last dial, handshake or read
	over    bool  // the connection has ended
	All     []net.Conn
	now     time.Time     // of the last octet, sent or read
	wait    time.Duration // until the next
	slow    []int         // indexes of the rules that take time
	firing  chan struct{} // closed when one of these rules fires
}

// Play connects, plays the talk, and reports whether the talk came to its end. Over
// TCP it closes the server at the first line that would take time.
func (p *Player) Play(talk []string) (whole bool) {
	p.T.Helper()
	p.Connect()
	if !p.Run(talk) {
		return false
	}
	if err := p.leave(); err != nil {
		p.T.Errorf("at the end: %v\n%s", err, p.Srv.Transcript())
	}
	return true
}

// Run is Play on the current connection, which stays open.
func (p *Player) Run(talk []string) (whole bool) {
	p.T.Helper()
	steps := actionsOf(talk)
	for i, step := range steps {
		if (step.kind == "--" || step.kind == "C~") && !p.Virtual {
			p.Hold()
			return false
		}
		last := i == len(steps)-1
		if err := p.step(step, last || steps[i+1].kind[0] != 'S'); err != nil {
			p.T.Fatalf("step %d, %s %q: %v\n%s", i, step.kind, Short(step.text), err, p.Srv.Transcript())
		}
	}
	return true
}

type action struct{ kind, text string }

// actionsOf joins what is sent, and what comes back, at once.
func actionsOf(talk []string) []action {
	var steps []action
	for _, line := range talk {
		s := action{line[:2], strings.TrimPrefix(line[2:], " ")}
		if s.kind == "C:" || s.kind == "S:" {
			s = action{line[:1] + "+", s.text + "\r\n"}
		}
		if n := len(steps) - 1; n >= 0 && s.kind[1] == '+' && steps[n].kind == s.kind {
			steps[n].text += s.text
			continue
		}
		steps = append(steps, s)
	}
	return steps
}

// step plays one step; quiet says that nothing is expected after a wait.
func (p *Player) step(s action, quiet bool) error {
	if p.refused != nil && s.kind != "S!" && s.kind != Closed {
		return p.refused
	}
	switch s.kind {
	case "C+":
		_, err := io.WriteString(p.C, s.text)
		p.now = time.Now()
		return err
	case "S+":
		return p.hear(s.text)
	case Closed:
		return p.fail(io.EOF.Error())
	case "S!":
		return p.fail(s.text)
	case "--":
		p.wait = span(s.text)
		if quiet {
			return p.silence()
		}
	case "C~":
		time.Sleep(span(s.text))
		synctest.Wait() // for what else happens at that time
		p.now = time.Now()
	case Reconnect:
		err := p.leave()
		p.Connect()
		return err
	case ConnectMore:
		p.Connect()
	case StartTLS, StartTLSUntrusting:
		return p.handshake(s.kind == StartTLSUntrusting)
	case "!!":
		map[string]func(){Stop: p.Srv.Stop, Restart: p.Srv.Restart, CloseServer: p.Srv.Close}["!! "+s.text]()
	default:
		return errors.New("what is that?")
	}
	return nil
}

func span(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		panic(err)
	}
	return d
}

// Connect makes another connection, on which the talk continues.
func (p *Player) Connect() {
	c, err := p.Srv.DialContext(context.Background(), "", "")
	p.C, p.below, p.refused, p.over = c, nil, err, err != nil
	p.now = time.Now()
	if p.refused != nil {
		return
	}
	p.All = append(p.All, p.C)
	p.T.Cleanup(func() { c.Close() })
}

func (p *Player) handshake(wary bool) error {
	config := p.Srv.ClientTLSConfig()
	if wary {
		config.RootCAs = x509.NewCertPool()
	}
	p.below = &tap{Conn: p.C}
	c := tls.Client(p.below, config)
	p.refused = c.Handshake()
	p.C = c
	if c.ConnectionState().Version != tls.VersionTLS12 {
		p.below = nil
	}
	if p.refused != nil {
		p.over = true
		return nil
	}
	return p.onTime()
}

// onTime holds that something has come at its moment.
func (p *Player) onTime() error {
	took := time.Since(p.now)
	if p.Virtual && took != p.wait {
		return fmt.Errorf("it came after %v, want %v", took, p.wait)
	}
	return nil
}

// hear expects octets, all of them at the same moment.
func (p *Player) hear(want string) error {
	got := make([]byte, len(want))
	for n := 0; n < len(want); {
		k, err := p.C.Read(got[n:])
		n += k
		if !strings.HasPrefix(want, string(got[:n])) {
			return fmt.Errorf("octets mismatch (-want +got):\n%s", cmp.Diff(Short(want), Short(string(got[:n]))))
		}
		if err == io.EOF && n == len(want) {
			p.refused, err = err, nil // TLS tells the end with the last octets
		}
		if err != nil {
			return fmt.Errorf("%w after %q, want %q", err, Short(string(got[:n])), Short(want))
		}
		if err := p.onTime(); err != nil {
			return err
		}
	}
	p.now, p.wait = time.Now(), 0
	return nil
}

// fail expects the end of the connection, or that there is none.
func (p *Player) fail(want string) error {
	n, err := 0, p.refused
	if err == nil {
		n, err = p.C.Read(make([]byte, 1))
		if err == io.EOF && p.below != nil && !p.below.alerted() {
			err = errors.New("cut without close_notify")
		}
	}
	defer func() { p.over, p.refused, p.now, p.wait = true, nil, time.Now(), 0 }()
	if n > 0 || err == nil || !strings.Contains(err.Error(), want) {
		return fmt.Errorf("Read() = %d, %v; want %s", n, err, want)
	}
	return p.onTime()
}

// silence expects nothing for the time of wait.
func (p *Player) silence() error {
	p.C.SetReadDeadline(p.now.Add(p.wait))
	n, err := p.C.Read(make([]byte, 1))
	if ne, ok := err.(net.Error); n > 0 || !ok || !ne.Timeout() {
		return fmt.Errorf("Read() = %d, %v; want nothing for %v", n, err, p.wait)
	}
	p.C.SetReadDeadline(time.Time{})
	p.now, p.wait = time.Now(), 0
	return nil
}

// leave closes the sending side; nothing more may come than the end.
func (p *Player) leave() error {
	if p.C == nil || p.refused != nil && p.refused != io.EOF {
		return p.refused
	}
	defer p.C.Close()
	c, ok := p.C.(interface{ CloseWrite() error })
	if p.over || p.refused != nil || !ok {
		return nil
	}
	c.CloseWrite()
	if rest, err := io.ReadAll(p.C); len(rest) > 0 || err != nil {
		return fmt.Errorf("the rest is %q, %v", Short(string(rest)), err)
	}
	return nil
}

// Watch makes the rules that take time close p.firing. Such a rule fires if its
// condition holds more than Skip times; hold verifies that it did.
func (p *Player) Watch(rules []smtptest.Rule) []smtptest.Rule {
	p.firing = make(chan struct{})
	once := sync.OnceFunc(func() { close(p.firing) })
	rules = slices.Clone(rules)
	for i := range rules {
		r := &rules[i]
		r.Optional = true // the talk may end before
		if strings.HasPrefix(r.On, "IDLE") || r.Delay+r.Jitter == 0 && (r.Pause == 0 || !strings.HasPrefix(r.On, "BODY")) {
			continue
		}
		p.slow = append(p.slow, i)
		condition, matches := r.If, 0
		r.If = func(e smtptest.Event) bool {
			if condition != nil && !condition(e) {
				return false
			}
			if matches++; matches > r.Skip {
				once()
			}
			return true
		}
	}
	return rules
}

// A tap keeps the octets of a TLS connection.
type tap struct {
	net.Conn
	got []byte
}

func (t *tap) Read(b []byte) (int, error) {
	n, err := t.Conn.Read(b)
	t.got = append(t.got, b[:n]...)
	return n, err
}

// alerted says that an alert has come, as close_notify is one. In TLS 1.3 that
// cannot be seen, as alerts are encrypted with their type.
func (t *tap) alerted() bool {
	const alert, version12 = 21, 3
	rest := t.got
	for len(rest) > 5 && rest[0] != alert {
		rest = rest[min(len(rest), 5+int(rest[3])<<8+int(rest[4])):]
	}
	return len(rest) > 0
}

// Hold waits until a rule that takes time fires, and closes the server. The
// client must get nothing, because the server closes before that time is over.
func (p *Player) Hold() {
	p.T.Helper()
	if len(p.slow) > 0 {
		<-p.firing
	}
	if inBubble() {
		synctest.Wait() // until that time has begun
	}
	CloseAtOnce(p.T, p.Srv)
	if fired := p.Srv.Fired(); len(p.slow) > 0 && !slices.ContainsFunc(p.slow, func(i int) bool { return fired[i] > 0 }) {
		p.T.Errorf("Fired() = %v after Close; want a rule of %v to have fired", fired, p.slow)
	}
	if p.over {
		return
	}
	if rest, err := io.ReadAll(p.C); len(rest) > 0 || err != nil && !Ended(err) && !errors.Is(err, io.ErrUnexpectedEOF) {
		p.T.Errorf("at a wait came %q, %v", Short(string(rest)), err)
	}
}

// Lines of a fault's talk, beside "C: " and "C+ " for what is sent with a CRLF
// and as it is, and "S: " and "S+ " for what must come back. "-- 10s" is how
// long that takes to come, or how long nothing comes; "C~ 1h" is how long the
// client waits. "S! reset" is how reading, connecting or a handshake fails.
const (
	Reconnect          = "C=" // the client closes its connection and makes another
	ConnectMore        = "C|" // it makes another and keeps the former open
	StartTLS           = "C*" // it begins TLS, verifying the certificate
	StartTLSUntrusting = "C?" // the same, and knows no authority
	Stop               = "!! stop"
	Restart            = "!! restart"
	CloseServer        = "!! close"
)
