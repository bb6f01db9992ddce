package smtptest

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// pending is what a verb has parsed and its commit will use.
type pending struct {
	path    string
	options []string
	size    int // announced by SIZE=; 0 if it was not
	ok      bool
	soft    bool // the server's own judgement refuses it
	took    bool
	adopted []*Recipient // those that a CommandFunc has added
	chunk   chunk
}

func (ch *Channel) verbHelo(arg string) verdict { return ch.hello("HELO", arg) }

func (ch *Channel) verbEhlo(arg string) verdict {
	if ch.Server.config.LMTP {
		return ch.hello("LHLO", arg)
	}
	return ch.hello("EHLO", arg)
}

// hello begins or renews the session; a transaction in progress is dropped
// (RFC 5321 4.1.4). Text after the name is tolerated (4.1.1.1).
func (ch *Channel) hello(name, arg string) verdict {
	host, _, _ := strings.Cut(arg, " ")
	if !validHost(host) {
		return verdict{reply: ch.syntax(name, "5.5.4")}
	}
	ch.pending = pending{path: host}
	if name == "HELO" {
		return verdict{Reply("250 " + ch.FQDN), (*Channel).commitHelo}
	}
	return verdict{ch.ehlo(), (*Channel).commitEhlo}
}

func (ch *Channel) commitHelo() { ch.greeted(false) }
func (ch *Channel) commitEhlo() { ch.greeted(true) }

func (ch *Channel) greeted(extended bool) {
	ch.commitRset()
	ch.State, ch.SeenGreeting, ch.Extended = StateHello, ch.pending.path, extended
	ch.session.helo = ch.SeenGreeting
}

// reset ends the transaction in progress, if there is one. Server.mu must be
// held.
func (ch *Channel) reset(why outcome) {
	ch.closeRecord(why)
	ch.MailFrom, ch.RcptTos, ch.MailOptions, ch.RcptOptions = "", nil, nil, nil
	ch.refusals, ch.domains, ch.ifLists = 0, domains{}, ifLists{}
	if ch.State != StateGreeted && ch.State != StateRefusing {
		ch.State = StateHello
	}
}

func (ch *Channel) verbMail(arg string) verdict {
	ch.pending = pending{}
	if ch.State == StateGreeted {
		return verdict{reply: ch.say(repNoHello)}
	}
	s, ok := keyword(arg, "FROM:")
	if !ok {
		return verdict{reply: ch.syntax("MAIL", "5.5.4")}
	}
	_, rest, _ := wire.ReversePath(s, false)
	return ch.mailPath(s, ch.Server.features.utf8 && ch.Extended && slices.ContainsFunc(strings.Fields(rest), isSMTPUTF8))
}

// mailPath is the verdict on what follows FROM:.
func (ch *Channel) mailPath(s string, mayUTF8 bool) verdict {
	path, rest, err := wire.ReversePath(s, mayUTF8)
	switch {
	case errors.Is(err, wire.ErrNonASCII):
		return verdict{ch.say(repMailASCII), ch.mailPath(s, true).commit}
	case err != nil:
		if refused := ch.tooBig(s); refused != "" {
			return verdict{reply: refused}
		}
		return verdict{reply: ch.syntax("MAIL", "5.1.7")}
	case !ch.Extended && rest != "":
		return verdict{reply: ch.syntax("MAIL", "5.5.4")}
	case ch.State != StateHello:
		return verdict{reply: ch.say(repNested)}
	}
	refusal, fatal := ch.params(mailParams, rest, mayUTF8, "MAIL")
	ch.pending.path = path.Mailbox
	if refusal == "" {
		refusal = ch.overMails()
	}
	switch {
	case fatal:
		return verdict{reply: refusal}
	case refusal != "":
		return verdict{refusal, (*Channel).commitMail}
	}
	return verdict{ch.say(repMailOK), (*Channel).commitMail}
}

// commitMail opens a transaction.
func (ch *Channel) commitMail() {
	ch.MailFrom, ch.MailOptions, ch.State = ch.pending.path, ch.pending.options, StateMail
	ch.openTransaction()
}

// openTransaction begins the record of a transaction. Server.mu must be held.
func (ch *Channel) openTransaction() {
	ch.mails++
	ch.rec = &record{session: ch.session, from: ch.MailFrom, mailOptions: ch.recorded(ch.MailOptions)}
	ch.session.begin(ch.rec)
	ch.content.Begin(ch.Server.features.sizeLimit, ch.pending.size)
}

func (ch *Channel) verbRcpt(arg string) verdict {
	ch.pending = pending{}
	switch ch.State {
	case StateGreeted:
		return verdict{reply: ch.say(repNoHello)}
	case StateHello:
		return verdict{reply: ch.say(repNoMail)}
	case StateBdat, StateFailed:
		return verdict{reply: ch.say(repNoPlace)}
	}
	s, ok := keyword(arg, "TO:")
	if !ok {
		return verdict{reply: ch.syntax("RCPT", "5.5.4")}
	}
	return ch.rcptPath(s, slices.ContainsFunc(ch.MailOptions, isSMTPUTF8))
}

// rcptPath is the verdict on what follows TO:.
func (ch *Channel) rcptPath(s string, mayUTF8 bool) verdict {
	path, rest, err := wire.ForwardPath(s, mayUTF8)
	switch {
	case errors.Is(err, wire.ErrNonASCII):
		commit := ch.rcptPath(s, true).commit
		ch.pending.soft = true
		return verdict{ch.say(repRcptASCII), commit}
	case err != nil:
		return verdict{reply: ch.syntax("RCPT", "5.1.3")}
	case !ch.Extended && rest != "":
		return verdict{reply: ch.syntax("RCPT", "5.5.4")}
	}
	refusal, fatal := ch.params(rcptParams, rest, mayUTF8, "RCPT")
	ch.pending.path, ch.pending.ok = path.Mailbox, !fatal
	if refusal == "" {
		refusal = ch.overRcpts(path.Mailbox)
	}
	switch {
	case fatal:
		return verdict{reply: refusal}
	case refusal != "":
		ch.pending.soft = true
		return verdict{refusal, (*Channel).commitRcpt}
	}
	return verdict{ch.say(repRcptOK), (*Channel).commitRcpt}
}

// commitRcpt adds a recipient.
func (ch *Channel) commitRcpt() {
	ch.RcptTos = push(ch.RcptTos, ch.pending.path)
	ch.RcptOptions = push(ch.RcptOptions, ch.pending.options)
	ch.State = StateRcpt
}

// noteRcpt keeps the answer to each acceptable recipient, whatever it was.
func (ch *Channel) noteRcpt(told Reply, took bool) {
	if added := ch.pending.adopted; len(added) > 0 && ch.rec != nil {
		for _, r := range added {
			r.Reply = told
		}
		return
	}
	if !ch.pending.ok || ch.rec == nil {
		return
	}
	r := ch.rec.addRcpt()
	*r = Recipient{To: ch.pending.path, Options: ch.recorded(ch.pending.options), Reply: told, Accepted: took}
	if took && ch.Server.config.Commands != nil {
		ch.accepted = append(ch.accepted, r)
	}
	if !took && !ch.pending.soft {
		ch.refusals++
	}
}

func (ch *Channel) verbRset(arg string) verdict {
	if arg != "" {
		return verdict{reply: ch.syntax("RSET", "5.5.4")}
	}
	return verdict{ch.say(repOK), (*Channel).commitRset}
}

func (ch *Channel) commitRset() {
	ch.reset(isReset)
	ch.ReceivedData = ""
}

// verbNoop ignores its argument, if it is text at all (RFC 5321 4.1.1.9).
func (ch *Channel) verbNoop(arg string) verdict {
	for i := range len(arg) {
		if arg[i] >= 0x80 {
			return verdict{reply: ch.syntax("NOOP", "5.5.4")}
		}
	}
	return verdict{reply: ch.say(repOK)}
}

func (ch *Channel) verbQuit(arg string) verdict {
	if arg != "" {
		return verdict{reply: ch.syntax("QUIT", "5.5.4")}
	}
	return verdict{ch.say(repBye), (*Channel).commitQuit}
}

// commitQuit ends the session once the 221 is written.
func (ch *Channel) commitQuit() { ch.finish(EndQuit) }

func (ch *Channel) verbVrfy(arg string) verdict {
	if arg == "" {
		return verdict{reply: ch.syntax("VRFY", "5.5.4")}
	}
	return verdict{reply: ch.say(repVrfy)}
}

func (ch *Channel) verbExpn(string) verdict { return verdict{reply: ch.say(repNoExpn)} }

func (ch *Channel) verbAncient(string) verdict { return verdict{reply: ch.say(repAncient)} }

// verbHelp answers from the command table.
func (ch *Channel) verbHelp(arg string) verdict {
	if !ch.Server.features.has("HELP") {
		return verdict{reply: ch.say(repNoHelp)}
	}
	if arg == "" {
		return verdict{reply: ch.say(text("214 Supported commands: "+ch.supported(), "2.0.0"))}
	}
	v := commands[wire.Upper(arg)]
	if v == nil || !ch.serves(v) {
		return verdict{reply: ch.say(text("504 Supported commands: "+ch.supported(), "5.5.4"))}
	}
	return verdict{reply: ch.say(text(Reply("214 Syntax: "+v.usage(ch.Extended)), "2.0.0"))}
}

// serves says that the verb does something here.
func (ch *Channel) serves(v *verb) bool {
	if v.offered != nil && !v.offered(ch.Server) {
		return false
	}
	switch v.name {
	case "EXPN", "TURN", "SEND", "SOML", "SAML":
		return ch.Server.config.Commands[v.name] != nil
	}
	return true
}

func (ch *Channel) supported() Reply {
	var names []string
	for i := range commandTable {
		if ch.serves(&commandTable[i]) {
			names = append(names, commandTable[i].name)
		}
	}
	return Reply(strings.Join(names, " "))
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
func (ch *Channel) tooBig(s string) Reply {
	_, params, _ := strings.Cut(s, "> ")
	for _, p := range strings.Fields(params) {
		if value, ok := keyword(p, "SIZE="); ok && ch.Extended && ch.Server.features.has("SIZE") && ch.overLimit(value) {
			return ch.say(repTooBig)
		}
	}
	return ""
}

func (ch *Channel) overLimit(value string) bool {
	n, err := strconv.ParseInt(value, 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		n, err = math.MaxInt64, nil
	}
	limit := ch.Server.features.sizeLimit
	return err == nil && limit >= 0 && n > int64(limit)
}
