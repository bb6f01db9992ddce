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
func (l *login) mask(sent wire.Reply) wire.Reply {
	if sent != "" && sent == l.challenge {
		return "334 " + secret.Mask
	}
	return sent.Recorded()
}

// decideAuth begins an exchange (RFC 4954 4).
func decideAuth(p *protocol, arg string) verdict {
	p.login = login{}
	name, initial, has := strings.Cut(arg, " ")
	name = wire.Upper(name)
	offered := p.mechanisms()
	switch {
	case p.State == StateGreeted:
		return verdict{reply: p.text(replyNoHello)}
	case !p.Extended:
		return verdict{reply: p.text(replyBadSequence)} // only EHLO offers it
	case p.User != "":
		return verdict{reply: p.text(replyAuthTwice)}
	case p.State != StateHello:
		return verdict{reply: p.text(replyBadSequence)}
	case name == "":
		return verdict{reply: p.syntax("AUTH", "5.5.4")}
	case !slices.Contains(offered, name) && !p.underTLS() && p.TLS != nil && slices.Contains(p.servable(), name):
		return p.login.deferred(verdict{p.text(replyEncrypt), commitAuth})
	case !slices.Contains(offered, name):
		return p.login.deferred(verdict{p.text(replyNoMechanism), commitAuth})
	}
	p.login.exchange, p.login.digests = sasl.Start(name, saslConfig(p, offered)), !sasl.Plaintext(name)
	if !has {
		return proceed(p, nil)
	}
	return response(p, strings.TrimLeft(initial, blanks))
}

// deferred returns v, the verdict of an AUTH. If a rule sends a 334 instead, v is the
// verdict of the first response.
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
		return p.login.deferred(verdict{reply: p.text(replyBadBase64)})
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
		return p.login.deferred(verdict{reply: p.text(replyNoInitial)})
	case errors.Is(err, sasl.ErrCredentials), errors.Is(err, sasl.ErrWeak):
		return p.login.deferred(verdict{p.text(replyAuthFailed), commitAuth})
	case err != nil:
		return p.login.deferred(verdict{reply: p.text(replyMalformed)})
	case done:
		return p.login.deferred(verdict{p.text(replyAuthOK), commitAuth})
	}
	sent := wire.Reply("334 " + base64.StdEncoding.EncodeToString(challenge))
	if p.login.digests && len(challenge) > 0 {
		p.login.challenge = sent
	}
	return verdict{sent, commitAuth}
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

// followAuth reads a response after each 334, even if a rule sent it.
func followAuth(c *Conn, sent wire.Reply) {
	for sent != wire.NoReply && strings.HasPrefix(string(sent), "3") && !c.done {
		line, long, err := c.readLine()
		if err != nil {
			c.endOnError(err)
			return
		}
		e := event{name: "RESPONSE", arg: line, flags: c.pipelined()}
		e.line, e.masked = c.mask.response(line)
		c.login.flaw = ""
		switch {
		case long:
			e.flags |= journal.TooLong
			e.verdict = verdict{reply: c.text(replyLongResponse)}
		case line == "*":
			e.verdict = verdict{reply: c.text(replyCancelled)}
		case c.login.final != nil:
			e.verdict = *c.login.final
		case c.login.exchange == nil:
			e.verdict = verdict{reply: c.text(replyBadSequence)}
		case line == "":
			e.verdict = proceed(&c.protocol, []byte{})
		case line == "=":
			c.login.flaw = flawBase64
			e.verdict = verdict{reply: c.text(replyBadBase64)}
		default:
			e.verdict = response(&c.protocol, line)
		}
		e.masked.AuthError = c.login.flaw
		sent, _ = c.answer(&e)
	}
}
