package faults_test

import (
	"slices"
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

// verbFaults are about single verbs, 38 to 47.
var verbFaults = slices.Concat([]fault{{
	n:     38,
	rules: []smtptest.Rule{{On: "DATA", Reply: "250 OK"}, {On: "RCPT", Reply: "354 go on"}},
	talk: play.Talk(play.PathTo[play.MailGiven], play.SayTo("b@server.test", "354 go on"), play.Said("DATA", "250 OK"), // neither recipient nor content
		play.Said("text", `500 5.5.2 Error: command "TEXT" not recognized`), play.SayQuit),
	ends: "quit: aborted",
}, {
	n:     39,
	rules: []smtptest.Rule{{On: "MAIL", Reply: "259 unassigned"}, {On: "RCPT", Raw: "999 odd\r\n"}, {On: "DATA", Raw: "25 short\r\n"}},
	talk:  play.Talk(play.PathTo[play.EHLO], sayFrom("a@client.test", "259 unassigned"), play.SayTo("b@server.test", "999 odd"), play.Said("DATA", "25 short"), play.SayQuit),
	ends:  "quit: aborted",
}, {
	n: 40,
	rules: []smtptest.Rule{{On: "QUIT", Times: 1, Reply: "500 stay"}, {On: "QUIT", Times: 1, Reply: smtptest.NoReply},
		{On: "QUIT", Reply: smtptest.NoReply, Then: smtptest.Close}},
	talk: play.Talk(play.PathTo[play.EHLO], play.Said("QUIT", "500 stay"), "C: QUIT", "C: NOOP", "S: "+play.OK, "C: QUIT", play.Closed),
	ends: "closed by rule",
}, {
	n:     41,
	rules: []smtptest.Rule{{On: "RSET", Times: 1, Reply: "451 4.3.0 no"}, {On: "RSET", Reply: smtptest.NoReply, Then: smtptest.Close}},
	talk:  play.Talk(play.PathTo[play.MailGiven], play.Said("RSET", "451 4.3.0 no"), play.SayRcpt, "C: RSET", play.Closed), // the first has reset nothing
	ends:  "closed by rule: aborted",
}, {
	n:     42,
	rules: []smtptest.Rule{{On: "NOOP", Reply: "421 4.3.2 gone stale"}},
	talk:  play.Talk(play.PathTo[play.EHLO], play.Said("NOOP", "421 4.3.2 gone stale"), play.Closed),
	ends:  "421",
}, {
	n: 43,
	rules: []smtptest.Rule{{On: "EXPN", Reply: "250-Ann <ann@example.com>\n250 Bob <bob@example.com>"},
		{On: "VRFY", Reply: "553-ambiguous\n553-Ann <ann@example.com>\n553 Ann <ann@example.org>"}, {On: "HELP", Reply: "214-see\n214 RFC 5321"}},
	talk: play.Talk(play.PathTo[play.EHLO], "C: EXPN all", "S: 250-Ann <ann@example.com>", "S: 250 Bob <bob@example.com>",
		"C: VRFY ann", "S: 553-ambiguous", "S: 553-Ann <ann@example.com>", "S: 553 Ann <ann@example.org>",
		"C: HELP", "S: 214-see", "S: 214 RFC 5321", play.SayQuit),
	ends: "quit",
}, {
	n:     45,
	rules: []smtptest.Rule{{On: "MAIL", Reply: "550 5.7.1 go away", Then: smtptest.Close}},
	talk:  play.Talk(play.PathTo[play.EHLO], sayFrom("a@client.test", "550 5.7.1 go away"), play.Closed),
	ends:  "closed by rule",
}, {
	n: 46, name: "421",
	rules: []smtptest.Rule{{On: "IDLE .", Reply: "421 4.3.2 bye"}},
	talk:  play.Talk(play.PathTo[play.InData], play.SayText, "S: 421 4.3.2 bye", play.Closed),
	ends:  "421: accepted",
	told:  []smtptest.Reply{play.OK},
}, {
	n: 46, name: "221",
	rules: []smtptest.Rule{{On: "IDLE .", Reply: "221 2.0.0 bye", Then: smtptest.Close}},
	talk:  play.Talk(play.PathTo[play.InData], play.SayText, "S: 221 2.0.0 bye", play.Closed),
	ends:  "closed by rule: accepted",
	told:  []smtptest.Reply{play.OK},
}, {
	n: 46, name: "behind BDAT LAST",
	setup: play.WithExtensions("CHUNKING"),
	rules: []smtptest.Rule{{On: "IDLE .", Reply: "421 4.3.2 bye"}},
	talk: play.Talk("S: "+play.Greeting, play.EHLOWith("CHUNKING"), play.SayMail, play.SayRcpt, "C+ BDAT 4 LAST\r\ntext", "S: "+play.OK,
		"S: 421 4.3.2 bye", play.Closed),
	ends: "421: accepted",
	told: []smtptest.Reply{play.OK},
}, {
	n: 47, name: "recipients",
	rules: []smtptest.Rule{{On: "RCPT", Skip: 100, Per: smtptest.PerTransaction, Reply: "452 4.5.3 too many"}},
	talk: play.Talk(play.PathTo[play.MailGiven], slices.Repeat(play.SayRcpt, 100), play.SayTo("b@server.test", "452 4.5.3 too many"),
		"C: RSET", "S: "+play.OK, play.SayMail, play.SayRcpt, play.SayQuit),
	ends: "quit: reset, aborted",
}, {
	n: 47, name: "bad commands",
	rules: []smtptest.Rule{{On: "*", If: func(e smtptest.Event) bool { return e.Errors >= 10 }, Reply: "421 4.7.0 too many errors"}},
	talk: play.Talk(play.PathTo[play.EHLO], slices.Repeat(play.Said("MUMBLE", `500 5.5.2 Error: command "MUMBLE" not recognized`), 10),
		play.Said("NOOP", "421 4.7.0 too many errors"), play.Closed),
	ends: "421",
}}, everyVerb)

// everyVerb is number 44 for each event that has an answer.
var everyVerb = func() (faults []fault) {
	for _, v := range []struct {
		on    string
		setup func(*smtptest.Server)
		until []string
		send  string
		fate  string
	}{
		{on: "CONNECT"},
		{on: "EHLO", until: play.PathTo[play.Greeted], send: "EHLO client.test"},
		{on: "HELO", until: play.PathTo[play.Greeted], send: "HELO client.test"},
		{on: "LHLO", until: play.PathTo[play.Greeted], send: "LHLO client.test", setup: func(srv *smtptest.Server) { srv.LMTP = true }},
		{on: "MAIL", until: play.PathTo[play.EHLO], send: "MAIL FROM:<a@client.test>"},
		{on: "RCPT", until: play.PathTo[play.MailGiven], send: "RCPT TO:<b@server.test>", fate: ": aborted"},
		{on: "DATA", until: play.PathTo[play.RcptGiven], send: "DATA", fate: ": aborted"},
		{on: "BODY", until: play.PathTo[play.InData], fate: ": refused"},
		{on: ".", until: play.PathTo[play.InData], send: "text\r\n.", fate: ": refused"},
		{on: "BDAT", until: play.Talk("S: "+play.Greeting, play.EHLOWith("CHUNKING"), play.SayMail, play.SayRcpt), send: "BDAT 6\r\ntext", fate: ": aborted", setup: play.WithExtensions("CHUNKING")},
		{on: "RSET", until: play.PathTo[play.MailGiven], send: "RSET", fate: ": aborted"},
		{on: "NOOP", until: play.PathTo[play.EHLO], send: "NOOP"},
		{on: "QUIT", until: play.PathTo[play.EHLO], send: "QUIT"},
		{on: "VRFY", until: play.PathTo[play.EHLO], send: "VRFY bob"},
		{on: "EXPN", until: play.PathTo[play.EHLO], send: "EXPN all"},
		{on: "HELP", until: play.PathTo[play.EHLO], send: "HELP"},
		{on: "STARTTLS", until: play.Talk("S: "+play.Greeting, play.SayEHLOTLS), send: "STARTTLS", setup: play.WithTLS},
		{on: "AUTH", until: play.Talk("S: "+play.Greeting, sayEhloAuth), send: "AUTH PLAIN AGFubgBzZWNyZXQ=", setup: play.WithUsers},
		{on: "RESPONSE", until: play.Talk("S: "+play.Greeting, sayEhloAuth, play.Said("AUTH PLAIN", "334 ")), send: "AGFubgBzZWNyZXQ=", setup: play.WithUsers},
		{on: "TURN", until: play.PathTo[play.EHLO], send: "TURN"},
		{on: "XFROB", until: play.PathTo[play.EHLO], send: "XFROB on"},
	} {
		f := fault{n: 44, name: v.on, setup: v.setup, rules: []smtptest.Rule{{On: v.on, Reply: "421 4.3.2 going down"}}, ends: "421" + v.fate}
		f.talk = slices.Clone(v.until)
		if v.send != "" {
			f.talk = append(f.talk, "C: "+v.send)
		}
		f.talk = append(f.talk, "S: 421 4.3.2 going down", play.Closed)
		faults = append(faults, f)
	}
	return faults
}()

// formFaults are about the form of a reply, 48 to 63.
var formFaults = []fault{{
	n:     48,
	rules: []smtptest.Rule{{On: "EHLO", Raw: "250-mx\n250 SIZE 1000\n"}},
	talk:  play.Talk(play.PathTo[play.Greeted], "C: EHLO client.test", "S+ 250-mx\n250 SIZE 1000\n", play.SayMail, play.SayQuit),
	ends:  "quit: aborted",
}, {
	n:     49,
	rules: []smtptest.Rule{{On: "MAIL", Raw: "250 OK\r"}},
	talk:  play.Talk(play.PathTo[play.EHLO], "C: MAIL FROM:<a@client.test>", "S+ 250 OK\r", play.SayRcpt, play.SayQuit),
	ends:  "quit: aborted",
}, {
	n:     50,
	rules: []smtptest.Rule{{On: "MAIL", Raw: "250 OK"}},
	talk:  play.Talk(play.PathTo[play.EHLO], "C: MAIL FROM:<a@client.test>", "S+ 250 OK", play.SayRcpt, play.SayQuit),
	ends:  "quit: aborted",
}, {
	n:     51,
	rules: []smtptest.Rule{{On: "EHLO", Times: 1, Raw: "250-mx\r\n250-SIZE"}, {On: "EHLO", Raw: "250-mx\r\n250-SIZE", Then: smtptest.Close}},
	talk: play.Talk(play.PathTo[play.Greeted], "C: EHLO client.test", "S+ 250-mx\r\n250-SIZE", "C: NOOP", "S: "+play.OK,
		"C: EHLO client.test", "S+ 250-mx\r\n250-SIZE", play.Closed),
	ends: "closed by rule",
}, {
	n:     52,
	rules: []smtptest.Rule{{On: "MAIL", Raw: "250-first\r\n550 last\r\n"}},
	talk:  play.Talk(play.PathTo[play.EHLO], "C: MAIL FROM:<a@client.test>", "S: 250-first", "S: 550 last", play.SayQuit),
	ends:  "quit: aborted", // it counts as a success, by its first digit
}, {
	n:     53,
	rules: []smtptest.Rule{{On: "MAIL", Reply: "250"}, {On: "RCPT", Raw: "250OK\r\n"}, {On: "DATA", Raw: "354\tgo\r\n"}},
	talk:  play.Talk(play.PathTo[play.EHLO], sayFrom("a@client.test", "250"), play.SayTo("b@server.test", "250OK"), play.Said("DATA", "354\tgo"), play.SayText, play.SayQuit),
	ends:  "quit: accepted",
	told:  []smtptest.Reply{play.OK},
}, {
	n:     54,
	rules: []smtptest.Rule{{On: "MAIL", Raw: "250 \xff\x00\x1b[31m\r\n"}},
	talk:  play.Talk(play.PathTo[play.EHLO], sayFrom("a@client.test", "250 \xff\x00\x1b[31m"), play.SayQuit),
	ends:  "quit: aborted",
}, {
	n: 55, name: "long line",
	rules: []smtptest.Rule{{On: "MAIL", Raw: "250 " + strings.Repeat("x", 100_000) + "\r\n"}},
	talk:  play.Talk(play.PathTo[play.EHLO], sayFrom("a@client.test", "250 "+strings.Repeat("x", 100_000)), play.SayQuit),
	ends:  "quit: aborted",
}, {
	n: 55, name: "endless",
	rules: []smtptest.Rule{{On: "EHLO", Raw: "250-mx\r\n"}, {On: "IDLE EHLO", Delay: time.Minute, Raw: "250-more\r\n"}},
	talk: play.Talk(play.PathTo[play.Greeted], "C: EHLO client.test", "S: 250-mx", slices.Repeat([]string{"-- 1m", "S: 250-more"}, 4),
		"C: QUIT", "S: "+play.Bye, play.Closed),
	ends: "quit",
}, {
	n:     56,
	rules: []smtptest.Rule{{On: "EHLO", Raw: "\x8f\x00\xc3\x28\x1f\x8b", Then: smtptest.Close}},
	talk:  play.Talk(play.PathTo[play.Greeted], "C: EHLO client.test", "S+ \x8f\x00\xc3\x28\x1f\x8b", play.Closed),
	ends:  "closed by rule",
}, {
	n:     57,
	rules: []smtptest.Rule{{On: "RCPT", Reply: smtptest.NoReply, Then: smtptest.Close}},
	talk:  play.Talk(play.PathTo[play.MailGiven], "C: RCPT TO:<b@server.test>", play.Closed),
	ends:  "closed by rule: aborted",
}, {
	n:     58,
	rules: []smtptest.Rule{{On: "MAIL", Raw: "250 OK\r\n250 OK\r\n"}},
	talk:  play.Talk(play.PathTo[play.EHLO], "C: MAIL FROM:<a@client.test>", "S: 250 OK", "S: 250 OK", play.SayRcpt, play.SayData, play.SayText, play.SayQuit),
	ends:  "quit: accepted",
	told:  []smtptest.Reply{play.OK},
}, {
	n:     59,
	rules: []smtptest.Rule{{On: "RCPT", Skip: 1, Times: 1, Keep: true, Reply: smtptest.NoReply}},
	talk: play.Talk(play.PathTo[play.MailGiven], "C: RCPT TO:<b@server.test>", "C: RCPT TO:<c@server.test>", "C: RCPT TO:<d@server.test>", "C: DATA",
		"S: "+play.RcptOK, "S: "+play.RcptOK, "S: "+play.GoAhead, play.SayText, play.SayQuit),
	ends: "quit: accepted",
	told: []smtptest.Reply{play.OK},
}, {
	n:     60,
	rules: []smtptest.Rule{{On: "MAIL", Then: smtptest.Hold}, {On: "RCPT", Then: smtptest.Hold}},
	talk: play.Talk(play.PathTo[play.EHLO], "C: MAIL FROM:<a@client.test>", "-- 1m", "C: RCPT TO:<b@server.test>", "-- 1m", "C: DATA",
		"S: "+play.MailOK, "S: "+play.RcptOK, "S: "+play.GoAhead, play.SayText, play.SayQuit),
	ends: "quit: accepted",
	told: []smtptest.Reply{play.OK},
}, {
	n: 60, name: "until octets",
	rules: []smtptest.Rule{{On: "MAIL", Then: smtptest.Hold}, {On: "RCPT", Keep: true, Raw: "250 octets\r\n"}},
	talk: play.Talk(play.PathTo[play.EHLO], "C: MAIL FROM:<a@client.test>", "-- 1m", "C: RCPT TO:<b@server.test>", "S: "+play.MailOK, "S: 250 octets",
		"-- 1m", play.SayData, play.SayText, play.SayQuit),
	ends: "quit: accepted",
	told: []smtptest.Reply{play.OK},
}, {
	n: 61, name: "per octet",
	rules: []smtptest.Rule{{On: "EHLO", Pause: time.Minute}},
	talk:  play.Talk(play.PathTo[play.Greeted], "C: EHLO client.test", drip("1m", 1, crlf(play.SayEHLO[1:])), play.SayQuit),
	ends:  "quit",
}, {
	n: 61, name: "per line",
	rules: []smtptest.Rule{{On: "EHLO", Chunk: smtptest.ByLine, Pause: time.Minute}},
	talk: play.Talk(play.PathTo[play.Greeted], "C: EHLO client.test", play.SayEHLO[1:2], "-- 1m", play.SayEHLO[2:3], "-- 1m", play.SayEHLO[3:4], "-- 1m", play.SayEHLO[4:5], "-- 1m",
		play.SayEHLO[5:6], "-- 1m", play.SayEHLO[6:7], "-- 1m", play.SayEHLO[7:], play.SayQuit),
	ends: "quit",
}, {
	n: 61, name: "per seven octets",
	rules: []smtptest.Rule{{On: "EHLO", Chunk: 7, Pause: time.Minute}},
	talk:  play.Talk(play.PathTo[play.Greeted], "C: EHLO client.test", drip("1m", 7, crlf(play.SayEHLO[1:])), play.SayQuit),
	ends:  "quit",
}, {
	n: 61, name: "behind a group",
	rules: []smtptest.Rule{{On: "RCPT", Chunk: 4, Pause: time.Minute}},
	talk: play.Talk(play.PathTo[play.EHLO], "C: MAIL FROM:<a@client.test>", "C: RCPT TO:<b@server.test>", "C: DATA",
		"S: "+play.MailOK, drip("1m", 4, play.RcptOK+"\r\n"), "S: "+play.GoAhead, play.SayText, play.SayQuit),
	ends: "quit: accepted",
	told: []smtptest.Reply{play.OK},
}, {
	n:     63,
	rules: []smtptest.Rule{{On: "MAIL", Reply: "250 2.1 OK"}},
	talk:  play.Talk(play.PathTo[play.EHLO], sayFrom("a@client.test", "250 2.1 OK"), play.SayQuit),
	ends:  "quit: aborted",
}}

// crlf is what the server says in a talk, as octets.
func crlf(lines []string) string { return play.Joined(play.StepsOf(lines)).Expect }

// drip is octets that come in pieces, with a wait between two.
func drip(wait string, n int, octets string) []string {
	var lines []string
	for piece := range slices.Chunk([]byte(octets), n) {
		lines = append(lines, "-- "+wait, "S+ "+string(piece))
	}
	return lines[1:]
}
