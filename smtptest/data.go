package smtptest

import (
	"cmp"
	"slices"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

func (ch *Channel) verbData(arg string) verdict {
	ch.pending = pending{}
	switch {
	case ch.State == StateGreeted:
		return verdict{reply: ch.say(repNoHello)}
	case ch.State == StateBdat:
		return verdict{reply: ch.say(repNoPlace)}
	case ch.State == StateMail && ch.refusals > 0 && !ch.Server.config.LMTP:
		return verdict{reply: ch.say(repAllGone)}
	case ch.State != StateRcpt:
		return verdict{reply: ch.say(repNoRcpt)}
	case arg != "":
		return verdict{reply: ch.syntax("DATA", "5.5.4")}
	case slices.ContainsFunc(ch.MailOptions, isBinary):
		return verdict{reply: ch.say(repNoPlace)} // RFC 3030 3
	}
	return verdict{ch.say(repGoAhead), (*Channel).commitData}
}

func isBinary(option string) bool { return wire.Upper(option) == "BODY=BINARYMIME" }

func (ch *Channel) commitData() { ch.State = StateData }

// modeData reads content after any 354, also one that was out of order: then
// the content is thrown away, and the dot answers what DATA should have.
func (ch *Channel) modeData(told Reply) {
	if ch.State != StateData && (told == NoReply || told == "" || told[0] != '3') {
		if ch.State == StateBdat {
			ch.State = StateFailed // RFC 3030 2
		}
		return
	}
	began := ch.earlyFlag()
	var instead Reply
	if ch.State != StateData {
		ch.keepContent(ch.content.Len()) // of chunks
		ch.content.Begin(0, 0)
		instead = ch.verbData("").reply
	}
	octets, err := ch.readContent()
	if instead != "" {
		ch.content.Begin(0, 0)
		began = 0 // of a content that is thrown away
	}
	if err != nil {
		ch.keepContent(octets)
		ch.noteEarly(began)
		ch.lost(err)
		return
	}
	ch.endOfData(turn{name: ".", line: ".", flags: isEvent | began, octets: octets}, octets, instead)
}

// readContent takes content up to its final dot, and lets BODY rules fire.
func (ch *Channel) readContent() (octets int, err error) {
	var dot wire.Dot
	ch.body = bodyRows{done: -1}
	for {
		src, err := ch.nextContent(octets)
		if err != nil {
			return octets, err
		}
		n, done := dot.Decode(&ch.content, src)
		ch.r.Discard(n)
		octets += n
		if done {
			ch.shortOf(octets - 3)
			return max(0, octets-3), nil
		}
	}
}

// nextContent waits for more of a content of which octets have come, and lets
// BODY rows have their moments.
func (ch *Channel) nextContent(octets int) ([]byte, error) {
	if err := ch.reach(octets); err != nil {
		return nil, err
	}
	if err := ch.slowDown(octets); err != nil {
		return nil, err
	}
	if ch.r.Buffered() == 0 {
		ch.reading.Store(int64(octets) + 1)
		err := ch.fill()
		ch.reading.Store(0)
		if err != nil {
			return nil, err
		}
		ch.newSilence()
	}
	src := ch.r.Bytes()
	return src[:min(len(src), ch.body.room(octets))], nil
}

// keepContent records what came of a content that was broken off.
func (ch *Channel) keepContent(octets int) {
	ch.Server.mu.Lock()
	defer ch.Server.mu.Unlock()
	if ch.rec != nil {
		ch.keep(octets)
	}
}

// noteEarly records whether a content that was broken off began before the 354.
func (ch *Channel) noteEarly(began flags) {
	ch.Server.mu.Lock()
	defer ch.Server.mu.Unlock()
	if ch.rec != nil {
		ch.rec.early = began != 0
	}
}

// keep records a content whose end has not come, unless one is recorded. octets
// is its size as sent. Server.mu must be held.
func (ch *Channel) keep(octets int) {
	if ch.rec.octets == 0 {
		ch.rec.octets, ch.rec.data = octets, ch.content.Take()
	}
}

// closeRecord ends the record of the open transaction, if there is one: chunks
// stay in it whose last has not come. Server.mu must be held.
func (ch *Channel) closeRecord(why outcome) {
	if ch.rec == nil {
		return
	}
	ch.keep(ch.content.Len())
	ch.syncRecipients()
	ch.accepted = nil
	switch {
	case ch.rec.outcome != isOpen:
	case ch.rec.reply != "":
		ch.rec.outcome = isRefused // by a BODY rule
	default:
		ch.rec.outcome = why
	}
	ch.rec = nil
}

// endOfData answers a content that is complete, at the dot or the last chunk.
// octets is the size of the content as sent. If a BODY rule has replied to the
// content, the end gets no reply.
func (ch *Channel) endOfData(end turn, octets int, instead Reply) {
	t := &ch.turn
	*t = end
	if ch.rec != nil && instead == "" {
		ch.collect(octets)
	}
	switch {
	case ch.body.answered:
		ch.stamp(t)
		ch.begin(t)
		ch.endTransaction(false)
		ch.ahead = ch.r.Buffered() > 0
	case ch.Server.config.LMTP && instead == "":
		ch.answerRecipients(end)
	default:
		ch.ownEnd(t, instead)
		_, took := ch.answer(t)
		ch.endTransaction(took)
	}
}

// collect moves the content to the record.
func (ch *Channel) collect(octets int) {
	over := ch.content.Over()
	unstuffed := ch.content.Unstuffed
	data := ch.content.Take()
	ch.Server.mu.Lock()
	defer ch.Server.mu.Unlock()
	ch.rec.octets, ch.rec.data, ch.rec.unstuffed = octets, data, unstuffed
	ch.rec.helo, ch.rec.user, ch.rec.tls = ch.SeenGreeting, ch.User, ch.underTLS
	ch.syncRecipients()
	if !over {
		ch.ReceivedData = data
	}
	ch.pending = pending{ok: over}
}

// ownEnd is the server's own verdict on a complete content.
func (ch *Channel) ownEnd(t *turn, instead Reply) {
	switch {
	case instead != "":
		t.own = verdict{reply: instead}
	case ch.pending.ok: // over the limit
		t.own = verdict{ch.say(repTooMuch), (*Channel).commitMessage}
	default:
		t.own = verdict{ch.say(repAccepted), (*Channel).commitMessage}
		if ch.Server.config.Handler != nil {
			t.late = func(ch *Channel) Reply { return ch.process(ch.message()) }
		}
	}
}

// message is the open transaction as the message that it would become.
func (ch *Channel) message() Message {
	ch.Server.mu.Lock()
	defer ch.Server.mu.Unlock()
	m := ch.rec.message()
	m.Time = time.Now()
	return m
}

// commitMessage records the message. Server.mu is held: whoever is told of it
// and closes the server finds replying set, so the reply still goes out.
func (ch *Channel) commitMessage() {
	ch.Server.add(ch.rec)
	ch.replying = true
}

// endTransaction is called after the answer to the end of data.
func (ch *Channel) endTransaction(took bool) {
	s := ch.Server
	s.mu.Lock()
	defer s.mu.Unlock()
	if ch.rec != nil {
		why := isRefused
		if (ch.over || ch.interrupted) && ch.rec.reply == "" {
			why = isAborted
		}
		if n := len(ch.rec.chunks); ch.turn.name == "BDAT" && !took && n > 0 {
			ch.rec.chunks = ch.rec.chunks[:n-1] // the Handler has seen the last, which is not accepted
		}
		ch.reset(why)
	}
	if ch.State == StateData {
		ch.State = StateHello
	}
}

// answerRecipients answers the end of data for each accepted recipient
// (RFC 2033 4.2). The message is visible before the first of these replies is
// written; its To then holds all that are not yet refused.
func (ch *Channel) answerRecipients(end turn) {
	ch.endTransaction(ch.answerEach(end))
}

// answerEach says whether one of the recipients has accepted the message.
func (ch *Channel) answerEach(end turn) (took bool) {
	rec := ch.rec
	var own []Reply // of the recipients from this one on, once a row leaves the Handler something to decide
	answered := 0
	defer func() { ch.abandon(rec, answered) }() // also where the test's code leaves its goroutine
	for i, r := range rec.rcpts.all() {
		if !r.Accepted {
			continue
		}
		t := end
		t.name, t.also, t.alsoArg = ".", end.name, end.arg
		t.arg = "<" + r.To + ">"
		t.line = end.line + " " + t.arg
		t.own.commit = (*Channel).commitMessage1
		t.late = func(*Channel) Reply {
			if own == nil {
				own = ch.ownReplies()
			}
			return own[0]
		}
		_, took1 := ch.answer(&t)
		end.x = nil // each recipient has an exchange
		took = took || took1
		if own != nil {
			own = own[1:]
		}
		ch.Server.mu.Lock()
		r.Accepted, r.FinalReply = took1, t.told
		ch.Server.mu.Unlock()
		answered = i + 1
		if ch.over {
			break
		}
	}
	return took
}

// abandon notes that a session has ended before the recipients from this one on
// were answered: the message stays the client's for them (RFC 2033 4.2).
func (ch *Channel) abandon(rec *record, from int) {
	ch.Server.mu.Lock()
	defer ch.Server.mu.Unlock()
	for i, r := range rec.rcpts.all() {
		r.Accepted = r.Accepted && i < from
	}
}

// commitMessage1 records the message with the first recipient that accepts it.
func (ch *Channel) commitMessage1() {
	if ch.rec.outcome != isAccepted {
		ch.commitMessage()
	}
}

// ownReplies are the server's own answers for the recipients not yet refused.
func (ch *Channel) ownReplies() []Reply {
	m := ch.message()
	if h, ok := ch.Server.config.Handler.(RecipientHandler); ok && !ch.pending.ok {
		replies := ch.processEach(h, m)
		for i := range replies {
			replies[i] = cmp.Or(replies[i], ch.say(repAccepted))
		}
		return replies
	}
	one := ch.say(repTooMuch)
	if !ch.pending.ok {
		one = ch.process(m)
	}
	return slices.Repeat([]Reply{one}, len(m.To))
}
