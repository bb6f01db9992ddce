package misuse_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

// TestUnmetRequirement verifies when a server that requires what no client can do fails
// its test.
func TestUnmetRequirement(t *testing.T) {
	const mail = "EHLO client.test\r\nMAIL FROM:<a@client.test>\r\nQUIT\r\n"
	requireTLS := func(srv *smtptest.Server) { srv.RequireTLS = true }
	requireAuth := func(srv *smtptest.Server) { srv.RequireAuth = true }
	for _, c := range []struct {
		name  string
		setup func(*smtptest.Server)
		sent  string
		rules []smtptest.Rule
		want  string
	}{
		{"no TLS", requireTLS, mail, nil, "Server.RequireTLS is set, but Server.TLS is not"},
		{"no TLS, and no mail", requireTLS, "EHLO client.test\r\nNOOP\r\nQUIT\r\n", nil, ""},
		{"no TLS, and a rule accepts", requireTLS, mail, []smtptest.Rule{{On: "MAIL", Reply: "250 OK"}}, ""},
		{"no TLS, and a rule accepts later", requireTLS, "EHLO client.test\r\nMAIL FROM:<a@client.test>\r\nMAIL FROM:<a@client.test>\r\nQUIT\r\n",
			[]smtptest.Rule{{On: "MAIL", Skip: 1, Reply: "250 OK"}}, ""},
		{"TLS, and the client does without", func(srv *smtptest.Server) { srv.RequireTLS, srv.TLS = true, &tls.Config{} }, mail, nil, ""},
		{"no users", requireAuth, mail, nil, "Server.RequireAuth is set, but no client can log in"},
		{"an empty map of users", func(srv *smtptest.Server) { srv.RequireAuth, srv.Users = true, map[string]string{} }, mail, nil, "Server.RequireAuth is set"},
		{"users, and the client does without", func(srv *smtptest.Server) { srv.RequireAuth = true; play.WithUsers(srv) }, mail, nil, ""},
		{"Authenticate", func(srv *smtptest.Server) {
			srv.RequireAuth, srv.Authenticate = true, func(smtptest.Credentials) bool { return false }
		}, mail, nil, ""},
		{"an AUTH of the test's own", func(srv *smtptest.Server) {
			srv.RequireAuth = true
			play.WithReply("AUTH", "535 no")(srv)
		}, mail, nil, ""},
		{"both", func(srv *smtptest.Server) { srv.RequireTLS, srv.RequireAuth = true, true }, mail, nil, "Server.RequireTLS is set"},
		{"neither", func(*smtptest.Server) {}, mail, nil, ""},
		{"a 530 for another reason", requireAuth, mail, []smtptest.Rule{{On: "MAIL", Reply: "530 5.7.1 no"}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			tb := &play.FakeTB{}
			synctest.Test(t, func(t *testing.T) {
				srv := smtptest.NewUnstartedServer(tb)
				c.setup(srv)
				srv.StartInMemory()
				srv.Script(c.rules...)
				conn := play.Dial(t, srv)
				fmt.Fprint(conn, c.sent)
				io.ReadAll(conn)
				conn.Close()
				tb.End()
			})
			if got := tb.Errors(); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("failures %q, want %q", got, c.want)
			}
		})
	}
}

// TestPartialTimes verifies which rules are logged because they fired less often than
// their Times.
func TestPartialTimes(t *testing.T) {
	for _, c := range []struct {
		rule smtptest.Rule
		want string // in the log
	}{
		{smtptest.Rule{On: "NOOP", Times: 3, Reply: "450 no"}, `rule 1 fired 2 of 3 times: {On: "NOOP", Times: 3`},
		{smtptest.Rule{On: "NOOP", Times: 2, Reply: "450 no"}, ""},
		{smtptest.Rule{On: "NOOP", Reply: "450 no"}, ""},
		{smtptest.Rule{On: "NOOP", Times: 3, Per: smtptest.PerSession, Reply: "450 no"}, ""},
	} {
		tb := &play.FakeTB{}
		synctest.Test(t, func(t *testing.T) {
			srv := smtptest.NewInMemoryServer(tb)
			srv.Script(c.rule)
			conn := play.Dial(t, srv)
			fmt.Fprint(conn, "NOOP\r\nNOOP\r\nQUIT\r\n")
			io.ReadAll(conn)
			conn.Close()
			tb.End()
		})
		if got := tb.Logged(); (got == "") != (c.want == "") || !strings.Contains(got, c.want) || tb.Errors() != "" {
			t.Errorf("%v: log %q, failures %q, want %q", c.rule, got, tb.Errors(), c.want)
		}
	}
}
