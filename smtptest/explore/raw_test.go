package explore_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/explore"
)

// A rawMailer is a correct mailer that speaks the protocol itself, in all the ways that
// net/smtp does not know. It keeps its connection if it is pooled.
type rawMailer struct {
	dial   func(ctx context.Context, network, addr string) (net.Conn, error)
	tls    *tls.Config // implicit TLS
	lmtp   bool
	bdat   bool
	chunks int // of BDAT
	pooled bool
	noop   bool // it sends NOOP, and not RSET, before it uses a connection again
	noQuit bool

	mu   *sync.Mutex
	conn *rawConn
}

type rawConn struct {
	net.Conn
	r *textproto.Reader
}

// command sends a line and reads the reply to it.
func (c *rawConn) command(line string) error {
	if line != "" {
		if _, err := fmt.Fprintf(c, "%s\r\n", line); err != nil {
			return err
		}
	}
	return c.reply('2')
}

// reply reads a reply, which must begin with the digit.
func (c *rawConn) reply(digit byte) error {
	c.SetReadDeadline(time.Now().Add(5 * time.Minute))
	var code int
	for {
		line, err := c.r.ReadLine()
		if err != nil {
			return err
		}
		if len(line) < 3 {
			return fmt.Errorf("short reply %q", line)
		}
		if _, err := fmt.Sscanf(line[:3], "%d", &code); err != nil {
			return fmt.Errorf("no reply: %q", line)
		}
		if len(line) > 3 && line[3] == '-' {
			continue
		}
		if line[0] != digit {
			return &textproto.Error{Code: code, Msg: line}
		}
		return nil
	}
}

// Send delivers a mail to all recipients, each one once.
func (m *rawMailer) Send(ctx context.Context, to []string, data string) (err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var refused error
	for try := range 5 {
		if try > 0 {
			select {
			case <-time.After(time.Duration(try) * time.Minute):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		var rest []string
		rest, err = m.try(ctx, to, data)
		to = nil
		for _, r := range rest {
			var e *textproto.Error
			if errors.As(err, &e) && e.Code >= 500 {
				refused = err
				continue
			}
			to = append(to, r)
		}
		if len(to) == 0 {
			return refused
		}
	}
	return err
}

func (m *rawMailer) connect(ctx context.Context) (*rawConn, error) {
	if c := m.conn; c != nil {
		m.conn = nil
		check := "RSET"
		if m.noop {
			check = "NOOP"
		}
		if err := c.command(check); err == nil {
			return c, nil
		}
		c.Close() // a new connection is not a retry
	}
	conn, err := m.dial(ctx, "tcp", "mx:25")
	if err != nil {
		return nil, err
	}
	if m.tls != nil {
		conn.SetDeadline(time.Now().Add(5 * time.Minute))
		conn = tls.Client(conn, m.tls)
	}
	c := &rawConn{Conn: conn, r: textproto.NewReader(bufio.NewReader(conn))}
	hello := "EHLO client.test"
	if m.lmtp {
		hello = "LHLO client.test"
	}
	if err = c.reply('2'); err == nil {
		conn.SetDeadline(time.Time{})
		err = c.command(hello)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// try returns the recipients that still need the mail.
func (m *rawMailer) try(ctx context.Context, to []string, data string) (rest []string, err error) {
	c, err := m.connect(ctx)
	if err != nil {
		return to, err
	}
	rest, err = m.transact(c, to, data)
	switch {
	case err == nil && m.pooled:
		m.conn = c
		return rest, nil
	case err == nil && !m.noQuit:
		c.command("QUIT")
	}
	c.Close()
	return rest, err
}

func (m *rawMailer) transact(c *rawConn, to []string, data string) (rest []string, err error) {
	if err := c.command("MAIL FROM:<shop@example.com>"); err != nil {
		return to, err
	}
	var accepted []string
	for _, r := range to {
		if e := c.command("RCPT TO:<" + r + ">"); e != nil {
			rest, err = append(rest, r), e
		} else {
			accepted = append(accepted, r)
		}
	}
	if len(accepted) == 0 {
		return rest, err
	}
	if e := m.send(c, data); e != nil {
		return to, e
	}
	replies := accepted[:1]
	if m.lmtp {
		replies = accepted
	}
	for i, r := range replies {
		e := c.reply('2')
		var refusal *textproto.Error
		switch {
		case e == nil:
		case !m.lmtp:
			return to, e
		case errors.As(e, &refusal):
			rest, err = append(rest, r), e
		default:
			return append(rest, replies[i:]...), e
		}
	}
	return rest, err
}

// send sends the content, up to the reply to its end.
func (m *rawMailer) send(c *rawConn, data string) error {
	if !m.bdat {
		fmt.Fprintf(c, "DATA\r\n")
		if err := c.reply('3'); err != nil {
			return err
		}
		w := textproto.NewWriter(bufio.NewWriter(c)).DotWriter()
		w.Write([]byte(data))
		return w.Close()
	}
	for i := range m.chunks {
		chunk := data[i*len(data)/m.chunks : (i+1)*len(data)/m.chunks]
		if i == m.chunks-1 {
			_, err := fmt.Fprintf(c, "BDAT %d LAST\r\n%s", len(chunk), chunk)
			return err
		}
		fmt.Fprintf(c, "BDAT %d\r\n%s", len(chunk), chunk)
		if err := c.reply('2'); err != nil {
			return err
		}
	}
	return nil
}

func (m *rawMailer) Close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.conn != nil {
		m.conn.command("QUIT")
		m.conn.Close()
	}
}

// TestGoodMailers plays correct mailers of many kinds. None of them has a violation.
func TestGoodMailers(t *testing.T) {
	all := explore.Temporary | explore.Lost
	chunking := func(srv *smtptest.Server) { srv.Extensions = append(srv.Extensions, "CHUNKING") }
	for _, test := range []struct {
		name   string
		server func(*smtptest.Server)
		mailer rawMailer
		to     string
		mails  int
		tcp    bool
	}{
		{name: "plain"},
		{name: "no QUIT", mailer: rawMailer{noQuit: true}},
		{name: "implicit TLS", server: (*smtptest.Server).StartTLSInMemory, mailer: rawMailer{tls: &tls.Config{}}},
		{name: "LMTP", server: func(srv *smtptest.Server) { srv.LMTP = true }, mailer: rawMailer{lmtp: true}, to: "bob@example.com ann@example.com eve@example.com"},
		{name: "BDAT", server: chunking, mailer: rawMailer{bdat: true, chunks: 1}},
		{name: "BDAT in chunks", server: chunking, mailer: rawMailer{bdat: true, chunks: 3}},
		{name: "LMTP by BDAT", server: func(srv *smtptest.Server) { srv.LMTP = true; chunking(srv) }, mailer: rawMailer{lmtp: true, bdat: true, chunks: 2}, to: "bob@example.com ann@example.com"},
		{name: "pool with RSET", mailer: rawMailer{pooled: true}},
		{name: "pool with NOOP", mailer: rawMailer{pooled: true, noop: true}},
		{name: "recipients", to: "bob@example.com ann@example.com eve@example.com"},
		{name: "mails", mails: 3},
		{name: "mails over one connection", mails: 3, mailer: rawMailer{pooled: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			to := strings.Fields(test.to)
			if len(to) == 0 {
				to = []string{"bob@example.com"}
			}
			cfg := explore.Config{Server: test.server, Retry: all}
			found, table := explore.Violations(t, cfg, func(t *testing.T, srv *smtptest.Server) func(context.Context) error {
				m := test.mailer
				m.dial, m.mu = srv.DialContext, &sync.Mutex{}
				if m.tls != nil {
					m.tls = srv.ClientTLSConfig()
				}
				t.Cleanup(m.Close)
				return func(ctx context.Context) (err error) {
					for i := range max(1, test.mails) {
						text := strings.NewReplacer("<1@", fmt.Sprintf("<%d@", i+1), "Welcome", fmt.Sprintf("Mail %d", i+1)).Replace(mail)
						err = errors.Join(err, m.Send(ctx, to, text))
					}
					return err
				}
			})
			t.Log(table)
			if len(found) > 0 {
				t.Errorf("violations: %v\n%s", found, table)
			}
		})
	}
}
