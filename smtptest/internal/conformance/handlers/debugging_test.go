package handlers_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

// writes is a writer that keeps each write apart, and is no better protected
// against several at once than a file is.
type writes struct{ all []string }

func (w *writes) Write(b []byte) (int, error) {
	w.all = append(w.all, string(b))
	return len(b), nil
}

// TestDebugging prints what smtpd prints, beside the recorded cases of
// TestOracle.
func TestDebugging(t *testing.T) {
	const begin, end = "---------- MESSAGE FOLLOWS ----------\n", "------------ END MESSAGE ------------\n"
	for _, c := range []struct {
		name, why     string
		m             smtptest.Message
		bytes, inText string
	}{
		{"cr cr lf", "smtpd turns CRLF into LF, and splitlines takes the CRLF that is left", smtptest.Message{Data: "a: b\r\r\n\r\nx\r\n", Peer: "192.0.2.1:49152"},
			"b'a: b'\nb'X-Peer: 192.0.2.1'\nb''\nb'x'\n", "a: b\nX-Peer: 192.0.2.1\n\nx\n"},
		{"IPv6", "peer[0] has no brackets", smtptest.Message{Data: "\r\nx\r\n", Peer: "[2001:db8::1]:49152"}, "b'X-Peer: 2001:db8::1'\nb''\nb'x'\n", "X-Peer: 2001:db8::1\n\nx\n"},
		{"peer without port", "as XCLIENT may name it", smtptest.Message{Data: "\r\nx\r\n", Peer: "192.0.2.1"}, "b'X-Peer: 192.0.2.1'\nb''\nb'x'\n", "X-Peer: 192.0.2.1\n\nx\n"},
		{"nothing", "no line", smtptest.Message{}, "", ""},
		{"options", "only those that there are, in upper case", smtptest.Message{MailOptions: []string{"size=1", "X='"}, RcptOptions: [][]string{{"a"}, {"notify=never"}}, Data: "x\r\n"},
			"mail options: ['SIZE=1', \"X='\"]\nrcpt options: ['NOTIFY=NEVER']\n\nb'x'\n", "x\n"},
		{"no line end", "what BDAT allows", smtptest.Message{Data: "x"}, "b'x'\n", "x\n"},
		{"not UTF-8", "smtpd would drop the connection; here U+FFFD", smtptest.Message{Data: "\xe9\r\n"}, "b'\\xe9'\n", "\uFFFD\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b, text strings.Builder
			if reply := smtptest.Debugging(&b).ProcessMessage(context.Background(), c.m) + smtptest.DebuggingText(&text).ProcessMessage(context.Background(), c.m); reply != "" {
				t.Errorf("ProcessMessage() = %q", reply)
			}
			if diff := cmp.Diff(begin+c.bytes+end, b.String()); diff != "" {
				t.Errorf("%s\nDebugging mismatch (-want +got):\n%s", c.why, diff)
			}
			if diff := cmp.Diff(begin+c.inText+end, text.String()); diff != "" {
				t.Errorf("%s\nDebuggingText mismatch (-want +got):\n%s", c.why, diff)
			}
		})
	}
}

// TestDebuggingSessions has many sessions deliver at the same time: each message
// is one write, and there is one write at a time.
func TestDebuggingSessions(t *testing.T) {
	play.Networks(t, func(t *testing.T, start func(*smtptest.Server)) {
		const sessions, each = 8, 10
		srv := smtptest.NewUnstartedServer(t)
		var w writes
		srv.Handler = smtptest.DebuggingText(&w)
		start(srv)
		var clients sync.WaitGroup
		var want []string
		for i := range sessions {
			for j := range each {
				line := strings.Repeat(fmt.Sprintf("%d-%d ", i, j), 100)
				want = append(want, "---------- MESSAGE FOLLOWS ----------\n"+strings.Repeat(line+"\n", 20)+"------------ END MESSAGE ------------\n")
			}
			clients.Go(func() {
				for j := range each {
					line := strings.Repeat(fmt.Sprintf("%d-%d ", i, j), 100)
					if err := play.Deliver(srv, "a@client.test", strings.TrimSuffix(strings.Repeat(line+"\r\n", 20), "\r\n")); err != nil {
						t.Error(err)
					}
				}
			})
		}
		clients.Wait()
		srv.Close()
		slices.Sort(want)
		slices.Sort(w.all)
		if diff := cmp.Diff(want, w.all); diff != "" {
			t.Errorf("writes (-want +got):\n%s", diff)
		}
	})
}

// full is a writer that fails.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// TestDebuggingError: what cannot be printed is not accepted.
func TestDebuggingError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewUnstartedServer(t)
		srv.Handler = smtptest.Debugging(full{})
		srv.StartInMemory()
		c := play.Listen(play.Arrive(t, srv, play.InData))
		c.Say(play.Step{Send: "text\r\n.\r\n"})
		if diff := cmp.Diff("451 4.3.0 Error: cannot print the message\r\n", c.Heard()); diff != "" || srv.Count() != 0 {
			t.Errorf("Count() = %d, reply (-want +got):\n%s", srv.Count(), diff)
		}
	})
}
