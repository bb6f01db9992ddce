package smtptest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// param is a row of the parameter table.
type param struct {
	keyword string
	mail    bool // of MAIL; else of RCPT
	once    bool // its RFC says that a second one is an error
	check   func(ch *Channel, p wire.Param) *said
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

// checkParameters finds keywords that no client's parameter can have.
func (s *Server) checkParameters() error {
	for word := range s.config.Parameters {
		if !wire.IsKeyword(word) || word != wire.Upper(word) {
			return fmt.Errorf("in Parameters %q is no keyword in upper case (RFC 5321 4.1.2)", word)
		}
	}
	return nil
}

// badValue is a marker: the answer is the command's syntax.
var badValue = &said{}

// params checks what follows the path and leaves the options, as sent, in
// ch.pending. A fatal refusal is one of grammar; the others are the server's
// judgement, which a script may overrule. With mayUTF8 values may be in UTF-8.
func (ch *Channel) params(table map[string]*param, rest string, mayUTF8 bool, verb string) (refusal Reply, fatal bool) {
	if rest == "" {
		return "", false
	}
	all, err := wire.Params(rest, mayUTF8)
	if err != nil {
		return ch.syntax(verb, "5.5.4"), true
	}
	for _, p := range all {
		if ch.turn.hidden != (hidden{}) && !ch.isKnown(table, p) {
			p.Text = masked
		}
		ch.pending.options = append(ch.pending.options, p.Text)
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
		custom, isCustom := ch.Server.config.Parameters[word]
		switch {
		case isCustom:
			if refusal := ch.customParam(custom, p, verb); refusal != "" {
				return refusal, true
			}
			continue
		case known == nil || !ch.offersParam(known):
			unknown = true
			continue
		case known.once && seen[word], word == "HOLDFOR" && seen["HOLDUNTIL"], word == "HOLDUNTIL" && seen["HOLDFOR"]:
			return ch.syntax(verb, known.code()), true
		}
		seen[word] = true
		if last[word] != i {
			continue
		}
		switch bad := known.check(ch, p); bad {
		case nil:
		case badValue:
			return ch.syntax(verb, known.code()), true
		case &repTooBig, &repTooSoon, &repTooLate:
			refusal = ch.say(*bad)
		default:
			return ch.say(*bad), true
		}
	}
	if unknown && refusal == "" {
		refusal = ch.say(repMailParam)
		if verb == "RCPT" {
			refusal = ch.say(repRcptParam)
		}
	}
	return refusal, false
}

// customParam checks a parameter of the test's own; "" takes it.
func (ch *Channel) customParam(check func(string) error, p wire.Param, verb string) (refusal Reply) {
	if check == nil {
		return ""
	}
	defer ch.recovered(fmt.Sprintf("Parameters[%q]", p.Keyword), &refusal)()
	if check(p.Value) != nil {
		return ch.syntax(verb, "5.5.4")
	}
	return ""
}

// isKnown reports whether p is a parameter of the table or of Server.Parameters,
// with a value of its grammar.
func (ch *Channel) isKnown(table map[string]*param, p wire.Param) bool {
	word := wire.Upper(p.Keyword)
	if _, custom := ch.Server.config.Parameters[word]; custom {
		return table != nil
	}
	if table[word] == nil {
		return false
	}
	switch table[word].check(ch, p) {
	case nil, &repTooBig, &repTooSoon, &repTooLate:
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
func (ch *Channel) offersParam(p *param) bool {
	f := &ch.Server.features
	switch p.keyword {
	case "REQUIRETLS":
		return ch.underTLS && f.has(wire.Extension(p.keyword))
	case "AUTH":
		return f.has(wire.Extension(p.keyword)) && (!ch.Server.offersAuth() || len(ch.Server.mechanisms(ch)) > 0)
	case "BODY":
		return f.has("8BITMIME") || f.has("BINARYMIME")
	}
	return f.has(wire.Extension(p.keyword))
}

func checkSize(ch *Channel, p wire.Param) *said {
	n, err := wire.CheckSize(p.Value)
	if err != nil {
		return badValue
	}
	if limit := ch.Server.features.sizeLimit; limit >= 0 && n > int64(limit) {
		return &repTooBig
	}
	ch.pending.size = int(min(n, 1<<40))
	return nil
}

func checkBody(ch *Channel, p wire.Param) *said {
	f := &ch.Server.features
	switch body := wire.Upper(p.Value); {
	case body == "7BIT", body == "8BITMIME" && f.has("8BITMIME"), body == "BINARYMIME" && f.has("BINARYMIME"):
		return nil
	case f.has("BINARYMIME"):
		return &repBadBody3
	}
	return &repBadBody
}

func checkUTF8(ch *Channel, p wire.Param) *said {
	if p.HasValue {
		return &repBadUTF8
	}
	return nil
}

// checkOrcpt takes UTF-8 as far as wire.Params has let it through.
func checkOrcpt(ch *Channel, p wire.Param) *said {
	if wire.CheckOrcpt(p.Value, true) != nil {
		return badValue
	}
	return nil
}

// announced is the n-th argument, from 0, of an extension's EHLO line; "" if
// it has none.
func (ch *Channel) announced(ext string, n int) string {
	if args := strings.Fields(ch.Server.features.value(ext)); n < len(args) {
		return args[n]
	}
	return ""
}

// checkBy refuses to return sooner than the minimum that EHLO announced.
func checkBy(ch *Channel, p wire.Param) *said {
	seconds, returns, err := wire.CheckBy(p.Value)
	if err != nil {
		return badValue
	}
	if least, err := strconv.Atoi(ch.announced("DELIVERBY", 0)); err == nil && returns && seconds < least {
		return &repTooSoon
	}
	return nil
}

// checkHoldFor refuses more than the seconds that EHLO announced.
func checkHoldFor(ch *Channel, p wire.Param) *said {
	seconds, err := wire.CheckHoldFor(p.Value)
	if err != nil {
		return badValue
	}
	if most, err := strconv.Atoi(ch.announced("FUTURERELEASE", 0)); err == nil && seconds > most {
		return &repTooLate
	}
	return nil
}

// checkHoldUntil refuses what is later than the time that EHLO announced.
func checkHoldUntil(ch *Channel, p wire.Param) *said {
	until, err := wire.CheckHoldUntil(p.Value)
	if err != nil {
		return badValue
	}
	if last, err := wire.CheckHoldUntil(ch.announced("FUTURERELEASE", 1)); err == nil && until.After(last) {
		return &repTooLate
	}
	return nil
}

func bare(ch *Channel, p wire.Param) *said {
	if p.HasValue {
		return badValue
	}
	return nil
}

func valued(check func(string) error) func(*Channel, wire.Param) *said {
	return func(ch *Channel, p wire.Param) *said {
		if check(p.Value) != nil {
			return badValue
		}
		return nil
	}
}

// sizeOf reads a number of octets from a command's argument.
func sizeOf(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, strconv.IntSize-1)
	return int(n), err
}
