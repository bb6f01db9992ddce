package explore

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
)

// A trial is what happened in one play of the client.
type trial struct {
	srv        atomic.Pointer[smtptest.Server] // for what can still be shown if the play is abandoned
	deliveries []delivery
	closedAt   time.Time          // when the client began to be closed
	sessions   []smtptest.Session // when the client was closed
	messages   []smtptest.Message
	open       []int        // the sessions that the closed client has left open
	fired      []int        // how often each rule of the script fired
	problems   []string     // what the server reported about its test
	late       atomic.Bool  // the last delivery did not return in time
	held       bool         // and the server held the client back then
	stays      bool         // and it cannot be expected to return
	closeHung  atomic.Bool  // a Cleanup of the client did not return in time
	floodTime  atomic.Int64 // how long the client took for maxEvents; 0 if there were fewer
	leaked     string       // the goroutines that were left; "" if none
	skipped    string       // why the scenario was not played; "" if it was

	abandoned string // why the play was abandoned; "" if it has ended
	where     string // the goroutines of the abandoned play
}

// flooded reports whether the client caused too many events.
func (tr *trial) flooded() bool { return tr.floodTime.Load() > 0 }

// A delivery is one call of the author's function.
type delivery struct {
	start time.Time
	end   time.Time // zero if it has not returned
	count int       // how many messages the server had accepted by then
	met   bool      // a rule had fired by then
	outcome
}

// An outcome is how the author's function ended.
type outcome struct {
	err      error
	panicked string // the value of a panic, and its place
	exited   bool   // it left its goroutine, as t.Fatal does
}

// took returns how long the delivery took.
func (d *delivery) took() time.Duration { return d.end.Sub(d.start) }

// during returns the delivery within which, or after which, the time lies.
func (tr *trial) during(at time.Time) int {
	n := -1
	for i, d := range tr.deliveries {
		if !at.Before(d.start) {
			n = i
		}
	}
	if !tr.closedAt.IsZero() && !at.Before(tr.closedAt) {
		return closing
	}
	return max(n, 0)
}

// reusesConnection reports whether the second delivery used the connection of the
// first.
func (tr *trial) reusesConnection() bool {
	var connects, mails bool
	for _, e := range eventsOf(tr.sessions) {
		if tr.during(e.at) == 1 {
			connects = connects || e.On == "CONNECT"
			mails = mails || e.On == "MAIL"
		}
	}
	return mails && !connects
}

// usesTLS reports whether there was a handshake.
func (tr *trial) usesTLS() bool {
	return slices.ContainsFunc(tr.sessions, func(s smtptest.Session) bool { return s.TLS != nil })
}

// eventsIn returns the events of one delivery.
func (tr *trial) eventsIn(n int) []event {
	return slices.DeleteFunc(eventsOf(tr.sessions), func(e event) bool { return tr.during(e.at) != n })
}

// messagesIn returns the messages that were accepted in one delivery.
func (tr *trial) messagesIn(n int) []smtptest.Message {
	return slices.DeleteFunc(slices.Clone(tr.messages), func(m smtptest.Message) bool { return tr.during(m.Time) != n })
}
