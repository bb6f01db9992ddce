package lint

import (
	"strings"
	"time"
)

// line is a field of n octets.
func line(n int) string { return "X-Long: " + strings.Repeat("x", n-len("X-Long: ")) + "\n" }

var headerRows = []ruleRow{
	{id: "header-missing-date", why: "left out", bad: sample{without: "Date"}, good: sample{without: "Date", header: "date: Mon, 2 Jan 2006 15:04:05 +0000\n"}},
	{id: "header-missing-from", why: "left out", bad: sample{without: "From"}, good: sample{without: "From", header: "FROM: ann@example.com\n"}},
	{id: "header-missing-from", why: "no field at all", bad: sample{data: "\ntext\n"}, also: "header-missing-date header-message-id-missing header-subject-missing header-no-destination",
		good: sample{data: sampleHeader}}, // a message needs no body, and then no empty line (RFC 5322 3.5)
	{id: "header-duplicate", why: "subject", bad: sample{header: "Subject: again\n"}, good: sample{header: "Comments: one\nComments: two\nX-Subject: again\n"}},
	{id: "header-duplicate", why: "in a part", bad: sample{header: mimeVersion + "Content-Type: multipart/mixed; boundary=b\n", body: "--b\nContent-ID: <1@a>\nContent-ID: <1@a>\n\ntext\n--b--\n"},
		good: sample{header: mimeVersion + "Content-Type: multipart/mixed; boundary=b\n", body: "--b\nContent-ID: <1@a>\nContent-Language: de\nContent-Language: en\n\ntext\n--b--\n"}},
	{id: "header-no-separator", why: "the body follows", bad: sample{data: sampleHeader + "Hello Bob,\nhow are you?\n"}, good: sample{data: sampleHeader + "\nHello Bob,\nhow are you?\n"}},
	{id: "header-no-separator", why: "a line of the body and a later empty line", bad: sample{data: sampleHeader + "Hello Bob\n\nhow are you?\n"}, good: sample{data: sampleHeader + " Hello Bob\n\nhow are you?\n"}},
	{id: "header-no-separator", why: "an LF for an empty line", bad: sample{data: sampleHeader + "␊body\n"}, good: sample{data: sampleHeader + "\n␊body\n"}},
	{id: "header-no-separator", why: "in a part", bad: sample{header: mimeVersion + "Content-Type: multipart/mixed; boundary=b\n", body: "--b\ntext\n--b--\n"},
		good: sample{header: mimeVersion + "Content-Type: multipart/mixed; boundary=b\n", body: "--b\n\ntext\n--b--\n"}},
	{id: "header-malformed", why: "space before the colon", bad: sample{header: "X-A : b\n"}, good: sample{header: "X-A:\tb\n"}},
	{id: "header-malformed", why: "space in the name", bad: sample{header: "X A: b\n"}, good: sample{header: "X_A!#$%: b\n"}},
	{id: "header-malformed", why: "no name", bad: sample{header: ": b\n"}, good: sample{header: "b: \n"}},
	{id: "header-malformed", why: "no colon, and fields go on", bad: sample{header: "X-A\nX-B: b\n"}, good: sample{header: "X-A:\nX-B: b\n"}},
	{id: "header-malformed", why: "not ASCII", bad: sample{header: "X-Ä: b\n", change: withUTF8}, good: sample{header: "X-A: ä\n", change: withUTF8}},
	{id: "header-fold-bad", why: "white space only", bad: sample{header: "X-A: b\n \n c\n"}, good: sample{header: "X-A:\n b\n c\n"}},
	{id: "header-fold-bad", why: "first line", bad: sample{data: " X-A: b\n" + sampleHeader + "\n"}, good: sample{data: "X-A:\n b\n" + sampleHeader + "\n"}},
	{id: "header-fold-bad", why: "LF injected", bad: sample{header: "X-A: b␊Bcc: eve@example.com\n"}, good: sample{header: "X-A: b\\nBcc: eve@example.com\n"}},
	{id: "header-fold-bad", why: "LF that would fold", bad: sample{header: "X-A: b␊ c\n"}, good: sample{header: "X-A: b\n c\n"}},
	{id: "header-fold-bad", why: "CR injected", bad: sample{header: "X-A: b␍Bcc: eve@example.com\n"},
		good: sample{change: func(c *content) { c.data = strings.ReplaceAll(c.data, "\r\n", "\n") }}}, // data-bare-lf says it
	{id: "header-line-too-long", why: "999 octets", bad: sample{header: line(999)}, good: sample{header: strings.ReplaceAll(strings.Repeat("X-A: "+strings.Repeat("x", 50)+"\n ", 30)+"\n", "\n \n", "\n")}},
	{id: "header-line-over-78", why: "79 octets", bad: sample{header: line(79)}, good: sample{header: line(78)}},
	{id: "header-line-over-78", why: "998 octets", bad: sample{header: line(998)}, good: sample{header: "X-A: " + strings.Repeat("ä", 70) + "\n", change: withUTF8}},
	{id: "header-non-ascii", why: "raw", bad: sample{without: "Subject", header: "Subject: Grüße\n"}, good: sample{without: "Subject", header: "Subject: Grüße\n", change: withUTF8}},
	{id: "header-non-ascii", why: "in a part", bad: sample{header: mimeVersion + "Content-Type: multipart/mixed; boundary=b\n", body: "--b\nContent-Description: Grüße\n\ntext\n--b--\n"},
		good: sample{header: mimeVersion + "Content-Type: multipart/mixed; boundary=b\n", body: "--b\nContent-Description: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n\ntext\n--b--\n"}},
	{id: "header-bad-utf8", why: "ISO 8859-1", bad: sample{header: "X-A: \xfc\n", change: withUTF8}, good: sample{header: "X-A: \xc3\xbc \ufffd\n", change: withUTF8}},
}

var headerFieldRows = []ruleRow{
	date("02 Jan 06 15:04 +0000", "two-digit year", "02 Jan 2006 15:04 +0000"),
	date("Tue, 2 Jan 2006 15:04:05 +0000", "wrong weekday", "Mon,2 Jan 2006\n 15:04:05 +0000 (UTC (also \\) here))"),
	date("Mon, 2 Jan 2006 15:04:05 GMT", "named zone", "Mon, 2 Jan 2006 15:04:05 +0000 (GMT)"),
	date("Mon, 2 Jan 2006 15:04:05", "no zone", "mon, 2 jan 2006 15:04:05 -0000"),
	date("30 Feb 2006 15:04:05 +0000", "no such day", "28 Feb 2006 15:04:05 +0000"),
	date("29 Feb 2100 15:04:05 +0000", "no leap year", "29 Feb 2000 15:04:05 +0000"),
	date("2 Jan 2006 24:00:00 +0000", "hour 24", "2 Jan 2006 23:59:60 +0000"),
	date("2 Jan 2006 15:04:05 +0160", "zone of 60 minutes", "2 Jan 2006 15:04:05 +0159"),
	date("2 Jan 2006 15:04:05 Z", "zone of RFC 3339", "2 Jan 2006 15:04:05 -0800"),
	date("2006-01-02T15:04:05Z", "RFC 3339", "2 Jan 2006 15:04:05 +0000"),
	date("Mon Jan  2 15:04:05 2006", "asctime", "Mon,  2  Jan  2006  15:04:05  +0000"),
	date("2 January 2006 15:04:05 +0000", "long month", "2 Jan 2006 15:04 +0000"),
	date("2 (second) Jan 2006 15:04:05 +0000", "a comment inside", "2 Jan 2006 15:04:05 +0000(c)"),
	date("2 Jan 2006 5:04:05 +0000", "one digit", "2 Jan 2006 05:04:05 +0000"),
	{id: "header-date-skewed", why: "25 hours", bad: sample{without: "Date", header: "Date: 3 Jan 2006 17:01:00 +0000\n"}, good: sample{without: "Date", header: "Date: 3 Jan 2006 21:00:00 +0500\n"}},
	{id: "header-message-id-missing", why: "left out", bad: sample{without: "Message-ID"}, good: sample{without: "Message-ID", header: "Message-Id: <1@example.com>\n"}},
	messageID("1@example.com", "no brackets", " (a) <1@example.com> (b)"),
	messageID("<1>", "no right side", "<1@x>"),
	messageID("<1@a@b>", "two ats", "<1.2@[127.0.0.1]>"),
	messageID("<1@a> <2@a>", "two", "<1!#$%&'*+-/=?^_`{|}~@a>"),
	messageID("<a b@c>", "a space", "<a_b@c>"),
	messageID("", "empty", "\n <1@a>"),
	messageID("<.1@a>", "a dot first", "<1.1@a>"),
	messageID(`<"1"@a>`, "obsolete quotes", "<1@a_b>"),
	{id: "header-references-invalid", why: "commas", bad: sample{header: "References: <1@a>, <2@a>\n"}, good: sample{header: "References: <1@a>\n <2@a><3@a> (c)\n"}},
	{id: "header-references-invalid", why: "a phrase", bad: sample{header: "In-Reply-To: Your message of Monday <1@a>\n"}, good: sample{header: "In-Reply-To: <1@a> <2@a>\n"}},
	{id: "header-references-invalid", why: "empty", bad: sample{header: "References:\n"}, good: sample{header: "X-References:\n"}},
	{id: "header-return-path", why: "from the originator", bad: sample{header: "Return-Path: <ann@example.com>\n"}, good: sample{header: "Errors-To: <ann@example.com>\n"}},
	{id: "header-resent-incomplete", why: "no Resent-Date", bad: sample{header: "Resent-From: a@b\nResent-To: c@d\n"},
		good: sample{header: "Resent-From: a@b\nResent-To: c@d\nResent-Date: 2 Jan 2006 15:04:05 +0000\n"}},
	{id: "header-resent-incomplete", why: "no Resent-From in the second block", bad: sample{header: "Resent-From: a@b\nResent-Date: 2 Jan 2006 15:04:05 +0000\nResent-To: c@d\nResent-Date: 2 Jan 2006 15:04:05 +0000\n"},
		good: sample{header: "Resent-From: a@b\nResent-Date: 2 Jan 2006 15:04:05 +0000\nResent-From: c@d\nResent-Date: 2 Jan 2006 15:04:05 +0000\n"}},
	{id: "header-subject-missing", why: "left out", bad: sample{without: "Subject"}, good: sample{without: "Subject", header: "Subject:\n"}},
	{id: "header-tls-required-bad", why: "not No", bad: sample{header: "TLS-Required: Yes\n"}, good: sample{header: "TLS-Required: no\n"}},
	{id: "header-tls-required-bad", why: "twice", bad: sample{header: "TLS-Required: No\nTLS-Required: No\n"}, good: sample{header: "TLS-Required:\n No\n"}},
}

func noTime(c *content) { c.at = time.Time{} }

func date(bad, why, good string) ruleRow {
	return ruleRow{id: "header-date-invalid", why: why,
		bad:  sample{without: "Date", header: "Date: " + bad + "\n", change: noTime},
		good: sample{without: "Date", header: "Date: " + good + "\n", change: noTime}}
}

func messageID(bad, why, good string) ruleRow {
	return ruleRow{id: "header-message-id-invalid", why: why,
		bad:  sample{without: "Message-ID", header: "Message-ID: " + bad + "\n"},
		good: sample{without: "Message-ID", header: "Message-ID: " + good + "\n"}}
}
