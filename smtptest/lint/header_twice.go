package lint

import (
	"regexp"
	"strings"
)

// replyPrefix is what a program puts before the Subject of another message.
var replyPrefix = regexp.MustCompile(`(?i)^(\s|(re|fwd?|aw|wg|sv|antw|tr|rif):|\[[^][]*\])*`)

// isTwice reports whether a decoded text was encoded before it was encoded: all of it
// is encoded words, or it is UTF-8 that was taken for another charset. A sentence
// may be about encoded words.
func isTwice(decoded string) bool {
	if isMojibake(decoded) {
		return true
	}
	rest := decoded[len(replyPrefix.FindString(decoded)):]
	if rest == "" {
		return false
	}
	for rest != "" {
		w, ok := wordAt(rest)
		if !ok || w.problem != "" {
			return false
		}
		rest = strings.TrimLeft(rest[w.length:], " \t\r\n")
	}
	return true
}

// checkDoubleEncoded reports a field whose encoded words hold what was encoded before. It
// puts the words together that follow one another.
func checkDoubleEncoded(in *inspector, f field) {
	var text strings.Builder
	s := in.text(f)
	if in.utf8 && isMojibake(s) {
		in.report("header-double-encoded", f.value, f.end, "the text of %s was encoded before", canonical(f.name))
		return
	}
	first := -1
	for at := 0; ; {
		i, w, ok := findWord(s[at:])
		gap := ""
		if ok {
			gap = strings.Trim(s[at:at+i], " \t\r\n")
		}
		if first >= 0 && (!ok || gap != "") {
			if isTwice(text.String()) {
				in.report("header-double-encoded", f.value+first, f.end, "the text of encoded words in %s was encoded before", canonical(f.name))
				return
			}
			text.Reset()
			first = -1
		}
		if !ok {
			return
		}
		if w.problem == "" && (strings.EqualFold(w.charset, "utf-8") || nonASCII(w.decoded) < 0) {
			text.WriteString(w.decoded)
			if first < 0 {
				first = at + i
			}
		}
		at += i + w.length
	}
}
