package wire

import (
	"strings"
	"testing"
)

// TestHeaderLen verifies where a header section ends. The cases mark the end with "|".
func TestHeaderLen(t *testing.T) {
	for _, c := range []string{
		"|", "|hi", "|hi\r\n", "\r\n|", "\r\n|hi\r\n", "|\nhi\r\n", "|:\r\n\r\n", "| : x\r\n\r\n", "| X: y\r\n\r\n",
		"A: b\r\n\r\n|", "A: b\r\n\r\n|C: d\r\n\r\n", "A:\r\n\r\n|x", "A : b\r\n\r\n|x", "|A B: c\r\n\r\n",
		"A: b\r\n c\r\n\td\r\n\r\n|x", "A: b\r\n \r\n\r\n|x", "A: b\r\n|hi\r\n\r\n", "A: b\r\n|C: d", "A: b\nC: d\r\n\r\n|x",
		"A: 12345678901234567890\r\n|B: 12345678901234567890\r\n\r\n",
	} {
		data := strings.Replace(c, "|", "", 1)
		if got, want := HeaderLen(data, 30), strings.Index(c, "|"); got != want {
			t.Errorf("HeaderLen(%q) = %d, want %d", data, got, want)
		}
	}
}
