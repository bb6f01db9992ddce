package explore

import (
	"regexp"
	"runtime"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/stack"
)

// This file is the only one that looks at the states of goroutines. A goroutine that
// waits for a sync.Mutex stops the clock of its bubble, and only its state shows that.

// A goroutine is one entry of a dump.
type goroutine struct {
	state string // "sync.Mutex.Lock", "chan receive (durable)"
	stack string
}

var (
	goroutineHeader = regexp.MustCompile(`^goroutine \d+ (?:gp=\S+ m=\S+ (?:mp=\S+ )?)?\[([^\],]*)(?:, [^\]]*)?\]:\n`)
	bubbleOfHeader  = regexp.MustCompile(`^goroutine [^\n]*synctest bubble (\d+)`)
)

// bubbleID returns the number of the bubble in which the calling goroutine runs.
func bubbleID() string {
	b := make([]byte, 256)
	if m := bubbleOfHeader.FindSubmatch(b[:runtime.Stack(b, false)]); m != nil {
		return string(m[1])
	}
	return ""
}

// goroutinesOf returns the goroutines of a bubble.
func goroutinesOf(bubble string) []goroutine {
	b := make([]byte, 1<<18)
	for {
		n := runtime.Stack(b, true)
		if n < len(b) {
			b = b[:n]
			break
		}
		b = make([]byte, 2*len(b))
	}
	var all []goroutine
	for text := range strings.SplitSeq(string(b), "\n\n") {
		id := bubbleOfHeader.FindStringSubmatch(text)
		header := goroutineHeader.FindStringSubmatch(text)
		if id == nil || header == nil || id[1] != bubble {
			continue
		}
		all = append(all, goroutine{header[1], text})
	}
	return all
}

// waitsDurably reports whether only the bubble itself can wake the goroutine.
func (g goroutine) waitsDurably() bool { return strings.Contains(g.state, "(durable)") }

// waitsForLock reports whether the goroutine waits for a lock.
func (g goroutine) waitsForLock() bool {
	return strings.HasPrefix(g.state, "sync.Mutex") || strings.HasPrefix(g.state, "sync.RWMutex") || strings.HasPrefix(g.state, "semacquire")
}

// isBusy reports whether the goroutine runs, or will run as soon as it can.
func (g goroutine) isBusy() bool {
	return g.state == "running" || g.state == "runnable" || g.state == "syscall" || g.state == "waiting" || strings.HasPrefix(g.state, "GC ") || strings.HasPrefix(g.state, "preempted")
}

// isLocked reports whether the clock of a bubble stands still because of a lock, and
// returns the goroutines that wait for one. It is sure that nobody will release the
// lock if the explorer's own call of the client waits for it, and no goroutine of the
// client waits for the network or sleeps: such a one may hold the lock, and outside of
// a bubble it would go on.
func isLocked(all []goroutine) (waiting []goroutine, sure, locked bool) {
	timed := false
	for _, g := range all {
		switch {
		case g.waitsForLock():
			waiting = append(waiting, g)
			sure = sure || g.isCall()
		case !g.waitsDurably():
			return nil, false, false
		case g.runsClient():
			timed = timed || strings.HasPrefix(g.state, "sleep") || strings.Contains(g.stack, core+"/internal/memnet.(*Conn)")
		}
	}
	return waiting, sure && !timed, len(waiting) > 0
}

// isCall reports whether the explorer, or a Cleanup, has called the client on this
// goroutine.
func (g goroutine) isCall() bool {
	return strings.Contains(g.stack, core+"/explore.call(") || strings.Contains(g.stack, "testing.(*common).runCleanup(")
}

// runsClient reports whether the goroutine is in code of the client.
func (g goroutine) runsClient() bool { return strings.Count(g.position(), "\n") > 1 }

// position returns the functions of the goroutine that are not those of Go's
// packages, of the server and of the explorer, the innermost first.
func (g goroutine) position() string {
	var b strings.Builder
	b.WriteString("goroutine [" + g.state + "]:\n")
	lines := strings.Split(g.stack, "\n")
	for i := 1; i+1 < len(lines); i += 2 {
		function, place := lines[i], lines[i+1]
		if isForeign(function, place) {
			if cut := strings.LastIndexByte(function, '('); cut > 0 && !strings.HasPrefix(function, "created by ") {
				function = function[:cut]
			}
			place, _, _ = strings.Cut(strings.TrimSpace(place), " +0x")
			b.WriteString("    " + function + "\n        " + place + "\n")
		}
	}
	return b.String()
}

// core begins the names of the functions of this module's packages.
const core = "github.com/go-smtptest/smtp/smtptest"

// isForeign reports whether the function is the client's.
func isForeign(function, place string) bool {
	function = strings.TrimPrefix(function, "created by ")
	if stack.IsStandard(strings.TrimSpace(place)) {
		return false
	}
	return !strings.HasPrefix(function, core) || strings.Contains(place, "_test.go:")
}

// positions joins the positions of the goroutines that run code of the client.
func positions(all []goroutine) string {
	var b strings.Builder
	for _, g := range all {
		if g.runsClient() {
			b.WriteString(g.position())
		}
	}
	return b.String()
}
