package report_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
)

// canary is a server on the loopback that nobody must speak to.
type canary struct {
	*httptest.Server
	mu    sync.Mutex
	heard []string // paths asked for, and "connection"
}

func newCanary(t *testing.T) *canary {
	c := &canary{}
	c.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.note(r.URL.Path) }))
	c.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			c.note("connection")
		}
	}
	c.Start()
	t.Cleanup(c.Close)
	return c
}

func (c *canary) note(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Contains(c.heard, what) {
		c.heard = append(c.heard, what)
	}
}

func (c *canary) all() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.heard)
}

// The page's two defences, and how they are written in it.
const (
	sandbox = ` sandbox=""`
	policy  = "Content-Security-Policy"
)

// TestHostileMail shows hostile mail in a real browser. The rows that take
// defences away show that the test would see it if the mail got out.
func TestHostileMail(t *testing.T) {
	b := browser(t)
	for _, c := range []struct {
		name, reason string
		without      []string
		owned        bool // the mail changed the page or led away from it
		loads        bool // the mail loaded something
	}{
		{"as written", "nothing gets out", nil, false, false},
		{"without sandbox", "the policy alone stops scripts and requests", []string{sandbox}, false, false},
		{"without policies", "the sandbox alone stops scripts, not requests", []string{policy}, false, true},
		{"without both", "the mail owns the page", []string{sandbox, policy}, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			canary := newCanary(t)
			srv := hostile(t, canary.URL)
			html := write(t, srv)
			for _, defence := range c.without {
				if !strings.Contains(html, defence) {
					t.Fatalf("the page has no %s", defence)
				}
				html = strings.ReplaceAll(html, defence, strings.Repeat(" ", len(defence)))
			}
			dom := b.dom(t, b.show(t, address(t, "report.html", html), 1200, 1000))
			intact := strings.Contains(dom, "<title>mail at "+srv.Addr+"</title>") && strings.Contains(dom, "<body>") && strings.Contains(dom, "Client faults")
			if intact == c.owned {
				t.Errorf("%s: the page is intact: %t: %.500s", c.reason, intact, dom)
			}
			heard := canary.all()
			if c.without == nil && len(heard) > 0 {
				t.Errorf("%s: the canary heard %v", c.reason, heard)
			}
			if paths := slices.DeleteFunc(heard, func(what string) bool { return what == "connection" }); (len(paths) > 0) != c.loads {
				t.Errorf("%s: the canary was asked for %v", c.reason, paths)
			}
		})
	}
}

// address writes a page, and returns its address.
func address(t *testing.T, name, html string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(html), 0o666); err != nil {
		t.Fatal(err)
	}
	return "file://" + path
}

// TestPicture looks for the picture that came with a mail: the frame is drawn,
// and its cid: images are, also of the hostile mail.
func TestPicture(t *testing.T) {
	good := smtptest.NewServer(t)
	send(good, "ann@example.com", "bob@example.com", "Content-Type: multipart/related; boundary=m\r\n\r\n"+
		"--m\r\nContent-Type: text/html\r\n\r\n<img src=\"cid:pic%40x\" width=60 height=60>\r\n"+
		"--m\r\nContent-Type: image/png\r\nContent-ID: <pic@x>\r\nContent-Transfer-Encoding: base64\r\n\r\n"+base64Of(magenta())+"\r\n--m--\r\n")
	b := browser(t)
	for name, srv := range map[string]*smtptest.Server{"good mail": good, "hostile mail": hostile(t, "http://127.0.0.1:1")} {
		img := b.screenshot(t, b.show(t, address(t, "report.html", write(t, srv)), 1000, 4000), "iframe")
		n := 0
		for pixel := range slices.Chunk(img.Pix, 4) {
			if [4]byte(pixel) == [4]byte{255, 0, 255, 255} {
				n++
			}
		}
		if n != 60*60 {
			t.Errorf("%s: %d pixels of the picture are seen, want %d", name, n, 60*60)
		}
	}
}

// TestOpenParts opens each part in a browser: a picture is loaded, and an HTML that
// the message does not show has a frame.
func TestOpenParts(t *testing.T) {
	srv := smtptest.NewServer(t)
	send(srv, "ann@example.com", "bob@example.com", "Content-Type: multipart/alternative; boundary=m\r\n\r\n"+
		"--m\r\nContent-Type: text/html\r\n\r\n<p>first\r\n--m\r\nContent-Type: text/html\r\n\r\n<p>last\r\n"+
		"--m\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n"+base64Of(magenta())+"\r\n--m--\r\n")
	b := browser(t)
	page := b.show(t, address(t, "report.html", write(t, srv)), 1000, 4000)
	var got struct{ Parts, Width, Frames, Visible int }
	b.evaluate(t, page, `(() => {
		const parts = document.querySelectorAll('.tree details');
		document.querySelectorAll('#messages details').forEach(d => d.open = true);
		return {
			parts: parts.length, width: document.querySelector('.tree img').naturalWidth, frames: document.querySelectorAll('.tree iframe').length,
			visible: [...parts].filter(d => d.lastElementChild.getBoundingClientRect().height > 0).length,
		}
	})()`, &got)
	if want := (struct{ Parts, Width, Frames, Visible int }{4, 1, 1, 4}); got != want {
		t.Errorf("the browser shows %+v, want %+v", got, want)
	}
}

// measure is added to a page without its policy. It tells how much wider the
// page is than its window.
const measure = `<script>addEventListener("load",function(){var d=document.documentElement;parent.postMessage(d.scrollWidth-d.clientWidth,"*")})</script>`

// TestWidth shows the page in windows of a phone's and of a desktop's width:
// nothing of it is wider, however long the words.
func TestWidth(t *testing.T) {
	b := browser(t)
	html := strings.ReplaceAll(write(t, hostile(t, "http://127.0.0.1:1")), policy, "x")
	for _, c := range []struct {
		name, add string
		width     int
		fits      bool
	}{
		{"phone", measure, 390, true},
		{"small phone", measure, 320, true},
		{"desktop", measure, 1200, true},
		{"too wide", `<div style="width:500px">x</div>` + measure, 390, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			page := address(t, "report.html", strings.Replace(html, "</body>", c.add+"</body>", 1))
			outer := address(t, "outer.html", fmt.Sprintf(`<!DOCTYPE html><title>none</title>`+
				`<script>addEventListener("message",function(e){document.title="over "+e.data})</script><iframe width="%d" height="800" src="%s"></iframe>`, c.width, page))
			dom := b.dom(t, b.show(t, outer, 1400, 1000))
			over := regexp.MustCompile(`<title>(.*?)</title>`).FindStringSubmatch(dom)
			if over == nil || over[1] == "none" || (over[1] == "over 0") != c.fits {
				t.Errorf("width %d: %v, want it to fit: %t", c.width, over, c.fits)
			}
		})
	}
}
