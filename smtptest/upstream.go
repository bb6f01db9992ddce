package smtptest

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

	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// upstream is a client's side of a connection, for a Relay: unlike net/smtp it
// speaks LMTP too, and leaves bare CR and LF alone.
type upstream struct {
	*textproto.Conn
	info    smtp.ServerInfo
	hello   string            // the verb that greets
	offered map[string]string // EHLO keywords, in upper case, and their arguments
}

// connect greets the upstream, with TLS and AUTH as configured. The connection
// ends with ctx.
func (r *Relay) connect(ctx context.Context) (*upstream, error) {
	conn, err := r.dial(ctx)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { conn.Close() })
	u := &upstream{Conn: textproto.NewConn(conn), hello: "EHLO"}
	if r.LMTP {
		u.hello = "LHLO"
	}
	if u.info.Name, _, err = net.SplitHostPort(r.Addr); err != nil {
		u.info.Name = r.Addr
	}
	err = refused(u.answer('2'))
	if err == nil {
		err = u.greet()
	}
	if err == nil && r.TLS != nil {
		err = u.startTLS(conn, r.TLS)
	}
	if err == nil && r.Auth != nil {
		err = u.auth(r.Auth)
	}
	if err != nil {
		if _, polite := errors.AsType[refusalError](err); polite {
			u.quit()
		}
		conn.Close()
	}
	return u, err
}

// dial connects to Addr, by Dial if that is set.
func (r *Relay) dial(ctx context.Context) (net.Conn, error) {
	if r.Dial == nil {
		return new(net.Dialer).DialContext(ctx, "tcp", r.Addr)
	}
	conn, err := r.Dial(ctx, "tcp", r.Addr)
	if conn == nil && err == nil {
		err = errors.New("the Relay's Dial returned no connection and no error")
	}
	return conn, err
}

// refusalError is a refusal that is about no message.
type refusalError Reply

func (e refusalError) Error() string { return "it answers " + string(e) }

func refused(refusal Reply, err error) error {
	if err == nil && refusal != "" {
		err = refusalError(refusal)
	}
	return err
}

// quit takes leave, as a client must whatever it was told (RFC 5321 4.1.1.10),
// but not for long: nothing can change any more what became of the message.
func (u *upstream) quit() {
	impatience := time.AfterFunc(time.Second, func() { u.Close() })
	defer impatience.Stop()
	u.command('2', "QUIT")
}

// greet says EHLO, or HELO to a server that knows no EHLO (RFC 5321 3.2), or
// LHLO (RFC 2033 4.1).
func (u *upstream) greet() error {
	if err := u.PrintfLine("%s localhost", u.hello); err != nil {
		return err
	}
	reply, err := u.readReply()
	if err != nil || reply.Code() != 250 {
		if err == nil && reply.Code()/100 == 5 && u.hello == "EHLO" {
			return refused(u.command('2', "HELO localhost"))
		}
		return refused(reply, err)
	}
	u.offered = map[string]string{}
	_, lines, _ := strings.Cut(string(reply), "\n")
	for line := range strings.Lines(lines) {
		keyword, argument, _ := strings.Cut(strings.Trim(line[3:], "- \n"), " ")
		u.offered[asciiUpper(keyword)] = argument
	}
	u.info.Auth = strings.Fields(u.offered["AUTH"])
	return nil
}

// startTLS goes on under TLS. What was offered before counts no more (RFC 3207
// 4.2).
func (u *upstream) startTLS(conn net.Conn, config *tls.Config) error {
	if err := refused(u.command('2', "STARTTLS")); err != nil {
		return err
	}
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName = u.info.Name
	}
	u.Conn = textproto.NewConn(tls.Client(conn, config))
	u.info.TLS, u.offered = true, nil
	return u.greet()
}

// maxChallenges is more than any mechanism needs.
const maxChallenges = 10

// auth is the exchange of RFC 4954 4. An error of the mechanism's own closes the
// connection, which cancels the exchange, and so does a server that has no end
// of challenges: those may take no time, so that no Timeout ends them.
func (u *upstream) auth(a smtp.Auth) error {
	mechanism, response, err := a.Start(&u.info)
	if err != nil {
		return err
	}
	line := "AUTH " + mechanism
	if response != nil {
		line += " " + cmp.Or(base64.StdEncoding.EncodeToString(response), "=")
	}
	for range 1 + maxChallenges {
		if err := u.PrintfLine("%s", line); err != nil {
			return err
		}
		reply, err := u.readReply()
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
func (u *upstream) options(options []string, table map[string]*param, m Message) (kept string, refusal Reply) {
	for _, option := range options {
		keyword, value, _ := strings.Cut(asciiUpper(option), "=")
		ext := keyword
		if known := table[keyword]; known != nil {
			ext = known.ext
		}
		_, offered := u.offered[ext]
		switch {
		case keyword == "BODY" && value == "BINARYMIME":
			return "", "554 5.6.3 Error: a Relay takes no binary content"
		case offered:
			kept += " " + option
		case keyword == "SMTPUTF8" && !isASCII(m.From+strings.Join(m.To, "")+headerOf(m.Data)):
			return "", "550 5.6.7 Error: the upstream server does not offer SMTPUTF8"
		case keyword == "BODY" && value == "8BITMIME" && !isASCII(m.Data):
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
func (u *upstream) command(success byte, format string, args ...any) (refusal Reply, err error) {
	if err := u.PrintfLine(format, args...); err != nil {
		return "", err
	}
	return u.answer(success)
}

// answer reads the reply to a command whose success has the given first digit:
// refusal is "" or a reply of 4yz or 5yz. Any other reply is an error, 421 too:
// the upstream leaves, and this server does not.
func (u *upstream) answer(success byte) (refusal Reply, err error) {
	reply, err := u.readReply()
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
func (u *upstream) readReply() (Reply, error) {
	var lines []string
	for {
		octets, long, err := u.R.ReadLine()
		if err != nil {
			return "", err
		}
		if long {
			return "", fmt.Errorf("a line of more than %d octets in a reply", u.R.Size())
		}
		line := known(strings.Map(printable, string(octets))) // a refusal in UTF-8 is one too
		if len(lines) == 0 && strings.HasPrefix(line, "334 ") {
			return Reply(line), nil // a challenge may be longer than a reply (RFC 4954 4)
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
		return "", fmt.Errorf("it answers %s, which is no reply", cut(fmt.Sprintf("%q", reply)))
	}
	return Reply(reply), nil
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
