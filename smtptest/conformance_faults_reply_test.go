package smtptest_test

import (
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
)

// said is a command and its reply.
func said(command, reply string) []string { return []string{"C: " + command, "S: " + reply} }

func sayFrom(address, reply string) []string { return said("MAIL FROM:<"+address+">", reply) }
func sayTo(address, reply string) []string   { return said("RCPT TO:<"+address+">", reply) }

func withUsers(srv *smtptest.Server) { srv.Users = map[string]string{"ann": "secret"} }

// sayEhloAuth is EHLO where withUsers was called, without TLS.
var sayEhloAuth = ehloWith("AUTH SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN")

var sayAuth = said("AUTH PLAIN AGFubgBzZWNyZXQ=", "235 2.7.0 Authentication successful")

// choiceFaults are about which replies are replaced, 18 to 28.
var choiceFaults = []fault{{
	n: 18,
	rules: []smtptest.Rule{{On: "MAIL", Times: 1, Reply: "451 4.3.0 sick"}, {On: "RCPT", Times: 1, Reply: "451 4.3.0 sick"},
		{On: "DATA", Times: 1, Reply: "451 4.3.0 sick"}},
	talk: talk(reach[ehlo], sayFrom("a@client.test", "451 4.3.0 sick"), sayMail, sayTo("b@server.test", "451 4.3.0 sick"), sayRcpt,
		said("DATA", "451 4.3.0 sick"), sayData, sayText, sayQuit),
	ends: "quit: accepted",
	told: []smtptest.Reply{ok},
}, {
	n:     19,
	rules: []smtptest.Rule{{On: "VRFY", Reply: "252 2.1.5 who knows"}},
	talk:  talk(reach[ehlo], said("VRFY bob", "252 2.1.5 who knows"), sayQuit),
	ends:  "quit",
}, {
	n:     20,
	rules: []smtptest.Rule{{On: "RCPT TO:<bob@example.com>", Reply: "550 5.1.1 no such user"}},
	talk: talk(reach[mailGiven], sayTo("Bob@Example.COM", "550 5.1.1 no such user"), sayTo("bob@example.com.au", rcptOK),
		sayTo("bob@example.org", rcptOK), sayData, sayText, sayQuit),
	ends: "quit: accepted",
	told: []smtptest.Reply{ok},
}, {
	n: 21, name: "address and parameter",
	rules: []smtptest.Rule{{On: "MAIL FROM:<*@example.org> *SIZE=*", Reply: "552 5.3.4 not that much from you"}},
	talk: talk(reach[ehlo], said("MAIL FROM:<ann@example.org> BODY=8BITMIME SIZE=10", "552 5.3.4 not that much from you"),
		said("MAIL FROM:<ann@example.com> SIZE=10", mailOK), "C: RSET", "S: "+ok, sayFrom("ann@example.org", mailOK), sayQuit),
	ends: "quit: reset, aborted",
}, {
	n: 21, name: "content",
	rules: []smtptest.Rule{{On: ".", If: func(e smtptest.Event) bool { return strings.Contains(e.Data, "XJS*C4JD") }, Reply: "554 5.7.1 spam"}},
	talk:  talk(reach[inData], "C: XJS*C4JD", "C: .", "S: 554 5.7.1 spam", sayMail, sayRcpt, sayData, sayText, sayQuit),
	ends:  "quit: refused, accepted",
	told:  []smtptest.Reply{ok},
}, {
	n: 21, name: "TLS and user",
	setup: func(srv *smtptest.Server) {
		withTLS(srv)
		withUsers(srv)
		srv.Mechanisms = []string{"PLAIN"}
	},
	rules: []smtptest.Rule{{On: "RCPT TO:<*@example.org>", If: func(e smtptest.Event) bool { return !e.TLS || e.User == "" },
		Reply: "550 5.7.1 no relay"}},
	talk: talk("S: "+greeting, sayEhloTLS, sayMail, sayTo("bob@example.org", "550 5.7.1 no relay"), "C: RSET", "S: "+ok,
		"C: STARTTLS", "S: "+tlsReady, secure, ehloWith("AUTH PLAIN"), sayMail, sayTo("bob@example.org", "550 5.7.1 no relay"), "C: RSET", "S: "+ok,
		sayAuth, sayMail, sayTo("bob@example.org", rcptOK), sayData, sayText, sayQuit),
	ends: "quit: reset, reset, accepted",
	told: []smtptest.Reply{ok},
}, {
	n:     23,
	rules: []smtptest.Rule{{On: "RCPT", Times: 2, Reply: "450 4.2.1 greylisted"}},
	talk: talk(reach[mailGiven], sayTo("b@server.test", "450 4.2.1 greylisted"), anew, reach[mailGiven], // the count goes on
		sayTo("b@server.test", "450 4.2.1 greylisted"), sayRcpt, sayData, sayText, sayQuit),
	ends: "closed by client: aborted | quit: accepted",
	told: []smtptest.Reply{ok},
}, {
	n: 24, name: "three answers",
	rules: []smtptest.Rule{{On: "RCPT", Times: 1, Reply: "450 4.2.1 first"}, {On: "RCPT", Times: 1, Reply: "451 4.3.0 second"},
		{On: "RCPT", Reply: "550 5.1.1 for good"}},
	talk: talk(reach[mailGiven], sayTo("b@server.test", "450 4.2.1 first"), sayTo("b@server.test", "451 4.3.0 second"),
		sayTo("b@server.test", "550 5.1.1 for good"), sayTo("b@server.test", "550 5.1.1 for good"), sayQuit),
	ends: "quit: aborted",
}, {
	n: 24, name: "fail, fail, slow, fine",
	rules: []smtptest.Rule{{On: ".", Times: 2, Reply: "451 4.3.0 later"}, {On: ".", Times: 1, Delay: 4 * time.Minute}},
	talk: talk(reach[inData], "C: text", "C: .", "S: 451 4.3.0 later", sayMail, sayRcpt, sayData, "C: text", "C: .", "S: 451 4.3.0 later",
		sayMail, sayRcpt, sayData, "C: text", "C: .", "-- 4m", "S: "+ok, sayMail, sayRcpt, sayData, sayText, sayQuit),
	ends: "quit: refused, refused, accepted, accepted",
	told: []smtptest.Reply{ok, ok},
}, {
	n: 25, name: "transaction",
	rules: []smtptest.Rule{{On: "RCPT", Skip: 1, Per: smtptest.PerTransaction, Reply: "452 4.5.3 one is enough"}},
	talk: talk(reach[mailGiven], sayRcpt, sayTo("c@server.test", "452 4.5.3 one is enough"), sayTo("d@server.test", "452 4.5.3 one is enough"),
		"C: RSET", "S: "+ok, sayMail, sayRcpt, sayTo("c@server.test", "452 4.5.3 one is enough"), sayQuit),
	ends: "quit: reset, aborted",
}, {
	n: 25, name: "session",
	rules: []smtptest.Rule{{On: "MAIL", Times: 1, Per: smtptest.PerSession, Reply: "451 4.3.0 once per connection"}},
	talk: talk(reach[ehlo], sayFrom("a@client.test", "451 4.3.0 once per connection"), sayMail, sayQuit,
		anew, reach[ehlo], sayFrom("a@client.test", "451 4.3.0 once per connection"), sayMail, sayQuit),
	ends: "quit: aborted | quit: aborted",
}, {
	n: 25, name: "connection 2",
	rules: []smtptest.Rule{{On: "MAIL", If: func(e smtptest.Event) bool { return e.Session == 2 }, Reply: "451 4.3.0 connection 2"}},
	talk: talk(reach[mailGiven], sayQuit, anew, reach[ehlo], sayFrom("a@client.test", "451 4.3.0 connection 2"), sayQuit,
		anew, reach[mailGiven], sayQuit),
	ends: "quit: aborted | quit | quit: aborted",
}, {
	n: 25, name: "message 3",
	rules: []smtptest.Rule{{On: ".", Skip: 2, Times: 1, Reply: "451 4.3.0 message 3"}},
	talk: talk(reach[inData], sayText, sayQuit, anew, reach[inData], sayText, sayMail, sayRcpt, sayData, "C: text", "C: .", "S: 451 4.3.0 message 3",
		sayMail, sayRcpt, sayData, sayText, sayQuit),
	ends: "quit: accepted | quit: accepted, refused, accepted",
	told: []smtptest.Reply{ok, ok, ok},
}, {
	n:     26,
	setup: func(srv *smtptest.Server) { srv.Seed = 3 },
	rules: []smtptest.Rule{{On: "NOOP", Chance: 0.3, Reply: "451 4.3.0 bad luck"}},
	talk:  talk(reach[ehlo], luck("!.!.....!!"), sayQuit),
	ends:  "quit",
}, {
	n: 27, name: "messages",
	rules: []smtptest.Rule{{On: "MAIL", Skip: 2, Every: time.Hour, Reply: "451 4.7.1 quota"}},
	talk: talk(delivery, anew, delivery, anew, reach[ehlo], sayFrom("a@client.test", "451 4.7.1 quota"), sayQuit,
		"C~ 59m59.999999999s", anew, reach[ehlo], sayFrom("a@client.test", "451 4.7.1 quota"), sayQuit,
		"C~ 1ns", anew, delivery, anew, delivery, anew, reach[ehlo], sayFrom("a@client.test", "451 4.7.1 quota"), sayQuit),
	ends: "quit: accepted | quit: accepted | quit | quit | quit: accepted | quit: accepted | quit",
	told: []smtptest.Reply{ok, ok, ok, ok},
}, {
	n: 27, name: "recipients of a sender",
	rules: []smtptest.Rule{{On: "RCPT", Skip: 2, Every: time.Hour, Per: smtptest.PerSender, Reply: "452 4.5.3 quota"}},
	talk: talk(reach[mailGiven], sayRcpt, sayRcpt, sayTo("b@server.test", "452 4.5.3 quota"), sayQuit,
		anew, reach[ehlo], sayFrom("other@client.test", mailOK), sayRcpt, sayRcpt, sayTo("b@server.test", "452 4.5.3 quota"), sayQuit,
		"C~ 1h", anew, reach[mailGiven], sayRcpt, sayRcpt, sayTo("b@server.test", "452 4.5.3 quota"), sayQuit),
	ends: "quit: aborted | quit: aborted | quit: aborted",
}, {
	n:     28,
	rules: []smtptest.Rule{{On: "RCPT", Per: smtptest.PerPeer | smtptest.PerSender | smtptest.PerRecipient, For: 5 * time.Minute, Reply: "450 4.7.1 greylisted"}},
	talk: talk(reach[mailGiven], sayTo("b@server.test", "450 4.7.1 greylisted"), sayQuit,
		"C~ 4m", anew, reach[mailGiven], sayTo("b@server.test", "450 4.7.1 greylisted"), sayTo("c@server.test", "450 4.7.1 greylisted"), sayQuit,
		"C~ 59.999999999s", anew, reach[mailGiven], sayTo("b@server.test", "450 4.7.1 greylisted"), sayQuit,
		"C~ 1ns", anew, reach[mailGiven], sayRcpt, sayTo("c@server.test", "450 4.7.1 greylisted"), sayQuit,
		anew, reach[ehlo], sayFrom("other@client.test", mailOK), sayTo("b@server.test", "450 4.7.1 greylisted"), sayQuit,
		"C~ 4m", anew, reach[mailGiven], sayTo("c@server.test", rcptOK), sayQuit),
	ends: strings.TrimSuffix(strings.Repeat("quit: aborted | ", 6), " | "),
}}

// luck is a NOOP for each character: the row fires at "!".
func luck(pattern string) []string {
	var lines []string
	for _, c := range pattern {
		reply := ok
		if c == '!' {
			reply = "451 4.3.0 bad luck"
		}
		lines = append(lines, said("NOOP", reply)...)
	}
	return lines
}

// effectFaults are about what is answered and what is so, 29 to 36.
var effectFaults = []fault{{
	n:     29,
	rules: []smtptest.Rule{{On: "DATA", Times: 1, Reply: "451 4.3.0 not now"}},
	talk:  talk(reach[rcptGiven], said("DATA", "451 4.3.0 not now"), sayData, sayText, sayQuit),
	ends:  "quit: accepted",
	told:  []smtptest.Reply{ok},
}, {
	n:     30,
	rules: []smtptest.Rule{{On: ".", Reply: "554 5.6.0 do not like it"}},
	talk:  talk(reach[inData], "C: text", "C: .", "S: 554 5.6.0 do not like it", said("DATA", needRcpt), sayQuit),
	ends:  "quit: refused",
}, {
	n:     31,
	rules: []smtptest.Rule{{On: "BODY 2000", Reply: "550 5.7.1 stop"}},
	talk:  talk(reach[inData], "C+ "+long2000, "S: 550 5.7.1 stop", "C: more", "C: .", "C: NOOP", "S: "+ok, sayQuit), // the dot has no second answer
	ends:  "quit: refused",
}, {
	n:     32,
	rules: []smtptest.Rule{{On: ".", Times: 1, Keep: true, Reply: "451 4.3.0 try again"}},
	talk:  talk(reach[inData], "C: text", "C: .", "S: 451 4.3.0 try again", sayMail, sayRcpt, sayData, sayText, sayQuit),
	ends:  "quit: accepted, accepted",
	told:  []smtptest.Reply{"451 4.3.0 try again", ok},
}, {
	n: 33, name: "reset",
	rules: []smtptest.Rule{{On: ".", Times: 1, Keep: true, Reply: smtptest.NoReply, Then: smtptest.Reset}},
	talk:  talk(reach[inData], "C: text", "C: .", "S! reset", anew, delivery),
	ends:  "closed by rule: accepted | quit: accepted",
	told:  []smtptest.Reply{"", ok},
}, {
	n: 33, name: "closed",
	rules: []smtptest.Rule{{On: ".", Times: 1, Keep: true, Reply: smtptest.NoReply, Then: smtptest.Close}},
	talk:  talk(reach[inData], "C: text", "C: .", closed, anew, delivery),
	ends:  "closed by rule: accepted | quit: accepted",
	told:  []smtptest.Reply{"", ok},
}, {
	n: 33, name: "forgotten",
	rules: []smtptest.Rule{{On: ".", Times: 1, Keep: true, Delay: smtptest.Forever}},
	talk:  talk(reach[inData], "C: text", "C: .", "-- 10m", anew, delivery), // the time-out of RFC 5321 4.5.3.2.6
	ends:  "closed by client: accepted | quit: accepted",
	told:  []smtptest.Reply{"", ok},
}, {
	n:     34,
	rules: []smtptest.Rule{{On: ".", Lose: true}},
	talk:  delivery,
	ends:  "quit: refused",
}, {
	n:     35,
	rules: []smtptest.Rule{{On: "RCPT TO:<bob@example.com>", Reply: "550 5.1.1 gone"}, {On: "RCPT TO:<eve@example.com>", Reply: "450 4.2.1 later"}},
	talk: talk(reach[mailGiven], sayTo("bob@example.com", "550 5.1.1 gone"), sayRcpt, sayTo("eve@example.com", "450 4.2.1 later"),
		sayData, sayText, sayQuit),
	ends: "quit: accepted",
	told: []smtptest.Reply{ok},
}, {
	n:     36,
	setup: func(srv *smtptest.Server) { srv.LMTP = true },
	rules: []smtptest.Rule{{On: ". <bob@example.com>", Reply: "452 4.2.2 mailbox full"}},
	talk: talk("S: "+greeting, "C: LHLO client.test", sayEhlo[1:], sayMail, sayTo("ann@example.com", rcptOK), sayTo("bob@example.com", rcptOK),
		sayTo("eve@example.com", rcptOK), sayData, "C: text", "C: .", "S: "+ok, "S: 452 4.2.2 mailbox full", "S: "+ok, sayQuit),
	ends: "quit: accepted",
	told: []smtptest.Reply{ok},
}}
