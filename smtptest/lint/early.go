package lint

import "time"

// checkEarly finds what came before the reply to its predecessor.
func checkEarly(w *walk, x *step) {
	prev := &w.prev
	switch {
	case !isEarly(w, x) || x.verb == "." && prev.verb == ".":
	case prev.verb == "STARTTLS" && !x.Event:
		w.found(x, "starttls-pipelined", x.Command, "%s came before the reply to STARTTLS", name(x))
	case x.verb == ".":
		w.found(x, "data-before-354", "", "content came before the reply to DATA")
	case x.Event:
	case prev.verb == "CONNECT":
		w.found(x, "talk-before-greeting", x.Command, "%s came before the greeting", name(x))
	case prev.verb == "AUTH" || prev.answer:
		checkEarlyAuth(w, x)
	case !w.pipelines():
		w.found(x, "pipelining-not-offered", x.Command, "%s came before the reply to %s", name(x), name(prev))
	case prev.verb != "" && !groups[prev.verb] && prev.verb != "HELP":
		w.found(x, "pipelining-past-sync", x.Command, "%s came before the reply to %s", name(x), name(prev))
	case x.verb == "BDAT" && prev.verb == "RCPT":
		w.found(x, "bdat-before-rcpt-replies", x.Command, "BDAT came before the reply to RCPT")
	}
}

// leastWait is the time after which a client may have given up waiting for a reply.
const leastWait = 100 * time.Millisecond

// isEarly reports whether the client sent x before a reply for which it could
// wait. It could not if none came, if it had got a reply too many, or if the
// octets of a rule were a reply before all of them were written. A QUIT is not
// early if the reply took so long that the client may have given up.
func isEarly(w *walk, x *step) bool {
	return x.Pipelined && w.prev.said != "" && w.prev.Raw == "" && !w.astray && !quitWaiting(w, x)
}

// quitWaiting reports whether x can be the QUIT of a client that gave up waiting.
func quitWaiting(w *walk, x *step) bool {
	return x.Pipelined && x.maybeQuit() && x.At-w.prev.At >= leastWait
}
