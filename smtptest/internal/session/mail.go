package session

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/journal"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

func decideMail(p *protocol, arg string) verdict {
	p.parsed = parsed{}
	if p.State == StateGreeted {
		return verdict{reply: p.text(replyNoHello)}
	}
	s, ok := keyword(arg, "FROM:")
	if !ok {
		return verdict{reply: p.syntax("MAIL", "5.5.4")}
	}
	_, rest, _ := wire.ReversePath(s, false)
	return mailPath(p, s, p.utf8 && p.Extended && slices.ContainsFunc(strings.Fields(rest), isSMTPUTF8))
}

// mailPath is the verdict on what follows FROM:.
func mailPath(p *protocol, s string, mayUTF8 bool) verdict {
	path, rest, err := wire.ReversePath(s, mayUTF8)
	switch {
	case errors.Is(err, wire.ErrNonASCII):
		return verdict{p.text(replyMailASCII), mailPath(p, s, true).commit}
	case err != nil:
		if refused := tooBig(p, s); refused != "" {
			return verdict{reply: refused}
		}
		return verdict{reply: p.syntax("MAIL", "5.1.7")}
	case !p.Extended && rest != "":
		return verdict{reply: p.syntax("MAIL", "5.5.4")}
	case p.State != StateHello:
		return verdict{reply: p.text(replyNested)}
	}
	refusal, fatal := params(p, mailParams, rest, mayUTF8, "MAIL")
	p.parsed.path = path.Mailbox
	if refusal == "" {
		refusal = overMails(p)
	}
	switch {
	case fatal:
		return verdict{reply: refusal}
	case refusal != "":
		return verdict{refusal, commitMail}
	}
	return verdict{p.text(replyMailOK), commitMail}
}

// commitMail opens a transaction.
func commitMail(c *Conn) {
	c.From, c.MailOptions, c.State = c.parsed.path, c.parsed.options, StateMail
	c.openTransaction()
}

func decideRcpt(p *protocol, arg string) verdict {
	p.parsed = parsed{}
	switch p.State {
	case StateGreeted:
		return verdict{reply: p.text(replyNoHello)}
	case StateHello:
		return verdict{reply: p.text(replyNoMail)}
	case StateBdat, StateFailed:
		return verdict{reply: p.text(replyBadSequence)}
	}
	s, ok := keyword(arg, "TO:")
	if !ok {
		return verdict{reply: p.syntax("RCPT", "5.5.4")}
	}
	return rcptPath(p, s, slices.ContainsFunc(p.MailOptions, isSMTPUTF8))
}

// rcptPath is the verdict on what follows TO:.
func rcptPath(p *protocol, s string, mayUTF8 bool) verdict {
	path, rest, err := wire.ForwardPath(s, mayUTF8)
	switch {
	case errors.Is(err, wire.ErrNonASCII):
		commit := rcptPath(p, s, true).commit
		p.parsed.softRefusal = true
		return verdict{p.text(replyRcptASCII), commit}
	case err != nil:
		return verdict{reply: p.syntax("RCPT", "5.1.3")}
	case !p.Extended && rest != "":
		return verdict{reply: p.syntax("RCPT", "5.5.4")}
	}
	refusal, fatal := params(p, rcptParams, rest, mayUTF8, "RCPT")
	p.parsed.path, p.parsed.validPath = path.Mailbox, !fatal
	if refusal == "" {
		refusal = overRcpts(p, path.Mailbox)
	}
	switch {
	case fatal:
		return verdict{reply: refusal}
	case refusal != "":
		p.parsed.softRefusal = true
		return verdict{refusal, commitRcpt}
	}
	return verdict{p.text(replyRcptOK), commitRcpt}
}

// commitRcpt adds a recipient.
func commitRcpt(c *Conn) {
	c.To = journal.Append(c.To, c.parsed.path)
	c.RcptOptions = journal.Append(c.RcptOptions, c.parsed.options)
	c.State = StateRcpt
}

// recordRcptReply keeps the reply to each acceptable recipient, whatever it was.
func recordRcptReply(c *Conn, sent wire.Reply, committed bool) {
	if added := c.parsed.adopted; len(added) > 0 && c.opened {
		for _, r := range added {
			r.Reply = sent
		}
		return
	}
	if !c.parsed.validPath || !c.opened {
		return
	}
	r := c.transaction.AddRecipient()
	*r = journal.Recipient{To: c.parsed.path, Options: c.recorded(c.parsed.options), Reply: sent, Accepted: committed}
	if committed && c.Commands != nil {
		c.accepted = append(c.accepted, r)
	}
	if !committed && !c.parsed.softRefusal {
		c.refusedRcpts++
	}
}

// keyword takes FROM: or TO: off an argument. Nothing may stand between it and
// the path (RFC 5321 3.3).
func keyword(arg, word string) (rest string, ok bool) {
	if len(arg) < len(word) || wire.Upper(arg[:len(word)]) != word {
		return "", false
	}
	return arg[len(word):], true
}

func isSMTPUTF8(option string) bool { return wire.Upper(option) == "SMTPUTF8" }

// tooBig is the refusal of an announced size over the limit, or "".
func tooBig(p *protocol, s string) wire.Reply {
	_, params, _ := strings.Cut(s, "> ")
	for _, param := range strings.Fields(params) {
		if value, ok := keyword(param, "SIZE="); ok && p.Extended && p.Offers("SIZE") && overLimit(p, value) {
			return p.text(replyTooBig)
		}
	}
	return ""
}

func overLimit(p *protocol, value string) bool {
	n, err := strconv.ParseInt(value, 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		n, err = math.MaxInt64, nil
	}
	limit := p.sizeLimit
	return err == nil && limit >= 0 && n > int64(limit)
}
