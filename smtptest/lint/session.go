package lint

import "strings"

var sessionRules = []rule{
	{"talk-before-greeting", Error, false, "RFC 5321 4.3.1", "The client sent something before the greeting."},
	{"mail-without-hello", Error, false, "RFC 5321 4.1.1.1", "MAIL came without HELO or EHLO."},
	{"bad-sequence", Error, false, "RFC 5321 4.1.4", "A command came out of order: the reply is 503."},
	{"mail-nested", Error, false, "RFC 5321 4.1.4", "MAIL came while a transaction was open."},
	{"data-without-recipient", Warning, false, "RFC 5321 3.3", "DATA or BDAT came although every RCPT was seen to be refused."},
	{"command-not-offered", Error, false, "RFC 5321 2.2", "A command came whose extension the last EHLO reply did not offer."},
	{"command-unknown", Warning, false, "RFC 5321 4.2.4", "A line was not a command."},
	{"argument-unexpected", Error, false, "RFC 5321 4.1.1", "DATA, RSET, QUIT or STARTTLS had an argument."},
	{"pipelining-not-offered", Error, false, "RFC 2920 3.1", "A command came before the reply to its predecessor, and PIPELINING was not offered."},
	{"pipelining-past-sync", Error, false, "RFC 2920 3.1", "The client sent something after a command that must be the last of its group, before the reply came."},
	{"bdat-before-rcpt-replies", Error, false, "RFC 3030 2", "BDAT came before the replies to RCPT."},
	{"data-before-354", Error, false, "RFC 5321 3.3", "Content came before the 354, or without one."},
	{"data-after-refusal", Error, false, "RFC 5321 3.3", "Content came although DATA was refused."},
	{"repeat-after-5xx", Warning, false, "RFC 5321 4.2.1", "The same command came again after a 5xx with nothing changed in between, or a later attempt was the same request or the same message."},
	{"command-after-421", Warning, false, "RFC 5321 3.8", "A command other than QUIT came after a 421."},
	{"command-after-quit", Error, false, "RFC 5321 4.1.1.10", "The client sent something after QUIT."},
	{"quit-missing", Error, false, "RFC 5321 4.1.1.10", "The client closed the connection without QUIT. It is a warning after a refusal, or without a reply."},
	{"quit-reply-not-read", Warning, true, "RFC 5321 4.1.1.10", "The client closed the connection before the reply to QUIT."},
	{"connection-abandoned-in-data", Error, false, "RFC 5321 4.1.1.10", "The client closed the connection in content, between chunks or in an AUTH exchange."},
	{"timeout-too-short", Warning, true, "RFC 5321 4.5.3.2", "The client left while it waited, before the least time-out."},
}

// name is how a sentence calls a step.
func name(x *step) string {
	switch {
	case x.answer:
		return "a response"
	case x.Command == "":
		return "an empty line"
	case x.verb != "":
		return x.verb
	}
	return "a line"
}

// checkOrder finds commands that are out of place. What the client could not
// know yet is no fault of its: replies that pipelining had not shown it.
func checkOrder(w *walk, x *step) {
	if w.prev.Raw != "" && w.prev.code == 421 && !x.Pipelined && x.verb != "QUIT" && w.seen == w.prev.n {
		w.found(x, "command-after-421", x.Command, "%s came after a 421", name(x))
	}
	wrong := func(format string, args ...any) { w.found(x, "bad-sequence", x.Command, format, args...) }
	mailGone := w.mail.n == 0 || w.mail.refused() && w.hasSeen(w.mail.n)
	switch {
	case w.refusing:
		if x.verb != "QUIT" && w.prev.verb == "CONNECT" && w.hasSeen(w.prev.n) { // one finding is enough for all that follows
			wrong("%s came after the greeting had refused the session", name(x))
		}
	case x.verb == "MAIL" && !w.hello:
		if !w.freshTLS {
			w.found(x, "mail-without-hello", x.Command, "MAIL came before HELO or EHLO")
		}
	case (x.verb == "MAIL" || x.verb == "DATA") && w.failed > 0 && w.hasSeen(w.failed):
		w.found(x, "rset-missing-after-bdat-failure", x.Command, "%s came after a refused BDAT without RSET", x.verb)
	case x.verb == "BDAT" && w.failed > 0 && w.hasSeen(w.failed):
		w.found(x, "bdat-after-failure", x.Command, "BDAT came after a refused BDAT")
	case w.failed > 0:
		if x.verb == "RCPT" && w.hasSeen(w.failed) {
			wrong("RCPT came after a refused BDAT")
		}
	case x.verb == "MAIL" && w.open && w.hasSeen(w.rset):
		w.found(x, "mail-nested", x.Command, "MAIL came within the transaction of exchange %d", w.mail.n)
	case x.verb == "RCPT" && mailGone:
		wrong("RCPT came without MAIL")
	case x.verb == "RCPT" && w.chunks:
		wrong("RCPT came behind BDAT")
	case x.verb == "DATA" && w.chunks:
		wrong("DATA came behind BDAT")
	case x.verb == "DATA" || x.verb == "BDAT":
		checkContentPlace(w, x, mailGone)
	case x.verb == "STARTTLS" && w.open && !x.TLS:
		wrong("STARTTLS came within a transaction")
	}
	if arg := strings.TrimSpace(x.arg); arg != "" && (x.verb == "DATA" || x.verb == "RSET" || x.verb == "QUIT" || x.verb == "STARTTLS") {
		w.found(x, "argument-unexpected", x.Command, "%s takes no argument", x.verb)
	}
}

func (w *walk) hasSeen(n int) bool { return n <= w.seen }

func checkContentPlace(w *walk, x *step, mailGone bool) {
	switch {
	case mailGone:
		w.found(x, "bad-sequence", x.Command, "%s came without MAIL", x.verb)
	case w.rcpts == 0:
		w.found(x, "bad-sequence", x.Command, "%s came without RCPT", x.verb)
	case w.taken == 0 && w.hasSeen(w.rcpt) && !w.mail.refused():
		w.found(x, "data-without-recipient", x.Command, "%s came although every RCPT was refused", x.verb)
	case x.verb == "DATA" && w.mail.hasOption("BODY=BINARYMIME"):
		w.found(x, "binarymime-with-data", x.Command, "DATA came after BODY=BINARYMIME")
	}
}

// extensions are the keywords that offer commands.
var extensions = map[string]string{"STARTTLS": "STARTTLS", "AUTH": "AUTH", "BDAT": "CHUNKING", "XCLIENT": "XCLIENT",
	"XFORWARD": "XFORWARD", "ETRN": "ETRN", "ATRN": "ATRN", "BURL": "BURL"}

// checkOffered finds commands that no extension offers, and lines that are none.
func checkOffered(w *walk, x *step) {
	unknown := x.verb == "" && x.code == 500 && x.Rule == ""
	switch keyword, ok := extensions[x.verb]; {
	case ok && !w.offered(keyword) && !(x.verb == "STARTTLS" && x.TLS):
		w.found(x, "command-not-offered", x.Command, "%s came, and the last EHLO reply does not have %s", x.verb, keyword)
	case unknown && w.prev.verb == "BDAT":
		w.found(x, "bdat-length-wrong", x.Command, "what followed the chunk is no command")
	case unknown && x.Command == "*" && w.prev.refused() && (w.prev.verb == "AUTH" || w.prev.answer):
		unknown = false // net/smtp takes back an AUTH (RFC 4954 4) that was refused already
	case unknown && !w.unknown && !x.dirty: // one finding for what is obviously text
		w.spill.finding = len(w.findings)
		w.found(x, "command-unknown", x.Command, "%s is no command", name(x))
	}
	w.unknown = unknown
}

// checkAgain finds commands that were refused for good before.
func checkAgain(w *walk, x *step) {
	if n := w.fifth[x.request()]; n > 0 && w.hasSeen(n) && x.verb != "" && x.verb != "AUTH" && x.verb != "QUIT" {
		w.found(x, "repeat-after-5xx", x.Command, "exchange %d was the same, and refused for good", n)
	}
}
