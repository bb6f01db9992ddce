package smtptest_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

// deadlineTB has a deadline, and notes when the server calls Errorf.
type deadlineTB struct {
	*play.FakeTB
	deadline time.Time
	failed   *[]time.Time
}

func (d deadlineTB) Deadline() (time.Time, bool) { return d.deadline, !d.deadline.IsZero() }

func (d deadlineTB) Errorf(format string, args ...any) {
	*d.failed = append(*d.failed, time.Now())
	d.FakeTB.Errorf(format, args...)
}

// hangTo starts a server with rules and brings a client to a state, from which it
// says something and then waits for the end of the connection.
func hangTo(t *testing.T, tb smtptest.TB, to play.State, says string, rules ...smtptest.Rule) (*smtptest.Server, net.Conn) {
	srv := smtptest.NewInMemoryServer(tb)
	c := play.Arrive(t, srv, to)
	c.SetDeadline(time.Time{})
	srv.Script(rules...)
	io.WriteString(c, says)
	return srv, c
}

// TestDeadlineLead verifies when a server fails a test that hangs, and that its
// client and its later clients then return.
func TestDeadlineLead(t *testing.T) {
	for _, tt := range []struct{ left, lead time.Duration }{
		{10 * time.Minute, 10 * time.Second},
		{200 * time.Second, 10 * time.Second},
		{100 * time.Second, 5 * time.Second},
		{20 * time.Second, time.Second},
		{3 * time.Second, time.Second},
		{time.Second, time.Second / 2},
	} {
		t.Run(tt.left.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				tb := deadlineTB{&play.FakeTB{}, began.Add(tt.left), new([]time.Time)}
				srv, c := hangTo(t, tb, play.InData, "text\r\n.\r\n", smtptest.Rule{On: ".", Delay: smtptest.Forever})
				if rest, err := io.ReadAll(c); len(rest) > 0 || err != nil {
					t.Errorf("ReadAll() = %q, %v", rest, err)
				}
				if at := time.Since(began); at != tt.left-tt.lead {
					t.Errorf("the client returns after %v, want %v", at, tt.left-tt.lead)
				}
				if _, err := srv.DialContext(t.Context(), "", ""); err == nil {
					t.Error("the server still accepts connections")
				}
				tb.End()
				for _, want := range []string{
					fmt.Sprintf("smtptest: the test has not ended %v before its deadline, so the server ends its sessions\n", tt.lead),
					"session 1: rule 1 {On: \".\", Delay: Forever} withholds the reply to the content\n",
					"   S: 354 End data with",
				} {
					if !strings.Contains(tb.Errors(), want) {
						t.Errorf("the failure does not say %q:\n%s", want, tb.Errors())
					}
				}
				if len(*tb.failed) != 1 || tb.Logged() != "" {
					t.Errorf("failures at %v, and the log\n%s", *tb.failed, tb.Logged())
				}
			})
		})
	}
}

// TestDeadlineWait verifies that a Wait ends with the server.
func TestDeadlineWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tb := deadlineTB{&play.FakeTB{}, time.Now().Add(time.Minute), new([]time.Time)}
		srv := smtptest.NewInMemoryServer(tb)
		_, err := srv.WaitContext(t.Context(), 1)
		if err == nil || !strings.Contains(err.Error(), "the server is closed") {
			t.Errorf("WaitContext() = %v", err)
		}
		tb.End()
		if want := "\nno session is open\n"; !strings.Contains(tb.Errors(), want) {
			t.Errorf("the failure does not say %q:\n%s", want, tb.Errors())
		}
	})
}

// TestDeadlineSpared verifies that the server does not fail a test that has ended,
// has closed the server, or has no deadline.
func TestDeadlineSpared(t *testing.T) {
	for name, deadline := range map[string]time.Duration{"test ends first": time.Minute, "server closes first": time.Minute, "deadline is over at Start": -time.Minute} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tb := deadlineTB{&play.FakeTB{}, time.Now().Add(deadline), new([]time.Time)}
				srv, c := hangTo(t, tb, play.InData, "text\r\n.\r\n", smtptest.Rule{On: ".", Delay: smtptest.Forever})
				defer c.Close()
				time.Sleep(50 * time.Second)
				if name == "server closes first" {
					srv.Close()
					time.Sleep(time.Hour)
				}
				tb.End()
				time.Sleep(time.Hour)
				if len(*tb.failed) > 0 {
					t.Errorf("the test fails:\n%s", tb.Errors())
				}
			})
		})
	}
}

// TestHangText verifies that the failure says what each session waits for.
func TestHangText(t *testing.T) {
	block := func(ctx context.Context) { <-ctx.Done() }
	slow := func(smtptest.Event) bool { time.Sleep(time.Hour); return true }
	forever := smtptest.Forever
	for _, tt := range []struct {
		in    play.State
		says  string
		setup func(*smtptest.Server)
		rules []smtptest.Rule
		want  string
	}{
		{play.Greeted, "", nil, nil, "the server waits for a command"},
		{play.InData, "text\r\n", nil, nil, "the server reads the content, of which 6 bytes came"},
		{play.RcptGiven, "BDAT 10\r\ntext", nil, nil, "the server reads the content, of which 4 bytes came"},
		{play.EHLO, "AUTH PLAIN\r\n", nil, nil, "the server waits for the response to 334"},
		{play.Greeted, "EHLO a\r\n", nil, []smtptest.Rule{{On: "EHLO", Delay: forever}}, `rule 1 {On: "EHLO", Delay: Forever} withholds the reply to EHLO a`},
		{play.Greeted, "EHLO a\r\n", nil, []smtptest.Rule{{On: "EHLO", Delay: time.Hour}}, `rule 1 {On: "EHLO", Delay: 1h} withholds the reply to EHLO a`},
		{play.Greeted, "EHLO a\r\n", nil, []smtptest.Rule{{On: "EHLO", Reply: smtptest.NoReply}}, `rule 1 {On: "EHLO", Reply: NoReply} withholds the reply to EHLO a`},
		{play.Greeted, "EHLO a\r\n", nil, []smtptest.Rule{{On: "EHLO", Raw: "250-a\r\n"}}, `rule 1 {On: "EHLO", Raw: "250-a\r\n"} withholds the rest of the reply to EHLO a`},
		{play.Greeted, "EHLO a\r\n", nil, []smtptest.Rule{{On: "EHLO", Raw: "250 a\r\n"}}, "the server waits for a command"},
		{play.Greeted, "EHLO a\r\n", nil, []smtptest.Rule{{On: "EHLO", Pause: time.Hour}}, `rule 1 {On: "EHLO", Pause: 1h} withholds the rest of the reply to EHLO a`},
		{play.Greeted, "EHLO a\r\n", nil, []smtptest.Rule{{On: "EHLO", Then: smtptest.Hold}}, `rule 1 {On: "EHLO", Then: hold} withholds the reply to EHLO a`},
		{play.InData, "text\r\n", nil, []smtptest.Rule{{On: "BODY 4", Delay: forever}}, `rule 1 {On: "BODY 4", Delay: Forever} delays the reading of the content`},
		{play.EHLO, "STARTTLS\r\n", nil, nil, "the TLS handshake has not ended"},
		{play.EHLO, "STARTTLS\r\n", nil, []smtptest.Rule{{On: "TLS", Delay: forever}}, `rule 1 {On: "TLS", Delay: Forever} withholds the TLS handshake`},
		{play.EHLO, "STARTTLS\r\n", nil, []smtptest.Rule{{On: "TLS", Reply: smtptest.NoReply}}, `rule 1 {On: "TLS", Reply: NoReply} withholds the TLS handshake`},
		{play.InData, "text\r\n.\r\n", func(srv *smtptest.Server) {
			srv.Handler = smtptest.HandlerFunc(func(ctx context.Context, m smtptest.Message) smtptest.Reply { block(ctx); return "" })
		}, nil, "your Handler has not returned"},
		{play.EHLO, "AUTH PLAIN AGFubgBTM2NyZXRQVw==\r\nNOOP S3cretPW\r\n", nil, []smtptest.Rule{{On: "NOOP S3cretPW", If: slow, Delay: time.Second}}, `your If of rule 1: {On: "NOOP ****", If: func, Delay: 1s} has not returned`},
		{play.Greeted, "XWAIT\r\n", nil, nil, `your Commands["XWAIT"] has not returned`},
		{play.Greeted, "XASK\r\n", nil, nil, `the client has not sent the line that your Commands["XASK"] asks for`},
	} {
		t.Run(tt.says+tt.want, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				end := make(chan struct{})
				tb := deadlineTB{&play.FakeTB{}, time.Now().Add(8 * time.Second), new([]time.Time)}
				srv := smtptest.NewUnstartedServer(tb)
				srv.Extensions = []string{"CHUNKING"}
				srv.TLS = &tls.Config{}
				srv.Users = map[string]string{"ann": "friend"}
				srv.ClearMechanisms = []string{"PLAIN"}
				srv.Commands = map[string]smtptest.CommandFunc{
					"XWAIT": func(*smtptest.Channel, string) smtptest.Reply { <-end; return "" },
					"XASK": func(ch *smtptest.Channel, _ string) smtptest.Reply {
						ch.Ask("354 go on")
						return "250 ok"
					},
				}
				if tt.setup != nil {
					tt.setup(srv)
				}
				srv.StartInMemory()
				c := play.Dial(t, srv)
				defer c.Close()
				io.WriteString(c, map[play.State]string{play.EHLO: "EHLO a\r\n", play.RcptGiven: toRcpt, play.InData: toRcpt + "DATA\r\n"}[tt.in])
				go io.Copy(io.Discard, c)
				synctest.Wait()
				srv.Script(tt.rules...)
				io.WriteString(c, tt.says)
				time.Sleep(7 * time.Second)
				synctest.Wait()
				close(end)
				tb.End()
				if want := "\nsession 1: " + tt.want + "\n"; !strings.Contains(tb.Errors(), want) {
					t.Errorf("the failure does not say %q:\n%s", want, tb.Errors())
				}
			})
		})
	}
}

const toRcpt = "EHLO a\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<b@server.test>\r\n"

// TestHangTextSessions verifies that sessions that wait for the same are named
// together, and that an If is named that others wait for.
func TestHangTextSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := make(chan struct{})
		tb := deadlineTB{&play.FakeTB{}, time.Now().Add(time.Minute), new([]time.Time)}
		srv := smtptest.NewInMemoryServer(tb)
		for range 4 {
			play.Arrive(t, srv, play.EHLO).SetDeadline(time.Time{})
		}
		srv.Script(smtptest.Rule{On: "NOOP", Raw: strings.Repeat("more than the network buffers\n", 1<<18)})
		io.WriteString(play.Arrive(t, srv, play.EHLO), "NOOP\r\n")
		synctest.Wait()
		waiting := []net.Conn{play.Arrive(t, srv, play.EHLO), play.Arrive(t, srv, play.EHLO)}
		srv.Script(smtptest.Rule{On: "NOOP", If: func(smtptest.Event) bool { <-end; return true }, Delay: time.Second})
		for _, c := range waiting {
			io.WriteString(c, "NOOP\r\n")
			synctest.Wait()
		}
		time.Sleep(57 * time.Second)
		synctest.Wait()
		close(end)
		tb.End()
		for _, want := range []string{
			"\nsession 1-4: the server waits for a command\n",
			"\nsession 6: your If of rule 1: {On: \"NOOP\", If: func, Delay: 1s} has not returned\n",
			"\nsession 7: the If of another session has not returned\n",
			"\nsession 5: the client does not read a reply\n",
		} {
			if !strings.Contains(tb.Errors(), want) {
				t.Errorf("the failure does not say %q:\n%.3000s", want, tb.Errors())
			}
		}
	})
}

// TestHeldInBubble verifies that in a bubble a server fails the test once a rule
// has held a client for WaitTimeout while nothing happened, and only then.
func TestHeldInBubble(t *testing.T) {
	forever := smtptest.Forever
	noReply := smtptest.NoReply
	for _, tt := range []struct {
		name  string
		in    play.State
		says  string
		rules []smtptest.Rule
		held  bool
	}{
		{"greeting", "", "", []smtptest.Rule{{On: "CONNECT", Delay: forever}}, true},
		{"content", play.InData, "text\r\n.\r\n", []smtptest.Rule{{On: ".", Delay: forever}}, true},
		{"reading", play.InData, "text\r\n", []smtptest.Rule{{On: "BODY 4", Delay: forever}}, true},
		{"no reply", play.EHLO, "NOOP\r\n", []smtptest.Rule{{On: "NOOP", Reply: noReply}}, true},
		{"no reply, pipelined", play.EHLO, "NOOP\r\nRSET\r\n", []smtptest.Rule{{On: "NOOP", Reply: noReply}}, true},
		{"hold", play.EHLO, "NOOP\r\n", []smtptest.Rule{{On: "NOOP", Then: smtptest.Hold}}, true},
		{"half a reply", play.EHLO, "NOOP\r\n", []smtptest.Rule{{On: "NOOP", Raw: "250-a\r\n250"}}, true},
		{"half of the lines", play.EHLO, "NOOP\r\n", []smtptest.Rule{{On: "NOOP", Raw: "250-a\r\n"}}, true},
		{"handshake", play.EHLO, "STARTTLS\r\n", []smtptest.Rule{{On: "TLS", Delay: forever}}, true},
		{"no handshake", play.EHLO, "STARTTLS\r\n", []smtptest.Rule{{On: "TLS", Reply: noReply}}, true},

		{"no rule", play.EHLO, "", nil, false},
		{"a reply", play.EHLO, "NOOP\r\n", []smtptest.Rule{{On: "NOOP", Reply: "450 later"}}, false},
		{"raw bytes", play.EHLO, "NOOP\r\n", []smtptest.Rule{{On: "NOOP", Raw: "250-a\r\n250 b\r\n"}}, false},
		{"a long delay", play.EHLO, "NOOP\r\n", []smtptest.Rule{{On: "NOOP", Delay: 90 * time.Hour}}, false},
		{"slow octets", play.EHLO, "NOOP\r\n", []smtptest.Rule{{On: "NOOP", Pause: 30 * time.Hour}}, false},
		{"half-close", play.EHLO, "NOOP\r\n", []smtptest.Rule{{On: "NOOP", Reply: noReply, Then: smtptest.HalfClose}}, false},
		{"a held reply that follows", play.EHLO, "NOOP\r\nRSET\r\n", []smtptest.Rule{{On: "NOOP", Then: smtptest.Hold}}, false},
		{"commands in content", play.InData, "text\r\n", []smtptest.Rule{{On: "NOOP", Reply: noReply, Optional: true}}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tb := &play.FakeTB{}
				srv := smtptest.NewUnstartedServer(tb)
				srv.IdleTimeout = -1
				srv.WaitTimeout = 20 * time.Hour
				srv.TLS = &tls.Config{}
				if tt.in == "" {
					srv.Script(tt.rules...)
				}
				srv.StartInMemory()
				c := play.Dial(t, srv)
				c.SetDeadline(time.Now().Add(100 * time.Hour))
				io.WriteString(c, map[play.State]string{play.EHLO: "EHLO a\r\n", play.InData: toRcpt + "DATA\r\n"}[tt.in])
				time.Sleep(time.Hour)
				srv.Script(tt.rules...)
				io.WriteString(c, tt.says)
				began := time.Now()
				io.Copy(io.Discard, c)
				took := time.Since(began)
				tb.End()
				if said := strings.Contains(tb.Errors(), "smtptest: nothing has happened for 20h while a rule holds a client, so the server ends its sessions\n"); said != tt.held {
					t.Errorf("the server fails the test: %t, want %t\n%s", said, tt.held, tb.Errors())
				}
				if tt.held && took.Round(time.Second) != 20*time.Hour && tt.in != "" {
					t.Errorf("the client returns after %v", took)
				}
			})
		})
	}
}

// TestHeldAmongOthers verifies that nothing is reported while other sessions go
// on, and that a client's own timeout, Close and IdleTimeout come first.
func TestHeldAmongOthers(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(srv *smtptest.Server, c net.Conn)
		held bool
	}{
		{"others go on", func(srv *smtptest.Server, c net.Conn) {
			for range 10 {
				time.Sleep(10 * time.Hour)
				srv.Client().Close()
			}
		}, false},
		{"others end", func(srv *smtptest.Server, c net.Conn) {
			time.Sleep(23 * time.Hour)
			srv.Client().Close()
			time.Sleep(24*time.Hour + 1)
		}, true},
		{"the client has the same timeout", func(srv *smtptest.Server, c net.Conn) {
			c.SetDeadline(time.Now().Add(24 * time.Hour))
			io.Copy(io.Discard, c)
			c.Close()
			time.Sleep(48 * time.Hour)
		}, false},
		{"Wait has the same timeout", func(srv *smtptest.Server, c net.Conn) {
			if _, err := srv.WaitContext(context.Background(), 1); !strings.Contains(err.Error(), "nothing more within 24h") {
				panic(err)
			}
		}, false},
		{"the server is closed", func(srv *smtptest.Server, c net.Conn) {
			srv.Close()
			time.Sleep(48 * time.Hour)
		}, false},
		{"the server is stopped", func(srv *smtptest.Server, c net.Conn) {
			srv.Stop()
			time.Sleep(48 * time.Hour)
		}, false},
		{"a second client takes the place of the first", func(srv *smtptest.Server, c net.Conn) {
			time.Sleep(20 * time.Hour)
			c.Close()
			c, err := srv.DialContext(context.Background(), "", "")
			if err != nil {
				panic(err)
			}
			defer c.Close()
			io.WriteString(c, "EHLO a\r\nVRFY bob\r\n")
			time.Sleep(20 * time.Hour)
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tb := &play.FakeTB{}
				srv, c := hangTo(t, tb, play.EHLO, "VRFY bob\r\n", smtptest.Rule{On: "VRFY", Delay: smtptest.Forever})
				synctest.Wait()
				tt.do(srv, c)
				synctest.Wait()
				tb.End()
				if held := tb.Errors() != ""; held != tt.held {
					t.Errorf("the server fails the test: %t, want %t\n%s", held, tt.held, tb.Errors())
				}
			})
		})
	}
}

const hangEnv = "SMTPTEST_PLAY_HANGS"

// hangs are tests that end at their deadline. They run in a process of their own.
var hangs = map[string]func(t *testing.T){
	"a client without a timeout": func(t *testing.T) {
		srv := smtptest.NewServer(t)
		srv.Script(smtptest.Rule{On: ".", Delay: smtptest.Forever})
		play.SendMail(srv, "ann@example.com", "bob@example.com", "Hi\r\n")
	},
	"a client that tries again": func(t *testing.T) {
		srv := smtptest.NewServer(t)
		srv.Script(smtptest.Rule{On: ".", Delay: smtptest.Forever})
		for err := io.EOF; ; {
			c, dialErr := srv.DialContext(t.Context(), "", "")
			if dialErr != nil {
				t.Fatalf("%v, then %v", err, dialErr)
			}
			io.WriteString(c, toRcpt+"DATA\r\ntext\r\n.\r\n")
			io.Copy(io.Discard, c)
			c.Close()
		}
	},
	"a client in a bubble": func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			srv := smtptest.NewInMemoryServer(t)
			srv.Script(smtptest.Rule{On: ".", Delay: smtptest.Forever})
			play.SendMail(srv, "ann@example.com", "bob@example.com", "Hi\r\n")
		})
	},
	"a test that never returns": func(t *testing.T) {
		srv := smtptest.NewServer(t)
		srv.Script(smtptest.Rule{On: ".", Delay: smtptest.Forever})
		play.SendMail(srv, "ann@example.com", "bob@example.com", "Hi\r\n")
		select {}
	},
}

// TestPlayHangs is the process of its own.
func TestPlayHangs(t *testing.T) {
	if os.Getenv(hangEnv) == "" {
		return
	}
	for name, run := range hangs {
		t.Run(name, run)
	}
}

// TestHangOutput verifies that the output of a test that hangs shows the dialogue,
// without -v and whether or not the test ends by itself.
func TestHangOutput(t *testing.T) {
	held := regexp.MustCompile(`session \d+: rule 1 \{On: "\.", Delay: Forever\} withholds the reply to the content\n`)
	for name := range hangs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := ""
			for _, timeout := range []string{"3s", "1m"} { // in case the machine does not reach the rule within 2 s
				var err error
				if out, err = play.RunElsewhere(hangEnv, subtest("TestPlayHangs", name), "-test.timeout="+timeout); err == nil {
					t.Error("the test does not fail")
				}
				if held.MatchString(out) && strings.Contains(out, "S: 354 End data with") {
					return
				}
			}
			t.Errorf("the output does not show the dialogue:\n%s", out)
		})
	}
}
