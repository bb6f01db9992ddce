package lint

import (
	"encoding/base64"
	"strings"
)

// label is what octets a body may have, by Content-Transfer-Encoding.
type label uint8

const (
	sevenBit label = iota
	eightBit       // also octets outside ASCII
	binary         // also NUL, bare CR and LF, and lines of more than 998 octets
)

func labelOf(encoding string) label {
	switch encoding {
	case "8bit":
		return eightBit
	case "binary":
		return binary
	}
	return sevenBit
}

// checkLabel reports a multipart whose label does not cover its parts.
func checkLabel(in *inspector, e entity, need label) label {
	has := labelOf(e.encoding)
	if e.encoding != "" && need > has {
		f := e.labelField()
		in.report("mime-cte-mismatch", f.start, f.end, "%s is %s, and a part of it is not", e.kind, e.encoding)
	}
	return min(need, has)
}

// checkLeaf checks the body of what is no multipart.
func checkLeaf(in *inspector, e entity) (decoded string, need label) {
	t := text{entity: e}
	ok := true
	switch e.encoding {
	case "":
		return "", sevenBit
	case "base64":
		t.decoded, ok = checkBase64(in, e)
	case "quoted-printable":
		t.decoded, ok = checkQuotedPrintable(in, e)
	default:
		t.decoded, t.verbatim = in.data[e.body:e.end], true
		need = checkUnencoded(in, e)
	}
	if ok && strings.HasPrefix(e.kind, "text/") {
		checkText(in, t)
		decoded = t.decoded
	}
	return decoded, need
}

// checkUnencoded checks a body without transfer encoding against its label.
func checkUnencoded(in *inspector, e entity) (need label) {
	body := in.data[e.body:e.end]
	has := labelOf(e.encoding)
	at, what := nonASCII(body), "an octet outside ASCII"
	if at >= 0 {
		need = eightBit
	}
	// Without BINARYMIME data-nul and its like say it.
	if i, why := notLines(body); i >= 0 && in.binary && has < binary {
		at, what, need = i, why, binary
	} else if i >= 0 && in.binary {
		need = binary
	}
	if need > has {
		in.report("mime-cte-mismatch", e.body+at, e.end, "%s in a body that is %s", what, e.encoding)
	}
	return min(need, has)
}

// notLines is the index of the first octet that may not stand in lines of text,
// or -1.
func notLines(s string) (at int, what string) {
	start := 0
	for i := range len(s) {
		switch s[i] {
		case 0:
			return i, "a NUL"
		case '\r':
			if i+1 == len(s) || s[i+1] != '\n' {
				return i, bareName('\r')
			}
		case '\n':
			if i == 0 || s[i-1] != '\r' {
				return i, bareName('\n')
			}
			start = i + 1
		default:
			if i-start >= maxLine {
				return start, "a line of more than 998 octets"
			}
		}
	}
	return -1, ""
}

const maxEncodedLine = 76 // of base64 and quoted-printable

// checkBase64 checks and decodes a body; ok is false if that cannot be done.
func checkBase64(in *inspector, e entity) (decoded string, ok bool) {
	var compact strings.Builder
	bad, problem := badBase64(in, e, &compact)
	if problem != "" {
		in.report("mime-base64-invalid", bad, e.end, "%s", problem)
		return "", false
	}
	b, err := base64.StdEncoding.DecodeString(compact.String())
	return string(b), err == nil
}

// badBase64 finds what is wrong first, and gathers the characters.
func badBase64(in *inspector, e entity, compact *strings.Builder) (at int, problem string) {
	padding := 0
	encodedLines(in, e, "mime-base64-line-too-long", func(start int, line string) {
		for i := range len(line) {
			c := line[i]
			switch {
			case problem != "":
				return
			case c == '=':
				padding++
			case !isAlnum(c) && c != '+' && c != '/':
				at, problem = start+i, quote(line[i:i+1])+" in base64"
			case padding > 0:
				at, problem = start+i, "base64 behind the padding"
			}
		}
		compact.WriteString(line)
	})
	if problem == "" && (compact.Len()%4 != 0 || padding > 2) {
		return e.body, "base64 of a length that is no multiple of four, or with wrong padding"
	}
	return at, problem
}

// encodedLines calls do with each line of the body, without its end, and reports
// the first that is too long.
func encodedLines(in *inspector, e entity, tooLong string, do func(start int, line string)) {
	long := false
	for at := e.body; at < e.end; {
		line, _, _ := strings.Cut(in.data[at:e.end], "\n")
		next := at + len(line) + 1
		line = strings.TrimSuffix(line, "\r")
		if len(line) > maxEncodedLine && !long {
			long = true
			in.report(tooLong, at, at+len(line), "a line of %d characters", len(line))
		}
		do(at, line)
		at = next
	}
}

// checkQuotedPrintable checks and decodes a body; ok is false if that cannot be done.
// Not: the reader of mime/quotedprintable, which takes nearly anything.
func checkQuotedPrintable(in *inspector, e entity) (decoded string, ok bool) {
	q := qpDecoder{bad: -1, lower: -1}
	encodedLines(in, e, "mime-qp-line-too-long", func(start int, line string) {
		q.line(start, line, start+len(line) < e.end)
	})
	if q.bad >= 0 {
		in.report("mime-qp-invalid", q.bad, e.end, "%s", q.problem)
	}
	if q.lower >= 0 {
		in.report("mime-qp-lowercase-hex", q.lower, q.lower+3, "hexadecimal digits in lower case")
	}
	if t := (text{entity: e}); q.lineEnd > 0 && t.shown() {
		in.report("mime-qp-encoded-line-end", q.lineEnd, q.lineEnd+6, "a line end as octets")
	}
	return q.decoded.String(), q.bad < 0
}

type qpDecoder struct {
	decoded strings.Builder
	bad     int // offset of the first problem, or -1
	problem string
	lower   int // offset of the first lower-case digits, or -1
	cr      int // offset of an encoded CR that came last; 0 if there is none
	lineEnd int // offset of the first encoded CR LF; 0 if there is none
}

// line decodes a line; more says that a line end follows.
func (q *qpDecoder) line(start int, line string, more bool) {
	if trimmed := strings.TrimRight(line, " \t"); trimmed != line {
		q.fail(start+len(trimmed), "white space at the end of a line")
	}
	for i := 0; i < len(line); i++ {
		c, cr := line[i], 0
		switch {
		case c == '=' && i == len(line)-1:
			return // a soft line break
		case c == '=':
			octet, ok := unhex(line[i+1:])
			if !ok {
				q.fail(start+i, "= without two hexadecimal digits")
			} else if digits := line[i+1 : i+3]; q.lower < 0 && digits != strings.ToUpper(digits) {
				q.lower = start + i
			}
			if c = octet; c == '\r' {
				cr = start + i
			} else if c == '\n' && q.lineEnd == 0 {
				q.lineEnd = q.cr
			}
			i += 2
		case isControl(c), c >= 0x80:
			q.fail(start+i, "an octet that must be encoded")
		}
		q.cr = cr
		q.decoded.WriteByte(c)
	}
	q.cr = 0
	if more {
		q.decoded.WriteString("\r\n")
	}
}

func (q *qpDecoder) fail(at int, problem string) {
	if q.bad < 0 {
		q.bad, q.problem = at, problem
	}
}
