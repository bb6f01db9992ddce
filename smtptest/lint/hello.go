package lint

import (
	"net/netip"
	"strings"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

var helloRules = []rule{
	{"helo-not-ehlo", Warning, false, "RFC 5321 3.2", "The client sent HELO without trying EHLO first."},
	{"ehlo-fallback-missing", Warning, false, "RFC 5321 3.2", "EHLO was not known to the server, and no HELO followed."},
	{"hello-name-invalid", Error, false, "RFC 5321 4.1.2", "The name in HELO or EHLO is neither a domain nor an address literal."},
	{"hello-name-not-fqdn", Warning, true, "RFC 5321 2.3.5", "The name in HELO or EHLO is not a fully-qualified one."},
	{"hello-name-bare-ip", Error, false, "RFC 5321 4.1.3", "The name in HELO or EHLO is an address without brackets."},
	{"hello-name-non-ascii", Error, false, "RFC 6531 3.7.1", "The name in HELO or EHLO is not in ASCII."},
	{"hello-extra-text", Warning, false, "RFC 5321 4.1.1.1", "Text follows the name in HELO or EHLO."},
	{"ehlo-missing-after-starttls", Error, false, "RFC 3207 4.2", "The first command after STARTTLS was not EHLO."},
}

func isHello(verb string) bool { return verb == "EHLO" || verb == "HELO" || verb == "LHLO" }

func checkHello(w *walk, x *step) {
	if w.freshTLS && x.TLS && x.verb != "EHLO" && x.verb != "LHLO" && x.verb != "QUIT" {
		w.found(x, "ehlo-missing-after-starttls", x.Command, "%s is the first command after STARTTLS", name(x))
	}
	if !isHello(x.verb) {
		return
	}
	if w.first == "" && x.verb == "HELO" {
		w.found(x, "helo-not-ehlo", x.Command, "HELO came first")
	}
	if w.first == "" {
		w.first = x.verb
	}
	if !x.dirty && !x.TooLong {
		checkHelloName(w, x)
	}
}

func checkHelloName(w *walk, x *step) {
	host, extra, _ := strings.Cut(strings.TrimLeft(x.arg, " "), " ")
	if strings.TrimSpace(extra) != "" {
		w.found(x, "hello-extra-text", x.Command, "text follows the name")
	}
	_, err := netip.ParseAddr(host)
	switch {
	case highOctet(host) >= 0:
		w.found(x, "hello-name-non-ascii", host, "the name is not in ASCII")
	case err == nil:
		w.found(x, "hello-name-bare-ip", host, "an address needs brackets")
	case !wire.ValidDomain(host, false) && !wire.ValidLiteral(host):
		w.found(x, "hello-name-invalid", x.Command, "the name is neither a domain nor an address literal")
	case host[0] != '[' && (!strings.Contains(host, ".") || strings.HasSuffix(upper(host), ".LOCAL")):
		w.found(x, "hello-name-not-fqdn", host, "the name is not fully-qualified")
	}
}

// greet takes in the reply to a hello.
func greet(w *walk, x *step) {
	if x.verb == "EHLO" && (x.code == 500 || x.code == 502) {
		w.ehloFell = x.n
	}
	if x.verb == "HELO" {
		w.ehloFell = 0
	}
	if x.refused() {
		return
	}
	w.hello = true
	w.helloName, _, _ = strings.Cut(strings.ToLower(strings.TrimLeft(x.arg, " ")), " ")
	w.drop()
	if x.said == "" {
		return // the last reply to EHLO is an older one
	}
	w.offers = nil
	if x.verb != "HELO" && x.told() == 2 {
		w.offers = offers(x.said)
	}
}

// offers is what an EHLO reply has: the keywords in upper case, with the rest
// of their lines. Old servers write "AUTH=".
func offers(reply string) map[string]string {
	words := map[string][]string{}
	for i, line := range strings.Split(reply, "\n") {
		line = strings.TrimRight(line, "\r")
		if i == 0 || len(line) < 4 {
			continue
		}
		line = line[4:]
		if len(line) > 4 && strings.EqualFold(line[:5], "AUTH=") {
			line = "AUTH " + line[5:]
		}
		keyword, rest, _ := strings.Cut(line, " ")
		keyword = upper(keyword)
		words[keyword] = append(words[keyword], rest)
	}
	offered := map[string]string{}
	for keyword, rests := range words {
		offered[keyword] = strings.TrimSpace(strings.Join(rests, " "))
	}
	return offered
}

// checkFallback finds a client that gave up where HELO would have done.
func checkFallback(w *walk) {
	if w.ehloFell > 0 && !w.muted && !w.astray && w.s.End != "" && w.s.End != smtptest.EndServer && w.s.End != smtptest.EndRule {
		x := newStep(w.s.Exchanges[w.ehloFell-1], w.ehloFell, &step{})
		if x.did(smtptest.Hold) {
			return
		}
		w.found(&x, "ehlo-fallback-missing", x.Command, "EHLO was answered %d, and no HELO followed", x.code)
	}
}
