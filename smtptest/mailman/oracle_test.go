package mailman_test

import (
	"encoding/json"
	"io"
	"net"
	"net/mail"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/mailman"
	"github.com/google/go-cmp/cmp"
)

// oracleCase is a dialogue recorded from smtpd's MailmanProxy with Mailman 2.
type oracleCase struct {
	Name   string
	Kind   string
	Config struct {
		Server   string
		Lists    []string
		Limit    int64 `json:"data_size_limit"`
		Upstream struct{ Refuse map[string]smtptest.Reply }
	}
	Steps    []struct{ Send, Expect string }
	Relayed  []relayed
	Enqueued []enqueued
}

// relayed is a message that the upstream took, as smtpd hands it over: lines
// end in LF.
type relayed struct {
	MailFrom string
	RcptTos  []string
	Data     string
}

// enqueued is a message that Mailman took for one address of a list.
type enqueued struct {
	List, Action string
	Headers      [][2]string
	Body         string
}

// played is what came of a case.
type played struct {
	Replies  []string
	Relayed  []relayed
	Enqueued []enqueued
}

// A decision is a difference from MailmanProxy: what this one does instead, and
// why. change makes of the recording what must come of the case here.
type decision struct {
	instead, why string
	change       func(p *played)
}

// relays sends the case's message to the upstream instead of a list.
func relays(to ...string) func(*played) {
	return func(p *played) {
		p.Enqueued = nil
		p.Relayed = []relayed{{MailFrom: "a@b.example", RcptTos: to, Data: "From: a\nTo: b\n\nline one\nline two"}}
	}
}

// posts sends the case's message to a list instead of the upstream.
func posts(list, action string) func(*played) {
	return func(p *played) {
		p.Relayed = nil
		p.Enqueued = []enqueued{{List: list, Action: action, Headers: [][2]string{{"From", "a"}, {"To", "b"}, {"Date", "{date}"}}, Body: "line one\nline two"}}
	}
}

// unnamed takes the Subject away that smtpd gives the last message to a list.
func unnamed(p *played) {
	last := &p.Enqueued[len(p.Enqueued)-1]
	last.Headers = last.Headers[:len(last.Headers)-1]
}

const (
	mailbox = "RFC 5321 2.3.11: only the host of its domain reads a local part, which is Mailman 3's map here"
	asItIs  = "RFC 5321 6.4: Mailman 3 takes the command from the address, so the message need not be changed"
)

// decisions are the cases that are decided otherwise.
var decisions = map[string]decision{
	"mailman/command-join":      {"no Subject for join", asItIs, unnamed},
	"mailman/mixed":             {"no Subject for join", asItIs, unnamed},
	"mailman/command-subscribe": {"-subscribe is a command", mailbox, posts("dev", "torequest")},
	"mailman/list-with-hyphen":  {"a list's name may have hyphens", "RFC 5321 4.1.2: so may a local part", posts("two-words", "tolist")},
	"mailman/any-domain":        {"a list is in its own domain only", mailbox, relays("dev@elsewhere.example")},
	"mailman/same-list-twice": {"a list is in its own domain only", mailbox, func(p *played) {
		first := p.Enqueued[:1]
		relays("dev@other.example")(p)
		p.Enqueued = first
	}},
	"mailman/empty-command": {"dev- is no address of dev", mailbox, relays("dev-@lists.example")},
	"mailman/no-domain": {"a path without a domain is 501", "RFC 5321 4.1.2", func(p *played) {
		p.Replies = []string{p.Replies[0], p.Replies[1], p.Replies[2],
			"501 Syntax: RCPT TO:<address>\r\n", "503 Error: need RCPT command\r\n",
			"500 Error: command \"FROM:\" not recognized\r\n500 Error: command \"TO:\" not recognized\r\n500 Error: bad syntax\r\n500 Error: command \"LINE\" not recognized\r\n500 Error: command \"LINE\" not recognized\r\n500 Error: command \".\" not recognized\r\n"}
		p.Enqueued = nil
	}},
	"mailman/relay-refused": {"the client hears what the upstream refused", "RFC 5321 4.2.5, 6.1", func(p *played) {
		p.Replies[len(p.Replies)-1] = "550 no such user: <fred@b.example>\r\n"
	}},
}

// TestOracle plays the recorded dialogues of smtpd's MailmanProxy. Each is equal
// to the letter, or decided otherwise.
func TestOracle(t *testing.T) {
	var file struct{ Cases []oracleCase }
	b, err := os.ReadFile("../testdata/smtpd-oracle.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	var equal, decided int
	for _, c := range file.Cases {
		if c.Kind != "dialogue" || c.Config.Server != "MailmanProxy" {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			want := c.want()
			d, other := decisions[c.Name]
			if other {
				d.change(&want)
				decided++
			} else {
				equal++
			}
			synctest.Test(t, func(t *testing.T) {
				got := c.play(t)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if other && cmp.Equal(c.want(), got) {
					t.Errorf("it is equal: %q is no decision any more", d.instead)
				}
			})
		})
	}
	if decided != len(decisions) || equal == 0 {
		t.Errorf("%d cases decided otherwise, %d equal; there are %d decisions", decided, equal, len(decisions))
	}
	t.Logf("oracle: %d dialogues of MailmanProxy equal, %d decided otherwise, none skipped", equal, decided)
}

// want is the case as recorded, with our names in the place of smtpd's.
func (c oracleCase) want() played {
	names := strings.NewReplacer("{fqdn}", "localhost", "{version}", "ESMTP smtptest")
	p := played{Relayed: append([]relayed(nil), c.Relayed...)}
	for _, s := range c.Steps {
		p.Replies = append(p.Replies, names.Replace(s.Expect))
	}
	p.Enqueued = append([]enqueued(nil), c.Enqueued...)
	return p
}

// play runs the case with fakes in the place of Mailman and of the upstream.
func (c oracleCase) play(t *testing.T) (got played) {
	lists, upstream := smtptest.NewUnstartedServer(t), smtptest.NewInMemoryServer(t)
	lists.LMTP = true
	lists.StartInMemory()
	for to, reply := range c.Config.Upstream.Refuse {
		upstream.Script(smtptest.Rule{On: "RCPT TO:<" + to + ">", Reply: reply})
	}
	known, _ := mapOf(t, strings.ReplaceAll(postfixLMTP("hash", lists.Addr, c.Config.Lists...), "lists.test", "lists.example"))
	srv := smtptest.NewUnstartedServer(t)
	srv.Extensions, srv.SizeLimit = []string{"SIZE", "HELP"}, c.Config.Limit
	srv.Handler = &mailman.Relay{Lists: known, Dial: lists.DialContext,
		Relay: &smtptest.Relay{Addr: upstream.Addr, Dial: upstream.DialContext, NoPeer: true}}
	srv.StartInMemory()
	conn, err := srv.DialContext(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	heard := hear(conn)
	for _, s := range c.Steps {
		io.WriteString(conn, s.Send)
		synctest.Wait()
		got.Replies = append(got.Replies, heard())
	}
	for _, m := range upstream.Messages() {
		got.Relayed = append(got.Relayed, relayed{m.From, m.To, asSMTPD(m.Data)})
	}
	for _, m := range lists.Messages() {
		got.Enqueued = append(got.Enqueued, asMailman(m)...)
	}
	return got
}

// hear takes in what comes, and returns a function that gives what has come
// since its last call.
func hear(conn net.Conn) func() string {
	var mu sync.Mutex
	var all strings.Builder
	go io.Copy(writer(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return all.Write(p)
	}), conn)
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		defer all.Reset()
		return all.String()
	}
}

type writer func(p []byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// asSMTPD is data as smtpd hands it over.
func asSMTPD(data string) string {
	return strings.ReplaceAll(strings.TrimSuffix(data, "\r\n"), "\r\n", "\n")
}

// asMailman is a message as Mailman 3 understands it, once for each address.
func asMailman(m smtptest.Message) (all []enqueued) {
	header, body, _ := strings.Cut(asSMTPD(m.Data), "\n\n")
	var fields [][2]string
	for line := range strings.SplitSeq(header, "\n") {
		name, value, _ := strings.Cut(line, ": ")
		if _, err := mail.ParseDate(value); err == nil && name == "Date" {
			value = "{date}"
		}
		fields = append(fields, [2]string{name, value})
	}
	for _, to := range m.To {
		list, _, _ := strings.Cut(to, "@")
		action := "tolist"
		for suffix, does := range map[string]string{"-owner": "toowner", "-request": "torequest", "-join": "torequest", "-subscribe": "torequest"} {
			if name, found := strings.CutSuffix(list, suffix); found {
				list, action = name, does
			}
		}
		all = append(all, enqueued{list, action, fields, body})
	}
	return all
}
