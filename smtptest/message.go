package smtptest

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Attachment is a part of a message that is not its text: what has a file
// name, is marked as an attachment, or is neither plain text nor HTML.
type Attachment struct {
	Filename    string // decoded (RFC 2231, RFC 2047); "" if it has none. It is the sender's word: never a path to write to
	ContentType string // "image/png", in lower case, without parameters
	ContentID   string // without <>; "" if it has none
	Inline      bool   // Content-Disposition is inline, or it has a ContentID only
	Data        string // decoded
}

// CharsetReader converts text in charsets other than UTF-8, US-ASCII and
// ISO-8859-1 for Subject, Text and HTML; nil leaves such octets as they are, and
// Problems says so. Set it before the first test, in init or TestMain
// (golang.org/x/net/html/charset.NewReaderLabel fits).
var CharsetReader func(charset string, input io.Reader) (io.Reader, error)

// Header is the message's header, with values as sent and keys as in
// textproto.CanonicalMIMEHeaderKey. A field that is none ends it; Problems says
// so. Never nil.
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
	for _, found := range hrefs.FindAllStringSubmatch(p.html, -1) {
		links = append(links, unescape.Replace(found[1]+found[2]))
	}
	links = append(links, urls.FindAllString(p.text, -1)...)
	var unique []string
	for _, l := range links {
		if !slices.Contains(unique, l) {
			unique = append(unique, l)
		}
	}
	return unique
}

var (
	hrefs    = regexp.MustCompile(`(?i)\bhref\s*=\s*(?:"((?:https?:|mailto:)[^"]*)"|'((?:https?:|mailto:)[^']*)')`)
	urls     = regexp.MustCompile(`\b(?:https?://|mailto:)[^\s<>"')\]]*[^\s<>"')\].,;:!?]`)
	unescape = strings.NewReplacer("&amp;", "&", "&quot;", `"`, "&#39;", "'", "&lt;", "<", "&gt;", ">")
)

// Problems are what the other methods had to guess or leave out, in sentences;
// nil if the message is well-formed as far as they look.
func (m Message) Problems() []string { return parse(m).problems }

// parser gathers what is in a message. The recorded octets stay the truth: it
// goes on after each problem.
type parser struct {
	text, html  string
	hasText     bool
	hasHTML     bool
	attachments []Attachment
	problems    []string
}

// maxDepth is how deep multiparts are followed.
const maxDepth = 20

func parse(m Message) *parser {
	p := &parser{}
	header, body, err := splitHeader(m.Data)
	if err != nil {
		p.problem("header: %v", err)
	}
	p.part(textproto.MIMEHeader(header), body, 0)
	return p
}

func (p *parser) problem(format string, args ...any) {
	p.problems = append(p.problems, fmt.Sprintf(format, args...))
}

// splitHeader reads fields up to the first line that is none.
func splitHeader(data string) (mail.Header, string, error) {
	header := mail.Header{}
	last := ""
	for data != "" {
		line, rest, _ := strings.Cut(data, "\n")
		line = strings.TrimSuffix(line, "\r")
		if line == "" {
			return header, rest, nil
		}
		if folded := line[0] == ' ' || line[0] == '\t'; folded && last != "" {
			values := header[last]
			values[len(values)-1] += " " + strings.TrimLeft(line, " \t")
			data = rest
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		name = strings.TrimRight(name, " \t")
		if !ok || name == "" || strings.ContainsAny(name, " \t") {
			return header, data, fmt.Errorf("%s is no field; taken as the beginning of the body", cut(fmt.Sprintf("%q", line)))
		}
		last = textproto.CanonicalMIMEHeaderKey(name)
		header[last] = append(header[last], strings.TrimSpace(value))
		data = rest
	}
	return header, "", nil
}

// part takes in one entity (RFC 2045).
func (p *parser) part(header textproto.MIMEHeader, body string, depth int) {
	kind, params := p.mediaType(header.Get("Content-Type"), "text/plain")
	if boundary := params["boundary"]; strings.HasPrefix(kind, "multipart/") && depth < maxDepth {
		if boundary == "" {
			p.problem("%s without a boundary: taken as text", kind)
		} else {
			p.multipart(boundary, body, depth)
			return
		}
	}
	data := p.decode(header.Get("Content-Transfer-Encoding"), body)
	disposition, dparams := p.mediaType(header.Get("Content-Disposition"), "")
	name := p.words(dparams["filename"])
	if name == "" {
		name = p.words(params["name"])
	}
	isText := disposition != "attachment" && name == ""
	switch {
	case isText && kind == "text/html" && !p.hasHTML:
		p.html, p.hasHTML = p.toUTF8(data, params["charset"]), true
	case isText && (kind == "text/plain" || strings.HasPrefix(kind, "multipart/")) && !p.hasText:
		p.text, p.hasText = p.toUTF8(data, params["charset"]), true
	default:
		id := strings.Trim(header.Get("Content-Id"), "<> ")
		p.attachments = append(p.attachments, Attachment{Filename: name, ContentType: kind, ContentID: id,
			Inline: disposition == "inline" || disposition == "" && id != "", Data: data})
	}
}

func (p *parser) mediaType(field, fallback string) (string, map[string]string) {
	if field == "" {
		return fallback, nil
	}
	kind, params, err := mime.ParseMediaType(field)
	if err != nil {
		p.problem("%q: %v", field, err)
	}
	if kind == "" {
		kind = fallback
	}
	return kind, params
}

func (p *parser) multipart(boundary, body string, depth int) {
	r := multipart.NewReader(strings.NewReader(body), boundary)
	for n := 0; ; n++ {
		part, err := r.NextRawPart()
		if err != nil {
			if !errors.Is(err, io.EOF) || n == 0 {
				p.problem("multipart with boundary %q, after %s: %v", boundary, count(n, "part"), err)
			}
			return
		}
		content, err := io.ReadAll(part)
		if err != nil {
			p.problem("multipart with boundary %q: part %d: %v", boundary, n+1, err)
		}
		p.part(part.Header, string(content), depth+1)
	}
}

// decode undoes the Content-Transfer-Encoding as far as that goes.
func (p *parser) decode(encoding, body string) string {
	switch encoding = strings.ToLower(strings.TrimSpace(encoding)); encoding {
	case "", "7bit", "8bit", "binary":
		return body
	case "quoted-printable":
		b, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(body)))
		if err != nil {
			p.problem("quoted-printable: %v", err)
		}
		return string(b)
	case "base64":
		compact := strings.Map(func(r rune) rune {
			if r <= ' ' {
				return -1
			}
			return r
		}, body)
		b, err := base64.StdEncoding.DecodeString(compact)
		if err != nil {
			p.problem("base64: %v", err)
		}
		return string(b)
	}
	p.problem("Content-Transfer-Encoding %q is not known", encoding)
	return body
}

// toUTF8 converts text, with LF line ends.
func (p *parser) toUTF8(s, charset string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	switch strings.ToLower(charset) {
	case "", "utf-8", "us-ascii", "ascii", "utf8":
		if !utf8.ValidString(s) {
			p.problem("the text is not UTF-8, and no other charset is named")
		}
		return s
	}
	r, err := readCharset(charset, strings.NewReader(s))
	if err != nil {
		p.problem("%v", err)
		return s
	}
	b, err := io.ReadAll(r)
	if err != nil {
		p.problem("charset %s: %v", charset, err)
	}
	return string(b)
}

func readCharset(charset string, input io.Reader) (io.Reader, error) {
	switch strings.ToLower(charset) {
	case "iso-8859-1", "latin1":
		b, err := io.ReadAll(input)
		var s strings.Builder
		for _, c := range b {
			s.WriteRune(rune(c))
		}
		return strings.NewReader(s.String()), err
	}
	if CharsetReader == nil {
		return nil, fmt.Errorf("charset %q is not known: set smtptest.CharsetReader", charset)
	}
	return CharsetReader(charset, input)
}

// words decodes encoded words (RFC 2047), also where they should not stand.
func (p *parser) words(s string) string {
	decoder := mime.WordDecoder{CharsetReader: readCharset}
	decoded, err := decoder.DecodeHeader(s)
	if err != nil {
		p.problem("%q: %v", s, err)
		return s
	}
	return string(bytes.ToValidUTF8([]byte(decoded), []byte("\uFFFD")))
}
