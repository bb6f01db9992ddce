package smtptest

import (
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/gate"
	"github.com/go-smtptest/smtp/smtptest/internal/harness"
	"github.com/go-smtptest/smtp/smtptest/internal/journal"
	"github.com/go-smtptest/smtp/smtptest/internal/memnet"
	"github.com/go-smtptest/smtp/smtptest/internal/reserve"
	"github.com/go-smtptest/smtp/smtptest/internal/script"
	"github.com/go-smtptest/smtp/smtptest/internal/session"
)

// DefaultSizeLimit is the SizeLimit of a Server that sets none: 32 MiB, as in
// smtpd.
const DefaultSizeLimit = 32 << 20

// A Server is a fake SMTP server for tests: it listens on a loopback port or
// on an in-memory network, records all that clients send, and answers what its
// script says. Make one with NewServer or one of its siblings; the zero Server
// is not usable. Its methods may be called from any goroutine.
//
// What one client can make it keep is bounded: a message by SizeLimit, a
// command by its RFC's line length, a transaction by 100,000 recipients (452
// beyond), a session by 1,000,000 commands (421 beyond).
type Server struct {
	Addr string // "127.0.0.1:port" once started; "localhost:1" in memory
	// Listener may be replaced before Start: by one for IPv6, a Unix socket, a given port
	// or interface. That of the constructors opens a loopback port when Start, its Accept
	// or its Addr is called.
	Listener net.Listener

	// WaitTimeout limits Wait and the other methods that wait, Client, and how long Close
	// waits for the test's own code. If it is 0, the limit is 10 s, and 24 h in a bubble
	// of testing/synctest, where time costs nothing. It may be set at any time between
	// calls: each call reads it once, when it begins.
	WaitTimeout time.Duration

	// Configuration: read once by Start. A later change has no effect, and fails
	// the test at its end.

	// Hostname is said in the greeting and in HELO and EHLO replies; "" is
	// "localhost". A domain or an address literal.
	Hostname string
	// Greeting is what the greeting says after the Hostname; "" is "ESMTP smtptest".
	// Some clients look for the word ESMTP in it.
	Greeting string
	// Extensions are the lines of the EHLO reply after the first. The
	// constructors fill in the defaults: append or delete. What is not offered
	// is not accepted. Bare "SIZE" announces SizeLimit; a written number is sent
	// as is. STARTTLS and AUTH lines are added by TLS and Users.
	Extensions []string
	// SizeLimit is the number of octets that a message may have, as RFC 1870 5 counts
	// them: every CRLF counts, a doubled dot counts once, the final dot does not count.
	// The server replies 552 to a larger message: to MAIL if the client declares the
	// size, else at the end of the content. If SizeLimit is 0, the limit is
	// DefaultSizeLimit; if it is negative, there is none.
	SizeLimit int64
	// TLS offers STARTTLS when it is set; a throw-away certificate is added if it
	// has none. With StartTLS it serves the implicit TLS. Where its ClientAuth
	// verifies and its ClientCAs are nil, certificates of NewCertificate are taken.
	// A handshake that takes longer than 10 s fails.
	TLS *tls.Config
	// Users are names and passwords; AUTH is offered when they are set: in clear
	// if TLS is nil, else under TLS only. They are compared octet by octet: a
	// client that prepares them by SASLprep (RFC 4013) needs them prepared here.
	Users map[string]string
	// Authenticate decides on names, passwords and tokens instead of Users, for
	// the mechanisms that show them; it offers AUTH when it is set.
	Authenticate func(Credentials) bool
	// Mechanisms are the SASL mechanisms offered; nil offers all that Users and
	// Authenticate can serve.
	Mechanisms []string
	// ClearMechanisms are those offered before STARTTLS while TLS is set; nil
	// offers none.
	ClearMechanisms []string
	// RequireTLS answers 530 to most commands before TLS (RFC 3207 4).
	RequireTLS bool
	// RequireAuth answers 530 to most commands before AUTH (RFC 4954 6).
	RequireAuth bool
	// LMTP speaks RFC 2033: LHLO, and a reply for each recipient.
	LMTP bool
	// Lenient accepts some commands that the grammar of RFC 5321 4.1.1 does not allow, as
	// relays do. Without it, they get a 501:
	//
	//   - white space around the colon, "MAIL FROM: <a@b.example>" (Postfix, Exim and
	//     sendmail after the colon, sendmail before it)
	//   - a path without brackets, "MAIL FROM:a@b.example" (Postfix, Exim, sendmail)
	//   - more white space than one space before the argument or a parameter (Postfix,
	//     sendmail)
	//   - a host name in EHLO, HELO or LHLO that is not one, "EHLO my_container" (Postfix,
	//     without reject_invalid_helo_hostname)
	//
	// For rules, scopes and the envelope such a path is as if the client had written it
	// correctly. The record has the line as the client sent it, and package lint reports
	// it in both modes. Lenient does not change how the server treats line ends, the end
	// of the content, AUTH, lengths, and what EHLO does not offer.
	Lenient bool
	// Handler decides on each message whose content has arrived; nil accepts
	// every message.
	Handler Handler
	// Commands replaces or adds verbs, by their name in upper case: smtpd's
	// smtp_<COMMAND> methods.
	Commands map[string]CommandFunc
	// Parameters adds parameters of MAIL and RCPT, by their keyword in upper
	// case, also in place of a built-in check. The function checks the value (""
	// if there is none) and may be nil; on an error the client is told 501.
	Parameters map[string]func(value string) error
	// Observe is called for each event that a Rule with On "*" matches, and for
	// TLS, before the rules are tried. It cannot change the reply. One call runs at
	// a time, and none while an If runs. Observe may read the Server. If it panics,
	// the same happens as with an If.
	Observe func(Event)
	// Seed is that of Chance and Jitter; 0 draws one and logs it.
	Seed uint64
	// IdleTimeout is the time between two commands after which the server
	// answers 421; 0 is the 5 minutes of RFC 5321 4.5.3.2.7, negative no limit.
	IdleTimeout time.Duration

	reporter
	kept   keeper            // of the server's own test, since Start
	places map[string]string // where files go, by the tests' directories; guarded by the lock of places

	config    config         // since Start
	engine    session.Config // the same for the sessions
	life      gate.Gate      // held by Start, Stop, Restart and Close, never by sessions
	phase     atomic.Int32   // a phase; written with life held
	lazy      lazyListener   // the Listener of the constructors
	mem       *memnet.Listener
	inMemory  bool
	foreign   bool                // the Listener, and so the connections, may be the test's own code
	reserved  reserve.Reservation // of a stopped server's address
	script    script.Table
	journal   journal.Journal
	seedInUse atomic.Uint64 // the seed in use, 0 before it is drawn
	alarm     alarm

	mu        sync.Mutex // guards what follows
	ended     chan struct{}
	calls     map[string]int  // by their names, how many calls of the Listener and of connections run: see run
	live      []*session.Conn // that have not ended, in order of connection
	accepting int             // goroutines in accept, if no code of the test is
}

// Where a Server stands in its life.
const (
	zeroValue int32 = iota // the zero Server
	unstarted
	serving
	stopped
	closed
)

// phaseErrors are a Server at each of these points, and what to do there.
var phaseErrors = [...]string{
	zeroValue: "a zero Server: make it with NewServer or one of its siblings",
	unstarted: "a server that is not started: call Start first",
	serving:   "a server that is already started: NewServer starts it; use NewUnstartedServer to set fields first",
	stopped:   "a stopped server: Restart ends its outage",
	closed:    "a closed server: make a new one",
}

// wrongPhase fails the test for a method that the server cannot follow where it
// stands.
func (s *Server) wrongPhase(method string) {
	s.test().Helper()
	s.fatalf("smtptest: %s of %s", method, phaseErrors[s.phase.Load()])
}

// NewServer starts a server on a loopback port. It is closed when the test
// ends. Problems of a nil tb panic, and the caller closes: for Examples,
// TestMain and programs. To set fields, take NewUnstartedServer. In a
// testing/synctest bubble sockets stop the clock: use NewInMemoryServer there.
func NewServer(tb TB) *Server {
	s := NewUnstartedServer(tb)
	s.test().Helper()
	s.Start()
	return s
}

// NewTLSServer is NewServer with implicit TLS (RFC 8314).
func NewTLSServer(tb TB) *Server {
	s := NewUnstartedServer(tb)
	s.test().Helper()
	s.StartTLS()
	return s
}

// NewInMemoryServer starts a server without sockets: reach it by DialContext
// or Client. Its Addr is "localhost:1": no mail server uses that port, and
// ordinary machines refuse connections to it. In a testing/synctest bubble,
// create the server inside the bubble, with the bubble's own t. A use from
// outside the bubble ends the test binary with "send on synctest channel from
// outside bubble" or the like.
func NewInMemoryServer(tb TB) *Server {
	s := NewUnstartedServer(tb)
	s.test().Helper()
	s.StartInMemory()
	return s
}

// NewUnstartedServer returns a server whose fields can be set before Start,
// StartTLS, StartInMemory or StartTLSInMemory.
func NewUnstartedServer(tb TB) *Server {
	if mistake := harness.NilTB(tb); mistake != "" {
		panic("smtptest: " + mistake)
	}
	s := &Server{
		Extensions: []string{"PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "HELP"},
		reporter:   reporter{tb: tb},
	}
	s.Listener = &s.lazy
	s.phase.Store(unstarted)
	s.script.Seed = s.seed
	s.test().Helper()
	s.test().Cleanup(s.cleanUp)
	return s
}

// Start listens on a loopback port (IPv6 if there is no IPv4), or on Listener
// if it is set, and serves. It fails the test if the server is already started
// or misconfigured.
func (s *Server) Start() {
	s.test().Helper()
	s.start(false, false)
}

// StartTLS is Start with implicit TLS (RFC 8314).
func (s *Server) StartTLS() {
	s.test().Helper()
	s.start(true, false)
}

// StartInMemory is Start without sockets. Listener must be nil. With TLS set
// the server offers STARTTLS.
func (s *Server) StartInMemory() {
	s.test().Helper()
	s.start(false, true)
}

// StartTLSInMemory is StartInMemory with implicit TLS (RFC 8314): the client
// that has connected with DialContext begins with its handshake.
func (s *Server) StartTLSInMemory() {
	s.test().Helper()
	s.start(true, true)
}

func (s *Server) start(implicit, inMemory bool) {
	s.test().Helper()
	s.life.Lock()
	defer s.life.Unlock()
	if s.phase.Load() != unstarted {
		s.wrongPhase("Start")
		return
	}
	if !inMemory && inBubble() {
		s.fatalf("smtptest: a server with sockets stops the clock of a synctest bubble: use NewInMemoryServer there, and clients that connect with Server.DialContext")
		return
	}
	s.engine.Implicit, s.inMemory = implicit, inMemory
	s.config, s.kept = s.snapshot(), s.keeper(s.tb)
	if err := s.configure(); err != nil {
		s.fatalf("smtptest: %v", err)
		return
	}
	if err := s.listen(); err != nil {
		s.fatalf("smtptest: cannot listen: %v", err)
		return
	}
	s.engine.Foreign = s.foreign
	s.alarm.set(s)
	s.serve()
}

// serve begins to accept on s.Listener. life must be held.
func (s *Server) serve() {
	s.mu.Lock()
	s.ended = make(chan struct{})
	s.phase.Store(serving)
	if !s.foreign {
		s.accepting++
	}
	s.mu.Unlock()
	ln, ended := s.Listener, s.ended
	if !s.foreign {
		go s.acceptOwn(ln, ended)
		return
	}
	what := fmt.Sprintf("Accept of the Listener (%T)", ln)
	s.run(what, func() { s.accept(ln, ended) }, func(p any) { s.reportUserFailure(what, p) })
}

// started says that the configuration has been read.
func (s *Server) started() bool { return s.phase.Load() >= serving }

// configure reads the configuration fields. life must be held.
func (s *Server) configure() error {
	s.setEngine()
	if err := s.engine.Read(); err != nil {
		return err
	}
	if err := s.configureTLS(); err != nil {
		return err
	}
	if err := s.engine.Check(); err != nil {
		return err
	}
	if err := s.config.check(); err != nil {
		return err
	}
	return s.checkScript()
}

// Credentials are what a client has shown in AUTH, for Server.Authenticate.
type Credentials struct {
	Mechanism string // "PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER" or "EXTERNAL"
	Authzid   string // the identity to act as; "" if none was given
	User      string // the identity that was shown; of EXTERNAL that of the certificate
	Secret    string // password or token; "" with EXTERNAL
}
