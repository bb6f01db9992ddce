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
// hangs, breaks off or does not speak SMTP gives a 451 that says so: the client
// keeps the message.
func (r *Relay) ProcessMessage(ctx context.Context, m Message) Reply {
	return oneReply(m.To, r.ProcessRecipients(ctx, m))
}

// ProcessRecipients delivers the message and returns the upstream's refusal of
// each recipient, "" for those whom it has accepted.
func (r *Relay) ProcessRecipients(ctx context.Context, m Message) []Reply {
	replies := make([]Reply, len(m.To))
	timeout := r.Timeout
	if timeout == 0 {
		timeout = 30 * time.Second
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("no delivery within %v", timeout))
	defer cancel()
	refusal, err := r.deliver(ctx, m, replies)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx) // not that the connection was closed for it
		}
		refusal = undelivered(err)
	}
	for i := range replies {
		if replies[i] == "" {
			replies[i] = refusal
		}
	}
	return replies
}

// undelivered is the reply that lets the client try again, and tells the author
// of the test why.
func undelivered(err error) Reply {
	line := "451 4.4.1 Error: the upstream server fails: " + strings.Map(printable, err.Error())
	return Reply(line[:min(len(line), 510)])
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
	if refusal, err := command(c.Text, '2', "MAIL FROM:<%s>%s", m.From, options); refusal != "" || err != nil {
		return refusal, err
	}
	accepted := 0
	for i, to := range m.To {
		options, _ := upstreamOptions(c, m.RcptOptions[i], rcptParams, m)
		if replies[i], err = command(c.Text, '2', "RCPT TO:<%s>%s", to, options); err != nil {
			return "", err
		}
		if replies[i] == "" {
			accepted++
		}
	}
	if accepted > 0 {
		if refusal, err := command(c.Text, '3', "DATA"); refusal != "" || err != nil {
			return refusal, err
		}
		if refusal, err := r.content(c.Text, m); refusal != "" || err != nil {
			return refusal, err
		}
	}
	impatience := time.AfterFunc(time.Second, func() { c.Close() })
	defer impatience.Stop()
	c.Quit() // nothing can change any more what became of the message
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

// content sends the octets of the message; see answer.
func (r *Relay) content(text *textproto.Conn, m Message) (Reply, error) {
	if m.Data != "" && !strings.HasSuffix(m.Data, "\r\n") {
		m.Data += "\r\n" // a chunk may end without one, DATA may not
	}
	if !r.NoPeer {
		m.Data = withPeer(m)
	}
	m.Unstuffed, m.Chunks = nil, nil
	if _, err := text.W.WriteString(m.Wire() + ".\r\n"); err != nil {
		return "", err
	}
	if err := text.W.Flush(); err != nil {
		return "", err
	}
	return answer(text, '2')
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
// if it lacks one that the message needs (RFC 6152 3, RFC 6531 3.2, RFC 8689
// 4.2.1). The others are left out, as their RFCs let a relay do. A parameter of
// the test's own counts as offered under its own keyword.
func upstreamOptions(c *smtp.Client, options []string, table map[string]*param, m Message) (kept string, refusal Reply) {
	for _, option := range options {
		keyword, value, _ := strings.Cut(asciiUpper(option), "=")
		ext := keyword
		if known := table[keyword]; known != nil {
			ext = known.ext
		}
		offered, _ := c.Extension(ext)
		switch {
		case value == "BINARYMIME":
			return "", "554 5.6.3 Error: a Relay takes no binary content"
		case offered:
			kept += " " + option
		case keyword == "SMTPUTF8" && !isASCII(m.From+strings.Join(m.To, "")+headerOf(m.Data)):
			return "", "550 5.6.7 Error: the upstream server does not offer SMTPUTF8"
		case value == "8BITMIME" && !isASCII(m.Data):
			return "", "554 5.6.3 Error: the upstream server does not offer 8BITMIME"
		case keyword == "REQUIRETLS":
			return "", "550 5.7.30 Error: the upstream server does not offer REQUIRETLS"
		}
	}
	return kept, ""
}

func headerOf(data string) string {
	header, _, _ := strings.Cut(data, "\r\n\r\n")
	return header
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}

// command sends a command; see answer.
func command(text *textproto.Conn, success byte, format string, args ...any) (refusal Reply, err error) {
	if err := text.PrintfLine(format, args...); err != nil {
		return "", err
	}
	return answer(text, success)
}

// answer reads the reply to a command whose success has the given first digit:
// refusal is "" or a reply of 4yz or 5yz. Any other reply is an error, 421 too:
// the upstream leaves, and this server does not.
func answer(text *textproto.Conn, success byte) (refusal Reply, err error) {
	reply, err := readReply(text)
	switch {
	case err != nil:
		return "", err
	case reply[0] == success:
		return "", nil
	case reply.Code()/100 >= 4 && reply.Code() != 421:
		return reply, nil
	}
	return "", fmt.Errorf("it answers %s", reply)
}

const maxReplyLines = 100

// readReply reads a whole reply; one that is not well-formed is an error, but
// for what a reply's text may not hold.
func readReply(text *textproto.Conn) (Reply, error) {
	var lines []string
	for {
		line, err := text.ReadLine()
		if err != nil {
			return "", err
		}
		line = strings.Map(printable, line) // a refusal in UTF-8 is one too
		lines = append(lines, line[:min(len(line), 510)])
		if len(line) < 4 || line[3] != '-' {
			break
		}
		if len(lines) == maxReplyLines {
			return "", fmt.Errorf("a reply of more than %d lines", maxReplyLines)
		}
	}
	reply := strings.Join(lines, "\n")
	if wire.CheckReply(reply) != nil {
		return "", fmt.Errorf("it answers %s, which is no reply", cut(fmt.Sprintf("%q", reply)))
	}
	return Reply(reply), nil
}
