package lint

import (
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// field is one field of a header. The offsets are those of the content.
type field struct {
	name   string // in lower case
	start  int    // of the name
	value  int    // of what follows the colon
	end    int    // of the value, the last line end not counted
	broken bool   // by a bare CR or LF: the value means nothing
}

const (
	maxLine  = 998 // RFC 5322 2.1.1, without the line end
	goodLine = 78
)

// once are the fields that may be there one time only (RFC 5322 3.6, RFC 2045 3,
// RFC 2183 2, RFC 8098 2.1, RFC 2369 3, RFC 2919 3).
var once = []string{"date", "from", "sender", "reply-to", "to", "cc", "bcc", "message-id", "in-reply-to",
	"references", "subject", "mime-version", "content-type", "content-transfer-encoding", "content-id",
	"content-description", "content-disposition", "disposition-notification-to",
	"list-help", "list-unsubscribe", "list-unsubscribe-post", "list-subscribe", "list-post", "list-owner", "list-archive", "list-id"}

// header reads the header of the message or part in data[start:end] up to its
// body, and reports what is wrong with the lines and with any field whatever its
// name. It goes on behind a fault as long as fields follow.
func (in *inspector) header(start, end int) (fields []field, body int) {
	eol := lineEnd(in.data[start:end])
	fields, body = in.scan(start, end, eol)
	seen := map[string]bool{}
	for i, f := range fields {
		if seen[f.name] && slices.Contains(once, f.name) {
			in.report("header-duplicate", f.start, f.end, "a second %s", canonical(f.name))
		}
		seen[f.name] = true
		fields[i].broken = in.bareLineEnd(f, eol) || checkControls(in, f)
		checkOctets(in, f)
	}
	checkEncodedWords(in, fields)
	return fields, body
}

// scan reads the fields, whose lines end in eol.
func (in *inspector) scan(start, end int, eol string) (fields []field, body int) {
	for at, next := start, start; at < end; at = next {
		line, rest, _ := strings.Cut(in.data[at:end], eol)
		next = end - len(rest)
		if line == "" {
			return fields, next
		}
		if line[0] == ' ' || line[0] == '\t' {
			in.fold(fields, at, line)
		} else if f, ok := in.field(at, line, rest, eol); ok {
			fields = append(fields, f)
		} else {
			return fields, at
		}
		checkLineLength(in, at, line)
	}
	return fields, end
}

// lineEnd is how the lines of a header end: in LF if there is no CRLF in it, for
// then another rule is about that. Elsewhere an LF without CR ends nothing
// (RFC 5322 2.3).
func lineEnd(s string) string {
	if i := strings.Index(s, "\n\n"); i >= 0 {
		s = s[:i+1]
	}
	if strings.Contains(s, "\r\n") {
		return "\r\n"
	}
	return "\n"
}

// fold takes a line that begins with white space into the last field.
func (in *inspector) fold(fields []field, at int, line string) {
	end := at + len(line)
	if len(fields) == 0 {
		in.report("header-fold-bad", at, end, "the first line begins with white space")
		return
	}
	if strings.Trim(line, " \t") == "" {
		in.report("header-fold-bad", at, end, "a folded line of white space only")
	}
	fields[len(fields)-1].end = end
}

// field reads the first line of a field; ok is false if the body seems to begin
// with it. rest is what follows the line.
func (in *inspector) field(at int, line, rest, eol string) (f field, ok bool) {
	end := at + len(line)
	name, _, colon := strings.Cut(line, ":")
	f = field{name: strings.ToLower(strings.TrimRight(name, " \t")), start: at, value: min(at+len(name)+1, end), end: end}
	next, _, more := strings.Cut(rest, eol)
	switch {
	case colon && isName(name):
	case colon && isName(strings.TrimRight(name, " \t")):
		in.report("header-malformed", at, end, "white space before the colon")
	case colon && (isField(next) || next == "" && more):
		in.report("header-malformed", at, end, "%s is no field name", quote(name))
	case isField(next):
		in.report("header-malformed", at, end, "no colon")
	default:
		in.report("header-no-separator", at, end, "no header field, and no empty line before it")
		return f, false
	}
	return f, true
}

func isField(line string) bool {
	name, _, colon := strings.Cut(line, ":")
	return colon && isName(name)
}

// isName says whether s is the name of a field (RFC 5322 2.2).
func isName(s string) bool {
	for i := range len(s) {
		if s[i] < '!' || s[i] > '~' || s[i] == ':' {
			return false
		}
	}
	return s != ""
}

// canonical is the usual spelling of a field's name, cut when it is long.
func canonical(name string) string {
	name = name[:min(len(name), maxOctets)]
	switch name {
	case "message-id", "content-id", "resent-message-id":
		return strings.TrimSuffix(textproto.CanonicalMIMEHeaderKey(name), "Id") + "ID"
	case "mime-version":
		return "MIME-Version"
	}
	return textproto.CanonicalMIMEHeaderKey(name)
}

func checkLineLength(in *inspector, at int, line string) {
	length := len(line)
	if in.utf8 {
		length = utf8.RuneCountInString(line) // RFC 6532 3.4
	}
	if len(line) > maxLine {
		in.report("header-line-too-long", at, at+len(line), "a line of %d octets", len(line))
	} else if length > goodLine {
		in.report("header-line-over-78", at, at+len(line), "a line of %d characters", length)
	}
}

// bareLineEnd reports a CR or LF in a field that does not fold it.
func (in *inspector) bareLineEnd(f field, eol string) bool {
	s := in.data[f.start:f.end]
	for i := 0; i < len(s); i++ {
		if strings.HasPrefix(s[i:], eol) {
			i += len(eol) - 1
		} else if s[i] == '\r' || s[i] == '\n' {
			in.report("header-fold-bad", f.start+max(0, i-20), f.end, "%s in %s", bareName(s[i]), canonical(f.name))
			return true
		}
	}
	return false
}

// quote is s in quotes, cut when it is long.
func quote(s string) string {
	if len(s) > maxOctets {
		return strconv.Quote(s[:maxOctets]) + "..."
	}
	return strconv.Quote(s)
}

func bareName(c byte) string {
	if c == '\r' {
		return "CR without LF"
	}
	return "LF without CR"
}

// checkOctets reports what is neither ASCII nor allowed by SMTPUTF8. The parameters
// of MIME fields have a rule of their own.
func checkOctets(in *inspector, f field) {
	s := in.data[f.start:f.end]
	i := nonASCII(s)
	switch {
	case i < 0:
	case in.utf8:
		if !utf8.ValidString(s) {
			i = invalidUTF8(s)
			in.report("header-bad-utf8", f.start+i, f.end, "%s is not UTF-8", canonical(f.name))
		}
	case f.name != "content-type" && f.name != "content-disposition":
		in.report("header-non-ascii", f.start+i, f.end, "%s has octets outside ASCII", canonical(f.name))
	}
}

// nonASCII is the index of the first octet outside ASCII, or -1.
func nonASCII(s string) int {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return i
		}
	}
	return -1
}

// invalidUTF8 is the index of the first octet that is not UTF-8, or -1.
func invalidUTF8(s string) int {
	for i, r := range s {
		if r != utf8.RuneError {
			continue
		}
		if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
			return i
		}
	}
	return -1
}
