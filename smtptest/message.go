package smtptest

import (
	"fmt"
	"html"
	"net/mail"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
)

// Attachment is a part of a message that is not its text: what has a file
// name, is marked as an attachment, or is neither plain text nor HTML.
type Attachment struct {
	Filename    string // decoded (RFC 2231, RFC 2047); "" if it has none. It is the sender's word: never a path to write to
	ContentType string // "image/png", in lower case, without parameters
	ContentID   string // without <>; "" if it has none
	Inline      bool   // Content-Disposition is inline, or it has a ContentID only
	Data        string // octets, without the transfer encoding; text keeps its charset and line ends
}

// Header is the message's header, with values as sent but unfolded, and keys as
// in textproto.CanonicalMIMEHeaderKey. A line that is no field ends it, as in a
// real relay; Problems says so. Never nil.
func (m Message) Header() mail.Header {
	header, _, _ := splitHeader(m.Data)
	return header
}

// Subject is the decoded Subject field (RFC 2047); "" if there is none.
func (m Message) Subject() string {
	var p parser
	return p.words(m.Header().Get("Subject"))
}

// Text is the first text/plain part, decoded to UTF-8 (smtpd's decode_data); a
// message without MIME fields is one. "" if there is none. Line ends are LF.
func (m Message) Text() string { return parse(m).text }

// HTML is the first text/html part, decoded to UTF-8; "" if there is none. Line
// ends are LF.
func (m Message) HTML() string { return parse(m).html }

// Attachments are the parts that are not the text, in order; nil if there are
// none.
func (m Message) Attachments() []Attachment { return parse(m).attachments }

// Links are the http, https and mailto addresses in HTML's href and in Text, in
// order, without duplicates; nil if there are none.
func (m Message) Links() []string {
	p := parse(m)
	var links []string
	seen := map[string]bool{}
	add := func(link string) {
		if !seen[link] {
			seen[link] = true
			links = append(links, link)
		}
	}
	for _, found := range hrefs.FindAllStringSubmatch(p.html, -1) {
		// Not: html.UnescapeString of the whole, which takes "&copy=1" for a ©.
		add(entities.ReplaceAllStringFunc(found[1]+found[2]+found[3], html.UnescapeString))
	}
	for _, found := range urls.FindAllString(p.text, -1) {
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

// Problems are what the other methods had to guess or leave out, in sentences;
// nil if the message is well-formed as far as they look.
func (m Message) Problems() []string { return parse(m).problems }

// parser gathers what is in a message. The recorded octets stay the truth: it
// goes on after each problem. Its time is linear in the size of the message.
type parser struct {
	text, html  string
	hasText     bool
	hasHTML     bool
	attachments []Attachment
	problems    []string
	parts       int // taken in so far
}

// The most that is read of a message: what is beyond is a problem.
const (
	maxDepth = 20   // of multiparts in multiparts
	maxParts = 1000 // in all
)

func parse(m Message) *parser {
	p := &parser{}
	header, body := p.header(m.Data)
	p.words(header.Get("Subject")) // for its problems
	p.part(header, body, "text/plain", 0)
	return p
}

func (p *parser) problem(format string, args ...any) {
	p.problems = append(p.problems, fmt.Sprintf(format, args...))
}

// quote shows what the sender wrote, the beginning only if it is long.
func quote(s string) string {
	if len(s) <= maxShown {
		return strconv.Quote(s)
	}
	return fmt.Sprintf("%q... (%s)", s[:maxShown-40], count(len(s), "octet"))
}

// header is splitHeader with its error as a problem.
func (p *parser) header(entity string) (header mail.Header, body string) {
	header, body, err := splitHeader(entity)
	if err != nil {
		p.problem("header: %v", err)
	}
	return header, body
}

// splitHeader reads fields up to the empty line, or to the first line that is
// none. LF ends a line, too.
func splitHeader(data string) (header mail.Header, body string, err error) {
	header = mail.Header{}
	for data != "" {
		line, rest := cutLine(data)
		if line == "" {
			return header, rest, nil
		}
		name, value, ok := strings.Cut(line, ":")
		name = strings.TrimRight(name, " \t")
		if !ok || name == "" || strings.ContainsAny(name, " \t") {
			return header, data, fmt.Errorf("%s is no field: taken as the beginning of the body", quote(line))
		}
		folded := []string{value}
		for rest != "" && (rest[0] == ' ' || rest[0] == '\t') {
			line, rest = cutLine(rest)
			folded = append(folded, strings.TrimLeft(line, " \t"))
		}
		key := textproto.CanonicalMIMEHeaderKey(name)
		header[key] = append(header[key], strings.TrimSpace(strings.Join(folded, " ")))
		data = rest
	}
	return header, "", nil
}

// cutLine returns the first line without its end, and what follows.
func cutLine(s string) (line, rest string) {
	line, rest, _ = strings.Cut(s, "\n")
	return strings.TrimSuffix(line, "\r"), rest
}

// part takes in one entity (RFC 2045). fallback is its type if it names none.
func (p *parser) part(header mail.Header, body, fallback string, depth int) {
	kind, params := p.mediaType(header.Get("Content-Type"), fallback)
	multipart := strings.HasPrefix(kind, "multipart/")
	if multipart && p.multipart(kind, p.param(params, "boundary"), body, depth) {
		return
	}
	data := body
	if !multipart { // RFC 2045 6.4: no encoding but 7bit, 8bit and binary
		data = p.decode(header.Get("Content-Transfer-Encoding"), body)
	}
	disposition, dparams := p.mediaType(header.Get("Content-Disposition"), "")
	name := p.param(dparams, "filename")
	if name == "" {
		name = p.param(params, "name")
	}
	isText := disposition != "attachment" && name == ""
	switch {
	case isText && kind == "text/html" && !p.hasHTML:
		p.html, p.hasHTML = p.toText(data, p.param(params, "charset")), true
	case isText && (kind == "text/plain" || multipart) && !p.hasText:
		p.text, p.hasText = p.toText(data, p.param(params, "charset")), true
	default:
		id := strings.Trim(header.Get("Content-Id"), "<> ")
		p.attachments = append(p.attachments, Attachment{Filename: name, ContentType: kind, ContentID: id,
			Inline: disposition == "inline" || disposition == "" && id != "", Data: data})
	}
}

// multipart takes in the parts of a body (RFC 2046 5.1), or says that the body
// has none.
func (p *parser) multipart(kind, boundary, body string, depth int) bool {
	if boundary == "" {
		p.problem("%s without a boundary: taken as text", quote(kind))
		return false
	}
	if depth == maxDepth {
		p.problem("%s within %s: taken as text", quote(kind), count(maxDepth, "multipart"))
		return false
	}
	_, rest, delimiter := cutPart(body, boundary)
	if delimiter != between {
		p.problem("%s without a part: taken as text", quote(kind))
		return false
	}
	fallback := "text/plain"
	if kind == "multipart/digest" { // RFC 2046 5.1.5
		fallback = "message/rfc822"
	}
	for delimiter == between {
		if p.parts++; p.parts > maxParts {
			p.problem("more than %s: the others are left out", count(maxParts, "part"))
			return true
		}
		var entity string
		entity, rest, delimiter = cutPart(rest, boundary)
		header, content := p.header(entity)
		p.part(header, content, fallback, depth+1)
	}
	if delimiter == missing {
		p.problem("%s without its closing boundary", quote(kind))
	}
	return true
}
