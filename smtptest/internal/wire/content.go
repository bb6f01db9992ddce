package wire

import (
	"bytes"
	"math"
	"unsafe"
)

const (
	firstBlock = 4096
	maxBlock   = 1 << 20
	maxExpect  = 32 << 20
)

// Content gathers the octets of one message. It keeps as many as its limit allows, and
// counts the rest. One Content serves message after
// message; its first block is kept, so that small messages cost one allocation.
type Content struct {
	Unstuffed []int // offsets of kept lines that lost a dot which was not doubled

	limit  int // octets to keep; negative: all
	expect int // octets announced; 0 if unknown
	total  int // octets seen
	kept   int
	blocks [][]byte
	cur    []byte
	first  []byte
}

// Begin empties the Content for a new message. limit is the number of octets
// to keep (negative: no limit), expect what the client announced (0: nothing).
func (c *Content) Begin(limit, expect int) {
	if expect > maxExpect || limit >= 0 && expect > limit {
		expect = 0
	}
	if c.first == nil {
		c.first = make([]byte, 0, 1024)
	}
	*c = Content{limit: limit, expect: expect, first: c.first, cur: c.first[:0]}
}

// Len is the number of octets seen, over the limit too.
func (c *Content) Len() int { return c.total }

// Over reports whether there were more octets than the limit (RFC 1870 5).
func (c *Content) Over() bool { return c.limit >= 0 && c.total > c.limit }

// Append adds octets as they are.
func (c *Content) Append(b []byte) {
	if len(b) == 0 {
		return
	}
	c.total += len(b)
	b = b[:min(len(b), c.room())]
	c.kept += len(b)
	for len(b) > 0 {
		if len(c.cur) == cap(c.cur) {
			c.grow()
		}
		n := min(len(b), cap(c.cur)-len(c.cur))
		c.cur = append(c.cur, b[:n]...)
		b = b[n:]
	}
}

// room is how many octets more are kept.
func (c *Content) room() int {
	if c.limit < 0 {
		return math.MaxInt
	}
	return c.limit - c.kept
}

// unstuff notes that a dot which was not doubled stood before the next octet.
func (c *Content) unstuff() {
	if c.room() > 0 {
		c.Unstuffed = append(c.Unstuffed, c.total)
	}
}

// grow makes room in cur. The announced size is trusted up to maxExpect, and
// only once octets have come that the first block cannot hold; blocks grow to
// maxBlock, so that little is wasted.
func (c *Content) grow() {
	switch {
	case cap(c.cur) < firstBlock:
		c.first = append(make([]byte, 0, firstBlock), c.cur...)
		c.cur = c.first
	case len(c.blocks) == 0 && c.expect >= len(c.cur):
		c.cur = append(make([]byte, 0, c.expect+1), c.cur...)
		c.expect = 0
	default:
		c.blocks = append(c.blocks, c.cur)
		c.cur = make([]byte, 0, min(max(4*firstBlock, 2*cap(c.cur)), maxBlock))
	}
}

// Take returns what was kept and empties the Content. A large message that
// stands in one block is not copied.
func (c *Content) Take() string {
	var s string
	if len(c.blocks) == 0 && len(c.cur) > firstBlock && cap(c.cur)-len(c.cur) <= len(c.cur)/16 {
		s = unsafe.String(unsafe.SliceData(c.cur), len(c.cur))
	} else {
		all := make([]byte, 0, c.kept)
		for i, b := range c.blocks {
			all = append(all, b...)
			c.blocks[i] = nil
		}
		all = append(all, c.cur...)
		s = unsafe.String(unsafe.SliceData(all), len(all))
	}
	c.blocks, c.cur, c.kept = nil, c.first[:0], 0
	return s
}

// Dot undoes the dot-stuffing of DATA (RFC 5321 4.5.2). The zero Dot stands at
// the beginning of the content.
type Dot struct{ state dotState }

type dotState uint8

const (
	lineStart dotState = iota
	afterDot           // a dot at the start of the line
	afterDotCR
	inLine
	inLineCR // the last octet was a CR
)

var crlfDot = []byte("\r\n.")

// Decode moves octets of content from src to c and returns how many it took;
// done is true when it took CRLF.CRLF, and nothing else ends the content (RFC
// 5321 4.1.1.4). What follows the end in src is left there.
func (d *Dot) Decode(c *Content, src []byte) (n int, done bool) {
	for n < len(src) {
		switch d.state {
		case lineStart:
			d.state = inLine
			if src[n] == '.' {
				d.state = afterDot
				n++
			}
		case afterDot:
			if src[n] == '\r' {
				d.state = afterDotCR
				n++
				continue
			}
			if src[n] != '.' {
				c.unstuff()
			}
			d.state = inLine
		case afterDotCR:
			if src[n] == '\n' {
				return n + 1, true
			}
			c.unstuff()
			c.Append(crlf[:1])
			d.state = inLineCR
		case inLineCR:
			d.state = inLine
			if src[n] == '\n' {
				c.Append(crlf[1:])
				d.state = lineStart
				n++
			}
		case inLine:
			n += d.line(c, src[n:])
		}
	}
	return n, false
}

// line takes octets up to the next line that begins with a dot, or all.
func (d *Dot) line(c *Content, src []byte) int {
	if i := bytes.Index(src, crlfDot); i >= 0 {
		c.Append(src[:i+2])
		d.state = lineStart
		return i + 2
	}
	c.Append(src)
	switch {
	case bytes.HasSuffix(src, crlf):
		d.state = lineStart
	case src[len(src)-1] == '\r':
		d.state = inLineCR
	}
	return len(src)
}
