package mailtext

import (
	"cmp"
	"net/mail"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/show"
)

// addressFields are the fields that are lists of addresses (RFC 5322 3.6.2 and
// 3.6.3, RFC 8098 2.1). Resent- may be before their names.
var addressFields = map[string]bool{
	"From": true, "Sender": true, "Reply-To": true, "To": true, "Cc": true, "Bcc": true, "Disposition-Notification-To": true,
}

// Addresses returns the addresses in the values of a field, with decoded names.
func Addresses(values []string, charset Charset) (list []mail.Address) {
	p := &parser{charset: charset}
	for _, value := range values {
		list = append(list, p.addresses("", value)...)
	}
	return list
}

// addresses reads one address list (RFC 5322 3.4). What breaks the syntax is
// read as a person would read it, and reported.
func (p *parser) addresses(field, value string) []mail.Address {
	l := addressList{p: p, field: field, value: value}
	l.begin()
	r := tokenReader{s: value}
	for r.next() {
		l.setFlaw(r.flaw)
		l.add(r.token)
	}
	l.setFlaw(r.flaw)
	if l.inGroup {
		l.flaw = "a group without its end ;"
	}
	l.endElement(len(value))
	l.endPending(len(value))
	if l.unreported > 0 {
		p.problem("%s: %s more that break the syntax (RFC 5322 3.4)", field, show.Plural(l.unreported, "address"))
	}
	return l.list
}

// addressList reads the tokens of a list.
type addressList struct {
	p            *parser
	field, value string
	list         []mail.Address
	inGroup      bool
	pending      []string // phrases before a comma, without an address
	pendingStart int
	reported     int
	unreported   int

	// The element up to the next comma.
	element    []token // without comments
	start      int     // where it begins, or -1
	comment    string  // the first one
	isSpaced   bool    // a comment is before the next token
	lastAngle  int     // the index of the last address in angle brackets, or -1
	hasAddress bool
	flaw       string // what is wrong with it
}

// begin begins an element.
func (l *addressList) begin() {
	l.element, l.start, l.comment, l.lastAngle, l.hasAddress, l.flaw = l.element[:0], -1, "", -1, false, ""
}

func (l *addressList) setFlaw(flaw string) {
	if l.flaw == "" {
		l.flaw = flaw
	}
}

func (l *addressList) add(t token) {
	if l.start < 0 {
		l.start = t.start
	}
	switch t.kind {
	case ',':
		l.endElement(t.start)
	case ';':
		if !l.inGroup {
			l.setFlaw("a semicolon between addresses")
		}
		l.endElement(t.start)
		l.endPending(t.start)
		l.inGroup = false
	case ':':
		l.beginGroup(t)
	case comments:
		l.comment = cmp.Or(l.comment, t.text)
		l.isSpaced = true
	default:
		t.isSpaced = t.isSpaced || l.isSpaced
		l.isSpaced = false
		if t.kind == angle {
			l.lastAngle = len(l.element)
		}
		l.hasAddress = l.hasAddress || t.kind == angle || t.kind == atom && strings.Contains(t.text, "@")
		l.element = append(l.element, t)
	}
}

// beginGroup forgets the name of a group. A colon after anything else is junk.
func (l *addressList) beginGroup(t token) {
	switch {
	case l.inGroup || l.hasAddress || len(l.element) == 0:
		l.setFlaw("a colon that begins no group")
	case len(l.element) == 1 && strings.EqualFold(l.element[0].text, "mailto"):
		l.begin()
		l.flaw = "mailto: before an address"
	default:
		l.p.words(l.value[l.start:t.start]) // for its problems
		l.begin()
		l.inGroup = true
	}
}

// endElement takes in what was between two commas. An element that has nothing
// is obsolete syntax (RFC 5322 4.4).
func (l *addressList) endElement(end int) {
	defer l.begin()
	start := l.start
	found, rest := l.read()
	switch {
	case len(found) == 0 && rest == "":
		if l.flaw != "" {
			l.report(start, end, nil)
		}
		return
	case len(found) == 0:
		if l.pending == nil {
			l.pendingStart = start
		}
		l.pending = append(l.pending, rest)
		return
	case l.pending != nil && found[0].Name != "" && l.element[0].kind != angle:
		found[0].Name = strings.Join(append(l.pending, found[0].Name), ", ")
		start, l.pending, l.flaw = l.pendingStart, nil, "a comma in a name without quotes"
	}
	if rest != "" {
		l.setFlaw("words that belong to no address")
	}
	if len(found) > 1 {
		l.setFlaw("no comma between addresses")
	}
	flaw := l.flaw
	l.endPending(start)
	l.list = append(l.list, found...)
	if l.flaw = flaw; flaw != "" {
		l.report(start, end, found)
	}
}

// endPending takes in phrases that no address follows. A single word is an
// address without a domain, as of a local user.
func (l *addressList) endPending(end int) {
	if l.pending == nil {
		return
	}
	var found []mail.Address
	l.flaw = "no address"
	for _, phrase := range l.pending {
		name, spec, isAngle := strings.Cut(strings.TrimSuffix(phrase, ">"), "<")
		if !isAngle {
			name, spec = "", phrase
		}
		address, flaw := addrSpec(spec)
		switch {
		case strings.Contains(spec, "@") && flaw == "":
			l.flaw = "an address within an encoded word"
			found = append(found, mail.Address{Name: strings.TrimSpace(name), Address: address})
		case !strings.ContainsAny(phrase, " \t"):
			l.flaw = "an address without a domain"
			found = append(found, mail.Address{Address: phrase})
		}
	}
	l.list = append(l.list, found...)
	l.report(l.pendingStart, end, found)
	l.pending = nil
}

// report reports a flaw, and how it was read. It reports only so many of a field
// one by one.
func (l *addressList) report(start, end int, found []mail.Address) {
	const most = 20
	if l.reported++; l.reported > most {
		l.unreported++
		return
	}
	read := "left out"
	if len(found) > 0 {
		read = "read as " + show.Quote(strings.TrimLeft(found[0].Name+" <"+found[0].Address+">", " "))
		if len(found) > 1 {
			read += " and " + show.Plural(len(found)-1, "other")
		}
	}
	sent := strings.Trim(l.value[max(start, 0):end], " \t,;")
	l.p.problem("%s: %s has %s (RFC 5322 3.4), %s", l.field, show.Quote(sent), l.flaw, read)
}

// read finds the addresses of the element. rest is a phrase without an address
// at its end.
func (l *addressList) read() (found []mail.Address, rest string) {
	name := 0 // where the name of the next address begins
	for i := 0; i < len(l.element); i++ {
		from, spec := i, l.element[i].text
		switch {
		case l.element[i].kind == angle:
		case l.element[i].kind == atom && i > l.lastAngle && strings.Contains(spec, "@"):
			from, spec, i = joinSpec(l.element, name, i)
			if from > name {
				l.setFlaw("an address without angle brackets after a name")
			}
		default:
			continue
		}
		address, flaw := addrSpec(spec)
		l.setFlaw(flaw)
		if address != "" {
			found = append(found, mail.Address{Name: l.phrase(l.element[name:from]), Address: address})
		}
		name = i + 1
	}
	rest = l.phrase(l.element[name:])
	switch n := len(found); {
	case n == 0:
	case found[n-1].Name == "" && rest != "":
		l.setFlaw("a name after its address")
		found[n-1].Name, rest = rest, ""
	case n == 1 && l.lastAngle < 0 && found[0].Name == "" && l.comment != "":
		found[0].Name = l.p.words(strings.Join(strings.Fields(l.comment), " ")) // an older form of the name (RFC 822 A.1.2)
	}
	return found, rest
}

// joinSpec joins an address without angle brackets, which may have a quoted local
// part, and white space around its @ and its dots (RFC 5322 4.4). It begins at
// element[least:], and returns where the address begins and ends.
func joinSpec(element []token, least, i int) (from int, spec string, last int) {
	from, last = i, i
	for from > least {
		first, before := element[from], element[from-1]
		joins := first.sent[0] == '@' || first.sent[0] == '.' || before.sent == "."
		if first.kind == quoted || !joins && (first.isSpaced || before.kind != quoted) {
			break
		}
		from--
	}
	for last+1 < len(element) && element[last+1].kind == atom {
		text := element[last].text
		if element[last+1].text != "." && text != "." && text[len(text)-1] != '@' {
			break
		}
		last++
	}
	var b strings.Builder
	for _, t := range element[from : last+1] {
		b.WriteString(t.sent)
	}
	return from, b.String(), last
}

// addrSpec returns the address in angle brackets, as net/mail does: without
// comments, white space, a route, and the quotes around a local part.
func addrSpec(spec string) (address, flaw string) {
	spec = strings.TrimSpace(spec)
	if len(spec) > 7 && strings.EqualFold(spec[:7], "mailto:") {
		spec, flaw = spec[7:], "mailto: before an address"
	}
	if strings.HasPrefix(spec, "@") { // a route, obsolete (RFC 5322 4.4)
		if _, after, ok := strings.Cut(spec, ":"); ok {
			spec = strings.TrimSpace(after)
		}
	}
	parsed := spec
	at := strings.LastIndexByte(spec, '@')
	isLiteral := at >= 0 && strings.HasPrefix(spec[at:], "@[IPv6:") && strings.HasSuffix(spec, "]") // unknown to net/mail (RFC 5321 4.1.3)
	if isLiteral {
		parsed = spec[:at] + "@literal.invalid"
	}
	if a, err := mail.ParseAddress("<" + parsed + ">"); err == nil {
		if isLiteral {
			return strings.TrimSuffix(a.Address, "@literal.invalid") + spec[at:], flaw
		}
		return a.Address, flaw
	}
	flaw = "an address that breaks the syntax"
	switch {
	case spec == "":
		flaw = "an empty address"
	case at < 0:
		flaw = "an address without a domain"
	}
	return strings.ToValidUTF8(spec, "\uFFFD"), flaw
}

// phrase decodes the words of a name.
func (l *addressList) phrase(tokens []token) string {
	var words []string
	for len(tokens) > 0 {
		if tokens[0].kind == quoted {
			word := l.p.words(tokens[0].text)
			if word != tokens[0].text && strings.Contains(tokens[0].text, "=?") {
				l.setFlaw("an encoded word in quotes")
			}
			words, tokens = append(words, word), tokens[1:]
			continue
		}
		var run strings.Builder
		n := 0
		for ; n < len(tokens) && tokens[n].kind != quoted; n++ {
			if n > 0 && tokens[n].isSpaced {
				run.WriteByte(' ')
			}
			run.WriteString(tokens[n].text)
		}
		if strings.ContainsAny(run.String(), `@[]\`) {
			l.setFlaw("a special character in a name without quotes")
		}
		words, tokens = append(words, l.p.words(run.String())), tokens[n:]
	}
	return strings.Join(words, " ")
}
