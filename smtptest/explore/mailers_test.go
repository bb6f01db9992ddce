package explore_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"net/textproto"
	"testing"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
)

const mail = "From: shop@example.com\r\nTo: bob@example.com\r\nSubject: Welcome\r\nDate: Mon, 02 Jan 2006 15:04:05 -0700\r\nMessage-ID: <1@example.com>\r\n\r\nHi Bob!\r\n.\r\n"

// withLogin configures a server with STARTTLS and AUTH.
func withLogin(srv *smtptest.Server) {
	srv.TLS = &tls.Config{}
	srv.Users = map[string]string{"shop": "secret"}
}

// A mailer is a correct mailer on net/smtp. It tries again after temporary failures and
// lost connections.
type mailer struct {
	dial  func(ctx context.Context, network, addr string) (net.Conn, error)
	host  string
	tls   *tls.Config // nil: no TLS
	user  string      // "": no AUTH
	tries int

	timeout time.Duration
}

func newMailer(srv *smtptest.Server) *mailer {
	m := &mailer{dial: srv.DialContext, host: srv.Hostname, tries: 5, timeout: 5 * time.Minute}
	if srv.TLS != nil {
		m.tls = srv.ClientTLSConfig()
	}
	if srv.Users != nil {
		m.user = "shop"
	}
	return m
}

// Send delivers a message to all recipients.
func (m *mailer) Send(ctx context.Context, to []string, data string) (err error) {
	for try := range m.tries {
		if try > 0 {
			select {
			case <-time.After(time.Duration(try) * time.Minute):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		var refused *textproto.Error
		to, err = m.try(ctx, to, data)
		if len(to) == 0 || errors.As(err, &refused) && refused.Code >= 500 {
			return err
		}
	}
	return err
}

// try makes one attempt. It returns the recipients that still need the message.
func (m *mailer) try(ctx context.Context, to []string, data string) (rest []string, err error) {
	conn, err := m.dial(ctx, "tcp", m.host+":25")
	if err != nil {
		return to, err
	}
	conn.SetDeadline(time.Now().Add(m.timeout))
	c, err := smtp.NewClient(conn, m.host)
	if err != nil {
		conn.Close()
		return to, err
	}
	defer c.Close()
	if err := m.begin(c); err != nil {
		return to, err
	}
	if err := c.Mail("shop@example.com"); err != nil {
		return to, err
	}
	var accepted []string
	for _, r := range to {
		if e := c.Rcpt(r); e != nil {
			rest, err = append(rest, r), errors.Join(err, e)
		} else {
			accepted = append(accepted, r)
		}
	}
	if len(accepted) == 0 {
		return rest, err
	}
	w, e := c.Data()
	if e != nil {
		return to, e
	}
	_, e = io.Copy(w, bytes.NewReader([]byte(data)))
	if e = errors.Join(e, w.Close()); e != nil {
		return to, e
	}
	c.Quit() // the message is accepted, whatever comes of QUIT
	return rest, err
}

// begin starts TLS and logs in.
func (m *mailer) begin(c *smtp.Client) error {
	if m.tls != nil {
		if ok, _ := c.Extension("STARTTLS"); !ok {
			return fmt.Errorf("%s offers no STARTTLS", m.host)
		}
		if err := c.StartTLS(m.tls); err != nil {
			return err
		}
	}
	if m.user != "" {
		return c.Auth(smtp.PlainAuth("", m.user, "secret", m.host))
	}
	return nil
}

// sends returns the client of a test that sends the mail to the recipients.
func sends(to ...string) func(*testing.T, *smtptest.Server) func(context.Context) error {
	return func(t *testing.T, srv *smtptest.Server) func(context.Context) error {
		m := newMailer(srv)
		return func(ctx context.Context) error { return m.Send(ctx, to, mail) }
	}
}
