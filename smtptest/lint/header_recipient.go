package lint

import (
	"slices"
	"strings"
)

// checkOriginators checks From and Sender against each other and the envelope.
func checkOriginators(in *inspector, has map[string][]field, boxes map[string][]mailbox) {
	from, sender := boxes["from"], boxes["sender"]
	if len(has["from"]) != 1 || len(from) == 0 {
		return
	}
	f := has["from"][0]
	if len(from) > 1 && has["sender"] == nil {
		in.report("header-sender-missing", f.start, f.end, "%d mailboxes in From", len(from))
	}
	if len(from) == 1 && len(sender) == 1 && from[0].same(sender[0]) {
		s := has["sender"][0]
		in.report("header-sender-redundant", s.start, s.end, "From says the same")
	}
	domain := in.from[strings.LastIndexByte(in.from, '@')+1:]
	if in.from != "" && !slices.ContainsFunc(from, func(m mailbox) bool { return strings.EqualFold(m.domain, domain) }) {
		in.report("header-from-mismatch", from[0].start, from[0].end, "the reverse-path is %s", quote(in.from))
	}
}

// visible are the fields in which a recipient's address discloses nothing, or
// nothing that another rule would not say.
var visible = []string{"to", "cc", "bcc", "from", "sender", "reply-to", "resent-to", "resent-cc", "resent-bcc",
	"resent-from", "resent-sender"}

// checkRecipients checks what the header tells about the envelope.
func checkRecipients(in *inspector, fields []field, has map[string][]field) {
	// Not: quoted local parts and address literals, which addressesIn does not find.
	plain := slices.DeleteFunc(slices.Clone(in.to), func(to string) bool { return strings.ContainsAny(to, `"[`) })
	for _, name := range []string{"bcc", "resent-bcc"} {
		for _, f := range has[name] {
			checkBlind(in, f, plain)
		}
	}
	shown := map[string]bool{}
	for _, name := range visible {
		for _, f := range has[name] {
			for _, a := range addressesIn(in, f) {
				shown[a.key()] = true
			}
		}
	}
	hidden := map[string]bool{}
	all := map[string]bool{}
	for _, to := range in.to {
		key := strings.ToLower(to)
		all[key] = true
		hidden[key] = !shown[key]
	}
	if len(all) < 2 {
		return // he learns nothing but his own address
	}
	for _, f := range fields {
		if !strings.HasPrefix(f.name, "x-") && f.name != "apparently-to" && f.name != "envelope-to" {
			continue
		}
		for _, a := range addressesIn(in, f) {
			if hidden[a.key()] {
				in.report("header-rcpt-disclosed", a.start, a.end, "%s has a recipient that is not in To or Cc", canonical(f.name))
			}
		}
	}
}

// checkBlind checks a Bcc field. A copy of its own for those that are named in it is
// one of the three ways of RFC 5322 3.6.3. The search ends at the first of the
// recipients that the field does not name.
func checkBlind(in *inspector, f field, recipients []string) {
	boxes := addressesIn(in, f)
	if len(boxes) == 0 {
		return
	}
	named := map[string]bool{}
	for _, b := range boxes {
		named[b.key()] = true
	}
	for _, to := range recipients {
		if !named[strings.ToLower(to)] {
			in.report("header-bcc-leaked", f.start, f.end, "%s reads it", quote(to))
			return
		}
	}
	if len(in.to) == 0 {
		in.report("header-bcc-leaked", f.start, f.end, "%s with addresses", canonical(f.name))
	}
}

// key is equal for mailboxes that are most likely one.
func (m mailbox) key() string { return strings.ToLower(m.local + "@" + m.domain) }

// addressesIn finds what looks like an address in a field of any syntax.
func addressesIn(in *inspector, f field) []mailbox {
	var boxes []mailbox
	s := in.text(f)
	for done := 0; ; {
		at := strings.IndexByte(s[done:], '@')
		if at < 0 {
			return boxes
		}
		at += done
		start, end := at, at+1
		for start > done && (isAtext(s[start-1]) || s[start-1] == '.') {
			start--
		}
		for end < len(s) && (isAlnum(s[end]) || s[end] == '-' || s[end] == '.' || s[end] >= 0x80) {
			end++
		}
		domain := strings.TrimRight(s[at+1:end], ".")
		boxes = append(boxes, mailbox{s[start:at], domain, f.value + start, f.value + end})
		done = end
	}
}
