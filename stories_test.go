package smtp_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

var (
	story = regexp.MustCompile(`(?ms)^func (TestExample_\w+)\(.*?^}$`)
	ends  = regexp.MustCompile(`\bt\.Logf\("[^"]*", [^\n]*\.Transcript\(\)\)[\s})]*$`)
)

// TestStories holds that each story ends in logging the dialogue, which is what
// README's go test -v -run Example shows.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("examples_*test.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		stories := story.FindAllSubmatch(b, -1)
		if len(stories) == 0 {
			t.Errorf("%s has no TestExample_", name)
		}
		for _, s := range stories {
			if !ends.Match(s[0]) {
				t.Errorf("%s: %s does not end in logging a Transcript", name, s[1])
			}
		}
	}
}
