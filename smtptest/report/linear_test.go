//go:build !race

// The race detector empties pools at random, so that the count of bytes varies.

package report_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/report"
)

// TestLinear verifies that a page about four times as much allocates at most five
// times as much.
func TestLinear(t *testing.T) {
	text := func(f func(n int) string) func(*smtptest.Server, int) {
		return func(srv *smtptest.Server, n int) { deliver(t, srv, f(n)) }
	}
	for _, c := range []struct {
		name string
		n    int
		fill func(srv *smtptest.Server, n int)
	}{
		{"folded field", 20_000, text(func(n int) string { return "X-Long: 1\r\n" + strings.Repeat(" 2\r\n", n) + "\r\n" })},
		{"fields", 2000, text(func(n int) string { return strings.Repeat("X-A: 1\r\n", n) + "\r\n" })},
		{"images", 500, text(func(n int) string {
			var b strings.Builder
			b.WriteString("Content-Type: multipart/related; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n")
			for i := range n {
				fmt.Fprintf(&b, "<img src=cid:%d>\r\n", i)
			}
			for i := range n {
				fmt.Fprintf(&b, "--x\r\nContent-Type: image/png\r\nContent-ID: <%d>\r\nContent-Transfer-Encoding: base64\r\n\r\n%s\r\n", i, base64.StdEncoding.EncodeToString([]byte("png")))
			}
			return b.String() + "--x--\r\n"
		})},
		{"parts", 500, text(func(n int) string {
			return "Content-Type: multipart/mixed; boundary=x\r\n\r\n" + strings.Repeat("--x\r\nContent-Type: text/html\r\n\r\n<img src=cid:a>\r\n", n) + "--x--\r\n"
		})},
		{"drained messages of a session", 500, func(srv *smtptest.Server, n int) {
			c := srv.Client()
			defer c.Close()
			for range n {
				c.Mail("a@client.test")
				c.Rcpt("b@server.test")
				w, err := c.Data()
				if err != nil {
					t.Fatal(err)
				}
				w.Close()
			}
			srv.Drain()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			page := func(n int) uint64 {
				srv := smtptest.NewInMemoryServer(t)
				c.fill(srv, n)
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				if err := report.Write(io.Discard, srv); err != nil {
					t.Fatal(err)
				}
				runtime.ReadMemStats(&after)
				return after.TotalAlloc - before.TotalAlloc
			}
			page(c.n) // what is allocated once
			if small, large := page(c.n), page(4*c.n); large > 5*small+64<<10 {
				t.Errorf("n = %d allocates %d bytes, 4n %d", c.n, small, large)
			}
		})
	}
}

func deliver(t *testing.T, srv *smtptest.Server, data string) {
	t.Helper()
	c := srv.Client()
	defer c.Close()
	c.Mail("a@client.test")
	c.Rcpt("b@server.test")
	w, err := c.Data()
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, data)
	w.Close()
}
