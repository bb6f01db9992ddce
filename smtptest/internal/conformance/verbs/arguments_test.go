package verbs_test

import (
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

// setting changes a server's limit and extensions, ENHANCEDSTATUSCODES last.
func setting(limit int64, extensions ...string) func(*smtptest.Server) {
	return func(srv *smtptest.Server) {
		srv.SizeLimit, srv.Extensions = limit, append(slices.Clone(extensions), "ENHANCEDSTATUSCODES")
	}
}

// sayOffers is EHLO and its reply with these extensions.
func sayOffers(extensions ...string) []string {
	lines := []string{"C: EHLO client.test", "S: 250-localhost"}
	for _, e := range extensions {
		lines = append(lines, "S: 250-"+e)
	}
	return append(lines, "S: 250 ENHANCEDSTATUSCODES")
}

// TestArgumentSize verifies smtpd's data_size_limit: what EHLO says, which SIZE= is
// accepted, and how large the content may be. Its last CRLF counts.
func TestArgumentSize(t *testing.T) {
	size := func(n, reply string) []string {
		return []string{"C: MAIL FROM:<a@client.test> SIZE=" + n, "S: " + reply, "C: RSET", "S: " + play.OK}
	}
	send := func(n int, reply string) []string {
		return play.Talk(play.SayMail, play.SayRcpt, play.SayData, "C: "+strings.Repeat("x", n-2), "C: .", "S: "+reply)
	}
	of := func(n int) smtptest.Message {
		return play.Message(func(m *smtptest.Message) { m.Data = strings.Repeat("x", n-2) + "\r\n" })
	}
	play.Run(t, []play.Case{
		{Name: "not given", Why: "smtpd: 32 MiB", In: play.Greeted, Setup: setting(0, "SIZE"), Want: []smtptest.Message{of(1000)},
			Talk: play.Talk(sayOffers("SIZE 33554432"), size("33554432", play.MailOK), size("33554433", sizeOver), send(1000, play.OK))},
		{Name: "none", Why: "smtpd: 0 or None; RFC 1870 3: SIZE 0 is no limit", In: play.Greeted, Setup: setting(-1, "SIZE"), Want: []smtptest.Message{of(1000)},
			Talk: play.Talk(sayOffers("SIZE 0"), size("99999999999999999999", play.MailOK), size("0", play.MailOK), send(1000, play.OK))},
		{Name: "none, not offered", Why: "smtpd: without a limit SIZE is not in EHLO's reply", In: play.Greeted, Setup: setting(-1), Want: []smtptest.Message{of(1000)},
			Talk: play.Talk(sayOffers(), "C: MAIL FROM:<a@client.test> SIZE=1", "S: 555 5.5.4 MAIL FROM parameters not recognized or not implemented", send(1000, play.OK))},
		{Name: "a number", Why: "RFC 1870 5, 6.1, 6.3", In: play.Greeted, Setup: setting(100, "SIZE"), Want: []smtptest.Message{of(100)},
			Talk: play.Talk(sayOffers("SIZE 100"), size("100", play.MailOK), size("101", sizeOver), send(100, play.OK), send(101, play.TooMuch))},
		{Name: "a number, not offered", Why: "the limit holds all the same", In: play.Greeted, Setup: setting(100), Want: []smtptest.Message{of(100)},
			Talk: play.Talk(sayOffers(), send(100, play.OK), send(101, play.TooMuch))},
		{Name: "a number, after HELO", Why: "RFC 1870 6.3: the limit holds all the same", In: play.Greeted, Setup: setting(100, "SIZE"), Want: []smtptest.Message{of(100)},
			Talk: play.Talk(play.SayHELO, "C: MAIL FROM:<a@client.test> SIZE=101", "S: 501 5.5.4 Syntax: MAIL FROM:<address>", send(100, play.OK), send(101, play.TooMuch))},
		{Name: "a number that EHLO contradicts", Why: "what is written is sent as it is", In: play.Greeted, Setup: setting(100, "SIZE 50"), Want: []smtptest.Message{of(60)},
			Talk: play.Talk(sayOffers("SIZE 50"), size("60", play.MailOK), send(60, play.OK), send(101, play.TooMuch))},
		{Name: "two octets", Why: "RFC 1870 5: the last CRLF counts", In: play.Greeted, Setup: setting(2, "SIZE"), Want: []smtptest.Message{of(2)},
			Talk: play.Talk(sayOffers("SIZE 2"), send(2, play.OK), send(3, play.TooMuch))},
	})
}

// TestArgumentUTF8 is smtpd's enable_SMTPUTF8: SMTPUTF8 in Extensions or not.
func TestArgumentUTF8(t *testing.T) {
	const mailUTF8, unknownParam = "C: MAIL FROM:<grün@client.test> SMTPUTF8", "555 5.5.4 MAIL FROM parameters not recognized or not implemented"
	play.Run(t, []play.Case{
		{Name: "on", Why: "RFC 6531 3.1", In: play.Greeted, Setup: setting(0, "8BITMIME", "SMTPUTF8"), Want: []smtptest.Message{
			play.Message(func(m *smtptest.Message) {
				m.From, m.To, m.MailOptions = "grün@client.test", []string{"blå@server.test"}, []string{"SMTPUTF8"}
			})},
			Talk: play.Talk(sayOffers("8BITMIME", "SMTPUTF8"), mailUTF8, "S: "+play.MailOK, "C: RCPT TO:<blå@server.test>", "S: "+play.RcptOK, play.SayData, play.SayText)},
		{Name: "on, not asked for", Why: "RFC 6531 3.4", In: play.Greeted, Setup: setting(0, "8BITMIME", "SMTPUTF8"),
			Talk: play.Talk(sayOffers("8BITMIME", "SMTPUTF8"), "C: MAIL FROM:<grün@client.test>", "S: 550 5.6.7 Error: non-ASCII address without SMTPUTF8",
				play.SayMail, "C: RCPT TO:<blå@server.test>", "S: 553 5.6.7 Error: non-ASCII address without SMTPUTF8")},
		{Name: "off", Why: "RFC 5321 4.1.1.11", In: play.Greeted, Setup: setting(0, "8BITMIME"),
			Talk: play.Talk(sayOffers("8BITMIME"), mailUTF8, "S: 550 5.6.7 Error: non-ASCII address without SMTPUTF8", "C: MAIL FROM:<a@client.test> SMTPUTF8", "S: "+unknownParam)},
	})
}

// TestArgumentDecode is smtpd's decode_data: told to decode, the server does not
// offer 8BITMIME, which is done by deleting it; the content is recorded as it
// is in any case, and Message.Text decodes it, and says when it cannot.
func TestArgumentDecode(t *testing.T) {
	offers8 := func(srv *smtptest.Server, offered bool) {
		if !offered {
			srv.Extensions = play.Without(play.Without(srv.Extensions, "8BITMIME"), "SMTPUTF8")
		}
	}
	for _, c := range []struct {
		name, data, text string
		problem          string
	}{
		{"ascii", "\r\ntext\r\n", "text\n", ""},
		{"utf-8", "\r\ngrün\r\n", "grün\n", ""},
		{"latin-1", "Content-Type: text/plain; charset=iso-8859-1\r\n\r\ngr\xfcn\r\n", "grün\n", ""},
		{"not utf-8", "\r\ngr\xfcn\r\n", "gr\xfcn\n", "UTF-8"},
		{"charset not known", "Content-Type: text/plain; charset=x-none\r\n\r\ngr\xfcn\r\n", "gr\xfcn\n", "x-none"},
		{"half a character", "\r\ngr\xc3\r\n", "gr\xc3\n", "UTF-8"},
	} {
		for _, offered := range []bool{true, false} {
			t.Run(c.name+map[bool]string{true: ", 8bitmime", false: ", told to decode"}[offered], func(t *testing.T) {
				srv := smtptest.NewUnstartedServer(t)
				offers8(srv, offered)
				srv.Start()
				client := srv.Client()
				if has, _ := client.Extension("8BITMIME"); has != offered {
					t.Errorf("8BITMIME offered = %t", has)
				}
				if err := play.SendMail(srv, "ann@example.com", "bob@example.com", c.data); err != nil {
					t.Fatal(err)
				}
				m := srv.Wait(1)[0]
				if m.Data != c.data || m.Text() != c.text {
					t.Errorf("Data = %q, Text() = %q, want %q", m.Data, m.Text(), c.text)
				}
				if p := strings.Join(m.Problems(), "\n"); (c.problem == "") != (p == "") || !strings.Contains(p, c.problem) {
					t.Errorf("Problems() = %q, want one about %q", p, c.problem)
				}
			})
		}
	}
	play.Run(t, []play.Case{{Name: "not offered", Why: "RFC 6152 2", In: play.Greeted, Setup: setting(0, "SIZE"),
		Talk: play.Talk(sayOffers("SIZE 33554432"), "C: MAIL FROM:<a@client.test> BODY=8BITMIME", "S: 555 5.5.4 MAIL FROM parameters not recognized or not implemented")}})
}

// TestArgumentDecodeUTF8 verifies that a server may offer SMTPUTF8 without 8BITMIME: smtpd
// raises ValueError for enable_SMTPUTF8 with decode_data.
func TestArgumentDecodeUTF8(t *testing.T) {
	tb := &play.FakeTB{}
	srv := smtptest.NewUnstartedServer(tb)
	srv.Extensions = play.Without(srv.Extensions, "8BITMIME")
	play.Try(srv.StartInMemory)
	tb.End()
	if got := tb.Errors(); got != "" {
		t.Errorf("failure %q", got)
	}
}

// counting is a listener of the test's own.
type counting struct {
	net.Listener
	accepted int
}

func (c *counting) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.accepted++
	}
	return conn, err
}

// TestArgumentAddress is smtpd's localaddr: a server at any address, by any
// listener, that can be stopped and comes back there.
func TestArgumentAddress(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "smtp.sock")
	for _, l := range []struct{ name, network, addr, host string }{
		{"a given address", "tcp", "127.0.0.2:0", "127.0.0.2"},
		{"by name", "tcp", "localhost:0", ""},
		{"IPv4", "tcp4", "127.0.0.1:0", "127.0.0.1"},
		{"IPv6", "tcp6", "[::1]:0", "::1"},
		{"Unix socket", "unix", socket, ""},
	} {
		t.Run(l.name, func(t *testing.T) {
			ln, err := net.Listen(l.network, l.addr)
			if err != nil && l.network == "tcp6" {
				t.Logf("this machine has no IPv6: %v", err)
				return
			} else if err != nil {
				t.Fatal(err)
			}
			srv := smtptest.NewUnstartedServer(t)
			own := &counting{Listener: ln}
			srv.Listener = own
			srv.Start()
			addr := ln.Addr().String()
			if err := play.Deliver(srv, "a@client.test", "text"); err != nil {
				t.Error(err)
			}
			srv.WaitSession(func(smtptest.Session) bool { return true })
			if own.accepted != 1 {
				t.Errorf("the listener accepted %d connections, want 1", own.accepted)
			}
			srv.Stop()
			srv.Restart()
			if err := play.Deliver(srv, "a@client.test", "text"); err != nil {
				t.Errorf("after Restart: %v", err)
			}
			if n := len(srv.Wait(2)); srv.Addr != addr || srv.Listener.Addr().String() != addr || n != 2 {
				t.Errorf("Addr = %s, %s, want %s; %d messages", srv.Addr, srv.Listener.Addr(), addr, n)
			}
			host, port := srv.Host(), srv.Port()
			if l.host != "" && host != l.host || (l.network == "unix") != (port == 0) {
				t.Errorf("Host() = %q, Port() = %d", host, port)
			}
		})
	}
}
