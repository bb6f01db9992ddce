package mailtext

import (
	"fmt"
	"net/mail"
	"net/textproto"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/show"
)

// A Field is one field of a header. Its value is as sent but unfolded.
type Field struct{ Name, Value string }

// Fields returns the fields of a header, in order. A line that is not a field
// ends the header.
func Fields(header string) []Field {
	fields, _, _ := splitHeader(header)
	return fields
}

// Header returns the header of a message, with values as sent but unfolded. A
// line that is not a field ends it. It never returns nil.
func Header(data string) mail.Header { return index(Fields(data)) }

func index(fields []Field) mail.Header {
	header := make(mail.Header, len(fields))
	for _, f := range fields {
		key := textproto.CanonicalMIMEHeaderKey(f.Name)
		header[key] = append(header[key], f.Value)
	}
	return header
}

// splitHeader reads fields up to the empty line, or up to the first line that is
// not a field. LF ends a line, too.
func splitHeader(data string) (fields []Field, body string, err error) {
	for data != "" {
		line, rest := cutLine(data)
		if line == "" {
			return fields, rest, nil
		}
		name, value, ok := strings.Cut(line, ":")
		name = strings.TrimRight(name, " \t")
		if !ok || name == "" || strings.ContainsAny(name, " \t") {
			return fields, data, fmt.Errorf("%s is no field: taken as the beginning of the body", show.Quote(line))
		}
		if isFolded(rest) {
			value, rest = unfold(value, rest)
		}
		fields = append(fields, Field{name, strings.Trim(value, " \t\r")})
		data = rest
	}
	return fields, "", nil
}

func isFolded(rest string) bool { return rest != "" && (rest[0] == ' ' || rest[0] == '\t') }

// unfold adds the lines that continue a value. It removes only the line ends
// between them (RFC 5322 2.2.3).
func unfold(value, rest string) (whole, after string) {
	var b strings.Builder
	b.WriteString(value)
	for isFolded(rest) {
		var line string
		line, rest = cutLine(rest)
		b.WriteString(line)
	}
	return b.String(), rest
}

// cutLine returns the first line without its end, and what follows.
func cutLine(s string) (line, rest string) {
	line, rest, _ = strings.Cut(s, "\n")
	return strings.TrimSuffix(line, "\r"), rest
}

// header reads the header of an entity. It returns the header as sent, without
// the empty line at its end.
func (p *parser) header(entity string) (raw string, fields []Field, body string) {
	fields, body, err := splitHeader(entity)
	if err != nil {
		p.problem("header: %v", err)
	}
	raw = entity[:len(entity)-len(body)]
	if empty, ok := strings.CutSuffix(raw, "\n"); ok && err == nil {
		if empty = strings.TrimSuffix(empty, "\r"); empty == "" || strings.HasSuffix(empty, "\n") {
			raw = empty
		}
	}
	return raw, fields, body
}

// checkFields reports what cannot be decoded in the fields. The parameters of
// Content-Type and Content-Disposition are checked elsewhere.
func (p *parser) checkFields(fields []Field) {
	for _, f := range fields {
		switch key := textproto.CanonicalMIMEHeaderKey(f.Name); {
		case key == "Content-Type" || key == "Content-Disposition":
		case addressFields[strings.TrimPrefix(key, "Resent-")]:
			p.addresses(key, f.Value)
		default:
			p.words(f.Value)
		}
	}
}
