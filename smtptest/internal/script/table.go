package script

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Table holds the rules in force and their counters. Its zero value has no rules,
// and needs a Seed before a rule has a Chance or a Jitter. Its methods may be called
// from any goroutine.
type Table struct {
	Seed func() uint64 // from which all random draws follow

	active  atomic.Bool   // there are rules
	version atomic.Uint64 // counts Replace calls
	mu      sync.Mutex    // guards the rules and their counters; not held while an If runs
	rules   []*Rule
	old     []*Rule // of replaced scripts, not fired
}

// Active reports whether there are rules.
func (t *Table) Active() bool { return t.active.Load() }

// Version returns a number that each Replace changes.
func (t *Table) Version() uint64 { return t.version.Load() }

// Replace sets the rules, which Compile has prepared. A rule that a session already
// acts on is finished.
func (t *Table) Replace(rules []*Rule) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.rules {
		r.outdated.Store(true)
	}
	for _, r := range t.unfired() {
		r.replaced = true
		t.old = append(t.old, r)
	}
	t.rules = rules
	t.version.Add(1)
	t.active.Store(len(rules) > 0)
}

// unfired returns the rules in force that have not fired. mu must be held.
func (t *Table) unfired() []*Rule {
	return slices.DeleteFunc(slices.Clone(t.rules), func(r *Rule) bool { return r.fired > 0 })
}

// Rules returns the rules in force.
func (t *Table) Rules() []*Rule {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.rules
}

// Unused returns the rules in force that have not fired.
func (t *Table) Unused() []*Rule {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.unfired()
}

// Fired returns how often each rule in force has fired.
func (t *Table) Fired() []int {
	t.mu.Lock()
	defer t.mu.Unlock()
	fired := make([]int, len(t.rules))
	for i, r := range t.rules {
		fired[i] = r.fired
	}
	return fired
}

// A Hit is the result of Match.
type Hit struct {
	Rule   *Rule         // nil if none fires
	Delay  time.Duration // before the reply, Jitter included; 0 for IDLE, whose delay is over
	Failed bool          // the If of a rule has failed
	Stale  bool          // the rules were replaced MaxScripts times meanwhile
}

// MaxScripts is how many scripts one event tries.
const MaxScripts = 100

// Match returns the rule that fires for the event. It calls eval, without a lock, for
// a rule with an If, and eval calls the If. If Replace comes meanwhile, Match
// tries the new rules, but not without end: an If may replace them itself.
func (t *Table) Match(e *Event, eval func(*Rule) Answer) Hit {
	for range MaxScripts {
		if hit, current := t.tryRules(e, eval); current {
			return hit
		}
	}
	return Hit{Stale: true}
}

// tryRules is Match for the rules in force. current is false if they were replaced
// meanwhile.
func (t *Table) tryRules(e *Event, eval func(*Rule) Answer) (hit Hit, current bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	version := t.version.Load()
	for _, r := range t.rules {
		if !r.appliesTo(e) {
			continue
		}
		if hit.Rule != nil || hit.Failed {
			r.noteShadowed(hit.Rule, e)
			continue
		}
		answer := t.condition(r, e, eval)
		if r.outdated.Load() || answer == Stopped {
			return Hit{}, answer == Stopped || t.version.Load() == version
		}
		hit.Failed = answer == Failed
		if answer == Yes && t.fires(r, e) {
			hit.Rule = r
			if e.Idle == nil {
				hit.Delay = t.delay(r)
			}
		}
	}
	return hit, t.version.Load() == version
}

// condition compares the rule's argument with the event's, and asks its If. mu must
// be held; it is released while the If runs.
func (t *Table) condition(r *Rule, e *Event, eval func(*Rule) Answer) Answer {
	r.stats.events++
	if r.byArgument() && !matchArg(r.arg, r.compared(e)) {
		r.noteNearest(e)
		return No
	}
	if r.If == nil {
		return Yes
	}
	answer := t.unlocked(eval, r)
	if answer == No && !r.outdated.Load() {
		r.stats.ifFalse++
	}
	return answer
}

// Outdated reports whether Replace has replaced the rule.
func (r *Rule) Outdated() bool { return r.outdated.Load() }

// unlocked calls eval while mu is not held. eval may leave the goroutine.
func (t *Table) unlocked(eval func(*Rule) Answer, r *Rule) Answer {
	t.mu.Unlock()
	defer t.mu.Lock()
	return eval(r)
}

// fires counts a match and reports whether the rule fires. mu must be held.
func (t *Table) fires(r *Rule, e *Event) bool {
	r.stats.matched++
	w := r.window(scopeKey(r.Per, e), time.Now())
	w.matches++
	switch {
	case w.matches <= r.Skip:
		r.stats.skipped++
	case r.Times > 0 && w.fired >= r.Times:
	case r.For > 0 && time.Since(w.first) >= r.For:
		r.stats.expired++
	case !t.drawChance(r):
	default:
		w.fired++
		r.fired++
		return true
	}
	return false
}

// drawChance draws for Chance. The draws of a rule follow from the seed alone, not
// from how goroutines run.
func (t *Table) drawChance(r *Rule) bool {
	if r.Chance == 0 {
		return true
	}
	r.draws++
	return r.random(t.Seed(), r.draws) < r.Chance
}

// delay returns the time to wait before the reply, Jitter included. It is another one
// each time that the rule fires, or that the client was silent for it. Times of
// silence that only begin do not count: how many do depends on how input arrives. mu
// must be held.
func (t *Table) delay(r *Rule) time.Duration {
	if r.Jitter == 0 {
		return r.Delay
	}
	n := r.fired
	if r.verb == "IDLE" {
		n = r.stats.events
	}
	return r.Delay + time.Duration(r.random(t.Seed(), 1<<40+uint64(n))*float64(r.Jitter))
}

// Marks returns the numbers of bytes over done that BODY rules wait for, in order.
func (t *Table) Marks(done int) []int {
	t.mu.Lock()
	defer t.mu.Unlock()
	var marks []int
	for _, r := range t.rules {
		if r.verb == "BODY" && r.octets > done {
			marks = append(marks, r.octets)
		}
	}
	slices.Sort(marks)
	return slices.Compact(marks)
}

// Short notes the length of a content that did not reach the BODY rules for more.
func (t *Table) Short(octets int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.rules {
		if r.verb == "BODY" && r.octets > octets {
			r.stats.longestBody = max(r.stats.longestBody, octets)
		}
	}
}

// An Idle is an IDLE rule, and how long the client must be silent until it fires.
type Idle struct {
	Rule  *Rule
	Delay time.Duration // Jitter included
}

// Idles returns the IDLE rules for the silence after the event of these names.
func (t *Table) Idles(last, also string) []Idle {
	t.mu.Lock()
	defer t.mu.Unlock()
	var idles []Idle
	for _, r := range t.rules {
		if r.verb == "IDLE" && (r.arg == "" || r.arg == last || r.arg == also) {
			idles = append(idles, Idle{r, t.delay(r)})
		}
	}
	return idles
}

// Again returns how long the client must be silent until an IDLE rule fires again.
// once is true if it has no Delay and so fires once.
func (t *Table) Again(r *Rule) (delay time.Duration, once bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.delay(r), r.Delay+r.Jitter == 0
}

// HasIdle reports whether one of the rules is for IDLE.
func HasIdle(rules []*Rule) bool {
	return slices.ContainsFunc(rules, func(r *Rule) bool { return r.verb == "IDLE" })
}

// IsRandom reports whether one of the rules draws from the Seed.
func IsRandom(rules []*Rule) bool {
	return slices.ContainsFunc(rules, func(r *Rule) bool { return r.Chance > 0 || r.Jitter > 0 })
}
