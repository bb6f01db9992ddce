package smtptest_test

import (
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// reading is what Message's methods find in a message.
type reading struct {
	Subject, Text, HTML string
	Attachments         []smtptest.Attachment
	Links               []string
	Problems            int
}

// TestMessageReading reads well-formed and broken mail. In data LF stands for
// CRLF.
func TestMessageReading(t *testing.T) {
	for _, c := range []struct {
		name, why, data string
		want            reading
	}{
		{"plain", "RFC 5322 2.1", "Subject: Hi\n\nHello\nBob\n", reading{Subject: "Hi", Text: "Hello\nBob\n"}},
		{"empty", "no octet at all", "", reading{}},
		{"header only", "RFC 5322 3.5: the body is optional", "Subject: Hi\n", reading{Subject: "Hi"}},
		{"body only", "what a bare script sends", "Hello\n", reading{Text: "Hello\n", Problems: 1}},
		{"empty line first", "no header", "\nHello\n", reading{Text: "Hello\n"}},
		{"folded", "RFC 5322 2.2.3", "Subject: one\n two\n\n", reading{Subject: "one two"}},
		{"encoded words", "RFC 2047 8", "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= =?iso-8859-1?q?_=E9?=\n\n", reading{Subject: "Grüße é"}},
		{"raw utf-8", "RFC 6532", "Subject: Grüße\n\nschön\n", reading{Subject: "Grüße", Text: "schön\n"}},
		{"quoted-printable", "RFC 2045 6.7", "Content-Transfer-Encoding: quoted-printable\nContent-Type: text/plain; charset=utf-8\n\nsch=C3=B6n=\nes\n",
			reading{Text: "schönes\n"}},
		{"base64", "RFC 2045 6.8", "Content-Transfer-Encoding: base64\n\nSGVs\nbG8=\n", reading{Text: "Hello"}},
		{"bad base64", "as far as it goes", "Content-Transfer-Encoding: base64\n\nSGVsbG8*\n", reading{Text: "Hel", Problems: 1}},
		{"unknown encoding", "left as it is", "Content-Transfer-Encoding: rot13\n\nUryyb\n", reading{Text: "Uryyb\n", Problems: 1}},
		{"latin1", "RFC 2046 4.1.2", "Content-Type: text/plain; charset=iso-8859-1\n\ncaf\xe9\n", reading{Text: "café\n"}},
		{"unknown charset", "left as it is", "Content-Type: text/plain; charset=x-klingon\n\nabc\n", reading{Text: "abc\n", Problems: 1}},
		{"html", "only HTML", "Content-Type: text/html\n\n<a href=\"https://x.test/?a=1&amp;b=2\">x</a>\n",
			reading{HTML: "<a href=\"https://x.test/?a=1&amp;b=2\">x</a>\n", Links: []string{"https://x.test/?a=1&b=2"}}},
		{"links in text", "without the punctuation behind them", "\nSee https://x.test/a, http://y.test/b?c=d. And https://x.test/a!\n",
			reading{Text: "See https://x.test/a, http://y.test/b?c=d. And https://x.test/a!\n", Links: []string{"https://x.test/a", "http://y.test/b?c=d"}}},
		{"alternative", "RFC 2046 5.1.4", "Content-Type: multipart/alternative; boundary=b\n\n--b\n\nplain\n--b\nContent-Type: text/html\n\n<p>html\n--b--\n",
			reading{Text: "plain", HTML: "<p>html"}},
		{"attachment", "RFC 2183, RFC 2231", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n--b\nContent-Type: application/pdf\n" +
			"Content-Disposition: attachment; filename*=utf-8''Gr%C3%BC%C3%9Fe.pdf\nContent-Transfer-Encoding: base64\n\nJVBERg==\n--b--\n",
			reading{Text: "text", Attachments: []smtptest.Attachment{{Filename: "Grüße.pdf", ContentType: "application/pdf", Data: "%PDF"}}}},
		{"name in encoded words", "wrong and common", "Content-Type: application/pdf; name=\"=?utf-8?q?Gr=C3=BC=C3=9Fe.pdf?=\"\n\nx\n",
			reading{Attachments: []smtptest.Attachment{{Filename: "Grüße.pdf", ContentType: "application/pdf", Data: "x\r\n"}}}},
		{"inline image", "RFC 2392", "Content-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html\n\n<img src=cid:i@x>\n--b\nContent-Type: image/png\nContent-ID: <i@x>\n\nPNG\n--b--\n",
			reading{HTML: "<img src=cid:i@x>", Attachments: []smtptest.Attachment{{ContentType: "image/png", ContentID: "i@x", Inline: true, Data: "PNG"}}}},
		{"no boundary", "RFC 2046 5.1.1", "Content-Type: multipart/mixed\n\n--b\n\ntext\n", reading{Text: "--b\n\ntext\n", Problems: 1}},
		{"boundary not there", "no part", "Content-Type: multipart/mixed; boundary=b\n\ntext\n", reading{Problems: 1}},
		{"last boundary missing", "what came counts", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n", reading{Text: "text", Problems: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := smtptest.Message{Data: strings.ReplaceAll(c.data, "\n", "\r\n")}
			got := reading{m.Subject(), m.Text(), m.HTML(), m.Attachments(), m.Links(), len(m.Problems())}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s%q", c.why, diff, m.Problems())
			}
		})
	}
}

// FuzzMessage: whatever was sent, reading it does not panic.
func FuzzMessage(f *testing.F) {
	f.Add("Subject: =?utf-8?q?a?=\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\nSGVsbG8=\r\n--b--\r\n")
	f.Fuzz(func(t *testing.T, data string) {
		m := smtptest.Message{Data: data}
		m.Header()
		m.Subject()
		m.Links()
		m.Attachments()
		m.Problems()
	})
}
