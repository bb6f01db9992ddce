package sasl

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
)

// iterations is the minimum of RFC 7677 section 4.
const iterations = 4096

// scram is the server's side of one SCRAM exchange (RFC 5802 section 3). Salt
// and keys are made anew for each, as the password itself is known and a
// derivation takes less than a millisecond. An unknown user gets what a known
// one does until its proof fails.
type scram struct {
	*exchange
	hash func() hash.Hash
	plus bool
	draw func(io.Reader) (nonce string, salt []byte, err error)

	bound       []byte // GS2 header and channel binding data
	clientFirst string // client-first-message-bare
	serverFirst string
	nonce       string // the client's and ours
	salt        []byte
}

func (x *exchange) startSCRAM() step { return clientFirst(newSCRAM(x).first) }

func newSCRAM(x *exchange) *scram {
	name, plus := strings.CutSuffix(x.mechanism, "-PLUS")
	s := &scram{exchange: x, hash: sha256.New, plus: plus, draw: drawNonce}
	if name == "SCRAM-SHA-1" {
		s.hash = sha1.New
	}
	return s
}

func drawNonce(random io.Reader) (nonce string, salt []byte, err error) {
	drawn := make([]byte, 18+16)
	_, err = io.ReadFull(random, drawn)
	return base64.StdEncoding.EncodeToString(drawn[:18]), drawn[18:], err
}

// first takes the client-first-message and sends the server-first-message.
func (s *scram) first(response []byte) ([]byte, step, error) {
	header, bare, err := cutGS2(string(response))
	if err != nil {
		return nil, nil, err
	}
	user, clientNonce, err := parseFirst(bare)
	if err != nil {
		return nil, nil, err
	}
	s.user, s.authzid = user, header.authzid
	if err := s.bind(header); err != nil {
		return nil, nil, err
	}
	nonce, salt, err := s.draw(s.Rand)
	if err != nil {
		return nil, nil, refused(err)
	}
	s.nonce, s.salt = clientNonce+nonce, salt
	s.clientFirst = bare
	s.serverFirst = fmt.Sprintf("r=%s,s=%s,i=%d", s.nonce, base64.StdEncoding.EncodeToString(salt), iterations)
	return []byte(s.serverFirst), s.final, nil
}

// bind checks the GS2 flag against what was offered (RFC 5802 section 6) and
// notes what the client must repeat under its proof.
func (s *scram) bind(header gs2Header) error {
	s.bound = []byte(header.text)
	switch {
	case s.plus && header.flag != 'p':
		return malformed("-PLUS without channel binding")
	case !s.plus && header.flag == 'p':
		return malformed("channel binding without -PLUS")
	case header.flag == 'y' && s.PlusOffered:
		return ErrWeak
	case header.flag == 'p':
		data, err := channelBinding(header.binding, s.TLS, s.Certificate)
		if err != nil {
			return refused(fmt.Errorf("%s: %w", header.binding, err))
		}
		s.bound = append(s.bound, data...)
	}
	return nil
}

// final takes the client-final-message. SMTP's 235 carries no data, so the
// server-final-message is a challenge with an empty answer (RFC 4954 section 4).
// A failure ends the exchange at once: no "e=" challenge.
func (s *scram) final(response []byte) ([]byte, step, error) {
	m, err := parseFinal(string(response))
	if err != nil {
		return nil, nil, err
	}
	if len(m.proof) != s.hash().Size() {
		return nil, nil, malformed("proof of a wrong length")
	}
	switch {
	case subtle.ConstantTimeCompare(m.bound, s.bound) != 1:
		return nil, nil, refused(errors.New("channel bindings do not match"))
	case !equal(m.nonce, s.nonce):
		return nil, nil, refused(errors.New("wrong nonce"))
	}
	password, ok := s.Password(s.user)
	message := s.clientFirst + "," + s.serverFirst + "," + m.withoutProof
	signature, err := s.prove(password, message, m.proof)
	if err != nil || !ok {
		return nil, nil, ErrCredentials
	}
	if err := s.authorize(); err != nil {
		return nil, nil, err
	}
	verifier := base64.StdEncoding.EncodeToString(signature)
	return []byte("v=" + verifier), accept, nil
}

// prove checks the client's proof of a message and returns the server's, by the
// formulas of RFC 5802 section 3.
func (s *scram) prove(password, message string, proof []byte) (signature []byte, err error) {
	salted, err := pbkdf2.Key(s.hash, password, s.salt, iterations, s.hash().Size())
	if err != nil {
		return nil, err
	}
	storedKey := s.sum(s.mac(salted, "Client Key"))
	clientKey := make([]byte, len(proof))
	subtle.XORBytes(clientKey, proof, s.mac(storedKey, message))
	if !hmac.Equal(s.sum(clientKey), storedKey) {
		return nil, ErrCredentials
	}
	return s.mac(s.mac(salted, "Server Key"), message), nil
}

func (s *scram) mac(key []byte, text string) []byte {
	h := hmac.New(s.hash, key)
	io.WriteString(h, text)
	return h.Sum(nil)
}

func (s *scram) sum(b []byte) []byte {
	h := s.hash()
	h.Write(b)
	return h.Sum(nil)
}

// accept takes the empty answer to the server-final-message.
func accept(response []byte) ([]byte, step, error) {
	if len(response) != 0 {
		return nil, nil, malformed("the answer to the server's signature is not empty")
	}
	return nil, nil, nil
}
