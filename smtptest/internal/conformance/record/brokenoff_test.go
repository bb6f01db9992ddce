package record_test

import (
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

// TestContentThatDoesNotEnd verifies that the record and the transcript have the
// content of a client that disconnects before the final dot, and that the record
// tells whether the content began before the 354.
func TestContentThatDoesNotEnd(t *testing.T) {
	slow := smtptest.Rule{On: "DATA", Delay: time.Second}
	for _, tt := range []struct {
		name  string
		rule  smtptest.Rule
		wait  time.Duration // between DATA and the content
		early bool
		lines string // of the transcript, after the line of DATA
	}{
		{name: "content before the 354", rule: slow, early: true,
			lines: "-- rule 1: after 1s\nS: 354 End data with <CR><LF>.<CR><LF>\nC: Subject: x\nC: \nC: ..hi\n-- the content did not end\n"},
		{name: "content after the 354", rule: slow, wait: 2 * time.Second,
			lines: "-- rule 1: after 1s\nS: 354 End data with <CR><LF>.<CR><LF>\nC: Subject: x\nC: \nC: ..hi\n-- the content did not end\n"},
		{name: "content before a 354 and a close", rule: smtptest.Rule{On: "DATA", Delay: time.Second, Then: smtptest.Close},
			lines: "-- rule 1: after 1s; close\nS: 354 End data with <CR><LF>.<CR><LF>\n-- not read as commands: \"Subject: x\\r\\n\\r\\n..hi\\r\\n\"\n"},
		{name: "content before a refusal", rule: smtptest.Rule{On: "DATA", Delay: time.Second, Reply: "451 4.3.0 no", Then: smtptest.Close},
			lines: "-- rule 1: after 1s; close\nS: 451 4.3.0 no\n-- not read as commands: \"Subject: x\\r\\n\\r\\n..hi\\r\\n\"\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := smtptest.NewInMemoryServer(t)
				srv.Script(tt.rule)
				c := play.Arrive(t, srv, play.HELORcpt)
				io.WriteString(c, "DATA\r\n")
				time.Sleep(tt.wait)
				io.WriteString(c, "Subject: x\r\n\r\n..hi\r\n")
				time.Sleep(3 * time.Second)
				c.Close()
				s := srv.WaitSessions(1)[0]
				if got := s.Transactions[0].Pipelined; got != tt.early {
					t.Errorf("Transaction.Pipelined = %t, want %t", got, tt.early)
				}
				_, got, _ := strings.Cut(srv.Transcript(), "C: DATA\n")
				if got, _, _ := strings.Cut(got, "-- closed"); got != tt.lines {
					t.Errorf("Transcript() after DATA = %q, want %q", got, tt.lines)
				}
			})
		})
	}
}
