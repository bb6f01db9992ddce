package lint

import (
	"encoding/base64"
	"io"
	"maps"
	"mime/quotedprintable"
	"slices"
	"strings"
	"testing"
	"time"
)

// largeParts are the bodies of messages of about 1 MB.
var largeParts = map[string][]string{
	"quoted-printable": {"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable", strings.Repeat("Gr=C3=BC=C3=9Fe an alle ", 3) + "=\r\n"},
	"base64":           {"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64", base64.StdEncoding.EncodeToString([]byte(strings.Repeat("PDF", 19))) + "\r\n"},
	"base64 text":      {"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64", base64.StdEncoding.EncodeToString([]byte("Größe "+strings.Repeat("alle. ", 7)+"alle.\r\n")) + "\r\n"},
	"HTML":             {"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable", "<p class=3Dx>Hello <b>Bob</b>, <img src=3D\"cid:a@b\">here</p>\r\n"},
}

// largeMessage is a message with one part of about 1 MB.
func largeMessage(name string) string {
	header, line := largeParts[name][0], largeParts[name][1]
	return crlf.Replace(sampleHeader) + "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
		"--b\r\n" + header + "\r\n\r\n" + strings.Repeat(line, 1_000_000/len(line)) + "\r\n--b--\r\n"
}

// BenchmarkCheckLarge reports how many times as long Check takes for a message of
// 1 MB as a pass that decodes its parts.
func BenchmarkCheckLarge(b *testing.B) {
	for _, name := range slices.Sorted(maps.Keys(largeParts)) {
		b.Run(name, func(b *testing.B) {
			data := largeMessage(name)
			sessions := one(dialogue{}.mail("ann@example.com", data, 1))
			var check, decode time.Duration
			for b.Loop() {
				start := time.Now()
				Check(sessions)
				check += time.Since(start)
				start = time.Now()
				decodePart(b, data)
				decode += time.Since(start)
			}
			b.ReportMetric(float64(check)/float64(decode), "check/decode")
		})
	}
}

// decodePart decodes the part of a largeMessage.
func decodePart(b *testing.B, data string) {
	_, part, _ := strings.Cut(data, "--b\r\n")
	header, body, _ := strings.Cut(part, "\r\n\r\n")
	body = strings.TrimSuffix(body, "\r\n--b--\r\n")
	var r io.Reader = quotedprintable.NewReader(strings.NewReader(body))
	if strings.Contains(header, "base64") {
		r = base64.NewDecoder(base64.StdEncoding, strings.NewReader(body))
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		b.Fatal(err)
	}
}
