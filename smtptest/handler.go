package smtptest

import (
	"context"
	"fmt"

	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// Handler decides what becomes of a message whose content has arrived: smtpd's
// process_message. It is called on the session's goroutine, so the client
// waits for its reply; ctx ends when the connection, the server or the test
// does. The zero Reply is "250 OK"; a reply of 4yz or 5yz keeps the message out
// of Messages and in its Session as refused; NoReply sends nothing, and the
// message is not accepted. A panic or an illegal reply fails the test and answers 451; the
// server lives on. It may be called by many sessions at once.
type Handler interface {
	ProcessMessage(ctx context.Context, m Message) Reply
}

// HandlerFunc is a function as a Handler.
type HandlerFunc func(ctx context.Context, m Message) Reply

// ProcessMessage calls f.
func (f HandlerFunc) ProcessMessage(ctx context.Context, m Message) Reply { return f(ctx, m) }

// RecipientHandler is a Handler that answers for each recipient: LMTP clients
// (RFC 2033 4.2) get each reply, SMTP clients the one of ProcessMessage.
// ProcessRecipients returns a reply for each of m.To, in order; the message
// counts as accepted for those that got 2yz. With it ProcessMessage is called
// only where there are no replies per recipient to give.
type RecipientHandler interface {
	Handler
	ProcessRecipients(ctx context.Context, m Message) []Reply
}

// process asks the Handler about a message. It is called without any lock.
func (ch *Channel) process(m Message) Reply {
	h := ch.Server.Handler
	if h == nil {
		return ch.say(repAccepted)
	}
	reply := ch.guard("Handler", func(ctx context.Context) Reply { return h.ProcessMessage(ctx, m) })
	if reply == "" {
		return ch.say(repAccepted)
	}
	return reply
}

// guard calls the test's own code: it ends its context with the connection,
// and answers a panic or an illegal reply with 451.
func (ch *Channel) guard(what string, call func(context.Context) Reply) (reply Reply) {
	defer ch.recovered(what, &reply)()
	ctx, done := ch.watch()
	defer done()
	return ch.legal(what, call(ctx))
}

// recovered returns a function to be deferred around the test's own code: it
// reports a panic, or that the code has left its goroutine.
func (ch *Channel) recovered(what string, reply *Reply) func() {
	*reply = unreturned
	return func() {
		if p := recover(); p != nil {
			ch.Server.errorf("smtptest: session %d: %s panicked: %v", ch.session.id, what, p)
			*reply = ch.say(repConfused)
		} else if *reply == unreturned {
			ch.Server.errorf("smtptest: session %d: %s left its goroutine: call t.Error there, never t.Fatal", ch.session.id, what)
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
	if err := wire.CheckReply(string(reply)); err != nil {
		ch.Server.errorf("smtptest: session %d: %s returned the reply %s: %v", ch.session.id, what, cut(fmt.Sprintf("%q", reply)), err)
		return ch.say(repConfused)
	}
	return reply
}
