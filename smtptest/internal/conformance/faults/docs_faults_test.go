package faults_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFaultsPage holds docs/faults.md against TestFaults: it has a section for
// each fault, and every script that it shows is one that is played under that
// number, or part of one. Those of its recipes are from examples.
func TestFaultsPage(t *testing.T) {
	played := faultSources(t)
	anywhere := unformatted(sourcesOf(t, "faults*_test.go", "../play/*.go", "../../../../examples_*_test.go"))
	var titles, want []string
	for _, s := range faultSections(t) {
		if s.n > 0 {
			titles = append(titles, fmt.Sprintf("%d %s", s.n, s.title))
		}
		if s.scripts == nil && (s.n == 0 || strings.Contains(played[s.n], "rules: ")) {
			t.Errorf("%d %s: the page shows no row", s.n, s.title)
		}
		for _, script := range s.scripts {
			source := played[s.n]
			if script[0] != '{' { // a setting: entries may share the function that makes it
				source = anywhere
			}
			if !strings.Contains(source, script) {
				t.Errorf("%d %s: the page shows what no test plays under that number: %s", s.n, s.title, script)
			}
		}
	}
	for _, title := range faultTitles {
		want = append(want, fmt.Sprintf("%d %s", title.n, title.title))
	}
	if diff := cmp.Diff(want, titles); diff != "" {
		t.Errorf("sections mismatch (-want +got):\n%s", diff)
	}
}

// A faultSection is a section of docs/faults.md.
type faultSection struct {
	n       int // 0: a recipe
	title   string
	scripts []string // and what is set on the server
}

func faultSections(t *testing.T) (all []faultSection) {
	b, err := os.ReadFile("../../../../docs/faults.md")
	if err != nil {
		t.Fatal(err)
	}
	page, _, _ := strings.Cut(string(b), "\n## What clients return\n")
	for _, text := range strings.Split(page, "\n### ")[1:] {
		title, body, _ := strings.Cut(text, "\n")
		s := faultSection{title: title}
		if number, rest, _ := strings.Cut(title, " "); number[0] <= '9' {
			s.title = rest
			if s.n, err = strconv.Atoi(number); err != nil {
				t.Fatalf("section %q: %v", title, err)
			}
		}
		_, code, _ := strings.Cut(body, "```go\n")
		code, _, _ = strings.Cut(code, "```")
		s.scripts = scriptsOf(code)
		all = append(all, s)
	}
	return all
}

var (
	lines    = regexp.MustCompile(`(?m)^[^\t{}\n].*$`) // that are no rows
	comments = regexp.MustCompile(`(?m) // .*$`)
	space    = regexp.MustCompile(`\s+`)
)

// scriptsOf are the rows that stand together, and the lines that are no rows.
func scriptsOf(code string) (all []string) {
	code = lines.ReplaceAllString(code, "\n$0\n")
	for part := range strings.SplitSeq(code, "\n\n") {
		if script := strings.TrimSuffix(unformatted(part), ","); script != "" {
			all = append(all, script)
		}
	}
	return all
}

// unformatted is source text without what depends on where it stands.
func unformatted(source string) string {
	source = strings.NewReplacer("smtptest.Rule", "", "smtptest.", "", "play.", "").Replace(comments.ReplaceAllString(source, ""))
	source = strings.TrimSpace(space.ReplaceAllString(source, " "))
	return strings.NewReplacer("{ ", "{", ", }", "}", " }", "}").Replace(source)
}

var entry = regexp.MustCompile(`\bn:\s+(\d+)`)

// faultSources is what stands in the tests under each number, and the rows as
// they print; under 0 stand the examples.
func faultSources(t *testing.T) map[int]string {
	all := sourcesOf(t, "faults*_test.go")
	sources := map[int]string{}
	entries := entry.FindAllStringSubmatchIndex(all, -1)
	for i, at := range entries {
		end := len(all)
		if i+1 < len(entries) {
			end = entries[i+1][0]
		}
		n, _ := strconv.Atoi(all[at[2]:at[3]])
		sources[n] += unformatted(all[at[0]:end]) + "\n"
	}
	for _, f := range allFaults {
		for _, r := range f.rules {
			sources[f.n] += r.String() + "\n"
		}
	}
	sources[0] = unformatted(sourcesOf(t, "../../../../examples_*_test.go", "../../../example_*_test.go"))
	return sources
}

func sourcesOf(t *testing.T, patterns ...string) string {
	var all strings.Builder
	for _, pattern := range patterns {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("no files %s: %v", pattern, err)
		}
		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(b)
		}
	}
	return all.String()
}
