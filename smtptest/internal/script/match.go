package script

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// A window is what one scope has counted.
type window struct {
	first          time.Time
	matches, fired int
}

// appliesTo reports whether the rule is for events of this kind. Rules of IDLE are
// chosen one by one, by their time.
func (r *Rule) appliesTo(e *Event) bool {
	switch e.Name {
	case "IDLE":
		return e.Idle == r
	case "BODY":
		return r.verb == e.Name && r.octets == e.Mark
	case "TLS":
		return r.verb == e.Name
	}
	return r.verb == e.Name || r.verb == "*" || (r.verb == e.Also && e.Also != "")
}

// byArgument reports whether what follows the verb in On is compared with what the
// client sent.
func (r *Rule) byArgument() bool {
	return r.arg != "" && r.verb != "BODY" && r.verb != "IDLE"
}

// compared returns the argument of the name that the rule has for the event.
func (r *Rule) compared(e *Event) string {
	if r.verb == e.Name {
		return e.Arg
	}
	return e.AlsoArg
}

// window returns the counters of a scope, which begin again when Every is over.
func (r *Rule) window(key string, now time.Time) *window {
	w := r.counts[key]
	if w == nil || (r.Every > 0 && now.Sub(w.first) >= r.Every) {
		if r.counts == nil {
			r.counts = make(map[string]*window)
		}
		w = &window{first: now}
		r.counts[key] = w
	}
	return w
}

// scopeKey names what a rule with this scope counts the event under.
func scopeKey(per Scope, e *Event) string {
	if per == 0 {
		return ""
	}
	var b strings.Builder
	if per&(PerSession|PerTransaction) != 0 {
		fmt.Fprintf(&b, "%d ", e.Session)
	}
	if per&PerTransaction != 0 {
		fmt.Fprintf(&b, "%d ", e.Transaction)
	}
	if per&PerPeer != 0 {
		host, _, err := net.SplitHostPort(e.Peer)
		if err != nil {
			host = e.Peer
		}
		b.WriteString(host)
	}
	if per&PerSender != 0 {
		fmt.Fprintf(&b, " <%s>", e.From)
	}
	switch {
	case per&PerRecipient == 0:
	case e.Name == "." && e.Arg != "": // LMTP
		b.WriteString(" " + e.Arg)
	case e.Recipient != "":
		fmt.Fprintf(&b, " <%s>", e.Recipient)
	}
	return b.String()
}

func (r *Rule) random(seed, n uint64) float64 {
	return rand.New(rand.NewPCG(seed, uint64(r.n)<<48^n)).Float64()
}

// matchArg reports whether the pattern matches arg, or arg up to one of its spaces.
// A * stands for any run of bytes; letters match in either case (ASCII). The first
// place that a piece between two stars fits leaves the most to the others, so no
// other place is tried.
func matchArg(pattern, arg string) bool {
	piece, rest, more := strings.Cut(pattern, "*")
	if !hasPrefixFold(arg, piece) {
		return false
	}
	arg = arg[len(piece):]
	if !more {
		return arg == "" || arg[0] == ' '
	}
	for {
		if piece, rest, more = strings.Cut(rest, "*"); !more {
			break
		}
		i := indexFold(arg, piece)
		if i < 0 {
			return false
		}
		arg = arg[i+len(piece):]
	}
	return piece == "" || indexFold(arg, piece+" ") >= 0 ||
		len(piece) <= len(arg) && hasPrefixFold(arg[len(arg)-len(piece):], piece)
}

// indexFold is strings.Index for letters in either case.
func indexFold(s, piece string) int {
	for i := range len(s) - len(piece) + 1 {
		if hasPrefixFold(s[i:], piece) {
			return i
		}
	}
	return -1
}

func hasPrefixFold(s, prefix string) bool {
	if len(s) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if wire.Lower(s[i]) != wire.Lower(prefix[i]) {
			return false
		}
	}
	return true
}
