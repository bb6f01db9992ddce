package smtptest_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

// upstream is the server behind a PureProxy. The returned function gives the
// messages whose content it has read, as smtpd lists them.
func (c oracleCase) upstream(t *testing.T) (*smtptest.Server, func() []oracleMessage) {
	srv := smtptest.NewUnstartedServer(t)
	var taken []oracleMessage // written by its one client's session
	srv.Handler = smtptest.HandlerFunc(func(_ context.Context, m smtptest.Message) smtptest.Reply {
		taken = append(taken, seenAsBySMTPD(m, true))
		return smtptest.Reply(c.Config.Upstream.End)
	})
	var rules []smtptest.Rule
	for on, reply := range map[string]string{"MAIL": c.Config.Upstream.Mail, "DATA": c.Config.Upstream.Data} {
		if reply != "" {
			rules = append(rules, smtptest.Rule{On: on, Reply: smtptest.Reply(reply)})
		}
	}
	for to, reply := range c.Config.Upstream.Refuse {
		rules = append(rules, smtptest.Rule{On: "RCPT TO:<" + to + ">", Reply: smtptest.Reply(reply)})
	}
	srv.Script(rules...)
	srv.StartInMemory()
	return srv, func() []oracleMessage { srv.Close(); return taken }
}

// refusedUpstream are the refusals of each delivery, as smtpd's _deliver returns
// them.
func refusedUpstream(srv *smtptest.Server) (deliveries []map[string]string) {
	for _, s := range srv.Sessions() {
		for _, tr := range s.Transactions {
			refused := map[string]string{}
			for _, r := range tr.Recipients {
				if r.Final.Code() >= 400 {
					refused[r.To] = string(r.Final)
				}
			}
			deliveries = append(deliveries, refused)
		}
	}
	return deliveries
}

// listenIPv6 is nil on a machine without IPv6.
func listenIPv6(t *testing.T) net.Listener {
	ln, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Logf("this machine has no IPv6: %v", err)
		return nil
	}
	return ln
}

// built is what came of making a server.
type built struct {
	Failed bool
	Family string // "ipv4", "ipv6"; "" if it is not recorded
	Left   bool   // a failed server still holds the address
}

// construct makes the case's server, and compares. smtpd listens by itself; here
// the test does, for any other address than the default one.
func (c oracleCase) construct(t *testing.T) {
	want := built{Failed: c.Error != nil, Family: c.Family}
	got, family := built{}, ""
	switch {
	case c.Config.ListenFails || c.Config.PortInUse:
		got = listenTwice(t)
	case c.Config.Listen == "::1":
		if srv, _ := c.server(t, nil); listenAt(srv, listenIPv6(t)) {
			srv.Start()
			family = familyOf(srv)
		} else {
			family = c.Family
		}
	default:
		tb := &play.FakeTB{}
		srv, _ := c.server(tb, nil)
		play.Try(srv.Start)
		got.Failed, family = tb.Errors() != "", familyOf(srv)
		tb.End()
	}
	if c.Family != "" {
		got.Family = family
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("construction (-smtpd +ours):\n%s", diff)
	}
}

func listenAt(srv *smtptest.Server, ln net.Listener) bool {
	if ln != nil {
		srv.Listener = ln
	}
	return ln != nil
}

func familyOf(srv *smtptest.Server) string {
	if strings.Contains(srv.Host(), ":") {
		return "ipv6"
	}
	return "ipv4"
}

// listenTwice tries to listen where a server does, and again once that is
// closed.
func listenTwice(t *testing.T) (got built) {
	first, err := net.Listen("tcp4", "127.0.0.3:0") // where no other test of this machine listens
	if err != nil {
		t.Fatal(err)
	}
	srv := smtptest.NewUnstartedServer(t)
	srv.Listener = first
	srv.Start()
	if ln, err := net.Listen("tcp4", srv.Addr); err != nil {
		got.Failed = true
	} else {
		ln.Close()
	}
	srv.Close()
	ln, err := net.Listen("tcp4", srv.Addr)
	if err != nil {
		got.Left = true
		return got
	}
	ln.Close()
	return got
}
