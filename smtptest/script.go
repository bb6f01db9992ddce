package smtptest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/script"
)

// Rule is one rule of a script: when it fires (On to Optional), what the server
// then does (Delay to Discard) and how (Chunk to Then). A script is a table of
// rules, set with Server.Script.
//
// Events, and what On says of them:
//
//	a verb      a command line was read (BDAT: with its chunk). An argument may follow:
//	            "RCPT TO:<bob@example.com>", "MAIL FROM:<*> *SIZE=*"
//	"CONNECT"   a connection is there; the answer is the greeting
//	"TLS"       before a handshake, implicit or after the 220 to STARTTLS; Raw replaces
//	            the handshake, and is sent once the first byte of the client has come
//	"RESPONSE"  a line after a 334; the argument is the line
//	"BODY n"    n octets of content have arrived, as sent; a chunk out of place is no content
//	"."         the content is complete; with LMTP ". <recipient>", one event for each
//	"IDLE v"    silence for Delay since event v (without v: any), no input waiting
//	"*"         all of these that are answered: not TLS, BODY and IDLE
//
// A verb must be equal, in any case. An argument must be equal too, or be
// followed by a space (parameters do not disturb); a * in it stands for any
// run of octets, and upper and lower case are the same.
//
// Matching, in this order:
//
//  1. Rules are tried top down; the first that fires answers the event alone.
//     If none fires, the server gives its own answer.
//  2. On, then If.
//  3. The match counts in the rule's scope (Per); the first Skip of each scope
//     pass on to later rules.
//  4. Times used up or For over: passes on. For begins with the scope's first
//     match; Every begins a new window with the first match after the old one
//     has ended.
//  5. Chance: throw n of rule r depends on Server.Seed, r and n alone.
//  6. Fired counts now, also when the client leaves during Delay.
//
// What a fired rule does, in this order: Keep takes effect; Delay; the answer
// (Reply, Raw, NoReply or the server's own); the effect, if the answer has the
// first digit of the verb's own success (DATA 3, all others 2); the writing,
// shaped by Chunk and Pause; Then; and last what the client was told to do: a
// 354 to DATA is followed by content, a 334 to AUTH by a RESPONSE, a 220 to
// STARTTLS by TLS, whoever said so. A scripted success overrules the server's
// judgement (limits, passwords, extensions not offered), never grammar or the
// order of commands.
type Rule struct {
	On          string           // the event: "RCPT", "RCPT TO:<*@example.com>", "CONNECT", ".", "*"
	If          func(Event) bool // and only if it returns true; one runs at a time, and it may read the Server
	Skip, Times int              // let the first Skip matches pass, then fire Times times (0: always)
	Per         Scope            // what Skip, Times, For and Every count over
	For         time.Duration    // fire only for so long after the first match
	Every       time.Duration    // begin Skip, Times and For afresh when so long has passed
	Chance      float64          // fire with this probability (0: always)
	Optional    bool             // may end the test without having fired

	Delay   time.Duration // before the answer, which is none if the client leaves first; see Forever
	Jitter  time.Duration // a random part of this is added to Delay
	Reply   Reply         // instead of the server's own answer; NoReply sends none
	Raw     string        // octets sent verbatim instead of a reply
	Keep    bool          // takes effect whatever is answered: the message recorded, the recipient added
	Discard bool          // takes no effect whatever is answered

	Chunk int           // octets per write; ByLine writes line by line. On BODY: octets per read
	Pause time.Duration // between two writes (on BODY: reads); alone it means one octet each
	Then  Then          // how the connection goes on after the answer
}

// Scope says what a rule's Skip, Times, For and Every count over: PerServer,
// PerSession, PerTransaction, PerPeer, PerSender, PerRecipient. Scopes are
// combined with |: PerPeer|PerSender|PerRecipient counts for each triple.
type Scope uint8

// The scopes. Sessions are numbered for the life of the Server, so clients
// that reconnect go on counting, and so they do after a Restart.
const (
	PerServer      Scope = 0         // one count for all
	PerSession     Scope = 1 << iota // for each connection
	PerTransaction                   // for each transaction; MAIL and what precedes it count to the one to come
	PerPeer                          // for each client address, without its port
	PerSender                        // for each reverse-path
	PerRecipient                     // for each forward-path
)

// Then says how the connection goes on after a rule's answer: Close, Drop, Reset,
// HalfClose, Hold.
type Then string

// What can follow an answer. The zero Then goes on.
const (
	Close     Then = "close"      // closes, with TLS's close_notify
	Drop      Then = "drop"       // closes without close_notify
	Reset     Then = "reset"      // breaks the connection (RST); octets already delivered stay readable
	HalfClose Then = "half-close" // closes the sending side and reads on
	Hold      Then = "hold"       // the answer is sent together with the next
)

// Forever as a Delay lasts until the Server closes or the client leaves, or
// closes its sending side. If neither happens, the Server fails the test and closes
// shortly before the test's deadline.
//
// During another Delay a client that has closed its sending side only (nc -N) is
// answered when the Delay is over. TCP cannot tell that from a close: there the
// end of input counts as leaving if no command waits behind the one that is
// delayed, or only a QUIT that came since the Delay began. The network in memory
// can. Over TCP the end is not seen behind more than 4096 octets that wait.
const Forever time.Duration = math.MaxInt64

// ByLine as a Chunk writes line by line.
const ByLine = -1

// Event is what a rule's If decides on: a command or other event, and the state
// of the session with this command taken as accepted. Lists of up to 100 entries
// are the If's own. Longer lists are shared with the other Ifs of the transaction:
// read them only, and clone what you keep.
type Event struct {
	Verb, Arg string // "RCPT", "TO:<bob@example.com>" as sent; not masked. Verb is "" for a line that is named like an event
	Message          // Session, Transaction (before MAIL the one to come), Peer, Helo, TLS, User, From, To, options; Data at "."
	Open      int    // connections open now, this one included
	Errors    int    // 4yz and 5yz replies sent in this session
}

// Script replaces the script, at any time, also in mid-session; all counters
// start at zero. A rule already chosen finishes as chosen. A rule that can never
// fire, or whose answer is not legal, fails the test at once; one that has never
// fired, also one that is replaced by then, fails it at its end.
func (s *Server) Script(rules ...Rule) {
	s.test().Helper()
	if s.phase.Load() == zeroValue {
		s.wrongPhase("Script")
		return
	}
	compiled, err := s.compile(rules)
	if err != nil {
		s.fatalf("smtptest: %v", err)
		return
	}
	s.script.Replace(compiled)
	if s.started() && script.IsRandom(compiled) {
		s.seed()
	}
	if script.HasIdle(compiled) {
		for _, c := range s.conns() {
			c.WakeIdle()
		}
	}
}

// Check returns what Script would report about the rules, and nil if Script would
// accept them. It does not change the script. After Start it also compares the rules
// with the fields of the server: a rule for STARTTLS, for example, needs TLS.
func (s *Server) Check(rules ...Rule) error {
	if s.phase.Load() == zeroValue {
		return fmt.Errorf("smtptest: Check of %s", phaseErrors[zeroValue])
	}
	if _, err := s.compile(rules); err != nil {
		return fmt.Errorf("smtptest: %w", err)
	}
	return nil
}

// Unused returns the rules of the present script that have not fired. At the
// end of the test each fails it, unless it is Optional or has a Chance.
func (s *Server) Unused() []Rule {
	var unused []Rule
	for _, r := range s.script.Unused() {
		unused = append(unused, r.Origin.(Rule))
	}
	return unused
}

// Fired returns how often each rule of the present script has fired, in the
// order of the rules.
func (s *Server) Fired() []int { return s.script.Fired() }

// reportUnused fails the test for each rule that never fired. It is called once;
// Fired and Unused go on telling.
func (s *Server) reportUnused() {
	s.test().Helper()
	if len(s.conns()) > 0 {
		return // whose events may still be matched, as Close has said
	}
	for _, text := range s.script.Report() {
		s.errorf("%s", text)
	}
}

// seed is Server.Seed, or one drawn once and logged.
func (s *Server) seed() uint64 {
	if s.config.Seed != 0 {
		return s.config.Seed
	}
	if n := s.seedInUse.Load(); n != 0 {
		return n
	}
	if n := rand.Uint64() | 1; s.seedInUse.CompareAndSwap(0, n) {
		s.logf("smtptest: Seed = %d", n)
	}
	return s.seedInUse.Load()
}
