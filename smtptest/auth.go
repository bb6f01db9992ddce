package smtptest

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/certs"
	"github.com/go-smtptest/smtp/smtptest/internal/sasl"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// Credentials are what a client has shown in AUTH, for Server.Authenticate.
type Credentials struct {
	Mechanism string // "PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER" or "EXTERNAL"
	Authzid   string // the identity to act as; "" if none was given
	User      string // the identity that was shown; of EXTERNAL that of the certificate
	Secret    string // password or token; "" with EXTERNAL
}

// authState is an AUTH exchange in progress.
type authState struct {
	exchange  sasl.Exchange
	digests   bool     // the mechanism shows no secret, but what is made of it
	challenge Reply    // the last that is not recorded as it is
	final     *verdict // what a response is answered with, whatever it holds
	flaw      string   // Exchange.AuthError of the last response
}

// mask returns a reply as it is recorded. SCRAM's signature (RFC 5802 3) lets a
// password be guessed, and like any nonce it differs from run to run.
func (a *authState) mask(told Reply) Reply {
	if told != "" && told == a.challenge {
		return "334 " + masked
	}
	return told.said()
}

func (s *Server) offersAuth() bool { return s.config.Users != nil || s.config.Authenticate != nil }

// mechanisms are those that the channel offers in its present state, strongest
// first.
func (s *Server) mechanisms(ch *Channel) []string {
	switch {
	case !s.offersAuth():
		return nil
	case s.tls != nil && !ch.underTLS:
		return s.config.ClearMechanisms
	case s.config.Mechanisms != nil:
		return s.config.Mechanisms
	}
	return slices.DeleteFunc(s.servable(), func(name string) bool { return name == "EXTERNAL" && !ch.certified() })
}

// servable are the mechanisms that Users and Authenticate can serve, at least
// under TLS and with a client's certificate.
func (s *Server) servable() []string {
	if s.config.Mechanisms != nil {
		return s.config.Mechanisms
	}
	return slices.DeleteFunc(sasl.Names(), func(name string) bool {
		switch {
		case name == "EXTERNAL":
			return s.tls == nil
		case strings.HasSuffix(name, "-PLUS"):
			return s.tls == nil || s.config.Users == nil
		case name == "XOAUTH2", name == "OAUTHBEARER":
			return s.config.Authenticate == nil
		}
		return s.config.Users == nil && !sasl.Plaintext(name)
	})
}

// certified says that the client has shown a certificate by which EXTERNAL can
// know it.
func (ch *Channel) certified() bool {
	conn, ok := ch.tlsConn()
	if !ok {
		return false
	}
	state := conn.ConnectionState()
	return len(state.VerifiedChains) > 0 || ch.Server.config.Authenticate != nil && len(state.PeerCertificates) > 0
}

// checkMechanisms finds names that no mechanism has.
func (s *Server) checkMechanisms() error {
	for _, name := range slices.Concat(s.config.Mechanisms, s.config.ClearMechanisms) {
		if !slices.Contains(sasl.Names(), name) {
			return fmt.Errorf("in Mechanisms or ClearMechanisms %q is not one of %s", name, strings.Join(sasl.Names(), " "))
		}
	}
	switch {
	case s.offersAuth():
		return nil
	case s.config.Mechanisms != nil:
		return errors.New("with these Mechanisms nobody could log in: set Users or Authenticate")
	case s.config.ClearMechanisms != nil:
		return errors.New("with these ClearMechanisms nobody could log in: set Users or Authenticate")
	}
	return nil
}

// verbAuth begins an exchange (RFC 4954 4).
func (ch *Channel) verbAuth(arg string) verdict {
	ch.auth = authState{}
	name, initial, has := strings.Cut(arg, " ")
	name = wire.Upper(name)
	offered := ch.Server.mechanisms(ch)
	switch {
	case ch.State == StateGreeted:
		return verdict{reply: ch.say(repNoHello)}
	case !ch.Extended:
		return verdict{reply: ch.say(repNoPlace)} // only EHLO offers it
	case ch.User != "":
		return verdict{reply: ch.say(repAuthTwice)}
	case ch.State != StateHello:
		return verdict{reply: ch.say(repNoPlace)}
	case name == "":
		return verdict{reply: ch.syntax("AUTH", "5.5.4")}
	case !slices.Contains(offered, name) && !ch.underTLS && ch.Server.tls != nil && slices.Contains(ch.Server.servable(), name):
		return ch.deferred(verdict{ch.say(repEncrypt), (*Channel).commitAuth})
	case !slices.Contains(offered, name):
		return ch.deferred(verdict{ch.say(repNoMechanism), (*Channel).commitAuth})
	}
	ch.auth.exchange, ch.auth.digests = sasl.Start(name, ch.saslConfig(offered)), !sasl.Plaintext(name)
	if !has {
		return ch.proceed(nil)
	}
	return ch.response(strings.TrimLeft(initial, blanks))
}

// deferred is the verdict of an AUTH, or that of its first response, if a row
// has asked for one with a 334.
func (ch *Channel) deferred(v verdict) verdict {
	ch.auth.final = &v
	return v
}

func (ch *Channel) saslConfig(offered []string) sasl.Config {
	s := ch.Server
	c := sasl.Config{
		PlusOffered: slices.ContainsFunc(offered, func(name string) bool { return strings.HasSuffix(name, "-PLUS") }),
		Hostname:    strings.Trim(s.hostname(), "[]"),
		Password: func(user string) (string, bool) {
			password, ok := s.config.Users[user]
			return password, ok
		},
	}
	if s.config.Authenticate != nil {
		c.Check = func(mechanism, authzid, user, secret string) error {
			ok := false
			ch.guard("Authenticate", func(context.Context) Reply {
				ok = s.config.Authenticate(Credentials{mechanism, authzid, user, secret})
				return ""
			})
			if !ok {
				return sasl.ErrCredentials
			}
			return nil
		}
	}
	if conn, ok := ch.tlsConn(); ok {
		state := conn.ConnectionState()
		c.TLS = &state
		c.Certificate = certs.For(s.tls, state.ServerName)
	}
	return c
}

// response decodes an initial response or a line after 334.
func (ch *Channel) response(line string) verdict {
	ch.auth.flaw = ""
	if line == "=" { // an empty initial response (RFC 4954 4)
		return ch.proceed([]byte{})
	}
	b, err := base64.StdEncoding.Strict().DecodeString(line)
	if err != nil || strings.ContainsAny(line, "\r\n") { // which the package skips
		ch.auth.flaw = flawBase64
		return ch.deferred(verdict{reply: ch.say(repBadBase64)})
	}
	if b == nil {
		b = []byte{}
	}
	return ch.proceed(b)
}

// proceed gives the mechanism the client's response.
func (ch *Channel) proceed(response []byte) verdict {
	challenge, done, err := ch.auth.exchange.Next(response)
	ch.auth.flaw = ""
	if errors.Is(err, sasl.ErrMalformed) || errors.Is(err, sasl.ErrWeak) {
		ch.auth.flaw = err.Error() // names no secret
	}
	switch {
	case errors.Is(err, sasl.ErrInitialResponse):
		return ch.deferred(verdict{reply: ch.say(repNoInitial)})
	case errors.Is(err, sasl.ErrCredentials), errors.Is(err, sasl.ErrWeak):
		return ch.deferred(verdict{ch.say(repAuthFailed), (*Channel).commitAuth})
	case err != nil:
		return ch.deferred(verdict{reply: ch.say(repMalformed)})
	case done:
		return ch.deferred(verdict{ch.say(repAuthOK), (*Channel).commitAuth})
	}
	told := Reply("334 " + base64.StdEncoding.EncodeToString(challenge))
	if ch.auth.digests && len(challenge) > 0 {
		ch.auth.challenge = told
	}
	return verdict{told, (*Channel).commitAuth}
}

const flawBase64 = "not base64"

// commitAuth takes the client for whom it claims to be.
func (ch *Channel) commitAuth() {
	if x := ch.auth.exchange; x != nil {
		ch.User = cmp.Or(x.User(), x.Authzid())
	}
	ch.User = cmp.Or(ch.User, unknownUser)
	ch.session.user = ch.User
}

// unknownUser is who has authenticated because a row said so, before it gave a
// name.
const unknownUser = "(unknown)"

// modeAuth reads a response after each 334, whoever said it.
func (ch *Channel) modeAuth(told Reply) {
	for told != NoReply && strings.HasPrefix(string(told), "3") && !ch.over {
		line, long, err := ch.readLine()
		if err != nil {
			ch.lost(err)
			return
		}
		t := turn{name: "RESPONSE", arg: line, flags: ch.earlyFlag()}
		t.line, t.hidden = ch.showResponse(line)
		ch.auth.flaw = ""
		switch {
		case long:
			t.flags |= tooLong
			t.own = verdict{reply: ch.say(repLongResponse)}
		case line == "*":
			t.own = verdict{reply: ch.say(repCancelled)}
		case ch.auth.final != nil:
			t.own = *ch.auth.final
		case ch.auth.exchange == nil:
			t.own = verdict{reply: ch.say(repNoPlace)}
		case line == "":
			t.own = ch.proceed([]byte{})
		case line == "=":
			ch.auth.flaw = flawBase64
			t.own = verdict{reply: ch.say(repBadBase64)}
		default:
			t.own = ch.response(line)
		}
		t.hidden.flaw = ch.auth.flaw
		told, _ = ch.answer(&t)
	}
}

// noteAuth notes what the reply to t means for the masking of later lines. 235
// is the success of AUTH whatever the verb (RFC 4954 6).
func (ch *Channel) noteAuth(t *turn, told Reply) {
	code := told.Code()
	ch.after334 = code == 334
	switch {
	case ch.after334:
		ch.secretive = true
	case code == 235 || code/100 == 2 && (t.name == "AUTH" || t.name == "RESPONSE"):
		ch.secretive = false
	}
}

func (ch *Channel) earlyFlag() flags {
	if ch.ahead {
		return early
	}
	return 0
}
