package sasl

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// parseFirst takes the client-first-message-bare of RFC 5802 section 7:
// n=user,r=nonce[,extensions].
func parseFirst(bare string) (user, nonce string, err error) {
	attributes := strings.Split(bare, ",")
	if len(attributes) < 2 || !utf8.ValidString(bare) || strings.Contains(bare, "\x00") {
		return "", "", malformed("not n= and r= behind the GS2 header")
	}
	name, ok := attribute("n=", attributes[0])
	if user, err = saslName(name); !ok || err != nil {
		return "", "", malformed("n= is not a name")
	}
	nonce, ok = attribute("r=", attributes[1])
	if !ok || strings.ContainsFunc(nonce, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", "", malformed("r= is not printable ASCII")
	}
	return user, nonce, checkExtensions(attributes[2:])
}

// clientFinal is the client-final-message of RFC 5802 section 7:
// c=bound,r=nonce[,extensions],p=proof.
type clientFinal struct {
	bound        []byte
	nonce        string
	proof        []byte
	withoutProof string // as sent
}

func parseFinal(text string) (m clientFinal, err error) {
	attributes := strings.Split(text, ",")
	last := len(attributes) - 1
	if last < 2 || !utf8.ValidString(text) || strings.Contains(text, "\x00") {
		return m, malformed("not c=, r= and p=")
	}
	bound, ok := attribute("c=", attributes[0])
	if m.bound, err = decode(bound); !ok || err != nil {
		return m, malformed("c= is not base64")
	}
	if m.nonce, ok = attribute("r=", attributes[1]); !ok {
		return m, malformed("no r= behind c=")
	}
	proof, ok := attribute("p=", attributes[last])
	if m.proof, err = decode(proof); !ok || err != nil {
		return m, malformed("the last is not p= in base64")
	}
	m.withoutProof = text[:len(text)-len(attributes[last])-1]
	return m, checkExtensions(attributes[2:last])
}

// attribute returns a value, which is never empty.
func attribute(name, text string) (value string, ok bool) {
	value, ok = strings.CutPrefix(text, name)
	return value, ok && value != ""
}

// checkExtensions lets unknown extensions pass, as RFC 5802 section 5.1 wants,
// but for "m", the mandatory ones, none of which is known.
func checkExtensions(attributes []string) error {
	for _, a := range attributes {
		if len(a) < 3 || !isAlpha(rune(a[0])) || a[1] != '=' {
			return malformed("an extension is not letter=value")
		}
		if a[0] == 'm' {
			return malformed("unknown mandatory extension")
		}
	}
	return nil
}

// decode is strict: package base64 skips line ends, which no attribute has.
func decode(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, malformed("line end in base64")
	}
	return base64.StdEncoding.Strict().DecodeString(text)
}
