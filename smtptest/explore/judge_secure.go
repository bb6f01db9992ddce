package explore

import (
	"slices"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/lint"
)

// secure finds mails and passwords that went out without TLS.
func (j *judge) secure() {
	if !j.base.secure {
		return
	}
	what := ""
	for _, e := range eventsOf(j.tr.sessions) {
		switch {
		case e.TLS:
		case (e.On == "AUTH" || e.On == "RESPONSE") && e.Secret != 0:
			what = "a password"
		case e.label() == "dot" && e.Octets > 0 && what == "":
			what = "the mail"
		}
	}
	switch {
	case what == "":
	case j.base.local:
		j.v.note = what + " went out without TLS, to localhost"
	default:
		j.v.add("mail-in-clear", "The client sent %s without TLS.", what)
	}
}

// isSecure reports whether all mails and passwords of a trial went out over TLS.
func isSecure(tr *trial) bool {
	secure := false
	for _, e := range eventsOf(tr.sessions) {
		if e.On == "AUTH" || e.On == "RESPONSE" || e.On == "MAIL" {
			if !e.TLS {
				return false
			}
			secure = true
		}
	}
	return secure
}

// isLocal reports whether the client believes that the server is on its own machine:
// to localhost, net/smtp sends passwords without TLS. Over TCP the client may have been
// given the address, which TLS does not send.
func isLocal(tr *trial, tcp bool) bool {
	return slices.ContainsFunc(tr.sessions, func(s smtptest.Session) bool {
		return s.TLS != nil && (s.TLS.ServerName == "localhost" || tcp && s.TLS.ServerName == "")
	})
}

// doubtful are the findings of lint that a fault of the server can cause, or that
// another violation covers. quit-missing counts on request: many clients close the
// connection after a refusal.
var doubtful = []string{
	"auth-cleartext", "auth-mechanism-not-offered", "command-not-offered", "connection-abandoned-in-data",
	"ehlo-fallback-missing", "header-message-id-reused", "quit-missing", "resent-after-250",
}

// lint finds what lint finds, and did not find without the fault. After a reply that is
// not valid the client and the server may disagree about the state of the session.
func (j *judge) lint() {
	if slices.ContainsFunc(j.sc.hits(), func(h hit) bool { return h.fault.class == broken }) {
		return
	}
	enabled := j.cfg.lintRules()
	for _, f := range findingsOf(j.tr, enabled) {
		if !j.base.lint[f.ID] && (f.Level == lint.Error && !slices.Contains(doubtful, f.ID) || slices.Contains(enabled, f.ID)) {
			j.v.add("lint:"+f.ID, "%s", f)
		}
	}
}

// findingsOf returns the findings of lint about a trial, with those of the rules that
// were asked for. It looks at each session alone: the next delivery sends the same mail.
func findingsOf(tr *trial, enabled []string) []lint.Finding {
	var all []lint.Finding
	for _, s := range tr.sessions {
		all = append(all, lint.Check([]smtptest.Session{s}, enabled...)...)
	}
	return all
}
