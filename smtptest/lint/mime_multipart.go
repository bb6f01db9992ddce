package lint

import "strings"

// checkMultipart checks the parts of a multipart entity, and returns the first of them
// and the label that the entity must have for their sake.
func checkMultipart(in *inspector, e entity, outer []string) (first child, need label) {
	boundary, ok := boundaryOf(in, e, outer)
	if !ok || len(outer) >= maxDepth {
		return first, 0
	}
	fallback := "text/plain"
	if e.kind == "multipart/digest" {
		fallback = "message/rfc822"
	}
	inner := append(outer[:len(outer):len(outer)], boundary)
	var children []child
	for _, p := range partsOf(in, e, boundary) {
		fields, body := in.header(p.start, p.end)
		c, needs := checkEntity(in, fields, body, p.end, fallback, inner)
		need = max(need, needs)
		c.start, c.end = p.start, p.end
		children = append(children, c)
	}
	checkSiblings(in, e, children)
	if start, ok := getParam(e.params, "start"); ok && e.kind == "multipart/related" {
		in.related = append(in.related, related{contentID(start.value), start.start, start.end})
	}
	if len(children) > 0 {
		first = children[0]
	}
	return first, need
}

// boundaryOf is the boundary of a multipart; ok is false if there is none to look
// for. One in sections (RFC 2231 3) is not put together.
func boundaryOf(in *inspector, e entity, outer []string) (boundary string, ok bool) {
	b, _ := getParam(e.params, "boundary")
	if b.value == "" {
		if b.name != "" || !hasParam(e.params, "boundary") {
			in.report("mime-boundary-missing", e.typed.start, e.typed.end, "%s without a boundary", e.kind)
		}
		return "", false
	}
	if problem := boundaryProblem(b.value); problem != "" {
		in.report("mime-boundary-invalid", b.start, b.end, "a boundary %s", problem)
	}
	for _, o := range outer {
		if strings.HasPrefix(o, b.value) || strings.HasPrefix(b.value, o) {
			in.report("mime-boundary-collision", b.start, b.end, "a boundary around it is %s", quote(o))
			return "", false
		}
	}
	return b.value, true
}

func boundaryProblem(s string) string {
	switch {
	case len(s) > 70:
		return "of more than 70 characters"
	case s[len(s)-1] == ' ':
		return "with a space at its end"
	}
	for i := range len(s) {
		if !isAlnum(s[i]) && strings.IndexByte("'()+_,-./:=? ", s[i]) < 0 {
			return "with " + quote(s[i:i+1]) + " in it"
		}
	}
	return ""
}

type part struct{ start, end int }

// partsOf are the parts of a multipart.
func partsOf(in *inspector, e entity, boundary string) []part {
	var parts []part
	delimiter := "--" + boundary
	open, closed := -1, false
	for at := e.body; !closed; {
		d, ok := nextDelimiter(in, e, at, delimiter)
		if !ok {
			break
		}
		if open >= 0 {
			parts = append(parts, part{open, max(open, beforeLineEnd(in, d.start))})
		}
		at, open, closed = d.end, d.end, d.closing
	}
	switch {
	case open < 0:
		in.report("mime-boundary-not-found", e.body, e.end, "no line is %s", quote(delimiter))
	case !closed:
		in.report("mime-boundary-not-closed", open, e.end, "no line is %s", quote(delimiter+"--"))
		parts = append(parts, part{open, e.end})
	case len(parts) == 0:
		in.report("mime-multipart-empty", e.body, e.end, "%s without a part", e.kind)
	}
	return parts
}

// delimiter is a line between two parts, or behind the last.
type delimiter struct {
	start, end int // of the line with its end
	closing    bool
}

// nextDelimiter finds the first line from at on that is s, or s and two hyphens, and
// white space. Lines end in LF, with or without CR: another rule is about that.
func nextDelimiter(in *inspector, e entity, at int, s string) (d delimiter, ok bool) {
	for {
		i := strings.Index(in.data[at:e.end], s)
		if i < 0 {
			return d, false
		}
		i += at
		if at = i + len(s); i > e.body && in.data[i-1] != '\n' {
			continue
		}
		line, _, _ := strings.Cut(in.data[at:e.end], "\n")
		at = min(at+len(line)+1, e.end)
		if behind := strings.Trim(line, " \t\r"); behind == "" || behind == "--" {
			return delimiter{i, at, behind != ""}, true
		}
	}
}

// beforeLineEnd is the offset of the line end before i, which belongs to the
// delimiter there.
func beforeLineEnd(in *inspector, i int) int {
	if i > 0 && in.data[i-1] == '\n' {
		i--
	}
	if i > 0 && in.data[i-1] == '\r' {
		i--
	}
	return i
}
