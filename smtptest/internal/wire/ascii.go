package wire

// Upper returns s in upper case, as RFC 5321 2.4 compares verbs and keywords: a
// letter outside ASCII stays as it is and so matches no letter of ASCII.
func Upper(s string) string {
	for i := 0; i < len(s); i++ {
		if 'a' <= s[i] && s[i] <= 'z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if 'a' <= b[i] && b[i] <= 'z' {
					b[i] -= 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// IsControl reports whether c is a control character of ASCII.
func IsControl(c rune) bool { return c < ' ' || c == 0x7f }

// Lower returns a letter of ASCII in lower case, and any other byte unchanged.
func Lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
