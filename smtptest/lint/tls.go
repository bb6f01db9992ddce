package lint

import (
	"crypto/x509"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
)

var tlsRules = []rule{
	{"starttls-ignored", Error, false, "RFC 8314 5.2", "STARTTLS was offered, and AUTH or MAIL came without TLS. It is a warning if the server refused the MAIL."},
	{"starttls-pipelined", Error, false, "RFC 3207 4", "The client sent something after STARTTLS before the reply came."},
	{"starttls-no-handshake", Error, false, "RFC 3207 4", "The client sent something other than TLS after the 220 to STARTTLS."},
	{"starttls-again", Error, false, "RFC 3207 4.2", "STARTTLS came over TLS."},
	{"tls-version-old", Warning, false, "RFC 8997 3", "A TLS version below 1.2 was negotiated, or no newer one offered."},
	{"tls-no-sni", Warning, true, "RFC 6066 3", "The client did not name the host that it wants (SNI)."},
	{"tls-untrusted-accepted", Error, false, "RFC 8314 5.3", "The client went on with a certificate that is out of its time, or not for the name that it asked for."},
	{"tls-close-without-notify", Warning, true, "RFC 8314 3.4", "The client closed TLS without close_notify."},
}

// checkTLS judges commands in their relation to TLS.
func checkTLS(w *walk, x *step) {
	switch {
	case x.verb == "STARTTLS" && x.TLS:
		w.found(x, "starttls-again", x.Command, "the session is under TLS")
	case x.verb == "STARTTLS":
		w.tried = true
		gaveUp := upper(x.Dropped) == "QUIT\r\n" && strings.Contains(x.Effects, "after ")
		if x.Dropped != "" && x.said != "" && x.Raw == "" && !w.astray && !gaveUp {
			w.found(x, "starttls-pipelined", x.Dropped, "octets in clear came behind STARTTLS")
		}
	case (x.verb == "AUTH" || x.verb == "MAIL") && !x.TLS && !w.tried && w.offered("STARTTLS"):
		w.tried = true
		level := Error
		if x.refused() && x.verb == "MAIL" {
			level = Warning // no mail follows
		}
		w.foundAt(level, x, "starttls-ignored", x.Command, "STARTTLS was offered, and %s came without TLS", x.verb)
	}
	if x.TLS && !w.trusted && x.verb != "QUIT" {
		w.trusted = true
		if why := badCertificate(w, x); why != "" {
			w.found(x, "tls-untrusted-accepted", x.Command, "the client went on under a certificate that %s", why)
		}
	}
}

// badCertificate says why no client that checks certificates takes that of the
// server; "" if one may.
func badCertificate(w *walk, x *step) string {
	if w.s.TLS == nil || w.s.TLS.Cert == nil {
		return ""
	}
	cert, err := x509.ParseCertificate(w.s.TLS.Cert)
	if err != nil {
		return ""
	}
	now := w.s.Start.Add(x.At)
	switch name := w.s.TLS.ServerName; {
	case now.After(cert.NotAfter):
		return "ended on " + cert.NotAfter.Format(time.DateOnly)
	case now.Before(cert.NotBefore):
		return "begins on " + cert.NotBefore.Format(time.DateOnly)
	case name != "" && cert.VerifyHostname(name) != nil:
		return "is not for " + name
	}
	return ""
}

// checkEvent judges a handshake.
func checkEvent(w *walk, x *step) {
	if x.verb != "TLS" {
		return
	}
	invited := !w.muted && !w.prev.did(smtptest.Hold)
	if x.Dropped != "" && x.Dropped[0] != 0x16 && invited {
		w.found(x, "starttls-no-handshake", x.Dropped, "the client sent no TLS record")
	}
	if oldest(x.Effects) {
		w.found(x, "tls-version-old", "", "the client offered no version from TLS 1.2 on")
	}
	if tls := w.s.TLS; tls != nil {
		if tls.Version == "TLS 1.0" || tls.Version == "TLS 1.1" || tls.Version == "SSLv3" {
			w.found(x, "tls-version-old", "", "%s was negotiated", tls.Version)
		}
		if tls.ServerName == "" {
			w.found(x, "tls-no-sni", "", "the client did not name the host")
		}
	}
	if w.s.Truncated {
		w.found(x, "tls-close-without-notify", "", "TLS was not closed by close_notify")
	}
}

// unsupported is how crypto/tls names the versions of a client that it refuses.
var unsupported = regexp.MustCompile(`client offered only unsupported versions: \[([0-9a-f ]+)\]`)

// oldest says that a handshake failed because no offered version is new enough.
func oldest(did string) bool {
	m := unsupported.FindStringSubmatch(did)
	if m == nil {
		return false
	}
	for _, version := range regexp.MustCompile(`[0-9a-f]+`).FindAllString(m[1], -1) {
		if n, err := strconv.ParseUint(version, 16, 16); err != nil || n >= 0x303 {
			return false
		}
	}
	return true
}
