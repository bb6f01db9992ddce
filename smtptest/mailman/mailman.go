// Package mailman is smtpd's MailmanProxy for smtptest: mail for the lists of a
// local Mailman 3 goes to Mailman, by LMTP, and all other mail to a Relay.
//
//	srv := smtptest.NewUnstartedServer(t)
//	srv.Handler = &mailman.Relay{
//		Lists: mailman.Map("/var/lib/mailman3/data/postfix_lmtp"),
//		Relay: &smtptest.Relay{Addr: upstream.Addr},
//	}
//	srv.Start()
//
// A test that has no Mailman gives a function in the place of the map, and
// another fake with Server.LMTP set in the place of Mailman. One whose Mailman
// sends to a fake (smtp_host and smtp_port in its mailman.cfg) sees there what
// the members get.
//
// Mailman's own configuration says what is a list: the file postfix_lmtp, which
// Mailman writes anew with each change when its [mta] section says
//
//	incoming: mailman.mta.postfix.LMTP
//
// Its transport_file_type may be hash or regex; with hash, postmap_command can
// be /bin/true, for it is the text that is read. See Map.
package mailman

import (
	"context"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// Relay is smtpd's MailmanProxy as a Handler. The recipients of a message that
// Lists knows are handed to Mailman in one LMTP transaction, the others to the
// Relay in another, and what each of them was told is the recipient's answer:
// see smtptest.RecipientHandler. If Mailman is down, its recipients get 451 and
// the others are delivered; a client that then tries again sends to both again.
// Of a message whose MIME structure is defective Mailman 3.3 says so once, for
// all its recipients (RFC 2033 4.2 wants an answer for each): the first gets
// that 501, the others 451 after 30 s.
//
// As in smtpd, Mailman gets no X-Peer, and From and Date if the message has
// none. The Relay does as it always does: smtpd's MailmanProxy adds no X-Peer
// there, which is Relay.NoPeer. Nothing is sent to anybody but whom Lists and
// Relay name. Set the fields before the server starts.
type Relay struct {
	Lists Lists                                                             // whose mail goes to Mailman, and where it listens; must be set
	Relay *smtptest.Relay                                                   // takes the other mail; nil accepts it, and it goes nowhere
	Dial  func(ctx context.Context, network, addr string) (net.Conn, error) // to Mailman; nil: over TCP
}

// Lists says where Mailman takes mail for a recipient by LMTP, as in
// "127.0.0.1:8024"; "" if the recipient is none of its lists. An error gives the
// recipient 451. It may be called by many sessions at once.
type Lists func(recipient string) (addr string, err error)

// ProcessMessage delivers the message.
func (r *Relay) ProcessMessage(ctx context.Context, m smtptest.Message) smtptest.Reply {
	return smtptest.CombineReplies(m.To, r.ProcessRecipients(ctx, m))
}

// ProcessRecipients delivers the message and returns the answer for each
// recipient.
func (r *Relay) ProcessRecipients(ctx context.Context, m smtptest.Message) []smtptest.Reply {
	if r == nil || r.Lists == nil {
		panic("mailman: Relay, or its Lists, is nil: set Lists to mailman.Map(path of postfix_lmtp), or to a function")
	}
	replies := make([]smtptest.Reply, len(m.To))
	ways := map[string][]int{} // recipients, by the address that takes them; "" is the Relay
	for i, to := range m.To {
		addr, err := r.Lists(to)
		if err != nil {
			replies[i] = unknown(err)
			continue
		}
		ways[addr] = append(ways[addr], i)
	}
	for _, addr := range slices.Sorted(maps.Keys(ways)) {
		for j, reply := range r.deliver(ctx, addr, part(m, ways[addr])) {
			replies[ways[addr][j]] = reply
		}
	}
	return replies
}

// deliver hands the message to the Mailman at addr, or to the Relay.
func (r *Relay) deliver(ctx context.Context, addr string, m smtptest.Message) []smtptest.Reply {
	if addr != "" {
		lmtp := &smtptest.Relay{Addr: addr, Dial: r.Dial, LMTP: true, NoPeer: true}
		return lmtp.ProcessRecipients(ctx, complete(m))
	}
	if r.Relay == nil {
		return make([]smtptest.Reply, len(m.To))
	}
	return r.Relay.ProcessRecipients(ctx, m)
}

// part is the message for some of its recipients.
func part(m smtptest.Message, recipients []int) smtptest.Message {
	var to []string
	var options [][]string
	for _, i := range recipients {
		var own []string
		if i < len(m.RcptOptions) { // a Handler may have added recipients
			own = m.RcptOptions[i]
		}
		to, options = append(to, m.To[i]), append(options, own)
	}
	m.To, m.RcptOptions = to, options
	return m
}

// complete adds the fields that smtpd adds for Mailman. A null sender has no
// From to give.
func complete(m smtptest.Message) smtptest.Message {
	header := m.Header()
	if header.Get("From") == "" && m.From != "" {
		m.Data = wire.AddField(m.Data, "From: "+m.From)
	}
	if header.Get("Date") == "" {
		m.Data = wire.AddField(m.Data, "Date: "+time.Now().Format(time.RFC1123Z))
	}
	return m
}

// unknown is the answer while the lists cannot be told: the client keeps the
// message, and nobody gets mail that was meant for a list.
func unknown(err error) smtptest.Reply {
	line := "451 4.3.0 Error: " + strings.Map(printable, err.Error())
	return smtptest.Reply(line[:min(len(line), 510)])
}

func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return '?'
	}
	return r
}
