package session

import (
	"crypto/tls"
	"slices"
	"strconv"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/journal"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// protocol is the state by which verbs decide. It knows no connection, no record and
// no lock.
type protocol struct {
	*Config
	Envelope
	secure           *tls.ConnectionState // nil in clear
	login            login
	parsed           parsed
	opened           bool // there is a transaction
	transactionCount int  // transactions begun
	refusedRcpts     int  // recipients refused in this transaction
	domains          domains
	greeted521       bool   // the greeting was 521
	at               *event // the command, or the end of data, at hand
	ask              asker
}

// asker asks the test's own code.
type asker interface {
	authenticate(Credentials) bool
	checkParameter(p wire.Param, verb string) (refusal wire.Reply)
}

// Envelope is the state of a session and its transaction.
type Envelope struct {
	FQDN        string // what the server calls itself
	State       State
	Helo        string // the argument of the last HELO, EHLO or LHLO
	Extended    bool   // it was EHLO or LHLO
	From        string
	To          []string
	MailOptions []string
	RcptOptions [][]string // parallel to To
	User        string
	Data        string // the content of the last message whose end was reached
}

// State is the state of a session.
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

// Valid reports whether s is one of the states.
func (s State) Valid() bool {
	return slices.Contains([]State{StateGreeted, StateRefusing, StateHello, StateMail, StateRcpt, StateData, StateBdat, StateFailed}, s)
}

// parsed is what a verb has parsed and its commit will use.
type parsed struct {
	path        string
	options     []string
	size        int                  // announced by SIZE=; 0 if it was not
	validPath   bool                 // path is acceptable
	softRefusal bool                 // the server's own judgement refuses it
	overLimit   bool                 // the content is over the limit
	adopted     []*journal.Recipient // those that a Command has added
	chunk       chunk
}

// verdict is what a verb decides: its reply, and what takes effect if a reply of the
// verb's own class is really sent. A nil commit means that grammar or the order of
// commands forbids any effect. commit is called with the journal locked.
type verdict struct {
	reply  wire.Reply
	commit func(c *Conn)
}

// underTLS reports whether the connection is under TLS.
func (p *protocol) underTLS() bool { return p.secure != nil }

// builtin returns the verdict of the built-in verb.
func (p *protocol) builtin(e *event) (own verdict) {
	v := e.verb
	switch {
	case p.refuses(v) && p.greeted521:
		return verdict{reply: p.text(replyNeverMail)}
	case p.refuses(v):
		return verdict{reply: p.text(replyRefusing)}
	case e.line == "":
		return verdict{reply: p.text(replyEmpty)}
	case v == nil:
		name, _, _ := strings.Cut(e.line, " ")
		return verdict{reply: p.unknown(name)}
	}
	own = v.decide(p, e.arg)
	if v.offered != nil && !v.offered(p.Config) {
		own.reply = p.unknown(e.name)
		if v.Name == "LHLO" || v.Name == "EHLO" || v.Name == "HELO" {
			own.commit = nil
		}
	} else if r, refused := p.policy(v); refused {
		own.reply = r
	}
	return own
}

// refuses reports whether the verb is not served after a 554 greeting.
func (p *protocol) refuses(v *verb) bool {
	return p.State == StateRefusing && (v == nil || v.exempt&whileRefusing == 0)
}

// policy is the refusal of a verb that TLS or AUTH must precede.
func (p *protocol) policy(v *verb) (wire.Reply, bool) {
	switch {
	case p.RequireTLS && !p.underTLS() && v.exempt&beforeTLS == 0:
		return p.text(replyNeedTLS), true
	case p.RequireAuth && p.User == "" && v.exempt&beforeAuth == 0:
		return p.text(replyNeedAuth), true
	}
	return "", false
}

// overlong is the reply to a line over its limit.
func (p *protocol) overlong(e *event) wire.Reply {
	refused := tooBig(p, e.arg)
	switch {
	case e.name == "MAIL" && refused != "":
		return refused // as smtpd: the announced size is refused first
	case e.name == "AUTH" && p.Offers("AUTH"):
		return p.text(replyLongResponse)
	}
	return p.text(replyTooLong)
}

// lineLimit is the longest line that the command may have, CRLF included.
func (p *protocol) lineLimit(name string) int {
	switch {
	case name == "AUTH" && p.Offers("AUTH"):
		return wire.MaxLine // RFC 4954 4
	case name == "MAIL" && p.Extended:
		return p.mailLine
	case name == "RCPT" && p.Extended:
		return p.rcptLine
	}
	return commandLine
}

// mechanisms are those that are offered in the present state, strongest first.
func (p *protocol) mechanisms() []string {
	switch {
	case !p.OffersAuth():
		return nil
	case p.TLS != nil && !p.underTLS():
		return p.ClearMechanisms
	case p.Mechanisms != nil:
		return p.Mechanisms
	}
	return slices.DeleteFunc(p.servable(), func(name string) bool { return name == "EXTERNAL" && !p.certified() })
}

// certified reports whether the client has shown a certificate by which EXTERNAL can
// know it.
func (p *protocol) certified() bool {
	if p.secure == nil {
		return false
	}
	return len(p.secure.VerifiedChains) > 0 || p.Authenticate != nil && len(p.secure.PeerCertificates) > 0
}

// number returns the number of the open transaction, or of the one to come.
func (p *protocol) number() int {
	if !p.opened {
		return p.transactionCount + 1
	}
	return p.transactionCount
}

// recipient is the last forward-path, also one that is not accepted yet; "" if
// there is none.
func (p *protocol) recipient(e *event) string {
	switch n := len(p.To); {
	case e.name == "RCPT" && p.parsed.validPath:
		return p.parsed.path
	case n > 0:
		return p.To[n-1]
	}
	return ""
}

// ehlo is the reply to EHLO: before and after TLS, different lines are offered.
func (p *protocol) ehlo() wire.Reply {
	b := append(make([]byte, 0, 256), "250-"...)
	b = append(b, p.FQDN...)
	last := 0
	begin := func(line string) {
		b = append(b, '\n')
		last = len(b)
		b = append(append(b, "250-"...), line...)
	}
	for _, o := range p.offers {
		if o.line == "" || o.keyword == "REQUIRETLS" && !p.underTLS() { // RFC 8689 2
			continue
		}
		begin(o.line)
		if o.keyword == "SIZE" && o.value == "" {
			b = strconv.AppendInt(append(b, ' '), int64(max(0, p.sizeLimit)), 10)
		}
	}
	if p.TLS != nil && !p.underTLS() {
		begin("STARTTLS")
	}
	if m := p.mechanisms(); len(m) > 0 {
		begin("AUTH " + strings.Join(m, " "))
	}
	b[last+len("250")] = ' '
	return wire.Reply(b)
}
