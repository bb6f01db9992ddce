package smtptest

import (
	"slices"

	"github.com/go-smtptest/smtp/smtptest/internal/journal"
)

// outcomes are the public names of the journal's.
var outcomes = [...]string{
	journal.Open:     OutcomeOpen,
	journal.Accepted: OutcomeAccepted,
	journal.Refused:  OutcomeRefused,
	journal.Reset:    OutcomeReset,
	journal.Aborted:  OutcomeAborted,
}

// exportMessages returns nil if there are none, so that comparing needs no options.
// The journal must be locked.
func exportMessages(recs []*journal.Transaction) []Message {
	if len(recs) == 0 {
		return nil
	}
	messages := make([]Message, len(recs))
	for i, rec := range recs {
		messages[i] = exportMessage(rec)
	}
	return messages
}

// exportMessage returns the transaction as a Message that shares nothing that can
// change.
func exportMessage(rec *journal.Transaction) Message {
	m := Message{
		Session:     rec.Session.ID,
		Transaction: int(rec.Number),
		Time:        rec.Session.Start.Add(rec.At),
		Peer:        rec.Session.Peer,
		Helo:        rec.Helo,
		User:        rec.User,
		TLS:         rec.TLS,
		From:        rec.From,
		MailOptions: slices.Clone(rec.MailOptions),
		Reply:       Reply(rec.Reply),
		Data:        rec.Data,
		Unstuffed:   slices.Clone(rec.Unstuffed),
		Chunks:      slices.Clone(rec.Chunks),
	}
	n := 0
	for _, r := range rec.Recipients.All() {
		if r.Accepted {
			n++
		}
	}
	m.To = make([]string, 0, n)
	m.RcptOptions = make([][]string, 0, n)
	for _, r := range rec.Recipients.All() {
		if r.Accepted {
			m.To = append(m.To, r.To)
			m.RcptOptions = append(m.RcptOptions, slices.Clone(r.Options))
		}
	}
	return m
}

func exportTransaction(rec *journal.Transaction) Transaction {
	t := Transaction{
		From:        rec.From,
		MailOptions: slices.Clone(rec.MailOptions),
		Data:        rec.Data,
		Released:    rec.Released > 0,
		SHA256:      rec.SHA256,
		Octets:      rec.Octets,
		Unstuffed:   slices.Clone(rec.Unstuffed),
		Chunks:      slices.Clone(rec.Chunks),
		Reply:       Reply(rec.Reply),
		Outcome:     outcomes[rec.Outcome],
		Pipelined:   rec.Pipelined,
	}
	t.Recipients = slices.Grow(t.Recipients, rec.Recipients.Len())
	for _, r := range rec.Recipients.All() {
		t.Recipients = append(t.Recipients, Recipient{
			To: r.To, Options: slices.Clone(r.Options), Reply: Reply(r.Reply), Accepted: r.Accepted, FinalReply: Reply(r.FinalReply),
		})
	}
	return t
}

func exportExchange(x *journal.Exchange) Exchange {
	e := Exchange{
		Command:     x.Command,
		Event:       x.Flags&journal.Event != 0,
		On:          x.On,
		Reply:       Reply(x.Reply),
		At:          x.At,
		Octets:      x.Octets,
		Transaction: int(x.Transaction),
		TLS:         x.Flags&journal.OverTLS != 0,
		Pipelined:   x.Flags&journal.Early != 0,
		TooLong:     x.Flags&journal.TooLong != 0,
	}
	if r := x.Rare; r != nil {
		e.Raw, e.Rule, e.Effects, e.Dropped = r.Raw, r.Rule, r.Effects, r.Dropped
		e.Secret, e.Length, e.AuthError = r.Secret, r.Length, r.AuthError
	}
	return e
}

// exportSession returns the session as it is now. The journal must be locked.
func exportSession(rec *journal.Session) Session {
	if rec.Sync != nil {
		rec.Sync()
	}
	s := Session{
		ID:        rec.ID,
		Start:     rec.Start,
		Peer:      rec.Peer,
		Helo:      rec.Helo,
		User:      rec.User,
		End:       rec.End,
		Duration:  rec.Duration,
		Unread:    rec.Unread,
		Truncated: rec.Truncated,
	}
	if rec.TLS != nil {
		info := TLSInfo(*rec.TLS)
		info.ClientCert, info.Cert = slices.Clone(info.ClientCert), slices.Clone(info.Cert)
		s.TLS = &info
	}
	s.Exchanges = slices.Grow(s.Exchanges, rec.Exchanges.Len())
	for _, x := range rec.Exchanges.All() {
		s.Exchanges = append(s.Exchanges, exportExchange(x))
	}
	for _, t := range rec.Transactions {
		s.Transactions = append(s.Transactions, exportTransaction(t))
	}
	return s
}
