// Package session holds one SMTP conversation on a net.Conn: it reads commands, replies,
// records, and carries out rules. It knows no test.
package session

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/journal"
	"github.com/go-smtptest/smtp/smtptest/internal/script"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// Host is the fixture, as far as a session needs it. Its methods are called without a
// lock.
type Host interface {
	// Errorf fails the test.
	Errorf(format string, args ...any)
	// Blame fails the test for its own code, which has panicked with p, or has left
	// its goroutine if p is nil. It is called by a deferred function of that goroutine.
	Blame(what string, p any)
	// Run calls f, which may be code of the test that never returns, on a goroutine
	// that the fixture waits for. If f panics or leaves its goroutine, blame gets the
	// panic, or nil.
	Run(what string, f func(), blame func(p any))
	// Held is called when a rule begins to hold a client.
	Held()
}

// Unmet says what RequireTLS and RequireAuth have done.
type Unmet struct {
	TLS, Auth bool // a client got the 530 that asks for it
	Passed    bool // a command that needs it has succeeded
}

// Config is what the sessions of a server have in common. Read and Check prepare it.
// Sessions change Unmet and Open only.
type Config struct {
	Hostname        string // never ""
	Greeting        string // never ""
	Extensions      []string
	SizeLimit       int64       // bytes; negative: none
	TLS             *tls.Config // in use; nil without TLS
	Implicit        bool        // TLS from the first byte
	Users           map[string]string
	Mechanisms      []string
	ClearMechanisms []string
	RequireTLS      bool
	RequireAuth     bool
	LMTP            bool
	Lenient         bool
	IdleTimeout     time.Duration
	MaxLines        int  // lines in a session: commands, responses to AUTH and answers to Ask
	Foreign         bool // connections may be the test's own code

	// The functions of the test. They run on the session's goroutine, without a lock.
	// Each may panic or leave the goroutine.

	Message       func(ctx context.Context, t *journal.Transaction) Decision // nil accepts every message
	EachRecipient bool                                                       // Message gives a reply for each recipient
	Observe       func(script.View)                                          // is called for each event; nil: nothing is
	Authenticate  func(Credentials) bool
	Commands      map[string]Command
	Parameters    map[string]func(value string) error

	Host    Host
	Base    context.Context // of all functions of the test
	Script  *script.Table
	Journal *journal.Journal
	If      chan struct{} // of one entry: it holds a value while an If runs
	Open    atomic.Int64  // sessions that have not come to their end

	Unmet Unmet // guarded by the journal's lock

	offers    []offer
	enhanced  bool
	utf8      bool
	sizeLimit int // bytes; negative: none
	mailLine  int // bytes that a MAIL line may have after EHLO, CRLF included
	rcptLine  int
	limits    limits
	passwords *strings.Replacer // masks those of Users; nil if there are none
}

// A Decision is the test's reply to a message.
type Decision struct {
	Reply wire.Reply   // "" accepts
	Each  []wire.Reply // with EachRecipient, instead of Reply: one for each accepted recipient
}

// A Command is a verb of the test. The zero Reply runs the built-in verb.
type Command func(call *Call, arg string) wire.Reply

// Credentials are what a client has shown in AUTH.
type Credentials struct {
	Mechanism string
	Authzid   string
	User      string
	Secret    string
}

// A View is the state of a session that a Command may read and change. Its lists are
// the session's own.
type View struct {
	Envelope
	Conn  net.Conn
	Peer  string
	Lines []string // the command lines and answers to Ask so far; kept only with Commands
}
