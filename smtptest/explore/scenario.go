package explore

import (
	"bytes"
	"slices"
	"sync"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
)

// A hit is a fault at a step.
type hit struct {
	step  step
	fault *fault
}

// A scenario is what is played in one trial: no fault, one, or two.
type scenario struct {
	first  *hit // nil: no fault
	second *hit // nil: none

	patient bool // the delivery may take patience times as long
}

// name returns the name of the scenario's subtest within that of Run.
func (sc *scenario) name() string {
	name := sc.first.step.name + "/" + sc.first.fault.name
	if sc.second != nil {
		name += "/then-" + sc.second.step.name + "/" + sc.second.fault.name
	}
	return name
}

// hits returns the faults of the scenario.
func (sc *scenario) hits() []hit {
	var all []hit
	for _, h := range []*hit{sc.first, sc.second} {
		if h != nil {
			all = append(all, *h)
		}
	}
	return all
}

// during returns the delivery that meets the fault. Without a fault there is none.
func (sc *scenario) during() int {
	if sc.first == nil {
		return closing
	}
	return sc.first.step.during
}

// deliveries returns how many deliveries the trial has at most: those before the fault
// and the one that meets it, and the next one.
func (sc *scenario) deliveries() int {
	if sc.during() == closing {
		return closing
	}
	return sc.during() + 2
}

// isLastPossible reports whether delivery i cannot be made, because the fault stays.
func (sc *scenario) isLastPossible(i int) bool {
	return i > sc.during() && slices.ContainsFunc(sc.hits(), func(h hit) bool { return h.fault.cert })
}

// script returns the rules of the scenario, as a test author writes them. The rule of
// the second fault comes first: so it counts the events that the first fault meets.
func (sc *scenario) script() []smtptest.Rule {
	var rules []smtptest.Rule
	for _, h := range slices.Backward(sc.hits()) {
		rules = append(rules, h.fault.rulesAt(h.step)...)
	}
	return rules
}

// before is called before Config.Server.
func (sc *scenario) before(srv *smtptest.Server) {
	for _, h := range sc.hits() {
		if h.fault.before != nil {
			h.fault.before(srv)
		}
	}
}

// setup is called after Config.Server, if that has not started the server.
func (sc *scenario) setup(srv *smtptest.Server) {
	for _, h := range sc.hits() {
		if h.fault.setup != nil {
			h.fault.setup(srv)
		}
	}
}

// begin sets the script of a started server. It returns why the scenario cannot be
// played; "" if it can.
func (sc *scenario) begin(srv *smtptest.Server) (skipped string) {
	for _, h := range sc.hits() {
		if h.fault.cert && !showsBadCertificate(srv, h.fault) {
			return "Config.Server has started the server with a certificate of its own; leave Server.TLS nil for implicit TLS"
		}
	}
	rules := sc.script()
	if err := srv.Check(rules...); err != nil {
		return err.Error()
	}
	for i := range rules {
		rules[i].Optional = true // the table shows which ones fired
	}
	srv.Script(rules...)
	return ""
}

// showsBadCertificate reports whether the server shows what the fault has set. A good
// certificate would be that of an authority, for the server's name, and valid.
func showsBadCertificate(srv *smtptest.Server, f *fault) bool {
	return srv.TLS != nil && srv.Certificate() != nil && len(srv.TLS.Certificates) > 0 &&
		bytes.Equal(srv.Certificate().Raw, srv.TLS.Certificates[0].Certificate[0])
}

// beginOutage stops the server if the scenario wants that. The function that it
// returns ends the outage, however often it is called.
func (sc *scenario) beginOutage(srv *smtptest.Server) (end func()) {
	for _, h := range sc.hits() {
		if h.fault.outage == 0 {
			continue
		}
		srv.Stop()
		restart := sync.OnceFunc(srv.Restart)
		if h.fault.outage > 0 {
			time.AfterFunc(h.fault.outage, restart)
		}
		return restart
	}
	return func() {}
}

// returnedBefore reports whether delivery i returned before it met the fault.
func (sc *scenario) returnedBefore(i int, d *delivery) bool {
	return i == sc.during() && sc.first.step.kind != serverStep && !d.met
}

// holds reports whether the server holds the client back, or has sent it a reply that
// has no end for the client.
func (sc *scenario) holds(srv *smtptest.Server) bool {
	stalls := slices.ContainsFunc(sc.hits(), func(h hit) bool { return h.fault.stalls || h.fault.class == broken })
	return stalls && slices.ContainsFunc(srv.Fired(), func(n int) bool { return n > 0 })
}

// reached reports whether the last fault of the scenario was met.
func (sc *scenario) reached(tr *trial) bool {
	if len(tr.fired) == 0 || sc.first == nil {
		return true
	}
	last := sc.hits()[len(sc.hits())-1]
	n := len(last.fault.rulesAt(last.step))
	return n == 0 || slices.ContainsFunc(tr.fired[:min(n, len(tr.fired))], func(n int) bool { return n > 0 })
}
