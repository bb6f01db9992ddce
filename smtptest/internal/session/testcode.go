package session

import (
	"errors"
	"fmt"
	"slices"

	"github.com/go-smtptest/smtp/smtptest/internal/show"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// testCode calls the functions of the test. If one fails, the test fails, and the
// client gets a 451.
type testCode struct{ c *Conn }

// message asks the test about the message to n recipients. It is called without any
// lock. If the test's code fails, the reply is 451.
func (t *testCode) message(n int) Decision {
	c := t.c
	var d Decision
	ctx, done := c.watch()
	defer done() // so that a failure of the connection is not reported as one of the code
	err := c.callUser("Handler", func() { d = c.Message(ctx, c.transaction) })
	switch {
	case !c.EachRecipient:
		d.Reply = t.replyOf("Handler", d.Reply, err)
		return d
	case err == nil && len(d.Each) != n:
		c.Host.Errorf("smtptest: session %d: ProcessRecipients returned %d replies for %d recipients: return one for each", c.record.ID, len(d.Each), n)
		err = errFailed
	}
	if err != nil {
		d.Each = slices.Repeat([]wire.Reply{c.text(replyUserCodeFailed)}, n)
	}
	for i := range d.Each {
		d.Each[i] = t.checkReply("Handler", d.Each[i])
	}
	return d
}

var errFailed = errors.New("the test's own code failed")

// replyOf returns the reply of the test's code, or what replaces it if the code has
// failed or the reply is not valid.
func (t *testCode) replyOf(what string, reply wire.Reply, err error) wire.Reply {
	switch {
	case err == errOver:
		return wire.NoReply
	case err != nil:
		return t.c.text(replyUserCodeFailed)
	}
	return t.checkReply(what, reply)
}

// checkReply returns the reply, or 451 in the place of an invalid one.
func (t *testCode) checkReply(what string, reply wire.Reply) wire.Reply {
	c := t.c
	if reply == "" || reply == wire.NoReply {
		return reply
	}
	err := wire.CheckReply(string(reply))
	if err == nil && what == "Handler" && reply[0] == '3' {
		err = errors.New("a message is answered with 2yz, 4yz or 5yz (RFC 5321 4.3.2); others are said by a Rule")
	}
	if err != nil {
		c.Host.Errorf("smtptest: session %d: %s returned the reply %s: %v", c.record.ID, what, show.Truncate(fmt.Sprintf("%q", c.redact(string(reply)))), err)
		return c.text(replyUserCodeFailed)
	}
	return reply
}

// authenticate asks the test about credentials.
func (t *testCode) authenticate(shown Credentials) (ok bool) {
	c := t.c
	_, done := c.watch()
	defer done() // so that a failure of the connection is not reported as one of the code
	c.callUser("Authenticate", func() { ok = c.Authenticate(shown) })
	return ok
}

// checkParameter checks a parameter of the test's own; "" takes it.
func (t *testCode) checkParameter(p wire.Param, verb string) (refusal wire.Reply) {
	c := t.c
	check := c.Parameters[wire.Upper(p.Keyword)]
	if check == nil {
		return ""
	}
	bad := false
	if err := c.callUser(fmt.Sprintf("Parameters[%q]", p.Keyword), func() { bad = check(p.Value) != nil }); err != nil {
		return c.text(replyUserCodeFailed)
	}
	if bad {
		return c.syntax(verb, "5.5.4")
	}
	return ""
}
