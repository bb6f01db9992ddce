package smtptest_test

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/go-smtptest/smtp/smtptest"
)

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
