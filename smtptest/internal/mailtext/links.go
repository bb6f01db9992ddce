package mailtext

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-smtptest/smtp/smtptest/internal/show"
)

// Links returns the http, https and mailto addresses in the href attributes of
// the HTML and in the text, in order and without duplicates, and what was guessed
// of those in the text. It returns nil if there are none.
func (m Mail) Links() (links, problems []string) {
	seen := map[string]bool{}
	add := func(link string) {
		if !seen[link] {
			seen[link] = true
			links = append(links, link)
		}
	}
	hrefs(m.HTML, add)
	r := linkReader{s: m.Text}
	for r.next() {
		if r.link != "" {
			add(r.link)
		}
	}
	return links, r.problems
}

// linkReader finds the links in a text.
type linkReader struct {
	s            string
	i            int    // what is before it is read
	link         string // the last link; "" if it was none
	problems     []string
	isEmphasized map[byte]bool // an opening _ or ~ is before i, in the same line
}

// next reads up to the end of what begins as a link, and reports whether there
// was one.
func (r *linkReader) next() bool {
	for from := r.i; ; {
		colon := strings.IndexByte(r.s[from:], ':')
		if colon < 0 {
			return false
		}
		colon += from
		if start, body := schemeAt(r.s, r.i, colon); body > 0 {
			r.read(start, body)
			return true
		}
		from = colon + 1
	}
}

// schemeAt returns where the scheme before a colon begins, and where the part
// after it begins. The latter is 0 if it is not the scheme of a link.
func schemeAt(s string, least, colon int) (start, body int) {
	if colon == least {
		return 0, 0
	}
	scheme, mark := "", "://"
	switch s[colon-1] | 0x20 {
	case 's':
		scheme = "https"
	case 'p':
		scheme = "http"
	case 'o':
		scheme, mark = "mailto", ":"
	}
	start = colon - len(scheme)
	if scheme == "" || start < least || !strings.EqualFold(s[start:colon], scheme) || start > least && isAlnum(s[start-1]) || !strings.HasPrefix(s[colon:], mark) {
		return 0, 0
	}
	return start, colon + len(mark)
}

// read reads a link. Its authority, or its mail address, begins at body.
func (r *linkReader) read(start, body int) {
	r.link = ""
	before := r.s[r.i:start]
	if r.readBracketed(before, start, body) {
		return
	}
	end, stop := linkEnd(r.s, body, strings.HasSuffix(before, "'"))
	end = r.trimmed(before, body, end)
	r.link = r.cut(r.s[start:end], r.s[start:], body-start, stop-start)
	r.i = max(end, body)
	r.noteEmphasis(before, r.s[start:r.i])
}

// readBracketed reads a link in angle brackets (RFC 3986 appendix C): white space
// in it was added to divide it, and punctuation belongs to it.
func (r *linkReader) readBracketed(before string, start, body int) bool {
	if n := len(before) - len("URL:"); n >= 0 && strings.EqualFold(before[n:], "URL:") {
		before = before[:n]
	}
	if !strings.HasSuffix(before, "<") {
		return false
	}
	length := strings.IndexAny(r.s[start:], "<>")
	if length < 0 || r.s[start+length] == '<' || start+length < body {
		return false
	}
	inner := r.s[start : start+length]
	lines := strings.Split(inner, "\n")
	whole := strings.Join(strings.Fields(inner), "")
	if strings.ContainsFunc(whole, isNoLink) {
		return false
	}
	isGuess := false
	for i, line := range lines {
		line = strings.Trim(line, " \t\r")
		if line == "" && i > 0 && i < len(lines)-1 {
			return false // an empty line: this is not one link
		}
		isGuess = isGuess || strings.ContainsAny(line, " \t") || strings.HasSuffix(line, "-") && i < len(lines)-1
	}
	end := len(whole)
	if cut := strings.IndexFunc(whole, func(r rune) bool { return r >= utf8.RuneSelf }); cut >= 0 {
		end = cut
	}
	r.link = r.cut(whole[:end], whole, body-start, end)
	if isGuess && r.link != "" {
		r.problem("link %s: white space within angle brackets left out (RFC 3986 appendix C), read as %s", inner, r.link)
	}
	r.i = start + length
	return true
}

// isNoLink reports whether no link has r: a control character, a blank or a mark
// around a link.
func isNoLink(r rune) bool { return r < utf8.RuneSelf && linkBytes[r] == endsLink }

// What a byte does to a link in a text.
const (
	endsLink = 1 + iota
	opensBracket
	closesBracket
	quotesLink // ends a link after the same mark
)

var linkBytes = func() (does [256]byte) {
	for c := range does {
		if c <= ' ' || c >= 0x7f {
			does[c] = endsLink
		}
	}
	for bytes, what := range map[string]byte{"<>\"`": endsLink, "([{": opensBracket, ")]}": closesBracket, "'": quotesLink} {
		for i := range len(bytes) {
			does[bytes[i]] = what
		}
	}
	return does
}()

// linkEnd returns where a link ends at the latest: at stop, which is the first byte
// that no link has or a bracket that closes none, or before a bracket that is not
// closed until there.
func linkEnd(s string, body int, isQuoted bool) (end, stop int) {
	var open []int // brackets
loop:
	for stop = body; stop < len(s); stop++ {
		switch c := s[stop]; linkBytes[c] {
		case endsLink:
			break loop
		case quotesLink:
			if isQuoted {
				break loop
			}
		case opensBracket:
			open = append(open, stop)
		case closesBracket:
			if len(open) == 0 || s[open[len(open)-1]] != opening[c] {
				break loop
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		return open[0], stop
	}
	return stop, stop
}

var opening = map[byte]byte{')': '(', ']': '[', '}': '{'}

// trimmed returns the end of a link without the text's punctuation after it. Some
// characters end a link only if they are before it, too: a token may end in them.
func (r *linkReader) trimmed(before string, body, end int) int {
	for ; end > body; end-- {
		switch c := r.s[end-1]; c {
		case '.', ',', ':', ';', '!', '?', '\'', '*', '|', '\\', '^':
		case '-':
			if !strings.HasSuffix(before, "-") {
				return end
			}
		case '_', '~':
			if !r.opens(before, c) {
				return end
			}
		default:
			return end
		}
	}
	return end
}

// opens reports whether the mark c is open before a link: it begins a word of the
// same line, as in "_see LINK_".
func (r *linkReader) opens(before string, c byte) bool {
	line := before
	i := strings.LastIndexByte(before, c)
	if newline := strings.LastIndexByte(before, '\n'); newline >= 0 {
		line, i = before[newline+1:], max(i-newline-1, -1)
	}
	switch {
	case i < 0:
		return len(line) == len(before) && r.isEmphasized[c]
	case i == len(line)-1:
		return true
	}
	first := len(strings.TrimRight(line[:i], string(c)))
	return line[i+1] != ' ' && (first == 0 || !isAlnum(line[first-1]) && line[first-1] < utf8.RuneSelf)
}

// noteEmphasis notes the marks that are open after a link.
func (r *linkReader) noteEmphasis(before, link string) {
	for _, c := range []byte("_~") {
		if r.opens(before, c) {
			if r.isEmphasized == nil {
				r.isEmphasized = map[byte]bool{}
			}
			r.isEmphasized[c] = r.i == len(r.s) || r.s[r.i] != c
		} else if r.isEmphasized[c] {
			r.isEmphasized[c] = false
		}
	}
}

// cut decides what becomes of a link at text[:stop], whose authority begins at
// body. It is "" if a letter outside ASCII belongs to its host. It reports a path
// that is cut short.
func (r *linkReader) cut(link, text string, body, stop int) string {
	if !hasHost(link[min(body, len(link)):]) {
		return ""
	}
	if stop == len(text) || text[stop] < utf8.RuneSelf {
		return link
	}
	after, size := utf8.DecodeRuneInString(text[stop:])
	isLetter := after == utf8.RuneError || !isAround(after) && !unicode.IsSymbol(after)
	isWithin := strings.ContainsRune(withinWords, after) && stop+size < len(text) && isAlnum(text[stop+size])
	switch {
	case isInHost(text[body:stop]):
		if isLetter || (isWithin || unicode.IsSymbol(after)) && continuesHost(text[stop+size:]) {
			return ""
		}
		return link
	case isAround(after) && !isWithin:
		return link
	}
	r.problem("link %s: it is not ASCII (RFC 3986 2), read as %s", wholeWord(text, stop), link)
	return link
}

// hasHost reports whether an authority has more than punctuation.
func hasHost(authority string) bool {
	for i := range len(authority) {
		switch c := authority[i]; {
		case c == '[' || isAlnum(c):
			return true
		case c == '/' || c == '?' || c == '#':
			return false
		}
	}
	return false
}

// isInHost reports whether what follows a link up to here would belong to its host.
func isInHost(authority string) bool {
	if strings.ContainsAny(authority, "/?#") {
		return false
	}
	colon := strings.LastIndexByte(authority, ':')
	return colon < 0 || strings.Trim(authority[colon+1:], "0123456789") != ""
}

// continuesHost reports whether s, after a symbol in the name of a host, continues
// the name.
func continuesHost(s string) bool {
	s = strings.TrimLeft(s, "\uFE0F")
	const most = 63 // octets of a label (RFC 1035 2.3.4)
	for i := 0; i+1 < len(s) && i <= most; i++ {
		if s[i] == '.' {
			return isAlnum(s[i+1])
		}
		if !isAlnum(s[i]) && s[i] != '-' {
			return false
		}
	}
	return false
}

// isAround reports whether r is what may be around a link in a text, of any
// script: quotation marks, brackets, dashes, ellipses, other punctuation, and
// spaces. Letters and digits are not, nor are most symbols.
func isAround(r rune) bool {
	return unicode.IsPunct(r) || unicode.IsSpace(r) || unicode.In(r, unicode.Z, unicode.Cf) || strings.ContainsRune(aroundSymbols, r)
}

// aroundSymbols are used as quotation marks, dashes and ellipses, but Unicode has
// them as symbols.
const aroundSymbols = "´❛❜❝❞❟❠🙶🙷🙸−～⋯⋮⋰⋱"

// withinWords are punctuation that is also within words: a middle dot, an apostrophe,
// hyphens, and characters of no width.
const withinWords = "\u00B7\u2027\u2019\u2010\u2011\u00AD\u200B\u200C\u200D\u2060\uFEFF"

// wholeWord returns the word that begins with a link, up to white space.
func wholeWord(text string, stop int) string {
	const most = 300 // octets after the link
	text = text[:min(len(text), stop+most)]
	if end := strings.IndexAny(text[stop:], " \t\r\n<>\""); end >= 0 {
		text = text[:stop+end]
	}
	return text
}

// problem reports a guess. A link is shown whole if it is not very long.
func (r *linkReader) problem(format, word, link string) {
	shown := strconv.Quote(word)
	if len(shown) > 700 {
		shown = show.Quote(word)
	}
	r.problems = append(r.problems, fmt.Sprintf(format, shown, show.Quote(link)))
}

func isAlnum(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
