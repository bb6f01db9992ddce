package session

import (
	"cmp"
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/certs"
	"github.com/go-smtptest/smtp/smtptest/internal/journal"
	"github.com/go-smtptest/smtp/smtptest/internal/sasl"
	"github.com/go-smtptest/smtp/smtptest/internal/secret"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// login is an AUTH exchange in progress.
type login struct {
	exchange  sasl.Exchange
	digests   bool       // the mechanism shows no secret, but what is made of it
	challenge wire.Reply // the last that is not recorded as it is
	final     *verdict   // what a response is answered with, whatever it holds
	flaw      string     // Exchange.AuthError of the last response
}

// mask returns a reply as it is recorded. SCRAM's signature (RFC 5802 3) lets a
// password be guessed, and like any nonce it differs from run to run.
func (l *login) mask(told wire.Reply) wire.Reply {
	if told != "" && told == l.challenge {
		return "334 " + secret.Mask
	}
	return told.Said()
}

// decideAuth begins an exchange (RFC 4954 4).
func decideAuth(p *protocol, arg string) verdict {
	p.login = login{}
	name, initial, has := strings.Cut(arg, " ")
	name = wire.Upper(name)
	offered := p.mechanisms()
	switch {
	case p.State == StateGreeted:
		return verdict{reply: p.say(repNoHello)}
	case !p.Extended:
		return verdict{reply: p.say(repNoPlace)} // only EHLO offers it
	case p.User != "":
		return verdict{reply: p.say(repAuthTwice)}
	case p.State != StateHello:
		return verdict{reply: p.say(repNoPlace)}
	case name == "":
		return verdict{reply: p.syntax("AUTH", "5.5.4")}
	case !slices.Contains(offered, name) && !p.underTLS() && p.TLS != nil && slices.Contains(p.servable(), name):
		return p.login.deferred(verdict{p.say(repEncrypt), commitAuth})
	case !slices.Contains(offered, name):
		return p.login.deferred(verdict{p.say(repNoMechanism), commitAuth})
	}
	p.login.exchange, p.login.digests = sasl.Start(name, saslConfig(p, offered)), !sasl.Plaintext(name)
	if !has {
		return proceed(p, nil)
	}
	return response(p, strings.TrimLeft(initial, blanks))
}

// deferred is the verdict of an AUTH, or that of its first response, if a row
// has asked for one with a 334.
func (l *login) deferred(v verdict) verdict {
	l.final = &v
	return v
}

func saslConfig(p *protocol, offered []string) sasl.Config {
	c := sasl.Config{
		PlusOffered: slices.ContainsFunc(offered, func(name string) bool { return strings.HasSuffix(name, "-PLUS") }),
		Hostname:    strings.Trim(p.Hostname, "[]"),
		Password: func(user string) (string, bool) {
			password, ok := p.Users[user]
			return password, ok
		},
	}
	if p.Authenticate != nil {
		c.Check = func(mechanism, authzid, user, secret string) error {
			if !p.ask.authenticate(Credentials{mechanism, authzid, user, secret}) {
				return sasl.ErrCredentials
			}
			return nil
		}
	}
	if p.underTLS() {
		c.TLS = p.secure
		c.Certificate = certs.For(p.TLS, p.secure.ServerName)
	}
	return c
}

// response decodes an initial response or a line after 334.
func response(p *protocol, line string) verdict {
	p.login.flaw = ""
	if line == "=" { // an empty initial response (RFC 4954 4)
		return proceed(p, []byte{})
	}
	b, err := base64.StdEncoding.Strict().DecodeString(line)
	if err != nil || strings.ContainsAny(line, "\r\n") { // which the package skips
		p.login.flaw = flawBase64
		return p.login.deferred(verdict{reply: p.say(repBadBase64)})
	}
	if b == nil {
		b = []byte{}
	}
	return proceed(p, b)
}

// proceed gives the mechanism the client's response.
func proceed(p *protocol, response []byte) verdict {
	challenge, done, err := p.login.exchange.Next(response)
	p.login.flaw = ""
	if errors.Is(err, sasl.ErrMalformed) || errors.Is(err, sasl.ErrWeak) {
		p.login.flaw = err.Error() // names no secret
	}
	switch {
	case errors.Is(err, sasl.ErrInitialResponse):
		return p.login.deferred(verdict{reply: p.say(repNoInitial)})
	case errors.Is(err, sasl.ErrCredentials), errors.Is(err, sasl.ErrWeak):
		return p.login.deferred(verdict{p.say(repAuthFailed), commitAuth})
	case err != nil:
		return p.login.deferred(verdict{reply: p.say(repMalformed)})
	case done:
		return p.login.deferred(verdict{p.say(repAuthOK), commitAuth})
	}
	told := wire.Reply("334 " + base64.StdEncoding.EncodeToString(challenge))
	if p.login.digests && len(challenge) > 0 {
		p.login.challenge = told
	}
	return verdict{told, commitAuth}
}

const flawBase64 = "not base64"

// commitAuth takes the client for whom it claims to be.
func commitAuth(c *Conn) {
	if x := c.login.exchange; x != nil {
		c.User = cmp.Or(x.User(), x.Authzid())
	}
	c.User = cmp.Or(c.User, unknownUser)
	c.record.User = c.User
}

// unknownUser is who has authenticated because a rule said so, before it gave a
// name.
const unknownUser = "(unknown)"

// followAuth reads a response after each 334, whoever said it.
func followAuth(c *Conn, told wire.Reply) {
	for told != wire.NoReply && strings.HasPrefix(string(told), "3") && !c.over {
		line, long, err := c.readLine()
		if err != nil {
			c.lost(err)
			return
		}
		e := event{name: "RESPONSE", arg: line, flags: c.pipelined()}
		e.line, e.hidden = c.mask.response(line)
		c.login.flaw = ""
		switch {
		case long:
			e.flags |= journal.TooLong
			e.own = verdict{reply: c.say(repLongResponse)}
		case line == "*":
			e.own = verdict{reply: c.say(repCancelled)}
		case c.login.final != nil:
			e.own = *c.login.final
		case c.login.exchange == nil:
			e.own = verdict{reply: c.say(repNoPlace)}
		case line == "":
			e.own = proceed(&c.protocol, []byte{})
		case line == "=":
			c.login.flaw = flawBase64
			e.own = verdict{reply: c.say(repBadBase64)}
		default:
			e.own = response(&c.protocol, line)
		}
		e.hidden.AuthError = c.login.flaw
		told, _ = c.answer(&e)
	}
}
