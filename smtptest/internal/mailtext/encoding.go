package mailtext

import (
	"encoding/base64"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/show"
)

// decode undoes the Content-Transfer-Encoding as far as possible.
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
	b.Grow(len(body))
	clean := true
	for line := range strings.Lines(body) {
		text := strings.TrimRight(line, "\r\n")
		end := line[len(text):]
		text = strings.TrimRight(text, " \t")
		if soft, ok := strings.CutSuffix(text, "="); ok {
			text, end = soft, ""
		}
		clean = writeUnescaped(&b, text, '=') && clean
		b.WriteString(end)
	}
	if !clean {
		p.problem("quoted-printable: = without two hexadecimal digits, left as it is")
	}
	return b.String()
}

// unescape replaces each escape character and the two hexadecimal digits after
// it by the octet that they stand for. clean is false if one had no digits; it is
// left as it is.
func unescape(s string, escape byte) (unescaped string, clean bool) {
	if strings.IndexByte(s, escape) < 0 {
		return s, true
	}
	var b strings.Builder
	clean = writeUnescaped(&b, s, escape)
	return b.String(), clean
}

func writeUnescaped(b *strings.Builder, s string, escape byte) (clean bool) {
	clean = true
	for {
		i := strings.IndexByte(s, escape)
		if i < 0 {
			b.WriteString(s)
			return clean
		}
		b.WriteString(s[:i])
		s = s[i+1:]
		if len(s) < 2 || unhex(s[0]) < 0 || unhex(s[1]) < 0 {
			clean = false
			b.WriteByte(escape)
			continue
		}
		b.WriteByte(byte(unhex(s[0])<<4 | unhex(s[1])))
		s = s[2:]
	}
}

// unhex returns the value of a hexadecimal digit, or -1.
func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// base64 decodes up to the padding.
func (p *parser) base64(body string) string {
	d := decodeBase64(body)
	if d.junk > 0 {
		p.problem("base64: %s not of its alphabet, skipped", show.Plural(d.junk, "octet"))
	}
	switch {
	case d.after > 0:
		p.problem("base64: %s behind the padding, left out", show.Plural(d.after, "octet"))
	case !d.padded:
		p.problem("base64: the padding is wrong, or the end is missing")
	}
	return d.octets
}

// decoded is what decodeBase64 found.
type decoded struct {
	octets string
	junk   int  // how many octets are not of the alphabet
	after  int  // how many octets follow the padding
	padded bool // the number of digits and of = is right
}

// decodeBase64 decodes up to the padding, and skips what is not of the alphabet
// (RFC 2045 6.8).
func decodeBase64(s string) (d decoded) {
	digits := make([]byte, 0, len(s))
	padding := ""
	for i := range len(s) {
		switch c := s[i]; {
		case base64Digit[c]:
			digits = append(digits, c)
			continue
		case c == '=':
			padding = s[i:]
		case c > ' ':
			d.junk++
		}
		if padding != "" {
			break
		}
	}
	d.after = len(strings.Trim(padding, "= \t\r\n"))
	d.padded = (len(digits)+strings.Count(padding, "="))%4 == 0
	if len(digits)%4 == 1 { // six bits, which make no octet
		digits = digits[:len(digits)-1]
	}
	n, _ := base64.RawStdEncoding.Decode(digits, digits)
	d.octets = string(digits[:n])
	return d
}

// base64Digit has the alphabet of base64.
var base64Digit = func() (is [256]bool) {
	for c := range is {
		is[c] = 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '+' || c == '/'
	}
	return is
}()
