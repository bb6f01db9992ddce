package mailtext

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-smtptest/smtp/smtptest/internal/show"
)

// A Charset converts text of the named charset to UTF-8. A nil Charset knows
// only UTF-8, US-ASCII and ISO-8859-1.
type Charset func(name string, input io.Reader) (io.Reader, error)

// isUTF8 reports whether text of the charset needs no conversion. Text without a
// charset should be US-ASCII, and often is UTF-8.
func isUTF8(charset string) bool {
	switch strings.ToLower(charset) {
	case "", "utf-8", "us-ascii", "ascii", "utf8":
		return true
	}
	return false
}

// toText converts a text part, with LF line ends.
func (p *parser) toText(s, charset string) string {
	return strings.ReplaceAll(p.toUTF8(s, charset), "\r\n", "\n")
}

// toUTF8 converts octets in a charset. Octets that are not of it are left as they
// are if the charset needs no conversion.
func (p *parser) toUTF8(s, charset string) string {
	if isUTF8(charset) {
		p.checkUTF8(s)
		return s
	}
	converted, err := p.readAll(charset, s)
	switch {
	case err != nil && converted == "":
		p.problem("%v", err)
		return s
	case err != nil:
		p.problem("charset %s: %v", show.Quote(charset), err)
	case strings.Contains(converted, "\uFFFD"):
		p.problem("charset %s: octets that are not of it", show.Quote(charset))
	}
	return converted
}

// readAll converts octets. On an error it returns what came before it.
func (p *parser) readAll(charset, s string) (string, error) {
	switch strings.ToLower(charset) {
	case "iso-8859-1", "latin1":
		return fromLatin1(s), nil
	}
	if p.charset == nil || charset == "" {
		return "", fmt.Errorf("charset %s is not known: set smtptest.CharsetReader", show.Quote(charset))
	}
	r, err := p.charset(charset, strings.NewReader(s))
	if err != nil {
		return "", err
	}
	var b strings.Builder
	_, err = io.Copy(&b, r)
	return b.String(), err
}

func fromLatin1(s string) string {
	b := make([]byte, 0, len(s)+len(s)/8)
	for i := range len(s) {
		b = utf8.AppendRune(b, rune(s[i]))
	}
	return string(b)
}

// checkUTF8 reports the first octet that is not UTF-8.
func (p *parser) checkUTF8(s string) {
	if utf8.ValidString(s) {
		return
	}
	for i, r := range s {
		if r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD") {
			p.problem("no UTF-8, and no other charset is named, at %s", show.Quote(s[i:]))
			return
		}
	}
}
