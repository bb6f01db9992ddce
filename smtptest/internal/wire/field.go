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

// HeaderLen returns the length of the header section at the beginning of data, with the
// empty line that ends it. A line that is no field ends the section before that line.
// Of a section of more than most bytes it returns the length of the lines that fit.
func HeaderLen(data string, most int) int {
	n := 0
	for {
		line, _, found := strings.Cut(data[n:], "\r\n")
		end := n + len(line) + 2
		folded := n > 0 && line != "" && (line[0] == ' ' || line[0] == '\t')
		switch {
		case !found || end > most:
			return n
		case line == "":
			return end
		case !folded && !isField(line):
			return n
		}
		n = end
	}
}

// isField reports whether the line begins with a field name and a colon (RFC 5322 2.2).
func isField(line string) bool {
	name, _, colon := strings.Cut(line, ":")
	name = strings.TrimRight(name, " \t") // RFC 5322 4.5
	return colon && name != "" && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f })
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
