package smtptest_test

import (
	"fmt"
	"net/smtp"
	"strings"

	"github.com/go-smtptest/smtp/smtptest"
)

// invitation is what the service under test of these examples sends. Lines end
// in CRLF on the wire.
const invitation = `From: =?utf-8?q?J=C3=B6rg?= <joerg@example.com>
To: Team: ann@example.com, "Bob, B." <bob@example.com>;
Subject: Lunch
Content-Type: multipart/mixed; boundary=m

--m
Content-Type: multipart/alternative; boundary=a

--a
Content-Type: text/plain

Come to lunch!
--a
Content-Type: text/calendar; charset=utf-8; method=REQUEST

BEGIN:VCALENDAR
METHOD:REQUEST
END:VCALENDAR
--a--
--m
Content-Type: application/pdf
Content-Disposition: attachment; filename*=utf-8''men%C3%BC.pdf
Content-Transfer-Encoding: base64

JVBERi0xLjc=
--m--
`

// invite sends the invitation to a server and returns the message there.
func invite() smtptest.Message {
	srv := smtptest.NewServer(nil)
	defer srv.Close()
	mail := strings.ReplaceAll(invitation, "\n", "\r\n")
	if err := smtp.SendMail(srv.Addr, nil, "joerg@example.com", []string{"ann@example.com"}, []byte(mail)); err != nil {
		panic(err)
	}
	return srv.Wait(1)[0]
}

// The tree of a message: a walk prints each part.
func ExamplePart() {
	var walk func(p smtptest.Part, indent string)
	walk = func(p smtptest.Part, indent string) {
		fmt.Printf("%s%s %s %q\n", indent, p.ContentType, p.Disposition, p.Filename)
		for _, part := range p.Parts {
			walk(part, indent+"  ")
		}
	}
	root := invite().MIME()
	walk(root, "")
	fmt.Println(root.Parts[0].Parts[1].Params["method"])
	fmt.Println(root.Parts[1].Data)
	// Output:
	// multipart/mixed  ""
	//   multipart/alternative  ""
	//     text/plain  ""
	//     text/calendar  ""
	//   application/pdf attachment "menü.pdf"
	// REQUEST
	// %PDF-1.7
}

func ExampleMessage_Structure() {
	fmt.Println(invite().Structure())
	// Output: multipart/mixed(multipart/alternative(text/plain, text/calendar), application/pdf "menü.pdf")
}

func ExampleMessage_Addresses() {
	m := invite()
	for _, a := range append(m.Addresses("From"), m.Addresses("To")...) {
		fmt.Printf("%q %s\n", a.Name, a.Address)
	}
	// Output:
	// "Jörg" joerg@example.com
	// "" ann@example.com
	// "Bob, B." bob@example.com
}

func ExampleAttachment_Param() {
	a := invite().Attachments()[0]
	fmt.Println(a.ContentType, a.Param("method"), a.Param("charset"))
	// Output: text/calendar REQUEST utf-8
}
