package lint

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

var authRules = []rule{
	{"auth-cleartext", Error, false, "RFC 4954 4", "A password or token was sent without TLS. It is a warning if the client is on this machine and the server offered AUTH without STARTTLS."},
	{"auth-mechanism-not-offered", Error, false, "RFC 4954 3", "AUTH named a mechanism that the last EHLO reply does not have."},
	{"auth-ir-not-allowed", Error, false, "RFC 4954 4", "AUTH had an initial response, and in this mechanism the server speaks first."},
	{"auth-ir-empty", Error, false, "RFC 4954 4", "AUTH had an empty initial response, which a client writes as =."},
	{"auth-ir-too-long", Error, false, "RFC 4954 4", "An initial response made the AUTH line longer than 512 octets."},
	{"auth-bad-base64", Error, false, "RFC 4954 4", "A response was not base64."},
	{"auth-malformed-message", Error, false, "RFC 4616 2, RFC 5802 7, RFC 7628 3.1", "A response was not of the mechanism's grammar."},
	{"auth-not-cancelled", Warning, false, "RFC 4954 4", "The reply of the client to a challenge that was not base64 was not *."},
	{"auth-in-transaction", Error, false, "RFC 4954 4", "AUTH came within a transaction."},
	{"auth-twice", Error, false, "RFC 4954 4", "AUTH came after a successful AUTH."},
	{"auth-pipelined", Error, false, "RFC 4954 4", "The client sent something after AUTH before the reply came."},
	{"auth-same-credentials", Warning, false, "RFC 4954 6", "The same credentials came again after 535, in the same session or in a later one."},
	{"auth-fallthrough", Warning, false, "", "MAIL came after AUTH had failed."},
	{"auth-scram-downgrade", Error, false, "RFC 5802 6", "The client claimed that the server offers no channel binding, although the server offered a -PLUS mechanism."},
}

// authWalk is what AUTH has come to.
type authWalk struct {
	mechanism string    // of the exchange in progress; "" if none
	begin     time.Time // when its AUTH came
	shown     shown     // what has been sent in it
	secret    bool      // a secret has been sent in it
	clear     bool      // it is said that a secret came in clear
	done      int       // the exchange with the 235; 0 if none
	failed    int       // the exchange with the 535 to the last AUTH; 0 if none
}

// shown is a hash of the mechanism and the secrets of an AUTH exchange.
type shown [sha256.Size]byte

// serverFirst are the mechanisms without an initial response.
var serverFirst = map[string]bool{"CRAM-MD5": true, "DIGEST-MD5": true}

// showing are the mechanisms that show the secret; those of them that need one
// reply only may stand within a group (RFC 4954 4).
var showing = map[string]bool{"PLAIN": true, "LOGIN": true, "XOAUTH2": true, "OAUTHBEARER": true}
var oneReply = map[string]bool{"PLAIN": true, "XOAUTH2": true, "OAUTHBEARER": true, "EXTERNAL": true, "ANONYMOUS": true}

// mechanismOf is the mechanism that AUTH names, in upper case, and whether an
// initial response follows.
func mechanismOf(x *step) (name string, initial bool) {
	fields := strings.Fields(x.arg)
	if len(fields) == 0 {
		return "", false
	}
	return upper(fields[0]), len(fields) > 1
}

func checkAuth(w *walk, x *step) {
	if x.verb == "MAIL" && w.auth.failed > 0 && w.hasSeen(w.auth.failed) && w.auth.done == 0 {
		w.auth.failed = 0 // once
		w.found(x, "auth-fallthrough", x.Command, "MAIL came although AUTH had failed")
	}
	if x.verb != "AUTH" {
		return
	}
	mechanism, initial := mechanismOf(x)
	switch {
	case w.auth.done > 0 && w.hasSeen(w.auth.done):
		w.found(x, "auth-twice", x.Command, "the client is authenticated")
	case w.open:
		w.found(x, "auth-in-transaction", x.Command, "AUTH came within the transaction of exchange %d", w.mail.n)
	}
	if w.offered("AUTH") && mechanism != "" && mechanism != "****" && !hasWord(w.offers["AUTH"], mechanism) {
		w.found(x, "auth-mechanism-not-offered", x.Command, "offered were %s", w.offers["AUTH"])
	}
	if initial && serverFirst[mechanism] {
		w.found(x, "auth-ir-not-allowed", x.Command, "%s has no initial response", mechanism)
	}
	if !initial && mechanism != "" && strings.HasSuffix(x.Command, " ") {
		w.found(x, "auth-ir-empty", x.Command, "an empty initial response is written =")
	}
	if x.Length+2 > 512 {
		w.found(x, "auth-ir-too-long", x.Command, "the line has %d octets", x.Length+2)
	}
	checkSecret(w, x, mechanism)
}

func hasWord(list, word string) bool {
	for _, w := range strings.Fields(list) {
		if upper(w) == word {
			return true
		}
	}
	return false
}

// checkSecret judges what is masked, in AUTH or a response.
func checkSecret(w *walk, x *step, mechanism string) {
	if x.Secret != 0 && !x.TLS && showing[mechanism] && !w.auth.clear {
		w.auth.clear = true
		level := Error
		if w.offered("AUTH") && !w.offered("STARTTLS") && isLocal(w.s.Peer) {
			level = Warning
		}
		w.foundAt(level, x, "auth-cleartext", x.Command, "%s shows the secret, and there is no TLS", mechanism)
	}
	switch {
	case x.AuthError == "":
	case x.AuthError == "not base64":
		w.found(x, "auth-bad-base64", x.Command, "not base64")
	case strings.Contains(x.AuthError, "stronger mechanism"):
		w.found(x, "auth-scram-downgrade", x.Command, "the GS2 flag is y, and a -PLUS mechanism was offered")
	default:
		w.found(x, "auth-malformed-message", x.Command, "%s", x.AuthError)
	}
}

// isLocal reports whether the peer is on this machine: on loopback, or in memory.
func isLocal(peer string) bool {
	addr, err := netip.ParseAddrPort(peer)
	return err != nil || addr.Addr().Unmap().IsLoopback()
}

// show takes in what the client has shown at this step. An initial response and
// the answer to an empty challenge are the same (RFC 4954 4).
func (a *authWalk) show(x *step, mechanism string) {
	if x.verb == "AUTH" {
		a.shown, a.secret = sha256.Sum256([]byte(mechanism)), false
	}
	if x.Secret != 0 {
		a.shown, a.secret = sha256.Sum256(fmt.Appendf(a.shown[:], " %x", x.Secret)), true
	}
}

// maybeQuit reports whether x can be a QUIT, which the record does not show when
// it came in the place of a response.
func (x *step) maybeQuit() bool {
	return x.verb == "QUIT" || x.answer && x.Length == len("QUIT")
}

// checkResponse judges a line after a 334.
func checkResponse(w *walk, x *step) {
	if w.auth.mechanism == "" { // of a verb of the test's own
		return
	}
	if quitWaiting(w, x) {
		return
	}
	challenge := strings.TrimSpace(strings.TrimPrefix(w.prev.said, "334"))
	masked := challenge == "****" // which was base64
	if _, err := base64.StdEncoding.DecodeString(challenge); err != nil && !masked && x.Command != "*" {
		w.found(x, "auth-not-cancelled", x.Command, "the challenge %q is not base64", challenge)
	}
	checkSecret(w, x, w.auth.mechanism)
}

// checkEarlyAuth judges what did not wait for a reply of AUTH.
func checkEarlyAuth(w *walk, x *step) {
	mechanism, initial := mechanismOf(&w.prev)
	if w.prev.verb == "AUTH" && !x.answer && initial && oneReply[mechanism] && w.pipelines() {
		return
	}
	w.found(x, "auth-pipelined", x.Command, "%s came before a reply of AUTH", name(x))
}

func advanceAuth(w *walk, x *step) {
	a := &w.auth
	mechanism := a.mechanism
	switch {
	case x.verb == "AUTH":
		mechanism, _ = mechanismOf(x)
		a.begin = w.s.Start.Add(x.At)
	case !x.answer || mechanism == "":
		return
	}
	a.show(x, mechanism)
	a.mechanism = ""
	switch {
	case x.told() == 3:
		a.mechanism = mechanism
		return
	case x.told() == 2:
		a.done, a.failed = x.n, 0
		w.logins++
	case x.code == 535:
		a.failed = x.n
	}
	a.clear = false
	if a.secret {
		w.noteLogin(x)
	}
}
