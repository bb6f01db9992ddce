package memnet

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestListenerSemantics is TestSemantics for listeners.
func TestListenerSemantics(t *testing.T) {
	type dial = func(context.Context) (net.Conn, error)
	run := func(network string, l net.Listener, dial dial) {
		t.Run(network, func(t *testing.T) {
			accepted, err := dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer accepted.Close()
			server, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			waiting, err := dial(t.Context())
			if err != nil {
				t.Fatal("not accepted, but should be in the backlog:", err)
			}
			defer waiting.Close()
			if _, err := waiting.Write([]byte("EHLO")); err != nil {
				t.Error("writing from the backlog:", err)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			if _, err := waiting.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("in the backlog of a closed listener: %v, want ECONNRESET", err)
			}
			if _, err := dial(t.Context()); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("dial to a closed listener: %v, want ECONNREFUSED", err)
			}
			if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("accept of a closed listener: %v, want ErrClosed", err)
			}
			if err := l.Close(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("second close: %v, want ErrClosed", err)
			}
			server.Write([]byte("a"))
			if _, err := io.ReadFull(accepted, make([]byte, 1)); err != nil {
				t.Error("an accepted connection must outlive its listener:", err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := dial(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("dial with a cancelled context: %v", err)
			}
		})
	}
	mem := Listen(0)
	run("memnet", mem, mem.Dial)
	if runtime.GOOS != "linux" {
		return
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	run("tcp", tcp, func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", tcp.Addr().String())
	})
}

// TestCloseRace: whatever Close meets, no Dial hangs, and who did connect and
// was not accepted reads a reset. The bubble finds who waits forever.
func TestCloseRace(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			l := Listen(64)
			var group sync.WaitGroup
			for range 4 {
				group.Go(func() { dialAndRead(t, l) })
				group.Go(func() { acceptAndClose(t, l) })
			}
			group.Go(func() { l.Close() })
			group.Go(func() { l.Close() })
			group.Wait()
			if n := len(l.waiting); n > 0 {
				t.Errorf("%d connections forgotten in the backlog", n)
			}
		})
	}
}

func dialAndRead(t *testing.T, l *Listener) {
	for {
		c, err := l.Dial(t.Context())
		if errors.Is(err, syscall.ECONNREFUSED) {
			return
		}
		if err != nil {
			t.Error(err)
			return
		}
		if _, err := c.Read(make([]byte, 1)); err != io.EOF && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("read: %v", err)
		}
		c.Close()
	}
}

func acceptAndClose(t *testing.T, l *Listener) {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			t.Error(err)
			return
		}
		c.Close()
	}
}

// TestFullBacklog: a Dial waits for room, and ends with its context or the
// listener.
func TestFullBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Listen(0)
		for range backlog {
			if _, err := l.Dial(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := l.Dial(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Minute {
			t.Errorf("after %v: %v, want the context's deadline after 1m", time.Since(start), err)
		}
		var ne net.Error
		if !errors.As(err, &ne) || !ne.Timeout() {
			t.Errorf("%v is no timeout", err)
		}
		results := make(chan error)
		dial := func() {
			_, err := l.Dial(t.Context())
			results <- err
		}
		go dial()
		synctest.Wait()
		if _, err := l.Accept(); err != nil {
			t.Error(err)
		}
		if err := <-results; err != nil {
			t.Errorf("dial with room again: %v", err)
		}
		go dial()
		synctest.Wait()
		l.Close()
		if err := <-results; !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("waiting dial, listener closed: %v, want ECONNREFUSED", err)
		}
	})
}
