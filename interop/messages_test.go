package interop

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// mail is what a client is given to deliver.
type mail struct {
	name string
	from string // "" is the null sender
	to   []string
	data string
}

const header = "From: Ann <ann@example.com>\r\nTo: Bob <bob@example.com>\r\nSubject: Test\r\n\r\n"

// mails are deliveries that clients have got wrong.
var mails = []mail{
	{"dots", "ann@example.com", []string{"bob@example.com"}, header + ".\r\n..\r\n.dot\r\nnot.\r\n. \r\n...\r\n"},
	{"line of 998", "ann@example.com", []string{"bob@example.com"}, header + strings.Repeat("x", 998) + "\r\nend\r\n"},
	{"8 bit", "ann@example.com", []string{"bob@example.com"}, header + "Gr\u00fc\u00dfe, \u20ac 5\r\n"},
	{"empty body", "ann@example.com", []string{"bob@example.com"}, header},
	{"empty", "ann@example.com", []string{"bob@example.com"}, ""},
	{"three recipients", "ann@example.com", []string{"bob@example.com", "eve@example.org", "bob@example.com"}, header + "Hi!\r\n"},
	{"null sender", "", []string{"bob@example.com"}, header + "It bounced.\r\n"},
}

// compare holds what was recorded against what the client was given.
func compare(t *testing.T, want mail, got smtptest.Message) {
	t.Helper()
	if got.From != want.from {
		t.Errorf("reverse-path %q, want %q", got.From, want.from)
	}
	if diff := cmp.Diff(want.to, got.To); diff != "" {
		t.Errorf("forward-paths (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want.data, got.Data); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
	if got.Unstuffed != nil {
		t.Errorf("dots were not stuffed at %v", got.Unstuffed)
	}
}

// program returns the path of a program, or skips the test; where
// SMTPTEST_REQUIRE_TOOLS is set a missing program is a failure.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, name+" is not installed: interop/setup.sh installs it")
	}
	return path
}

func missing(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("SMTPTEST_REQUIRE_TOOLS") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// runProgram runs a program with input, and returns what it printed.
func runProgram(t *testing.T, input, path string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Stdin = strings.NewReader(input)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	return string(out), err
}
