package script

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// Compile checks the rules of a script, and prepares them for a Table. The error is a
// sentence for the author of the test.
func Compile(rules []*Rule, facts Facts) error {
	for i, r := range rules {
		r.n = i + 1
		if err := r.readOn(); err != nil {
			return err
		}
		if facts.Known {
			if err := facts.checkServed(r); err != nil {
				return err
			}
		}
		if err := r.check(); err != nil {
			return err
		}
		for _, above := range rules[:i] {
			if above.covers(r) {
				return r.bad("On", "rule %d above matches every event of this rule; move this rule before it, or give that one Times or If", above.n)
			}
		}
	}
	if facts.Known {
		return facts.Check(rules)
	}
	return nil
}

// bad is the error for a mistake in a field of the rule, or in the rule ("").
func (r *Rule) bad(field, format string, args ...any) error {
	if field != "" {
		field += ": "
	}
	return fmt.Errorf("%s: %s%s", r.Text, field, fmt.Sprintf(format, args...))
}

// check finds the mistakes that need no Server fields to be seen.
func (r *Rule) check() error {
	for _, f := range []func() error{r.checkOn, r.checkNumbers, r.checkAnswer, r.checkEffect, r.checkHow} {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// readOn takes On apart. What a client sends is compared without the white
// space around verb and argument, so a rule that has some could not fire.
func (r *Rule) readOn() error {
	r.verb, r.arg, _ = strings.Cut(r.On, " ")
	r.verb = wire.Upper(r.verb)
	if r.On != strings.TrimSpace(r.On) || r.arg != strings.TrimSpace(r.arg) {
		return r.bad("On", "has white space or a line end around the verb or its argument; remove it")
	}
	if strings.ContainsFunc(r.verb+strings.ReplaceAll(r.arg, "\t", " "), wire.IsControl) {
		return r.bad("On", "contains a control character; write * for it in an argument, or use If")
	}
	return nil
}

func (r *Rule) checkOn() error {
	switch r.verb {
	case "":
		return r.bad("On", `is empty; name an event, such as "RCPT", "CONNECT" or "."`)
	case "CONNECT", "TLS", "*":
		if r.arg != "" {
			return r.bad("On", "%s takes no argument; use If", r.verb)
		}
	case "BODY":
		n, err := strconv.Atoi(r.arg)
		if r.arg != "" && (err != nil || n < 0) {
			return r.bad("On", "%q is not a number of octets", r.arg)
		}
		r.octets = n
	case "IDLE":
		switch r.arg = wire.Upper(r.arg); r.arg {
		case "TLS", "BODY", "IDLE", "*":
			return r.bad("On", "IDLE follows only events that have a reply; name one of them, or use \"IDLE\" for any")
		}
	case ".":
		if r.arg != "" && !strings.HasPrefix(r.arg, "<") && !strings.HasPrefix(r.arg, "*") {
			return r.bad("On", `the argument is a recipient in angle brackets, as in ". <bob@example.com>"`)
		}
	case "MAIL", "RCPT":
		want := map[string]string{"MAIL": "FROM:", "RCPT": "TO:"}[r.verb]
		if r.arg != "" && !strings.HasPrefix(r.arg, "*") && !strings.HasPrefix(wire.Upper(r.arg), want) {
			return r.bad("On", `the argument of %s begins with %q, as in "%s %s<bob@example.com>"`, r.verb, want, r.verb, want)
		}
		if path := r.arg[min(len(want), len(r.arg)):]; path != "" && !strings.HasPrefix(r.arg, "*") && path[0] != '<' && path[0] != '*' {
			return r.bad("On", `a path needs angle brackets, as in "%s %s<bob@example.com>"; for clients that leave them out use If`, r.verb, want)
		}
	}
	return nil
}

func (r *Rule) checkNumbers() error {
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"Skip", int64(r.Skip)}, {"Times", int64(r.Times)}, {"For", int64(r.For)}, {"Every", int64(r.Every)},
		{"Delay", int64(r.Delay)}, {"Jitter", int64(r.Jitter)}, {"Pause", int64(r.Pause)}, {"Chunk", min(int64(r.Chunk), 0) - ByLine},
	} {
		if f.value < 0 {
			return r.bad(f.name, "must not be negative")
		}
	}
	if !(r.Chance >= 0 && r.Chance <= 1) {
		return r.bad("Chance", "must be from 0 to 1")
	}
	counts := r.Skip > 0 || r.Times > 0 || r.For > 0
	switch {
	case r.Delay < Forever && r.Jitter > Forever-r.Delay:
		return r.bad("Jitter", "is too long to be added to Delay; shorten one of them")
	case r.Every > 0 && !counts:
		return r.bad("Every", "has no effect without Skip, Times or For; give one of them")
	case r.Every > 0 && r.For >= r.Every:
		return r.bad("For", "must be shorter than Every, or it never ends; make Every longer")
	case r.Per&^AllScopes != 0:
		return r.bad("Per", "unknown bits Scope(%d); combine PerSession, PerTransaction, PerPeer, PerSender and PerRecipient with |", r.Per&^AllScopes)
	case r.Per != 0 && !counts:
		return r.bad("Per", "has no effect without Skip, Times or For; give one of them")
	case r.Per&PerRecipient != 0 && (r.verb == "MAIL" || r.verb == "CONNECT" || r.verb == "TLS"):
		return r.bad("Per", "%s has no recipient; remove PerRecipient", r.verb)
	case r.Per&PerSender != 0 && (r.verb == "CONNECT" || r.verb == "TLS"):
		return r.bad("Per", "%s has no sender; remove PerSender", r.verb)
	}
	return nil
}

func (r *Rule) checkAnswer() error {
	if r.Reply != "" && r.Reply != wire.NoReply {
		if err := wire.CheckReply(string(r.Reply)); err != nil {
			return r.bad("Reply", "%v", err)
		}
	}
	switch {
	case r.Reply != "" && r.Raw != "":
		return r.bad("Raw", "excludes Reply; give only one of them")
	case r.verb == "TLS" && r.Reply != "" && r.Reply != wire.NoReply:
		return r.bad("Reply", "a handshake has no reply; use Raw, or NoReply with Then")
	case r.Reply == wire.NoReply && (r.verb == "BODY" || r.verb == "IDLE"):
		return r.bad("Reply", "NoReply has no effect on %s; remove it", r.verb)
	}
	return nil
}

// effective are the events whose success takes effect; Keep and Discard have a
// meaning there only.
var effective = map[string]bool{
	"HELO": true, "EHLO": true, "LHLO": true, "MAIL": true, "RCPT": true, "RSET": true,
	".": true, "BDAT": true, "AUTH": true, "RESPONSE": true, "XCLIENT": true, "QUIT": true,
}

func (r *Rule) checkEffect() error {
	field := "Keep"
	if r.Discard {
		field = "Discard"
	}
	switch {
	case r.Keep && r.Discard:
		return r.bad("Discard", "excludes Keep; give only one of them")
	case (r.Keep || r.Discard) && !effective[r.verb]:
		return r.bad(field, "has no effect on %s; remove it", r.verb)
	}
	return nil
}

func (r *Rule) checkHow() error {
	answers := r.Reply != "" || r.Raw != ""
	shapes := r.Chunk != 0 || r.Pause != 0
	if err := r.checkThen(shapes); err != nil {
		return err
	}
	switch {
	case r.Delay == Forever && (answers || shapes || r.Jitter != 0 || r.Then != "" || r.Discard):
		return r.bad("Delay", "with Forever the rule never replies; remove what follows the Delay, or give a finite Delay")
	case r.verb == "IDLE" && !answers && r.Then == "":
		return r.bad("", "the rule does nothing; give Reply, Raw or Then")
	case shapes && r.verb != "BODY" && !r.writes():
		return r.bad(map[bool]string{true: "Chunk", false: "Pause"}[r.Chunk != 0], "the rule writes nothing; give Reply or Raw, or remove it")
	case !answers && !shapes && r.Then == "" && r.Delay == 0 && r.Jitter == 0 && !r.Keep && !r.Discard:
		return r.bad("", "the rule does nothing; give Reply, Delay, Then or another action")
	}
	return nil
}

// checkThen finds what Then could not do.
func (r *Rule) checkThen(shapes bool) error {
	switch r.Then {
	case "", Close, Drop, Reset:
	case HalfClose:
		if r.Reply.Code() == 421 {
			return r.bad("Then", "the Reply 421 always closes the connection; use Raw to keep it open")
		}
	case Hold:
		switch {
		case r.verb == "TLS":
			return r.bad("Then", "Hold has no effect on TLS because no reply follows; remove it")
		case r.Reply.Code() == 421:
			return r.bad("Then", "the Reply 421 always closes the connection, so it cannot be held; use Raw")
		case !r.writes():
			return r.bad("Then", "the rule has no reply to hold; give a Reply or Raw")
		case shapes:
			return r.bad("Then", "Hold excludes Chunk and Pause; remove them")
		}
	default:
		return r.bad("Then", "%q is unknown; use Close, Drop, Reset, HalfClose or Hold", string(r.Then))
	}
	return nil
}

// writes says that the rule answers, with words of its own or the server's.
func (r *Rule) writes() bool {
	switch r.verb {
	case "TLS", "BODY", "IDLE":
		return r.Raw != "" || r.Reply != "" && r.Reply != wire.NoReply
	}
	return r.Reply != wire.NoReply
}

// covers says that no event is left for a later rule: r has no condition and
// takes all that the other is for.
func (r *Rule) covers(later *Rule) bool {
	if r.If != nil || r.Skip > 0 || r.Times > 0 || r.For > 0 || r.Chance > 0 {
		return false
	}
	if r.verb == "*" {
		return later.verb != "TLS" && later.verb != "BODY" && later.verb != "IDLE"
	}
	if r.verb != later.verb {
		return false
	}
	switch r.verb {
	case "BODY":
		return r.octets == later.octets
	case "IDLE":
		return (r.arg == "" || r.arg == later.arg) && r.Delay == later.Delay && r.Jitter == 0 && later.Jitter == 0
	}
	return r.arg == "" || (later.arg != "" && matchArg(r.arg, later.arg))
}
