package explore

import (
	"context"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
)

// Violations runs the client like Run. It returns the scenarios of each violation that
// is not allowed, and the table, instead of failing the test.
func Violations(t *testing.T, cfg Config, client func(*testing.T, *smtptest.Server) func(context.Context) error) (found map[string][]string, table string) {
	t.Helper()
	found = map[string][]string{}
	e := newExplorer(cfg, client, t.Name())
	e.fail = func(t *testing.T, text string) { t.Log(text) }
	e.runAll(t)
	for _, r := range e.results {
		for _, f := range r.findings {
			found[f.id] = append(found[f.id], r.sc.name())
		}
	}
	return found, e.table()
}
