package session

import (
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/script"
)

// clock measures the silence of the client, for the rules for IDLE and for the limit.
type clock struct {
	config         *Config
	lastEvent      string     // the last event
	lastEventAlias string     // its second name
	idleSince      time.Time  // the wait for more than that began; zero before
	idleRules      []idleRule // of the rules; nil if they are not looked up
	version        uint64     // of the script that silences is from
}

// idleRule is the next time of a rule for IDLE.
type idleRule struct {
	rule  *script.Rule
	delay time.Duration // Jitter included
	at    time.Time
	done  bool // it has no Delay and has had its turn
}

// restart notes that the event was answered.
func (c *clock) restart(e *event) {
	c.lastEvent, c.lastEventAlias = e.name, e.alias
	c.resetIdle()
}

// resetIdle lets the next wait for input begin a silence of its own.
func (c *clock) resetIdle() { c.idleSince, c.idleRules = time.Time{}, nil }

// next is the time at which waiting for input ends: when the first rule is due, or
// when the client has been silent for too long (due is nil). Without rules for IDLE
// the deadline that is set is kept: idle finds out whether it was too early, and most reads
// cost no new timer.
func (c *clock) next(deadline time.Time) (wake time.Time, due *idleRule) {
	if c.idleSince.IsZero() {
		c.idleSince = time.Now()
	}
	limit := c.config.idleLimit()
	if limit > 0 {
		wake = c.idleSince.Add(limit)
	}
	if !c.config.Script.Active() {
		if limit > 0 && !deadline.IsZero() && deadline.After(c.idleSince) && deadline.Before(wake) {
			wake = deadline
		}
		return wake, nil
	}
	if v := c.config.Script.Version(); c.idleRules == nil || v != c.version {
		c.idleRules, c.version = c.rules(), v
	}
	for i := range c.idleRules {
		if s := &c.idleRules[i]; !s.done && (wake.IsZero() || s.at.Before(wake)) {
			wake, due = s.at, s
		}
	}
	return wake, due
}

// rules returns the rules for the silence after the last event. Never nil.
func (c *clock) rules() []idleRule {
	silences := []idleRule{}
	for _, i := range c.config.Script.Idles(c.lastEvent, c.lastEventAlias) {
		silences = append(silences, idleRule{rule: i.Rule, delay: i.Delay, at: c.idleSince.Add(i.Delay)})
	}
	return silences
}

// fired moves the rule that was due to its next time. If it has answered the silence,
// so do the others that were due.
func (c *clock) fired(due *idleRule, answered bool) {
	at := due.at
	c.reschedule(due)
	for i := range c.idleRules {
		if other := &c.idleRules[i]; answered && !other.done && !other.at.After(at) {
			c.reschedule(other) // one event, and one rule that answers it
		}
	}
}

// reschedule moves a rule to its next time.
func (c *clock) reschedule(s *idleRule) {
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
	if commands[c.lastEvent] == nil && c.config.Commands[c.lastEvent] == nil && !script.IsPseudo(c.lastEvent) {
		return "IDLE"
	}
	return "IDLE " + c.lastEvent
}
