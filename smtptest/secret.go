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
// often followed by what should have answered its 334: until the next command
// such a line is a secret too.
func (ch *Channel) hide(t *turn) {
	shown, h, isAuth := maskAuth(t.line)
	switch {
	case isAuth:
		t.line, t.hidden = shown, h
		ch.secretive = true
	case t.verb != nil || ch.Server.config.Commands[t.name] != nil:
		ch.secretive = false
	case ch.secretive:
		t.line, t.hidden = maskResponse(t.line)
	}
}

const blanks = " \t"

// maskAuth hides what follows the mechanism of an AUTH line, however it is
// spaced and spelled. ok is false for any other line.
func maskAuth(line string) (shown string, h hidden, ok bool) {
	verb, rest := cutWord(line)
	name := asciiUpper(strings.TrimLeft(verb, blanks))
	if !strings.HasPrefix(name, "AUTH") {
		return line, h, false
	}
	if mechanism, after := cutWord(rest); name == "AUTH" && isMechanism(strings.TrimLeft(mechanism, blanks)) {
		verb, rest = verb+mechanism, after
	}
	response := strings.Trim(rest, blanks)
	if response == "" || response == "=" {
		return line, h, true
	}
	gap := rest[:strings.Index(rest, response)]
	return verb + gap + masked, hide(response, len(line)), true
}

// cutWord cuts s behind its first word.
func cutWord(s string) (word, rest string) {
	start := len(s) - len(strings.TrimLeft(s, blanks))
	if i := strings.IndexAny(s[start:], blanks); i >= 0 {
		return s[:start+i], s[start+i:]
	}
	return s, ""
}

// isMechanism says that s seems to be the name of a mechanism (RFC 4422 3.1). One
// that is not known must be all in one case, as base64 hardly is.
func isMechanism(s string) bool {
	if slices.Contains(sasl.Names(), asciiUpper(s)) {
		return true
	}
	for i := range len(s) {
		if !isAlnum(s[i]) && s[i] != '-' && s[i] != '_' {
			return false
		}
	}
	return s != "" && len(s) <= 20 && (s == strings.ToUpper(s) || s == strings.ToLower(s))
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

// maskRest is what a record may show of octets that nobody has taken as a
// command: the beginning, up to an AUTH and whatever follows it.
func maskRest(b []byte) string {
	rest := string(b[:min(len(b), maxRest)])
	shown := ""
	for line := range strings.SplitAfterSeq(rest, "\r\n") {
		if _, _, isAuth := maskAuth(line); isAuth {
			return shown + line[:strings.Index(asciiUpper(line), "AUTH")+len("AUTH")] + " " + masked
		}
		shown += line
	}
	return shown
}

const maxRest = 512 // octets
