package content_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// mailFiles are messages as Python's email package, nodemailer and go-mail write
// them, and as broken senders do. The name begins with who wrote it.
var mailFiles = []struct {
	file, why string
	want      reading
	problems  []string
}{
	{"python-mixed", "8bit parts, RFC 2231 name", reading{
		Subject: "Grüße aus Köln", Text: "Schöne Grüße!\nhttps://example.com/a?b=1&c=2\n",
		HTML:        "<p>Schöne <a href=\"https://example.com/a?b=1&amp;c=2\">Grüße</a></p>\n",
		Attachments: []smtptest.Attachment{{Filename: "Rechnung für März.pdf", ContentType: "application/pdf", Data: "%PDF-1.4"}},
		Links:       []string{"https://example.com/a?b=1&c=2"},
	}, nil},
	{"python-related", "RFC 2387 within RFC 2046 5.1.4", reading{
		Subject: "picture", Text: "see\n", HTML: "<img src=\"cid:logo@example.com\">\n",
		Attachments: []smtptest.Attachment{{ContentType: "image/png", ContentID: "logo@example.com", Inline: true, Data: "\x89PNG\r\n\x1a\n"}},
	}, nil},
	{"python-smtputf8", "RFC 6532: raw UTF-8", reading{Subject: "Grüße", Text: "raw: ä€\n"}, nil},
	{"python-base64", "encoded words over three lines", reading{Subject: strings.Repeat("Grüße, ", 12), Text: "Schöne Grüße!\n"}, nil},
	{"python-old-names", "RFC 2047 in a file name, folded", reading{
		Subject: "old names", Text: "text\n",
		Attachments: []smtptest.Attachment{{Filename: "Grüße und noch mehr Grüße aus dem schönen Köln am Rhein.bin",
			ContentType: "application/octet-stream", Data: "data"}},
	}, nil},
	{"python-forward", "RFC 2046 5.2.1: what is forwarded is not the text", reading{
		Subject: "Fwd", Text: "below\n",
		Attachments: []smtptest.Attachment{{ContentType: "message/rfc822", Data: "Subject: inner\r\nContent-Type: text/plain; charset=\"utf-8\"\r\n" +
			"Content-Transfer-Encoding: 7bit\r\nMIME-Version: 1.0\r\n\r\ninner text\r\n"}},
	}, nil},
	{"python-iso-8859-1", "known without a CharsetReader", reading{Subject: "café", Text: "café\n"}, nil},
	{"python-windows-1252", "not known without a CharsetReader", reading{
		Subject: "=?windows-1252?q?=935_=80=94?=", Text: "\x935 \x80\x94\n",
	}, []string{
		`"=?windows-1252?q?=935_=80=94?=": charset "windows-1252" is not known: set smtptest.CharsetReader`,
		`charset "windows-1252" is not known: set smtptest.CharsetReader`,
	}},
	{"nodemailer-mixed", "alternative with related in it, cid", reading{
		Subject: "Grüße 🎉", Text: "Schöne Grüße!\n", HTML: "<p>Schöne Grüße! <img src=\"cid:logo\"></p>\n",
		Attachments: []smtptest.Attachment{
			{Filename: "logo.png", ContentType: "image/png", ContentID: "logo", Inline: true, Data: "\x89PNG"},
			{Filename: "Grüße.txt", ContentType: "text/plain", Data: "hällo"},
		},
	}, nil},
	{"nodemailer-long-name", "RFC 2231 in four pieces, cut within a letter; RFC 2047 in name", reading{
		Subject: "x", Text: "text\n",
		Attachments: []smtptest.Attachment{{Filename: "ein sehr langer Name mit Umlauten wie ä, ö, ü und ß, der in Stücke geteilt wird.pdf",
			ContentType: "application/pdf", Data: "%PDF"}},
	}, nil},
	{"nodemailer-invitation", "a calendar is an alternative, and no text", reading{
		Subject: "Invitation", Text: "Come\n", HTML: "<p>Come</p>\n",
		Attachments: []smtptest.Attachment{
			{ContentType: "text/calendar", Data: "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"},
			{Filename: "invite.ics", ContentType: "application/ics", Data: "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"},
		},
	}, nil},
	{"go-mail-mixed", "mixed with related with alternative in it", reading{
		Subject: "Grüße", Text: "Schöne Grüße!\n", HTML: "<p>Schöne Grüße!</p>\n",
		Attachments: []smtptest.Attachment{
			{Filename: "logo.png", ContentType: "image/png", ContentID: "logo.png", Inline: true, Data: "\x89PNG"},
			{Filename: "Grüße.txt", ContentType: "text/plain", Data: "hällo"},
		},
	}, nil},
	{"go-mail-base64", "HTML only", reading{
		Subject: "Grüße", HTML: "<a href='https://example.com/?a=1&amp;b=2'>x</a>\n", Links: []string{"https://example.com/?a=1&b=2"},
	}, nil},
	{"lf-only", "a file of Unix, sent as it is", reading{Subject: "LF", Text: "text", HTML: "<p>html</p>"}, nil},
	{"rfc2231-latin1", "RFC 2231 4.1: the charset is that of all pieces", reading{
		Subject:     "x",
		Attachments: []smtptest.Attachment{{Filename: "café cr\"eme.pdf", ContentType: "application/pdf", Data: "%PDF\r\n"}},
	}, nil},
	{"broken-base64", "RFC 2045 6.8: what is not of the alphabet is skipped; no padding", reading{Subject: "x", Text: "Hello World!!"},
		[]string{"base64: 2 octets not of its alphabet, skipped", "base64: the padding is wrong, or the end is missing"}},
	{"broken-quoted-printable", "RFC 2045 6.7: left as it is; a line of 10,000", reading{Subject: "x",
		Text: "100=% of ä and ö = = end" + strings.Repeat("x", 10000) + "\n"},
		[]string{"quoted-printable: = without two hexadecimal digits, left as it is"}},
	{"broken-no-closing-boundary", "the outer boundary ends the inner multipart", reading{
		Subject: "x", Text: "text", HTML: "<p>html</p>",
		Attachments: []smtptest.Attachment{{Filename: "a.csv", ContentType: "text/csv", Data: "1,2\r\n"}},
	}, []string{`"multipart/alternative" without its closing boundary`, `"multipart/mixed" without its closing boundary`}},
	{"broken-no-boundary", "RFC 2046 5.1.1: it must have one", reading{Subject: "x", Text: "--b\n\ntext\n--b--\n"},
		[]string{`"multipart/mixed" without a boundary: taken as text`}},
	{"broken-other-boundary", "nothing is hidden", reading{Subject: "x", Text: "--b\n\ntext\n--b--\n"},
		[]string{`"multipart/mixed" without a part: taken as text`}},
	{"broken-header-line", "a relay ends the header there, too", reading{Subject: "x",
		Text: "MIME-Version 1.0\nContent-Type: text/html\n\n<p>html</p>\n"},
		[]string{`header: "MIME-Version 1.0" is no field: taken as the beginning of the body`}},
	{"broken-part-header", "one bad part does not hide the next", reading{Subject: "x", Text: "Hello, the empty line is missing.", HTML: "<p>html</p>"},
		[]string{`header: "Hello, the empty line is missing." is no field: taken as the beginning of the body`}},
	{"broken-names", "unquoted with spaces, raw UTF-8, doubled, without closing quote or semicolon", reading{
		Subject: "x", Text: "text",
		Attachments: []smtptest.Attachment{
			{Filename: "Grüße aus Köln.pdf", ContentType: "application/pdf", Data: "%PDF"},
			{Filename: `C:\mail\logo.png`, ContentType: "image/png", Data: "PNG"},
		},
	}, []string{
		`"multipart/mixed; boundary=\"b\"; charset": mime: invalid media parameter`,
		`"text/plain charset=utf-8": mime: unexpected content after media subtype`,
		`"application/pdf; name=a.pdf; name=b.pdf": mime: duplicate parameter name`,
		`"attachment; filename=Grüße aus Köln.pdf; size=4": mime: invalid media parameter`,
		`"image/png; name=\"C:\\mail\\logo.png": mime: invalid media parameter`,
	}},
	{"broken-latin1", "8 bits and no charset", reading{Subject: "caf\uFFFD", Text: "caf\xe9\n"},
		[]string{`no UTF-8, and no other charset is named, at "\xe9"`, `no UTF-8, and no other charset is named, at "\xe9"`, `no UTF-8, and no other charset is named, at "\xe9\r\n"`}},
}

func readFile(t *testing.T, name string) smtptest.Message {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata/mail", name+".eml"))
	if err != nil {
		t.Fatal(err)
	}
	return smtptest.Message{Data: string(b)}
}

func TestMessageFiles(t *testing.T) {
	for _, c := range mailFiles {
		t.Run(c.file, func(t *testing.T) {
			m := readFile(t, c.file)
			c.want.Problems = len(c.problems)
			if diff := cmp.Diff(c.want, read(m)); diff != "" {
				t.Errorf("%s: reading mismatch (-want +got):\n%s", c.why, diff)
			}
			if diff := cmp.Diff(c.problems, m.Problems()); diff != "" {
				t.Errorf("%s: Problems() mismatch (-want +got):\n%s", c.why, diff)
			}
		})
	}
}
