// Package mailtext reads a message: its header, its parts, its texts, its
// attachments and its links, decoded. It also reads what broken senders write,
// and reports what it had to guess. It knows no server.
package mailtext

import (
	"cmp"
	"fmt"
	"net/mail"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/show"
)

// A Mail is what a message holds.
type Mail struct {
	Root        Part
	Text        string // all text/plain, decoded to UTF-8, with LF line ends
	HTML        string // all text/html, decoded likewise
	Attachments []Attachment
	Problems    []string // what was guessed or left out, in sentences
}

// A Part is an entity (RFC 2045 2.4). Its fields are those of the public type.
type Part struct {
	RawHeader         string
	Header            mail.Header
	ContentType       string
	Params            map[string]string
	Disposition       string
	DispositionParams map[string]string
	Filename          string
	RawContentID      string
	ContentID         string
	Data              string
	Text              string
	Parts             []Part
}

// An Attachment is a part that is not a text. Its fields are those of the public
// type.
type Attachment struct {
	Filename       string
	ContentType    string
	ContentID      string
	Inline         bool
	Data           string
	RawContentType string
	RawHeader      string
}

// The most that is read of a message. What is beyond it is a problem.
const (
	maxDepth = 20   // of parts in parts
	maxParts = 1000 // in all
)

// Parse reads a message. It never fails: Mail.Problems has what is wrong with the
// message. Its time is linear in the size of the message.
func Parse(data string, charset Charset) Mail {
	p := &parser{charset: charset}
	root := p.part(data, "text/plain", 0)
	m := Mail{Root: root, Problems: p.problems}
	m.readTexts()
	return m
}

// parser reads a message. It goes on after each problem.
type parser struct {
	charset  Charset
	problems []string
	parts    int // read so far
}

func (p *parser) problem(format string, args ...any) {
	p.problems = append(p.problems, fmt.Sprintf(format, args...))
}

// part reads one entity. fallback is its type if it names none.
func (p *parser) part(entity, fallback string, depth int) Part {
	raw, fields, body := p.header(entity)
	p.checkFields(fields)
	part := Part{RawHeader: raw, Header: index(fields), Data: body}
	part.ContentType, part.Params = p.mediaType(part.Header.Get("Content-Type"), fallback)
	part.Disposition, part.DispositionParams = p.mediaType(part.Header.Get("Content-Disposition"), "")
	part.Filename = p.filename(part)
	part.RawContentID = part.Header.Get("Content-Id")
	part.ContentID = p.contentID(part.RawContentID)
	isMultipart := strings.HasPrefix(part.ContentType, "multipart/")
	if !isMultipart { // RFC 2045 6.4: no encoding but 7bit, 8bit and binary
		part.Data = p.decode(part.Header.Get("Content-Transfer-Encoding"), body)
	}
	switch kind := part.ContentType; {
	case isMultipart:
		part.Parts = p.multipart(kind, part.Params["boundary"], body, depth)
	case kind == "message/rfc822" || kind == "message/global":
		part.Parts = p.message(kind, part.Data, depth)
	}
	if strings.HasPrefix(part.ContentType, "text/") || isMultipart && part.Parts == nil {
		part.Text = p.toText(part.Data, part.Params["charset"])
	}
	return part
}

// filename returns the file name of a part. The filename of a Content-Disposition
// is before the name of a Content-Type (RFC 2183 2.3).
func (p *parser) filename(part Part) string {
	if name := cmp.Or(part.DispositionParams["filename"], part.Params["name"]); name != "" {
		return name
	}
	name := cmp.Or(part.DispositionParams["name"], part.Params["filename"])
	if name != "" {
		p.problem("file name %s: Content-Disposition has filename, and Content-Type has name (RFC 2183 2.3)", show.Quote(name))
	}
	return name
}

// contentID returns a Content-ID without its angle brackets (RFC 2045 7).
func (p *parser) contentID(sent string) string {
	if sent == "" {
		return ""
	}
	id := strings.Trim(uncommented(sent), " \t")
	if _, after, ok := strings.Cut(id, "<"); ok {
		id, _, _ = strings.Cut(after, ">")
	}
	id = strings.Trim(id, "<> \t")
	if bare := strings.Trim(uncommented(sent), " \t"); bare != "<"+id+">" {
		p.problem("Content-ID %s is not in angle brackets (RFC 2045 7)", show.Quote(sent))
	}
	return id
}
