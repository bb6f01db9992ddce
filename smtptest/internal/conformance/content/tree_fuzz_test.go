package content_test

import (
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-smtptest/smtp/smtptest"
)

// FuzzTree verifies what is true of the tree of any message, and of what is read
// out of it.
func FuzzTree(f *testing.F) {
	for _, c := range mailFiles {
		b, err := os.ReadFile("testdata/mail/" + c.file + ".eml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}
	for _, c := range structures {
		f.Add(strings.ReplaceAll(c.data, "\n", "\r\n"))
	}
	for _, c := range words {
		f.Add("Subject: " + c.sent + "\r\nTo: " + c.sent + " <a@x.test>\r\nContent-Type: text/plain; name*0=\"" + c.sent + "\"\r\n\r\n<https://x.test/" + c.sent + ">")
	}
	f.Fuzz(func(t *testing.T, data string) {
		m := smtptest.Message{Data: data}
		tree := m.MIME()
		n := 0
		checkPart(t, tree, len(data), 0, &n)
		if n > 1001 {
			t.Errorf("%d parts", n)
		}
		if tree.RawHeader+tree.Data != data && len(tree.RawHeader) > len(data) {
			t.Errorf("the header has %d octets of %d", len(tree.RawHeader), len(data))
		}
		if s := m.Structure(); strings.ContainsAny(s, "\r\n\x00") || !utf8.ValidString(s) {
			t.Errorf("Structure() = %q", s)
		}
		for _, a := range m.Attachments() {
			if a.Param("name") != "" && a.Filename == "" {
				t.Errorf("attachment %+v", a)
			}
		}
		for _, a := range m.Addresses("To") {
			if !utf8.ValidString(a.Name) || !utf8.ValidString(a.Address) || a.Address == "" {
				t.Errorf("Addresses() has %q", a)
			}
		}
		if m.HTML() == "" {
			for _, link := range m.Links() {
				if strings.ContainsFunc(link, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("<>\"`", r) }) {
					t.Errorf("Links() has %q", link)
				}
			}
		}
	})
}

// checkPart verifies a part that has at most so many octets.
func checkPart(t *testing.T, p smtptest.Part, most, depth int, n *int) {
	if *n++; depth > 20 {
		t.Fatalf("depth %d", depth)
	}
	if len(p.Data) > most || len(p.RawHeader) > most || len(p.Text) > 2*len(p.Data) { // an octet of ISO-8859-1 becomes two
		t.Errorf("%s: a header of %d octets, %d octets, and a text of %d, out of %d", p.ContentType, len(p.RawHeader), len(p.Data), len(p.Text), most)
	}
	for name, values := range p.Header {
		for _, value := range values {
			if strings.ContainsAny(value, "\n") {
				t.Errorf("%s is not unfolded: %q", name, value)
			}
		}
		if !utf8.ValidString(p.Field(name)) {
			t.Errorf("%s is not decoded: %q", name, p.Field(name))
		}
	}
	if !utf8.ValidString(p.Filename) || strings.ContainsAny(p.ContentID, "<>") && p.ContentID == p.RawContentID {
		t.Errorf("file name %q, Content-ID %q", p.Filename, p.ContentID)
	}
	total := 0
	for _, part := range p.Parts {
		total += len(part.Data)
		checkPart(t, part, len(p.Data), depth+1, n)
	}
	if total > len(p.Data) {
		t.Errorf("%s: its parts have %d octets of %d", p.ContentType, total, len(p.Data))
	}
}
