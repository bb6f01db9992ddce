package content_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
)

// megabytes are messages of 1 MB, and what most of each is made of.
var megabytes = []struct {
	name string
	data func() string
}{
	{"base64", func() string {
		return megabyte("base64", "application/pdf", 1, strings.Repeat("JVBERi0xLjc", 7)[:76]+"\r\n")
	}},
	{"quoted-printable", func() string {
		return megabyte("quoted-printable", "text/html; charset=utf-8", 1, "<p>Sch=C3=B6ne Gr=C3=BC=C3=9Fe, <a href=3D\"https://x.test/\">a</a> and text=\r\n")
	}},
	{"quoted-printable text", func() string {
		return megabyte("quoted-printable", "text/plain; charset=utf-8", 1, "Sch=C3=B6ne Gr=C3=BC=C3=9Fe, https://x.test/ and text, and more text.\r\n")
	}},
	{"7bit", func() string {
		return megabyte("7bit", "text/plain", 1, "Some text: https://x.test/ and text, and more text.\r\n")
	}},
	{"HTML", func() string {
		return megabyte("7bit", "text/html", 1, "<p class=\"c\">Some text: <a href=\"https://x.test/?a=1&amp;b=2\">text</a></p>\r\n")
	}},
	{"8bit", func() string {
		return megabyte("8bit", "text/plain; charset=utf-8", 1, "Schöne Grüße aus Köln: und noch mehr Text.\r\n")
	}},
	{"iso-8859-1", func() string {
		return megabyte("8bit", "text/plain; charset=iso-8859-1", 1, "Sch\xf6ne Gr\xfc\xdfe aus K\xf6ln: und noch mehr Text.\r\n")
	}},
	{"500 parts", func() string {
		return megabyte("base64", "image/png", 500, strings.Repeat("iVBORw0KGgo", 7)[:76]+"\r\n")
	}},
	{"recipients", func() string {
		return "To: " + strings.Repeat("=?utf-8?q?J=C3=B6rg?= <joerg@example.com>,\r\n ", 1<<20/47) + "ann@example.com\r\n\r\ntext\r\n"
	}},
	{"fields", func() string {
		return strings.Repeat("X-Field: =?utf-8?q?Gr=C3=BC=C3=9Fe?= and some text\r\n", 1<<20/51) + "\r\ntext\r\n"
	}},
}

// megabyte returns a message with n parts beside its text, made of a line.
func megabyte(encoding, kind string, n int, line string) string {
	var b strings.Builder
	b.WriteString("From: =?utf-8?q?J=C3=B6rg?= <joerg@example.com>\r\nTo: ann@example.com\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n" +
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\ntext\r\n")
	for range n {
		fmt.Fprintf(&b, "--b\r\nContent-Type: %s\r\nContent-Disposition: inline\r\nContent-Transfer-Encoding: %s\r\n\r\n", kind, encoding)
		b.WriteString(strings.Repeat(line, (1<<20)/n/len(line)))
	}
	return b.String() + "--b--\r\n"
}

// readPlainly is a pass of net/mail and mime/multipart that decodes the parts and
// parses each header.
func readPlainly(b *testing.B, data string) (octets int) {
	m, err := mail.ReadMessage(strings.NewReader(data))
	if err != nil {
		b.Fatal(err)
	}
	return readEntity(b, textproto.MIMEHeader(m.Header), m.Body)
}

func readEntity(b *testing.B, header textproto.MIMEHeader, body io.Reader) (octets int) {
	var words mime.WordDecoder
	for name, values := range header {
		for _, value := range values {
			switch name {
			case "From", "To", "Cc":
				mail.ParseAddressList(value)
			case "Content-Disposition":
				mime.ParseMediaType(value)
			default:
				words.DecodeHeader(value)
			}
		}
	}
	kind, params, _ := mime.ParseMediaType(header.Get("Content-Type"))
	if strings.HasPrefix(kind, "multipart/") {
		r := multipart.NewReader(body, params["boundary"])
		for {
			part, err := r.NextRawPart()
			if err == io.EOF {
				return octets
			}
			if err != nil {
				b.Fatal(err)
			}
			octets += readEntity(b, part.Header, part)
		}
	}
	switch header.Get("Content-Transfer-Encoding") {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	all, err := io.ReadAll(body)
	if err != nil {
		b.Fatal(err)
	}
	return len(all)
}

// BenchmarkReading reports how many times as long a method takes to read a message
// of 1 MB as a pass of net/mail and mime/multipart. Problems takes longest.
func BenchmarkReading(b *testing.B) {
	for _, c := range megabytes {
		b.Run(c.name, func(b *testing.B) {
			m := smtptest.Message{Data: c.data()}
			readers := []struct {
				name string
				read func()
			}{
				{"", func() { readPlainly(b, m.Data) }},
				{"MIME", func() { m.MIME() }},
				{"Text", func() { m.Text() }},
				{"Attachments", func() { m.Attachments() }},
				{"Problems", func() { m.Problems() }},
			}
			times := make([]time.Duration, len(readers)) // the shortest of each
			for b.Loop() {
				for i, r := range readers {
					start := time.Now()
					r.read()
					if d := time.Since(start); times[i] == 0 || d < times[i] {
						times[i] = d
					}
				}
			}
			for i, r := range readers[1:] {
				b.ReportMetric(float64(times[i+1])/float64(times[0]), r.name+"/plain")
			}
		})
	}
}
