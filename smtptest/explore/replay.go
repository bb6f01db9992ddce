package explore

import (
	"flag"
	"regexp"
	"strings"
)

// replayPattern returns the pattern for go test -run that runs only the test.
func replayPattern(name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return strings.Join(parts, "/")
}

// wantsDeeper reports whether -run selects subtests of the test, and not the test
// itself.
func wantsDeeper(name string) bool {
	run := flag.Lookup("test.run")
	return run != nil && strings.Count(run.Value.String(), "/") > strings.Count(name, "/")
}
