package lint_test

import (
	"fmt"

	"github.com/go-smtptest/smtp/smtptest"
)

var (
	open8     = []string{hi, from + " BODY=8BITMIME", to, "DATA"}
	eightBits = header + "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGr\u00fc\u00dfe"
)

// chunk is a BDAT command with its octets.
func chunk(octets, last string) string {
	return fmt.Sprintf("BDAT %d%s\r\n%s", len(octets), last, octets)
}

// bdat is a message in one chunk.
func bdat(content string) []string { return []string{hi, from, to, "+" + chunk(content, " LAST")} }

var dataRows = []row{
	{id: "data-bare-lf", why: "CRLF", bad: said(hi, mail("a\nb")), good: said(hi, mail("a", "b"))},
	{id: "data-bare-cr", why: "CRLF", bad: said(hi, mail("a\rb")), good: said(hi, mail("a", "b"))},
	{id: "data-nul", why: "BINARYMIME", bad: said(hi, mail("a\x00b")), good: said(hi, from+" BODY=BINARYMIME", to, "+"+chunk(binary, " LAST"))},
	{id: "data-line-too-long", why: "998", bad: said(hi, mail(xs(999))), good: said(hi, mail(xs(998)))},
	{id: "data-line-over-78", why: "78", bad: said(hi, mail(xs(79))), good: said(hi, mail(xs(78)))},
	{id: "data-8bit", why: "BODY=8BITMIME", bad: said(hi, from, to, "DATA", eightBits, "."), good: said(open8, eightBits, ".")},
	{id: "data-8bit-not-mime", why: "a comment before 8bit", bad: said(open8, text("Gr\u00fc\u00dfe"), "."),
		good: said(open8, "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding:\r\n (not 7bit) 8bit\r\n"+text("Gr\u00fc\u00dfe"), ".")},
	{id: "data-8bit-not-mime", why: "MIME says so", bad: said(open8, text("Gr\u00fc\u00dfe"), "."), good: said(open8, eightBits, ".")},
	{id: "data-dot-not-stuffed", why: "doubled", bad: said(hi, mail(".a")), good: said(hi, mail("..a", "..", "b"))},
	{id: "data-possibly-overstuffed", why: "an ellipsis", bad: said(hi, mail("...a")), good: said(hi, mail("....a", ".../lib"))},
	{id: "data-empty", why: "a lone dot where no recipient is left", script: []smtptest.Rule{{On: "RCPT TO:<eve@*>", Reply: "550 5.1.1 nobody", Optional: true}, {On: "DATA", Reply: "354 go on"}},
		bad: said(hi, from, to, "DATA", "."), good: said(hi, "+"+from+"\r\nRCPT TO:<eve@test.example>\r\nDATA\r\n", ".")},
	{id: "data-eod-lookalike", why: "a dot amid bare LFs, not alone", bad: said(hi, mail("a\n.\nb")), with: []string{"data-bare-lf"}, good: said(hi, mail("a\n..\nb")), has: []string{"data-bare-lf"}},
	{id: "data-extra-blank-line", why: "the separator of an empty body", bad: said(hi, mail("Hi!", "")), good: said(hi, from, to, "DATA", header, ".")},
	{id: "data-no-final-newline", why: "CRLF", bad: bdat(text("Hi!")), good: bdat(text("Hi!") + "\r\n")},
	{id: "bdat-length-wrong", why: "a command follows", bad: said(hi, from, to, "+BDAT 3\r\nabcdef\r\n", "RSET"), good: said(hi, from, to, "+BDAT 3\r\nabcRSET\r\n")},
	{id: "bdat-after-failure", why: "the refusal was not known", setup: limited, bad: said(hi, from, to, "+BDAT 5\r\nabcde", "NOOP", "+BDAT 1\r\na"), good: said(hi, from, to, "+BDAT 5\r\nabcdeBDAT 1\r\na")},
	{id: "rset-missing-after-bdat-failure", why: "RSET", setup: limited, bad: said(hi, from, to, "+BDAT 5\r\nabcde", "NOOP", from), good: said(hi, from, to, "+BDAT 5\r\nabcde", "RSET", from)},
	{id: "binarymime-with-data", why: "BDAT", bad: said(hi, from+" BODY=BINARYMIME", to, "DATA"), good: said(hi, from+" BODY=BINARYMIME", to, "+"+chunk(binary, " LAST"))},
	{id: "null-sender-misused", why: "a comment before multipart/report", bad: said(hi, "MAIL FROM:<>", to, "DATA", text("Hi!"), "."),
		good: said(hi, "MAIL FROM:<>", to, "DATA", "MIME-Version: 1.0\r\nContent-Type: (a bounce) multipart/report; boundary=b\r\n"+text("--b", "", "Hi!", "--b--"), ".")},
	{id: "null-sender-misused", why: "Auto-Submitted that is not no", bad: said(hi, "MAIL FROM:<>", to, "DATA", "Auto-Submitted: no\r\n"+text("Hi!"), "."), good: said(hi, "MAIL FROM:<>", to, "DATA", "Auto-Submitted:\r\n (a) auto-mine\r\n"+text("Hi!"), ".")},
	{id: "null-sender-misused", why: "Auto-Submitted", bad: said(hi, "MAIL FROM:<>", to, "DATA", text("Hi!"), "."), good: said(hi, "MAIL FROM:<>", to, "DATA", "Auto-Submitted: auto-replied\r\n"+text("Hi!"), ".")},
}

func limited(srv *smtptest.Server) { srv.SizeLimit = 1 }

const binary = header + "MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\na\x00b"

var acrossRows = []row{
	{id: "resent-after-250", why: "the reply was not read", script: []smtptest.Rule{{On: "QUIT", Times: 1, Reply: smtptest.NoReply, Then: smtptest.Close, Optional: true}},
		bad: said(hi, mail("Hi!"), "QUIT", "<again", hi, mail("Hi!")), good: said(hi, mail("Hi!"), "<close", "<again", hi, mail("Hi!")), has: []string{"quit-missing"}},
	{id: "one-transaction-per-recipient", why: "another content", bad: said(hi, mail("Hi!"), from, "RCPT TO:<eve@test.example>", "DATA", text("Hi!"), "."),
		good: said(hi, mail("Hi!"), from, "RCPT TO:<eve@test.example>", "DATA", "X-Copy: 2\r\n"+text("Hi!"), "."), has: []string{"header-message-id-reused"}},
	{id: "reconnect-too-soon", why: "30 minutes later", script: []smtptest.Rule{{On: "RCPT", Times: 1, Reply: "450 4.2.1 later"}},
		bad: said(hi, from, to, "QUIT", "~29m", "<again", hi, from, to), good: said(hi, from, to, "QUIT", "~31m", "<again", hi, from, to)},
	{id: "header-message-id-reused", why: "the same again, to another recipient", bad: said(hi, mail("Hi!"), mail("Ho!")), good: said(hi, mail("Hi!"), from, "RCPT TO:<eve@test.example>", "DATA", text("Hi!"), ".")},
}
