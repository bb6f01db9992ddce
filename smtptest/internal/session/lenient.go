package session

import (
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// argument returns the argument of a command. White space at its end is tolerated (RFC
// 5321 4.1.1), and before it only where the grammar is not that of RFC 5321, as with AUTH.
// A lenient server gets the argument as the client should have written it, so that a
// script finds it.
func (c *Config) argument(name, arg string) string {
	var word string
	parse := wire.ForwardPath
	switch name {
	case "MAIL":
		word, parse = "FROM", wire.ReversePath
	case "RCPT":
		word = "TO"
	case "EHLO", "HELO", "LHLO":
	default:
		return strings.Trim(arg, blanks)
	}
	switch {
	case !c.Lenient:
		return strings.TrimRight(arg, blanks)
	case word == "":
		return strings.Trim(arg, blanks)
	}
	return rewritten(strings.Trim(arg, blanks), word, parse)
}

type pathParser func(s string, mayUTF8 bool) (wire.Path, string, error)

// rewritten returns the argument of MAIL or RCPT as the grammar has it: no space at the
// colon, brackets around the path, and one space before each parameter. If that needs
// more, it returns the argument as it is.
func rewritten(arg, word string, parse pathParser) string {
	if len(arg) < len(word) || wire.Upper(arg[:len(word)]) != word {
		return arg
	}
	rest, colon := strings.CutPrefix(strings.TrimLeft(arg[len(word):], blanks), ":")
	if !colon {
		return arg
	}
	path, params, ok := splitPath(strings.TrimLeft(rest, blanks), parse)
	if !ok {
		return arg
	}
	return strings.Join(append([]string{arg[:len(word)] + ":" + path}, strings.FieldsFunc(params, isBlank)...), " ")
}

// splitPath returns the path at the beginning of s, in brackets, and what follows it.
func splitPath(s string, parse pathParser) (path, rest string, ok bool) {
	if strings.HasPrefix(s, "<") {
		_, rest, err := parse(s, true)
		return s[:len(s)-len(rest)], rest, err == nil
	}
	for i := range len(s) + 1 {
		if i == 0 || i < len(s) && !isBlank(rune(s[i])) {
			continue
		}
		path := "<" + s[:i] + ">"
		if _, rest, err := parse(path, true); err == nil && rest == "" {
			return path, s[i:], true
		}
	}
	return "", "", false
}

func isBlank(r rune) bool { return r == ' ' || r == '\t' }

// isHostName reports whether the name is one for EHLO. A lenient server takes any word of
// visible ASCII.
func (c *Config) isHostName(name string) bool {
	if !c.Lenient {
		return validHost(name)
	}
	isOdd := func(r rune) bool { return r <= ' ' || r >= 0x7f }
	return name != "" && !strings.ContainsFunc(name, isOdd)
}
