package smtptest_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/smtp"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

// failures are tests that fail. They run in a process of their own, in bubbles,
// so that the times in their output are known; testdata/failures.txt is what
// they say.
var failures = []struct {
	name, reason string
	run          func(t *testing.T, srv *smtptest.Server)
}{
	{"one session", "everything of it is shown", func(t *testing.T, srv *smtptest.Server) {
		play.SendMail(srv, "ann@example.com", "bob@example.com", "Subject: Hi\r\n\r\nHello\r\n")
		if got := srv.Messages()[0].Subject(); got != "Ho" {
			t.Errorf("Subject() = %q, want %q", got, "Ho")
		}
	}},
	{"no client", "said once", func(t *testing.T, srv *smtptest.Server) { srv.Wait(1) }},
	{"refused by a rule", "the refusal is the nearest miss; the dialogue is shown once", func(t *testing.T, srv *smtptest.Server) {
		srv.Script(smtptest.Rule{On: "RCPT TO:<bob@example.com>", Times: 2, Delay: time.Second, Reply: "450 4.2.1 greylisted"})
		for range 2 {
			play.SendMail(srv, "ann@example.com", "bob@example.com", "Hi\r\n")
			time.Sleep(time.Minute)
		}
		srv.Wait(1)
	}},
	{"other messages", "a failed WaitFor says what came", func(t *testing.T, srv *smtptest.Server) {
		for i := range 7 {
			play.SendMail(srv, "ann@example.com", fmt.Sprintf("user%d@example.com", i), fmt.Sprintf("Subject: mail %d\r\n\r\n", i))
		}
		srv.WaitFor(func(m smtptest.Message) bool { return m.To[0] == "eve@example.com" })
	}},
	{"a client that stalls", "the open session is named", func(t *testing.T, srv *smtptest.Server) {
		c := srv.Client()
		t.Cleanup(func() { c.Close() })
		c.Mail("ann@example.com")
		c.Rcpt("bob@example.com")
		srv.WaitSession(func(smtptest.Session) bool { return true })
	}},
	{"a client that leaves within the content", "what came of it is counted", func(t *testing.T, srv *smtptest.Server) {
		c := srv.Client()
		c.Mail("ann@example.com")
		c.Rcpt("bob@example.com")
		w, _ := c.Data()
		fmt.Fprint(w, strings.Repeat("a line\r\n", 1000))
		c.Close()
		srv.Wait(1)
	}},
	{"drained before", "the count says so", func(t *testing.T, srv *smtptest.Server) {
		play.SendMail(srv, "ann@example.com", "bob@example.com", "Hi\r\n")
		srv.Drain()
		srv.Wait(1)
	}},
	{"password", "it is masked, TLS is marked", func(t *testing.T, srv *smtptest.Server) {
		c := srv.Client()
		c.StartTLS(srv.ClientTLSConfig())
		c.Auth(smtp.PlainAuth("", "ann", "friend", srv.Host()))
		c.Close()
		srv.WaitSession(func(s smtptest.Session) bool { return s.User != "" })
	}},
	{"a client that leaves within the last chunk", "what came of it is counted", func(t *testing.T, srv *smtptest.Server) {
		c := srv.Client()
		c.Mail("ann@example.com")
		c.Rcpt("bob@example.com")
		fmt.Fprint(c.Text.W, "BDAT 100 LAST\r\nhalf")
		c.Text.W.Flush()
		c.Close()
		srv.Wait(1)
	}},
	{"a home-made client", "what it sends without CRLF is shown, though no command", func(t *testing.T, srv *smtptest.Server) {
		c, err := srv.DialContext(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(c, "HELO client.test\nMAIL FROM:<ann@example.com>\n")
		synctest.Wait()
		c.Close()
		srv.Wait(1)
	}},
	{"long content", "its beginning and its size are shown", func(t *testing.T, srv *smtptest.Server) {
		play.SendMail(srv, "ann@example.com", "bob@example.com", strings.Repeat("x", 990)+"\r\n"+strings.Repeat("a line\r\n", 1000))
		play.SendMail(srv, "ann@example.com", "bob@example.com", "\x00\x1b[31mred\r\n")
		t.Error("mail differs")
	}},
	{"long session", "the ends are shown, and each kind of refusal between", func(t *testing.T, srv *smtptest.Server) {
		srv.Script(smtptest.Rule{On: "RCPT", Skip: 50, Times: 20, Reply: "452 4.5.3 too many"})
		c := srv.Client()
		c.Mail("ann@example.com")
		for i := range 100 {
			c.Rcpt(fmt.Sprintf("user%d@example.com", i))
		}
		c.Quit()
		t.Error("recipients differ")
	}},
	{"a hundred sessions", "one of each kind is shown", func(t *testing.T, srv *smtptest.Server) {
		srv.Script(
			smtptest.Rule{On: "RCPT", Skip: 36, Times: 3, Reply: "450 4.2.1 greylisted"},
			smtptest.Rule{On: ".", Skip: 70, Times: 1, Reply: smtptest.NoReply, Then: smtptest.Reset},
		)
		for i := range 100 {
			play.SendMail(srv, "ann@example.com", fmt.Sprintf("user%d@example.com", i), fmt.Sprintf("Subject: mail %d\r\n\r\nHello\r\n", i))
			time.Sleep(time.Second)
		}
		srv.Wait(100)
	}},
	{"one to others", "neither other addresses nor a second message are alike", func(t *testing.T, srv *smtptest.Server) {
		for i := range 6 {
			to := []string{"bob@example.com"}
			switch i {
			case 3:
				to = []string{"eve@example.com"}
			case 4:
				to = []string{"bob@example.com", "bob@example.com"}
			}
			sendEach(t, srv, to)
		}
		synctest.Wait()
		t.Error("recipients differ")
	}},
	{"twelve to others", "those that differ in the addresses only have a line each, what was refused is shown", func(t *testing.T, srv *smtptest.Server) {
		srv.Script(smtptest.Rule{On: "RCPT", Skip: 6, Times: 1, Reply: "450 4.2.1 greylisted"})
		for i := range 12 {
			play.SendMail(srv, "ann@example.com", fmt.Sprintf("user%d@example.com", max(i, 2)), "Hi\r\n")
		}
		synctest.Wait()
		t.Error("recipients differ")
	}},
	{"many kinds", "those in the middle have a line each", func(t *testing.T, srv *smtptest.Server) {
		for i := range 40 {
			srv.Script(smtptest.Rule{On: "MAIL", Reply: smtptest.Reply(fmt.Sprintf("%d no", 510+i))})
			for range 1 + i/30 { // the last ten twice, of which some are not shown
				play.SendMail(srv, "ann@example.com", "bob@example.com", "Hi\r\n")
			}
		}
		srv.Wait(1)
	}},
	{"two servers", "each names its address", func(t *testing.T, srv *smtptest.Server) {
		other := smtptest.NewInMemoryServer(t)
		send(other, "ann@example.com", "bob@example.com", "Hi\r\n")
		_, err := srv.WaitContext(context.Background(), 1)
		t.Error(err)
		_, err = other.WaitContext(context.Background(), 2)
		t.Error(err)
	}},
}

// sendEach sends a message to each in one session.
func sendEach(t *testing.T, srv *smtptest.Server, to []string) {
	c := srv.Client()
	for _, rcpt := range to {
		c.Mail("ann@example.com")
		c.Rcpt(rcpt)
		w, err := c.Data()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(w, "Hi\r\n")
		w.Close()
	}
	c.Quit()
}

const playEnv = "SMTPTEST_PLAY_FAILURES"

// TestPlayFailures is the process of its own.
func TestPlayFailures(t *testing.T) {
	if os.Getenv(playEnv) == "" {
		return
	}
	for _, f := range failures {
		t.Run(f.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := smtptest.NewUnstartedServer(t)
				switch f.name {
				case "a client that leaves within the last chunk":
					srv.Extensions = append(srv.Extensions, "CHUNKING")
				case "password":
					srv.TLS = &tls.Config{}
					srv.Users = map[string]string{"ann": "open-sesame"}
				case "a client that stalls":
					srv.WaitTimeout = time.Minute
				}
				srv.StartInMemory()
				f.run(t, srv)
			})
		})
	}
}

// TestFailureOutput holds what failing tests say against
// testdata/failures.txt. With SMTPTEST_UPDATE=1 in the environment it writes
// the file.
func TestFailureOutput(t *testing.T) {
	const file = "testdata/failures.txt"
	var got strings.Builder
	for _, f := range failures {
		out, err := play.RunElsewhere(playEnv, subtest("TestPlayFailures", f.name))
		if err == nil {
			t.Errorf("%s: does not fail", f.name)
		}
		fmt.Fprintf(&got, "== %s: %s\n%s\n", f.name, f.reason, ofTest(out))
	}
	if os.Getenv("SMTPTEST_UPDATE") != "" {
		if err := os.WriteFile(file, []byte(got.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")); diff != "" {
		t.Errorf("failure output mismatch (-want +got):\n%s", diff)
	}
	for _, secret := range []string{"friend", "open-sesame"} {
		if strings.Contains(got.String(), secret) {
			t.Errorf("the output shows the password %q", secret)
		}
	}
}

var lineNumber = regexp.MustCompile(`(failure_test\.go):\d+`)

// ofTest is the output without what the testing package adds, and without the
// numbers of this file's lines.
func ofTest(out string) string {
	var b strings.Builder
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "    ") && !strings.HasPrefix(line, "    --- FAIL") {
			line = lineNumber.ReplaceAllString(line, "$1")
			b.WriteString(strings.TrimRight(strings.TrimPrefix(line, "        "), " \n") + "\n")
		}
	}
	return b.String()
}
