package report_test

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/report"
)

func base64Of(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func write(t testing.TB, srv *smtptest.Server) string {
	t.Helper()
	var b strings.Builder
	if err := report.Write(&b, srv); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// elements are all that a page may have, with their attributes.
var elements = map[string][]string{
	"html": {"lang"}, "head": nil, "body": nil, "title": nil, "style": nil,
	"meta": {"charset", "http-equiv", "content", "name"},
	"img":  {"src", "alt"},
	"a":    {"class", "href"}, "iframe": {"sandbox", "srcdoc", "title", "referrerpolicy"},
	"header": {"class"}, "main": nil, "nav": {"aria-label"}, "section": {"id", "aria-labelledby"},
	"h1": nil, "h2": {"id"}, "p": {"class"}, "q": nil, "code": nil, "b": nil, "i": nil, "em": nil, "small": nil,
	"span": {"class"}, "div": {"class"}, "time": nil, "pre": {"class"},
	"details": {"class", "id", "open"}, "summary": nil,
	"ol": {"class"}, "ul": {"class"}, "li": {"class", "aria-hidden"}, "dl": {"class"}, "dt": nil, "dd": {"class"},
	"table": nil, "thead": nil, "tbody": nil, "tr": nil, "th": nil, "td": {"class"},
}

// parsePage reads the page as strictly as XML is read, which it is too, and
// allows it nothing that is not in elements. It returns the text of the page
// and its frames.
func parsePage(t *testing.T, page string) (text string, frames []string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(page))
	d.Entity = xml.HTMLEntity
	var b strings.Builder
	ids := map[string]bool{}
	within := ""
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return b.String(), frames
		}
		if err != nil {
			t.Fatalf("the page is not well-formed: %v\n%s", err, page)
		}
		switch token := token.(type) {
		case xml.CharData:
			if words := strings.TrimSpace(string(token)); within != "style" && words != "" {
				b.WriteString(words + "\n")
			}
		case xml.Comment:
			t.Errorf("a comment: %s", token)
		case xml.StartElement:
			name := token.Name.Local
			within = name
			allowed, ok := elements[name]
			if !ok {
				t.Errorf("element %s", name)
			}
			for _, a := range token.Attr {
				switch a.Name.Local {
				case "id":
					if ids[a.Value] {
						t.Errorf("id %s is there twice", a.Value)
					}
					ids[a.Value] = true
				case "href":
					if !strings.HasPrefix(a.Value, "#") {
						t.Errorf("a link leads out: %q", a.Value)
					}
				case "src":
					if !strings.HasPrefix(a.Value, "data:image/") {
						t.Errorf("a picture is loaded: %q", a.Value)
					}
				case "sandbox":
					if a.Value != "" {
						t.Errorf("sandbox allows %q", a.Value)
					}
				case "srcdoc":
					frames = append(frames, a.Value)
				}
				if !slices.Contains(allowed, a.Name.Local) {
					t.Errorf("%s has the attribute %s=%q", name, a.Name.Local, a.Value)
				}
			}
			if name == "iframe" && !slices.ContainsFunc(token.Attr, func(a xml.Attr) bool { return a.Name.Local == "sandbox" }) {
				t.Error("a frame without sandbox")
			}
		}
	}
}

// TestHostileWords has hostile words in every field that a client can fill.
func TestHostileWords(t *testing.T) {
	srv := hostile(t, "http://canary.test")
	if n := srv.Count(); n != 2 {
		t.Fatalf("Count() = %d; the story is not what it was meant to be:\n%s", n, srv.Transcript())
	}
	text, frames := parsePage(t, write(t, srv))
	if len(frames) != 1 {
		t.Fatalf("%d frames", len(frames))
	}
	if n := strings.Count(text, "<script>owned()</script>"); n < 12 {
		t.Errorf("hostile words are shown %d times only in\n%s", n, text)
	}
	policy := strings.Index(frames[0], "default-src 'none'; img-src data:")
	if first := strings.Index(frames[0], "canary.test"); policy < 0 || policy > first {
		t.Errorf("the frame's policy is not at its beginning: %.300s", frames[0])
	}
	if want := "data:image/png;base64," + base64Of(magenta()); !strings.Contains(frames[0], want) {
		t.Errorf("the frame has no picture %s", want)
	}
}

// manyParts is a mail with a part of each kind that is shown in its own way.
var manyParts = "Content-Type: multipart/mixed; boundary=m\r\n\r\n" +
	"--m\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n--a\r\nContent-Type: text/plain\r\n\r\nplain\r\n--a\r\nContent-Type: text/html\r\n\r\n<p>other\r\n--a--\r\n" +
	"--m\r\nContent-Type: image/png\r\nContent-ID: <i@x>\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64Of(magenta()) + "\r\n" +
	"--m\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Description: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\n%PDF\x00\r\n" +
	"--m\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nHi\r\n" +
	"--m\r\n\r\nfooter\r\n" +
	"--m\r\nContent-Type: audio/x\r\n\r\n\r\n--m--"

// TestPage is about what the page shows of a session or a message.
func TestPage(t *testing.T) {
	mail := func(to, data string) []string {
		return []string{"EHLO client.test", "MAIL FROM:<ann@example.com>", "RCPT TO:<" + to + ">", "DATA", data, ".", "QUIT"}
	}
	for _, c := range []struct {
		name, reason string
		rules        []smtptest.Rule
		lines        []string // nil: no client
		drain        bool
		want, never  []string
	}{
		{"no client", "an empty page says so", nil, nil, false, []string{"No client has connected.", "No message was accepted."}, nil},
		{"a message", "with all that there is", nil, mail("bob@example.com", "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nX-Odd: a\r\n b\r\n\r\nHello"), false,
			[]string{"Message 1", "Grüße", "<ann@example.com>", "<bob@example.com>", "X-Odd", "a b", "Hello", "250 2.0.0 OK", "quit after 0s"}, []string{"refused by"}},
		{"parts", "each can be opened", nil, mail("bob@example.com", manyParts), false,
			[]string{`multipart/mixed(multipart/alternative(text/plain, text/html), image/png, application/pdf "a.pdf", message/rfc822(text/plain), text/plain, audio/x)`,
				"Parts, 10", "0\n", "1.2\ntext/html", "2\nimage/png", "cid:i@x", "application/pdf\na.pdf", "4.1\ntext/plain", "Its parts follow.", "It has no header.", "It is empty.",
				"Content-Description\nGrüße", "<p>other", "00000000  25 50 44 46 00"}, nil},
		{"many parts", "the others are counted", nil, mail("bob@example.com", "Content-Type: multipart/mixed; boundary=m\r\n\r\n"+strings.Repeat("--m\r\n\r\nx\r\n", 150)+"--m--"), false,
			[]string{"Parts, 100", "51 more are not shown"}, nil},
		{"refused", "with the row and its reply", []smtptest.Rule{{On: "RCPT", Reply: "550 5.1.1 no such user"}}, mail("bob@example.com", "x"), false,
			[]string{"550 5.1.1 no such user", `rule 1 {On: "RCPT"`, "no message", "4\nrefused"}, nil},
		{"refused content", "is shown, as no message has it", []smtptest.Rule{{On: ".", Reply: "554 5.6.0 no"}}, mail("bob@example.com", "the words"), false,
			[]string{"content, 11 octets", "the words", "554 5.6.0 no"}, nil},
		{"raw", "octets are quoted", []smtptest.Rule{{On: "MAIL", Raw: "250 \x00\r\n"}}, mail("bob@example.com", "x"), false, []string{`"250 \x00\r\n"`}, nil},
		{"silence", "said in words", []smtptest.Rule{{On: "MAIL", Delay: time.Second, Reply: smtptest.NoReply, Then: smtptest.Close}}, mail("bob@example.com", "x"), false,
			[]string{"no reply", "after 1s", "closed by rule"}, nil},
		{"broken off", "what came of the content is counted", []smtptest.Rule{{On: "BODY 5", Then: smtptest.Close}}, mail("bob@example.com", "0123456789"), false,
			[]string{"the content did not end", "closed by rule"}, nil},
		{"long", "cut, with its size", nil, mail("bob@example.com", strings.Repeat(strings.Repeat("x", 98)+"\r\n", 1000)), false,
			[]string{"the beginning of 100,002 octets"}, nil},
		{"drained", "still shown", nil, mail("bob@example.com", "Subject: gone\r\n"), true, []string{"Message 1", "gone"}, nil},
		{"released", "only the header is shown, and it says so", nil, mail("bob@example.com", "Subject: large\r\n\r\n"+strings.Repeat("x", 5<<20)), true,
			[]string{"Message 1", "large", "The server released the content after the header"}, []string{"Text\n", "Source", "Parts"}},
		{"password", "masked", nil, []string{"EHLO client.test", "AUTH PLAIN AGFubgBvcGVuLXNlc2FtZQ==", "QUIT"}, false, []string{"AUTH PLAIN ****"}, []string{"AGFubgBvcGVuLXNlc2FtZQ"}},
		{"control characters", "escaped", nil, mail("bob@example.com", "\x1b[31mred\xff"), false, []string{`\x1b[31mred` + "\uFFFD"}, []string{"\x1b"}},
		{"long session", "its middle is counted", nil, slices.Repeat([]string{"NOOP"}, 300), false, []string{"101 exchanges not shown"}, nil},
		{"failed handshake", "in words", nil, []string{"EHLO client.test", "STARTTLS", "hello?"}, false, []string{"TLS handshake: failed: ", "TLS failed after 0s"}, nil},
		{"a fault", "comes last", nil, []string{"EHLO client.test", "RCPT TO:<bob@example.com>", "QUIT"}, false, []string{"Client faults", "error"}, []string{"None was found"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := smtptest.NewUnstartedServer(t)
				if c.name == "failed handshake" {
					srv.TLS = &tls.Config{}
				}
				srv.StartInMemory()
				srv.Script(c.rules...)
				if c.lines != nil {
					speak(t, srv, c.lines...)
				}
				if c.drain {
					srv.Drain()
				}
				text, _ := parsePage(t, write(t, srv))
				for _, want := range c.want {
					if !strings.Contains(text, want) {
						t.Errorf("%s: %q is not in\n%s", c.reason, want, text)
					}
				}
				for _, never := range c.never {
					if strings.Contains(text, never) {
						t.Errorf("%s: %q is in\n%s", c.reason, never, text)
					}
				}
			})
		})
	}
}

// TestManySessions shows those that went badly first.
func TestManySessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewInMemoryServer(t)
		srv.Script(smtptest.Rule{On: "RCPT", Skip: 290, Times: 1, Reply: "450 4.2.1 later"})
		for i := range 300 {
			send(srv, "ann@example.com", fmt.Sprintf("user%d@example.com", i), "Hi\r\n")
		}
		text, _ := parsePage(t, write(t, srv))
		for _, want := range []string{"200 of 300 sessions are shown", "The first 100 of 299 messages are shown.", "450 4.2.1 later"} {
			if !strings.Contains(text, want) {
				t.Errorf("%q is not in\n%s", want, text)
			}
		}
	})
}

// TestOpenSession writes the page in the middle of a session.
func TestOpenSession(t *testing.T) {
	srv := smtptest.NewServer(t)
	c := srv.Client()
	defer c.Close()
	if err := c.Mail("ann@example.com"); err != nil {
		t.Fatal(err)
	}
	if text, _ := parsePage(t, write(t, srv)); !strings.Contains(text, "still open") {
		t.Errorf("the open session is not marked:\n%s", text)
	}
}

// failingWriter cannot be written to.
type failingWriter struct{}

var errFull = errors.New("disk full")

func (failingWriter) Write([]byte) (int, error) { return 0, errFull }

func TestWriteFails(t *testing.T) {
	if err := report.Write(failingWriter{}, smtptest.NewServer(t)); !errors.Is(err, errFull) {
		t.Errorf("Write() = %v, want %v", err, errFull)
	}
}

// speak is a client that waits for each reply; after the server has closed it
// says no more.
func speak(t *testing.T, srv *smtptest.Server, lines ...string) {
	t.Helper()
	conn, err := srv.DialContext(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	c := textproto.NewConn(conn)
	defer c.Close()
	c.ReadResponse(0)
	content := false
	for _, line := range lines {
		if c.PrintfLine("%s", line) != nil {
			break
		}
		if content && line != "." {
			continue
		}
		code, _, err := c.ReadResponse(0)
		if errors.Is(err, io.EOF) {
			break
		}
		content = code == 354
	}
	c.Close()
	synctest.Wait()
}

// toldTB is a test that is told of one failure.
type toldTB struct {
	smtptest.TB
	told string
}

func (t *toldTB) Helper()                           {}
func (t *toldTB) Fatalf(format string, args ...any) { t.told = fmt.Sprintf(format, args...) }

// TestNothing asks for the page of nothing, and for one that goes nowhere.
func TestNothing(t *testing.T) {
	tb := &toldTB{}
	report.OnFailure(tb, nil)
	if tb.told != "report: OnFailure without a Server: make it first" {
		t.Errorf("failure %q", tb.told)
	}
	for want, nobody := range map[string]smtptest.TB{
		tb.told: nil,
		"report: OnFailure: the TB, a *testing.T, is nil or embeds nil; pass the t of the running test": (*testing.T)(nil),
	} {
		func() {
			defer func() {
				if p, _ := recover().(string); p != want {
					t.Errorf("OnFailure() panics with %q, want %q", p, want)
				}
			}()
			report.OnFailure(nobody, nil)
		}()
	}
	for _, err := range []error{report.Write(nil, smtptest.NewUnstartedServer(nil)), report.Write(io.Discard, nil)} {
		if err == nil || err.Error() != "report: Write without a Writer or a Server: give both" {
			t.Errorf("Write() = %v", err)
		}
	}
	if err := report.Write(io.Discard, new(smtptest.Server)); err != nil {
		t.Errorf("Write() of the zero Server = %v", err)
	}
}
