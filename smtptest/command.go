package smtptest

import (
	"fmt"
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// CommandFunc is a verb of the test's own, or one in place of a built-in verb
// (smtpd's smtp_<COMMAND> methods); see Server.Commands. arg is what follows
// the verb. It is called on the session's goroutine and may read and set the
// Channel. The zero Reply runs the built-in verb, NoReply sends nothing; a
// reply of several lines is written as "250-first\n250 second". The reply of a
// function takes effect only as far as the function has set the Channel. A
// panic or an illegal reply fails the test and answers 451.
type CommandFunc func(ch *Channel, arg string) Reply

// Ask sends an intermediate reply, such as "334 Password:", and returns the
// client's next line, without its CRLF. It is for a CommandFunc, which may call
// it repeatedly before it returns its reply to the last line; the answer to a
// 334 is masked as a secret wherever lines are shown. The error says
// that the client has left or the server is closing: return then.
func (ch *Channel) Ask(prompt Reply) (answer string, err error) {
	t := ch.asking
	if t == nil {
		panic("smtptest: Channel.Ask called outside a CommandFunc")
	}
	if err := wire.CheckReply(string(prompt)); err != nil {
		panic(fmt.Sprintf("Ask(%q): %v", prompt, err))
	}
	ch.Server.mu.Lock()
	ch.record(t).reply = prompt
	ch.Server.mu.Unlock()
	ch.queue(prompt)
	line, long, err := ch.readLine()
	if err != nil {
		ch.lost(err)
		return "", err
	}
	t.line, t.hidden, t.x, t.at = line, hidden{}, nil, time.Since(ch.session.start)
	if strings.HasPrefix(string(prompt), "334") {
		t.line, t.hidden = maskResponse(line)
	}
	if long {
		t.flags |= tooLong
	}
	ch.begin(t)
	return line, nil
}

// guardCommand calls a CommandFunc; a panic or an illegal reply fails the test.
func (ch *Channel) guardCommand(t *turn, f CommandFunc) (reply Reply) {
	what := "Commands[" + fmt.Sprintf("%q", t.name) + "]"
	defer ch.adopt()
	defer ch.recovered(what, &reply)()
	ch.begin(t)
	ch.asking = t
	defer func() { ch.asking = nil }()
	return ch.legal(what, f(ch, t.arg))
}

// adopt takes over into the record what a CommandFunc has done to the state.
func (ch *Channel) adopt() {
	s := ch.Server
	s.mu.Lock()
	defer s.mu.Unlock()
	ch.session.helo, ch.session.user = ch.SeenGreeting, ch.User
	within := ch.State == StateMail || ch.State == StateRcpt || ch.State == StateBdat
	switch {
	case within && ch.rec == nil:
		ch.openTransaction()
	case !within && ch.rec != nil && ch.State != StateData && ch.State != StateFailed:
		ch.reset(isReset)
	}
	if ch.rec == nil {
		return
	}
	ch.rec.from, ch.rec.mailOptions = ch.MailFrom, ch.MailOptions
	n := 0
	for i := range ch.rec.rcpts {
		r := &ch.rec.rcpts[i]
		if !r.Accepted {
			continue
		}
		if r.Accepted = n < len(ch.RcptTos); r.Accepted {
			r.To = ch.RcptTos[n]
		}
		n++
	}
	for len(ch.RcptOptions) < len(ch.RcptTos) {
		ch.RcptOptions = append(ch.RcptOptions, nil)
	}
	for ; n < len(ch.RcptTos); n++ {
		ch.rec.rcpts = append(ch.rec.rcpts, Recipient{To: ch.RcptTos[n], Options: ch.RcptOptions[n], Accepted: true})
	}
}
