package explore

import "testing"

// patience is how many times as long a scenario may take that is played again alone.
const patience = 10

// playOverTCP plays a scenario over TCP, at the same time as others. What it shows may
// come from the load of the machine. So a scenario with a violation is played again,
// alone and with more time, and only that counts. If the server held the client back
// until the deadline, there is no need for that.
func (e *explorer) playOverTCP(t *testing.T, r *result, report func()) {
	p := e.newPlay(r.sc, e.cfg.deadline())
	t.Cleanup(func() { // after the client's own
		p.finish()
		r.tr = p.tr
		r.verdict = judgeTrial(&e.cfg, e.base, r.sc, r.tr)
		report()
	})
	e.together(func() { p.run(t, func() {}) })
	p.note()
	r.tr = p.tr
	v := judgeTrial(&e.cfg, e.base, r.sc, p.tr)
	r.letter = v.letter
	if len(v.findings) == 0 || p.tr.late.Load() && p.tr.held {
		return
	}
	p.shut()
	t.Logf("played again alone, because of %s", v.findings[0].id)
	r.sc = &scenario{first: r.sc.first, second: r.sc.second, patient: true}
	p = e.newPlay(r.sc, patience*e.cfg.deadline())
	e.byItself(func() { p.run(t, func() {}) })
	r.tr = p.tr
}

// together plays beside other plays.
func (e *explorer) together(play func()) {
	e.alone.RLock()
	defer e.alone.RUnlock()
	play()
}

// byItself plays when no other play runs.
func (e *explorer) byItself(play func()) {
	e.alone.Lock()
	defer e.alone.Unlock()
	play()
}
