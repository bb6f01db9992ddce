package smtptest

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/go-smtptest/smtp/smtptest/internal/harness"
	"github.com/go-smtptest/smtp/smtptest/internal/journal"
	"github.com/go-smtptest/smtp/smtptest/internal/show"
)

// maxFiles is how many sessions, and how many messages, are kept as files.
const maxFiles = 1000

// maxName is how many bytes the name of a file may have on most systems.
const maxName = 255

// artifact is a file that is kept of a test that failed.
type artifact struct {
	name  string
	write func(io.Writer) error
	asked bool // by Artifact
}

// Artifact adds a file to those that are kept if the test tb fails. The function
// write writes it, on a goroutine of its own: if it fails or panics, the other files
// are written all the same. If tb is the server's own test, that happens after the
// server has been closed, when all is recorded; else it happens in a Cleanup of tb.
//
// The name must be a plain file name: on every usual system a file can have it. It
// must not be a name of the server's own files, which are in the same directory:
// transcript.txt, and the first thousand of session-N.txt and of message-N.eml.
//
// Files are kept in tb's ArtifactDir if that outlives the test, which is so with
// go test -artifacts; without the flag the testing package deletes it, and
// nothing is written. A second server of a test has the directory server-2
// within it, and so on.
func (s *Server) Artifact(tb TB, name string, write func(w io.Writer) error) {
	s.test().Helper()
	mistake := harness.NilTB(tb)
	switch {
	case tb == nil:
		s.fatalf("smtptest: Artifact without a TB: give the test that may fail")
		return
	case mistake != "":
		s.fatalf("smtptest: Artifact: %s", mistake)
		return
	case write == nil:
		s.fatalf("smtptest: Artifact: nothing writes %q: give a function", name)
		return
	case !isPlainName(name):
		s.fatalf("smtptest: Artifact: %q is not a plain file name on every system: use letters, digits and hyphens", name)
		return
	case reservedName.MatchString(name):
		s.fatalf("smtptest: Artifact: %q is the name of a file of the server's own: give another", name)
		return
	}
	file := artifact{name, write, true}
	if reflect.ValueOf(tb).Comparable() && tb == s.tb {
		if err := s.addFile(file); err != nil {
			s.fatalf("smtptest: Artifact: %v", err)
		}
		return
	}
	k := s.keeper(tb)
	tb.Cleanup(func() {
		tb.Helper()
		if harness.Failed(tb) {
			k.keep([]artifact{file}, tb.Logf)
		}
	})
}

// reservedName matches the names that the server itself gives to files and
// directories.
var reservedName = regexp.MustCompile(`^(?i:transcript\.txt|session-\d+\.txt|message-\d+\.eml|server-\d+)$`)

// windowsDevice matches the names that Windows gives to devices.
var windowsDevice = regexp.MustCompile(`^(?i:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(\..*)?$`)

// isPlainName reports whether a file can have the name on every usual system, and
// whether the log shows the name as it is.
func isPlainName(name string) bool {
	strange := func(r rune) bool { return !unicode.IsPrint(r) || strings.ContainsRune(`/\:*?"<>|`, r) }
	return name != "" && len(name) <= maxName && utf8.ValidString(name) && !strings.ContainsFunc(name, strange) &&
		name == strings.TrimSpace(name) && !strings.HasSuffix(name, ".") && !windowsDevice.MatchString(name)
}

// addFile notes a file for the end of the test, if that is still to come.
func (r *reporter) addFile(file artifact) error {
	r.told.Lock()
	defer r.told.Unlock()
	switch {
	case r.over.Load():
		return fmt.Errorf("%q would never be written: ask for it before the test ends", file.name)
	case slices.ContainsFunc(r.files, func(f artifact) bool { return strings.EqualFold(f.name, file.name) }):
		return fmt.Errorf("%q was asked for already: give another name", file.name)
	}
	r.files = append(r.files, file)
	return nil
}

// keepArtifacts writes the server's own files, and those of Artifact if the test has
// failed.
func (s *Server) keepArtifacts() {
	s.test().Helper()
	failed := s.hasFailed()
	if s.ended == nil || !failed && !s.kept.always {
		return
	}
	var files []artifact
	if s.kept.dir != "" {
		files = s.files()
	}
	if failed {
		s.told.Lock()
		files = append(files, s.reporter.files...)
		s.told.Unlock()
	}
	s.kept.keep(files, func(format string, args ...any) {
		if failed {
			s.print(fmt.Sprintf(format, args...))
		}
	})
}

// files are what the server has recorded: names never come from it.
func (s *Server) files() []artifact {
	text := func(name, content string) artifact {
		return artifact{name: name, write: func(w io.Writer) error {
			_, err := io.WriteString(w, content)
			return err
		}}
	}
	files := []artifact{text("transcript.txt", s.Transcript())}
	sessions := s.Sessions()
	for _, se := range sessions[:min(len(sessions), maxFiles)] {
		l := newLog(sessions)
		l.most = len(se.Exchanges)
		l.session(se)
		files = append(files, text(fmt.Sprintf("session-%d.txt", se.ID), l.String()))
	}
	messages := contentsOf(&s.journal)
	for i, data := range messages[:min(len(messages), maxFiles)] {
		files = append(files, text(fmt.Sprintf("message-%d.eml", i+1), data))
	}
	return files
}

// contentsOf returns the contents of all messages since the start, in order of
// acceptance.
func contentsOf(j *journal.Journal) []string {
	j.Lock()
	defer j.Unlock()
	var recs []*journal.Transaction
	for _, se := range j.Sessions {
		for _, rec := range se.Transactions {
			if rec.Message > 0 {
				recs = append(recs, rec)
			}
		}
	}
	slices.SortFunc(recs, func(a, b *journal.Transaction) int { return a.Message - b.Message })
	var data []string
	for _, rec := range recs {
		text := rec.Data
		if rec.Released > 0 {
			text += fmt.Sprintf("(smtptest: Drain or Take removed this message, and the server released %s of its content. Their SHA-256 is %s.)\r\n", show.Plural(rec.Released, "octet"), rec.SHA256)
		}
		data = append(data, text)
	}
	return data
}

// A keeper knows where the files of one server and one test go.
type keeper struct {
	tb     TB
	dir    string // "" if the test keeps none
	always bool   // also of a test that passes
	lost   bool   // the test has a directory, but it is deleted
}

// places counts the servers with files in a test's directory.
var places struct {
	sync.Mutex
	servers map[string]int
}

// keeper finds the place for tb's files. The servers of a test are numbered in the
// order in which they start.
func (s *Server) keeper(tb TB) keeper {
	k := keeper{tb: tb}
	if _, ok := tb.(interface{ ArtifactDir() string }); !ok {
		return k
	}
	artifacts := flag.Lookup("test.artifacts")
	if artifacts != nil && artifacts.Value.String() != "true" {
		k.lost = true
		return k
	}
	if dir, _ := harness.Optional(tb, func(t interface{ ArtifactDir() string }) string { return t.ArtifactDir() }); dir != "" {
		k.always = artifacts != nil
		k.dir = s.place(dir)
	}
	return k
}

// place is the server's own directory within a test's.
func (s *Server) place(dir string) string {
	places.Lock()
	defer places.Unlock()
	if mine, ok := s.places[dir]; ok {
		return mine
	}
	if places.servers == nil {
		places.servers = make(map[string]int)
	}
	places.servers[dir]++
	mine := dir
	if n := places.servers[dir]; n > 1 {
		mine = filepath.Join(dir, fmt.Sprintf("server-%d", n))
	}
	if s.places == nil {
		s.places = make(map[string]string)
	}
	s.places[dir] = mine
	return mine
}

// keep writes the files and says where they are.
func (k keeper) keep(files []artifact, logf func(string, ...any)) {
	k.tb.Helper()
	switch {
	case len(files) == 0:
		return
	case k.lost:
		logf("smtptest: go test -artifacts keeps %s", names(files))
		return
	case k.dir == "":
		logf("smtptest: no place for %s: the test has no ArtifactDir", names(files))
		return
	}
	kept, err := k.write(files)
	if err != nil {
		k.tb.Logf("smtptest: artifacts: %v", err)
	}
	if len(kept) == 0 {
		return
	}
	logf("smtptest: %s in %s", names(kept), k.dir)
	harness.Optional(k.tb, func(tb interface{ Attr(key, value string) }) bool {
		tb.Attr("smtptest.artifacts", k.dir)
		return true
	})
}

// write returns the files that were written. One that fails is no reason to
// leave the others out.
func (k keeper) write(files []artifact) (kept []artifact, err error) {
	if err := os.MkdirAll(k.dir, 0o777); err != nil {
		return nil, err
	}
	var failures []error
	for _, file := range files {
		if err := file.create(k.dir); err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", file.name, err))
			continue
		}
		kept = append(kept, file)
	}
	return kept, errors.Join(failures...)
}

// create writes the file. The test's own code runs on a goroutine of its own, so
// that only this file suffers if the code panics or calls t.Fatal.
func (a artifact) create(dir string) error {
	f, err := os.Create(filepath.Join(dir, a.name))
	if err != nil {
		return err
	}
	err = errors.New("the function left its goroutine: return an error, do not call t.Fatal")
	var writing sync.WaitGroup
	writing.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		err = a.write(f)
	})
	writing.Wait()
	return cmp.Or(err, f.Close())
}

// names are those of the files, first those that the test has asked for, and
// only a few.
func names(files []artifact) string {
	const most = 4
	var list, own []string
	for _, file := range files {
		if file.asked {
			list = append(list, file.name)
		} else {
			own = append(own, file.name)
		}
	}
	list = append(list, own...)
	if len(list) > most {
		list = append(list[:most-1], fmt.Sprintf("%d more", len(list)-most+1))
	}
	return strings.Join(list, ", ")
}
