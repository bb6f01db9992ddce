package smtptest

import (
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/script"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// blanks are the white space that may stand around an argument, SP and HT
// (RFC 5321 4.1.1); a CR or LF by itself is none (2.3.8).
const blanks = " \t"

// command parses a line and answers it.
func (ch *Channel) command(line string, long bool) {
	ch.pending = pending{}
	name, arg, _ := strings.Cut(line, " ")
	arg = strings.Trim(arg, blanks)
	name = wire.Upper(name)
	t := &ch.turn
	*t = turn{name: name, arg: arg, line: line, verb: commands[name]}
	if t.verb == nil && script.IsPseudo(name) {
		t.name = "" // a line is no event
	}
	if ch.ahead {
		t.flags |= early
	}
	if long || len(line)+2 > ch.lineLimit(t) {
		t.flags |= tooLong
		t.line = strings.Clone(line[:min(len(line), commandLine)]) // the rest may go
		t.own.reply = ch.overlong(t)
	}
	if ch.Server.config.Commands != nil {
		ch.ReceivedLines = append(ch.ReceivedLines, t.line)
	}
	ch.maskLine(t)
	if t.flags&tooLong == 0 {
		ch.decide(t)
		if name == "AUTH" {
			t.hidden.flaw = ch.auth.flaw
		}
	}
	if ch.takesChunk(t) {
		ch.bdat(t)
		return
	}
	told, took := ch.answer(t)
	switch {
	case ch.over || t.flags&tooLong != 0:
	case ch.State == StateData: // also if a CommandFunc has said so
		ch.modeData(told)
	case t.verb != nil && t.verb.mode != nil:
		ch.pending.took = took
		t.verb.mode(ch, told)
	}
}

// overlong is the answer to a line over its limit.
func (ch *Channel) overlong(t *turn) Reply {
	refused := ch.tooBig(t.arg)
	switch {
	case t.name == "MAIL" && refused != "":
		return refused // as smtpd: the announced size is refused first
	case t.name == "AUTH" && ch.Server.features.has("AUTH"):
		return ch.say(repLongResponse)
	}
	return ch.say(repTooLong)
}

// lineLimit is the longest line that the command may have, CRLF included.
func (ch *Channel) lineLimit(t *turn) int {
	f := &ch.Server.features
	switch {
	case t.name == "AUTH" && f.has("AUTH"):
		return wire.MaxLine // RFC 4954 4
	case t.name == "MAIL" && ch.Extended:
		return f.mailLine
	case t.name == "RCPT" && ch.Extended:
		return f.rcptLine
	}
	return commandLine
}

// decide finds the verb's own verdict, and whom to ask for another.
func (ch *Channel) decide(t *turn) {
	t.own = ch.builtin(t)
	f := ch.Server.config.Commands[t.name]
	if f == nil || ch.refuses(t.verb) || ch.takesChunk(t) {
		return
	}
	t.late = func(ch *Channel) Reply { return ch.custom(t, f) }
}

// builtin is the verdict of the built-in verb.
func (ch *Channel) builtin(t *turn) (own verdict) {
	v := t.verb
	refuses := ch.refuses(v)
	if refuses && ch.takesChunk(t) {
		v.run(ch, t.arg) // the chunk comes all the same (RFC 3030 2)
	}
	switch {
	case refuses && ch.neverMail:
		return verdict{reply: ch.say(repNeverMail)}
	case refuses:
		return verdict{reply: ch.say(repRefusing)}
	case t.line == "":
		return verdict{reply: ch.say(repEmpty)}
	case v == nil:
		name, _, _ := strings.Cut(t.line, " ")
		return verdict{reply: ch.unknown(name)}
	}
	own = v.run(ch, t.arg)
	if v.offered != nil && !v.offered(ch.Server) {
		own.reply = ch.unknown(t.name)
		if v.name == "LHLO" || v.name == "EHLO" || v.name == "HELO" {
			own.commit = nil
		}
	} else if r, refused := ch.policy(v); refused {
		own.reply = r
	}
	return own
}

// refuses says that after a 554 greeting the verb is not served.
func (ch *Channel) refuses(v *verb) bool {
	return ch.State == StateRefusing && (v == nil || v.exempt&whileRefusing == 0)
}

// policy is the refusal of a verb that TLS or AUTH must precede.
func (ch *Channel) policy(v *verb) (Reply, bool) {
	s := ch.Server
	switch {
	case s.config.RequireTLS && !ch.underTLS && v.exempt&beforeTLS == 0:
		return ch.say(repNeedTLS), true
	case s.config.RequireAuth && ch.User == "" && v.exempt&beforeAuth == 0:
		return ch.say(repNeedAuth), true
	}
	return "", false
}
