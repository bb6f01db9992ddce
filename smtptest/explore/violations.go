package explore

import "strings"

// A violation is a kind of mistake that Run reports.
type violation struct {
	id    string
	rfc   string // the section that it is about; "" if no RFC speaks of it
	why   string // why it is a mistake, in one sentence
	optIn bool   // reported only if Enable lists it
}

// violations are all of them but those of lint, in the order of their weight.
var violations = []violation{
	{"panic", "", "A mailer must survive whatever a server does.", false},
	{"stuck", "", "The client waits for a lock that nobody will release, so it never sends again.", false},
	{"runaway", "RFC 5321 4.5.4.1", "A client must pause before it tries again.", false},
	{"hang", "RFC 5321 4.5.3.2", "A client must have a timeout for each step, or it waits forever.", false},
	{"lost", "RFC 5321 4.2.5", "The client reported success, but the server has not accepted the mail, so nobody has it.", false},
	{"truncated", "RFC 5321 4.1.1.4", "The server accepted a mail that lacks its end.", false},
	{"unproved-success", "RFC 5321 4.2.5", "Only a 2xx reply to the end of the data proves that the server has accepted the mail.", false},
	{"duplicate", "RFC 5321 4.2.5", "After a 2xx reply to the end of the data the server is responsible for the mail, and the client must not send it again.", false},
	{"false-failure", "RFC 5321 4.2.5", "After a 2xx reply to the end of the data the mail is delivered, whatever happens to QUIT, RSET or NOOP. A caller that tries again sends it twice.", false},
	{"mail-in-clear", "RFC 3207 6", "A client that is configured for TLS must not send the mail or a password without it: anybody on the way can remove STARTTLS from a reply.", false},
	{"retried-permanent", "RFC 5321 4.2.1", "A client must not repeat a command that got a 5xx reply.", false},
	{"not-retried", "RFC 5321 4.5.4.1", "Config.Retry promises that the client tries again after such a failure.", false},
	{"new-message-id", "RFC 5322 3.6.4", "When the reply to a mail was lost, the mail may arrive twice. With a new Message-ID nobody can recognize the second copy.", false},
	{"next-mail-fails", "RFC 5321 3.8", "After the fault is over, the client must be able to deliver. It keeps a connection or a state that is of no use any more.", false},
	{"next-mail-lost", "RFC 5321 3.8", "After the fault is over, the client reported success for the next mail, but the server has not accepted it.", false},
	{"connection-left-open", "RFC 5321 4.1.1.10", "The client was closed, but it has left a connection open. Each such fault costs a connection.", false},
	{"goroutine-leak", "", "The client was closed, but it has left a goroutine. Each such fault costs memory.", false},
	{"legal-not-understood", "RFC 5321 4.2", "The reply is legal and means success.", true},
	{"impatient", "RFC 5321 4.5.3.2", "A client must wait for minutes, as the section lists them for each command.", true},
}

// violationIDs returns the ids of the violations.
func violationIDs() []string {
	var ids []string
	for _, v := range violations {
		ids = append(ids, v.id)
	}
	return ids
}

// isViolation reports whether there is a violation with the id.
func isViolation(id string) bool {
	rule, isLint := strings.CutPrefix(id, "lint:")
	return violationOf(id).id != "" || isLint && isLintRule(rule)
}

// violationOf returns the violation with the id. It is zero if there is none.
func violationOf(id string) violation {
	for _, v := range violations {
		if v.id == id {
			return v
		}
	}
	return violation{}
}
