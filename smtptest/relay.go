package smtptest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// Relay is smtpd's PureProxy as a Handler: it hands every message on to one
// upstream server and answers what that answers. The envelope, the
// parameters that the upstream offers and the octets are unchanged but for an
// X-Peer field at the end of the header. It only ever connects to Addr: give it
// a server of the test's own, for what it is given it really sends. Rows of the
// script come first: a message that they refuse is not relayed. Recording goes
// on as without it. Where the upstream takes a message for some recipients only,
// an SMTP client is told the refusal, which names the others, and Recipient.Final
// is what each one got; see RecipientHandler. Set the fields before the server
// starts.
type Relay struct {
	Addr    string                                                            // upstream, "127.0.0.1:2525"
	Dial    func(ctx context.Context, network, addr string) (net.Conn, error) // nil: over TCP; another fake's DialContext chains the two
	TLS     *tls.Config                                                       // nil: in clear; else STARTTLS must succeed
	Auth    smtp.Auth                                                         // nil: none
	LMTP    bool                                                              // the upstream speaks RFC 2033: LHLO, and an answer for each recipient
	Timeout time.Duration                                                     // of a delivery; 0 is 30 s
	NoPeer  bool                                                              // adds no X-Peer
}

// check finds what no delivery could do with.
func (r *Relay) check() error {
	switch {
	case r == nil:
		return errors.New("the Handler is a nil Relay: give one, or leave Handler nil")
	case r.Dial == nil && r.Addr == "":
		return errors.New("the Relay has no Addr: give that of the upstream server, such as another fake's")
	case r.Timeout < 0:
		return errors.New("the Relay's Timeout is negative: leave it out, or give a time")
	}
	return nil
}

// ProcessMessage delivers the message. An upstream that cannot be reached,
// hangs, breaks off or does not speak SMTP gives a 451 that says so: the client
// keeps the message.
func (r *Relay) ProcessMessage(ctx context.Context, m Message) Reply {
	return OneReply(m.To, r.ProcessRecipients(ctx, m))
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
		refusal = undelivered(ctx, err)
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
func undelivered(ctx context.Context, err error) Reply {
	if ctx.Err() != nil {
		err = context.Cause(ctx) // not that the connection was closed for it
	}
	line := "451 4.4.1 Error: the upstream server fails: " + strings.Map(printable, err.Error())
	return Reply(line[:min(len(line), 510)])
}

// deliver is one session with the upstream. replies gets the refusals of
// recipients; refusal is the answer for the others, "" if they are accepted.
func (r *Relay) deliver(ctx context.Context, m Message, replies []Reply) (refusal Reply, err error) {
	u, err := r.connect(ctx)
	if err != nil {
		return "", err
	}
	defer u.Close()
	refusal, err = r.transaction(ctx, u, m, replies)
	if err == nil {
		u.quit()
	}
	return refusal, err
}

// transaction sends envelope and content; see deliver.
func (r *Relay) transaction(ctx context.Context, u *upstream, m Message, replies []Reply) (refusal Reply, err error) {
	options, refusal := u.options(m.MailOptions, mailParams, m)
	if refusal != "" {
		return refusal, nil
	}
	if refusal, err := u.command('2', "MAIL FROM:<%s>%s", m.From, options); refusal != "" || err != nil {
		return refusal, err
	}
	var accepted []int
	for i, to := range m.To {
		var options string
		if i < len(m.RcptOptions) { // a Handler may have added recipients
			options, _ = u.options(m.RcptOptions[i], rcptParams, m)
		}
		if replies[i], err = u.command('2', "RCPT TO:<%s>%s", to, options); err != nil {
			return "", err
		}
		if replies[i] == "" {
			accepted = append(accepted, i)
		}
	}
	if len(accepted) == 0 {
		return "", nil
	}
	return r.content(ctx, u, m, accepted, replies)
}

// content sends the octets of the message to the recipients accepted so far. An
// LMTP server answers for each of them: one that it has taken stays so when the
// connection breaks before the next answer.
func (r *Relay) content(ctx context.Context, u *upstream, m Message, accepted []int, replies []Reply) (refusal Reply, err error) {
	if refusal, err := u.command('3', "DATA"); refusal != "" || err != nil {
		return refusal, err
	}
	if m.Data != "" && !strings.HasSuffix(m.Data, "\r\n") {
		m.Data += "\r\n" // a chunk may end without one, DATA may not
	}
	if !r.NoPeer {
		m.Data = withPeer(m)
	}
	m.Unstuffed, m.Chunks = nil, nil
	if _, err := u.W.WriteString(m.Wire() + ".\r\n"); err != nil {
		return "", err
	}
	if err := u.W.Flush(); err != nil {
		return "", err
	}
	if !r.LMTP {
		return u.answer('2')
	}
	for n, i := range accepted {
		if replies[i], err = u.answer('2'); err != nil {
			for _, i := range accepted[n:] {
				replies[i] = undelivered(ctx, err)
			}
			break
		}
	}
	return "", nil
}

// withPeer is the content with smtpd's X-Peer field.
func withPeer(m Message) string {
	host, _, err := net.SplitHostPort(m.Peer)
	if err != nil {
		host = m.Peer
	}
	return wire.AddField(m.Data, "X-Peer: "+host)
}
