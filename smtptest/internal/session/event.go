package session

import (
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/journal"
	"github.com/go-smtptest/smtp/smtptest/internal/script"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// event is a command, or another event of the session, that is being handled.
type event struct {
	name, arg      string // as a script names it
	alias          string // a second name: BDAT LAST is "." too
	aliasArg       string // of alias; that of name is arg
	line           string // to record
	verb           *verb  // nil for pseudo-verbs and unknown verbs
	verdict        verdict
	userReply      func(c *Conn) wire.Reply // asks the test's code for the server's own reply; nil: verdict has it
	rule           *script.Rule             // of IDLE: the one rule whose time has come
	bodyOffset     int                      // of BODY: the bytes that have come
	delay          time.Duration            // of the rule that fired
	exchange       *journal.Exchange        // nil until it is recorded
	completeReply  wire.Reply               // the complete reply that the client got; "" if none
	transaction    *journal.Transaction     // the transaction to which completeReply belongs
	replyBefore    wire.Reply               // its reply before that
	holdsIf        bool                     // it holds Config.If
	userCodeFailed bool                     // the test's own code failed: 451
	tooManyLines   bool                     // Ask has had one line too many, and has replied 421
	committedEarly bool                     // Rule.Keep has let it take effect
	flags          journal.Flags
	octets         int
	masked         journal.Hidden
	at             time.Duration
}

// endsData reports whether the event is the end of a content.
func (e *event) endsData() bool { return e.name == "." || e.alias == "." }

// success reports whether the reply has the first digit of the event's own success.
func (e *event) success(r wire.Reply) bool {
	digit := byte('2')
	if e.name == "DATA" {
		digit = '3'
	}
	return r != wire.NoReply && r != "" && r[0] == digit
}

// on returns the event as Rule.On writes it. It shows no more of a line than
// Exchange.Command does.
func (e *event) on(c *Config) string {
	switch {
	case e.verb != nil:
		return e.verb.Name
	case e.name == "." || e.name == "RESPONSE":
		return e.name
	case e.flags&journal.Event != 0:
		return e.line
	case c.Commands[e.name] != nil:
		return e.name
	}
	if word, _, _ := strings.Cut(e.line, " "); word != "" && wire.Upper(word) == e.name && !strings.ContainsFunc(word, wire.IsControl) {
		return e.name
	}
	return "*"
}
