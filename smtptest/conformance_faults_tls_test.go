package smtptest_test

import (
	"crypto/tls"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
)

// begunTLS leads to the 220 of STARTTLS.
var begunTLS = talk("S: "+greeting, sayEhloTLS, "C: STARTTLS", "S: "+tlsReady)

// overTLS leads to content under TLS.
var overTLS = talk(begunTLS, secure, sayEhlo, sayMail, sayRcpt, sayData)

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
	setup: withTLS,
	rules: []smtptest.Rule{{On: "STARTTLS", Times: 1, Reply: "454 4.7.0 TLS not available"}, {On: "STARTTLS", Times: 1, Reply: "501 5.5.4 what?"},
		{On: "STARTTLS", Reply: "502 5.5.1 what?"}},
	talk: talk("S: "+greeting, sayEhloTLS, said("STARTTLS", "454 4.7.0 TLS not available"), said("STARTTLS", "501 5.5.4 what?"),
		said("STARTTLS", "502 5.5.1 what?"), sayMail, sayQuit),
	ends: "quit: aborted",
}, {
	n:     85,
	setup: withTLS,
	rules: []smtptest.Rule{{On: "STARTTLS", Then: smtptest.Close}},
	talk:  talk(begunTLS, closed),
	ends:  "closed by rule",
}, {
	n: 86, name: "plain text",
	setup: withTLS,
	rules: []smtptest.Rule{{On: "TLS", Raw: "500 what do you mean?\r\n"}},
	talk:  talk(begunTLS, secure, "S! first record does not look like a TLS handshake"),
	ends:  "TLS failed",
}, {
	n: 86, name: "plain text, closed",
	setup: withTLS,
	rules: []smtptest.Rule{{On: "TLS", Raw: "500 what do you mean?\r\n", Then: smtptest.Close}},
	talk:  talk(begunTLS, "C+ \x16", "S: 500 what do you mean?", closed),
	ends:  "closed by rule",
}, {
	n: 86, name: "plain text to plain text",
	setup: withTLS,
	rules: []smtptest.Rule{{On: "TLS", Raw: "500 what do you mean?\r\n"}},
	talk:  talk(begunTLS, "C: NOOP", "S: 500 what do you mean?", "C: NOOP", "C: QUIT"), // nothing is served any more
	ends:  "TLS failed",
}, {
	n: 86, name: "plain text to nothing",
	setup: withTLS,
	rules: []smtptest.Rule{{On: "TLS", Raw: "500 what do you mean?\r\n"}},
	talk:  talk(begunTLS, "-- 10s", closed),
	ends:  "TLS failed",
}, {
	n: 86, name: "plain text to what was sent behind STARTTLS",
	setup: withTLS,
	rules: []smtptest.Rule{{On: "TLS", Raw: "500 what do you mean?\r\n"}},
	talk:  talk("S: "+greeting, sayEhloTLS, "C: STARTTLS", "C: NOOP", "S: "+tlsReady, "-- 10s", closed), // which is discarded (RFC 3207 4.2)
	ends:  "TLS failed",
}, {
	n: 86, name: "plain text, late",
	setup: withTLS,
	rules: []smtptest.Rule{{On: "TLS", Delay: time.Minute, Raw: "500 what do you mean?\r\n"}},
	talk:  talk(begunTLS, "C+ \x16", "-- 1m", "S: 500 what do you mean?"),
	ends:  "TLS failed",
}, {
	n: 86, name: "plain text, later than the client's word",
	setup: withTLS,
	rules: []smtptest.Rule{{On: "TLS", Delay: time.Minute, Raw: "500 what do you mean?\r\n"}},
	talk:  talk(begunTLS, "C~ 1m5s", "C+ \x16", "S: 500 what do you mean?"),
	ends:  "TLS failed",
}, {
	n: 86, name: "plain text, slowly",
	setup: withTLS,
	rules: []smtptest.Rule{{On: "TLS", Raw: "500 what?\r\n", Chunk: 4, Pause: time.Minute}},
	talk:  talk(begunTLS, "C+ \x16", "S+ 500 ", "-- 1m", "S+ what", "-- 1m", "S+ ?\r\n"),
	ends:  "TLS failed",
}, {
	n: 86, name: "plain text on a TLS port",
	implicit: true,
	rules:    []smtptest.Rule{{On: "TLS", Raw: "500 what do you mean?\r\n"}},
	talk:     talk(secure, "S! first record does not look like a TLS handshake"),
	ends:     "TLS failed",
}, {
	n: 86, name: "garbage",
	setup: withTLS,
	rules: []smtptest.Rule{{On: "TLS", Raw: "\x15\x03\x01\xff\xff"}},
	talk:  talk(begunTLS, secure, "S! oversized record"),
	ends:  "TLS failed",
}, {
	n: 86, name: "silence",
	setup: withTLS,
	rules: []smtptest.Rule{{On: "TLS", Reply: smtptest.NoReply}},
	talk:  talk(begunTLS, "C: NOOP", "C: QUIT"),
	ends:  "TLS failed",
}, {
	n:     87,
	setup: withTLS,
	rules: []smtptest.Rule{{On: "STARTTLS", Raw: "220 go ahead\r\n250-mx\r\n250 AUTH PLAIN\r\n"}},
	talk: talk("S: "+greeting, sayEhloTLS, "C: STARTTLS", "S: 220 go ahead", "S: 250-mx", "S: 250 AUTH PLAIN", secure, mustHello, sayEhlo,
		sayMail, sayRcpt, sayData, sayText, sayQuit),
	ends: "quit: accepted",
	told: []smtptest.Reply{ok},
}, {
	n:     88,
	setup: withTLS,
	rules: []smtptest.Rule{{On: "STARTTLS", Raw: "220 go ahead\r\n250-INJECTED "}},
	talk:  talk("S: "+greeting, sayEhloTLS, "C: STARTTLS", "S: 220 go ahead", "S+ 250-INJECTED ", secure, sayEhlo, sayQuit),
	ends:  "quit",
}, {
	n: 89, name: "for ever",
	setup: withTLS,
	rules: []smtptest.Rule{{On: "TLS", Delay: smtptest.Forever}},
	talk:  talk(begunTLS, "-- 24h"),
	ends:  "closed by client",
}, {
	n: 89, name: "for a minute",
	setup: withTLS,
	rules: []smtptest.Rule{{On: "TLS", Delay: time.Minute}},
	talk:  talk(begunTLS, "-- 1m", secure, sayEhlo, sayMail, sayRcpt, sayData, sayText, sayQuit),
	ends:  "quit: accepted",
	told:  []smtptest.Reply{ok},
}, {
	n: 90, name: "expired",
	setup: certified(time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), "localhost"),
	talk:  talk(begunTLS, secure, "S! certificate has expired"),
	ends:  "TLS failed",
}, {
	n: 90, name: "other host",
	setup: certified(time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC), "mx.example.com"),
	talk:  talk(begunTLS, secure, "S! valid for mx.example.com, not localhost"),
	ends:  "TLS failed",
}, {
	n: 90, name: "unknown authority",
	setup: withTLS,
	talk:  talk(begunTLS, wary, "S! unknown authority"),
	ends:  "TLS failed",
}, {
	n: 91, name: "refused",
	setup: func(srv *smtptest.Server) { srv.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert} },
	talk:  talk(begunTLS, secure, "S! certificate required"),
	ends:  "TLS failed",
}, {
	n: 91, name: "refused, TLS 1.2",
	setup: func(srv *smtptest.Server) {
		srv.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, MaxVersion: tls.VersionTLS12}
	},
	talk: talk(begunTLS, secure, "S! handshake failure"),
	ends: "TLS failed",
}, {
	n: 92, name: "version",
	setup: func(srv *smtptest.Server) { srv.TLS = &tls.Config{MaxVersion: tls.VersionTLS10} },
	talk:  talk(begunTLS, secure, "S! protocol version not supported"),
	ends:  "TLS failed",
}, {
	n: 93, name: "plain text on a TLS port",
	implicit: true,
	talk:     talk("C: EHLO client.test", closed),
	ends:     "TLS failed",
}, {
	n: 93, name: "TLS on a plain port",
	talk: talk("C+ \x16\x03\x01\x00\xc8\x01", reach[greeted], "C: ", `S: 500 5.5.2 Error: command "??????" not recognized`, sayQuit),
	ends: "quit",
}, {
	n: 95, name: "cut",
	setup: withTLS12,
	rules: []smtptest.Rule{{On: ".", Then: smtptest.Drop}},
	talk:  talk(overTLS, sayText, "S! cut without close_notify"),
	ends:  "closed by rule: accepted",
	told:  []smtptest.Reply{ok},
}, {
	n: 95, name: "not cut",
	setup: withTLS12,
	rules: []smtptest.Rule{{On: ".", Then: smtptest.Close}},
	talk:  talk(overTLS, sayText, closed),
	ends:  "closed by rule: accepted",
	told:  []smtptest.Reply{ok},
}, {
	n: 95, name: "reset",
	setup: withTLS,
	rules: []smtptest.Rule{{On: ".", Then: smtptest.Reset}},
	talk:  talk(overTLS, sayText, "S! reset"),
	ends:  "closed by rule: accepted",
	told:  []smtptest.Reply{ok},
}, {
	n:    96,
	talk: talk(reach[ehlo], said("STARTTLS", `500 5.5.2 Error: command "STARTTLS" not recognized`), sayMail, sayQuit),
	ends: "quit: aborted",
}}
