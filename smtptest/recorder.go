package smtptest

import (
	"time"
)

// Message is one message that the server accepted. It is plain exported data:
// cmp.Diff needs no options, and a copy shares nothing that can change.
type Message struct {
	Session     int        // which connection, from 1
	Transaction int        // which transaction of the session, from 1: it is Session.Transactions[Transaction-1]
	Time        time.Time  // of acceptance
	Peer        string     // the client's address, "127.0.0.1:49152"
	Helo        string     // argument of the last HELO, EHLO or LHLO; "" if none
	User        string     // authenticated identity; "" if none
	TLS         bool       // it came over TLS
	From        string     // reverse-path as sent, without <> and source route; "" is the null sender
	To          []string   // accepted forward-paths as sent, without <> and source route, in order, duplicates kept
	MailOptions []string   // parameters of MAIL as sent ("SIZE=10"); nil if none
	RcptOptions [][]string // parameters of RCPT as sent, parallel to To
	Reply       Reply      // the reply that the client got to it; "" if none, or no complete one; with LMTP the last to a recipient that accepted
	Data        string     // exactly what the client meant: dots unstuffed, every other octet kept; at most SizeLimit octets, if a rule accepted more
	Unstuffed   []int      // offsets in Data of lines that lost a leading dot which the client had not doubled (a client fault, RFC 5321 4.5.2); nil if none
	Chunks      []int      // sizes of the BDAT chunks (RFC 3030); nil if it came by DATA
}

// Session is one connection from a client, open or ended: also one that was
// refused, broke off or sent no mail.
type Session struct {
	ID           int           // from 1, in order of connection, for the life of the Server
	Start        time.Time     // when the connection was accepted
	Peer         string        // the client's address
	Helo         string        // argument of the last HELO, EHLO or LHLO; "" if none
	User         string        // authenticated identity; "" if none
	TLS          *TLSInfo      // nil in clear
	Exchanges    []Exchange    // commands and events with the reply that each got, in order
	Transactions []Transaction // from MAIL on, also refused and aborted ones, in order
	End          string        // how it ended: EndQuit and so on; "" while it is open
	Duration     time.Duration // from Start to the end; 0 while it is open
	Unread       string        // what had come when it ended and was no command yet: octets behind QUIT, a line without its CRLF; at most 512, secrets masked
	Truncated    bool          // the client closed TLS without a close_notify (RFC 8446 6.1)
}

// Commands returns the command lines of the client, in order, as Exchange.Command has
// them. Responses to a 334 are no commands.
func (s Session) Commands() []string {
	var lines []string
	for _, e := range s.Exchanges {
		if !e.Event && e.On != "RESPONSE" {
			lines = append(lines, e.Command)
		}
	}
	return lines
}

// How a session ended, as Session.End.
const (
	EndQuit   = "quit"             // QUIT was answered, the server closed
	EndClosed = "closed by client" // end of input without QUIT (RFC 5321 4.1.1.10)
	EndReset  = "reset by client"  // the connection broke; over TCP also by a close with replies unread
	EndReply  = "421"              // the server closed after a 421 (RFC 5321 3.8)
	EndIdle   = "idle"             // IdleTimeout passed
	EndRule   = "closed by rule"   // a rule of the script closed it (Rule.Then)
	EndServer = "server closed"    // Close, Stop or CloseClientConnections
	EndTLS    = "TLS failed"       // the handshake, or a record behind it
)

// TLSInfo says what was negotiated.
type TLSInfo struct {
	Version     string // "TLS 1.3"
	CipherSuite string // "TLS_AES_128_GCM_SHA256"
	ServerName  string // the name that the client asked for (SNI); "" if none
	ALPN        string // "" if none
	ClientCert  []byte // DER of the client's certificate; nil if none
	Cert        []byte // DER of the server's certificate; nil if the configuration chooses among several
}

// Exchange is one command, or one other event of the session, and its answer.
type Exchange struct {
	Command     string        // the line as sent without its CRLF, secrets masked; for an event its name: "CONNECT", ".", "TLS", "BODY 1000", "IDLE EHLO"
	Event       bool          // Command names an event and is not a line from the client
	On          string        // the event as Rule.On writes it: "RCPT", "RESPONSE", ".", "IDLE EHLO"; a BDAT LAST has "BDAT"; a line without a verb, or with a masked one, has "*"
	Reply       Reply         // the reply, secrets and the challenges of CRAM-MD5 and SCRAM masked; "" if none was sent, or not all of it
	Raw         string        // the bytes that a rule sent instead of a Reply, complete or not, secrets masked
	At          time.Duration // when the command was complete, since the session's start; of BDAT its line
	Octets      int           // of content as sent, for "." and BDAT
	TLS         bool          // under TLS
	Pipelined   bool          // began to arrive before the reply to its predecessor was written: the client pipelines; at ".": the content began before the 354
	TooLong     bool          // the line was over its limit; Command holds its beginning
	Secret      uint64        // if Command is masked: a keyed hash of the masked part, equal within the process for equal secrets; else 0
	Length      int           // of a line that Command masks, in octets without its CRLF (of its beginning, if TooLong); else 0
	AuthError   string        // of AUTH and its responses: what is wrong with what is masked, "not base64" and so on; "" if nothing was seen
	Dropped     string        // what came in clear behind STARTTLS or instead of a handshake, and was thrown away; at most 512 octets, secrets masked
	Transaction int           // within Session.Transactions, from 1; 0 outside of any
	Rule        string        // number and text of the rule that answered, as in `rule 3: {On: "RCPT", Reply: "450 later"}`; "" if none did
	Effects     string        // what that rule did: "kept; after 10s; no reply; reset"; and what became of TLS
}

// Transaction is one mail transaction, begun by an accepted MAIL: whether or
// not it ended in a message. Message{Data: t.Data} reads its content.
//
// The server releases the contents of messages that Drain and Take removed while these
// hold more than 4 MiB together, those first that were removed first. A released
// transaction keeps its header (at most 64 KiB), its sizes, offsets and replies, and a
// hash. Values that Drain, Take, Messages or Sessions returned before do not change.
type Transaction struct {
	From        string      // reverse-path, as in Message
	MailOptions []string    // parameters of MAIL as sent; nil if none
	Recipients  []Recipient // one for each RCPT with an acceptable path, also refused ones, in order
	Data        string      // the content: whole if its end was reached, else what had come; at most SizeLimit octets of it
	Released    bool        // Data is only the header: the server has released what followed it
	SHA256      string      // if Released: the hash of what followed Data, in hexadecimal; else ""
	Octets      int         // of content as sent, dots stuffed, without the final dot
	Unstuffed   []int       // as in Message, once the end of the content was reached
	Chunks      []int       // as in Message: those that were accepted
	Reply       Reply       // to the content, as in Message, or to the part of it at which a BODY rule replied
	Outcome     string      // what became of it
	Pipelined   bool        // its content began to arrive before the 354 was written, and its end never came; if it came, the Exchange of "." reports this
}

// What became of a transaction, as Transaction.Outcome.
const (
	OutcomeOpen     = "open"     // not ended yet
	OutcomeAccepted = "accepted" // it is in Messages, or Drain or Take removed it
	OutcomeRefused  = "refused"  // its content was answered with 4yz or 5yz, or a rule lost it
	OutcomeReset    = "reset"    // by RSET, HELO, EHLO or STARTTLS
	OutcomeAborted  = "aborted"  // the session ended first
)

// Recipient is one RCPT of a transaction.
type Recipient struct {
	To         string   // forward-path, as in Message
	Options    []string // its parameters as sent; nil if none
	Reply      Reply    // to RCPT; "" if the client got none, or no complete one
	Accepted   bool     // it took effect: the path is in Message.To
	FinalReply Reply    // what was answered for it at the end of data, if that differs from the transaction's Reply: LMTP, a Relay's upstream
}

// Messages returns the messages accepted so far, in order of acceptance, without those
// that Drain and Take have removed. Message data is shared, not copied.
func (s *Server) Messages() []Message {
	s.journal.Lock()
	defer s.journal.Unlock()
	return exportMessages(s.journal.Messages)
}

// Count is the number of Messages, at constant cost.
func (s *Server) Count() int {
	s.journal.Lock()
	defer s.journal.Unlock()
	return len(s.journal.Messages)
}

// Drain returns the messages and removes them, in one step: no message is lost
// or seen twice. Sessions keep what they know, but the content of removed messages only
// while it is at most 4 MiB in total: see [Transaction].Released.
func (s *Server) Drain() []Message {
	s.journal.Lock()
	drained, release := s.journal.Drain()
	messages := exportMessages(drained)
	s.journal.Unlock()
	s.journal.Release(release)
	return messages
}

// Sessions returns every connection so far, also failed and aborted ones, in
// order of connection.
func (s *Server) Sessions() []Session {
	s.journal.Lock()
	defer s.journal.Unlock()
	var sessions []Session
	for _, rec := range s.journal.Sessions {
		sessions = append(sessions, exportSession(rec))
	}
	return sessions
}
