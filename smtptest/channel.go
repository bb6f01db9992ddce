package smtptest

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// verb is a row of the command table.
type verb struct {
	name    string
	syntax  string // after "Syntax: "
	params  bool   // parameters may follow after EHLO
	run     func(ch *Channel, arg string) verdict
	note    func(ch *Channel, told Reply, took bool) // records what was answered; Server.mu is held
	mode    func(ch *Channel, told Reply)            // does what the client was told to expect
	offered func(s *Server) bool                     // nil: always
	exempt  policy                                   // allowed before TLS or AUTH where they are required
	rfc     string
}

// policy is a set of the requirements that a verb is exempt from.
type policy uint8

const (
	beforeTLS policy = 1 << iota
	beforeAuth
	whileRefusing // after a 554 greeting
)

// commandTable is the command table: HELP, the 501 texts and the README derive
// from it. commands has its rows by name. They are filled in by init, because
// the methods refer back to them.
var (
	commandTable []verb
	commands     map[string]*verb
)

func init() {
	commandTable = []verb{
		{name: "EHLO", syntax: "EHLO hostname", run: (*Channel).verbEhlo, exempt: beforeTLS | beforeAuth, offered: notLMTP, rfc: "RFC 5321 4.1.1.1"},
		{name: "HELO", syntax: "HELO hostname", run: (*Channel).verbHelo, exempt: beforeTLS | beforeAuth, offered: notLMTP, rfc: "RFC 5321 4.1.1.1"},
		{name: "LHLO", syntax: "LHLO hostname", run: (*Channel).verbEhlo, exempt: beforeTLS | beforeAuth, offered: onlyLMTP, rfc: "RFC 2033 4.1"},
		{name: "MAIL", syntax: "MAIL FROM: <address>", params: true, run: (*Channel).verbMail, rfc: "RFC 5321 4.1.1.2"},
		{name: "RCPT", syntax: "RCPT TO: <address>", params: true, run: (*Channel).verbRcpt, note: (*Channel).noteRcpt, rfc: "RFC 5321 4.1.1.3"},
		{name: "DATA", syntax: "DATA", run: (*Channel).verbData, mode: (*Channel).modeData, rfc: "RFC 5321 4.1.1.4"},
		{name: "BDAT", syntax: "BDAT size [LAST]", run: (*Channel).verbBdat, offered: offers("CHUNKING"), rfc: "RFC 3030 2"},
		{name: "RSET", syntax: "RSET", run: (*Channel).verbRset, exempt: beforeTLS | beforeAuth, rfc: "RFC 5321 4.1.1.5"},
		{name: "NOOP", syntax: "NOOP", run: (*Channel).verbNoop, exempt: beforeTLS | beforeAuth, rfc: "RFC 5321 4.1.1.9"},
		{name: "QUIT", syntax: "QUIT", run: (*Channel).verbQuit, exempt: beforeTLS | beforeAuth | whileRefusing, rfc: "RFC 5321 4.1.1.10"},
		{name: "VRFY", syntax: "VRFY <address>", run: (*Channel).verbVrfy, rfc: "RFC 5321 4.1.1.6"},
		{name: "EXPN", syntax: "EXPN <list>", run: (*Channel).verbExpn, rfc: "RFC 5321 4.1.1.7"},
		{name: "HELP", syntax: "HELP [command]", run: (*Channel).verbHelp, rfc: "RFC 5321 4.1.1.8"},
		{name: "STARTTLS", syntax: "STARTTLS", run: (*Channel).verbStartTLS, mode: (*Channel).modeStartTLS, exempt: beforeTLS | beforeAuth, offered: func(s *Server) bool { return s.tls != nil && !s.implicit }, rfc: "RFC 3207 4"},
		{name: "AUTH", syntax: "AUTH mechanism [initial-response]", run: (*Channel).verbAuth, mode: (*Channel).modeAuth, exempt: beforeAuth, offered: (*Server).offersAuth, rfc: "RFC 4954 4"},
		{name: "XCLIENT", syntax: "XCLIENT attribute=value...", run: (*Channel).verbXclient, exempt: beforeAuth, offered: offers("XCLIENT"), rfc: "Postfix XCLIENT_README"},
		{name: "TURN", syntax: "TURN", run: (*Channel).verbAncient, rfc: "RFC 5321 F.1"},
		{name: "SEND", syntax: "SEND FROM: <address>", run: (*Channel).verbAncient, rfc: "RFC 5321 F.6"},
		{name: "SOML", syntax: "SOML FROM: <address>", run: (*Channel).verbAncient, rfc: "RFC 5321 F.6"},
		{name: "SAML", syntax: "SAML FROM: <address>", run: (*Channel).verbAncient, rfc: "RFC 5321 F.6"},
	}
	commands = make(map[string]*verb, len(commandTable))
	for i := range commandTable {
		commands[commandTable[i].name] = &commandTable[i]
	}
}

func notLMTP(s *Server) bool  { return !s.config.LMTP }
func onlyLMTP(s *Server) bool { return s.config.LMTP }

func offers(keyword string) func(*Server) bool {
	return func(s *Server) bool { return s.features.has(keyword) }
}

func verbNames() []string {
	names := make([]string, len(commandTable))
	for i := range commandTable {
		names[i] = commandTable[i].name
	}
	return names
}

// usage is the syntax as HELP and 501 show it.
func (v *verb) usage(extended bool) string {
	if v.params && extended {
		return v.syntax + " [SP <mail-parameters>]"
	}
	return v.syntax
}

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

var states = []State{StateGreeted, StateRefusing, StateHello, StateMail, StateRcpt, StateData, StateBdat, StateFailed}

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

	raw       net.Conn   // under TLS the connection below it
	below     *transport // nil in clear
	r         wire.Reader
	out       []byte // replies not yet written; firstOut, until they need more
	firstOut  [512]byte
	session   *session
	rec       *record // the open transaction; nil if none
	ifLists   ifLists // of that
	pending   pending
	turn      turn // of the command, or the end of data, at hand
	content   wire.Content
	body      bodyRows // while content is read
	underTLS  bool
	auth      authState
	secretive bool     // an AUTH has begun, and none has succeeded since
	after334  bool     // the last reply was a 334
	secrets   []string // that were masked: the last maxSecrets
	asking    *turn    // of the CommandFunc that is running
	errors    int      // 4yz and 5yz replies sent
	lines     int      // taken: commands, responses to AUTH and answers to Ask
	mails     int      // transactions begun
	refusals  int      // recipients refused in this transaction
	domains   domains
	neverMail bool // the greeting was 521

	over        bool      // the session ends
	why         string    // as Session.End; "" if nobody has said so yet
	held        *turn     // the last event whose reply waits for the next one; nil if none waits
	mute        bool      // our side is half-closed: nothing can be sent
	ahead       bool      // input was there before the last reply was written
	last        string    // the last event
	lastAlso    string    // its second name
	silentSince time.Time // the wait for more than that began; zero before
	armed       time.Time // the read deadline that is set
	idleRow     []idleTime
	idleOf      uint64 // the version of the script that idleRow is from

	waiting  sync.Mutex // guards waits, stage and code, and the deadline while waits is set
	waits    bool       // for input, and may be roused
	stage    stage
	code     string       // the test's own code that runs; "" if none
	reading  atomic.Int64 // while content is awaited: one more than the bytes of it that came
	withheld bool         // a rule left the client without a whole reply, and nothing came from it since

	broken atomic.Bool // the connection, which is the test's own, has panicked or left a goroutine
	left   atomic.Bool // the test's own code has left the session's goroutine, and the test was told

	// Guarded by Server.mu.
	gone        chan struct{} // closed by interrupt
	interrupted bool
	inCommand   bool         // a CommandFunc is running
	accepted    []*Recipient // of rec, parallel to RcptTos; kept only for servers with Commands
	replying    bool         // a message was recorded whose reply is not yet written
}

func newChannel(s *Server, conn net.Conn) *Channel {
	ch := &Channel{
		Server: s,
		Conn:   conn,
		raw:    conn,
		FQDN:   s.hostname(),
		State:  StateGreeted,
		gone:   make(chan struct{}),
	}
	ch.r.Reset(conn)
	ch.out = ch.firstOut[:0]
	return ch
}

// nameOf is the address as a string, made in one piece if it is one of TCP.
func nameOf(addr net.Addr) string {
	switch a := addr.(type) {
	case nil:
		return ""
	case *net.TCPAddr:
		if p := a.AddrPort(); p.IsValid() {
			return netip.AddrPortFrom(p.Addr().Unmap(), p.Port()).String()
		}
	}
	return addr.String()
}

// serve is the life of a session.
func (ch *Channel) serve() {
	defer ch.end() // even if the test's own code leaves the goroutine
	defer ch.guardConn(ch.hangUp)
	ch.guardConn(ch.talk)
}

// talk is the life of a session up to the end of its connection.
func (ch *Channel) talk() {
	ch.setPeer()
	if ch.Server.implicit && !ch.handshake() {
		return
	}
	ch.greet()
	for !ch.over {
		line, long, err := ch.readLine()
		if err != nil {
			ch.lost(err)
			return
		}
		ch.command(line, long)
	}
}

// setPeer asks the connection for the client's address.
func (ch *Channel) setPeer() {
	ch.Addr = ch.raw.RemoteAddr()
	ch.Peer = nameOf(ch.Addr)
	ch.Server.mu.Lock()
	ch.session.peer = ch.Peer
	ch.Server.mu.Unlock()
}

// hangUp closes the connection, if nothing has done so.
func (ch *Channel) hangUp() {
	defer ch.raw.Close() // even if TLS cannot say goodbye
	if ch.broken.Load() {
		ch.finish(EndReset)
		return
	}
	ch.finish(EndServer)
	held := ch.held
	ch.flush()
	ch.Conn.Close()
	ch.Server.mu.Lock()
	defer ch.Server.mu.Unlock()
	if held != nil && ch.interrupted {
		ch.withdraw(held, 0)
	}
}

// end closes the record.
func (ch *Channel) end() {
	s := ch.Server
	s.mu.Lock()
	ch.session.end = ch.why
	ch.session.duration = time.Since(ch.session.start)
	ch.session.unread = ch.showUnread(ch.r.Bytes())
	ch.closeRecord(isAborted)
	ch.session.channel = nil
	delete(s.live, ch)
	s.finished = append(s.finished, ch.session)
	s.notify()
	s.mu.Unlock()
}

// finish ends the session after the present event. The first reason stays.
func (ch *Channel) finish(why string) {
	if !ch.over {
		ch.over = true
		ch.Server.open.Add(-1)
	}
	if ch.why == "" {
		ch.why = why
	}
}

// lost ends the session because reading or writing failed.
func (ch *Channel) lost(err error) {
	closed, reset := ch.peerEnd()
	switch {
	case ch.isInterrupted():
		ch.finish(EndServer)
	case ch.below != nil && !ch.below.broke.Load() && err != io.EOF:
		ch.noteAlert(err)
		ch.finish(EndTLS)
	case reset:
		ch.finish(EndReset) // also if a write has had the error, and a read EOF
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		ch.noteTruncation()
		ch.finish(EndClosed)
	case closed && (errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)):
		ch.finish(EndClosed) // with replies unread
	default:
		ch.finish(EndReset)
	}
}

func (ch *Channel) isInterrupted() bool {
	ch.Server.mu.Lock()
	defer ch.Server.mu.Unlock()
	return ch.interrupted
}

// lastReply is the time that a client has to take the reply to a recorded
// message when its connection is closed: for one that has stopped reading.
const lastReply = 250 * time.Millisecond

// interrupt ends the session from outside. A reply to a recorded message that
// is being written still goes out.
func (ch *Channel) interrupt() {
	s := ch.Server
	s.mu.Lock()
	first := !ch.interrupted
	ch.interrupted = true
	replying := ch.replying
	if first {
		close(ch.gone)
	}
	s.mu.Unlock()
	switch {
	case !first:
	case replying:
		ch.callConn("SetWriteDeadline", func() { ch.raw.SetWriteDeadline(time.Now().Add(lastReply)) })
	default:
		ch.callConn("Close", func() { ch.raw.Close() })
	}
}

// greet answers the connection.
func (ch *Channel) greet() {
	t := &ch.turn
	*t = turn{name: "CONNECT", line: "CONNECT", flags: isEvent}
	t.own.reply = ch.Server.greeting()
	told, _ := ch.answer(t)
	if c := told.Code(); c/100 == 5 {
		ch.State = StateRefusing // RFC 5321 3.1
		ch.neverMail = c == 521  // RFC 7504 3
	}
}
