// Package show writes values for people to read: in messages, transcripts and
// logs.
package show

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// maxBytes is the longest text that is shown whole.
const maxBytes = 200

// Printable returns the line unchanged if it is printable ASCII, else quoted.
// A long line is truncated.
func Printable(line string) string {
	for i := range len(line) {
		if line[i] < ' ' || line[i] > '~' {
			return Quote(line)
		}
	}
	return Truncate(line)
}

// Quote returns s in quotes. A long s is truncated.
func Quote(s string) string {
	q := strconv.Quote(s[:min(len(s), maxBytes)])
	if len(s) <= maxBytes && len(q) <= maxBytes {
		return q
	}
	n := min(len(s), maxBytes-40)
	for len(q) > maxBytes-40 {
		n--
		q = strconv.Quote(s[:n])
	}
	return fmt.Sprintf("%s... (%s)", q, Plural(len(s), "octet"))
}

// Truncate shortens a text that is too long to read, and adds its length.
func Truncate(s string) string {
	if len(s) <= maxBytes {
		return s
	}
	return fmt.Sprintf("%s... (%s)", s[:maxBytes-40], Plural(len(s), "octet"))
}

// ASCII replaces a character that is not printable ASCII by a question mark. It
// is for [strings.Map].
func ASCII(r rune) rune {
	if r < ' ' || r > '~' {
		return '?'
	}
	return r
}

// Plural returns the number and the noun, with an s unless n is 1.
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Times returns "once" or how many times.
func Times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// Duration returns d as its String method does, without the zero units at its end.
func Duration(d time.Duration) string {
	if d == math.MaxInt64 {
		return "Forever"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
