package smtptest

import (
	"net"

	"github.com/go-smtptest/smtp/smtptest/internal/session"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// State is where a session stands (smtpd's smtp_state, finer).
type State string

// The states of protocol order: what a command may follow.
const (
	StateGreeted  State = "greeted"     // no HELO or EHLO yet, or forgotten by STARTTLS
	StateRefusing State = "refusing"    // the greeting was a refusal: only QUIT is served
	StateHello    State = "hello"       // HELO or EHLO was given; no transaction
	StateMail     State = "mail"        // MAIL was accepted, no recipient yet
	StateRcpt     State = "rcpt"        // a recipient was accepted
	StateData     State = "data"        // content is being read
	StateBdat     State = "bdat"        // a BDAT chunk was accepted, not the last
	StateFailed   State = "bdat failed" // a BDAT was refused: only RSET helps (RFC 3030 2)
)

// Channel is one client's conversation (smtpd's SMTPChannel), as a CommandFunc
// sees it. Its fields are the channel's own state: what a CommandFunc sets is
// so from then on. It belongs to the session's goroutine and must not be kept.
type Channel struct {
	Server        *Server    // smtp_server
	Conn          net.Conn   // conn; the TLS connection once there is TLS
	Addr          net.Addr   // addr: the client's address
	Peer          string     // peer: the same as a string
	FQDN          string     // fqdn: what the server calls itself
	State         State      // smtp_state
	SeenGreeting  string     // seen_greeting: argument of the last HELO or EHLO
	Extended      bool       // it was EHLO or LHLO
	MailFrom      string     // mailfrom; "" is the null sender: State tells whether there was a MAIL
	RcptTos       []string   // rcpttos: accepted so far
	MailOptions   []string   // parameters of MAIL, as sent
	RcptOptions   [][]string // parameters of each accepted RCPT, parallel to RcptTos
	User          string     // authenticated identity; "" if none
	ReceivedLines []string   // received_lines: the command lines and answers to Ask so far; kept only for servers with Commands
	ReceivedData  string     // received_data: the content of the last message whose end was reached, until RSET, HELO or EHLO

	call *session.Call
}

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
	if ch.call == nil || !ch.call.Running() {
		panic("smtptest: Channel.Ask called outside a CommandFunc")
	}
	ch.leave()
	defer ch.enter()
	return ch.call.Ask(wire.Reply(prompt))
}

// commandsOf returns the Commands as sessions call them.
func commandsOf(s *Server) map[string]session.Command {
	if s.config.Commands == nil {
		return nil
	}
	commands := make(map[string]session.Command, len(s.config.Commands))
	for name, f := range s.config.Commands {
		if f != nil {
			commands[name] = func(call *session.Call, arg string) wire.Reply { return callCommand(s, call, f, arg) }
		} else {
			commands[name] = nil
		}
	}
	return commands
}

// callCommand calls a CommandFunc with the Channel of its session.
func callCommand(s *Server, call *session.Call, f CommandFunc, arg string) wire.Reply {
	ch, ok := call.Guest.(*Channel)
	if !ok {
		ch = &Channel{Server: s, Addr: call.Conn.RemoteAddr(), call: call}
		call.Guest = ch
	}
	ch.enter()
	defer ch.validate(s)
	return wire.Reply(f(ch, arg))
}

// enter makes the fields those of the session. Lists are shared, not copied.
func (ch *Channel) enter() {
	v := &ch.call.View
	ch.Conn, ch.Peer, ch.ReceivedLines = v.Conn, v.Peer, v.Lines
	ch.FQDN, ch.State, ch.SeenGreeting, ch.Extended, ch.User = v.FQDN, State(v.State), v.Helo, v.Extended, v.User
	ch.MailFrom, ch.RcptTos, ch.MailOptions, ch.RcptOptions, ch.ReceivedData = v.From, v.To, v.MailOptions, v.RcptOptions, v.Data
}

// leave makes the state of the session that of the fields.
func (ch *Channel) leave() {
	v := &ch.call.View
	v.Conn, v.Peer, v.Lines = ch.Conn, ch.Peer, ch.ReceivedLines
	v.FQDN, v.State, v.Helo, v.Extended, v.User = ch.FQDN, session.State(ch.State), ch.SeenGreeting, ch.Extended, ch.User
	v.From, v.To, v.MailOptions, v.RcptOptions, v.Data = ch.MailFrom, ch.RcptTos, ch.MailOptions, ch.RcptOptions, ch.ReceivedData
}

// validate ends a CommandFunc. It fails the test, and goes on with what there was before,
// if the function has set a field to what no session can have.
func (ch *Channel) validate(server *Server) {
	was, odd := ch.call.View, ""
	if ch.Server != server {
		ch.Server, odd = server, "Server"
	}
	if ch.Conn == nil {
		ch.Conn, odd = was.Conn, "Conn"
	}
	if !session.State(ch.State).Valid() {
		ch.State, odd = State(was.State), "State"
	}
	ch.leave()
	if odd != "" {
		server.errorf("smtptest: session %d: %s has set Channel.%s to what it cannot be: leave it as it is, or set the State to one of the constants", ch.call.Session(), ch.call.Name, odd)
	}
}
