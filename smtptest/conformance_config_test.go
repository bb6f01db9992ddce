package smtptest_test

import (
	"crypto/tls"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

// TestLateChanges holds that what is written into the fields after Start is
// told to the test and changes nothing.
func TestLateChanges(t *testing.T) {
	changes := []struct {
		field  string
		change func(*smtptest.Server)
	}{
		{"Hostname", func(s *smtptest.Server) { s.Hostname = "other.test" }},
		{"Greeting", func(s *smtptest.Server) { s.Greeting = "other" }},
		{"Extensions", func(s *smtptest.Server) { s.Extensions[0] = "OTHER" }},
		{"SizeLimit", func(s *smtptest.Server) { s.SizeLimit = 1 }},
		{"TLS", func(s *smtptest.Server) { s.TLS = &tls.Config{} }},
		{"Users", func(s *smtptest.Server) { s.Users = nil }},
		{"Users", func(s *smtptest.Server) { s.Users["bob"] = "secret" }},
		{"Authenticate", func(s *smtptest.Server) { s.Authenticate = func(smtptest.Credentials) bool { return true } }},
		{"Mechanisms", func(s *smtptest.Server) { s.Mechanisms = []string{"PLAIN"} }},
		{"ClearMechanisms", func(s *smtptest.Server) { s.ClearMechanisms = []string{"PLAIN"} }},
		{"RequireTLS", func(s *smtptest.Server) { s.RequireTLS = true }},
		{"RequireAuth", func(s *smtptest.Server) { s.RequireAuth = true }},
		{"LMTP", func(s *smtptest.Server) { s.LMTP = true }},
		{"Handler", play.WithHandlerReply("554 no")},
		{"Commands", func(s *smtptest.Server) {
			s.Commands = map[string]smtptest.CommandFunc{"MAIL": func(*smtptest.Channel, string) smtptest.Reply { return "550 no" }}
		}},
		{"Parameters", func(s *smtptest.Server) { s.Parameters = map[string]func(string) error{"SIZE": nil} }},
		{"Seed", func(s *smtptest.Server) { s.Seed = 7 }},
		{"IdleTimeout", func(s *smtptest.Server) { s.IdleTimeout = time.Nanosecond }},
		{"WaitTimeout", func(s *smtptest.Server) { s.WaitTimeout = time.Nanosecond }},
	}
	want, _ := lateChange(t, func(*smtptest.Server) {})
	changed := map[string]bool{}
	for _, c := range changes {
		changed[c.field] = true
		got, failure := lateChange(t, c.change)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s has an effect (-want +got):\n%s", c.field, diff)
		}
		if say := "Server." + c.field + " was changed after Start"; !strings.Contains(failure, say) {
			t.Errorf("failure %q does not say %q", failure, say)
		}
	}
	if len(changed) != smtptest.ConfigFields {
		t.Errorf("%d of %d fields were changed", len(changed), smtptest.ConfigFields)
	}
}

// lateChange plays a dialogue to a server whose fields have changed.
func lateChange(t *testing.T, change func(*smtptest.Server)) (heard []string, failure string) {
	tb := &play.FakeTB{}
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewUnstartedServer(tb)
		srv.Users = map[string]string{"ann": "secret"}
		srv.StartInMemory()
		srv.Script(smtptest.Rule{On: "RCPT TO:<refused@server.test>", Reply: "550 5.1.1 no"})
		change(srv)
		c := play.Listen(play.Dial(t, srv))
		for _, send := range []string{
			"", "EHLO client.test\r\n", "VRFY a@server.test\r\n", "RSET\r\n",
			"MAIL FROM:<a@client.test> SIZE=1000\r\n", "RCPT TO:<refused@server.test>\r\n", "DATA\r\n",
			"RCPT TO:<b@server.test>\r\n", "DATA\r\n", "text\r\n.\r\n",
			"MAIL FROM:<a@client.test>\r\n", "BDAT 1 LAST\r\n", "QUIT\r\n",
		} {
			c.Say(play.Step{Send: send})
			heard = append(heard, c.Heard())
		}
		srv.Wait(1)
		tb.End()
	})
	return heard, tb.Errors()
}
