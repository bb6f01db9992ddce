package wire

import "strings"

// AddField adds a field, without its line end, to the end of a message's
// header: where smtpd puts it, before the first empty line.
func AddField(data, field string) string {
	field += "\r\n"
	if strings.HasPrefix(data, "\r\n") {
		return field + data
	}
	if i := strings.Index(data, "\r\n\r\n"); i >= 0 {
		return data[:i+2] + field + data[i+2:]
	}
	return data + field
}

// CommentLen is the length of the comment that s begins with, others nested in
// it included (RFC 5322 3.2.2); 0 if it is not closed.
func CommentLen(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}
