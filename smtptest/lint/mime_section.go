package lint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// extended is a parameter that RFC 2231 encodes: in one piece, or in sections.
type extended struct {
	name     string
	sections []param
	start    int // of the first section
	end      int // of the last
}

// checkSections checks the parameters with a * in their names (RFC 2231 3, 4).
func checkSections(in *inspector, params []param) {
	for _, e := range extendedOf(params) {
		if problem := e.order(); problem != "" {
			in.report("mime-param-sections", e.start, e.end, "%s: %s", quote(e.name), problem)
			continue
		}
		charset, value, ok := e.decode()
		switch name := strings.ToLower(charset); {
		case !ok: // another rule is about that
		case name != "" && !isCharset(name):
			in.report("mime-charset-unknown", e.start, e.end, "charset %s is not registered", quote(charset))
		case name == "utf-8" && !utf8.ValidString(value), name == "us-ascii" && nonASCII(value) >= 0:
			in.report("mime-param-charset-mismatch", e.start, e.end, "%s is not %s", quote(e.name), charset)
		case len(e.sections) > 1 && hasWordIn(value) && !slices.ContainsFunc(e.sections, func(q param) bool { return hasWordIn(q.value) }):
			in.report("mime-param-encoded-word", e.start, e.end, "an encoded word in %s", quote(e.name))
		case isTwice(value) || isPercentTwice(value):
			in.report("header-double-encoded", e.start, e.end, "%s was encoded before", quote(e.name))
		}
		if ok {
			checkEncodedControl(in, e.start, e.end, charset, value)
		}
	}
}

// extendedOf groups the sections by parameter, in the order of the first ones.
func extendedOf(params []param) []extended {
	var all []extended
	index := map[string]int{}
	for _, q := range params {
		name, _, starred := strings.Cut(q.name, "*")
		if !starred {
			continue
		}
		i, ok := index[name]
		if !ok {
			i = len(all)
			index[name] = i
			all = append(all, extended{name: name, start: q.start})
		}
		all[i].sections = append(all[i].sections, q)
		all[i].end = q.end
	}
	return all
}

// number returns the number of a section; -1 if the parameter is in one piece.
func (q param) number() (n int, ok bool) {
	_, rest, _ := strings.Cut(q.name, "*")
	digits := strings.TrimSuffix(rest, "*")
	if rest == "" {
		return -1, true
	}
	n, err := strconv.Atoi(digits)
	return n, err == nil && n >= 0 && digits == strconv.Itoa(n)
}

// order sorts the sections, and returns what is wrong with their numbers.
func (e *extended) order() string {
	for _, q := range e.sections {
		if _, ok := q.number(); !ok {
			return quote(q.name) + " has no number of a section: 0, 1, 2 and so on"
		}
	}
	slices.SortStableFunc(e.sections, func(a, b param) int {
		m, _ := a.number()
		n, _ := b.number()
		return m - n
	})
	first, _ := e.sections[0].number()
	if first < 0 {
		if len(e.sections) > 1 {
			return "both whole and in sections"
		}
		return ""
	}
	for i, q := range e.sections {
		if n, _ := q.number(); n > i {
			return fmt.Sprintf("section %d is missing", i)
		} else if n < i {
			return fmt.Sprintf("section %d is there twice", n)
		}
	}
	return ""
}

// decode puts the sections together. ok is false if that cannot be done.
func (e *extended) decode() (charset, value string, ok bool) {
	var all strings.Builder
	for i, q := range e.sections {
		text := q.value
		if strings.HasSuffix(q.name, "*") {
			if i == 0 {
				parts := strings.SplitN(text, "'", 3)
				if len(parts) != 3 {
					return "", "", false
				}
				charset, text = parts[0], parts[2]
			}
			if text, ok = percentDecode(text); !ok {
				return "", "", false
			}
		}
		all.WriteString(text)
	}
	return charset, all.String(), true
}

// isPercentTwice reports whether a decoded name still has percent-encoded UTF-8.
func isPercentTwice(value string) bool {
	decoded, ok := percentDecode(value)
	return ok && nonASCII(value) < 0 && nonASCII(decoded) >= 0 && utf8.ValidString(decoded)
}
