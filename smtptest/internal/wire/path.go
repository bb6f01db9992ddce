package wire

import (
	"errors"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Path is a parsed reverse-path or forward-path (RFC 5321 4.1.2).
type Path struct {
	Mailbox string // as sent, without brackets and source route; "" is the null reverse-path
	Route   string // the source route, "@a,@b", which is taken and ignored (RFC 5321 C)
	Local   string // the local part as sent, quotes kept
	Domain  string // the domain or address literal; "" for <> and <Postmaster>
}

// What is wrong with a path.
var (
	ErrPath     = errors.New("not a path (RFC 5321 4.1.2)")
	ErrNonASCII = errors.New("a path outside ASCII without SMTPUTF8 (RFC 6531 3.3)")
)

// The limits of RFC 5321 4.5.3.1, in octets.
const (
	maxPath   = 256 // with its brackets
	maxLocal  = 64
	maxDomain = 255
	maxLabel  = 63 // RFC 1035 2.3.4
)

// ReversePath parses the path at the beginning of s; rest is what follows it:
// nothing, or parameters behind a space. Without utf8 a path that RFC 6531
// alone allows is ErrNonASCII, and rest is set all the same.
func ReversePath(s string, utf8 bool) (p Path, rest string, err error) {
	if strings.HasPrefix(s, "<>") {
		rest, err = behind(s[2:])
		return Path{}, rest, err
	}
	return parsePath(s, utf8)
}

// ForwardPath is ReversePath for RCPT: <> is none, and <Postmaster> is one
// without a domain (RFC 5321 4.1.1.3).
func ForwardPath(s string, utf8 bool) (p Path, rest string, err error) {
	const postmaster = "<postmaster>"
	if len(s) >= len(postmaster) && strings.EqualFold(s[:len(postmaster)], postmaster) && isASCII(s[:len(postmaster)]) {
		name := s[1 : len(postmaster)-1]
		rest, err = behind(s[len(postmaster):])
		return Path{Mailbox: name, Local: name}, rest, err
	}
	return parsePath(s, utf8)
}

// behind checks that a path ends where it seems to.
func behind(rest string) (string, error) {
	if rest != "" && rest[0] != ' ' {
		return "", ErrPath
	}
	return rest, nil
}

func parsePath(s string, mayUTF8 bool) (p Path, rest string, err error) {
	if !strings.HasPrefix(s, "<") {
		return p, "", ErrPath
	}
	inner := s[1:]
	if strings.HasPrefix(inner, "@") {
		i := routeLen(inner)
		if i < 0 {
			return p, "", ErrPath
		}
		p.Route, inner = inner[:i], inner[i+1:]
	}
	n := localLen(inner)
	if n <= 0 || n > maxLocal || n >= len(inner) || inner[n] != '@' {
		return p, "", ErrPath
	}
	p.Local = inner[:n]
	end := strings.IndexByte(inner[n:], '>')
	if end < 0 {
		return p, "", ErrPath
	}
	end += n
	p.Domain, p.Mailbox = inner[n+1:end], inner[:end]
	whole := len(s) - len(inner) + end + 1
	if rest, err = behind(inner[end+1:]); err != nil || whole > maxPath || !ValidDomain(p.Domain, true) && !ValidLiteral(p.Domain) {
		return p, "", ErrPath
	}
	if !isASCII(s[:whole]) {
		if !utf8.ValidString(s[:whole]) {
			return p, "", ErrPath
		}
		if !mayUTF8 {
			return p, rest, ErrNonASCII
		}
	}
	return p, rest, nil
}

// routeLen is the length of a source route before its colon, or -1.
func routeLen(s string) int {
	colon := strings.IndexByte(s, ':')
	if colon < 0 {
		return -1
	}
	for hop := range strings.SplitSeq(s[:colon], ",") {
		if domain, at := strings.CutPrefix(hop, "@"); !at || !ValidDomain(domain, true) {
			return -1
		}
	}
	return colon
}

// localLen is the length of the local part that s begins with, or 0.
func localLen(s string) int {
	if strings.HasPrefix(s, `"`) {
		return quotedLen(s)
	}
	n := 0
	for n < len(s) && (isAtext(s[n]) || s[n] == '.') {
		n++
	}
	if n == 0 || s[0] == '.' || s[n-1] == '.' || strings.Contains(s[:n], "..") {
		return 0
	}
	return n
}

// quotedLen is the length of the quoted string that s begins with, or 0
// (RFC 5321 4.1.2, Quoted-string).
func quotedLen(s string) int {
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			if i++; i == len(s) || s[i] < ' ' || s[i] > '~' {
				return 0
			}
		case c < ' ' || c == 0x7f:
			return 0
		}
	}
	return 0
}

// isAtext says that c may stand in an atom (RFC 5322 3.2.3, RFC 6531 3.3).
func isAtext(c byte) bool {
	return isAlnum(c) || c >= 0x80 || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

func isAlnum(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// ValidDomain says whether s is a domain (RFC 5321 4.1.2), with U-labels where
// mayUTF8 is set (RFC 6531 3.3). There is no root dot.
func ValidDomain(s string, mayUTF8 bool) bool {
	if s == "" || len(s) > maxDomain {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		ascii := true
		for i := range len(label) {
			if c := label[i]; c >= 0x80 {
				ascii = false
			} else if !isAlnum(c) && c != '-' {
				return false
			}
		}
		if ascii && len(label) > maxLabel || !ascii && !(mayUTF8 && isULabel(label)) {
			return false
		}
	}
	return true
}

// isULabel says that a label has only letters, marks and digits outside ASCII,
// as RFC 5892 2.1 has it, and the few others that it takes in context; case
// and normal form are not looked at.
func isULabel(label string) bool {
	for _, r := range label {
		if r >= 0x80 && !unicode.In(r, unicode.L, unicode.M, unicode.Nd) && !strings.ContainsRune("\u00b7\u0375\u05f3\u05f4\u200c\u200d\u30fb", r) {
			return false
		}
	}
	return utf8.ValidString(label)
}

// ValidLiteral says whether s is an address literal, brackets included
// (RFC 5321 4.1.3). General-address-literal has no registered tag.
func ValidLiteral(s string) bool {
	if len(s) < 2 || s[0] != '[' || s[len(s)-1] != ']' {
		return false
	}
	s = s[1 : len(s)-1]
	const tag = "IPv6:"
	if len(s) > len(tag) && strings.EqualFold(s[:len(tag)], tag) {
		ip, err := netip.ParseAddr(s[len(tag):])
		return err == nil && ip.Is6() && ip.Zone() == "" && groups(s[len(tag):]) <= 8
	}
	parts := strings.Split(s, ".")
	for _, p := range parts {
		if !isDigits(p, 3) || len(p) == 3 && p > "255" {
			return false
		}
	}
	return len(parts) == 4
}

// groups is the number of groups of an IPv6 address, with "::" standing for
// two at least (RFC 5321 4.1.3).
func groups(ip string) int {
	n := 0
	for part := range strings.SplitSeq(ip, ":") {
		if part != "" {
			n++
		}
	}
	if strings.Contains(ip, "::") {
		n += 2
	}
	if strings.Contains(ip, ".") {
		n++ // the IPv4 tail is two
	}
	return n
}

func isDigits(s string, most int) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != "" && len(s) <= most
}

// Unquote is what a local part means: a quoted string without its quotes and
// backslashes.
func Unquote(local string) string {
	if len(local) < 2 || local[0] != '"' {
		return local
	}
	local = local[1 : len(local)-1]
	if strings.IndexByte(local, '\\') < 0 {
		return local
	}
	var b strings.Builder
	for i := 0; i < len(local); i++ {
		if local[i] == '\\' && i+1 < len(local) {
			i++
		}
		b.WriteByte(local[i])
	}
	return b.String()
}

var quotedPairs = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// LeastQuoted is the mailbox without quotes that it does not need: the form in
// which two spellings of one mailbox are equal (RFC 5321 4.1.2).
func LeastQuoted(mailbox string) string {
	n := localLen(mailbox)
	if n == 0 || mailbox[0] != '"' {
		return mailbox
	}
	plain := Unquote(mailbox[:n])
	if plain != "" && plain[0] != '"' && localLen(plain) == len(plain) {
		return plain + mailbox[n:]
	}
	quoted := `"` + quotedPairs.Replace(plain) + `"`
	return quoted + mailbox[n:]
}
