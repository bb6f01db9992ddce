package explore

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
)

// Run plays a client under every fault at every step of its dialogue, and fails the
// test for each [violation] that it finds.
//
// The function client makes a client of the server, and returns the function that
// delivers the author's mail, or several mails. Run calls client once for each
// scenario, in a bubble of [testing/synctest] with the T of that bubble, and with a
// server of its own. The client connects by [smtptest.Server.DialContext]. It is closed
// in a Cleanup of the T. The function that delivers returns what the client reports:
// nil if the mail is delivered, or will be.
//
// First Run plays the client without a fault, and learns its dialogue and how many
// copies each recipient gets. Then it plays each scenario as a subtest: the delivery
// that meets the fault, and one more without a fault. The name of the subtest replays
// the scenario: go test -run '^TestX$/^dot$/^lost-250-reset$'.
func Run(t *testing.T, cfg Config, client func(t *testing.T, srv *smtptest.Server) func(context.Context) error) {
	t.Helper()
	if err := cfg.check(); err != nil {
		t.Fatalf("explore: %v", err)
	}
	e := newExplorer(cfg, client, t.Name())
	e.runAll(t)
}

// An explorer explores one client.
type explorer struct {
	cfg    Config
	client client
	test   string // its name
	base   *baseline
	steps  []step
	whole  []*fault

	fail func(t *testing.T, text string) // reports a violation

	alone sync.RWMutex // over TCP: held by plays, and exclusively by those that are repeated

	mu        sync.Mutex
	results   []*result
	abandoned map[string]int  // bubbles, by the names of their faults
	where     string          // the goroutines of the last of them
	ways      map[string]bool // in which the client went on after a fault at a step
	shown     map[string]bool // ids of which a violation has been printed in full
}

// A result is a scenario with its verdict.
type result struct {
	sc *scenario
	tr *trial
	verdict
}

// newExplorer returns the explorer of a test.
func newExplorer(cfg Config, client client, test string) *explorer {
	return &explorer{
		cfg: cfg, client: client, test: test,
		abandoned: map[string]int{}, ways: map[string]bool{}, shown: map[string]bool{},
		fail: func(t *testing.T, text string) { t.Helper(); t.Error(text) },
	}
}

// runAll learns the dialogue and plays all scenarios.
func (e *explorer) runAll(t *testing.T) {
	t.Helper()
	began := time.Now()
	tr := e.playFirst(t)
	if problem := e.learn(tr); problem != "" {
		t.Fatalf("explore: the run without faults: %s", problem)
	}
	e.explore(t)
	e.finish(t, time.Since(began))
}

// learn reads the run without faults. It returns what is wrong with it.
func (e *explorer) learn(tr *trial) (problem string) {
	switch {
	case tr.skipped != "":
		return tr.skipped
	case tr.abandoned != "":
		return abandonedText[tr.abandoned] + "\n" + tr.where
	case tr.flooded():
		return fmt.Sprintf("the client caused more than %d events; deliver fewer mails at once", maxEvents)
	case tr.late.Load():
		return fmt.Sprintf("the client did not return within %v:\n%s", e.cfg.deadline(), dialogueOf(tr))
	}
	for i, d := range tr.deliveries {
		switch {
		case d.panicked != "":
			return "the client panicked: " + d.panicked
		case d.exited:
			return "the function left its goroutine, as t.Fatal does; let it return an error"
		case d.err != nil && i == 1:
			return fmt.Sprintf("the second delivery by the same client returned: %v\n%s", d.err, dialogueOf(tr))
		case d.err != nil:
			return fmt.Sprintf("the client returned: %v\n%s", d.err, dialogueOf(tr))
		}
	}
	base := newBaseline(tr, e.cfg.TCP)
	for i := range 2 {
		if l := base.ledgerOf(i, tr.messagesIn(i), func(m smtptest.Message, n int) smtptest.Reply { return tr.replyFor(m, n, false) }); len(base.expected[i]) == 0 || l.unproved() != nil {
			return fmt.Sprintf("delivery %d returned nil, and the server has not accepted a mail:\n%s", i+1, dialogueOf(tr))
		}
	}
	if tr.leaked != "" {
		return "the client has left goroutines; close it in a Cleanup of the T that it was made with:\n" + tr.leaked
	}
	if len(tr.problems) > 0 {
		return strings.Join(tr.problems, "\n")
	}
	e.base, e.steps, e.whole = base, learnSteps(tr), wholeFaults(tr)
	return ""
}

// dialogueOf returns the transcript of a trial.
func dialogueOf(tr *trial) string {
	if srv := tr.srv.Load(); srv != nil {
		return srv.Transcript()
	}
	return ""
}

// explore plays all scenarios. Over TCP they run at the same time.
func (e *explorer) explore(t *testing.T) {
	t.Helper()
	var group sync.WaitGroup
	for _, s := range append(e.steps, wholeRun) {
		e.run(&group, t, s.name, func(t *testing.T) {
			t.Helper()
			e.atStep(t, s)
		})
	}
	group.Wait()
}

// run runs a subtest. Over TCP it does not wait for it: the group does.
func (e *explorer) run(group *sync.WaitGroup, t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	if e.cfg.TCP {
		group.Go(func() { t.Run(name, f) })
	} else {
		t.Run(name, f)
	}
}

// atStep plays the faults of one step.
func (e *explorer) atStep(t *testing.T, s step) {
	t.Helper()
	faults := faultsAt(s.kind)
	if s.kind == serverStep {
		faults = e.whole
	}
	var group sync.WaitGroup
	for _, f := range faults {
		if !e.canPlay(s, f) {
			continue
		}
		e.run(&group, t, f.name, func(t *testing.T) {
			t.Helper()
			e.atFault(t, &scenario{first: &hit{s, f}})
		})
	}
	group.Wait()
}

// atFault plays a fault, and then the pairs that begin with it. If only pairs are
// wanted, the fault itself is not reported: it is played to learn the steps.
func (e *explorer) atFault(t *testing.T, sc *scenario) {
	t.Helper()
	reported := !e.cfg.Pairs || !wantsDeeper(t.Name())
	r := e.play(t, sc, reported)
	if e.cfg.Pairs {
		e.pairs(t, r)
	}
}

// canPlay reports whether a fault makes sense at a step, and is wanted.
func (e *explorer) canPlay(s step, f *fault) bool {
	if e.cfg.TCP && f.slow || !e.cfg.plays(s, f) {
		return false
	}
	return f.rule == nil || f.rulesAt(s) != nil
}

// play plays a scenario, judges it, and reports what it shows. Over TCP that is known
// only when the client has been closed, at the end of the subtest.
func (e *explorer) play(t *testing.T, sc *scenario, reported bool) *result {
	t.Helper()
	r := &result{sc: sc}
	report := func() {
		t.Helper()
		if reported {
			e.report(t, r)
		}
	}
	switch r.note = e.givenUp(sc); {
	case r.note != "":
		r.letter = 'x'
		report()
	case e.cfg.TCP:
		e.playOverTCP(t, r, report)
	default:
		r.tr = e.playInBubble(t, sc)
		r.verdict = judgeTrial(&e.cfg, e.base, sc, r.tr)
		report()
	}
	return r
}

// playFirst plays the client without a fault.
func (e *explorer) playFirst(t *testing.T) *trial {
	if !e.cfg.TCP {
		return e.playInBubble(t, &scenario{})
	}
	p := e.newPlay(&scenario{}, e.cfg.deadline())
	p.run(t, func() {})
	p.note()
	p.shut()
	return p.tr
}

// playInBubble plays a scenario in a bubble.
func (e *explorer) playInBubble(t *testing.T, sc *scenario) *trial {
	p := e.newPlay(sc, e.cfg.deadline())
	end := inBubble(t, func(t *testing.T) { p.run(t, p.finish) })
	if end.abandoned == "" {
		p.tr.leaked = end.leaked
		return p.tr
	}
	left := &trial{abandoned: end.abandoned, where: end.where} // the bubble may still write to its own
	left.srv.Store(p.tr.srv.Load())
	left.late.Store(p.tr.late.Load())
	left.floodTime.Store(p.tr.floodTime.Load())
	if end.unsure && !left.late.Load() && !left.flooded() {
		left.skipped = "virtual time stood still: a goroutine waits for a lock that another one holds while it waits for time to pass. " +
			"TCP plays this scenario.\n" + end.where
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.abandoned[sc.faultName()]++
	e.where = end.where
	return left
}

// How many bubbles may be abandoned.
const (
	maxAbandonedOfFault = 3
	maxAbandoned        = 10
)

// givenUp returns why a scenario is not played; "" if it is.
func (e *explorer) givenUp(sc *scenario) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch total := e.totalAbandoned(); {
	case total >= maxAbandoned:
		return fmt.Sprintf("%d bubbles were abandoned", total)
	case e.abandoned[sc.faultName()] >= maxAbandonedOfFault:
		return fmt.Sprintf("%d bubbles with this fault were abandoned", maxAbandonedOfFault)
	}
	return ""
}

// totalAbandoned returns how many bubbles were abandoned.
func (e *explorer) totalAbandoned() int {
	total := 0
	for _, n := range e.abandoned {
		total += n
	}
	return total
}

// faultName returns the name of the last fault of the scenario.
func (sc *scenario) faultName() string {
	hits := sc.hits()
	if len(hits) == 0 {
		return ""
	}
	return hits[len(hits)-1].fault.name
}
