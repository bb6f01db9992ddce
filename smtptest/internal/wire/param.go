package wire

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Param is one parameter of MAIL or RCPT (RFC 5321 4.1.2, esmtp-param).
type Param struct {
	Text     string // as sent: "SIZE=10"
	Keyword  string
	Value    string
	HasValue bool
}

// What is wrong with a parameter.
var (
	ErrParam = errors.New("not a parameter (RFC 5321 4.1.2)")
	ErrValue = errors.New("not a value of this parameter")
)

// Params parses what follows a path. More than one space between parameters is
// taken. With mayUTF8 values may be in UTF-8 (RFC 6531 3.3).
func Params(s string, mayUTF8 bool) ([]Param, error) {
	var params []Param
	for s != "" {
		if s[0] == ' ' {
			s = s[1:]
			continue
		}
		text, rest, _ := strings.Cut(s, " ")
		p := Param{Text: text}
		p.Keyword, p.Value, p.HasValue = strings.Cut(text, "=")
		if !IsKeyword(p.Keyword) || p.HasValue && !isValue(p.Value, mayUTF8) {
			return nil, ErrParam
		}
		params = append(params, p)
		s = rest
	}
	return params, nil
}

// IsKeyword says that s is a letter or digit, then also hyphens: the keyword of
// a parameter, or of an EHLO line (RFC 5321 4.1.1.1).
func IsKeyword(s string) bool {
	for i := range len(s) {
		if !isAlnum(s[i]) && (s[i] != '-' || i == 0) {
			return false
		}
	}
	return s != ""
}

// isValue: anything but "=", spaces and controls.
func isValue(s string, mayUTF8 bool) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == '=' || c == 0x7f || c >= 0x80 && !mayUTF8 {
			return false
		}
	}
	return s != "" && (!mayUTF8 || utf8.ValidString(s))
}

// CheckSize parses the value of SIZE, 1*20DIGIT (RFC 1870 3). What no int64
// holds is the largest of them: also a number of more digits is over any limit.
func CheckSize(v string) (int64, error) {
	if !isDigits(v, len(v)) || len(v) > 20 && v[0] == '0' {
		return 0, ErrValue
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return math.MaxInt64, nil
	}
	return n, nil
}

// CheckRet checks the value of RET (RFC 3461 4.3).
func CheckRet(v string) error { return oneOf(v, "FULL", "HDRS") }

func oneOf(v string, words ...string) error {
	for _, w := range words {
		if strings.EqualFold(v, w) && isASCII(v) {
			return nil
		}
	}
	return ErrValue
}

// CheckEnvid checks the value of ENVID: xtext of at most 100 characters that
// stands for printable ASCII (RFC 3461 4.4).
func CheckEnvid(v string) error {
	plain, err := DecodeXtext(v)
	if err != nil || len(v) > 100 || v == "" || !isPrintable(plain) {
		return ErrValue
	}
	return nil
}

func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// CheckNotify checks the value of NOTIFY: NEVER, or a list of SUCCESS, FAILURE
// and DELAY (RFC 3461 4.1).
func CheckNotify(v string) error {
	if oneOf(v, "NEVER") == nil {
		return nil
	}
	for word := range strings.SplitSeq(v, ",") {
		if err := oneOf(word, "SUCCESS", "FAILURE", "DELAY"); err != nil {
			return err
		}
	}
	return nil
}

// CheckOrcpt checks the value of ORCPT: an address type and an address in
// xtext, 500 characters in all (RFC 3461 4.2). The type utf-8 has an encoding
// of its own, which RFC 6533 3 defines; mayUTF8 allows it unencoded.
func CheckOrcpt(v string, mayUTF8 bool) error {
	kind, addr, ok := strings.Cut(v, ";")
	if !ok || !isAtom(kind) || addr == "" || len(v) > 500 {
		return ErrValue
	}
	if strings.EqualFold(kind, "utf-8") {
		return checkUTF8Addr(addr, mayUTF8)
	}
	plain, err := DecodeXtext(addr)
	if err != nil || !isPrintable(plain) {
		return ErrValue
	}
	return nil
}

func isAtom(s string) bool {
	for i := range len(s) {
		if !isAtext(s[i]) || s[i] >= 0x80 {
			return false
		}
	}
	return s != ""
}

// checkUTF8Addr checks an utf-8-addr-xtext or utf-8-addr-unitext: what may not
// stand for itself is written \x{HEX} (RFC 6533 3).
func checkUTF8Addr(s string, mayUTF8 bool) error {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			hex, ok := cutHexpoint(s[i:])
			if !ok {
				return ErrValue
			}
			i += len(hex) + len(`\x{}`) - 1
		case isSpecial(c) || c >= 0x80 && !mayUTF8:
			return ErrValue
		}
	}
	if !utf8.ValidString(s) {
		return ErrValue
	}
	return nil
}

// isSpecial says that c may not stand for itself in an utf-8 address.
func isSpecial(c byte) bool {
	return c <= ' ' || c == '+' || c == '=' || c == '\\' || c == 0x7f
}

// cutHexpoint takes the digits of the \x{HEX} that s begins with: two or more
// upper-case digits without a needless zero, of a character that may not stand
// for itself (RFC 6533 3, HEXPOINT).
func cutHexpoint(s string) (hex string, ok bool) {
	s, begun := strings.CutPrefix(s, `\x{`)
	hex, _, ended := strings.Cut(s, "}")
	n, err := strconv.ParseUint(hex, 16, 32)
	if !begun || !ended || err != nil || hex != strings.ToUpper(hex) || len(hex) < 2 || len(hex) > 2 && hex[0] == '0' {
		return "", false
	}
	return hex, n > 0 && utf8.ValidRune(rune(n)) && (n >= 0x80 || isSpecial(byte(n)))
}

// DecodeOrcpt is what the address in the value of an ORCPT stands for, and its
// type. The value must be one that CheckOrcpt takes.
func DecodeOrcpt(v string) (kind, addr string) {
	kind, addr, _ = strings.Cut(v, ";")
	if !strings.EqualFold(kind, "utf-8") {
		addr, _ = DecodeXtext(addr)
		return kind, addr
	}
	var b strings.Builder
	for i := 0; i < len(addr); i++ {
		hex, ok := cutHexpoint(addr[i:])
		if !ok {
			b.WriteByte(addr[i])
			continue
		}
		n, _ := strconv.ParseUint(hex, 16, 32)
		b.WriteRune(rune(n))
		i += len(hex) + len(`\x{}`) - 1
	}
	return kind, b.String()
}

// CheckBy parses the value of BY: seconds, mode and trace (RFC 2852 4). With
// mode R, to return what is late, the time must be greater than zero.
func CheckBy(v string) (seconds int, returns bool, err error) {
	number, mode, ok := strings.Cut(v, ";")
	digits := strings.TrimLeft(number, "+-")
	if !ok || len(number)-len(digits) > 1 || !isDigits(digits, 9) || oneOf(mode, "N", "R", "NT", "RT") != nil {
		return 0, false, ErrValue
	}
	seconds, _ = strconv.Atoi(number)
	if returns = mode[0] == 'R' || mode[0] == 'r'; returns && seconds <= 0 {
		return 0, false, ErrValue
	}
	return seconds, returns, nil
}

// CheckHoldFor parses the value of HOLDFOR: seconds, 1 to 999999999 (RFC 4865 3).
func CheckHoldFor(v string) (seconds int, err error) {
	if !isDigits(v, 9) || v[0] == '0' {
		return 0, ErrValue
	}
	return strconv.Atoi(v)
}

// CheckHoldUntil parses the value of HOLDUNTIL: a time as in RFC 3339, in UTC
// (RFC 4865 3).
func CheckHoldUntil(v string) (until time.Time, err error) {
	const whole = len("2006-01-02T15:04:05") // package time takes fewer digits, and a comma
	if len(v) <= whole || v[whole] != '.' && v[whole] != 'Z' || !strings.HasSuffix(v, "Z") {
		return until, ErrValue
	}
	if until, err = time.Parse(time.RFC3339, v); err != nil {
		return until, ErrValue
	}
	return until, nil
}

// CheckPriority checks the value of MT-PRIORITY: -9 to 9, without a plus sign
// and without a minus before the 0 (RFC 6710 7).
func CheckPriority(v string) error {
	if digit := strings.TrimPrefix(v, "-"); !isDigits(digit, 1) || v == "-0" {
		return ErrValue
	}
	return nil
}

// CheckAuth checks the value of AUTH: a mailbox in xtext, or <> (RFC 4954 5).
func CheckAuth(v string) error {
	if v == "<>" {
		return nil
	}
	mailbox, err := DecodeXtext(v)
	if err != nil || len(v) > 500 {
		return ErrValue
	}
	if _, rest, err := ReversePath("<"+mailbox+">", true); err != nil || rest != "" || mailbox == "" {
		return ErrValue
	}
	return nil
}

const upperHex = "0123456789ABCDEF"

// DecodeXtext decodes xtext (RFC 3461 4).
func DecodeXtext(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+':
			if i+2 >= len(s) {
				return "", ErrValue
			}
			hi, lo := strings.IndexByte(upperHex, s[i+1]), strings.IndexByte(upperHex, s[i+2])
			if hi < 0 || lo < 0 {
				return "", ErrValue
			}
			b.WriteByte(byte(hi<<4 | lo))
			i += 2
		case c < '!' || c > '~' || c == '=':
			return "", ErrValue
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}

// EncodeXtext encodes any octets as xtext (RFC 3461 4).
func EncodeXtext(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < '!' || c > '~' || c == '=' || c == '+' {
			b.WriteByte('+')
			b.WriteByte(upperHex[c>>4])
			b.WriteByte(upperHex[c&15])
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// extensions has the EHLO keyword that offers each registered parameter of MAIL
// and RCPT.
var extensions = map[string]string{
	"SIZE":        "SIZE",          // RFC 1870 3
	"BODY":        "8BITMIME",      // RFC 6152 2
	"SMTPUTF8":    "SMTPUTF8",      // RFC 6531 3.4
	"AUTH":        "AUTH",          // RFC 4954 5
	"RET":         "DSN",           // RFC 3461 4.3
	"ENVID":       "DSN",           // RFC 3461 4.4
	"NOTIFY":      "DSN",           // RFC 3461 4.1
	"ORCPT":       "DSN",           // RFC 3461 4.2
	"REQUIRETLS":  "REQUIRETLS",    // RFC 8689 2
	"BY":          "DELIVERBY",     // RFC 2852 4
	"HOLDFOR":     "FUTURERELEASE", // RFC 4865 3
	"HOLDUNTIL":   "FUTURERELEASE", // RFC 4865 3
	"MT-PRIORITY": "MT-PRIORITY",   // RFC 6710 7
}

// Extension returns the EHLO keyword that offers the parameter, both in upper
// case. For a parameter that is not registered it returns the parameter.
func Extension(parameter string) string {
	if ext, ok := extensions[parameter]; ok {
		return ext
	}
	return parameter
}

// ParseSize reads the number of bytes in the argument of a BDAT (RFC 3030 2).
func ParseSize(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, strconv.IntSize-1)
	return int(n), err
}
