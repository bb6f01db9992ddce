package explore

import (
	"fmt"
	"slices"
	"sync"
)

// A collector is the TB of a server. It keeps what the server reports, and never
// touches a T: a server that is left in an abandoned bubble may report at any time.
type collector struct {
	mu       sync.Mutex
	failures []string
	cleanups []func()
}

func (*collector) Helper() {}

func (*collector) Logf(string, ...any) {}

func (c *collector) Errorf(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures = append(c.failures, fmt.Sprintf(format, args...))
}

// Fatalf does not end the goroutine: the server goes on as far as it can.
func (c *collector) Fatalf(format string, args ...any) { c.Errorf(format, args...) }

func (c *collector) Cleanup(f func()) { c.cleanups = append(c.cleanups, f) }

// reported returns what the server has reported so far.
func (c *collector) reported() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.failures)
}

// end runs the cleanups, which close the server.
func (c *collector) end() {
	for _, f := range slices.Backward(c.cleanups) {
		f()
	}
}
