package smtptest_test

import (
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
)

// delivery is a whole session that delivers the usual message.
var delivery = talk(reach[inData], sayText, sayQuit)

var long2000 = strings.Repeat("x", 2000)

// connectionFaults are those of the connection itself, 1 to 17.
var connectionFaults = []fault{{
	n: 1, name: "at once",
	talk: talk(reach[greeted], stop, closed, anew, "S! connection refused", back, anew, delivery, stop, anew, "S! connection refused", back, anew, delivery),
	ends: "server closed | quit: accepted | quit: accepted",
	told: []smtptest.Reply{ok, ok},
}, {
	n: 1, name: "for a minute",
	begin: func(srv *smtptest.Server) { srv.Stop(); time.AfterFunc(time.Minute, srv.Restart) },
	talk:  talk("S! connection refused", "C~ 59.999999999s", anew, "S! connection refused", "C~ 1ns", anew, delivery),
	ends:  "quit: accepted",
	told:  []smtptest.Reply{ok},
}, {
	n:     2,
	rules: []smtptest.Rule{{On: "CONNECT", Delay: smtptest.Forever}},
	talk:  []string{"-- 24h"},
	ends:  "closed by client",
}, {
	n:     3,
	rules: []smtptest.Rule{{On: "CONNECT", Delay: 10 * time.Second}},
	talk:  talk("-- 10s", delivery),
	ends:  "quit: accepted",
	told:  []smtptest.Reply{ok},
}, {
	n:     4,
	rules: []smtptest.Rule{{On: "CONNECT", Reply: smtptest.NoReply, Then: smtptest.Close}},
	talk:  []string{closed},
	ends:  "closed by rule",
}, {
	n: 5,
	rules: []smtptest.Rule{{On: "CONNECT", Times: 1, Reply: "421 4.3.2 not now"}, {On: "CONNECT", Times: 1, Reply: "450 later"},
		{On: "CONNECT", Reply: "554 no mail here"}},
	talk: talk("S: 421 4.3.2 not now", closed, anew, "S: 450 later", sayQuit, anew, "S: 554 no mail here",
		"C: EHLO client.test", "S: "+refusing, sayQuit),
	ends: "421 | quit | quit",
}, {
	n: 6,
	rules: []smtptest.Rule{{On: "CONNECT", Times: 1, Reply: "220-mx\n220 hello"}, {On: "CONNECT", Times: 1, Reply: "220 mx.example.com"},
		{On: "CONNECT", Raw: "220 " + long2000 + "\r\n"}},
	talk: talk("S: 220-mx", "S: 220 hello", sayQuit, anew, "S: 220 mx.example.com", sayQuit, anew, "S: 220 "+long2000, sayEhlo, sayQuit),
	ends: "quit | quit | quit",
}, {
	n: 7, name: "now",
	rules: []smtptest.Rule{{On: "MAIL", Reply: smtptest.NoReply, Then: smtptest.Reset}},
	talk:  talk(reach[ehlo], "C: MAIL FROM:<a@client.test>", "S! reset"),
	ends:  "closed by rule",
}, {
	n: 7, name: "behind a reply",
	rules: []smtptest.Rule{{On: "EHLO", Then: smtptest.Reset}},
	talk:  talk(reach[ehlo], "S! reset"), // what was delivered before can be read
	ends:  "closed by rule",
}, {
	n: 7, name: "after a time",
	rules: []smtptest.Rule{{On: "IDLE EHLO", Delay: time.Minute, Then: smtptest.Reset}},
	talk:  talk(reach[ehlo], "-- 1m", "S! reset"),
	ends:  "closed by rule",
}, {
	n: 7, name: "after n octets",
	rules: []smtptest.Rule{{On: "BODY 2000", Then: smtptest.Reset}},
	talk:  talk(reach[inData], "C+ "+long2000, "S! reset"),
	ends:  "closed by rule: aborted",
}, {
	n:     8,
	rules: []smtptest.Rule{{On: "MAIL", Then: smtptest.HalfClose}},
	talk:  talk(reach[mailGiven], closed, "C: RCPT TO:<b@server.test>", "C: DATA", "C: text", "C: .", "C: QUIT"),
	ends:  "quit: accepted",
	told:  []smtptest.Reply{""},
}, {
	n:     9,
	rules: []smtptest.Rule{{On: "EHLO", Raw: "250-mx.exa", Then: smtptest.Close}},
	talk:  talk(reach[greeted], "C: EHLO client.test", "S+ 250-mx.exa", closed),
	ends:  "closed by rule",
}, {
	n: 11, name: "connection 3",
	rules: []smtptest.Rule{{On: "CONNECT", Skip: 2, Times: 1, Reply: "421 4.3.2 third one"}},
	talk:  talk(reach[greeted], sayQuit, anew, reach[greeted], sayQuit, anew, "S: 421 4.3.2 third one", closed, anew, reach[greeted], sayQuit),
	ends:  "quit | quit | 421 | quit",
}, {
	n: 11, name: "over a cap",
	rules: []smtptest.Rule{{On: "CONNECT", If: func(e smtptest.Event) bool { return e.Open > 2 }, Reply: "421 4.3.2 too many"}},
	talk: talk(reach[greeted], beside, reach[greeted], beside, "S: 421 4.3.2 too many", closed, beside, "S: 421 4.3.2 too many", closed,
		beside, "S: 421 4.3.2 too many", closed),
	ends: "closed by client | closed by client | 421 | 421 | 421",
}, {
	n: 11, name: "under a cap again",
	rules: []smtptest.Rule{{On: "CONNECT", If: func(e smtptest.Event) bool { return e.Open > 1 }, Reply: "421 4.3.2 too many", Optional: true}},
	talk:  talk(delivery, anew, delivery, anew, delivery),
	ends:  "quit: accepted | quit: accepted | quit: accepted",
	told:  []smtptest.Reply{ok, ok, ok},
}, {
	n: 12, name: "messages",
	rules: []smtptest.Rule{{On: ".", Skip: 1, Per: smtptest.PerSession, Then: smtptest.Close}},
	talk: talk(reach[ehlo], sayMail, sayRcpt, sayData, sayText, sayMail, sayRcpt, sayData, sayText, closed,
		anew, reach[ehlo], sayMail, sayRcpt, sayData, sayText, sayMail, sayRcpt, sayData, sayText, closed),
	ends: "closed by rule: accepted, accepted | closed by rule: accepted, accepted",
	told: []smtptest.Reply{ok, ok, ok, ok},
}, {
	n: 12, name: "sessions",
	rules: []smtptest.Rule{{On: "CONNECT", Skip: 2, Reply: smtptest.NoReply, Then: smtptest.Close}},
	talk:  talk(delivery, anew, delivery, anew, closed, anew, closed),
	ends:  "quit: accepted | quit: accepted | closed by rule | closed by rule",
	told:  []smtptest.Reply{ok, ok},
}, {
	n:     15, // TestStopsReading is about the writes that block
	rules: []smtptest.Rule{{On: "BODY 2000", Delay: smtptest.Forever}},
	talk:  talk(reach[inData], "C+ "+long2000+"\r\n.\r\n", "-- 24h", shutdown, closed),
	ends:  "server closed: aborted",
}, {
	n:     17,
	rules: []smtptest.Rule{{On: "IDLE", Delay: 30 * time.Second, Reply: "421 4.4.2 idle too long"}},
	talk:  talk(reach[ehlo], "-- 30s", "S: 421 4.4.2 idle too long", closed),
	ends:  "421",
}}
