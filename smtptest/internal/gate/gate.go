// Package gate has a mutex that works in synctest bubbles.
package gate

import "sync"

// A Gate is a mutex that may be held for long. While a goroutine waits for a
// [sync.Mutex], the clock of a [testing/synctest] bubble stops, and so does what
// the holder of the mutex waits for. The zero Gate is unlocked.
type Gate struct {
	mu   sync.Mutex
	free sync.Cond
	held bool
}

// Lock waits until the Gate is unlocked, and locks it.
func (g *Gate) Lock() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.free.L == nil {
		g.free.L = &g.mu
	}
	for g.held {
		g.free.Wait()
	}
	g.held = true
}

// Unlock unlocks the Gate. Any goroutine may call it.
func (g *Gate) Unlock() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held = false
	g.free.Signal()
}
