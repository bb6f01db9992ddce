package lint

import (
	"io"
	"mime"
	"strings"
)

// param is a parameter of a MIME field. The offsets are those of the content.
type param struct {
	name       string // in lower case, with the * of RFC 2231
	value      string // without quotes and backslashes
	raw        string // as sent
	start, end int    // of the value as sent
}

// mediaType reads a Content-Type or Content-Disposition, "attachment" and its
// like: a token where the type is two. What does not parse is reported, and
// taken for what was meant. kind is "" if there is none.
func mediaType(in *inspector, f field) (kind string, params []param) {
	s := in.text(f)
	if i := nonASCII(s); i >= 0 && !in.utf8 {
		in.report("mime-param-non-ascii", f.value+i, f.end, "%s has octets outside ASCII", canonical(f.name))
	}
	p := paramParser{s: s, base: f.value}
	p.skip()
	kind = p.kind(f.name == "content-type")
	p.params()
	for _, q := range p.all {
		if _, w, ok := findWord(q.value); ok {
			in.report("mime-param-encoded-word", q.start, q.end, "an encoded word in %s", quote(q.name))
			if w.problem == "" {
				checkEncodedControl(in, q.start, q.end, w.charset, w.decoded)
			}
		}
	}
	if p.problem == "" {
		checkSections(in, p.all)
	} else if strings.IndexFunc(s, func(r rune) bool { return r < 0x80 && isControl(byte(r)) }) < 0 { // there is another rule about these
		in.report("mime-content-type-invalid", f.start, f.end, "%s: %s", canonical(f.name), p.problem)
	}
	return kind, p.all
}

// paramParser parses the value of a MIME field (RFC 2045 5.1). It notes its
// first problem, and goes on with the next parameter.
type paramParser struct {
	s       string
	at      int
	base    int // of s in the content
	all     []param
	problem string
}

func (p *paramParser) fail(problem string) {
	if p.problem == "" {
		p.problem = problem
	}
}

// skip skips white space and comments; behind a comment that is not closed there
// is nothing.
func (p *paramParser) skip() {
	if p.at = skipCFWS(p.s, p.at); p.at < len(p.s) && p.s[p.at] == '(' {
		p.fail("a comment that is not closed")
		p.at = len(p.s)
	}
}

func (p *paramParser) token() string {
	n := tokenLen(p.s[p.at:])
	p.at += n
	return p.s[p.at-n : p.at]
}

func (p *paramParser) accept(c byte) bool {
	if p.at >= len(p.s) || p.s[p.at] != c {
		return false
	}
	p.at++
	return true
}

func (p *paramParser) kind(two bool) string {
	kind := p.token()
	if kind == "" {
		p.fail("no type")
		return ""
	}
	p.skip()
	if two {
		slash := p.accept('/')
		p.skip()
		subtype := p.token()
		if !slash || subtype == "" {
			p.fail(quote(kind) + " without a subtype")
			return ""
		}
		kind += "/" + subtype
	}
	p.skip()
	return strings.ToLower(kind)
}

func (p *paramParser) params() {
	seen := map[string]bool{}
	for p.at < len(p.s) {
		if !p.accept(';') {
			p.fail("no semicolon before " + quote(p.s[p.at:]))
			p.toSemicolon()
			continue
		}
		p.skip()
		if p.at == len(p.s) {
			p.fail("a semicolon, and no parameter behind it")
			return
		}
		q, ok := p.param()
		if !ok {
			continue
		}
		if seen[q.name] {
			p.fail("a second " + quote(q.name))
			continue
		}
		seen[q.name] = true
		p.all = append(p.all, q)
	}
}

// param parses name=value.
func (p *paramParser) param() (q param, ok bool) {
	q.name = strings.ToLower(p.token())
	p.skip()
	if q.name == "" || !p.accept('=') {
		p.fail("a parameter that is not name=value")
		p.toSemicolon()
		return q, false
	}
	p.skip()
	start := p.at
	if n := 0; start < len(p.s) && p.s[start] == '"' {
		if n = quotedLen(p.s[start:]); n == 0 {
			p.fail("a quoted string that is not closed")
			p.at = len(p.s)
			return q, false
		}
		p.at += n
		q.value = unquote(p.s[start+1 : p.at-1])
	} else if q.value = p.token(); q.value == "" {
		p.fail(quote(q.name) + " without a value")
	}
	end := p.at
	if p.skip(); p.at < len(p.s) && p.s[p.at] != ';' {
		p.fail("a value without quotes, with " + quote(p.s[p.at:p.at+1]) + " in it")
		p.toSemicolon()
		end = p.at
		q.value = strings.Trim(p.s[start:end], " \t\r\n")
	}
	q.raw, q.start, q.end = p.s[start:end], p.base+start, p.base+end
	if problem := extendedProblem(q); problem != "" {
		p.fail(problem)
	}
	return q, true
}

// toSemicolon gives up the rest of a parameter.
func (p *paramParser) toSemicolon() {
	if i := strings.IndexByte(p.s[p.at:], ';'); i >= 0 {
		p.at += i
	} else {
		p.at = len(p.s)
	}
}

// extendedProblem says what is wrong with the value of a parameter whose name
// ends in * (RFC 2231 4).
func extendedProblem(q param) string {
	name, extended := strings.CutSuffix(q.name, "*")
	if !extended {
		return ""
	}
	if strings.HasPrefix(q.raw, `"`) {
		return quote(q.name) + " in quotes"
	}
	value := q.value
	base, section, continued := strings.Cut(name, "*")
	if !continued || section == "0" {
		parts := strings.SplitN(value, "'", 3)
		if len(parts) != 3 {
			return quote(base+"*") + " is not charset'language'value"
		}
		value = parts[2]
	}
	if _, ok := percentDecode(value); !ok {
		return quote(q.name) + " with a % that encodes nothing"
	}
	return ""
}

// tokenLen is the length of the token that s begins with (RFC 2045 5.1). There
// are other rules about octets outside ASCII.
func tokenLen(s string) int {
	n := 0
	for n < len(s) && s[n] > ' ' && s[n] != 0x7f && strings.IndexByte(`()<>@,;:\"/[]?=`, s[n]) < 0 {
		n++
	}
	return n
}

// unquote undoes the backslashes and folds within a quoted string.
func unquote(s string) string {
	if !strings.ContainsAny(s, "\\\r\n") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		} else if s[i] == '\r' || s[i] == '\n' {
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func percentDecode(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' {
			octet, ok := unhex(s[i+1:])
			if !ok {
				return "", false
			}
			c = octet
			i += 2
		}
		b.WriteByte(c)
	}
	return b.String(), true
}

func getParam(params []param, name string) (param, bool) {
	for _, q := range params {
		if q.name == name {
			return q, true
		}
	}
	return param{}, false
}

// hasParam says whether there is a parameter or any section of it.
func hasParam(params []param, name string) bool {
	for _, q := range params {
		if base, _, _ := strings.Cut(q.name, "*"); base == name {
			return true
		}
	}
	return false
}

// checkFileName checks the sections of the parameter name for what makes a path.
func checkFileName(in *inspector, params []param, name string) {
	for _, q := range params {
		if base, _, _ := strings.Cut(q.name, "*"); base == name && isPath(q) {
			in.report("mime-filename-path", q.start, q.end, "a path in %s", quote(q.name))
		}
	}
}

func isPath(q param) bool {
	value := q.value
	if strings.HasSuffix(q.name, "*") {
		value, _ = percentDecode(value)
	}
	if strings.Contains(value, "=?") {
		d := mime.WordDecoder{CharsetReader: func(string, io.Reader) (io.Reader, error) { return nil, io.EOF }}
		var err error
		if value, err = d.DecodeHeader(value); err != nil {
			return false // in a charset that may have "/" within a character
		}
	}
	if strings.ContainsAny(value, `/\`) || value == ".." {
		return true
	}
	// A path of Windows whose backslashes were not doubled.
	_, inner, found := strings.Cut(q.raw, `\`)
	return found && strings.HasPrefix(q.raw, `"`) && !strings.HasPrefix(inner, `"`)
}
