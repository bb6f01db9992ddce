package misuse_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/mail"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

// field is what a test may write into a field of Server.
type field struct {
	name, why string
	set       func(*smtptest.Server)
	want      string // what Start says, or the first client brings about; "": it works
}

var fields = []field{
	{"Addr", "Start sets it", func(s *smtptest.Server) { s.Addr = "x" }, ""},
	{"Listener", "in memory there is none", func(s *smtptest.Server) { s.Listener = play.BrokenListener{} }, "StartInMemory with a Listener of its own: leave Listener nil, or use Start"},
	{"Hostname", "RFC 5321 4.1.2", func(s *smtptest.Server) { s.Hostname = "a b" }, `the Hostname "a b" is neither a domain nor an address literal`},
	{"Hostname", "no line of its own", func(s *smtptest.Server) { s.Hostname = "a\r\n250 b" }, `the Hostname "a\r\n250 b" is neither a domain nor an address literal`},
	{"Greeting", "RFC 5321 4.2", func(s *smtptest.Server) { s.Greeting = "\n" }, `the Greeting "\n" is no line of text`},
	{"Extensions", "RFC 5321 4.1.1.1", func(s *smtptest.Server) { s.Extensions = []string{""} }, `in Extensions "" is no EHLO line`},
	{"Extensions", "no line of its own", func(s *smtptest.Server) { s.Extensions = []string{"A\r\n250 B"} }, `in Extensions "A\r\n250 B" is no EHLO line`},
	{"Extensions", "a space before it", func(s *smtptest.Server) { s.Extensions = []string{" X"} }, `in Extensions " X" does not begin with a keyword (RFC 5321 4.1.1.1); to say it all the same give EHLO a Rule with Reply`},
	{"Extensions", "no octet of a keyword", func(s *smtptest.Server) { s.Extensions = []string{"X_Y"} }, `in Extensions "X_Y" does not begin with a keyword`},
	{"Extensions", "as old servers had it", func(s *smtptest.Server) { s.Extensions = []string{"AUTH=LOGIN"} }, `in Extensions "AUTH=LOGIN" does not begin with a keyword`},
	{"Extensions", "letters, digits and hyphens", func(s *smtptest.Server) { s.Extensions = []string{"8-x a=b _"} }, ""},
	{"Extensions", "which one counts", func(s *smtptest.Server) { s.Extensions = []string{"SIZE", "size 5"} }, "in Extensions SIZE stands twice"},
	{"Extensions", "it would stand there twice, and under TLS", func(s *smtptest.Server) {
		s.Extensions, s.TLS = []string{"STARTTLS"}, &tls.Config{}
		s.Commands = map[string]smtptest.CommandFunc{"STARTTLS": func(*smtptest.Channel, string) smtptest.Reply { return "" }}
	}, "do not write it into Extensions: STARTTLS is offered by setting Server.TLS"},
	{"Extensions", "a STARTTLS of the test's own", func(s *smtptest.Server) {
		s.Extensions = []string{"STARTTLS"}
		s.Commands = map[string]smtptest.CommandFunc{"STARTTLS": func(*smtptest.Channel, string) smtptest.Reply { return "454 4.7.0 no" }}
	}, ""},
	{"Extensions", "none is none", func(s *smtptest.Server) { s.Extensions = nil }, ""},
	{"SizeLimit", "negative is no limit", func(s *smtptest.Server) { s.SizeLimit = -1 }, ""},
	{"TLS", "without a certificate it gets one", func(s *smtptest.Server) { s.TLS = &tls.Config{} }, ""},
	{"TLS", "the error of LoadX509KeyPair forgotten", func(s *smtptest.Server) {
		s.TLS = &tls.Config{Certificates: []tls.Certificate{smtptest.NewCertificate(time.Now(), "a"), {}}}
	}, "TLS.Certificates[1] is empty: check the error of what has made it, such as tls.LoadX509KeyPair"},
	{"Users", "nobody can log in", func(s *smtptest.Server) { s.Users = map[string]string{} }, ""},
	{"Authenticate", "it fails when it is asked", func(s *smtptest.Server) { s.Authenticate = func(smtptest.Credentials) bool { panic("boom") } }, "session 1: Authenticate panicked: boom"},
	{"Mechanisms", "none of RFC 4422", func(s *smtptest.Server) { s.Users, s.Mechanisms = map[string]string{"a": "b"}, []string{"X"} }, `"X" is not one of`},
	{"Mechanisms", "nobody to log in", func(s *smtptest.Server) { s.Mechanisms = []string{"PLAIN"} }, "with these Mechanisms nobody could log in: set Users or Authenticate"},
	{"ClearMechanisms", "none of RFC 4422", func(s *smtptest.Server) { s.ClearMechanisms = []string{""} }, `"" is not one of`},
	{"ClearMechanisms", "nobody to log in", func(s *smtptest.Server) { s.TLS, s.ClearMechanisms = &tls.Config{}, []string{"PLAIN"} }, "with these ClearMechanisms nobody could log in: set Users or Authenticate"},
	{"RequireTLS", "a server that nobody can satisfy", func(s *smtptest.Server) { s.RequireTLS = true }, "Server.RequireTLS is set, but Server.TLS is not"},
	{"RequireAuth", "a server that nobody can satisfy", func(s *smtptest.Server) { s.RequireAuth = true }, "Server.RequireAuth is set, but no client can log in"},
	{"LMTP", "another greeting", func(s *smtptest.Server) { s.LMTP = true }, ""},
	{"Lenient", "more is accepted", func(s *smtptest.Server) { s.Lenient = true }, ""},
	{"Handler", "nothing to call", func(s *smtptest.Server) { s.Handler = smtptest.HandlerFunc(nil) }, "the Handler is a nil HandlerFunc: give a function, or leave Handler nil"},
	{"Handler", "nothing to call", func(s *smtptest.Server) { s.Handler = (*smtptest.Relay)(nil) }, "the Handler is a nil Relay: give one, or leave Handler nil"},
	{"Handler", "nowhere to go", func(s *smtptest.Server) { s.Handler = &smtptest.Relay{} }, "the Relay has no Addr: give that of the upstream server"},
	{"Handler", "no time to go", func(s *smtptest.Server) { s.Handler = &smtptest.Relay{Addr: "127.0.0.1:1", Timeout: -1} }, "the Relay's Timeout is negative: leave it out, or give a time"},
	{"Handler", "Dial knows where", func(s *smtptest.Server) { s.Handler = &smtptest.Relay{Dial: s.DialContext} }, ""},
	{"Commands", "nothing to call", func(s *smtptest.Server) { s.Commands = map[string]smtptest.CommandFunc{"XFOO": nil} }, `the function of Commands["XFOO"] is nil: give one, or leave the key out`},
	{"Commands", "no client's line has it", func(s *smtptest.Server) { s.Commands = map[string]smtptest.CommandFunc{"X\r\nY": nil} }, `the key "X\r\nY" of Commands is no verb: write it in upper case, without spaces and line ends`},
	{"Commands", "a control", func(s *smtptest.Server) { s.Commands = map[string]smtptest.CommandFunc{"XA\x00B": nil} }, `the key "XA\x00B" of Commands is no verb`},
	{"Parameters", "RFC 5321 4.1.2", func(s *smtptest.Server) { s.Parameters = map[string]func(string) error{"": nil} }, `in Parameters "" is no keyword in upper case`},
	{"Parameters", "in upper case", func(s *smtptest.Server) { s.Parameters = map[string]func(string) error{"rrvs": nil} }, `in Parameters "rrvs" is no keyword in upper case`},
	{"Parameters", "a keyword alone", func(s *smtptest.Server) { s.Parameters = map[string]func(string) error{"X=1": nil} }, `in Parameters "X=1" is no keyword in upper case`},
	{"Parameters", "nothing to check", func(s *smtptest.Server) { s.Parameters = map[string]func(string) error{"X": nil} }, ""},
	{"Observe", "it fails when it is called", func(s *smtptest.Server) { s.Observe = func(smtptest.Event) { panic("boom") } }, "session 1: Observe panicked: boom"},
	{"Seed", "zero draws one", func(s *smtptest.Server) { s.Seed = 0 }, ""},
	{"IdleTimeout", "negative is no limit", func(s *smtptest.Server) { s.IdleTimeout = -1 }, ""},
	{"WaitTimeout", "no time to wait", func(s *smtptest.Server) { s.WaitTimeout = -1 }, "the WaitTimeout is negative: leave it out, or give a time"},
}

// TestMisuseFields sets each field to nothing, less than nothing or nonsense.
func TestMisuseFields(t *testing.T) {
	rows := map[string]bool{}
	for _, f := range fields {
		rows[f.name] = true
		t.Run(f.name+", "+f.why, func(t *testing.T) {
			tb := &play.FakeTB{}
			synctest.Test(t, func(t *testing.T) {
				srv := smtptest.NewUnstartedServer(tb)
				f.set(srv)
				play.Try(func() {
					srv.StartInMemory()
					c := play.Dial(t, srv)
					io.WriteString(c, "EHLO client.test\r\nAUTH PLAIN AGEAYg==\r\nMAIL FROM:<a@client.test> X\r\nQUIT\r\n")
					io.ReadAll(c)
				})
				tb.End()
			})
			got := tb.Errors()
			if f.want == "" && got != "" || !strings.Contains(got, f.want) || got != "" && !strings.HasPrefix(got, "smtptest: ") {
				t.Errorf("failure %q, want it to say %q", got, f.want)
			}
		})
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[smtptest.Server]()) {
		if f.IsExported() && !rows[f.Name] {
			t.Errorf("fields has no row for Server.%s", f.Name)
		}
	}
}

// TestMisuseValues calls what needs no server with nothing or nonsense.
func TestMisuseValues(t *testing.T) {
	var m smtptest.Message
	if diff := cmp.Diff([]any{"", "", "", "", mail.Header{}, 0, 0, smtptest.DSN{}}, []any{m.Wire(), m.Subject(), m.Text(), m.HTML(), m.Header(), len(m.Attachments()), len(m.Links()), m.DSN()}); diff != "" {
		t.Errorf("the zero Message mismatch (-want +got):\n%s", diff)
	}
	odd := smtptest.Session{Exchanges: []smtptest.Exchange{{Transaction: 7, Octets: 9}, {Transaction: -1, Octets: 9, Event: true, Command: "."}, {}}, Transactions: []smtptest.Transaction{{}}}
	if got := odd.Transcript(); !strings.HasPrefix(got, "-- session 0\n") {
		t.Errorf("Transcript() = %q", got)
	}
	for _, r := range []smtptest.Reply{"", "2", "25", "25x no", "-50 no", "(no reply)", "\xff\xff\xff"} {
		if got := r.Code(); got != 0 {
			t.Errorf("Reply(%q).Code() = %d", r, got)
		}
	}
	for _, got := range []smtptest.Reply{smtptest.CombineReplies(nil, nil), smtptest.CombineReplies(nil, []smtptest.Reply{"550 no"}), smtptest.CombineReplies([]string{"b@server.test"}, nil)} {
		if got != "" {
			t.Errorf("CombineReplies() = %q", got)
		}
	}
	if got := fmt.Sprint(smtptest.Rule{Chunk: -2}, smtptest.Rule{Per: 1}, smtptest.Scope(255), smtptest.PerServer); got != `{On: "", Chunk: -2} {On: "", Per: Scope(1)} PerSession|PerTransaction|PerPeer|PerSender|PerRecipient|Scope(193) PerServer` {
		t.Errorf("String() = %s", got)
	}
	for name, f := range map[string]func(){
		"Debugging(nil)":                  func() { smtptest.Debugging(nil) },
		"DebuggingText(nil)":              func() { smtptest.DebuggingText(nil) },
		"NewCertificate(a host in UTF-8)": func() { smtptest.NewCertificate(time.Now(), "grün.test") },
		"Channel{}.Ask":                   func() { new(smtptest.Channel).Ask("350 what?") },
	} {
		if p := fmt.Sprint(play.PanicOf(f)); !strings.HasPrefix(p, "smtptest: ") {
			t.Errorf("%s panicked with %s", name, p)
		}
	}
	for _, cert := range []tls.Certificate{smtptest.NewCertificate(time.Time{}), smtptest.NewCertificate(time.Now(), "", "[IPv6:::1]")} {
		if cert.Leaf == nil {
			t.Error("NewCertificate() has no Leaf")
		}
	}
}

// TestMisuseRelay gives a Relay messages that no server has recorded.
func TestMisuseRelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		upstream := smtptest.NewInMemoryServer(t)
		relay := &smtptest.Relay{Dial: upstream.DialContext, NoPeer: true}
		for _, test := range []struct {
			m    smtptest.Message
			want smtptest.Reply
		}{
			{smtptest.Message{}, ""},
			{smtptest.Message{To: []string{"b@server.test"}, Data: "text"}, ""},
			{smtptest.Message{To: []string{"b@server.test", "c@server.test"}, RcptOptions: [][]string{nil}}, ""},
		} {
			if got := relay.ProcessMessage(t.Context(), test.m); got != test.want {
				t.Errorf("ProcessMessage(%+v) = %q, want %q", test.m, got, test.want)
			}
		}
		if to := upstream.Wait(2)[1].To; len(to) != 2 {
			t.Errorf("To = %q", to)
		}
		if got := (&smtptest.Relay{}).ProcessMessage(t.Context(), smtptest.Message{To: []string{"b@server.test"}}); got != "451 4.4.1 Error: the upstream server fails: dial tcp: missing address" {
			t.Errorf("ProcessMessage() of a zero Relay = %q", got)
		}
		relay.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, nil }
		if got := relay.ProcessMessage(t.Context(), smtptest.Message{To: []string{"b@server.test"}}); got != "451 4.4.1 Error: the upstream server fails: the Relay's Dial returned no connection and no error" {
			t.Errorf("ProcessMessage() with a Dial of nothing = %q", got)
		}
	})
}
