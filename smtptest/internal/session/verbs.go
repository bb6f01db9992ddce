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
// (RFC 5321 4.1.4). Text after the name is tolerated (4.1.1.1).
func hello(p *protocol, name, arg string) verdict {
	host, _, _ := strings.Cut(arg, " ")
	if !validHost(host) {
		return verdict{reply: p.syntax(name, "5.5.4")}
	}
	p.pending = pending{path: host}
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
	c.State, c.Helo, c.Extended = StateHello, c.pending.path, extended
	c.record.Helo = c.Helo
}

func decideRset(p *protocol, arg string) verdict {
	if arg != "" {
		return verdict{reply: p.syntax("RSET", "5.5.4")}
	}
	return verdict{p.say(repOK), commitRset}
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
	return verdict{reply: p.say(repOK)}
}

func decideQuit(p *protocol, arg string) verdict {
	if arg != "" {
		return verdict{reply: p.syntax("QUIT", "5.5.4")}
	}
	return verdict{p.say(repBye), commitQuit}
}

// commitQuit ends the session once the 221 is written.
func commitQuit(c *Conn) { c.finish(EndQuit) }

func decideVrfy(p *protocol, arg string) verdict {
	if arg == "" {
		return verdict{reply: p.syntax("VRFY", "5.5.4")}
	}
	return verdict{reply: p.say(repVrfy)}
}

func decideExpn(p *protocol, _ string) verdict { return verdict{reply: p.say(repNoExpn)} }

func decideAncient(p *protocol, _ string) verdict { return verdict{reply: p.say(repAncient)} }

// verbHelp answers from the command table.
func decideHelp(p *protocol, arg string) verdict {
	if !p.Offers("HELP") {
		return verdict{reply: p.say(repNoHelp)}
	}
	if arg == "" {
		return verdict{reply: p.say(text("214 Supported commands: "+supported(p), "2.0.0"))}
	}
	v := commands[wire.Upper(arg)]
	if v == nil || !serves(p, v) {
		return verdict{reply: p.say(text("504 Supported commands: "+supported(p), "5.5.4"))}
	}
	return verdict{reply: p.say(text(wire.Reply("214 Syntax: "+v.usage(p.Extended)), "2.0.0"))}
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
