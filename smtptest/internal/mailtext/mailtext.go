// Package mailtext reads a message: its header, its texts, its attachments and
// its links, decoded. It also reads what broken senders write, and reports what
// it had to guess. It knows nothing of a server.
package mailtext

import (
	"fmt"
	"io"
	"net/mail"
	"net/textproto"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/show"
)

// A Mail is what a message holds.
type Mail struct {
	Text        string // the first text/plain part, decoded to UTF-8, with LF line ends
	HTML        string // the first text/html part, decoded likewise
	Attachments []Attachment
	Problems    []string // what was guessed or left out, in sentences
}

// An Attachment is a part that is neither the Text nor the HTML. Its fields are
// those of the public type.
type Attachment struct {
	Filename    string
	ContentType string
	ContentID   string
	Inline      bool
	Data        string
}

// A Charset converts text of the named charset to UTF-8. A nil Charset knows
// none but UTF-8, US-ASCII and ISO-8859-1.
type Charset func(name string, input io.Reader) (io.Reader, error)

// Parse reads a message. It never fails: Mail.Problems has what is wrong with the
// message. Its time is linear in the size of the message.
func Parse(data string, charset Charset) Mail {
	p := &parser{charset: charset}
	header, body := p.header(data)
	p.words(header.Get("Subject")) // for its problems
	p.part(header, body, "text/plain", 0)
	return p.Mail
}

// Header returns the header of a message, with values as sent but unfolded. A
// line that is not a field ends it. It never returns nil.
func Header(data string) mail.Header {
	header, _, _ := splitHeader(data)
	return header
}

// Words decodes the encoded words of a field (RFC 2047).
func Words(field string, charset Charset) string {
	p := &parser{charset: charset}
	return p.words(field)
}

// parser gathers what is in a message. The recorded octets stay the truth: it
// goes on after each problem. Its time is linear in the size of the message.
type parser struct {
	Mail
	charset Charset
	hasText bool
	hasHTML bool
	parts   int // read so far
}

// The most that is read of a message: what is beyond is a problem.
const (
	maxDepth = 20   // of multiparts in multiparts
	maxParts = 1000 // in all
)

func (p *parser) problem(format string, args ...any) {
	p.Problems = append(p.Problems, fmt.Sprintf(format, args...))
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
			return header, data, fmt.Errorf("%s is no field: taken as the beginning of the body", show.Quote(line))
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
		p.HTML, p.hasHTML = p.toText(data, p.param(params, "charset")), true
	case isText && (kind == "text/plain" || multipart) && !p.hasText:
		p.Text, p.hasText = p.toText(data, p.param(params, "charset")), true
	default:
		id := strings.Trim(header.Get("Content-Id"), "<> ")
		p.Attachments = append(p.Attachments, Attachment{Filename: name, ContentType: kind, ContentID: id,
			Inline: disposition == "inline" || disposition == "" && id != "", Data: data})
	}
}

// multipart takes in the parts of a body (RFC 2046 5.1), or says that the body
// has none.
func (p *parser) multipart(kind, boundary, body string, depth int) bool {
	if boundary == "" {
		p.problem("%s without a boundary: taken as text", show.Quote(kind))
		return false
	}
	if depth == maxDepth {
		p.problem("%s within %s: taken as text", show.Quote(kind), show.Plural(maxDepth, "multipart"))
		return false
	}
	_, rest, delimiter := cutPart(body, boundary)
	if delimiter != between {
		p.problem("%s without a part: taken as text", show.Quote(kind))
		return false
	}
	fallback := "text/plain"
	if kind == "multipart/digest" { // RFC 2046 5.1.5
		fallback = "message/rfc822"
	}
	for delimiter == between {
		if p.parts++; p.parts > maxParts {
			p.problem("more than %s: the others are left out", show.Plural(maxParts, "part"))
			return true
		}
		var entity string
		entity, rest, delimiter = cutPart(rest, boundary)
		header, content := p.header(entity)
		p.part(header, content, fallback, depth+1)
	}
	if delimiter == missing {
		p.problem("%s without its closing boundary", show.Quote(kind))
	}
	return true
}
