package smtptest

import (
	"hash/maphash"
	"slices"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/sasl"
)

// masked stands for a password, a token or a digest wherever lines are shown.
const masked = "****"

// secretSeed keys the fingerprints of this process.
var secretSeed = maphash.MakeSeed()

// hide is the command line as it may be shown. An AUTH that was refused is
// often followed by what should have answered its 334: until the client goes on
// with another command such a line is a secret too. QUIT and STARTTLS are none:
// a client that pipelines has its answers behind them.
func (ch *Channel) hide(t *turn) {
	shown, h, isAuth := maskAuth(t.line)
	known := t.verb != nil || ch.Server.config.Commands[t.name] != nil
	switch {
	case ch.secretive && !known:
		t.line, t.hidden = maskResponse(t.line)
	case isAuth:
		t.line, t.hidden = shown, h
		ch.secretive = true
	case known && t.name != "QUIT" && t.name != "STARTTLS":
		ch.secretive = false
	}
}

// maskAuth hides what follows the mechanism of an AUTH, however it is spaced and
// spelled, and all that stands behind it. ok is false for a line without one.
func maskAuth(line string) (shown string, h hidden, ok bool) {
	start := indexAuth(line)
	if start < 0 {
		return line, h, false
	}
	end := start + len("AUTH")
	if word := firstWord(line[end:]); word != "" && strings.IndexByte(blanks, word[0]) >= 0 && isMechanism(strings.TrimLeft(word, blanks)) {
		end += len(word)
	}
	rest := line[end:]
	response := strings.Trim(rest, blanks)
	if response == "" || response == "=" {
		return line, h, true
	}
	end += strings.Index(rest, response)
	return line[:end] + masked, hide(response, len(line)), true
}

// indexAuth finds the first command that begins with AUTH, -1 if there is none:
// in front of the line, or behind a control octet other than HT, as what a client
// has sent as several lines is one if no CRLF ends them. What is no letter or
// digit may stand before it.
func indexAuth(line string) int {
	begins := true
	for i := range len(line) {
		switch c := line[i]; {
		case c != '\t' && isControl(rune(c)):
			begins = true
		case begins && isAlnum(c):
			if begins = false; strings.EqualFold(line[i:min(len(line), i+len("AUTH"))], "AUTH") {
				return i
			}
		}
	}
	return -1
}

// firstWord is the beginning of s up to the end of its first word.
func firstWord(s string) string {
	start := len(s) - len(strings.TrimLeft(s, blanks))
	if i := strings.IndexAny(s[start:], blanks); i >= 0 {
		return s[:start+i]
	}
	return s
}

// isMechanism says that s seems to be the name of a mechanism (RFC 4422 3.1). One
// that is not known must be in upper case, as base64 and passwords hardly are.
func isMechanism(s string) bool {
	if slices.Contains(sasl.Names(), asciiUpper(s)) {
		return true
	}
	for i := range len(s) {
		if !isAlnum(s[i]) && s[i] != '-' && s[i] != '_' {
			return false
		}
	}
	return s != "" && len(s) <= 20 && s == asciiUpper(s)
}

func isAlnum(c byte) bool {
	c = lower(c)
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9'
}

// maskResponse hides a line after 334, unless it says nothing or cancels.
func maskResponse(line string) (shown string, h hidden) {
	if line == "" || line == "*" || line == "=" {
		return line, h
	}
	return masked, hide(line, len(line))
}

func hide(secret string, length int) hidden {
	return hidden{secret: maphash.String(secretSeed, secret), length: length}
}

// rest is what a record may show of octets that nobody has taken as a command:
// the beginning, up to an AUTH and whatever follows it.
func (ch *Channel) rest(b []byte) string {
	if ch.secretive && len(b) > 0 {
		return masked
	}
	shown := string(b[:min(len(b), maxRest)])
	if i := indexAuth(shown); i >= 0 {
		return shown[:i+len("AUTH")] + " " + masked
	}
	return shown
}

const maxRest = 512 // octets
