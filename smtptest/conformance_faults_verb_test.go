package smtptest_test

import (
	"slices"
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
)

// verbFaults are about single verbs, 38 to 47.
var verbFaults = slices.Concat([]fault{{
	n:     38,
	rules: []smtptest.Rule{{On: "DATA", Reply: "250 OK"}, {On: "RCPT", Reply: "354 go on"}},
	talk: talk(reach[mailGiven], sayTo("b@server.test", "354 go on"), said("DATA", "250 OK"), // neither recipient nor content
		said("text", `500 5.5.2 Error: command "TEXT" not recognized`), sayQuit),
	ends: "quit: aborted",
}, {
	n:     39,
	rules: []smtptest.Rule{{On: "MAIL", Reply: "259 unassigned"}, {On: "RCPT", Raw: "999 odd\r\n"}, {On: "DATA", Raw: "25 short\r\n"}},
	talk:  talk(reach[ehlo], sayFrom("a@client.test", "259 unassigned"), sayTo("b@server.test", "999 odd"), said("DATA", "25 short"), sayQuit),
	ends:  "quit: aborted",
}, {
	n: 40,
	rules: []smtptest.Rule{{On: "QUIT", Times: 1, Reply: "500 stay"}, {On: "QUIT", Times: 1, Reply: smtptest.NoReply},
		{On: "QUIT", Reply: smtptest.NoReply, Then: smtptest.Close}},
	talk: talk(reach[ehlo], said("QUIT", "500 stay"), "C: QUIT", "C: NOOP", "S: "+ok, "C: QUIT", closed),
	ends: "closed by rule",
}, {
	n:     41,
	rules: []smtptest.Rule{{On: "RSET", Times: 1, Reply: "451 4.3.0 no"}, {On: "RSET", Reply: smtptest.NoReply, Then: smtptest.Close}},
	talk:  talk(reach[mailGiven], said("RSET", "451 4.3.0 no"), sayRcpt, "C: RSET", closed), // the first has reset nothing
	ends:  "closed by rule: aborted",
}, {
	n:     42,
	rules: []smtptest.Rule{{On: "NOOP", Reply: "421 4.3.2 gone stale"}},
	talk:  talk(reach[ehlo], said("NOOP", "421 4.3.2 gone stale"), closed),
	ends:  "421",
}, {
	n: 43,
	rules: []smtptest.Rule{{On: "EXPN", Reply: "250-Ann <ann@example.com>\n250 Bob <bob@example.com>"},
		{On: "VRFY", Reply: "553-ambiguous\n553-Ann <ann@example.com>\n553 Ann <ann@example.org>"}, {On: "HELP", Reply: "214-see\n214 RFC 5321"}},
	talk: talk(reach[ehlo], "C: EXPN all", "S: 250-Ann <ann@example.com>", "S: 250 Bob <bob@example.com>",
		"C: VRFY ann", "S: 553-ambiguous", "S: 553-Ann <ann@example.com>", "S: 553 Ann <ann@example.org>",
		"C: HELP", "S: 214-see", "S: 214 RFC 5321", sayQuit),
	ends: "quit",
}, {
	n:     45,
	rules: []smtptest.Rule{{On: "MAIL", Reply: "550 5.7.1 go away", Then: smtptest.Close}},
	talk:  talk(reach[ehlo], sayFrom("a@client.test", "550 5.7.1 go away"), closed),
	ends:  "closed by rule",
}, {
	n: 46, name: "421",
	rules: []smtptest.Rule{{On: "IDLE .", Reply: "421 4.3.2 bye"}},
	talk:  talk(reach[inData], sayText, "S: 421 4.3.2 bye", closed),
	ends:  "421: accepted",
	told:  []smtptest.Reply{ok},
}, {
	n: 46, name: "221",
	rules: []smtptest.Rule{{On: "IDLE .", Reply: "221 2.0.0 bye", Then: smtptest.Close}},
	talk:  talk(reach[inData], sayText, "S: 221 2.0.0 bye", closed),
	ends:  "closed by rule: accepted",
	told:  []smtptest.Reply{ok},
}, {
	n: 46, name: "behind BDAT LAST",
	setup: offering("CHUNKING"),
	rules: []smtptest.Rule{{On: "IDLE .", Reply: "421 4.3.2 bye"}},
	talk: talk("S: "+greeting, ehloWith("CHUNKING"), sayMail, sayRcpt, "C+ BDAT 4 LAST\r\ntext", "S: "+ok,
		"S: 421 4.3.2 bye", closed),
	ends: "421: accepted",
	told: []smtptest.Reply{ok},
}, {
	n: 47, name: "recipients",
	rules: []smtptest.Rule{{On: "RCPT", Skip: 100, Per: smtptest.PerTransaction, Reply: "452 4.5.3 too many"}},
	talk: talk(reach[mailGiven], slices.Repeat(sayRcpt, 100), sayTo("b@server.test", "452 4.5.3 too many"),
		"C: RSET", "S: "+ok, sayMail, sayRcpt, sayQuit),
	ends: "quit: reset, aborted",
}, {
	n: 47, name: "bad commands",
	rules: []smtptest.Rule{{On: "*", If: func(e smtptest.Event) bool { return e.Errors >= 10 }, Reply: "421 4.7.0 too many errors"}},
	talk: talk(reach[ehlo], slices.Repeat(said("MUMBLE", `500 5.5.2 Error: command "MUMBLE" not recognized`), 10),
		said("NOOP", "421 4.7.0 too many errors"), closed),
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
		{on: "EHLO", until: reach[greeted], send: "EHLO client.test"},
		{on: "HELO", until: reach[greeted], send: "HELO client.test"},
		{on: "LHLO", until: reach[greeted], send: "LHLO client.test", setup: func(srv *smtptest.Server) { srv.LMTP = true }},
		{on: "MAIL", until: reach[ehlo], send: "MAIL FROM:<a@client.test>"},
		{on: "RCPT", until: reach[mailGiven], send: "RCPT TO:<b@server.test>", fate: ": aborted"},
		{on: "DATA", until: reach[rcptGiven], send: "DATA", fate: ": aborted"},
		{on: "BODY", until: reach[inData], fate: ": refused"},
		{on: ".", until: reach[inData], send: "text\r\n.", fate: ": refused"},
		{on: "BDAT", until: talk("S: "+greeting, ehloWith("CHUNKING"), sayMail, sayRcpt), send: "BDAT 6\r\ntext", fate: ": aborted", setup: offering("CHUNKING")},
		{on: "RSET", until: reach[mailGiven], send: "RSET", fate: ": aborted"},
		{on: "NOOP", until: reach[ehlo], send: "NOOP"},
		{on: "QUIT", until: reach[ehlo], send: "QUIT"},
		{on: "VRFY", until: reach[ehlo], send: "VRFY bob"},
		{on: "EXPN", until: reach[ehlo], send: "EXPN all"},
		{on: "HELP", until: reach[ehlo], send: "HELP"},
		{on: "STARTTLS", until: talk("S: "+greeting, sayEhloTLS), send: "STARTTLS", setup: withTLS},
		{on: "AUTH", until: talk("S: "+greeting, sayEhloAuth), send: "AUTH PLAIN AGFubgBzZWNyZXQ=", setup: withUsers},
		{on: "RESPONSE", until: talk("S: "+greeting, sayEhloAuth, said("AUTH PLAIN", "334 ")), send: "AGFubgBzZWNyZXQ=", setup: withUsers},
		{on: "TURN", until: reach[ehlo], send: "TURN"},
		{on: "XFROB", until: reach[ehlo], send: "XFROB on"},
	} {
		f := fault{n: 44, name: v.on, setup: v.setup, rules: []smtptest.Rule{{On: v.on, Reply: "421 4.3.2 going down"}}, ends: "421" + v.fate}
		f.talk = slices.Clone(v.until)
		if v.send != "" {
			f.talk = append(f.talk, "C: "+v.send)
		}
		f.talk = append(f.talk, "S: 421 4.3.2 going down", closed)
		faults = append(faults, f)
	}
	return faults
}()

// formFaults are about the form of a reply, 48 to 63.
var formFaults = []fault{{
	n:     48,
	rules: []smtptest.Rule{{On: "EHLO", Raw: "250-mx\n250 SIZE 1000\n"}},
	talk:  talk(reach[greeted], "C: EHLO client.test", "S+ 250-mx\n250 SIZE 1000\n", sayMail, sayQuit),
	ends:  "quit: aborted",
}, {
	n:     49,
	rules: []smtptest.Rule{{On: "MAIL", Raw: "250 OK\r"}},
	talk:  talk(reach[ehlo], "C: MAIL FROM:<a@client.test>", "S+ 250 OK\r", sayRcpt, sayQuit),
	ends:  "quit: aborted",
}, {
	n:     50,
	rules: []smtptest.Rule{{On: "MAIL", Raw: "250 OK"}},
	talk:  talk(reach[ehlo], "C: MAIL FROM:<a@client.test>", "S+ 250 OK", sayRcpt, sayQuit),
	ends:  "quit: aborted",
}, {
	n:     51,
	rules: []smtptest.Rule{{On: "EHLO", Times: 1, Raw: "250-mx\r\n250-SIZE"}, {On: "EHLO", Raw: "250-mx\r\n250-SIZE", Then: smtptest.Close}},
	talk: talk(reach[greeted], "C: EHLO client.test", "S+ 250-mx\r\n250-SIZE", "C: NOOP", "S: "+ok,
		"C: EHLO client.test", "S+ 250-mx\r\n250-SIZE", closed),
	ends: "closed by rule",
}, {
	n:     52,
	rules: []smtptest.Rule{{On: "MAIL", Raw: "250-first\r\n550 last\r\n"}},
	talk:  talk(reach[ehlo], "C: MAIL FROM:<a@client.test>", "S: 250-first", "S: 550 last", sayQuit),
	ends:  "quit: aborted", // it counts as a success, by its first digit
}, {
	n:     53,
	rules: []smtptest.Rule{{On: "MAIL", Reply: "250"}, {On: "RCPT", Raw: "250OK\r\n"}, {On: "DATA", Raw: "354\tgo\r\n"}},
	talk:  talk(reach[ehlo], sayFrom("a@client.test", "250"), sayTo("b@server.test", "250OK"), said("DATA", "354\tgo"), sayText, sayQuit),
	ends:  "quit: accepted",
	told:  []smtptest.Reply{ok},
}, {
	n:     54,
	rules: []smtptest.Rule{{On: "MAIL", Raw: "250 \xff\x00\x1b[31m\r\n"}},
	talk:  talk(reach[ehlo], sayFrom("a@client.test", "250 \xff\x00\x1b[31m"), sayQuit),
	ends:  "quit: aborted",
}, {
	n: 55, name: "long line",
	rules: []smtptest.Rule{{On: "MAIL", Raw: "250 " + strings.Repeat("x", 100_000) + "\r\n"}},
	talk:  talk(reach[ehlo], sayFrom("a@client.test", "250 "+strings.Repeat("x", 100_000)), sayQuit),
	ends:  "quit: aborted",
}, {
	n: 55, name: "endless",
	rules: []smtptest.Rule{{On: "EHLO", Raw: "250-mx\r\n"}, {On: "IDLE EHLO", Delay: time.Minute, Raw: "250-more\r\n"}},
	talk: talk(reach[greeted], "C: EHLO client.test", "S: 250-mx", slices.Repeat([]string{"-- 1m", "S: 250-more"}, 4),
		"C: QUIT", "S: "+bye, closed),
	ends: "quit",
}, {
	n:     56,
	rules: []smtptest.Rule{{On: "EHLO", Raw: "\x8f\x00\xc3\x28\x1f\x8b", Then: smtptest.Close}},
	talk:  talk(reach[greeted], "C: EHLO client.test", "S+ \x8f\x00\xc3\x28\x1f\x8b", closed),
	ends:  "closed by rule",
}, {
	n:     57,
	rules: []smtptest.Rule{{On: "RCPT", Reply: smtptest.NoReply, Then: smtptest.Close}},
	talk:  talk(reach[mailGiven], "C: RCPT TO:<b@server.test>", closed),
	ends:  "closed by rule: aborted",
}, {
	n:     58,
	rules: []smtptest.Rule{{On: "MAIL", Raw: "250 OK\r\n250 OK\r\n"}},
	talk:  talk(reach[ehlo], "C: MAIL FROM:<a@client.test>", "S: 250 OK", "S: 250 OK", sayRcpt, sayData, sayText, sayQuit),
	ends:  "quit: accepted",
	told:  []smtptest.Reply{ok},
}, {
	n:     59,
	rules: []smtptest.Rule{{On: "RCPT", Skip: 1, Times: 1, Keep: true, Reply: smtptest.NoReply}},
	talk: talk(reach[mailGiven], "C: RCPT TO:<b@server.test>", "C: RCPT TO:<c@server.test>", "C: RCPT TO:<d@server.test>", "C: DATA",
		"S: "+rcptOK, "S: "+rcptOK, "S: "+goAhead, sayText, sayQuit),
	ends: "quit: accepted",
	told: []smtptest.Reply{ok},
}, {
	n:     60,
	rules: []smtptest.Rule{{On: "MAIL", Then: smtptest.Hold}, {On: "RCPT", Then: smtptest.Hold}},
	talk: talk(reach[ehlo], "C: MAIL FROM:<a@client.test>", "-- 1m", "C: RCPT TO:<b@server.test>", "-- 1m", "C: DATA",
		"S: "+mailOK, "S: "+rcptOK, "S: "+goAhead, sayText, sayQuit),
	ends: "quit: accepted",
	told: []smtptest.Reply{ok},
}, {
	n: 60, name: "until octets",
	rules: []smtptest.Rule{{On: "MAIL", Then: smtptest.Hold}, {On: "RCPT", Keep: true, Raw: "250 octets\r\n"}},
	talk: talk(reach[ehlo], "C: MAIL FROM:<a@client.test>", "-- 1m", "C: RCPT TO:<b@server.test>", "S: "+mailOK, "S: 250 octets",
		"-- 1m", sayData, sayText, sayQuit),
	ends: "quit: accepted",
	told: []smtptest.Reply{ok},
}, {
	n: 61, name: "per octet",
	rules: []smtptest.Rule{{On: "EHLO", Pause: time.Minute}},
	talk:  talk(reach[greeted], "C: EHLO client.test", drip("1m", 1, crlf(sayEhlo[1:])), sayQuit),
	ends:  "quit",
}, {
	n: 61, name: "per line",
	rules: []smtptest.Rule{{On: "EHLO", Chunk: smtptest.ByLine, Pause: time.Minute}},
	talk: talk(reach[greeted], "C: EHLO client.test", sayEhlo[1:2], "-- 1m", sayEhlo[2:3], "-- 1m", sayEhlo[3:4], "-- 1m", sayEhlo[4:5], "-- 1m",
		sayEhlo[5:6], "-- 1m", sayEhlo[6:7], "-- 1m", sayEhlo[7:], sayQuit),
	ends: "quit",
}, {
	n: 61, name: "per seven octets",
	rules: []smtptest.Rule{{On: "EHLO", Chunk: 7, Pause: time.Minute}},
	talk:  talk(reach[greeted], "C: EHLO client.test", drip("1m", 7, crlf(sayEhlo[1:])), sayQuit),
	ends:  "quit",
}, {
	n: 61, name: "behind a group",
	rules: []smtptest.Rule{{On: "RCPT", Chunk: 4, Pause: time.Minute}},
	talk: talk(reach[ehlo], "C: MAIL FROM:<a@client.test>", "C: RCPT TO:<b@server.test>", "C: DATA",
		"S: "+mailOK, drip("1m", 4, rcptOK+"\r\n"), "S: "+goAhead, sayText, sayQuit),
	ends: "quit: accepted",
	told: []smtptest.Reply{ok},
}, {
	n:     63,
	rules: []smtptest.Rule{{On: "MAIL", Reply: "250 2.1 OK"}},
	talk:  talk(reach[ehlo], sayFrom("a@client.test", "250 2.1 OK"), sayQuit),
	ends:  "quit: aborted",
}}

// crlf is what the server says in a talk, as octets.
func crlf(lines []string) string { return joined(turnsOf(lines)).expect }

// drip is octets that come in pieces, with a wait between two.
func drip(wait string, n int, octets string) []string {
	var lines []string
	for piece := range slices.Chunk([]byte(octets), n) {
		lines = append(lines, "-- "+wait, "S+ "+string(piece))
	}
	return lines[1:]
}
