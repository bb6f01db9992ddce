package smtpcmp

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/harness"
	"github.com/google/go-cmp/cmp"
)

// Golden compares got, a dialogue or a message, with a file of the test's, and
// fails the test if they differ:
//
//	srv.WaitSessions(2) // both attempts have ended, so their dialogues are complete
//	smtpcmp.Golden(t, "testdata/retry.txt", srv.Transcript(), smtpcmp.Transcript("Date"))
//	smtpcmp.Golden(t, "testdata/welcome.eml", srv.Wait(1)[0], smtpcmp.Message("Date", "Message-ID"))
//
// Without options a dialogue is compared as it is but for the ends of its lines,
// a message octet for octet. The file of a message is its Data, which mail
// readers open; the envelope is not in it. The line "*.eml -text" in
// .gitattributes keeps git from changing its line ends.
//
// With the flag -update, Golden writes a file that differs instead. The test
// declares the flag, because one that a library declares would clash with it:
//
//	var _ = flag.Bool("update", false, "rewrite the golden files")
//
// If no test of the package declares the flag, the environment variable
// SMTPCMP_UPDATE=1 does the same. If tb is nil, failures panic.
func Golden[T string | smtptest.Message](tb smtptest.TB, file string, got T, options ...cmp.Option) {
	if mistake := harness.NilTB(tb); mistake != "" {
		panic("smtpcmp: Golden: " + mistake)
	}
	if tb != nil {
		tb.Helper()
	}
	golden, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		fail(tb, "smtpcmp: %v", err)
		return
	}
	diff, octets := difference(string(golden), got, options)
	switch {
	case err == nil && diff == "":
	case updating():
		write(tb, file, octets)
	case err != nil:
		fail(tb, "smtpcmp: there is no %s: %s", file, remedy())
	default:
		fail(tb, "smtpcmp: %s mismatch (-want +got):\n%s%s", file, diff, remedy())
	}
}

// difference is what cmp.Diff says of the golden file's octets and got, and the
// octets that the file should have.
func difference[T string | smtptest.Message](golden string, got T, options []cmp.Option) (diff, octets string) {
	if m, ok := any(got).(smtptest.Message); ok {
		want := m
		want.Data = golden
		return cmp.Diff(want, m, options...), m.Data
	}
	unix := strings.NewReplacer("\r\n", "\n")
	octets = unix.Replace(any(got).(string))
	return cmp.Diff(unix.Replace(golden), octets, options...), octets
}

// updateVariable has the job of the flag -update if no test declares that.
const updateVariable = "SMTPCMP_UPDATE"

func updating() bool {
	value := os.Getenv(updateVariable)
	if f := flag.Lookup("update"); f != nil {
		value = f.Value.String()
	}
	isSet, err := strconv.ParseBool(value)
	return err == nil && isSet
}

// remedy says how the file is written.
func remedy() string {
	if flag.Lookup("update") == nil {
		return "run the test with " + updateVariable + `=1 to write it, or declare the flag, var _ = flag.Bool("update", false, "rewrite the golden files"), and run it with -update`
	}
	return "run the test with -update to write it"
}

func write(tb smtptest.TB, file, octets string) {
	err := os.MkdirAll(filepath.Dir(file), 0o755)
	if err == nil {
		err = os.WriteFile(file, []byte(octets), 0o644)
	}
	switch {
	case err != nil:
		fail(tb, "smtpcmp: %v", err)
	case tb != nil:
		tb.Helper()
		tb.Logf("smtpcmp: %s is written", file)
	}
}

func fail(tb smtptest.TB, format string, args ...any) {
	if tb == nil {
		panic(fmt.Sprintf(format, args...) + " (Golden has no TB to tell: give it the test)")
	}
	tb.Helper()
	tb.Errorf(format, args...)
}
