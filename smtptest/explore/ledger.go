package explore

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-smtptest/smtp/smtptest"
)

// A copyKey names what one recipient shall get.
type copyKey struct {
	mail string // see identity; "" if mails cannot be told apart
	to   string
}

// A baseline is what the run without faults has shown.
type baseline struct {
	tr       *trial
	expected [2]map[copyKey]int // how many copies the first and the second delivery make
	stable   bool               // mails can be told apart by their identity
	events   [2]map[string]int  // how many events of each label they cause
	lint     map[string]bool    // the findings of lint
	secure   bool               // mails and passwords go out over TLS only
	queues   bool               // the client returns before it delivers
	local    bool               // the client believes that the server is localhost
}

// newBaseline reads the trial without faults.
func newBaseline(tr *trial, tcp bool) *baseline {
	b := &baseline{tr: tr, stable: true, lint: map[string]bool{}}
	b.expected = [2]map[copyKey]int{b.count(0), b.count(1)}
	if !maps.Equal(b.expected[0], b.expected[1]) {
		b.stable = false
		b.expected = [2]map[copyKey]int{b.count(0), b.count(1)}
	}
	accepted := 0
	for i := range b.events {
		b.events[i] = labels(tr.eventsIn(i))
		accepted += len(tr.messagesIn(i))
		b.queues = b.queues || tr.deliveries[i].count < accepted
	}
	b.secure, b.local = isSecure(tr), isLocal(tr, tcp)
	for _, f := range findingsOf(tr, nil) {
		b.lint[f.ID] = true
	}
	return b
}

// count returns the copies of a delivery without faults.
func (b *baseline) count(i int) map[copyKey]int {
	n := map[copyKey]int{}
	for _, m := range b.tr.messagesIn(i) {
		for _, to := range m.To {
			n[copyKey{b.identity(m), to}]++
		}
	}
	return n
}

// expect returns the copies that delivery i shall make.
func (b *baseline) expect(i int) map[copyKey]int { return b.expected[min(i, 1)] }

// labels counts the events by their labels.
func labels(events []event) map[string]int {
	n := map[string]int{}
	for _, e := range events {
		n[e.label()]++
	}
	return n
}

// identity returns what a mail and its copies have in common. Two mails of one
// delivery differ in it.
func (b *baseline) identity(m smtptest.Message) string {
	if !b.stable {
		return ""
	}
	return m.Subject() + "\n" + content(m)
}

// content returns the texts of a mail, which do not depend on its Date, Message-ID
// and MIME boundaries.
func content(m smtptest.Message) string {
	text := m.Text() + m.HTML()
	for _, a := range m.Attachments() {
		text += a.Filename + string(a.Data)
	}
	if text == "" {
		_, text, _ = strings.Cut(m.Data, "\r\n\r\n")
	}
	return strings.TrimRight(text, "\r\n")
}

// known returns the key of a copy. A mail with another identity than all of the
// baseline counts as the mail for this recipient that still lacks a copy.
func (b *baseline) known(i int, m smtptest.Message, to string, have map[copyKey]*tally) copyKey {
	key, want := copyKey{b.identity(m), to}, b.expect(i)
	if want[key] > 0 {
		return key
	}
	var others []copyKey
	for k := range want {
		if k.to == to {
			others = append(others, k)
		}
	}
	slices.SortFunc(others, func(a, b copyKey) int { return strings.Compare(a.mail, b.mail) })
	for _, k := range others {
		if t := have[k]; t == nil || t.total < want[k] {
			return k
		}
	}
	if len(others) > 0 {
		return others[0]
	}
	return key
}

// A tally counts the copies of one mail that the server has accepted for a recipient.
type tally struct {
	total  int
	proved int    // with a 2xx reply that the client got
	lost   int    // without a complete reply
	lostID string // the Message-ID of the last of these
}

// A ledger is what became of one delivery.
type ledger struct {
	want       map[copyKey]int
	have       map[copyKey]*tally
	duplicates []string
	newIDs     []string
	truncated  []string
}

// isComplete reports whether the messages are all copies of delivery i.
func (b *baseline) isComplete(i int, messages []smtptest.Message) bool {
	reply := func(m smtptest.Message, _ int) smtptest.Reply { return m.Reply }
	return len(b.ledgerOf(i, messages, reply).missing()) == 0
}

// ledgerOf counts the messages of delivery i. The function reply returns the reply that
// the client got for recipient n of a message.
func (b *baseline) ledgerOf(i int, messages []smtptest.Message, reply func(m smtptest.Message, n int) smtptest.Reply) *ledger {
	l := &ledger{want: b.expect(i), have: map[copyKey]*tally{}}
	for _, m := range messages {
		whole := b.truncates(m)
		if whole > 0 {
			l.truncated = append(l.truncated, fmt.Sprintf("The mail in session %d has %d bytes of content, and %d without the fault.", m.Session, len(content(m)), whole))
		}
		for n, to := range m.To {
			l.add(b.known(i, m, to, l.have), m, reply(m, n), whole > 0)
		}
	}
	return l
}

// add counts one copy.
func (l *ledger) add(key copyKey, m smtptest.Message, reply smtptest.Reply, truncated bool) {
	t := l.have[key]
	if t == nil {
		t = &tally{}
		l.have[key] = t
	}
	if t.proved >= l.want[key] && l.want[key] > 0 {
		l.duplicates = append(l.duplicates, fmt.Sprintf("The mail to %s was sent again in session %d, after its 2xx reply.", key.to, m.Session))
	}
	id := m.Header().Get("Message-ID")
	if t.lost > 0 && l.want[key] == 1 && id != t.lostID && !truncated {
		l.newIDs = append(l.newIDs, fmt.Sprintf("The mail to %s was sent again with Message-ID %q; before it had %q.", key.to, id, t.lostID))
	}
	t.total++
	switch {
	case reply.Code()/100 == 2:
		t.proved++
	case reply == "":
		t.lost++
		t.lostID = id
	}
}

// truncates returns the length of the content that the mail has without faults, if the
// mail is only the beginning of it; else 0.
func (b *baseline) truncates(m smtptest.Message) int {
	got := content(m)
	for _, whole := range b.tr.messages {
		if want := content(whole); len(want) > len(got) && strings.HasPrefix(want, got) {
			if !slices.ContainsFunc(b.tr.messages, func(o smtptest.Message) bool { return content(o) == got }) {
				return len(want)
			}
		}
	}
	return 0
}

// missing returns the recipients that lack a copy, and how many recipients there are.
func (l *ledger) missing() []string {
	return l.recipients(func(want int, t tally) bool { return t.total < want })
}

// unproved returns the recipients for which the client has no 2xx reply.
func (l *ledger) unproved() []string {
	return l.recipients(func(want int, t tally) bool { return t.proved < want })
}

// unknown returns the recipients with a copy whose reply was lost.
func (l *ledger) unknown() []string {
	return l.recipients(func(want int, t tally) bool { return t.total > t.proved })
}

// extra returns the recipients that have more copies than they shall have.
func (l *ledger) extra() []string {
	return l.recipients(func(want int, t tally) bool { return t.total > want })
}

func (l *ledger) recipients(has func(want int, t tally) bool) []string {
	var to []string
	for key, want := range l.want {
		var t tally
		if have := l.have[key]; have != nil {
			t = *have
		}
		if has(want, t) && !slices.Contains(to, key.to) {
			to = append(to, key.to)
		}
	}
	slices.Sort(to)
	return to
}

// replyFor returns the reply that the client got for recipient n of the message: with
// LMTP each recipient has its own (RFC 2033 4.2). In doubt, a reply of a rule and those
// that follow it in the session prove nothing, because the client may not have
// understood the first.
func (tr *trial) replyFor(m smtptest.Message, n int, doubt bool) smtptest.Reply {
	reply := m.Reply
	for _, s := range tr.sessions {
		if s.ID != m.Session {
			continue
		}
		ruled := false
		for _, x := range s.Exchanges {
			e := event{Exchange: x}
			ruled = ruled || x.Rule != ""
			if x.Transaction != m.Transaction || e.label() != "dot" {
				continue
			}
			own := strings.HasSuffix(x.Command, " <"+m.To[n]+">")
			if own {
				reply = e.reply()
			}
			if doubt && ruled && (own || !strings.Contains(x.Command, "<")) {
				return ""
			}
		}
	}
	return reply
}

// reply returns the complete reply of the event; "" if there was none.
func (e event) reply() smtptest.Reply {
	if raw, whole := strings.CutSuffix(e.Raw, "\r\n"); whole && !strings.Contains(raw, "\n") && len(raw) >= 3 {
		return smtptest.Reply(raw)
	}
	return e.Reply
}
