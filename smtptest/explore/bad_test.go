package explore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/explore"
	"github.com/google/go-cmp/cmp"
)

// flaws are what can be wrong with a flawed mailer.
type flaws struct {
	patient     bool // it has no timeout, and ignores its context
	hasty       bool // it tries again at once, without end
	deadlock    bool // it takes its lock twice after a failure
	careless    bool // it ignores the reply to the end of the data
	optimist    bool // it takes a lost connection at the end of the data for a success
	whole       bool // it sends to all recipients again
	quits       bool // it returns the error of QUIT
	newIDs      bool // it makes a Message-ID for each try
	gives       bool // it never tries again
	stubborn    bool // it tries again after 5xx
	leavesOpen  bool // it does not close the connection after a failure
	clear       bool // it does without TLS if that is not offered
	keeps       bool // it keeps a connection that has failed
	drops       bool // it drops all mails after a failure
	leaks       bool // it leaves a goroutine after a failure
	panics      bool // it panics after a lost connection
	reader      bool // it reads the content once for all tries
	pushes      bool // it sends the content although DATA was refused
	closesAfter time.Duration
}

// A flawed mailer has flaws.
type flawed struct {
	flaws
	good    *mailer
	mu      sync.Mutex
	kept    *smtp.Client
	ids     int
	dropped bool
}

// withFlaws returns the client of a test.
func withFlaws(f flaws, to ...string) func(*testing.T, *smtptest.Server) func(context.Context) error {
	return func(t *testing.T, srv *smtptest.Server) func(context.Context) error {
		m := &flawed{flaws: f, good: newMailer(srv)}
		return func(ctx context.Context) error { return m.Send(ctx, to) }
	}
}

func (m *flawed) Send(ctx context.Context, to []string) (err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dropped {
		return nil
	}
	source := io.Reader(strings.NewReader(mail))
	for try := 0; try < 5 || m.hasty; try++ {
		if try > 0 && !m.hasty {
			time.Sleep(time.Duration(try) * time.Minute)
		}
		if !m.reader {
			source = strings.NewReader(m.message())
		}
		var refused *textproto.Error
		rest, e := m.try(ctx, to, source)
		if err = e; err == nil {
			return nil
		}
		permanent := errors.As(err, &refused) && refused.Code >= 500
		switch {
		case m.deadlock:
			m.mu.Lock()
		case m.panics && !permanent:
			panic("no connection")
		case m.leaks:
			go func() { <-make(chan bool) }()
		case m.drops:
			m.dropped = true
		}
		if m.gives || permanent && !m.stubborn {
			return err
		}
		if !m.whole {
			to = rest
		}
	}
	return err
}

// message returns the mail.
func (m *flawed) message() string {
	if m.newIDs {
		m.ids++
		return strings.Replace(mail, "<1@", fmt.Sprintf("<%d@", m.ids), 1)
	}
	return mail
}

func (m *flawed) try(ctx context.Context, to []string, content io.Reader) (rest []string, err error) {
	c, err := m.connect(ctx)
	if err != nil {
		return to, err
	}
	if !m.leavesOpen && !m.keeps {
		defer c.Close()
	}
	if err := c.Mail("shop@example.com"); err != nil {
		return to, err
	}
	accepted := 0
	for _, r := range to {
		if e := c.Rcpt(r); e != nil {
			rest, err = append(rest, r), e
		} else {
			accepted++
		}
	}
	if accepted == 0 {
		return rest, err
	}
	if e := m.data(c, content); e != nil {
		return to, e
	}
	if m.keeps {
		m.kept = c
		return rest, err
	}
	if e := c.Quit(); e != nil && m.quits {
		return to, e
	}
	return rest, err
}

// data sends the content.
func (m *flawed) data(c *smtp.Client, content io.Reader) error {
	w, err := c.Data()
	if err != nil {
		var refused *textproto.Error
		if m.pushes && errors.As(err, &refused) && refused.Code >= 400 {
			w := c.Text.DotWriter()
			io.Copy(w, content)
			w.Close()
		}
		return err
	}
	if _, err := io.Copy(w, content); err != nil && !m.careless {
		return err
	}
	switch err := w.Close(); {
	case m.careless:
		return nil
	case m.optimist && errors.Is(err, io.EOF):
		return nil
	default:
		return err
	}
}

// connect connects and logs in.
func (m *flawed) connect(ctx context.Context) (*smtp.Client, error) {
	if m.kept != nil {
		return m.kept, m.kept.Reset()
	}
	conn, err := m.good.dial(ctx, "tcp", "mx")
	if err != nil {
		return nil, err
	}
	if !m.patient {
		limit := 5 * time.Minute
		if m.closesAfter > 0 {
			limit = m.closesAfter
		}
		conn.SetDeadline(time.Now().Add(limit))
	}
	if m.keeps {
		conn.SetDeadline(time.Time{})
		conn = timeouts{conn}
	}
	c, err := smtp.NewClient(conn, m.good.host)
	if err == nil {
		good := *m.good
		if ok, _ := c.Extension("STARTTLS"); !ok && m.clear {
			good.tls, good.user = nil, ""
		}
		err = good.begin(c)
	}
	if err != nil {
		if !m.leavesOpen {
			conn.Close()
		}
		return nil, err
	}
	return c, nil
}

// timeouts gives each read five minutes.
type timeouts struct{ net.Conn }

func (c timeouts) Read(b []byte) (int, error) {
	c.SetReadDeadline(time.Now().Add(5 * time.Minute))
	return c.Conn.Read(b)
}

// some keeps the faults that find the mistakes of the bad mailers. With nobody, a mailer
// without a pause would occupy a processor as long as the process lives.
func some(step, fault string) bool {
	return slices.Contains([]string{
		"4xx", "4xx-always", "5xx", "421", "reset", "stall", "late", "answer-then-close", "unusual-2xx", "lost-250-close", "no-STARTTLS",
	}, fault)
}

// TestBadMailers plays a family of mailers with one planted mistake each. Each one is
// identified by the id of its mistake.
func TestBadMailers(t *testing.T) {
	all := explore.Temporary | explore.Lost
	for _, test := range []struct {
		id     string // of the planted mistake
		also   string // of what follows from it
		flaws  flaws
		retry  explore.Retry
		enable []string
		to     string
	}{
		{id: "", retry: all},
		{id: "hang", flaws: flaws{patient: true}, retry: all},
		{id: "stuck", flaws: flaws{deadlock: true}, retry: all},
		{id: "runaway", flaws: flaws{hasty: true}, retry: all},
		{id: "lost", also: "unproved-success", flaws: flaws{careless: true}, retry: all},
		{id: "unproved-success", also: "lost", flaws: flaws{optimist: true}, retry: all},
		{id: "duplicate", flaws: flaws{whole: true}, retry: all, to: "bob@example.com ann@example.com"},
		{id: "false-failure", flaws: flaws{quits: true, gives: true}},
		{id: "new-message-id", flaws: flaws{newIDs: true}, retry: all},
		{id: "not-retried", flaws: flaws{gives: true}, retry: explore.Temporary},
		{id: "retried-permanent", flaws: flaws{stubborn: true}, retry: all},
		{id: "connection-left-open", flaws: flaws{leavesOpen: true}, retry: all},
		{id: "mail-in-clear", flaws: flaws{clear: true}, retry: all},
		{id: "next-mail-fails", flaws: flaws{keeps: true, gives: true}},
		{id: "next-mail-lost", flaws: flaws{drops: true, gives: true}},
		{id: "goroutine-leak", flaws: flaws{leaks: true}, retry: all},
		{id: "panic", flaws: flaws{panics: true}, retry: all},
		{id: "truncated", flaws: flaws{reader: true}, retry: all, also: "lint:header-missing-date,lint:header-missing-from"},
		{id: "lint:data-after-refusal", flaws: flaws{pushes: true}, retry: all},
		{id: "legal-not-understood", retry: all, enable: []string{"legal-not-understood"}},
		{id: "impatient", flaws: flaws{closesAfter: 30 * time.Second}, retry: all, enable: []string{"impatient"}},
		{id: "lint:quit-missing", retry: all, enable: []string{"lint:quit-missing"}},
	} {
		t.Run(test.id, func(t *testing.T) {
			to := "bob@example.com"
			if test.to != "" {
				to = test.to
			}
			found, table := explore.Violations(t, explore.Config{Server: withLogin, Retry: test.retry, Enable: test.enable, Only: some}, withFlaws(test.flaws, strings.Fields(to)...))
			ids := map[string]bool{}
			for id := range found {
				ids[id] = true
			}
			want := map[string]bool{}
			for _, id := range strings.Split(test.id+","+test.also, ",") {
				if id != "" {
					want[id] = true
				}
			}
			if diff := cmp.Diff(want, ids); diff != "" {
				t.Errorf("violations (-want +got):\n%s%v\n%s", diff, found, table)
			}
		})
	}
}
