package smtptest_test

import (
	"github.com/go-smtptest/smtp/smtptest"
)

// ehloFaults are about what EHLO says and what is so, 64 to 73.
var ehloFaults = []fault{{
	n:     64,
	rules: []smtptest.Rule{{On: "EHLO", Reply: "502 5.5.1 not implemented"}},
	talk:  talk(reach[greeted], said("EHLO client.test", "502 5.5.1 not implemented"), sayHelo, sayMail, sayRcpt, sayData, sayText, sayQuit),
	ends:  "quit: accepted",
	told:  []smtptest.Reply{ok},
}, {
	n:     65,
	rules: []smtptest.Rule{{On: "EHLO", Reply: "250-mx\n250-PIPELINING\n250 8BITMIME"}}, // SIZE is not said, and works
	talk: talk(reach[greeted], "C: EHLO client.test", "S: 250-mx", "S: 250-PIPELINING", "S: 250 8BITMIME",
		said("MAIL FROM:<a@client.test> SIZE=10", mailOK), sayQuit),
	ends: "quit: aborted",
}, {
	n:     66,
	rules: []smtptest.Rule{{On: "EHLO", Reply: "250-mx\n250-PIPELINING\n250 XYZZY plugh"}},
	talk: talk(reach[greeted], "C: EHLO client.test", "S: 250-mx", "S: 250-PIPELINING", "S: 250 XYZZY plugh",
		said("XYZZY", `500 5.5.2 Error: command "XYZZY" not recognized`), sayQuit),
	ends: "quit",
}, {
	n: 67,
	setup: func(srv *smtptest.Server) {
		withTLS(srv)
		withUsers(srv)
	},
	rules: []smtptest.Rule{{On: "EHLO", If: func(e smtptest.Event) bool { return !e.TLS }, Reply: "250-mx\n250 STARTTLS"},
		{On: "EHLO", If: func(e smtptest.Event) bool { return e.User == "" }, Reply: "250-mx\n250 AUTH PLAIN"}},
	talk: talk(reach[greeted], "C: EHLO client.test", "S: 250-mx", "S: 250 STARTTLS", "C: STARTTLS", "S: "+tlsReady, secure,
		"C: EHLO client.test", "S: 250-mx", "S: 250 AUTH PLAIN", sayAuth, ehloWith("AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN"), sayQuit),
	ends: "quit",
}, {
	n: 69,
	rules: []smtptest.Rule{{On: "EHLO", Times: 1, Reply: "250-mx\n250 SIZE 0"}, {On: "EHLO", Times: 1, Reply: "250-mx\n250 SIZE"},
		{On: "EHLO", Times: 1, Reply: "250-mx\n250 SIZE 1"}, {On: "EHLO", Reply: "250-mx\n250 SIZE 99999999999999999999"}},
	talk: talk(reach[greeted], "C: EHLO client.test", "S: 250-mx", "S: 250 SIZE 0", "C: EHLO client.test", "S: 250-mx", "S: 250 SIZE",
		"C: EHLO client.test", "S: 250-mx", "S: 250 SIZE 1", "C: EHLO client.test", "S: 250-mx", "S: 250 SIZE 99999999999999999999",
		sayMail, sayRcpt, sayData, sayText, sayQuit),
	ends: "quit: accepted",
	told: []smtptest.Reply{ok},
}, {
	n:     70,
	rules: []smtptest.Rule{{On: "EHLO", Reply: "250-mx\n250-StartTLS\n250 size 1000"}},
	talk:  talk(reach[greeted], "C: EHLO client.test", "S: 250-mx", "S: 250-StartTLS", "S: 250 size 1000", sayQuit),
	ends:  "quit",
}, {
	n:     71,
	setup: withTLS,
	rules: []smtptest.Rule{{On: "STARTTLS", Reply: "502 5.5.1 not implemented"}, {On: "MAIL FROM:<*> *SIZE=*", Reply: "555 5.5.4 what size?"}},
	talk: talk("S: "+greeting, sayEhloTLS, said("STARTTLS", "502 5.5.1 not implemented"), said("MAIL FROM:<a@client.test> SIZE=10", "555 5.5.4 what size?"),
		sayMail, sayQuit),
	ends: "quit: aborted",
}, {
	n: 72, name: "parameter",
	setup: func(srv *smtptest.Server) { srv.Extensions = without(srv.Extensions, "SMTPUTF8") },
	rules: []smtptest.Rule{{On: "MAIL FROM:<*> *SMTPUTF8*", Reply: "250 2.1.0 OK"}},
	talk: talk("S: "+greeting, without(sayEhlo, "S: 250-SMTPUTF8"), said("MAIL FROM:<ü@client.test> SMTPUTF8", mailOK), sayTo("ö@server.test", rcptOK),
		sayData, sayText, sayQuit),
	ends: "quit: accepted",
	told: []smtptest.Reply{ok},
}, {
	n: 72, name: "command",
	rules: []smtptest.Rule{{On: "AUTH", Reply: "235 2.7.0 as you like"}},
	talk:  talk(reach[ehlo], said("AUTH PLAIN AGFubgBzZWNyZXQ=", "235 2.7.0 as you like"), sayQuit),
	ends:  "quit",
}, {
	n:     73,
	rules: []smtptest.Rule{{On: "EHLO", Reply: "250 mx.example.com"}},
	talk:  talk(reach[greeted], said("EHLO client.test", "250 mx.example.com"), sayMail, sayRcpt, sayData, sayText, sayQuit),
	ends:  "quit: accepted",
	told:  []smtptest.Reply{ok},
}}

const plainAnn = "AUTH PLAIN AGFubgBzZWNyZXQ="

// begunAuth leads to where a client may say AUTH.
var begunAuth = talk("S: "+greeting, sayEhloAuth)

// authFaults are those of AUTH, 74 to 82.
var authFaults = []fault{{
	n: 74, name: "before the exchange",
	setup: withUsers,
	rules: []smtptest.Rule{{On: "AUTH", Times: 1, Reply: "454 4.7.0 later"}, {On: "AUTH", Times: 1, Reply: "432 4.7.12 new password"},
		{On: "AUTH", Times: 1, Reply: "534 5.7.9 too weak"}, {On: "AUTH", Times: 1, Reply: "538 5.7.11 under TLS"},
		{On: "AUTH", Times: 1, Reply: "504 5.5.4 what mechanism?"}, {On: "AUTH", Reply: "535 5.7.8 wrong"}},
	talk: talk(begunAuth, said(plainAnn, "454 4.7.0 later"), said(plainAnn, "432 4.7.12 new password"), said(plainAnn, "534 5.7.9 too weak"),
		said(plainAnn, "538 5.7.11 under TLS"), said(plainAnn, "504 5.5.4 what mechanism?"), said(plainAnn, "535 5.7.8 wrong"), sayQuit),
	ends: "quit",
}, {
	n: 74, name: "530",
	setup: withUsers,
	rules: []smtptest.Rule{{On: "MAIL", If: func(e smtptest.Event) bool { return e.User == "" }, Reply: "530 5.7.0 log in first"}},
	talk:  talk(begunAuth, sayFrom("a@client.test", "530 5.7.0 log in first"), sayAuth, sayMail, sayRcpt, sayData, sayText, sayQuit),
	ends:  "quit: accepted",
	told:  []smtptest.Reply{ok},
}, {
	n:     75,
	setup: withUsers,
	rules: []smtptest.Rule{{On: "AUTH", Reply: "334 not*base64"}},
	talk:  talk(begunAuth, said("AUTH CRAM-MD5", "334 not*base64"), said("*", "501 5.7.0 Authentication cancelled"), sayQuit),
	ends:  "quit",
}, {
	n:     76,
	setup: withUsers,
	rules: []smtptest.Rule{{On: "AUTH", Reply: "334 "}, {On: "RESPONSE", Reply: "334 "}},
	talk:  talk(begunAuth, said("AUTH LOGIN", "334 "), said("YW5u", "334 "), said("c2VjcmV0", "334 "), said("YW5u", "334 "), said("*", "334 ")),
	ends:  "closed by client",
}, {
	n:     77,
	setup: withUsers,
	rules: []smtptest.Rule{{On: "RESPONSE", Reply: smtptest.NoReply, Then: smtptest.Close}},
	talk:  talk(begunAuth, said("AUTH LOGIN", "334 VXNlcm5hbWU6"), "C: YW5u", closed),
	ends:  "closed by rule",
}, {
	n:     78,
	setup: func(srv *smtptest.Server) { srv.Authenticate = func(smtptest.Credentials) bool { return true } },
	rules: []smtptest.Rule{{On: "AUTH XOAUTH2", Reply: "334 eyJzdGF0dXMiOiI0MDEifQ=="}, {On: "RESPONSE", Reply: "535 5.7.8 token expired"}},
	talk: talk("S: "+greeting, ehloWith("AUTH OAUTHBEARER XOAUTH2 PLAIN LOGIN"), said("AUTH XOAUTH2 dXNlcj1hbm4BAQE=", "334 eyJzdGF0dXMiOiI0MDEifQ=="),
		said("", "535 5.7.8 token expired"), sayQuit),
	ends: "quit",
}, {
	n:     80,
	setup: withUsers,
	rules: []smtptest.Rule{{On: "AUTH", Reply: "334 not*base64"},
		{On: "RESPONSE", If: func(e smtptest.Event) bool { return e.Arg == "*" }, Reply: "501 5.7.0 cancelled"}},
	talk: talk(begunAuth, said("AUTH CRAM-MD5", "334 not*base64"), said("*", "501 5.7.0 cancelled"), sayMail, sayQuit),
	ends: "quit: aborted",
}, {
	n:     81,
	setup: withUsers,
	rules: []smtptest.Rule{{On: "AUTH * *", Reply: "501 5.5.4 no initial response"}},
	talk: talk(begunAuth, said(plainAnn, "501 5.5.4 no initial response"), said("AUTH PLAIN", "334 "),
		said("AGFubgBzZWNyZXQ=", "235 2.7.0 Authentication successful"), sayQuit),
	ends: "quit",
}, {
	n:     82,
	setup: func(srv *smtptest.Server) { withUsers(srv); srv.RequireAuth = true },
	rules: []smtptest.Rule{{On: "AUTH PLAIN *", Reply: "235 2.7.0 whoever you are"}},
	talk: talk(begunAuth, said("AUTH PLAIN AGJvYgB3cm9uZw==", "235 2.7.0 whoever you are"), // bob has no password
		sayMail, sayRcpt, sayData, sayText, sayQuit),
	ends: "quit: accepted",
	told: []smtptest.Reply{ok},
}}
