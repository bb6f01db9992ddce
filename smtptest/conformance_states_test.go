package smtptest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
)

// A state of the session, by RFC 5321 4.1.4: what has been said and accepted.
type state string

const (
	start     state = ""   // connected, before the greeting
	greeted   state = "G"  // 220 read
	refused   state = "X"  // 554 instead of 220
	helo      state = "H"  // HELO said
	ehlo      state = "E"  // EHLO said
	mailGiven state = "M"  // MAIL accepted, no recipient
	rcptGiven state = "R"  // a recipient accepted
	heloMail  state = "HM" // the same after HELO
	heloRcpt  state = "HR"
	inData    state = "D" // 354 read
	quit      state = "Q" // 221 read
)

const (
	greeting = "220 localhost ESMTP smtptest"
	ok       = "250 2.0.0 OK"
	mailOK   = "250 2.1.0 OK"
	rcptOK   = "250 2.1.5 OK"
	goAhead  = "354 End data with <CR><LF>.<CR><LF>"
	bye      = "221 2.0.0 Bye"
	helpText = "214 2.0.0 Supported commands: EHLO HELO MAIL RCPT DATA RSET NOOP QUIT VRFY HELP"
	noTopic  = "504 5.5.4 Supported commands: EHLO HELO MAIL RCPT DATA RSET NOOP QUIT VRFY HELP"
	cannot   = "252 2.5.0 Cannot VRFY user, but will accept message and attempt delivery"
	needHelo = "503 5.5.1 Error: send HELO first"
	nested   = "503 5.5.1 Error: nested MAIL command"
	needMail = "503 5.5.1 Error: need MAIL command"
	needRcpt = "503 5.5.1 Error: need RCPT command"
	noRcpt   = "554 5.5.1 Error: no valid recipients"
	tooLong  = "500 5.5.2 Error: line too long"
	params   = " [SP <mail-parameters>]" // of the syntax, after EHLO
)

var (
	sayHelo = []string{"C: HELO client.test", "S: 250 localhost"}
	sayEhlo = []string{"C: EHLO client.test", "S: 250-localhost", "S: 250-PIPELINING", "S: 250-SIZE 33554432",
		"S: 250-8BITMIME", "S: 250-SMTPUTF8", "S: 250-ENHANCEDSTATUSCODES", "S: 250 HELP"}
	sayMail = []string{"C: MAIL FROM:<a@client.test>", "S: " + mailOK}
	sayRcpt = []string{"C: RCPT TO:<b@server.test>", "S: " + rcptOK}
	sayData = []string{"C: DATA", "S: " + goAhead}
	sayText = []string{"C: text", "C: .", "S: " + ok}
	sayQuit = []string{"C: QUIT", "S: " + bye, closed}
)

// reach holds the talk that leads to a state.
var reach = map[state][]string{
	greeted:   {"S: " + greeting},
	refused:   {"S: 554 No SMTP service here"},
	helo:      talk("S: "+greeting, sayHelo),
	ehlo:      talk("S: "+greeting, sayEhlo),
	mailGiven: talk("S: "+greeting, sayEhlo, sayMail),
	rcptGiven: talk("S: "+greeting, sayEhlo, sayMail, sayRcpt),
	heloMail:  talk("S: "+greeting, sayHelo, sayMail),
	heloRcpt:  talk("S: "+greeting, sayHelo, sayMail, sayRcpt),
	inData:    talk("S: "+greeting, sayEhlo, sayMail, sayRcpt, sayData),
}

// proof holds the talk that shows a state, by the answer to DATA and the syntax
// that HELP tells, and ends with one message recorded.
var proof = map[state][]string{
	greeted:   talk("C: DATA", "S: "+needHelo, "C: MAIL FROM:<a@client.test>", "S: "+needHelo, sayEhlo, sayMail, sayRcpt, sayData, sayText),
	helo:      talk(helpMail, "C: DATA", "S: "+needRcpt, sayMail, sayRcpt, sayData, sayText),
	ehlo:      talk(helpMailExt, "C: DATA", "S: "+needRcpt, sayMail, sayRcpt, sayData, sayText),
	mailGiven: talk(helpMailExt, "C: DATA", "S: "+needRcpt, sayRcpt, sayData, sayText),
	rcptGiven: talk(helpMailExt, sayData, sayText),
	heloMail:  talk(helpMail, "C: DATA", "S: "+needRcpt, sayRcpt, sayData, sayText),
	heloRcpt:  talk(helpMail, sayData, sayText),
	inData:    sayText,
	quit:      {closed},
	refused:   {"C: MAIL FROM:<a@client.test>", "S: " + refusing},
}

var (
	helpMail    = []string{"C: HELP MAIL", "S: 214 2.0.0 Syntax: MAIL FROM: <address>"}
	helpMailExt = []string{"C: HELP MAIL", "S: 214 2.0.0 Syntax: MAIL FROM: <address>" + params}
)

// talk joins lines and lists of lines.
func talk(parts ...any) []string {
	var all []string
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			all = append(all, p)
		case []string:
			all = append(all, p...)
		}
	}
	return all
}

// message is the one that the lists above send.
func message(change ...func(*smtptest.Message)) smtptest.Message {
	m := smtptest.Message{From: "a@client.test", To: []string{"b@server.test"}, Data: "text\r\n"}
	for _, f := range change {
		f(&m)
	}
	return m
}

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
	same("EHLO client.test", "4.1.1.1, 4.1.4: again at any time, and it resets", strings.Join(replies(sayEhlo), "\n")+" -> E"),
	same("HELO", "4.1.1.1", "501 5.5.4 Syntax: HELO hostname"),
	same("EHLO", "4.1.1.1", "501 5.5.4 Syntax: EHLO hostname"),
	{"MAIL FROM:<a@client.test>", "4.1.1.2, 3.3", needHelo, mailOK + " -> HM", mailOK + " -> M", nested, nested},
	{"MAIL FROM:<>", "4.5.5: the null sender is a sender", needHelo, mailOK + " -> HM", mailOK + " -> M", nested, nested},
	{"RCPT TO:<b@server.test>", "4.1.1.3", needHelo, needMail, needMail, rcptOK + " -> R", rcptOK},
	{"DATA", "4.1.1.4, 3.3", needHelo, needRcpt, needRcpt, needRcpt, goAhead + " -> D"},
	{"RSET", "4.1.1.5: ends the transaction, keeps the name", ok, ok, ok, ok + " -> E", ok + " -> E"},
	same("RSET now", "4.1.1.5: a refused RSET keeps the transaction", "501 5.5.4 Syntax: RSET"),
	same("NOOP", "4.1.1.9: no effect at any time", ok),
	same("NOOP some words", "4.1.1.9: an argument is ignored", ok),
	same("QUIT", "4.1.1.10", bye+" -> Q"),
	same("QUIT now", "4.1.1.10, 4.3.2: no argument, and the session goes on", "501 5.5.4 Syntax: QUIT"),
	{"HELP", "4.1.1.8, 4.1.4", helpText, helpText, helpText, helpText, helpText},
	same("HELP FOO", "4.3.2: no such topic", noTopic),
	same("VRFY bob", "3.5.3, 4.1.4: 252 before EHLO too", cannot),
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
	var rows []row
	for _, c := range commandTable {
		for from, cell := range map[state]string{greeted: c.G, helo: c.H, ehlo: c.E, mailGiven: c.M, rcptGiven: c.R} {
			rows = append(rows, c.row(from, cell))
		}
		if cell := c.M; c.line == "RSET" { // what was begun by HELO stays HELO
			rows = append(rows, c.row(heloMail, strings.Replace(cell, "-> E", "-> H", 1)))
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int { return strings.Compare(a.name, b.name) })
	run(t, rows)
}

// row is the command in one state, and the proof of the state after it.
func (c commandRow) row(from state, cell string) row {
	reply, to, changes := strings.Cut(cell, " -> ")
	if !changes {
		to = string(from)
	}
	r := row{name: string(from) + "/" + c.line, why: c.why, in: from, talk: []string{"C: " + c.line}}
	for line := range strings.SplitSeq(reply, "\n") {
		r.talk = append(r.talk, "S: "+line)
	}
	r.talk = append(r.talk, proof[state(to)]...)
	if state(to) == quit {
		return r
	}
	m := message()
	if c.line == "MAIL FROM:<>" && changes {
		m.From = ""
	}
	if strings.HasPrefix(c.line, "RCPT") && from == rcptGiven { // the same recipient twice is two recipients
		m.To = append(m.To, m.To...)
	}
	r.want = []smtptest.Message{m}
	return r
}

// replies are the texts of a talk's "S: " lines.
func replies(talk []string) []string {
	var lines []string
	for _, line := range talk {
		if reply, found := strings.CutPrefix(line, "S: "); found {
			lines = append(lines, reply)
		}
	}
	return lines
}

const refusing = "503 5.5.1 Error: no mail here, send QUIT"

// TestConformanceRefused is about the session whose greeting was 554: all but
// QUIT is refused, and the server waits for that QUIT (RFC 5321 3.1).
func TestConformanceRefused(t *testing.T) {
	refuse := func(srv *smtptest.Server) {
		srv.Script(smtptest.Rule{On: "CONNECT", Reply: "554 No SMTP service here"})
	}
	var rows []row
	for _, line := range []string{"HELO client.test", "EHLO client.test", "MAIL FROM:<a@client.test>", "RCPT TO:<b@server.test>",
		"DATA", "RSET", "NOOP", "HELP", "VRFY bob", "EXPN staff", "FOO", "TURN", "STARTTLS", ""} {
		rows = append(rows, row{name: line, why: "3.1", setup: refuse, in: refused,
			talk: talk("C: "+line, "S: "+refusing, proof[refused], sayQuit)})
	}
	rows = append(rows, row{name: "521", why: "RFC 7504 3: 521 again", setup: scripted(smtptest.Rule{On: "CONNECT", Reply: "521 no mail here"}),
		talk: talk("S: 521 no mail here", "C: EHLO client.test", "S: 521 5.3.2 Error: this host takes no mail, send QUIT",
			"C: NOOP", "S: 521 5.3.2 Error: this host takes no mail, send QUIT", sayQuit)})
	run(t, rows)
}
