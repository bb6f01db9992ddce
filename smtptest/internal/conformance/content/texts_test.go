package content_test

import (
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// named returns a text with a file name and without a disposition.
func named(kind, name, text string) string {
	return "Content-Type: text/" + kind + "; name=" + name + "\n\n" + text
}

// TestTexts verifies the rules of Message.Text about what is a text and what is an
// attachment.
func TestTexts(t *testing.T) {
	for _, c := range []struct {
		name, data, text, html string
		attachments            []string // names, or types of those without a name
	}{
		{"one text", plain, "plain", "", nil},
		{"a footer", multipartOf("m", "mixed", plain, "Content-Type: text/plain\n\n--\nlist"), "plain\n\n--\nlist", "", nil},
		{"an HTML footer", multipartOf("m", "mixed", html, "Content-Type: text/html\n\n<p>list"), "", "<p>html\n\n<p>list", nil},
		{"a footer after alternatives", multipartOf("m", "mixed", multipartOf("a", "alternative", plain, html), "\nlist"), "plain\n\nlist", "<p>html", nil},
		{"a footer after an attachment", multipartOf("m", "mixed", plain, pdf, "\nlist"), "plain\n\nlist", "", []string{"a.pdf"}},
		{"a text that ends its line", multipartOf("m", "mixed", "\none\n", "\ntwo\n"), "one\n\ntwo\n", "", nil},
		{"an empty text", multipartOf("m", "mixed", "\n", plain, "\n"), "plain", "", nil},
		{"two texts of one kind in alternatives", multipartOf("m", "alternative", "\nfirst", html, plain), "plain", "<p>html", nil},
		{"alternatives in the wrong order", multipartOf("m", "alternative", html, plain), "plain", "<p>html", nil},
		{"alternatives in alternatives", multipartOf("m", "alternative", "\nfirst", multipartOf("n", "alternative", plain, html)), "plain", "<p>html", nil},
		{"several texts in the last alternative", multipartOf("m", "alternative", plain, multipartOf("n", "mixed", html, pdf, html)), "plain", "<p>html\n\n<p>html", []string{"a.pdf"}},
		{"alternatives twice", multipartOf("m", "mixed", multipartOf("n", "alternative", plain, html), multipartOf("o", "alternative", plain, html)), "plain\n\nplain", "<p>html\n\n<p>html", nil},
		{"another type of alternative", multipartOf("m", "alternative", plain, "Content-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR"), "plain", "", []string{"text/calendar"}},
		{"related", multipartOf("m", "alternative", plain, multipartOf("n", "related", html, image)), "plain", "<p>html", []string{"image/png"}},
		{"marked, without a name", "Content-Type: text/plain\nContent-Disposition: attachment\n\nx", "", "", []string{"text/plain"}},
		{"marked, and not in lower case", "Content-Type: text/html\nContent-Disposition: ATTACHMENT; filename=a.html\n\nx", "", "", []string{"a.html"}},
		{"marked with an unknown word", "Content-Disposition: x-other\n\nx", "", "", []string{"text/plain"}},
		{"marked inline", "Content-Disposition: inline\n\nx", "x", "", nil},
		{"a marked multipart", multipartOf("m", "mixed", plain, "Content-Disposition: attachment\n"+multipartOf("n", "alternative", "\nother", html)), "plain", "", []string{"multipart/alternative"}},
		{"a marked alternative", multipartOf("m", "alternative", plain, html, "Content-Type: text/html\nContent-Disposition: attachment\n\nx"), "plain", "<p>html", []string{"text/html"}},
		{"the only text has a name", named("plain", "body.txt", "x"), "x", "", nil},
		{"the only text has a name and is inline", "Content-Disposition: inline; filename=body.txt\n\nx", "x", "", nil},
		{"the only text has a name, beside an attachment", multipartOf("m", "mixed", named("html", "body.html", "x"), pdf), "", "x", []string{"a.pdf"}},
		{"the only text has a name, after an attachment", multipartOf("m", "mixed", pdf, named("plain", "body.txt", "x")), "x", "", []string{"a.pdf"}},
		{"alternatives with names", multipartOf("m", "alternative", named("plain", "a.txt", "x"), named("html", "a.html", "y")), "x", "y", nil},
		{"alternatives with names, and a footer", multipartOf("m", "mixed", multipartOf("n", "alternative", named("plain", "a.txt", "x"), named("html", "a.html", "y")), "\nlist"), "x\n\nlist", "y", nil},
		{"one alternative with a name", multipartOf("m", "alternative", named("plain", "a.txt", "x"), html), "x", "<p>html", nil},
		{"HTML with a name in related", multipartOf("m", "alternative", plain, multipartOf("n", "related", named("html", "a.html", "y"), image)), "plain", "y", []string{"image/png"}},
		{"a text with a name beside the text", multipartOf("m", "mixed", plain, named("plain", "log.txt", "log")), "plain", "", []string{"log.txt"}},
		{"a text with a name before the text", multipartOf("m", "mixed", named("plain", "log.txt", "log"), plain), "plain", "", []string{"log.txt"}},
		{"a text with a name beside HTML", multipartOf("m", "mixed", html, named("plain", "log.txt", "log")), "", "<p>html", []string{"log.txt"}},
		{"a text with a name beside alternatives", multipartOf("m", "mixed", multipartOf("n", "alternative", plain, html), named("plain", "log.txt", "log")), "plain", "<p>html", []string{"log.txt"}},
		{"a text with a name within an alternative", multipartOf("m", "alternative", plain, multipartOf("n", "mixed", html, named("plain", "log.txt", "log"))), "plain", "<p>html", []string{"log.txt"}},
		{"two texts with names", multipartOf("m", "mixed", named("plain", "a.txt", "x"), named("plain", "b.txt", "y")), "x", "", []string{"b.txt"}},
		{"a text with a name before alternatives with names", multipartOf("m", "mixed", named("plain", "log.txt", "log"), multipartOf("n", "alternative", named("plain", "a.txt", "x"), named("html", "a.html", "y"))),
			"x", "y", []string{"log.txt"}},
		{"another text type", multipartOf("m", "mixed", plain, "Content-Type: text/csv\n\n1,2"), "plain", "", []string{"text/csv"}},
		{"a message in the message", multipartOf("m", "mixed", plain, "Content-Type: message/rfc822\n\n"+multipartOf("n", "mixed", "\ninner", pdf)), "plain", "", []string{"message/rfc822"}},
		{"a multipart that cannot be divided", multipartOf("m", "mixed", plain, "Content-Type: multipart/alternative\n\n--x\n"), "plain\n\n--x\n", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := messageOf(c.data)
			var attachments []string
			for _, a := range m.Attachments() {
				if a.Filename == "" {
					a.Filename = a.ContentType
				}
				attachments = append(attachments, a.Filename)
			}
			if diff := cmp.Diff([]any{c.text, c.html, c.attachments}, []any{m.Text(), m.HTML(), attachments}); diff != "" {
				t.Errorf("Text, HTML and Attachments mismatch (-want +got):\n%s%s", diff, m.Structure())
			}
		})
	}
}

// TestUnfolding verifies that only the line ends of a folded field are removed
// (RFC 5322 2.2.3).
func TestUnfolding(t *testing.T) {
	for _, c := range []struct{ sent, want string }{
		{"one\n two", "one two"},
		{"one\n  two", "one  two"},
		{"one\n\ttwo", "one\ttwo"},
		{"one \n two", "one  two"},
		{"one\n \t two\n three", "one \t two three"},
		{"\n one", "one"},
		{"one\n \n two", "one  two"},
		{"one\n ", "one"},
		{"=?utf-8?q?one?=\n \t =?utf-8?q?two?=", "onetwo"},
		{"one\n \u00a0two", "one \u00a0two"},
		{"one\u00a0\n two", "one\u00a0 two"},
	} {
		for name, m := range map[string]smtptest.Message{
			"CRLF": messageOf("Subject: " + c.sent + "\nX: y\n\nz"),
			"LF":   {Data: "Subject: " + c.sent + "\nX: y\n\nz"},
		} {
			if got := m.Subject(); got != c.want || m.Header().Get("X") != "y" || m.MIME().Field("Subject") != c.want {
				t.Errorf("%s: %q: Subject() = %q, want %q", name, c.sent, got, c.want)
			}
			if got := m.Header().Get("Subject"); !strings.Contains(c.sent, "=?") && got != c.want {
				t.Errorf("%s: %q: Header has %q, want %q", name, c.sent, got, c.want)
			}
		}
	}
}
