package lint_test

import (
	"testing"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/lint"
	"github.com/google/go-cmp/cmp"
)

// TestContentInTheWrongPlace verifies what Check finds if content comes before the
// 354, or as commands: one finding for all of its lines.
func TestContentInTheWrongPlace(t *testing.T) {
	slow := func(reply smtptest.Reply) []smtptest.Rule {
		return []smtptest.Rule{{On: "DATA", Delay: time.Second, Reply: reply}}
	}
	early := func(rest ...string) []string { return said(hi, from, to, "+DATA\r\n", "+"+text("Hi!")+"\r\n", rest) }
	undoubled := func(lines string) []string { return said(hi, from, to, "DATA", "+"+text("Hi!", ".", lines), "QUIT") }
	for _, tt := range []struct {
		name   string
		setup  func(*smtptest.Server)
		script []smtptest.Rule
		lines  []string
		want   []string
	}{
		{name: "content before the 354, complete", script: slow(""), lines: early("+.\r\n", "~2s"), want: ids1("data-before-354")},
		{name: "content before the 354, broken off", script: slow(""), lines: early("~2s", "<close"), want: ids1("connection-abandoned-in-data", "data-before-354")},
		{name: "content after the 354, broken off", script: slow(""), lines: said(hi, from, to, "+DATA\r\n", "~2s", "+"+text("Hi!")+"\r\n", "<close"), want: ids1("connection-abandoned-in-data")},
		{name: "content before a 4xx", script: slow("451 4.3.0 no"), lines: early("+.\r\n", "~2s"), want: ids1("data-before-354")},
		{name: "content before a 5xx", script: slow("554 5.3.0 no"), lines: early("+.\r\n", "~2s"), want: ids1("data-before-354")},
		{name: "content with words that are commands before a 5xx", script: slow("554 5.3.0 no"),
			lines: said(hi, from, to, "+DATA\r\n", "+"+text("Help me", "Data follow", "MAIL FROM me")+"\r\n.\r\n", "~2s"), want: ids1("data-before-354")},
		{name: "content before a 2xx", script: slow("250 odd"), lines: early("+.\r\n", "~2s"), want: ids1("data-before-354")},
		{name: "content after a 2xx", script: refuse("DATA", "250 odd"), lines: said(hi, from, to, "DATA", text("Hi!"), "."), want: ids1("data-before-354")},
		{name: "content before a 354 and a close", script: []smtptest.Rule{{On: "DATA", Delay: time.Second, Then: smtptest.Close}}, lines: early("~2s"), want: ids1("data-before-354")},
		{name: "content without a reply to DATA", script: slow(smtptest.NoReply), lines: early("+.\r\n", "~2s"), want: ids1("data-before-354")},
		{name: "content after waiting for a reply to DATA that does not come", script: []smtptest.Rule{{On: "DATA", Reply: smtptest.NoReply}}, lines: said(hi, from, to, "DATA", "~1m", text("Hi!"), "."), want: ids1("data-before-354")},
		{name: "content without a header after a refusal", script: refuse("DATA", "451 4.3.0 no"), lines: said(hi, from, to, "DATA", "+hello\r\nworld\r\n.\r\n"), want: ids1("data-after-refusal")},
		{name: "QUIT without a reply to DATA", script: slow(smtptest.NoReply), lines: said(hi, from, to, "DATA", "QUIT", "~2s")},
		{name: "RSET after a refusal", script: refuse("DATA", "451 4.3.0 no"), lines: said(hi, from, to, "DATA", "RSET", mail("Hi!")[:2])},

		{name: "a line with a lone dot", lines: undoubled("world\r\n.\r\n"), want: ids1("data-dot-not-stuffed")},
		{name: "a line with a lone dot, without PIPELINING", setup: without("PIPELINING"), lines: undoubled("world\r\n.\r\n"), want: ids1("data-dot-not-stuffed")},
		{name: "a line with a lone dot, then no other", lines: undoubled("world\r\n"), want: ids1("data-dot-not-stuffed")},
		{name: "a line with a lone dot, then lines that come later", lines: said(hi, mail("Hi!"), "world", "."), want: ids1("data-dot-not-stuffed")},
		{name: "a line with a lone dot, then lines that come later at once", lines: said(hi, mail("Hi!"), "+hello\r\nworld\r\n"), want: ids1("data-dot-not-stuffed")},
		{name: "a line with a lone dot, then words that are commands", lines: undoubled("Subject: x\r\nHelp me\r\nData follow\r\n.\r\n"), want: ids1("data-dot-not-stuffed")},
		{name: "lines with a lone dot at the end", lines: undoubled(".\r\n"), want: ids1("data-dot-not-stuffed")},
		{name: "the next message after the lines", lines: said(hi, mail("Hi!"), "+hello\r\nworld\r\n.\r\n", "RSET", "MAIL FROM:<eve@client.test>", "RCPT TO:<bob>"), want: ids1("address-unqualified", "data-dot-not-stuffed")},
		{name: "a multipart with a lone dot in it", lines: said(hi, from, to, "DATA", "+"+mixedWith("b")[:len(mixedWith("b"))-len("--b--")]+".\r\nworld\r\n--b--\r\n.\r\n", "QUIT"), want: ids1("data-dot-not-stuffed")},
		{name: "an unknown command after a message", lines: said(hi, mail("Hi!"), "world"), want: ids1("command-unknown")},
		{name: "a dot without a message before", lines: said(hi, "."), want: ids1("command-unknown")},
		{name: "a command behind the dot", lines: said(hi, from, to, "DATA", "+"+text("Hi!")+"\r\n.\r\nRSET\r\nNOOP\r\n")},

		{name: "a chunk that is too short", setup: idle, lines: said(hi, from, to, "+BDAT 1000 LAST\r\n"+text("Hi!"), "~2m"), want: ids1("bdat-length-wrong")},
		{name: "a chunk that is too short, before the last", setup: idle, lines: said(hi, from, to, "+BDAT 4\r\nabc", "~2m"), want: ids1("bdat-length-wrong")},
		{name: "a command taken for the end of a chunk", setup: idle, lines: said(hi, from, to, "+BDAT 40 LAST\r\nabc\r\nQUIT\r\n", "~2m"), want: ids1("bdat-length-wrong")},
		{name: "a chunk that is broken off", lines: said(hi, from, to, "+BDAT 1000 LAST\r\n"+text("Hi!"), "<close"), want: ids1("connection-abandoned-in-data")},
		{name: "a whole chunk, and nothing more", setup: idle, lines: said(hi, from, to, "+"+chunk("abc", ""), "~2m")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found := findings(t, row{setup: tt.setup, script: tt.script}, tt.lines)
			if diff := cmp.Diff(append([]string{}, tt.want...), ids(found)); diff != "" {
				t.Errorf("Check() mismatch (-want +got):\n%s\n%v", diff, found)
			}
			seen := map[string]bool{}
			for _, f := range found {
				if seen[f.ID] {
					t.Errorf("%s is there twice: %v", f.ID, found)
				}
				seen[f.ID] = true
			}
		})
	}
}

func idle(srv *smtptest.Server) { srv.IdleTimeout = time.Minute }

// TestLevels verifies the levels of the rules that have two.
func TestLevels(t *testing.T) {
	for _, tt := range []struct {
		name   string
		setup  func(*smtptest.Server)
		script []smtptest.Rule
		lines  []string
		id     string
		want   lint.Level
	}{
		{name: "AUTH in clear, and the server has no STARTTLS", setup: withUsers, lines: said(hi, plain), id: "auth-cleartext", want: lint.Warning},
		{name: "AUTH in clear, and the server has STARTTLS", setup: secure, lines: said(hi, plain), id: "auth-cleartext", want: lint.Error},
		{name: "AUTH in clear, and the server has no AUTH", lines: said(hi, plain), id: "auth-cleartext", want: lint.Error},
		{name: "STARTTLS ignored by MAIL", setup: withTLS, lines: said(hi, from), id: "starttls-ignored", want: lint.Error},
		{name: "STARTTLS ignored by AUTH", setup: secure, lines: said(hi, plain), id: "starttls-ignored", want: lint.Error},
		{name: "STARTTLS ignored by a MAIL that is refused", setup: withTLS, script: refuse("MAIL", "530 5.7.0 STARTTLS first"), lines: said(hi, from), id: "starttls-ignored", want: lint.Warning},
		{name: "no QUIT", lines: said(hi, "<close"), id: "quit-missing", want: lint.Error},
		{name: "no QUIT after a 4xx", script: refuse("MAIL", "450 4.1.0 later"), lines: said(hi, from, "<close"), id: "quit-missing", want: lint.Warning},
		{name: "no QUIT after a 5xx", script: refuse("MAIL", "550 5.1.0 no"), lines: said(hi, from, "<close"), id: "quit-missing", want: lint.Warning},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found := findings(t, row{setup: tt.setup, script: tt.script}, tt.lines)
			for _, f := range found {
				if f.ID == tt.id {
					if f.Level != tt.want {
						t.Errorf("Level = %v, want %v", f.Level, tt.want)
					}
					return
				}
			}
			t.Errorf("%s is not there: %v", tt.id, found)
		})
	}
}
