package session

import (
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/journal"
	"github.com/go-smtptest/smtp/smtptest/internal/script"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// blanks are the white space that may stand around an argument, SP and HT
// (RFC 5321 4.1.1); a CR or LF by itself is none (2.3.8).
const blanks = " \t"

// command parses a line and answers it.
func command(c *Conn, line string, long bool) {
	c.parsed = parsed{}
	e := &c.event
	*e = parse(c.Config, line)
	if c.inputWaiting {
		e.flags |= journal.Early
	}
	tooLong := long || len(line)+2 > c.lineLimit(e.name)
	if tooLong {
		e.flags |= journal.TooLong
		e.line = strings.Clone(line[:min(len(line), commandLine)]) // the rest may go
		e.verdict.reply = c.overlong(e)
	}
	if c.Commands != nil {
		c.received = append(c.received, e.line)
	}
	c.mask.command(e)
	takesChunk := e.name == "BDAT" && !tooLong && c.Offers("CHUNKING")
	if takesChunk {
		takeChunk(c, e)
	}
	if !tooLong && !c.done {
		decide(c, e)
		if f := c.Commands[e.name]; f != nil && !takesChunk && !c.refuses(e.verb) {
			e.userReply = func(c *Conn) wire.Reply { return custom(c, e, f) }
		}
	}
	if takesChunk {
		answerChunk(c, e)
		return
	}
	sent, _ := c.answer(e)
	switch {
	case c.done || tooLong:
	case c.State == StateData: // also if a Command has said so
		followData(c, sent)
	case e.verb != nil && e.verb.follow != nil:
		e.verb.follow(c, sent)
	}
}

// parse returns the event of a command line.
func parse(c *Config, line string) event {
	name, arg, _ := strings.Cut(line, " ")
	name = wire.Upper(name)
	e := event{name: name, arg: c.argument(name, arg), line: line, verb: commands[name]}
	if e.verb == nil && script.IsPseudo(name) {
		e.name = "" // a line is no event
	}
	return e
}

// decide finds the verb's own verdict.
func decide(c *Conn, e *event) {
	e.verdict = c.builtin(e)
	if e.name == "AUTH" {
		e.masked.AuthError = c.login.flaw
	}
}
