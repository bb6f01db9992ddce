package smtptest

import (
	"github.com/go-smtptest/smtp/smtptest/internal/script"
)

// match returns the rule that replies to the event, or nil. An event that has
// reached an If keeps the turn until it is matched, so the rules count such events in
// one order.
func (ch *Channel) match(t *turn) *script.Rule {
	s := ch.Server
	defer func() {
		if t.runsIf {
			t.runsIf = false
			<-s.ifTurn
		}
	}()
	if !ch.observe(t) || !s.script.Active() {
		return nil
	}
	hit := s.script.Match(ch.scriptEvent(t), func(r *script.Rule) script.Answer { return ch.evalIf(r, t) })
	if hit.Stale {
		s.errorf("smtptest: session %d: the rules were replaced %d times while an If of the same event ran; call Script outside of If", ch.session.id, script.MaxScripts)
	}
	if t.row == nil { // else the client was silent for the delay
		t.delay = hit.Delay
	}
	t.confused = hit.Failed
	return hit.Rule
}

// scriptEvent returns what rules are matched against.
func (ch *Channel) scriptEvent(t *turn) *script.Event {
	e := &script.Event{
		Name: t.name, Arg: t.arg, Also: t.also, AlsoArg: t.alsoArg, Line: t.line, Mark: t.mark, Idle: t.row,
		Session:     ch.session.id,
		Transaction: ch.transaction(),
		Peer:        ch.Peer,
		From:        ch.MailFrom,
		Recipient:   ch.recipient(t),
	}
	if t.name == "MAIL" && ch.rec == nil {
		e.From = ch.pending.path
	}
	return e
}

// recipient is the last forward-path, also one that is not accepted yet; "" if
// there is none.
func (ch *Channel) recipient(t *turn) string {
	switch n := len(ch.RcptTos); {
	case t.name == "RCPT" && ch.pending.ok:
		return ch.pending.path
	case n > 0:
		return ch.RcptTos[n-1]
	}
	return ""
}
