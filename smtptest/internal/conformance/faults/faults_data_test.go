package faults_test

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

// sizes are a SizeLimit of 1000 octets.
func sizes(srv *smtptest.Server) { srv.SizeLimit = 1000 }

var sayEhloSize = slices.Concat(play.SayEHLO[:3], []string{"S: 250-SIZE 1000"}, play.SayEHLO[4:])

const tooBig = "552 5.3.4 Error: message size exceeds fixed maximum message size"

// dataFaults are those of the content and of time, 97 to 111.
var dataFaults = []fault{{
	n:     97,
	rules: []smtptest.Rule{{On: "DATA", Delay: 2 * time.Minute}},
	talk:  play.Talk(play.PathTo[play.RcptGiven], "C: DATA", "-- 2m", "S: "+play.GoAhead, play.SayText, play.SayQuit),
	ends:  "quit: accepted",
	told:  []smtptest.Reply{play.OK},
}, {
	n:     98,
	rules: []smtptest.Rule{{On: "DATA", Then: smtptest.Close}},
	talk:  play.Talk(play.PathTo[play.InData], play.Closed),
	ends:  "closed by rule: aborted",
}, {
	n: 99, name: "closed",
	rules: []smtptest.Rule{{On: "BODY 2000", Then: smtptest.Close}},
	talk:  play.Talk(play.PathTo[play.InData], "C+ "+long2000, play.Closed),
	ends:  "closed by rule: aborted",
}, {
	n: 99, name: "at once",
	rules: []smtptest.Rule{{On: "BODY", Then: smtptest.Reset}},
	talk:  play.Talk(play.PathTo[play.InData], "S! reset"),
	ends:  "closed by rule: aborted",
}, {
	n: 99, name: "in the third chunk",
	setup: play.WithExtensions("CHUNKING"),
	rules: []smtptest.Rule{{On: "BODY 9", Then: smtptest.Close}},
	talk: play.Talk("S: "+play.Greeting, play.EHLOWith("CHUNKING"), play.SayMail, play.SayRcpt, "C+ BDAT 4\r\ntext", "S: 250 2.0.0 4 octets received",
		"C+ BDAT 4\r\ntext", "S: 250 2.0.0 4 octets received", "C+ BDAT 4\r\nt", play.Closed),
	ends: "closed by rule: aborted",
}, {
	n:     100,
	rules: []smtptest.Rule{{On: ".", Delay: 11 * time.Minute}},
	talk:  play.Talk(play.PathTo[play.InData], "C: text", "C: .", "-- 11m", "S: "+play.OK, play.SayQuit),
	ends:  "quit: accepted",
	told:  []smtptest.Reply{play.OK},
}, {
	n: 101, name: "announced",
	setup: sizes,
	talk: play.Talk("S: "+play.Greeting, sayEhloSize, play.Said("MAIL FROM:<a@client.test> SIZE=1001", tooBig),
		play.Said("MAIL FROM:<a@client.test> SIZE=1000", play.MailOK), play.SayQuit),
	ends: "quit: aborted",
}, {
	n: 101, name: "at the end",
	setup: sizes,
	talk: play.Talk("S: "+play.Greeting, sayEhloSize, play.SayMail, play.SayRcpt, play.SayData, "C: "+strings.Repeat("x", 999), "C: .", "S: 552 5.3.4 Error: Too much mail data",
		play.SayMail, play.SayRcpt, play.SayData, "C: "+strings.Repeat("x", 998), "C: .", "S: "+play.OK, play.SayQuit),
	ends: "quit: refused, accepted",
	told: []smtptest.Reply{play.OK},
}, {
	n:     102,
	setup: play.WithExtensions("CHUNKING"),
	rules: []smtptest.Rule{{On: "BDAT", Skip: 1, Times: 1, Reply: "552 5.3.4 enough"}},
	talk: play.Talk("S: "+play.Greeting, play.EHLOWith("CHUNKING"), play.SayMail, play.SayRcpt, "C+ BDAT 4\r\ntext", "S: 250 2.0.0 4 octets received",
		"C+ BDAT 6\r\nQUIT\r\n", "S: 552 5.3.4 enough", "C+ BDAT 4 LAST\r\ntext", "S: "+play.NeedRcpt, "C: RSET", "S: "+play.OK, play.SayQuit),
	ends: "quit: reset",
}, {
	n: 104, name: "by 512 octets",
	rules: []smtptest.Rule{{On: "BODY", Chunk: 512, Pause: time.Minute}},
	talk:  play.Talk(play.PathTo[play.InData], "C+ "+strings.Repeat("x", 1500), "C+ "+strings.Repeat("x", 500)+"\r\n.\r\n", "-- 3m", "S: "+play.OK, play.SayQuit),
	ends:  "quit: accepted",
	told:  []smtptest.Reply{play.OK},
}, {
	n: 104, name: "octet by octet",
	rules: []smtptest.Rule{{On: "BODY", Pause: time.Minute}},
	talk:  play.Talk(play.PathTo[play.InData], "C: text", "C: .", "-- 8m", "S: "+play.OK, play.SayQuit),
	ends:  "quit: accepted",
	told:  []smtptest.Reply{play.OK},
}, {
	n: 104, name: "in two chunks",
	setup: play.WithExtensions("CHUNKING"),
	rules: []smtptest.Rule{{On: "BODY", Chunk: 4, Pause: time.Minute}},
	talk: play.Talk("S: "+play.Greeting, play.EHLOWith("CHUNKING"), play.SayMail, play.SayRcpt, "C+ BDAT 6\r\nabcdef", "-- 1m", "S: 250 2.0.0 6 octets received",
		"C+ BDAT 6 LAST\r\nghijkl", "-- 1m", "S: "+play.OK, play.SayQuit),
	ends: "quit: accepted",
	told: []smtptest.Reply{play.OK},
}, {
	n: 104, name: "the most octets that can be said",
	rules: []smtptest.Rule{{On: "BODY 3", Chunk: math.MaxInt, Pause: time.Minute}},
	talk:  play.Talk(play.PathTo[play.InData], "C: text", "C: .", "S: "+play.OK, play.SayQuit),
	ends:  "quit: accepted",
	told:  []smtptest.Reply{play.OK},
}, {
	n:     105,
	rules: []smtptest.Rule{{On: "*", Delay: 200 * time.Millisecond}},
	talk:  play.Talk(waits("200ms", delivery)),
	ends:  "quit: accepted",
	told:  []smtptest.Reply{play.OK},
}, {
	n:     106,
	setup: func(srv *smtptest.Server) { srv.Seed = 1 },
	rules: []smtptest.Rule{{On: "NOOP", Delay: time.Second, Jitter: 2 * time.Second}},
	talk:  play.Talk(play.PathTo[play.EHLO], "C: NOOP", "-- 2.110387885s", "S: "+play.OK, "C: NOOP", "-- 2.881569087s", "S: "+play.OK, "C: NOOP", "-- 1.072304503s", "S: "+play.OK, play.SayQuit),
	ends:  "quit",
}, {
	n:     110,
	rules: []smtptest.Rule{{On: ".", Delay: smtptest.Forever}},
	talk:  play.Talk(play.PathTo[play.InData], "C: text", "C: .", "-- 240h"),
	ends:  "closed by client: aborted",
}, {
	n:     111,
	rules: []smtptest.Rule{{On: "QUIT", Pause: 50 * time.Second}},
	talk:  play.Talk(play.PathTo[play.EHLO], "C: QUIT", drip("50s", 1, play.Bye+"\r\n"), play.Closed),
	ends:  "quit",
}}

// waits puts a wait before each reply of a talk.
func waits(wait string, lines []string) []string {
	var slow []string
	heard := false
	for _, line := range lines {
		if line[:2] == "S:" && !heard {
			slow = append(slow, "-- "+wait)
		}
		heard = line[:2] == "S:"
		slow = append(slow, line)
	}
	return slow
}
