package lint_test

import (
	"net/smtp"
	"slices"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/go-smtptest/smtp/smtptest/lint"
	"github.com/google/go-cmp/cmp"
)

// sendAll sends each content in a session of its own.
func sendAll(t *testing.T, srv *smtptest.Server, contents ...string) {
	t.Helper()
	for _, content := range contents {
		if err := smtp.SendMail(srv.Addr, nil, "ann@example.com", []string{"bob@example.com"}, []byte(strings.ReplaceAll(content, "\n", "\r\n"))); err != nil {
			t.Fatal(err)
		}
	}
	srv.WaitSessions(len(srv.Sessions()))
}

// release drains the messages, and as many others that the content of the first ones is
// released.
func release(t *testing.T, srv *smtptest.Server) {
	t.Helper()
	srv.Drain()
	large := "Date: x\n\n" + strings.Repeat(strings.Repeat("x", 70)+"\n", 1<<16)
	sendAll(t, srv, large)
	srv.Drain()
}

func idsOf(findings []lint.Finding) []string {
	ids := []string{}
	for _, f := range findings {
		ids = append(ids, f.ID)
	}
	return ids
}

// TestReleased verifies which findings remain when the contents are released: those that
// the header, the hash or the offsets prove.
func TestReleased(t *testing.T) {
	const (
		head  = "From: ann@example.com\nTo: bob@example.com\nDate: Mon, 30 Nov 2026 14:00:00 +0000\nSubject: x\n"
		id    = "Message-ID: <1@example.com>\n"
		mixed = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="
	)
	parts := func(boundary string) string { return "\n--" + boundary + "\n\nhi\n--" + boundary + "--\n" }
	for _, c := range []struct {
		name     string
		contents []string
		whole    []string // findings while the contents are there
		released []string
	}{
		{"nothing is wrong", []string{head + id + "\nhi\n"}, nil, nil},
		{"the header", []string{"Subject: x\n\nhi\n"},
			[]string{"header-missing-date", "header-missing-from", "header-message-id-missing", "header-no-destination"},
			[]string{"header-missing-date", "header-missing-from", "header-message-id-missing", "header-no-destination"}},
		{"a MIME field of the header", []string{head + id + "Content-Type: text/plain\n\nhi\n"}, []string{"mime-version-missing"}, []string{"mime-version-missing"}},
		{"a multipart without a boundary", []string{head + id + "MIME-Version: 1.0\nContent-Type: multipart/mixed\n\nhi\n"}, []string{"mime-boundary-missing"}, []string{"mime-boundary-missing"}},
		{"no header at all", []string{"hi\nthere\n"}, []string{"header-missing-date", "header-missing-from", "header-message-id-missing", "header-no-destination", "header-no-separator"}, nil},
		{"a header that does not end", []string{head + id + "hi\n"}, []string{"header-no-separator"}, nil},
		{"the body", []string{head + id + "\n" + strings.Repeat("x", 1000) + "\n"}, []string{"data-line-too-long"}, nil},
		{"the parts", []string{head + id + mixed + "b\n\nhi\n"}, []string{"mime-boundary-not-found"}, nil},
		{"the same message twice", []string{head + id + "\nhi\n", head + id + "\nhi\n"}, []string{"resent-after-250"}, []string{"resent-after-250"}},
		{"the same message twice without Message-ID", []string{head + "\nhi\n", head + "\nhi\n"},
			[]string{"header-message-id-missing", "header-message-id-missing", "resent-after-250"}, []string{"header-message-id-missing", "header-message-id-missing", "resent-after-250"}},
		{"two messages with one Message-ID", []string{head + id + "\nhi\n", head + id + "\nhello\n"}, []string{"header-message-id-reused"}, []string{"header-message-id-reused"}},
		{"the same message with another boundary", []string{head + id + mixed + "a\n" + parts("a"), head + id + mixed + "b\n" + parts("b")}, []string{"resent-after-250"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := smtptest.NewServer(t)
			sendAll(t, srv, c.contents...)
			n := len(c.contents)
			whole := lint.Check(srv.Sessions())
			release(t, srv)
			for _, s := range srv.Sessions()[:n] {
				if tr := s.Transactions[0]; !tr.Released {
					t.Fatalf("session %d was not released", s.ID)
				}
			}
			released := lint.Check(srv.Sessions()[:n])
			if diff := cmp.Diff(append([]string{}, c.whole...), idsOf(whole)); diff != "" {
				t.Errorf("findings before the release (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(append([]string{}, c.released...), idsOf(released)); diff != "" {
				t.Errorf("findings after the release (-want +got):\n%s", diff)
			}
			for _, f := range released {
				if !slices.Contains(whole, f) {
					t.Errorf("only after the release: %v", f)
				}
			}
		})
	}
}

// TestReleasedAndWhole verifies that a content that is there is compared with the hash of
// one that was released.
func TestReleasedAndWhole(t *testing.T) {
	const first = "From: ann@example.com\nTo: bob@example.com\nDate: Mon, 30 Nov 2026 14:00:00 +0000\nMessage-ID: <1@example.com>\n\n"
	for _, c := range []struct{ name, second, want string }{
		{"the same", "hi\n", "resent-after-250"},
		{"another", "hello\n", "header-message-id-reused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := smtptest.NewServer(t)
			sendAll(t, srv, first+"hi\n")
			release(t, srv)
			sendAll(t, srv, first+c.second)
			sessions := srv.Sessions()
			got := idsOf(lint.Check([]smtptest.Session{sessions[0], sessions[2]}))
			if diff := cmp.Diff([]string{c.want}, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

// TestReleasedDots verifies that the offsets of dots that were not doubled prove the
// fault, although the octets are gone.
func TestReleasedDots(t *testing.T) {
	srv := smtptest.NewServer(t)
	c := srv.Client()
	c.Mail("ann@example.com")
	c.Rcpt("bob@example.com")
	c.Text.PrintfLine("DATA")
	c.Text.ReadResponse(354)
	c.Text.PrintfLine("Subject: x\r\n\r\n.hello\r\n.")
	c.Text.ReadResponse(250)
	c.Quit()
	srv.WaitSessions(1)
	release(t, srv)
	for _, f := range lint.Check(srv.Sessions()[:1]) {
		if f.ID == "data-dot-not-stuffed" && f.Offset == -1 && f.Octets == "" {
			return
		}
	}
	t.Errorf("findings: %v", lint.Check(srv.Sessions()[:1]))
}

// TestRequireReleased verifies that Require logs how many messages were released.
func TestRequireReleased(t *testing.T) {
	srv := smtptest.NewServer(t)
	tb := &fakeTB{}
	lint.Require(tb, srv, lint.Error)
	for range 2 {
		if err := play.SendMail(srv, "ann@example.com", "bob@example.com", "Subject: x\r\n\r\nhi\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	release(t, srv)
	tb.end()
	const want = "Drain or Take: 3"
	if !slices.ContainsFunc(tb.logs, func(line string) bool { return strings.Contains(line, want) }) {
		t.Errorf("%q is not in the log: %q", want, tb.logs)
	}
}
