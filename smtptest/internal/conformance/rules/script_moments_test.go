package rules_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

// TestScriptInMidSession sets scripts while clients wait: rules for silence
// begin with the silence that there is, rules for content with what has come.
func TestScriptInMidSession(t *testing.T) {
	for _, test := range []struct {
		name  string
		talk  []string
		pass  string // time before the script is set
		rules []smtptest.Rule
		then  []string
	}{
		{"silence begun", play.PathTo[play.EHLO], "20s", []smtptest.Rule{{On: "IDLE", Delay: 30 * time.Second, Reply: "421 4.4.2 too long"}},
			play.Talk("-- 10s", "S: 421 4.4.2 too long", play.Closed)},
		{"silence long enough", play.PathTo[play.EHLO], "40s", []smtptest.Rule{{On: "IDLE EHLO", Delay: 30 * time.Second, Reply: "421 4.4.2 too long"}},
			play.Talk("S: 421 4.4.2 too long", play.Closed)},
		{"at once", play.PathTo[play.InData], "1s", []smtptest.Rule{{On: "IDLE", Then: smtptest.Reset}}, play.Talk("S! reset")},
		{"other silence", play.PathTo[play.EHLO], "1s", []smtptest.Rule{{On: "IDLE HELO", Reply: "421 no", Optional: true}}, play.SayQuit},
		{"content", play.Talk(play.PathTo[play.InData], "C+ 1234"), "1s", []smtptest.Rule{{On: "BODY 3", Then: smtptest.Reset, Optional: true}, {On: "BODY 6", Then: smtptest.Close}},
			play.Talk("C+ 56", play.Closed)},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &play.Player{T: t, Srv: smtptest.NewInMemoryServer(t), Virtual: true}
				p.Connect()
				p.Run(play.Talk(test.talk, "C~ "+test.pass))
				p.Srv.Script(test.rules...)
				p.Run(test.then)
			})
		})
	}
}

// TestSilenceTies holds that of the rules that are due at the same time one
// answers, and that the next has its turn the next time.
func TestSilenceTies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &play.Player{T: t, Srv: smtptest.NewInMemoryServer(t), Virtual: true}
		p.Srv.Script(
			smtptest.Rule{On: "IDLE", Times: 2, Delay: time.Minute, Reply: "250 still here"},
			smtptest.Rule{On: "IDLE EHLO", Delay: time.Minute, Reply: "421 4.4.2 enough"},
		)
		p.Play(play.Talk(play.PathTo[play.EHLO], "-- 1m", "S: 250 still here", "-- 1m", "S: 250 still here", "-- 1m", "S: 421 4.4.2 enough", play.Closed))
	})
}

// TestUnsaid: what would be said after the server has closed its side is not in
// the record, be it a reply or octets.
func TestUnsaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewInMemoryServer(t)
		srv.Script(
			smtptest.Rule{On: "MAIL", Then: smtptest.HalfClose},
			smtptest.Rule{On: "RCPT", Raw: "250 octets\r\n"},
			smtptest.Rule{On: "NOOP", Reply: "250 reply"},
		)
		c := play.Arrive(t, srv, play.MailGiven)
		io.WriteString(c, "RCPT TO:<b@server.test>\r\nNOOP\r\n")
		c.Close()
		var said []string
		for _, e := range srv.WaitSession(nil).Exchanges[3:] {
			said = append(said, e.Raw+string(e.Reply))
		}
		if diff := cmp.Diff([]string{"", ""}, said); diff != "" {
			t.Errorf("said mismatch (-want +got):\n%s", diff)
		}
	})
}

// TestSilenceBroken has a client speak while the reply to its silence is written
// in pieces: it is answered behind that.
func TestSilenceBroken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &play.Player{T: t, Srv: smtptest.NewInMemoryServer(t), Virtual: true}
		p.Srv.Script(smtptest.Rule{On: "IDLE EHLO", Delay: 10 * time.Second, Reply: "250-still\n250 here", Chunk: smtptest.ByLine, Pause: time.Second})
		p.Play(play.Talk(play.PathTo[play.EHLO], "-- 10s", "S: 250-still", "C: NOOP", "-- 1s", "S: 250 here", "S: "+play.OK, play.SayQuit))
	})
}

// TestCloseInRow closes the server while a rule takes its time: it returns at
// once, also if a message was recorded whose reply is not yet written.
func TestCloseInRow(t *testing.T) {
	message := play.Talk(play.PathTo[play.InData], "C: text", "C: .")
	for _, test := range []struct {
		name  string
		setup func(*smtptest.Server)
		rule  smtptest.Rule
		talk  []string
		count int
	}{
		{"delay", nil, smtptest.Rule{On: ".", Delay: smtptest.Forever}, message, 0},
		{"kept", nil, smtptest.Rule{On: ".", Keep: true, Delay: smtptest.Forever}, message, 1},
		{"drip", nil, smtptest.Rule{On: ".", Pause: time.Hour}, play.Talk(message, "S+ 2"), 1},
		{"hold", nil, smtptest.Rule{On: ".", Then: smtptest.Hold}, message, 1},
		{"silence", nil, smtptest.Rule{On: "IDLE .", Delay: time.Hour, Reply: "421 no", Optional: true}, play.Talk(message, "S: "+play.OK), 1},
		{"content", nil, smtptest.Rule{On: "BODY 2", Delay: smtptest.Forever}, message, 0},
		{"slow content", nil, smtptest.Rule{On: "BODY", Pause: time.Hour}, message, 0},
		{"handshake", play.WithTLS, smtptest.Rule{On: "TLS", Delay: smtptest.Forever}, play.BegunTLS, 0},
		{"no handshake", play.WithTLS, smtptest.Rule{On: "TLS", Reply: smtptest.NoReply}, play.BegunTLS, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			play.Networks(t, func(t *testing.T, start func(*smtptest.Server)) {
				srv := smtptest.NewUnstartedServer(t)
				if test.setup != nil {
					test.setup(srv)
				}
				p := &play.Player{T: t, Srv: srv}
				srv.Script(p.Watch([]smtptest.Rule{test.rule})...)
				start(srv)
				p.Connect()
				p.Run(test.talk)
				srv.Wait(test.count)
				p.Hold()
				if n := srv.Count(); n != test.count {
					t.Errorf("Count() = %d, want %d", n, test.count)
				}
				if s := srv.Sessions()[0]; s.End != smtptest.EndServer {
					t.Errorf("End = %q", s.End)
				}
			})
		})
	}
}

// TestStopsReading has a client that writes more than the network holds to a
// server that reads no more: its writes block until the server closes.
func TestStopsReading(t *testing.T) {
	play.Networks(t, func(t *testing.T, start func(*smtptest.Server)) {
		srv := smtptest.NewUnstartedServer(t)
		p := &play.Player{T: t, Srv: srv}
		srv.Script(p.Watch([]smtptest.Rule{{On: "BODY 1000", Delay: smtptest.Forever}})...)
		start(srv)
		c := play.Arrive(t, srv, play.InData)
		var writer sync.WaitGroup
		wrote, err := 0, error(nil)
		writer.Go(func() {
			for err == nil {
				n := 0
				n, err = c.Write(make([]byte, 1<<20))
				wrote += n
			}
		})
		p.C = c
		p.Hold()
		writer.Wait()
		if err == nil || wrote > 64<<20 {
			t.Errorf("%d octets were written, then %v", wrote, err)
		}
		if n := srv.Sessions()[0].Transactions[0].Octets; n != 1000 {
			t.Errorf("%d octets were read, want 1000", n)
		}
	})
}

// telling is a listener whose connections tell each write.
type telling struct {
	net.Listener
	mu  sync.Mutex
	got []string
}

type tellingConn struct {
	net.Conn
	to *telling
}

func (w *telling) Accept() (net.Conn, error) {
	c, err := w.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return tellingConn{c, w}, nil
}

func (c tellingConn) Write(b []byte) (int, error) {
	c.to.mu.Lock()
	c.to.got = append(c.to.got, string(b))
	c.to.mu.Unlock()
	return c.Conn.Write(b)
}

// TestWrites looks at the single writes: what is gathered for a pipelined
// group, and how a rule cuts it.
func TestWrites(t *testing.T) {
	group := "MAIL FROM:<a@client.test>\r\nRCPT TO:<b@server.test>\r\nDATA\r\n"
	mail, rcpt, data := play.MailOK+"\r\n", play.RcptOK+"\r\n", play.GoAhead+"\r\n"
	for _, test := range []struct {
		name  string
		rules []smtptest.Rule
		want  []string
	}{
		{"group", nil, []string{mail + rcpt + data}},
		{"delay within", []smtptest.Rule{{On: "RCPT", Delay: time.Nanosecond}}, []string{mail, rcpt + data}},
		{"per octet", []smtptest.Rule{{On: "RCPT", Chunk: 1}}, slices.Concat([]string{mail}, strings.Split(rcpt, ""), []string{data})},
		{"per seven octets", []smtptest.Rule{{On: "RCPT", Chunk: 7}}, []string{mail, "250 2.1", ".5 OK\r\n", data}},
		{"per line", []smtptest.Rule{{On: "RCPT", Reply: "250-a\n250-b\n250 c", Chunk: smtptest.ByLine}}, []string{mail, "250-a\r\n", "250-b\r\n", "250 c\r\n", data}},
		{"raw by line", []smtptest.Rule{{On: "RCPT", Raw: "250-a\n250 b", Chunk: smtptest.ByLine}}, []string{mail, "250-a\n", "250 b", data}},
		{"held", []smtptest.Rule{{On: "RCPT", Then: smtptest.Hold}}, []string{mail + rcpt + data}},
		{"held for octets", []smtptest.Rule{{On: "MAIL", Then: smtptest.Hold}, {On: "RCPT", Keep: true, Raw: "250-a\n250 b\r\n", Chunk: 9}}, []string{mail, "250-a\n250", " b\r\n", data}},
		{"no reply", []smtptest.Rule{{On: "RCPT", Keep: true, Reply: smtptest.NoReply}}, []string{mail + data}},
	} {
		t.Run(test.name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			w := &telling{Listener: ln}
			srv := smtptest.NewUnstartedServer(t)
			srv.Listener = w
			srv.Script(test.rules...)
			srv.Start()
			c := play.Arrive(t, srv, play.EHLO)
			io.WriteString(c, group)
			want := strings.Join(test.want, "")
			if _, err := io.ReadFull(c, make([]byte, len(want))); err != nil {
				t.Fatal(err)
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			if diff := cmp.Diff(test.want, w.got[2:]); diff != "" { // behind greeting and EHLO
				t.Errorf("writes mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

// TestLinesNamedLikeEvents has a client send the names of events as commands:
// they are not recognized, and no rule takes them for the event.
func TestLinesNamedLikeEvents(t *testing.T) {
	for _, test := range []struct{ line, on string }{
		{".", "."}, {"CONNECT", "CONNECT"}, {"CONNECT mail:25 HTTP/1.0", "CONNECT"}, {"BODY", "BODY"}, {"BODY 5", "BODY 5"},
		{"IDLE", "IDLE"}, {"TLS", "TLS"}, {"RESPONSE", "RESPONSE"}, {"response x", "RESPONSE"},
	} {
		t.Run(test.line, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			srv.TLS, srv.Users = &tls.Config{}, map[string]string{"ann": "secret"}
			srv.Start()
			c := play.Arrive(t, srv, play.HELO)
			srv.Script(
				smtptest.Rule{On: test.on, Delay: time.Hour, Raw: "554 no\r\n", Optional: true},
				smtptest.Rule{On: "*", If: func(e smtptest.Event) bool { return e.Verb == "" }, Delay: time.Nanosecond},
			)
			verb, _, _ := strings.Cut(strings.ToUpper(test.line), " ")
			if err := play.Converse(c, play.StepsOf(play.Talk("C: "+test.line, "S: "+play.Unknown(verb)))); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff([]int{0, 1}, srv.Fired()); diff != "" {
				t.Errorf("Fired() mismatch (-want +got):\n%s", diff)
			}
		})
	}
}

// TestStrayDot has a client that sends its content although DATA was refused.
func TestStrayDot(t *testing.T) {
	srv := smtptest.NewServer(t)
	srv.Script(
		smtptest.Rule{On: "DATA", Times: 1, Reply: "451 4.3.0 later"},
		smtptest.Rule{On: ".", Times: 1, Reply: "554 5.6.0 no"},
	)
	c := play.Arrive(t, srv, play.RcptGiven)
	stray := play.Talk("C: DATA", "S: 451 4.3.0 later", "C: hi", "S: "+play.Unknown("HI"), "C: .", "S: "+play.Unknown("."), "C: RSET", "S: "+play.OK)
	again := play.Talk("C: MAIL FROM:<a@client.test>", "S: "+play.MailOK, play.SayRcpt, play.SayData, "C: text", "C: .", "S: 554 5.6.0 no", play.SayQuit)
	if err := play.Converse(c, play.StepsOf(play.Talk(stray, again))); err != nil {
		t.Fatal(err)
	}
	s := srv.WaitSession(nil)
	var replies []smtptest.Reply
	for _, tx := range s.Transactions {
		replies = append(replies, tx.Reply)
	}
	if diff := cmp.Diff([]smtptest.Reply{"", "554 5.6.0 no"}, replies); diff != "" {
		t.Errorf("Transaction.Reply mismatch (-want +got):\n%s", diff)
	}
}

// TestConditions that fail, or do what they may not.
func TestConditions(t *testing.T) {
	refused := "451 4.3.0 Error: the test's own code failed"
	for _, test := range []struct {
		name  string
		cond  func(*smtptest.Server) bool
		reply string
		want  string
	}{
		{"panics", func(*smtptest.Server) bool { panic("boom") }, refused, "smtptest: session 1: If of rule 1: {On: \"RCPT\", If: func, Reply: \"550 no\"} panicked: boom"},
		{"sets a script", func(s *smtptest.Server) bool { s.Script(); return false }, play.RcptOK, ""},
		{"asks for Unused", func(s *smtptest.Server) bool { return len(s.Unused()) == 2 }, "550 no", ""},
		{"asks for Fired", func(s *smtptest.Server) bool { return len(s.Fired()) == 2 }, "550 no", ""},
		{"connects", func(s *smtptest.Server) bool { return s.Client().Close() == nil }, "550 no", ""},
		{"reads what was recorded", func(s *smtptest.Server) bool { return len(s.Sessions()) == 1 && s.Count() == 0 }, "550 no", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			tb := &play.FakeTB{}
			srv := smtptest.NewInMemoryServer(tb)
			srv.Script(
				smtptest.Rule{On: "RCPT", If: func(smtptest.Event) bool { return test.cond(srv) }, Reply: "550 no"},
				smtptest.Rule{On: "RCPT", If: func(smtptest.Event) bool { return test.name == "panics" }, Reply: "550 below", Optional: true},
			)
			c := play.Arrive(t, srv, play.MailGiven)
			if err := play.Converse(c, play.StepsOf(play.SayTo("b@server.test", test.reply))); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(test.want, regexp.MustCompile(`, at \S+_test\.go:\d+$`).ReplaceAllString(tb.Errors(), "")); diff != "" {
				t.Errorf("failure mismatch (-want +got):\n%s", diff)
			}
			if fired := srv.Fired(); len(fired) > 1 && fired[1] != 0 { // a replaced script has no rules
				t.Errorf("the rule below fired %d times", fired[1])
			}
			c.Close()
			srv.Close()
		})
	}
}

// TestConditionsWrite has an If write into all that it is given, and another
// one look at each event: that one sees, and the server records, what there is
// without it.
func TestConditionsWrite(t *testing.T) {
	writes := func(e smtptest.Event) bool {
		for _, list := range append(e.RcptOptions, e.To, e.MailOptions) {
			for i := range list {
				list[i] = "written"
			}
		}
		clear(e.RcptOptions)
		clear(e.Unstuffed)
		clear(e.Chunks)
		return false
	}
	type result struct {
		events   []smtptest.Event
		messages []smtptest.Message
		sessions []smtptest.Session
	}
	play := func(t *testing.T, first func(smtptest.Event) bool) (r result) {
		synctest.Test(t, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			srv.Extensions = append(srv.Extensions, "DSN", "CHUNKING")
			srv.StartInMemory()
			look := func(e smtptest.Event) bool { r.events = append(r.events, e); return false }
			srv.Script(smtptest.Rule{On: "*", If: first, Reply: "451 no", Optional: true}, smtptest.Rule{On: "*", If: look, Reply: "451 no", Optional: true})
			envelope := play.Talk("C: MAIL FROM:<a@client.test> SIZE=9 RET=HDRS", "S: "+play.MailOK, "C: RCPT TO:<b@server.test> NOTIFY=NEVER", "S: "+play.RcptOK,
				"C: RCPT TO:<c@server.test> NOTIFY=DELAY ORCPT=rfc822;c@server.test", "S: "+play.RcptOK)
			if err := play.Converse(play.Dial(t, srv), play.StepsOf(play.Talk("S: "+play.Greeting, play.EHLOWith("DSN", "CHUNKING"), envelope, play.SayData, "C: text", "C: .text", "C: .", "S: "+play.OK,
				envelope, "C+ BDAT 1\r\nx", "S: 250 2.0.0 1 octet received", "C: BDAT 0 LAST", "S: "+play.OK, play.SayQuit))); err != nil {
				t.Fatal(err)
			}
			r.messages, r.sessions = srv.Messages(), []smtptest.Session{srv.WaitSession(nil)}
		})
		return r
	}
	want := play(t, func(smtptest.Event) bool { return false })
	if diff := cmp.Diff(want, play(t, writes), cmp.AllowUnexported(result{})); diff != "" {
		t.Errorf("an If that writes mismatch (-without +with):\n%s", diff)
	}
	if m := want.messages; len(m) != 2 || len(m[0].Unstuffed) != 1 || len(m[1].Chunks) != 2 || len(m[1].RcptOptions[1]) != 2 || len(want.events) < 12 {
		t.Errorf("nothing to write into: %+v", want)
	}
}

// TestThrows holds that the throws of a rule are those of its seed, however many
// sessions make them at the same time.
func TestThrows(t *testing.T) {
	throw := func(seed uint64) []int {
		tb := &play.FakeTB{}
		srv := smtptest.NewUnstartedServer(tb)
		srv.Seed = seed
		srv.Script(smtptest.Rule{On: "NOOP", Chance: 0.5, Reply: "451 no"}, smtptest.Rule{On: "NOOP", Chance: 0.5, Jitter: time.Nanosecond})
		srv.Start()
		var clients sync.WaitGroup
		for range 8 {
			clients.Go(func() {
				c, err := srv.DialContext(context.Background(), "", "")
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				io.WriteString(c, strings.Repeat("NOOP\r\n", 25)+"QUIT\r\n")
				io.ReadAll(c)
			})
		}
		clients.Wait()
		fired := srv.Fired()
		tb.End()
		if logged := strings.Contains(tb.Logged(), "smtptest: Seed = "); logged != (seed == 0) {
			t.Errorf("Seed %d: the log says %q", seed, tb.Logged())
		}
		return fired
	}
	one := throw(1)
	if diff := cmp.Diff(one, throw(1)); diff != "" || one[0] < 60 || one[0] > 140 {
		t.Errorf("Fired() = %v; mismatch (-first +second):\n%s", one, diff)
	}
	throw(0)
}

// TestIfOfAnother: a condition may do with another server what it may not do
// with its own.
func TestIfOfAnother(t *testing.T) {
	other, srv := smtptest.NewServer(t), smtptest.NewServer(t)
	srv.Script(smtptest.Rule{On: ".", Reply: play.OK, If: func(smtptest.Event) bool {
		other.Script(smtptest.Rule{On: "MAIL", Reply: play.MailOK})
		c := other.Client()
		defer c.Close()
		go play.Deliver(other, "a@client.test", "text")
		return len(other.Wait(1)) == 1
	}})
	if err := play.Deliver(srv, "a@client.test", "text"); err != nil {
		t.Error(err)
	}
}
