package secret

import (
	"slices"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/sasl"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// LoginWord returns the index of the first word in the line by which clients of
// SMTP, IMAP, POP3, NNTP or HTTP log in, or -1. Its time is linear in the length
// of the line.
func LoginWord(line string) int {
	for i := range len(line) {
		for _, word := range loginWords[line[i]|0x20] {
			if isLoginWord(line, i, word) {
				return i
			}
		}
	}
	return -1
}

// HasLoginWord reports whether there is such a word in s.
func HasLoginWord(s string) bool { return LoginWord(s) >= 0 }

// loginWords has the login words by their first letter.
var loginWords = [256][]string{
	'a': {"auth", "apop"},
	'b': {"bearer"},
	'l': {"login", "logon"},
	'p': {"pass", "pwd"},
	's': {"sasl"},
	'u': {"user"},
	'x': {"xauth"},
}

// isLoginWord reports whether the line has the login word at i, or a longer one
// that begins with it. At the start of a command, a secret may follow the word
// directly.
func isLoginWord(line string, i int, word string) bool {
	j := wordEnd(line, i, word)
	if j < 0 {
		return false
	}
	begins := i == 0 || !isLetter(line[i-1])
	ends := j == len(line) || !isLetter(line[j])
	spaced := j-i > len(word)
	after := wire.Upper(line[j:min(j+2, len(line))])
	switch word {
	case "user": // a common word, but at the start of a command, and not in User-Agent
		return ends && !strings.HasPrefix(after, "-") && isFirst(line, i)
	case "auth": // also OAuth and AUTHENTICATE, but not author or authority
		isAuthor := after == "OR" && wordEnd(line, i, "authoriz") < 0 && wordEnd(line, i, "authoris") < 0
		return begins && spaced || !spaced && (!isAuthor || isFirst(line, i))
	case "login": // also XLOGIN
		return !spaced || begins && ends
	case "pass": // also PASSWD, password, passphrase and passcode
		ends = ends || after[0] == 'W' || after == "PH" || after == "CO"
	}
	return begins && ends || isFirst(line, i)
}

// wordEnd returns the end of the word that begins at line[i], in any case and with
// blanks between its letters or without; -1 if another word is there.
func wordEnd(line string, i int, word string) int {
	for n := range len(word) {
		for n > 0 && i < len(line) && (line[i] <= ' ' || line[i] > '~') {
			i++
		}
		if i == len(line) || line[i]|0x20 != word[n] {
			return -1
		}
		i++
	}
	return i
}

// isFirst reports whether line[i] is the first letter or digit of a command.
func isFirst(line string, i int) bool {
	for i--; i >= 0 && !isAlnum(line[i]); i-- {
		if IsLineEnd(rune(line[i])) {
			return true
		}
	}
	return i < 0
}

// IsMechanism reports whether s can be the name of a mechanism (RFC 4422 3.1).
// A name that the server does not know must be in upper case: base64 and
// passwords hardly ever are. A Rule.On may have a * in it.
func IsMechanism(s string) bool {
	if slices.Contains(sasl.Names(), wire.Upper(s)) {
		return true
	}
	for i := range len(s) {
		if !isAlnum(s[i]) && s[i] != '-' && s[i] != '_' && s[i] != '*' {
			return false
		}
	}
	return s != "" && len(s) <= 20 && s == wire.Upper(s)
}

func isLetter(c byte) bool { return 'a' <= wire.Lower(c) && wire.Lower(c) <= 'z' }

func isAlnum(c byte) bool { return isLetter(c) || '0' <= c && c <= '9' }
