package interop

import (
	"os"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html/charset"
)

// TestCharsets reads mail in legacy charsets, by the hook that CharsetReader's
// documentation names.
func TestCharsets(t *testing.T) {
	t.Cleanup(func() { smtptest.CharsetReader = nil })
	smtptest.CharsetReader = charset.NewReaderLabel
	for _, c := range []struct {
		charset, subject, text string
		problems               []string
	}{
		{"iso-8859-1", "café", "café\n", nil},
		{"windows-1252", "“5 €”", "“5 €”\n", nil},
		{"iso-2022-jp", "こんにちは", "こんにちは\n", nil},
		// Python gives the charset of encoded words a name of its own.
		{"gb2312", "=?eucgb2312_cn?b?xOO6ww==?=", "你好\n", []string{
			`"=?eucgb2312_cn?b?xOO6ww==?=": unsupported charset: "eucgb2312_cn"`,
		}},
	} {
		t.Run(c.charset, func(t *testing.T) {
			b, err := os.ReadFile("../smtptest/internal/conformance/content/testdata/mail/python-" + c.charset + ".eml")
			if err != nil {
				t.Fatal(err)
			}
			m := smtptest.Message{Data: string(b)}
			if m.Subject() != c.subject || m.Text() != c.text {
				t.Errorf("Subject() = %q, Text() = %q, want %q and %q", m.Subject(), m.Text(), c.subject, c.text)
			}
			if diff := cmp.Diff(c.problems, m.Problems()); diff != "" {
				t.Errorf("Problems() mismatch (-want +got):\n%s", diff)
			}
		})
	}
}
