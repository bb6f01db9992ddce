package session

import (
	"strconv"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/journal"
	"github.com/go-smtptest/smtp/smtptest/internal/secret"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// param is a row of the parameter table.
type param struct {
	keyword string
	mail    bool // of MAIL; else of RCPT
	once    bool // its RFC says that a second one is an error
	check   func(s *protocol, p wire.Param) *replyText
	rfc     string
}

var (
	mailParams map[string]*param
	rcptParams map[string]*param
)

// paramTable are the registered parameters. A parameter whose extension is not
// offered is unknown: 555.
var paramTable = []param{
	{keyword: "SIZE", mail: true, check: checkSize, rfc: "RFC 1870 3"},
	{keyword: "BODY", mail: true, check: checkBody, rfc: "RFC 6152 2, RFC 3030 3"},
	{keyword: "SMTPUTF8", mail: true, check: checkUTF8, rfc: "RFC 6531 3.4"},
	{keyword: "AUTH", mail: true, once: true, check: valued(wire.CheckAuth), rfc: "RFC 4954 5"},
	{keyword: "RET", mail: true, once: true, check: valued(wire.CheckRet), rfc: "RFC 3461 4.3"},
	{keyword: "ENVID", mail: true, once: true, check: valued(wire.CheckEnvid), rfc: "RFC 3461 4.4"},
	{keyword: "REQUIRETLS", mail: true, once: true, check: bare, rfc: "RFC 8689 2"},
	{keyword: "BY", mail: true, once: true, check: checkBy, rfc: "RFC 2852 4"},
	{keyword: "HOLDFOR", mail: true, once: true, check: checkHoldFor, rfc: "RFC 4865 3"},
	{keyword: "HOLDUNTIL", mail: true, once: true, check: checkHoldUntil, rfc: "RFC 4865 3"},
	{keyword: "MT-PRIORITY", mail: true, once: true, check: valued(wire.CheckPriority), rfc: "RFC 6710 7"},
	{keyword: "NOTIFY", once: true, check: valued(wire.CheckNotify), rfc: "RFC 3461 4.1"},
	{keyword: "ORCPT", once: true, check: checkOrcpt, rfc: "RFC 3461 4.2, RFC 6533 3"},
}

func init() {
	mailParams, rcptParams = map[string]*param{}, map[string]*param{}
	for i := range paramTable {
		p := &paramTable[i]
		if p.mail {
			mailParams[p.keyword] = p
		} else {
			rcptParams[p.keyword] = p
		}
	}
}

// badValue is a marker: the answer is the command's syntax.
var badValue = &replyText{}

// params checks what follows the path and leaves the options, as sent, in
// s.parsed. A fatal refusal is one of grammar; the others are the server's
// judgement, which a script may overrule. With mayUTF8 values may be in UTF-8.
func params(s *protocol, table map[string]*param, rest string, mayUTF8 bool, verb string) (refusal wire.Reply, fatal bool) {
	if rest == "" {
		return "", false
	}
	all, err := wire.Params(rest, mayUTF8)
	if err != nil || strings.Contains(rest, "  ") { // one space (RFC 5321 4.1.1.2)
		return s.syntax(verb, "5.5.4"), true
	}
	for _, p := range all {
		if s.at.masked != (journal.Hidden{}) && !isKnown(s, table, p) {
			p.Text = secret.Mask
		}
		s.parsed.options = append(s.parsed.options, p.Text)
	}
	unknown := false
	words := make([]string, len(all))
	last := make(map[string]int, len(all)) // as in smtpd the last SIZE and BODY count
	for i, p := range all {
		words[i] = wire.Upper(p.Keyword)
		last[words[i]] = i
	}
	seen := make(map[string]bool, len(all))
	for i, p := range all {
		word := words[i]
		known := table[word]
		_, custom := s.Parameters[word]
		switch {
		case custom:
			if refusal := s.ask.checkParameter(p, verb); refusal != "" {
				return refusal, true
			}
			continue
		case known == nil || !offersParam(s, known):
			unknown = true
			continue
		case known.once && seen[word], word == "HOLDFOR" && seen["HOLDUNTIL"], word == "HOLDUNTIL" && seen["HOLDFOR"]:
			return s.syntax(verb, known.code()), true
		}
		seen[word] = true
		if last[word] != i {
			continue
		}
		switch bad := known.check(s, p); bad {
		case nil:
		case badValue:
			return s.syntax(verb, known.code()), true
		case &replyTooBig, &replyTooSoon, &replyTooLate:
			refusal = s.text(*bad)
		default:
			return s.text(*bad), true
		}
	}
	if unknown && refusal == "" {
		refusal = s.text(replyMailParam)
		if verb == "RCPT" {
			refusal = s.text(replyRcptParam)
		}
	}
	return refusal, false
}

// isKnown reports whether p is a parameter of the table or of Server.Parameters,
// with a value of its grammar.
func isKnown(s *protocol, table map[string]*param, p wire.Param) bool {
	word := wire.Upper(p.Keyword)
	if _, custom := s.Parameters[word]; custom {
		return table != nil
	}
	if table[word] == nil {
		return false
	}
	switch table[word].check(s, p) {
	case nil, &replyTooBig, &replyTooSoon, &replyTooLate:
		return true
	}
	return false
}

// code is the enhanced status code of a bad value.
func (p *param) code() string {
	if p.keyword == "MT-PRIORITY" {
		return "5.5.2" // RFC 6710 4.1
	}
	return "5.5.4"
}

// offersParam says that the extension of a parameter was offered in the
// channel's present state.
func offersParam(s *protocol, p *param) bool {
	switch p.keyword {
	case "REQUIRETLS":
		return s.underTLS() && s.Offers(wire.Extension(p.keyword))
	case "AUTH":
		return s.Offers(wire.Extension(p.keyword)) && (!s.OffersAuth() || len(s.mechanisms()) > 0)
	case "BODY":
		return s.Offers("8BITMIME") || s.Offers("BINARYMIME")
	}
	return s.Offers(wire.Extension(p.keyword))
}

func checkSize(s *protocol, p wire.Param) *replyText {
	n, err := wire.CheckSize(p.Value)
	if err != nil {
		return badValue
	}
	if limit := s.sizeLimit; limit >= 0 && n > int64(limit) {
		return &replyTooBig
	}
	s.parsed.size = int(min(n, 1<<40))
	return nil
}

func checkBody(s *protocol, p wire.Param) *replyText {
	switch body := wire.Upper(p.Value); {
	case body == "7BIT", body == "8BITMIME" && s.Offers("8BITMIME"), body == "BINARYMIME" && s.Offers("BINARYMIME"):
		return nil
	case s.Offers("BINARYMIME"):
		return &replyBadBody3
	}
	return &replyBadBody
}

func checkUTF8(s *protocol, p wire.Param) *replyText {
	if p.HasValue {
		return &replyBadUTF8
	}
	return nil
}

// checkOrcpt takes UTF-8 as far as wire.Params has let it through.
func checkOrcpt(s *protocol, p wire.Param) *replyText {
	if wire.CheckOrcpt(p.Value, true) != nil {
		return badValue
	}
	return nil
}

// announced is the n-th argument, from 0, of an extension's EHLO line; "" if
// it has none.
func announced(s *protocol, ext string, n int) string {
	if args := strings.Fields(s.offered(ext)); n < len(args) {
		return args[n]
	}
	return ""
}

// checkBy refuses to return sooner than the minimum that EHLO announced.
func checkBy(s *protocol, p wire.Param) *replyText {
	seconds, returns, err := wire.CheckBy(p.Value)
	if err != nil {
		return badValue
	}
	if least, err := strconv.Atoi(announced(s, "DELIVERBY", 0)); err == nil && returns && seconds < least {
		return &replyTooSoon
	}
	return nil
}

// checkHoldFor refuses more than the seconds that EHLO announced.
func checkHoldFor(s *protocol, p wire.Param) *replyText {
	seconds, err := wire.CheckHoldFor(p.Value)
	if err != nil {
		return badValue
	}
	if most, err := strconv.Atoi(announced(s, "FUTURERELEASE", 0)); err == nil && seconds > most {
		return &replyTooLate
	}
	return nil
}

// checkHoldUntil refuses what is later than the time that EHLO announced.
func checkHoldUntil(s *protocol, p wire.Param) *replyText {
	until, err := wire.CheckHoldUntil(p.Value)
	if err != nil {
		return badValue
	}
	if last, err := wire.CheckHoldUntil(announced(s, "FUTURERELEASE", 1)); err == nil && until.After(last) {
		return &replyTooLate
	}
	return nil
}

func bare(s *protocol, p wire.Param) *replyText {
	if p.HasValue {
		return badValue
	}
	return nil
}

func valued(check func(string) error) func(*protocol, wire.Param) *replyText {
	return func(s *protocol, p wire.Param) *replyText {
		if check(p.Value) != nil {
			return badValue
		}
		return nil
	}
}
