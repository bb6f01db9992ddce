package smtptest

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// Relay is smtpd's PureProxy as a Handler: it hands every message on to one
// upstream SMTP server and answers what that answers. The envelope, the
// parameters that the upstream offers and the octets are unchanged but for an
// X-Peer field at the end of the header. It only ever connects to Addr: give it
// a server of the test's own, for what it is given it really sends. Rows of the
// script come first: a message that they refuse is not relayed. Recording goes
// on as without it. Set the fields before the server starts.
type Relay struct {
	Addr    string                                                            // upstream, "127.0.0.1:2525"
	Dial    func(ctx context.Context, network, addr string) (net.Conn, error) // nil: over TCP; another fake's DialContext chains the two
	TLS     *tls.Config                                                       // nil: in clear; else STARTTLS must succeed
	Auth    smtp.Auth                                                         // nil: none
	Timeout time.Duration                                                     // of a delivery; 0 is 30 s
	NoPeer  bool                                                              // adds no X-Peer
}

// ProcessMessage delivers the message. An upstream that cannot be reached,
// hangs or breaks off gives 451; so the client keeps the message.
func (r *Relay) ProcessMessage(ctx context.Context, m Message) Reply {
	return oneReply(m.To, r.ProcessRecipients(ctx, m))
}

// ProcessRecipients delivers the message and returns the upstream's answer for
// each recipient.
func (r *Relay) ProcessRecipients(ctx context.Context, m Message) []Reply {
	replies := make([]Reply, len(m.To))
	timeout := r.Timeout
	if timeout == 0 {
		timeout = 30 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	refusal, err := r.deliver(ctx, m, replies)
	if err != nil {
		refusal = "451 4.4.1 Error: the upstream server cannot be reached or breaks off"
	}
	for i := range replies {
		if refusal != "" && (replies[i] == "" || replies[i].Code()/100 == 2) {
			replies[i] = refusal
		}
	}
	return replies
}

// deliver is one transaction with the upstream. replies gets the refusals of
// recipients; refusal is the answer for the others, "" if they are accepted.
func (r *Relay) deliver(ctx context.Context, m Message, replies []Reply) (refusal Reply, err error) {
	c, err := r.connect(ctx)
	if err != nil {
		return "", err
	}
	defer c.Close()
	options, refusal := upstreamOptions(c, m.MailOptions, mailParams, m)
	if refusal != "" {
		return refusal, nil
	}
	if reply, err := command(c.Text, "MAIL FROM:<%s>%s", m.From, options); err != nil || reply.Code()/100 != 2 {
		return reply, err
	}
	accepted := 0
	for i, to := range m.To {
		options, _ := upstreamOptions(c, m.RcptOptions[i], rcptParams, m)
		reply, err := command(c.Text, "RCPT TO:<%s>%s", to, options)
		if err != nil {
			return "", err
		}
		if replies[i] = reply; reply.Code()/100 == 2 {
			accepted++
		}
	}
	if accepted == 0 {
		return "", c.Quit()
	}
	if reply, err := command(c.Text, "DATA"); err != nil || reply.Code() != 354 {
		return reply, err
	}
	reply, err := r.content(c.Text, m)
	if err != nil || reply.Code()/100 != 2 {
		return reply, err
	}
	c.Quit() // it has the message: what follows cannot change that
	return "", nil
}

// connect greets the upstream, with TLS and AUTH as configured.
func (r *Relay) connect(ctx context.Context) (*smtp.Client, error) {
	dial := r.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err := dial(ctx, "tcp", r.Addr)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { conn.Close() })
	host, _, err := net.SplitHostPort(r.Addr)
	if err != nil {
		host = r.Addr
	}
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		conn.Close()
		return nil, err
	}
	if r.TLS != nil {
		err = c.StartTLS(r.TLS)
	} else {
		err = c.Hello("localhost")
	}
	if err == nil && r.Auth != nil {
		err = c.Auth(r.Auth)
	}
	if err != nil {
		c.Close()
	}
	return c, err
}

// content sends the octets of the message, and returns the answer.
func (r *Relay) content(text *textproto.Conn, m Message) (Reply, error) {
	if !r.NoPeer {
		m.Data = withPeer(m)
	}
	if m.Data != "" && !strings.HasSuffix(m.Data, "\r\n") {
		m.Data += "\r\n" // a chunk may end without one, DATA may not
	}
	m.Unstuffed, m.Chunks = nil, nil
	if _, err := text.W.WriteString(m.Wire() + ".\r\n"); err != nil {
		return "", err
	}
	if err := text.W.Flush(); err != nil {
		return "", err
	}
	return readReply(text)
}

// withPeer is the content with an X-Peer field at the end of its header: where
// smtpd puts it, before the first empty line.
func withPeer(m Message) string {
	host, _, err := net.SplitHostPort(m.Peer)
	if err != nil {
		host = m.Peer
	}
	field := "X-Peer: " + host + "\r\n"
	if strings.HasPrefix(m.Data, "\r\n") {
		return field + m.Data
	}
	if i := strings.Index(m.Data, "\r\n\r\n"); i >= 0 {
		return m.Data[:i+2] + field + m.Data[i+2:]
	}
	return m.Data + field
}

// upstreamOptions are the parameters that the upstream offers, and the refusal
// if it lacks one that the message needs (RFC 6152 3, RFC 6531 3.2).
func upstreamOptions(c *smtp.Client, options []string, table map[string]*param, m Message) (kept string, refusal Reply) {
	for _, option := range options {
		keyword, value, _ := strings.Cut(asciiUpper(option), "=")
		known := table[keyword]
		offered := false
		if known != nil {
			offered, _ = c.Extension(known.ext)
		}
		switch {
		case value == "BINARYMIME":
			return "", "554 5.6.3 Error: the upstream server takes no binary content"
		case offered:
			kept += " " + option
		case keyword == "SMTPUTF8" && !isASCII(m.From+strings.Join(m.To, "")+m.Data):
			return "", "550 5.6.7 Error: the upstream server does not offer SMTPUTF8"
		case value == "8BITMIME" && !isASCII(m.Data):
			return "", "554 5.6.3 Error: the upstream server does not offer 8BITMIME"
		}
	}
	return kept, ""
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}

func command(text *textproto.Conn, format string, args ...any) (Reply, error) {
	if err := text.PrintfLine(format, args...); err != nil {
		return "", err
	}
	return readReply(text)
}

// readReply reads a whole reply; one that is not well-formed is an error.
func readReply(text *textproto.Conn) (Reply, error) {
	var lines []string
	for {
		line, err := text.ReadLine()
		if err != nil {
			return "", err
		}
		lines = append(lines, line)
		if len(line) < 4 || line[3] != '-' {
			break
		}
		if len(lines) > 100 {
			return "", fmt.Errorf("a reply of more than %d lines", len(lines))
		}
	}
	reply := strings.Join(lines, "\n")
	return Reply(reply), wire.CheckReply(reply)
}
