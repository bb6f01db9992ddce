package smtptest

import (
	"context"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/journal"
	"github.com/go-smtptest/smtp/smtptest/internal/session"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// Handler decides what becomes of a message whose content has arrived: smtpd's
// process_message. It is called on the session's goroutine, so the client
// waits for its reply; ctx ends when the connection, the server or the test
// does. The zero Reply is "250 OK"; a reply of 4yz or 5yz keeps the message out
// of Messages and in its Session as refused; NoReply sends nothing, and the
// message is not accepted. It may be called by many sessions at once.
//
// If it panics, leaves its goroutine or returns an invalid reply, the test fails,
// and the server goes on: the client gets a 451, or no reply if the goroutine is
// gone. If the server has no TB, each of these ends the program with a panic.
type Handler interface {
	ProcessMessage(ctx context.Context, m Message) Reply
}

// HandlerFunc is a function as a Handler.
type HandlerFunc func(ctx context.Context, m Message) Reply

// ProcessMessage calls f.
func (f HandlerFunc) ProcessMessage(ctx context.Context, m Message) Reply { return f(ctx, m) }

// RecipientHandler is a Handler that answers for each recipient, and is called
// instead of ProcessMessage: it returns a reply for each of m.To, in order; the
// zero Reply is "250 OK". LMTP clients (RFC 2033 4.2) get each of them. SMTP has
// one reply for all: a refusal that names those who were refused, 4yz if one of
// them is; if nobody was, NoReply if that is one of them, else 250. What each one
// got is Recipient.FinalReply.
type RecipientHandler interface {
	Handler
	ProcessRecipients(ctx context.Context, m Message) []Reply
}

// CombineReplies is SMTP's reply to a message of whose recipients each got its own,
// as RecipientHandler says: "" if it is 250. It makes a RecipientHandler's
// ProcessMessage out of its ProcessRecipients.
func CombineReplies(to []string, each []Reply) Reply {
	return Reply(wire.Combine(to, wireReplies(each)))
}

func wireReplies(each []Reply) []wire.Reply {
	replies := make([]wire.Reply, len(each))
	for i, r := range each {
		replies[i] = wire.Reply(r)
	}
	return replies
}

// messageOf returns the function by which sessions ask the Handler; nil if there is none.
func messageOf(s *Server) func(context.Context, *journal.Transaction) session.Decision {
	h := s.config.Handler
	if h == nil {
		return nil
	}
	return func(ctx context.Context, t *journal.Transaction) session.Decision {
		s.journal.Lock()
		m := exportMessage(t)
		s.journal.Unlock()
		m.Time = time.Now()
		if rh, ok := h.(RecipientHandler); ok {
			return session.Decision{Each: wireReplies(rh.ProcessRecipients(ctx, m))}
		}
		return session.Decision{Reply: wire.Reply(h.ProcessMessage(ctx, m))}
	}
}
