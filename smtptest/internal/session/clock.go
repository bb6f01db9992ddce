package session

import (
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/script"
)

// clock measures the silence of the client, for the rules for IDLE and for the limit.
type clock struct {
	config   *Config
	last     string    // the last event
	lastAlso string    // its second name
	since    time.Time // the wait for more than that began; zero before
	silences []silence // of the rules; nil if they are not looked up
	version  uint64    // of the script that silences is from
}

// silence is the next time of a rule for IDLE.
type silence struct {
	rule  *script.Rule
	delay time.Duration // Jitter included
	at    time.Time
	done  bool // it has no Delay and has had its turn
}

// restart notes that the event was answered.
func (c *clock) restart(e *event) {
	c.last, c.lastAlso = e.name, e.also
	c.newSilence()
}

// newSilence lets the next wait for input begin a silence of its own.
func (c *clock) newSilence() { c.since, c.silences = time.Time{}, nil }

// next is the time at which waiting for input ends: when the first rule is due, or
// when the client has been silent for too long (due is nil). Without rules for IDLE
// the armed deadline is kept: idle finds out whether it was too early, and most reads
// cost no new timer.
func (c *clock) next(armed time.Time) (wake time.Time, due *silence) {
	if c.since.IsZero() {
		c.since = time.Now()
	}
	limit := c.config.idleLimit()
	if limit > 0 {
		wake = c.since.Add(limit)
	}
	if !c.config.Script.Active() {
		if limit > 0 && !armed.IsZero() && armed.After(c.since) && armed.Before(wake) {
			wake = armed
		}
		return wake, nil
	}
	if v := c.config.Script.Version(); c.silences == nil || v != c.version {
		c.silences, c.version = c.lookUp(), v
	}
	for i := range c.silences {
		if s := &c.silences[i]; !s.done && (wake.IsZero() || s.at.Before(wake)) {
			wake, due = s.at, s
		}
	}
	return wake, due
}

// lookUp returns the rules for the silence after the last event. Never nil.
func (c *clock) lookUp() []silence {
	silences := []silence{}
	for _, i := range c.config.Script.Idles(c.last, c.lastAlso) {
		silences = append(silences, silence{rule: i.Rule, delay: i.Delay, at: c.since.Add(i.Delay)})
	}
	return silences
}

// fired moves the rule that was due to its next time. If it has answered the silence,
// so do the others that were due.
func (c *clock) fired(due *silence, answered bool) {
	at := due.at
	c.later(due)
	for i := range c.silences {
		if other := &c.silences[i]; answered && !other.done && !other.at.After(at) {
			c.later(other) // one event, and one rule that answers it
		}
	}
}

// later moves a rule to its next time.
func (c *clock) later(s *silence) {
	delay, once := c.config.Script.Again(s.rule)
	if once {
		s.done = true
		return
	}
	s.delay, s.at = delay, s.at.Add(delay)
}

// idleName returns the name of the event with what it follows. The first word of a
// line that is no command is not repeated: it may be anything, also a secret.
func (c *clock) idleName() string {
	if commands[c.last] == nil && c.config.Commands[c.last] == nil && !script.IsPseudo(c.last) {
		return "IDLE"
	}
	return "IDLE " + c.last
}
