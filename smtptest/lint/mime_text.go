package lint

import (
	"encoding/base64"
	"html"
	"iter"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// text is an entity of type text, decoded.
type text struct {
	entity
	decoded  string
	verbatim bool // decoded is data[body:end]
}

// span are the offsets of decoded[start:end]; of the whole body if it was encoded.
func (t text) span(start, end int) (int, int) {
	if t.verbatim {
		return t.body + start, t.body + end
	}
	return t.body, t.end
}

// shown says whether the text is written for a reader, by the program that sent
// it. A file that is attached is sent as it is.
func (t text) shown() bool {
	return !t.attachment && (t.kind == "text/plain" || t.kind == "text/html")
}

func checkText(in *inspector, t text) {
	charset, _ := getParam(t.params, "charset")
	name := strings.ToLower(charset.value)
	named := name != ""
	switch outside := nonASCII(t.decoded); {
	case !named && outside >= 0 && t.shown() && !hasParam(t.params, "charset"):
		reportText(in, "mime-charset-missing", t, outside, "%s with octets outside ASCII, and no charset", t.kind)
	case named && !isCharset(name):
		in.report("mime-charset-unknown", charset.start, charset.end, "charset %s is not registered", quote(charset.value))
	case name == "us-ascii" && outside >= 0:
		reportText(in, "mime-charset-mismatch", t, outside, "octet %#x in us-ascii", t.decoded[outside])
	case isUTF8As(name, t.decoded):
		reportText(in, "mime-charset-mismatch", t, outside, "UTF-8 with the label %s", quote(charset.value))
	case name == "utf-8" && !utf8.ValidString(t.decoded):
		at := invalidUTF8(t.decoded)
		reportText(in, "mime-charset-mismatch", t, at, "octet %#x is not UTF-8", t.decoded[at])
	}
	if t.kind == "text/calendar" {
		checkCalendar(in, t)
	}
	if t.shown() {
		checkLineEnds(in, t, name)
		checkTwice(in, t, name)
	}
	if t.kind == "text/html" && !t.attachment {
		findContentIDs(in, t)
	}
}

// reportText reports the decoded octets from at on.
func reportText(in *inspector, id string, t text, at int, format string, args ...any) {
	start, end := t.span(at, len(t.decoded))
	in.report(id, start, end, format, args...)
}

// checkLineEnds reports line ends that are not CRLF below the transfer encoding.
// Others are reported as they come over the wire.
func checkLineEnds(in *inspector, t text, charset string) {
	encoded := !t.verbatim || t.encoding == "binary"
	wide := strings.HasPrefix(charset, "utf-16") || strings.HasPrefix(charset, "utf-32") || strings.HasPrefix(charset, "iso-10646")
	if !encoded || wide {
		return
	}
	for i, c := range []byte(t.decoded) {
		if c == '\n' && (i == 0 || t.decoded[i-1] != '\r') ||
			c == '\r' && (i+1 == len(t.decoded) || t.decoded[i+1] != '\n') {
			reportText(in, "mime-text-not-canonical", t, i, "%s in the decoded text", bareName(c))
			return
		}
	}
}

// checkTwice reports what was encoded twice. It looks for the whole text only, for
// parts of it may be meant.
func checkTwice(in *inspector, t text, charset string) {
	const id = "mime-text-double-encoded"
	switch {
	case charset == "utf-8" && isMojibake(t.decoded):
		reportText(in, id, t, nonASCII(t.decoded), "UTF-8 that was taken for another charset and encoded again")
	case isBase64Text(t.decoded):
		reportText(in, id, t, 0, "base64 as text")
	default:
		if at := wordInBody(t.decoded); at >= 0 {
			reportText(in, id, t, at, "an encoded word in a body")
		}
	}
}

// cp1252 are the characters that windows-1252 has in the place of the controls
// from 0x80 on; 0 where it has none.
var cp1252 = []rune("€\x00‚ƒ„…†‡ˆ‰Š‹Œ\x00Ž\x00\x00‘’“”•–—˜™š›œ\x00žŸ")

// isMojibake reports whether s is UTF-8 whose every octet outside ASCII was taken
// for a character of ISO 8859-1 or windows-1252. A capital letter with an accent
// and a sign after it can be two octets of UTF-8, too, as at the end of "CAFÉ…":
// only one that follows a small letter is evidence.
func isMojibake(s string) bool {
	if nonASCII(s) < 0 || !utf8.ValidString(s) {
		return false
	}
	octets := make([]byte, 0, len(s))
	evidence := false
	var before rune
	for _, r := range s {
		if r > 0xff {
			i := slices.Index(cp1252, r)
			if i < 0 {
				return false
			}
			r = rune(0x80 + i)
		}
		evidence = evidence || r >= 0xe0 || r >= 0xc0 && 'a' <= before && before <= 'z'
		octets = append(octets, byte(r))
		before = r
	}
	return evidence && utf8.Valid(octets)
}

// isBase64Text says whether all of s is base64 of readable text. Short words can
// be both.
func isBase64Text(s string) bool {
	const least = 24
	s = strings.NewReplacer("\r", "", "\n", "").Replace(s)
	if len(s) < least || len(s)%4 != 0 {
		return false
	}
	b, err := base64.StdEncoding.DecodeString(s)
	return err == nil && utf8.Valid(b) && !strings.ContainsFunc(string(b), func(r rune) bool {
		return !unicode.IsPrint(r) && !strings.ContainsRune("\r\n\t", r)
	})
}

// wordInBody is the index of an encoded word that does not seem to be quoted
// from a header, or -1.
func wordInBody(s string) int {
	start := 0
	for line := range strings.Lines(s) {
		at, w, ok := findWord(line)
		if ok && w.problem == "" && !isField(line) && strings.IndexByte(" \t>", line[0]) < 0 &&
			(at == 0 || isSpace(line[at-1])) && (at+w.length == len(line) || isSpace(line[at+w.length])) {
			return start + at
		}
		start += len(line)
	}
	return -1
}

// related is a use of a Content-ID. The offsets are those of the content.
type related struct {
	id         string
	start, end int
}

// cid finds addresses of other parts in HTML (RFC 2392).
var cid = regexp.MustCompile(`(?i)[\s"'/](?:src|href|background|poster)\s*=\s*["']?cid:([^"'\s>]+)|\burl\(\s*["']?cid:([^"'\s)]+)`)

func findContentIDs(in *inspector, t text) {
	if !strings.Contains(strings.ToLower(t.decoded), "cid:") {
		return // most have none, and to search for cid is slow
	}
	for from, to := range markup(t.decoded) {
		for _, m := range cid.FindAllStringSubmatchIndex(t.decoded[from:to], -1) {
			first, last := from+max(m[2], m[4]), from+max(m[3], m[5])
			id := html.UnescapeString(t.decoded[first:last])
			if plain, err := url.PathUnescape(id); err == nil {
				id = plain
			}
			start, end := t.span(first, last)
			in.related = append(in.related, related{id, start, end})
		}
	}
}

// markup yields the bounds of the tags and style sheets in HTML. What is between
// them is text, which can show the source of a tag, and comments.
func markup(s string) iter.Seq2[int, int] {
	return func(yield func(from, to int) bool) {
		for at := 0; ; {
			open := strings.IndexByte(s[at:], '<')
			if open < 0 {
				return
			}
			open += at
			end := ">"
			isTag := open+1 < len(s) && isAlnum(s[open+1])
			switch {
			case strings.HasPrefix(s[open:], "<!--"):
				end = "-->"
			case isTag && strings.EqualFold(s[open+1:min(len(s), open+6)], "style"):
				end = "</"
			case !isTag:
				at = open + 1
				continue
			}
			n := strings.Index(s[open:], end)
			if n < 0 {
				return
			}
			if at = open + n + len(end); isTag && !yield(open, at) {
				return
			}
		}
	}
}

// checkMissingParts reports the Content-IDs that no part has.
func checkMissingParts(in *inspector) {
	for _, r := range in.related {
		if !in.ids[r.id] {
			in.report("mime-related-start-missing", r.start, r.end, "no part has the Content-ID %s", quote(r.id))
		}
	}
}
