package explore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/lint"
)

// Retry is what a client promises to try again by itself. The promises are combined
// with |.
type Retry uint8

// The promises. The zero Retry promises nothing.
const (
	Temporary Retry = 1 << iota // replies of 4xx (RFC 5321 4.2.1)
	Lost                        // connections that end, and timeouts (RFC 5321 3.8, 4.5.3.2)
)

// Config says how [Run] explores a client. The zero Config is ready to use.
type Config struct {
	// Server sets fields of the server before it starts, such as TLS, Users and
	// Extensions. Run sets Hostname to "mx.explore.test" before it calls Server. For
	// implicit TLS, Server calls StartTLSInMemory itself, or StartTLS if TCP is set.
	Server func(*smtptest.Server)

	// Retry is what the client promises to try again by itself.
	Retry Retry

	// Deadline limits one delivery. The context of the delivery ends then. If
	// Deadline is 0, the limit is 24 hours of virtual time, and 2 seconds over TCP.
	Deadline time.Duration

	// Allow lists the ids of violations that do not fail the test.
	Allow []string

	// Enable lists the ids of violations that are off by default:
	// legal-not-understood, impatient, and "lint:" with the ID of a lint rule that is
	// OptIn or a warning, as in lint:quit-missing.
	Enable []string

	// Pairs also plays a second fault at each step of what followed the first one.
	Pairs bool

	// TCP uses sockets and real time, for clients that take no dialer. Its verdicts
	// are weaker: the faults that take minutes are not played, and goroutines that
	// the client leaves are not noticed.
	TCP bool

	// Only leaves out the scenarios for which it returns false. Run also calls it for
	// the second fault of a pair.
	Only func(step, fault string) bool
}

// A Client makes a client of the server, and returns a function that delivers the
// author's mail once, or several mails.
type client = func(t *testing.T, srv *smtptest.Server) func(context.Context) error

// check returns what is wrong with the Config.
func (c *Config) check() error {
	for _, id := range slices.Concat(c.Allow, c.Enable) {
		if !isViolation(id) {
			return fmt.Errorf("no violation has the id %q; the ids are %s, and lint: with the ID of a lint rule", id, strings.Join(violationIDs(), ", "))
		}
	}
	if c.Deadline < 0 {
		return fmt.Errorf("the Deadline %v is negative; leave it out, or give a time", c.Deadline)
	}
	return nil
}

// deadline returns the limit of one delivery.
func (c *Config) deadline() time.Duration {
	switch {
	case c.Deadline > 0:
		return c.Deadline
	case c.TCP:
		return 2 * time.Second
	}
	return 24 * time.Hour
}

// enabled reports whether a violation that is off by default counts.
func (c *Config) enabled(id string) bool { return slices.Contains(c.Enable, id) }

// plays reports whether Only lets a fault be played.
func (c *Config) plays(s step, f *fault) bool { return c.Only == nil || c.Only(s.name, f.name) }

// lintRules returns the IDs of the lint rules that Enable lists.
func (c *Config) lintRules() []string {
	var ids []string
	for _, id := range c.Enable {
		if rule, ok := strings.CutPrefix(id, "lint:"); ok {
			ids = append(ids, rule)
		}
	}
	return ids
}

// isLintRule reports whether a lint rule has the ID.
func isLintRule(id string) bool {
	return slices.ContainsFunc(lint.Rules(), func(r lint.Rule) bool { return r.ID == id })
}
