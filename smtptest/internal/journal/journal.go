// Package journal holds what a server has seen, compactly, and wakes those who wait
// for more of it. It knows no protocol.
package journal

import (
	"slices"
	"sync"
	"time"
)

// A Journal holds the records of one server. Its lock guards its fields and those of
// all its records. Its zero value is empty.
type Journal struct {
	sync.Mutex

	Sessions []*Session     // in order of connection
	Ended    []*Session     // those that have ended, in order of their ends
	Messages []*Transaction // accepted and not taken, in order of acceptance

	accepted int           // the number of messages since the start
	removed  removal       // what Drain and Take have removed
	changed  chan struct{} // nil while nobody waits
}

// Open begins the record of a connection. The lock must be held.
func (j *Journal) Open() *Session {
	s := &Session{ID: len(j.Sessions) + 1, Start: time.Now()}
	s.Exchanges.open = s.begun[:0]
	j.Sessions = append(j.Sessions, s)
	j.Notify()
	return s
}

// Close ends the record of a connection. The lock must be held.
func (j *Journal) Close(s *Session, end string) {
	s.End, s.Duration = end, time.Since(s.Start)
	s.Sync = nil
	j.Ended = append(j.Ended, s)
	j.Notify()
}

// Accept makes a transaction a message. The lock must be held.
func (j *Journal) Accept(t *Transaction) {
	t.Outcome = Accepted
	t.At = time.Since(t.Session.Start)
	j.accepted++
	t.Message = j.accepted
	j.Messages = append(j.Messages, t)
	j.Notify()
}

// From returns the messages with numbers greater than n that nobody has taken, and the
// number of the last message. The lock must be held.
func (j *Journal) From(n int) (messages []*Transaction, last int) {
	i, _ := j.find(n + 1)
	return j.Messages[i:], j.accepted
}

// Taken returns the number of messages that Drain and Take have removed. The lock must
// be held.
func (j *Journal) Taken() int { return j.accepted - len(j.Messages) }

// Drain returns the messages and removes them, and returns those to Release. The lock
// must be held.
func (j *Journal) Drain() (drained, release []*Transaction) {
	drained = j.Messages
	j.Messages = nil
	return drained, j.removed.add(drained...)
}

// Take removes the message, and returns the messages to Release. It reports whether the
// message was still there. The lock must be held.
func (j *Journal) Take(t *Transaction) (release []*Transaction, taken bool) {
	i, found := j.find(t.Message)
	if !found {
		return nil, false
	}
	j.Messages[i] = nil
	if i == 0 {
		j.Messages = j.Messages[1:]
	} else {
		j.Messages = slices.Delete(j.Messages, i, i+1)
	}
	return j.removed.add(t), true
}

// find returns where in Messages the one with the number is, or would be.
func (j *Journal) find(number int) (i int, found bool) {
	return slices.BinarySearchFunc(j.Messages, number, func(t *Transaction, n int) int { return t.Message - n })
}

// Notify wakes those who wait for a change. The lock must be held.
func (j *Journal) Notify() {
	if j.changed != nil {
		close(j.changed)
		j.changed = nil
	}
}

// Wake is Notify for a change elsewhere. It takes the lock.
func (j *Journal) Wake() {
	j.Lock()
	defer j.Unlock()
	j.Notify()
}

// Next returns a channel that is closed at the next change. It takes the lock.
func (j *Journal) Next() <-chan struct{} {
	j.Lock()
	defer j.Unlock()
	if j.changed == nil {
		j.changed = make(chan struct{})
	}
	return j.changed
}
