package sasl

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
)

func (x *exchange) startCRAM() step { return x.cramChallenge }

// cramChallenge sends the msg-id of RFC 2195 section 2. The server speaks first:
// an initial response, even an empty one, is an error (RFC 4954 section 4).
func (x *exchange) cramChallenge(response []byte) ([]byte, step, error) {
	if response != nil {
		return nil, nil, ErrInitialResponse
	}
	var random [8]byte
	if _, err := io.ReadFull(x.Rand, random[:]); err != nil {
		return nil, nil, refused(err)
	}
	challenge := fmt.Appendf(nil, "<%d.%d@%s>", binary.BigEndian.Uint64(random[:]), x.Now().Unix(), x.Hostname)
	sent := bytes.Clone(challenge)
	return challenge, func(response []byte) ([]byte, step, error) {
		return nil, nil, x.cramDigest(sent, response)
	}, nil
}

// cramDigest checks "user SP digest", the digest in lower-case hexadecimal
// (RFC 2195 section 2). Not: the first space, as a user name may contain some.
func (x *exchange) cramDigest(challenge, response []byte) error {
	i := bytes.LastIndexByte(response, ' ')
	if i <= 0 {
		return malformed("not a user name, a space and a digest")
	}
	digest := response[i+1:]
	if len(digest) != hex.EncodedLen(md5.Size) || len(bytes.Trim(digest, "0123456789abcdef")) != 0 {
		return malformed("the digest is not 32 lower-case hexadecimal digits")
	}
	x.user = string(response[:i])
	password, ok := x.Password(x.user)
	mac := hmac.New(md5.New, []byte(password))
	mac.Write(challenge)
	want := hex.AppendEncode(nil, mac.Sum(nil))
	if !hmac.Equal(digest, want) || !ok {
		return ErrCredentials
	}
	return nil
}
