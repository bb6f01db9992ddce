package session

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/sasl"
	"github.com/go-smtptest/smtp/smtptest/internal/script"
	"github.com/go-smtptest/smtp/smtptest/internal/secret"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// offer is an extension that is offered, or another line of the EHLO reply.
type offer struct {
	keyword, value string // keyword in upper case
	line           string // of the EHLO reply; "" for what TLS and Users bring
}

// commandLine is the longest command line without extensions (RFC 5321
// 4.5.3.1.4).
const commandLine = 512

// lineGrowth is how much longer an extension lets MAIL and RCPT be.
var lineGrowth = []struct {
	keyword    string
	mail, rcpt int
	rfc        string
}{
	{"SIZE", 26, 0, "RFC 1870 3"},
	{"SMTPUTF8", 10, 0, "RFC 6531 3.1"},
	{"BINARYMIME", 16, 0, "RFC 3030 3"},
	{"DSN", 114, 548, "RFC 3461 5.4"},
	{"DELIVERBY", 17, 0, "RFC 2852 2"},
	{"FUTURERELEASE", 34, 0, "RFC 4865 3"},
	{"MT-PRIORITY", 15, 0, "RFC 6710 3"},
	{"REQUIRETLS", 11, 0, "RFC 8689 2"},
	{"AUTH", 500, 0, "RFC 4954 3"},
}

// Read reads the fields that do not depend on TLS.
func (c *Config) Read() error {
	if !validHost(c.Hostname) {
		return fmt.Errorf("the Hostname %q is neither a domain nor an address literal (RFC 5321 4.1.2)", c.Hostname)
	}
	if wire.CheckText(string(c.greeting()[len("220 "):])) != nil {
		return fmt.Errorf("the Greeting %q is no line of text (RFC 5321 4.2)", c.Greeting)
	}
	c.passwords = secret.Passwords(c.Users)
	c.offers = make([]offer, 0, len(c.Extensions)+1) // and AUTH
	c.sizeLimit = int(max(-1, min(c.SizeLimit, math.MaxInt)))
	for _, line := range c.Extensions {
		if line == "" || wire.CheckText(line) != nil {
			return fmt.Errorf("in Extensions %q is no EHLO line", line)
		}
		keyword, value, _ := strings.Cut(line, " ")
		if !wire.IsKeyword(keyword) {
			return fmt.Errorf("in Extensions %q does not begin with a keyword (RFC 5321 4.1.1.1); to say it all the same give EHLO a Rule with Reply", line)
		}
		keyword = wire.Upper(keyword)
		if keyword == "SIZE" && value == "" {
			line = keyword // ehlo adds the number
		}
		if c.Offers(keyword) {
			return fmt.Errorf("in Extensions %s stands twice", keyword)
		}
		c.offers = append(c.offers, offer{keyword, value, line})
	}
	c.enhanced, c.utf8 = c.Offers("ENHANCEDSTATUSCODES"), c.Offers("SMTPUTF8")
	c.limits = parseLimits(c.offered("LIMITS"))
	return nil
}

// Check finds the mistakes of the configuration. It is called after Read, and once
// TLS is set.
func (c *Config) Check() error {
	if err := c.checkExtensions(); err != nil {
		return err
	}
	if err := c.checkMechanisms(); err != nil {
		return err
	}
	if err := c.checkParameters(); err != nil {
		return err
	}
	return c.checkCommands()
}

// checkExtensions finds what the extensions need of each other and of the other
// fields.
func (c *Config) checkExtensions() error {
	for _, need := range []struct{ keyword, needs, rfc string }{
		{"BINARYMIME", "CHUNKING", "RFC 3030 3"},
	} {
		if c.Offers(need.keyword) && !c.Offers(need.needs) {
			return fmt.Errorf("in Extensions %s needs %s (%s)", need.keyword, need.needs, need.rfc)
		}
	}
	switch {
	case c.Offers("STARTTLS") && (c.Commands["STARTTLS"] == nil || c.TLS != nil && !c.Implicit):
		return fmt.Errorf("do not write it into Extensions: STARTTLS is offered by setting Server.TLS")
	case c.Offers("AUTH") && (c.Commands["AUTH"] == nil || c.OffersAuth()):
		return fmt.Errorf("do not write it into Extensions: AUTH is offered by setting Server.Users or Authenticate; Mechanisms chooses")
	}
	if c.OffersAuth() {
		c.offers = append(c.offers, offer{keyword: "AUTH"})
	}
	c.mailLine, c.rcptLine = commandLine, commandLine
	for _, g := range lineGrowth {
		if c.Offers(g.keyword) {
			c.mailLine += g.mail
			c.rcptLine += g.rcpt
		}
	}
	return nil
}

// checkMechanisms finds names that no mechanism has.
func (c *Config) checkMechanisms() error {
	for _, name := range slices.Concat(c.Mechanisms, c.ClearMechanisms) {
		if !slices.Contains(sasl.Names(), name) {
			return fmt.Errorf("in Mechanisms or ClearMechanisms %q is not one of %s", name, strings.Join(sasl.Names(), " "))
		}
	}
	switch {
	case c.OffersAuth():
		return nil
	case c.Mechanisms != nil:
		return errors.New("with these Mechanisms nobody could log in: set Users or Authenticate")
	case c.ClearMechanisms != nil:
		return errors.New("with these ClearMechanisms nobody could log in: set Users or Authenticate")
	}
	return nil
}

// checkParameters finds keywords that no client's parameter can have.
func (c *Config) checkParameters() error {
	for word := range c.Parameters {
		if !wire.IsKeyword(word) || word != wire.Upper(word) {
			return fmt.Errorf("in Parameters %q is no keyword in upper case (RFC 5321 4.1.2)", word)
		}
	}
	return nil
}

// checkCommands finds keys that no client could name, and verbs without a function.
func (c *Config) checkCommands() error {
	for name, f := range c.Commands {
		switch {
		case name == "" || name != wire.Upper(name) || strings.Contains(name, " ") || strings.ContainsFunc(name, wire.IsControl):
			return fmt.Errorf("the key %q of Commands is no verb: write it in upper case, without spaces and line ends", name)
		case script.IsPseudo(name):
			return fmt.Errorf("the key %q of Commands is the name of an event of the script: use a Rule", name)
		case f == nil:
			return fmt.Errorf("the function of Commands[%q] is nil: give one, or leave the key out", name)
		}
	}
	return nil
}

// Offers reports whether EHLO offers the extension, which is in upper case.
func (c *Config) Offers(keyword string) bool {
	return slices.ContainsFunc(c.offers, func(o offer) bool { return o.keyword == keyword })
}

// offered returns the arguments of an offered extension; "" if there are none.
func (c *Config) offered(keyword string) string {
	for _, o := range c.offers {
		if o.keyword == keyword {
			return o.value
		}
	}
	return ""
}

// OffersAuth reports whether a client can log in.
func (c *Config) OffersAuth() bool { return c.Users != nil || c.Authenticate != nil }

// Serves reports whether a verb of the command table is offered.
func (c *Config) Serves(verb string) bool {
	v := commands[verb]
	return v.offered == nil || v.offered(c)
}

// greeting is the reply to a connection, and to XCLIENT.
func (c *Config) greeting() wire.Reply {
	return wire.Reply("220 " + c.Hostname + " " + c.Greeting)
}

// idleLimit is how long a client may be silent; negative: for ever.
func (c *Config) idleLimit() time.Duration {
	if c.IdleTimeout == 0 {
		return 5 * time.Minute // RFC 5321 4.5.3.2.7
	}
	return c.IdleTimeout
}

// servable returns the mechanisms that Users and Authenticate can serve, at least
// under TLS and with a client's certificate.
func (c *Config) servable() []string {
	if c.Mechanisms != nil {
		return c.Mechanisms
	}
	return slices.DeleteFunc(sasl.Names(), func(name string) bool {
		switch {
		case name == "EXTERNAL":
			return c.TLS == nil
		case strings.HasSuffix(name, "-PLUS"):
			return c.TLS == nil || c.Users == nil
		case name == "XOAUTH2", name == "OAUTHBEARER":
			return c.Authenticate == nil
		}
		return c.Users == nil && !sasl.Plaintext(name)
	})
}

func validHost(name string) bool {
	return wire.ValidDomain(name, false) || wire.ValidLiteral(name)
}
