package smtptest

import (
	"os"
	"strings"
	"testing"
)

// TestREADME holds README's command list against the command table, and its first
// test against the one that is run.
func TestREADME(t *testing.T) {
	b, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := string(b)
	for _, v := range commandTable {
		row := "| " + v.name + " | `" + v.syntax + "` | " + v.rfc + " |\n"
		if ancient := strings.HasPrefix(v.rfc, "RFC 5321 F"); !ancient && !strings.Contains(readme, row) {
			t.Errorf("README's command list has no row %s", row)
		}
	}
	first, err := os.ReadFile("../first_test.go")
	if err != nil {
		t.Fatal(err)
	}
	if _, body, _ := strings.Cut(string(first), "\n"); !strings.Contains(readme, "```go\npackage shop_test\n"+body+"```\n") {
		t.Error("README's first test is not first_test.go")
	}
	if n := strings.Count(readme, "\n"); n >= 150 {
		t.Errorf("README has %d lines, want fewer than 150", n)
	}
}
