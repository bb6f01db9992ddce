package memnet

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// inBubble runs f with a connection made in a bubble, which also finds
// goroutines left behind.
func inBubble(t *testing.T, buffer int, f func(t *testing.T, client, server *Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c, s := connect(t, buffer)
		f(t, c, s)
	})
}

// TestDeadlineInFakeTime: the clock goes on while Read and Write wait, and
// they end at the very instant.
func TestDeadlineInFakeTime(t *testing.T) {
	inBubble(t, 64, func(t *testing.T, c, s *Conn) {
		c.SetDeadline(time.Now().Add(5 * time.Minute))
		var group sync.WaitGroup
		start := time.Now()
		check := func(what string, n, want int, err error) {
			if n != want || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 5*time.Minute {
				t.Errorf("%s after %v: %d, %v; want %d octets and a timeout after 5m", what, time.Since(start), n, err, want)
			}
		}
		group.Go(func() {
			n, err := c.Read(make([]byte, 1))
			check("read", n, 0, err)
		})
		group.Go(func() {
			n, err := c.Write(make([]byte, 100))
			check("write", n, 64, err)
		})
		group.Wait()
	})
}

// TestMovedDeadline: what counts is the last deadline that was set, also for a
// Read that waits; the timer of an earlier one has no say.
func TestMovedDeadline(t *testing.T) {
	for _, row := range []struct {
		name, reason string
		sets         []time.Duration // one after the other, a second apart; 0: none
		want         time.Duration   // from the start; the peer closes after an hour
	}{
		{"later", "an idle timeout that is pushed on", []time.Duration{2 * time.Second, 2 * time.Second, 2 * time.Second}, 4 * time.Second},
		{"sooner", "the timer must be moved too", []time.Duration{time.Minute, time.Second}, 2 * time.Second},
		{"removed", "the first timer is stopped", []time.Duration{2 * time.Second, 0}, time.Hour},
		{"past", "at once", []time.Duration{time.Minute, -time.Second}, time.Second},
		{"removed and set again", "the timer is used again", []time.Duration{time.Minute, 0, time.Minute}, 62 * time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			inBubble(t, 0, func(t *testing.T, c, s *Conn) {
				start := time.Now()
				time.AfterFunc(time.Hour, func() { s.Close() })
				set := func(d time.Duration) {
					var at time.Time
					if d != 0 {
						at = time.Now().Add(d)
					}
					c.SetReadDeadline(at)
				}
				set(row.sets[0])
				go func() {
					for _, d := range row.sets[1:] {
						time.Sleep(time.Second)
						set(d)
					}
				}()
				_, err := c.Read(make([]byte, 1))
				if got := time.Since(start); got != row.want {
					t.Errorf("%v after %v, want %v: %s", err, got, row.want, row.reason)
				}
				time.Sleep(3 * time.Second) // for the setters
			})
		})
	}
}

// TestStrayTimer: the callback of a stopped timer may still run. It must end
// neither a Read nor a Write.
func TestStrayTimer(t *testing.T) {
	inBubble(t, 64, func(t *testing.T, c, s *Conn) {
		c.Write(make([]byte, 64))
		c.SetDeadline(time.Now().Add(time.Minute))
		var group sync.WaitGroup
		start := time.Now()
		wait := func(op func([]byte) (int, error)) {
			if n, err := op(make([]byte, 1)); n != 0 || time.Since(start) != time.Minute {
				t.Errorf("%d, %v after %v, want a timeout after 1m", n, err, time.Since(start))
			}
		}
		group.Go(func() { wait(c.Read) })
		group.Go(func() { wait(c.Write) })
		for range 3 {
			synctest.Wait()
			c.in.readable.send()
			c.out.writable.send()
		}
		group.Wait()
	})
}

// TestPipelining: a client may send every command before it reads one reply,
// as long as the buffer lasts. net.Pipe would deadlock.
func TestPipelining(t *testing.T) {
	const n = 20000
	line := []byte("RCPT TO:<bob@example.com>\r\n")
	inBubble(t, n*len(line), func(t *testing.T, c, s *Conn) {
		for range n {
			if _, err := c.Write(line); err != nil {
				t.Fatal(err)
			}
		}
		c.SetWriteDeadline(time.Now().Add(time.Second))
		if n, err := c.Write(line); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("one more than fits: %d, %v; want a timeout", n, err)
		}
		c.CloseWrite()
		got, err := io.ReadAll(s)
		if err != nil || !bytes.Equal(got, bytes.Repeat(line, n)) {
			t.Errorf("%d octets, %v; want %d", len(got), err, n*len(line))
		}
	})
}

// TestBackPressure: a Write larger than the buffer waits until all is in, and
// whatever ends the connection ends it, with the octets that got through.
func TestBackPressure(t *testing.T) {
	for _, row := range []struct {
		name, reason string
		end          func(c, s *Conn)
		n            int
		err          error
	}{
		{"read", "each Read makes room", func(c, s *Conn) { io.ReadFull(s, make([]byte, 100)) }, 100, nil},
		{"peer closes", "with unread data: a reset", func(c, s *Conn) { s.Close() }, 64, syscall.ECONNRESET},
		{"peer closes after FIN", "a reset in CLOSE_WAIT", func(c, s *Conn) { s.CloseWrite(); s.Close() }, 64, syscall.EPIPE},
		{"peer resets", "RST", func(c, s *Conn) { s.Reset() }, 64, syscall.ECONNRESET},
		{"own close", "Close ends it", func(c, s *Conn) { c.Close() }, 64, net.ErrClosed},
		{"own reset", "Reset ends it", func(c, s *Conn) { c.Reset() }, 64, net.ErrClosed},
		{"own half close", "nothing goes after FIN", func(c, s *Conn) { c.CloseWrite() }, 64, syscall.EPIPE},
		{"deadline", "it may be set while Write waits", func(c, s *Conn) { c.SetWriteDeadline(time.Now().Add(time.Hour)) }, 64, os.ErrDeadlineExceeded},
	} {
		t.Run(row.name, func(t *testing.T) {
			inBubble(t, 64, func(t *testing.T, c, s *Conn) {
				done := make(chan struct{})
				go func() {
					defer close(done)
					n, err := c.Write(make([]byte, 100))
					if n != row.n || !errors.Is(err, row.err) {
						t.Errorf("%d, %v; want %d, %v: %s", n, err, row.n, row.err, row.reason)
					}
				}()
				synctest.Wait()
				select {
				case <-done:
					t.Error("100 octets went into a buffer of 64")
				default:
				}
				row.end(c, s)
				<-done
			})
		})
	}
}

// TestConcurrentUse: Writes never mix, no Read loses an octet, and Close ends
// all who queue behind one another.
func TestConcurrentUse(t *testing.T) {
	inBubble(t, 100, func(t *testing.T, c, s *Conn) {
		var writers, readers sync.WaitGroup
		for i := range 8 {
			writers.Go(func() {
				if _, err := c.Write(bytes.Repeat([]byte{byte('a' + i)}, 1000)); err != nil {
					t.Error(err)
				}
			})
		}
		b := make([]byte, 8000)
		if _, err := io.ReadFull(s, b); err != nil {
			t.Error(err)
		}
		for ; len(b) > 0; b = b[1000:] {
			if !bytes.Equal(b[:1000], bytes.Repeat(b[:1], 1000)) {
				t.Error("octets of two Writes are mixed")
			}
		}
		writers.Wait()

		for range 4 {
			readers.Go(func() {
				if _, err := c.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
					t.Errorf("read: %v", err)
				}
			})
			readers.Go(func() {
				if _, err := c.Write(make([]byte, 200)); !errors.Is(err, net.ErrClosed) {
					t.Errorf("write: %v", err)
				}
			})
		}
		synctest.Wait()
		c.Close()
		readers.Wait()
	})
}

// TestMadeOutside: a connection made outside of a bubble works inside, in real
// time.
func TestMadeOutside(t *testing.T) {
	c, s := connect(t, 0)
	go io.Copy(s, s)
	synctest.Test(t, func(t *testing.T) {
		b := make([]byte, 1)
		for range 100 {
			if _, err := c.Write(b); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Read(b); err != nil {
				t.Fatal(err)
			}
		}
	})
}
