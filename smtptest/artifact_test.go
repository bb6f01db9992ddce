package smtptest_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

// leaving writes a word and leaves its goroutine.
func leaving(leave func()) func(io.Writer) error {
	return func(w io.Writer) error {
		io.WriteString(w, "half")
		leave()
		return nil
	}
}

// keeping are tests that keep files. They run in a process of their own.
var keeping = []struct {
	name, reason string
	fails        bool
	run          func(t *testing.T)
	want         []string // with -artifacts
}{
	{"passes", "with -artifacts files are always kept, those of Artifact on failure only", false, func(t *testing.T) {
		srv := smtptest.NewServer(t)
		srv.Artifact(t, "note.txt", play.WriteText("failed"))
		play.SendMail(srv, "ann@example.com", "bob@example.com", "Hi\r\n")
	}, []string{"message-1.eml", "session-1.txt", "transcript.txt"}},
	{"fails", "also those of Artifact, and of sessions without a message", true, func(t *testing.T) {
		srv := smtptest.NewServer(t)
		srv.Artifact(t, "note.txt", play.WriteText("failed"))
		srv.Client().Close()
		play.SendMail(srv, "ann@example.com", "bob@example.com", "Hi\r\n")
		t.Error("no")
	}, []string{"message-1.eml", "note.txt", "session-1.txt", "session-2.txt", "transcript.txt"}},
	{"drained", "a drained message is kept too", false, func(t *testing.T) {
		srv := smtptest.NewServer(t)
		play.SendMail(srv, "ann@example.com", "bob@example.com", "one\r\n")
		srv.Drain()
		play.SendMail(srv, "ann@example.com", "bob@example.com", "two\r\n")
	}, []string{"message-1.eml", "message-2.eml", "session-1.txt", "session-2.txt", "transcript.txt"}},
	{"released", "the file says what it lacks", false, func(t *testing.T) {
		srv := smtptest.NewServer(t)
		play.SendMail(srv, "ann@example.com", "bob@example.com", "Subject: large\r\n\r\n"+strings.Repeat("x", 5<<20)+"\r\n")
		srv.Take(nil)
	}, []string{"message-1.eml", "session-1.txt", "transcript.txt"}},
	{"two servers", "numbered in the order in which they start", false, func(t *testing.T) {
		smtptest.NewUnstartedServer(t).Close()
		smtptest.NewServer(t)
		play.SendMail(smtptest.NewServer(t), "ann@example.com", "bob@example.com", "Hi\r\n")
	}, []string{"server-2/message-1.eml", "server-2/session-1.txt", "server-2/transcript.txt", "transcript.txt"}},
	{"never started", "there is nothing to keep", false, func(t *testing.T) { smtptest.NewUnstartedServer(t).Close() }, nil},
	{"an unused rule", "the test fails after its last line", true, func(t *testing.T) {
		srv := smtptest.NewServer(t)
		srv.Artifact(t, "note.txt", play.WriteText("failed"))
		srv.Script(smtptest.Rule{On: "RCPT", Reply: "450 later"})
	}, []string{"note.txt", "transcript.txt"}},
	{"a shared server", "the file is kept with the test that asked for it", true, func(t *testing.T) {
		srv := smtptest.NewServer(nil)
		defer srv.Close()
		srv.Artifact(t, "note.txt", play.WriteText("one"))
		srv.Artifact(t, "note-2.txt", play.WriteText("two"))
		t.Error("no")
	}, []string{"note-2.txt", "note.txt"}},
	{"a file that fails", "the others are kept", true, func(t *testing.T) {
		srv := smtptest.NewServer(t)
		srv.Artifact(t, "note.txt", play.WriteText("failed"))
		srv.Artifact(t, "broken.txt", func(io.Writer) error { return errors.New("no room") })
		srv.Artifact(t, "panic.txt", func(io.Writer) error { panic("oops") })
		srv.Artifact(t, "second.txt", play.WriteText("failed too"))
		t.Error("no")
	}, []string{"broken.txt", "note.txt", "panic.txt", "second.txt", "transcript.txt"}},
	{"files that leave", "the others are kept", true, func(t *testing.T) {
		srv := smtptest.NewServer(t)
		srv.Artifact(t, "note.txt", play.WriteText("failed"))
		for name, leave := range map[string]func(){"exit": runtime.Goexit, "fatal": func() { t.Fatal("no room") }, "skip": t.SkipNow} {
			srv.Artifact(t, name+".txt", leaving(leave))
		}
		srv.Artifact(t, "second.txt", play.WriteText("failed too"))
		t.Error("no")
	}, []string{"exit.txt", "fatal.txt", "note.txt", "second.txt", "skip.txt", "transcript.txt"}},
	{"a file that leaves a shared server", "the others are kept", true, func(t *testing.T) {
		srv := smtptest.NewServer(nil)
		defer srv.Close()
		srv.Artifact(t, "note.txt", play.WriteText("one"))
		srv.Artifact(t, "fatal.txt", leaving(func() { t.Fatal("no room") }))
		srv.Artifact(t, "second.txt", play.WriteText("two"))
		t.Error("no")
	}, []string{"fatal.txt", "note.txt", "second.txt"}},
	{"a wait that outlives its test", "it fails no test", false, func(t *testing.T) {
		var srv *smtptest.Server
		t.Run("sub", func(t *testing.T) { srv = smtptest.NewServer(t) })
		play.Try(func() { srv.Wait(1) })
	}, []string{"transcript.txt"}},
	{"panics", "the test has failed, though it says so after its Cleanups only", true, func(t *testing.T) {
		srv := smtptest.NewServer(t)
		srv.Artifact(t, "note.txt", play.WriteText("failed"))
		srv.Script(
			smtptest.Rule{On: "MAIL", Reply: "550 5.7.1 no"},
			smtptest.Rule{On: "DATA", Reply: "450 4.2.0 later"},
		)
		play.SendMail(srv, "ann@example.com", "bob@example.com", "Hi\r\n")
		srv.Messages()[0].Subject()
	}, []string{"note.txt", "session-1.txt", "transcript.txt"}},
	{"panics with a shared server", "the test that asked for the file has failed", true, func(t *testing.T) {
		srv := smtptest.NewServer(nil)
		defer srv.Close()
		srv.Artifact(t, "note.txt", play.WriteText("one"))
		panic("no")
	}, []string{"note.txt"}},
	{"panics in a subtest", "its parent has failed too", true, func(t *testing.T) {
		srv := smtptest.NewServer(t)
		srv.Artifact(t, "note.txt", play.WriteText("failed"))
		t.Run("sub", func(*testing.T) { panic("no") })
	}, []string{"note.txt", "transcript.txt"}},
	{"recovers", "a panic that was recovered is no failure", false, func(t *testing.T) {
		srv := smtptest.NewServer(t)
		srv.Artifact(t, "note.txt", play.WriteText("failed"))
		func() {
			defer func() { _ = recover() }()
			panic("no")
		}()
	}, []string{"transcript.txt"}},
	{"skips", "it is not judged", false, func(t *testing.T) {
		srv := smtptest.NewServer(t)
		srv.Artifact(t, "note.txt", play.WriteText("failed"))
		srv.Script(smtptest.Rule{On: "RCPT", Reply: "450 later"})
		t.Skip("no")
	}, []string{"transcript.txt"}},
	{"recovers and skips", "the panic is still on the stack", false, func(t *testing.T) {
		srv := smtptest.NewServer(t)
		srv.Artifact(t, "note.txt", play.WriteText("failed"))
		srv.Script(smtptest.Rule{On: "RCPT", Reply: "450 later"})
		defer func() {
			_ = recover()
			t.Skip("no")
		}()
		panic("no")
	}, []string{"transcript.txt"}},
	{"an ArtifactDir that panics", "the test has no place for files", false, func(t *testing.T) {
		play.SendMail(smtptest.NewServer(fiveTB{own: t}), "ann@example.com", "bob@example.com", "Hi\r\n")
	}, nil},
	{"hostile words", "no name comes from the client", false, func(t *testing.T) {
		srv := smtptest.NewServer(t)
		c := srv.Client()
		c.Mail(`"../../evil"@example.com`)
		c.Rcpt(`"../../evil"@example.com`)
		w, err := c.Data()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(w, "Content-Disposition: attachment; filename=\"../../evil\"\r\nSubject: /evil\r\n\r\n")
		w.Close()
		c.Quit()
	}, []string{"message-1.eml", "session-1.txt", "transcript.txt"}},
}

const keepEnv = "SMTPTEST_KEEP_FILES"

// TestKeepFiles is the process of its own.
func TestKeepFiles(t *testing.T) {
	if os.Getenv(keepEnv) == "" {
		return
	}
	for _, k := range keeping {
		t.Run(k.name, k.run)
	}
}

// keepFiles runs one of the tests, and returns what it says.
func keepFiles(t *testing.T, name string, fails bool, flags ...string) string {
	t.Helper()
	out, err := play.RunElsewhere(keepEnv, subtest("TestKeepFiles", name), append(flags, "-test.v")...)
	if (err != nil) != fails {
		t.Errorf("%v: %s", err, out)
	}
	return out
}

// subtest is the pattern of one.
func subtest(test, name string) string {
	return "^" + test + "$/^" + strings.ReplaceAll(name, " ", "_") + "$"
}

func TestArtifacts(t *testing.T) {
	for _, k := range keeping {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			out := keepFiles(t, k.name, k.fails, "-test.artifacts", "-test.outputdir="+dir)
			if diff := cmp.Diff(k.want, filesIn(t, dir)); diff != "" {
				t.Errorf("%s: files mismatch (-want +got):\n%s", k.reason, diff)
			}
			for _, place := range attribute.FindAllStringSubmatch(out, -1) {
				if _, err := os.Stat(filepath.Join(place[1], "transcript.txt")); err != nil && !strings.HasSuffix(k.name, "a shared server") {
					t.Errorf("Attr names a directory without a transcript: %v", err)
				}
			}
			if named := attribute.MatchString(out); named != (k.want != nil) {
				t.Errorf("Attr is called: %t, in\n%s", named, out)
			}
		})
		t.Run(k.name+" without -artifacts", func(t *testing.T) {
			tmp := t.TempDir()
			t.Setenv("TMPDIR", tmp)
			out := keepFiles(t, k.name, k.fails)
			if files := filesIn(t, tmp); files != nil || attribute.MatchString(out) {
				t.Errorf("files %v, in\n%s", files, out)
			}
			wantHint := k.fails && (slices.Contains(k.want, "note.txt"))
			if hint := strings.Contains(out, "go test -artifacts keeps note.txt"); hint != wantHint {
				t.Errorf("it says how to keep note.txt: %t, in\n%s", hint, out)
			}
		})
	}
}

var (
	attribute = regexp.MustCompile(`(?m)^=== ATTR  \S+ smtptest\.artifacts (.*)$`)
	testDir   = regexp.MustCompile(`^_artifacts/(.*/)?\d+/`)
)

// filesIn are the files below dir, without the directory of the test.
func filesIn(t *testing.T, dir string) (files []string) {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			path, err = filepath.Rel(dir, path)
			files = append(files, testDir.ReplaceAllString(filepath.ToSlash(path), ""))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestArtifactContents is about what is in the files.
func TestArtifactContents(t *testing.T) {
	dir := t.TempDir()
	out := keepFiles(t, "fails", true, "-test.artifacts", "-test.outputdir="+dir)
	if want := "smtptest: note.txt, transcript.txt, session-1.txt, 2 more in "; !strings.Contains(out, want) {
		t.Errorf("the log does not say %q:\n%s", want, out)
	}
	place := attribute.FindStringSubmatch(out)
	if place == nil {
		t.Fatalf("Attr names no directory:\n%s", out)
	}
	for name, want := range map[string]string{
		"message-1.eml":  "Hi\r\n",
		"note.txt":       "failed",
		"session-1.txt":  "session 1 from 127.0.0.1:",
		"session-2.txt":  "C: RCPT TO:<bob@example.com>\n",
		"transcript.txt": "-- session 1\nS: 220 localhost ESMTP smtptest\n",
	} {
		got, err := os.ReadFile(filepath.Join(place[1], name))
		if err != nil || !strings.Contains(string(got), want) || name == "message-1.eml" && string(got) != want {
			t.Errorf("%s = %q, %v; want %q", name, got, err, want)
		}
	}
}

// TestArtifactOfReleased verifies what is in the file of a message whose content was
// released.
func TestArtifactOfReleased(t *testing.T) {
	out := keepFiles(t, "released", false, "-test.artifacts", "-test.outputdir="+t.TempDir())
	place := attribute.FindStringSubmatch(out)
	if place == nil {
		t.Fatalf("Attr names no directory:\n%s", out)
	}
	got, err := os.ReadFile(filepath.Join(place[1], "message-1.eml"))
	hash := sha256.Sum256([]byte(strings.Repeat("x", 5<<20) + "\r\n"))
	want := fmt.Sprintf("Subject: large\r\n\r\n(smtptest: Drain or Take removed this message, and the server released 5242882 octets of its content. Their SHA-256 is %x.)\r\n", hash)
	if err != nil || string(got) != want {
		t.Errorf("message-1.eml = %q, %v; want %q", got, err, want)
	}
}

// TestArtifactFails: the log says why a file is not whole, and where the others
// are.
func TestArtifactFails(t *testing.T) {
	out := keepFiles(t, "a file that fails", true, "-test.artifacts", "-test.outputdir="+t.TempDir())
	for _, want := range []string{"smtptest: artifacts: broken.txt: no room\n", "panic.txt: panic: oops\n", "artifact_test.go:", "smtptest: note.txt, second.txt, transcript.txt in "} {
		if !strings.Contains(out, want) {
			t.Errorf("the log does not say %q:\n%s", want, out)
		}
	}
}

// TestPanicOutput: a test that panics is shown all that one that fails is, before
// the panic.
func TestPanicOutput(t *testing.T) {
	out, _, ok := strings.Cut(keepFiles(t, "panics", true), "panic: runtime error: index out of range")
	if !ok {
		t.Errorf("the test does not panic by itself:\n%s", out)
	}
	for _, want := range []string{
		"smtptest: rule 2 never fired",
		"smtptest: the dialogue with 127.0.0.1:",
		"C: MAIL FROM:<ann@example.com>",
		"! S: 550 5.7.1 no",
	} {
		if n := strings.Count(out, want); n != 1 {
			t.Errorf("the output says %q %d times:\n%s", want, n, out)
		}
	}
	for _, name := range []string{"recovers", "skips", "recovers and skips"} {
		if out := keepFiles(t, name, false); strings.Contains(out, "smtptest: ") {
			t.Errorf("%s: the output has words of the server:\n%s", name, out)
		}
	}
}

// TestArtifactLeaves verifies that the log tells which functions have left their
// goroutines, and where the other files are.
func TestArtifactLeaves(t *testing.T) {
	out := keepFiles(t, "files that leave", true, "-test.artifacts", "-test.outputdir="+t.TempDir())
	for _, want := range []string{
		"artifact_test.go:", "no room",
		"exit.txt: the function left its goroutine: return an error",
		"fatal.txt: the function left its goroutine: return an error",
		"skip.txt: the function left its goroutine: return an error",
		"smtptest: note.txt, second.txt, transcript.txt in ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the log does not say %q:\n%s", want, out)
		}
	}
}

// TestArtifactNames verifies which names are refused, and why.
func TestArtifactNames(t *testing.T) {
	for _, test := range []struct {
		want  string // what the failure says; "" if the name is taken
		names []string
	}{
		{"is not a plain file name", []string{
			"", ".", "..", "...", " ", "a ", " a", "a.", "a. ", "a/b", `a\b`, "../a", "/a", "c:d", "a:b",
			"a\nb", "a\rb", "a\tb", "a\x00b", "a\x7fb", "a\u0085b", "a\u00a0b", "a\u200bb", "a\u202eb", "a\u2028b", "a\ufeff", "a\xffb",
			"a*b", "a?b", `a"b`, "a<b", "a>b", "a|b",
			"con", "CON", "nul.txt", "aux.tar.gz", "PRN .txt", "com1", "COM0.txt", "lpt9", "LPT¹", "conin$", "CONOUT$.txt",
			strings.Repeat("x", 256), strings.Repeat("é", 128),
		}},
		{"is the name of a file of the server's own", []string{
			"transcript.txt", "Transcript.TXT", "session-1.txt", "session-12345.txt", "message-1.eml", "MESSAGE-2.EML", "server-2", "Server-10",
		}},
		{"", []string{
			"a", "note.txt", "a b.txt", ".hidden", "-", "a..b", "café.txt", "日本.txt", "consol.txt", "com10", "nul-1", "anul", "a.nul",
			"session-1.html", "message.eml", "server-2.txt", "my-server-2", strings.Repeat("x", 255),
		}},
	} {
		for _, name := range test.names {
			for _, other := range []bool{false, true} {
				tb, user := &play.FakeTB{}, &play.FakeTB{}
				srv := smtptest.NewInMemoryServer(tb)
				if !other {
					user = tb
				}
				play.Try(func() { srv.Artifact(user, name, play.WriteText("")) })
				if got := tb.Errors(); (got != "") != (test.want != "") || !strings.Contains(got, test.want) {
					t.Errorf("Artifact(%q) fails with %q, want %q", name, got, test.want)
				}
				user.End()
				tb.End()
			}
		}
	}
}

// TestArtifactMistakes verifies that a TB without a test is refused.
func TestArtifactMistakes(t *testing.T) {
	for _, test := range []struct {
		tb   smtptest.TB
		want string
	}{
		{nil, "Artifact without a TB"},
		{(*testing.T)(nil), "Artifact: the TB, a *testing.T, is nil"},
		{struct{ testing.TB }{}, "Artifact: the TB, a struct { testing.TB }, is nil or embeds nil"},
	} {
		tb := &play.FakeTB{}
		srv := smtptest.NewServer(tb)
		play.Try(func() { srv.Artifact(test.tb, "note.txt", play.WriteText("")) })
		if got := tb.Errors(); !strings.Contains(got, test.want) {
			t.Errorf("Artifact(%T) fails with %q, want %q", test.tb, got, test.want)
		}
		tb.End()
	}
}
