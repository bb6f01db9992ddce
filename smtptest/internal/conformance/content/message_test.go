package content_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

// reading is what Message's methods find in a message.
type reading struct {
	Subject, Text, HTML string
	Attachments         []smtptest.Attachment
	Links               []string
	Problems            int
}

// read reads a message. It leaves out the headers of the attachments.
func read(m smtptest.Message) reading {
	attachments := m.Attachments()
	for i := range attachments {
		attachments[i].RawContentType, attachments[i].RawHeader = "", ""
	}
	return reading{m.Subject(), m.Text(), m.HTML(), attachments, m.Links(), len(m.Problems())}
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
		{"unknown encoding", "left as it is", "Content-Transfer-Encoding: rot13\n\nUryyb\n", reading{Text: "Uryyb\n", Problems: 1}},
		{"latin1", "RFC 2046 4.1.2", "Content-Type: text/plain; charset=iso-8859-1\n\ncaf\xe9\n", reading{Text: "café\n"}},
		{"comments", "RFC 2045 5.1", "Content-Type: text/plain; (a \\) (b)) charset=utf-8 (Plain text)\nContent-Transfer-Encoding: quoted-printable (x) (y)\n\nsch=C3=B6n\n", reading{Text: "schön\n"}},
		{"comment behind the type", "RFC 2045 5.1", "Content-Type: text/html (c) ; charset=\"iso-8859-1\" (;)\n\n\xe9\n", reading{HTML: "é\n"}},
		{"no comment", "a file name without its quotes, and one with them", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Disposition: attachment; filename=a (1).pdf\n\nx\n--b\nContent-Disposition: attachment; filename=\"b (1)\"\n\ny\n--b--\n",
			reading{Problems: 1, Attachments: []smtptest.Attachment{{Filename: "a (1).pdf", ContentType: "text/plain", Data: "x"}, {Filename: "b (1)", ContentType: "text/plain", Data: "y"}}}},
		{"unknown charset", "left as it is", "Content-Type: text/plain; charset=x-klingon\n\nabc\n", reading{Text: "abc\n", Problems: 1}},
		{"link in upper case", "RFC 3986 3.1", "\nHTTPS://X.test/a?b=c\n", reading{Text: "HTTPS://X.test/a?b=c\n", Links: []string{"HTTPS://X.test/a?b=c"}}},
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
		{"preamble and epilogue", "RFC 2046 5.1.1", "Content-Type: multipart/mixed; boundary=b\n\npreamble\n--b \n\ntext\n--bb\n--b--\t\nepilogue\n--b\n", reading{Text: "text\n--bb"}},
		{"empty part", "RFC 2046 5.1.1", "Content-Type: multipart/mixed; boundary=b\n\n--b\n--b--\n", reading{}},
		{"boundary after the close", "RFC 2046 5.1.1", "Content-Type: multipart/mixed; boundary=b\n\n--b--\n--b\n\ntext\n", reading{Text: "--b--\n--b\n\ntext\n", Problems: 1}},
		{"digest", "RFC 2046 5.1.5", "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\n--b--\n",
			reading{Attachments: []smtptest.Attachment{{ContentType: "message/rfc822", Data: "Subject: x\r\n"}}}},
		{"text as attachment", "RFC 2183 2.2", "Content-Disposition: attachment\n\nx\n", reading{Attachments: []smtptest.Attachment{{ContentType: "text/plain", Data: "x\r\n"}}}},
		{"encoded multipart", "RFC 2045 6.4: the encoding is that of the parts", "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n--b\n\ntext\n--b--\n", reading{Text: "text"}},
		{"octets behind the padding", "a footer of a list", "Content-Transfer-Encoding: base64\n\nSGk=\n-- \nlist\n", reading{Text: "Hi", Problems: 1}},
		{"six bits too many", "cut off", "Content-Transfer-Encoding: base64\n\nSGVsb\n", reading{Text: "Hel", Problems: 1}},
		{"type without a slash", "RFC 2045 5.2", "Content-Type: text\n\nx\n", reading{Text: "x\n"}},
		{"subject in latin1", "8 bits in a header", "Subject: caf\xe9\n\n", reading{Subject: "caf\uFFFD", Problems: 1}},
		{"colon behind white space", "RFC 5322 4.5: obsolete", "Subject : Hi\n\n", reading{Subject: "Hi"}},
		{"links in HTML", "any quotes, entities, once each", "Content-Type: text/html\n\n<a href=https://x.test/1><a\nHREF = 'HTTP://x.test/2'><a href=\"mailto:a@x.test?subject&#x3D;b&copy=1\"><a data-href=\"https://x.test/3\"><a href=https://x.test/1>\n",
			reading{HTML: "<a href=https://x.test/1><a\nHREF = 'HTTP://x.test/2'><a href=\"mailto:a@x.test?subject&#x3D;b&copy=1\"><a data-href=\"https://x.test/3\"><a href=https://x.test/1>\n",
				Links: []string{"https://x.test/1", "HTTP://x.test/2", "mailto:a@x.test?subject=b&copy=1"}}},
		{"brackets in links", "pairs belong to it", "\n(https://x.test/Go_(game)) [http://[::1]:80/]\n",
			reading{Text: "(https://x.test/Go_(game)) [http://[::1]:80/]\n", Links: []string{"https://x.test/Go_(game)", "http://[::1]:80/"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := smtptest.Message{Data: strings.ReplaceAll(c.data, "\n", "\r\n")}
			if diff := cmp.Diff(c.want, read(m)); diff != "" {
				t.Errorf("%s: reading mismatch (-want +got):\n%s%q", c.why, diff, m.Problems())
			}
		})
	}
}

// TestEncodedWordLanguage: a language may follow the charset (RFC 2231 5).
func TestEncodedWordLanguage(t *testing.T) {
	m := smtptest.Message{Data: "Subject: =?US-ASCII*EN?Q?Keith_Moore?= =?utf-8*de?q?_gr=C3=BC=C3=9Ft?= =?iso-8859-1*de?b?IPxi?=\r\n\r\n"}
	if got, want := m.Subject(), "Keith Moore gr\u00fc\u00dft \u00fcb"; got != want || m.Problems() != nil {
		t.Errorf("Subject() = %q, want %q; Problems() = %q", got, want, m.Problems())
	}
}

// TestCharsetReader: the hook is asked for what is not built in, and may fail.
func TestCharsetReader(t *testing.T) {
	t.Cleanup(func() { smtptest.CharsetReader = nil })
	smtptest.CharsetReader = func(charset string, input io.Reader) (io.Reader, error) {
		switch charset {
		case "x-loud":
			b, err := io.ReadAll(input)
			return strings.NewReader(strings.ToUpper(string(b))), err
		case "x-broken":
			return io.MultiReader(strings.NewReader("half"), iotest.ErrReader(errors.New("bad octet"))), nil
		}
		return nil, errors.New("no such charset")
	}
	for _, c := range []struct {
		name, data string
		want       reading
	}{
		{"text", "Content-Type: text/plain; charset=x-loud\r\n\r\nabc", reading{Text: "ABC"}},
		{"subject", "Subject: =?x-loud?q?abc?=\r\n\r\n", reading{Subject: "ABC"}},
		{"file name", "Content-Type: image/png; name*=x-loud''a%62c\r\n\r\n",
			reading{Attachments: []smtptest.Attachment{{Filename: "ABC", ContentType: "image/png"}}}},
		{"error of the reader", "Content-Type: text/plain; charset=x-broken\r\n\r\nabc", reading{Text: "half", Problems: 1}},
		{"not known to the hook", "Content-Type: text/plain; charset=x-klingon\r\n\r\nabc", reading{Text: "abc", Problems: 1}},
		{"built in", "Content-Type: text/plain; charset=latin1\r\n\r\n\xe9", reading{Text: "é"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := smtptest.Message{Data: c.data}
			if diff := cmp.Diff(c.want, read(m)); diff != "" {
				t.Errorf("reading mismatch (-want +got):\n%s%q", diff, m.Problems())
			}
		})
	}
}

// readAll calls each method that reads a message.
func readAll(m smtptest.Message) {
	m.Header()
	m.Subject()
	m.Addresses("To")
	m.MIME()
	m.Structure()
	m.Text()
	m.HTML()
	m.Attachments()
	m.Links()
	m.Problems()
}

// hostileMessages are the beginnings of messages, and what is repeated after
// them, of what is slow for a reader that is not linear. %d is a number.
var hostileMessages = []struct{ name, begin, repeated string }{
	{"folded field", "Subject: x\r\n", " x\r\n"},
	{"fields", "", "a:\r\n"},
	{"different fields", "", "a%d:\r\n"},
	{"encoded words", "Subject: ", "=?utf-8?q?a?="},
	{"encoded words of unknown charsets", "Subject: ", "=?x?q?a?= "},
	{"encoded words with broken octets", "Subject: ", "=?utf-8?q?=C3?= "},
	{"half encoded words", "Subject: ", "=?"},
	{"encoded words without an end", "Subject: ", "=?a?q?x"},
	{"encoded words without an encoding", "Subject: ", "=?a?("},
	{"encoded words with a long charset", "Subject: ", "=?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?q?x"},
	{"a long encoded word", "Subject: =?utf-8?q?x", " =C3"},
	{"parts", "Content-Type: multipart/mixed; boundary=b\r\n\r\n", "--b\r\n"},
	{"texts", "Content-Type: multipart/mixed; boundary=b\r\n\r\n", "--b\r\n\r\nx\r\n"},
	{"texts with names", "Content-Type: multipart/mixed; boundary=b\r\n\r\n", "--b\r\nContent-Type: text/plain; name=x\r\n\r\nx\r\n"},
	{"almost boundaries", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", "--bb\r\n"},
	{"multiparts without a boundary", "Content-Type: multipart/mixed; boundary=b\r\n\r\n", "--b\r\nContent-Type: multipart/mixed\r\n\r\n"},
	{"nested", nest(19), "x\r\n"},
	{"nested messages", strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 20), "x\r\n"},
	{"messages in messages", "", "Content-Type: message/rfc822\r\n\r\n"},
	{"multiparts in multiparts with one boundary", "", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"},
	{"alternatives in alternatives", strings.ReplaceAll(nest(19), "mixed", "alternative"), "--b18\r\n\r\nx\r\n"},
	{"parameters", "Content-Type: text/plain", ";a%d=b"},
	{"pieces of a parameter", "Content-Disposition: attachment", ";filename*%d=b"},
	{"pieces of a parameter, one piece", "Content-Disposition: attachment", ";filename*1=b"},
	{"pieces of a parameter with escaped octets", "Content-Disposition: attachment", ";filename*%d*=''b%%C3"},
	{"pieces of parameters", "Content-Disposition: attachment", ";f%d*0=b"},
	{"open quotes", "Content-Type: text/plain", `;a="`},
	{"comments", "Content-Type: text/plain;", " (a)"},
	{"open comments", "Content-Transfer-Encoding: ", "("},
	{"Content-ID", "Content-ID: ", "<"},
	{"addresses", "To: ", "a@x, "},
	{"groups", "To: ", "a:b@x;"},
	{"open groups", "To: ", "a:"},
	{"names", "To: ", "a "},
	{"names with commas", "To: ", "a,"},
	{"open angle brackets", "To: ", "<"},
	{"open angle brackets and commas", "To: ", "<a,"},
	{"angle brackets", "To: ", "<a@x>"},
	{"quotes in addresses", "To: ", `"`},
	{"quoted pairs in addresses", "To: ", `\"`},
	{"quotes in open angle brackets", "To: ", `<"`},
	{"open comments in addresses", "To: ", "("},
	{"addresses in one another", "To: ", "a@"},
	{"addresses without commas", "To: ", "a@x "},
	{"dots before an @", "To: ", ". "},
	{"dots after an @", "To: @", ". a "},
	{"names before an open @", "To: ", "a @ "},
	{"colons after an address", "To: a@x", ":a"},
	{"dots between spaces", "To: ", ". a"},
	{"open domain literals", "To: ", "a@["},
	{"routes", "To: ", "<@a:"},
	{"addresses with mailto", "To: <", "mailto:"},
	{"encoded words in addresses", "To: ", "=?utf-8?q?a?= "},
	{"encoded words without an end in addresses", "To: ", "=?a?q?x"},
	{"links", "\r\n", "http://%d "},
	{"colons", "\r\n", "http:"},
	{"links that end nowhere", "\r\n", "http://a"},
	{"links with letters", "\r\n", "http://a/\u00e9"},
	{"links with symbols", "\r\n", "http://a\u2764a"},
	{"links in angle brackets", "\r\n", "<http://a\r\n"},
	{"links with underscores", "\r\n", " _http://a/_"},
	{"open brackets", "\r\nhttp://", "("},
	{"pairs of brackets", "\r\nhttp://a", "()"},
	{"punctuation", "\r\nhttp://a", "."},
	{"hrefs", "Content-Type: text/html\r\n\r\n", "<a href='http:%d'>"},
	{"open hrefs", "Content-Type: text/html\r\n\r\n", "<a href='http:%d"},
	{"open tags", "Content-Type: text/html\r\n\r\n", "<a "},
	{"attributes", "Content-Type: text/html\r\n\r\n<a ", "b=c "},
	{"open comments of HTML", "Content-Type: text/html\r\n\r\n", "<!-- "},
	{"scripts", "Content-Type: text/html\r\n\r\n", "<script></scripts "},
	{"character references", "Content-Type: text/html\r\n\r\n<a href='http:", "&ampx"},
	{"quoted-printable", "Content-Transfer-Encoding: quoted-printable\r\n\r\n", "="},
	{"base64", "Content-Transfer-Encoding: base64\r\n\r\n", "A*"},
	{"no UTF-8", "\r\n", "\xff"},
}

// hostile returns a message of the size.
func hostile(begin, repeated string, size int) smtptest.Message {
	b := []byte(begin)
	for n := 0; len(b) < size; n++ {
		if strings.Contains(repeated, "%d") {
			b = fmt.Appendf(b, repeated, n)
		} else {
			b = append(b, repeated...)
		}
	}
	return smtptest.Message{Data: string(b)}
}

// TestHostileMessages reads 64 KiB of what is slow for a reader that is not
// linear: one that copies again and again allocates gigabytes; one that looks
// again and again takes long.
func TestHostileMessages(t *testing.T) {
	const size, limit = 1 << 16, 125 << 20
	for _, c := range hostileMessages {
		t.Run(c.name, func(t *testing.T) {
			m := hostile(c.begin, c.repeated, size)
			if n := play.Allocated(func() { readAll(m) }); n > limit {
				t.Errorf("%d octets made it allocate %d", size, n)
			} else {
				t.Log(n >> 20)
			}
			for _, p := range m.Problems() {
				if len(p) > 1000 {
					t.Errorf("a problem of %d octets: %.100s", len(p), p)
				}
			}
		})
	}
}

// TestMessageLimits: what is beyond them is left out, and Problems says so.
func TestMessageLimits(t *testing.T) {
	m := smtptest.Message{Data: "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", 1001) + "--b--\r\n"}
	if n := strings.Count(m.Text(), "x"); n != 1000 {
		t.Errorf("%d texts, want 1000", n)
	}
	if diff := cmp.Diff([]string{"more than 1000 parts: the others are left out"}, m.Problems()); diff != "" {
		t.Errorf("Problems() mismatch (-want +got):\n%s", diff)
	}
	m.Data = nest(21) + "\r\nx\r\n"
	if got, want := m.Text(), "--b20\n\nx\n"; got != want {
		t.Errorf("Text() = %q, want %q", got, want)
	}
}

// nest begins multiparts in multiparts.
func nest(depth int) string {
	var b strings.Builder
	for i := range depth {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	return b.String()
}

// FuzzMessage: whatever was sent, reading it does not panic, and what is read
// is no longer than what was sent.
func FuzzMessage(f *testing.F) {
	for _, c := range mailFiles {
		b, err := os.ReadFile("testdata/mail/" + c.file + ".eml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}
	f.Fuzz(func(t *testing.T, data string) {
		m := smtptest.Message{Data: data}
		got := read(m)
		total := len(got.Text) + len(got.HTML)
		for _, a := range got.Attachments {
			total += len(a.Data)
		}
		if total > 2*len(data) { // an octet of ISO-8859-1 becomes two
			t.Errorf("%d octets read out of %d", total, len(data))
		}
	})
}
