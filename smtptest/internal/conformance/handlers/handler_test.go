package handlers_test

import (
	"context"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

func TestConformanceHandler(t *testing.T) {
	with := func(reply smtptest.Reply) []smtptest.Message {
		return []smtptest.Message{play.Message(func(m *smtptest.Message) { m.Reply = reply })}
	}
	seen := func(ctx context.Context, m smtptest.Message) smtptest.Reply {
		return smtptest.Reply("250 2.6.0 " + m.From + " " + strings.Join(m.To, ",") + " " + strings.TrimSpace(m.Data))
	}
	play.Run(t, []play.Case{
		{Name: "nothing", Why: "smtpd: None is 250 OK", In: play.InData, Setup: play.WithHandlerReply(""), Talk: play.SayText, Want: []smtptest.Message{play.Message()}},
		{Name: "other success", Why: "4.2.1", In: play.InData, Setup: play.WithHandlerReply("250 2.6.0 queued as 1"), Want: with("250 2.6.0 queued as 1"),
			Talk: play.Talk("C: text", "C: .", "S: 250 2.6.0 queued as 1", play.SayQuit), Outcomes: []string{play.Accepted}},
		{Name: "several lines", Why: "4.2.1", In: play.InData, Setup: play.WithHandlerReply("250-2.6.0 a\n250 2.6.0 b"), Want: with("250-2.6.0 a\n250 2.6.0 b"),
			Talk: play.Talk("C: text", "C: .", "S: 250-2.6.0 a", "S: 250 2.6.0 b", play.SayQuit)},
		{Name: "refusal", Why: "trap: kept apart from the messages", In: play.InData, Setup: play.WithHandlerReply("554 5.7.1 no"),
			Talk: play.Talk("C: text", "C: .", "S: 554 5.7.1 no", "C: DATA", "S: "+play.NeedRcpt, play.SayQuit), Outcomes: []string{smtptest.OutcomeRefused}},
		{Name: "refusal for now", Why: "4.2.1", In: play.InData, Setup: play.WithHandlerReply("451 4.3.0 later"),
			Talk: play.Talk("C: text", "C: .", "S: 451 4.3.0 later", play.SayQuit), Outcomes: []string{smtptest.OutcomeRefused}},
		{Name: "no reply", Why: "the client waits, and nothing is accepted", In: play.InData, Setup: play.WithHandlerReply(smtptest.NoReply), Separate: true,
			Talk: play.Talk("C: text", "C: .", play.Silence, "C: DATA", "S: "+play.NeedRcpt, play.SayQuit), Outcomes: []string{smtptest.OutcomeRefused}},
		{Name: "not for what the script refuses", Why: "a rule comes first", In: play.InData, Setup: func(srv *smtptest.Server) {
			srv.Script(smtptest.Rule{On: ".", Reply: "451 4.3.0 later"})
			play.WithHandler(func(context.Context, smtptest.Message) smtptest.Reply { panic("called") })(srv)
		}, Talk: play.Talk("C: text", "C: .", "S: 451 4.3.0 later", play.SayQuit), Outcomes: []string{smtptest.OutcomeRefused}},
		{Name: "421", Why: "3.8: closes after it", In: play.InData, Setup: play.WithHandlerReply("421 4.3.2 bye"), End: smtptest.EndReply,
			Talk: play.Talk("C: text", "C: .", "S: 421 4.3.2 bye", play.Closed), Outcomes: []string{smtptest.OutcomeRefused}},
		{Name: "sees the message", Why: "smtpd: process_message", In: play.InData, Setup: play.WithHandler(seen), Want: with("250 2.6.0 a@client.test b@server.test text"),
			Talk: play.Talk("C: text", "C: .", "S: 250 2.6.0 a@client.test b@server.test text", play.SayQuit)},
		{Name: "not for what is too big", Why: "RFC 1870 4", In: play.Greeted, Setup: func(srv *smtptest.Server) {
			srv.SizeLimit, srv.Extensions = 4, nil
			play.WithHandler(func(context.Context, smtptest.Message) smtptest.Reply { panic("called") })(srv)
		}, Talk: play.Talk("C: EHLO client.test", "S: 250 localhost", "C: MAIL FROM:<a@client.test>", "S: 250 OK", "C: RCPT TO:<b@server.test>", "S: 250 OK",
			play.SayData, "C: texts", "C: .", "S: 552 Error: Too much mail data")},
	})
}

// TestRefusedMessage holds that what was refused is kept whole in the session.
func TestRefusedMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewUnstartedServer(t)
		play.WithHandlerReply("554 5.7.1 no")(srv)
		srv.Script(smtptest.Rule{On: "RCPT TO:<gone@server.test>", Reply: "550 5.1.1 gone"})
		srv.StartInMemory()
		c := play.Arrive(t, srv, play.EHLO)
		err := play.Converse(c, play.StepsOf(play.Talk("C: MAIL FROM:<a@client.test> SIZE=10", "S: "+play.MailOK, "C: RCPT TO:<gone@server.test>", "S: 550 5.1.1 gone", play.SayRcpt,
			play.SayData, "C: ..text", "C: .", "S: 554 5.7.1 no", play.SayMail, play.SayRcpt, play.SayData, "C: half")))
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		c.Close()
		s := srv.WaitSession(func(smtptest.Session) bool { return true })
		want := []smtptest.Transaction{{
			From: "a@client.test", MailOptions: []string{"SIZE=10"},
			Recipients: []smtptest.Recipient{{To: "gone@server.test", Reply: "550 5.1.1 gone"}, {To: "b@server.test", Reply: play.RcptOK, Accepted: true}},
			Data:       ".text\r\n", Octets: len("..text\r\n"), Reply: "554 5.7.1 no", Outcome: smtptest.OutcomeRefused,
		}, {
			From: "a@client.test", Recipients: []smtptest.Recipient{{To: "b@server.test", Reply: play.RcptOK, Accepted: true}},
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
		{"panic", "session 1: Handler panicked: boom, at handler_test.go:", func() smtptest.Reply { panic("boom") }, "451 4.3.0 Error: the test's own code failed\r\n"},
		{"panic in a library", "session 1: Handler panicked: strings: negative Repeat count, at handler_test.go:", func() smtptest.Reply { return smtptest.Reply(strings.Repeat("x", -1)) }, "451 4.3.0 Error: the test's own code failed\r\n"},
		{"runtime error", "session 1: Handler panicked: runtime error: index out of range [0] with length 0, at handler_test.go:", func() smtptest.Reply { return []smtptest.Reply{}[len(os.Args[:0])] }, "451 4.3.0 Error: the test's own code failed\r\n"},
		{"bad reply", "session 1: Handler returned the reply", func() smtptest.Reply { return "hello" }, "451 4.3.0 Error: the test's own code failed\r\n"},
		{"intermediate reply", "session 1: Handler returned the reply \"354 more\"", func() smtptest.Reply { return "354 more" }, "451 4.3.0 Error: the test's own code failed\r\n"},
		{"line break", "session 1: Handler returned the reply", func() smtptest.Reply { return "250 a\r\nb" }, "451 4.3.0 Error: the test's own code failed\r\n"},
		{"goexit", "session 1: Handler left its goroutine", func() smtptest.Reply { runtime.Goexit(); return "" }, ""},
	} {
		t.Run(f.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tb := &play.FakeTB{}
				srv := smtptest.NewUnstartedServer(tb)
				failed := false
				play.WithHandler(func(context.Context, smtptest.Message) smtptest.Reply {
					if failed {
						return ""
					}
					failed = true
					return f.handle()
				})(srv)
				srv.StartInMemory()
				c := play.Listen(play.Arrive(t, srv, play.InData))
				c.Say(play.Step{Send: "text\r\n.\r\n"})
				play.CheckFailed(t, tb, srv, c, f.reply, f.want)
			})
		})
	}
}

// testContext is a test with a context of its own.
type testContext struct {
	*play.FakeTB
	ctx context.Context
}

func (t testContext) Context() context.Context { return t.ctx }

// TestHandlerContext ends with the connection, with the server and with the
// test.
func TestHandlerContext(t *testing.T) {
	for name, end := range map[string]func(srv *smtptest.Server, c net.Conn, endTest func()){
		"close":           func(srv *smtptest.Server, _ net.Conn, _ func()) { srv.Close() },
		"stop":            func(srv *smtptest.Server, _ net.Conn, _ func()) { srv.Stop() },
		"client leaves":   func(_ *smtptest.Server, c net.Conn, _ func()) { c.Close() },
		"client hangs up": func(srv *smtptest.Server, _ net.Conn, _ func()) { srv.CloseClientConnections() },
		"the test ends":   func(_ *smtptest.Server, _ net.Conn, endTest func()) { endTest() },
	} {
		t.Run(name, func(t *testing.T) {
			play.Networks(t, func(t *testing.T, start func(*smtptest.Server)) {
				ctx, endTest := context.WithCancel(context.Background())
				defer endTest()
				tb := testContext{&play.FakeTB{}, ctx}
				srv := smtptest.NewUnstartedServer(tb)
				called, returned := make(chan struct{}), make(chan struct{})
				play.WithHandler(func(ctx context.Context, m smtptest.Message) smtptest.Reply {
					close(called)
					<-ctx.Done()
					close(returned)
					return "451 4.3.0 too late"
				})(srv)
				start(srv)
				c := play.Arrive(t, srv, play.InData)
				io.WriteString(c, "text\r\n.\r\n")
				<-called
				end(srv, c, endTest)
				<-returned
				c.Close()
				s := srv.WaitSession(func(smtptest.Session) bool { return true })
				if len(s.Transactions) != 1 || s.Transactions[0].Data != "text\r\n" || srv.Count() != 0 {
					t.Errorf("%+v, Count() = %d", s.Transactions, srv.Count())
				}
				tb.End()
				if got := tb.Errors(); got != "" {
					t.Errorf("failure: %s", got)
				}
			})
		})
	}
}

// onceContext is a test whose Context, as Ginkgo's, may not be called by others.
type onceContext struct {
	*play.FakeTB
	calls int
}

func (o *onceContext) Context() context.Context {
	o.calls++
	return context.Background()
}

// TestHandlerContextOnce asks for the test's context when the server starts, and
// no more: Ginkgo's makes a new one with a Cleanup each time, and exits if that
// is during a Cleanup.
func TestHandlerContextOnce(t *testing.T) {
	play.Networks(t, func(t *testing.T, start func(*smtptest.Server)) {
		tb := &onceContext{FakeTB: &play.FakeTB{}}
		srv := smtptest.NewUnstartedServer(tb)
		play.WithHandlerReply("")(srv)
		start(srv)
		for range 2 {
			if err := play.Deliver(srv, "a@client.test", "text"); err != nil {
				t.Error(err)
			}
		}
		tb.End()
		if tb.calls != 1 || tb.Errors() != "" {
			t.Errorf("Context() was called %d times; failures %q", tb.calls, tb.Errors())
		}
	})
}

// TestHandlerContextGoesOn: a client that pipelines has not left.
func TestHandlerContextGoesOn(t *testing.T) {
	play.Networks(t, func(t *testing.T, start func(*smtptest.Server)) {
		srv := smtptest.NewUnstartedServer(t)
		play.WithHandler(func(ctx context.Context, m smtptest.Message) smtptest.Reply {
			srv.WaitSession(func(s smtptest.Session) bool { return s.ID == 1 }) // until another client has come and gone
			if ctx.Err() != nil {
				return "451 4.3.0 ended"
			}
			return ""
		})(srv)
		start(srv)
		first := play.Arrive(t, srv, play.Greeted)
		c := play.Arrive(t, srv, play.InData)
		io.WriteString(c, "text\r\n.\r\nNOOP\r\nQUIT\r\n")
		first.Close()
		want := play.OK + "\r\n" + play.OK + "\r\n" + play.Bye + "\r\n"
		if got, err := io.ReadAll(c); string(got) != want || err != nil {
			t.Errorf("replies %q, %v, want %q", got, err, want)
		}
	})
}

// TestHandlerSees holds what process_message is told: all that is recorded of
// the message but for the reply, as a copy of its own; and a Handler may use
// the server's readers.
func TestHandlerSees(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewUnstartedServer(t)
		var seen smtptest.Message
		var before int
		play.WithHandler(func(_ context.Context, m smtptest.Message) smtptest.Reply {
			seen, before = m, len(srv.Messages())+srv.Count()-len(srv.Sessions())
			seen.To, seen.MailOptions = slices.Clone(m.To), slices.Clone(m.MailOptions)
			seen.RcptOptions = [][]string{slices.Clone(m.RcptOptions[0]), m.RcptOptions[1]}
			m.To[0], m.MailOptions[0], m.RcptOptions[0][0] = "x", "x", "x"
			return "250 2.6.0 queued"
		})(srv)
		srv.Extensions = append(srv.Extensions, "DSN")
		srv.Users = map[string]string{"ann": "secret"}
		srv.StartInMemory()
		c := play.Dial(t, srv)
		err := play.Converse(c, play.StepsOf(play.Talk("S: "+play.Greeting, "C: HELO client.test", "S: 250 localhost", "C: EHLO client.test", play.SayEHLO[1:6], "S: 250-ENHANCEDSTATUSCODES", "S: 250-HELP", "S: 250-DSN",
			"S: 250 AUTH SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN", "C: AUTH PLAIN AGFubgBzZWNyZXQ=", "S: 235 2.7.0 Authentication successful",
			"C: MAIL FROM:<a@client.test> size=5 RET=HDRS", "S: "+play.MailOK, "C: RCPT TO:<b@server.test> NOTIFY=NEVER", "S: "+play.RcptOK, "C: RCPT TO:<c@server.test>", "S: "+play.RcptOK,
			play.SayData, "C: ..text", "C: .", "S: 250 2.6.0 queued", play.SayQuit)))
		if err != nil {
			t.Fatal(err)
		}
		want := srv.Wait(1)[0]
		if want.User != "ann" || want.Peer == "" || want.Helo != "client.test" || want.MailOptions[0] != "size=5" || want.RcptOptions[0][0] != "NOTIFY=NEVER" || want.To[1] != "c@server.test" {
			t.Errorf("recorded: %+v", want)
		}
		want.Reply = ""
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Errorf("ProcessMessage's Message mismatch (-recorded +seen):\n%s", diff)
		}
		if before != -1 {
			t.Errorf("%d messages before it was accepted", before+1)
		}
	})
}

// TestClientReset is the client that breaks its connection.
func TestClientReset(t *testing.T) {
	srv := smtptest.NewServer(t)
	for _, s := range []play.State{play.Greeted, play.RcptGiven, play.InData} {
		c := play.Arrive(t, srv, s)
		c.(*net.TCPConn).SetLinger(0)
		c.Close()
	}
	for id := 1; id <= 3; id++ {
		s := srv.WaitSession(func(s smtptest.Session) bool { return s.ID == id })
		if s.End != smtptest.EndReset {
			t.Errorf("session %d: End = %q", id, s.End)
		}
	}
	if err := play.Deliver(srv, "a@client.test", "text"); err != nil || srv.Count() != 1 {
		t.Errorf("the next client: %v, Count() = %d", err, srv.Count())
	}
}

// TestOrder is the order of acceptance, not that of connecting or of MAIL.
func TestOrder(t *testing.T) {
	play.Networks(t, func(t *testing.T, start func(*smtptest.Server)) {
		srv := smtptest.NewUnstartedServer(t)
		start(srv)
		first, second := play.Arrive(t, srv, play.InData), play.Arrive(t, srv, play.InData)
		for _, c := range []net.Conn{second, first} {
			if err := play.Converse(c, play.StepsOf(play.SayText)); err != nil {
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
		if err := play.Deliver(srv, "a@client.test", "text"); err != nil {
			t.Fatal(err)
		}
		s := srv.WaitSession(func(smtptest.Session) bool { return true })
		if m := srv.Wait(1)[0]; !s.Start.Equal(began) || s.Duration != 10*time.Second || !m.Time.Equal(began.Add(10*time.Second)) {
			t.Errorf("Start %v, Duration %v, Time %v", s.Start, s.Duration, m.Time)
		}
	})
}
