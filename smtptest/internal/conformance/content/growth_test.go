//go:build !race

// The race detector takes long for the counting of bytes, and finds nothing more.

package content_test

import (
	"testing"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

// TestReadingGrowth verifies that the bytes that reading allocates are
// proportional to the size of the message. A message of four times the size needs
// four times as many, and up to seven times as many where append lets a slice grow
// by a quarter instead of to its double. It would need sixteen times as many if the
// cost grew with the square. BenchmarkReadingGrowth shows the same for the time.
func TestReadingGrowth(t *testing.T) {
	const size = 1 << 13
	for _, c := range hostileMessages {
		t.Run(c.name, func(t *testing.T) {
			one, four := hostile(c.begin, c.repeated, size), hostile(c.begin, c.repeated, 4*size)
			small, large := play.Allocated(func() { readAll(one) }), play.Allocated(func() { readAll(four) })
			if large > 8*small+64<<10 {
				t.Errorf("reading allocates %d bytes for a message of %d and %d for one of %d", small, size, large, 4*size)
			}
		})
	}
}

// BenchmarkReadingGrowth reports how many times as long reading takes for a
// message of four times the size.
func BenchmarkReadingGrowth(b *testing.B) {
	const size = 1 << 15
	for _, c := range hostileMessages {
		b.Run(c.name, func(b *testing.B) {
			one, four := hostile(c.begin, c.repeated, size), hostile(c.begin, c.repeated, 4*size)
			var times [2]time.Duration // the shortest of each
			for b.Loop() {
				for i, m := range []smtptest.Message{one, four} {
					start := time.Now()
					readAll(m)
					if d := time.Since(start); times[i] == 0 || d < times[i] {
						times[i] = d
					}
				}
			}
			b.ReportMetric(float64(times[1])/float64(times[0]), "4n/n")
		})
	}
}
