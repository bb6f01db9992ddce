package smtptest_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"

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
	return smtptest.OneReply(m.To, f.ProcessRecipients(ctx, m))
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
