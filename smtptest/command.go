package smtptest

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/script"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// CommandFunc is a verb of the test's own, or one in place of a built-in verb
// (smtpd's smtp_<COMMAND> methods); see Server.Commands. arg is what follows
// the verb. It is called on the session's goroutine, after the script, and may
// read and set the Channel. The zero Reply runs the built-in verb on what the
// function has left there, NoReply sends nothing; a reply of several lines is
// written as "250-first\n250 second". A reply takes effect only as far as the
// function has set the Channel: 250 to RCPT adds nobody by itself. But for 354
// to DATA, which lets the content follow as ever; so does StateData, set by any
// verb. If the function panics, leaves its goroutine or returns an invalid reply,
// the same happens as with a Handler.
type CommandFunc func(ch *Channel, arg string) Reply

// Ask sends an intermediate reply, such as "334 Password:", and returns the
// client's next line, without its CRLF. It is for a CommandFunc, which may call
// it repeatedly before it returns its reply to the last line. The record masks
// the client's line if the prompt is a 334, or if the function implements AUTH.
// The error says that the client has left, or has sent more lines than a session
// may have and was told 421, or that the server is closing: return then. A
// further Ask does not return; it ends the CommandFunc.
func (ch *Channel) Ask(prompt Reply) (answer string, err error) {
	t := ch.asking
	if t == nil {
		panic("smtptest: Channel.Ask called outside a CommandFunc")
	}
	if ch.over {
		panic(errOver)
	}
	if err := wire.CheckReply(string(prompt)); err != nil {
		panic(fmt.Sprintf("Ask(%q): %v", prompt, err))
	}
	ch.Server.mu.Lock()
	ch.record(t).reply = Reply(ch.redact(string(prompt)))
	ch.Server.mu.Unlock()
	ch.queue(prompt)
	ch.guardConn(func() { ch.flush() }) // even if the next line has come already: the function may take its time
	ch.newSilence()
	ch.noteAuth(t, prompt)
	line, long := "", false
	err = net.ErrClosed // if the connection panics
	ch.guardConn(func() { line, long, err = ch.readLine() })
	if err != nil {
		ch.lost(err)
		return "", err
	}
	ch.ReceivedLines = append(ch.ReceivedLines, line)
	t.line, t.x, t.at = line, nil, time.Since(ch.session.start)
	if ch.secretive {
		t.line, t.hidden = ch.showResponse(line)
	} else {
		ch.maskLine(t)
	}
	if long {
		t.flags |= tooLong
	}
	ch.begin(t)
	if ch.lines > maxCommands {
		ch.spend(t)
		return "", errManyCommands
	}
	return line, nil
}

var errManyCommands = errors.New("the client has sent more lines than a session may have")

// spend ends the session at the line that is one too many, as answer does with a
// command. What the function returns is not said any more.
func (ch *Channel) spend(t *turn) {
	t.spent = true
	last := ch.say(repManyCommands)
	ch.Server.mu.Lock()
	ch.record(t).reply = last.said()
	ch.errors++
	ch.Server.mu.Unlock()
	ch.queue(last)
	ch.finish(EndReply)
	ch.flush() // the function may take its time
}

// guardCommand calls a CommandFunc; a panic or an illegal reply fails the test.
func (ch *Channel) guardCommand(t *turn, f CommandFunc) (reply Reply) {
	what := "Commands[" + fmt.Sprintf("%q", t.name) + "]"
	defer func() {
		if t.spent {
			reply = NoReply // also after a panic
		}
	}()
	defer ch.adopt()
	defer ch.recovered(what, &reply)()
	ch.Server.mu.Lock()
	ch.record(t)
	ch.inCommand = true
	ch.Server.mu.Unlock()
	ch.asking = t
	defer ch.sound(what, ch.Server, ch.Conn, ch.State)
	return ch.legal(what, f(ch, t.arg))
}

// sound ends a CommandFunc. It fails the test, and goes on with what there was
// before, if the function has set a field to what no session can have.
func (ch *Channel) sound(what string, server *Server, conn net.Conn, state State) {
	ch.asking, ch.ifLists = nil, ifLists{} // it may have set RcptTos
	odd := ""
	if ch.Server != server {
		ch.Server, odd = server, "Server"
	}
	if ch.Conn == nil {
		ch.Conn, odd = conn, "Conn"
	}
	if !slices.Contains(states, ch.State) {
		ch.State, odd = state, "State"
	}
	if odd != "" {
		server.errorf("smtptest: session %d: %s has set Channel.%s to what it cannot be: leave it as it is, or set the State to one of the constants", ch.session.id, what, odd)
	}
}

// custom runs a CommandFunc; its zero Reply means the built-in verb.
func (ch *Channel) custom(t *turn, f CommandFunc) Reply {
	called := *t
	reply := ch.guardCommand(t, f)
	if reply == "" || t.name == "DATA" {
		t.own = ch.builtin(&called) // the function may have changed what it depends on
	} else {
		t.own.commit = nil
	}
	if reply == "" {
		return t.own.reply
	}
	return reply
}

// adopt takes over into the record what a CommandFunc has done to the state.
func (ch *Channel) adopt() {
	s := ch.Server
	s.mu.Lock()
	defer s.mu.Unlock()
	ch.inCommand = false
	ch.session.helo, ch.session.peer, ch.session.user = ch.SeenGreeting, ch.Peer, ch.User
	ch.advance()
	switch ch.State {
	case StateMail, StateRcpt, StateData, StateBdat:
		if ch.rec == nil {
			ch.openTransaction()
		}
		ch.adoptEnvelope()
	case StateFailed:
	default:
		if ch.rec != nil {
			ch.reset(isReset)
		}
	}
}

// advance moves the state to where a sender and recipients that were set
// belong.
func (ch *Channel) advance() {
	if ch.State == StateHello && ch.rec == nil && (ch.MailFrom != "" || len(ch.RcptTos) > 0) {
		ch.State = StateMail
	}
	switch {
	case ch.State == StateMail && len(ch.RcptTos) > 0:
		ch.State = StateRcpt
	case ch.State == StateRcpt && len(ch.RcptTos) == 0:
		ch.State = StateMail
	}
}

// adoptEnvelope makes the record that of the Channel's sender, and of as many
// recipients. It looks at none of those that there were before: see syncRecipients.
func (ch *Channel) adoptEnvelope() {
	ch.rec.from, ch.rec.mailOptions = ch.MailFrom, ch.recorded(ch.MailOptions)
	for len(ch.RcptOptions) < len(ch.RcptTos) {
		ch.RcptOptions = append(ch.RcptOptions, nil)
	}
	ch.RcptOptions = ch.RcptOptions[:len(ch.RcptTos)]
	n := min(len(ch.accepted), len(ch.RcptTos))
	for _, r := range ch.accepted[n:] {
		r.Accepted = false
	}
	ch.accepted = ch.accepted[:n]
	for i, to := range ch.RcptTos[n:] {
		r := ch.rec.addRcpt()
		*r = Recipient{To: to, Options: ch.recorded(ch.RcptOptions[n+i]), Accepted: true}
		ch.accepted = append(ch.accepted, r)
	}
	ch.pending.adopted = ch.accepted[n:]
}

// syncRecipients makes the accepted recipients of the record those of RcptTos, of
// which a CommandFunc may have changed any. To do so after each CommandFunc would
// take time that grows with the square of their number, so it is done when the
// record is read, and at the end of the transaction. Server.mu must be held.
func (ch *Channel) syncRecipients() {
	if ch.inCommand {
		return // the CommandFunc may be writing there
	}
	for i, r := range ch.accepted[:min(len(ch.accepted), len(ch.RcptTos))] {
		r.To = ch.RcptTos[i]
		if !slices.Equal(r.Options, ch.RcptOptions[i]) {
			r.Options = slices.Clone(ch.RcptOptions[i])
		}
	}
}

// recorded are a Channel's options for the record: a CommandFunc may write into
// the Channel's own, whoever reads the record meanwhile.
func (ch *Channel) recorded(options []string) []string {
	if ch.Server.config.Commands == nil {
		return options
	}
	return slices.Clone(options)
}

// checkCommands finds keys that no client could name, and verbs without a
// function.
func (s *Server) checkCommands() error {
	for name, f := range s.config.Commands {
		switch {
		case name == "" || name != wire.Upper(name) || strings.Contains(name, " ") || strings.ContainsFunc(name, wire.IsControl):
			return fmt.Errorf("the key %q of Commands is no verb: write it in upper case, without spaces and line ends", name)
		case script.IsPseudo(name):
			return fmt.Errorf("the key %q of Commands is the name of an event of the script: use a Rule", name)
		case f == nil:
			return fmt.Errorf("the function of Commands[%q] is nil: give one, or leave the key out", name)
		}
	}
	return nil
}
