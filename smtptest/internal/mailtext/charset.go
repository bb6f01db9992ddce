package mailtext

import (
	"fmt"
	"io"
	"mime"
	"strings"
	"unicode/utf8"

	"github.com/go-smtptest/smtp/smtptest/internal/show"
)

// toText converts a text part, with LF line ends.
func (p *parser) toText(s, charset string) string {
	return strings.ReplaceAll(p.toUTF8(s, charset), "\r\n", "\n")
}

// toUTF8 converts octets in a charset; without one they should be UTF-8.
func (p *parser) toUTF8(s, charset string) string {
	switch strings.ToLower(charset) {
	case "", "utf-8", "us-ascii", "ascii", "utf8":
		p.checkUTF8(s)
		return s
	}
	r, err := p.readCharset(charset, strings.NewReader(s))
	if err != nil {
		p.problem("%v", err)
		return s
	}
	b, err := io.ReadAll(r)
	if err != nil {
		p.problem("charset %s: %v", show.Quote(charset), err)
	}
	return string(b)
}

func (p *parser) readCharset(charset string, input io.Reader) (io.Reader, error) {
	switch strings.ToLower(charset) {
	case "iso-8859-1", "latin1":
		b, err := io.ReadAll(input)
		var s strings.Builder
		for _, c := range b {
			s.WriteRune(rune(c))
		}
		return strings.NewReader(s.String()), err
	}
	if p.charset == nil {
		return nil, fmt.Errorf("charset %s is not known: set smtptest.CharsetReader", show.Quote(charset))
	}
	return p.charset(charset, input)
}

// words decodes encoded words (RFC 2047), also where they should not stand.
// Raw UTF-8 is taken as it is (RFC 6532).
func (p *parser) words(s string) string {
	decoder := mime.WordDecoder{CharsetReader: p.readWord}
	decoded, err := decoder.DecodeHeader(s)
	if err != nil {
		p.problem("%s: %v", show.Quote(s), err)
		decoded = s
	}
	p.checkUTF8(decoded)
	return strings.ToValidUTF8(decoded, "\uFFFD")
}

// readWord converts an encoded word whose charset package mime does not know, or
// has a language behind it (RFC 2231 5).
func (p *parser) readWord(charset string, input io.Reader) (io.Reader, error) {
	switch charset, _, tagged := strings.Cut(charset, "*"); {
	case tagged && (strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "us-ascii")):
		return input, nil
	default:
		return p.readCharset(charset, input)
	}
}

func (p *parser) checkUTF8(s string) {
	for i := range s {
		if r, size := utf8.DecodeRuneInString(s[i:]); r == utf8.RuneError && size == 1 {
			p.problem("no UTF-8, and no other charset is named, at %s", show.Quote(s[i:]))
			return
		}
	}
}
