package smtptest

import (
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/script"
	"github.com/go-smtptest/smtp/smtptest/internal/show"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// turn is one event on its way through the door.
type turn struct {
	name, arg string // as a script names it
	also      string // a second name: BDAT LAST is "." too
	alsoArg   string // of also; that of name stands in arg
	line      string // to record
	verb      *verb  // nil for pseudo-verbs and unknown verbs
	own       verdict
	late      func(ch *Channel) Reply // asks the test's code for the own answer; nil: own has it
	row       *script.Rule            // of IDLE: the one row whose moment it is
	mark      int                     // of BODY: the octets that have come
	delay     time.Duration           // of the row that fired
	x         *exchange               // nil until it is recorded
	told      Reply                   // the complete reply that the client got; "" if none
	rec       *record                 // of the transaction to which told belongs
	before    Reply                   // the transaction's reply before told
	runsIf    bool                    // it has the turn to run an If
	confused  bool                    // the test's own code failed: 451
	spent     bool                    // Ask has had one line too many, and has answered it 421
	skip      bool                    // of TLS: no handshake
	kept      bool                    // Rule.Keep has let it take effect
	flags     flags
	octets    int
	hidden    hidden
	at        time.Duration
}

// verdict is what a verb decides: its reply, and what takes effect if a reply
// of the verb's own class is really sent. A nil commit means that grammar or
// the order of commands forbids any effect. commit is called with Server.mu
// held.
type verdict struct {
	reply  Reply
	commit func(ch *Channel)
}

// answer is the one door: every reply passes through it, the greeting and the
// end of data too. It lets the script intervene, commits what takes effect,
// records, and only then writes. told is what the client was told, took
// whether it took effect.
func (ch *Channel) answer(t *turn) (told Reply, took bool) {
	ch.stamp(t)
	var r *script.Rule
	if ch.lines > maxCommands { // no row lifts the limit
		t.own, t.late = verdict{reply: ch.say(repManyCommands)}, nil
	} else {
		r = ch.match(t)
	}
	switch {
	case t.confused:
		t.own, t.late = verdict{reply: ch.say(repConfused)}, nil
	case r != nil:
		told, took = ch.perform(r, t)
	}
	if r == nil {
		if t.late != nil {
			ch.begin(t)
			t.own.reply = t.late(ch)
		}
		told = t.own.reply
		took = ch.settle(t, told, told, true, nil)
		ch.queue(told)
		if told.Code() == 421 {
			ch.finish(EndReply)
		}
	}
	ch.noteAuth(t, told)
	ch.last, ch.lastAlso = t.name, t.also
	ch.newSilence()
	ch.ahead = ch.r.Buffered() > 0
	return told, took
}

// stamp notes when the event was complete, and under what.
func (ch *Channel) stamp(t *turn) {
	t.at = time.Since(ch.session.start)
	if ch.underTLS {
		t.flags |= overTLS
	}
}

// begin records the event before it is answered, so that it can be seen while
// the answer takes its time.
func (ch *Channel) begin(t *turn) {
	ch.Server.mu.Lock()
	ch.record(t)
	ch.Server.mu.Unlock()
}

// record puts the event into the session, once. Server.mu must be held.
func (ch *Channel) record(t *turn) *exchange {
	se := ch.session
	if t.x == nil {
		t.x = se.exchanges.add()
		*t.x = exchange{command: t.line, on: ch.on(t), at: t.at, octets: t.octets, flags: t.flags}
		if ch.rec != nil {
			t.x.within = uint32(len(se.records))
		}
		if t.hidden != (hidden{}) {
			t.x.rare = &rare{hidden: t.hidden}
		}
	}
	t.x.command, t.x.octets = t.line, t.octets // of a BDAT both may be known later
	return t.x
}

// settle lets the answer take effect and records it, in one step. answer is
// what decides on the effect, told what is really sent. decided is false when
// a row has said already what takes effect. Nothing does once the connection is
// being closed, as nobody would be told.
func (ch *Channel) settle(t *turn, told, answer Reply, decided bool, odd *rare) (took bool) {
	s := ch.Server
	s.mu.Lock()
	defer s.mu.Unlock()
	reply := told.said() // that the client gets whole
	if odd != nil && odd.raw != "" {
		reply = Reply(wire.FirstReply(string(answer)))
	}
	if odd != nil || s.config.Commands[t.name] != nil { // others made the reply
		told, reply = Reply(ch.redact(string(told))), Reply(ch.redact(string(reply)))
	}
	took = decided && t.own.commit != nil && t.success(answer) && !ch.interrupted
	if took {
		t.own.commit(ch)
	}
	x := ch.record(t)
	if answer != NoReply && !ch.mute && !ch.interrupted {
		x.reply = ch.auth.mask(told)
		t.told = reply
		ch.answerContent(t, took)
	} else if odd != nil {
		odd.raw = ""
	}
	if odd != nil {
		odd.hidden = t.hidden
		x.rare = odd
	}
	if class := answer.Code() / 100; class == 4 || class == 5 {
		ch.errors++
	}
	if t.verb != nil && t.verb.note != nil {
		t.verb.note(ch, t.told, took || t.kept)
	}
	return took
}

// answerContent records the reply to a content. Of several the first counts for
// BODY rules, and with LMTP the last to a recipient that accepts the message.
func (ch *Channel) answerContent(t *turn, took bool) {
	rec := ch.rec
	if t.told == "" || rec == nil {
		return
	}
	t.rec, t.before = rec, rec.reply
	switch {
	case !t.endsData() && t.name != "BODY":
	case rec.reply == "", t.endsData() && (took || rec.outcome != isAccepted):
		rec.reply = t.told
	}
}

// withdraw takes a recorded reply back, of which only n octets could be sent.
// Server.mu must be held.
func (ch *Channel) withdraw(t *turn, n int) {
	x := ch.record(t)
	odd := x.unusual()
	odd.note("broken off after " + show.Plural(n, "octet"))
	odd.raw = odd.raw[:min(n, len(odd.raw))]
	x.reply = ""
	if t.rec == nil || wire.FirstReply(odd.raw) != "" {
		return
	}
	switch t.name {
	case "RCPT":
		var last *Recipient
		for _, last = range t.rec.rcpts.all() {
		}
		if last != nil && last.Reply == t.told {
			last.Reply = ""
		}
	case ".", "BDAT", "BODY":
		t.rec.reply = t.before
	}
	t.told = ""
}

// on returns the event as Rule.On writes it. It shows no more of a line than
// Exchange.Command does.
func (ch *Channel) on(t *turn) string {
	switch {
	case t.verb != nil:
		return t.verb.name
	case t.name == "." || t.name == "RESPONSE":
		return t.name
	case t.flags&isEvent != 0:
		return t.line
	case ch.Server.config.Commands[t.name] != nil:
		return t.name
	}
	if word, _, _ := strings.Cut(t.line, " "); word != "" && wire.Upper(word) == t.name && !strings.ContainsFunc(word, wire.IsControl) {
		return t.name
	}
	return "*"
}

func (t *turn) endsData() bool { return t.name == "." || t.also == "." }

// success says whether the reply has the first digit of the event's own
// success.
func (t *turn) success(r Reply) bool {
	digit := byte('2')
	if t.name == "DATA" {
		digit = '3'
	}
	return r != NoReply && r != "" && r[0] == digit
}
