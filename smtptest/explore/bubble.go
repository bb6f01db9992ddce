package explore

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// How long a bubble may take, in real time.
const (
	firstLook  = 200 * time.Millisecond
	lookEvery  = 100 * time.Millisecond
	spinLimit  = 5 * time.Second  // while its clock stands still
	totalLimit = 40 * time.Second // while its clock goes on
)

// A bubbleEnd is how a bubble ended.
type bubbleEnd struct {
	leaked    string // the goroutines that were left; "" if none
	abandoned string // the violation for which it was given up; "" if it has ended
	where     string // the goroutines of an abandoned bubble
	unsure    bool   // another goroutine may hold the lock, and wait for time to pass
}

// inBubble runs f in a bubble on a goroutine of its own. A bubble that does not end is
// abandoned: its goroutines stay, and nobody waits for them.
func inBubble(t *testing.T, f func(t *testing.T)) bubbleEnd {
	w := watch{done: make(chan any, 1)}
	go func() {
		defer func() { w.done <- recover() }()
		synctest.Test(t, func(t *testing.T) {
			w.bubble.Store(bubbleID())
			w.tick()
			f(t)
		})
	}()
	end := w.wait()
	if p, ok := w.ended.(error); ok && strings.HasPrefix(p.Error(), "deadlock: ") {
		end.leaked = positions(goroutinesOf(w.id()))
	} else if w.ended != nil {
		panic(w.ended) // of the author's code
	}
	return end
}

// A watch looks at a bubble from outside, in real time.
type watch struct {
	done   chan any // gets what recover returned
	ended  any
	bubble atomic.Value // its number
	clock  atomic.Int64 // its time, by the minute
}

// tick notes the time of the bubble, once a minute.
func (w *watch) tick() {
	w.clock.Add(1)
	time.AfterFunc(time.Minute, w.tick)
}

func (w *watch) id() string {
	id, _ := w.bubble.Load().(string)
	return id
}

// wait returns when the bubble has ended or is abandoned.
func (w *watch) wait() bubbleEnd {
	began := time.Now()
	moved, clock := began, int64(0)
	locks := 0    // looks in a row that found the clock locked
	busy := false // a look found a goroutine that runs, since the clock has moved
	for pause := firstLook; ; pause = lookEvery {
		timer := time.NewTimer(pause)
		select {
		case w.ended = <-w.done:
			timer.Stop()
			return bubbleEnd{}
		case <-timer.C:
		}
		if now := w.clock.Load(); now != clock {
			moved, clock, locks, busy = time.Now(), now, 0, false
		}
		all := goroutinesOf(w.id())
		if waiting, sure, locked := isLocked(all); locked {
			if locks++; locks >= 3 {
				return bubbleEnd{abandoned: "stuck", where: positions(waiting), unsure: !sure}
			}
			continue
		}
		locks = 0
		busy = busy || slices.ContainsFunc(all, goroutine.isBusy)
		switch {
		case time.Since(moved) > spinLimit && busy:
			return bubbleEnd{abandoned: "runaway", where: positions(all)}
		case time.Since(moved) > spinLimit:
			return bubbleEnd{abandoned: "stuck", where: "It waits for something outside of the bubble.\n" + positions(all)}
		case time.Since(began) > totalLimit:
			return bubbleEnd{abandoned: "hang", where: positions(all)}
		}
	}
}
