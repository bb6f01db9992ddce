package smtptest_test

import (
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
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

// TestArgumentSize is smtpd's data_size_limit: what EHLO says, what SIZE= may be
// and what the content.
func TestArgumentSize(t *testing.T) {
	size := func(n, reply string) []string {
		return []string{"C: MAIL FROM:<a@client.test> SIZE=" + n, "S: " + reply, "C: RSET", "S: " + ok}
	}
	send := func(n int, reply string) []string {
		return talk(sayMail, sayRcpt, sayData, "C: "+strings.Repeat("x", n), "C: .", "S: "+reply)
	}
	of := func(n int) smtptest.Message {
		return message(func(m *smtptest.Message) { m.Data = strings.Repeat("x", n) + "\r\n" })
	}
	run(t, []row{
		{name: "not given", why: "smtpd: 32 MiB", in: greeted, setup: setting(0, "SIZE"), want: []smtptest.Message{of(1000)},
			talk: talk(sayOffers("SIZE 33554432"), size("33554432", mailOK), size("33554433", sizeOver), send(1000, ok))},
		{name: "none", why: "smtpd: 0 or None; RFC 1870 3: SIZE 0 is no limit", in: greeted, setup: setting(-1, "SIZE"), want: []smtptest.Message{of(1000)},
			talk: talk(sayOffers("SIZE 0"), size("99999999999999999999", mailOK), size("0", mailOK), send(1000, ok))},
		{name: "none, not offered", why: "smtpd: without a limit SIZE is not in EHLO's reply", in: greeted, setup: setting(-1), want: []smtptest.Message{of(1000)},
			talk: talk(sayOffers(), "C: MAIL FROM:<a@client.test> SIZE=1", "S: 555 5.5.4 MAIL FROM parameters not recognized or not implemented", send(1000, ok))},
		{name: "a number", why: "RFC 1870 5, 6.1, 6.3", in: greeted, setup: setting(100, "SIZE"), want: []smtptest.Message{of(100)},
			talk: talk(sayOffers("SIZE 100"), size("100", mailOK), size("101", sizeOver), send(100, ok), send(101, tooMuch))},
		{name: "a number, not offered", why: "the limit holds all the same", in: greeted, setup: setting(100), want: []smtptest.Message{of(100)},
			talk: talk(sayOffers(), send(100, ok), send(101, tooMuch))},
		{name: "a number, after HELO", why: "RFC 1870 6.3: the limit holds all the same", in: greeted, setup: setting(100, "SIZE"), want: []smtptest.Message{of(100)},
			talk: talk(sayHelo, "C: MAIL FROM:<a@client.test> SIZE=101", "S: 501 5.5.4 Syntax: MAIL FROM: <address>", send(100, ok), send(101, tooMuch))},
		{name: "a number that EHLO contradicts", why: "what is written is sent as it is", in: greeted, setup: setting(100, "SIZE 50"), want: []smtptest.Message{of(60)},
			talk: talk(sayOffers("SIZE 50"), size("60", mailOK), send(60, ok), send(101, tooMuch))},
		{name: "one octet", why: "the smallest", in: greeted, setup: setting(1, "SIZE"), want: []smtptest.Message{of(1)},
			talk: talk(sayOffers("SIZE 1"), send(1, ok), send(2, tooMuch))},
	})
}

// TestArgumentUTF8 is smtpd's enable_SMTPUTF8: SMTPUTF8 in Extensions or not.
func TestArgumentUTF8(t *testing.T) {
	const mailUTF8, unknownParam = "C: MAIL FROM:<grün@client.test> SMTPUTF8", "555 5.5.4 MAIL FROM parameters not recognized or not implemented"
	run(t, []row{
		{name: "on", why: "RFC 6531 3.1", in: greeted, setup: setting(0, "8BITMIME", "SMTPUTF8"), want: []smtptest.Message{
			message(func(m *smtptest.Message) {
				m.From, m.To, m.MailOptions = "grün@client.test", []string{"blå@server.test"}, []string{"SMTPUTF8"}
			})},
			talk: talk(sayOffers("8BITMIME", "SMTPUTF8"), mailUTF8, "S: "+mailOK, "C: RCPT TO:<blå@server.test>", "S: "+rcptOK, sayData, sayText)},
		{name: "on, not asked for", why: "RFC 6531 3.4", in: greeted, setup: setting(0, "8BITMIME", "SMTPUTF8"),
			talk: talk(sayOffers("8BITMIME", "SMTPUTF8"), "C: MAIL FROM:<grün@client.test>", "S: 550 5.6.7 Error: non-ASCII address without SMTPUTF8",
				sayMail, "C: RCPT TO:<blå@server.test>", "S: 553 5.6.7 Error: non-ASCII address without SMTPUTF8")},
		{name: "off", why: "RFC 5321 4.1.1.11", in: greeted, setup: setting(0, "8BITMIME"),
			talk: talk(sayOffers("8BITMIME"), mailUTF8, "S: 550 5.6.7 Error: non-ASCII address without SMTPUTF8", "C: MAIL FROM:<a@client.test> SMTPUTF8", "S: "+unknownParam)},
	})
}

// TestArgumentDecode is smtpd's decode_data: told to decode, the server does not
// offer 8BITMIME, which is done by deleting it; the content is recorded as it
// is in any case, and Message.Text decodes it, and says when it cannot.
func TestArgumentDecode(t *testing.T) {
	offers8 := func(srv *smtptest.Server, offered bool) {
		if !offered {
			srv.Extensions = without(without(srv.Extensions, "8BITMIME"), "SMTPUTF8")
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
				if err := sendMail(srv, "ann@example.com", "bob@example.com", c.data); err != nil {
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
	run(t, []row{{name: "not offered", why: "RFC 6152 2", in: greeted, setup: setting(0, "SIZE"),
		talk: talk(sayOffers("SIZE 33554432"), "C: MAIL FROM:<a@client.test> BODY=8BITMIME", "S: 555 5.5.4 MAIL FROM parameters not recognized or not implemented")}})
}

// TestArgumentDecodeUTF8: smtpd raises for enable_SMTPUTF8 with decode_data.
func TestArgumentDecodeUTF8(t *testing.T) {
	tb := &fakeTB{}
	srv := smtptest.NewUnstartedServer(tb)
	srv.Extensions = without(srv.Extensions, "8BITMIME")
	try(srv.StartInMemory)
	tb.end()
	if got := tb.errors(); !strings.Contains(got, "SMTPUTF8 needs 8BITMIME (RFC 6531 3.1)") {
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
			if err := deliver(srv, "a@client.test", "text"); err != nil {
				t.Error(err)
			}
			srv.WaitSession(func(smtptest.Session) bool { return true })
			if own.accepted != 1 {
				t.Errorf("the listener accepted %d connections, want 1", own.accepted)
			}
			srv.Stop()
			srv.Restart()
			if err := deliver(srv, "a@client.test", "text"); err != nil {
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
