package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// printable is a line as it is, or quoted if some of it cannot be seen.
func printable(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) || r == '\uFFFD' }) {
		s = strconv.Quote(s)
	}
	return brief(s)
}

// brief cuts a long line, and says how long it was.
func brief(s string) string {
	short, size := cut(s, maxLine)
	if size != "" {
		return short + "... (" + size + ")"
	}
	return s
}

// cut is the beginning of s, valid as UTF-8, and the size of all if that is not
// all.
func cut(s string, most int) (short, size string) {
	if len(s) > most {
		s, size = s[:most], octets(len(s))
	}
	return visible(s), size
}

// visible is text without what a page cannot show: control characters are
// escaped, CRLF is LF.
func visible(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\r\n", "\n")
	if !strings.ContainsFunc(s, unseen) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unseen(r) {
			fmt.Fprintf(&b, `\x%02x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// unseen says that no page can hold the rune: XML 1.0 2.2 and HTML agree.
func unseen(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t' || r == 0xFFFE || r == 0xFFFF
}

// octets is a size in words, as in "1,234 octets".
func octets(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if n == 1 {
		return digits + " octet"
	}
	return digits + " octets"
}

func span(d time.Duration) string { return d.Round(10 * time.Microsecond).String() }
