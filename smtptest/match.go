package smtptest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// script is the table in force, with its counters.
type script struct {
	ifTurn  chan struct{} // holds a value while an event runs an If; made by Start
	mu      sync.Mutex    // not held while an If runs
	active  atomic.Bool   // there are rows; read without mu
	version atomic.Uint64 // counts Script calls; read without mu
	rows    []*row
	old     []*row // of replaced scripts, not fired
}

// row is a rule with what it has counted. Its counters are guarded by
// script.mu; the rest does not change.
type row struct {
	Rule
	n      int    // from 1
	text   string // "row 3: {On: ...}"
	verb   string // of On, upper case: "RCPT", "BODY", "*"
	arg    string // of On
	octets int    // of BODY

	counts map[string]*window
	throws uint64
	fired  int
	miss   miss

	outdated atomic.Bool // there was a later Script
	replaced bool        // by that, before it had fired
}

// window is what one scope has counted.
type window struct {
	first          time.Time
	matches, fired int
}

// unfired are the rows in force that have not fired. mu must be held.
func (sc *script) unfired() []*row {
	return slices.DeleteFunc(slices.Clone(sc.rows), func(r *row) bool { return r.fired > 0 })
}

// maxScripts is how many scripts one event tries.
const maxScripts = 100

// match returns the rule that replies to the event, or nil. If Script replaces the
// rules while an If runs, match tries the new ones, but not without end: an If may
// call Script itself. An event that has reached an If keeps the turn until it is
// matched, so the rules count such events in one order.
func (ch *Channel) match(t *turn) *row {
	sc := &ch.Server.script
	if !sc.active.Load() {
		return nil
	}
	defer func() {
		if t.runsIf {
			t.runsIf = false
			<-sc.ifTurn
		}
	}()
	for range maxScripts {
		if r, current := ch.tryScript(t); current {
			return r
		}
	}
	ch.Server.errorf("smtptest: session %d: the rules were replaced %d times while an If of the same event ran; call Script outside of If", ch.session.id, maxScripts)
	return nil
}

// tryScript is match for the present script. current is false if that was replaced
// meanwhile.
func (ch *Channel) tryScript(t *turn) (r *row, current bool) {
	sc := &ch.Server.script
	sc.mu.Lock()
	defer sc.mu.Unlock()
	version := sc.version.Load()
	r = ch.first(t)
	return r, sc.version.Load() == version
}

// first is the first row of the script that fires, or nil.
func (ch *Channel) first(t *turn) *row {
	sc := &ch.Server.script
	var e *Event
	var hit *row
	for _, r := range sc.rows {
		if !r.concerns(t) {
			continue
		}
		if hit != nil || t.confused {
			ch.passedBy(r, hit, t)
			continue
		}
		if e == nil {
			ev := ch.event(t)
			e = &ev
		}
		if ch.fires(r, t, e) {
			hit = r
		}
		if r.outdated.Load() || ch.over {
			return nil
		}
	}
	return hit
}

// passedBy counts an event that the row did not get, because the row above had
// it. above is nil if the test's own code failed.
func (ch *Channel) passedBy(r, above *row, t *turn) {
	r.miss.came++
	switch {
	case above == nil:
	case r.byArgument() && !matchArg(r.arg, r.compared(t)):
		r.differs(ch.session, t)
	default:
		r.miss.taken++
		r.miss.by = above.n
	}
}

// concerns says that the row is for events of this kind. Rows of IDLE are
// chosen one by one, by their time.
func (r *row) concerns(t *turn) bool {
	switch t.name {
	case "IDLE":
		return t.row == r
	case "BODY":
		return r.verb == t.name && r.octets == t.mark
	case "TLS":
		return r.verb == t.name
	}
	return r.verb == t.name || r.verb == "*" || (r.verb == t.also && t.also != "")
}

// fires counts the event and decides whether the row answers it. The script's
// mu is held.
func (ch *Channel) fires(r *row, t *turn, e *Event) bool {
	r.miss.came++
	if r.byArgument() && !matchArg(r.arg, r.compared(t)) {
		r.differs(ch.session, t)
		return false
	}
	if r.If != nil {
		ok := ch.evalIf(r, e, t)
		switch {
		case r.outdated.Load() || t.confused || ch.over:
			return false
		case !ok:
			r.miss.refused++
			return false
		}
	}
	r.miss.matched++
	w := r.window(scopeKey(r.Per, e, ch.recipient(t)), time.Now())
	w.matches++
	switch {
	case w.matches <= r.Skip:
		r.miss.skipped++
	case r.Times > 0 && w.fired >= r.Times:
	case r.For > 0 && time.Since(w.first) >= r.For:
		r.miss.late++
	case !r.lucky(ch.Server.seed):
	default:
		w.fired++
		r.fired++
		if t.row == nil { // else the silence has lasted for it
			t.delay = r.delay(ch.Server.seed)
		}
		return true
	}
	return false
}

// byArgument says that what follows the verb in On is compared with what the
// client sent.
func (r *row) byArgument() bool {
	return r.arg != "" && r.verb != "BODY" && r.verb != "IDLE"
}

// compared is the argument of the name that the row has for the event.
func (r *row) compared(t *turn) string {
	if r.verb == t.name {
		return t.arg
	}
	return t.alsoArg
}

// window returns the counters of a scope, begun afresh when Every is over.
func (r *row) window(key string, now time.Time) *window {
	w := r.counts[key]
	if w == nil || (r.Every > 0 && now.Sub(w.first) >= r.Every) {
		if r.counts == nil {
			r.counts = make(map[string]*window)
		}
		w = &window{first: now}
		r.counts[key] = w
	}
	return w
}

// scopeKey names what a row with this scope counts the event under.
func scopeKey(per Scope, e *Event, recipient string) string {
	if per == PerServer {
		return ""
	}
	var b strings.Builder
	if per&(PerSession|PerTransaction) != 0 {
		fmt.Fprintf(&b, "%d ", e.Session)
	}
	if per&PerTransaction != 0 {
		fmt.Fprintf(&b, "%d ", e.Transaction)
	}
	if per&PerPeer != 0 {
		host, _, err := net.SplitHostPort(e.Peer)
		if err != nil {
			host = e.Peer
		}
		b.WriteString(host)
	}
	if per&PerSender != 0 {
		fmt.Fprintf(&b, " <%s>", e.From)
	}
	switch {
	case per&PerRecipient == 0:
	case e.Verb == "." && e.Arg != "": // LMTP
		b.WriteString(" " + e.Arg)
	case recipient != "":
		fmt.Fprintf(&b, " <%s>", recipient)
	}
	return b.String()
}

// lucky throws for Chance. The throws of a row follow from the seed alone, not
// from how goroutines run.
func (r *row) lucky(seed func() uint64) bool {
	if r.Chance == 0 {
		return true
	}
	r.throws++
	return r.random(seed(), r.throws) < r.Chance
}

// delay is the time to wait before the answer, Jitter included: another one each
// time that the row fires, or that its silence has lasted so long. Silences that
// only begin do not count: how many do depends on how input arrives. The script's
// mu must be held.
func (r *row) delay(seed func() uint64) time.Duration {
	if r.Jitter == 0 {
		return r.Delay
	}
	n := r.fired
	if r.verb == "IDLE" {
		n = r.miss.came
	}
	return r.Delay + time.Duration(r.random(seed(), 1<<40+uint64(n))*float64(r.Jitter))
}

func (r *row) random(seed, n uint64) float64 {
	return rand.New(rand.NewPCG(seed, uint64(r.n)<<48^n)).Float64()
}

// matchArg reports whether the pattern matches arg, or arg up to one of its spaces.
// A * stands for any run of bytes; letters match in either case (ASCII). The first
// place that a piece between two stars fits leaves the most to the others, so no
// other place is tried.
func matchArg(pattern, arg string) bool {
	piece, rest, more := strings.Cut(pattern, "*")
	if !hasPrefixFold(arg, piece) {
		return false
	}
	arg = arg[len(piece):]
	if !more {
		return arg == "" || arg[0] == ' '
	}
	for {
		if piece, rest, more = strings.Cut(rest, "*"); !more {
			break
		}
		i := indexFold(arg, piece)
		if i < 0 {
			return false
		}
		arg = arg[i+len(piece):]
	}
	return piece == "" || indexFold(arg, piece+" ") >= 0 ||
		len(piece) <= len(arg) && hasPrefixFold(arg[len(arg)-len(piece):], piece)
}

// indexFold is strings.Index for letters in either case.
func indexFold(s, piece string) int {
	for i := range len(s) - len(piece) + 1 {
		if hasPrefixFold(s[i:], piece) {
			return i
		}
	}
	return -1
}

func hasPrefixFold(s, prefix string) bool {
	if len(s) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if lower(s[i]) != lower(prefix[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// recipient is the last forward-path, also one that is not accepted yet; "" if
// there is none.
func (ch *Channel) recipient(t *turn) string {
	switch n := len(ch.RcptTos); {
	case t.name == "RCPT" && ch.pending.ok:
		return ch.pending.path
	case n > 0:
		return ch.RcptTos[n-1]
	}
	return ""
}
