package play

import (
	"strings"

	"github.com/go-smtptest/smtp/smtptest"
)

// A State of the session, by RFC 5321 4.1.4: what has been said and accepted.
type State string

// The states.
const (
	Start     State = ""   // connected, before the greeting
	Greeted   State = "G"  // 220 read
	Refused   State = "X"  // 554 instead of 220
	HELO      State = "H"  // HELO said
	EHLO      State = "E"  // EHLO said
	MailGiven State = "M"  // MAIL accepted, no recipient
	RcptGiven State = "R"  // a recipient accepted
	HELOMail  State = "HM" // the same after HELO
	HELORcpt  State = "HR"
	InData    State = "D" // 354 read
	Quit      State = "Q" // 221 read
)

// Replies of the server, as they are by default.
const (
	Greeting = "220 localhost ESMTP smtptest"
	OK       = "250 2.0.0 OK"
	MailOK   = "250 2.1.0 OK"
	RcptOK   = "250 2.1.5 OK"
	GoAhead  = "354 End data with <CR><LF>.<CR><LF>"
	Bye      = "221 2.0.0 Bye"
	NoTopic  = "504 5.5.4 Supported commands: EHLO HELO MAIL RCPT DATA RSET NOOP QUIT VRFY HELP"
	Cannot   = "252 2.5.0 Cannot VRFY user, but will accept message and attempt delivery"
	NeedHelo = "503 5.5.1 Error: send HELO first"
	Nested   = "503 5.5.1 Error: nested MAIL command"
	NeedMail = "503 5.5.1 Error: need MAIL command"
	NeedRcpt = "503 5.5.1 Error: need RCPT command"
	NoRcpt   = "554 5.5.1 Error: no valid recipients"
	TooLong  = "500 5.5.2 Error: line too long"
	Params   = " [SP <mail-parameters>]" // of the syntax, after EHLO
)

// Commands with their replies, which make up most talks.
var (
	SayHELO = []string{"C: HELO client.test", "S: 250 localhost"}
	SayEHLO = []string{"C: EHLO client.test", "S: 250-localhost", "S: 250-PIPELINING", "S: 250-SIZE 33554432",
		"S: 250-8BITMIME", "S: 250-SMTPUTF8", "S: 250-ENHANCEDSTATUSCODES", "S: 250 HELP"}
	SayMail = []string{"C: MAIL FROM:<a@client.test>", "S: " + MailOK}
	SayRcpt = []string{"C: RCPT TO:<b@server.test>", "S: " + RcptOK}
	SayData = []string{"C: DATA", "S: " + GoAhead}
	SayText = []string{"C: text", "C: .", "S: " + OK}
	SayQuit = []string{"C: QUIT", "S: " + Bye, Closed}
)

// PathTo holds the talk that leads to a state.
var PathTo = map[State][]string{
	Greeted:   {"S: " + Greeting},
	Refused:   {"S: 554 No SMTP service here"},
	HELO:      Talk("S: "+Greeting, SayHELO),
	EHLO:      Talk("S: "+Greeting, SayEHLO),
	MailGiven: Talk("S: "+Greeting, SayEHLO, SayMail),
	RcptGiven: Talk("S: "+Greeting, SayEHLO, SayMail, SayRcpt),
	HELOMail:  Talk("S: "+Greeting, SayHELO, SayMail),
	HELORcpt:  Talk("S: "+Greeting, SayHELO, SayMail, SayRcpt),
	InData:    Talk("S: "+Greeting, SayEHLO, SayMail, SayRcpt, SayData),
}

// Proof holds the talk that shows a state, by the answer to DATA and the syntax
// that HELP tells, and ends with one message recorded.
var Proof = map[State][]string{
	Greeted:   Talk("C: DATA", "S: "+NeedHelo, "C: MAIL FROM:<a@client.test>", "S: "+NeedHelo, SayEHLO, SayMail, SayRcpt, SayData, SayText),
	HELO:      Talk(helpMail, "C: DATA", "S: "+NeedRcpt, SayMail, SayRcpt, SayData, SayText),
	EHLO:      Talk(helpMailExt, "C: DATA", "S: "+NeedRcpt, SayMail, SayRcpt, SayData, SayText),
	MailGiven: Talk(helpMailExt, "C: DATA", "S: "+NeedRcpt, SayRcpt, SayData, SayText),
	RcptGiven: Talk(helpMailExt, SayData, SayText),
	HELOMail:  Talk(helpMail, "C: DATA", "S: "+NeedRcpt, SayRcpt, SayData, SayText),
	HELORcpt:  Talk(helpMail, SayData, SayText),
	InData:    SayText,
	Quit:      {Closed},
	Refused:   {"C: MAIL FROM:<a@client.test>", "S: " + Refusing},
}

var (
	helpMail    = []string{"C: HELP MAIL", "S: 214 2.0.0 Syntax: MAIL FROM:<address>"}
	helpMailExt = []string{"C: HELP MAIL", "S: 214 2.0.0 Syntax: MAIL FROM:<address>" + Params}
)

// Talk joins lines and lists of lines.
func Talk(parts ...any) []string {
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

// Message returns the message that the lists above send, after the changes.
func Message(change ...func(*smtptest.Message)) smtptest.Message {
	m := smtptest.Message{From: "a@client.test", To: []string{"b@server.test"}, Data: "text\r\n"}
	for _, f := range change {
		f(&m)
	}
	return m
}

// Replies returns the texts of a talk's "S: " lines.
func Replies(talk []string) []string {
	var lines []string
	for _, line := range talk {
		if reply, found := strings.CutPrefix(line, "S: "); found {
			lines = append(lines, reply)
		}
	}
	return lines
}

// Refusing is the reply to all commands but QUIT after a greeting with 554.
const Refusing = "503 5.5.1 Error: no mail here, send QUIT"
