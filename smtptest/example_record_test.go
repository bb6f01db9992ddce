package smtptest_test

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/smtp"
	"slices"
	"strings"
	"sync"
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

// smtpd's localaddr: any listener, here at another address of this machine.
func ExampleNewUnstartedServer() {
	ln, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	srv := smtptest.NewUnstartedServer(nil) // in a test: NewUnstartedServer(t), and no Close
	defer srv.Close()
	srv.Listener = ln
	srv.Start()
	fmt.Println(srv.Host(), send(srv, "ann@example.com", "bob@example.com", "Hi!\r\n"))
	// Output: 127.0.0.2 <nil>
}

// smtpd's data_size_limit. Its 0 or None, no limit, is a negative number here.
func ExampleServer_sizeLimit() {
	srv := smtptest.NewUnstartedServer(nil)
	defer srv.Close()
	srv.SizeLimit = 10
	srv.Start()
	c := srv.Client()
	defer c.Close()
	fmt.Println(c.Extension("SIZE"))
	fmt.Println(send(srv, "ann@example.com", "bob@example.com", "Hi!\r\n"))
	fmt.Println(send(srv, "ann@example.com", "bob@example.com", "Hi, how are you?\r\n"))
	// Output:
	// true 10
	// <nil>
	// 552 "5.3.4 Error: Too much mail data"
}

// smtpd's enable_SMTPUTF8=False and decode_data=True: what is deleted from the
// Extensions is not accepted.
func ExampleServer_extensions() {
	srv := smtptest.NewUnstartedServer(nil)
	defer srv.Close()
	srv.Extensions = slices.DeleteFunc(srv.Extensions, func(line string) bool { return line == "SMTPUTF8" || line == "8BITMIME" })
	srv.Start()
	c := srv.Client()
	defer c.Close()
	offered, _ := c.Extension("SMTPUTF8")
	fmt.Println(offered)
	fmt.Println(c.Mail("grün@example.com"))
	// Output:
	// false
	// 550 "5.6.7 Error: non-ASCII address without SMTPUTF8"
}

// The variables of smtpd's SMTPChannel, as a verb of the test's own sees them.
func ExampleChannel_variables() {
	srv := smtptest.NewUnstartedServer(nil)
	defer srv.Close()
	srv.Commands = map[string]smtptest.CommandFunc{
		"XLOOK": func(ch *smtptest.Channel, arg string) smtptest.Reply {
			fmt.Println("smtp_server:", ch.Server == srv)
			fmt.Println("conn, addr:", ch.Conn.RemoteAddr() == ch.Addr)
			fmt.Println("peer:", strings.HasPrefix(ch.Peer, "127.0.0.1:"))
			fmt.Println("fqdn:", ch.FQDN)
			fmt.Println("smtp_state:", ch.State)
			fmt.Println("seen_greeting:", ch.SeenGreeting)
			fmt.Println("mailfrom:", ch.MailFrom)
			fmt.Println("rcpttos:", ch.RcptTos)
			fmt.Printf("received_lines: %q\n", ch.ReceivedLines)
			fmt.Printf("received_data: %q\n", ch.ReceivedData)
			return "250 2.0.0 OK"
		},
	}
	srv.Start()
	c := srv.Client()
	defer c.Close()
	c.Hello("client.example.com")
	c.Mail("ann@example.com")
	c.Rcpt("bob@example.com")
	say(c, "XLOOK")
	// Output:
	// smtp_server: true
	// conn, addr: true
	// peer: true
	// fqdn: localhost
	// smtp_state: rcpt
	// seen_greeting: client.example.com
	// mailfrom: ann@example.com
	// rcpttos: [bob@example.com]
	// received_lines: ["EHLO client.example.com" "MAIL FROM:<ann@example.com> BODY=8BITMIME SMTPUTF8" "RCPT TO:<bob@example.com>" "XLOOK"]
	// received_data: ""
}

// smtpd's mail_options and rcpt_options: as sent, those of RCPT for each
// recipient.
func ExampleMessage_options() {
	srv := smtptest.NewUnstartedServer(nil)
	defer srv.Close()
	srv.Extensions = append(srv.Extensions, "DSN")
	srv.Start()
	c := srv.Client()
	defer c.Close()
	c.Hello("client.example.com")
	for _, line := range []string{"MAIL FROM:<ann@example.com> SIZE=3 RET=HDRS", "RCPT TO:<bob@example.com> NOTIFY=NEVER", "RCPT TO:<eve@example.com>"} {
		say(c, line)
	}
	w, err := c.Data()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprint(w, "Hi\r\n")
	w.Close()
	m := srv.Wait(1)[0]
	fmt.Println(m.MailOptions)
	fmt.Println(m.To, m.RcptOptions)
	// Output:
	// [SIZE=3 RET=HDRS]
	// [bob@example.com eve@example.com] [[NOTIFY=NEVER] []]
}

// noDuplicates takes each mail one time, by its Message-ID.
type noDuplicates struct{ seen sync.Map } // sync: several sessions may call it at once

func (n *noDuplicates) ProcessMessage(ctx context.Context, m smtptest.Message) smtptest.Reply {
	if _, again := n.seen.LoadOrStore(m.Header().Get("Message-ID"), true); again {
		return "554 5.6.0 I have that one"
	}
	return "" // 250 OK
}

// A Handler with a memory of its own: a receiver that refuses duplicates.
func ExampleHandler() {
	srv := smtptest.NewUnstartedServer(nil)
	defer srv.Close()
	srv.Handler = &noDuplicates{}
	srv.Start()
	for _, id := range []string{"<1@example.com>", "<2@example.com>", "<1@example.com>"} {
		fmt.Println(send(srv, "ann@example.com", "bob@example.com", "Message-ID: "+id+"\r\n\r\nHi!\r\n"))
	}
	fmt.Println(srv.Count())
	// Output:
	// <nil>
	// <nil>
	// 554 "5.6.0 I have that one"
	// 2
}

// fullMailboxes are the recipients that cannot get more.
type fullMailboxes []string

func (f fullMailboxes) ProcessRecipients(ctx context.Context, m smtptest.Message) []smtptest.Reply {
	each := make([]smtptest.Reply, len(m.To)) // "": 250 OK
	for i, to := range m.To {
		if slices.Contains(f, to) {
			each[i] = "452 4.2.2 mailbox full"
		}
	}
	return each
}

func (f fullMailboxes) ProcessMessage(ctx context.Context, m smtptest.Message) smtptest.Reply {
	return smtptest.CombineReplies(m.To, f.ProcessRecipients(ctx, m))
}

// With LMTP there is a reply for each recipient after the dot.
func ExampleRecipientHandler() {
	srv := smtptest.NewUnstartedServer(nil)
	defer srv.Close()
	srv.LMTP = true
	srv.Handler = fullMailboxes{"eve@example.com"}
	srv.Start()
	c := srv.Client()
	defer c.Close()
	for _, line := range []string{"LHLO localhost", "MAIL FROM:<ann@example.com>", "RCPT TO:<bob@example.com>", "RCPT TO:<eve@example.com>", "DATA"} {
		say(c, line)
	}
	fmt.Println(say(c, "Hi!\r\n.")) // of bob
	fmt.Println(hear(c))            // of eve
	fmt.Println(srv.Wait(1)[0].To)
	// Output:
	// 250 2.0.0 OK
	// 452 4.2.2 mailbox full
	// [bob@example.com]
}

// A verb that is served only when the client has said EHLO.
func ExampleState() {
	srv := smtptest.NewUnstartedServer(nil)
	defer srv.Close()
	srv.Commands = map[string]smtptest.CommandFunc{
		"VRFY": func(ch *smtptest.Channel, arg string) smtptest.Reply {
			if ch.State == smtptest.StateGreeted {
				return "503 5.5.1 say EHLO first"
			}
			return "" // as built in
		},
	}
	srv.Start()
	c := srv.Client()
	defer c.Close()
	fmt.Println(say(c, "VRFY bob@example.com"))
	say(c, "EHLO localhost")
	fmt.Println(say(c, "VRFY bob@example.com"))
	// Output:
	// 503 5.5.1 say EHLO first
	// 252 2.5.0 Cannot VRFY user, but will accept message and attempt delivery
}

// Tests that share a server take the messages that are theirs, each once.
func ExampleServer_Take() {
	srv := smtptest.NewServer(nil)
	defer srv.Close()
	send(srv, "shop@example.com", "ann@example.com", "Subject: For Ann\r\n\r\nHi!\r\n")
	send(srv, "shop@example.com", "bob@example.com", "Subject: For Bob\r\n\r\nHi!\r\n")
	toBob := func(m smtptest.Message) bool { return slices.Contains(m.To, "bob@example.com") }
	fmt.Println(srv.Take(toBob).Subject())
	fmt.Println(srv.Count(), "left")
	// Output:
	// For Bob
	// 1 left
}

// A subtest that shares a server gets an error, and fails itself.
func ExampleServer_TakeContext() {
	srv := smtptest.NewServer(nil)
	defer srv.Close()
	send(srv, "shop@example.com", "bob@example.com", "Subject: Welcome\r\n\r\nHi!\r\n")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // t.Context() in a test
	defer cancel()
	m, err := srv.TakeContext(ctx, func(m smtptest.Message) bool { return m.Subject() == "Welcome" })
	fmt.Println(m.To, err)
	// Output:
	// [bob@example.com] <nil>
}

// The mail goes out once: no second copy follows. In a bubble of testing/synctest the wait costs no time.
func ExampleServer_WaitQuiet() {
	srv := smtptest.NewServer(nil)
	defer srv.Close()
	go send(srv, "shop@example.com", "bob@example.com", "Subject: One copy\r\n\r\nHi!\r\n")
	srv.Wait(1)
	fmt.Println(len(srv.WaitQuiet(50 * time.Millisecond)))
	// Output:
	// 1
}

// A load test removes what it has seen. The server then keeps little of it: the header
// and a hash.
func ExampleTransaction_released() {
	srv := smtptest.NewServer(nil)
	defer srv.Close()
	large := "Subject: Report\r\n\r\n" + strings.Repeat("0123456789\r\n", 500_000)
	send(srv, "shop@example.com", "bob@example.com", large)
	fmt.Println(len(srv.Drain()[0].Data))
	x := srv.Sessions()[0].Transactions[0]
	fmt.Println(x.Released, x.Octets, smtptest.Message{Data: x.Data}.Subject())
	fmt.Println(x.SHA256 == fmt.Sprintf("%x", sha256.Sum256([]byte(large[len(x.Data):]))))
	// Output:
	// 6000019
	// true 6000019 Report
	// true
}

// A service in a container says EHLO with a name that is none, and writes a space before
// the path. The server accepts both; package lint still reports them.
func ExampleServer_lenient() {
	srv := smtptest.NewUnstartedServer(nil)
	defer srv.Close()
	srv.Lenient = true
	srv.Start()
	c := srv.Client()
	defer c.Close()
	fmt.Println(say(c, "HELO shop_web_1"))
	fmt.Println(say(c, "MAIL FROM: <shop@example.com>"))
	// Output:
	// 250 localhost
	// 250 2.1.0 OK
}

// What a client said, without the replies.
func ExampleSession_Commands() {
	srv := smtptest.NewServer(nil)
	defer srv.Close()
	c := srv.Client()
	c.Hello("client.example.com")
	c.Noop()
	c.Quit()
	for _, line := range srv.WaitSession(nil).Commands() {
		fmt.Println(line)
	}
	// Output:
	// EHLO client.example.com
	// NOOP
	// QUIT
}

// For some recipients the server says 250 and delivers nothing, as a spam filter does.
func ExampleRule_discardRecipients() {
	srv := smtptest.NewServer(nil)
	defer srv.Close()
	srv.Script(smtptest.Rule{On: "RCPT TO:<*@spamtrap.example.com>", Reply: "250 2.1.5 OK", Discard: true})
	c := srv.Client()
	defer c.Close()
	c.Mail("shop@example.com")
	fmt.Println(c.Rcpt("trap@spamtrap.example.com"), c.Rcpt("bob@example.com"))
	w, err := c.Data()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprint(w, "Hi!\r\n")
	w.Close()
	fmt.Println(srv.Wait(1)[0].To)
	// Output:
	// <nil> <nil>
	// [bob@example.com]
}
