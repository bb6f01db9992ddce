package smtptest_test

import (
	"encoding/json"
	"flag"
	"os"
	"testing"
)

// decisions are the differences from smtpd, by the departures that
// testdata/smtpd-oracle.json names: what this server does instead, and why.
var decisions = map[string]struct{ instead, why string }{
	"after-quit":            {"nothing after QUIT is carried out", "RFC 5321 4.1.1.10"},
	"command-length":        {"512 octets count CRLF; each extension adds its own octets to its own command", "RFC 5321 4.5.3.1.4, RFC 1870 3"},
	"drop-on-error":         {"unparsable input gets its 5yz, a failing Handler 451; the session goes on", "RFC 5321 3.8"},
	"empty-message":         {"a dot right after DATA ends an empty message", "RFC 5321 4.1.1.4"},
	"helo-domain":           {"the name is a domain or an address literal, else 501", "RFC 5321 4.1.1.1"},
	"help-code":             {"HELP answers 214, 504 for an unknown topic", "RFC 5321 4.2.3, 4.3.2"},
	"lenient-path":          {"a path is as the grammar says, else 501", "RFC 5321 4.1.2"},
	"local-part-rewritten":  {"local parts are recorded as sent", "RFC 5321 2.4"},
	"no-trace-field":        {"the same: the recorded octets are the client's", "a fake is no relay"},
	"noop-argument":         {"an argument of NOOP is ignored", "RFC 5321 4.1.1.9"},
	"null-forward-path":     {"RCPT TO:<> is 501", "RFC 5321 4.1.1.3"},
	"path-length":           {"local parts have at most 64 octets, domains 255, paths 256", "RFC 5321 4.5.3.1"},
	"quit-argument":         {"QUIT with an argument is 501", "RFC 5321 4.1.1.10, 4.3.2"},
	"rcpt-options-last":     {"each accepted recipient has its own options", "the documentation of process_message"},
	"relay-line-ends":       {"bare CR and LF are handed on unchanged", "RFC 5321 2.3.8"},
	"relay-loses-refusals":  {"the client hears what the upstream refused", "RFC 5321 4.2.5, 6.1"},
	"repeat-greeting":       {"a second HELO or EHLO begins afresh", "RFC 5321 4.1.4"},
	"reply-encoding-sticky": {"replies are ASCII", "RFC 5321 4.2"},
	"reply-octets":          {"what may not stand in a reply is echoed as ?, and cut", "RFC 5321 4.2, 4.5.3.1.5"},
	"shared-limits":         {"limits belong to the session", "RFC 1870 3"},
	"size-count":            {"dots that were doubled do not count", "RFC 1870 5"},
	"size-unadvertised":     {"SIZE= is 555 where it is not offered", "RFC 5321 4.1.1.11"},
	"strict-parameter":      {"a keyword with a hyphen is unknown (555), no syntax error", "RFC 5321 4.1.2"},
	"stuck-after-552":       {"after too much data the transaction is over", "RFC 5321 4.1.1.4"},
	"unchecked-reply":       {"an illegal reply of a Handler fails the test and is 451; a 4yz or 5yz refuses the message; 421 closes", "RFC 5321 4.2, 3.8"},
	"utf8-unasked":          {"UTF-8 needs SMTPUTF8", "RFC 6531 3.1"},
	"verb-folding":          {"verbs are ASCII", "RFC 5321 2.4"},
	"vrfy-502":              {"VRFY without an argument is 501", "RFC 5321 4.2.4"},
}

// What this server answers in the cases that are decided otherwise is pinned;
// -update writes it anew, to be read in the diff.
const pinnedFile = "testdata/smtpd-decided.json"

var update = flag.Bool("update", false, "write golden files anew")

func readPinned(t *testing.T) map[string]played {
	b, err := os.ReadFile(pinnedFile)
	if err != nil && !*update {
		t.Fatal(err)
	}
	pinned := map[string]played{}
	if err == nil {
		if err := json.Unmarshal(b, &pinned); err != nil {
			t.Fatal(err)
		}
	}
	return pinned
}

func writePinned(t *testing.T, ours map[string]played) {
	if !*update {
		return
	}
	b, err := json.MarshalIndent(ours, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(pinnedFile, append(b, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
