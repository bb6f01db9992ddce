package smtptest_test

import (
	"context"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

func handler(f func(ctx context.Context, m smtptest.Message) smtptest.Reply) func(*smtptest.Server) {
	return func(srv *smtptest.Server) { srv.Handler = smtptest.HandlerFunc(f) }
}

func answering(reply smtptest.Reply) func(*smtptest.Server) {
	return handler(func(context.Context, smtptest.Message) smtptest.Reply { return reply })
}

func TestConformanceHandler(t *testing.T) {
	with := func(reply smtptest.Reply) []smtptest.Message {
		return []smtptest.Message{message(func(m *smtptest.Message) { m.Reply = reply })}
	}
	seen := func(ctx context.Context, m smtptest.Message) smtptest.Reply {
		return smtptest.Reply("250 2.6.0 " + m.From + " " + strings.Join(m.To, ",") + " " + strings.TrimSpace(m.Data))
	}
	run(t, []row{
		{name: "nothing", why: "smtpd: None is 250 OK", in: inData, setup: answering(""), talk: sayText, want: []smtptest.Message{message()}},
		{name: "other success", why: "4.2.1", in: inData, setup: answering("250 2.6.0 queued as 1"), want: with("250 2.6.0 queued as 1"),
			talk: talk("C: text", "C: .", "S: 250 2.6.0 queued as 1", sayQuit), fates: []string{accepted}},
		{name: "several lines", why: "4.2.1", in: inData, setup: answering("250-2.6.0 a\n250 2.6.0 b"), want: with("250-2.6.0 a\n250 2.6.0 b"),
			talk: talk("C: text", "C: .", "S: 250-2.6.0 a", "S: 250 2.6.0 b", sayQuit)},
		{name: "refusal", why: "sharp edge: kept apart from the messages", in: inData, setup: answering("554 5.7.1 no"),
			talk: talk("C: text", "C: .", "S: 554 5.7.1 no", "C: DATA", "S: "+needRcpt, sayQuit), fates: []string{smtptest.OutcomeRefused}},
		{name: "refusal for now", why: "4.2.1", in: inData, setup: answering("451 4.3.0 later"),
			talk: talk("C: text", "C: .", "S: 451 4.3.0 later", sayQuit), fates: []string{smtptest.OutcomeRefused}},
		{name: "421", why: "3.8: closes after it", in: inData, setup: answering("421 4.3.2 bye"), end: smtptest.EndReply,
			talk: talk("C: text", "C: .", "S: 421 4.3.2 bye", closed), fates: []string{smtptest.OutcomeRefused}},
		{name: "sees the message", why: "smtpd: process_message", in: inData, setup: handler(seen), want: with("250 2.6.0 a@client.test b@server.test text"),
			talk: talk("C: text", "C: .", "S: 250 2.6.0 a@client.test b@server.test text", sayQuit)},
		{name: "not for what is too big", why: "RFC 1870 6.2", in: greeted, setup: func(srv *smtptest.Server) {
			srv.SizeLimit, srv.Extensions = 4, nil
			handler(func(context.Context, smtptest.Message) smtptest.Reply { panic("called") })(srv)
		}, talk: talk("C: EHLO client.test", "S: 250 localhost", "C: MAIL FROM:<a@client.test>", "S: 250 OK", "C: RCPT TO:<b@server.test>", "S: 250 OK",
			sayData, "C: texts", "C: .", "S: 552 Error: Too much mail data")},
	})
}

// TestRefusedMessage holds that what was refused is kept whole in the session.
func TestRefusedMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewUnstartedServer(t)
		answering("554 5.7.1 no")(srv)
		srv.Script(smtptest.Rule{On: "RCPT TO:<gone@server.test>", Reply: "550 5.1.1 gone"})
		srv.StartInMemory()
		c := arrive(t, srv, ehlo)
		err := converse(c, turnsOf(talk("C: MAIL FROM:<a@client.test> SIZE=10", "S: "+mailOK, "C: RCPT TO:<gone@server.test>", "S: 550 5.1.1 gone", sayRcpt,
			sayData, "C: ..text", "C: .", "S: 554 5.7.1 no", sayMail, sayRcpt, sayData, "C: half")))
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		c.Close()
		s := srv.WaitSession(func(smtptest.Session) bool { return true })
		want := []smtptest.Transaction{{
			From: "a@client.test", MailOptions: []string{"SIZE=10"},
			Recipients: []smtptest.Recipient{{To: "gone@server.test", Reply: "550 5.1.1 gone"}, {To: "b@server.test", Reply: rcptOK, Accepted: true}},
			Data:       ".text\r\n", Octets: len("..text\r\n"), Reply: "554 5.7.1 no", Outcome: smtptest.OutcomeRefused,
		}, {
			From: "a@client.test", Recipients: []smtptest.Recipient{{To: "b@server.test", Reply: rcptOK, Accepted: true}},
			Data: "half\r\n", Octets: len("half\r\n"), Outcome: smtptest.OutcomeAborted,
		}}
		if diff := cmp.Diff(want, s.Transactions); diff != "" {
			t.Errorf("Transactions (-want +got):\n%s", diff)
		}
		if srv.Count() != 0 {
			t.Errorf("Count() = %d", srv.Count())
		}
	})
}

// TestHandlerFailures is about test code that fails on the server's goroutine:
// the test fails, the client hears 451, and the server lives.
func TestHandlerFailures(t *testing.T) {
	for _, f := range []struct {
		name, want string
		handle     func() smtptest.Reply
		reply      string
	}{
		{"panic", "session 1: Handler panicked: boom", func() smtptest.Reply { panic("boom") }, "451 4.3.0 Error: the test's own code failed\r\n"},
		{"bad reply", "session 1: Handler returned the reply", func() smtptest.Reply { return "hello" }, "451 4.3.0 Error: the test's own code failed\r\n"},
		{"line break", "session 1: Handler returned the reply", func() smtptest.Reply { return "250 a\r\nb" }, "451 4.3.0 Error: the test's own code failed\r\n"},
		{"goexit", "session 1: Handler left its goroutine", func() smtptest.Reply { runtime.Goexit(); return "" }, ""},
	} {
		t.Run(f.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tb := &fakeTB{}
				srv := smtptest.NewUnstartedServer(tb)
				failed := false
				handler(func(context.Context, smtptest.Message) smtptest.Reply {
					if failed {
						return ""
					}
					failed = true
					return f.handle()
				})(srv)
				srv.StartInMemory()
				c := listenTo(arrive(t, srv, inData))
				c.say(turn{send: "text\r\n.\r\n"})
				if got := c.heard(); got != f.reply || c.ended() != (f.reply == "") {
					t.Errorf("the client heard %q, want %q", got, f.reply)
				}
				if got := tb.errors(); !strings.Contains(got, f.want) {
					t.Errorf("failure %q, want %q", got, f.want)
				}
				if err := deliver(srv, "a@client.test", "text"); err != nil || srv.Count() != 1 {
					t.Errorf("the next message: %v, Count() = %d", err, srv.Count())
				}
				tb.end()
			})
		})
	}
}

// TestHandlerContext ends with the connection, and with the server.
func TestHandlerContext(t *testing.T) {
	for name, end := range map[string]func(*smtptest.Server, net.Conn){
		"close":           func(srv *smtptest.Server, c net.Conn) { srv.Close() },
		"client leaves":   func(srv *smtptest.Server, c net.Conn) { c.Close() },
		"client hangs up": func(srv *smtptest.Server, c net.Conn) { srv.CloseClientConnections() },
	} {
		t.Run(name, func(t *testing.T) {
			networks(t, func(t *testing.T, start func(*smtptest.Server)) {
				srv := smtptest.NewUnstartedServer(t)
				called := make(chan struct{})
				handler(func(ctx context.Context, m smtptest.Message) smtptest.Reply {
					close(called)
					<-ctx.Done()
					return "451 4.3.0 too late"
				})(srv)
				start(srv)
				c := arrive(t, srv, inData)
				io.WriteString(c, "text\r\n.\r\n")
				<-called
				end(srv, c)
				s := srv.WaitSession(func(smtptest.Session) bool { return true })
				if len(s.Transactions) != 1 || s.Transactions[0].Data != "text\r\n" || srv.Count() != 0 {
					t.Errorf("%+v, Count() = %d", s.Transactions, srv.Count())
				}
			})
		})
	}
}

// TestClientReset is the client that breaks its connection.
func TestClientReset(t *testing.T) {
	srv := smtptest.NewServer(t)
	for _, s := range []state{greeted, rcptGiven, inData} {
		c := arrive(t, srv, s)
		c.(*net.TCPConn).SetLinger(0)
		c.Close()
	}
	for id := 1; id <= 3; id++ {
		s := srv.WaitSession(func(s smtptest.Session) bool { return s.ID == id })
		if s.End != smtptest.EndReset {
			t.Errorf("session %d: End = %q", id, s.End)
		}
	}
	if err := deliver(srv, "a@client.test", "text"); err != nil || srv.Count() != 1 {
		t.Errorf("the next client: %v, Count() = %d", err, srv.Count())
	}
}

// TestOrder is the order of acceptance, not that of connecting or of MAIL.
func TestOrder(t *testing.T) {
	networks(t, func(t *testing.T, start func(*smtptest.Server)) {
		srv := smtptest.NewUnstartedServer(t)
		start(srv)
		first, second := arrive(t, srv, inData), arrive(t, srv, inData)
		for _, c := range []net.Conn{second, first} {
			if err := converse(c, turnsOf(sayText)); err != nil {
				t.Fatal(err)
			}
		}
		if m := srv.Messages(); len(m) != 2 || m[0].Session != 2 || m[1].Session != 1 || m[1].Time.Before(m[0].Time) {
			t.Errorf("Messages() = %v", m)
		}
	})
}

// TestTimes: a bubble's clock shows in what is recorded.
func TestTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewInMemoryServer(t)
		srv.Script(smtptest.Rule{On: "DATA", Delay: 10 * time.Second})
		began := time.Now()
		if err := deliver(srv, "a@client.test", "text"); err != nil {
			t.Fatal(err)
		}
		s := srv.WaitSession(func(smtptest.Session) bool { return true })
		if m := srv.Wait(1)[0]; !s.Start.Equal(began) || s.Duration != 10*time.Second || !m.Time.Equal(began.Add(10*time.Second)) {
			t.Errorf("Start %v, Duration %v, Time %v", s.Start, s.Duration, m.Time)
		}
	})
}
