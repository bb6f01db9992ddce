package explore

import (
	"fmt"
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
)

// A class says what a client may do about a fault.
type class int

const (
	temporary   class = iota // a 4xx reply
	shutdown                 // a 421 reply, and the end of the connection
	permanent                // a 5xx reply
	lost                     // a connection that ends, or a timeout
	late                     // a reply that takes its time
	broken                   // no valid reply
	legal                    // a valid reply that is unusual
	lostReply                // a mail that is accepted, and whose reply is lost
	keptRefusal              // a mail that is accepted although the reply is a refusal
	setting                  // a fault of the whole run
)

// A fault is what the server does wrong.
type fault struct {
	name   string
	class  class
	always bool // from the step on; else once
	slow   bool // takes minutes: it is not played over TCP
	stalls bool // the server holds the client back for as long as it likes
	rule   func(s step) (r smtptest.Rule, ok bool)

	// The faults of the whole run have these instead of a rule.
	rules  []smtptest.Rule
	before func(srv *smtptest.Server) // before Config.Server
	setup  func(srv *smtptest.Server) // before Start
	outage time.Duration              // nobody listens for so long; forever if it is negative
	cert   bool                       // the certificate is bad
}

// rulesAt returns the script that plays the fault at the step.
func (f *fault) rulesAt(s step) []smtptest.Rule {
	if f.rule == nil {
		return f.rules
	}
	r, ok := f.rule(s)
	if !ok {
		return nil
	}
	r.On, r.Skip = s.on, s.skip
	if !f.always {
		r.Times = 1
	}
	return []smtptest.Rule{r}
}

// faultsAt returns the faults that a kind of step can have.
func faultsAt(k kind) []*fault {
	switch k {
	case contentStep:
		return contentFaults
	case tlsStep:
		return tlsFaults
	}
	return eventFaults
}

// plain returns the rule for any step.
func plain(r smtptest.Rule) func(step) (smtptest.Rule, bool) {
	return func(step) (smtptest.Rule, bool) { return r, true }
}

// atDot returns the rule for the end of the data only.
func atDot(r smtptest.Rule) func(step) (smtptest.Rule, bool) {
	return func(s step) (smtptest.Rule, bool) { return r, s.on == "." }
}

var eventFaults = []*fault{
	{name: "4xx", class: temporary, rule: refuseTemporarily},
	{name: "4xx-always", class: temporary, always: true, rule: refuseTemporarily},
	{name: "5xx", class: permanent, rule: refuse},
	{name: "421", class: shutdown, rule: plain(smtptest.Rule{Reply: "421 4.3.2 shutting down"})},
	{name: "close", class: lost, rule: plain(smtptest.Rule{Reply: smtptest.NoReply, Then: smtptest.Close})},
	{name: "reset", class: lost, rule: plain(smtptest.Rule{Reply: smtptest.NoReply, Then: smtptest.Reset})},
	{name: "reset-always", class: lost, always: true, rule: plain(smtptest.Rule{Reply: smtptest.NoReply, Then: smtptest.Reset})},
	{name: "half-close", class: lost, rule: plain(smtptest.Rule{Reply: smtptest.NoReply, Then: smtptest.HalfClose})},
	{name: "stall", class: lost, stalls: true, rule: plain(smtptest.Rule{Delay: smtptest.Forever})},
	{name: "late", class: late, slow: true, rule: plain(smtptest.Rule{Delay: time.Minute})},
	{name: "slow", class: late, slow: true, rule: plain(smtptest.Rule{Pause: 200 * time.Millisecond})},
	{name: "answer-then-close", class: lost, rule: answerThenClose},
	{name: "cut", class: broken, rule: cutReply},
	{name: "garbage", class: broken, rule: plain(smtptest.Rule{Raw: "\x16\x03\x01 not SMTP \xff\r\n"})},
	{name: "lines-differ", class: broken, rule: linesDiffer},
	{name: "wrong-class", class: broken, rule: wrongClass},
	{name: "multi-line", class: legal, rule: multiLine},
	{name: "bare-code", class: legal, rule: bareCode},
	{name: "unusual-2xx", class: legal, rule: unusualSuccess},
	{name: "lost-250-close", class: lostReply, rule: atDot(smtptest.Rule{Keep: true, Reply: smtptest.NoReply, Then: smtptest.Close})},
	{name: "lost-250-reset", class: lostReply, rule: atDot(smtptest.Rule{Keep: true, Reply: smtptest.NoReply, Then: smtptest.Reset})},
	{name: "lost-250-silence", class: lostReply, stalls: true, rule: atDot(smtptest.Rule{Keep: true, Delay: smtptest.Forever})},
	{name: "kept-4xx", class: keptRefusal, rule: atDot(smtptest.Rule{Keep: true, Reply: "451 4.3.0 try again later"})},
}

var contentFaults = []*fault{
	{name: "stall", class: lost, stalls: true, rule: plain(smtptest.Rule{Delay: smtptest.Forever})},
	{name: "close", class: lost, rule: plain(smtptest.Rule{Then: smtptest.Close})},
	{name: "reset", class: lost, rule: plain(smtptest.Rule{Then: smtptest.Reset})},
	{name: "5xx", class: permanent, rule: plain(smtptest.Rule{Reply: "554 5.6.0 refused"})},
	{name: "421", class: shutdown, rule: plain(smtptest.Rule{Reply: "421 4.3.2 shutting down"})},
}

var tlsFaults = []*fault{
	{name: "stall", class: lost, stalls: true, rule: plain(smtptest.Rule{Delay: smtptest.Forever})},
	{name: "close", class: lost, rule: plain(smtptest.Rule{Then: smtptest.Close})},
	{name: "reset", class: lost, rule: plain(smtptest.Rule{Then: smtptest.Reset})},
	{name: "garbage", class: broken, rule: plain(smtptest.Rule{Raw: "500 not TLS\r\n"})},
}

// isLogin reports whether the event is a part of AUTH.
func isLogin(on string) bool { return on == "AUTH" || on == "RESPONSE" }

// refuseTemporarily refuses as the event's RFC says it for a temporary problem.
func refuseTemporarily(s step) (smtptest.Rule, bool) {
	reply := smtptest.Reply("451 4.3.0 try again later")
	switch {
	case isLogin(s.on):
		reply = "454 4.7.0 temporary authentication failure" // RFC 4954 6
	case s.on == "STARTTLS":
		reply = "454 4.7.0 TLS not available" // RFC 3207 4
	case s.on == "RCPT":
		reply = "450 4.2.1 try again later"
	}
	return smtptest.Rule{Reply: reply}, true
}

// refuse refuses for good.
func refuse(s step) (smtptest.Rule, bool) {
	reply := smtptest.Reply("550 5.7.1 refused")
	switch {
	case isLogin(s.on):
		reply = "535 5.7.8 authentication failed" // RFC 4954 6
	case s.on == "CONNECT":
		reply = "554 5.3.2 no mail service here" // RFC 5321 3.1
	case s.on == "STARTTLS":
		reply = "554 5.7.3 no TLS"
	}
	return smtptest.Rule{Reply: reply}, true
}

func answerThenClose(s step) (smtptest.Rule, bool) {
	return smtptest.Rule{Then: smtptest.Close}, s.on != "QUIT"
}

// cutReply sends the first two digits only.
func cutReply(s step) (smtptest.Rule, bool) {
	if len(s.reply) < 3 {
		return smtptest.Rule{}, false
	}
	return smtptest.Rule{Raw: string(s.reply[:2]), Then: smtptest.Close}, true
}

// linesDiffer sends a success in one line and a refusal in the other. The event takes
// effect, because a client may go by any of the lines (RFC 5321 4.2.1).
func linesDiffer(s step) (smtptest.Rule, bool) {
	code := s.reply.Code()
	r := smtptest.Rule{Raw: fmt.Sprintf("%d-one thing\r\n550 another\r\n", code)}
	switch s.on {
	case "HELO", "EHLO", "LHLO", "MAIL", "RCPT", ".":
		r.Keep = true
	}
	return r, code != 0
}

// wrongClass sends a valid reply with a first digit that the event cannot have.
func wrongClass(s step) (smtptest.Rule, bool) {
	if s.on == "DATA" {
		return smtptest.Rule{Reply: "250 2.0.0 OK"}, true
	}
	return smtptest.Rule{Reply: "354 what else"}, true
}

// successText returns the code and the text of a reply of one line that means
// success, and does not ask for anything.
func successText(s step) (code int, text string, ok bool) {
	code = s.reply.Code()
	line, _, more := strings.Cut(string(s.reply), "\n")
	if more || len(line) < 5 || code >= 400 || code == 334 {
		return 0, "", false
	}
	return code, line[4:], true
}

func multiLine(s step) (smtptest.Rule, bool) {
	code, text, ok := successText(s)
	return smtptest.Rule{Reply: smtptest.Reply(fmt.Sprintf("%d-%s\n%d %s", code, text, code, text))}, ok
}

func bareCode(s step) (smtptest.Rule, bool) {
	code, _, ok := successText(s)
	return smtptest.Rule{Raw: fmt.Sprintf("%d\r\n", code)}, ok
}

// unusualSuccess changes all digits but the first, by which a client must go (RFC
// 5321 4.2.1). 235 and the 220 to STARTTLS have a meaning of their own.
func unusualSuccess(s step) (smtptest.Rule, bool) {
	code, text, ok := successText(s)
	if !ok || code/100 != 2 || isLogin(s.on) || s.on == "STARTTLS" {
		return smtptest.Rule{}, false
	}
	return smtptest.Rule{Reply: smtptest.Reply("258 " + text)}, true
}
