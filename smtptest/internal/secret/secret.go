// Package secret finds what the server must not show: the words by which clients log
// in, and the passwords of users.
package secret

import (
	"bytes"
	"encoding/base64"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/sasl"
	"github.com/go-smtptest/smtp/smtptest/internal/script"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// Mask replaces a password, a token or a digest wherever the server shows a line.
const Mask = "****"

// seed keys the fingerprints of this process.
var seed = maphash.MakeSeed()

// Fingerprint returns a number that is equal within the process for equal secrets.
func Fingerprint(secret string) uint64 { return maphash.String(seed, secret) }

// minLength is the length of the shortest secret that the server looks for in texts,
// in bytes: shorter ones occur by chance.
const minLength = 4

// IsLineEnd reports whether a client that does not send CRLF may have meant c as the
// end of a command.
func IsLineEnd(c rune) bool { return c != '\t' && wire.IsControl(c) }

// ShowOn returns Rule.On without secrets. Its verb, and the pattern for a path, a
// host name or a mechanism, are not secrets.
func ShowOn(on string) string {
	verb, arg, _ := strings.Cut(on, " ")
	word, _, _ := strings.Cut(arg, " ")
	n := len(verb)
	verb = wire.Upper(verb)
	switch verb {
	case "MAIL", "RCPT", "EHLO", "HELO", "LHLO":
		n = len(on) - len(arg) + len(word)
	case "AUTH":
		if IsMechanism(word) {
			n = len(on) - len(arg) + len(word)
		}
	}
	if !IsLoginEvent(verb+on[n:]) || strings.Trim(on[n:], " *=") == "" {
		return on
	}
	return on[:n] + " " + Mask
}

// IsLoginEvent reports whether the event of Rule.On is the login of a client.
func IsLoginEvent(on string) bool {
	verb, _, _ := strings.Cut(on, " ")
	verb = wire.Upper(verb)
	return verb == "RESPONSE" || !script.IsPseudo(verb) && HasLoginWord(on)
}

// Redact masks the passwords and the secrets of a session in the text. passwords may
// be nil.
func Redact(text string, passwords *strings.Replacer, secrets []string) string {
	if passwords != nil {
		text = passwords.Replace(text)
	}
	var words []string
	for _, s := range secrets {
		for _, word := range append(strings.Fields(s), s) {
			if !HasLoginWord(word) && !slices.Contains(sasl.Names(), wire.Upper(word)) {
				words = append(words, word)
			}
			words = append(words, decoded(word)...)
		}
	}
	return replacer(words).Replace(text)
}

// decoded returns the strings in a response in base64 (RFC 4616 2, RFC 7628 3.1).
func decoded(response string) []string {
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(response, "="))
	if err != nil {
		return nil
	}
	all := strings.FieldsFunc(string(b[bytes.LastIndexByte(b, 0)+1:]), wire.IsControl) // not the user of PLAIN
	for _, s := range all {
		if _, token, ok := strings.Cut(s, "Bearer "); ok {
			all = append(all, token)
		}
	}
	return all
}

// Passwords returns what masks the passwords of users, as they are and in the
// base64 of LOGIN and PLAIN; nil if there are none.
func Passwords(users map[string]string) *strings.Replacer {
	if len(users) == 0 {
		return nil
	}
	var secrets []string
	for user, password := range users {
		if len(password) < minLength {
			continue
		}
		secrets = append(secrets, password)
		for _, s := range []string{password, "\x00" + user + "\x00" + password, user + "\x00" + user + "\x00" + password} {
			secrets = append(secrets, base64.StdEncoding.EncodeToString([]byte(s)))
		}
	}
	return replacer(secrets)
}

// replacer masks secrets, also in the form that %q gives them. The longest come
// first, so that none is Mask in part.
func replacer(secrets []string) *strings.Replacer {
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, s := range secrets {
		if len(s) < minLength {
			continue
		}
		pairs = append(pairs, s, Mask)
		if q := strconv.Quote(s); q[1:len(q)-1] != s {
			pairs = append(pairs, q[1:len(q)-1], Mask)
		}
	}
	return strings.NewReplacer(pairs...)
}
