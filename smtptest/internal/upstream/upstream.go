// Package upstream delivers one message to a mail server, by SMTP or by LMTP.
// Unlike [net/smtp] it leaves a bare CR and LF alone.
package upstream

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/show"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// A Server says where to deliver, and how.
type Server struct {
	Addr string
	Dial func(ctx context.Context, network, addr string) (net.Conn, error) // nil: over TCP
	TLS  *tls.Config                                                       // nil: without TLS; else STARTTLS must succeed
	Auth smtp.Auth                                                         // nil: none
	LMTP bool
}

// A Message is what to deliver.
type Message struct {
	From        string
	To          []string
	MailOptions []string   // parameters of MAIL; those that the server does not offer are left out
	RcptOptions [][]string // parameters of each RCPT; may be shorter than To
	Content     string     // as on the wire, with its dots doubled; it ends with CRLF
}

// Deliver delivers the message in one session. It sets refusals[i] to the
// server's refusal of m.To[i]. It returns the refusal for the other recipients,
// or "" if the server accepts the message for them. The context ends the session.
func (s *Server) Deliver(ctx context.Context, m Message, refusals []wire.Reply) (refusal wire.Reply, err error) {
	c, err := s.connect(ctx)
	if err != nil {
		return "", err
	}
	defer c.Close()
	refusal, err = c.transaction(m, refusals)
	if err == nil {
		c.quit()
	}
	return refusal, err
}

// transaction sends envelope and content; see Deliver.
func (c *conn) transaction(m Message, refusals []wire.Reply) (refusal wire.Reply, err error) {
	options, refusal := c.options(m.MailOptions, m)
	if refusal != "" {
		return refusal, nil
	}
	if refusal, err := c.command('2', "MAIL FROM:<%s>%s", m.From, options); refusal != "" || err != nil {
		return refusal, err
	}
	var accepted []int
	for i, to := range m.To {
		var options string
		if i < len(m.RcptOptions) {
			options, _ = c.options(m.RcptOptions[i], m)
		}
		if refusals[i], err = c.command('2', "RCPT TO:<%s>%s", to, options); err != nil {
			return "", err
		}
		if refusals[i] == "" {
			accepted = append(accepted, i)
		}
	}
	if len(accepted) == 0 {
		return "", nil
	}
	return c.content(m, accepted, refusals)
}

// content sends the content to the recipients accepted so far. An LMTP server
// replies for each of them. Those for which it has accepted the message stay
// accepted if the connection breaks before the next reply; the others then get
// an [Undelivered].
func (c *conn) content(m Message, accepted []int, refusals []wire.Reply) (refusal wire.Reply, err error) {
	if refusal, err := c.command('3', "DATA"); refusal != "" || err != nil {
		return refusal, err
	}
	if _, err := c.W.WriteString(m.Content + ".\r\n"); err != nil {
		return "", err
	}
	if err := c.W.Flush(); err != nil {
		return "", err
	}
	if !c.lmtp {
		return c.reply('2')
	}
	for n, i := range accepted {
		if refusals[i], err = c.reply('2'); err != nil {
			for _, i := range accepted[n:] {
				refusals[i] = Undelivered(c.ctx, err)
			}
			break
		}
	}
	return "", nil
}

// Undelivered returns the reply that lets the client try again, and that names
// the error, or the cause of ctx if that has ended.
func Undelivered(ctx context.Context, err error) wire.Reply {
	if ctx.Err() != nil {
		err = context.Cause(ctx) // not the error of the connection that was closed because of it
	}
	line := "451 4.4.1 Error: the upstream server fails: " + strings.Map(show.ASCII, err.Error())
	return wire.Reply(line[:min(len(line), 510)])
}

// A conn is a session with the server.
type conn struct {
	*textproto.Conn
	ctx     context.Context
	lmtp    bool
	info    smtp.ServerInfo
	offered map[string]string // EHLO keywords, in upper case, and their arguments
}

// connect greets the upstream, with TLS and AUTH as configured. The connection
// ends with ctx.
func (s *Server) connect(ctx context.Context) (*conn, error) {
	nc, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { nc.Close() })
	c := &conn{Conn: textproto.NewConn(nc), ctx: ctx, lmtp: s.LMTP}
	if c.info.Name, _, err = net.SplitHostPort(s.Addr); err != nil {
		c.info.Name = s.Addr
	}
	err = refused(c.reply('2'))
	if err == nil {
		err = c.greet()
	}
	if err == nil && s.TLS != nil {
		err = c.startTLS(nc, s.TLS)
	}
	if err == nil && s.Auth != nil {
		err = c.auth(s.Auth)
	}
	if err != nil {
		if polite := refusalError(""); errors.As(err, &polite) {
			c.quit()
		}
		nc.Close()
	}
	return c, err
}

// dial connects to Addr, by Dial if that is set.
func (s *Server) dial(ctx context.Context) (net.Conn, error) {
	if s.Dial == nil {
		return new(net.Dialer).DialContext(ctx, "tcp", s.Addr)
	}
	conn, err := s.Dial(ctx, "tcp", s.Addr)
	if conn == nil && err == nil {
		err = errors.New("the Relay's Dial returned no connection and no error")
	}
	return conn, err
}

// refusalError is a refusal that is about no message.
type refusalError wire.Reply

func (e refusalError) Error() string { return "it answers " + string(e) }

func refused(refusal wire.Reply, err error) error {
	if err == nil && refusal != "" {
		err = refusalError(refusal)
	}
	return err
}

// quit takes leave, as a client must whatever it was told (RFC 5321 4.1.1.10),
// but not for long: nothing can change any more what became of the message.
func (c *conn) quit() {
	impatience := time.AfterFunc(time.Second, func() { c.Close() })
	defer impatience.Stop()
	c.command('2', "QUIT")
}

// greet says EHLO, or HELO to a server that knows no EHLO (RFC 5321 3.2), or
// LHLO (RFC 2033 4.1).
func (c *conn) greet() error {
	hello := "EHLO"
	if c.lmtp {
		hello = "LHLO"
	}
	if err := c.PrintfLine("%s localhost", hello); err != nil {
		return err
	}
	reply, err := c.readReply()
	if err != nil || reply.Code() != 250 {
		if err == nil && reply.Code()/100 == 5 && !c.lmtp {
			return refused(c.command('2', "HELO localhost"))
		}
		return refused(reply, err)
	}
	c.offered = map[string]string{}
	_, lines, _ := strings.Cut(string(reply), "\n")
	for line := range strings.Lines(lines) {
		keyword, argument, _ := strings.Cut(strings.Trim(line[3:], "- \n"), " ")
		c.offered[wire.Upper(keyword)] = argument
	}
	c.info.Auth = strings.Fields(c.offered["AUTH"])
	return nil
}

// startTLS goes on under TLS. What was offered before counts no more (RFC 3207
// 4.2).
func (c *conn) startTLS(nc net.Conn, config *tls.Config) error {
	if err := refused(c.command('2', "STARTTLS")); err != nil {
		return err
	}
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName = c.info.Name
	}
	c.Conn = textproto.NewConn(tls.Client(nc, config))
	c.info.TLS, c.offered = true, nil
	return c.greet()
}

// maxChallenges is more than any mechanism needs.
const maxChallenges = 10

// auth is the exchange of RFC 4954 4. An error of the mechanism's own closes the
// connection, which cancels the exchange, and so does a server that has no end
// of challenges: those may take no time, so that no Timeout ends them.
func (c *conn) auth(a smtp.Auth) error {
	mechanism, response, err := a.Start(&c.info)
	if err != nil {
		return err
	}
	line := "AUTH " + mechanism
	if response != nil {
		line += " " + cmp.Or(base64.StdEncoding.EncodeToString(response), "=")
	}
	for range 1 + maxChallenges {
		if err := c.PrintfLine("%s", line); err != nil {
			return err
		}
		reply, err := c.readReply()
		if err != nil || reply.Code() != 334 && reply.Code() != 235 {
			return refused(reply, err)
		}
		more := reply.Code() == 334
		var challenge []byte
		if more {
			challenge, err = base64.StdEncoding.DecodeString(strings.TrimSpace(string(reply[3:])))
		}
		if err == nil {
			response, err = a.Next(challenge, more)
		}
		if err != nil || !more {
			return err
		}
		line = base64.StdEncoding.EncodeToString(response)
	}
	return fmt.Errorf("more than %d challenges in one AUTH", maxChallenges)
}

// options are the parameters that the upstream offers, and the refusal
// if it lacks one that the message needs (RFC 6152 3, RFC 6531 3.2, RFC 8689
// 4.2.1). The others are left out, as their RFCs let a relay do. A parameter of
// the test's own counts as offered under its own keyword.
func (c *conn) options(options []string, m Message) (kept string, refusal wire.Reply) {
	for _, option := range options {
		keyword, value, _ := strings.Cut(wire.Upper(option), "=")
		_, offered := c.offered[wire.Extension(keyword)]
		switch {
		case keyword == "BODY" && value == "BINARYMIME":
			return "", "554 5.6.3 Error: a Relay takes no binary content"
		case offered:
			kept += " " + option
		case keyword == "SMTPUTF8" && !isASCII(m.From+strings.Join(m.To, "")+headerOf(m.Content)):
			return "", "550 5.6.7 Error: the upstream server does not offer SMTPUTF8"
		case keyword == "BODY" && value == "8BITMIME" && !isASCII(m.Content):
			return "", "554 5.6.3 Error: the upstream server does not offer 8BITMIME"
		case keyword == "REQUIRETLS":
			return "", "550 5.7.30 Error: the upstream server does not offer REQUIRETLS"
		}
	}
	return kept, ""
}

func headerOf(content string) string {
	header, _, _ := strings.Cut(content, "\r\n\r\n")
	return header
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}

// command sends a command; see reply.
func (c *conn) command(success byte, format string, args ...any) (refusal wire.Reply, err error) {
	if err := c.PrintfLine(format, args...); err != nil {
		return "", err
	}
	return c.reply(success)
}

// reply reads the reply to a command whose success has the given first digit:
// refusal is "" or a reply of 4yz or 5yz. Any other reply is an error, 421 too:
// the upstream leaves, and this server does not.
func (c *conn) reply(success byte) (refusal wire.Reply, err error) {
	reply, err := c.readReply()
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
// for what a reply's text may not hold, and blanks without a text (RFC 5321 4.2:
// it is optional), which are cut off.
func (c *conn) readReply() (wire.Reply, error) {
	var lines []string
	for {
		octets, long, err := c.R.ReadLine()
		if err != nil {
			return "", err
		}
		if long {
			return "", fmt.Errorf("a line of more than %d octets in a reply", c.R.Size())
		}
		line := known(strings.Map(show.ASCII, string(octets))) // a refusal in UTF-8 is one too
		if len(lines) == 0 && strings.HasPrefix(line, "334 ") {
			return wire.Reply(line), nil // a challenge may be longer than a reply (RFC 4954 4)
		}
		lines = append(lines, line[:min(len(line), 510)])
		if len(line) < 4 || line[3] != '-' {
			break
		}
		if len(lines) == maxReplyLines {
			return "", fmt.Errorf("a reply of more than %d lines", maxReplyLines)
		}
	}
	reply := strings.TrimRight(strings.Join(lines, "\n"), " ")
	if wire.CheckReply(reply) != nil {
		return "", fmt.Errorf("it answers %s, which is no reply", show.Truncate(fmt.Sprintf("%q", reply)))
	}
	return wire.Reply(reply), nil
}

// known is a line of a reply whose code is outside RFC 5321's grammar, as one
// within it: the first digit counts (RFC 5321 4.2), and the code becomes text.
func known(line string) string {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' || line[1] < '6' || line[1] > '9' || line[2] < '0' || line[2] > '9' {
		return line
	}
	separator, text := " ", ""
	if len(line) > 3 {
		separator, text = line[3:4], line[4:]
	}
	return line[:1] + "50" + separator + line[:3] + " " + text
}
