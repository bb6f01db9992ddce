package lint_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"unicode"
	"unicode/utf8"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/lint"
)

// FuzzCheck sends anything: Check must not panic, and what it says must hold
// together.
func FuzzCheck(f *testing.F) {
	for _, r := range allRows {
		f.Add(onWire(r.bad))
		f.Add(onWire(r.good))
	}
	f.Add("EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<b@c>\r\nDATA\r\n.\r.\n\r\n.\r\n")
	f.Add("EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<b@c>\r\nBDAT 3\r\n.\r\nBDAT 0 LAST\r\nAUTH PLAIN\r\nx\r\nQUIT\r\nx")
	var all []string
	for _, r := range lint.Rules() {
		if r.OptIn {
			all = append(all, r.ID)
		}
	}
	f.Fuzz(func(t *testing.T, talk string) {
		synctest.Test(t, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			srv.Extensions = append(srv.Extensions, "CHUNKING", "BINARYMIME", "DSN")
			srv.Users = map[string]string{"ann": "secret"}
			srv.SizeLimit = 200
			srv.StartInMemory()
			c := client{t: t, srv: srv}
			c.dial()
			c.say(talk)
			c.conn.Close()
			srv.Close()
			sessions := srv.Sessions()
			for _, found := range lint.Check(sessions, all...) {
				checkFinding(t, sessions, found)
			}
		})
	})
}

// onWire is a dialogue in one write.
func onWire(lines []string) string {
	var b strings.Builder
	for _, line := range lines {
		if raw, ok := strings.CutPrefix(line, "+"); ok {
			b.WriteString(raw)
		} else if !strings.HasPrefix(line, "~") && !strings.HasPrefix(line, "<") {
			b.WriteString(line + "\r\n")
		}
	}
	return b.String()
}

func checkFinding(t *testing.T, sessions []smtptest.Session, f lint.Finding) {
	t.Helper()
	s := sessions[f.Session-1]
	if len(f.Octets) > 80 || f.Exchange > len(s.Exchanges) || f.Transaction > len(s.Transactions) || f.Detail == "" || !utf8.ValidString(f.String()) {
		t.Errorf("%+v", f)
	}
	if strings.ContainsFunc(f.Detail, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("%+v: Detail is no line of text", f)
	}
	if f.Offset >= 0 {
		if data := s.Transactions[f.Transaction-1].Data; f.Offset > len(data) || !strings.HasPrefix(data[f.Offset:], f.Octets) && f.ID != "data-eod-lookalike" {
			t.Errorf("%+v: the octets do not stand in %q", f, data)
		}
	}
}
