package smtptest_test

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
)

// benched is a client that allocates nothing: it writes groups of commands and
// counts the lines that come back.
type benched struct {
	b    *testing.B
	srv  *smtptest.Server
	conn net.Conn
	buf  [4096]byte
}

func newBenched(b *testing.B, srv *smtptest.Server) *benched {
	conn, err := srv.DialContext(b.Context(), "", "")
	if err != nil {
		b.Fatal(err)
	}
	c := &benched{b: b, srv: srv, conn: conn}
	c.lines(1)
	io.WriteString(conn, "HELO client.test\r\n")
	c.lines(1)
	return c
}

// anew replaces the server, which is in memory: it keeps all that it was told,
// and takes a million commands of one client.
func (c *benched) anew() {
	c.b.StopTimer()
	c.srv.Close()
	*c = *newBenched(c.b, smtptest.NewInMemoryServer(nil))
	c.b.StartTimer()
}

func (c *benched) lines(n int) {
	for n > 0 {
		k, err := c.conn.Read(c.buf[:])
		if err != nil {
			c.b.Fatal(err)
		}
		n -= bytes.Count(c.buf[:k], []byte("\n"))
	}
}

func (c *benched) do(s []byte, lines int) {
	if _, err := c.conn.Write(s); err != nil {
		c.b.Fatal(err)
	}
	c.lines(lines)
}

func (c *benched) message(content []byte) {
	c.do(benchMail, 1)
	c.do(benchRcpt, 1)
	c.do(benchData, 1)
	c.do(content, 1)
}

var (
	benchMail = []byte("MAIL FROM:<a@client.test>\r\n")
	benchRcpt = []byte("RCPT TO:<b@server.test>\r\n")
	benchData = []byte("DATA\r\n")
	benchText = []byte(strings.Repeat("0123456789012345678901234567890123456789012345678901234567890\r\n", 16) + ".\r\n")
)

// BenchmarkLife is start and close.
func BenchmarkLife(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		smtptest.NewServer(nil).Close()
	}
}

// BenchmarkFixture is a test's whole use of a server: start, one message, Wait,
// close.
func BenchmarkFixture(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		srv := smtptest.NewServer(nil)
		c := newBenched(b, srv)
		c.message(benchText)
		srv.Wait(1)
		c.conn.Close()
		srv.Close()
	}
}

// BenchmarkMessage is one message of a kilobyte, command by command.
func BenchmarkMessage(b *testing.B) {
	for _, network := range []string{"tcp", "memory"} {
		b.Run(network, func(b *testing.B) {
			srv := smtptest.NewUnstartedServer(nil)
			defer srv.Close()
			if network == "tcp" {
				srv.Start()
			} else {
				srv.StartInMemory()
			}
			c := newBenched(b, srv)
			b.ReportAllocs()
			for b.Loop() {
				c.message(benchText)
			}
		})
	}
}

// BenchmarkCommand is a command that changes nothing, and its reply.
func BenchmarkCommand(b *testing.B) {
	for _, of := range []struct {
		name  string
		group int
	}{{"one by one", 1}, {"pipelined by 100", 100}} {
		b.Run(of.name, func(b *testing.B) {
			c := newBenched(b, smtptest.NewInMemoryServer(nil))
			defer func() { c.srv.Close() }()
			group := bytes.Repeat([]byte("NOOP\r\n"), of.group)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				if n++; n%of.group == 0 {
					c.do(group, of.group)
				}
				if n%100_000 == 0 {
					c.anew()
				}
			}
		})
	}
}

// BenchmarkScript is the same with a table of 50 rules of which none answers.
func BenchmarkScript(b *testing.B) {
	srv := smtptest.NewUnstartedServer(nil)
	defer srv.Close()
	rows := make([]smtptest.Rule, 50)
	for i := range rows {
		rows[i] = smtptest.Rule{On: "RCPT TO:<*@elsewhere.test>", Times: 1, Reply: "550 5.1.1 no", Optional: true}
	}
	srv.Script(rows...)
	srv.StartInMemory()
	c := newBenched(b, srv)
	b.ReportAllocs()
	for b.Loop() {
		c.message(benchText)
	}
}

// BenchmarkRecipients is a RCPT, pipelined by 100.
func BenchmarkRecipients(b *testing.B) {
	c := newBenched(b, smtptest.NewInMemoryServer(nil))
	defer func() { c.srv.Close() }()
	group := bytes.Repeat(benchRcpt, 100)
	b.ReportAllocs()
	c.do(benchMail, 1)
	n := 0
	for b.Loop() {
		if n++; n%100 == 0 {
			c.do(group, 100)
		}
		if n%10_000 == 0 {
			c.anew()
			c.do(benchMail, 1)
		}
	}
}

// BenchmarkConnection is one message of a kilobyte on a connection of its own.
func BenchmarkConnection(b *testing.B) {
	srv := smtptest.NewServer(nil)
	defer srv.Close()
	b.ReportAllocs()
	for b.Loop() {
		c := newBenched(b, srv)
		c.message(benchText)
		io.WriteString(c.conn, "QUIT\r\n")
		io.Copy(io.Discard, c.conn)
		c.conn.Close()
	}
}
