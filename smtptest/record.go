package smtptest

import (
	"slices"
	"time"
)

// records are what the server has seen, held compactly: the exported types are
// made from them when somebody reads. All of it is guarded by Server.mu.
type records struct {
	sessions []*session
	finished []*session        // those that have ended, in order of their ends
	live     map[*Channel]bool // of the sessions that have not ended
	messages []*record         // accepted, since the last Drain
	taken    int               // messages that Drains have taken
	changed  chan struct{}     // nil while nobody waits
}

// session is the record of one connection.
type session struct {
	id        int
	channel   *Channel // nil once it has ended
	start     time.Time
	duration  time.Duration
	peer      string
	helo      string
	user      string
	tls       *TLSInfo
	exchanges blocks[exchange]
	begun     [8]exchange // of exchanges
	records   []*record
	first     [1]*record // of records
	end       string
	unread    string
	truncated bool
}

// exchange is an Exchange without what is rare.
type exchange struct {
	command string
	on      string
	reply   Reply
	at      time.Duration
	rare    *rare
	octets  int
	within  uint32 // Exchange.Transaction
	flags   flags
}

type flags uint8

const (
	isEvent flags = 1 << iota
	overTLS
	early
	tooLong
)

// rare is what most exchanges do not have.
type rare struct {
	raw, rule, did string
	dropped        string
	hidden
}

// unusual is what is rare of the exchange, for a change: a copy, as others may
// hold what there was. Server.mu must be held.
func (x *exchange) unusual() *rare {
	var odd rare
	if x.rare != nil {
		odd = *x.rare
	}
	x.rare = &odd
	return x.rare
}

// note adds to what was done.
func (r *rare) note(what string) {
	if r.did != "" {
		what = r.did + "; " + what
	}
	r.did = what
}

// hidden is what is known of a line whose text may not be shown.
type hidden struct {
	secret uint64
	length int
	flaw   string
}

// record is one transaction, and the message that it became.
type record struct {
	session     *session
	from        string
	helo, user  string
	mailOptions []string
	rcpts       blocks[Recipient]
	first       [1]Recipient // of rcpts: most messages have no more
	data        string
	unstuffed   []int
	chunks      []int
	octets      int
	at          time.Duration // of acceptance, since the session's start
	reply       Reply
	number      uint32 // Message.Transaction
	outcome     outcome
	tls         bool
	early       bool // Transaction.Pipelined
}

func (rec *record) addRcpt() *Recipient {
	if rec.rcpts.open == nil {
		rec.rcpts.open = rec.first[:0]
	}
	return rec.rcpts.add()
}

// push appends to a list that may become long: it doubles, where append's
// growth by a quarter would copy each entry about four times.
func push[T any](list []T, entry T) []T {
	if len(list) == cap(list) {
		list = slices.Grow(list, max(1, len(list)))
	}
	return append(list, entry)
}

type outcome uint8

const (
	isOpen outcome = iota
	isAccepted
	isRefused
	isReset
	isAborted
)

var outcomes = [...]string{OutcomeOpen, OutcomeAccepted, OutcomeRefused, OutcomeReset, OutcomeAborted}

// open begins the record of a connection. mu must be held.
func (r *records) open(ch *Channel) *session {
	se := &session{id: len(r.sessions) + 1, channel: ch, start: time.Now()}
	se.exchanges.open = se.begun[:0]
	r.sessions = append(r.sessions, se)
	if r.live == nil {
		r.live = make(map[*Channel]bool)
	}
	r.live[ch] = true
	return se
}

// begin adds the record of a transaction.
func (se *session) begin(rec *record) {
	if se.records == nil {
		se.records = se.first[:0]
	}
	se.records = append(se.records, rec)
	rec.number = uint32(len(se.records))
}

// add makes a transaction a message. mu must be held.
func (r *records) add(rec *record) {
	rec.outcome = isAccepted
	rec.at = time.Since(rec.session.start)
	r.messages = append(r.messages, rec)
	r.notify()
}

// notify wakes those who wait for something to be recorded. mu must be held.
func (r *records) notify() {
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}

// next returns a channel that is closed at the next change. mu must be held.
func (r *records) next() <-chan struct{} {
	if r.changed == nil {
		r.changed = make(chan struct{})
	}
	return r.changed
}

// export is nil if there are none, so that comparing needs no options.
func export(recs []*record) []Message {
	if len(recs) == 0 {
		return nil
	}
	messages := make([]Message, len(recs))
	for i, rec := range recs {
		messages[i] = rec.message()
	}
	return messages
}

// message is the record as a Message that shares nothing that can change.
func (rec *record) message() Message {
	m := Message{
		Session:     rec.session.id,
		Transaction: int(rec.number),
		Time:        rec.session.start.Add(rec.at),
		Peer:        rec.session.peer,
		Helo:        rec.helo,
		User:        rec.user,
		TLS:         rec.tls,
		From:        rec.from,
		MailOptions: slices.Clone(rec.mailOptions),
		Reply:       rec.reply,
		Data:        rec.data,
		Unstuffed:   slices.Clone(rec.unstuffed),
		Chunks:      slices.Clone(rec.chunks),
	}
	n := 0
	for _, r := range rec.rcpts.all() {
		if r.Accepted {
			n++
		}
	}
	m.To = make([]string, 0, n)
	m.RcptOptions = make([][]string, 0, n)
	for _, r := range rec.rcpts.all() {
		if r.Accepted {
			m.To = append(m.To, r.To)
			m.RcptOptions = append(m.RcptOptions, slices.Clone(r.Options))
		}
	}
	return m
}

func (rec *record) export() Transaction {
	t := Transaction{
		From:        rec.from,
		MailOptions: slices.Clone(rec.mailOptions),
		Data:        rec.data,
		Octets:      rec.octets,
		Unstuffed:   slices.Clone(rec.unstuffed),
		Chunks:      slices.Clone(rec.chunks),
		Reply:       rec.reply,
		Outcome:     outcomes[rec.outcome],
		Pipelined:   rec.early,
	}
	t.Recipients = slices.Grow(t.Recipients, rec.rcpts.len())
	for _, r := range rec.rcpts.all() {
		t.Recipients = append(t.Recipients, *r)
		t.Recipients[len(t.Recipients)-1].Options = slices.Clone(r.Options)
	}
	return t
}

func (x *exchange) export() Exchange {
	e := Exchange{
		Command:     x.command,
		Event:       x.flags&isEvent != 0,
		On:          x.on,
		Reply:       x.reply,
		At:          x.at,
		Octets:      x.octets,
		Transaction: int(x.within),
		TLS:         x.flags&overTLS != 0,
		Pipelined:   x.flags&early != 0,
		TooLong:     x.flags&tooLong != 0,
	}
	if r := x.rare; r != nil {
		e.Raw, e.Rule, e.Effects, e.Dropped = r.raw, r.rule, r.did, r.dropped
		e.Secret, e.Length, e.AuthError = r.secret, r.length, r.flaw
	}
	return e
}

func (se *session) export() Session {
	if se.channel != nil {
		se.channel.syncRecipients()
	}
	s := Session{
		ID:        se.id,
		Start:     se.start,
		Peer:      se.peer,
		Helo:      se.helo,
		User:      se.user,
		End:       se.end,
		Duration:  se.duration,
		Unread:    se.unread,
		Truncated: se.truncated,
	}
	if se.tls != nil {
		info := *se.tls
		info.ClientCert, info.Cert = slices.Clone(info.ClientCert), slices.Clone(info.Cert)
		s.TLS = &info
	}
	s.Exchanges = slices.Grow(s.Exchanges, se.exchanges.len())
	for _, x := range se.exchanges.all() {
		s.Exchanges = append(s.Exchanges, x.export())
	}
	for _, rec := range se.records {
		s.Transactions = append(s.Transactions, rec.export())
	}
	return s
}
