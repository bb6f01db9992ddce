package lint_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
)

// TestLegalMessages verifies that Check finds nothing in messages that are odd and
// legal. Each one in the files begins with a line of three equals signs, its name and,
// after a bar, what MAIL allows. Base fields that it does not have are added; -To
// leaves one out.
func TestLegalMessages(t *testing.T) {
	for _, file := range []string{"testdata/legal/fields.txt", "testdata/legal/parts.txt"} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range strings.Split("\n"+string(b), "\n=== ")[1:] {
			title, content, _ := strings.Cut(entry, "\n")
			name, allowed, _ := strings.Cut(title, " | ")
			t.Run(name, func(t *testing.T) {
				mail := from + map[string]string{"utf8": " SMTPUTF8 BODY=8BITMIME", "8bit": " BODY=8BITMIME"}[allowed]
				data := strings.ReplaceAll(withBaseFields(content+"\n"), "\n", "\r\n")
				lines := said(hi, mail, to, "DATA", "+"+stuffed(data)+".\r\n")
				if found := findings(t, row{}, lines); found != nil {
					t.Errorf("Check() = %v, want nothing, of\n%s", found, data)
				}
			})
		}
	}
}

// withBaseFields adds the fields of the constant header that a message does not have.
func withBaseFields(content string) string {
	base := ""
	for _, line := range strings.Split(strings.TrimSuffix(header, "\r\n"), "\r\n") {
		name, _, _ := strings.Cut(line, ":")
		if !strings.Contains("\n"+content, "\n"+name+":") && !strings.HasPrefix(content, "-"+name+"\n") {
			base += line + "\n"
		}
	}
	if strings.HasPrefix(content, "-") {
		_, content, _ = strings.Cut(content, "\n")
	}
	return base + content
}

func stuffed(data string) string {
	return strings.TrimPrefix(strings.ReplaceAll("\r\n"+data, "\r\n.", "\r\n.."), "\r\n")
}

// TestLegalDialogues verifies that Check finds nothing in sessions that are odd and
// legal.
func TestLegalDialogues(t *testing.T) {
	newsletter := func(n string, recipients ...string) []string {
		return deliver(changed("<1@", "<"+n+"@", "Subject: Test", "Subject: News "+n), recipients...)
	}
	noID := changed(idLine, "", dateLine, "")
	noGreeting := []smtptest.Rule{{On: "CONNECT", Reply: "220-hello\n220 world"}}
	for _, tt := range []struct {
		name   string
		setup  func(*smtptest.Server)
		script []smtptest.Rule
		lines  []string
		allow  string // what the content lacks
	}{
		{name: "connect and QUIT", lines: said("QUIT")},
		{name: "HELO after EHLO", lines: said(hi, "HELO client.test", mail("Hi!"))},
		{name: "HELO after a refused EHLO", script: refuse("EHLO", "502 5.5.1 no"), lines: said(hi, "HELO client.test", mail("Hi!"))},
		{name: "EHLO three times", lines: said(hi, hi, hi, mail("Hi!"))},
		{name: "EHLO within a transaction", lines: said(hi, from, to, hi, mail("Hi!"))},
		{name: "verbs in lower case", lines: said("ehlo client.test", "mail from:<ann@client.test>", "rcpt to:<bob@test.example>", "data", text("Hi!"), ".", "quit")},
		{name: "verbs in mixed case", lines: said("eHlO client.test", "Mail From:<ann@client.test> size=500", "Rcpt To:<bob@test.example>", "Data", text("Hi!"), ".")},
		{name: "an address literal in EHLO", lines: said("EHLO [192.0.2.1]", mail("Hi!"))},
		{name: "an IPv6 literal in EHLO", lines: said("EHLO [IPv6:2001:db8::1]", mail("Hi!"))},
		{name: "a greeting of two lines", script: noGreeting, lines: said(hi, mail("Hi!"))},
		{name: "the null sender and a report", lines: said(hi, "MAIL FROM:<>", to, "DATA", "Auto-Submitted: auto-replied\r\n"+text("Hi!"), ".")},
		{name: "Postmaster", lines: said(hi, from, "RCPT TO:<Postmaster>", "DATA", text("Hi!"), ".")},
		{name: "odd local parts", lines: said(hi, `MAIL FROM:<"ann lee"@client.test>`, "RCPT TO:<!#$%&'*+-/=?^_`{|}~@test.example>", `RCPT TO:<"a@b"@test.example>`)},
		{name: "address literals", lines: said(hi, "MAIL FROM:<ann@[192.0.2.1]>", "RCPT TO:<bob@[IPv6:2001:db8::1]>")},
		{name: "local parts that differ in case", lines: said(hi, from, to, "RCPT TO:<Bob@test.example>")},
		{name: "all parameters", lines: said(hi, from+" SIZE=500 BODY=8BITMIME RET=HDRS ENVID=QQ+2B314159", to+" NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;bob@test.example", "DATA", text("Hi!"), ".")},
		{name: "parameters in lower case", lines: said(hi, from+" size=500 body=8bitmime", to+" notify=never")},
		{name: "a SIZE that is too large", lines: said(hi, from+" SIZE=1000", to, "DATA", text("Hi!"), ".")},
		{name: "NOOP, VRFY, EXPN and HELP", lines: said(hi, "NOOP", "NOOP what you want", "VRFY bob", "EXPN staff", "HELP", "HELP MAIL")},
		{name: "RSET everywhere", lines: said("RSET", hi, "RSET", from, "RSET", from, to, "RSET", "RSET", mail("Hi!"))},
		{name: "RSET and QUIT as a parting word", lines: said(hi, mail("Hi!"), "RSET", "QUIT")},
		{name: "a transaction that is given up by QUIT", lines: said(hi, from, to, "QUIT")},
		{name: "many recipients", lines: said(hi, from, recipients(100), "DATA", text("Hi!"), ".")},
		{name: "ten messages", lines: said(hi, newsletter("1", bob)[1:5], ".", newsletter("2", bob)[1:5], ".", newsletter("3", eve)[1:5], ".")},
		{name: "everything in one write", lines: said(hi, "+"+from+"\r\n"+to+"\r\nRSET\r\n"+from+"\r\n"+to+"\r\nDATA\r\n", "+"+text("Hi!")+"\r\n.\r\nQUIT\r\n")},
		{name: "the content byte by byte", lines: said(hi, from, to, "DATA", strings.Split("+"+strings.Join(strings.Split(text("..", ".. x", "Hi!")+"\r\n.\r\n", ""), "\x01+"), "\x01"))},
		{name: "a line that ends in a dot at the end of a segment", lines: said(hi, from, to, "DATA", "+"+text("a.")+"\r", "+\n", "+.", "+.\r\n", "+.\r\n")},
		{name: "chunks", lines: said(hi, from, to, "+"+chunk(text(".", ".x")+"\r\n", "")+chunk("Hi!\r\n", ""), "+"+chunk("", " LAST"))},
		{name: "a chunk that ends within a line", lines: said(hi, from, to, "+"+chunk(text("He"), ""), "+"+chunk("llo\r\n", " last"))},
		{name: "binary content", lines: said(hi, from+" BODY=BINARYMIME", to, "+"+chunk(binary, " LAST"))},
		{name: "a chunk of nothing in between", lines: said(hi, from, to, "+"+chunk(text("Hi!")+"\r\n", ""), "BDAT 0", "BDAT 0 LAST")},
		{name: "LMTP with one recipient refused", setup: lmtpOnce("550 5.1.1 no"), lines: said(lmtp(text("Hi!"), bob, eve)[:7], "QUIT")},

		{name: "two equal messages without a Message-ID and a Date", lines: said(deliver(noID, bob), deliver(noID, bob)), allow: "header-message-id-missing header-missing-date"},
		{name: "two equal messages in one session", lines: said(hi, from, to, "DATA", noID, ".", from, to, "DATA", noID, "."), allow: "header-message-id-missing header-missing-date"},
		{name: "a deliberate second message", lines: said(newsletter("1", bob), newsletter("2", bob))},
		{name: "a deliberate second message with the same text", lines: said(deliver(text("Hi!"), bob), deliver(changed("<1@", "<2@"), bob))},
		{name: "a message resent by its reader", lines: said(deliver(text("Hi!"), bob), deliver("Resent-Date: Sat, 01 Jan 2000 00:00:01 +0000\r\nResent-From: ann@client.test\r\nResent-To: bob@test.example\r\n"+text("Hi!"), bob))},
		{name: "a newsletter to a refused address", script: refuse("RCPT TO:<eve@*>", "550 5.1.1 no"), lines: said(newsletter("1", bob, eve), newsletter("2", bob, eve))},
		{name: "a newsletter to a refused address in transactions of its own", script: refuse("RCPT TO:<eve@*>", "550 5.1.1 no"),
			lines: said(hi, from, "RCPT TO:<eve@test.example>", "RSET", newsletter("1", bob)[1:5], ".", from, "RCPT TO:<eve@test.example>", "RSET", newsletter("2", bob)[1:5], ".")},
		{name: "one message in a transaction for each recipient", lines: said(deliver(text("Hi!"), bob), deliver(text("Hi!"), eve), deliver(text("Hi!"), "zoe@test.example"))},
		{name: "a retry after 4xx to the greeting", script: refuseOnce("CONNECT", "421 4.3.2 later"), lines: said("<again", hi, mail("Hi!"))},
		{name: "a retry after 4xx to MAIL", script: refuseOnce("MAIL", "451 4.3.0 later"), lines: said(hi, from, "QUIT", "<again", hi, mail("Hi!"))},
		{name: "a retry after 4xx to the dot", script: refuseOnce(".", "451 4.3.0 later"), lines: said(deliver(text("Hi!"), bob), deliver(text("Hi!"), bob))},
		{name: "a retry after a lost connection", script: []smtptest.Rule{{On: ".", Times: 1, Keep: true, Reply: smtptest.NoReply, Then: smtptest.Reset}}, lines: said(hi, mail("Hi!"), "<close", "<again", hi, mail("Hi!"))},
		{name: "a retry after a 421 to the dot", script: refuseOnce(".", "421 4.3.2 later"), lines: said(hi, mail("Hi!"), "<close", "<again", hi, mail("Hi!"))},
		{name: "a retry to the recipient that was delayed", script: refuseOnce("RCPT TO:<eve@*>", "451 4.7.1 later"), lines: said(deliver(text("Hi!"), bob, eve), deliver(text("Hi!"), eve))},
		{name: "a retry to the rest after too many recipients", script: refuseOnce("RCPT TO:<eve@*>", "452 4.5.3 too many"), lines: said(deliver(text("Hi!"), bob, eve), deliver(text("Hi!"), eve))},
		{name: "a client that was refused and asks for another sender", script: refuse("MAIL FROM:<ann@*>", "550 5.7.1 no"), lines: said(hi, from, "QUIT", "<again", hi, "MAIL FROM:<eve@client.test>", to)},
		{name: "a client that was refused and tells its size", script: refuseOnce("MAIL", "552 5.3.4 too big"), lines: said(hi, from+" SIZE=9000000", "QUIT", "<again", hi, from+" SIZE=900", to)},
		{name: "STARTTLS after a refusal", setup: withTLS, script: refuseOnce("STARTTLS", "454 4.7.0 later"), lines: said(hi, "STARTTLS", "QUIT", "<again", tlsHi, mail("Hi!"))},
		{name: "AUTH cancelled and tried in another way", setup: secure, lines: said(tlsHi, "AUTH LOGIN", "*", plain, mail("Hi!"))},
		{name: "AUTH tried again with the right password", setup: secure, lines: said(tlsHi, "AUTH PLAIN "+b64("\x00ann\x00wrong"), plain, mail("Hi!"))},
		{name: "the same password on two connections", setup: secure, lines: said(tlsHi, plain, mail("Hi!"), "QUIT", "<again", tlsHi, plain)},
		{name: "a slow client", lines: said("~1m", hi, "~4m", from, "~4m", to, "~4m", "DATA", "~2m", "+Date", "~2m", "+"+strings.TrimPrefix(text("Hi!"), "Date")+"\r\n.\r\n")},
		{name: "a client that leaves a slow server by QUIT", script: []smtptest.Rule{{On: "DATA", Delay: 3 * time.Minute}}, lines: said(hi, from, to, "DATA", "~130s", "+QUIT\r\n", "~2m", "<close")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lines := tt.lines
			if lines[len(lines)-1] == "<again" {
				lines = lines[:len(lines)-1]
			}
			for _, f := range findings(t, row{setup: tt.setup, script: tt.script}, lines) {
				if !strings.Contains(" "+tt.allow+" ", " "+f.ID+" ") {
					t.Errorf("Check() = %v, want nothing", f)
				}
			}
		})
	}
}
