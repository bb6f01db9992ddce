package lint

import (
	"errors"
	"strconv"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

var paramRules = []rule{
	{"param-not-offered", Error, false, "RFC 5321 4.1.1.3", "A parameter belongs to no extension of the last EHLO reply."},
	{"param-syntax", Error, false, "RFC 5321 4.1.2", "A parameter does not follow the grammar."},
	{"param-space", Error, false, "RFC 5321 4.1.2", "A parameter has more than one space before it."},
	{"param-duplicate", Error, false, "RFC 1870 6, RFC 6152 3, RFC 3461 4.5", "A parameter came twice."},
	{"size-underdeclared", Warning, false, "RFC 1870 6.3", "The content is larger than SIZE= declared."},
	{"size-overdeclared", Warning, true, "RFC 1870 6", "The content is less than half of what SIZE= declared."},
	{"size-not-declared", Warning, true, "RFC 5321 4.5.3.1.7", "SIZE was offered, and a content of more than 64 KiB came without SIZE=."},
	{"size-over-limit", Warning, false, "RFC 1870 7", "A message was tried that is larger than the limit that was offered."},
	{"dsn-invalid", Error, false, "RFC 3461 4", "The value of NOTIFY, ORCPT, RET or ENVID does not follow the grammar."},
	{"dsn-orcpt-mismatch", Warning, false, "RFC 3461 4.2", "An authenticated client gave an ORCPT that is another address than that of RCPT."},
	{"smtputf8-unneeded", Warning, true, "RFC 6531 3.4", "MAIL had SMTPUTF8, and the envelope and all header fields are in ASCII."},
	{"body-param-wrong", Warning, false, "RFC 6152 3", "MAIL had BODY=7BIT, and the content has bytes outside ASCII."},
	{"requiretls-cleartext", Error, false, "RFC 8689 2", "MAIL had REQUIRETLS without TLS."},
	{"futurerelease-invalid", Error, false, "RFC 4865 4", "HOLDFOR or HOLDUNTIL has a bad value, or MAIL has both."},
	{"deliverby-invalid", Error, false, "RFC 2852 4", "BY has a bad value."},
	{"priority-invalid", Error, false, "RFC 6710 4.1", "MT-PRIORITY has a bad value."},
}

// parameter is what is known of a parameter of MAIL or RCPT.
type parameter struct {
	verb    string
	keyword string // the extension
	bad     string // the id of a bad value
	check   func(value string) error
}

var parameters = map[string]parameter{
	"SIZE":        {"MAIL", "SIZE", "param-syntax", func(v string) error { _, err := wire.CheckSize(v); return err }},
	"BODY":        {"MAIL", "8BITMIME", "param-syntax", checkBody},
	"SMTPUTF8":    {"MAIL", "SMTPUTF8", "param-syntax", none},
	"AUTH":        {"MAIL", "AUTH", "param-syntax", wire.CheckAuth},
	"RET":         {"MAIL", "DSN", "dsn-invalid", wire.CheckRet},
	"ENVID":       {"MAIL", "DSN", "dsn-invalid", wire.CheckEnvid},
	"NOTIFY":      {"RCPT", "DSN", "dsn-invalid", wire.CheckNotify},
	"ORCPT":       {"RCPT", "DSN", "dsn-invalid", func(v string) error { return wire.CheckOrcpt(v, true) }},
	"REQUIRETLS":  {"MAIL", "REQUIRETLS", "param-syntax", none},
	"BY":          {"MAIL", "DELIVERBY", "deliverby-invalid", func(v string) error { _, _, err := wire.CheckBy(v); return err }},
	"HOLDFOR":     {"MAIL", "FUTURERELEASE", "futurerelease-invalid", func(v string) error { _, err := wire.CheckHoldFor(v); return err }},
	"HOLDUNTIL":   {"MAIL", "FUTURERELEASE", "futurerelease-invalid", func(v string) error { _, err := wire.CheckHoldUntil(v); return err }},
	"MT-PRIORITY": {"MAIL", "MT-PRIORITY", "priority-invalid", wire.CheckPriority},
	"SOLICIT":     {"MAIL", "NO-SOLICITING", "param-syntax", nil},
	"RRVS":        {"RCPT", "RRVS", "param-syntax", nil},
}

var errValue = errors.New("not a value of this parameter")

func none(v string) error {
	if v != "" {
		return errValue
	}
	return nil
}

func checkBody(v string) error {
	switch upper(v) {
	case "7BIT", "8BITMIME", "BINARYMIME":
		return nil
	}
	return errValue
}

// checkParams judges what follows the path.
func checkParams(w *walk, x *step, path, rest string) {
	all, err := wire.Params(rest, true)
	if err != nil {
		w.found(x, "param-syntax", rest, "not keyword=value")
		return
	}
	seen := map[string]bool{}
	for _, p := range all {
		keyword := upper(p.Keyword)
		if seen[keyword] {
			w.found(x, "param-duplicate", p.Text, "%s came before", keyword)
		}
		seen[keyword] = true
		checkParam(w, x, keyword, p)
	}
	if seen["HOLDFOR"] && seen["HOLDUNTIL"] {
		w.found(x, "futurerelease-invalid", rest, "HOLDFOR and HOLDUNTIL exclude each other")
	}
	if size, ok := sizeOf(all); ok && overLimit(w, size) {
		w.found(x, "size-over-limit", rest, "SIZE %s was offered", w.offers["SIZE"])
	}
	for _, p := range all {
		if upper(p.Keyword) == "ORCPT" && w.s.User != "" && otherAddress(p.Value, path) {
			w.found(x, "dsn-orcpt-mismatch", x.Command, "ORCPT is another address")
		}
	}
}

func checkParam(w *walk, x *step, keyword string, p wire.Param) {
	k, isKnown := parameters[keyword]
	extension := k.keyword
	if keyword == "BODY" && upper(p.Value) == "BINARYMIME" {
		extension = "BINARYMIME"
	}
	switch {
	case isKnown && k.verb != x.verb:
		w.found(x, "param-not-offered", p.Text, "%s is no parameter of %s", keyword, x.verb)
	case keyword == "REQUIRETLS" && !x.TLS:
		w.found(x, "requiretls-cleartext", p.Text, "REQUIRETLS in clear")
	case isKnown && !w.offered(extension):
		w.found(x, "param-not-offered", p.Text, "the last EHLO reply does not have %s", extension)
	case isKnown && k.check != nil && (k.check(p.Value) != nil || p.HasValue && p.Value == ""):
		w.found(x, k.bad, p.Text, "not a value of %s", keyword)
	case !isKnown && x.code == 555 && x.Rule == "": // a Server may have Parameters of its own
		w.found(x, "param-not-offered", p.Text, "no extension has %s", keyword)
	}
}

func sizeOf(all []wire.Param) (size int64, ok bool) {
	for _, p := range all {
		if upper(p.Keyword) == "SIZE" {
			if n, err := wire.CheckSize(p.Value); err == nil {
				size, ok = n, true
			}
		}
	}
	return size, ok
}

// overLimit says that a size is over what EHLO offered.
func overLimit(w *walk, size int64) bool {
	limit, err := strconv.ParseInt(w.offers["SIZE"], 10, 64)
	return err == nil && limit > 0 && size > limit
}

// limitOf is a number of the LIMITS extension (RFC 9422).
func limitOf(w *walk, name string, otherwise int) int {
	for _, word := range strings.Fields(w.offers["LIMITS"]) {
		if value, ok := strings.CutPrefix(upper(word), name+"="); ok {
			if n, err := strconv.Atoi(value); err == nil {
				return n
			}
		}
	}
	return otherwise
}

// otherAddress says that an ORCPT of the type rfc822 is not the path.
func otherAddress(orcpt, path string) bool {
	kind, address, _ := strings.Cut(orcpt, ";")
	plain, err := wire.DecodeXtext(address)
	return strings.EqualFold(kind, "rfc822") && err == nil && sameMailbox(plain) != sameMailbox(path)
}
