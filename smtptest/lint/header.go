package lint

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// headerRules are about the header section.
var headerRules = []rule{
	{"header-missing-date", Error, false, "RFC 5322 3.6", "The header has no Date."},
	{"header-missing-from", Error, false, "RFC 5322 3.6", "The header has no From."},
	{"header-duplicate", Error, false, "RFC 5322 3.6", "The header has a field twice that it may have once."},
	{"header-no-separator", Error, false, "RFC 5322 2.1", "The header and the body have no empty line between them."},
	{"header-malformed", Error, false, "RFC 5322 2.2", "A line of the header is no field: no colon, or not a name before it."},
	{"header-fold-bad", Error, false, "RFC 5322 2.2.3", "A field is folded wrongly, or has a bare CR or LF in it, as after a header injection."},
	{"header-line-too-long", Error, false, "RFC 5322 2.1.1", "A line of the header is longer than 998 octets."},
	{"header-line-over-78", Warning, true, "RFC 5322 2.1.1", "A line of the header is longer than 78 characters."},
	{"header-non-ascii", Error, false, "RFC 5322 2.2", "A header has bytes outside ASCII, and MAIL had no SMTPUTF8."},
	{"header-bad-utf8", Error, false, "RFC 6532 3.1", "With SMTPUTF8, a header field is not UTF-8."},
	{"header-encoded-word", Error, false, "RFC 2047 5", "An encoded word is malformed or too long, or is in a structured field or another place that allows none."},
	{"header-double-encoded", Warning, false, "", "The encoded words of a field, or a file name, hold text that was encoded before."},
	{"header-control-char", Error, false, "RFC 5322 2.2", "A field has a control character, raw or encoded. An encoded CR LF is a header injection."},
	{"header-encoded-word-line", Warning, false, "RFC 2047 2", "A line with an encoded word is longer than 76 characters."},
	{"header-date-invalid", Error, false, "RFC 5322 3.3", "A date does not parse, or there is no such day, or not on that weekday."},
	{"header-date-skewed", Warning, true, "", "Date is more than a day away from the time of reception."},
	{"header-message-id-missing", Warning, false, "RFC 5322 3.6.4", "The header has no Message-ID."},
	{"header-message-id-invalid", Error, false, "RFC 5322 3.6.4", "Message-ID is not one <left@right>."},
	{"header-message-id-reused", Error, false, "RFC 5322 3.6.4", "Two messages that differ have the same Message-ID."},
	{"header-references-invalid", Error, false, "RFC 5322 3.6.4", "In-Reply-To or References are not message ids."},
	{"header-address-invalid", Error, false, "RFC 5322 3.4", "A field of addresses does not parse."},
	{"header-address-bare-ip", Error, false, "RFC 5322 3.4.1", "The domain of an address in the header is an IP address without brackets."},
	{"header-disposition-notification-invalid", Error, false, "RFC 8098 2.1", "Disposition-Notification-To is not a list of mailboxes."},
	{"header-sender-missing", Error, false, "RFC 5322 3.6.2", "There are several mailboxes in From, and no Sender."},
	{"header-sender-redundant", Warning, false, "RFC 5322 3.6.2", "Sender is the only mailbox of From."},
	{"header-bcc-leaked", Error, false, "RFC 5322 3.6.3", "A recipient can read the addresses in Bcc."},
	{"header-rcpt-disclosed", Warning, false, "RFC 5321 7.2", "A field other than To and Cc tells the recipients of a blind one."},
	{"header-no-destination", Warning, false, "RFC 5321 B", "The header has no To, Cc or Bcc."},
	{"header-return-path", Warning, false, "RFC 5321 4.4", "There is a Return-Path, which only the final delivery adds."},
	{"header-resent-incomplete", Error, false, "RFC 5322 3.6.6", "Resent fields lack Resent-Date or Resent-From."},
	{"header-from-mismatch", Warning, true, "", "No mailbox of From is in the domain of the reverse-path."},
	{"header-subject-missing", Warning, true, "RFC 5322 3.6.5", "The header has no Subject."},
	{"header-list-invalid", Error, false, "RFC 2369 2", "A field for mailing lists, such as List-Unsubscribe, is not a list of URLs in angle brackets."},
	{"header-one-click-invalid", Error, false, "RFC 8058 3.1", "List-Unsubscribe-Post has another value than List-Unsubscribe=One-Click, or there is no https address in List-Unsubscribe."},
	{"header-auto-submitted-invalid", Error, false, "RFC 3834 5", "Auto-Submitted is empty, or not a keyword."},
	{"header-auto-submitted-unknown", Warning, false, "RFC 3834 5", "The keyword of Auto-Submitted is not registered, and does not begin with auto-."},
	{"header-tls-required-bad", Error, false, "RFC 8689 3", "TLS-Required is not No, or the header has it twice."},
}

// content is the content of one message, with what its transaction said.
type content struct {
	data     string
	released bool      // data is the header only
	from     string    // reverse-path; "" is the null sender
	to       []string  // forward-paths
	utf8     bool      // MAIL had SMTPUTF8
	binary   bool      // MAIL had BODY=BINARYMIME
	at       time.Time // of reception; zero if unknown
}

// check reports what is wrong with the content by the rules in headerRules and
// mimeRules, in the order of the octets. octets are those at offset, at most
// maxOctets of them; what is about no octets, as a missing field, comes first
// with the offset -1. An id is reported at most maxSame times.
//
// What other rules say of the same octets is not said again: an empty content,
// and bare LFs where all lines end in one.
func (c content) check(report func(id string, offset int, octets, detail string)) {
	if c.data == "" {
		return
	}
	in := &inspector{content: c, count: map[string]int{}}
	fields, body := in.header(0, len(c.data))
	in.message(fields)
	checkMIME(in, fields, body)
	slices.SortStableFunc(in.faults, func(a, b fault) int { return a.offset - b.offset })
	for _, f := range in.faults {
		report(f.id, f.offset, f.octets, f.detail)
	}
}

const (
	maxOctets = 80
	maxSame   = 10 // hostile content must not fill the memory with findings
)

// inspector gathers the faults of one content.
type inspector struct {
	content
	faults []fault
	count  map[string]int // faults by id

	related []related       // uses of Content-IDs
	ids     map[string]bool // Content-IDs
}

type fault struct {
	id, octets, detail string
	offset             int
}

// report notes a fault of the octets from start to end.
func (in *inspector) report(id string, start, end int, format string, args ...any) {
	if in.count[id]++; in.count[id] > maxSame {
		return
	}
	end = max(start, min(end, start+maxOctets, len(in.data)))
	in.faults = append(in.faults, fault{id, in.data[start:end], fmt.Sprintf(format, args...), start})
}

// missing notes a fault of the whole.
func (in *inspector) missing(id, detail string) {
	in.count[id]++
	in.faults = append(in.faults, fault{id: id, detail: detail, offset: -1})
}

// text is the value of a field as sent.
func (in *inspector) text(f field) string { return in.data[f.value:f.end] }

// message checks the header of the message; the parts' have no such fields.
func (in *inspector) message(fields []field) {
	has := map[string][]field{}
	for _, f := range fields {
		has[f.name] = append(has[f.name], f)
	}
	checkPresence(in, has)
	checkDates(in, fields)
	checkMessageIDs(in, fields)
	checkOriginators(in, has, checkAddresses(in, fields))
	checkRecipients(in, fields, has)
	checkResent(in, fields)
	checkTLSRequired(in, has["tls-required"])
	checkLists(in, fields, has)
	checkAutoSubmitted(in, has["auto-submitted"])
	if paths := has["return-path"]; paths != nil {
		in.report("header-return-path", paths[0].start, paths[0].end, "Return-Path from the sender's side")
	}
}

func checkPresence(in *inspector, has map[string][]field) {
	for _, m := range []struct{ name, id, detail string }{
		{"date", "header-missing-date", "no Date field"},
		{"from", "header-missing-from", "no From field"},
		{"message-id", "header-message-id-missing", "no Message-ID field"},
		{"subject", "header-subject-missing", "no Subject field"},
	} {
		if has[m.name] == nil {
			in.missing(m.id, m.detail)
		}
	}
	if has["to"] == nil && has["cc"] == nil && has["bcc"] == nil {
		in.missing("header-no-destination", "no To, Cc or Bcc field")
	}
}

// checkResent: each block of Resent fields has a date and an author, and none of
// them twice. So the most frequent one tells how many blocks there are at
// least (RFC 5322 3.6.6).
func checkResent(in *inspector, fields []field) {
	count := map[string]int{}
	var most field
	for _, f := range fields {
		if !strings.HasPrefix(f.name, "resent-") || f.name == "resent-reply-to" {
			continue
		}
		if count[f.name]++; count[f.name] > count[most.name] {
			most = f
		}
	}
	for _, need := range []string{"resent-date", "resent-from"} {
		if count[need] < count[most.name] {
			in.report("header-resent-incomplete", most.start, most.end, "no %s with it", canonical(need))
		}
	}
}

func checkTLSRequired(in *inspector, fields []field) {
	for i, f := range fields {
		if i > 0 {
			in.report("header-tls-required-bad", f.start, f.end, "TLS-Required again")
		} else if !strings.EqualFold(strings.Trim(in.text(f), " \t\r\n"), "no") {
			in.report("header-tls-required-bad", f.start, f.end, "TLS-Required is not No")
		}
	}
}
