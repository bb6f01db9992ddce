package mailtext

import (
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// A token is a piece of an address list (RFC 5322 3.2). Separators are tokens of
// their own kind.
type token struct {
	kind     byte
	isSpaced bool   // white space is before it
	text     string // without quotes and brackets
	sent     string // as sent
	start    int
}

// The kinds of tokens beside the separators , ; and :.
const (
	atom     byte = 'a' // or an address without brackets
	encoded  byte = '=' // an atom with an encoded word
	quoted   byte = '"'
	comments byte = '('
	angle    byte = '<'
)

// tokenReader divides an address list into tokens, in one pass. What has no end is
// taken as if it were not there.
type tokenReader struct {
	s        string
	i        int
	token    token
	flaw     string // what is wrong with the list since the last token
	isSpaced bool
	// Each of these was searched for once, in vain. It is not searched for again.
	noQuote, noComment bool
}

// next reads a token, and reports whether there is one.
func (r *tokenReader) next() bool {
	r.token.kind, r.flaw, r.isSpaced = 0, "", false
	for r.i < len(r.s) && r.token.kind == 0 {
		r.read()
	}
	return r.token.kind != 0
}

func (r *tokenReader) emit(kind byte, text string, end int) {
	r.token = token{kind, r.isSpaced, text, r.s[r.i:end], r.i}
	r.i = end
}

func (r *tokenReader) skip(flaw string) {
	r.flaw = flaw
	r.i++
}

func (r *tokenReader) read() {
	switch c := r.s[r.i]; c {
	case ' ', '\t', '\r', '\n':
		r.i++
		r.isSpaced = true
	case ',', ';', ':':
		r.emit(c, "", r.i+1)
	case '>':
		r.skip("a > without its <")
	case '<':
		r.angle()
	case '"':
		r.quoted()
	case '(':
		r.comment()
	default:
		r.atom()
	}
}

// angle reads an address in angle brackets. Without a closing bracket the address
// ends at a separator. Doubled brackets are taken as one.
func (r *tokenReader) angle() {
	begin := r.i + 1
	for begin < len(r.s) && r.s[begin] == '<' {
		begin++
		r.flaw = "doubled angle brackets"
	}
	rest := r.s[begin:]
	end := 0
	for end < len(rest) && rest[end] != '>' && rest[end] != '<' {
		if rest[end] == '"' && !r.noQuote {
			n := quotedLen(rest[end:])
			r.noQuote = n == 0
			end += max(n, 1)
			continue
		}
		end++
	}
	if end == len(rest) || rest[end] == '<' {
		r.flaw = "an angle bracket that is not closed"
		if separator := strings.IndexAny(rest[:end], ",;"); separator >= 0 {
			end = separator
		}
		r.emit(angle, rest[:end], begin+end)
		return
	}
	text := rest[:end]
	for end < len(rest) && rest[end] == '>' {
		end++
	}
	r.emit(angle, text, begin+end)
}

func (r *tokenReader) quoted() {
	n := 0
	if !r.noQuote {
		n = quotedLen(r.s[r.i:])
	}
	if n == 0 {
		r.noQuote = true
		r.skip("a quotation mark that is not closed")
		return
	}
	r.emit(quoted, unpaired(r.s[r.i+1:r.i+n-1]), r.i+n)
}

func (r *tokenReader) comment() {
	n := 0
	if !r.noComment {
		n = wire.CommentLen(r.s[r.i:])
	}
	if n == 0 {
		r.noComment = true
		r.skip("a comment that is not closed")
		return
	}
	r.emit(comments, unpaired(r.s[r.i+1:r.i+n-1]), r.i+n)
}

// atom reads up to white space or a separator. An encoded word is one atom,
// whatever characters it has; a domain literal belongs to its address.
func (r *tokenReader) atom() {
	end, kind := r.i, atom
	for end < len(r.s) && strings.IndexByte(" \t\r\n,;:<>\"(", r.s[end]) < 0 {
		switch {
		case strings.HasPrefix(r.s[end:], "=?"):
			w, after, _ := cutWord(r.s, end)
			if w.encoding == 0 {
				end += 2
				break
			}
			if strings.ContainsAny(w.sent, ",;:<>@\"()") {
				r.flaw = "an encoded word with characters that it must encode"
			}
			end, kind = after, encoded
		case r.s[end] == '[' && strings.HasSuffix(strings.TrimRight(r.s[:end], " \t"), "@"):
			end += literalLen(r.s[end:])
		default:
			end++
		}
	}
	r.emit(kind, r.s[r.i:end], end)
}

// literalLen returns the length of the domain literal that s begins with, or 1 if
// it is not closed (RFC 5321 4.1.3).
func literalLen(s string) int {
	const most = 100
	s = s[:min(len(s), most)]
	if end := strings.IndexAny(s, "],;<> "); end > 0 && s[end] == ']' {
		return end + 1
	}
	return 1
}

// quotedLen returns the length of the quoted string that s begins with, or 0 if
// it is not closed.
func quotedLen(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

// unpaired removes the backslashes of quoted pairs (RFC 5322 3.2.1).
func unpaired(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
