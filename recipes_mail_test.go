package smtp_test

import (
	"net/smtp"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
)

// orderMail is what the service under test of these recipes sends.
const orderMail = `From: =?utf-8?q?J=C3=B6rg?= <joerg@example.com>
To: "Ann, A." <ann@example.com>, bob@example.com
Subject: Your order
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=m

--m
Content-Type: multipart/alternative; boundary=a

--a
Content-Type: text/plain; charset=utf-8

Thank you!
--a
Content-Type: multipart/related; type="text/html"; boundary=r

--r
Content-Type: text/html; charset=utf-8

<p><img src="cid:logo@example.com"> Thank you!</p>
--r
Content-Type: image/png
Content-ID: <logo@example.com>
Content-Disposition: inline; filename=logo.png
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--r--
--a--
--m
Content-Type: application/pdf
Content-Disposition: attachment; filename=invoice.pdf
Content-Transfer-Encoding: base64

JVBERi0xLjc=
--m--
`

const inviteMail = `From: joerg@example.com
To: ann@example.com
Subject: Lunch
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=a

--a
Content-Type: text/plain; charset=utf-8

Come to lunch!
--a
Content-Type: text/calendar; charset=utf-8; method=REQUEST

BEGIN:VCALENDAR
PRODID:-//example.com//lunch//EN
VERSION:2.0
METHOD:REQUEST
END:VCALENDAR
--a--
`

// order and invite stand for the service under test.
func order(addr string) error  { return sendMail(addr, orderMail) }
func invite(addr string) error { return sendMail(addr, inviteMail) }

func sendMail(addr, mail string) error {
	return smtp.SendMail(addr, nil, "joerg@example.com", []string{"ann@example.com"}, []byte(strings.ReplaceAll(mail, "\n", "\r\n")))
}

func TestOrderStructure(t *testing.T) {
	srv := smtptest.NewServer(t)
	order(srv.Addr)

	const want = `multipart/mixed(` +
		`multipart/alternative(text/plain, multipart/related(text/html, image/png "logo.png")), ` +
		`application/pdf "invoice.pdf")`
	if got := srv.Wait(1)[0].Structure(); got != want {
		t.Errorf("the mail is built as\n%s, want\n%s", got, want)
	}
}

// find returns the first part of a type, or nil.
func find(p smtptest.Part, contentType string) *smtptest.Part {
	if p.ContentType == contentType {
		return &p
	}
	for _, child := range p.Parts {
		if found := find(child, contentType); found != nil {
			return found
		}
	}
	return nil
}

func TestOrderTree(t *testing.T) {
	srv := smtptest.NewServer(t)
	order(srv.Addr)

	m := srv.Wait(1)[0]
	pdf := find(m.MIME(), "application/pdf")
	if pdf == nil || pdf.Disposition != "attachment" || !strings.HasPrefix(pdf.Data, "%PDF-") {
		t.Errorf("there is no PDF attached: %s", m.Structure())
	}
	text := find(m.MIME(), "text/plain")
	if text == nil || text.Params["charset"] != "utf-8" || text.Text != "Thank you!" {
		t.Errorf("the text is %+v", text)
	}
	to := m.Addresses("To")
	if len(to) != 2 || to[0].Name != "Ann, A." {
		t.Errorf("To has %q", to)
	}
	if p := m.Problems(); p != nil {
		t.Errorf("the mail is broken: %q", p)
	}
}

func TestInvitation(t *testing.T) {
	srv := smtptest.NewServer(t)
	invite(srv.Addr)

	m := srv.Wait(1)[0]
	if got, want := m.Structure(), "multipart/alternative(text/plain, text/calendar)"; got != want {
		t.Fatalf("the invitation is built as %s, want %s", got, want)
	}
	calendar := find(m.MIME(), "text/calendar")
	method := calendar.Params["method"]
	if method != "REQUEST" || !strings.Contains(calendar.Text, "\nMETHOD:"+method+"\n") {
		t.Errorf("method=%q, and the calendar is\n%s", method, calendar.Text)
	}
	if charset := calendar.Params["charset"]; !strings.EqualFold(charset, "utf-8") {
		t.Errorf("charset=%q, want utf-8", charset)
	}
}

func TestInlineImage(t *testing.T) {
	srv := smtptest.NewServer(t)
	order(srv.Addr)

	m := srv.Wait(1)[0]
	images := map[string]smtptest.Part{} // by Content-ID
	for _, p := range find(m.MIME(), "multipart/related").Parts {
		images[p.ContentID] = p
	}
	for _, cid := range regexp.MustCompile(`"cid:([^"]*)"`).FindAllStringSubmatch(m.HTML(), -1) {
		image := images[cid[1]]
		if image.ContentType != "image/png" || image.RawContentID != "<"+cid[1]+">" || image.Disposition != "inline" {
			t.Errorf("cid:%s shows %s, Content-ID: %s", cid[1], image.ContentType, image.RawContentID)
		}
	}
}

// TestMailRecipes verifies that each code block of docs/mail.md is, to the letter,
// part of this file.
func TestMailRecipes(t *testing.T) {
	doc, err := os.ReadFile("docs/mail.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("recipes_mail_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(doc), -1)
	if len(blocks) == 0 {
		t.Fatal("docs/mail.md has no code")
	}
	for _, block := range blocks {
		if !strings.Contains(string(source), "\n"+block[1]) {
			t.Errorf("recipes_mail_test.go does not have this block of docs/mail.md:\n%s", block[1])
		}
	}
}
