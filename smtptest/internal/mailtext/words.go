package mailtext

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"github.com/go-smtptest/smtp/smtptest/internal/show"
)

// Words returns a field with its encoded words decoded (RFC 2047).
func Words(field string, charset Charset) string {
	p := &parser{charset: charset}
	return p.words(field)
}

// words decodes encoded words, including those that are in a place where RFC
// 2047 5 allows none. It takes raw UTF-8 as it is (RFC 6532), and reports each
// word that is broken.
func (p *parser) words(s string) string {
	if !strings.Contains(s, "=?") {
		p.checkUTF8(s)
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	var b strings.Builder
	var run wordRun
	text := 0 // the beginning of the text that is not in b
	for i := 0; i < len(s); {
		start := strings.Index(s[i:], "=?")
		if start < 0 {
			break
		}
		start += i
		w, end, flaw := cutWord(s, start)
		if flaw != "" {
			p.problem("%s: %s", show.Quote(s[start:end]), flaw)
		}
		if w.encoding == 0 {
			i = end
			continue
		}
		between := s[text:start]
		if !run.takes(w, between) {
			if !p.endRun(&b, &run) || strings.Trim(between, " \t\r\n") != "" {
				p.text(&b, between)
			}
			run = wordRun{charset: w.charset}
		}
		run.add(w, between)
		i, text = end, end
	}
	p.endRun(&b, &run)
	p.text(&b, s[text:])
	return b.String()
}

// text writes text between encoded words.
func (p *parser) text(b *strings.Builder, s string) {
	p.checkUTF8(s)
	b.WriteString(strings.ToValidUTF8(s, "\uFFFD"))
}

// A word is an encoded word. If its encoding is 0, it is text that only looks
// like one.
type word struct {
	charset  string // without a language (RFC 2231 5)
	encoding byte   // 'b' or 'q'
	octets   string // decoded
	sent     string
}

// What is wrong with an encoded word.
const (
	flawShape    = "an encoded word that is neither B nor Q, left as it is"
	flawOpen     = "an encoded word without its end ?=, left as it is"
	flawBeside   = "an encoded word that no white space separates from the text beside it"
	flawEmpty    = "an encoded word without text"
	flawSpace    = "an encoded word with white space in it"
	flawQ        = "an encoded word with = without two hexadecimal digits, left as it is"
	flawRaw      = "an encoded word with characters that Q must encode"
	flawAlphabet = "an encoded word with characters that are not of the alphabet of base64, skipped"
	flawPadding  = "an encoded word whose base64 has a wrong padding, or no end"
)

// cutWord reads the encoded word at s[start:]. end is where reading goes on. Text
// that only looks like the beginning of a word is text (RFC 2047 6.1), and has
// no flaw.
func cutWord(s string, start int) (w word, end int, flaw string) {
	nameEnd := start + 2
	for nameEnd < len(s) && isWordToken(s[nameEnd]) {
		nameEnd++
	}
	if nameEnd == len(s) || s[nameEnd] != '?' {
		return w, nameEnd, ""
	}
	text := nameEnd + 3
	if text > len(s) || s[text-1] != '?' || !strings.Contains("bBqQ", s[nameEnd+1:nameEnd+2]) || nameEnd == start+2 {
		return cutShapeless(s, start, nameEnd)
	}
	closing, isClosed := wordEnd(s, text)
	if !isClosed {
		end = text + blankOrEnd(s[text:closing])
		if end == text {
			return w, text, ""
		}
		return w, end, flawOpen
	}
	if closing > text && strings.Contains(" \t\r\n", s[text:text+1]) {
		return w, text, ""
	}
	end = closing + 2
	w = word{encoding: s[nameEnd+1] | 0x20, sent: s[start:end]}
	w.charset, _, _ = strings.Cut(s[start+2:nameEnd], "*")
	w.octets, flaw = decodeWord(w.encoding, s[text:closing])
	if flaw == "" && !isApart(s, start, end) {
		flaw = flawBeside
	}
	return w, end, flaw
}

// cutShapeless reads what begins as an encoded word does, but has no B or Q: it
// is a word if it ends as one. Only so many octets are searched for its end.
func cutShapeless(s string, start, nameEnd int) (w word, end int, flaw string) {
	const most = 200
	closing, isClosed := wordEnd(s[:min(len(s), start+most)], min(nameEnd+1, len(s)))
	if !isClosed || blankOrEnd(s[start:closing]) < closing-start {
		return w, start + 2, ""
	}
	return w, closing + 2, flawShape
}

// wordEnd returns the index of the next ?=. If there is none before the next
// encoded word, it returns where that begins.
func wordEnd(s string, from int) (end int, isClosed bool) {
	for i := from; i+1 < len(s); i++ {
		if s[i] == '?' && s[i+1] == '=' {
			return i, true
		}
		if s[i] == '=' && s[i+1] == '?' && beginsWord(s[i:]) {
			return i, false
		}
	}
	return len(s), false
}

// beginsWord reports whether s, which begins with =?, goes on as an encoded word.
func beginsWord(s string) bool {
	i := 2
	for i < len(s) && isWordToken(s[i]) {
		i++
	}
	return i > 2 && i+2 < len(s) && s[i] == '?' && s[i+2] == '?'
}

// isWordToken reports whether c may be in the charset of an encoded word (RFC
// 2047 2).
func isWordToken(c byte) bool {
	return c > ' ' && c < 0x7f && !strings.ContainsRune(`()<>@,;:"/[]?.=`, rune(c))
}

// blankOrEnd returns the length of s up to white space.
func blankOrEnd(s string) int {
	if end := strings.IndexAny(s, " \t\r\n"); end >= 0 {
		return end
	}
	return len(s)
}

// isApart reports whether the word s[start:end] is separated from the text beside
// it, by white space or by what separates words of a structured field.
func isApart(s string, start, end int) bool {
	const separators = " \t\r\n()<>\",;"
	return (start == 0 || strings.IndexByte(separators, s[start-1]) >= 0) &&
		(end == len(s) || strings.IndexByte(separators, s[end]) >= 0)
}

func decodeWord(encoding byte, text string) (octets, flaw string) {
	switch {
	case text == "":
		return "", flawEmpty
	case encoding == 'b':
		return decodeB(text)
	}
	octets, clean := unescape(strings.ReplaceAll(text, "_", " "), '=')
	switch {
	case !clean:
		flaw = flawQ
	case strings.ContainsAny(text, " \t\r\n"):
		flaw = flawSpace
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '?' }):
		flaw = flawRaw
	}
	return octets, flaw
}

func decodeB(text string) (octets, flaw string) {
	if b, err := base64.StdEncoding.DecodeString(text); err == nil && !strings.ContainsAny(text, "\r\n") {
		return string(b), ""
	}
	decoded := decodeBase64(text)
	switch {
	case decoded.junk > 0 || decoded.after > 0:
		flaw = flawAlphabet
	case !decoded.padded:
		flaw = flawPadding
	default:
		flaw = flawSpace
	}
	return decoded.octets, flaw
}

// A wordRun is what follows one another without text: encoded words of one
// charset.
type wordRun struct {
	charset string
	words   []string // decoded octets
	sent    strings.Builder
}

// takes reports whether the word belongs to the run.
func (r *wordRun) takes(w word, between string) bool {
	return len(r.words) > 0 && strings.EqualFold(r.charset, w.charset) && strings.Trim(between, " \t\r\n") == ""
}

func (r *wordRun) add(w word, between string) {
	if len(r.words) > 0 {
		r.sent.WriteString(between)
	}
	r.words = append(r.words, w.octets)
	r.sent.WriteString(w.sent)
}

// endRun writes a run. It returns false if there is none, or if the run is left as
// it is because its charset is not known.
func (p *parser) endRun(b *strings.Builder, run *wordRun) bool {
	if len(run.words) == 0 {
		return false
	}
	var decoded strings.Builder
	clean := true
	for _, octets := range run.words {
		s, ok, err := p.convert(octets, run.charset)
		if err != nil {
			p.problem("%s: %v", show.Quote(run.sent.String()), err)
			b.WriteString(strings.ToValidUTF8(run.sent.String(), "\uFFFD"))
			return false
		}
		decoded.WriteString(s)
		clean = clean && ok
	}
	if clean {
		b.WriteString(decoded.String())
		return true
	}
	whole, ok, _ := p.convert(strings.Join(run.words, ""), run.charset)
	if ok {
		p.problem("%s: a character is divided between encoded words", show.Quote(run.sent.String()))
	} else {
		p.problem("%s: octets that are not of its charset", show.Quote(run.sent.String()))
	}
	b.WriteString(whole)
	return true
}

// convert converts the octets of an encoded word to valid UTF-8. clean is false
// if some of them are not of the charset.
func (p *parser) convert(octets, charset string) (s string, clean bool, err error) {
	if !isUTF8(charset) || charset == "" {
		s, err = p.readAll(charset, octets)
		return strings.ToValidUTF8(s, "\uFFFD"), !strings.Contains(s, "\uFFFD"), err
	}
	return strings.ToValidUTF8(octets, "\uFFFD"), utf8.ValidString(octets), nil
}
