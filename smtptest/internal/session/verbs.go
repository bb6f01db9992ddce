package session

import (
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/journal"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

func decideHelo(p *protocol, arg string) verdict { return hello(p, "HELO", arg) }

func decideEhlo(p *protocol, arg string) verdict {
	if p.LMTP {
		return hello(p, "LHLO", arg)
	}
	return hello(p, "EHLO", arg)
}

// hello begins or renews the session; a transaction in progress is dropped
// (RFC 5321 4.1.4). Text after the name is accepted: the grammar does not allow it, but
// 4.1.1.1 calls it wise for servers to be prepared for it.
func hello(p *protocol, name, arg string) verdict {
	host, _, _ := strings.Cut(arg, " ")
	if !p.isHostName(host) {
		return verdict{reply: p.syntax(name, "5.5.4")}
	}
	p.parsed = parsed{path: host}
	if name == "HELO" {
		return verdict{wire.Reply("250 " + p.FQDN), commitHelo}
	}
	return verdict{p.ehlo(), commitEhlo}
}

func commitHelo(c *Conn) { greeted(c, false) }
func commitEhlo(c *Conn) { greeted(c, true) }

// greeted begins the session anew. The journal must be locked.
func greeted(c *Conn, extended bool) {
	commitRset(c)
	c.State, c.Helo, c.Extended = StateHello, c.parsed.path, extended
	c.record.Helo = c.Helo
}

func decideRset(p *protocol, arg string) verdict {
	if arg != "" {
		return verdict{reply: p.syntax("RSET", "5.5.4")}
	}
	return verdict{p.text(replyOK), commitRset}
}

func commitRset(c *Conn) {
	c.reset(journal.Reset)
	c.Data = ""
}

// verbNoop ignores its argument, if it is text at all (RFC 5321 4.1.1.9).
func decideNoop(p *protocol, arg string) verdict {
	for i := range len(arg) {
		if arg[i] >= 0x80 {
			return verdict{reply: p.syntax("NOOP", "5.5.4")}
		}
	}
	return verdict{reply: p.text(replyOK)}
}

func decideQuit(p *protocol, arg string) verdict {
	if arg != "" {
		return verdict{reply: p.syntax("QUIT", "5.5.4")}
	}
	return verdict{p.text(replyBye), commitQuit}
}

// commitQuit ends the session once the 221 is written.
func commitQuit(c *Conn) { c.setEnd(EndQuit) }

func decideVrfy(p *protocol, arg string) verdict {
	if arg == "" {
		return verdict{reply: p.syntax("VRFY", "5.5.4")}
	}
	return verdict{reply: p.text(replyVrfy)}
}

func decideExpn(p *protocol, _ string) verdict { return verdict{reply: p.text(replyNoExpn)} }

func decideObsolete(p *protocol, _ string) verdict { return verdict{reply: p.text(replyObsolete)} }

// verbHelp answers from the command table.
func decideHelp(p *protocol, arg string) verdict {
	if !p.Offers("HELP") {
		return verdict{reply: p.text(replyNoHelp)}
	}
	if arg == "" {
		return verdict{reply: p.text(newReplyText("214 Supported commands: "+supported(p), "2.0.0"))}
	}
	v := commands[wire.Upper(arg)]
	if v == nil || !serves(p, v) {
		return verdict{reply: p.text(newReplyText("504 Supported commands: "+supported(p), "5.5.4"))}
	}
	return verdict{reply: p.text(newReplyText(wire.Reply("214 Syntax: "+v.usage(p.Extended)), "2.0.0"))}
}

// serves reports whether the verb does something here.
func serves(p *protocol, v *verb) bool {
	if v.offered != nil && !v.offered(p.Config) {
		return false
	}
	switch v.Name {
	case "EXPN", "TURN", "SEND", "SOML", "SAML":
		return p.Commands[v.Name] != nil
	}
	return true
}

func supported(p *protocol) wire.Reply {
	var names []string
	for i := range table {
		if serves(p, &table[i]) {
			names = append(names, table[i].Name)
		}
	}
	return wire.Reply(strings.Join(names, " "))
}
