package mailtext

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"mime"
	"strconv"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/show"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// What ended a part of a multipart.
type delimiter int

const (
	missing delimiter = iota // the end of the body
	between                  // a delimiter line: another part follows
	closing                  // the close-delimiter: the epilogue follows
)

// cutPart cuts a multipart body at the next line that is a delimiter. The line
// end before it belongs to it (RFC 2046 5.1.1).
func cutPart(body, boundary string) (part, rest string, by delimiter) {
	mark := "--" + boundary
	for end := 0; ; {
		start := strings.Index(body[end:], mark)
		if start < 0 {
			return body, "", missing
		}
		start += end
		end = start + len(mark)
		if start > 0 && body[start-1] != '\n' {
			continue
		}
		tail, rest, _ := strings.Cut(body[end:], "\n")
		part = strings.TrimSuffix(strings.TrimSuffix(body[:start], "\n"), "\r")
		switch strings.TrimRight(tail, " \t\r") {
		case "":
			return part, rest, between
		case "--":
			return part, rest, closing
		}
	}
}

// mediaType reads a Content-Type or a Content-Disposition; "" has the type
// fallback. Package mime judges whether it is well-formed, but reads nothing
// behind the first parameter that is not.
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
	kind = strings.ToLower(field[:end])
	if kind == "" || !strings.Contains(kind, "/") && fallback != "" {
		kind = fallback
	}
	params = map[string]string{}
	for rest := field[end:]; rest != ""; {
		var name, value string
		name, value, rest = cutParam(rest)
		if _, twice := params[name]; !twice {
			params[name] = value
		}
	}
	return kind, params
}

// uncommented is a MIME field without comments (RFC 2045 5.1). What looks like
// one, but stands within a value, is left: a client has forgotten the quotes, as
// around a file name.
func uncommented(field string) string {
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
				b = append(bytes.TrimRight(b, " \t"), ' ') // one blank, or to look behind each comment takes ever longer
				i += n
				continue
			}
		}
		b = append(b, field[i:i+n]...)
		i += n
	}
	return strings.TrimRight(string(b), " \t")
}

// isBetween says that what stands here is behind a value, or in front of a
// parameter.
func isBetween(before []byte, behind string) bool {
	front := bytes.TrimRight(before, " \t")
	behind = strings.TrimLeft(behind, " \t")
	return len(front) == 0 || front[len(front)-1] == ';' ||
		len(front) < len(before) && (behind == "" || behind[0] == ';' || behind[0] == '(')
}

// cutParam reads the first parameter of a list, its name in lower case. An
// unquoted value goes on to the semicolon, whatever it is made of.
func cutParam(s string) (name, value, rest string) {
	s = strings.TrimLeft(s, "; \t")
	end := strings.IndexAny(s, "=;")
	if end < 0 {
		return strings.ToLower(s), "", ""
	}
	name = strings.ToLower(strings.TrimRight(s[:end], " \t"))
	if s[end] == ';' {
		return name, "", s[end:]
	}
	s = strings.TrimLeft(s[end+1:], " \t")
	if quoted, ok := strings.CutPrefix(s, `"`); ok {
		value, s = unquote(quoted)
		_, rest, _ = strings.Cut(s, ";")
		return name, value, rest
	}
	value, rest, _ = strings.Cut(s, ";")
	return name, strings.TrimRight(value, " \t"), rest
}

// unquote reads a quoted string behind its first quote. A backslash that
// escapes nothing stays: `C:\mail.txt` is a common mistake.
func unquote(s string) (value, rest string) {
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

// param is a parameter, decoded to UTF-8: as RFC 2231 has it, in one piece or
// in several, else as encoded words, which is wrong and common.
func (p *parser) param(params map[string]string, name string) string {
	if value, ok := params[name+"*"]; ok {
		charset, value := cutCharset(value)
		value, _ = unescape(value, '%')
		return p.toUTF8(value, charset)
	}
	var b strings.Builder
	charset := ""
	for n := 0; ; n++ {
		piece := name + "*" + strconv.Itoa(n)
		value, ok := params[piece]
		if escaped, is := params[piece+"*"]; is {
			if n == 0 {
				charset, escaped = cutCharset(escaped)
			}
			value, _ = unescape(escaped, '%')
			ok = true
		}
		if !ok {
			break
		}
		b.WriteString(value)
	}
	if b.Len() > 0 {
		return p.toUTF8(b.String(), charset)
	}
	return p.words(params[name])
}

// cutCharset splits an extended value, as in utf-8'en'%e2%82%ac (RFC 2231 4).
func cutCharset(value string) (charset, escaped string) {
	if parts := strings.SplitN(value, "'", 3); len(parts) == 3 {
		return parts[0], parts[2]
	}
	return "", value
}

// unescape replaces escape characters and the two hexadecimal digits behind
// them by the octet that they stand for. clean is false if one had no digits;
// it is left as it is.
func unescape(s string, escape byte) (unescaped string, clean bool) {
	clean = true
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != escape {
			b.WriteByte(s[i])
			continue
		}
		octet, err := hex.DecodeString(s[i+1 : min(i+3, len(s))])
		if err != nil || len(octet) != 1 {
			clean = false
			b.WriteByte(escape)
			continue
		}
		b.WriteByte(octet[0])
		i += 2
	}
	return b.String(), clean
}

// decode undoes the Content-Transfer-Encoding as far as that goes.
func (p *parser) decode(encoding, body string) string {
	switch strings.ToLower(strings.TrimRight(uncommented(encoding), "; \t")) {
	case "", "7bit", "8bit", "binary":
		return body
	case "quoted-printable":
		return p.quotedPrintable(body)
	case "base64":
		return p.base64(body)
	}
	p.problem("Content-Transfer-Encoding %s is not known", show.Quote(encoding))
	return body
}

// quotedPrintable decodes lines of any length (RFC 2045 6.7), which package
// quotedprintable does not.
func (p *parser) quotedPrintable(body string) string {
	var b strings.Builder
	clean := true
	for line := range strings.Lines(body) {
		text := strings.TrimRight(line, "\r\n")
		end := line[len(text):]
		text = strings.TrimRight(text, " \t")
		if soft, ok := strings.CutSuffix(text, "="); ok {
			text, end = soft, ""
		}
		text, ok := unescape(text, '=')
		clean = clean && ok
		b.WriteString(text + end)
	}
	if !clean {
		p.problem("quoted-printable: = without two hexadecimal digits, left as it is")
	}
	return b.String()
}

// base64 decodes up to the padding, and skips what is not of the alphabet (RFC
// 2045 6.8).
func (p *parser) base64(body string) string {
	digits := make([]byte, 0, len(body))
	junk, padding := 0, ""
	for i := range len(body) {
		if body[i] == '=' {
			padding = body[i:]
			break
		}
		switch c := body[i]; {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '+', c == '/':
			digits = append(digits, c)
		case c > ' ':
			junk++
		}
	}
	if junk > 0 {
		p.problem("base64: %s not of its alphabet, skipped", show.Plural(junk, "octet"))
	}
	switch behind := strings.Trim(padding, "= \t\r\n"); {
	case behind != "":
		p.problem("base64: %s behind the padding, left out", show.Plural(len(behind), "octet"))
	case (len(digits)+strings.Count(padding, "="))%4 != 0:
		p.problem("base64: the padding is wrong, or the end is missing")
	}
	if len(digits)%4 == 1 { // six bits, which make no octet
		digits = digits[:len(digits)-1]
	}
	n, _ := base64.RawStdEncoding.Decode(digits, digits)
	return string(digits[:n])
}
