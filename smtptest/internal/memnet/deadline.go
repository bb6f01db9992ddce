package memnet

import "time"

// A deadline is a point in time after which an operation fails. What counts is
// the clock, not the timer: the timer only wakes the one who waits. So a timer
// that fires after it was stopped or moved cannot end anything early.
type deadline struct {
	at    time.Time // with a monotonic reading; zero: none
	timer *time.Timer
}

// set moves the deadline to t and wakes the one who waits, now or then.
func (d *deadline) set(t time.Time, wake signal) {
	d.stop()
	if t.IsZero() {
		return
	}
	now := time.Now()
	left := t.Sub(now)
	d.at = now.Add(left) // not t: without a monotonic reading it could differ from the timer
	switch {
	case left <= 0:
		wake.send()
	case d.timer == nil:
		d.timer = time.AfterFunc(left, wake.send)
	default:
		d.timer.Reset(left)
	}
}

func (d *deadline) passed() bool {
	return !d.at.IsZero() && !time.Now().Before(d.at)
}

// stop removes the deadline.
func (d *deadline) stop() {
	d.at = time.Time{}
	if d.timer != nil {
		d.timer.Stop()
	}
}
