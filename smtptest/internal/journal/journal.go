// Package journal holds what a server has seen, compactly, and wakes those who wait
// for more of it. It knows no protocol.
package journal

import (
	"sync"
	"time"
)

// A Journal holds the records of one server. Its lock guards its fields and those of
// all its records. Its zero value is empty.
type Journal struct {
	sync.Mutex

	Sessions []*Session     // in order of connection
	Ended    []*Session     // those that have ended, in order of their ends
	Messages []*Transaction // accepted, since the last Drain
	Drained  int            // the number of messages that Drain has returned

	changed chan struct{} // nil while nobody waits
}

// Open begins the record of a connection. The lock must be held.
func (j *Journal) Open() *Session {
	s := &Session{ID: len(j.Sessions) + 1, Start: time.Now()}
	s.Exchanges.open = s.begun[:0]
	j.Sessions = append(j.Sessions, s)
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
	j.Messages = append(j.Messages, t)
	j.Notify()
}

// Drain returns the messages and removes them. The lock must be held.
func (j *Journal) Drain() []*Transaction {
	drained := j.Messages
	j.Messages = nil
	j.Drained += len(drained)
	return drained
}

// Notify wakes those who wait for a change. The lock must be held.
func (j *Journal) Notify() {
	if j.changed != nil {
		close(j.changed)
		j.changed = nil
	}
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
