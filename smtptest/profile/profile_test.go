package profile_test

import (
	"crypto/tls"
	"net/textproto"
	"slices"
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
				srv.StartInMemory()
				raw, err := srv.DialContext(t.Context(), "", "")
				if err != nil {
					t.Fatal(err)
				}
				defer raw.Close()
				c := textproto.NewConn(raw)
				reply(t, c, "", p.Hostname+" "+p.Greeting)
				reply(t, c, "EHLO client.test", lines(p.Hostname, p.Extensions, "STARTTLS"))
				reply(t, c, "STARTTLS", "2.0.0 Ready to start TLS")
				c = textproto.NewConn(tls.Client(raw, srv.ClientTLSConfig()))
				reply(t, c, "EHLO client.test", lines(p.Hostname, p.Extensions, "AUTH "+strings.Join(p.Mechanisms, " ")))
			})
		})
	}
}

// reply sends a line, unless it is empty, and compares what is answered.
func reply(t *testing.T, c *textproto.Conn, line, want string) {
	t.Helper()
	if line != "" {
		c.PrintfLine("%s", line)
	}
	_, got, err := c.ReadResponse(2)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%q: %v, reply mismatch (-want +got):\n%s", line, err, diff)
	}
}

func lines(hostname string, extensions []string, last string) string {
	return strings.Join(slices.Concat([]string{hostname}, extensions, []string{last}), "\n")
}

// TestRefusals: each is a refusal that a script takes, with the enhanced code of
// its class on every line, and has one of the names.
func TestRefusals(t *testing.T) {
	for _, p := range profile.All {
		if p.Source == "" {
			t.Errorf("%s names no source", p.Name)
		}
		for name, r := range p.Refusals {
			srv := smtptest.NewServer(t)
			srv.Script(smtptest.Rule{On: "*", Reply: r, Optional: true})
			for line := range strings.Lines(string(r)) {
				if class := line[:1]; (class != "4" && class != "5") || line[4:6] != class+"." {
					t.Errorf("%s: %s: %q", p.Name, name, line)
				}
			}
			if !slices.Contains(names, name) {
				t.Errorf("%s: %q is no name", p.Name, name)
			}
		}
	}
}

var names = []string{profile.UnknownUser, profile.RelayDenied, profile.MailboxFull, profile.TooManyRecipients, profile.TryLater, profile.TooBig,
	profile.NoRoom, profile.Blocked, profile.RateLimited, profile.BadPassword, profile.AuthRequired, profile.TLSRequired}

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
