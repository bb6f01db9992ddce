package mailtext

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/show"
)

// paramForms are the forms in which one parameter came: plain, with a charset,
// and in pieces (RFC 2231).
type paramForms struct {
	plain, extended *param
	pieces          []piece
}

// A piece is a section of a value (RFC 2231 3).
type piece struct {
	param
	n          int
	isExtended bool // it has escaped octets (RFC 2231 4.1)
}

// params decodes a list of parameters. Of those that came twice it takes the
// first.
func (p *parser) params(list string) map[string]string {
	var forms map[string]*paramForms
	for list != "" {
		var one param
		if one, list = cutParam(list); one.name == "" {
			continue
		}
		if forms == nil {
			forms = map[string]*paramForms{}
		}
		name, section, isStarred := strings.Cut(one.name, "*")
		f := forms[name]
		if f == nil {
			f = &paramForms{}
			forms[name] = f
		}
		switch {
		case !isStarred && f.plain == nil:
			f.plain = &one
		case isStarred && section == "" && f.extended == nil:
			f.extended = &one
		case section != "":
			f.addPiece(p, one, section)
		}
	}
	if forms == nil {
		return nil
	}
	decoded := make(map[string]string, len(forms))
	for _, name := range slices.Sorted(maps.Keys(forms)) {
		decoded[name] = p.param(name, forms[name])
	}
	return decoded
}

// addPiece adds a piece by its number. A number with zeros before it is a
// common mistake.
func (f *paramForms) addPiece(p *parser, one param, section string) {
	number, isExtended := strings.CutSuffix(section, "*")
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || number[0] == '+' {
		p.problem("parameter %s: not a number of a piece (RFC 2231 3), left out", show.Quote(one.name))
		return
	}
	if number != strconv.Itoa(n) {
		p.problem("parameter %s: the number of a piece has no leading zeros (RFC 2231 7)", show.Quote(one.name))
	}
	f.pieces = append(f.pieces, piece{one, n, isExtended})
}

// param decodes one parameter to UTF-8. It prefers the forms of RFC 2231; encoded
// words in the plain form are wrong and common.
func (p *parser) param(name string, f *paramForms) string {
	if f.extended != nil && f.pieces != nil {
		p.problem("parameter %s: it is there in one piece and in several, those are left out", show.Quote(name))
	}
	switch {
	case f.extended != nil:
		return p.joined(name, []piece{{*f.extended, 0, true}})
	case f.pieces != nil:
		return p.joined(name, p.inOrder(name, f.pieces))
	case f.plain != nil:
		return p.words(f.plain.value)
	}
	return "" // a piece without a number
}

// inOrder returns the pieces by their numbers. It reports those that are missing,
// and those that came twice.
func (p *parser) inOrder(name string, pieces []piece) []piece {
	slices.SortStableFunc(pieces, func(a, b piece) int { return a.n - b.n })
	want := 0
	ordered := pieces[:0]
	for _, one := range pieces {
		switch {
		case one.n < want:
			p.problem("parameter %s: piece %d came twice, the first is taken", show.Quote(name), one.n)
			continue
		case one.n > want:
			p.problem("parameter %s: piece %d is missing, or the numbers are wrong", show.Quote(name), want)
		}
		want = one.n + 1
		ordered = append(ordered, one)
	}
	return ordered
}

// joined decodes the pieces of a value.
func (p *parser) joined(name string, pieces []piece) string {
	isExtended := slices.ContainsFunc(pieces, func(one piece) bool { return one.isExtended })
	charset, prefix := "", ""
	if isExtended {
		charset, prefix = p.cutCharset(name, &pieces[0])
	}
	var b, escaped strings.Builder
	clean := true
	for i, one := range pieces {
		if !one.isExtended {
			clean = p.unescaped(&b, &escaped) && clean
			b.WriteString(one.value)
			continue
		}
		value := one.value
		if rest, ok := strings.CutPrefix(value, prefix); ok && prefix != "" && i > 0 {
			p.problem("parameter %s: the charset is in more than the first piece, left out", show.Quote(name))
			value = rest
		}
		if _, ok := unescape(value, '%'); !ok {
			clean = false
		}
		if one.isQuoted {
			p.problem("parameter %s: quotes around a value with escaped octets (RFC 2231 7)", show.Quote(name))
		}
		escaped.WriteString(value)
	}
	clean = p.unescaped(&b, &escaped) && clean
	if !clean {
		p.problem("parameter %s: %% without two hexadecimal digits in a piece", show.Quote(name))
	}
	value := strings.ToValidUTF8(p.toUTF8(b.String(), charset), "\uFFFD")
	return p.wordsInPieces(name, value)
}

// unescaped moves what is escaped to b. An escaped octet that is divided between
// two pieces is decoded.
func (p *parser) unescaped(b, escaped *strings.Builder) (clean bool) {
	clean = writeUnescaped(b, escaped.String(), '%')
	escaped.Reset()
	return clean
}

// wordsInPieces decodes encoded words in a value of RFC 2231, as JavaMail writes
// them if it divides a long name.
func (p *parser) wordsInPieces(name, value string) string {
	if !strings.Contains(value, "=?") {
		return value
	}
	decoded := p.words(value)
	if decoded != value {
		p.problem("parameter %s: encoded words in pieces (RFC 2231 3)", show.Quote(name))
	}
	return decoded
}

// cutCharset removes the charset and the language from the first piece, as in
// utf-8'en'%e2%82%ac (RFC 2231 4). prefix is what was removed.
func (p *parser) cutCharset(name string, first *piece) (charset, prefix string) {
	parts := strings.SplitN(first.value, "'", 3)
	switch {
	case first.isExtended && len(parts) == 3:
		charset, first.value = parts[0], parts[2]
		prefix = charset + "'" + parts[1] + "'"
		if len(first.value) > 1 && first.value[0] == '"' && first.value[len(first.value)-1] == '"' {
			first.value = first.value[1 : len(first.value)-1]
			first.isQuoted = true
		}
		return charset, prefix
	case first.isExtended && len(parts) == 2 && (parts[0] != "" && isUTF8(parts[0]) || strings.EqualFold(parts[0], "iso-8859-1")):
		charset, first.value = parts[0], parts[1]
	}
	p.problem("parameter %s: no charset before its value (RFC 2231 4)", show.Quote(name))
	return charset, ""
}
