package relay_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/smtp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

// A relayRow is one message that is handed on to an upstream server, and what
// becomes of it.
type relayRow struct {
	name, why string
	upstream  func(*smtptest.Server)
	rules     []smtptest.Rule // of the upstream
	change    func(*smtptest.Relay, *smtptest.Server)
	say       []string // between EHLO and DATA; nil: one recipient
	data      string   // "": "x"
	reply     string   // to the dot
	after     time.Duration
	took      []string // recipients that the upstream has taken; nil: no message
	options   []string // of MAIL upstream
	got       string   // data there, if it differs
	finals    []smtptest.Reply
}

const relayFails = "451 4.4.1 Error: the upstream server fails: "

// always answers every attempt upstream in the same way.
func always(on string, reply smtptest.Reply) []smtptest.Rule {
	return []smtptest.Rule{{On: on, Reply: reply}}
}

func rcptTo(to ...string) []string {
	var lines []string
	for _, to := range to {
		lines = append(lines, "C: RCPT TO:<"+to+">", "S: "+play.RcptOK)
	}
	return lines
}

func mailWith(options string) []string {
	return play.Talk("C: MAIL FROM:<a@client.test> "+options, "S: "+play.MailOK, play.SayRcpt)
}

func upstreamOffers(extensions ...string) func(*smtptest.Server) {
	return func(srv *smtptest.Server) { srv.Extensions = extensions }
}

// TestRelayEnvelope is about what the upstream takes: the envelope and its
// parameters as the client has sent them.
func TestRelayEnvelope(t *testing.T) {
	b := []string{"b@server.test"}
	dsn := func(_ *smtptest.Relay, srv *smtptest.Server) { srv.Extensions = append(srv.Extensions, "DSN") }
	sayDSN := play.Talk("C: MAIL FROM:<a@client.test> RET=HDRS ENVID=QQ314159", "S: "+play.MailOK,
		"C: RCPT TO:<b@server.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;B@server.test", "S: "+play.RcptOK)
	playRelay(t, []relayRow{
		{name: "one recipient", why: "smtpd: PureProxy", reply: play.OK, took: b},
		{name: "null sender", why: "RFC 5321 4.5.5", say: play.Talk("C: MAIL FROM:<>", "S: "+play.MailOK, play.SayRcpt), reply: play.OK, took: b},
		{name: "several recipients", why: "in order, duplicates kept", say: play.Talk(play.SayMail, rcptTo("c@server.test", "b@server.test", "c@server.test")),
			reply: play.OK, took: []string{"c@server.test", "b@server.test", "c@server.test"}},
		{name: "quoted", why: "RFC 5321 4.1.2: as sent", say: play.Talk(play.SayMail, rcptTo(`"b \"c\""@server.test`)), reply: play.OK, took: []string{`"b \"c\""@server.test`}},
		{name: "size and body", why: "parameters are handed on", say: mailWith("SIZE=9 BODY=8BITMIME"), data: "\xe9\r\n", reply: play.OK, took: b,
			options: []string{"SIZE=9", "BODY=8BITMIME"}},
		{name: "spelling of parameters", why: "as sent", say: mailWith("size=9 Body=8bitMime"), reply: play.OK, took: b, options: []string{"size=9", "Body=8bitMime"}},
		{name: "not offered upstream", why: "RFC 5321 4.1.1.11: what is not offered is not sent", upstream: upstreamOffers("8BITMIME"), say: mailWith("SIZE=9"), reply: play.OK, took: b},
		{name: "helo only", why: "RFC 5321 3.2: an upstream without extensions", rules: always("EHLO", "502 no"), say: mailWith("SIZE=9 BODY=8BITMIME"), reply: play.OK, took: b},
		{name: "ehlo without text", why: "RFC 5321 4.2: what was offered counts", rules: []smtptest.Rule{{On: "EHLO", Raw: "250-\r\n250-8BITMIME \r\n250 \r\n"}}, say: mailWith("BODY=8BITMIME"), reply: play.OK, took: b, options: []string{"BODY=8BITMIME"}},
		{name: "dsn", why: "RFC 3461 5.2.1", change: dsn, say: sayDSN, upstream: upstreamOffers("DSN"), reply: play.OK, took: b, options: []string{"RET=HDRS", "ENVID=QQ314159"}},
		{name: "dsn not upstream", why: "RFC 3461 5.2.2: relayed without", change: dsn, say: sayDSN, reply: play.OK, took: b},
		{name: "envid like a body", why: "RFC 3461 4.4: any xtext", change: dsn, say: mailWith("ENVID=BINARYMIME"), upstream: upstreamOffers("DSN"), reply: play.OK, took: b, options: []string{"ENVID=BINARYMIME"}},
		{name: "envid like a body, not upstream", why: "RFC 3461 5.2.2: relayed without", change: dsn, say: mailWith("ENVID=8bitmime"), upstream: upstreamOffers("SIZE"), data: "\xe9\r\n", reply: play.OK, took: b},
		{name: "parameter of the test's own", why: "Server.Parameters on both sides", say: mailWith("XPRIO=3"), upstream: func(s *smtptest.Server) {
			s.Extensions, s.Parameters = []string{"XPRIO"}, map[string]func(string) error{"XPRIO": nil}
		}, change: func(_ *smtptest.Relay, s *smtptest.Server) {
			s.Parameters = map[string]func(string) error{"XPRIO": nil}
		}, reply: play.OK, took: b, options: []string{"XPRIO=3"}},
		{name: "smtputf8", why: "RFC 6531 3.2", say: play.Talk("C: MAIL FROM:<ü@client.test> SMTPUTF8", "S: "+play.MailOK, rcptTo("é@server.test")), reply: play.OK,
			took: []string{"é@server.test"}, options: []string{"SMTPUTF8"}},
		{name: "no smtputf8, sender", why: "RFC 6531 3.2", upstream: upstreamOffers("8BITMIME"), say: play.Talk("C: MAIL FROM:<ü@client.test> SMTPUTF8", "S: "+play.MailOK, play.SayRcpt),
			reply: "550 5.6.7 Error: the upstream server does not offer SMTPUTF8"},
		{name: "no smtputf8, recipient", why: "RFC 6531 3.2", upstream: upstreamOffers("8BITMIME"), say: play.Talk("C: MAIL FROM:<a@client.test> SMTPUTF8", "S: "+play.MailOK, rcptTo("é@server.test")),
			reply: "550 5.6.7 Error: the upstream server does not offer SMTPUTF8"},
		{name: "no smtputf8, header", why: "RFC 6532 3.2", upstream: upstreamOffers("8BITMIME"), say: mailWith("SMTPUTF8"), data: "Subject: é\r\n\r\nx\r\n",
			reply: "550 5.6.7 Error: the upstream server does not offer SMTPUTF8"},
		{name: "no smtputf8, body only", why: "RFC 6531 3.2: nothing in it needs the extension", upstream: upstreamOffers("8BITMIME"), say: mailWith("BODY=8BITMIME SMTPUTF8"),
			data: "Subject: x\r\n\r\né\r\n", reply: play.OK, took: b, options: []string{"BODY=8BITMIME"}},
		{name: "no 8bitmime", why: "RFC 6152 3", upstream: upstreamOffers("SIZE"), say: mailWith("BODY=8BITMIME"), data: "\xe9\r\n",
			reply: "554 5.6.3 Error: the upstream server does not offer 8BITMIME"},
		{name: "no 8bitmime needed", why: "RFC 6152 3: the content is 7bit", upstream: upstreamOffers("SIZE"), say: mailWith("BODY=8BITMIME"), reply: play.OK, took: b},
		{name: "x-peer", why: "smtpd: at the end of the header", change: addsPeer, data: "Subject: x\r\n\r\ntext\r\n", reply: play.OK, took: b, got: "Subject: x\r\nX-Peer: 127.0.0.1\r\n\r\ntext\r\n"},
		{name: "x-peer, no body", why: "smtpd: at the end", change: addsPeer, data: "Subject: x\r\n", reply: play.OK, took: b, got: "Subject: x\r\nX-Peer: 127.0.0.1\r\n"},
		{name: "x-peer, no header", why: "smtpd: before the empty line", change: addsPeer, data: "\r\ntext\r\n", reply: play.OK, took: b, got: "X-Peer: 127.0.0.1\r\n\r\ntext\r\n"},
		{name: "x-peer, line of a space", why: "smtpd: that line is not empty", change: addsPeer, data: "a: b\r\n \r\n\r\nx\r\n", reply: play.OK, took: b, got: "a: b\r\n \r\nX-Peer: 127.0.0.1\r\n\r\nx\r\n"},
		{name: "no esmtp", why: "RFC 5321 3.2: HELO, and no parameters", rules: always("EHLO", "502 5.5.1 no"), say: mailWith("SIZE=3"), reply: play.OK, took: b},
	})
}

func addsPeer(r *smtptest.Relay, _ *smtptest.Server) { r.NoPeer = false }

// TestRelayRefusals is about what the upstream refuses: the client hears it, and
// the session has it for each recipient.
func TestRelayRefusals(t *testing.T) {
	three := play.Talk(play.SayMail, rcptTo("b@server.test", "c@server.test", "d@server.test"))
	b := []string{"b@server.test"}
	playRelay(t, []relayRow{
		{name: "one of three", why: "RFC 5321 6.1: nothing is lost silently", say: three, rules: always("RCPT TO:<c@server.test>", "550 5.1.1 no such user"),
			reply: "550 5.1.1 no such user: <c@server.test>", took: []string{"b@server.test", "d@server.test"}, finals: []smtptest.Reply{play.OK, "550 5.1.1 no such user", play.OK}},
		{name: "4yz before 5yz", why: "RFC 5321 4.2.1: a client that tries again loses nothing", say: three, took: []string{"d@server.test"},
			rules:  []smtptest.Rule{{On: "RCPT TO:<b@server.test>", Reply: "550 5.1.1 no"}, {On: "RCPT TO:<c@server.test>", Reply: "450 4.2.1 later"}},
			reply:  "450 4.2.1 later: <b@server.test>, <c@server.test>",
			finals: []smtptest.Reply{"550 5.1.1 no", "450 4.2.1 later", play.OK}},
		{name: "all", why: "the reply is theirs", rules: always("RCPT", "550 5.1.1 no such user"), reply: "550 5.1.1 no such user", finals: []smtptest.Reply{"550 5.1.1 no such user"}},
		{name: "one, then the content", why: "each has its own answer", say: three, rules: []smtptest.Rule{{On: "RCPT TO:<c@server.test>", Reply: "550 5.1.1 no"}, {On: ".", Reply: "554 5.7.1 spam"}},
			reply:  "554 5.7.1 spam: <b@server.test>, <c@server.test>, <d@server.test>",
			finals: []smtptest.Reply{"554 5.7.1 spam", "550 5.1.1 no", "554 5.7.1 spam"}},
		{name: "sender", why: "RFC 5321 4.3.2", rules: always("MAIL", "553 5.7.1 not from you"), reply: "553 5.7.1 not from you"},
		{name: "data", why: "RFC 5321 4.3.2", rules: always("DATA", "554 5.5.1 no"), reply: "554 5.5.1 no"},
		{name: "content", why: "RFC 5321 4.3.2", rules: always(".", "554 5.7.1 spam"), reply: "554 5.7.1 spam"},
		{name: "content, for now", why: "RFC 5321 4.2.1", rules: always(".", "451 4.3.0 later"), reply: "451 4.3.0 later"},
		{name: "several lines", why: "RFC 5321 4.2.1", rules: always(".", "554-5.7.1 spam\n554 5.7.1 go away"), reply: "554-5.7.1 spam\r\n554 5.7.1 go away"},
		{name: "in utf-8", why: "RFC 6531 3.7.4.1: the refusal counts, its text may not be handed on", rules: []smtptest.Rule{{On: "RCPT", Raw: "550 5.1.1 nö\r\n"}}, reply: "550 5.1.1 n?"},
		{name: "too long", why: "RFC 5321 4.5.3.1.5", rules: []smtptest.Rule{{On: "RCPT", Raw: "550 " + strings.Repeat("x", 600) + "\r\n"}}, reply: "550 " + strings.Repeat("x", 506)},
		{name: "much too long", why: "RFC 5321 4.5.3: a code is understood as long as the line can be read", rules: []smtptest.Rule{{On: "RCPT", Raw: "550 " + strings.Repeat("x", 4090) + "\r\n"}}, reply: "550 " + strings.Repeat("x", 506)},
		{name: "no text", why: "RFC 5321 4.2: it is optional", rules: []smtptest.Rule{{On: ".", Raw: "554 \r\n"}}, reply: "554"},
		{name: "several lines, no text", why: "RFC 5321 4.2", rules: []smtptest.Rule{{On: ".", Raw: "554-\r\n554  \r\n"}}, reply: "554-\r\n554"},
		{name: "code outside the grammar", why: "RFC 5321 4.2: the first digit counts", rules: []smtptest.Rule{{On: "RCPT", Raw: "571 5.7.1 no\r\n"}}, reply: "550 571 5.7.1 no"},
		{name: "the same, several lines", why: "RFC 5321 4.2", rules: []smtptest.Rule{{On: ".", Raw: "471-later\r\n471\r\n"}}, reply: "450-471 later\r\n450 471"},
		{name: "one of three, no text", why: "the names are the text", say: three, rules: []smtptest.Rule{{On: "RCPT TO:<c@server.test>", Raw: "550\r\n"}},
			reply: "550 <c@server.test>", took: []string{"b@server.test", "d@server.test"}, finals: []smtptest.Reply{play.OK, "550", play.OK}},
		{name: "quit", why: "the message has been accepted", rules: always("QUIT", "500 stay"), reply: play.OK, took: b},
		{name: "by the script", why: "a Relay is not called for what a rule refuses", change: func(r *smtptest.Relay, s *smtptest.Server) {
			r.Dial = nil // nobody listens at Addr
			s.Script(smtptest.Rule{On: ".", Reply: "550 5.7.1 no"})
		}, reply: "550 5.7.1 no"},
		{name: "by the script, after the content", why: "the same", change: func(r *smtptest.Relay, s *smtptest.Server) {
			s.Script(smtptest.Rule{On: "BODY 3", Reply: "550 5.7.1 no"})
		}, reply: "550 5.7.1 no"},
		{name: "by the size limit", why: "RFC 1870 4", change: func(r *smtptest.Relay, s *smtptest.Server) {
			s.SizeLimit, s.Extensions = 4, []string{"ENHANCEDSTATUSCODES"}
		}, say: play.Talk("C: EHLO client.test", "S: 250-localhost", "S: 250 ENHANCEDSTATUSCODES", play.SayMail, play.SayRcpt), data: "12345\r\n", reply: "552 5.3.4 Error: Too much mail data"},
	})
}

// TestRelaySuccess is about success in odd replies: without a text, which is
// optional, or with a code outside the grammar, whose first digit counts (RFC 5321
// 4.2). A client that hears 451 of what was taken delivers it twice.
func TestRelaySuccess(t *testing.T) {
	var rows []relayRow
	for _, step := range []struct{ on, code string }{{"CONNECT", "220"}, {"EHLO", "250"}, {"MAIL", "250"}, {"RCPT", "250"}, {"DATA", "354"}, {".", "250"}} {
		for name, raw := range map[string]string{"code": "#\r\n", "blank": "# \r\n", "blanks": "#  \r\n", "two lines": "#-\r\n# \r\n", "two lines, code": "#-\r\n#\r\n", "foreign code": "+60 OK\r\n", "foreign code, two lines": "+99-a\r\n+99\r\n"} {
			raw = strings.ReplaceAll(strings.ReplaceAll(raw, "#", step.code), "+", step.code[:1])
			rows = append(rows, relayRow{name: step.on + " " + name, rules: []smtptest.Rule{{On: step.on, Raw: raw}}, reply: play.OK, took: []string{"b@server.test"}})
		}
	}
	playRelay(t, rows)
}

// TestRelayFailures is about an upstream that cannot be reached, hangs, breaks
// off or talks nonsense: 451, and the message stays in the session.
func TestRelayFailures(t *testing.T) {
	rows := []relayRow{
		{name: "greeting refused", rules: always("CONNECT", "554 5.3.2 no"), reply: relayFails + "it answers 554 5.3.2 no"},
		{name: "leaves at mail", rules: always("MAIL", "421 4.3.2 bye"), reply: relayFails + "it answers 421 4.3.2 bye"},
		{name: "leaves at the dot", rules: always(".", "421 4.3.2 bye"), reply: relayFails + "it answers 421 4.3.2 bye"},
		{name: "success at data", why: "the content was not asked for", rules: always("DATA", "250 2.0.0 OK"), reply: relayFails + "it answers 250 2.0.0 OK"},
		{name: "354 to rcpt", rules: always("RCPT", "354 go on"), reply: relayFails + "it answers 354 go on"},
		{name: "354 to the dot", rules: []smtptest.Rule{{On: ".", Reply: "354 more", Discard: true}}, reply: relayFails + "it answers 354 more"},
		{name: "no reply", rules: []smtptest.Rule{{On: "MAIL", Raw: "hello\r\n"}}, reply: relayFails + `it answers "hello", which is no reply`},
		{name: "two codes", rules: []smtptest.Rule{{On: "MAIL", Raw: "250-a\r\n550 b\r\n"}}, reply: relayFails + `it answers "250-a\n550 b", which is no reply`},
		{name: "endless reply", rules: []smtptest.Rule{{On: "MAIL", Raw: strings.Repeat("250-a\r\n", 200)}}, reply: relayFails + "a reply of more than 100 lines"},
		{name: "endless line", why: "it is not kept", rules: []smtptest.Rule{{On: "MAIL", Raw: "250 " + strings.Repeat("x", 1<<20)}}, reply: relayFails + "a line of more than 4096 octets in a reply"},
		{name: "endless line of a longer reply", why: "the same", rules: []smtptest.Rule{{On: "EHLO", Raw: "250-a\r\n250-" + strings.Repeat("x", 4093) + "\r\n250 b\r\n"}}, reply: relayFails + "a line of more than 4096 octets in a reply"},
		{name: "hangs at quit", why: "the message has been accepted", rules: []smtptest.Rule{{On: "QUIT", Delay: smtptest.Forever}}, reply: play.OK, after: time.Second, took: []string{"b@server.test"}},
		{name: "own timeout", rules: []smtptest.Rule{{On: "DATA", Delay: smtptest.Forever}}, after: time.Minute, reply: relayFails + "no delivery within 1m0s",
			change: func(r *smtptest.Relay, _ *smtptest.Server) { r.Timeout = time.Minute }},
		{name: "slow", why: "in time all the same", rules: []smtptest.Rule{{On: "*", Delay: 4 * time.Second}}, reply: play.OK, after: 25 * time.Second, took: []string{"b@server.test"}},
		{name: "no starttls", change: func(r *smtptest.Relay, _ *smtptest.Server) { r.TLS = &tls.Config{ServerName: "localhost"} },
			reply: relayFails + `it answers 500 5.5.2 Error: command "STARTTLS" not recognized`},
		{name: "no auth", change: func(r *smtptest.Relay, _ *smtptest.Server) { r.Auth = smtp.PlainAuth("", "ann", "secret", "localhost") },
			reply: relayFails + `it answers 500 5.5.2 Error: command "AUTH" not recognized`},
		{name: "endless auth", why: "no clock ends what takes no time", rules: []smtptest.Rule{{On: "AUTH", Reply: "334 YQ=="}, {On: "RESPONSE", Reply: "334 YQ=="}},
			upstream: hasUser, change: answersChallenges, reply: relayFails + "more than 10 challenges in one AUTH"},
		{name: "ten challenges", why: "a mechanism may have several (RFC 4954 4)", rules: []smtptest.Rule{{On: "AUTH", Reply: "334 YQ=="}, {On: "RESPONSE", Times: 9, Reply: "334 YQ=="}, {On: "RESPONSE", Reply: "235 2.7.0 OK"}},
			upstream: hasUser, change: answersChallenges, reply: play.OK, took: []string{"b@server.test"}},
		{name: "long challenge", why: "RFC 4954 4: it is no reply's text, and whole", rules: []smtptest.Rule{{On: "AUTH", Raw: "334 " + strings.Repeat("YWFh", 900) + "\r\n"}, {On: "RESPONSE", Reply: "235 2.7.0 OK"}},
			upstream: hasUser, change: func(r *smtptest.Relay, _ *smtptest.Server) { r.Auth = wantsChallenge(strings.Repeat("aaa", 900)) }, reply: play.OK, took: []string{"b@server.test"}},
	}
	for _, on := range []string{"CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "BODY", "."} {
		rows = append(rows,
			relayRow{name: on + " hangs", rules: []smtptest.Rule{{On: on, Delay: smtptest.Forever}}, after: 30 * time.Second, reply: relayFails + "no delivery within 30s"},
			relayRow{name: on + " breaks off", rules: []smtptest.Rule{{On: on, Then: smtptest.Reset}}, reply: relayFails + "*"},
			relayRow{name: on + " closes", rules: []smtptest.Rule{{On: on, Then: smtptest.Drop}}, reply: relayFails + "*"})
	}
	playRelay(t, slices.DeleteFunc(rows, func(r relayRow) bool {
		return strings.HasPrefix(r.name, ". ") && r.after == 0 // the 250 is there before the end
	}))
	playRelay(t, []relayRow{
		{name: "dot breaks off", rules: []smtptest.Rule{{On: ".", Reply: smtptest.NoReply, Then: smtptest.Reset}}, reply: relayFails + "*"},
		{name: "dot closes", rules: []smtptest.Rule{{On: ".", Reply: smtptest.NoReply, Then: smtptest.Drop}}, reply: relayFails + "EOF"},
	})
}

func hasUser(s *smtptest.Server) { s.Users = map[string]string{"ann": "secret"} }

func answersChallenges(r *smtptest.Relay, _ *smtptest.Server) {
	r.Auth = smtp.CRAMMD5Auth("ann", "secret")
}

// wantsChallenge is a mechanism that takes this challenge only.
type wantsChallenge string

func (wantsChallenge) Start(*smtp.ServerInfo) (string, []byte, error) { return "CRAM-MD5", nil, nil }

func (w wantsChallenge) Next(challenge []byte, more bool) ([]byte, error) {
	if more && string(challenge) != string(w) {
		return nil, fmt.Errorf("a challenge of %d octets", len(challenge))
	}
	return []byte("ann 0"), nil
}

func playRelay(t *testing.T, rows []relayRow) {
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) { synctest.Test(t, r.play) })
	}
}

func (r relayRow) play(t *testing.T) {
	upstream := smtptest.NewUnstartedServer(t)
	if r.upstream != nil {
		r.upstream(upstream)
	}
	for i := range r.rules {
		r.rules[i].Optional = true // some of them come later than the failure
	}
	upstream.Script(r.rules...)
	upstream.StartInMemory()
	srv := smtptest.NewUnstartedServer(t)
	relay := &smtptest.Relay{Addr: upstream.Addr, Dial: upstream.DialContext, NoPeer: true}
	srv.Handler = relay
	if r.change != nil {
		r.change(relay, srv)
	}
	srv.StartInMemory()
	if r.data == "" {
		r.data = "x\r\n"
	}
	if r.say == nil {
		r.say = play.Talk(play.SayMail, play.SayRcpt)
	}
	began := time.Now()
	reply := r.send(t, play.Dial(t, srv))
	if want, some := strings.CutSuffix(r.reply, "*"); !some && reply != want || !strings.HasPrefix(reply, want) {
		t.Errorf("%s\nafter %v the reply is %q, want %q", r.why, time.Since(began), reply, r.reply)
	}
	r.check(t, srv, upstream)
}

// send talks to the relay, and returns its reply to the dot.
func (r relayRow) send(t *testing.T, c net.Conn) string {
	l := play.Listen(c)
	defer l.Close()
	for _, turn := range play.StepsOf(play.Talk("C: EHLO client.test", play.Silence, r.say, play.SayData)) {
		l.Say(turn)
		if got := l.Heard(); turn.Expect != "" && !strings.HasSuffix(got, turn.Expect) {
			t.Fatalf("%q: reply %q, want %q", turn.Send, got, turn.Expect)
		}
	}
	l.Say(play.Step{Send: smtptest.Message{Data: r.data}.Wire() + ".\r\n"})
	if r.after > 0 {
		time.Sleep(r.after - time.Nanosecond)
		synctest.Wait()
		if got := l.Heard(); got != "" {
			t.Errorf("before %v: reply %q", r.after, got)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
	}
	return strings.TrimSuffix(l.Heard(), "\r\n")
}

// checkLeave looks for QUIT wherever the upstream has answered and stays: a
// client leaves with it, refused or not (RFC 5321 4.1.1.10).
func (r relayRow) checkLeave(t *testing.T, upstream *smtptest.Server) {
	t.Helper()
	failure, failed := strings.CutPrefix(r.reply, relayFails)
	answer, answered := strings.CutPrefix(failure, "it answers ")
	refused := answered && (answer[0] == '4' || answer[0] == '5') && answer[:3] != "421"
	for _, se := range upstream.Sessions() {
		if last := se.Exchanges[len(se.Exchanges)-1].Command; (last == "QUIT") != (!failed || refused) {
			t.Errorf("%s\nthe Relay's last command is %q", r.why, last)
		}
	}
}

// check compares what was recorded on both sides.
func (r relayRow) check(t *testing.T, srv, upstream *smtptest.Server) {
	t.Helper()
	tr := srv.WaitSession(func(smtptest.Session) bool { return true }).Transactions[0]
	accepted := strings.HasPrefix(r.reply, "250")
	if outcome := map[bool]string{true: smtptest.OutcomeAccepted, false: smtptest.OutcomeRefused}[accepted]; tr.Outcome != outcome || tr.Data != r.data && r.reply[:3] != "552" {
		t.Errorf("%s\nOutcome = %q, want %q; Data = %q", r.why, tr.Outcome, outcome, tr.Data)
	}
	if n := srv.Count(); n != len(srv.Wait(0)) || (n == 1) != accepted {
		t.Errorf("%s\nCount() = %d", r.why, n)
	}
	var finals []smtptest.Reply
	for _, rcpt := range tr.Recipients {
		finals = append(finals, rcpt.FinalReply)
	}
	if diff := cmp.Diff(r.finals, finals); r.finals != nil && diff != "" {
		t.Errorf("%s\nRecipient.FinalReply (-want +got):\n%s", r.why, diff)
	}
	r.checkLeave(t, upstream)
	if r.took == nil {
		if n := upstream.Count(); n != 0 {
			t.Errorf("%s\n%d messages upstream", r.why, n)
		}
		return
	}
	m := upstream.Wait(1)[0]
	if r.got == "" {
		r.got = r.data
	}
	want := smtptest.Message{From: tr.From, To: r.took, MailOptions: r.options, Data: r.got}
	got := smtptest.Message{From: m.From, To: m.To, MailOptions: m.MailOptions, Data: m.Data}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s\nupstream (-want +got):\n%s", r.why, diff)
	}
}
