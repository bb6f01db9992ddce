package lint

import (
	"slices"
	"strings"
)

// mailbox is an address in a field.
type mailbox struct {
	local, domain string
	start, end    int // of the addr-spec in the content
}

// same says whether two mailboxes are one: the case of a local part matters.
func (m mailbox) same(o mailbox) bool {
	return m.local == o.local && strings.EqualFold(m.domain, o.domain)
}

// addressFields are those that hold addresses; a Bcc may be empty (RFC 5322 3.6.3).
var addressFields = []string{"from", "sender", "reply-to", "to", "cc", "bcc",
	"resent-from", "resent-sender", "resent-to", "resent-cc", "resent-bcc", notificationField}

// notificationField holds mailboxes and no groups (RFC 8098 2.1).
const notificationField = "disposition-notification-to"

// checkAddresses checks the fields of addresses, and returns the mailboxes in those
// that parse, by the name of the field.
func checkAddresses(in *inspector, fields []field) map[string][]mailbox {
	boxes := map[string][]mailbox{}
	for _, f := range fields {
		if f.broken || !slices.Contains(addressFields, f.name) {
			continue
		}
		p := addressParser{in: in, noGroups: f.name == notificationField}
		for _, t := range tokensOf(in, f) {
			if t.kind != comment {
				p.tokens = append(p.tokens, t)
			}
		}
		p.list(strings.HasSuffix(f.name, "bcc"))
		if p.problem == "" && strings.HasSuffix(f.name, "sender") && len(p.boxes) != 1 {
			p.problem = "not one mailbox"
		}
		if p.problem != "" {
			start := f.start
			if p.at > 0 && p.at < len(p.tokens) {
				start = p.tokens[p.at-1].start
			}
			id := "header-address-invalid"
			if f.name == notificationField {
				id = "header-disposition-notification-invalid"
			}
			in.report(id, start, f.end, "%s: %s", canonical(f.name), p.problem)
			continue
		}
		for _, m := range p.boxes {
			if isBareIP(m.domain) {
				in.report("header-address-bare-ip", m.start, m.end, "%s: an IP address needs brackets", canonical(f.name))
			}
		}
		boxes[f.name] = append(boxes[f.name], p.boxes...)
	}
	return boxes
}

// addressParser parses an address-list (RFC 5322 3.4, without its obsolete
// forms), in which any field may have groups (RFC 6854). It stops at the first
// problem.
type addressParser struct {
	in      *inspector
	tokens  []token // without comments
	at      int
	boxes   []mailbox
	problem string

	noGroups bool
}

func (p *addressParser) kind() byte {
	if p.at < len(p.tokens) {
		return p.tokens[p.at].kind
	}
	return 0
}

func (p *addressParser) accept(kind byte) bool {
	if p.kind() != kind {
		return false
	}
	p.at++
	return true
}

// fail notes the problem, with the token that it is about.
func (p *addressParser) fail(problem string) bool {
	p.problem = problem
	if p.at < len(p.tokens) {
		t := p.tokens[p.at]
		p.problem += " before " + quote(p.in.data[t.start:t.end])
	}
	return false
}

func (p *addressParser) list(mayBeEmpty bool) {
	if len(p.tokens) == 0 {
		if !mayBeEmpty {
			p.fail("no address")
		}
		return
	}
	for p.address(!p.noGroups) && p.problem == "" {
		if p.kind() == 0 {
			return
		}
		if !p.accept(',') {
			p.fail("no comma")
			return
		}
	}
}

// address parses a mailbox or, if mayBeGroup, a group.
func (p *addressParser) address(mayBeGroup bool) bool {
	first := p.at
	dot := -1
	for p.isWord() || p.kind() == '.' {
		if p.kind() == '.' && dot < 0 {
			dot = p.at
		}
		p.at++
	}
	switch phrase := p.tokens[first:p.at]; p.kind() {
	case '@':
		return p.addrSpec(phrase)
	case '<', ':':
		if dot >= 0 {
			p.at = dot
			return p.fail("a display name without quotes")
		}
		if p.accept('<') {
			return p.angle()
		}
		if !mayBeGroup || len(phrase) == 0 {
			return p.fail("no address")
		}
		p.at++
		return p.group()
	case bad:
		return p.fail("nothing that may stand there,")
	}
	if len(p.tokens[first:p.at]) > 0 {
		return p.fail("an address without @")
	}
	return p.fail("no address")
}

func (p *addressParser) isWord() bool {
	return p.kind() == atom || p.kind() == word || p.kind() == quoted
}

// group parses what follows the colon.
func (p *addressParser) group() bool {
	if p.accept(';') {
		return true
	}
	for p.address(false) {
		if p.accept(';') {
			return true
		}
		if !p.accept(',') {
			return p.fail("no comma or semicolon")
		}
	}
	return false
}

// angle parses what follows "<".
func (p *addressParser) angle() bool {
	first := p.at
	for p.isWord() || p.kind() == '.' {
		p.at++
	}
	if p.kind() != '@' {
		return p.fail("no addr-spec")
	}
	if !p.addrSpec(p.tokens[first:p.at]) {
		return false
	}
	if !p.accept('>') {
		return p.fail("no >")
	}
	return true
}

// addrSpec parses the rest of an addr-spec, from the "@"; local are the tokens
// before it.
func (p *addressParser) addrSpec(local []token) bool {
	left, ok := p.dotAtom(local)
	if !ok && (len(local) != 1 || local[0].kind != quoted) {
		return p.fail("no local part")
	}
	p.at++
	first := p.at
	for p.kind() == atom || p.kind() == word || p.kind() == '.' {
		p.at++
	}
	domain := p.tokens[first:p.at]
	right, ok := p.dotAtom(domain)
	if len(domain) == 0 && p.accept(literal) {
		domain = p.tokens[first:p.at]
		right, ok = p.in.data[domain[0].start:domain[0].end], true
	}
	if !ok {
		return p.fail("no domain")
	}
	p.boxes = append(p.boxes, mailbox{left, right, local[0].start, domain[len(domain)-1].end})
	return true
}

// dotAtom is the text of tokens that are a dot-atom (or one token); without
// space in it, which is obsolete (RFC 5322 4.4).
func (p *addressParser) dotAtom(tokens []token) (string, bool) {
	if len(tokens) == 0 {
		return "", false
	}
	text := p.in.data[tokens[0].start:tokens[len(tokens)-1].end]
	return text, isDotAtom(text) || len(tokens) == 1 && tokens[0].kind == word
}
