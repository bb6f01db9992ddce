package lint

import (
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
)

// closedByClient says that the client has closed the connection, for no reason that
// the server gave it.
func closedByClient(w *walk) bool {
	return w.s.End == smtptest.EndClosed || w.s.End == smtptest.EndReset
}

// isWaiting says that the client was left without a reply.
func isWaiting(w *walk) bool {
	x := &w.last
	return (x.said == "" || x.did(smtptest.Hold)) && x.verb != "TLS" && x.verb != "BODY" && x.verb != "IDLE" && !(x.verb == "BDAT" && x.Effects == "")
}

// checkEnd finds what the end of the session shows.
func checkEnd(w *walk) {
	checkUnread(w)
	checkFallback(w)
	checkShortChunk(w)
	x := &w.last
	switch {
	case x.n == 0 || !closedByClient(w) || w.muted:
	case x.verb == "QUIT":
		if x.said == "" && !strings.Contains(x.Effects, "no reply") {
			w.found(x, "quit-reply-not-read", x.Command, "the connection was closed before the reply")
		}
	case isWaiting(w):
		checkPatience(w, x)
	case strings.Contains(x.Effects, " every "): // the reply came in pieces, and perhaps not to its end
	case gaveUp(w):
	case isMidway(w):
		w.found(x, "connection-abandoned-in-data", "", "the connection was closed %s", whereEnded(w))
	case isExcused(w):
	case x.refused() || x.code == 0:
		w.foundAt(Warning, x, "quit-missing", "", "the connection was closed without QUIT")
	default:
		w.found(x, "quit-missing", "", "the connection was closed without QUIT")
	}
}

// checkShortChunk finds a client that waited for the reply to a chunk of which it had
// not sent all octets.
func checkShortChunk(w *walk) {
	if x := &w.prev; w.s.End == smtptest.EndIdle && x.verb == "BDAT" && x.said == "" && !x.wholeChunk() {
		w.found(x, "bdat-length-wrong", x.Command, "only %d octets came before the client fell silent", x.Octets)
	}
}

// gaveUp says that a row kept the client waiting for the 354 and all that came
// as content is a QUIT, which may have been sent before.
func gaveUp(w *walk) bool {
	x := &w.prev
	if !w.content || x.verb != "DATA" || !strings.Contains(x.Effects, "after ") || x.Transaction == 0 {
		return false
	}
	t := &w.s.Transactions[x.Transaction-1]
	return t.Octets == len("QUIT\r\n") && upper(t.Data) == "QUIT\r\n"
}

// isMidway says that the client left in something that it had begun.
func isMidway(w *walk) bool {
	return w.content && !w.odd || w.chunks || w.auth.mechanism != "" || w.last.verb == "BDAT" && w.last.said == ""
}

func whereEnded(w *walk) string {
	switch {
	case w.content:
		return "within content"
	case w.auth.mechanism != "":
		return "within AUTH"
	}
	return "before the last chunk"
}

// isExcused reports whether leaving without QUIT was no fault: the server had sent a
// 421, octets of a rule that are no reply, or a reply too many or too few, or the
// client could reject what it saw of TLS.
func isExcused(w *walk) bool {
	if w.odd || w.astray || w.last.verb == "TLS" || w.last.verb == "IDLE" || w.last.Raw != "" {
		return true
	}
	for _, e := range w.s.Exchanges {
		if strings.HasPrefix(e.Raw, "421") || upper(e.Command) == "QUIT" {
			return true
		}
	}
	return false
}

// checkUnread judges octets that no command has taken.
func checkUnread(w *walk) {
	rest := w.s.Unread
	none := step{}
	if isUnreadContent(w, rest) {
		w.found(&w.prev, "data-before-354", rest, "content came, and there was no 354")
		return
	}
	if rest == "" || inContent(w) {
		return
	}
	if w.s.End == smtptest.EndQuit {
		w.found(&none, "command-after-quit", rest, "something came behind QUIT")
		return
	}
	if i := bareLF(rest); i >= 0 {
		w.found(&none, "command-bare-lf", rest[:i+1], "a line ends in LF without CR: no command")
	}
	if i := bareCR(strings.TrimSuffix(rest, "\r")); i >= 0 { // that one's LF may be still to come
		w.found(&none, "command-bare-cr", rest[:i+1], "CR without LF")
	}
}

// isUnreadContent reports whether the rest is content that the client sent without a
// 354: DATA was refused, or got no reply.
func isUnreadContent(w *walk, rest string) bool {
	line, _, whole := strings.Cut(rest, "\r\n")
	verb, _, _ := strings.Cut(line, " ")
	x := &w.prev
	closed := x.did(smtptest.Close) || x.did(smtptest.Reset) // with the reply, so that the rest came before it
	return x.verb == "DATA" && (x.told() != 3 || closed) && x.Raw == "" && w.dataInvited && whole && !known[upper(verb)]
}

// inContent says that what the client sent last is, or may be, no command: it
// is within content, a chunk or TLS, or behind a DATA that has no reply.
func inContent(w *walk) bool {
	switch x := &w.prev; x.verb {
	case "TLS":
		return true
	case "DATA":
		return w.content || x.said == ""
	case "BDAT":
		return !x.wholeChunk()
	}
	return w.content
}

// patience is how long a client must wait at least (RFC 5321 4.5.3.2).
var patience = map[string]time.Duration{"CONNECT": 5 * time.Minute, "MAIL": 5 * time.Minute, "RCPT": 5 * time.Minute,
	"DATA": 2 * time.Minute, ".": 10 * time.Minute}

func checkPatience(w *walk, x *step) {
	waited := w.s.Duration - x.At
	if least := patience[x.verb]; waited < least {
		w.found(x, "timeout-too-short", x.Command, "the connection was closed after %v of waiting for the reply to %s; at least %v are due", waited.Round(time.Millisecond), x.verb, least)
	}
}
