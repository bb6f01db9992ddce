package lint

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWellFormed: nothing is said about messages that are as they should be.
// Those named after RFC 5322 are the examples of its appendix A.
func TestWellFormed(t *testing.T) {
	files, err := filepath.Glob("testdata/wellformed/*.eml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no messages: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, eol := range []string{"\r\n", "\n"} { // that all lines end in LF is for data-bare-lf
				c := content{data: strings.ReplaceAll(string(data), "\n", eol), to: []string{"someone@example.com"},
					utf8: strings.HasSuffix(file, "-smtputf8.eml")}
				if ids, lines := findings(c); ids != nil {
					t.Errorf("check() with %q reports:\n%s", eol, strings.Join(lines, "\n"))
				}
			}
		})
	}
}
