package memnet

// A stream is one direction of a connection. The link's mutex guards ring and
// fin; the channels need no guard.
type stream struct {
	ring
	fin bool // no octets will follow those in the ring

	// One Read and one Write at a time, as on a socket: concurrent Writes
	// never mix their octets. Channels, not mutexes, as they are held in waits.
	reading, writing chan struct{}

	readable, writable signal
}

func newStream(limit int) stream {
	return stream{
		ring:     ring{limit: limit},
		reading:  make(chan struct{}, 1),
		writing:  make(chan struct{}, 1),
		readable: make(signal, 1),
		writable: make(signal, 1),
	}
}

// wake lets both ends look at the stream again.
func (s *stream) wake() {
	s.readable.send()
	s.writable.send()
}

// A signal says that something may have changed. It promises nothing: the one
// who waits looks again, so a late or needless signal does no harm. That is
// why the callback of a stopped timer needs no care.
type signal chan struct{}

func (s signal) send() {
	select {
	case s <- struct{}{}:
	default: // one is under way already
	}
}

const (
	minRing  = 512      // holds most SMTP commands and replies
	keepRing = 64 << 10 // a larger ring is given back when it runs empty
)

// A ring is a queue of octets that grows up to limit.
type ring struct {
	buf   []byte
	off   int // of the first octet in buf
	n     int // octets in the ring
	limit int
}

// put appends as much of p as there is room for.
func (r *ring) put(p []byte) int {
	p = p[:min(len(p), r.limit-r.n)]
	r.grow(r.n + len(p))
	end := r.off + r.n
	if end >= len(r.buf) {
		end -= len(r.buf)
	}
	k := copy(r.buf[end:], p)
	copy(r.buf, p[k:])
	r.n += len(p)
	return len(p)
}

// take moves the first octets to p.
func (r *ring) take(p []byte) int {
	n := r.peek(p)
	r.off += n
	r.n -= n
	switch {
	case r.n == 0 && len(r.buf) > keepRing:
		r.drop()
	case r.n == 0:
		r.off = 0
	case r.off >= len(r.buf):
		r.off -= len(r.buf)
	}
	return n
}

// peek copies the first octets to p and leaves them in the ring.
func (r *ring) peek(p []byte) int {
	p = p[:min(len(p), r.n)]
	k := copy(p, r.buf[r.off:])
	copy(p[k:], r.buf)
	return len(p)
}

// grow makes room for n octets in all; n is limit at most.
func (r *ring) grow(n int) {
	if n <= len(r.buf) {
		return
	}
	buf := make([]byte, min(r.limit, max(n, 2*len(r.buf), minRing)))
	r.peek(buf)
	r.buf, r.off = buf, 0
}

// drop forgets every octet.
func (r *ring) drop() { r.buf, r.off, r.n = nil, 0, 0 }
