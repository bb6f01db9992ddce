package random_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

var chaosRounds = flag.Int("chaos.rounds", 1, "servers that TestChaos torments on each network, one after the other")

// TestChaos has 200 clients deliver 5 messages each while the test does
// everything that it can do to a server, at random: each 250 that a client has
// seen stands for one message, which some Drain has returned, once. When half of
// them are done, they close the server under the others. For ten minutes:
//
//	go test -race ./smtptest/internal/conformance/random -run TestChaos -chaos.rounds=700 -timeout=30m -v
func TestChaos(t *testing.T) {
	play.Networks(t, func(t *testing.T, start func(*smtptest.Server)) {
		acknowledged, recorded := 0, 0
		for range *chaosRounds {
			c := &chaos{srv: smtptest.NewUnstartedServer(t), acknowledged: map[string]int{}, drained: map[string]int{}}
			start(c.srv)
			c.run()
			c.compare(t)
			acknowledged += len(c.acknowledged)
			recorded += len(c.drained)
		}
		if acknowledged == 0 {
			t.Error("no message was delivered")
		}
		t.Logf("%d messages acknowledged, %d recorded", acknowledged, recorded)
	})
}

type chaos struct {
	srv    *smtptest.Server
	outage sync.Mutex // held from Stop to Restart, and by Close
	done   int        // clients that have sent all; guarded by outage

	mu           sync.Mutex
	acknowledged map[string]int // 250s that clients have seen, by reverse-path
	drained      map[string]int
}

func (c *chaos) run() {
	var clients sync.WaitGroup
	for i := range 200 {
		clients.Go(func() {
			for j := range 5 {
				c.deliver(fmt.Sprintf("c%d-%d@client.test", i, j))
				c.disturb()
			}
			c.leave()
		})
	}
	clients.Wait()
	c.drain()
}

// deliver sends one message, if the server lets it.
func (c *chaos) deliver(from string) {
	conn, err := c.srv.DialContext(context.Background(), "", "")
	if err != nil {
		return
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	for _, step := range []struct{ send, want string }{
		{"", "220"}, {"EHLO client.test\r\n", "250"}, {"MAIL FROM:<" + from + ">\r\nRCPT TO:<b@server.test>\r\n", "250"}, {"DATA\r\n", "250"}, {"text\r\n.\r\n", "354"}, {"", "250"},
	} {
		io.WriteString(conn, step.send)
		if code, err := play.ReadCode(r); err != nil || code != step.want {
			return
		}
	}
	c.mu.Lock()
	c.acknowledged[from]++
	c.mu.Unlock()
}

func (c *chaos) drain() {
	for _, m := range c.srv.Drain() {
		c.mu.Lock()
		c.drained[m.From]++
		c.mu.Unlock()
	}
}

// disturb does one thing that a test may do at any time, the ruder the rarer.
func (c *chaos) disturb() {
	switch n := rand.IntN(1000); {
	case n < 2:
		if c.outage.TryLock() {
			if c.done < 100 {
				c.srv.Stop()
				c.srv.Restart()
			}
			c.outage.Unlock()
		}
	case n < 10:
		c.srv.CloseClientConnections()
	case n < 30:
		c.srv.Script(smtptest.Rule{On: "RCPT", Chance: 0.1, Reply: "450 4.2.1 later"}, smtptest.Rule{On: ".", Chance: 0.1, Keep: true, Then: smtptest.Reset})
	case n < 50:
		c.srv.Script()
	case n < 60:
		c.srv.Sessions()
		c.srv.Unused()
	case n < 70:
		c.srv.Transcript()
	case n < 120:
		c.srv.Messages()
		c.srv.Count()
	case n < 140:
		c.srv.Wait(0)
	case n < 160:
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		c.srv.WaitContext(ctx, 1<<30)
	case n < 260:
		c.drain()
	}
}

func (c *chaos) leave() {
	c.outage.Lock()
	defer c.outage.Unlock()
	if c.done++; c.done >= 100 {
		c.srv.Close()
	}
}

func (c *chaos) compare(t *testing.T) {
	for from, n := range c.acknowledged {
		if n != 1 || c.drained[from] != 1 {
			t.Errorf("%s: %d 250s seen, drained %d times", from, n, c.drained[from])
		}
	}
	for from, n := range c.drained {
		if n != 1 {
			t.Errorf("%s was drained %d times", from, n)
		}
	}
}
