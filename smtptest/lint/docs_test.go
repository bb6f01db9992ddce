package lint_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest/lint"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the table of docs/lint.md")

const docs = "../../docs/lint.md"

// TestDocs holds the table of docs/lint.md against Rules.
func TestDocs(t *testing.T) {
	b, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	before, table, _ := strings.Cut(string(b), "| id |")
	want := docsTable()
	if *update {
		if err := os.WriteFile(docs, []byte(before+want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, "| id |"+table); diff != "" {
		t.Errorf("docs/lint.md (-want +got), to be written with -update:\n%s", diff)
	}
}

func docsTable() string {
	var b strings.Builder
	b.WriteString("| id | level | RFC | what the client did |\n|---|---|---|---|\n")
	for _, r := range lint.Rules() {
		level := r.Level.String()
		if r.OptIn {
			level += ", off"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.ID, level, strings.TrimPrefix(r.RFC, "RFC "), r.Summary)
	}
	return b.String()
}

// TestRuleTable holds the conventions of the table.
func TestRuleTable(t *testing.T) {
	id := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)+$`)
	seen := map[string]bool{}
	for _, r := range lint.Rules() {
		if !id.MatchString(r.ID) || seen[r.ID] {
			t.Errorf("%q: not words with hyphens, or there twice", r.ID)
		}
		seen[r.ID] = true
		if r.Level != lint.Error && r.Level != lint.Warning || r.RFC != "" && !strings.HasPrefix(r.RFC, "RFC ") || !strings.HasSuffix(r.Summary, ".") {
			t.Errorf("%s: level %d, RFC %q, %q", r.ID, r.Level, r.RFC, r.Summary)
		}
	}
}
