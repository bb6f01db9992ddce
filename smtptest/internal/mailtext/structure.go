package mailtext

import (
	"strconv"
	"strings"
)

// Structure returns the types of a part and of the parts in it, with their file
// names, in one line.
func (p Part) Structure() string {
	var b strings.Builder
	p.write(&b)
	return b.String()
}

func (p Part) write(b *strings.Builder) {
	b.WriteString(kind(p.ContentType))
	if p.Filename != "" {
		b.WriteString(" " + strconv.Quote(p.Filename))
	}
	for i, child := range p.Parts {
		if i == 0 {
			b.WriteByte('(')
		} else {
			b.WriteString(", ")
		}
		child.write(b)
	}
	if p.Parts != nil {
		b.WriteByte(')')
	}
}

// kind returns a type, in quotes if it has characters that no type has (RFC 2045
// 5.1).
func kind(contentType string) string {
	isOdd := func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"[]?=`, r) }
	if contentType == "" || strings.ContainsFunc(contentType, isOdd) {
		return strconv.Quote(contentType)
	}
	return contentType
}
