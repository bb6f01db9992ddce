package lint

import (
	"strings"
	"unicode/utf8"
)

// oneOctet begin the names of charsets in which each octet is a character.
var oneOctet = []string{"iso-8859-", "iso_8859-", "latin", "l1", "windows-", "koi8-", "macintosh", "ibm", "cp8", "tis-620"}

// manyOctets begin the names of charsets in which some characters have several octets
// outside ASCII.
var manyOctets = []string{"gb", "big5", "shift_jis", "windows-31j", "euc-", "ks_c_5601", "johab"}

// isUTF8As reports whether a text is certainly UTF-8, although it has the label of
// another charset. Few octets of UTF-8 can be characters of the other one, too.
func isUTF8As(charset, s string) bool {
	least := 0
	switch charset = strings.ToLower(charset); {
	case hasPrefixOf(charset, manyOctets):
		least = 4
	case hasPrefixOf(charset, oneOctet):
		least = 3
	}
	if least == 0 || nonASCII(s) < 0 || !utf8.ValidString(s) {
		return false
	}
	n := 0
	var before rune
	for _, r := range s {
		if r < utf8.RuneSelf {
			before = r
			continue
		}
		n++
		// In a charset of Western Europe, the first octet of ü is a capital letter, which
		// does not follow a small one, and those of a quotation mark are no text at all.
		isLatin := 0xc0 <= r && r <= 0x17f && 'a' <= before && before <= 'z'
		isPunctuation := 0x2010 <= r && r <= 0x2026
		if least == 3 && (isLatin || isPunctuation) {
			return true
		}
		before = r
	}
	return n >= least
}

func hasPrefixOf(s string, prefixes []string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return false
}
