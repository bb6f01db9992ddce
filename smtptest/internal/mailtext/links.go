package mailtext

import (
	"html"
	"regexp"
)

// Links returns the http, https and mailto addresses in the href attributes of
// the HTML and in the text, in order and without duplicates. It returns nil if
// there are none.
func (m Mail) Links() []string {
	var links []string
	seen := map[string]bool{}
	add := func(link string) {
		if !seen[link] {
			seen[link] = true
			links = append(links, link)
		}
	}
	for _, found := range hrefs.FindAllStringSubmatch(m.HTML, -1) {
		// Not: html.UnescapeString of the whole, which takes "&copy=1" for a ©.
		add(entities.ReplaceAllStringFunc(found[1]+found[2]+found[3], html.UnescapeString))
	}
	for _, found := range urls.FindAllString(m.Text, -1) {
		add(found)
	}
	return links
}

var (
	hrefs = regexp.MustCompile(`(?i)[\s"'/]href\s*=\s*(?:"((?:https?:|mailto:)[^"]*)"|'((?:https?:|mailto:)[^']*)'|((?:https?:|mailto:)[^\s"'<>]+))`)
	// An address in text ends before punctuation, and may have pairs of brackets.
	urls     = regexp.MustCompile(`(?i)\b(?:https?://|mailto:)(?:[^\s<>"'()\[\]]|[(\[][^\s<>"'()\[\]]*[)\]])*(?:[^\s<>"'()\[\].,;:!?]|[(\[][^\s<>"'()\[\]]*[)\]])`)
	entities = regexp.MustCompile(`&#?[0-9A-Za-z]+;`)
)
