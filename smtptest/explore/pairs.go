package explore

import (
	"slices"
	"strings"
	"sync"
	"testing"
)

// secondFaults are those that are played after another fault.
var secondFaults = []string{"4xx", "5xx", "reset", "lost-250-close"}

// pairs plays a second fault at each step of what followed the first one. Of the
// faults at one step after which the client went on in the same way, only one gets
// second faults: the others would find the same.
func (e *explorer) pairs(t *testing.T, r *result) {
	t.Helper()
	first := r.sc.first
	if r.tr == nil || first.fault.always || first.step.kind == serverStep || first.step.during == closing || r.letter == 'x' || r.letter == '-' || r.tr.abandoned != "" {
		return
	}
	after := stepsAfter(r.tr, first.step)
	if !e.isNewWay(first.step, after) {
		return
	}
	var group sync.WaitGroup
	for _, s := range after {
		e.run(&group, t, "then-"+s.name, func(t *testing.T) {
			t.Helper()
			e.seconds(t, first, s)
		})
	}
	group.Wait()
}

// seconds plays the second faults at one step.
func (e *explorer) seconds(t *testing.T, first *hit, s step) {
	t.Helper()
	var group sync.WaitGroup
	for _, f := range faultsAt(s.kind) {
		if !slices.Contains(secondFaults, f.name) || !e.canPlay(s, f) {
			continue
		}
		e.run(&group, t, f.name, func(t *testing.T) {
			t.Helper()
			e.play(t, &scenario{first: first, second: &hit{s, f}}, true)
		})
	}
	group.Wait()
}

// stepsAfter returns the steps of a trial after the fault at the given step, up to the
// end of the delivery that met the fault.
func stepsAfter(tr *trial, first step) []step {
	met := slices.IndexFunc(eventsOf(tr.sessions), func(e event) bool { return e.Rule != "" })
	return slices.DeleteFunc(allSteps(tr), func(s step) bool {
		return s.place <= met || s.during != first.during || s.kind == contentStep
	})
}

// isNewWay reports whether no fault at the step has led to the same steps yet.
func (e *explorer) isNewWay(first step, after []step) bool {
	way := first.name + ":"
	for _, s := range after {
		way += " " + strings.ToUpper(s.name)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	known := e.ways[way]
	e.ways[way] = true
	return !known
}
