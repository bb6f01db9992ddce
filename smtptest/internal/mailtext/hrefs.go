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
			if rawText[name] {
				s = afterRawText(s, name)
			}
		}
	}
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// rawText are the elements whose content is text (HTML 13.1.2).
var rawText = map[string]bool{"script": true, "style": true, "title": true, "textarea": true, "xmp": true, "iframe": true, "noembed": true, "noframes": true}

// afterRawText returns what follows the content of an element.
func afterRawText(s, name string) string {
	for {
		_, after, found := strings.Cut(s, "</")
		if !found {
			return ""
		}
		s = after
		if len(s) > len(name) && strings.EqualFold(s[:len(name)], name) && strings.IndexByte(" \t\r\n\f/>", s[len(name)]) >= 0 {
			return s
		}
	}
}

// cutTag reads a tag from its name on, up to its >. A tag without its end is no
// tag (HTML 13.2.5).
func cutTag(s string) (name, href, rest string) {
	end := strings.IndexAny(s, " \t\r\n\f/>")
	if end < 0 {
		return "", "", ""
	}
	name, s = strings.ToLower(s[:end]), s[end:]
	hasHref := false
	for {
		s = strings.TrimLeft(s, " \t\r\n\f/")
		if s == "" {
			return "", "", ""
		}
		if s[0] == '>' {
			return name, href, s[1:]
		}
		var attribute, value string
		var ok bool
		if attribute, value, s, ok = cutAttribute(s); !ok {
			return "", "", ""
		}
		if strings.EqualFold(attribute, "href") && !hasHref {
			href, hasHref = value, true
		}
	}
}

// cutAttribute reads an attribute, with its value as sent. ok is false if the
// document ends before it does.
func cutAttribute(s string) (name, value, rest string, ok bool) {
	end := strings.IndexAny(s[1:], "= \t\r\n\f/>") + 1 // a = at the beginning belongs to the name
	if end == 0 {
		return "", "", "", false
	}
	name, s = s[:end], strings.TrimLeft(s[end:], " \t\r\n\f")
	if !strings.HasPrefix(s, "=") {
		return name, "", s, true
	}
	s = strings.TrimLeft(s[1:], " \t\r\n\f")
	if s == "" {
		return "", "", "", false
	}
	if s[0] == '"' || s[0] == '\'' {
		value, rest, ok = strings.Cut(s[1:], s[:1])
		return name, value, rest, ok
	}
	end = strings.IndexAny(s, " \t\r\n\f>")
	if end < 0 {
		return "", "", "", false
	}
	return name, s[:end], s[end:], true
}

// urlOf returns the link in the value of an attribute, or "" if it is another
// address. It resolves character references, removes control characters and
// blanks around the address, and removes tabs and line breaks in it, as browsers do
// (URL Standard 4.4).
func urlOf(value string) string {
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
