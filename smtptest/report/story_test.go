package report_test

import (
	"bytes"
	"crypto/tls"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"net/smtp"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
)

// dot is a picture of one red pixel.
const dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="

// send delivers a mail as a client of its own; errors are part of the story.
func send(srv *smtptest.Server, from, to, data string) {
	c := srv.Client()
	defer c.Close()
	if ok, _ := c.Extension("STARTTLS"); ok {
		c.StartTLS(srv.ClientTLSConfig())
		c.Auth(smtp.PlainAuth("", "shop", "open-sesame", "localhost"))
	}
	if c.Mail(from) != nil || c.Rcpt(to) != nil {
		return
	}
	w, err := c.Data()
	if err != nil {
		return
	}
	fmt.Fprint(w, data)
	if w.Close() == nil {
		c.Quit()
	}
}

const welcome = "From: The Shop <shop@example.com>\r\nTo: Bob <bob@example.com>\r\n" +
	"Subject: =?utf-8?q?Welcome=2C_Bob_=E2=80=93_please_confirm_your_address?=\r\n" +
	"Date: Tue, 24 Nov 2026 20:00:00 +0000\r\nMessage-ID: <1@shop.example.com>\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: multipart/mixed; boundary=m\r\n\r\n" +
	"--m\r\nContent-Type: multipart/related; boundary=r\r\n\r\n" +
	"--r\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n" +
	"--a\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello Bob,\r\n\r\nconfirm your address: https://shop.example.com/confirm?t=42\r\n" +
	"--a\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" +
	`<div style="font-family:sans-serif;max-width:34rem"><p><img src="cid:logo@shop" width="40" height="40" alt="logo" style="border-radius:8px"></p>` +
	`<h2 style="margin:.5em 0">Hello Bob,</h2><p>please <a href="https://shop.example.com/confirm?t=42">confirm your address</a>. The link is good for a day.</p>` +
	`<p style="color:#666">The Shop, 1 Example Street</p><img src="https://track.example.com/open.gif" width="1" height="1" alt=""></div>` + "\r\n" +
	"--a--\r\n--r\r\nContent-Type: image/png\r\nContent-ID: <logo@shop>\r\nContent-Transfer-Encoding: base64\r\n\r\n" + dot + "\r\n--r--\r\n" +
	"--m\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"terms of use.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n"

// story is a shop whose mail is put off once and then taken.
func story(t *testing.T) *smtptest.Server {
	srv := smtptest.NewUnstartedServer(t)
	srv.TLS = &tls.Config{}
	srv.Users = map[string]string{"shop": "open-sesame"}
	srv.Mechanisms = []string{"PLAIN"}
	srv.StartInMemory()
	srv.Script(smtptest.Rule{On: "RCPT TO:<bob@example.com>", Times: 1, Delay: 2 * time.Second, Reply: "450 4.2.1 greylisted, come back in a minute"})
	mail := welcome + base64Of(make([]byte, 3000)) + "\r\n--m--\r\n"
	for range 2 {
		send(srv, "shop@example.com", "bob@example.com", mail)
		time.Sleep(time.Minute)
	}
	return srv
}

var update = flag.Bool("update", false, "write docs/report.png, the picture that README shows")

// TestREADMEPicture makes the picture that README shows, and holds README
// against what is so.
func TestREADMEPicture(t *testing.T) {
	const file = "../../docs/report.png"
	var page string
	synctest.Test(t, func(t *testing.T) { page = write(t, story(t)) })
	b := browser(t)
	picture := reduced(t, b.screenshot(t, b.show(t, address(t, "report.html", page), 920, 1660), ""))
	if *update {
		if err := os.WriteFile(file, picture, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	shown, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for what, size := range map[string]int{"made": len(picture), "shown": len(shown)} {
		if size < 10_000 || size > 150_000 {
			t.Errorf("the picture %s has %d octets, want 10,000 to 150,000", what, size)
		}
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"(docs/report.png)", "go test ./smtptest/report -run Picture -update"} {
		if !strings.Contains(string(readme), want) {
			t.Errorf("README does not name %s", want)
		}
	}
}

// reduced is the picture with its 256 most frequent colors.
func reduced(t *testing.T, img *image.RGBA) []byte {
	t.Helper()
	uses := map[color.RGBA]int{}
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			uses[img.RGBAAt(x, y)]++
		}
	}
	frequent := slices.SortedFunc(maps.Keys(uses), func(a, b color.RGBA) int { return uses[b] - uses[a] })
	var palette color.Palette
	for _, c := range frequent[:min(len(frequent), 256)] {
		palette = append(palette, c)
	}
	index := map[color.RGBA]uint8{}
	for c := range uses {
		index[c] = uint8(palette.Index(c))
	}
	small := image.NewPaletted(img.Rect, palette)
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			small.SetColorIndex(x, y, index[img.RGBAAt(x, y)])
		}
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, small); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
