// Package script matches the events of sessions against the rules of a test. It
// compiles the rules, counts their matches, and reports why a rule never fired. It
// knows no connection and no test.
package script

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// A Rule says which events it matches, and what a session then does. Its exported
// fields are those of the fixture's Rule. Compile prepares it, and a Table counts
// its matches.
type Rule struct {
	On          string
	If          func(View) bool // the condition, which Match leaves to its eval; nil: none
	Skip, Times int
	Per         Scope
	For         time.Duration
	Every       time.Duration
	Chance      float64
	Optional    bool
	Action
	Text   string // "rule 3: {On: ...}", without secrets
	Origin any    // what it was made of

	n      int    // from 1
	verb   string // of On, in upper case: "RCPT", "BODY", "*"
	arg    string // of On
	octets int    // of BODY

	// Guarded by the Table's mutex.
	counts map[string]*window
	draws  uint64
	fired  int
	stats  ruleStats

	outdated atomic.Bool // a later script has replaced it
	replaced bool        // before it fired
}

// An Action is what a session does when a rule fires.
type Action struct {
	Delay, Jitter time.Duration
	Reply         wire.Reply
	Raw           string
	Keep, Discard bool
	Chunk         int
	Pause         time.Duration
	Then          string
}

// What an Action's Then can be besides "".
const (
	Close     = "close"
	Drop      = "drop"
	Reset     = "reset"
	HalfClose = "half-close"
	Hold      = "hold"
)

// Forever is the Delay that does not end.
const Forever time.Duration = 1<<63 - 1

// ByLine is the Chunk of one line.
const ByLine = -1

// A Scope says what Skip, Times, For and Every count over.
type Scope uint8

// The scopes; PerServer is the zero Scope.
const (
	PerSession Scope = 1 << (iota + 1)
	PerTransaction
	PerPeer
	PerSender
	PerRecipient

	AllScopes = PerSession | PerTransaction | PerPeer | PerSender | PerRecipient
)

// An Answer is the result of an If.
type Answer uint8

const (
	No      Answer = iota
	Yes            // the rule matches
	Failed         // the If has failed: no rule matches
	Stopped        // the session has ended: no rule matches
)

// An Event is what rules are matched against.
type Event struct {
	Name, Arg     string // as Rule.On names it; Name is "" for a line that is named like an event
	Also, AlsoArg string // a second name: BDAT LAST is "." too
	Line          string // without secrets, for the report
	Mark          int    // of BODY: the bytes that have come
	Idle          *Rule  // of IDLE: the one rule whose time has come

	Session     int
	Transaction int // before MAIL the one to come
	Peer        string
	From        string
	Recipient   string // the last forward-path, even if it is not accepted yet; "" if there is none
}

// pseudoVerbs are the events that are not commands.
var pseudoVerbs = []string{"CONNECT", "TLS", "RESPONSE", "BODY", ".", "IDLE", "*"}

// IsPseudo reports whether the name is that of an event that is not a command.
func IsPseudo(name string) bool { return slices.Contains(pseudoVerbs, name) }

// A View is an event as an If sees it, with the state of its session.
type View struct {
	Verb, Arg            string
	Session, Transaction int // before MAIL the transaction to come
	Time                 time.Time
	Peer, Helo, User     string
	TLS                  bool
	From                 string
	To                   []string
	MailOptions          []string
	RcptOptions          [][]string
	Data                 string
	Unstuffed, Chunks    []int
	Open                 int // sessions
	Errors               int // 4yz and 5yz replies sent in the session
}
