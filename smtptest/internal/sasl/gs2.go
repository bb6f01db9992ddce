package sasl

import (
	"strings"
	"unicode/utf8"
)

// gs2Header begins the first message of SCRAM and OAUTHBEARER
// (RFC 5801 section 4).
type gs2Header struct {
	text    string // as sent, up to and with the second comma
	flag    byte   // 'n', 'y' or 'p'
	binding string // name of the channel binding if the flag is 'p'
	authzid string
}

// cutGS2 splits a message behind its header.
func cutGS2(message string) (h gs2Header, rest string, err error) {
	flag, rest, _ := strings.Cut(message, ",")
	authzid, rest, ok := strings.Cut(rest, ",")
	if !ok {
		return h, "", malformed("no GS2 header")
	}
	h.text = message[:len(message)-len(rest)]
	if name, ok := strings.CutPrefix(flag, "p="); ok && bindingName(name) {
		h.flag, h.binding = 'p', name
	} else if flag == "n" || flag == "y" {
		h.flag = flag[0]
	} else {
		return h, "", malformed("the GS2 flag is none of n, y and p=name")
	}
	if authzid == "" {
		return h, rest, nil
	}
	name, ok := strings.CutPrefix(authzid, "a=")
	if h.authzid, err = saslName(name); !ok || err != nil {
		return h, "", malformed("bad authorization identity in the GS2 header")
	}
	return h, rest, nil
}

// bindingName checks cb-name of RFC 5801 section 4.
func bindingName(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return !isAlpha(r) && (r < '0' || r > '9') && r != '.' && r != '-'
	})
}

func isAlpha(r rune) bool { return 'a' <= r|0x20 && r|0x20 <= 'z' }

// saslName undoes the encoding of comma and equals sign in a name
// (RFC 5802 section 5.1, attribute "n"). Any other use of "=" is an error.
func saslName(name string) (string, error) {
	decoded := strings.ReplaceAll(name, "=2C", ",")
	if strings.Count(name, "=") != strings.Count(name, "=2C")+strings.Count(name, "=3D") {
		return "", malformed("= in a name that is neither =2C nor =3D")
	}
	if decoded == "" || strings.Contains(decoded, "\x00") || !utf8.ValidString(decoded) {
		return "", malformed("a name is empty, or not UTF-8 without NUL")
	}
	return strings.ReplaceAll(decoded, "=3D", "="), nil
}
