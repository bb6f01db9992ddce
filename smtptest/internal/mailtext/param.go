package mailtext

import (
	"bytes"
	"mime"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/show"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// mediaType reads a Content-Type or a Content-Disposition. An empty field has the
// type fallback. Package mime decides whether the field is well-formed, but it
// reads nothing after the first parameter that is not.
func (p *parser) mediaType(field, fallback string) (kind string, params map[string]string) {
	field = uncommented(field)
	if field == "" {
		return fallback, nil
	}
	if _, _, err := mime.ParseMediaType(field); err != nil {
		p.problem("%s: %v", show.Quote(field), err)
	}
	end := strings.IndexAny(field, "; \t(")
	if end < 0 {
		end = len(field)
	}
	if strings.Contains(field[:end], "=") { // a parameter, and no type before it
		end = 0
	}
	kind = strings.ToLower(strings.Trim(field[:end], `"`))
	if kind == "" || !strings.Contains(kind, "/") && fallback != "" {
		kind = fallback
	}
	return kind, p.params(field[end:])
}

// MediaType returns the type of a Content-Type or a Content-Disposition, in lower
// case, and its decoded parameters.
func MediaType(field string, charset Charset) (kind string, params map[string]string) {
	p := &parser{charset: charset}
	return p.mediaType(field, "")
}

// uncommented returns a MIME field without comments (RFC 2045 5.1). It leaves
// what looks like a comment within a value: the sender has forgotten the quotes,
// as around a file name.
func uncommented(field string) string {
	if strings.IndexByte(field, '(') < 0 {
		return strings.TrimRight(field, " \t")
	}
	b := make([]byte, 0, len(field))
	for i := 0; i < len(field); {
		n := 1
		switch field[i] {
		case '"':
			_, rest := unquote(field[i+1:])
			n = len(field) - i - len(rest)
		case '(':
			n = wire.CommentLen(field[i:])
			if n == 0 {
				n = len(field) - i // not closed
			} else if isBetween(b, field[i+n:]) {
				b = append(bytes.TrimRight(b, " \t"), ' ') // one blank, or looking back at each comment takes ever longer
				i += n
				continue
			}
		}
		b = append(b, field[i:i+n]...)
		i += n
	}
	return strings.TrimRight(string(b), " \t")
}

// isBetween reports whether a comment is after a value or before a parameter.
func isBetween(before []byte, after string) bool {
	front := bytes.TrimRight(before, " \t")
	after = strings.TrimLeft(after, " \t")
	return len(front) == 0 || front[len(front)-1] == ';' ||
		len(front) < len(before) && (after == "" || after[0] == ';' || after[0] == '(')
}

// A param is a parameter as sent, but without its quotes.
type param struct {
	name, value string // the name is in lower case
	isQuoted    bool
}

// cutParam reads the first parameter of a list. An unquoted value goes on to the
// semicolon, whatever it is made of.
func cutParam(s string) (first param, rest string) {
	s = strings.TrimLeft(s, "; \t")
	end := strings.IndexAny(s, "=;")
	if end < 0 {
		return param{name: strings.ToLower(s)}, ""
	}
	first.name = strings.ToLower(strings.TrimRight(s[:end], " \t"))
	if s[end] == ';' {
		return first, s[end:]
	}
	s = strings.TrimLeft(s[end+1:], " \t")
	if quoted, ok := strings.CutPrefix(s, `"`); ok {
		first.isQuoted = true
		first.value, s = unquote(quoted)
		_, rest, _ = strings.Cut(s, ";")
		return first, rest
	}
	first.value, rest, _ = strings.Cut(s, ";")
	first.value = strings.TrimRight(first.value, " \t")
	return first, rest
}

// unquote reads a quoted string after its first quote. A backslash that escapes
// nothing stays: `C:\mail.txt` is a common mistake.
func unquote(s string) (value, rest string) {
	end := strings.IndexAny(s, `"\`)
	if end < 0 {
		return s, ""
	}
	if s[end] == '"' {
		return s[:end], s[end+1:]
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), ""
}
