package faults_test

import (
	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

// ehloFaults are about what EHLO says and what is so, 64 to 73.
var ehloFaults = []fault{{
	n:     64,
	rules: []smtptest.Rule{{On: "EHLO", Reply: "502 5.5.1 not implemented"}},
	talk:  play.Talk(play.PathTo[play.Greeted], play.Said("EHLO client.test", "502 5.5.1 not implemented"), play.SayHELO, play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayQuit),
	ends:  "quit: accepted",
	told:  []smtptest.Reply{play.OK},
}, {
	n:     65,
	rules: []smtptest.Rule{{On: "EHLO", Reply: "250-mx\n250-PIPELINING\n250 8BITMIME"}}, // SIZE is not said, and works
	talk: play.Talk(play.PathTo[play.Greeted], "C: EHLO client.test", "S: 250-mx", "S: 250-PIPELINING", "S: 250 8BITMIME",
		play.Said("MAIL FROM:<a@client.test> SIZE=10", play.MailOK), play.SayQuit),
	ends: "quit: aborted",
}, {
	n:     66,
	rules: []smtptest.Rule{{On: "EHLO", Reply: "250-mx\n250-PIPELINING\n250 XYZZY plugh"}},
	talk: play.Talk(play.PathTo[play.Greeted], "C: EHLO client.test", "S: 250-mx", "S: 250-PIPELINING", "S: 250 XYZZY plugh",
		play.Said("XYZZY", `500 5.5.2 Error: command "XYZZY" not recognized`), play.SayQuit),
	ends: "quit",
}, {
	n: 67,
	setup: func(srv *smtptest.Server) {
		play.WithTLS(srv)
		play.WithUsers(srv)
	},
	rules: []smtptest.Rule{{On: "EHLO", If: func(e smtptest.Event) bool { return !e.TLS }, Reply: "250-mx\n250 STARTTLS"},
		{On: "EHLO", If: func(e smtptest.Event) bool { return e.User == "" }, Reply: "250-mx\n250 AUTH PLAIN"}},
	talk: play.Talk(play.PathTo[play.Greeted], "C: EHLO client.test", "S: 250-mx", "S: 250 STARTTLS", "C: STARTTLS", "S: "+play.TLSReady, play.StartTLS,
		"C: EHLO client.test", "S: 250-mx", "S: 250 AUTH PLAIN", sayAuth, play.EHLOWith("AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN"), play.SayQuit),
	ends: "quit",
}, {
	n: 69,
	rules: []smtptest.Rule{{On: "EHLO", Times: 1, Reply: "250-mx\n250 SIZE 0"}, {On: "EHLO", Times: 1, Reply: "250-mx\n250 SIZE"},
		{On: "EHLO", Times: 1, Reply: "250-mx\n250 SIZE 1"}, {On: "EHLO", Reply: "250-mx\n250 SIZE 99999999999999999999"}},
	talk: play.Talk(play.PathTo[play.Greeted], "C: EHLO client.test", "S: 250-mx", "S: 250 SIZE 0", "C: EHLO client.test", "S: 250-mx", "S: 250 SIZE",
		"C: EHLO client.test", "S: 250-mx", "S: 250 SIZE 1", "C: EHLO client.test", "S: 250-mx", "S: 250 SIZE 99999999999999999999",
		play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayQuit),
	ends: "quit: accepted",
	told: []smtptest.Reply{play.OK},
}, {
	n:     70,
	rules: []smtptest.Rule{{On: "EHLO", Reply: "250-mx\n250-StartTLS\n250 size 1000"}},
	talk:  play.Talk(play.PathTo[play.Greeted], "C: EHLO client.test", "S: 250-mx", "S: 250-StartTLS", "S: 250 size 1000", play.SayQuit),
	ends:  "quit",
}, {
	n:     71,
	setup: play.WithTLS,
	rules: []smtptest.Rule{{On: "STARTTLS", Reply: "502 5.5.1 not implemented"}, {On: "MAIL FROM:<*> *SIZE=*", Reply: "555 5.5.4 what size?"}},
	talk: play.Talk("S: "+play.Greeting, play.SayEHLOTLS, play.Said("STARTTLS", "502 5.5.1 not implemented"), play.Said("MAIL FROM:<a@client.test> SIZE=10", "555 5.5.4 what size?"),
		play.SayMail, play.SayQuit),
	ends: "quit: aborted",
}, {
	n: 72, name: "parameter",
	setup: func(srv *smtptest.Server) { srv.Extensions = play.Without(srv.Extensions, "SMTPUTF8") },
	rules: []smtptest.Rule{{On: "MAIL FROM:<*> *SMTPUTF8*", Reply: "250 2.1.0 OK"}},
	talk: play.Talk("S: "+play.Greeting, play.Without(play.SayEHLO, "S: 250-SMTPUTF8"), play.Said("MAIL FROM:<ü@client.test> SMTPUTF8", play.MailOK), play.SayTo("ö@server.test", play.RcptOK),
		play.SayData, play.SayText, play.SayQuit),
	ends: "quit: accepted",
	told: []smtptest.Reply{play.OK},
}, {
	n: 72, name: "command",
	rules: []smtptest.Rule{{On: "AUTH", Reply: "235 2.7.0 as you like"}},
	talk:  play.Talk(play.PathTo[play.EHLO], play.Said("AUTH PLAIN AGFubgBzZWNyZXQ=", "235 2.7.0 as you like"), play.SayQuit),
	ends:  "quit",
}, {
	n:     73,
	rules: []smtptest.Rule{{On: "EHLO", Reply: "250 mx.example.com"}},
	talk:  play.Talk(play.PathTo[play.Greeted], play.Said("EHLO client.test", "250 mx.example.com"), play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayQuit),
	ends:  "quit: accepted",
	told:  []smtptest.Reply{play.OK},
}}

const plainAnn = "AUTH PLAIN AGFubgBzZWNyZXQ="

// begunAuth leads to where a client may say AUTH.
var begunAuth = play.Talk("S: "+play.Greeting, sayEhloAuth)

// authFaults are those of AUTH, 74 to 82.
var authFaults = []fault{{
	n: 74, name: "before the exchange",
	setup: play.WithUsers,
	rules: []smtptest.Rule{{On: "AUTH", Times: 1, Reply: "454 4.7.0 later"}, {On: "AUTH", Times: 1, Reply: "432 4.7.12 new password"},
		{On: "AUTH", Times: 1, Reply: "534 5.7.9 too weak"}, {On: "AUTH", Times: 1, Reply: "538 5.7.11 under TLS"},
		{On: "AUTH", Times: 1, Reply: "504 5.5.4 what mechanism?"}, {On: "AUTH", Reply: "535 5.7.8 wrong"}},
	talk: play.Talk(begunAuth, play.Said(plainAnn, "454 4.7.0 later"), play.Said(plainAnn, "432 4.7.12 new password"), play.Said(plainAnn, "534 5.7.9 too weak"),
		play.Said(plainAnn, "538 5.7.11 under TLS"), play.Said(plainAnn, "504 5.5.4 what mechanism?"), play.Said(plainAnn, "535 5.7.8 wrong"), play.SayQuit),
	ends: "quit",
}, {
	n: 74, name: "530",
	setup: play.WithUsers,
	rules: []smtptest.Rule{{On: "MAIL", If: func(e smtptest.Event) bool { return e.User == "" }, Reply: "530 5.7.0 log in first"}},
	talk:  play.Talk(begunAuth, sayFrom("a@client.test", "530 5.7.0 log in first"), sayAuth, play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayQuit),
	ends:  "quit: accepted",
	told:  []smtptest.Reply{play.OK},
}, {
	n:     75,
	setup: play.WithUsers,
	rules: []smtptest.Rule{{On: "AUTH", Reply: "334 not*base64"}},
	talk:  play.Talk(begunAuth, play.Said("AUTH CRAM-MD5", "334 not*base64"), play.Said("*", "501 5.7.0 Authentication cancelled"), play.SayQuit),
	ends:  "quit",
}, {
	n:     76,
	setup: play.WithUsers,
	rules: []smtptest.Rule{{On: "AUTH", Reply: "334 "}, {On: "RESPONSE", Reply: "334 "}},
	talk:  play.Talk(begunAuth, play.Said("AUTH LOGIN", "334 "), play.Said("YW5u", "334 "), play.Said("c2VjcmV0", "334 "), play.Said("YW5u", "334 "), play.Said("*", "334 ")),
	ends:  "closed by client",
}, {
	n:     77,
	setup: play.WithUsers,
	rules: []smtptest.Rule{{On: "RESPONSE", Reply: smtptest.NoReply, Then: smtptest.Close}},
	talk:  play.Talk(begunAuth, play.Said("AUTH LOGIN", "334 VXNlcm5hbWU6"), "C: YW5u", play.Closed),
	ends:  "closed by rule",
}, {
	n:     78,
	setup: func(srv *smtptest.Server) { srv.Authenticate = func(smtptest.Credentials) bool { return true } },
	rules: []smtptest.Rule{{On: "AUTH XOAUTH2", Reply: "334 eyJzdGF0dXMiOiI0MDEifQ=="}, {On: "RESPONSE", Reply: "535 5.7.8 token expired"}},
	talk: play.Talk("S: "+play.Greeting, play.EHLOWith("AUTH OAUTHBEARER XOAUTH2 PLAIN LOGIN"), play.Said("AUTH XOAUTH2 dXNlcj1hbm4BAQE=", "334 eyJzdGF0dXMiOiI0MDEifQ=="),
		play.Said("", "535 5.7.8 token expired"), play.SayQuit),
	ends: "quit",
}, {
	n:     80,
	setup: play.WithUsers,
	rules: []smtptest.Rule{{On: "AUTH", Reply: "334 not*base64"},
		{On: "RESPONSE", If: func(e smtptest.Event) bool { return e.Arg == "*" }, Reply: "501 5.7.0 cancelled"}},
	talk: play.Talk(begunAuth, play.Said("AUTH CRAM-MD5", "334 not*base64"), play.Said("*", "501 5.7.0 cancelled"), play.SayMail, play.SayQuit),
	ends: "quit: aborted",
}, {
	n:     81,
	setup: play.WithUsers,
	rules: []smtptest.Rule{{On: "AUTH * *", Reply: "501 5.5.4 no initial response"}},
	talk: play.Talk(begunAuth, play.Said(plainAnn, "501 5.5.4 no initial response"), play.Said("AUTH PLAIN", "334 "),
		play.Said("AGFubgBzZWNyZXQ=", "235 2.7.0 Authentication successful"), play.SayQuit),
	ends: "quit",
}, {
	n:     82,
	setup: func(srv *smtptest.Server) { play.WithUsers(srv); srv.RequireAuth = true },
	rules: []smtptest.Rule{{On: "AUTH PLAIN *", Reply: "235 2.7.0 whoever you are"}},
	talk: play.Talk(begunAuth, play.Said("AUTH PLAIN AGJvYgB3cm9uZw==", "235 2.7.0 whoever you are"), // bob has no password
		play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayQuit),
	ends: "quit: accepted",
	told: []smtptest.Reply{play.OK},
}}
