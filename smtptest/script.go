package smtptest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/script"
)

// A Rule says for which events the server misbehaves, and how. The fields On to
// Optional select the events, Delay to Discard set the reply and its effect, and Chunk
// to Then set how the reply is sent and what happens to the connection. A script is a
// list of rules: see [Server.Script].
//
// On names one of these events:
//
//	a verb      a command line was read, and for BDAT its chunk. An argument may follow:
//	            "RCPT TO:<bob@example.com>", "MAIL FROM:<*> *SIZE=*"
//	"CONNECT"   a client has connected; the reply is the greeting
//	"TLS"       a TLS handshake begins, either at once or after the 220 to STARTTLS. Raw
//	            replaces the handshake, and is sent after the first byte of the client
//	"RESPONSE"  a line after a 334; the argument is the line
//	"BODY n"    n bytes of the content have arrived, as sent; a refused BDAT chunk does not count
//	"."         the content is complete. With LMTP, ". <recipient>" is one event for each recipient
//	"IDLE v"    the client has sent nothing for Delay since the event v; without v, since any event
//	"*"         any event that has a reply: all but TLS, BODY and IDLE
//
// Verbs match in upper and lower case. An argument matches as a whole or up to a space,
// so that parameters after it are ignored. A * in it matches any text, and letters match
// in upper and lower case.
//
// For each event the rules are tried in order, and only the first that fires determines
// the reply. If none fires, the server replies as usual. A rule fires if all of these
// hold:
//
//  1. On matches the event, and If, if it is set, returns true.
//  2. More than Skip events have matched in the rule's scope, which is Per.
//  3. The rule has fired fewer than Times times in that scope, and less than For has
//     passed since the scope's first match. The first match after Every has passed
//     begins these counts again.
//  4. The random draw for Chance succeeds. The nth draw of a rule depends only on
//     [Server.Seed], the number of the rule, and n.
//
// [Server.Fired] counts the rule from then on, even if the client disconnects during
// Delay. A rule that fires acts in this order:
//
//  1. Keep commits the effect of the command.
//  2. Delay and Jitter pass.
//  3. The reply is chosen: Reply, Raw, NoReply or the server's own.
//  4. If the reply is a success of the event (3xx for DATA, else 2xx), its effect is
//     committed.
//  5. The reply is written, in pieces if Chunk or Pause is set.
//  6. Then is applied.
//
// After that the server does what the reply promises, even if a rule supplied it: after
// a 354 to DATA it reads content, after a 334 to AUTH a RESPONSE, and after a 220 to
// STARTTLS it begins TLS. A success that a rule supplies overrides limits, passwords and
// missing extensions, but neither syntax errors nor the order of commands.
type Rule struct {
	On          string           // the event: "RCPT", "RCPT TO:<*@example.com>", "CONNECT", ".", "*"
	If          func(Event) bool // another condition; one If runs at a time, and it may read the Server
	Skip, Times int              // ignore the first Skip matches, then fire at most Times times (0: no limit)
	Per         Scope            // what Skip, Times, For and Every count over
	For         time.Duration    // fire only for this long after the first match
	Every       time.Duration    // begin Skip, Times and For again after this long
	Chance      float64          // the probability of firing (0: always)
	Optional    bool             // the rule need not fire

	Delay   time.Duration // before the reply; there is none if the client disconnects first. See Forever
	Jitter  time.Duration // a random part of it is added to Delay
	Reply   Reply         // replaces the server's own reply; NoReply sends none
	Raw     string        // bytes sent as they are instead of a reply
	Keep    bool          // commits the effect whatever the reply is: records the message, adds the recipient
	Discard bool          // discards the effect whatever the reply is

	Chunk int           // bytes per write, or per read for BODY; ByLine writes line by line
	Pause time.Duration // between two writes, or reads for BODY; without Chunk, after each byte
	Then  Then          // what happens to the connection after the reply
}

// A Scope says what Skip, Times, For and Every of a rule count over. Scopes are combined
// with |: PerPeer|PerSender|PerRecipient counts for each triple.
type Scope uint8

// The scopes. Numbers of sessions are not used again, so counts go on when a client
// connects again, and after a Restart.
const (
	PerServer      Scope = 0         // one count for all
	PerSession     Scope = 1 << iota // for each connection
	PerTransaction                   // for each transaction; MAIL and earlier events belong to the one that follows
	PerPeer                          // for each client address, without its port
	PerSender                        // for each reverse-path
	PerRecipient                     // for each forward-path
)

// Then is what happens to the connection after the reply of a rule.
type Then string

// The values of Then. With "" the session goes on.
const (
	Close     Then = "close"      // closes; over TLS with a close_notify
	Drop      Then = "drop"       // closes without a close_notify
	Reset     Then = "reset"      // resets the connection (RST); bytes that were delivered stay readable
	HalfClose Then = "half-close" // closes the sending side, and continues to read
	Hold      Then = "hold"       // sends the reply together with the next one
)

// Forever, used as Rule.Delay, withholds the reply until the server is closed, or the
// client disconnects or shuts down its sending side. If nothing of this happens, the
// server fails the test and closes shortly before the test's deadline.
//
// During a finite Delay, a client that has only shut down its sending side, as nc -N
// does, still gets its reply. The network in memory can tell this from a disconnect. TCP
// cannot: there, the end of input counts as a disconnect unless another command waits
// already. A QUIT that arrived during the delay does not count as one. Over TCP the
// server reads at most 4096 bytes ahead, so it does not notice a disconnect behind more
// input than that.
const Forever time.Duration = math.MaxInt64

// ByLine is the value of Rule.Chunk that writes one line at a time.
const ByLine = -1

// An Event is the argument of Rule.If: an event, with the state that the session would
// have if the command were accepted. Lists of up to 100 entries are the If's own. Longer
// lists are shared by all Ifs of the transaction: do not write to them, and clone what
// you keep.
type Event struct {
	Verb, Arg string // "RCPT", "TO:<bob@example.com>" as sent, not masked; Verb is "" for a line that is named like an event
	Message          // the fields known so far; Transaction before MAIL is the next one; Data is set at "."
	Open      int    // open connections, including this one
	Errors    int    // 4xx and 5xx replies in this session
}

// Script replaces the rules of the server, even during a session. All counters start at
// zero; a rule that has already fired completes. A rule that can never fire, or whose
// reply is invalid, fails the test immediately. A rule that never fired fails the test at
// its end, even if it was replaced before; see Rule.Optional.
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

// Unused returns the rules of the current script that have not fired. At the end of the
// test, each of them fails it unless the rule is Optional or has a Chance.
func (s *Server) Unused() []Rule {
	var unused []Rule
	for _, r := range s.script.Unused() {
		unused = append(unused, r.Origin.(Rule))
	}
	return unused
}

// Fired returns how many times each rule of the current script has fired, in the order
// of the rules.
func (s *Server) Fired() []int { return s.script.Fired() }

// reportUnused fails the test for each rule that never fired. It is called once.
func (s *Server) reportUnused() {
	s.test().Helper()
	if len(s.conns()) > 0 {
		return // whose events may still be matched, as Close has said
	}
	for _, text := range s.script.Report() {
		s.errorf("%s", text)
	}
	for _, text := range s.script.Partial() {
		s.logf("%s", text)
	}
}

// seed returns Server.Seed, or a random seed that is drawn and logged once.
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
