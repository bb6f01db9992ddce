package main

import (
	"io"
	"log"
	"runtime"
	"runtime/metrics"
	"sync"
	"time"
)

// A scenario measures one thing of one server. Its figures are per operation
// unless their name says otherwise.
type scenario struct {
	name        string
	size, quick int // how often, or how large
	what        string
	local       bool // needs the server in this process
	strong      bool // needs a Close that waits
	run         func(t target, size int) figures
}

func (sc scenario) suits(t target) bool {
	return !(sc.local && t.process) && !(sc.strong && t.weak) && t.but != sc.name
}

var scenarios = []scenario{
	{name: "fixture", size: 500, quick: 200, local: true, strong: true, run: fixture, what: "start, one tiny message on a fresh connection, wait, close"},
	{name: "life", size: 6000, quick: 1500, local: true, strong: true, run: life, what: "start and close"},
	{name: "sequential", size: 4000, quick: 1000, run: sequential, what: "1 KiB messages, one connection, command by command"},
	{name: "parallel", size: 8000, quick: 2000, run: parallel, what: "the same, 8 connections"},
	{name: "fresh", size: 1000, quick: 500, run: fresh, what: "the same, a connection per message"},
	{name: "pipelined", size: 8000, quick: 2000, run: pipelined, what: "the same, pipelined"},
	{name: "large", size: 32 << 20, quick: 32 << 20, run: large(false), what: "one 32 MiB message"},
	{name: "declared", size: 32 << 20, quick: 32 << 20, run: large(true), what: "the same with SIZE= declared"},
	{name: "recipients", size: 10_000, quick: 10_000, run: recipients, what: "10,000 RCPT, pipelined by 100"},
	{name: "idle", size: 1000, quick: 500, local: true, run: idle, what: "an idle connection"},
	{name: "close", size: 2000, quick: 1000, local: true, strong: true, run: closing, what: "Close with idle connections, until the last client sees the end"},
	{name: "many", size: 500, quick: 500, local: true, strong: true, run: many, what: "500 servers at once, start of each"},
	{name: "recorded", size: 100_000, quick: 10_000, local: true, run: recording, what: "messages recorded: the last 1,000 over the first, and what is kept"},
}

func begin(t target) running {
	r, err := t.start()
	if err != nil {
		log.Fatal(err)
	}
	return r
}

// timed measures the time and the allocations of f, n operations. A run before
// warms up; then the heap is clean.
func timed(n int, f func(n int)) figures {
	f(max(1, n/20))
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	f(n)
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	return figures{
		"ns":     float64(took.Nanoseconds()) / float64(n),
		"allocs": float64(after.Mallocs-before.Mallocs) / float64(n),
		"bytes":  float64(after.TotalAlloc-before.TotalAlloc) / float64(n),
	}
}

func fixture(t target, n int) figures {
	return timed(n, func(n int) {
		c := &client{buf: make([]byte, 16<<10)}
		for range n {
			r := begin(t)
			c.dial(r.addr)
			c.send(tiny)
			c.quit()
			r.wait(1)
			r.close()
		}
	})
}

func life(t target, n int) figures {
	return timed(n, func(n int) {
		for range n {
			begin(t).close()
		}
	})
}

func sequential(t target, n int) figures {
	r := begin(t)
	defer r.close()
	c := dialClient(r.addr)
	defer c.quit()
	return timed(n, func(n int) {
		for range n {
			c.send(kilobyte)
		}
	})
}

func parallel(t target, n int) figures {
	const connections = 8
	r := begin(t)
	defer r.close()
	var clients [connections]*client
	for i := range clients {
		clients[i] = dialClient(r.addr)
		defer clients[i].quit()
	}
	return timed(n, func(n int) {
		var all sync.WaitGroup
		for _, c := range clients {
			all.Go(func() {
				for range max(1, n/connections) {
					c.send(kilobyte)
				}
			})
		}
		all.Wait()
	})
}

func fresh(t target, n int) figures {
	r := begin(t)
	defer r.close()
	c := &client{buf: make([]byte, 16<<10)}
	return timed(n, func(n int) {
		for range n {
			c.dial(r.addr)
			c.send(kilobyte)
			c.quit()
		}
	})
}

func pipelined(t target, n int) figures {
	r := begin(t)
	defer r.close()
	c := dialClient(r.addr)
	defer c.quit()
	return timed(n, c.pipeline)
}

// large measures one message in multiples of its size: what was allocated for
// it, the most that was live meanwhile, and what is kept.
func large(declared bool) func(target, int) figures {
	return func(t target, size int) figures {
		r := begin(t)
		defer r.close()
		c := dialClient(r.addr)
		defer c.quit()
		c.send(kilobyte)
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		stop := watchPeak()
		began := time.Now()
		c.large(size, declared)
		took := time.Since(began)
		peak := stop()
		runtime.ReadMemStats(&after)
		allocated := after.TotalAlloc - before.TotalAlloc
		runtime.GC()
		runtime.ReadMemStats(&after)
		f := figures{"ns": float64(took.Nanoseconds())}
		if !t.process {
			f["allocated (sizes)"] = float64(allocated) / float64(size)
			f["peak (sizes)"] = float64(peak-float64(before.HeapAlloc)) / float64(size)
			f["kept (sizes)"] = float64(after.HeapAlloc-before.HeapAlloc) / float64(size)
			r.read() // keeps the message alive until here
		}
		return f
	}
}

// watchPeak samples the heap; the function that it returns ends that and says
// the most that was seen.
func watchPeak() (stop func() float64) {
	done, most := make(chan struct{}), make(chan float64)
	go func() {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		peak := 0.0
		tick := time.NewTicker(200 * time.Microsecond)
		defer tick.Stop()
		for {
			metrics.Read(sample)
			peak = max(peak, float64(sample[0].Value.Uint64()))
			select {
			case <-tick.C:
			case <-done:
				most <- peak
				return
			}
		}
	}()
	return func() float64 { close(done); return <-most }
}

func recipients(t target, n int) figures {
	r := begin(t)
	defer r.close()
	c := dialClient(r.addr)
	defer c.quit()
	return timed(n, c.recipients)
}

// idle measures what a connection costs that has said EHLO and then nothing.
func idle(t target, n int) figures {
	r := begin(t)
	defer r.close()
	clients := make([]client, n)
	shared := make([]byte, 16<<10)
	before := inUse()
	for i := range clients {
		clients[i].buf = shared
		clients[i].dial(r.addr)
	}
	return figures{"bytes": (inUse() - before) / float64(n)}
}

// inUse is the heap and the stacks after a collection.
func inUse() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc + m.StackInuse)
}

// closing measures Close until the last of n clients has seen the end.
func closing(t target, n int) figures {
	goroutines := runtime.NumGoroutine()
	r := begin(t)
	clients := make([]client, n)
	shared := make([]byte, 16<<10)
	for i := range clients {
		clients[i].buf = shared
		clients[i].dial(r.addr)
	}
	began := time.Now()
	r.close()
	for i := range clients {
		io.Copy(io.Discard, clients[i].conn)
	}
	took := time.Since(began)
	for range 1000 { // a goroutine that has said it is done may still be on its way out
		if runtime.NumGoroutine() <= goroutines {
			break
		}
		runtime.Gosched()
	}
	return figures{"ns": float64(took.Nanoseconds()) / float64(n), "goroutines left": float64(runtime.NumGoroutine() - goroutines)}
}

// many starts n servers that stay up together.
func many(t target, n int) figures {
	goroutines := runtime.NumGoroutine()
	all := make([]running, n)
	began := time.Now()
	for i := range all {
		all[i] = begin(t)
	}
	took := time.Since(began)
	f := figures{"ns": float64(took.Nanoseconds()) / float64(n), "goroutines": float64(runtime.NumGoroutine()-goroutines) / float64(n)}
	for _, r := range all {
		r.close()
	}
	return f
}

// recording compares the last 1,000 of n messages with the first, and
// measures what is kept of each and what it costs to read all.
func recording(t target, n int) figures {
	const part = 1000
	r := begin(t)
	defer r.close()
	c := dialClient(r.addr)
	defer c.quit()
	c.pipeline(part)
	before := inUse()
	first := lapse(func() { c.pipeline(part) })
	c.pipeline(n - 2*part)
	last := lapse(func() { c.pipeline(part) })
	f := figures{"last/first": last / first, "kept (bytes)": (inUse() - before) / float64(n)}
	var m1, m2 runtime.MemStats
	runtime.ReadMemStats(&m1)
	f["read (ns)"] = lapse(func() { r.read() }) / float64(n)
	runtime.ReadMemStats(&m2)
	f["read (bytes)"] = float64(m2.TotalAlloc-m1.TotalAlloc) / float64(n)
	return f
}

func lapse(f func()) float64 {
	began := time.Now()
	f()
	return float64(time.Since(began).Nanoseconds())
}
