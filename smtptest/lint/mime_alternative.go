package lint

import (
	"html"
	"strings"
	"unicode"
)

// child is a part of a multipart, as the rules about its siblings need it.
type child struct {
	kind       string
	start, end int    // of the part in the content
	attachment bool   // Content-Disposition is attachment
	file       bool   // it has a file name, and is no text
	shown      bool   // text for a reader, without a name
	text       string // decoded, if it is shown
}

// checkSiblings checks the parts of a multipart against each other.
func checkSiblings(in *inspector, e entity, children []child) {
	switch e.kind {
	case "multipart/alternative":
		checkAlternatives(in, children)
	case "multipart/mixed":
		checkMixed(in, children)
	case "multipart/related":
		if _, ok := getParam(e.params, "type"); !ok {
			in.report("mime-related-type-missing", e.typed.start, e.typed.end, "multipart/related without the parameter type")
		}
	}
}

func checkAlternatives(in *inspector, children []child) {
	rich := -1
	for _, c := range children {
		switch {
		case c.file || c.attachment && c.kind != "text/calendar":
			in.report("mime-attachment-in-alternative", c.start, c.end, "an attachment, %s, is one of the alternatives: a reader who can show it does not show the text", quote(c.kind))
		case c.kind == "text/html" && rich < 0:
			rich = c.start
		case c.kind == "text/plain" && rich >= 0:
			in.report("mime-alternative-order", rich, c.end, "text/html before text/plain")
		}
	}
}

// checkMixed finds a plain text and, directly after it, the same text in HTML, if
// they are the only texts.
func checkMixed(in *inspector, children []child) {
	at := -1
	for i, c := range children {
		if !c.shown {
			continue
		}
		switch {
		case at < 0 && c.kind == "text/plain" && i+1 < len(children) && children[i+1].shown && children[i+1].kind == "text/html":
			at = i
		case i != at+1 || at < 0:
			return
		}
	}
	if at >= 0 && sayTheSame(children[at].text, children[at+1].text) {
		in.report("mime-alternatives-in-mixed", children[at].start, children[at+1].end, "text/plain and the same in text/html: a reader sees both")
	}
}

// sayTheSame reports whether at least half of the words of a plain text are in the
// HTML. The beginning of a long text is enough.
func sayTheSame(plain, source string) bool {
	plain, source = plain[:min(len(plain), 4<<10)], source[:min(len(source), 64<<10)]
	words := map[string]bool{}
	for _, w := range wordsOf(html.UnescapeString(withoutTags(source))) {
		words[w] = true
	}
	all := wordsOf(plain)
	n := 0
	for _, w := range all {
		if words[w] {
			n++
		}
	}
	return n > 0 && 2*n >= len(all)
}

func wordsOf(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// withoutTags returns the text between the tags.
func withoutTags(s string) string {
	var b strings.Builder
	for {
		open := strings.IndexByte(s, '<')
		if open < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:open] + " ")
		end := strings.IndexByte(s[open:], '>')
		if end < 0 {
			return b.String()
		}
		s = s[open+end+1:]
	}
}
