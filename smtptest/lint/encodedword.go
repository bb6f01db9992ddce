package lint

import (
	"cmp"
	_ "embed"
	"encoding/base64"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// encodedWord is an encoded word (RFC 2047 2), or one with a mistake in it.
type encodedWord struct {
	length  int
	q       bool   // encoding Q
	text    string // encoded
	charset string
	decoded string // if there is no problem
	problem string // "" if it is one
}

const (
	maxWord     = 75 // RFC 2047 2
	maxWordLine = 76
)

// wordAt returns the encoded word that s begins with. A word has the whole form
// =?charset?encoding?text?= of RFC 2047 2, with a charset or an encoding that is
// known; anything else is text (RFC 2047 6.1), even if it begins in the same way.
// White space within the text, and a question mark, are mistakes in a word that is
// no longer than a word may be.
func wordAt(s string) (w encodedWord, ok bool) {
	if !strings.HasPrefix(s, "=?") {
		return w, false
	}
	charset, rest, ok1 := strings.Cut(s[2:], "?")
	encoding, rest, ok2 := strings.Cut(rest, "?")
	q, b := strings.EqualFold(encoding, "q"), strings.EqualFold(encoding, "b")
	charset, _, _ = strings.Cut(charset, "*") // the language of RFC 2231 5
	if !ok1 || !ok2 || charset == "" || strings.ContainsAny(charset+encoding, " \t\r\n") || !(q || b || isCharset(charset)) {
		return w, false
	}
	start := len(s) - len(rest)
	end := start + strings.IndexByte(rest, '?')
	if end >= start && !strings.HasPrefix(s[end:], "?=") {
		w.problem = `"?" in its text`
		end = start + strings.Index(s[start:max(start, min(len(s), maxWord))], "?=")
	}
	if end < start {
		return w, false
	}
	w.q, w.text, w.length, w.charset = q, s[start:end], end+2, charset
	if !isWordText(w) {
		return w, false
	}
	decoded, problem := w.check(charset, q || b)
	w.decoded, w.problem = decoded, cmp.Or(w.problem, problem)
	return w, true
}

// isWordText reports whether the text of a word can be meant as one. Text with
// white space in it can, unless it begins or ends with that: a sentence about
// encoded words does so at a "=?utf-8?q?".
func isWordText(w encodedWord) bool {
	if !strings.ContainsAny(w.text, " \t\r\n") {
		return true
	}
	return w.length <= maxWord && strings.Trim(w.text, " \t\r\n") == w.text && w.problem == ""
}

// check decodes a word that has all its parts, and says what is wrong with it.
func (w encodedWord) check(charset string, known bool) (decoded, problem string) {
	decoded, ok := w.decode()
	return decoded, w.problemOf(charset, known, decoded, ok)
}

func (w encodedWord) problemOf(charset string, known bool, decoded string, ok bool) string {
	switch {
	case !isCharset(charset):
		return "charset " + quote(charset) + " is not registered"
	case !known:
		return "an encoding other than B and Q"
	case w.text == "":
		return "no text in it"
	case strings.ContainsAny(w.text, " \t\r\n"):
		return "white space in it"
	case w.length > maxWord:
		return "longer than 75 characters"
	case !ok && w.q:
		return "no Q encoding"
	case !ok:
		return "no base64"
	case strings.EqualFold(charset, "utf-8") && !utf8.ValidString(decoded):
		return "not UTF-8: part of a character, or another charset"
	case strings.EqualFold(charset, "us-ascii") && nonASCII(decoded) >= 0:
		return "not US-ASCII"
	case isUTF8As(charset, decoded):
		return "UTF-8 with the label " + quote(charset)
	}
	return ""
}

func (w encodedWord) decode() (string, bool) {
	if !w.q {
		b, err := base64.StdEncoding.DecodeString(w.text)
		return string(b), err == nil
	}
	var b strings.Builder
	for i := 0; i < len(w.text); i++ {
		switch c := w.text[i]; {
		case c == '_':
			b.WriteByte(' ')
		case c == '=':
			octet, ok := unhex(w.text[i+1:])
			if !ok {
				return "", false
			}
			b.WriteByte(octet)
			i += 2
		case c <= ' ' || c > '~':
			return "", false
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), true
}

// unhex is the octet whose two hexadecimal digits s begins with.
func unhex(s string) (octet byte, ok bool) {
	const digits = "0123456789ABCDEFabcdef"
	if len(s) < 2 {
		return 0, false
	}
	for _, c := range []byte(s[:2]) {
		n := strings.IndexByte(digits, c)
		if n < 0 {
			return 0, false
		}
		if n > 15 {
			n -= 6
		}
		octet = octet<<4 | byte(n)
	}
	return octet, true
}

// checkEncodedWords checks the encoded words of the fields in which they may stand.
func checkEncodedWords(in *inspector, fields []field) {
	for _, f := range fields {
		before := in.count["header-encoded-word"]
		switch {
		case f.broken:
			continue
		case slices.Contains(addressFields, f.name):
			wordsInAddresses(in, f)
		case f.name == "list-id", f.name == "keywords":
			wordsInAddresses(in, f)
		case f.name == "subject", f.name == "comments", f.name == "content-description":
			wordsInText(in, f.value, f.end, "")
		case isStructured(f.name):
			wordsInStructured(in, f)
			continue
		default:
			controlsInWords(in, f)
			continue
		}
		checkDoubleEncoded(in, f)
		if in.count["header-encoded-word"] == before {
			checkWordLines(in, f)
		}
	}
}

// wordsInText checks the words in data[start:end], which stand for themselves:
// between white space, or at the octets of edges.
func wordsInText(in *inspector, start, end int, edges string) {
	apart := func(i int) bool {
		return i < start || i >= end || isSpace(in.data[i]) || strings.IndexByte(edges, in.data[i]) >= 0
	}
	for at := start; ; {
		i := strings.Index(in.data[at:end], "=?")
		if i < 0 {
			return
		}
		at += i
		w, ok := wordAt(in.data[at:end])
		if !ok {
			at += 2
			continue
		}
		if w.problem == "" && !(apart(at-1) && apart(at+w.length)) {
			w.problem = "no white space around it"
		}
		reportWord(in, at, w)
		at += w.length
	}
}

func reportWord(in *inspector, at int, w encodedWord) {
	if w.problem != "" {
		in.report("header-encoded-word", at, at+w.length, "%s", w.problem)
	} else {
		checkEncodedControl(in, at, at+w.length, w.charset, w.decoded)
	}
}

// structuredFields are those with a syntax of their own that lets no text in, but for
// comments. The fields whose syntax another rule checks are not among them.
var structuredFields = []string{"received", "return-path", "auto-submitted", "authentication-results", "original-recipient",
	"original-message-id", "disposition-notification-options", "archived-at", "expires", "expiry-date", "priority", "importance",
	"precedence", "sensitivity", "mt-priority", "tls-required", "tls-report-domain", "tls-report-submitter", "dkim-signature",
	"domainkey-signature", "content-language", "content-location", "content-md5", "content-base", "content-duration",
	"content-features", "accept-language", "supersedes", "solicitation", "require-recipient-valid-since", "autocrypt",
	"newsgroups", "followup-to", "delivered-to"}

// isStructured reports whether no encoded word may stand in the field outside comments
// (RFC 2047 5). It may in a field that is not registered.
func isStructured(name string) bool {
	for _, prefix := range []string{"list-", "arc-", "received-", "dkim-", "bimi-"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return slices.Contains(structuredFields, name)
}

// wordsInStructured reports the encoded words of a structured field, those in comments
// excepted.
func wordsInStructured(in *inspector, f field) {
	for _, t := range tokensOf(in, f) {
		if t.kind == comment {
			wordsInText(in, t.start, t.end, "()")
		} else if at, w, ok := findWord(in.data[t.start:t.end]); ok {
			w.problem = "in " + canonical(f.name) + ", which is no text"
			reportWord(in, t.start+at, w)
		}
	}
}

// controlsInWords reports control characters in the encoded words of a field that may
// be text or not.
func controlsInWords(in *inspector, f field) {
	for at := f.value; ; {
		i, w, ok := findWord(in.data[at:f.end])
		if !ok {
			return
		}
		if w.problem == "" {
			checkEncodedControl(in, at+i, at+i+w.length, w.charset, w.decoded)
		}
		at += i + w.length
	}
}

// wordsInAddresses checks the words of a phrase or comment, and reports those
// that stand elsewhere (RFC 2047 5).
func wordsInAddresses(in *inspector, f field) {
	tokens := tokensOf(in, f)
	for i, t := range tokens {
		text := in.data[t.start:t.end]
		switch t.kind {
		case comment:
			wordsInText(in, t.start, t.end, "()")
		case quoted:
			if at, w, ok := findWord(text); ok {
				w.problem = "in a quoted string"
				reportWord(in, t.start+at, w)
			}
		case atom:
			if at, w, ok := findWord(text); ok {
				w.problem = "no white space around it"
				reportWord(in, t.start+at, w)
			}
		case word:
			w, _ := wordAt(in.data[t.start:f.end])
			if w.problem == "" {
				w.problem = phraseProblem(w, tokens, i)
			}
			reportWord(in, t.start, w)
		}
	}
}

// phraseProblem says what is wrong with tokens[i], a word, as a part of a phrase.
func phraseProblem(w encodedWord, tokens []token, i int) string {
	t := tokens[i]
	before, behind := byte(' '), byte(' ')
	if i > 0 && tokens[i-1].end == t.start {
		before = tokens[i-1].kind
	}
	if i+1 < len(tokens) && tokens[i+1].start == t.end {
		behind = tokens[i+1].kind
	}
	switch {
	case before == '@' || behind == '@':
		return "in an address"
	case before != ' ' || behind != ' ':
		return "no white space around it"
	case w.q && strings.Trim(w.text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!*+-/=_") != "":
		return "a character in it that must be encoded in a phrase"
	}
	return ""
}

// findWord finds the first encoded word in s.
func findWord(s string) (at int, w encodedWord, ok bool) {
	for {
		i := strings.Index(s[at:], "=?")
		if i < 0 {
			return 0, w, false
		}
		at += i
		if w, ok = wordAt(s[at:]); ok {
			return at, w, true
		}
		at += 2
	}
}

// checkWordLines reports the first line of a field that is too long for the encoded
// words in it.
func checkWordLines(in *inspector, f field) {
	for at := f.start; at < f.end; {
		line, _, _ := strings.Cut(in.data[at:f.end], "\n")
		next := at + len(line) + 1
		line = strings.TrimSuffix(line, "\r")
		if _, _, ok := findWord(line); ok && len(line) > maxWordLine {
			in.report("header-encoded-word-line", at, at+len(line), "a line of %d characters with an encoded word", len(line))
			return
		}
		at = next
	}
}

//go:embed charsets.txt
var charsetNames string

// charsets are the names and aliases in IANA's registry of character sets, in
// lower case. x-unknown names are not in it.
var charsets = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{}
	for _, name := range strings.Fields(charsetNames) {
		names[name] = true
	}
	return names
})

func isCharset(name string) bool { return charsets()[strings.ToLower(name)] }
