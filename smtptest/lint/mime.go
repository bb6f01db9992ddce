package lint

import (
	"cmp"
	"slices"
	"strings"
)

// mimeRules are about MIME, in the header and in the body.
var mimeRules = []rule{
	{"mime-version-missing", Error, false, "RFC 2045 4", "There are MIME fields, and no MIME-Version: 1.0."},
	{"mime-content-type-invalid", Error, false, "RFC 2045 5.1", "Content-Type or Content-Disposition does not parse, or has a parameter twice."},
	{"mime-content-id-invalid", Error, false, "RFC 2045 7", "Content-ID is not one <left@right>."},
	{"mime-content-id-unqualified", Warning, false, "RFC 2045 7", "Content-ID has no @, as <logo.png>, which some libraries make of a file name: other messages have the same."},
	{"mime-content-id-duplicate", Error, false, "RFC 2045 7", "Two parts have the same Content-ID."},
	{"mime-boundary-missing", Error, false, "RFC 2046 5.1.1", "A multipart has no boundary parameter."},
	{"mime-boundary-invalid", Error, false, "RFC 2046 5.1.1", "A boundary is too long, or has characters that may not be in it."},
	{"mime-boundary-not-found", Error, false, "RFC 2046 5.1.1", "The boundary of a multipart is not in its body."},
	{"mime-boundary-not-closed", Error, false, "RFC 2046 5.1.1", "A multipart has no closing boundary, which ends in --."},
	{"mime-boundary-collision", Error, false, "RFC 2046 5.1.2", "The boundaries of a multipart and of one within it begin alike, so that one is found for the other."},
	{"mime-multipart-empty", Error, false, "RFC 2046 5.1", "A multipart has no part."},
	{"mime-multipart-encoded", Error, false, "RFC 2045 6.4", "A multipart or message has a transfer encoding; only its parts may."},
	{"mime-cte-unknown", Error, false, "RFC 2045 6.1", "Content-Transfer-Encoding is none of the known ones."},
	{"mime-cte-mismatch", Error, false, "RFC 2045 6.2", "A body is not what Content-Transfer-Encoding says, 7bit where there is none."},
	{"mime-base64-invalid", Error, false, "RFC 2045 6.8", "Base64 has other characters, wrong padding, or more after the padding."},
	{"mime-base64-line-too-long", Error, false, "RFC 2045 6.8", "A line of base64 is longer than 76 characters."},
	{"mime-qp-invalid", Error, false, "RFC 2045 6.7", "Quoted-printable has a = that encodes nothing, bytes that must be encoded, or white space at the end of a line."},
	{"mime-qp-line-too-long", Error, false, "RFC 2045 6.7", "A line of quoted-printable is longer than 76 characters."},
	{"mime-qp-lowercase-hex", Warning, false, "RFC 2045 6.7", "Quoted-printable with hexadecimal digits in lower case."},
	{"mime-qp-encoded-line-end", Error, false, "RFC 2045 6.7", "A text in quoted-printable has =0D=0A for line ends: those are two bytes of data."},
	{"mime-charset-missing", Warning, false, "RFC 2046 4.1.2", "Plain text or HTML has bytes outside ASCII, and no charset."},
	{"mime-charset-mismatch", Error, false, "RFC 2046 4.1.2", "A text is not in its charset, as UTF-8 with the label of another one."},
	{"mime-charset-unknown", Warning, false, "RFC 2046 4.1.2", "A charset is not in IANA's registry."},
	{"mime-text-not-canonical", Error, false, "RFC 2046 4.1.1", "A text has bare LFs or CRs below its transfer encoding; attachments excepted."},
	{"mime-text-double-encoded", Warning, false, "", "A text was encoded twice: UTF-8 of UTF-8, base64 of base64, or encoded words in a body."},
	{"mime-param-encoded-word", Warning, false, "RFC 2047 5", "A parameter, mostly a file name, has encoded words in it; RFC 2231 is for these."},
	{"mime-param-sections", Error, false, "RFC 2231 3", "The sections of a parameter, as filename*0, do not count from 0 without a gap."},
	{"mime-param-charset-mismatch", Error, false, "RFC 2231 4", "A parameter is not in its charset."},
	{"mime-param-non-ascii", Error, false, "RFC 2231", "Content-Type or Content-Disposition has bytes outside ASCII, and MAIL had no SMTPUTF8."},
	{"mime-alternative-order", Warning, true, "RFC 2046 5.1.4", "HTML comes before plain text, as if it were the poorer alternative."},
	{"mime-alternatives-in-mixed", Warning, false, "RFC 2046 5.1.3", "A plain text and the same text in HTML are next to each other in a multipart/mixed: a reader sees both."},
	{"mime-attachment-in-alternative", Warning, false, "RFC 2046 5.1.4", "An attachment is one of the alternatives of a multipart/alternative: a reader who shows it does not show the text."},
	{"mime-calendar-method", Error, false, "RFC 6047 2.4, RFC 5545 8.1", "The parameter method of text/calendar is not the METHOD of the calendar."},
	{"mime-related-type-missing", Warning, true, "RFC 2387 3.1", "A multipart/related has no parameter type."},
	{"mime-related-start-missing", Warning, false, "RFC 2387", "A cid: address or a start parameter names a part that is not there."},
	{"mime-filename-path", Warning, false, "RFC 2183 2.3", "A file name is a path."},
}

// entity is a message or a part of one (RFC 2045 2.4). The offsets are those of
// the content.
type entity struct {
	kind       string  // "text/plain", in lower case
	params     []param // of Content-Type
	encoding   string  // in lower case; "" if it is not known
	attachment bool    // not meant to be shown

	disposition string // Content-Disposition in lower case, without parameters; "" if there is none
	typed       field  // Content-Type; the zero field if there is none
	coded       field  // Content-Transfer-Encoding
	body, end   int
}

// labelField is the field that says which octets the body has.
func (e entity) labelField() field {
	if e.coded.end > 0 {
		return e.coded
	}
	return e.typed
}

// maxDepth is how deep multiparts are followed.
const maxDepth = 20

// mimeFields make a message one of MIME. Others, as Content-Length, do not.
var mimeFields = []string{"mime-version", "content-type", "content-transfer-encoding", "content-id",
	"content-description", "content-disposition"}

// checkMIME checks the message with these fields and the body from there on.
func checkMIME(in *inspector, fields []field, body int) {
	first := slices.IndexFunc(fields, func(f field) bool { return slices.Contains(mimeFields, f.name) })
	if first < 0 {
		return
	}
	checkVersion(in, fields, fields[first])
	in.ids = map[string]bool{}
	checkEntity(in, fields, body, len(in.data), "text/plain", nil)
	checkMissingParts(in)
}

func checkVersion(in *inspector, fields []field, first field) {
	i := slices.IndexFunc(fields, func(f field) bool { return f.name == "mime-version" })
	if i < 0 {
		in.report("mime-version-missing", first.start, first.end, "%s without MIME-Version", canonical(first.name))
		return
	}
	s := in.text(fields[i])
	at := skipCFWS(s, 0)
	for _, c := range []byte("1.0") {
		if at >= len(s) || s[at] != c {
			at = -1
			break
		}
		at = skipCFWS(s, at+1)
	}
	if at != len(s) {
		in.report("mime-version-missing", fields[i].start, fields[i].end, "not MIME-Version: 1.0")
	}
}

// checkEntity checks the part with these fields and the body in data[body:end], of
// type fallback if it does not say (RFC 2046 5.1.5). outer are the boundaries
// that it lies in. It returns what the multipart around it needs of it, and the
// label which that must have. A message in a message is not looked into: another may
// have written it.
func checkEntity(in *inspector, fields []field, body, end int, fallback string, outer []string) (c child, need label) {
	e := describe(in, fields, fallback)
	e.body, e.end = body, end
	c = child{kind: e.kind, attachment: e.disposition == "attachment"}
	if e.encoding == "binary" && !in.binary {
		in.report("mime-cte-mismatch", e.coded.start, e.coded.end, "binary without BODY=BINARYMIME")
	}
	switch composite := isComposite(e.kind); {
	case composite && (e.encoding == "base64" || e.encoding == "quoted-printable"):
		in.report("mime-multipart-encoded", e.coded.start, e.coded.end, "%s in %s", e.kind, e.encoding)
	case in.released && strings.HasPrefix(e.kind, "multipart/"):
		boundaryOf(in, e, outer)
	case in.released:
	case strings.HasPrefix(e.kind, "multipart/"):
		var root child
		root, need = checkMultipart(in, e, outer)
		need = checkLabel(in, e, need)
		if e.kind == "multipart/related" && root.shown {
			c = root // what a reader shows is its first part
		}
	default:
		c.shown = (text{entity: e}).shown()
		c.file = e.attachment && isFile(e.kind)
		c.text, need = checkLeaf(in, e)
	}
	return c, need
}

// isUnqualified reports whether a Content-ID is only the left side of one, in brackets.
func isUnqualified(s string) bool {
	s = s[skipCFWS(s, 0):]
	id, rest, closed := strings.Cut(strings.TrimPrefix(s, "<"), ">")
	return strings.HasPrefix(s, "<") && closed && isDotAtom(id) && skipCFWS(rest, 0) == len(rest)
}

// isFile reports whether a part of that type is a file if it has a name. A calendar in
// an alternative can have one, and the name of an external body is that of another.
func isFile(kind string) bool {
	return !strings.HasPrefix(kind, "text/") && !strings.HasPrefix(kind, "message/") && kind != "application/ics"
}

// isComposite says whether a type may have no transfer encoding (RFC 2045 6.4).
// message/global may (RFC 6532 3.5), and reports are of no use here.
func isComposite(kind string) bool {
	return strings.HasPrefix(kind, "multipart/") || kind == "message/rfc822" || kind == "message/partial" ||
		kind == "message/external-body"
}

// describe reads the MIME fields of a part.
func describe(in *inspector, fields []field, fallback string) entity {
	e := entity{kind: fallback, encoding: "7bit"}
	var id field
	for _, f := range fields {
		if f.broken {
			continue
		}
		switch f.name {
		case "content-type":
			kind, params := mediaType(in, f)
			e.kind, e.params, e.typed = cmp.Or(kind, "text/plain"), params, f
			checkFileName(in, params, "name")
			e.attachment = e.attachment || hasParam(params, "name")
		case "content-disposition":
			disposition, params := mediaType(in, f)
			e.disposition = disposition
			checkFileName(in, params, "filename")
			e.attachment = e.attachment || disposition == "attachment" || hasParam(params, "filename")
		case "content-transfer-encoding":
			e.encoding, e.coded = encodingOf(in, f), f
		case "content-id":
			id = f
		}
	}
	if id.end > 0 {
		checkContentID(in, id, e.kind)
	}
	return e
}

// checkContentID checks a Content-ID. Bodies that are elsewhere may have the same, if
// they are ways to one body (RFC 2046 5.1.4).
func checkContentID(in *inspector, f field, kind string) {
	id := contentID(in.text(f))
	if n, problem := msgIDs(in.text(f)); isUnqualified(in.text(f)) {
		in.report("mime-content-id-unqualified", f.start, f.end, "Content-ID has no @ and no right side")
	} else if problem != "" || n != 1 {
		in.report("mime-content-id-invalid", f.start, f.end, "Content-ID: %s", cmp.Or(problem, "several ids"))
	}
	if in.ids[id] && kind != "message/external-body" {
		in.report("mime-content-id-duplicate", f.start, f.end, "another part has the Content-ID %s", quote(id))
	}
	in.ids[id] = true
}

var encodings = []string{"7bit", "8bit", "binary", "quoted-printable", "base64"}

// encodingOf reads a Content-Transfer-Encoding.
func encodingOf(in *inspector, f field) string {
	s := in.text(f)
	i := skipCFWS(s, 0)
	n := tokenLen(s[i:])
	name := strings.ToLower(s[i : i+n])
	if skipCFWS(s, i+n) == len(s) {
		if slices.Contains(encodings, name) {
			return name
		}
		if strings.HasPrefix(name, "x-") {
			return "" // private, and allowed (RFC 2045 6.3)
		}
	}
	in.report("mime-cte-unknown", f.start, f.end, "%s is no transfer encoding", quote(strings.TrimSpace(s)))
	return ""
}

// contentID is the id without its brackets.
func contentID(s string) string {
	s = s[skipCFWS(s, 0):]
	if inner, ok := strings.CutPrefix(s, "<"); ok {
		s, _, _ = strings.Cut(inner, ">")
	}
	return strings.TrimSpace(s)
}
