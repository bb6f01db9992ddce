package faults_test

import (
	"crypto/tls"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

// overTLS leads to content under TLS.
var overTLS = play.Talk(play.BegunTLS, play.StartTLS, play.SayEHLO, play.SayMail, play.SayRcpt, play.SayData)

// withTLS12 offers a TLS whose alerts can be told from data by their type.
func withTLS12(srv *smtptest.Server) { srv.TLS = &tls.Config{MaxVersion: tls.VersionTLS12} }

// certified offers STARTTLS with a certificate of its own.
func certified(notAfter time.Time, host string) func(*smtptest.Server) {
	return func(srv *smtptest.Server) {
		srv.TLS = &tls.Config{Certificates: []tls.Certificate{smtptest.NewCertificate(notAfter, host)}}
	}
}

// tlsFaults are those of TLS, 84 to 96.
var tlsFaults = []fault{{
	n:     84,
	setup: play.WithTLS,
	rules: []smtptest.Rule{{On: "STARTTLS", Times: 1, Reply: "454 4.7.0 TLS not available"}, {On: "STARTTLS", Times: 1, Reply: "501 5.5.4 what?"},
		{On: "STARTTLS", Reply: "502 5.5.1 what?"}},
	talk: play.Talk("S: "+play.Greeting, play.SayEHLOTLS, play.Said("STARTTLS", "454 4.7.0 TLS not available"), play.Said("STARTTLS", "501 5.5.4 what?"),
		play.Said("STARTTLS", "502 5.5.1 what?"), play.SayMail, play.SayQuit),
	ends: "quit: aborted",
}, {
	n:     85,
	setup: play.WithTLS,
	rules: []smtptest.Rule{{On: "STARTTLS", Then: smtptest.Close}},
	talk:  play.Talk(play.BegunTLS, play.Closed),
	ends:  "closed by rule",
}, {
	n: 86, name: "plain text",
	setup: play.WithTLS,
	rules: []smtptest.Rule{{On: "TLS", Raw: "500 what do you mean?\r\n"}},
	talk:  play.Talk(play.BegunTLS, play.StartTLS, "S! first record does not look like a TLS handshake"),
	ends:  "TLS failed",
}, {
	n: 86, name: "plain text, closed",
	setup: play.WithTLS,
	rules: []smtptest.Rule{{On: "TLS", Raw: "500 what do you mean?\r\n", Then: smtptest.Close}},
	talk:  play.Talk(play.BegunTLS, "C+ \x16", "S: 500 what do you mean?", play.Closed),
	ends:  "closed by rule",
}, {
	n: 86, name: "plain text to plain text",
	setup: play.WithTLS,
	rules: []smtptest.Rule{{On: "TLS", Raw: "500 what do you mean?\r\n"}},
	talk:  play.Talk(play.BegunTLS, "C: NOOP", "S: 500 what do you mean?", "C: NOOP", "C: QUIT"), // nothing is served any more
	ends:  "TLS failed",
}, {
	n: 86, name: "plain text to nothing",
	setup: play.WithTLS,
	rules: []smtptest.Rule{{On: "TLS", Raw: "500 what do you mean?\r\n"}},
	talk:  play.Talk(play.BegunTLS, "-- 10s", play.Closed),
	ends:  "TLS failed",
}, {
	n: 86, name: "plain text to what was sent behind STARTTLS",
	setup: play.WithTLS,
	rules: []smtptest.Rule{{On: "TLS", Raw: "500 what do you mean?\r\n"}},
	talk:  play.Talk("S: "+play.Greeting, play.SayEHLOTLS, "C: STARTTLS", "C: NOOP", "S: "+play.TLSReady, "-- 10s", play.Closed), // which is discarded (RFC 3207 4.2)
	ends:  "TLS failed",
}, {
	n: 86, name: "plain text, late",
	setup: play.WithTLS,
	rules: []smtptest.Rule{{On: "TLS", Delay: time.Minute, Raw: "500 what do you mean?\r\n"}},
	talk:  play.Talk(play.BegunTLS, "C+ \x16", "-- 1m", "S: 500 what do you mean?"),
	ends:  "TLS failed",
}, {
	n: 86, name: "plain text, later than the client's word",
	setup: play.WithTLS,
	rules: []smtptest.Rule{{On: "TLS", Delay: time.Minute, Raw: "500 what do you mean?\r\n"}},
	talk:  play.Talk(play.BegunTLS, "C~ 1m5s", "C+ \x16", "S: 500 what do you mean?"),
	ends:  "TLS failed",
}, {
	n: 86, name: "plain text, slowly",
	setup: play.WithTLS,
	rules: []smtptest.Rule{{On: "TLS", Raw: "500 what?\r\n", Chunk: 4, Pause: time.Minute}},
	talk:  play.Talk(play.BegunTLS, "C+ \x16", "S+ 500 ", "-- 1m", "S+ what", "-- 1m", "S+ ?\r\n"),
	ends:  "TLS failed",
}, {
	n: 86, name: "plain text on a TLS port",
	implicit: true,
	rules:    []smtptest.Rule{{On: "TLS", Raw: "500 what do you mean?\r\n"}},
	talk:     play.Talk(play.StartTLS, "S! first record does not look like a TLS handshake"),
	ends:     "TLS failed",
}, {
	n: 86, name: "garbage",
	setup: play.WithTLS,
	rules: []smtptest.Rule{{On: "TLS", Raw: "\x15\x03\x01\xff\xff"}},
	talk:  play.Talk(play.BegunTLS, play.StartTLS, "S! oversized record"),
	ends:  "TLS failed",
}, {
	n: 86, name: "silence",
	setup: play.WithTLS,
	rules: []smtptest.Rule{{On: "TLS", Reply: smtptest.NoReply}},
	talk:  play.Talk(play.BegunTLS, "C: NOOP", "C: QUIT"),
	ends:  "TLS failed",
}, {
	n:     87,
	setup: play.WithTLS,
	rules: []smtptest.Rule{{On: "STARTTLS", Raw: "220 go ahead\r\n250-mx\r\n250 AUTH PLAIN\r\n"}},
	talk: play.Talk("S: "+play.Greeting, play.SayEHLOTLS, "C: STARTTLS", "S: 220 go ahead", "S: 250-mx", "S: 250 AUTH PLAIN", play.StartTLS, play.MustHello, play.SayEHLO,
		play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayQuit),
	ends: "quit: accepted",
	told: []smtptest.Reply{play.OK},
}, {
	n:     88,
	setup: play.WithTLS,
	rules: []smtptest.Rule{{On: "STARTTLS", Raw: "220 go ahead\r\n250-INJECTED "}},
	talk:  play.Talk("S: "+play.Greeting, play.SayEHLOTLS, "C: STARTTLS", "S: 220 go ahead", "S+ 250-INJECTED ", play.StartTLS, play.SayEHLO, play.SayQuit),
	ends:  "quit",
}, {
	n: 89, name: "for ever",
	setup: play.WithTLS,
	rules: []smtptest.Rule{{On: "TLS", Delay: smtptest.Forever}},
	talk:  play.Talk(play.BegunTLS, "-- 24h"),
	ends:  "closed by client",
}, {
	n: 89, name: "for a minute",
	setup: play.WithTLS,
	rules: []smtptest.Rule{{On: "TLS", Delay: time.Minute}},
	talk:  play.Talk(play.BegunTLS, "-- 1m", play.StartTLS, play.SayEHLO, play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayQuit),
	ends:  "quit: accepted",
	told:  []smtptest.Reply{play.OK},
}, {
	n: 90, name: "expired",
	setup: certified(time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), "localhost"),
	talk:  play.Talk(play.BegunTLS, play.StartTLS, "S! certificate has expired"),
	ends:  "TLS failed",
}, {
	n: 90, name: "other host",
	setup: certified(time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC), "mx.example.com"),
	talk:  play.Talk(play.BegunTLS, play.StartTLS, "S! valid for mx.example.com, not localhost"),
	ends:  "TLS failed",
}, {
	n: 90, name: "unknown authority",
	setup: play.WithTLS,
	talk:  play.Talk(play.BegunTLS, play.StartTLSUntrusting, "S! unknown authority"),
	ends:  "TLS failed",
}, {
	n: 91, name: "refused",
	setup: func(srv *smtptest.Server) { srv.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert} },
	talk:  play.Talk(play.BegunTLS, play.StartTLS, "S! certificate required"),
	ends:  "TLS failed",
}, {
	n: 91, name: "refused, TLS 1.2",
	setup: func(srv *smtptest.Server) {
		srv.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, MaxVersion: tls.VersionTLS12}
	},
	talk: play.Talk(play.BegunTLS, play.StartTLS, "S! handshake failure"),
	ends: "TLS failed",
}, {
	n: 92, name: "version",
	setup: func(srv *smtptest.Server) { srv.TLS = &tls.Config{MaxVersion: tls.VersionTLS10} },
	talk:  play.Talk(play.BegunTLS, play.StartTLS, "S! protocol version not supported"),
	ends:  "TLS failed",
}, {
	n: 93, name: "plain text on a TLS port",
	implicit: true,
	talk:     play.Talk("C: EHLO client.test", play.Closed),
	ends:     "TLS failed",
}, {
	n: 93, name: "TLS on a plain port",
	talk: play.Talk("C+ \x16\x03\x01\x00\xc8\x01", play.PathTo[play.Greeted], "C: ", `S: 500 5.5.2 Error: command "??????" not recognized`, play.SayQuit),
	ends: "quit",
}, {
	n: 95, name: "cut",
	setup: withTLS12,
	rules: []smtptest.Rule{{On: ".", Then: smtptest.Drop}},
	talk:  play.Talk(overTLS, play.SayText, "S! cut without close_notify"),
	ends:  "closed by rule: accepted",
	told:  []smtptest.Reply{play.OK},
}, {
	n: 95, name: "not cut",
	setup: withTLS12,
	rules: []smtptest.Rule{{On: ".", Then: smtptest.Close}},
	talk:  play.Talk(overTLS, play.SayText, play.Closed),
	ends:  "closed by rule: accepted",
	told:  []smtptest.Reply{play.OK},
}, {
	n: 95, name: "reset",
	setup: play.WithTLS,
	rules: []smtptest.Rule{{On: ".", Then: smtptest.Reset}},
	talk:  play.Talk(overTLS, play.SayText, "S! reset"),
	ends:  "closed by rule: accepted",
	told:  []smtptest.Reply{play.OK},
}, {
	n:    96,
	talk: play.Talk(play.PathTo[play.EHLO], play.Said("STARTTLS", `500 5.5.2 Error: command "STARTTLS" not recognized`), play.SayMail, play.SayQuit),
	ends: "quit: aborted",
}}
