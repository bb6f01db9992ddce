package smtptest

import (
	"net"

	"github.com/go-smtptest/smtp/smtptest/internal/session"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// State is the protocol state of a session. It has more values than smtpd's smtp_state.
type State string

// The states of a session.
const (
	StateGreeted  State = "greeted"     // no HELO or EHLO yet, or state reset by STARTTLS
	StateRefusing State = "refusing"    // the greeting was a refusal: only QUIT is served
	StateHello    State = "hello"       // HELO or EHLO was given; no transaction
	StateMail     State = "mail"        // MAIL was accepted, no recipient yet
	StateRcpt     State = "rcpt"        // a recipient was accepted
	StateData     State = "data"        // content is being read
	StateBdat     State = "bdat"        // a BDAT chunk was accepted, not the last
	StateFailed   State = "bdat failed" // a BDAT was refused: only RSET helps (RFC 3030 2)
)

// A Channel is the state of a session as a [CommandFunc] sees it; it corresponds to
// smtpd's SMTPChannel. Changes to its fields take effect when the CommandFunc returns or
// calls Ask. Do not use a Channel outside of a CommandFunc or on another goroutine.
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

// A CommandFunc implements an SMTP verb, or replaces a built-in one; see
// [Server.Commands]. It corresponds to smtpd's smtp_<COMMAND> methods. The server calls it
// after the script, on the session's goroutine, with the text that follows the verb. It
// may read and change ch.
//
// If it returns the zero Reply, the built-in verb runs with the changed ch. If it returns
// NoReply, nothing is sent. Any other reply is sent as is and has no effect of its own:
// a 250 to RCPT adds a recipient only if the function has added it to ch.RcptTos. The
// exception is content: after a 354 to DATA, or when ch.State is StateData, the server
// reads a message next. The lines of a reply are separated by "\n":
// "250-first\n250 second".
//
// If the function panics or returns an invalid reply, the test fails and the client gets
// a 451. If it leaves its goroutine, the test fails and the client gets no reply. If the
// server has no TB, each of these ends the program with a panic.
type CommandFunc func(ch *Channel, arg string) Reply

// Ask sends an intermediate reply, such as "334 Password:", and returns the client's next
// line, without its CRLF. A CommandFunc may call it several times before it returns. The
// record masks the line if the prompt is a 334, or if the function implements AUTH.
//
// A non-nil error means that the session is over: the client has disconnected or has sent
// more lines than a session may have, or the server closes. The function should return
// then. If it calls Ask again, that call ends the function.
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
