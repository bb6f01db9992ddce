package internal_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/go-smtptest/smtp/smtptest"

// floors are the packages, from the top to the bottom. A package imports only packages
// below its own line.
var floors = []string{
	"report explore",
	"lint smtpcmp profile mailman",
	"",
	"internal/session internal/mailtext internal/upstream",
	"internal/secret",
	"internal/script internal/journal internal/sasl internal/certs internal/memnet internal/reserve internal/gate internal/harness",
	"internal/wire internal/stack",
	"internal/show internal/page",
}

// TestImports verifies that no package imports one of its own floor or of a floor above
// it, and that each package has a floor.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, module+"/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		name, imports := fields[0], fields[1:]
		if strings.Contains(name, "/internal/conformance/") || strings.HasSuffix(name, "/smtptest/internal") {
			continue // tests and their player
		}
		if floor(name) < 0 {
			t.Errorf("%s has no floor", name)
		}
		for _, path := range imports {
			if strings.HasPrefix(path, module) && floor(path) <= floor(name) {
				t.Errorf("%s imports %s, which is not below it", name, path)
			}
		}
	}
}

// floor returns the number of the package's line in floors, or -1.
func floor(path string) int {
	name := strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
	return slices.IndexFunc(floors, func(line string) bool { return slices.Contains(strings.Split(line, " "), name) })
}
