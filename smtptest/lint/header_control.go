package lint

import (
	"strings"
	"unicode"
)

// checkControls reports a control character in a field as it was sent, and whether
// the field means nothing for that. A parameter keeps its meaning. Another rule is
// about NUL.
func checkControls(in *inspector, f field) (broken bool) {
	s := in.data[f.start:f.end]
	i := strings.IndexFunc(s, func(r rune) bool { return r < 0x80 && r != 0 && isControl(byte(r)) })
	if i < 0 {
		return false
	}
	in.report("header-control-char", f.start+max(0, i-20), f.end, "octet %#02x in %s", s[i], canonical(f.name))
	return f.name != "content-type" && f.name != "content-disposition"
}

// controlIn returns what control character a decoded text has, or "".
func controlIn(charset, decoded string) string {
	charset = strings.ToLower(charset)
	switch {
	case strings.HasPrefix(charset, "utf-16"), strings.HasPrefix(charset, "utf-32"), strings.HasPrefix(charset, "iso-10646"), strings.Contains(charset, "ebcdic"):
		return "" // their characters have such octets
	}
	if charset == "utf-8" && strings.ContainsFunc(decoded, func(r rune) bool { return r >= 0x80 && unicode.IsControl(r) }) && !isMojibake(decoded) {
		return "a control character"
	}
	shifts := strings.HasPrefix(charset, "iso-2022") // by ESC, SO and SI
	for i := range len(decoded) {
		switch c := decoded[i]; {
		case c == '\r' && strings.HasPrefix(decoded[i:], "\r\n"):
			return "CR LF"
		case c == '\r':
			return "CR"
		case c == '\n':
			return "LF"
		case shifts && (c == 0x1b || c == 0x0e || c == 0x0f):
		case isControl(c) || c == 0:
			return "a control character"
		}
	}
	return ""
}

// checkEncodedControl reports a control character that a reader gets by decoding
// data[start:end]: a CR LF there is a header injection.
func checkEncodedControl(in *inspector, start, end int, charset, decoded string) {
	if what := controlIn(charset, decoded); what != "" {
		in.report("header-control-char", start, end, "%s, encoded", what)
	}
}
