package lint

import (
	"net/netip"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

var pathRules = []rule{
	{"path-space", Error, false, "RFC 5321 3.3", "A space comes before or after the colon of MAIL FROM: or RCPT TO:."},
	{"path-no-brackets", Error, false, "RFC 5321 4.1.2", "An address has no angle brackets."},
	{"path-invalid", Error, false, "RFC 5321 4.1.2", "A path does not follow the grammar."},
	{"path-too-long", Warning, false, "RFC 5321 4.5.3.1", "A local part has more than 64 octets, a domain more than 255 or a path more than 256."},
	{"path-source-route", Warning, false, "RFC 5321 3.3", "A path has a source route."},
	{"address-unqualified", Error, false, "RFC 5321 2.3.5", "An address has no domain, and is not Postmaster."},
	{"address-bare-ip", Error, false, "RFC 5321 4.1.3", "The domain of an address is an IP address without brackets."},
	{"address-overquoted", Warning, false, "RFC 5321 4.1.2", "An address has quotes or backslashes that it does not need."},
	{"address-non-ascii", Error, false, "RFC 6531 3.4", "An address is not in ASCII, and SMTPUTF8 is not given."},
	{"address-bad-utf8", Error, false, "RFC 6531 3.1", "SMTPUTF8 is given, and an address is not in UTF-8."},
	{"recipient-duplicate", Warning, false, "", "The same recipient came twice in a transaction."},
	{"recipients-over-100", Warning, true, "RFC 5321 4.5.3.1.8", "A transaction has more than 100 recipients, and no higher limit is offered."},
}

// pathCommand is the argument of MAIL or RCPT in all spellings.
var pathCommand = regexp.MustCompile(`(?is)^\s*(FROM|TO)( *):( *)(.*)$`)

// checkPath judges the path of MAIL and RCPT, and what follows it.
func checkPath(w *walk, x *step) {
	if x.verb != "MAIL" && x.verb != "RCPT" || x.dirty || x.TooLong || x.Secret != 0 {
		return
	}
	m := pathCommand.FindStringSubmatch(x.arg)
	if m == nil || (upper(m[1]) == "FROM") != (x.verb == "MAIL") {
		w.found(x, "path-invalid", x.Command, "%s is followed by FROM: or TO:", x.verb)
		return
	}
	if m[2]+m[3] != "" {
		w.found(x, "path-space", x.Command, "a space beside the colon")
	}
	path, params, bad := cutPath(m[4])
	if bad != "" {
		w.found(x, bad, x.Command, "the address does not stand in angle brackets")
	}
	utf8OK := x.hasOption("SMTPUTF8") || x.verb == "RCPT" && w.mail.hasOption("SMTPUTF8")
	checkAddress(w, x, path, utf8OK)
	if params != "" && params[0] != ' ' {
		w.found(x, "path-invalid", params, "octets stand directly behind the path")
		return
	}
	if i := highOctet(params); i >= 0 && !utf8OK {
		w.found(x, "command-non-ascii", params, "a parameter is not in ASCII")
		return
	}
	if words := strings.TrimRight(params, " "); strings.Contains(words, "  ") {
		w.found(x, "param-space", params, "more than one space before a parameter")
	}
	checkParams(w, x, path, params)
}

// cutPath splits behind the path; a ">" in quotes is no end. bad is the id of
// what is wrong with the brackets.
func cutPath(s string) (path, params, bad string) {
	if !strings.HasPrefix(s, "<") {
		path, _, _ = strings.Cut(s, " ")
		return path, s[len(path):], "path-no-brackets"
	}
	quoted := false
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '>' && !quoted:
			return s[1:i], s[i+1:], ""
		}
	}
	return s[1:], "", "path-invalid"
}

// checkAddress judges what stands between the brackets.
func checkAddress(w *walk, x *step, path string, utf8OK bool) {
	address := path
	if strings.HasPrefix(path, "@") {
		if route, rest, ok := strings.Cut(path, ":"); ok {
			w.found(x, "path-source-route", path, "the source route %s", route)
			address = rest
		}
	}
	local, domain, qualified := cutAddress(address)
	switch {
	case path == "" && x.verb == "MAIL":
	case highOctet(path) >= 0 && !utf8OK:
		w.found(x, "address-non-ascii", path, "not in ASCII, without SMTPUTF8")
	case !utf8.ValidString(path):
		w.found(x, "address-bad-utf8", path, "not in UTF-8")
	case isBareIP(domain):
		w.found(x, "address-bare-ip", path, "an IP address needs brackets")
	case len(local) > 64 || len(domain) > 255 || len(path)+2 > 256:
		w.found(x, "path-too-long", path, "local part, domain and path have %d, %d and %d octets", len(local), len(domain), len(path)+2)
	case !qualified && strings.EqualFold(address, "postmaster") && x.verb == "RCPT":
	case !qualified && parses("<"+local+"@a.test>"):
		w.found(x, "address-unqualified", path, "no domain")
	case !parses("<" + path + ">"):
		w.found(x, "path-invalid", path, "%s is not of the grammar", wrongPart(address, local, domain))
	case wire.LeastQuoted(address) != address:
		w.found(x, "address-overquoted", path, "%s is the same without quotes", wire.LeastQuoted(address))
	}
	if x.verb == "RCPT" {
		checkRecipient(w, x, address)
	}
}

func isBareIP(domain string) bool {
	_, err := netip.ParseAddr(domain)
	return err == nil
}

// cutAddress splits at the @ that is not in quotes.
func cutAddress(address string) (local, domain string, qualified bool) {
	i := strings.LastIndexByte(address, '@')
	if i < 0 {
		return address, "", false
	}
	return address[:i], address[i+1:], true
}

func parses(path string) bool {
	_, rest, err := wire.ForwardPath(path, true)
	return err == nil && rest == ""
}

func wrongPart(address, local, domain string) string {
	switch {
	case address == "":
		return "the empty path"
	case !parses("<" + local + "@a.test>"):
		return "the local part"
	case !wire.ValidDomain(domain, true) && !wire.ValidLiteral(domain):
		return "the domain"
	}
	return "the path"
}

// checkRecipient compares with the recipients that the transaction has.
func checkRecipient(w *walk, x *step, address string) {
	key := sameMailbox(address)
	if n := w.recipients[key]; n > 0 {
		w.found(x, "recipient-duplicate", address, "exchange %d had the same recipient", n)
	}
	if !x.refused() {
		if w.recipients == nil {
			w.recipients = map[string]int{}
		}
		w.recipients[key] = x.n
	}
	if limit := limitOf(w, "RCPTMAX", 100); w.rcpts == limit {
		w.found(x, "recipients-over-100", x.Command, "more than %d recipients", limit)
	}
}

// sameMailbox is the form in which two spellings of a mailbox are equal: only the
// domain has no case.
func sameMailbox(address string) string {
	local, domain, _ := cutAddress(wire.LeastQuoted(address))
	return local + "@" + upper(domain)
}
