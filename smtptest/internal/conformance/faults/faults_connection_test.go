package faults_test

import (
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

// delivery is a whole session that delivers the usual message.
var delivery = play.Talk(play.PathTo[play.InData], play.SayText, play.SayQuit)

var long2000 = strings.Repeat("x", 2000)

// connectionFaults are those of the connection itself, 1 to 17.
var connectionFaults = []fault{{
	n: 1, name: "at once",
	talk: play.Talk(play.PathTo[play.Greeted], play.Stop, play.Closed, play.Reconnect, "S! connection refused", play.Restart, play.Reconnect, delivery, play.Stop, play.Reconnect, "S! connection refused", play.Restart, play.Reconnect, delivery),
	ends: "server closed | quit: accepted | quit: accepted",
	told: []smtptest.Reply{play.OK, play.OK},
}, {
	n: 1, name: "for a minute",
	begin: func(srv *smtptest.Server) { srv.Stop(); time.AfterFunc(time.Minute, srv.Restart) },
	talk:  play.Talk("S! connection refused", "C~ 59.999999999s", play.Reconnect, "S! connection refused", "C~ 1ns", play.Reconnect, delivery),
	ends:  "quit: accepted",
	told:  []smtptest.Reply{play.OK},
}, {
	n:     2,
	rules: []smtptest.Rule{{On: "CONNECT", Delay: smtptest.Forever}},
	talk:  []string{"-- 24h"},
	ends:  "closed by client",
}, {
	n:     3,
	rules: []smtptest.Rule{{On: "CONNECT", Delay: 10 * time.Second}},
	talk:  play.Talk("-- 10s", delivery),
	ends:  "quit: accepted",
	told:  []smtptest.Reply{play.OK},
}, {
	n:     4,
	rules: []smtptest.Rule{{On: "CONNECT", Reply: smtptest.NoReply, Then: smtptest.Close}},
	talk:  []string{play.Closed},
	ends:  "closed by rule",
}, {
	n: 5,
	rules: []smtptest.Rule{{On: "CONNECT", Times: 1, Reply: "421 4.3.2 not now"}, {On: "CONNECT", Times: 1, Reply: "450 later"},
		{On: "CONNECT", Reply: "554 no mail here"}},
	talk: play.Talk("S: 421 4.3.2 not now", play.Closed, play.Reconnect, "S: 450 later", play.SayQuit, play.Reconnect, "S: 554 no mail here",
		"C: EHLO client.test", "S: "+play.Refusing, play.SayQuit),
	ends: "421 | quit | quit",
}, {
	n: 6,
	rules: []smtptest.Rule{{On: "CONNECT", Times: 1, Reply: "220-mx\n220 hello"}, {On: "CONNECT", Times: 1, Reply: "220 mx.example.com"},
		{On: "CONNECT", Raw: "220 " + long2000 + "\r\n"}},
	talk: play.Talk("S: 220-mx", "S: 220 hello", play.SayQuit, play.Reconnect, "S: 220 mx.example.com", play.SayQuit, play.Reconnect, "S: 220 "+long2000, play.SayEHLO, play.SayQuit),
	ends: "quit | quit | quit",
}, {
	n: 7, name: "now",
	rules: []smtptest.Rule{{On: "MAIL", Reply: smtptest.NoReply, Then: smtptest.Reset}},
	talk:  play.Talk(play.PathTo[play.EHLO], "C: MAIL FROM:<a@client.test>", "S! reset"),
	ends:  "closed by rule",
}, {
	n: 7, name: "behind a reply",
	rules: []smtptest.Rule{{On: "EHLO", Then: smtptest.Reset}},
	talk:  play.Talk(play.PathTo[play.EHLO], "S! reset"), // what was delivered before can be read
	ends:  "closed by rule",
}, {
	n: 7, name: "after a time",
	rules: []smtptest.Rule{{On: "IDLE EHLO", Delay: time.Minute, Then: smtptest.Reset}},
	talk:  play.Talk(play.PathTo[play.EHLO], "-- 1m", "S! reset"),
	ends:  "closed by rule",
}, {
	n: 7, name: "after n octets",
	rules: []smtptest.Rule{{On: "BODY 2000", Then: smtptest.Reset}},
	talk:  play.Talk(play.PathTo[play.InData], "C+ "+long2000, "S! reset"),
	ends:  "closed by rule: aborted",
}, {
	n:     8,
	rules: []smtptest.Rule{{On: "MAIL", Then: smtptest.HalfClose}},
	talk:  play.Talk(play.PathTo[play.MailGiven], play.Closed, "C: RCPT TO:<b@server.test>", "C: DATA", "C: text", "C: .", "C: QUIT"),
	ends:  "quit: accepted",
	told:  []smtptest.Reply{""},
}, {
	n:     9,
	rules: []smtptest.Rule{{On: "EHLO", Raw: "250-mx.exa", Then: smtptest.Close}},
	talk:  play.Talk(play.PathTo[play.Greeted], "C: EHLO client.test", "S+ 250-mx.exa", play.Closed),
	ends:  "closed by rule",
}, {
	n: 11, name: "connection 3",
	rules: []smtptest.Rule{{On: "CONNECT", Skip: 2, Times: 1, Reply: "421 4.3.2 third one"}},
	talk:  play.Talk(play.PathTo[play.Greeted], play.SayQuit, play.Reconnect, play.PathTo[play.Greeted], play.SayQuit, play.Reconnect, "S: 421 4.3.2 third one", play.Closed, play.Reconnect, play.PathTo[play.Greeted], play.SayQuit),
	ends:  "quit | quit | 421 | quit",
}, {
	n: 11, name: "over a cap",
	rules: []smtptest.Rule{{On: "CONNECT", If: func(e smtptest.Event) bool { return e.Open > 2 }, Reply: "421 4.3.2 too many"}},
	talk: play.Talk(play.PathTo[play.Greeted], play.ConnectMore, play.PathTo[play.Greeted], play.ConnectMore, "S: 421 4.3.2 too many", play.Closed, play.ConnectMore, "S: 421 4.3.2 too many", play.Closed,
		play.ConnectMore, "S: 421 4.3.2 too many", play.Closed),
	ends: "closed by client | closed by client | 421 | 421 | 421",
}, {
	n: 11, name: "under a cap again",
	rules: []smtptest.Rule{{On: "CONNECT", If: func(e smtptest.Event) bool { return e.Open > 1 }, Reply: "421 4.3.2 too many", Optional: true}},
	talk:  play.Talk(delivery, play.Reconnect, delivery, play.Reconnect, delivery),
	ends:  "quit: accepted | quit: accepted | quit: accepted",
	told:  []smtptest.Reply{play.OK, play.OK, play.OK},
}, {
	n: 12, name: "messages",
	rules: []smtptest.Rule{{On: ".", Skip: 1, Per: smtptest.PerSession, Then: smtptest.Close}},
	talk: play.Talk(play.PathTo[play.EHLO], play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.Closed,
		play.Reconnect, play.PathTo[play.EHLO], play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.Closed),
	ends: "closed by rule: accepted, accepted | closed by rule: accepted, accepted",
	told: []smtptest.Reply{play.OK, play.OK, play.OK, play.OK},
}, {
	n: 12, name: "sessions",
	rules: []smtptest.Rule{{On: "CONNECT", Skip: 2, Reply: smtptest.NoReply, Then: smtptest.Close}},
	talk:  play.Talk(delivery, play.Reconnect, delivery, play.Reconnect, play.Closed, play.Reconnect, play.Closed),
	ends:  "quit: accepted | quit: accepted | closed by rule | closed by rule",
	told:  []smtptest.Reply{play.OK, play.OK},
}, {
	n:     15, // TestStopsReading is about the writes that block
	rules: []smtptest.Rule{{On: "BODY 2000", Delay: smtptest.Forever}},
	talk:  play.Talk(play.PathTo[play.InData], "C+ "+long2000+"\r\n.\r\n", "-- 24h", play.CloseServer, play.Closed),
	ends:  "server closed: aborted",
}, {
	n:     17,
	rules: []smtptest.Rule{{On: "IDLE", Delay: 30 * time.Second, Reply: "421 4.4.2 idle too long"}},
	talk:  play.Talk(play.PathTo[play.EHLO], "-- 30s", "S: 421 4.4.2 idle too long", play.Closed),
	ends:  "421",
}}
