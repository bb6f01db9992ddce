package verbs_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/go-smtptest/smtp/smtptest/lint"
	"github.com/google/go-cmp/cmp"
)

// codesOf sends the lines in one session and returns the code of the reply to each.
func codesOf(t *testing.T, setup func(*smtptest.Server), lines ...string) (codes []int, srv *smtptest.Server) {
	t.Helper()
	srv = smtptest.NewUnstartedServer(t)
	setup(srv)
	srv.StartInMemory()
	c := play.Dial(t, srv)
	fmt.Fprint(c, strings.Join(lines, "\r\n")+"\r\nQUIT\r\n")
	if _, err := io.ReadAll(c); err != nil {
		t.Fatal(err)
	}
	c.Close()
	for _, e := range srv.WaitSession(nil).Exchanges {
		if !e.Event && e.Command != "QUIT" {
			codes = append(codes, e.Reply.Code())
		}
	}
	return codes, srv
}

// TestLenient verifies what a strict server refuses with 501 and a lenient one accepts,
// what neither accepts, and that lint reports the same line in both modes.
func TestLenient(t *testing.T) {
	const ehlo, mail, rcpt = "EHLO client.test", "MAIL FROM:<a@client.test>", "RCPT TO:<b@server.test>"
	at := func(verb string) []string { // what precedes it
		switch verb {
		case "MAIL":
			return []string{ehlo}
		case "RCPT":
			return []string{ehlo, mail}
		}
		return nil
	}
	for _, c := range []struct {
		line            string
		strict, lenient int
		same            string // the correct line; "" if there is none
	}{
		{"MAIL FROM: <a@client.test>", 501, 250, mail},
		{"MAIL FROM:\t<a@client.test>", 501, 250, mail},
		{"MAIL FROM :<a@client.test>", 501, 250, mail},
		{"MAIL FROM : <a@client.test>", 501, 250, mail},
		{"MAIL  FROM:<a@client.test>", 501, 250, mail},
		{"MAIL \tFROM:<a@client.test>", 501, 250, mail},
		{"mail from:   <a@client.test>   ", 501, 250, "mail from:<a@client.test>"},
		{"MAIL FROM:a@client.test", 501, 250, mail},
		{"MAIL FROM: a@client.test", 501, 250, mail},
		{"MAIL FROM:a@client.test SIZE=10", 501, 250, mail + " SIZE=10"},
		{`MAIL FROM:"a  b"@client.test SIZE=10`, 501, 250, `MAIL FROM:<"a  b"@client.test> SIZE=10`},
		{`MAIL FROM: <"a  b"@client.test>`, 501, 250, `MAIL FROM:<"a  b"@client.test>`},
		{"MAIL FROM:<a@client.test>  SIZE=10", 501, 250, mail + " SIZE=10"},
		{"MAIL FROM:<a@client.test> SIZE=10  BODY=7BIT", 501, 250, mail + " SIZE=10 BODY=7BIT"},
		{"MAIL FROM:<a@client.test> SIZE=10\tBODY=7BIT", 501, 250, mail + " SIZE=10 BODY=7BIT"},
		{"MAIL FROM: <>", 501, 250, "MAIL FROM:<>"},
		{"MAIL FROM:<a@client.test>", 250, 250, mail},
		{"MAIL FROM:<a@client.test> \t ", 250, 250, mail},
		{"MAIL FROM:", 501, 501, ""},
		{"MAIL FROM", 501, 501, ""},
		{"MAIL", 501, 501, ""},
		{"MAIL a@client.test", 501, 501, ""},
		{"MAIL FROM:a", 501, 501, ""},
		{"MAIL FROM:<a@client.test", 501, 501, ""},
		{"MAIL FROM:a@client.test>", 501, 501, ""},
		{"MAIL FROM:<a@client.test>SIZE=10", 501, 501, ""},
		{"MAIL FROM: <a@client.test> RET=HDRS", 501, 555, ""},
		{"MAIL FROM: <a@client.test> SIZE=x", 501, 501, ""},
		{"MAIL FROM: <a@client.test> SIZE=99999999999", 552, 552, ""},
		{"MAIL FROM: <" + strings.Repeat("x", 65) + "@client.test>", 501, 501, ""},
		{"MAIL FROM: <a@client.test>" + strings.Repeat(" ", 600), 500, 500, ""},
		{"RCPT TO: <b@server.test>", 501, 250, rcpt},
		{"RCPT TO :<b@server.test>", 501, 250, rcpt},
		{"RCPT  TO:<b@server.test>", 501, 250, rcpt},
		{"RCPT TO:b@server.test", 501, 250, rcpt},
		{"RCPT TO:postmaster", 501, 250, "RCPT TO:<postmaster>"},
		{"RCPT TO: <>", 501, 501, ""},
		{"RCPT TO:<b@server.test>  NOTIFY=NEVER", 501, 555, ""},
		{"EHLO my_container", 501, 250, ""},
		{"HELO my_container", 501, 250, ""},
		{"EHLO  client.test", 501, 250, ehlo},
		{"EHLO -x-", 501, 250, ""},
		{"EHLO 127.0.0.1:25", 501, 250, ""},
		{"EHLO", 501, 501, ""},
		{"EHLO h\xc3\xa9llo", 501, 501, ""},
		{"EHLO a\x00b", 501, 501, ""},
		{"EHLO client.test and more", 250, 250, ""},
		{"EHLO [127.0.0.1] and more", 250, 250, ""},
	} {
		t.Run(c.line[:min(40, len(c.line))], func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				verb, _, _ := strings.Cut(strings.ToUpper(c.line), " ")
				before := at(verb)
				lines := append(slices.Clone(before), c.line)
				var findings [2][]string
				for i, lenient := range []bool{false, true} {
					codes, srv := codesOf(t, func(s *smtptest.Server) { s.Lenient = lenient }, lines...)
					want := c.strict
					if lenient {
						want = c.lenient
					}
					if got := codes[len(before)]; got != want {
						t.Errorf("lenient %v: reply %d, want %d", lenient, got, want)
					}
					x := srv.Sessions()[0].Exchanges[len(lines)]
					if x.Command != c.line && !x.TooLong {
						t.Errorf("lenient %v: recorded as %q", lenient, x.Command)
					}
					for _, f := range lint.Check(srv.Sessions()) {
						if f.Exchange == len(lines)+1 {
							findings[i] = append(findings[i], f.ID+": "+f.Detail)
						}
					}
				}
				if diff := cmp.Diff(findings[0], findings[1]); diff != "" {
					t.Errorf("lint (-strict +lenient):\n%s", diff)
				}
				if c.same == "" || c.lenient != 250 {
					return
				}
				_, odd := codesOf(t, func(s *smtptest.Server) { s.Lenient = true }, lines...)
				_, right := codesOf(t, func(*smtptest.Server) {}, append(slices.Clone(before), c.same)...)
				if diff := cmp.Diff(right.Sessions()[0].Transactions, odd.Sessions()[0].Transactions); diff != "" {
					t.Errorf("the transaction of the correct line (-correct +lenient):\n%s", diff)
				}
			})
		})
	}
}

// TestLenientRules verifies that a rule and a scope treat a leniently accepted path as
// the correct one.
func TestLenientRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var args []string
		codes, _ := codesOf(t, func(srv *smtptest.Server) {
			srv.Lenient = true
			srv.Script(
				smtptest.Rule{On: "MAIL FROM:<a@client.test>", If: func(e smtptest.Event) bool { args = append(args, e.Arg); return true }, Times: 1, Reply: "451 later"},
				smtptest.Rule{On: "RCPT TO:<*@server.test>", Times: 1, Per: smtptest.PerRecipient, Reply: "450 later"},
			)
		}, "EHLO my_container", "MAIL FROM: a@client.test  SIZE=10", "MAIL FROM:<a@client.test>",
			"RCPT TO: <b@server.test>", "RCPT TO:b@server.test", "RCPT TO:<b@server.test>", "RCPT  TO:c@server.test")
		if diff := cmp.Diff([]int{250, 451, 250, 450, 250, 250, 450}, codes); diff != "" {
			t.Errorf("replies (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"FROM:<a@client.test> SIZE=10", "FROM:<a@client.test>"}, args[:min(2, len(args))]); diff != "" && len(args) > 1 {
			t.Errorf("Event.Arg (-want +got):\n%s", diff)
		}
	})
}

// TestLenientChangesNothingElse plays what Lenient must not change: both modes reply the
// same.
func TestLenientChangesNothingElse(t *testing.T) {
	users := func(srv *smtptest.Server) {
		srv.Users = map[string]string{"a": "b"}
		srv.Extensions = append(srv.Extensions, "CHUNKING")
	}
	const begin = "EHLO client.test\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<b@server.test>\r\n"
	for name, sent := range map[string]string{
		"bare LF":                "EHLO client.test\nNOOP\r\n",
		"bare CR":                "EHLO client.test\rNOOP\r\n",
		"LF dot LF":              begin + "DATA\r\nx\n.\n\r\n.\r\n",
		"LF dot CRLF":            begin + "DATA\r\nx\n.\r\ny\r\n.\r\n",
		"AUTH":                   "EHLO client.test\r\nAUTH  PLAIN  AGEAYg==\r\nAUTH PLAIN x y\r\nAUTH FOO\r\n",
		"a long line":            "EHLO client.test\r\nNOOP " + strings.Repeat("x", 600) + "\r\n",
		"a long name":            "EHLO " + strings.Repeat("x", 600) + "\r\n",
		"what is not offered":    "EHLO client.test\r\nMAIL FROM:<a@client.test> RET=HDRS\r\nSTARTTLS\r\nXCLIENT A=b\r\n",
		"parameters after HELO":  "HELO client.test\r\nMAIL FROM:<a@client.test> SIZE=10\r\n",
		"an unknown verb":        "EHLO client.test\r\nFOO\r\n MAIL FROM:<a@client.test>\r\nMAIL\tFROM:<a@client.test>\r\n",
		"BDAT":                   begin + "BDAT  x\r\nBDAT 5 LAST\r\nhello",
		"order":                  "MAIL FROM:<a@client.test>\r\nEHLO client.test\r\nRCPT TO:<b@server.test>\r\nDATA\r\n",
		"arguments of no use":    "EHLO client.test\r\nRSET x\r\nDATA x\r\nQUIT x\r\n",
		"a domain in a path":     "EHLO client.test\r\nMAIL FROM:<a@my_host>\r\nMAIL FROM:<a@-x>\r\nMAIL FROM:<a..b@client.test>\r\n",
		"UTF-8 without SMTPUTF8": "EHLO client.test\r\nMAIL FROM:<\xc3\xa9@client.test>\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var heard [2]string
				for i, lenient := range []bool{false, true} {
					srv := smtptest.NewUnstartedServer(t)
					users(srv)
					srv.Lenient = lenient
					srv.StartInMemory()
					c := play.Dial(t, srv)
					fmt.Fprint(c, sent+"QUIT\r\n")
					b, _ := io.ReadAll(c)
					heard[i] = string(b)
					c.Close()
				}
				if diff := cmp.Diff(heard[0], heard[1]); diff != "" {
					t.Errorf("replies (-strict +lenient):\n%s", diff)
				}
			})
		})
	}
}
