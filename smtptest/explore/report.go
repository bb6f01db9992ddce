package explore

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// report writes a result to the log of its subtest, and fails that for a violation
// that is not allowed.
func (e *explorer) report(t *testing.T, r *result) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.results = append(e.results, r)
	if r.note != "" {
		t.Logf("%s", r.note)
	}
	for _, f := range r.findings {
		switch {
		case slices.Contains(e.cfg.Allow, f.id):
			t.Logf("allowed: %s: %s", f.id, f.detail)
		case e.shown[f.id]:
			line, _, _ := strings.Cut(f.detail, "\n")
			e.fail(t, f.id+": "+line)
		default:
			e.shown[f.id] = true
			e.fail(t, e.full(t.Name(), r, f))
		}
	}
	if r.tr != nil {
		for _, p := range r.tr.problems {
			t.Errorf("the server reported: %s", p)
		}
	}
}

// full describes a violation in full.
func (e *explorer) full(name string, r *result, f finding) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\n", f.id, strings.TrimRight(f.detail, "\n"))
	if why := whyOf(f.id); why != "" {
		fmt.Fprintf(&b, "Why:    %s\n", why)
	}
	b.WriteString(scenarioText(name, r))
	return b.String()
}

// scenarioText describes a scenario: its script, what the client returned, the line
// that replays it, and the dialogue.
func scenarioText(name string, r *result) string {
	var b strings.Builder
	if rules := r.sc.pasted(); rules != "" {
		fmt.Fprintf(&b, "Script: %s\n", strings.ReplaceAll(rules, "\n", "\n        "))
	}
	fmt.Fprintf(&b, "Client: %s\n", r.tr.told(r.sc))
	fmt.Fprintf(&b, "Replay: go test -run '%s'\n", replayPattern(name))
	if d := dialogue(r); d != "" {
		fmt.Fprintf(&b, "\n%s", d)
	}
	return b.String()
}

// whyOf returns why a violation is one, with the RFC section.
func whyOf(id string) string {
	v := violationOf(id)
	if v.rfc != "" {
		return v.why + " (" + v.rfc + ")"
	}
	return v.why
}

// pasted returns the scenario as Go code for a test.
func (sc *scenario) pasted() string {
	var lines []string
	for _, h := range sc.hits() {
		switch f := h.fault; {
		case f.cert:
			lines = append(lines, "// the server shows an "+strings.ReplaceAll(f.name, "-", " "))
		case f.outage != 0:
			lines = append(lines, "srv.Stop()")
			if f.outage > 0 {
				lines = append(lines, fmt.Sprintf("time.AfterFunc(%d*time.Minute, srv.Restart)", f.outage/time.Minute))
			}
		}
	}
	if rules := sc.script(); len(rules) == 1 {
		lines = append(lines, fmt.Sprintf("srv.Script(%#v)", rules[0]))
	} else if len(rules) > 1 {
		lines = append(lines, "srv.Script(")
		for _, r := range rules {
			lines = append(lines, fmt.Sprintf("\t%#v,", r))
		}
		lines = append(lines, ")")
	}
	return strings.Join(lines, "\n")
}

// told returns what the client returned, and after how long.
func (tr *trial) told(sc *scenario) string {
	i := sc.during()
	if len(tr.deliveries) == 0 {
		return "It has not returned."
	}
	i = min(i, len(tr.deliveries)-1)
	d := &tr.deliveries[i]
	switch {
	case d.panicked != "":
		return "It panicked."
	case d.end.IsZero():
		return "It has not returned."
	case d.err == nil:
		return fmt.Sprintf("It returned nil after %v.", round(d.took()))
	}
	return fmt.Sprintf("It returned an error after %v: %v", round(d.took()), d.err)
}
