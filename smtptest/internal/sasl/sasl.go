// Package sasl is the server side of the SASL mechanisms (RFC 4422) that SMTP's
// AUTH command carries (RFC 4954): state machines without I/O and without
// base64, which are the caller's.
//
// Implemented: EXTERNAL (RFC 4422 appendix A), SCRAM-SHA-1 and SCRAM-SHA-256
// with their -PLUS forms (RFC 5802, RFC 7677) and the channel bindings
// tls-exporter (RFC 9266), tls-unique and tls-server-end-point (RFC 5929),
// CRAM-MD5 (RFC 2195), OAUTHBEARER (RFC 7628), XOAUTH2 (Google), PLAIN (RFC 4616)
// and LOGIN (never standardised).
//
// Names and passwords are compared octet by octet. SASLprep (RFC 4013) changes
// nothing in printable ASCII and is not applied to anything else: a client that
// normalizes other characters must find the normal form in Config.
package sasl

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"time"
)

// Errors of an exchange, to be tested for with errors.Is.
var (
	// ErrMalformed: the response is not of the mechanism's grammar.
	ErrMalformed = errors.New("malformed response")
	// ErrCredentials: the client has not proven who it is, or may not act as
	// whom it asked for. An error of Config.Check is wrapped beside it. After a
	// refused token the error is ErrMalformed too if the client did not
	// acknowledge the refusal as the mechanism wants.
	ErrCredentials = errors.New("authentication failed")
	// ErrInitialResponse: the server speaks first in this mechanism, so there is
	// nothing to respond to yet (RFC 4954 section 4).
	ErrInitialResponse = errors.New("no initial response allowed")
	// ErrWeak: the client thinks that a stronger form of the mechanism is not
	// offered, although it is: someone may have removed it from the list on its
	// way (RFC 5802 section 6).
	ErrWeak = errors.New("a stronger mechanism was offered")
)

// Config is what a mechanism may use.
type Config struct {
	// Password returns a user's password; ok is false for an unknown user. It
	// serves as the token of XOAUTH2 and OAUTHBEARER too. Nil knows no users.
	Password func(user string) (password string, ok bool)
	// Check, when not nil, decides instead of Password wherever the client shows
	// its secret: the password of PLAIN and LOGIN, the token of XOAUTH2 and
	// OAUTHBEARER, the authorization identity of EXTERNAL. It decides on the
	// authorization identity too; without it a user may act as itself only.
	Check func(mechanism, authzid, user, secret string) error
	// TLS is the state of the connection after its handshake; nil in clear.
	TLS *tls.ConnectionState
	// Certificate is the server's own, for tls-server-end-point; nil refuses
	// that channel binding.
	Certificate *x509.Certificate
	// PlusOffered says that a -PLUS mechanism was offered.
	PlusOffered bool
	// Hostname stands in CRAM-MD5's challenge; "" is "localhost".
	Hostname string
	// Now is the clock of CRAM-MD5's challenge; nil is time.Now.
	Now func() time.Time
	// Rand makes challenges, nonces and salts; nil is crypto/rand.
	Rand io.Reader
}

// Exchange is one run of a mechanism. It is not safe for concurrent use.
type Exchange interface {
	// Next takes the client's decoded response. The first call has the initial
	// response, or nil when there was none: an empty slice is the initial
	// response "=". It returns the next challenge, which may be empty, or done.
	// An error is always done too, and done without an error is success. Further
	// calls fail.
	Next(response []byte) (challenge []byte, done bool, err error)
	// User is the authentication identity as far as the client has told it.
	// OAUTHBEARER has none but the authorization identity.
	User() string
	// Authzid is the authorization identity, "" if the client gave none.
	Authzid() string
}

// mechanisms has the strongest first: those that identify the client by TLS,
// then those bound to TLS, then those that do not show the secret.
var mechanisms = []struct {
	name      string
	plaintext bool
	start     func(*exchange) step
}{
	{"EXTERNAL", false, (*exchange).startExternal},
	{"SCRAM-SHA-256-PLUS", false, (*exchange).startSCRAM},
	{"SCRAM-SHA-1-PLUS", false, (*exchange).startSCRAM},
	{"SCRAM-SHA-256", false, (*exchange).startSCRAM},
	{"SCRAM-SHA-1", false, (*exchange).startSCRAM},
	{"CRAM-MD5", false, (*exchange).startCRAM},
	{"OAUTHBEARER", true, (*exchange).startOAuthBearer},
	{"XOAUTH2", true, (*exchange).startXOAuth2},
	{"PLAIN", true, (*exchange).startPlain},
	{"LOGIN", true, (*exchange).startLogin},
}

// Start begins an exchange. The mechanism is in upper case; nil means that it
// is unknown.
func Start(mechanism string, c Config) Exchange {
	for _, m := range mechanisms {
		if m.name == mechanism {
			x := newExchange(mechanism, c)
			x.step = m.start(x)
			return x
		}
	}
	return nil
}

// Names returns all mechanisms, the strongest first.
func Names() []string {
	names := make([]string, len(mechanisms))
	for i, m := range mechanisms {
		names[i] = m.name
	}
	return names
}

// Plaintext says that a mechanism sends the password or token as it is, so that
// it wants TLS (RFC 4954 section 4, RFC 7628 section 5).
func Plaintext(mechanism string) bool {
	for _, m := range mechanisms {
		if m.name == mechanism {
			return m.plaintext
		}
	}
	return false
}

// step takes one response. It returns a challenge with the step that takes the
// answer to it, or neither when the exchange is over. The response is nil only
// if there was no initial response.
type step func(response []byte) (challenge []byte, next step, err error)

type exchange struct {
	Config
	mechanism     string
	user, authzid string
	step          step
}

func newExchange(mechanism string, c Config) *exchange {
	if c.Password == nil {
		c.Password = func(string) (string, bool) { return "", false }
	}
	if c.Hostname == "" {
		c.Hostname = "localhost"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	return &exchange{Config: c, mechanism: mechanism}
}

func (x *exchange) User() string    { return x.user }
func (x *exchange) Authzid() string { return x.authzid }

func (x *exchange) Next(response []byte) (challenge []byte, done bool, err error) {
	challenge, next, err := x.step(response)
	if err != nil {
		x.step = over
		return nil, true, fmt.Errorf("%s: %w", x.mechanism, err)
	}
	if next == nil {
		x.step = over
		return nil, true, nil
	}
	x.step = next
	return challenge, false, nil
}

// over is the step after the last.
func over([]byte) ([]byte, step, error) {
	return nil, nil, malformed("the exchange is over")
}

// clientFirst asks with an empty challenge for an initial response that did not
// come (RFC 4954 section 4).
func clientFirst(first step) step {
	return func(response []byte) ([]byte, step, error) {
		if response == nil {
			return []byte{}, first, nil
		}
		return first(response)
	}
}

// verify decides on a secret that the client has shown.
func (x *exchange) verify(secret string) error {
	if x.Check != nil {
		if err := x.Check(x.mechanism, x.authzid, x.user, secret); err != nil {
			return refused(err)
		}
		return nil
	}
	password, ok := x.Password(x.user)
	if !equal(password, secret) || !ok {
		return ErrCredentials
	}
	return x.authorize()
}

// authorize lets a user act as itself only: the usual policy where there are no
// administrators (RFC 4422 section 3.4.1 leaves it to the server).
func (x *exchange) authorize() error {
	if x.authzid != "" && x.authzid != x.user {
		return refused(fmt.Errorf("%q may not act as %q", x.user, x.authzid))
	}
	return nil
}

// equal takes a time that depends on neither where the strings differ nor
// whether their lengths do.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

func malformed(reason string) error { return fmt.Errorf("%w: %s", ErrMalformed, reason) }

func refused(reason error) error {
	if errors.Is(reason, ErrCredentials) {
		return reason
	}
	return fmt.Errorf("%w: %w", ErrCredentials, reason)
}
