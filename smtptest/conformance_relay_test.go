package smtptest_test

import (
	"crypto/tls"
	"net/smtp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// relayed is a server with a Relay in front of another.
func relayed(t *testing.T, upstream *smtptest.Server, change func(*smtptest.Relay, *smtptest.Server)) *smtptest.Server {
	srv := smtptest.NewUnstartedServer(t)
	relay := &smtptest.Relay{Addr: upstream.Addr, Dial: upstream.DialContext, NoPeer: true}
	srv.Handler = relay
	if change != nil {
		change(relay, srv)
	}
	srv.StartInMemory()
	return srv
}

// TestRelay hands messages on to a second fake, in every way that it can go.
func TestRelay(t *testing.T) {
	three := talk("C: RCPT TO:<b@server.test>", "S: "+rcptOK, "C: RCPT TO:<c@server.test>", "S: "+rcptOK, "C: RCPT TO:<d@server.test>", "S: "+rcptOK)
	const lost = "451 4.4.1 Error: the upstream server cannot be reached or breaks off"
	for _, c := range []struct {
		name   string
		rules  []smtptest.Rule // of the upstream
		lacks  string          // what the upstream does not offer
		mail   []string        // instead of sayMail
		rcpt   []string
		data   string
		change func(*smtptest.Relay, *smtptest.Server)
		reply  string
		took   []string // recipients that the upstream has taken
		got    string   // data there, if it differs
		finals []smtptest.Reply
		after  time.Duration
	}{
		{name: "octets unchanged", data: ".\r\n..x\r\na\rb\nc \r\n\r\n", reply: ok, took: []string{"b@server.test"}},
		{name: "empty", data: "", reply: ok, took: []string{"b@server.test"}},
		{name: "parameters", mail: []string{"C: MAIL FROM:<a@client.test> SIZE=9 BODY=8BITMIME", "S: " + mailOK}, data: "\xe9\r\n", reply: ok, took: []string{"b@server.test"}},
		{name: "x-peer", data: "Subject: x\r\n\r\ntext\r\n", reply: ok, took: []string{"b@server.test"},
			change: func(r *smtptest.Relay, _ *smtptest.Server) { r.NoPeer = false }, got: "Subject: x\r\nX-Peer: 127.0.0.1\r\n\r\ntext\r\n"},
		{name: "one refused", rcpt: three, rules: []smtptest.Rule{{On: "RCPT TO:<c@server.test>", Reply: "550 5.1.1 no such user"}}, data: "x\r\n",
			reply: "550 5.1.1 no such user: <c@server.test>", took: []string{"b@server.test", "d@server.test"},
			finals: []smtptest.Reply{"", "550 5.1.1 no such user", ""}},
		{name: "4yz before 5yz", rcpt: three, data: "x\r\n", took: []string{"d@server.test"}, reply: "450 4.2.1 later: <b@server.test>, <c@server.test>",
			rules: []smtptest.Rule{{On: "RCPT TO:<b@server.test>", Reply: "550 5.1.1 no"}, {On: "RCPT TO:<c@server.test>", Reply: "450 4.2.1 later"}}},
		{name: "all refused", rules: []smtptest.Rule{{On: "RCPT", Reply: "550 5.1.1 no such user"}}, data: "x\r\n", reply: "550 5.1.1 no such user"},
		{name: "mail refused", rules: []smtptest.Rule{{On: "MAIL", Reply: "451 4.3.0 later"}}, data: "x\r\n", reply: "451 4.3.0 later"},
		{name: "data refused", rules: []smtptest.Rule{{On: "DATA", Reply: "554 5.5.1 no"}}, data: "x\r\n", reply: "554 5.5.1 no"},
		{name: "content refused", rules: []smtptest.Rule{{On: ".", Reply: "554 5.7.1 spam"}}, data: "x\r\n", reply: "554 5.7.1 spam"},
		{name: "greeting refused", rules: []smtptest.Rule{{On: "CONNECT", Reply: "554 5.3.2 no"}}, data: "x\r\n", reply: lost},
		{name: "breaks off", rules: []smtptest.Rule{{On: "RCPT", Then: smtptest.Reset, Reply: smtptest.NoReply}}, data: "x\r\n", reply: lost},
		{name: "breaks off after the dot", rules: []smtptest.Rule{{On: ".", Reply: smtptest.NoReply, Then: smtptest.Drop}}, data: "x\r\n", reply: lost},
		{name: "hangs", rules: []smtptest.Rule{{On: ".", Delay: smtptest.Forever}}, data: "x\r\n", reply: lost, after: 30 * time.Second},
		{name: "garbage", rules: []smtptest.Rule{{On: "MAIL", Raw: "hello\r\n"}}, data: "x\r\n", reply: lost},
		{name: "no smtputf8", lacks: "SMTPUTF8", mail: []string{"C: MAIL FROM:<ü@client.test> SMTPUTF8", "S: " + mailOK}, data: "x\r\n", reply: "550 5.6.7 Error: the upstream server does not offer SMTPUTF8"},
		{name: "no smtputf8 needed", lacks: "SMTPUTF8", mail: []string{"C: MAIL FROM:<a@client.test> SMTPUTF8", "S: " + mailOK}, data: "x\r\n", reply: ok, took: []string{"b@server.test"}},
		{name: "no 8bitmime", lacks: "8BITMIME", mail: []string{"C: MAIL FROM:<a@client.test> BODY=8BITMIME", "S: " + mailOK}, data: "\xe9\r\n", reply: "554 5.6.3 Error: the upstream server does not offer 8BITMIME"},
		{name: "refused by the script", data: "x\r\n", reply: "550 5.7.1 no",
			change: func(_ *smtptest.Relay, s *smtptest.Server) {
				s.Script(smtptest.Rule{On: ".", Reply: "550 5.7.1 no"})
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				upstream := smtptest.NewUnstartedServer(t)
				upstream.Extensions = without(upstream.Extensions, c.lacks)
				upstream.Script(c.rules...)
				upstream.StartInMemory()
				srv := relayed(t, upstream, c.change)
				mail, rcpt := sayMail, sayRcpt
				if c.mail != nil {
					mail = c.mail
				}
				if c.rcpt != nil {
					rcpt = c.rcpt
				}
				client := dial(t, srv)
				client.SetDeadline(time.Time{})
				began := time.Now()
				wire := smtptest.Message{Data: c.data}.Wire()
				l := listenTo(client)
				for _, turn := range turnsOf(talk("S: "+greeting, sayEhlo, mail, rcpt, sayData)) {
					l.say(turn)
				}
				l.heard()
				l.say(turn{send: wire + ".\r\n"})
				time.Sleep(c.after)
				synctest.Wait()
				if diff := cmp.Diff(c.reply+"\r\n", l.heard()); diff != "" {
					t.Errorf("reply after %v (-want +got):\n%s", time.Since(began), diff)
				}
				client.Close()
				checkRelayed(t, srv, upstream, c.took, c.data, c.got)
				if c.finals != nil {
					var finals []smtptest.Reply
					for _, r := range srv.WaitSession(func(smtptest.Session) bool { return true }).Transactions[0].Recipients {
						if r.Final.Code()/100 == 2 {
							r.Final = ""
						}
						finals = append(finals, r.Final)
					}
					if diff := cmp.Diff(c.finals, finals); diff != "" {
						t.Errorf("Recipient.Final (-want +got):\n%s", diff)
					}
				}
			})
		})
	}
}

// checkRelayed compares what the upstream has taken with what the client sent.
func checkRelayed(t *testing.T, srv, upstream *smtptest.Server, took []string, data, instead string) {
	t.Helper()
	if instead != "" {
		data = instead
	}
	if took == nil {
		if n := upstream.Count(); n != 0 {
			t.Errorf("%d messages upstream", n)
		}
		return
	}
	m := upstream.Wait(1)[0]
	if diff := cmp.Diff(took, m.To); diff != "" {
		t.Errorf("recipients upstream (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(data, m.Data); diff != "" {
		t.Errorf("data upstream (-want +got):\n%s", diff)
	}
	sent := srv.Sessions()[0].Transactions[0]
	if diff := cmp.Diff(sent.MailOptions, m.MailOptions); diff != "" && !strings.Contains(diff, "SMTPUTF8") {
		t.Errorf("parameters upstream (-sent +got):\n%s", diff)
	}
}

// TestRelaySecure relays by STARTTLS and AUTH, over TCP.
func TestRelaySecure(t *testing.T) {
	upstream := smtptest.NewUnstartedServer(t)
	upstream.TLS, upstream.Users, upstream.RequireAuth = &tls.Config{}, map[string]string{"ann": "secret"}, true
	upstream.Start()
	srv := smtptest.NewUnstartedServer(t)
	srv.Handler = &smtptest.Relay{Addr: upstream.Addr, TLS: upstream.ClientTLSConfig(), Auth: smtp.PlainAuth("", "ann", "secret", "127.0.0.1")}
	srv.Start()
	if err := deliver(srv, "a@client.test", "text"); err != nil {
		t.Fatal(err)
	}
	if m := upstream.Wait(1)[0]; !m.TLS || m.User != "ann" {
		t.Errorf("TLS = %t, User = %q", m.TLS, m.User)
	}
	srv.Wait(1)
}

// TestRelayUnreachable answers 451 while nobody listens upstream, and delivers
// when the client tries again.
func TestRelayUnreachable(t *testing.T) {
	upstream := smtptest.NewServer(t)
	srv := smtptest.NewUnstartedServer(t)
	srv.Handler = &smtptest.Relay{Addr: upstream.Addr}
	srv.Start()
	upstream.Stop()
	if err := deliver(srv, "a@client.test", "text"); err == nil || !strings.Contains(err.Error(), "451") {
		t.Errorf("deliver() = %v, want 451", err)
	}
	upstream.Restart()
	if err := deliver(srv, "a@client.test", "text"); err != nil {
		t.Error(err)
	}
	upstream.Wait(1)
}
