package faults_test

import (
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

func sayFrom(address, reply string) []string { return play.Said("MAIL FROM:<"+address+">", reply) }

// sayEhloAuth is EHLO where withUsers was called, without TLS.
var sayEhloAuth = play.EHLOWith("AUTH SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN")

var sayAuth = play.Said("AUTH PLAIN AGFubgBzZWNyZXQ=", "235 2.7.0 Authentication successful")

// choiceFaults are about which replies are replaced, 18 to 28.
var choiceFaults = []fault{{
	n: 18,
	rules: []smtptest.Rule{{On: "MAIL", Times: 1, Reply: "451 4.3.0 sick"}, {On: "RCPT", Times: 1, Reply: "451 4.3.0 sick"},
		{On: "DATA", Times: 1, Reply: "451 4.3.0 sick"}},
	talk: play.Talk(play.PathTo[play.EHLO], sayFrom("a@client.test", "451 4.3.0 sick"), play.SayMail, play.SayTo("b@server.test", "451 4.3.0 sick"), play.SayRcpt,
		play.Said("DATA", "451 4.3.0 sick"), play.SayData, play.SayText, play.SayQuit),
	ends: "quit: accepted",
	told: []smtptest.Reply{play.OK},
}, {
	n:     19,
	rules: []smtptest.Rule{{On: "VRFY", Reply: "252 2.1.5 who knows"}},
	talk:  play.Talk(play.PathTo[play.EHLO], play.Said("VRFY bob", "252 2.1.5 who knows"), play.SayQuit),
	ends:  "quit",
}, {
	n:     20,
	rules: []smtptest.Rule{{On: "RCPT TO:<bob@example.com>", Reply: "550 5.1.1 no such user"}},
	talk: play.Talk(play.PathTo[play.MailGiven], play.SayTo("Bob@Example.COM", "550 5.1.1 no such user"), play.SayTo("bob@example.com.au", play.RcptOK),
		play.SayTo("bob@example.org", play.RcptOK), play.SayData, play.SayText, play.SayQuit),
	ends: "quit: accepted",
	told: []smtptest.Reply{play.OK},
}, {
	n: 21, name: "address and parameter",
	rules: []smtptest.Rule{{On: "MAIL FROM:<*@example.org> *SIZE=*", Reply: "552 5.3.4 not that much from you"}},
	talk: play.Talk(play.PathTo[play.EHLO], play.Said("MAIL FROM:<ann@example.org> BODY=8BITMIME SIZE=10", "552 5.3.4 not that much from you"),
		play.Said("MAIL FROM:<ann@example.com> SIZE=10", play.MailOK), "C: RSET", "S: "+play.OK, sayFrom("ann@example.org", play.MailOK), play.SayQuit),
	ends: "quit: reset, aborted",
}, {
	n: 21, name: "content",
	rules: []smtptest.Rule{{On: ".", If: func(e smtptest.Event) bool { return strings.Contains(e.Data, "XJS*C4JD") }, Reply: "554 5.7.1 spam"}},
	talk:  play.Talk(play.PathTo[play.InData], "C: XJS*C4JD", "C: .", "S: 554 5.7.1 spam", play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayQuit),
	ends:  "quit: refused, accepted",
	told:  []smtptest.Reply{play.OK},
}, {
	n: 21, name: "TLS and user",
	setup: func(srv *smtptest.Server) {
		play.WithTLS(srv)
		play.WithUsers(srv)
		srv.Mechanisms = []string{"PLAIN"}
	},
	rules: []smtptest.Rule{{On: "RCPT TO:<*@example.org>", If: func(e smtptest.Event) bool { return !e.TLS || e.User == "" },
		Reply: "550 5.7.1 no relay"}},
	talk: play.Talk("S: "+play.Greeting, play.SayEHLOTLS, play.SayMail, play.SayTo("bob@example.org", "550 5.7.1 no relay"), "C: RSET", "S: "+play.OK,
		"C: STARTTLS", "S: "+play.TLSReady, play.StartTLS, play.EHLOWith("AUTH PLAIN"), play.SayMail, play.SayTo("bob@example.org", "550 5.7.1 no relay"), "C: RSET", "S: "+play.OK,
		sayAuth, play.SayMail, play.SayTo("bob@example.org", play.RcptOK), play.SayData, play.SayText, play.SayQuit),
	ends: "quit: reset, reset, accepted",
	told: []smtptest.Reply{play.OK},
}, {
	n:     23,
	rules: []smtptest.Rule{{On: "RCPT", Times: 2, Reply: "450 4.2.1 greylisted"}},
	talk: play.Talk(play.PathTo[play.MailGiven], play.SayTo("b@server.test", "450 4.2.1 greylisted"), play.Reconnect, play.PathTo[play.MailGiven], // the count goes on
		play.SayTo("b@server.test", "450 4.2.1 greylisted"), play.SayRcpt, play.SayData, play.SayText, play.SayQuit),
	ends: "closed by client: aborted | quit: accepted",
	told: []smtptest.Reply{play.OK},
}, {
	n: 24, name: "three answers",
	rules: []smtptest.Rule{{On: "RCPT", Times: 1, Reply: "450 4.2.1 first"}, {On: "RCPT", Times: 1, Reply: "451 4.3.0 second"},
		{On: "RCPT", Reply: "550 5.1.1 for good"}},
	talk: play.Talk(play.PathTo[play.MailGiven], play.SayTo("b@server.test", "450 4.2.1 first"), play.SayTo("b@server.test", "451 4.3.0 second"),
		play.SayTo("b@server.test", "550 5.1.1 for good"), play.SayTo("b@server.test", "550 5.1.1 for good"), play.SayQuit),
	ends: "quit: aborted",
}, {
	n: 24, name: "fail, fail, slow, fine",
	rules: []smtptest.Rule{{On: ".", Times: 2, Reply: "451 4.3.0 later"}, {On: ".", Times: 1, Delay: 4 * time.Minute}},
	talk: play.Talk(play.PathTo[play.InData], "C: text", "C: .", "S: 451 4.3.0 later", play.SayMail, play.SayRcpt, play.SayData, "C: text", "C: .", "S: 451 4.3.0 later",
		play.SayMail, play.SayRcpt, play.SayData, "C: text", "C: .", "-- 4m", "S: "+play.OK, play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayQuit),
	ends: "quit: refused, refused, accepted, accepted",
	told: []smtptest.Reply{play.OK, play.OK},
}, {
	n: 25, name: "transaction",
	rules: []smtptest.Rule{{On: "RCPT", Skip: 1, Per: smtptest.PerTransaction, Reply: "452 4.5.3 one is enough"}},
	talk: play.Talk(play.PathTo[play.MailGiven], play.SayRcpt, play.SayTo("c@server.test", "452 4.5.3 one is enough"), play.SayTo("d@server.test", "452 4.5.3 one is enough"),
		"C: RSET", "S: "+play.OK, play.SayMail, play.SayRcpt, play.SayTo("c@server.test", "452 4.5.3 one is enough"), play.SayQuit),
	ends: "quit: reset, aborted",
}, {
	n: 25, name: "session",
	rules: []smtptest.Rule{{On: "MAIL", Times: 1, Per: smtptest.PerSession, Reply: "451 4.3.0 once per connection"}},
	talk: play.Talk(play.PathTo[play.EHLO], sayFrom("a@client.test", "451 4.3.0 once per connection"), play.SayMail, play.SayQuit,
		play.Reconnect, play.PathTo[play.EHLO], sayFrom("a@client.test", "451 4.3.0 once per connection"), play.SayMail, play.SayQuit),
	ends: "quit: aborted | quit: aborted",
}, {
	n: 25, name: "connection 2",
	rules: []smtptest.Rule{{On: "MAIL", If: func(e smtptest.Event) bool { return e.Session == 2 }, Reply: "451 4.3.0 connection 2"}},
	talk: play.Talk(play.PathTo[play.MailGiven], play.SayQuit, play.Reconnect, play.PathTo[play.EHLO], sayFrom("a@client.test", "451 4.3.0 connection 2"), play.SayQuit,
		play.Reconnect, play.PathTo[play.MailGiven], play.SayQuit),
	ends: "quit: aborted | quit | quit: aborted",
}, {
	n: 25, name: "message 3",
	rules: []smtptest.Rule{{On: ".", Skip: 2, Times: 1, Reply: "451 4.3.0 message 3"}},
	talk: play.Talk(play.PathTo[play.InData], play.SayText, play.SayQuit, play.Reconnect, play.PathTo[play.InData], play.SayText, play.SayMail, play.SayRcpt, play.SayData, "C: text", "C: .", "S: 451 4.3.0 message 3",
		play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayQuit),
	ends: "quit: accepted | quit: accepted, refused, accepted",
	told: []smtptest.Reply{play.OK, play.OK, play.OK},
}, {
	n:     26,
	setup: func(srv *smtptest.Server) { srv.Seed = 3 },
	rules: []smtptest.Rule{{On: "NOOP", Chance: 0.3, Reply: "451 4.3.0 bad luck"}},
	talk:  play.Talk(play.PathTo[play.EHLO], luck("!.!.....!!"), play.SayQuit),
	ends:  "quit",
}, {
	n: 27, name: "messages",
	rules: []smtptest.Rule{{On: "MAIL", Skip: 2, Every: time.Hour, Reply: "451 4.7.1 quota"}},
	talk: play.Talk(delivery, play.Reconnect, delivery, play.Reconnect, play.PathTo[play.EHLO], sayFrom("a@client.test", "451 4.7.1 quota"), play.SayQuit,
		"C~ 59m59.999999999s", play.Reconnect, play.PathTo[play.EHLO], sayFrom("a@client.test", "451 4.7.1 quota"), play.SayQuit,
		"C~ 1ns", play.Reconnect, delivery, play.Reconnect, delivery, play.Reconnect, play.PathTo[play.EHLO], sayFrom("a@client.test", "451 4.7.1 quota"), play.SayQuit),
	ends: "quit: accepted | quit: accepted | quit | quit | quit: accepted | quit: accepted | quit",
	told: []smtptest.Reply{play.OK, play.OK, play.OK, play.OK},
}, {
	n: 27, name: "recipients of a sender",
	rules: []smtptest.Rule{{On: "RCPT", Skip: 2, Every: time.Hour, Per: smtptest.PerSender, Reply: "452 4.5.3 quota"}},
	talk: play.Talk(play.PathTo[play.MailGiven], play.SayRcpt, play.SayRcpt, play.SayTo("b@server.test", "452 4.5.3 quota"), play.SayQuit,
		play.Reconnect, play.PathTo[play.EHLO], sayFrom("other@client.test", play.MailOK), play.SayRcpt, play.SayRcpt, play.SayTo("b@server.test", "452 4.5.3 quota"), play.SayQuit,
		"C~ 1h", play.Reconnect, play.PathTo[play.MailGiven], play.SayRcpt, play.SayRcpt, play.SayTo("b@server.test", "452 4.5.3 quota"), play.SayQuit),
	ends: "quit: aborted | quit: aborted | quit: aborted",
}, {
	n:     28,
	rules: []smtptest.Rule{{On: "RCPT", Per: smtptest.PerPeer | smtptest.PerSender | smtptest.PerRecipient, For: 5 * time.Minute, Reply: "450 4.7.1 greylisted"}},
	talk: play.Talk(play.PathTo[play.MailGiven], play.SayTo("b@server.test", "450 4.7.1 greylisted"), play.SayQuit,
		"C~ 4m", play.Reconnect, play.PathTo[play.MailGiven], play.SayTo("b@server.test", "450 4.7.1 greylisted"), play.SayTo("c@server.test", "450 4.7.1 greylisted"), play.SayQuit,
		"C~ 59.999999999s", play.Reconnect, play.PathTo[play.MailGiven], play.SayTo("b@server.test", "450 4.7.1 greylisted"), play.SayQuit,
		"C~ 1ns", play.Reconnect, play.PathTo[play.MailGiven], play.SayRcpt, play.SayTo("c@server.test", "450 4.7.1 greylisted"), play.SayQuit,
		play.Reconnect, play.PathTo[play.EHLO], sayFrom("other@client.test", play.MailOK), play.SayTo("b@server.test", "450 4.7.1 greylisted"), play.SayQuit,
		"C~ 4m", play.Reconnect, play.PathTo[play.MailGiven], play.SayTo("c@server.test", play.RcptOK), play.SayQuit),
	ends: strings.TrimSuffix(strings.Repeat("quit: aborted | ", 6), " | "),
}}

// luck is a NOOP for each character: the rule fires at "!".
func luck(pattern string) []string {
	var lines []string
	for _, c := range pattern {
		reply := play.OK
		if c == '!' {
			reply = "451 4.3.0 bad luck"
		}
		lines = append(lines, play.Said("NOOP", reply)...)
	}
	return lines
}

// effectFaults are about what is answered and what is so, 29 to 36.
var effectFaults = []fault{{
	n:     29,
	rules: []smtptest.Rule{{On: "DATA", Times: 1, Reply: "451 4.3.0 not now"}},
	talk:  play.Talk(play.PathTo[play.RcptGiven], play.Said("DATA", "451 4.3.0 not now"), play.SayData, play.SayText, play.SayQuit),
	ends:  "quit: accepted",
	told:  []smtptest.Reply{play.OK},
}, {
	n:     30,
	rules: []smtptest.Rule{{On: ".", Reply: "554 5.6.0 do not like it"}},
	talk:  play.Talk(play.PathTo[play.InData], "C: text", "C: .", "S: 554 5.6.0 do not like it", play.Said("DATA", play.NeedRcpt), play.SayQuit),
	ends:  "quit: refused",
}, {
	n:     31,
	rules: []smtptest.Rule{{On: "BODY 2000", Reply: "550 5.7.1 stop"}},
	talk:  play.Talk(play.PathTo[play.InData], "C+ "+long2000, "S: 550 5.7.1 stop", "C: more", "C: .", "C: NOOP", "S: "+play.OK, play.SayQuit), // the dot has no second answer
	ends:  "quit: refused",
}, {
	n:     32,
	rules: []smtptest.Rule{{On: ".", Times: 1, Keep: true, Reply: "451 4.3.0 try again"}},
	talk:  play.Talk(play.PathTo[play.InData], "C: text", "C: .", "S: 451 4.3.0 try again", play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayQuit),
	ends:  "quit: accepted, accepted",
	told:  []smtptest.Reply{"451 4.3.0 try again", play.OK},
}, {
	n: 33, name: "reset",
	rules: []smtptest.Rule{{On: ".", Times: 1, Keep: true, Reply: smtptest.NoReply, Then: smtptest.Reset}},
	talk:  play.Talk(play.PathTo[play.InData], "C: text", "C: .", "S! reset", play.Reconnect, delivery),
	ends:  "closed by rule: accepted | quit: accepted",
	told:  []smtptest.Reply{"", play.OK},
}, {
	n: 33, name: "closed",
	rules: []smtptest.Rule{{On: ".", Times: 1, Keep: true, Reply: smtptest.NoReply, Then: smtptest.Close}},
	talk:  play.Talk(play.PathTo[play.InData], "C: text", "C: .", play.Closed, play.Reconnect, delivery),
	ends:  "closed by rule: accepted | quit: accepted",
	told:  []smtptest.Reply{"", play.OK},
}, {
	n: 33, name: "forgotten",
	rules: []smtptest.Rule{{On: ".", Times: 1, Keep: true, Delay: smtptest.Forever}},
	talk:  play.Talk(play.PathTo[play.InData], "C: text", "C: .", "-- 10m", play.Reconnect, delivery), // the time-out of RFC 5321 4.5.3.2.6
	ends:  "closed by client: accepted | quit: accepted",
	told:  []smtptest.Reply{"", play.OK},
}, {
	n:     34,
	rules: []smtptest.Rule{{On: ".", Discard: true}},
	talk:  delivery,
	ends:  "quit: refused",
}, {
	n:     35,
	rules: []smtptest.Rule{{On: "RCPT TO:<bob@example.com>", Reply: "550 5.1.1 gone"}, {On: "RCPT TO:<eve@example.com>", Reply: "450 4.2.1 later"}},
	talk: play.Talk(play.PathTo[play.MailGiven], play.SayTo("bob@example.com", "550 5.1.1 gone"), play.SayRcpt, play.SayTo("eve@example.com", "450 4.2.1 later"),
		play.SayData, play.SayText, play.SayQuit),
	ends: "quit: accepted",
	told: []smtptest.Reply{play.OK},
}, {
	n:     36,
	setup: func(srv *smtptest.Server) { srv.LMTP = true },
	rules: []smtptest.Rule{{On: ". <bob@example.com>", Reply: "452 4.2.2 mailbox full"}},
	talk: play.Talk("S: "+play.Greeting, "C: LHLO client.test", play.SayEHLO[1:], play.SayMail, play.SayTo("ann@example.com", play.RcptOK), play.SayTo("bob@example.com", play.RcptOK),
		play.SayTo("eve@example.com", play.RcptOK), play.SayData, "C: text", "C: .", "S: "+play.OK, "S: 452 4.2.2 mailbox full", "S: "+play.OK, play.SayQuit),
	ends: "quit: accepted",
	told: []smtptest.Reply{play.OK},
}}
