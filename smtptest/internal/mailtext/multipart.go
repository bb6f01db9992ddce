package mailtext

import (
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/show"
)

// multipart reads the parts of a body (RFC 2046 5.1). It returns nil if the body
// has none.
func (p *parser) multipart(kind, boundary, body string, depth int) (parts []Part) {
	if boundary == "" {
		p.problem("%s without a boundary: taken as text", show.Quote(kind))
		return nil
	}
	if depth == maxDepth {
		p.problem("%s within %s: taken as text", show.Quote(kind), show.Plural(maxDepth, "multipart"))
		return nil
	}
	_, rest, delimiter := cutPart(body, boundary)
	if delimiter != delimBetween {
		p.problem("%s without a part: taken as text", show.Quote(kind))
		return nil
	}
	fallback := "text/plain"
	if kind == "multipart/digest" { // RFC 2046 5.1.5
		fallback = "message/rfc822"
	}
	for delimiter == delimBetween {
		if p.isFull() {
			return parts
		}
		var entity string
		entity, rest, delimiter = cutPart(rest, boundary)
		parts = append(parts, p.part(entity, fallback, depth+1))
	}
	if delimiter == delimNone {
		p.problem("%s without its closing boundary", show.Quote(kind))
	}
	return parts
}

// message reads the message in a part (RFC 2046 5.2.1, RFC 6532 3.7).
func (p *parser) message(kind, data string, depth int) []Part {
	if depth == maxDepth {
		p.problem("%s within %s: its parts are left out", show.Quote(kind), show.Plural(maxDepth, "part"))
		return nil
	}
	if p.isFull() {
		return nil
	}
	return []Part{p.part(data, "text/plain", depth+1)}
}

// isFull counts a part. It reports whether there are too many.
func (p *parser) isFull() bool {
	p.parts++
	if p.parts == maxParts+1 {
		p.problem("more than %s: the others are left out", show.Plural(maxParts, "part"))
	}
	return p.parts > maxParts
}

// What ended a part of a multipart.
type delimiter int

const (
	delimNone    delimiter = iota // the end of the body
	delimBetween                  // a delimiter line: another part follows
	delimClosing                  // the close-delimiter: the epilogue follows
)

// cutPart cuts a multipart body at the next line that is a delimiter. The line
// end before it belongs to it (RFC 2046 5.1.1).
func cutPart(body, boundary string) (part, rest string, by delimiter) {
	mark := "--" + boundary
	for end := 0; ; {
		start := strings.Index(body[end:], mark)
		if start < 0 {
			return body, "", delimNone
		}
		start += end
		end = start + len(mark)
		if start > 0 && body[start-1] != '\n' {
			continue
		}
		tail, rest, _ := strings.Cut(body[end:], "\n")
		part = strings.TrimSuffix(strings.TrimSuffix(body[:start], "\n"), "\r")
		switch strings.TrimRight(tail, " \t\r") {
		case "":
			return part, rest, delimBetween
		case "--":
			return part, rest, delimClosing
		}
	}
}
