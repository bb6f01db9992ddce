package explore

import (
	"fmt"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/page"
)

// page returns what package report shows.
func (e *explorer) page(text string) page.Explored {
	shown := page.Explored{Test: e.test, Legend: legend, Summary: text}
	cells := map[[2]string]page.Cell{}
	letters := map[[2]string]string{}
	for _, r := range e.results {
		c := e.pageCell(r)
		if r.sc.second == nil {
			key := [2]string{r.sc.first.step.name, r.sc.first.fault.name}
			cells[key], letters[key] = c, c.Letter
		} else if len(r.findings) > 0 {
			shown.Pairs = append(shown.Pairs, c)
		}
	}
	for _, k := range []kind{eventStep, contentStep, tlsStep, serverStep} {
		steps, faults := e.axes(k, letters)
		table := page.Table{Faults: faults}
		for _, s := range steps {
			row := page.Row{Step: s}
			for _, f := range faults {
				row.Cells = append(row.Cells, cells[[2]string{s, f}])
			}
			table.Rows = append(table.Rows, row)
		}
		if table.Rows != nil {
			shown.Tables = append(shown.Tables, table)
		}
	}
	return shown
}

// pageCell returns one scenario of the page.
func (e *explorer) pageCell(r *result) page.Cell {
	letter := r.cell(e.cfg.Allow)
	c := page.Cell{Letter: letter, Name: r.sc.name(), Violation: strings.HasSuffix(letter, "!")}
	var b strings.Builder
	if r.note != "" {
		fmt.Fprintf(&b, "%s\n\n", r.note)
	}
	name := e.test + "/" + r.sc.name()
	for _, f := range r.findings {
		fmt.Fprintf(&b, "%s: %s\n\nWhy:    %s\n\n", f.id, strings.TrimRight(f.detail, "\n"), whyOf(f.id))
	}
	if r.tr != nil {
		b.WriteString(scenarioText(name, r))
	}
	c.Text = b.String()
	return c
}
