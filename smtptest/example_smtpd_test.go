package smtptest_test

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/go-smtptest/smtp/smtptest"
)

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
