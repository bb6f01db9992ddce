package record_test

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

// traces is what a session keeps of octets that were no command, and of lines
// that it may not show.
type traces struct {
	unread    string
	truncated bool
	early     []string // commands
	dropped   []string
	hidden    []string // length and flaw of masked lines
}

func tracesOf(s smtptest.Session) traces {
	tr := traces{unread: s.Unread, truncated: s.Truncated}
	for _, e := range s.Exchanges {
		if e.Pipelined {
			tr.early = append(tr.early, e.Command)
		}
		if e.Dropped != "" {
			tr.dropped = append(tr.dropped, e.Command+": "+e.Dropped)
		}
		if e.Length > 0 || e.AuthError != "" {
			tr.hidden = append(tr.hidden, fmt.Sprintf("%s: %d: %s", e.Command, e.Length, e.AuthError))
		}
	}
	return tr
}

func TestTraces(t *testing.T) {
	inTLS := func(c net.Conn, srv *smtptest.Server) *play.Listener {
		return play.Listen(tls.Client(c, srv.ClientTLSConfig()))
	}
	starttls := "EHLO client.test\r\nSTARTTLS\r\n" // early
	ir := base64.StdEncoding.EncodeToString([]byte("\x00ann\x00secret"))
	withUsers := func(srv *smtptest.Server) { srv.Users = map[string]string{"ann": "secret"} }
	for _, tt := range []struct {
		name, why string
		setup     func(*smtptest.Server)
		play      func(c net.Conn, srv *smtptest.Server)
		want      traces
	}{
		{name: "behind quit", why: "RFC 5321 4.1.1.10", want: traces{unread: "NOOP\r\n"},
			play: func(c net.Conn, _ *smtptest.Server) { play.Listen(c).Say(play.Step{Send: "QUIT\r\nNOOP\r\n"}) }},
		{name: "unfinished line", why: "only CRLF ends a line", want: traces{unread: "EHLO client.test\n"},
			play: func(c net.Conn, _ *smtptest.Server) { play.Listen(c).Say(play.Step{Send: "EHLO client.test\n"}) }},
		{name: "unfinished AUTH", why: "it holds a secret", want: traces{unread: "AUTH PLAIN ****"}, setup: withUsers,
			play: func(c net.Conn, _ *smtptest.Server) { play.Listen(c).Say(play.Step{Send: "AUTH PLAIN " + ir}) }},
		{name: "unfinished response", why: "it is a secret", want: traces{unread: "****", early: []string{"AUTH PLAIN"}}, setup: withUsers,
			play: func(c net.Conn, _ *smtptest.Server) {
				play.Listen(c).Say(play.Step{Send: "EHLO client.test\r\nAUTH PLAIN\r\n"})
				io.WriteString(c, ir)
				synctest.Wait()
			}},
		{name: "answer to the 334 of a rule", why: "whoever has asked for it, it is a secret", want: traces{unread: "****", hidden: []string{"****: 7: ", "****: 6: "}},
			setup: func(srv *smtptest.Server) { srv.Script(smtptest.Rule{On: "XOAUTH2", Reply: "334 "}) },
			play: func(c net.Conn, _ *smtptest.Server) {
				l := play.Listen(c)
				for _, send := range []string{"XOAUTH2\r\n", "secret\r\n", "secret"} {
					l.Say(play.Step{Send: send})
				}
			}},
		{name: "masked lines", why: "length and flaws are no secret", setup: withUsers,
			want: traces{hidden: []string{"AUTH PLAIN ****: 15: not base64", "AUTH PLAIN ****: 19: PLAIN: malformed response: not two NULs", "AUTH PLAIN ****: 600: not base64", "AUTH PLAIN ****: 512: ", "AUTH PLAIN ****: 27: "}},
			play: func(c net.Conn, _ *smtptest.Server) {
				l := play.Listen(c)
				for _, line := range []string{"EHLO client.test", "AUTH PLAIN ****", "AUTH PLAIN YWJjZA==", "AUTH PLAIN " + strings.Repeat("x", 589), "AUTH PLAIN " + strings.Repeat("x", 13_000), "AUTH PLAIN " + ir} {
					l.Say(play.Step{Send: line + "\r\n"})
				}
			}},
		{name: "content before the 354", why: "Pipelined at the dot", want: traces{early: []string{"."}},
			play: func(c net.Conn, _ *smtptest.Server) {
				l := play.Listen(c)
				for _, line := range []string{"EHLO client.test", "MAIL FROM:<>", "RCPT TO:<b@test>", "DATA\r\nHi!", "."} {
					l.Say(play.Step{Send: line + "\r\n"})
				}
			}},
		{name: "behind STARTTLS", why: "RFC 3207 4: thrown away, and the next command is not early", setup: play.WithTLS,
			want: traces{dropped: []string{"STARTTLS: RSET\r\nAUTH LOGIN\r\n****"}, truncated: true},
			play: func(c net.Conn, srv *smtptest.Server) {
				io.WriteString(c, "EHLO client.test\r\n")
				synctest.Wait()
				io.WriteString(c, "STARTTLS\r\nRSET\r\nAUTH LOGIN\r\nc2VjcmV0\r\n")
				discard(c)
				inTLS(c, srv).Say(play.Step{Send: "NOOP\r\n"})
			}},
		{name: "no handshake", why: "RFC 3207 4", setup: play.WithTLS, want: traces{early: []string{"STARTTLS"}, dropped: []string{"TLS: EHLO "}},
			play: func(c net.Conn, _ *smtptest.Server) {
				l := play.Listen(c)
				l.Say(play.Step{Send: starttls})
				l.Say(play.Step{Send: "EHLO client.test\r\n"})
			}},
		{name: "close_notify", why: "RFC 8446 6.1", setup: play.WithTLS, want: traces{early: []string{"STARTTLS"}},
			play: func(c net.Conn, srv *smtptest.Server) {
				io.WriteString(c, starttls)
				discard(c)
				l := inTLS(c, srv)
				l.Say(play.Step{Send: "NOOP\r\n"})
				l.Close()
			}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := smtptest.NewUnstartedServer(t)
				if tt.setup != nil {
					tt.setup(srv)
				}
				srv.StartInMemory()
				c := play.Dial(t, srv)
				tt.play(c, srv)
				c.Close()
				s := srv.WaitSession(func(smtptest.Session) bool { return true })
				if diff := cmp.Diff(tt.want, tracesOf(s), cmp.AllowUnexported(traces{})); diff != "" {
					t.Errorf("%s\ntraces (-want +got):\n%s", tt.why, diff)
				}
				if s.TLS != nil && !bytes.Equal(s.TLS.Cert, srv.Certificate().Raw) {
					t.Errorf("TLS.Cert = %x", s.TLS.Cert)
				}
			})
		})
	}
}

// discard reads what has come so far.
func discard(c net.Conn) {
	synctest.Wait()
	c.Read(make([]byte, 4096))
}

// TestTransactionShape holds that a refused message keeps how it was sent.
func TestTransactionShape(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewUnstartedServer(t)
		srv.Extensions = append(srv.Extensions, "CHUNKING")
		srv.StartInMemory()
		srv.Script(smtptest.Rule{On: ".", Reply: "554 5.6.0 no"})
		c := play.Listen(play.Dial(t, srv))
		for _, s := range []string{"EHLO client.test\r\n", "MAIL FROM:<>\r\nRCPT TO:<b@test>\r\nDATA\r\n", ".a\r\n.\r\n",
			"MAIL FROM:<>\r\nRCPT TO:<b@test>\r\nBDAT 3\r\nabc", "BDAT 2 LAST\r\nd\n", "QUIT\r\n"} {
			c.Say(play.Step{Send: s})
		}
		trs := srv.WaitSession(func(smtptest.Session) bool { return true }).Transactions
		if diff := cmp.Diff([]int{0}, trs[0].Unstuffed); diff != "" {
			t.Errorf("Unstuffed (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]int{3}, trs[1].Chunks); diff != "" {
			t.Errorf("Chunks (-want +got):\n%s", diff)
		}
	})
}
