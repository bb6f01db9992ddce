package lint

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
)

var acrossRules = []rule{
	{"resent-after-250", Error, false, "RFC 5321 4.2.5", "A message went again to a recipient for whom the server had accepted it: by Message-ID, or without one by content and Date."},
	{"one-transaction-per-recipient", Warning, true, "RFC 5321 4.5.4.1", "The same content went to another recipient in a transaction of its own."},
	{"reconnect-too-soon", Warning, true, "RFC 5321 4.5.4.1", "The client tried a delivery again within 30 minutes after a 4xx."},
}

// place is where a transaction is: the session's ID, and its number in it.
type place struct{ session, transaction int }

// across finds what only several transactions show together.
func (c *check) across(sessions []smtptest.Session) {
	resent := checkAttempts(c)
	ids := map[string]named{}
	a := across{check: c, tries: map[string]time.Time{}}
	for i := range sessions {
		s := &sessions[i]
		a.exchanges = exchangesOf(s)
		sent := map[mailing]map[string]bool{}
		for k := range s.Transactions {
			a.again(s, k+1)
			a.apart(s, k+1, sent)
			if !resent[place{s.ID, k + 1}] {
				checkMessageID(&a, s, k+1, ids)
			}
		}
	}
	checkLogins(c)
}

type across struct {
	*check
	exchanges []bounds             // by transaction of the session, from 1
	tries     map[string]time.Time // sender and recipient: when a try was answered 4yz
}

// bounds are the numbers of the first and last exchange of a transaction; 0 if it
// has none.
type bounds struct{ first, last int }

// exchangesOf returns the bounds of each transaction, from 1.
func exchangesOf(s *smtptest.Session) []bounds {
	all := make([]bounds, len(s.Transactions)+1)
	for i, e := range s.Exchanges {
		b := &all[e.Transaction]
		b.first, b.last = cmp.Or(b.first, i+1), i+1
	}
	return all
}

func (a *across) found(s *smtptest.Session, k int, id string, octets, format string, args ...any) {
	a.add(Finding{ID: id, Session: s.ID, Exchange: a.exchanges[k].last, Transaction: k, Offset: -1, Octets: octets, Detail: fmt.Sprintf(format, args...)})
}

// again finds retries that come too early.
func (a *across) again(s *smtptest.Session, k int) {
	t := &s.Transactions[k-1]
	begin, end := a.timesOf(s, k)
	for _, r := range t.Recipients {
		key := t.From + "\x00" + sameMailbox(r.To)
		if failed, ok := a.tries[key]; ok && begin.Sub(failed) < 30*time.Minute {
			a.found(s, k, "reconnect-too-soon", r.To, "%v after a 4yz", begin.Sub(failed).Round(time.Millisecond))
		}
		delete(a.tries, key)
		if r.Reply.Code()/100 == 4 || r.Reply.Code()/100 == 2 && t.Reply.Code()/100 == 4 {
			a.tries[key] = end
		}
	}
}

// timesOf returns the times of a transaction's first and last exchange.
func (a *across) timesOf(s *smtptest.Session, k int) (begin, end time.Time) {
	b := a.exchanges[k]
	if b.first == 0 {
		return begin, end
	}
	return s.Start.Add(s.Exchanges[b.first-1].At), s.Start.Add(s.Exchanges[b.last-1].At)
}

// mailing is a content and its sender.
type mailing struct {
	from, header string
	body         [sha256.Size]byte
}

// apart finds a content that was sent once for each recipient.
func (a *across) apart(s *smtptest.Session, k int, sent map[mailing]map[string]bool) {
	t := &s.Transactions[k-1]
	if t.Data == "" || t.Reply.Code()/100 != 2 || t.Released && !hasWholeHeader(t) {
		return
	}
	header, _, _ := strings.Cut(t.Data, "\r\n\r\n")
	key := mailing{t.From, header, bodyHash(t)}
	var to strings.Builder
	for _, r := range t.Recipients {
		to.WriteString(sameMailbox(r.To) + "\x00")
	}
	others := sent[key]
	if len(others) > 0 && !others[to.String()] {
		a.found(s, k, "one-transaction-per-recipient", "", "the content is that of an earlier transaction")
	}
	if others == nil {
		others = map[string]bool{}
		sent[key] = others
	}
	others[to.String()] = true
}
