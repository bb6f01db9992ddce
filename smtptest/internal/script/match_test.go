package script

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestMatchArg compares the matching of arguments with a regular expression.
func TestMatchArg(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	text := func(alphabet string, most int) string {
		b := make([]byte, random.IntN(most+1))
		for i := range b {
			b[i] = alphabet[random.IntN(len(alphabet))]
		}
		return string(b)
	}
	matches := 0
	for range 10_000 {
		pattern, arg := text("aA b**", 7), text("aAb  ", 12)
		expr := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*")
		want := regexp.MustCompile("(?is)^" + expr + "( .*)?$").MatchString(arg)
		if got := matchArg(pattern, arg); got != want {
			t.Fatalf("pattern %q, argument %q: %t, want %t", pattern, arg, got, want)
		}
		if want {
			matches++
		}
	}
	if matches < 1000 {
		t.Errorf("only %d arguments match", matches)
	}
}

// BenchmarkMatchArg reports how much longer an argument of 4n bytes takes than one of
// n bytes.
func BenchmarkMatchArg(b *testing.B) {
	const n = 6000
	run := func(n int) time.Duration {
		start := time.Now()
		for _, pattern := range []string{"*a*a*a*b", "*a b*a b*c", "* * * * *x", "*ab*ab*ab*ab*"} {
			matchArg(pattern, strings.Repeat("a ", n/2))
			matchArg(pattern, strings.Repeat("a", n))
		}
		return time.Since(start)
	}
	var small, large time.Duration
	for b.Loop() {
		small, large = small+run(n), large+run(4*n)
	}
	b.ReportMetric(float64(large)/float64(small), "ratio")
}
