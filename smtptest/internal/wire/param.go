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
		if !isKeyword(p.Keyword) || p.HasValue && !isValue(p.Value, mayUTF8) {
			return nil, ErrParam
		}
		params = append(params, p)
		s = rest
	}
	return params, nil
}

// isKeyword: a letter or digit, then also hyphens.
func isKeyword(s string) bool {
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
	if !ok || !isKeyword(kind) || addr == "" || len(v) > 500 {
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

// checkUTF8Addr checks an utf-8-addr-xtext or utf-8-addr-unitext: what may not
// stand for itself is written \x{HEX} (RFC 6533 3).
func checkUTF8Addr(s string, mayUTF8 bool) error {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			end := strings.IndexByte(s[i:], '}')
			if !strings.HasPrefix(s[i:], `\x{`) || end < 0 {
				return ErrValue
			}
			n, err := strconv.ParseUint(s[i+3:i+end], 16, 32)
			if err != nil || s[i+3:i+end] != strings.ToUpper(s[i+3:i+end]) || !utf8.ValidRune(rune(n)) {
				return ErrValue
			}
			i += end
		case c <= ' ' || c == '+' || c == '=' || c == 0x7f || c >= 0x80 && !mayUTF8:
			return ErrValue
		}
	}
	return nil
}

// CheckBy checks the value of BY: seconds, mode and trace (RFC 2852 4). With
// mode R the time must be greater than zero.
func CheckBy(v string) error {
	seconds, mode, ok := strings.Cut(v, ";")
	digits := strings.TrimLeft(seconds, "+-")
	if !ok || len(seconds)-len(digits) > 1 || !isDigits(digits, 9) || oneOf(mode, "N", "R", "NT", "RT") != nil {
		return ErrValue
	}
	if n, _ := strconv.Atoi(seconds); n <= 0 && (mode[0] == 'R' || mode[0] == 'r') {
		return ErrValue
	}
	return nil
}

// CheckHoldFor checks the value of HOLDFOR: seconds, 1 to 999999999 (RFC 4865 4).
func CheckHoldFor(v string) error {
	if !isDigits(v, 9) || strings.Trim(v, "0") == "" {
		return ErrValue
	}
	return nil
}

// CheckHoldUntil checks the value of HOLDUNTIL: a time as in RFC 3339 (RFC 4865 4).
func CheckHoldUntil(v string) error {
	if _, err := time.Parse(time.RFC3339, v); err != nil {
		return ErrValue
	}
	return nil
}

// CheckPriority checks the value of MT-PRIORITY: -9 to 9 (RFC 6710 4.1).
func CheckPriority(v string) error {
	digit := strings.TrimPrefix(strings.TrimPrefix(v, "+"), "-")
	if !isDigits(digit, 1) || len(v)-len(digit) > 1 {
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
