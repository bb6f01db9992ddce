package script

import (
	"slices"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// Facts is what a script must fit in the configuration of a server.
type Facts struct {
	Known    bool                   // the configuration has been read
	Verbs    []string               // of the command table
	Serves   func(verb string) bool // the verb of the command table is offered
	Custom   func(verb string) bool // the test has a command of this name
	LMTP     bool
	TLS      bool // there is TLS
	Implicit bool // from the first byte
	Asks     bool // a client may have a 334 to respond to
}

// Check finds the mistakes that depend on the configuration.
func (f *Facts) Check(rules []*Rule) error {
	for _, r := range rules {
		if err := f.checkServed(r); err != nil {
			return err
		}
		switch success := r.Reply.Code()/100 == 2 || strings.HasPrefix(r.Raw, "2"); {
		case r.verb == "." && r.arg != "" && !f.LMTP:
			return r.bad("On", "only LMTP replies for each recipient at the end of data; set Server.LMTP, or use If")
		case r.verb == "TLS" && !f.TLS:
			return r.bad("On", "the server has no TLS; set Server.TLS or use NewTLSServer")
		case r.verb == "STARTTLS" && success && !f.TLS:
			return r.bad("Reply", "a 220 to STARTTLS begins a TLS handshake; set Server.TLS")
		case r.verb == "STARTTLS" && success && f.Implicit:
			return r.bad("Reply", "the server uses TLS from the first byte, so STARTTLS cannot begin it; use Start")
		case r.verb == "RESPONSE" && !f.asks(rules):
			return r.bad("On", "RESPONSE never occurs because AUTH is not offered; set Server.Users or Authenticate, or give AUTH a Reply of 334")
		}
	}
	return nil
}

// unserved says how verbs come to be served that are not by default.
var unserved = map[string]string{
	"BDAT":    `put "CHUNKING" into Server.Extensions`,
	"XCLIENT": `put "XCLIENT" with its attributes into Server.Extensions`,
	"LHLO":    "set Server.LMTP",
	"HELO":    "with LMTP it is LHLO",
	"EHLO":    "with LMTP it is LHLO",
}

// checkServed finds verbs that nobody may say here. STARTTLS and AUTH are none
// of them: a rule for EHLO can offer what other rules then refuse.
func (f *Facts) checkServed(r *Rule) error {
	verb, what := r.verb, "%q"
	if verb == "IDLE" {
		verb, what = wire.Upper(r.arg), "IDLE follows an event, but %q"
	}
	known := slices.Contains(f.Verbs, verb)
	switch remedy := unserved[verb]; {
	case verb == "" || IsPseudo(verb) || f.Custom(verb):
	case !known && !strings.HasPrefix(verb, "X"):
		return r.bad("On", what+` is not an event; use one of %s ("." is the end of data), a verb of %s, a key of Server.Commands or X...`,
			verb, strings.Join(pseudoVerbs, " "), strings.Join(f.Verbs, " "))
	case known && remedy != "" && !f.Serves(verb):
		return r.bad("On", what+" is not served; %s", verb, remedy)
	}
	return nil
}

// asks says that a client may have a 334 to respond to.
func (f *Facts) asks(rules []*Rule) bool {
	return f.Asks || slices.ContainsFunc(rules, func(r *Rule) bool {
		return (r.verb == "AUTH" || r.verb == "*") && strings.HasPrefix(string(r.Reply)+r.Raw, "3")
	})
}
