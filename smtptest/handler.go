package smtptest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/show"
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

// process asks the Handler about a message. It is called without any lock.
func (ch *Channel) process(m Message) Reply {
	h := ch.Server.config.Handler
	if h == nil {
		return ch.say(repAccepted)
	}
	var reply Reply
	if rh, ok := h.(RecipientHandler); ok {
		to := slices.Clone(m.To) // m is the Handler's to write into
		each := ch.processEach(rh, m)
		if reply = CombineReplies(to, each); reply != "" {
			for i := range each {
				each[i] = cmp.Or(each[i], ch.say(repAccepted)) // not the refusal that the client gets
			}
		}
		ch.noteFinal(each)
	} else {
		reply = ch.guard("Handler", func(ctx context.Context) Reply { return h.ProcessMessage(ctx, m) })
	}
	if reply == "" {
		return ch.say(repAccepted)
	}
	return reply
}

// processEach asks for a reply for each recipient, which all are 451 if the
// test's code fails.
func (ch *Channel) processEach(h RecipientHandler, m Message) []Reply {
	var each []Reply
	failed := ch.guard("Handler", func(ctx context.Context) Reply {
		each = slices.Clone(h.ProcessRecipients(ctx, m)) // which may give the same to each session
		if len(each) != len(m.To) {
			ch.Server.errorf("smtptest: session %d: ProcessRecipients returned %d replies for %d recipients: return one for each", ch.session.id, len(each), len(m.To))
			return ch.say(repConfused)
		}
		return ""
	})
	if failed != "" {
		return slices.Repeat([]Reply{failed}, len(m.To))
	}
	for i := range each {
		each[i] = ch.legal("Handler", each[i])
	}
	return each
}

// noteFinal records what a RecipientHandler has answered for each recipient.
func (ch *Channel) noteFinal(each []Reply) {
	ch.Server.mu.Lock()
	defer ch.Server.mu.Unlock()
	for _, r := range ch.rec.rcpts.all() {
		if r.Accepted && len(each) > 0 {
			r.FinalReply, each = each[0].said(), each[1:]
		}
	}
}

// CombineReplies is SMTP's reply to a message of whose recipients each got its own,
// as RecipientHandler says: "" if it is 250. It makes a RecipientHandler's
// ProcessMessage out of its ProcessRecipients.
func CombineReplies(to []string, each []Reply) Reply {
	var worst Reply
	var refused []string
	same := true
	each = each[:min(len(each), len(to))]
	for i, r := range each {
		if r == "" || r == NoReply || r.Code()/100 == 2 {
			continue
		}
		same = same && (worst == "" || r == worst)
		refused = append(refused, "<"+to[i]+">")
		if worst == "" || worst.Code()/100 == 5 && r.Code()/100 == 4 {
			worst = r
		}
	}
	switch {
	case worst == "" && slices.Contains(each, NoReply):
		return NoReply
	case worst == "" || same && len(refused) == len(to):
		return worst
	}
	last := worst[strings.LastIndexByte(string(worst), '\n')+1:]
	line := strings.TrimSpace(string(last))
	if len(line) > len("550") {
		line += ":"
	}
	line += " " + strings.Map(show.ASCII, strings.Join(refused, ", "))
	return Reply(line[:min(len(line), 510)])
}

// guard calls the test's own code: it ends its context with the connection,
// and answers a panic or an illegal reply with 451.
func (ch *Channel) guard(what string, call func(context.Context) Reply) (reply Reply) {
	ctx, done := ch.watch()
	defer done() // not blamed on the code if the connection fails
	defer ch.recovered(what, &reply)()
	return ch.legal(what, call(ctx))
}

// recovered returns a function to be deferred around the test's own code: it
// reports a panic, or that the code has left its goroutine.
func (ch *Channel) recovered(what string, reply *Reply) func() {
	ch.enterUserCode(what)
	*reply = unreturned
	return func() {
		ch.leaveUserCode()
		if p := recover(); p == errOver {
			*reply = NoReply
		} else if p != nil {
			ch.blame(what, p)
			*reply = ch.say(repConfused)
		} else if *reply == unreturned {
			ch.blame(what, nil)
		}
	}
}

// unreturned stands for the reply of code that has not returned.
const unreturned Reply = "(unreturned)"

// legal is the reply, or 451 in the place of an illegal one.
func (ch *Channel) legal(what string, reply Reply) Reply {
	if reply == "" || reply == NoReply {
		return reply
	}
	err := wire.CheckReply(string(reply))
	if err == nil && what == "Handler" && reply[0] == '3' {
		err = errors.New("a message is answered with 2yz, 4yz or 5yz (RFC 5321 4.3.2); others are said by a Rule")
	}
	if err != nil {
		ch.Server.errorf("smtptest: session %d: %s returned the reply %s: %v", ch.session.id, what, show.Truncate(fmt.Sprintf("%q", ch.redact(string(reply)))), err)
		return ch.say(repConfused)
	}
	return reply
}
