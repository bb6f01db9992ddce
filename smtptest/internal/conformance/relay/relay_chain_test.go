package relay_test

import (
	"context"
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

// TestRelayChunks relays what came by BDAT: DATA needs a line end behind it, and
// cannot carry binary content.
func TestRelayChunks(t *testing.T) {
	for _, c := range []struct{ name, mail, chunk, reply, got string }{
		{"line end", "", "text\r\n", "250 2.0.0 OK", "text\r\nX-Peer: 127.0.0.1\r\n"},
		{"no line end", "", "a: b\r\n\r\ntext", "250 2.0.0 OK", "a: b\r\nX-Peer: 127.0.0.1\r\n\r\ntext\r\n"},
		{"no line end, no body", "", "a: b", "250 2.0.0 OK", "a: b\r\nX-Peer: 127.0.0.1\r\n"},
		{"dot", "", ".\r\n", "250 2.0.0 OK", ".\r\nX-Peer: 127.0.0.1\r\n"},
		{"nothing", "", "", "250 2.0.0 OK", "X-Peer: 127.0.0.1\r\n"},
		{"binary", " BODY=BINARYMIME", "\x00\xff", "554 5.6.3 Error: a Relay takes no binary content", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				upstream := smtptest.NewInMemoryServer(t)
				srv := smtptest.NewUnstartedServer(t)
				srv.Handler = &smtptest.Relay{Addr: upstream.Addr, Dial: upstream.DialContext}
				srv.Extensions = []string{"8BITMIME", "CHUNKING", "BINARYMIME", "ENHANCEDSTATUSCODES"}
				srv.StartInMemory()
				client := play.Listen(play.Dial(t, srv))
				client.Say(play.Step{Send: "EHLO client.test\r\nMAIL FROM:<a@client.test>" + c.mail + "\r\nRCPT TO:<b@server.test>\r\n"})
				client.Heard()
				client.Say(play.Step{Send: fmt.Sprintf("BDAT %d LAST\r\n%s", len(c.chunk), c.chunk)})
				if diff := cmp.Diff(c.reply+"\r\n", client.Heard()); diff != "" {
					t.Errorf("reply (-want +got):\n%s", diff)
				}
				got := ""
				if m := upstream.Messages(); len(m) == 1 {
					got = m[0].Data
				}
				if diff := cmp.Diff(c.got, got); diff != "" {
					t.Errorf("data upstream (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestRelayChain sends contents of every kind through two relays, client, fake,
// fake, fake: each has the same octets.
func TestRelayChain(t *testing.T) {
	long := strings.Repeat("x", 5000)
	for name, data := range map[string]string{
		"empty":             "",
		"empty line":        "\r\n",
		"header and text":   "Subject: x\r\n\r\ntext\r\n",
		"dots":              ".\r\n..\r\n...x\r\na\r\n.\r\n",
		"bare lf":           "a\nb\n.\nc\n\nd\r\n",
		"bare cr":           "a\rb\r.\rc\r\n",
		"looks like an end": "a\n.\r\nb\r\n.\nc\r.\r\nd\r\n",
		"cr cr lf":          "a\r\r\n.\r\r\n",
		"nul":               "a\x00b\r\n",
		"8 bit":             "gr\xfc\xdfe\r\n",
		"utf-8":             "grüße\r\n",
		"line of 998":       long[:998] + "\r\n",
		"line of 5000":      long + "\r\n" + long + "\r\n",
		"megabyte":          strings.Repeat(long+"\r\n", 200),
		"looks like lines":  "RSET\r\nQUIT\r\nDATA\r\n",
		"blanks at the end": "a \t \r\n \r\n",
		"percent":           "%s%d\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			play.Networks(t, func(t *testing.T, start func(*smtptest.Server)) {
				chain := make([]*smtptest.Server, 3)
				for i := range slices.Backward(chain) {
					chain[i] = smtptest.NewUnstartedServer(t)
					if i < 2 {
						chain[i].Handler = &smtptest.Relay{Addr: chain[i+1].Addr, Dial: chain[i+1].DialContext, NoPeer: true}
					}
					start(chain[i])
				}
				c := play.Arrive(t, chain[0], play.InData)
				end := play.Step{Send: smtptest.Message{Data: data}.Wire() + ".\r\n", Expect: play.OK + "\r\n"}
				if err := play.Converse(c, []play.Step{end}); err != nil {
					t.Fatal(err)
				}
				for i, srv := range chain {
					if diff := cmp.Diff(data, srv.Wait(1)[0].Data); diff != "" {
						t.Errorf("server %d: Data mismatch (-want +got):\n%s", i, diff)
					}
				}
			})
		})
	}
}

// TestRelaySecure relays by STARTTLS and AUTH, over TCP.
func TestRelaySecure(t *testing.T) {
	for _, c := range []struct {
		name, want string // want is in the error that the client gets; "": none
		change     func(*smtptest.Relay, *smtptest.Server)
	}{
		{name: "starttls and auth"},
		{name: "no auth", want: "530 5.7.0", change: func(r *smtptest.Relay, _ *smtptest.Server) { r.Auth = nil }},
		{name: "wrong password", want: `451 4.4.1 Error: the upstream server fails: it answers 535 5.7.8`, change: func(r *smtptest.Relay, _ *smtptest.Server) {
			r.Auth = smtp.PlainAuth("", "ann", "guess", "127.0.0.1")
		}},
		{name: "certificate not trusted", want: "451 4.4.1 Error: the upstream server fails: tls: ", change: func(r *smtptest.Relay, _ *smtptest.Server) {
			r.TLS = &tls.Config{ServerName: "127.0.0.1"}
		}},
		{name: "in clear", want: "451 4.4.1 Error: the upstream server fails: unencrypted connection", change: func(r *smtptest.Relay, u *smtptest.Server) {
			r.TLS, r.Addr, r.Auth = nil, "192.0.2.1:25", smtp.PlainAuth("", "ann", "secret", "192.0.2.1")
			r.Dial = u.DialContext
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			upstream := smtptest.NewUnstartedServer(t)
			upstream.TLS, upstream.Users, upstream.RequireAuth = &tls.Config{}, map[string]string{"ann": "secret"}, true
			upstream.Start()
			relay := &smtptest.Relay{Addr: upstream.Addr, TLS: upstream.ClientTLSConfig(), Auth: smtp.PlainAuth("", "ann", "secret", "127.0.0.1")}
			if c.change != nil {
				c.change(relay, upstream)
			}
			srv := smtptest.NewUnstartedServer(t)
			srv.Handler = relay
			srv.Start()
			err := play.Deliver(srv, "a@client.test", "text")
			if c.want != "" {
				if got := firstReply(srv); err == nil || !strings.HasPrefix(got, c.want) || upstream.Count()+srv.Count() != 0 {
					t.Errorf("reply %q, want %q; deliver() = %v", got, c.want, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if m := upstream.Wait(1)[0]; !m.TLS || m.User != "ann" {
				t.Errorf("TLS = %t, User = %q", m.TLS, m.User)
			}
			srv.Wait(1)
		})
	}
}

// firstReply is the answer to the first message, once its session has ended.
func firstReply(srv *smtptest.Server) string {
	return string(srv.WaitSession(func(smtptest.Session) bool { return true }).Transactions[0].Reply)
}

// TestRelayRequireTLS refuses what must not go on to an upstream that does not
// offer REQUIRETLS (RFC 8689 4.2.1).
func TestRelayRequireTLS(t *testing.T) {
	for _, offered := range []bool{true, false} {
		t.Run(fmt.Sprint(offered), func(t *testing.T) {
			upstream, srv := smtptest.NewUnstartedServer(t), smtptest.NewUnstartedServer(t)
			reply := play.OK
			if offered {
				upstreamOffers("REQUIRETLS", "ENHANCEDSTATUSCODES")(upstream)
			} else {
				reply = "550 5.7.30 Error: the upstream server does not offer REQUIRETLS"
			}
			upstream.TLS, srv.Extensions = &tls.Config{}, append(srv.Extensions, "REQUIRETLS")
			upstream.Start()
			srv.Handler = &smtptest.Relay{Addr: upstream.Addr, TLS: upstream.ClientTLSConfig()}
			srv.StartTLS()
			c := tls.Client(play.Dial(t, srv), srv.ClientTLSConfig())
			err := play.Converse(c, play.StepsOf(play.Talk("S: "+play.Greeting, play.SayEHLO[:6], "S: 250-ENHANCEDSTATUSCODES", "S: 250-HELP", "S: 250 REQUIRETLS",
				mailWith("REQUIRETLS"), play.SayData, "C: text", "C: .", "S: "+reply, play.SayQuit)))
			if err != nil {
				t.Fatal(err)
			}
			if m := upstream.Messages(); offered != (len(m) == 1 && m[0].MailOptions[0] == "REQUIRETLS") {
				t.Errorf("upstream: %v", m)
			}
		})
	}
}

// TestRelayUnreachable answers 451 while nobody listens upstream, and delivers
// when the client tries again.
func TestRelayUnreachable(t *testing.T) {
	play.Networks(t, func(t *testing.T, start func(*smtptest.Server)) {
		upstream := smtptest.NewUnstartedServer(t)
		start(upstream)
		srv := smtptest.NewUnstartedServer(t)
		srv.Handler = &smtptest.Relay{Addr: upstream.Addr, Dial: upstream.DialContext}
		start(srv)
		upstream.Stop()
		err := play.Deliver(srv, "a@client.test", "text")
		if got := firstReply(srv); err == nil || !strings.HasPrefix(got, relayFails+"dial tcp") {
			t.Errorf("reply %q, want 451; deliver() = %v", got, err)
		}
		upstream.Restart()
		if err := play.Deliver(srv, "a@client.test", "text"); err != nil {
			t.Error(err)
		}
		if n := len(upstream.Wait(1)) + len(srv.Wait(1)); n != 2 {
			t.Errorf("%d messages on the two servers, want 2", n)
		}
	})
}

// TestRelayAddress: a Relay connects to its Addr, whatever the recipients are,
// and over TCP without Dial.
func TestRelayAddress(t *testing.T) {
	upstream := smtptest.NewServer(t)
	var dialed []string
	for _, dial := range []func(context.Context, string, string) (net.Conn, error){nil, func(ctx context.Context, network, addr string) (net.Conn, error) {
		dialed = append(dialed, network+" "+addr)
		return upstream.DialContext(ctx, network, addr)
	}} {
		srv := smtptest.NewUnstartedServer(t)
		srv.Handler = &smtptest.Relay{Addr: upstream.Addr, Dial: dial}
		srv.Start()
		c := play.Arrive(t, srv, play.EHLO)
		err := play.Converse(c, play.StepsOf(play.Talk(play.SayMail, rcptTo("b@one.test", "c@[192.0.2.1]", "@relay.test:d@two.test"), play.SayData, play.SayText, play.SayQuit)))
		if err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"tcp " + upstream.Addr}, dialed); diff != "" {
		t.Errorf("dialed (-want +got):\n%s", diff)
	}
	want := []string{"b@one.test", "c@[192.0.2.1]", "d@two.test"}
	for _, m := range upstream.Wait(2) {
		if diff := cmp.Diff(want, m.To); diff != "" {
			t.Errorf("To mismatch (-want +got):\n%s", diff)
		}
	}
}

// TestRelayClientLeaves ends the delivery with the connection of the client that
// waits for it, and with the server.
func TestRelayClientLeaves(t *testing.T) {
	for name, end := range map[string]func(*smtptest.Server, net.Conn){
		"client leaves": func(_ *smtptest.Server, c net.Conn) { c.Close() },
		"close":         func(srv *smtptest.Server, _ net.Conn) { srv.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				upstream := smtptest.NewInMemoryServer(t)
				upstream.Script(smtptest.Rule{On: ".", Delay: smtptest.Forever})
				srv := smtptest.NewUnstartedServer(t)
				srv.Handler = &smtptest.Relay{Addr: upstream.Addr, Dial: upstream.DialContext}
				srv.StartInMemory()
				c := play.Listen(play.Arrive(t, srv, play.InData))
				c.Say(play.Step{Send: "text\r\n.\r\n"})
				began := time.Now()
				end(srv, c)
				s := srv.WaitSession(func(smtptest.Session) bool { return true })
				upstream.WaitSession(func(smtptest.Session) bool { return true })
				if time.Since(began) != 0 || s.Transactions[0].Data != "text\r\n" || srv.Count() != 0 {
					t.Errorf("after %v: %+v", time.Since(began), s.Transactions)
				}
			})
		})
	}
}
