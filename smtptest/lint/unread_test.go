package lint_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/lint"
	"github.com/google/go-cmp/cmp"
)

// TestUnread holds what is said of octets that had come when the server closed
// and were no command yet.
func TestUnread(t *testing.T) {
	forever := func(on string) []smtptest.Rule { return []smtptest.Rule{{On: on, Delay: smtptest.Forever}} }
	for _, tt := range []struct {
		name, why string
		setup     func(*smtptest.Server)
		script    []smtptest.Rule
		lines     []string
		want      []string
	}{
		{name: "a command", why: "it ends in CRLF", script: forever("NOOP"), lines: said(hi, "NOOP", "+QUIT\r\n")},
		{name: "half a line end", why: "the LF is still to come", script: forever("NOOP"), lines: said(hi, "NOOP", "+QUIT\r")},
		{name: "CR within a command", why: "RFC 5321 2.3.8", script: forever("NOOP"), lines: said(hi, "NOOP", "+a\rb"), want: []string{"command-bare-cr"}},
		{name: "CR before CRLF", why: "RFC 5321 2.3.8", script: forever("NOOP"), lines: said(hi, "NOOP", "+a\r\r\n"), want: []string{"command-bare-cr"}},
		{name: "LF without CR", why: "RFC 5321 2.3.8", script: forever("NOOP"), lines: said(hi, "NOOP", "+a\n"), want: []string{"command-bare-lf"}},
		{name: "within content", why: "it is no command", script: forever("BODY 5"), lines: said(hi, from, to, "DATA", "+"+text("a\nb\rc"))},
		{name: "behind a DATA without its reply", why: "it is content, and there was no 354", script: forever("DATA"), lines: said(hi, from, to, "DATA", "+"+text("a\nb\rc")), want: []string{"data-before-354"}},
		{name: "a command behind a DATA without its reply", why: "the client gave up waiting", script: forever("DATA"), lines: said(hi, from, to, "DATA", "+QUIT\r\n")},
		{name: "behind a DATA that was refused", why: "it is content, and there was no 354", script: []smtptest.Rule{{On: "DATA", Delay: time.Second, Reply: "451 4.3.0 no", Then: smtptest.Close}}, lines: said(hi, from, to, "DATA", "+"+text("Hi!")+"\r\n", "~2s"), want: []string{"data-before-354"}},
		{name: "a command behind a DATA that was refused", why: "it is no content", script: []smtptest.Rule{{On: "DATA", Delay: time.Second, Reply: "451 4.3.0 no", Then: smtptest.Close}}, lines: said(hi, from, to, "DATA", "+RSET\r\n", "~2s")},
		{name: "behind a DATA after which the server closed", why: "it is content, and there was no 354", script: []smtptest.Rule{{On: "DATA", Delay: time.Second, Reply: smtptest.NoReply, Then: smtptest.Close}}, lines: said(hi, from, to, "DATA", "+"+text("Hi!")+"\r\n", "~2s"), want: []string{"data-before-354"}},
		{name: "within a chunk", why: "it is no command", script: forever("BODY 5"), lines: said(hi, from, to, "+"+chunk(text("a\nb\rc"), " LAST"))},
		{name: "behind a chunk", why: "it is a command", script: forever("BDAT"), lines: said(hi, from, to, "+"+chunk(text("Hi!")+"\r\n", ""), "+a\rb"), want: []string{"command-bare-cr"}},
		{name: "a handshake", why: "it is TLS", setup: withTLS, script: forever("TLS"), lines: said(hi, "STARTTLS", "+\x16\x03\x01\n\r\x00")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found := findings(t, row{setup: tt.setup, script: tt.script}, append(tt.lines, "<stop"))
			if diff := cmp.Diff(append([]string{}, tt.want...), ids(found)); diff != "" {
				t.Errorf("%s\nids mismatch (-want +got):\n%s\n%v", tt.why, diff, found)
			}
		})
	}
}

// TestRequireSubtest holds that a subtest leaves its parent's server open.
func TestRequireSubtest(t *testing.T) {
	srv := smtptest.NewServer(t)
	sub := &fakeTB{}
	lint.Require(sub, srv, lint.Error)
	open := srv.Client()
	open.Hello("127.0.0.1")
	sub.end()
	want := []string{`lint: session 1: hello-name-bare-ip (error, RFC 5321 4.1.3): an address needs brackets: "127.0.0.1"`}
	if diff := cmp.Diff(want, lintLines(sub.errors)); diff != "" {
		t.Errorf("errors mismatch (-want +got):\n%s", diff)
	}
	if err := open.Quit(); err != nil {
		t.Errorf("Quit() after the subtest = %v", err)
	}
	if err := srv.Client().Hello("client.test"); err != nil {
		t.Errorf("Hello() of the next subtest = %v", err)
	}
}

// outputTB is a test with an Output.
type outputTB struct {
	fakeTB
	out strings.Builder
}

func (o *outputTB) Output() io.Writer { return &o.out }

// TestRequireOutput holds that findings are lines without a place in the
// testing package before them, and that the test fails for them once.
func TestRequireOutput(t *testing.T) {
	tb := &outputTB{}
	srv := smtptest.NewServer(t)
	lint.Require(tb, srv, lint.Error)
	c := srv.Client()
	c.Hello("127.0.0.1")
	c.Text.PrintfLine("*")
	c.Text.ReadResponse(500)
	c.Quit()
	tb.end()
	want := `lint: session 1: hello-name-bare-ip (error, RFC 5321 4.1.3): an address needs brackets: "127.0.0.1"
lint: session 1: command-unknown (warning, RFC 5321 4.2.4): a line is no command: "*"
`
	if diff := cmp.Diff(want, tb.out.String()); diff != "" {
		t.Errorf("Output() mismatch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"lint: findings above: 1"}, tb.errors); diff != "" {
		t.Errorf("errors mismatch (-want +got):\n%s", diff)
	}
	if tb.logs != nil {
		t.Errorf("logs = %q", tb.logs)
	}
}

// TestQuitInContent holds that QUIT in the place of content is a fault when the
// 354 was there at once.
func TestQuitInContent(t *testing.T) {
	found := findings(t, row{}, said(hi, from, to, "DATA", "+QUIT\r\n", "<close"))
	if diff := cmp.Diff([]string{"connection-abandoned-in-data"}, ids(found)); diff != "" {
		t.Errorf("ids mismatch (-want +got):\n%s\n%v", diff, found)
	}
}
