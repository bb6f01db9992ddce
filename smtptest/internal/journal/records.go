package journal

import (
	"slices"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// A Session is the record of one connection.
type Session struct {
	ID           int // from 1
	Start        time.Time
	Duration     time.Duration
	Peer         string
	Helo         string
	User         string
	TLS          *TLS // nil in clear
	Exchanges    Blocks[Exchange]
	Transactions []*Transaction
	End          string // "" while it is open
	Unread       string
	Truncated    bool
	Sync         func() // brings the open transaction up to date before it is read; nil: it always is

	begun [8]Exchange     // of Exchanges
	first [1]*Transaction // of Transactions
}

// Begin adds the record of a transaction.
func (s *Session) Begin(from string, options []string) *Transaction {
	if s.Transactions == nil {
		s.Transactions = s.first[:0]
	}
	t := &Transaction{Session: s, Number: uint32(len(s.Transactions) + 1), From: from, MailOptions: options}
	s.Transactions = append(s.Transactions, t)
	return t
}

// TLS is what was negotiated.
type TLS struct {
	Version     string
	CipherSuite string
	ServerName  string
	ALPN        string
	ClientCert  []byte
	Cert        []byte
}

// An Exchange is one command, or one other event of a session, and its reply.
type Exchange struct {
	Command     string
	On          string
	Reply       wire.Reply
	At          time.Duration
	Rare        *Rare // nil: there is nothing rare about it
	Octets      int
	Transaction uint32
	Flags       Flags
}

// Flags says more of an exchange.
type Flags uint8

// The flags.
const (
	Event   Flags = 1 << iota // Command names an event
	OverTLS                   // it came over TLS
	Early                     // it came before the reply to its predecessor was written
	TooLong                   // the line was over its limit
)

// Rare is what most exchanges do not have.
type Rare struct {
	Raw, Rule, Effects string
	Dropped            string
	Hidden
}

// Unusual returns what is rare of the exchange, for a change: a copy, as others may
// hold what there was.
func (x *Exchange) Unusual() *Rare {
	var r Rare
	if x.Rare != nil {
		r = *x.Rare
	}
	x.Rare = &r
	return x.Rare
}

// Note adds to the effects.
func (r *Rare) Note(effect string) {
	if r.Effects != "" {
		effect = r.Effects + "; " + effect
	}
	r.Effects = effect
}

// Hidden is what is known of a line whose text may not be shown.
type Hidden struct {
	Secret    uint64
	Length    int
	AuthError string
}

// A Transaction is the record of one transaction, and of the message that it became.
type Transaction struct {
	Session     *Session
	Number      uint32 // within the session, from 1
	Message     int    // the number of the message that it became, from 1; 0 if it became none
	From        string
	Helo, User  string // once the content was complete
	MailOptions []string
	Recipients  Blocks[Recipient]
	Data        string // of a released message its header
	Released    int    // how many bytes of Data were released; 0: none
	SHA256      string // of the released bytes, in hexadecimal
	Unstuffed   []int
	Chunks      []int
	Octets      int
	At          time.Duration // of acceptance, since the session's start
	Reply       wire.Reply
	Outcome     Outcome
	TLS         bool
	Pipelined   bool // the content did not end, and began before the 354

	first [1]Recipient // of Recipients: most messages have no more
}

// AddRecipient adds an empty recipient.
func (t *Transaction) AddRecipient() *Recipient {
	if t.Recipients.open == nil {
		t.Recipients.open = t.first[:0]
	}
	return t.Recipients.Add()
}

// To returns the paths of the recipients that were accepted.
func (t *Transaction) To() []string {
	var to []string
	for _, r := range t.Recipients.All() {
		if r.Accepted {
			to = append(to, r.To)
		}
	}
	return to
}

// Refuse takes the recipients from this one on, counted from 0, from those that
// accepted the message.
func (t *Transaction) Refuse(from int) {
	for i, r := range t.Recipients.All() {
		r.Accepted = r.Accepted && i < from
	}
}

// A Recipient is one RCPT.
type Recipient struct {
	To         string
	Options    []string
	Reply      wire.Reply
	Accepted   bool
	FinalReply wire.Reply
}

// Outcome is what became of a transaction.
type Outcome uint8

// The outcomes.
const (
	Open Outcome = iota
	Accepted
	Refused
	Reset
	Aborted
)

// Append appends to a list that may become long: it doubles, where append's growth by
// a quarter would copy each entry about four times.
func Append[T any](list []T, entry T) []T {
	if len(list) == cap(list) {
		list = slices.Grow(list, max(1, len(list)))
	}
	return append(list, entry)
}
