package session

import "github.com/go-smtptest/smtp/smtptest/internal/wire"

// A Verb is a row of the command table.
type Verb struct {
	Name   string
	Syntax string // after "Syntax: "
	RFC    string
}

// verb is a row with what it does.
type verb struct {
	Verb
	params  bool                                           // parameters may follow after EHLO
	decide  func(p *protocol, arg string) verdict          // is called without a lock
	note    func(c *Conn, sent wire.Reply, committed bool) // records what was replied; the journal is locked
	follow  func(c *Conn, sent wire.Reply)                 // does what the reply promises
	offered func(c *Config) bool                           // nil: always
	exempt  policy                                         // allowed before TLS or AUTH where they are required
}

// policy is a set of the requirements that a verb is exempt from.
type policy uint8

const (
	beforeTLS policy = 1 << iota
	beforeAuth
	whileRefusing // after a 554 greeting
)

const always = beforeTLS | beforeAuth

// table is the command table: HELP, the 501 texts and the README derive from it.
// commands has its rows by name. init fills them in, because the functions refer back
// to them.
var (
	table    []verb
	commands map[string]*verb
)

func init() {
	table = []verb{
		{Verb: Verb{"EHLO", "EHLO hostname", "RFC 5321 4.1.1.1"}, decide: decideEhlo, exempt: always, offered: notLMTP},
		{Verb: Verb{"HELO", "HELO hostname", "RFC 5321 4.1.1.1"}, decide: decideHelo, exempt: always, offered: notLMTP},
		{Verb: Verb{"LHLO", "LHLO hostname", "RFC 2033 4.1"}, decide: decideEhlo, exempt: always, offered: onlyLMTP},
		{Verb: Verb{"MAIL", "MAIL FROM:<address>", "RFC 5321 4.1.1.2"}, params: true, decide: decideMail},
		{Verb: Verb{"RCPT", "RCPT TO:<address>", "RFC 5321 4.1.1.3"}, params: true, decide: decideRcpt, note: recordRcptReply},
		{Verb: Verb{"DATA", "DATA", "RFC 5321 4.1.1.4"}, decide: decideData, follow: followData},
		{Verb: Verb{"BDAT", "BDAT size [LAST]", "RFC 3030 2"}, decide: decideBdat, offered: offers("CHUNKING")},
		{Verb: Verb{"RSET", "RSET", "RFC 5321 4.1.1.5"}, decide: decideRset, exempt: always},
		{Verb: Verb{"NOOP", "NOOP", "RFC 5321 4.1.1.9"}, decide: decideNoop, exempt: always},
		{Verb: Verb{"QUIT", "QUIT", "RFC 5321 4.1.1.10"}, decide: decideQuit, exempt: always | whileRefusing},
		{Verb: Verb{"VRFY", "VRFY <address>", "RFC 5321 4.1.1.6"}, decide: decideVrfy},
		{Verb: Verb{"EXPN", "EXPN <list>", "RFC 5321 4.1.1.7"}, decide: decideExpn},
		{Verb: Verb{"HELP", "HELP [command]", "RFC 5321 4.1.1.8"}, decide: decideHelp},
		{Verb: Verb{"STARTTLS", "STARTTLS", "RFC 3207 4"}, decide: decideStartTLS, follow: followStartTLS, exempt: always, offered: offersStartTLS},
		{Verb: Verb{"AUTH", "AUTH mechanism [initial-response]", "RFC 4954 4"}, decide: decideAuth, follow: followAuth, exempt: beforeAuth, offered: (*Config).OffersAuth},
		{Verb: Verb{"XCLIENT", "XCLIENT attribute=value...", "Postfix XCLIENT_README"}, decide: decideXclient, exempt: beforeAuth, offered: offers("XCLIENT")},
		{Verb: Verb{"TURN", "TURN", "RFC 5321 F.1"}, decide: decideObsolete},
		{Verb: Verb{"SEND", "SEND FROM:<address>", "RFC 5321 F.6"}, decide: decideObsolete},
		{Verb: Verb{"SOML", "SOML FROM:<address>", "RFC 5321 F.6"}, decide: decideObsolete},
		{Verb: Verb{"SAML", "SAML FROM:<address>", "RFC 5321 F.6"}, decide: decideObsolete},
	}
	commands = make(map[string]*verb, len(table))
	for i := range table {
		commands[table[i].Name] = &table[i]
	}
}

func notLMTP(c *Config) bool        { return !c.LMTP }
func onlyLMTP(c *Config) bool       { return c.LMTP }
func offersStartTLS(c *Config) bool { return c.TLS != nil && !c.Implicit }

func offers(keyword string) func(*Config) bool {
	return func(c *Config) bool { return c.Offers(keyword) }
}

// Verbs returns the command table.
func Verbs() []Verb {
	verbs := make([]Verb, len(table))
	for i := range table {
		verbs[i] = table[i].Verb
	}
	return verbs
}

// usage is the syntax as HELP and 501 show it.
func (v *verb) usage(extended bool) string {
	if v.params && extended {
		return v.Syntax + " [SP <mail-parameters>]"
	}
	return v.Syntax
}
