package report_test

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/textproto"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
)

// breakout tries to leave an attribute, an element, a frame, a comment, a
// style and a script.
const breakout = `'"><!-- --></style></script></iframe></pre><script>owned()</script><img src=x onerror=owned()><b onclick=owned()>`

// magenta is a picture that the browser test looks for.
func magenta() []byte {
	img := image.NewRGBA(image.Rect(0, 0, 1, 1))
	img.Set(0, 0, color.RGBA{255, 0, 255, 255})
	var b bytes.Buffer
	png.Encode(&b, img)
	return b.Bytes()
}

// vectors are ways of an HTML mail to run a script or to load something. Each
// loads from a path of its own, %s is where.
var vectors = []string{
	`<script src="%s/script"></script>`,
	`<script>parent.document.title="owned";document.title="owned"</script>`,
	`<script>parent.document.body.setAttribute("data-owned","1")</script>`,
	`<script>fetch("%s/fetch");new Image().src="%s/new-image";navigator.sendBeacon("%s/beacon")</script>`,
	`<script>top.location="%s/top"</script>`,
	`<script>location="%s/self"</script>`,
	`<script>setTimeout(function(){parent.document.title="owned"},1)</script>`,
	`<img src="%s/img"><img srcset="%s/srcset 1x"><picture><source srcset="%s/source"><img></picture>`,
	`<img src=x onerror="parent.document.title='owned';new Image().src='%s/onerror'">`,
	`<body onload="parent.document.title='owned'" background="%s/background">`,
	`<svg onload="parent.document.title='owned'"><image href="%s/svg-image"/><use href="%s/svg-use#a"/></svg>`,
	`<svg><script href="%s/svg-script">parent.document.title="owned"</script></svg>`,
	`<math><mtext><table><mglyph><style><img src=x onerror="parent.document.title='owned'">`,
	`<link rel="stylesheet" href="%s/stylesheet"><link rel="preload" as="image" href="%s/preload"><link rel="prefetch" href="%s/prefetch">`,
	`<link rel="preconnect" href="%s"><link rel="dns-prefetch" href="%s"><link rel="icon" href="%s/icon"><link rel="manifest" href="%s/manifest">`,
	`<style>@import "%s/import"; body{background:url(%s/css)} @font-face{font-family:x;src:url(%s/font)} p{font-family:x}</style><p>text</p>`,
	`<p style="background:url(%s/inline-css)">text</p>`,
	`<iframe src="%s/iframe"></iframe><iframe srcdoc="<script>top.document.title='owned'</script><img src='%s/srcdoc'>"></iframe>`,
	`<object data="%s/object"></object><embed src="%s/embed"><frameset><frame src="%s/frame"></frameset>`,
	`<video src="%s/video" poster="%s/poster" autoplay></video><audio src="%s/audio" autoplay></audio><track src="%s/track">`,
	`<meta http-equiv="refresh" content="0;url=%s/refresh">`,
	`<meta http-equiv="Content-Security-Policy" content="default-src * 'unsafe-inline'">`,
	`<base href="%s/base/"><img src="relative">`,
	`<form action="%s/form" method="post"><input type="submit" autofocus onfocus="this.form.submit()"></form>`,
	`<input type="image" src="%s/input-image"><table background="%s/table"><tr><td background="%s/td">cell</td></tr></table>`,
	`<a id="a" href="javascript:parent.document.title='owned'" ping="%s/ping">x</a>`,
	`<details open ontoggle="parent.document.title='owned'">x</details>`,
	`<marquee onstart="parent.document.title='owned'">x</marquee>`,
	breakout + `<script>parent.document.title="owned"</script>`,
}

// hostileHTML is one mail with all of the vectors, and with a picture that came
// with it.
func hostileHTML(canary string) string {
	return `<p><img src="cid:pic@x" width="60" height="60"></p>` + strings.ReplaceAll(strings.Join(vectors, "\r\n"), "%s", canary)
}

// hostile is a server to which everything evil was said.
func hostile(t testing.TB, canary string) *smtptest.Server {
	srv := smtptest.NewUnstartedServer(t)
	srv.Handler = smtptest.HandlerFunc(func(_ context.Context, m smtptest.Message) smtptest.Reply {
		if strings.Contains(m.Data, "refuse me") {
			return "554 5.7.1 " + breakout
		}
		return ""
	})
	srv.Start()
	srv.Script(
		smtptest.Rule{On: "NOOP", Reply: "250 " + breakout},
		smtptest.Rule{On: "VRFY", Raw: "250-\x00\x1b[31m" + breakout + "\r\n"},
		smtptest.Rule{On: "EXPN " + breakout, Optional: true, Reply: "550 no"},
	)
	const quoted = `"'\"><script>owned()</script>"@example.com`
	talk(t, srv,
		`EHLO [x:'"><script>owned()</script>]`,
		"NOOP "+breakout, "VRFY "+breakout, breakout, "\x00\x01\x1b[31m\xff\u202e", "X"+strings.Repeat("x", 3000),
		"EHLO client.example.com",
		"MAIL FROM:<"+quoted+"> SMTPUTF8", "RCPT TO:<"+quoted+">", "RCPT TO:<"+breakout+">", "DATA",
		"Subject: "+breakout+" =?utf-8?q?=3Cscript=3Eowned()=3C/script=3E?=",
		"From: "+breakout, breakout+": x", "X-Long: "+strings.Repeat("x", 900), "", ".",
		"MAIL FROM:<ann@example.com>", "RCPT TO:<bob@example.com>", "DATA", "refuse me "+breakout, ".",
		"MAIL FROM:<ann@example.com>", "RCPT TO:<bob@example.com>", "DATA",
		"Subject: "+breakout, "Content-Type: multipart/mixed; boundary=m", "",
		"--m", "", breakout+"\x00\x1b[31m\x7f",
		"--m", "Content-Type: text/html", "", hostileHTML(canary),
		"--m", "Content-Type: image/png", "Content-ID: <pic@x>", "Content-Transfer-Encoding: base64", "", base64Of(magenta()),
		"--m", `Content-Type: "text/`+breakout+`"`, `Content-Disposition: attachment; filename*=utf-8''%3Cscript%3Eowned()%3C%2Fscript%3E%00`, "Content-ID: <"+breakout+">", "", "x",
		"--m", "Content-Type: text/x-evil", `Content-Disposition: attachment; filename="../../etc/\"><script>owned()</script>"`, "", "x",
		"--m--", ".", "QUIT")
	return srv
}

// talk writes the lines and reads until the server closes.
func talk(t testing.TB, srv *smtptest.Server, lines ...string) {
	t.Helper()
	conn, err := srv.DialContext(context.Background(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(io.Discard, conn)
	}()
	w := textproto.NewConn(conn)
	for _, line := range lines {
		if err := w.PrintfLine("%s", line); err != nil {
			t.Fatal(err)
		}
	}
	<-done
}
