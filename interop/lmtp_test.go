package interop

import (
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
)

// TestLMTP delivers by LMTP over TCP and over a Unix socket.
func TestLMTP(t *testing.T) {
	m := mails[0]
	for _, c := range []struct {
		name    string
		adds    string // octets that it puts behind the message
		deliver func(t *testing.T, srv *smtptest.Server, to ...string) error
	}{
		{"smtplib", "", lmtpSmtplib},
		{"swaks", "\r\n", lmtpSwaks},
		{"msmtp", "", lmtpMsmtp},
	} {
		for _, network := range []string{"tcp", "unix"} {
			t.Run(c.name+" "+network, func(t *testing.T) {
				srv := lmtpServer(t, network)
				if err := c.deliver(t, srv, m.to...); err != nil {
					t.Fatal(err)
				}
				want := m
				want.data += c.adds
				compare(t, want, srv.Wait(1)[0])
			})
		}
	}
}

// TestLMTPRecipients: each of three recipients, one of them twice, gets its own
// reply, and swaks tells what it was told.
func TestLMTPRecipients(t *testing.T) {
	srv := lmtpServer(t, "unix")
	srv.Script(smtptest.Rule{On: ". <eve@example.org>", Reply: "452 4.2.2 mailbox full"})
	err := lmtpSwaks(t, srv, "bob@example.com", "eve@example.org", "bob@example.com")
	if err != nil && !strings.Contains(err.Error(), "452") {
		t.Fatal(err)
	}
	s := srv.WaitSession(func(smtptest.Session) bool { return true })
	want := []string{"250 2.0.0 OK", "452 4.2.2 mailbox full", "250 2.0.0 OK"}
	for i, r := range s.Transactions[0].Recipients {
		if string(r.FinalReply) != want[i] {
			t.Errorf("%s: %q, want %q", r.To, r.FinalReply, want[i])
		}
	}
	compare(t, mail{from: mails[0].from, to: []string{"bob@example.com", "bob@example.com"}, data: mails[0].data + "\r\n"}, srv.Wait(1)[0])
}

func lmtpServer(t *testing.T, network string) *smtptest.Server {
	srv := smtptest.NewUnstartedServer(t)
	srv.LMTP = true
	if network == "unix" {
		ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "lmtp"))
		if err != nil {
			t.Fatal(err)
		}
		srv.Listener = ln
	}
	srv.Start()
	return srv
}

func lmtpSmtplib(t *testing.T, srv *smtptest.Server, to ...string) error {
	j := job{Host: srv.Host(), Port: srv.Port(), LMTP: true, Mails: []jobMail{{mails[0].from, to, mails[0].data}}}
	if j.Port == 0 {
		j.Host = srv.Addr
	}
	out, err := runProgram(t, encode(t, j), program(t, "python3"), "testdata/smtplib_client.py")
	return told(out, err)
}

func lmtpSwaks(t *testing.T, srv *smtptest.Server, to ...string) error {
	args := []string{"--protocol", "LMTP", "--helo", "client.test", "--from", mails[0].from, "--to", strings.Join(to, ","), "--data", "-"}
	if srv.Port() == 0 {
		args = append(args, "--socket", srv.Addr)
	} else {
		args = append(args, "--server", srv.Addr)
	}
	return told(runProgram(t, mails[0].data, program(t, "swaks"), args...))
}

func lmtpMsmtp(t *testing.T, srv *smtptest.Server, to ...string) error {
	args := append(msmtpArgs(t, srv, security{}), "--protocol=lmtp", "--from="+mails[0].from)
	data := strings.ReplaceAll(mails[0].data, "\r\n", "\n")
	return told(runProgram(t, data, program(t, "msmtp"), append(append(args, "--"), to...)...))
}
