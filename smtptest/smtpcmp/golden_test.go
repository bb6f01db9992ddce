package smtpcmp_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/smtpcmp"
	"github.com/google/go-cmp/cmp"
)

var _ = flag.Bool("update", false, "rewrite the golden files")

// testLog is a TB that fails by itself only.
type testLog struct {
	*testing.T
	errors, logs []string
}

func (l *testLog) Errorf(format string, args ...any) {
	l.errors = append(l.errors, fmt.Sprintf(format, args...))
}

func (l *testLog) Logf(format string, args ...any) {
	l.logs = append(l.logs, fmt.Sprintf(format, args...))
}

// golden calls Golden with the flag -update or without, and returns what it
// says.
func golden[T string | smtptest.Message](t *testing.T, update, file string, got T, options ...cmp.Option) string {
	t.Helper()
	setUpdate(t, update)
	log := &testLog{T: t}
	smtpcmp.Golden(log, file, got, options...)
	return strings.Join(append(log.errors, log.logs...), "\n")
}

// setUpdate sets the flag -update until the test ends.
func setUpdate(t *testing.T, value string) {
	before := flag.Lookup("update").Value.String()
	t.Cleanup(func() { flag.Set("update", before) })
	flag.Set("update", value)
}

func TestGolden(t *testing.T) {
	file := filepath.Join(t.TempDir(), "new", "welcome.eml")
	octets := func() string {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	first := smtptest.Message{Data: "Date: now\r\n\r\nHi!\r\n"}
	later := smtptest.Message{Data: "Date: later\r\n\r\nHi!\r\n"}
	other := smtptest.Message{Data: "Date: later\r\n\r\nHello!\r\n"}

	if got, want := golden(t, "false", file, first), "there is no "+file+": run the test with -update"; !strings.Contains(got, want) {
		t.Errorf("without a file it says %q, want %q", got, want)
	}
	if got, want := golden(t, "true", file, first), file+" is written"; !strings.Contains(got, want) || octets() != first.Data {
		t.Errorf("-update says %q, want %q; the file has %q, want %q", got, want, octets(), first.Data)
	}
	if got := golden(t, "false", file, first); got != "" {
		t.Errorf("the same octets: %s", got)
	}
	if got := golden(t, "false", file, later); !strings.Contains(got, "mismatch (-want +got)") {
		t.Errorf("without options octets count; it says %q", got)
	}
	if got := golden(t, "true", file, later, smtpcmp.Message("Date")); got != "" || octets() != first.Data {
		t.Errorf("a file that differs in nothing that counts is written: %q", got)
	}
	if got := golden(t, "false", file, other, smtpcmp.Message("Date")); !strings.Contains(got, `"Hi!"`) || !strings.Contains(got, `"Hello!"`) {
		t.Errorf("the changed line does not show: %q", got)
	}
	if got := golden(t, "true", file, other, smtpcmp.Message("Date")); octets() != other.Data {
		t.Errorf("-update says %q, the file has %q, want %q", got, octets(), other.Data)
	}
}

// TestGoldenText: a checkout may have changed the line ends of a file.
func TestGoldenText(t *testing.T) {
	file := filepath.Join(t.TempDir(), "retry.txt")
	if err := os.WriteFile(file, []byte("C: NOOP\r\nS: 250 OK\r\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := golden(t, "false", file, "C: NOOP\nS: 250 OK\n"); got != "" {
		t.Error(got)
	}
	if got := golden(t, "false", file, "C: NOOP\nS: 451 later\n"); !strings.Contains(got, "451") {
		t.Errorf("a difference says %q", got)
	}
}

func TestGoldenProblems(t *testing.T) {
	dir := t.TempDir()
	if got := golden(t, "false", dir, "x"); !strings.Contains(got, dir) {
		t.Errorf("a directory: %q", got)
	}
	if got := golden(t, "true", filepath.Join(os.Args[0], "x.txt"), "x"); !strings.Contains(got, os.Args[0]) {
		t.Errorf("below a file: %q", got)
	}
	setUpdate(t, "false")
	for want, tb := range map[string]smtptest.TB{
		"(Golden has no TB to tell: give it the test)":                                                nil,
		"smtpcmp: Golden: the TB, a *testing.T, is nil or embeds nil; pass the t of the running test": (*testing.T)(nil),
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.HasSuffix(got, want) {
					t.Errorf("Golden() panics with %q, want %q", got, want)
				}
			}()
			smtpcmp.Golden(tb, filepath.Join(dir, "none.txt"), "x")
		}()
	}

}

// TestGoldenVariable verifies that the environment variable updates a file if no
// test declares the flag -update, and only then.
func TestGoldenVariable(t *testing.T) {
	own := flag.CommandLine
	defer func() { flag.CommandLine = own }()
	file := filepath.Join(t.TempDir(), "new.txt")
	for _, c := range []struct {
		name, flag, variable string // flag is "" if no test declares it
		want                 string // what Golden says
	}{
		{"neither", "", "", "SMTPCMP_UPDATE=1"},
		{"neither, and how to declare the flag", "", "", `flag.Bool("update"`},
		{"the variable says no", "", "0", "there is no " + file},
		{"the variable has no value that can be read", "", "maybe", "there is no " + file},
		{"the flag says no", "false", "1", "run the test with -update to write it"},
		{"the variable", "", "1", file + " is written"},
		{"the flag", "true", "", file + " is written"},
		{"both", "true", "0", file + " is written"},
	} {
		t.Run(c.name, func(t *testing.T) {
			os.Remove(file)
			t.Setenv("SMTPCMP_UPDATE", c.variable)
			flag.CommandLine = flag.NewFlagSet("none", flag.PanicOnError)
			if c.flag != "" {
				flag.Bool("update", c.flag == "true", "")
			}
			log := &testLog{T: t}
			smtpcmp.Golden(log, file, "x")
			if got := strings.Join(append(log.errors, log.logs...), ""); !strings.Contains(got, c.want) {
				t.Errorf("Golden says %q, want %q", got, c.want)
			}
			if _, err := os.Stat(file); (err == nil) != strings.HasSuffix(c.want, "is written") {
				t.Errorf("the file: %v", err)
			}
		})
	}
}
