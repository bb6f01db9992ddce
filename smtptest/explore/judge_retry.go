package explore

import (
	"slices"
	"strings"
)

// mustRetry reports whether Config.Retry promises that delivery i succeeds in spite of
// the fault. A pair of faults promises nothing: nobody can know how often the client
// tries. Nor does a fault that lasts, or one after which a mail may have arrived.
func (j *judge) mustRetry(i int) bool {
	f, s := j.sc.first.fault, j.sc.first.step
	if j.sc.second != nil || f.always || s.kind == serverStep {
		return false
	}
	needs := Retry(0)
	switch f.class {
	case temporary, keptRefusal:
		needs = Temporary
	case shutdown:
		needs = Temporary
		if s.kind == contentStep || isHello(s.on) {
			needs |= Lost // a client that writes, or turns to HELO, may only see that the connection ends
		}
	case lost:
		needs = Lost
	}
	return needs != 0 && j.cfg.Retry&needs == needs && !j.turnedToHELO(i)
}

// isHello reports whether the event is one of the commands that begin a session.
func isHello(on string) bool { return on == "EHLO" || on == "LHLO" || on == "HELO" }

// turnedToHELO reports whether the client answered the failure of EHLO by HELO. A
// library that does so may hide the failure from its user.
func (j *judge) turnedToHELO(i int) bool {
	return isHello(j.sc.first.step.on) && labels(j.tr.eventsIn(i))["HELO"] > j.base.events[min(i, 1)]["HELO"]
}

// repeats finds commands that were repeated after a 5xx reply. It counts the
// commands: the run without faults shows how many there are without a repetition. A
// client may answer a 5xx to EHLO by HELO, and one in the greeting by going to
// another host (RFC 5321 3.2, 5.1), so these do not count.
func (j *judge) repeats(i int) {
	events := j.tr.eventsIn(i)
	at := slices.IndexFunc(events, func(e event) bool { return e.Rule != "" && e.Reply.Code()/100 == 5 })
	if at < 0 {
		return
	}
	refusal := events[at]
	same := sameCommand(events, at)
	if same == nil {
		return
	}
	before, after := count(events[:at+1], same), count(events[at+1:], same)
	if j.sc.second != nil {
		before = 1 // the first fault may have repeated all that came before
	}
	if after > count(j.base.tr.eventsIn(min(i, 1)), same)-before {
		j.v.add("retried-permanent", "The client got %q to %s, and tried again.", refusal.Reply, shownCommand(refusal))
	}
}

func count(events []event, is func(event) bool) (n int) {
	for _, e := range events {
		if is(e) {
			n++
		}
	}
	return n
}

// sameCommand returns what tells the repetitions of the refused event from other
// events; nil if a client may repeat it.
func sameCommand(events []event, at int) func(event) bool {
	refusal := events[at]
	switch {
	case strings.HasSuffix(refusal.Command, ">") && refusal.label() == "dot": // LMTP refuses one recipient (RFC 2033 4.2)
		_, to, _ := strings.Cut(refusal.Command, "<")
		return func(e event) bool {
			return e.On == "RCPT" && firstWords(e.Command) == "RCPT TO:<"+strings.TrimSuffix(to, ">")
		}
	case strings.HasPrefix(refusal.On, "BODY") && slices.ContainsFunc(events, func(e event) bool { return e.On == "LHLO" }):
		return nil // the other recipients have got no reply
	case refusal.On == "RCPT":
		path := firstWords(refusal.Command)
		return func(e event) bool { return e.On == "RCPT" && firstWords(e.Command) == path }
	case isLogin(refusal.On) && refusal.Command != "*": // which cancels the exchange (RFC 4954 4)
		mechanism := firstWords(lastAuth(events[:at+1]).Command)
		return func(e event) bool { return e.On == "AUTH" && firstWords(e.Command) == mechanism }
	case refusal.On == "MAIL" || refusal.On == "DATA" || refusal.label() == "dot" || refusal.On == "BDAT" || strings.HasPrefix(refusal.On, "BODY"):
		return func(e event) bool { return e.On == "MAIL" }
	}
	return nil
}

// lastAuth returns the last AUTH command of the events.
func lastAuth(events []event) (auth event) {
	for _, e := range events {
		if e.On == "AUTH" {
			auth = e
		}
	}
	return auth
}

// firstWords returns the verb and the first word of its argument, in upper case but
// for an address.
func firstWords(command string) string {
	verb, rest, _ := strings.Cut(command, " ")
	rest = strings.TrimSpace(rest)
	if open, end := strings.IndexByte(rest, '<'), strings.IndexByte(rest, '>'); open >= 0 && end > open {
		return strings.ToUpper(verb+" "+rest[:open]) + rest[open:end]
	}
	word, _, _ := strings.Cut(rest, " ")
	return strings.ToUpper(verb + " " + word)
}

// shownCommand returns the event for a sentence.
func shownCommand(e event) string {
	if e.label() == "dot" {
		return "the end of the data"
	}
	return e.Command
}
