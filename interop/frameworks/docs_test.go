package frameworks

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestRecipes: each code block of docs/frameworks.md is, to the letter, part of
// a file that is compiled and run here.
func TestRecipes(t *testing.T) {
	doc, err := os.ReadFile("../../docs/frameworks.md")
	if err != nil {
		t.Fatal(err)
	}
	var sources string
	for _, pattern := range []string{"*_test.go", "testdata/script/*.txtar"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no %s: %v", pattern, err)
		}
		for _, name := range files {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			sources += "\n" + string(b)
		}
	}
	blocks := regexp.MustCompile("(?s)```[a-z]*\n(.*?)```").FindAllStringSubmatch(string(doc), -1)
	if len(blocks) == 0 {
		t.Fatal("docs/frameworks.md has no code")
	}
	for _, block := range blocks {
		if !strings.Contains(sources, "\n"+block[1]) {
			t.Errorf("no file here has this block of docs/frameworks.md:\n%s", block[1])
		}
	}
}
