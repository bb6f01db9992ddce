package content_test

import (
	"fmt"
	"net/mail"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// messageOf returns a message. In data LF stands for CRLF.
func messageOf(data string) smtptest.Message {
	return smtptest.Message{Data: strings.ReplaceAll(data, "\n", "\r\n")}
}

// multipartOf returns an entity of a multipart type. Each part is an entity.
func multipartOf(boundary, kind string, parts ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Content-Type: multipart/%s; boundary=%s\n\n", kind, boundary)
	for _, part := range parts {
		fmt.Fprintf(&b, "--%s\n%s\n", boundary, part)
	}
	fmt.Fprintf(&b, "--%s--\n", boundary)
	return b.String()
}

const (
	plain = "Content-Type: text/plain\n\nplain"
	html  = "Content-Type: text/html\n\n<p>html"
	pdf   = "Content-Type: application/pdf\nContent-Disposition: attachment; filename=a.pdf\n\n%PDF"
	image = "Content-Type: image/png\nContent-ID: <i@x.test>\nContent-Disposition: inline\n\nPNG"
)

// structures are messages, the types of their parts, and the number of their
// problems.
var structures = []struct {
	name, data, want string
	problems         int
}{
	{"empty", "", "text/plain", 0},
	{"plain", "Subject: x\n\nHello\n", "text/plain", 0},
	{"invoice", multipartOf("m", "mixed", multipartOf("a", "alternative", plain, html), pdf),
		`multipart/mixed(multipart/alternative(text/plain, text/html), application/pdf "a.pdf")`, 0},
	{"the PDF is an alternative", multipartOf("m", "alternative", plain, html, pdf), `multipart/alternative(text/plain, text/html, application/pdf "a.pdf")`, 0},
	{"texts side by side", multipartOf("m", "mixed", plain, html, pdf), `multipart/mixed(text/plain, text/html, application/pdf "a.pdf")`, 0},
	{"inline image", multipartOf("m", "related", html, image), "multipart/related(text/html, image/png)", 0},
	{"types in upper case", "Content-Type: TEXT/HTML; Charset=utf-8\n\n", "text/html", 0},
	{"default types", multipartOf("m", "digest", "\nSubject: x\n\nHi", "\nSubject: y\n\nHi"),
		"multipart/digest(message/rfc822(text/plain), message/rfc822(text/plain))", 0},
	{"a message in a message", multipartOf("m", "mixed", plain, "Content-Type: message/rfc822; name=fwd.eml\n\n"+multipartOf("a", "alternative", plain, html)),
		`multipart/mixed(text/plain, message/rfc822 "fwd.eml"(multipart/alternative(text/plain, text/html)))`, 0},
	{"a message in UTF-8", "Content-Type: message/global\n\nSubject: ü\n\nHi", "message/global(text/plain)", 0},
	{"an empty message", "Content-Type: message/rfc822\n\n", "message/rfc822(text/plain)", 0},
	{"a message in base64", "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nQ29udGVudC1UeXBlOiB0ZXh0L2h0bWwKCkhp\n", "message/rfc822(text/html)", 0},
	{"odd characters in a name", "Content-Type: application/pdf; name*=utf-8''a%0D%0A%22%C3%BC%29.pdf\n\n", `application/pdf "a\r\n\"ü).pdf"`, 0},
	{"odd characters in a type", "Content-Type: a/b,\x01(text/plain)\n\n", `"a/b,\x01"`, 1},
	{"quotes around a type", "Content-Type: \"text/html\"; charset=utf-8\n\n", "text/html", 1},
	{"no boundary", "Content-Type: multipart/mixed\n\n--b\n\nx\n--b--\n", "multipart/mixed", 1},
	{"no part", "Content-Type: multipart/mixed; boundary=b\n\nx\n", "multipart/mixed", 1},
	{"no closing boundary", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n", "multipart/mixed(text/plain)", 1},
	{"the outer boundary in the inner multipart", "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/alternative; boundary=i\n\n--i\n\nx\n--o\n" + html + "\n--o--\n",
		"multipart/mixed(multipart/alternative(text/plain), text/html)", 1},
	{"an inner boundary that begins with the outer one", multipartOf("b", "mixed", multipartOf("bb", "alternative", plain, html), pdf),
		`multipart/mixed(multipart/alternative(text/plain, text/html), application/pdf "a.pdf")`, 0},
	{"a broken header in a part", multipartOf("m", "mixed", "Hello", html), "multipart/mixed(text/plain, text/html)", 1},
	{"a broken header in a message", "Content-Type: message/rfc822\n\nHello\n", "message/rfc822(text/plain)", 1},
	{"a report", multipartOf("m", "report", plain, "Content-Type: message/delivery-status\n\nAction: failed", "Content-Type: text/rfc822-headers\n\nSubject: x"),
		"multipart/report(text/plain, message/delivery-status, text/rfc822-headers)", 0},
}

func TestStructure(t *testing.T) {
	for _, c := range structures {
		t.Run(c.name, func(t *testing.T) {
			m := messageOf(c.data)
			if got := m.Structure(); got != c.want || len(m.Problems()) != c.problems {
				t.Errorf("Structure() = %s, want %s\nProblems() = %q, want %d", got, c.want, m.Problems(), c.problems)
			}
			if got := structureOf(m.MIME()); got != c.want {
				t.Errorf("MIME() has the structure %s, want %s", got, c.want)
			}
		})
	}
}

// structureOf writes the structure of a tree without odd types.
func structureOf(p smtptest.Part) string {
	s := p.ContentType
	if strings.Contains(s, ",") {
		s = fmt.Sprintf("%q", s)
	}
	if p.Filename != "" {
		s += fmt.Sprintf(" %q", p.Filename)
	}
	var parts []string
	for _, part := range p.Parts {
		parts = append(parts, structureOf(part))
	}
	if parts != nil {
		s += "(" + strings.Join(parts, ", ") + ")"
	}
	return s
}

// TestMIME verifies each field of a tree.
func TestMIME(t *testing.T) {
	m := messageOf(`Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
Content-Type: multipart/mixed;
	boundary="b"

preamble
--b
Content-Type: text/calendar; charset=iso-8859-1; METHOD=REQUEST
Content-Transfer-Encoding: quoted-printable

SUMMARY:caf=E9
--b
content-type: image/png; name*=utf-8''gr%C3%BC%C3%9F.png
Content-Disposition: Inline; filename="gr=?utf-8?q?=C3=BC?=.png"; size=3
CONTENT-ID: <i@x.test>
Content-Description: =?utf-8?q?Gr=C3=BC=C3=9Fe?=

PNG
--b
Content-Type: message/rfc822

Subject: inner

Hi
--b--
epilogue
`)
	got := m.MIME()
	want := smtptest.Part{
		RawHeader:   "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nContent-Type: multipart/mixed;\r\n\tboundary=\"b\"\r\n",
		Header:      mail.Header{"Subject": {"=?utf-8?q?Gr=C3=BC=C3=9Fe?="}, "Content-Type": {"multipart/mixed;\tboundary=\"b\""}},
		ContentType: "multipart/mixed",
		Params:      map[string]string{"boundary": "b"},
		Data:        m.Data[strings.Index(m.Data, "preamble"):],
		Parts: []smtptest.Part{{
			RawHeader: "Content-Type: text/calendar; charset=iso-8859-1; METHOD=REQUEST\r\nContent-Transfer-Encoding: quoted-printable\r\n",
			Header: mail.Header{"Content-Type": {"text/calendar; charset=iso-8859-1; METHOD=REQUEST"},
				"Content-Transfer-Encoding": {"quoted-printable"}},
			ContentType: "text/calendar", Params: map[string]string{"charset": "iso-8859-1", "method": "REQUEST"},
			Data: "SUMMARY:caf\xe9", Text: "SUMMARY:café",
		}, {
			RawHeader: "content-type: image/png; name*=utf-8''gr%C3%BC%C3%9F.png\r\nContent-Disposition: Inline; filename=\"gr=?utf-8?q?=C3=BC?=.png\"; size=3\r\n" +
				"CONTENT-ID: <i@x.test>\r\nContent-Description: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n",
			Header: mail.Header{"Content-Type": {"image/png; name*=utf-8''gr%C3%BC%C3%9F.png"}, "Content-Id": {"<i@x.test>"},
				"Content-Disposition": {`Inline; filename="gr=?utf-8?q?=C3=BC?=.png"; size=3`}, "Content-Description": {"=?utf-8?q?Gr=C3=BC=C3=9Fe?="}},
			ContentType: "image/png", Params: map[string]string{"name": "grüß.png"},
			Disposition: "inline", DispositionParams: map[string]string{"filename": "grü.png", "size": "3"}, Filename: "grü.png",
			RawContentID: "<i@x.test>", ContentID: "i@x.test", Data: "PNG",
		}, {
			RawHeader: "Content-Type: message/rfc822\r\n", Header: mail.Header{"Content-Type": {"message/rfc822"}},
			ContentType: "message/rfc822", Data: "Subject: inner\r\n\r\nHi",
			Parts: []smtptest.Part{{RawHeader: "Subject: inner\r\n", Header: mail.Header{"Subject": {"inner"}}, ContentType: "text/plain", Data: "Hi", Text: "Hi"}},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("MIME() mismatch (-want +got):\n%s", diff)
	}
	for _, c := range []struct{ name, got, want string }{
		{"a decoded field", got.Field("subject"), "Grüße"},
		{"a decoded field of a part", got.Parts[1].Field("Content-Description"), "Grüße"},
		{"a field that is not there", got.Field("X-None"), ""},
		{"a field of the zero Part", smtptest.Part{}.Field("Subject"), ""},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.name, c.got, c.want)
		}
	}
}

// TestPartIsCopy verifies that changing a tree changes no other.
func TestPartIsCopy(t *testing.T) {
	m := messageOf(multipartOf("m", "mixed", plain, pdf))
	p := m.MIME()
	p.Params["boundary"], p.Header["Content-Type"] = "x", []string{"x"}
	p.Parts[1] = smtptest.Part{}
	if got, want := structureOf(m.MIME()), `multipart/mixed(text/plain, application/pdf "a.pdf")`; got != want || m.MIME().Params["boundary"] != "m" {
		t.Errorf("MIME() has the structure %s, want %s", got, want)
	}
}

// TestAttachmentHeader verifies that an attachment can be asked for what its
// fields leave out, and that it can be compared.
func TestAttachmentHeader(t *testing.T) {
	m := messageOf("Content-Type: text/calendar; charset=iso-8859-1;\n method=REQUEST; x*=utf-8''%C3%BC\nContent-Disposition: attachment; filename=a.ics; size=2\n" +
		"X-Note: =?utf-8?q?=C3=BC?=\n\nhi")
	a := m.Attachments()[0]
	if b := m.Attachments()[0]; a != b {
		t.Errorf("%+v != %+v", a, b)
	}
	for _, c := range []struct{ name, got, want string }{
		{"RawContentType", a.RawContentType, "text/calendar; charset=iso-8859-1; method=REQUEST; x*=utf-8''%C3%BC"},
		{"RawHeader", a.RawHeader, m.Data[:len(m.Data)-len("\r\nhi")]},
		{"Param", a.Param("Method"), "REQUEST"},
		{"Param in RFC 2231", a.Param("x"), "ü"},
		{"Param that is not there", a.Param("name"), ""},
		{"DispositionParam", a.DispositionParam("size"), "2"},
		{"Field", a.Field("x-note"), "ü"},
		{"Field that is not there", a.Field("Content-ID"), ""},
		{"Param of the zero Attachment", smtptest.Attachment{}.Param("method"), ""},
		{"DispositionParam of the zero Attachment", smtptest.Attachment{}.DispositionParam("filename"), ""},
		{"Field of the zero Attachment", smtptest.Attachment{}.Field("Subject"), ""},
	} {
		if c.got != c.want {
			t.Errorf("%s = %q, want %q", c.name, c.got, c.want)
		}
	}
}

// TestContentID verifies the id that a cid: address has, and that a wrong field is
// reported.
func TestContentID(t *testing.T) {
	for _, c := range []struct {
		sent, want string
		problems   int
	}{
		{"<a@x.test>", "a@x.test", 0},
		{"<logo>", "logo", 0},
		{"<a@x.test> (comment)", "a@x.test", 0},
		{"a@x.test", "a@x.test", 1},
		{"<a@x.test", "a@x.test", 1},
		{"a@x.test>", "a@x.test", 1},
		{"<<a@x.test>>", "a@x.test", 1},
		{"cid <a@x.test>", "a@x.test", 1},
		{"<a@x.test> <b@x.test>", "a@x.test", 1},
		{"< a@x.test >", "a@x.test", 1},
		{"\"a@x.test\"", "\"a@x.test\"", 1},
		{"<>", "", 0},
		{"", "", 0},
	} {
		m := messageOf("Content-Type: image/png\nContent-ID: " + c.sent + "\n\nPNG")
		if p := m.MIME(); p.ContentID != c.want || p.RawContentID != c.sent || len(m.Problems()) != c.problems {
			t.Errorf("%s: ContentID = %q, want %q; RawContentID = %q; Problems() = %q, want %d", c.sent, p.ContentID, c.want, p.RawContentID, m.Problems(), c.problems)
		}
	}
}

// TestTreeLimits verifies that reading a tree is bounded, and that Problems reports
// what is left out.
func TestTreeLimits(t *testing.T) {
	depth := func(p smtptest.Part) (n int) {
		for ; len(p.Parts) > 0; p = p.Parts[0] {
			n++
		}
		return n
	}
	for _, c := range []struct {
		name, data, problem string
		depth               int
	}{
		{"multiparts in multiparts", nest(30) + "\r\nx\r\n", `"multipart/mixed" within 20 multiparts: taken as text`, 20},
		{"messages in messages", strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 30), `"message/rfc822" within 20 parts: its parts are left out`, 20},
		{"parts", "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", 1001) + "--b--\r\n", "more than 1000 parts: the others are left out", 1},
		{"parts of parts", multipartOf("a", "mixed", slicesOf(600, multipartOf("b", "mixed", plain))...), "more than 1000 parts: the others are left out", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := messageOf(strings.ReplaceAll(c.data, "\r\n", "\n"))
			if got := depth(m.MIME()); got != c.depth {
				t.Errorf("the tree has %d levels below the first, want %d", got, c.depth)
			}
			if p := strings.Join(m.Problems(), "\n"); strings.Count(p, c.problem) != 1 {
				t.Errorf("Problems() = %q, want %q once", p, c.problem)
			}
		})
	}
}

func slicesOf(n int, s string) (all []string) {
	for range n {
		all = append(all, s)
	}
	return all
}
