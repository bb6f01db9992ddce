//go:build !race

// The race detector takes 20 s for a million commands and for the counting of bytes, and
// finds nothing more.

package smtptest_test

import (
	"bufio"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/go-smtptest/smtp/smtptest/lint"
	"github.com/go-smtptest/smtp/smtptest/report"
)

// TestLimits has one client send the most that is taken of it, and then one
// more.
func TestLimits(t *testing.T) {
	for _, l := range []struct {
		name, command, reply, last string
		most                       int
	}{
		{"recipients", "RCPT TO:<b@server.test>\r\n", play.RcptOK, "452 4.5.3 Error: too many recipients", 100_000},
		{"commands", "NOOP\r\n", play.OK, "421 4.7.0 Error: too many commands", 1_000_000 - 2},
	} {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			srv := smtptest.NewInMemoryServer(t)
			c := play.Arrive(t, srv, play.MailGiven)
			go func() {
				group := strings.Repeat(l.command, 1000)
				for sent := 0; sent <= l.most; sent += 1000 {
					if _, err := io.WriteString(c, group); err != nil {
						return
					}
				}
			}()
			r := bufio.NewReader(c)
			for i := range l.most + 1 {
				want := l.reply
				if i == l.most {
					want = l.last
				}
				if line, err := r.ReadSlice('\n'); string(line) != want+"\r\n" {
					t.Fatalf("reply %d: %q, %v, want %s", i+1, line, err, want)
				}
			}
		})
	}
}

// TestLimitsRead verifies that all that reads a record can read one that is as
// large as a limit lets it become.
func TestLimitsRead(t *testing.T) {
	const mail, rcpt, most = "MAIL FROM:<a@client.test>\r\n", "RCPT TO:<b@server.test>\r\n", 100_000
	for _, l := range []struct {
		name                        string
		setup                       func(*smtptest.Server)
		lines                       string
		exchanges, to, transactions int // in the record
	}{
		{"recipients of a CommandFunc", play.WithReply("RCPT", ""), mail + strings.Repeat(rcpt, most) + "DATA\r\ntext\r\n.\r\n", most + 6, most, 1},
		{"recipients of LMTP", func(srv *smtptest.Server) { srv.LMTP = true }, mail + strings.Repeat(rcpt, most) + "DATA\r\ntext\r\n.\r\n", 2*most + 5, most, 1},
		{"chunks", nil, mail + rcpt + strings.Repeat("BDAT 1\r\nx", most) + "BDAT 0 LAST\r\n", most + 6, 1, 1},
		{"messages", nil, strings.Repeat(mail+rcpt+"BDAT 0 LAST\r\n", most/10), 3*most/10 + 3, 1, most / 10},
	} {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			srv := smtptest.NewUnstartedServer(t)
			srv.Extensions = append(srv.Extensions, "CHUNKING")
			hello := "EHLO client.test\r\n"
			if l.setup != nil {
				l.setup(srv)
			}
			if srv.LMTP {
				hello = "LHLO client.test\r\n"
			}
			srv.StartInMemory()
			c, err := srv.DialContext(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			go io.WriteString(c, hello+l.lines+"QUIT\r\n")
			io.Copy(io.Discard, c)
			sessions := srv.WaitSessions(1)
			s, to := sessions[0], len(sessions[0].Transactions[0].Recipients)
			if len(s.Exchanges) != l.exchanges || to != l.to || len(s.Transactions) != l.transactions {
				t.Errorf("%d exchanges, %d recipients, %d transactions, want %d, %d, %d", len(s.Exchanges), to, len(s.Transactions), l.exchanges, l.to, l.transactions)
			}
			if n := strings.Count(srv.Transcript(), "C: "); n < most/10 {
				t.Errorf("the transcript has %d lines of the client", n)
			}
			if n := strings.Count(smtptest.SessionText(s), "C: "); n < most/10 {
				t.Errorf("the session's file has %d lines of the client", n)
			}
			lint.Check(sessions)
			if err := report.Write(io.Discard, srv); err != nil {
				t.Error(err)
			}
		})
	}
}

// linear are uses of a server whose cost is proportional to n.
var linear = []struct {
	name string
	n    int
	run  func(tb testing.TB, n int)
}{
	{"Transcript of chunks", 8000, func(tb testing.TB, n int) {
		sendChunks(tb, "MAIL FROM:<a@client.test>\r\nRCPT TO:<b@server.test>\r\n"+strings.Repeat("BDAT 1\r\nx", n)+"BDAT 0 LAST\r\n").Transcript()
	}},
	{"Transcript of chunks of many transactions", 4000, func(tb testing.TB, n int) {
		sendChunks(tb, strings.Repeat("MAIL FROM:<a@client.test>\r\nRCPT TO:<b@server.test>\r\nBDAT 1\r\nxBDAT 1 LAST\r\ny", n/4)).Transcript()
	}},
	{"dialogue of chunks", 4000, func(tb testing.TB, n int) {
		srv := sendChunks(tb, "MAIL FROM:<a@client.test>\r\nRCPT TO:<b@server.test>\r\n"+strings.Repeat("BDAT 1\r\nxBDAT 1 LAST X\r\ny", n/2))
		for _, s := range srv.Sessions() {
			smtptest.SessionText(s)
		}
	}},
	{"reply of many lines", 4000, func(_ testing.TB, n int) {
		smtptest.SessionText(smtptest.Session{Exchanges: []smtptest.Exchange{{Command: "HELP", Reply: smtptest.Reply(strings.Repeat("214-help\n", n) + "214 help")}}})
	}},
	{"Commands of RCPT", 4000, func(tb testing.TB, n int) {
		commanded(tb, "RCPT", func(*smtptest.Channel) smtptest.Reply { return "" }, "RCPT TO:<b@server.test> NOTIFY=NEVER\r\n", n)
	}},
	{"Commands of RCPT that add it themselves", 4000, func(tb testing.TB, n int) {
		commanded(tb, "RCPT", func(ch *smtptest.Channel) smtptest.Reply {
			ch.RcptTos, ch.RcptOptions = append(ch.RcptTos, "b@server.test"), append(ch.RcptOptions, []string{"NOTIFY=NEVER"})
			return play.OK
		}, "RCPT TO:<b@server.test>\r\n", n)
	}},
	{"Commands of another verb", 4000, func(tb testing.TB, n int) {
		commanded(tb, "NOOP", func(*smtptest.Channel) smtptest.Reply { return "" }, "RCPT TO:<b@server.test> NOTIFY=NEVER\r\nNOOP\r\n", n)
	}},
	{"Commands of a verb that takes the last recipient away", 4000, func(tb testing.TB, n int) {
		commanded(tb, "XPOP", func(ch *smtptest.Channel) smtptest.Reply {
			ch.RcptTos = ch.RcptTos[:len(ch.RcptTos)-1]
			return play.OK
		}, "RCPT TO:<b@server.test>\r\nRCPT TO:<c@server.test>\r\nXPOP\r\n", n)
	}},
	{"Stop with open sessions", 300, func(tb testing.TB, n int) {
		srv := smtptest.NewInMemoryServer(nil)
		defer srv.Close()
		for range n {
			c, err := srv.DialContext(tb.Context(), "", "")
			if err != nil {
				tb.Fatal(err)
			}
			defer c.Close()
			if _, err := c.Read(make([]byte, 100)); err != nil { // the greeting
				tb.Fatal(err)
			}
		}
		srv.Stop()
	}},
	{"WaitSessions", 300, func(tb testing.TB, n int) {
		srv := smtptest.NewUnstartedServer(nil)
		srv.WaitTimeout = time.Hour
		srv.StartInMemory()
		defer srv.Close()
		go func() {
			for range n {
				play.SendMail(srv, "a@client.test", "b@server.test", "text\r\n")
			}
		}()
		srv.WaitSessions(n)
	}},
	{"sessions one after another", 300, func(tb testing.TB, n int) {
		srv := smtptest.NewInMemoryServer(nil)
		defer srv.Close()
		for range n {
			play.SendMail(srv, "a@client.test", "b@server.test", "text\r\n")
			srv.Wait(1)
			srv.Drain()
			srv.CloseClientConnections()
		}
	}},
}

// sendChunks returns a server with CHUNKING to which one client has sent the text.
func sendChunks(tb testing.TB, text string) *smtptest.Server {
	srv := smtptest.NewUnstartedServer(nil)
	srv.Extensions = append(srv.Extensions, "CHUNKING")
	srv.StartInMemory()
	tb.Cleanup(srv.Close)
	tell(tb, srv, text)
	return srv
}

// commanded has a client send the lines n times within a transaction. f is the
// function of the verb; a limit has the server look at each recipient's domain.
func commanded(tb testing.TB, verb string, f func(*smtptest.Channel) smtptest.Reply, lines string, n int) {
	srv := smtptest.NewUnstartedServer(nil)
	srv.Extensions = append(srv.Extensions, "DSN", "LIMITS RCPTDOMAINMAX=2")
	srv.Commands = map[string]smtptest.CommandFunc{verb: func(ch *smtptest.Channel, _ string) smtptest.Reply { return f(ch) }}
	srv.StartInMemory()
	defer srv.Close()
	tell(tb, srv, "MAIL FROM:<a@client.test>\r\n"+strings.Repeat(lines, n)+"DATA\r\ntext\r\n.\r\n")
	if got := len(srv.Messages()[0].To); got != n {
		tb.Errorf("%d recipients, want %d", got, n)
	}
}

// TestLinear verifies that four times as much allocates at most five times as much.
func TestLinear(t *testing.T) {
	for _, l := range linear {
		t.Run(l.name, func(t *testing.T) {
			l.run(t, l.n) // what is allocated once
			small, large := play.Allocated(func() { l.run(t, l.n) }), play.Allocated(func() { l.run(t, 4*l.n) })
			if large > 5*small+64<<10 {
				t.Errorf("n = %d allocates %d bytes, 4n %d", l.n, small, large)
			}
		})
	}
}

// BenchmarkLinear reports how many times as long four times as much takes.
func BenchmarkLinear(b *testing.B) {
	for _, l := range linear {
		b.Run(l.name, func(b *testing.B) {
			var small, large time.Duration
			for b.Loop() {
				start := time.Now()
				l.run(b, l.n)
				middle := time.Now()
				l.run(b, 4*l.n)
				small, large = small+middle.Sub(start), large+time.Since(middle)
			}
			b.ReportMetric(float64(large)/float64(small), "ratio")
		})
	}
}

// TestAllocations verifies that a message costs no more allocations than documented:
// the record of the transaction, of its commands and of its content.
func TestAllocations(t *testing.T) {
	srv := smtptest.NewInMemoryServer(t)
	conn, err := srv.DialContext(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	say := func(line []byte) {
		if len(line) > 0 {
			conn.Write(line)
		}
		if _, err := conn.Read(buf); err != nil {
			t.Fatal(err)
		}
	}
	say(nil)
	say([]byte("HELO client.test\r\n"))
	message := [][]byte{
		[]byte("MAIL FROM:<a@client.test>\r\n"), []byte("RCPT TO:<b@server.test>\r\n"), []byte("DATA\r\n"), []byte("x\r\n.\r\n"),
	}
	const most = 6
	got := testing.AllocsPerRun(1000, func() {
		for _, line := range message {
			say(line)
		}
	})
	if got > most {
		t.Errorf("a message costs %v allocations, want at most %d", got, most)
	}
}
