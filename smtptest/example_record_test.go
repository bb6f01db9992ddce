package smtptest_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/smtp"
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
)

// say sends a line as it is and returns the reply to it.
func say(c *smtp.Client, line string) string {
	c.Text.PrintfLine("%s", line)
	return hear(c)
}

// hear returns the next reply.
func hear(c *smtp.Client) string {
	code, text, err := c.Text.ReadResponse(0)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(code, " ", text)
}

// The invoice that a mail brings, read as its recipient would.
func ExampleAttachment() {
	srv := smtptest.NewServer(nil)
	defer srv.Close()
	send(srv, "shop@example.com", "bob@example.com", strings.ReplaceAll(`Subject: Your invoice
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

See the invoice.
--b
Content-Type: text/csv; charset=utf-8
Content-Disposition: attachment; filename*=utf-8''Gr%C3%B6%C3%9Fe.csv
Content-Transfer-Encoding: base64

c2l6ZTtwcmljZQo0MjsxMAo=
--b--
`, "\n", "\r\n"))
	for _, a := range srv.Wait(1)[0].Attachments() {
		fmt.Println(a.Filename, a.ContentType, a.Inline)
		fmt.Print(a.Data)
	}
	// Output:
	// Größe.csv text/csv false
	// size;price
	// 42;10
}

// A sender asks for delivery status notifications. The server sends none: the
// test sees what a relay would have been asked for.
func ExampleDSN() {
	srv := smtptest.NewUnstartedServer(nil)
	defer srv.Close()
	srv.Extensions = append(srv.Extensions, "DSN")
	srv.Start()
	c := srv.Client()
	defer c.Close()
	c.Hello("client.example.com")
	say(c, "MAIL FROM:<shop@example.com> RET=HDRS ENVID=order+2B42")
	c.Rcpt("bob@example.com")
	w, err := c.Data()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprint(w, "Hi!\r\n")
	w.Close()
	m := srv.Wait(1)[0]
	fmt.Println(m.MailOptions)
	fmt.Println(m.DSN().Ret, m.DSN().Envid)
	// Output:
	// [RET=HDRS ENVID=order+2B42]
	// HDRS order+42
}

// What was asked for each recipient, in the order of Message.To.
func ExampleRecipientDSN() {
	m := smtptest.Message{ // as recorded
		To:          []string{"bob@example.com", "eve@example.com"},
		RcptOptions: [][]string{{"NOTIFY=success,failure", "ORCPT=rfc822;bob+2Bshop@example.org"}, {"NOTIFY=NEVER"}},
	}
	for i, r := range m.DSN().Recipients {
		fmt.Printf("%s: %q, first sent to %q\n", m.To[i], r.Notify, r.Orcpt)
	}
	// Output:
	// bob@example.com: ["SUCCESS" "FAILURE"], first sent to "bob+shop@example.org"
	// eve@example.com: ["NEVER"], first sent to ""
}

// A Message has the accepted recipients only; those that were refused are in
// the transaction.
func ExampleRecipient() {
	srv := smtptest.NewServer(nil)
	defer srv.Close()
	srv.Script(smtptest.Rule{On: "RCPT TO:<eve@*>", Reply: "550 5.1.1 no such user"})
	c := srv.Client()
	transact(c, "bob@example.com", "eve@example.com")
	c.Quit()
	fmt.Println("the message:", srv.Wait(1)[0].To)
	for _, r := range srv.WaitSession(nil).Transactions[0].Recipients {
		fmt.Println(r.To, r.Accepted, r.Reply)
	}
	// Output:
	// the message: [bob@example.com]
	// bob@example.com true 250 2.1.5 OK
	// eve@example.com false 550 5.1.1 no such user
}

// A client that must show a certificate: the test sees which.
func ExampleTLSInfo() {
	srv := smtptest.NewUnstartedServer(nil)
	defer srv.Close()
	srv.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert}
	srv.Start()
	config := srv.ClientTLSConfig()
	config.Certificates = []tls.Certificate{smtptest.NewCertificate(time.Now().Add(time.Hour), "shop.example.com")}
	c := srv.Client()
	if err := c.StartTLS(config); err != nil {
		fmt.Println(err)
		return
	}
	c.Quit()
	info := srv.WaitSession(nil).TLS
	fmt.Println(info.Version, "with", info.ServerName)
	cert, err := x509.ParseCertificate(info.ClientCert)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("the client is", cert.DNSNames)
	// Output:
	// TLS 1.3 with localhost
	// the client is [shop.example.com]
}
