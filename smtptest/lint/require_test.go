package lint_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/lint"
	"github.com/google/go-cmp/cmp"
)

// fakeTB is a test that may fail.
type fakeTB struct {
	cleanups     []func()
	errors, logs []string
}

func (f *fakeTB) Helper()          {}
func (f *fakeTB) Cleanup(c func()) { f.cleanups = append(f.cleanups, c) }
func (f *fakeTB) Logf(format string, args ...any) {
	f.logs = append(f.logs, fmt.Sprintf(format, args...))
}
func (f *fakeTB) Errorf(format string, args ...any) {
	f.errors = append(f.errors, fmt.Sprintf(format, args...))
}
func (f *fakeTB) Failed() bool { return len(f.errors) > 0 }

func (f *fakeTB) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	runtime.Goexit()
}

func (f *fakeTB) end() {
	for _, c := range slices.Backward(f.cleanups) {
		c()
	}
}

// lintLines are the lines of a log that Require has written.
func lintLines(log []string) []string {
	lines := []string{}
	for _, line := range log {
		if strings.HasPrefix(line, "lint: ") {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestRequire(t *testing.T) {
	const (
		host    = `lint: session 1: hello-name-not-fqdn (warning, RFC 5321 2.3.5): the name is not fully-qualified: "client"`
		unknown = `lint: session 1: command-unknown (warning, RFC 5321 4.2.4): a line is no command: "*"`
		missing = `lint: session 1: quit-missing (error, RFC 5321 4.1.1.10): the connection was closed without QUIT`
	)
	for _, tt := range []struct {
		name   string
		level  lint.Level
		ids    []string
		fails  bool // for another reason
		errors []string
		logs   []string
	}{
		{name: "error", level: lint.Error, errors: []string{missing}, logs: []string{unknown}},
		{name: "warning", level: lint.Warning, errors: []string{unknown, missing}},
		{name: "allowed", level: lint.Error, ids: []string{"quit-missing"}},
		{name: "one allowed", level: lint.Warning, ids: []string{"quit-missing"}, errors: []string{unknown}, logs: []string{missing}},
		{name: "another failure", level: lint.Error, ids: []string{"quit-missing"}, fails: true, logs: []string{unknown, missing}},
		{name: "unknown id", level: lint.Error, ids: []string{"quit"}, errors: []string{`lint: Require: "quit" is the id of no rule: lint.Rules lists them`}},
		{name: "an id among others is unknown", level: lint.Error, ids: []string{"quit-missing", "tls-no-sni", "tls-sni"}, errors: []string{`lint: Require: "tls-sni" is the id of no rule: lint.Rules lists them`}},
		{name: "below the level and allowed", level: lint.Error, ids: []string{"command-unknown"}, errors: []string{missing}, logs: []string{unknown}},
		{name: "required", level: lint.Error, ids: []string{"hello-name-not-fqdn"}, errors: []string{host, missing}, logs: []string{unknown}},
		{name: "required, and all others allowed", level: lint.Warning, ids: []string{"hello-name-not-fqdn", "quit-missing", "command-unknown"}, errors: []string{host}, logs: []string{unknown, missing}},
		{name: "required twice", level: lint.Error, ids: []string{"hello-name-not-fqdn", "quit-missing", "hello-name-not-fqdn"}, errors: []string{host}, logs: []string{unknown, missing}},
		{name: "required, and not found", level: lint.Error, ids: []string{"header-from-mismatch", "quit-missing"}},
		{name: "no level", ids: []string{"quit-missing"}, errors: []string{"lint: Require: 0 is no Level: give lint.Warning or lint.Error"}},
		{name: "unknown level", level: 7, errors: []string{"lint: Require: 7 is no Level: give lint.Warning or lint.Error"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tb := &fakeTB{}
			srv := smtptest.NewServer(tb)
			var done sync.WaitGroup
			done.Go(func() { lint.Require(tb, srv, tt.level, tt.ids...) }) // Fatalf ends it
			done.Wait()
			c := srv.Client()
			c.Hello("client")
			c.Text.Cmd("*")
			c.Text.ReadResponse(500)
			c.Text.PrintfLine("NOOP") // after a refusal the missing QUIT would be a warning
			c.Text.ReadResponse(250)
			c.Close()
			srv.WaitSession(func(smtptest.Session) bool { return true })
			if tt.fails {
				tb.Errorf("the test's own failure")
			}
			tb.end()
			if diff := cmp.Diff(append([]string{}, tt.errors...), lintLines(tb.errors)); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(append([]string{}, tt.logs...), lintLines(tb.logs)); diff != "" {
				t.Errorf("logs (-want +got):\n%s", diff)
			}
		})
	}
}

// TestRequirePanics: a test that panics has failed, though its Failed says so
// only after its Cleanups; one that has recovered from a panic has not.
func TestRequirePanics(t *testing.T) {
	for _, recovers := range []bool{false, true} {
		tb := &fakeTB{}
		srv := smtptest.NewServer(tb)
		lint.Require(tb, srv, lint.Error, "quit-missing")
		srv.Client().Close()
		srv.WaitSession(nil)
		var done sync.WaitGroup
		done.Go(func() {
			defer func() { _ = recover() }()
			defer tb.end()
			if recovers {
				defer func() {
					_ = recover()
					runtime.Goexit() // as t.SkipNow does
				}()
			}
			panic("boom")
		})
		done.Wait()
		want := []string{"lint: session 1: quit-missing (error, RFC 5321 4.1.1.10): the connection was closed without QUIT"}
		if recovers {
			want = []string{}
		}
		if diff := cmp.Diff(want, lintLines(tb.logs)); diff != "" {
			t.Errorf("recovers = %t: logs (-want +got):\n%s", recovers, diff)
		}
	}
}

// TestCheckUnknownID holds that a misspelt id is not taken for a rule without
// findings.
func TestCheckUnknownID(t *testing.T) {
	defer func() {
		if got, want := fmt.Sprint(recover()), `lint: Check: "tls-sni" is the id of no rule: see Rules`; got != want {
			t.Errorf("Check() panics with %q, want %q", got, want)
		}
	}()
	lint.Check(nil, "tls-sni")
}

// TestRequireNothing: without a test there is a panic, without a Server a failure
// at once.
func TestRequireNothing(t *testing.T) {
	tb := &fakeTB{}
	var done sync.WaitGroup
	done.Go(func() { lint.Require(tb, nil, lint.Error) })
	done.Wait()
	tb.end()
	if diff := cmp.Diff([]string{"lint: Require: there is no Server: make it first"}, tb.errors); diff != "" {
		t.Errorf("failures mismatch (-want +got):\n%s", diff)
	}
	for want, tb := range map[string]smtptest.TB{
		"lint: Require without a TB: give the test that may fail, or call Check":                               nil,
		"lint: Require: the TB, a *testing.T, is nil or embeds nil; pass the t of the running test":            (*testing.T)(nil),
		"lint: Require: the TB, a struct { testing.TB }, is nil or embeds nil; pass the t of the running test": struct{ testing.TB }{},
	} {
		func() {
			defer func() {
				if p := fmt.Sprint(recover()); p != want {
					t.Errorf("Require() panics with %q, want %q", p, want)
				}
			}()
			lint.Require(tb, smtptest.NewServer(t), lint.Error)
		}()
	}
}

// fiveTB has the five methods of a TB. All others come from a nil testing.TB, so
// they panic.
type fiveTB struct {
	testing.TB
	own *fakeTB
}

func (f fiveTB) Helper()                           {}
func (f fiveTB) Cleanup(c func())                  { f.own.Cleanup(c) }
func (f fiveTB) Logf(format string, args ...any)   { f.own.Logf(format, args...) }
func (f fiveTB) Errorf(format string, args ...any) { f.own.Errorf(format, args...) }
func (f fiveTB) Fatalf(format string, args ...any) { f.own.Fatalf(format, args...) }

// TestRequireEmbeddedTB verifies that Require works with a TB of which only the
// five methods can be called.
func TestRequireEmbeddedTB(t *testing.T) {
	tb := &fakeTB{}
	srv := smtptest.NewServer(t)
	lint.Require(fiveTB{own: tb}, srv, lint.Warning)
	srv.Client().Close()
	srv.WaitSession(nil)
	tb.end()
	if got := strings.Join(tb.errors, "\n"); !strings.Contains(got, "quit-missing") {
		t.Errorf("the failures do not name quit-missing:\n%s", got)
	}
}

// TestCheckSparse judges sessions of which nothing was recorded, or next to it.
func TestCheckSparse(t *testing.T) {
	odd := smtptest.Session{
		Exchanges:    []smtptest.Exchange{{}, {Event: true}, {Event: true, Command: ".", Octets: 9}, {Command: "RCPT"}, {Secret: 1}, {Transaction: 1}},
		Transactions: []smtptest.Transaction{{}, {Recipients: []smtptest.Recipient{{}}}},
	}
	for _, sessions := range [][]smtptest.Session{nil, {{}}, {odd}, {odd, {}, odd}} {
		for _, f := range lint.Check(sessions) {
			if f.ID == "" || f.Detail == "" {
				t.Errorf("Check(%v): %+v", sessions, f)
			}
		}
	}
}
