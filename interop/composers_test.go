package interop

import (
	"crypto/tls"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/lint"
	"github.com/jordan-wright/email"
	gomailv2 "gopkg.in/gomail.v2"
)

// composed are the findings in the mails of composers, besides those of their clients.
// The picture has a Content-ID without an @, as the names of files have none.
var composed = map[string][]string{
	"go-mail":      {"mime-content-id-unqualified", "mime-param-encoded-word"},
	"nodemailer":   {"mime-content-id-unqualified", "mime-param-encoded-word", "quit-missing"},
	"python":       {"data-8bit", "mime-content-id-unqualified", "mime-cte-mismatch"},
	"gomail":       {"header-message-id-missing", "mime-content-id-unqualified"},
	"jordan-email": {"mime-content-id-unqualified"},
	"javamail":     {},
}

// TestLintComposers verifies that Check finds nothing in what composers do right.
func TestLintComposers(t *testing.T) {
	more := []struct {
		name string
		send func(t *testing.T, srv *smtptest.Server)
	}{{"gomail", composeByGomail}, {"jordan-email", composeByJordan}, {"javamail", composeByJavaMail}}
	for _, c := range slices.Concat(composers, more) {
		t.Run(c.name, func(t *testing.T) {
			srv := smtptest.NewServer(t)
			c.send(t, srv)
			m := srv.Wait(1)[0]
			found := slices.DeleteFunc(lint.Check(ended(srv)), func(f lint.Finding) bool {
				return c.name == "go-mail" && f.ID == "header-message-id-invalid" // of some that it generates
			})
			compareFindings(t, composed[c.name], found)
			if t.Failed() {
				t.Log(m.Data)
			}
		})
	}
}

func composeByGomail(t *testing.T, srv *smtptest.Server) {
	m := gomailv2.NewMessage()
	m.SetAddressHeader("From", "joerg@example.com", "Jörg")
	m.SetHeader("To", "bob@example.com", "eve@example.com")
	m.SetHeader("Subject", "Grüße")
	m.SetBody("text/plain", "Schöne Grüße!\n")
	m.AddAlternative("text/html", "<p>Schöne Grüße! <img src=\"cid:logo.png\"></p>\n")
	m.Embed("logo.png", gomailv2.SetCopyFunc(func(w io.Writer) error { _, err := io.WriteString(w, "\x89PNG"); return err }))
	m.Attach("Gruesse.txt", gomailv2.SetCopyFunc(func(w io.Writer) error { _, err := io.WriteString(w, "hällo"); return err }))
	host, port, _ := net.SplitHostPort(srv.Addr)
	n, _ := strconv.Atoi(port)
	d := gomailv2.Dialer{Host: host, Port: n, TLSConfig: &tls.Config{}, LocalName: "client.example.com"}
	if err := d.DialAndSend(m); err != nil {
		t.Fatal(err)
	}
}

func composeByJordan(t *testing.T, srv *smtptest.Server) {
	e := email.NewEmail()
	e.From = "Jörg <joerg@example.com>"
	e.To = []string{"bob@example.com", "eve@example.com"}
	e.Subject = "Grüße"
	e.Text = []byte("Schöne Grüße!\n")
	e.HTML = []byte("<p>Schöne Grüße!</p>\n")
	if _, err := e.Attach(strings.NewReader("hällo"), "Gruesse.txt", "text/plain; charset=utf-8"); err != nil {
		t.Fatal(err)
	}
	if err := e.Send(srv.Addr, nil); err != nil {
		t.Fatal(err)
	}
}

// javaMail is a mail as JavaMail composes it.
const javaMail = `Date: Sat, 1 Jan 2000 00:00:00 +0100 (CET)
From: =?UTF-8?Q?J=C3=B6rg?= <joerg@example.com>
To: bob@example.com, eve@example.com
Message-ID: <1234567890.1.1600000000000@host.example.com>
Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe_an_alle,_die_heute?=
 =?UTF-8?Q?_noch_etwas_l=C3=A4nger_bleiben?=
MIME-Version: 1.0
Content-Type: multipart/mixed; 
	boundary="----=_Part_0_1234567.1600000000000"

------=_Part_0_1234567.1600000000000
Content-Type: multipart/related; type="multipart/alternative";
	boundary="----=_Part_1_7654321.1600000000001"

------=_Part_1_7654321.1600000000001
Content-Type: multipart/alternative; 
	boundary="----=_Part_2_1111111.1600000000002"

------=_Part_2_1111111.1600000000002
Content-Type: text/plain; charset=UTF-8
Content-Transfer-Encoding: quoted-printable

Sch=C3=B6ne Gr=C3=BC=C3=9Fe!
------=_Part_2_1111111.1600000000002
Content-Type: text/html; charset=UTF-8
Content-Transfer-Encoding: quoted-printable

<p>Sch=C3=B6ne Gr=C3=BC=C3=9Fe! <img src=3D"cid:logo@host.example.com"></p>
------=_Part_2_1111111.1600000000002--

------=_Part_1_7654321.1600000000001
Content-Type: image/png
Content-Transfer-Encoding: base64
Content-ID: <logo@host.example.com>

iVBORw==
------=_Part_1_7654321.1600000000001--

------=_Part_0_1234567.1600000000000
Content-Type: text/plain; charset=UTF-8; 
	name*=UTF-8''Gr%C3%BC%C3%9Fe.txt
Content-Transfer-Encoding: base64
Content-Disposition: attachment; 
	filename*=UTF-8''Gr%C3%BC%C3%9Fe.txt

aMOkbGxv
------=_Part_0_1234567.1600000000000--
`

func composeByJavaMail(t *testing.T, srv *smtptest.Server) {
	c := srv.Client()
	if err := c.Hello("client.example.com"); err != nil {
		t.Fatal(err)
	}
	m := mail{from: "joerg@example.com", to: []string{"bob@example.com", "eve@example.com"}, data: strings.ReplaceAll(javaMail, "\n", "\r\n")}
	if err := transact(c, m); err != nil {
		t.Fatal(err)
	}
	if err := c.Quit(); err != nil {
		t.Fatal(err)
	}
}
