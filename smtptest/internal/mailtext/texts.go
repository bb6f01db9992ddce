package mailtext

import "strings"

// readTexts finds the texts and the attachments of a message.
func (m *Mail) readTexts() {
	var text, html []string
	m.collect(m.Root, false, &text, &html)
	m.Text, m.HTML = join(text), join(html)
}

// collect takes in the texts and the attachments of a part. A text with a file
// name is an attachment if it is beside another text.
func (m *Mail) collect(part Part, isBeside bool, text, html *[]string) {
	switch {
	case isText(part) && (part.Filename == "" || !isBeside):
		if part.ContentType == "text/html" {
			*html = append(*html, part.Text)
		} else {
			*text = append(*text, part.Text)
		}
	case !isContainer(part):
		m.attach(part)
	case part.ContentType == "multipart/alternative":
		m.collectAlternatives(part, text, html)
	default:
		all := unnamed(part)
		hasText := isBeside
		for _, child := range part.Parts {
			m.collect(child, hasText || all > unnamed(child), text, html)
			hasText = hasText || hasTexts(child)
		}
	}
}

// collectAlternatives takes in the last alternative of each kind (RFC 2046
// 5.1.4). Their file names do not count.
func (m *Mail) collectAlternatives(part Part, text, html *[]string) {
	var lastText, lastHTML []string
	for _, child := range part.Parts {
		var childText, childHTML []string
		m.collect(child, false, &childText, &childHTML)
		if childText != nil {
			lastText = childText
		}
		if childHTML != nil {
			lastHTML = childHTML
		}
	}
	*text, *html = append(*text, lastText...), append(*html, lastHTML...)
}

func (m *Mail) attach(part Part) {
	m.Attachments = append(m.Attachments, Attachment{
		Filename: part.Filename, ContentType: part.ContentType, ContentID: part.ContentID,
		Inline: part.Disposition == "inline" || part.Disposition == "" && part.ContentID != "",
		Data:   part.Data, RawContentType: part.Header.Get("Content-Type"), RawHeader: part.RawHeader,
	})
}

// isMarked reports whether a part is an attachment by its disposition. One that
// is not known counts as attachment (RFC 2183 2.8).
func isMarked(part Part) bool { return part.Disposition != "" && part.Disposition != "inline" }

// isContainer reports whether the parts of a part count, and not the part itself.
func isContainer(part Part) bool {
	return !isMarked(part) && part.Parts != nil && strings.HasPrefix(part.ContentType, "multipart/")
}

// isText reports whether a part may be a text. A multipart that cannot be divided
// is one, so that nothing is hidden.
func isText(part Part) bool {
	return !isMarked(part) && (part.ContentType == "text/plain" || part.ContentType == "text/html" ||
		strings.HasPrefix(part.ContentType, "multipart/") && part.Parts == nil)
}

// unnamed counts the texts without a file name. A set of alternatives counts as
// one of them.
func unnamed(part Part) (n int) {
	switch {
	case isText(part) && part.Filename == "":
		return 1
	case isContainer(part) && part.ContentType == "multipart/alternative" && hasTexts(part):
		return 1
	case isContainer(part):
		for _, child := range part.Parts {
			n += unnamed(child)
		}
	}
	return n
}

func hasTexts(part Part) bool {
	if isText(part) {
		return true
	}
	if isContainer(part) {
		for _, child := range part.Parts {
			if hasTexts(child) {
				return true
			}
		}
	}
	return false
}

// join joins texts, with an empty line between them.
func join(texts []string) string {
	var b strings.Builder
	for _, text := range texts {
		if text == "" {
			continue
		}
		if b.Len() > 0 {
			if !strings.HasSuffix(b.String(), "\n") {
				b.WriteByte('\n')
			}
			b.WriteByte('\n')
		}
		b.WriteString(text)
	}
	return b.String()
}
