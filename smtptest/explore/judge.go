package explore

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
)

// A finding is a violation that a trial has shown.
type finding struct {
	id     string
	detail string // what happened, in sentences
}

// A verdict is what the explorer says about a trial.
type verdict struct {
	letter   byte // see legend
	findings []finding
	note     string // why the scenario was not played or not judged; "" if it was
}

func (v *verdict) add(id, format string, args ...any) {
	if !slices.ContainsFunc(v.findings, func(f finding) bool { return f.id == id }) {
		v.findings = append(v.findings, finding{id, fmt.Sprintf(format, args...)})
	}
}

// A judge judges one trial.
type judge struct {
	cfg  *Config
	base *baseline
	sc   *scenario
	tr   *trial
	v    verdict
}

// judgeTrial returns the verdict about the trial of a scenario.
func judgeTrial(cfg *Config, base *baseline, sc *scenario, tr *trial) verdict {
	j := &judge{cfg: cfg, base: base, sc: sc, tr: tr}
	switch {
	case tr.skipped != "":
		return verdict{letter: 'x', note: tr.skipped}
	case tr.flooded():
		j.flood()
	case tr.abandoned == "" && len(tr.deliveries) == 0:
		return verdict{letter: 'x', note: "the client was not made"}
	case tr.abandoned != "" && tr.late.Load():
		j.v = verdict{letter: 'e'}
		j.v.add("hang", "The client did not return within %v, and it waits for a lock.\n%s", j.limit(), tr.where)
	case tr.abandoned != "":
		j.v = verdict{letter: 'e'}
		j.v.add(tr.abandoned, "%s\n%s", abandonedText[tr.abandoned], tr.where)
	case !sc.reached(tr):
		return verdict{letter: '-'}
	default:
		j.deliveries()
	}
	return j.v
}

// abandonedText says why a bubble was abandoned.
var abandonedText = map[string]string{
	"stuck":   "The client waits for a lock that nobody releases. Virtual time stands still. These goroutines wait:",
	"runaway": "The client works without a pause, and virtual time stands still. Its goroutines:",
	"hang":    "The client has not returned after much virtual and real time. Its goroutines:",
}

// deliveries judges a trial that has ended.
func (j *judge) deliveries() {
	j.v.letter = '.'
	faulty, last := j.sc.during(), len(j.tr.deliveries)-1
	switch d := &j.tr.deliveries[last]; {
	case d.panicked != "":
		j.v.letter = 'e'
		j.v.add("panic", "The client panicked: %s", d.panicked)
		return
	case d.exited:
		j.v.letter, j.v.note = 'e', "the function left its goroutine, as t.Fatal does"
		return
	case j.tr.late.Load() && last <= faulty:
		j.v.letter = 'e'
		j.v.add("hang", "The client did not return within %v%s.", j.limit(), j.stayed())
		j.secure()
		return
	}
	if faulty < closing && faulty <= last {
		j.faulty(faulty)
		j.next(faulty + 1)
	}
	j.secure()
	j.lint()
	j.closed()
}

// flood judges a client that sent commands without end.
func (j *judge) flood() {
	j.v.letter = 'e'
	if took := time.Duration(j.tr.floodTime.Load()); took < time.Minute {
		j.v.add("runaway", "The client caused %d events within %v.", maxEvents, round(took))
	} else {
		j.v.note = fmt.Sprintf("the client still tried after %d events and %v", maxEvents, round(took))
	}
}

func (j *judge) limit() time.Duration {
	d := j.cfg.deadline()
	if j.sc.patient {
		d *= patience
	}
	return d
}

func (j *judge) stayed() string {
	if j.tr.stays {
		return ", and not when its context was canceled and its connections were closed"
	}
	return ""
}

// faulty judges the delivery that met the fault.
func (j *judge) faulty(i int) {
	d := &j.tr.deliveries[i]
	l := j.ledgerOf(i)
	missing, unproved := l.missing(), l.unproved()
	j.v.letter = j.letter(i, d.err, l)
	switch {
	case d.err == nil && unproved != nil && j.queued(i) && !j.mustRetry(i):
		j.v.letter = 'e' // the client could not report this to its caller
	case d.err == nil && missing != nil:
		j.v.add("lost", "The client returned nil, and the server has not accepted the mail to %s.", list(missing))
	case d.err == nil && unproved != nil && !j.inDoubt():
		j.v.add("unproved-success", "The client returned nil, and got no 2xx reply to the mail to %s.", list(unproved))
	case d.err != nil && unproved == nil:
		j.v.add("false-failure", "The client returned an error, although it got a 2xx reply to each mail.")
	case d.err != nil && j.mustRetry(i):
		j.v.add("not-retried", "The client gave up after %v, although the failure was temporary.", round(d.took()))
	}
	j.copies(l)
	j.repeats(i)
	j.optIn(i, d.err)
}

// has reports whether a fault of the scenario has the class.
func (j *judge) has(c class) bool {
	return slices.ContainsFunc(j.sc.hits(), func(h hit) bool { return h.fault.class == c })
}

// inDoubt reports whether the client may not have understood a reply, or not have
// waited for it.
func (j *judge) inDoubt() bool { return j.has(legal) || j.has(broken) || j.has(late) }

// ledgerOf returns what became of delivery i.
func (j *judge) ledgerOf(i int) *ledger {
	return j.base.ledgerOf(i, j.tr.messagesIn(i), func(m smtptest.Message, n int) smtptest.Reply {
		return j.tr.replyFor(m, n, j.inDoubt())
	})
}

// queued reports whether the client returned nil before it could know the fault, as a
// queue does.
func (j *judge) queued(i int) bool {
	return j.base.queues || j.sc.returnedBefore(i, &j.tr.deliveries[i])
}

// copies judges the copies of one delivery.
func (j *judge) copies(l *ledger) {
	for id, details := range map[string][]string{"duplicate": l.duplicates, "new-message-id": l.newIDs, "truncated": l.truncated} {
		if details != nil && (id != "new-message-id" || !j.inDoubt()) {
			j.v.add(id, "%s", strings.Join(details, " "))
		}
	}
	slices.SortFunc(j.v.findings, func(a, b finding) int { return weight(a.id) - weight(b.id) })
}

// weight returns the place of an id in the list of violations.
func weight(id string) int {
	n := slices.Index(violationIDs(), id)
	if n < 0 {
		return len(violations)
	}
	return n
}

// letter returns the letter of a delivery in the table.
func (j *judge) letter(i int, err error, l *ledger) byte {
	some := len(l.missing()) < len(l.recipients(func(int, tally) bool { return true }))
	switch {
	case err != nil && l.unproved() != nil && l.unknown() != nil:
		return '?'
	case err != nil && l.unproved() != nil && some:
		return 'p'
	case err != nil && l.unproved() != nil:
		return 'e'
	case l.extra() != nil:
		return 'd'
	case j.attempts(i) > j.base.attempts(i) || j.sc.first.fault.outage > 0:
		return 'r'
	}
	return '.'
}

// attempts returns how many connections and transactions the client began.
func (j *judge) attempts(i int) int { return attemptsIn(labels(j.tr.eventsIn(i))) }

func (b *baseline) attempts(i int) int { return attemptsIn(b.events[min(i, 1)]) }

func attemptsIn(events map[string]int) int { return events["CONNECT"] + events["MAIL"] }

// next judges the delivery after the fault.
func (j *judge) next(i int) {
	if i >= len(j.tr.deliveries) {
		return
	}
	if j.tr.late.Load() {
		j.v.add("next-mail-fails", "The delivery after the fault did not return within %v.", j.limit())
		return
	}
	d := &j.tr.deliveries[i]
	l := j.ledgerOf(i)
	switch {
	case d.err != nil:
		j.v.add("next-mail-fails", "The delivery after the fault returned: %v", d.err)
	case l.missing() != nil:
		j.v.add("next-mail-lost", "The delivery after the fault returned nil, and the server has not accepted the mail to %s.", list(l.missing()))
	}
	j.copies(l)
}

// closed judges what the closed client has left.
func (j *judge) closed() {
	if j.tr.closeHung.Load() {
		j.v.add("hang", "Closing the client took longer than %v.", j.limit())
	}
	if len(j.tr.open) > 0 && len(j.base.tr.open) == 0 && !j.leavesAllOpen() {
		j.v.add("connection-left-open", "After the client was closed, %s open.", sessionsAre(j.tr.open))
	}
	if j.tr.leaked != "" && !j.tr.stays {
		j.v.add("goroutine-leak", "After the client was closed and an hour had passed, these goroutines were left:\n%s", j.tr.leaked)
	}
}

// leavesAllOpen reports whether the client also leaves the connection of a delivery
// without a fault open. Over TCP the run without faults cannot show that.
func (j *judge) leavesAllOpen() bool {
	n := len(j.tr.sessions)
	return j.cfg.TCP && n > 0 && slices.Contains(j.tr.open, j.tr.sessions[n-1].ID)
}

func sessionsAre(ids []int) string {
	var names []string
	for _, id := range ids {
		names = append(names, fmt.Sprint(id))
	}
	if len(ids) == 1 {
		return "the connection of session " + names[0] + " was"
	}
	return "the connections of sessions " + list(names) + " were"
}

// optIn judges what is reported only on request.
func (j *judge) optIn(i int, err error) {
	f := j.sc.first.fault
	if j.sc.second != nil || err == nil && j.attempts(i) <= j.base.attempts(i) {
		return
	}
	switch {
	case f.class == legal && j.cfg.enabled("legal-not-understood"):
		j.v.add("legal-not-understood", "The client did not take the reply for a success.")
	case f.class == late && j.cfg.enabled("impatient"):
		j.v.add("impatient", "The client did not wait for the reply, which was complete after a minute at most.")
	}
}

// list joins names for a sentence.
func list(names []string) string {
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}

// round returns a time that can be read.
func round(d time.Duration) time.Duration {
	switch {
	case d > time.Minute:
		return d.Round(time.Second)
	case d > time.Second:
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}
