//go:build !race

// A million commands take the race detector 20 s and show it nothing new.

package smtptest_test

import (
	"bufio"
	"io"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
)

// TestLimits has one client send the most that is taken of it, and then one
// more.
func TestLimits(t *testing.T) {
	for _, l := range []struct {
		name, command, reply, last string
		most                       int
	}{
		{"recipients", "RCPT TO:<b@server.test>\r\n", rcptOK, "452 4.5.3 Error: too many recipients", 100_000},
		{"commands", "NOOP\r\n", ok, "421 4.7.0 Error: too many commands", 1_000_000 - 2},
	} {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			srv := smtptest.NewInMemoryServer(t)
			c := arrive(t, srv, mailGiven)
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
