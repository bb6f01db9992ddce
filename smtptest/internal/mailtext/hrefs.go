package mailtext

import (
	"html"
	"strings"
	"unicode/utf8"
)

// hrefs calls add for the href attributes with a link in an HTML document. What
// is in comments, scripts, styles and text is no attribute.
func hrefs(s string, add func(link string)) {
	for {
		open := strings.IndexByte(s, '<')
		if open < 0 || open+1 == len(s) {
			return
		}
		s = s[open+1:]
		switch c := s[0]; {
		case strings.HasPrefix(s, "!--"):
			_, s, _ = strings.Cut(s[1:], "-->") // also in <!-->
		case c == '!' || c == '?':
			_, s, _ = strings.Cut(s, ">")
		case c == '/' && len(s) > 1 && isLetter(s[1]):
			_, _, s = cutTag(s[1:])
		case isLetter(c):
			var name, href string
			name, href, s = cutTag(s)
			if link := urlOf(href); link != "" {
				add(link)
			}
			if isRawText(name) {
				s = afterRawText(s, name)
			}
		}
	}
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// isRawText reports whether the content of an element is text (HTML 13.1.2).
func isRawText(name string) bool {
	for _, element := range []string{"script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes"} {
		if len(name) == len(element) && strings.EqualFold(name, element) {
			return true
		}
	}
	return false
}

// afterRawText returns what follows the content of an element.
func afterRawText(s, name string) string {
	for {
		_, after, found := strings.Cut(s, "</")
		if !found {
			return ""
		}
		s = after
		if len(s) > len(name) && strings.EqualFold(s[:len(name)], name) && isIn(s[len(name)], endOfName) {
			return s
		}
	}
}

// cutTag reads a tag from its name on, up to its >. A tag without its end is no
// tag (HTML 13.2.5).
func cutTag(s string) (name, href, rest string) {
	i := until(s, 0, endOfName)
	name = s[:i]
	hasHref := false
	for {
		for i < len(s) && isIn(s[i], blankOrSlash) {
			i++
		}
		if i == len(s) {
			return "", "", ""
		}
		if s[i] == '>' {
			return name, href, s[i+1:]
		}
		attribute, value, next := cutAttribute(s, i)
		if next < 0 {
			return "", "", ""
		}
		if i = next; !hasHref && len(attribute) == len("href") && strings.EqualFold(attribute, "href") {
			href, hasHref = value, true
		}
	}
}

// cutAttribute reads the attribute at s[i:], with its value as sent. next is -1 if
// the document ends before the attribute does.
func cutAttribute(s string, i int) (name, value string, next int) {
	end := until(s, i+1, endOfName|equals) // a = at the beginning belongs to the name
	name = s[i:end]
	i = pastBlanks(s, end)
	if i == len(s) || s[i] != '=' {
		return name, "", i
	}
	i = pastBlanks(s, i+1)
	if i == len(s) {
		return "", "", -1
	}
	if c := s[i]; c == '"' || c == '\'' {
		length := strings.IndexByte(s[i+1:], c)
		if length < 0 {
			return "", "", -1
		}
		return name, s[i+1 : i+1+length], i + length + 2
	}
	end = until(s, i, endOfValue)
	return name, s[i:end], end
}

// Classes of characters in a tag.
const (
	blank        = 1 << iota // white space
	blankOrSlash             // what may be between attributes
	endOfName                // what ends the name of a tag or of an attribute
	endOfValue               // what ends a value without quotes
	equals
)

var tagClasses = [256]byte{
	' ': blank | blankOrSlash | endOfName | endOfValue, '\t': blank | blankOrSlash | endOfName | endOfValue,
	'\r': blank | blankOrSlash | endOfName | endOfValue, '\n': blank | blankOrSlash | endOfName | endOfValue,
	'\f': blank | blankOrSlash | endOfName | endOfValue,
	'/':  blankOrSlash | endOfName, '>': endOfName | endOfValue, '=': equals,
}

func isIn(c byte, class byte) bool { return tagClasses[c]&class != 0 }

// until returns the index of the first character of a class at or after i.
func until(s string, i int, class byte) int {
	for i < len(s) && !isIn(s[i], class) {
		i++
	}
	return i
}

func pastBlanks(s string, i int) int {
	for i < len(s) && isIn(s[i], blank) {
		i++
	}
	return i
}

// urlOf returns the link in the value of an attribute, or "" if it is another
// address. It resolves character references, removes control characters and
// blanks around the address, and removes tabs and line breaks in it, as browsers do
// (URL Standard 4.4).
func urlOf(value string) string {
	if value == "" {
		return ""
	}
	link := strings.TrimFunc(resolve(value), func(r rune) bool { return r <= ' ' })
	if strings.ContainsAny(link, "\t\r\n") {
		link = strings.NewReplacer("\t", "", "\r", "", "\n", "").Replace(link)
	}
	scheme, _, ok := strings.Cut(link, ":")
	if ok && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https") || strings.EqualFold(scheme, "mailto")) {
		return link
	}
	return ""
}

// resolve resolves the character references of an attribute. Unlike
// html.UnescapeString, it leaves &copy in "?a=1&copy=2" (HTML 13.2.5.73).
func resolve(s string) string {
	if strings.IndexByte(s, '&') < 0 {
		return s
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "&")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		length := referenceLen(after)
		b.WriteString(resolveOne(after[:length], after[length:]))
		s = after[length:]
	}
}

// referenceLen returns the length of the character reference that s begins with,
// after its &, with the semicolon if there is one.
func referenceLen(s string) int {
	i := 0
	isDigit := isAlnum
	switch {
	case strings.HasPrefix(s, "#x"), strings.HasPrefix(s, "#X"):
		i, isDigit = 2, func(c byte) bool { return unhex(c) >= 0 }
	case strings.HasPrefix(s, "#"):
		i, isDigit = 1, func(c byte) bool { return '0' <= c && c <= '9' }
	}
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	if i < len(s) && s[i] == ';' {
		i++
	}
	return i
}

// resolveOne resolves one reference, which may lack its semicolon if it is a
// number or an old name that no = follows.
func resolveOne(reference, after string) string {
	if reference == "amp;" { // most of them
		return "&"
	}
	whole := "&" + reference
	name, isClosed := strings.CutSuffix(reference, ";")
	resolved := html.UnescapeString("&" + name + ";")
	switch {
	case strings.HasPrefix(name, "#"):
		return html.UnescapeString(whole)
	case isClosed && (name == "semi" || !strings.HasSuffix(resolved, ";")):
		return resolved
	case isClosed || strings.HasPrefix(after, "="):
		return whole
	}
	if old := html.UnescapeString(whole); utf8.RuneCountInString(old) == 1 {
		return old
	}
	return whole
}
