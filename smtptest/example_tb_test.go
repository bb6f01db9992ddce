package smtptest_test

import (
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/go-smtptest/smtp/smtptest"
)

// check is one check of a program that has no package testing.
type check struct {
	mu       sync.Mutex
	problems []string
	cleanups []func()
}

func (c *check) Helper()             {}
func (c *check) Logf(string, ...any) {} // the dialogue, if the check has failed
func (c *check) Cleanup(f func())    { c.cleanups = append(c.cleanups, f) }

func (c *check) Errorf(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

func (c *check) Fatalf(format string, args ...any) {
	c.Errorf(format, args...)
	runtime.Goexit() // ends f, see run
}

// run returns what was wrong.
func (c *check) run(f func()) []string {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer func() {
			for _, cleanup := range slices.Backward(c.cleanups) {
				cleanup()
			}
		}()
		f()
	}()
	<-ended
	return c.problems
}

// A program that goes on when a check has failed, which a nil TB does not do:
// that panics.
func ExampleTB() {
	c := new(check)
	problems := c.run(func() {
		srv := smtptest.NewServer(c) // closed by its Cleanup
		srv.Script(smtptest.Rule{On: "RCPT TO:<eve@*>", Reply: "550 5.1.1 no such user"})
		if err := send(srv, "ann@example.com", "bob@example.com", "Hi!\r\n"); err != nil {
			c.Fatalf("%v", err)
		}
	})
	for _, p := range problems {
		fmt.Println(p)
	}
	// Output:
	// smtptest: rule 1 never fired: {On: "RCPT TO:<eve@*>", Reply: "550 5.1.1 no such user"}
	// 	RCPT came once, matched 0; nearest miss, session 1: RCPT TO:<bob@example.com>
}
