package memnet

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"testing"
	"testing/iotest"
	"time"

	"golang.org/x/net/nettest"
)

// connect returns both ends of an accepted connection.
func connect(t testing.TB, buffer int) (client, server *Conn) {
	t.Helper()
	l := Listen(buffer)
	t.Cleanup(func() { l.Close() })
	c, err := l.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); s.Close() })
	return c.(*Conn), s.(*Conn)
}

func TestNetConn(t *testing.T) {
	for _, buffer := range []int{64, 4 << 10, 0} {
		t.Run(fmt.Sprint(buffer), func(t *testing.T) {
			t.Parallel() // the suite sleeps
			nettest.TestConn(t, func() (client, server net.Conn, stop func(), err error) {
				c, s := newPair(Listen(buffer).buffer, firstPort)
				return c, s, func() { c.Close(); s.Close() }, nil
			})
		})
	}
}

func TestAddr(t *testing.T) {
	l := Listen(0)
	if got := l.Addr().Network() + " " + l.Addr().String(); got != "tcp localhost:1" {
		t.Errorf("listener's address %q", got)
	}
	for port := 49152; port < 49155; port++ {
		c, err := l.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		near := fmt.Sprintf("127.0.0.1:%d", port)
		for _, a := range []struct {
			name string
			addr net.Addr
			want string
		}{
			{"client local", c.LocalAddr(), near},
			{"client remote", c.RemoteAddr(), "127.0.0.1:1"},
			{"server local", s.LocalAddr(), "127.0.0.1:1"},
			{"server remote", s.RemoteAddr(), near},
		} {
			if _, ok := a.addr.(*net.TCPAddr); !ok || a.addr.String() != a.want {
				t.Errorf("%s: %T %v, want %s", a.name, a.addr, a.addr, a.want)
			}
		}
	}
	l.dials.Store(lastPort - firstPort)
	for _, want := range []int{65535, 49152} {
		c, _ := l.Dial(t.Context())
		if got := c.LocalAddr().(*net.TCPAddr).Port; got != want {
			t.Errorf("port %d, want %d", got, want)
		}
	}
}

// TestRing holds the ring against a plain slice.
func TestRing(t *testing.T) {
	for _, limit := range []int{1, 7, 600, 5000, 200 << 10} {
		rnd := rand.New(rand.NewPCG(1, uint64(limit)))
		r := ring{limit: limit}
		var want []byte
		for range 300 {
			p := make([]byte, rnd.IntN(min(2*limit, 90000)+1))
			if rnd.IntN(2) == 0 {
				for i := range p {
					p[i] = byte(rnd.Uint32())
				}
				n := r.put(p)
				if n != min(len(p), limit-len(want)) {
					t.Fatalf("limit %d: put %d of %d beside %d", limit, n, len(p), len(want))
				}
				want = append(want, p[:n]...)
				continue
			}
			n := r.take(p)
			if n != min(len(p), len(want)) || !bytes.Equal(p[:n], want[:n]) {
				t.Fatalf("limit %d: took %d of %d, or the wrong ones", limit, n, len(want))
			}
			want = want[n:]
		}
	}
}

// TestReader is iotest's suite of io.Reader, over a ring that wraps.
func TestReader(t *testing.T) {
	c, s := connect(t, 1000)
	want := bytes.Repeat([]byte("0123456789abcdef"), 500)
	go func() {
		s.Write(want)
		s.CloseWrite()
	}()
	if err := iotest.TestReader(c, want); err != nil {
		t.Error(err)
	}
}

// TestIdleCost: a test may open thousands of connections.
func TestIdleCost(t *testing.T) {
	const n = 1000
	l := Listen(0)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range n {
		if _, err := l.Dial(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Accept(); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	got := (after.TotalAlloc - before.TotalAlloc) / n
	t.Logf("%d octets per connection", got)
	if got > 2048 {
		t.Errorf("an idle connection takes %d octets, want less than 1 KiB per direction", got)
	}
}

func TestNoAllocation(t *testing.T) {
	c, s := connect(t, 0)
	deadline := time.Now().Add(time.Hour)
	b := make([]byte, 100)
	trip := func() {
		c.SetDeadline(deadline)
		c.Write(b)
		s.Read(b)
		s.Write(b)
		c.Read(b)
	}
	if n := testing.AllocsPerRun(100, trip); n > 0 {
		t.Errorf("%v allocations per round trip", n)
	}
}

// BenchmarkRoundTrip is a command of one goroutine and the reply of another.
func BenchmarkRoundTrip(b *testing.B) {
	c, s := connect(b, 0)
	go func() {
		buf := make([]byte, 64)
		for {
			n, err := s.Read(buf)
			if err != nil {
				return
			}
			s.Write(buf[:n])
		}
	}()
	buf := []byte("NOOP\r\n")
	b.ReportAllocs()
	for b.Loop() {
		c.Write(buf)
		c.Read(buf)
	}
}

// BenchmarkBulk is a large message, written at once and read in pieces.
func BenchmarkBulk(b *testing.B) {
	c, s := connect(b, 0)
	msg := make([]byte, 1<<20)
	buf := make([]byte, 4096)
	b.SetBytes(int64(len(msg)))
	for b.Loop() {
		c.Write(msg)
		for n := 0; n < len(msg); {
			k, _ := s.Read(buf)
			n += k
		}
	}
}
