package tls_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

// TestTLSAlert: what TLS itself refuses behind the handshake is no end by the
// client, and the record says what it was (RFC 8446 6.2).
func TestTLSAlert(t *testing.T) {
	for _, c := range []struct{ name, octets, why string }{
		{"in clear", "EHLO client.test\r\n", "tls: received record with version 484c when expecting version 303"},
		{"of another session", "\x17\x03\x03\x00\x20" + strings.Repeat("x", 32), "local error: tls: bad record MAC"},
		{"too long", "\x17\x03\x03\xff\xff", "tls: oversized record received with length 65535"},
		{"the end in the middle of a record", "\x17\x03\x03\x00\x20x", ""},
		{"the end", "", ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			srv.StartTLSInMemory()
			raw := play.Dial(t, srv)
			conn := tls.Client(raw, srv.ClientTLSConfig())
			if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || line != play.Greeting+"\r\n" {
				t.Fatalf("%q, %v", line, err)
			}
			io.WriteString(raw, c.octets)
			if c.why == "" {
				raw.Close()
			}
			s := srv.WaitSession(nil)
			end, note := smtptest.EndTLS, "-- CONNECT: TLS failed: "+c.why+"\n"
			if c.why == "" {
				end, note = smtptest.EndClosed, ""
			}
			if got := s.Transcript(); s.End != end || !strings.Contains(got, note) || strings.Contains(got, "TLS failed: ") != (note != "") {
				t.Errorf("%s: End = %q, want %q, and %q in\n%s", c.name, s.End, end, note, got)
			}
		})
	}
}
