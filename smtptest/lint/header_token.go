package lint

import (
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// token is a lexical token of a structured field (RFC 5322 3.2). The offsets
// are those of the content.
type token struct {
	kind       byte
	start, end int
}

// The kinds of tokens; the specials, "<", "@" and so on, are their own.
const (
	atom    = 'a'
	word    = 'w' // what looks like an encoded word (RFC 2047)
	quoted  = '"'
	comment = '('
	literal = '[' // a domain literal
	bad     = '!' // what no token begins with, or one that is not closed
)

// tokensOf splits what a structured field contains. White space is what lies
// between tokens.
func tokensOf(in *inspector, f field) []token {
	var all []token
	s := in.text(f)
	for i := 0; i < len(s); {
		if isSpace(s[i]) {
			i++
			continue
		}
		kind, n := nextToken(s[i:])
		all = append(all, token{kind, f.value + i, f.value + i + n})
		i += n
	}
	return all
}

func nextToken(s string) (kind byte, n int) {
	switch c := s[0]; {
	case c == '"':
		return closed(quoted, s, quotedLen(s))
	case c == '(':
		return closed(comment, s, wire.CommentLen(s))
	case c == '[':
		return closed(literal, s, literalLen(s))
	case strings.IndexByte("<>@,;:.", c) >= 0:
		return c, 1
	case !isAtext(c):
		return bad, 1
	}
	if w, ok := wordAt(s); ok {
		return word, w.length
	}
	for n < len(s) && isAtext(s[n]) {
		n++
	}
	return atom, n
}

// closed is a token of n octets, or a bad one to the end if n is 0.
func closed(kind byte, s string, n int) (byte, int) {
	if n == 0 {
		return bad, len(s)
	}
	return kind, n
}

// quotedLen is the length of the quoted string that s begins with, 0 if it is
// not closed. There is another rule about control characters.
func quotedLen(s string) int {
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			i++
		}
	}
	return 0
}

func literalLen(s string) int {
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == ']':
			return i + 1
		case c == '[', c == '\\', isControl(c):
			return 0
		}
	}
	return 0
}

// skipCFWS is the index behind the white space and comments at s[i:]; a comment
// that is not closed stays.
func skipCFWS(s string, i int) int {
	for i < len(s) {
		n := 0
		switch {
		case isSpace(s[i]):
			n = 1
		case s[i] == '(':
			n = wire.CommentLen(s[i:])
		}
		if n == 0 {
			break
		}
		i += n
	}
	return i
}

// isSpace: white space, and the line ends of a fold.
func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func isControl(c byte) bool { return c < ' ' && !isSpace(c) || c == 0x7f }

// isAtext: RFC 5322 3.2.3, and octets outside ASCII, about which there are other
// rules.
func isAtext(c byte) bool {
	return isAlnum(c) || c >= 0x80 || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

func isAlnum(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// isDotAtom says whether s is a dot-atom-text (RFC 5322 3.2.3).
func isDotAtom(s string) bool {
	for i := range len(s) {
		if !isAtext(s[i]) && (s[i] != '.' || i == 0 || s[i-1] == '.' || i == len(s)-1) {
			return false
		}
	}
	return s != ""
}
