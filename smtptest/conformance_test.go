package smtptest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

const helpText = "214 2.0.0 Supported commands: EHLO HELO MAIL RCPT DATA RSET NOOP QUIT VRFY HELP"

// A commandRow is one command in every state. A cell is the reply, and the
// state after it where that is another: "250 OK -> E". A refused command leaves
// the state as it was (RFC 5321 4.1.4).
type commandRow struct {
	line, why     string
	G, H, E, M, R string
}

func same(line, why, cell string) commandRow {
	return commandRow{line, why, cell, cell, cell, cell, cell}
}

var commandTable = []commandRow{
	same("HELO client.test", "4.1.1.1, 4.1.4: again at any time, and it resets", "250 localhost -> H"),
	same("EHLO client.test", "4.1.1.1, 4.1.4: again at any time, and it resets", strings.Join(play.Replies(play.SayEHLO), "\n")+" -> E"),
	same("HELO", "4.1.1.1", "501 5.5.4 Syntax: HELO hostname"),
	same("EHLO", "4.1.1.1", "501 5.5.4 Syntax: EHLO hostname"),
	{"MAIL FROM:<a@client.test>", "4.1.1.2, 3.3", play.NeedHelo, play.MailOK + " -> HM", play.MailOK + " -> M", play.Nested, play.Nested},
	{"MAIL FROM:<>", "4.5.5: the null sender is a sender", play.NeedHelo, play.MailOK + " -> HM", play.MailOK + " -> M", play.Nested, play.Nested},
	{"RCPT TO:<b@server.test>", "4.1.1.3", play.NeedHelo, play.NeedMail, play.NeedMail, play.RcptOK + " -> R", play.RcptOK},
	{"DATA", "4.1.1.4, 3.3", play.NeedHelo, play.NeedRcpt, play.NeedRcpt, play.NeedRcpt, play.GoAhead + " -> D"},
	{"RSET", "4.1.1.5: ends the transaction, keeps the name", play.OK, play.OK, play.OK, play.OK + " -> E", play.OK + " -> E"},
	same("RSET now", "4.1.1.5: a refused RSET keeps the transaction", "501 5.5.4 Syntax: RSET"),
	same("NOOP", "4.1.1.9: no effect at any time", play.OK),
	same("NOOP some words", "4.1.1.9: an argument is ignored", play.OK),
	same("QUIT", "4.1.1.10", play.Bye+" -> Q"),
	same("QUIT now", "4.1.1.10, 4.3.2: no argument, and the session goes on", "501 5.5.4 Syntax: QUIT"),
	{"HELP", "4.1.1.8, 4.1.4", helpText, helpText, helpText, helpText, helpText},
	same("HELP FOO", "4.3.2: no such topic", play.NoTopic),
	same("VRFY bob", "3.5.3, 4.1.4: 252 before EHLO too", play.Cannot),
	same("VRFY", "4.1.1.6: the argument is required", "501 5.5.4 Syntax: VRFY <address>"),
	same("EXPN staff", "4.1.1.7, 3.5.2: need not be implemented", "502 5.5.1 EXPN not implemented"),
	same("FOO", "4.2.4", `500 5.5.2 Error: command "FOO" not recognized`),
	same("XDATA", "a verb that begins or ends like a known one", `500 5.5.2 Error: command "XDATA" not recognized`),
	same("MAILFROM:<a@client.test>", "4.1.1: the verb ends at a space", `500 5.5.2 Error: command "MAILFROM:<A@CLIENT.TEST>" not recognized`),
	same("TURN", "F.1: deprecated", "502 5.5.1 Error: command not implemented"),
	same("SEND FROM:<a@client.test>", "F.6: deprecated", "502 5.5.1 Error: command not implemented"),
	same("SOML FROM:<a@client.test>", "F.6: deprecated", "502 5.5.1 Error: command not implemented"),
	same("SAML FROM:<a@client.test>", "F.6: deprecated", "502 5.5.1 Error: command not implemented"),
	same("LHLO client.test", "RFC 2033 4.1: not in SMTP", `500 5.5.2 Error: command "LHLO" not recognized`),
	same("STARTTLS", "RFC 3207 4: not offered, 4.2.4", `500 5.5.2 Error: command "STARTTLS" not recognized`),
	same("AUTH PLAIN AGEAYg==", "RFC 4954 3: not offered, 4.2.4", `500 5.5.2 Error: command "AUTH" not recognized`),
	same("BDAT 0", "RFC 3030 2: not offered, 4.2.4", `500 5.5.2 Error: command "BDAT" not recognized`),
	same("ETRN server.test", "RFC 1985 4: not offered, 4.2.4", `500 5.5.2 Error: command "ETRN" not recognized`),
	same("XCLIENT ADDR=10.0.0.1", "not offered, 4.2.4", `500 5.5.2 Error: command "XCLIENT" not recognized`),
	same("", "4.1.1: no verb", "500 5.5.2 Error: bad syntax"),
}

func TestConformanceStates(t *testing.T) {
	var rows []play.Case
	for _, c := range commandTable {
		for from, cell := range map[play.State]string{play.Greeted: c.G, play.HELO: c.H, play.EHLO: c.E, play.MailGiven: c.M, play.RcptGiven: c.R} {
			rows = append(rows, c.row(from, cell))
		}
		if cell := c.M; c.line == "RSET" { // what was begun by HELO stays HELO
			rows = append(rows, c.row(play.HELOMail, strings.Replace(cell, "-> E", "-> H", 1)))
		}
	}
	slices.SortStableFunc(rows, func(a, b play.Case) int { return strings.Compare(a.Name, b.Name) })
	play.Run(t, rows)
}

// row is the command in one state, and the proof of the state after it.
func (c commandRow) row(from play.State, cell string) play.Case {
	reply, to, changes := strings.Cut(cell, " -> ")
	if !changes {
		to = string(from)
	}
	r := play.Case{Name: string(from) + "/" + c.line, Why: c.why, In: from, Talk: []string{"C: " + c.line}}
	for line := range strings.SplitSeq(reply, "\n") {
		r.Talk = append(r.Talk, "S: "+line)
	}
	r.Talk = append(r.Talk, play.Proof[play.State(to)]...)
	if play.State(to) == play.Quit {
		return r
	}
	m := play.Message()
	if c.line == "MAIL FROM:<>" && changes {
		m.From = ""
	}
	if strings.HasPrefix(c.line, "RCPT") && from == play.RcptGiven { // the same recipient twice is two recipients
		m.To = append(m.To, m.To...)
	}
	r.Want = []smtptest.Message{m}
	return r
}

// TestConformanceRefused is about the session whose greeting was 554: all but
// QUIT is refused, and the server waits for that QUIT (RFC 5321 3.1).
func TestConformanceRefused(t *testing.T) {
	refuse := func(srv *smtptest.Server) {
		srv.Script(smtptest.Rule{On: "CONNECT", Reply: "554 No SMTP service here"})
	}
	var rows []play.Case
	for _, line := range []string{"HELO client.test", "EHLO client.test", "MAIL FROM:<a@client.test>", "RCPT TO:<b@server.test>",
		"DATA", "RSET", "NOOP", "HELP", "VRFY bob", "EXPN staff", "FOO", "TURN", "STARTTLS", ""} {
		rows = append(rows, play.Case{Name: line, Why: "3.1", Setup: refuse, In: play.Refused,
			Talk: play.Talk("C: "+line, "S: "+play.Refusing, play.Proof[play.Refused], play.SayQuit)})
	}
	rows = append(rows, play.Case{Name: "521", Why: "RFC 7504 3: 521 again", Setup: play.WithScript(smtptest.Rule{On: "CONNECT", Reply: "521 no mail here"}),
		Talk: play.Talk("S: 521 no mail here", "C: EHLO client.test", "S: 521 5.3.2 Error: this host takes no mail, send QUIT",
			"C: NOOP", "S: 521 5.3.2 Error: this host takes no mail, send QUIT", play.SayQuit)})
	play.Run(t, rows)
}
