// Package wire holds the octets of SMTP: lines, dots, paths, parameters and
// replies. It knows no server and no connection state.
package wire

import (
	"bytes"
	"io"
)

// MaxLine is the longest line that a Reader keeps whole, CRLF included: the
// 12288 octets of an AUTH exchange (RFC 4954 4).
const MaxLine = 12288

const (
	bufferSize = 4096 // as what clients write at once
	longLine   = 512  // octets kept of a line over MaxLine
)

// Reader takes lines and content off one buffer. It reads only when Fill is
// called, so that its owner decides when to block. Reset makes it ready; it must
// not be copied.
type Reader struct {
	src     io.Reader
	buf     []byte // first, until a line needs more
	r, w    int
	scanned int    // octets from r on that hold no CRLF
	long    []byte // beginning of an over-long line whose rest is being skipped
	first   [bufferSize]byte
}

// Reset makes r read from src, with nothing buffered.
func (r *Reader) Reset(src io.Reader) {
	r.src, r.buf = src, r.first[:]
	r.Forget()
}

// Fill reads once from the source. It may return n > 0 octets more in the
// buffer together with no error only; an error leaves the buffer as it was.
func (r *Reader) Fill() error {
	r.makeRoom()
	n, err := r.src.Read(r.buf[r.w:])
	if n > 0 {
		r.w += n
		return nil
	}
	return err
}

// makeRoom keeps at least one octet free. The buffer grows up to MaxLine;
// Line never leaves more than that in it.
func (r *Reader) makeRoom() {
	if r.r == r.w {
		r.r, r.w = 0, 0
	}
	if r.w < len(r.buf) {
		return
	}
	if r.r > 0 {
		r.w = copy(r.buf, r.buf[r.r:r.w])
		r.r = 0
		return
	}
	grown := make([]byte, 2*len(r.buf))
	copy(grown, r.buf)
	r.buf = grown
}

// Full says that the buffer holds all that it should before a line or content
// has been taken from it.
func (r *Reader) Full() bool { return r.w-r.r >= bufferSize }

// Buffered is the number of octets that have been read and not yet taken.
func (r *Reader) Buffered() int { return r.w - r.r }

// Bytes are the buffered octets, valid until the next Fill.
func (r *Reader) Bytes() []byte { return r.buf[r.r:r.w] }

// Discard takes n of the buffered octets.
func (r *Reader) Discard(n int) {
	r.r += n
	r.scanned = 0
}

// Forget drops all that is buffered, and an over-long line in progress: what
// came in clear must not survive STARTTLS (RFC 3207 4.2).
func (r *Reader) Forget() {
	r.r, r.w, r.scanned, r.long = 0, 0, 0, nil
}

// Line takes the next line, without its CRLF; ok is false if no whole line is
// buffered. Only CRLF ends a line (RFC 5321 2.3.8). A line longer than MaxLine
// is dropped up to its CRLF: then long is true and line its beginning.
// The line is valid until the next Fill.
func (r *Reader) Line() (line []byte, long, ok bool) {
	pending := r.buf[r.r:r.w]
	if i := bytes.Index(pending[r.scanned:], crlf); i >= 0 {
		line = pending[:r.scanned+i]
		r.Discard(len(line) + 2)
		if r.long != nil {
			line, r.long = r.long, nil
			return line, true, true
		}
		if len(line)+2 > MaxLine {
			return line[:longLine], true, true
		}
		return line, false, true
	}
	r.scanned = max(0, len(pending)-1) // a CR at the end may begin the CRLF
	if len(pending) > MaxLine || (r.long != nil && len(pending) > 1) {
		if r.long == nil {
			r.long = bytes.Clone(pending[:longLine])
		}
		r.r = r.w - 1
		r.scanned = 0
	}
	return nil, false, false
}

var crlf = []byte("\r\n")
