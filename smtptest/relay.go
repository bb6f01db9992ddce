package smtptest

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/upstream"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// A Relay is a [Handler] that forwards every message to an upstream server and returns the
// upstream's reply, like smtpd's PureProxy. It forwards envelope and content unchanged,
// except that it adds an X-Peer field at the end of the header, and omits parameters that
// the upstream does not offer. Messages that a rule refuses are not forwarded. All messages
// are recorded as usual.
//
// If the upstream refuses some of the recipients, an SMTP client gets a refusal that lists
// them, and [Recipient].FinalReply has the reply for each; see [RecipientHandler].
//
// A Relay sends real mail, but connects only to Addr: use the address of a server that your
// test controls. Set the fields before the server starts.
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
	return CombineReplies(m.To, r.ProcessRecipients(ctx, m))
}

// ProcessRecipients delivers the message and returns the upstream's refusal of
// each recipient, "" for those whom it has accepted.
func (r *Relay) ProcessRecipients(ctx context.Context, m Message) []Reply {
	timeout := r.Timeout
	if timeout == 0 {
		timeout = 30 * time.Second
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("no delivery within %v", timeout))
	defer cancel()
	refusals := make([]wire.Reply, len(m.To))
	server := upstream.Server{Addr: r.Addr, Dial: r.Dial, TLS: r.TLS, Auth: r.Auth, LMTP: r.LMTP}
	refusal, err := server.Deliver(ctx, upstream.Message{From: m.From, To: m.To, MailOptions: m.MailOptions, RcptOptions: m.RcptOptions, Content: r.content(m)}, refusals)
	if err != nil {
		refusal = upstream.Undelivered(ctx, err)
	}
	replies := make([]Reply, len(m.To))
	for i := range replies {
		replies[i] = Reply(cmp.Or(refusals[i], refusal))
	}
	return replies
}

// content returns the message's content as it is relayed.
func (r *Relay) content(m Message) string {
	if m.Data != "" && !strings.HasSuffix(m.Data, "\r\n") {
		m.Data += "\r\n" // a chunk may end without one, DATA may not
	}
	if !r.NoPeer {
		m.Data = withPeer(m)
	}
	m.Unstuffed, m.Chunks = nil, nil
	return m.Wire()
}

// withPeer is the content with smtpd's X-Peer field.
func withPeer(m Message) string {
	host, _, err := net.SplitHostPort(m.Peer)
	if err != nil {
		host = m.Peer
	}
	return wire.AddField(m.Data, "X-Peer: "+host)
}
