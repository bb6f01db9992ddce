package lint

import (
	"slices"
	"strings"
)

var commandRules = []rule{
	{"command-bare-lf", Error, false, "RFC 5321 2.3.8", "A command line has LF without CR."},
	{"command-bare-cr", Error, false, "RFC 5321 2.3.8", "A command line has CR without LF."},
	{"command-control-char", Error, false, "RFC 5321 4.1.2", "A command line has another control character."},
	{"command-non-ascii", Error, false, "RFC 5321 2.4", "A command line has bytes outside ASCII, and SMTPUTF8 does not allow them there."},
	{"command-too-long", Warning, false, "RFC 5321 4.5.3.1.4", "A command line is longer than 512 octets and what the extensions add."},
	{"command-trailing-space", Warning, true, "RFC 5321 4.1.1", "A command line ends in white space."},
}

// checkLine finds octets that no command line may have.
func checkLine(w *walk, x *step) {
	line := x.Command
	if i := bareLF(line); i >= 0 {
		w.found(x, "command-bare-lf", around(line, i), "LF without CR")
	}
	if i := bareCR(line); i >= 0 {
		w.found(x, "command-bare-cr", around(line, i), "CR without LF")
	}
	if i := strings.IndexFunc(line, func(r rune) bool { return r < ' ' && r != '\r' && r != '\n' || r == 0x7f }); i >= 0 {
		w.found(x, "command-control-char", around(line, i), "octet %d", line[i])
	}
	if i := highOctet(line); i >= 0 && !isHello(x.verb) && x.verb != "MAIL" && x.verb != "RCPT" && !mayUTF8(w, x) {
		w.found(x, "command-non-ascii", around(line, i), "octet %d", line[i])
	}
	if x.TooLong {
		w.found(x, "command-too-long", line, "the line is over its limit")
	}
	if line != "" && strings.TrimRight(line, " \t") != line && x.verb != "AUTH" {
		w.found(x, "command-trailing-space", line, "white space at the end")
	}
}

// mayUTF8: of the commands without a path, VRFY and EXPN can have SMTPUTF8
// (RFC 6531 3.7.4.2).
func mayUTF8(w *walk, x *step) bool {
	return (x.verb == "VRFY" || x.verb == "EXPN") && w.offered("SMTPUTF8") && x.hasOption("SMTPUTF8")
}

// hasOption says that a parameter stands behind the first word of a command.
func (x *step) hasOption(param string) bool {
	return slices.Contains(strings.Fields(upper(x.arg)), param)
}

// bareLF is where an LF without CR before it stands, or -1.
func bareLF(s string) int {
	for i := range len(s) {
		if s[i] == '\n' && (i == 0 || s[i-1] != '\r') {
			return i
		}
	}
	return -1
}

// bareCR is where a CR without LF behind it stands, or -1.
func bareCR(s string) int {
	for i := range len(s) {
		if s[i] == '\r' && (i+1 == len(s) || s[i+1] != '\n') {
			return i
		}
	}
	return -1
}

// highOctet is where the first octet outside ASCII stands, or -1.
func highOctet(s string) int {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return i
		}
	}
	return -1
}

// around is a piece of s with the octet at i in it.
func around(s string, i int) string {
	start := max(0, i-maxOctets/2)
	return s[start:min(len(s), start+maxOctets)]
}
