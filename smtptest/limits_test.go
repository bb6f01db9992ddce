//go:build !race

// A million commands take the race detector 20 s and show it nothing new.

package smtptest_test

import (
	"bufio"
	"io"
	"strings"
	"testing"

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
