package smtptest_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"math"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

// TestEndlessLine sends a line of 64 MiB: its beginning is kept, and one 500
// answers it.
func TestEndlessLine(t *testing.T) {
	srv := smtptest.NewServer(t)
	c := play.Arrive(t, srv, play.EHLO)
	piece := bytes.Repeat([]byte("x"), 64<<10)
	n := play.Allocated(func() {
		for range 1024 {
			c.Write(piece)
		}
		if err := play.Converse(c, play.StepsOf(play.Talk("C: ", "S: "+play.TooLong, play.SayQuit))); err != nil {
			t.Fatal(err)
		}
	})
	if n > 16<<20 {
		t.Errorf("a line of 64 MiB made it allocate %d octets", n)
	}
}

// TestLongLines sends many lines that a Reader keeps whole and no command may
// have: their beginnings are kept.
func TestLongLines(t *testing.T) {
	const lines = 100
	for name, commands := range map[string]map[string]smtptest.CommandFunc{
		"built in": nil,
		"received": {"XFOO": func(*smtptest.Channel, string) smtptest.Reply { return play.OK }},
	} {
		for _, verb := range []string{"NOOP ", "AUTH PLAIN ", "AUTH"} {
			t.Run(name+" "+verb, func(t *testing.T) {
				srv := smtptest.NewUnstartedServer(t)
				srv.Commands = commands
				srv.StartInMemory()
				c := play.Arrive(t, srv, play.EHLO)
				before := inUse()
				go io.WriteString(c, strings.Repeat(play.Fill(12_001, verb, "")+"\r\n", lines)+"NOOP\r\n")
				if _, err := io.ReadFull(c, make([]byte, lines*len(play.TooLong+"\r\n")+len(play.OK+"\r\n"))); err != nil {
					t.Fatal(err)
				}
				if n := int64(inUse()-before) / lines; n > 4096 {
					t.Errorf("a line of 12001 octets is kept in %d", n)
				}
				if n := len(srv.Sessions()[0].Exchanges[2].Command); n > 512 {
					t.Errorf("Command has %d octets", n)
				}
			})
		}
	}
}

// inUse is how many octets this process keeps.
func inUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestHugeContent counts more octets than 32 bits can.
func TestHugeContent(t *testing.T) {
	if got := smtptest.Recorded(math.MaxInt).Octets; got != math.MaxInt {
		t.Errorf("Octets = %d, want %d", got, math.MaxInt)
	}
}

// TestUnreadReplies pipelines many commands and reads no reply: the server
// gathers so much of them and no more, however a rule has it write them, and
// loses none.
func TestUnreadReplies(t *testing.T) {
	const commands, most = 500, 450 // the network holds some 400 replies
	long := strings.Repeat("250-"+strings.Repeat("x", 500)+"\r\n", 20)
	reply, raw := smtptest.Reply(strings.ReplaceAll(long, "\r\n", "\n")+play.OK), long+play.OK+"\r\n"
	for name, rules := range map[string][]smtptest.Rule{
		"reply, held":        {{On: "NOOP", Reply: reply, Then: smtptest.Hold}},
		"reply, in pieces":   {{On: "NOOP", Reply: reply, Chunk: 5000}},
		"raw, held":          {{On: "NOOP", Raw: raw, Then: smtptest.Hold}},
		"raw, in pieces":     {{On: "NOOP", Raw: raw, Chunk: 5000}},
		"a group and pieces": {{On: "NOOP", Skip: 6, Reply: reply, Chunk: 5000}, {On: "NOOP", Reply: reply}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := smtptest.NewInMemoryServer(t)
				c := play.Arrive(t, srv, play.EHLO)
				srv.Script(rules...)
				go io.WriteString(c, strings.Repeat("NOOP\r\n", commands)+"QUIT\r\n")
				synctest.Wait()
				if n := len(srv.Sessions()[0].Exchanges); n > most {
					t.Errorf("%d commands were answered to a client that reads nothing", n)
				}
				want := strings.Repeat(raw, commands) + play.Bye + "\r\n"
				if got, err := io.ReadAll(c); string(got) != want || err != nil {
					t.Errorf("%d octets, %v, want %d", len(got), err, len(want))
				}
			})
		})
	}
}

// TestEndlessMessage sends 64 MiB to a server that takes 1 MiB: so much is
// kept, and one 552 answers it.
func TestEndlessMessage(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.SizeLimit = 1 << 20
	srv.Start()
	c := play.Dial(t, srv)
	if err := play.Converse(c, play.StepsOf(play.Talk("S: "+play.Greeting, play.SayHELO, play.SayMail, play.SayRcpt, play.SayData))); err != nil {
		t.Fatal(err)
	}
	piece := bytes.Repeat([]byte("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n"), 1024)
	n := play.Allocated(func() {
		for range 1024 {
			c.Write(piece)
		}
		if err := play.Converse(c, play.StepsOf(play.Talk("C: .", "S: 552 5.3.4 Error: Too much mail data", play.SayQuit))); err != nil {
			t.Fatal(err)
		}
	})
	if n > 16<<20 {
		t.Errorf("a message of 64 MiB made it allocate %d octets", n)
	}
	s := srv.WaitSession(nil)
	if tr := s.Transactions[0]; len(tr.Data) > 1<<20+2 || tr.Octets != 1024*len(piece) {
		t.Errorf("%d octets kept, %d counted", len(tr.Data), tr.Octets)
	}
}

// TestEndlessDots sends lines whose dot is not doubled, many more than the
// server takes: their offsets are kept as far as their text is.
func TestEndlessDots(t *testing.T) {
	for _, mail := range []string{"MAIL FROM:<a@client.test>", "MAIL FROM:<a@client.test> SIZE=1000"} {
		t.Run(mail, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			srv.SizeLimit, srv.Extensions[1] = 1000, "SIZE 33554432"
			srv.Start()
			c := play.Arrive(t, srv, play.EHLO)
			if err := play.Converse(c, play.StepsOf(play.Talk("C: "+mail, "S: "+play.MailOK, play.SayRcpt, play.SayData))); err != nil {
				t.Fatal(err)
			}
			piece := bytes.Repeat([]byte(".x\r\n"), 16<<10)
			n := play.Allocated(func() {
				for range 16 {
					c.Write(piece)
				}
				if err := play.Converse(c, play.StepsOf(play.Talk("C: .", "S: "+play.TooMuch, play.SayQuit))); err != nil {
					t.Fatal(err)
				}
			})
			if n > 4<<20 {
				t.Errorf("2^18 lines made it allocate %d octets", n)
			}
			var want []int
			for i := range 334 {
				want = append(want, 3*i)
			}
			tr := srv.WaitSession(nil).Transactions[0]
			if diff := cmp.Diff(want, tr.Unstuffed); diff != "" || len(tr.Data) != 1000 {
				t.Errorf("%d octets kept, Unstuffed (-want +got):\n%s", len(tr.Data), diff)
			}
		})
	}
}

// TestBoastfulSize announces a message that no memory holds to a server that
// has no limit: only what comes is kept.
func TestBoastfulSize(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.SizeLimit, srv.Extensions[1] = -1, "SIZE 33554432"
	srv.StartInMemory()
	c := play.Arrive(t, srv, play.EHLO)
	if err := play.Converse(c, play.StepsOf(play.Talk("C: MAIL FROM:<a@client.test> SIZE=18446744073709551615", "S: "+play.MailOK, play.SayRcpt, play.SayData))); err != nil {
		t.Fatal(err)
	}
	content := strings.Repeat("0123456789\r\n", 1000)
	n := play.Allocated(func() {
		if err := play.Converse(c, play.StepsOf(play.Talk("C+ "+content, "C: .", "S: "+play.OK, play.SayQuit))); err != nil {
			t.Fatal(err)
		}
	})
	if n > 4<<20 {
		t.Errorf("%d octets of content made it allocate %d octets", len(content), n)
	}
	if got := srv.Wait(1)[0].Data; got != content {
		t.Errorf("Data has %d octets, want %d", len(got), len(content))
	}
}

// TestManyRecipients gives many recipients to a server that looks at each of
// them: none costs more for those before it.
func TestManyRecipients(t *testing.T) {
	const many = 5000
	for _, test := range []struct {
		name  string
		setup func(*smtptest.Server)
	}{
		{"rule", func(srv *smtptest.Server) {
			srv.Script(smtptest.Rule{On: "RCPT", Skip: many, Reply: "452 4.5.3 enough", Optional: true})
		}},
		{"rule by transaction", func(srv *smtptest.Server) {
			srv.Script(smtptest.Rule{On: "RCPT", Per: smtptest.PerTransaction, Skip: many, Reply: "452 4.5.3 enough", Optional: true})
		}},
		{"domains", func(srv *smtptest.Server) { srv.Extensions = append(srv.Extensions, "LIMITS RCPTDOMAINMAX=2") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			test.setup(srv)
			srv.StartInMemory()
			c := play.Arrive(t, srv, play.HELOMail)
			hundred := append(slices.Repeat([]string{"C: RCPT TO:<b@server.test>"}, 100), slices.Repeat([]string{"S: " + play.RcptOK}, 100)...)
			turns := play.StepsOf(hundred)
			n := play.Allocated(func() {
				for range many / 100 {
					if err := play.Converse(c, turns); err != nil {
						t.Fatal(err)
					}
				}
			})
			if n > many*4096 {
				t.Errorf("%d recipients made it allocate %d octets", many, n)
			}
		})
	}
}

// TestEndlessChunks sends chunks to a server that has refused one: those behind
// it are not kept.
func TestEndlessChunks(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Extensions, srv.SizeLimit = append(srv.Extensions, "CHUNKING"), 4
	srv.StartInMemory()
	c := play.Dial(t, srv)
	const chunks = 10_000
	go io.WriteString(c, "EHLO client.test\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<b@server.test>\r\nBDAT 4\r\nabcdBDAT 3\r\nefg"+strings.Repeat("BDAT 1\r\nhBDAT 0\r\n", chunks/2)+"QUIT\r\n")
	if _, err := io.Copy(io.Discard, c); err != nil {
		t.Fatal(err)
	}
	tr := srv.WaitSession(nil).Transactions[0]
	if diff := cmp.Diff([]int{4}, tr.Chunks); diff != "" || tr.Octets != 7 || !strings.HasPrefix("abcdefg", tr.Data) {
		t.Errorf("Data %q of %d octets, Chunks mismatch (-want +got):\n%s", tr.Data, tr.Octets, diff)
	}
}

// TestForgedLines sends line ends, escapes and what turns the direction of text:
// in transcript, log and failures none of it is there as it came, and each line
// is one that the server wrote.
func TestForgedLines(t *testing.T) {
	for _, c := range []struct {
		name string
		sent []string
		want string // in the log of the test
	}{
		{"unknown verb", []string{"\nS:\t250\tOK\n\x1b[31mRED"}, `C: "\nS:\t250\tOK\n\x1b[31mRED"`},
		{"a line feed alone", []string{"NOOP\n-- forged"}, `C: "NOOP\n-- forged"`},
		{"a carriage return alone", []string{"NOOP\r-- forged"}, `C: "NOOP\r-- forged"`},
		{"verb with C1", []string{"X\u009b31m\u202e\u2066\u2028"}, `C: "X\u009b31m\u202e\u2066\u2028"`},
		{"argument", []string{"NOOP \n-- forged\x1b[31m"}, `C: "NOOP \n-- forged\x1b[31m"`},
		{"no line", []string{"QUIT\r\n\nS: 250 \u009b31m\u202e"}, `not read as commands: "\nS: 250 \u009b31m\u202e`},
		{"address", []string{"EHLO a", "MAIL FROM:<a\u009b31m\u202eb@b.test> SMTPUTF8", "RCPT TO:<c\u2066@d.test>", "DATA", "Subject: \u202e\x1b\r\n\r\n\u009b31m\r\n."},
			`message 1, session 1: "<a\u009b31m\u202eb@b.test> to c\u2066@d.test", "\u202e\x1b"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tb := &play.FakeTB{}
				srv := smtptest.NewUnstartedServer(tb)
				srv.Script(smtptest.Rule{On: "IDLE", Delay: time.Second, Times: 3, Reply: "250 still here"}, smtptest.Rule{On: "XFOO bar", Reply: "250 OK"})
				srv.StartInMemory()
				client := play.Listen(play.Dial(t, srv))
				for _, line := range c.sent {
					client.Say(play.Step{Send: line + "\r\n"})
				}
				time.Sleep(time.Minute)
				client.Close()
				play.Try(func() { srv.WaitFor(func(smtptest.Message) bool { return false }) })
				tb.End()
				log := tb.Errors() + "\n" + tb.Logged()
				if !strings.Contains(log, c.want) {
					t.Errorf("the log has no %s:\n%q", c.want, log)
				}
				if strings.ContainsFunc(log, func(r rune) bool { return r != '\n' && r != '\t' && !unicode.IsPrint(r) }) {
					t.Errorf("the log is not printable:\n%q", log)
				}
				if got := srv.Transcript(); !transcriptLines.MatchString(got) {
					t.Errorf("Transcript() has other lines:\n%q", got)
				}
			})
		})
	}
}

// TestSlowSender writes an octet a minute: a command that is not complete after
// five minutes is idleness (RFC 5321 4.5.3.2.7), content goes on as long as it
// comes.
func TestSlowSender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewInMemoryServer(t)
		slow := func(to play.State) *play.Listener {
			c := play.Arrive(t, srv, to)
			return play.Listen(c)
		}
		in, command := slow(play.InData), slow(play.EHLO)
		for i, octet := range strings.Split("text of an hour, octet by octet", "") {
			in.Say(play.Step{Send: octet})
			command.Say(play.Step{Send: octet})
			if ended := i >= 5; command.Ended() != ended {
				t.Fatalf("after %d minutes: the slow command's session has ended: %t", i, !ended)
			}
			time.Sleep(time.Minute)
		}
		in.Say(play.Step{Send: "\r\n.\r\n"})
		if got := in.Heard(); got != play.OK+"\r\n" {
			t.Errorf("the slow content was answered %q", got)
		}
	})
}

// TestCutAnywhere ends a session at each of its octets, with FIN and with RST,
// over TCP and in memory: it is recorded to its end, and the next one works.
func TestCutAnywhere(t *testing.T) {
	all := play.Joined(play.StepsOf(slices.Concat(play.PathTo[play.RcptGiven], play.Talk(play.SayData, "C: text", "C: .", "S: "+play.OK)))).Send
	play.Networks(t, func(t *testing.T, start func(*smtptest.Server)) {
		srv := smtptest.NewUnstartedServer(t)
		start(srv)
		for i := range len(all) + 1 {
			for _, reset := range []bool{false, true} {
				c := play.Dial(t, srv)
				io.WriteString(c, all[:i])
				if reset {
					play.Abort(c)
				} else {
					c.Close()
				}
			}
		}
		for i := range 2 * (len(all) + 1) {
			s := srv.WaitSession(func(s smtptest.Session) bool { return s.ID == i+1 })
			if s.End != smtptest.EndClosed && s.End != smtptest.EndReset {
				t.Errorf("session %d: End = %q", s.ID, s.End)
			}
		}
		if err := play.Deliver(srv, "next@client.test", "text"); err != nil {
			t.Error(err)
		}
	})
}

// TestSilentConnections holds a thousand that say nothing: others do not
// notice, and Close ends them all.
func TestSilentConnections(t *testing.T) {
	srv := smtptest.NewServer(t)
	for range 1000 {
		play.Dial(t, srv)
	}
	if err := play.Deliver(srv, "a@client.test", "text"); err != nil {
		t.Error(err)
	}
	srv.Close()
	for _, s := range srv.Sessions() {
		if s.End == "" {
			t.Fatalf("session %d has not ended", s.ID)
		}
	}
}

// TestTLSGarbage speaks TLS to a port in clear and the reverse, and garbage to
// both.
func TestTLSGarbage(t *testing.T) {
	plain, implicit := smtptest.NewServer(t), smtptest.NewTLSServer(t)
	if _, err := tls.Dial("tcp", plain.Addr, implicit.ClientTLSConfig()); err == nil {
		t.Error("TLS with a server in clear")
	}
	for _, send := range []string{"EHLO client.test\r\n", "\x16\x03\x01\xff\xff", "\x16\x03\x01\x00\x02\x01\x00", strings.Repeat("\x80\x00\xff", 10_000)} {
		c := play.Dial(t, implicit)
		io.WriteString(c, send)
		c.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, c)
	}
	for range 4 {
		if s := implicit.WaitSession(nil); s.End != smtptest.EndTLS {
			t.Errorf("End = %q", s.End)
		}
	}
	if err := play.Deliver(plain, "a@client.test", "text"); err != nil {
		t.Error(err)
	}
	c := tls.Client(play.Dial(t, implicit), implicit.ClientTLSConfig())
	if err := play.Converse(c, play.StepsOf(play.Talk("S: "+play.Greeting, play.SayEHLO, play.SayQuit))); err != nil {
		t.Error(err)
	}
}
