package smtptest_test

import (
	"context"
	"fmt"
	"net/smtp"
	"os"
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
)

// send is the service under test of these examples.
func send(srv *smtptest.Server, from, to, data string) error {
	c := srv.Client()
	defer c.Close()
	if err := c.Mail(from); err != nil {
		return err
	}
	if err := c.Rcpt(to); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	fmt.Fprint(w, data)
	if err := w.Close(); err != nil {
		return err
	}
	return c.Quit()
}

func ExampleServer() {
	srv := smtptest.NewServer(nil) // in a test: NewServer(t), and no Close
	defer srv.Close()
	send(srv, "ann@example.com", "bob@example.com", "Hi!\r\n")
	fmt.Println(srv.Wait(1)[0].To)
	// Output: [bob@example.com]
}

func ExampleServer_Stop() {
	srv := smtptest.NewServer(nil)
	defer srv.Close()
	addr := srv.Addr
	srv.Stop()
	fmt.Println(smtp.SendMail(addr, nil, "ann@example.com", []string{"bob@example.com"}, []byte("Hi!")) != nil)
	srv.Restart()
	fmt.Println(smtp.SendMail(addr, nil, "ann@example.com", []string{"bob@example.com"}, []byte("Hi!")))
	// Output:
	// true
	// <nil>
}

func ExampleRule() {
	srv := smtptest.NewServer(nil)
	defer srv.Close()
	srv.Script(
		smtptest.Rule{On: "RCPT TO:<bob@example.com>", Times: 1, Reply: "450 4.2.1 greylisted"},
		smtptest.Rule{On: ".", Skip: 1, Reply: "452 4.3.1 disk full"},
	)
	for range 3 {
		fmt.Println(send(srv, "ann@example.com", "bob@example.com", "Hi!\r\n"))
	}
	// Output:
	// 450 "4.2.1 greylisted"
	// <nil>
	// 452 "4.3.1 disk full"
}

func ExampleRule_GoString() {
	fmt.Printf("%#v\n", smtptest.Rule{On: ".", Times: 1, Keep: true, Reply: smtptest.NoReply, Then: smtptest.Reset})
	fmt.Printf("%#v\n", smtptest.Rule{On: "EHLO", Delay: 90 * time.Second})
	// Output:
	// smtptest.Rule{On: ".", Times: 1, Reply: smtptest.NoReply, Keep: true, Then: smtptest.Reset}
	// smtptest.Rule{On: "EHLO", Delay: 90 * time.Second}
}

func ExampleServer_Check() {
	srv := smtptest.NewServer(nil)
	defer srv.Close()
	fmt.Println(srv.Check(smtptest.Rule{On: "RCPT", Reply: "450 4.2.1 later"}))
	fmt.Println(srv.Check(smtptest.Rule{On: "CONNECT 127.0.0.1", Reply: "421 no"}) != nil)
	// Output:
	// <nil>
	// true
}

// Observe counts what clients do, and leaves the replies to the script.
func ExampleServer_observe() {
	srv := smtptest.NewUnstartedServer(nil)
	defer srv.Close()
	events := map[string]int{}
	srv.Observe = func(e smtptest.Event) { events[e.Verb]++ }
	srv.Start()
	for range 3 {
		send(srv, "ann@example.com", "bob@example.com", "Hi!\r\n")
	}
	srv.WaitSessions(3)
	fmt.Println(events["CONNECT"], events["RCPT"], events["."])
	// Output: 3 3 3
}

func ExampleEvent() {
	srv := smtptest.NewServer(nil)
	defer srv.Close()
	srv.Script(smtptest.Rule{
		On:    ".",
		If:    func(e smtptest.Event) bool { return strings.Contains(e.Data, "lottery") },
		Reply: "550 5.7.1 looks like spam",
	})
	fmt.Println(send(srv, "ann@example.com", "bob@example.com", "Win the lottery!\r\n"))
	// Output: 550 "5.7.1 looks like spam"
}

func ExampleScope() {
	srv := smtptest.NewServer(nil)
	defer srv.Close()
	// Greylisting: the first try of each recipient is put off.
	srv.Script(smtptest.Rule{On: "RCPT", Times: 1, Per: smtptest.PerRecipient, Reply: "450 4.2.1 greylisted"})
	for _, to := range []string{"bob@example.com", "bob@example.com", "eve@example.com"} {
		fmt.Println(send(srv, "ann@example.com", to, "Hi!\r\n"))
	}
	// Output:
	// 450 "4.2.1 greylisted"
	// <nil>
	// 450 "4.2.1 greylisted"
}

func ExampleThen() {
	srv := smtptest.NewServer(nil)
	defer srv.Close()
	srv.Script(smtptest.Rule{On: "DATA", Then: smtptest.Drop})
	fmt.Println(send(srv, "ann@example.com", "bob@example.com", "Hi!\r\n") != nil)
	fmt.Println(srv.WaitSession(func(s smtptest.Session) bool { return true }).End)
	// Output:
	// true
	// closed by rule
}

func ExampleReply() {
	fmt.Println(smtptest.Reply("451 4.3.0 try again").Code())
	// Output: 451
}

func ExampleMessage() {
	srv := smtptest.NewServer(nil)
	defer srv.Close()
	send(srv, "ann@example.com", "bob@example.com", ".profile\r\n")
	m := srv.Wait(1)[0]
	fmt.Printf("%q, on the wire %q\n", m.Data, m.Wire())
	// Output: ".profile\r\n", on the wire "..profile\r\n"
}

// A mail is read as its recipient would see it.
func ExampleMessage_Text() {
	srv := smtptest.NewServer(nil)
	defer srv.Close()
	send(srv, "ann@example.com", "bob@example.com", strings.ReplaceAll(`Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Sch=C3=B6n! https://example.com/confirm?token=3D42
--b
Content-Type: application/pdf
Content-Disposition: attachment; filename=invoice.pdf
Content-Transfer-Encoding: base64

JVBERi0xLjc
--b--
`, "\n", "\r\n"))
	m := srv.Wait(1)[0]
	fmt.Println(m.Subject())
	fmt.Println(m.Text())
	fmt.Println(m.Links())
	for _, a := range m.Attachments() {
		fmt.Println(a.Filename, a.ContentType, a.Data)
	}
	fmt.Println(m.Problems())
	// Output:
	// Grüße
	// Schön! https://example.com/confirm?token=42
	// [https://example.com/confirm?token=42]
	// invoice.pdf application/pdf %PDF-1.7
	// [base64: the padding is wrong, or the end is missing]
}

func ExampleSession() {
	srv := smtptest.NewServer(nil)
	defer srv.Close()
	send(srv, "ann@example.com", "bob@example.com", "Hi!\r\n")
	s := srv.WaitSession(func(s smtptest.Session) bool { return s.End == smtptest.EndQuit })
	fmt.Print(s.Transcript())
	// Output:
	// -- session 1
	// S: 220 localhost ESMTP smtptest
	// C: EHLO localhost
	// S: 250-localhost
	// S: 250-PIPELINING
	// S: 250-SIZE 33554432
	// S: 250-8BITMIME
	// S: 250-SMTPUTF8
	// S: 250-ENHANCEDSTATUSCODES
	// S: 250 HELP
	// C: MAIL FROM:<ann@example.com> BODY=8BITMIME SMTPUTF8
	// S: 250 2.1.0 OK
	// C: RCPT TO:<bob@example.com>
	// S: 250 2.1.5 OK
	// C: DATA
	// S: 354 End data with <CR><LF>.<CR><LF>
	// C: Hi!
	// C: .
	// S: 250 2.0.0 OK
	// C: QUIT
	// S: 221 2.0.0 Bye
	// -- quit
}

func ExampleExchange() {
	srv := smtptest.NewServer(nil)
	defer srv.Close()
	srv.Script(smtptest.Rule{On: "RCPT", Reply: "550 5.1.1 no such user"})
	send(srv, "ann@example.com", "bob@example.com", "Hi!\r\n")
	s := srv.WaitSession(nil)
	for _, e := range s.Exchanges {
		if e.Rule != "" {
			fmt.Println(e.Command)
			fmt.Println(e.Reply)
			fmt.Println(e.Rule)
		}
	}
	// Output:
	// RCPT TO:<bob@example.com>
	// 550 5.1.1 no such user
	// rule 1: {On: "RCPT", Reply: "550 5.1.1 no such user"}
}

func ExampleTransaction() {
	srv := smtptest.NewServer(nil)
	defer srv.Close()
	srv.Script(smtptest.Rule{On: "RCPT TO:<eve@*>", Reply: "550 5.1.1 no such user"})
	send(srv, "ann@example.com", "eve@example.com", "Hi!\r\n")
	s := srv.WaitSession(nil)
	for _, t := range s.Transactions {
		fmt.Println(t.From, t.Outcome)
		for _, r := range t.Recipients {
			fmt.Println(r.To, r.Reply)
		}
	}
	// Output:
	// ann@example.com aborted
	// eve@example.com 550 5.1.1 no such user
}

func ExampleHandlerFunc() {
	srv := smtptest.NewUnstartedServer(nil)
	defer srv.Close()
	srv.Handler = smtptest.HandlerFunc(func(ctx context.Context, m smtptest.Message) smtptest.Reply {
		if len(m.Data) > 20 {
			return "552 5.3.4 too long for me"
		}
		return "" // 250 OK
	})
	srv.Start()
	fmt.Println(send(srv, "ann@example.com", "bob@example.com", "Hi!\r\n"))
	fmt.Println(send(srv, "ann@example.com", "bob@example.com", "Hi, how are you all today?\r\n"))
	// Output:
	// <nil>
	// 552 "5.3.4 too long for me"
}

// A verb of the test's own, with a challenge and an answer.
func ExampleChannel() {
	srv := smtptest.NewUnstartedServer(nil)
	defer srv.Close()
	srv.Commands = map[string]smtptest.CommandFunc{
		"XNAME": func(ch *smtptest.Channel, arg string) smtptest.Reply {
			name, err := ch.Ask("334 and who are you?")
			if err != nil {
				return smtptest.NoReply
			}
			ch.SeenGreeting, ch.State = name, smtptest.StateHello
			return smtptest.Reply("250-hello\n250 " + name)
		},
	}
	srv.Start()
	c := srv.Client()
	defer c.Close()
	for _, line := range []string{"XNAME", "ann"} {
		id, _ := c.Text.Cmd("%s", line)
		c.Text.StartResponse(id)
		_, text, err := c.Text.ReadResponse(0)
		c.Text.EndResponse(id)
		fmt.Printf("%q %v\n", text, err)
	}
	// Output:
	// "and who are you?" <nil>
	// "hello\nann" <nil>
}

// A built-in verb replaced: smtpd's channel_class with a method of its own.
func ExampleCommandFunc() {
	srv := smtptest.NewUnstartedServer(nil)
	defer srv.Close()
	srv.Commands = map[string]smtptest.CommandFunc{
		"VRFY": func(ch *smtptest.Channel, arg string) smtptest.Reply {
			if arg == "bob" {
				return "250 2.1.5 Bob <bob@example.com>"
			}
			return "" // as built in
		},
	}
	srv.Start()
	c := srv.Client()
	defer c.Close()
	fmt.Println(c.Verify("bob"))
	// Output: <nil>
}

// Credentials are for tests that decide on passwords and tokens themselves.
func ExampleCredentials() {
	srv := smtptest.NewUnstartedServer(nil)
	defer srv.Close()
	srv.Authenticate = func(c smtptest.Credentials) bool { return c.Secret == "open sesame" }
	srv.Start()
	fmt.Println(srv.Client().Auth(smtp.PlainAuth("", "ann", "open sesame", "localhost")))
	fmt.Println(srv.Client().Auth(smtp.PlainAuth("", "ann", "please", "localhost")))
	// Output:
	// <nil>
	// 535 "5.7.8 Authentication credentials invalid"
}

// In a bubble of testing/synctest the network in memory is needed; here it is
// just used without one.
func ExampleServer_DialContext() {
	srv := smtptest.NewInMemoryServer(nil)
	defer srv.Close()
	conn, err := srv.DialContext(context.Background(), "tcp", "mx.example.com:25") // the address is ignored
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	greeting := make([]byte, 30)
	n, _ := conn.Read(greeting)
	fmt.Printf("%q\n", greeting[:n])
	// Output: "220 localhost ESMTP smtptest\r\n"
}

func ExampleDebugging() {
	srv := smtptest.NewUnstartedServer(nil)
	defer srv.Close()
	srv.Handler = smtptest.DebuggingText(os.Stdout)
	srv.Start()
	send(srv, "ann@example.com", "bob@example.com", "Subject: Hi\r\n\r\nHi!\r\n")
	// Output:
	// ---------- MESSAGE FOLLOWS ----------
	// Subject: Hi
	// X-Peer: 127.0.0.1
	//
	// Hi!
	// ------------ END MESSAGE ------------
}

// Recording and scripting in front of another server, here a second fake.
func ExampleRelay() {
	upstream := smtptest.NewServer(nil)
	defer upstream.Close()
	upstream.Script(smtptest.Rule{On: "RCPT TO:<eve@*>", Reply: "550 5.1.1 no such user"})
	srv := smtptest.NewUnstartedServer(nil)
	defer srv.Close()
	srv.Handler = &smtptest.Relay{Addr: upstream.Addr}
	srv.Start()
	fmt.Println(send(srv, "ann@example.com", "bob@example.com", "Hi!\r\n"))
	fmt.Println(send(srv, "ann@example.com", "eve@example.com", "Hi!\r\n"))
	fmt.Println(upstream.Count(), srv.Count())
	// Output:
	// <nil>
	// 550 "5.1.1 no such user"
	// 1 1
}
