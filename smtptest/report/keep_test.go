package report_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/report"
)

const keepEnv = "SMTPTEST_KEEP_REPORT"

// TestKeepReport runs in a process of its own.
func TestKeepReport(t *testing.T) {
	if os.Getenv(keepEnv) == "" {
		return
	}
	srv := smtptest.NewServer(t)
	report.OnFailure(t, srv)
	send(srv, "ann@example.com", "bob@example.com", "Hi\r\n")
	if os.Getenv(keepEnv) == "fail" {
		t.Error("no")
	}
}

// namelessTB is a TB whose Name panics, as that of a nil testing.TB does.
type namelessTB struct{ smtptest.TB }

func (namelessTB) Name() string { panic("no name") }

// TestOnFailureNameless verifies that OnFailure does not need the Name of a test.
func TestOnFailureNameless(t *testing.T) {
	report.OnFailure(namelessTB{t}, smtptest.NewServer(t))
}

func TestOnFailure(t *testing.T) {
	for _, c := range []struct {
		name, verdict string
		flags         []string
		want          bool
		hint          bool
	}{
		{"a failed test", "fail", []string{"-test.artifacts"}, true, false},
		{"a test that passes", "pass", []string{"-test.artifacts"}, false, false},
		{"a failed test without -artifacts", "fail", nil, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			cmd := exec.Command(os.Args[0], append(c.flags, "-test.v", "-test.outputdir="+dir, "-test.run=^TestKeepReport$")...)
			cmd.Env = append(os.Environ(), keepEnv+"="+c.verdict, "GORACE=atexit_sleep_ms=0")
			out, _ := cmd.CombinedOutput()
			if !strings.Contains(string(out), "--- "+strings.ToUpper(c.verdict)+": TestKeepReport") {
				t.Fatalf("it does not %s: %s", c.verdict, out)
			}
			var found []string
			filepath.WalkDir(filepath.Join(dir, "_artifacts"), func(path string, _ fs.DirEntry, _ error) error {
				if filepath.Base(path) == "report.html" {
					found = append(found, path)
				}
				return nil
			})
			if (len(found) == 1) != c.want {
				t.Fatalf("files %v, want one: %t\n%s", found, c.want, out)
			}
			if hint := strings.Contains(string(out), "go test -artifacts keeps report.html"); hint != c.hint {
				t.Errorf("the log says how to keep it: %t, want %t\n%s", hint, c.hint, out)
			}
			if !c.want {
				return
			}
			page, err := os.ReadFile(found[0])
			if err != nil {
				t.Fatal(err)
			}
			if text, _ := parsePage(t, string(page)); !strings.Contains(text, "TestKeepReport") || !strings.Contains(text, "server closed") && !strings.Contains(text, "quit after") {
				t.Errorf("the page names neither test nor end of the session:\n%s", text)
			}
		})
	}
}
