package smtpcmp

import (
	"html"
	"mime"
	"net/mail"
	"net/textproto"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-smtptest/smtp/smtptest"
)

// content is what a message says.
type content struct {
	Header      mail.Header
	Structure   string   // the types of the parts
	Parts       []part   // in order; those of an attachment are in Inner
	Text        []string // lines
	HTML        []string
	Attachments []smtptest.Attachment
	Inner       []content // of the attachments that have parts
	Problems    []string
}

// part is what a part says beside its body.
type part struct {
	Type              string
	Params            map[string]string
	Disposition       string
	DispositionParams map[string]string
	ContentID         string // with its angle brackets, if it has them
	Header            mail.Header
}

// maxInner is how deep messages within messages are compared as messages. Below
// it, their bytes compare.
const maxInner = 20

func readContent(data string, ignored []string, depth int) content {
	m := smtptest.Message{Data: data}
	root := m.MIME()
	r := reader{decoder: &mime.WordDecoder{CharsetReader: smtptest.CharsetReader}, ignored: map[string]bool{"Content-Transfer-Encoding": true}, ids: map[string]string{}}
	for _, name := range ignored {
		r.ignored[textproto.CanonicalMIMEHeaderKey(name)] = true
	}
	r.number(root)
	c := content{Structure: types(root), Parts: r.parts(root)}
	c.Header, c.Parts[0].Header = c.Parts[0].Header, nil
	c.Text, c.HTML = lines(r.cids(m.Text())), lines(r.cids(m.HTML()))
	c.Problems = r.problems(m.Problems())
	for _, a := range m.Attachments() {
		if depth < maxInner && strings.HasPrefix(a.ContentType, "message/rfc822") {
			c.Inner = append(c.Inner, readContent(a.Data, ignored, depth+1))
			a.Data = ""
		} else if depth < maxInner && strings.HasPrefix(a.ContentType, "multipart/") {
			c.Inner = append(c.Inner, readContent("Content-Type: "+a.RawContentType+"\r\n\r\n"+a.Data, ignored, depth+1))
			a.Data = ""
		}
		if id := r.ids[a.ContentID]; id != "" {
			a.ContentID = id
		}
		if strings.HasPrefix(a.ContentType, "text/") {
			a.Data = r.cids(a.Data)
		}
		a.RawHeader, a.RawContentType = "", "" // Parts has them
		c.Attachments = append(c.Attachments, a)
	}
	for i := range c.Inner {
		c.Inner[i].Problems = nil // they are those of the message, too
	}
	return c
}

// types returns the types of a part and of the parts in it.
func types(p smtptest.Part) string {
	var b strings.Builder
	writeTypes(&b, p)
	return b.String()
}

func writeTypes(b *strings.Builder, p smtptest.Part) {
	b.WriteString(p.ContentType)
	for i, child := range p.Parts {
		b.WriteString([]string{"(", ", "}[min(i, 1)])
		writeTypes(b, child)
	}
	if p.Parts != nil {
		b.WriteString(")")
	}
}

// reader makes what is read comparable.
type reader struct {
	decoder    *mime.WordDecoder
	ignored    map[string]bool
	ids        map[string]string // the number of each Content-ID, in the order of the parts
	boundaries int
}

// number gives the Content-IDs their numbers.
func (r *reader) number(p smtptest.Part) {
	if p.ContentID != "" && r.ids[p.ContentID] == "" {
		r.ids[p.ContentID] = strconv.Itoa(len(r.ids) + 1)
	}
	if isInner(p) {
		return
	}
	for _, child := range p.Parts {
		r.number(child)
	}
}

// isInner reports whether the parts of a part are those of an attachment.
func isInner(p smtptest.Part) bool {
	return !strings.HasPrefix(p.ContentType, "multipart/") || p.Disposition != "" && p.Disposition != "inline"
}

// parts returns a part and the parts in it, in order.
func (r *reader) parts(p smtptest.Part) []part {
	one := part{Type: p.ContentType, Header: r.header(p.Header)}
	if !r.ignored["Content-Type"] {
		one.Params = r.params(p.Params)
	}
	if !r.ignored["Content-Disposition"] {
		one.Disposition, one.DispositionParams = p.Disposition, p.DispositionParams
	}
	if one.ContentID = p.RawContentID; p.ContentID != "" {
		one.ContentID = strings.Replace(p.RawContentID, p.ContentID, r.ids[p.ContentID], 1)
	}
	if r.ignored["Content-Id"] {
		one.ContentID = ""
	}
	all := []part{one}
	if isInner(p) {
		return all
	}
	for _, child := range p.Parts {
		all = append(all, r.parts(child)...)
	}
	return all
}

// header returns a header as it compares. The fields that a part has as such are
// not in it.
func (r *reader) header(sent mail.Header) mail.Header {
	header := mail.Header{}
	for name, values := range sent {
		if r.ignored[name] || name == "Content-Type" || name == "Content-Disposition" || name == "Content-Id" {
			continue
		}
		for _, value := range values {
			header[name] = append(header[name], r.id(field(name, value, r.decoder)))
		}
	}
	return header
}

// params returns the parameters of a type as they compare.
func (r *reader) params(sent map[string]string) map[string]string {
	params := make(map[string]string, len(sent))
	for name, value := range sent {
		switch name {
		case "boundary":
			r.boundaries++
			value = strconv.Itoa(r.boundaries)
		case "charset":
			value = strings.ToLower(value)
		default:
			value = r.id(value)
		}
		params[name] = value
	}
	return params
}

// id returns a value with a number in place of a Content-ID.
func (r *reader) id(value string) string {
	if bare, ok := strings.CutPrefix(value, "<"); ok && strings.HasSuffix(bare, ">") {
		if number := r.ids[strings.TrimSuffix(bare, ">")]; number != "" {
			return "<" + number + ">"
		}
	}
	if number := r.ids[value]; number != "" {
		return number
	}
	return value
}

// cid finds the cid: addresses of a text. Its first group is not empty for those
// that a reader of HTML loads: of an attribute and of a style.
var cid = regexp.MustCompile(`(?i)((?:=\s*["']?\s*|url\(\s*["']?\s*)?)\bcid:([^"'\s<>()\[\]]*)`)

// cids replaces the Content-IDs in the cid: addresses of a text (RFC 2392) by
// their numbers. If an address that a reader loads shows no part, its id is
// replaced by a question mark.
func (r *reader) cids(text string) string {
	return cid.ReplaceAllStringFunc(text, func(found string) string {
		groups := cid.FindStringSubmatch(found)
		id := html.UnescapeString(groups[2])
		if unescaped, err := url.PathUnescape(id); err == nil {
			id = unescaped
		}
		switch number := r.ids[id]; {
		case number != "":
			return groups[1] + "cid:" + number
		case groups[1] != "":
			return groups[1] + "cid:?"
		}
		return found
	})
}

var (
	// boundary is the parameter of a multipart, also within a quotation.
	boundary = regexp.MustCompile(`(?i);\s*boundary=(?:\\?"[^"\\]*\\?"|[^;\s"]*)`)
	// contentID is the problem of a Content-ID that Part.ContentID shows.
	contentID = regexp.MustCompile(`^Content-ID "(?:[^"\\]|\\.)*"`)
)

// problems returns problems without the boundaries and the Content-IDs that they
// quote.
func (r *reader) problems(sent []string) (all []string) {
	for _, problem := range sent {
		problem = boundary.ReplaceAllString(problem, "")
		all = append(all, contentID.ReplaceAllString(problem, "Content-ID"))
	}
	return all
}
