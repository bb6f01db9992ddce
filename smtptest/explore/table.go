package explore

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/page"
)

const legend = ". delivered   r delivered by a retry   d twice, after a lost reply   e error   ? fate unknown   p partly   - not reached   x not run   ! violation   a allowed violation"

// finish writes the table to the log and to an artifact. It fails the test if too many
// bubbles were abandoned.
func (e *explorer) finish(t *testing.T, took time.Duration) {
	t.Helper()
	if len(e.results) == 0 {
		return
	}
	text := e.table() + e.summary() + fmt.Sprintf("%d scenarios in %v\n", len(e.results), took.Round(time.Millisecond))
	t.Logf("explore:\n%s", text)
	e.keep(t, "explore.txt", func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
	if page.Write != nil {
		e.keep(t, "explore.html", func(w io.Writer) error { return page.Write(w, e.page(text)) })
	}
	if n := e.totalAbandoned(); n >= maxAbandoned {
		e.fail(t, fmt.Sprintf("explore: %d bubbles were abandoned, so the rest was not played. The goroutines of the last one:\n%s", n, e.where))
	}
}

// keep writes a file that go test -artifacts keeps.
func (e *explorer) keep(t *testing.T, name string, write func(w io.Writer) error) {
	t.Helper()
	var b bytes.Buffer
	err := write(&b)
	if err == nil {
		err = os.WriteFile(filepath.Join(t.ArtifactDir(), name), b.Bytes(), 0o644)
	}
	if err != nil {
		t.Errorf("explore: %s: %v", name, err)
	}
}

// summary counts the violations.
func (e *explorer) summary() string {
	counts := map[string]int{}
	for _, r := range e.results {
		for _, f := range r.findings {
			counts[f.id]++
		}
	}
	var b strings.Builder
	for _, id := range slices.SortedFunc(maps.Keys(counts), func(a, b string) int { return cmp.Or(weight(a)-weight(b), strings.Compare(a, b)) }) {
		allowed := ""
		if slices.Contains(e.cfg.Allow, id) {
			allowed = " (allowed)"
		}
		fmt.Fprintf(&b, "%s: %d%s\n", id, counts[id], allowed)
	}
	return b.String()
}

// table returns the steps and the faults, with a letter for each scenario.
func (e *explorer) table() string {
	var b strings.Builder
	b.WriteString(legend + "\n")
	for _, k := range []kind{eventStep, contentStep, tlsStep, serverStep} {
		b.WriteString(e.tableOf(k))
	}
	return b.String()
}

// tableOf returns the part of the table with the steps of one kind.
func (e *explorer) tableOf(k kind) string {
	cells := map[[2]string]string{}
	for _, r := range e.results {
		if r.sc.second == nil {
			cells[[2]string{r.sc.first.step.name, r.sc.first.fault.name}] = r.cell(e.cfg.Allow)
		}
	}
	steps, faults := e.axes(k, cells)
	if steps == nil {
		return ""
	}
	var b strings.Builder
	b.WriteString("\n")
	width := 6
	for _, s := range steps {
		width = max(width, len(s))
	}
	fmt.Fprintf(&b, "%-*s", width, "")
	for i := range faults {
		fmt.Fprintf(&b, " %-2d", i+1)
	}
	for _, s := range steps {
		fmt.Fprintf(&b, "\n%-*s", width, s)
		for _, f := range faults {
			fmt.Fprintf(&b, " %-2s", cells[[2]string{s, f}])
		}
	}
	b.WriteString("\n")
	for i, f := range faults {
		fmt.Fprintf(&b, "%s%d %s", map[bool]string{true: "", false: "   "}[i == 0], i+1, f)
	}
	b.WriteString("\n")
	return trimLines(b.String())
}

// axes returns the names of the steps of one kind, and of their faults, that have a
// cell, in the order in which they are played.
func (e *explorer) axes(k kind, cells map[[2]string]string) (steps, faults []string) {
	all := faultsAt(k)
	if k == serverStep {
		all = e.whole
	}
	for _, f := range all {
		for _, s := range append(e.steps, wholeRun) {
			if s.kind != k || cells[[2]string{s.name, f.name}] == "" {
				continue
			}
			if !slices.Contains(faults, f.name) {
				faults = append(faults, f.name)
			}
			if !slices.Contains(steps, s.name) {
				steps = append(steps, s.name)
			}
		}
	}
	slices.SortFunc(steps, func(a, b string) int { return e.place(a) - e.place(b) })
	return steps, faults
}

// place returns the place of a step in the dialogue.
func (e *explorer) place(name string) int {
	return slices.IndexFunc(e.steps, func(s step) bool { return s.name == name })
}

// trimLines removes the spaces at the ends of the lines.
func trimLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Join(lines, "\n")
}

// cell returns the letter of a result, and an ! if it has a violation. If all its
// violations are allowed, an a follows the letter.
func (r *result) cell(allowed []string) string {
	mark := ""
	for _, f := range r.findings {
		if !slices.Contains(allowed, f.id) {
			return string(r.letter) + "!"
		}
		mark = "a"
	}
	return string(r.letter) + mark
}
