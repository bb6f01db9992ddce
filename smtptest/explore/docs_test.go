package explore

import (
	"os"
	"strings"
	"testing"
)

// TestPage verifies that docs/explore.md explains each violation, fault and letter.
func TestPage(t *testing.T) {
	b, err := os.ReadFile("../../docs/explore.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	for _, v := range violations {
		if !strings.Contains(page, "\n### "+v.id+"\n") || !strings.Contains(page, v.rfc) {
			t.Errorf("docs/explore.md does not explain %s (%s)", v.id, v.rfc)
		}
	}
	for _, faults := range [][]*fault{eventFaults, contentFaults, tlsFaults} {
		for _, f := range faults {
			if !strings.Contains(page, "`"+f.name+"`") {
				t.Errorf("docs/explore.md does not explain the fault %s", f.name)
			}
		}
	}
	for entry := range strings.SplitSeq(legend, "   ") {
		if !strings.Contains(page, "| `"+entry[:1]+"` |") {
			t.Errorf("docs/explore.md does not explain the letter %s", entry[:1])
		}
	}
}
