package profile_test

import (
	"crypto/tls"
	"net"
	"net/textproto"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/profile"
	"github.com/google/go-cmp/cmp"
)

// TestProfiles talks to each receiver: its greeting, and its EHLO lines in clear
// and under TLS.
func TestProfiles(t *testing.T) {
	for _, p := range profile.All {
		t.Run(p.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := smtptest.NewUnstartedServer(t)
				srv.Users = map[string]string{"ann": "secret"}
				p.Apply(srv)
				raw := dial(t, srv)
				c := textproto.NewConn(raw)
				reply(t, c, "", "220 "+p.Hostname+" "+p.Greeting)
				reply(t, c, "EHLO client.test", lines(p.Hostname, p.Extensions, "STARTTLS"))
				reply(t, c, "STARTTLS", "220 2.0.0 Ready to start TLS")
				c = textproto.NewConn(tls.Client(raw, srv.ClientTLSConfig()))
				reply(t, c, "EHLO client.test", lines(p.Hostname, p.Extensions, "AUTH "+strings.Join(p.Mechanisms, " ")))
			})
		})
	}
}

// reply asks and compares.
func reply(t *testing.T, c *textproto.Conn, line, want string) {
	t.Helper()
	if diff := cmp.Diff(want, ask(t, c, line)); diff != "" {
		t.Errorf("reply to %q mismatch (-want +got):\n%s", line, diff)
	}
}

// lines is the reply to EHLO.
func lines(hostname string, extensions []string, last string) string {
	return "250-" + strings.Join(append([]string{hostname}, extensions...), "\n250-") + "\n250 " + last
}

// TestOffers: no verb that EHLO offers is unknown (RFC 5321 4.2.4). ETRN is
// among them for the day that a profile lists it.
func TestOffers(t *testing.T) {
	verbs := map[string]string{"VRFY": "VRFY bob", "EXPN": "EXPN staff", "HELP": "HELP", "ETRN": "ETRN example.com", "CHUNKING": "BDAT 0 LAST"}
	for _, p := range profile.All {
		synctest.Test(t, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			p.Apply(srv)
			c := textproto.NewConn(dial(t, srv))
			ask(t, c, "")
			ask(t, c, "EHLO client.test")
			for _, line := range p.Extensions {
				keyword, _, _ := strings.Cut(line, " ")
				if verb := verbs[keyword]; verb != "" {
					if got := ask(t, c, verb); strings.HasPrefix(got, "500") || strings.HasPrefix(got, "502") {
						t.Errorf("%s offers %s, but answers %q with %q", p.Name, line, verb, got)
					}
				}
			}
		})
	}
}

// TestRefusals: each has a name, is of class 4 or 5 with the same code on every
// line and the enhanced code of its class, and reaches the client as it is,
// wherever its name says that it can stand.
func TestRefusals(t *testing.T) {
	legal := regexp.MustCompile(`^(4\d\d[ -]4|5\d\d[ -]5)\.\d{1,3}\.\d{1,3} \S`) // RFC 3463 2
	for _, p := range profile.All {
		if p.Source == "" {
			t.Errorf("%s names no source", p.Name)
		}
		for name, r := range p.Refusals {
			for line := range strings.Lines(string(r)) {
				if !legal.MatchString(line) || line[:3] != string(r[:3]) {
					t.Errorf("%s: %s: %q", p.Name, name, line)
				}
			}
			if len(moments[name]) == 0 {
				t.Errorf("%s: %q is no name", p.Name, name)
			}
			for _, event := range moments[name] {
				t.Run(p.Name+"/"+name+"/"+event, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { play(t, p, event, r) })
				})
			}
		}
	}
}

// moments are the events that a refusal answers, as its constant says.
var moments = map[string][]string{
	profile.UnknownUser:       {"RCPT"},
	profile.RelayDenied:       {"RCPT"},
	profile.MailboxFull:       {"RCPT"},
	profile.TooManyRecipients: {"RCPT"},
	profile.TryLater:          {"RCPT"},
	profile.TooBig:            {"MAIL", "."},
	profile.NoRoom:            {"MAIL"},
	profile.Blocked:           {"MAIL", "RCPT", "."},
	profile.RateLimited:       {"CONNECT", "MAIL"},
	profile.BadPassword:       {"AUTH"},
	profile.AuthRequired:      {"MAIL"},
	profile.TLSRequired:       {"MAIL", "AUTH"},
}

// play talks to a receiver that refuses at the event, up to there.
func play(t *testing.T, p profile.Profile, event string, refusal smtptest.Reply) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Users = map[string]string{"ann": "secret"}
	p.Apply(srv)
	srv.Script(smtptest.Rule{On: event, Reply: refusal})
	c := textproto.NewConn(dial(t, srv))
	for _, step := range []struct{ event, line string }{
		{"CONNECT", ""}, {"EHLO", "EHLO client.test"}, {"AUTH", "AUTH PLAIN AGFubgBzZWNyZXQ="}, {"MAIL", "MAIL FROM:<ann@example.com>"},
		{"RCPT", "RCPT TO:<bob@example.com>"}, {"DATA", "DATA"}, {".", "."},
	} {
		if step.event == "AUTH" && event != "AUTH" {
			continue // not offered without TLS
		}
		if step.event == event {
			reply(t, c, step.line, string(refusal))
			return
		}
		if got := ask(t, c, step.line); got[0] != '2' && got[0] != '3' {
			t.Fatalf("%s before %s: %q", step.event, event, got)
		}
	}
	t.Fatalf("no %s in the dialogue", event)
}

// dial starts the server and connects.
func dial(t *testing.T, srv *smtptest.Server) net.Conn {
	t.Helper()
	srv.StartInMemory()
	raw, err := srv.DialContext(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { raw.Close() })
	return raw
}

// ask sends a line, unless it is empty, and returns the reply as it came.
func ask(t *testing.T, c *textproto.Conn, line string) string {
	t.Helper()
	if line != "" {
		c.PrintfLine("%s", line)
	}
	var lines []string
	for {
		got, err := c.ReadLine()
		if err != nil {
			t.Fatalf("%q: %v after %q", line, err, lines)
		}
		lines = append(lines, got)
		if len(got) < 4 || got[3] != '-' {
			return strings.Join(lines, "\n")
		}
	}
}

// TestKeeps: what the test has set of TLS stays, and without anybody to log in
// there is no AUTH.
func TestKeeps(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	own := &tls.Config{}
	srv.TLS = own
	profile.Gmail.Apply(srv)
	if srv.TLS != own || srv.Mechanisms != nil {
		t.Errorf("TLS replaced: %t; Mechanisms = %v", srv.TLS != own, srv.Mechanisms)
	}
	srv.Extensions[0] = "SIZE 1"
	if profile.Gmail.Extensions[0] == "SIZE 1" {
		t.Error("the profile is shared")
	}
	srv.Start()
}

// TestApplyNowhere applies a profile to no server, and the zero profile to one.
func TestApplyNowhere(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	profile.Profile{}.Apply(srv)
	srv.StartInMemory()
	defer func() {
		if p, _ := recover().(string); !strings.HasPrefix(p, "profile: Apply to no Server: ") {
			t.Errorf("panic %q", p)
		}
	}()
	profile.Postfix.Apply(nil)
}
