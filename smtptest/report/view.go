package report

import (
	"slices"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
)

// The most that a page shows.
const (
	maxSessions  = 200
	fewSessions  = 3   // are open at first, however they went
	maxExchanges = 200 // of a session, from both its ends
	maxMessages  = 100
	maxFindings  = 200
	maxOpen      = 20       // sessions, and messages, that are open at first
	maxContent   = 4 << 10  // octets of content in a timeline
	maxText      = 64 << 10 // octets of a text, and of a message's source
	maxLine      = 500      // octets of a command or of a reply's line
)

// view is the page.
type view struct {
	Title    string
	Addr     string
	Sessions []session
	Messages []message
	Findings []finding
	Refused  int // answers of 4yz and 5yz

	AllSessions, AllMessages, AllFindings int // those not shown included
}

func newView(srv *smtptest.Server, title string) *view {
	kept := srv.Messages() // before the sessions, so that they have them all
	all := srv.Sessions()
	v := &view{Title: title, Addr: srv.Addr, AllSessions: len(all)}
	if len(all) == 0 {
		return v
	}
	zero := all[0].Start
	numbered := number(all, kept)
	v.Findings = findings(all, numbered)
	v.AllFindings = len(v.Findings)
	v.Findings = v.Findings[:min(len(v.Findings), maxFindings)]
	for _, s := range all {
		se := newSession(s, zero, numbered)
		v.Refused += se.Refused
		v.Sessions = append(v.Sessions, se)
	}
	v.Sessions = choose(v.Sessions)
	v.AllMessages = len(numbered.messages)
	for i, m := range numbered.messages[:min(len(numbered.messages), maxMessages)] {
		v.Messages = append(v.Messages, newMessage(i+1, m, numbered.released[keyOf(m)], zero))
	}
	return v
}

// choose keeps as many sessions as a page can show, those that went badly
// first, and opens as many as somebody reads.
func choose(sessions []session) []session {
	if over := len(sessions) - maxSessions; over > 0 {
		sessions = slices.DeleteFunc(sessions, func(s session) bool {
			if s.Bad || over == 0 {
				return false
			}
			over--
			return true
		})
		sessions = sessions[:min(len(sessions), maxSessions)]
	}
	bad := slices.ContainsFunc(sessions, func(s session) bool { return s.Bad })
	open := 0
	for i := range sessions {
		s := &sessions[i]
		if s.Open = open < maxOpen && (s.Bad || !bad && len(sessions) <= fewSessions); s.Open {
			open++
		}
	}
	return sessions
}

// numbering says which transaction became which message.
type numbering struct {
	messages []smtptest.Message
	of       map[[2]int]int // message number by session and transaction, both from 1
	released map[[2]int]int // of the messages whose content was released, its size
}

// number counts the messages as smtptest's artifacts do: in order of acceptance. Of those
// that Drain and Take removed, the time at which the content ended is known.
func number(sessions []smtptest.Session, kept []smtptest.Message) numbering {
	n := numbering{of: make(map[[2]int]int), released: make(map[[2]int]int)}
	for _, m := range kept {
		n.of[keyOf(m)] = -1 // for now
	}
	for _, s := range sessions {
		last := lastTimes(s)
		for i, t := range s.Transactions {
			if t.Outcome == smtptest.OutcomeAccepted && n.of[[2]int{s.ID, i + 1}] == 0 {
				n.messages = append(n.messages, rebuilt(s, i+1, last[i+1]))
				if t.Released {
					n.released[[2]int{s.ID, i + 1}] = t.Octets
				}
			}
		}
	}
	n.messages = append(n.messages, kept...)
	slices.SortStableFunc(n.messages, func(a, b smtptest.Message) int { return a.Time.Compare(b.Time) })
	for i, m := range n.messages {
		n.of[keyOf(m)] = i + 1
	}
	return n
}

func keyOf(m smtptest.Message) [2]int { return [2]int{m.Session, m.Transaction} }

// lastTimes returns when the last exchange of each transaction came.
func lastTimes(s smtptest.Session) map[int]time.Time {
	last := make(map[int]time.Time)
	for _, e := range s.Exchanges {
		last[e.Transaction] = s.Start.Add(e.At)
	}
	return last
}

// rebuilt returns a message that was drained, made from its transaction.
func rebuilt(s smtptest.Session, transaction int, at time.Time) smtptest.Message {
	t := s.Transactions[transaction-1]
	m := smtptest.Message{
		Session: s.ID, Transaction: transaction, Time: at, Peer: s.Peer, Helo: s.Helo, User: s.User, TLS: s.TLS != nil,
		From: t.From, MailOptions: t.MailOptions, Reply: t.Reply, Data: t.Data,
	}
	for _, r := range t.Recipients {
		if r.Accepted {
			m.To = append(m.To, r.To)
			m.RcptOptions = append(m.RcptOptions, r.Options)
		}
	}
	return m
}
