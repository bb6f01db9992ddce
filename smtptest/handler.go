package smtptest

import (
	"context"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/journal"
	"github.com/go-smtptest/smtp/smtptest/internal/session"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// A Handler decides what becomes of a message after its content has arrived. It
// corresponds to smtpd's process_message. The server calls it on the session's goroutine,
// so the client waits for its reply. Several sessions may call it at once. ctx ends when
// the connection, the server or the test ends.
//
// The zero Reply means "250 OK". With a 4xx or 5xx reply, the message is recorded in its
// Session as refused and is not among Messages. With NoReply the client gets no reply, and
// the message is not accepted.
//
// If the Handler panics or returns an invalid reply, the test fails and the client gets a
// 451. If it leaves its goroutine, the test fails and the client gets no reply. If the
// server has no TB, each of these ends the program with a panic.
type Handler interface {
	ProcessMessage(ctx context.Context, m Message) Reply
}

// HandlerFunc adapts a function to the Handler interface.
type HandlerFunc func(ctx context.Context, m Message) Reply

// ProcessMessage calls f.
func (f HandlerFunc) ProcessMessage(ctx context.Context, m Message) Reply { return f(ctx, m) }

// A RecipientHandler is a Handler that decides about each recipient. The server calls
// ProcessRecipients instead of ProcessMessage; it must return one reply for each element
// of m.To, in the same order. The zero Reply means "250 OK". LMTP clients get all of these
// replies (RFC 2033 4.2), SMTP clients the one reply that [CombineReplies] makes of them.
// [Recipient].FinalReply records the reply for each recipient.
type RecipientHandler interface {
	Handler
	ProcessRecipients(ctx context.Context, m Message) []Reply
}

// CombineReplies combines the replies to the recipients of one message into the one reply
// that SMTP allows. If a recipient was refused, it returns a refusal that lists the refused
// addresses, with a 4xx code if any refusal is 4xx. Otherwise it returns NoReply if any
// reply is NoReply, else "", which means 250. The ProcessMessage of a RecipientHandler can
// return CombineReplies(m.To, h.ProcessRecipients(ctx, m)).
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
