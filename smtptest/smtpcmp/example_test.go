package smtpcmp_test

import (
	"fmt"
	"net/smtp"
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/smtpcmp"
	"github.com/google/go-cmp/cmp"
)

// welcome is the service under test of these examples: its Date and its
// boundary are others each time.
func welcome(srv *smtptest.Server, name string, to ...string) {
	now := time.Now()
	mail := fmt.Sprintf(`From: Shop <shop@example.com>
Date: %[1]s
Subject: =?utf-8?q?Sch=C3=B6n,_dich_zu_sehen?=
Content-Type: multipart/alternative; boundary=b%[2]d

--b%[2]d
Content-Type: text/plain; charset=utf-8

Dear %[3]s,
glad to have you.
--b%[2]d
Content-Type: text/html; charset=utf-8

<p>Dear %[3]s,
<p>glad to have you.
--b%[2]d--
`, now.Format(time.RFC1123Z), now.UnixNano(), name)
	smtp.SendMail(srv.Addr, nil, "shop@example.com", to, []byte(strings.ReplaceAll(mail, "\n", "\r\n")))
}

func ExampleMessage() {
	srv := smtptest.NewServer(nil) // in a test: NewServer(t), and no Close
	defer srv.Close()
	welcome(srv, "Bob", "bob@example.com")
	welcome(srv, "Bob", "bob@example.com")
	welcome(srv, "Rob", "bob@example.com")

	mails := srv.Wait(3)
	fmt.Println(cmp.Equal(mails[0], mails[1]))
	fmt.Println(cmp.Equal(mails[0], mails[1], smtpcmp.Message("Date")))
	for line := range strings.Lines(cmp.Diff(mails[0], mails[2], smtpcmp.Message("Date"))) {
		if line[0] == '-' || line[0] == '+' {
			fmt.Println(line[:1], strings.TrimSpace(strings.TrimLeft(line[1:], " \u00a0\t")))
		}
	}
	// Output:
	// false
	// true
	// - "Dear Bob,",
	// + "Dear Rob,",
	// - "<p>Dear Bob,",
	// + "<p>Dear Rob,",
}

// What is wanted can be written down: From, To and what matters of Data. Lines
// may end in LF.
func ExampleMessage_literal() {
	srv := smtptest.NewServer(nil)
	defer srv.Close()
	smtp.SendMail(srv.Addr, nil, "shop@example.com", []string{"bob@example.com"},
		[]byte("Date: Tue, 24 Nov 2026 09:00:00 +0000\r\nSubject: Welcome\r\n\r\nDear Bob,\r\nglad to have you.\r\n"))

	want := smtptest.Message{From: "shop@example.com", To: []string{"bob@example.com"}, Data: `Subject: Welcome

Dear Bob,
glad to have you.
`}
	fmt.Println(cmp.Diff(want, srv.Wait(1)[0], smtpcmp.Message("Date")) == "")
	// Output: true
}

func ExampleIgnoreOrder() {
	srv := smtptest.NewServer(nil)
	defer srv.Close()
	welcome(srv, "Bob", "eve@example.com", "bob@example.com")
	welcome(srv, "Ann", "ann@example.com")

	want := srv.Wait(2)
	got := []smtptest.Message{want[1], want[0]}
	got[1].To = []string{"bob@example.com", "eve@example.com"}
	fmt.Println(cmp.Equal(want, got, smtpcmp.Message("Date")))
	fmt.Println(cmp.Equal(want, got, smtpcmp.Message("Date"), smtpcmp.IgnoreOrder()))
	// Output:
	// false
	// true
}

func ExampleTranscript() {
	dialogue := func(name string) string {
		srv := smtptest.NewServer(nil)
		defer srv.Close()
		welcome(srv, name, "bob@example.com")
		return srv.WaitSession(nil).Transcript()
	}
	fmt.Println(cmp.Equal(dialogue("Bob"), dialogue("Bob")))
	fmt.Println(cmp.Equal(dialogue("Bob"), dialogue("Bob"), smtpcmp.Transcript("Date")))
	fmt.Println(cmp.Equal(dialogue("Bob"), dialogue("Rob"), smtpcmp.Transcript("Date")))
	// Output:
	// false
	// true
	// false
}

// Each mail and each dialogue has its file, written by go test -update.
func ExampleGolden() {
	srv := smtptest.NewServer(nil)
	defer srv.Close()
	welcome(srv, "Bob", "bob@example.com")
	session := srv.WaitSession(nil)

	// In a test: Golden(t, ...).
	smtpcmp.Golden(nil, "testdata/welcome.eml", srv.Wait(1)[0], smtpcmp.Message("Date"))
	smtpcmp.Golden(nil, "testdata/welcome.txt", session.Transcript(), smtpcmp.Transcript("Date"))
	fmt.Println("as in the files")
	// Output: as in the files
}
