package lint

// fieldRow is a rule with a field that breaks it and one that does not.
func fieldRow(id, bad, why, good string) ruleRow {
	return ruleRow{id: id, why: why, bad: sample{header: bad + "\n"}, good: sample{header: good + "\n"}}
}

// subjectRow is a rule with a Subject that breaks it and one that does not.
func subjectRow(id, bad, why, good string) ruleRow {
	return ruleRow{id: id, why: why, bad: sample{without: "Subject", header: "Subject: " + bad + "\n"}, good: sample{without: "Subject", header: "Subject: " + good + "\n"}}
}

const (
	unsubscribe = "List-Unsubscribe: <https://example.com/u>\n"
	oneClick    = "List-Unsubscribe-Post: List-Unsubscribe=One-Click"
)

var fieldRows = []ruleRow{
	fieldRow("header-encoded-word", "List-Unsubscribe: =?us-ascii?Q?=3Chttps=3A//example.com/u=3E?=", "in List-Unsubscribe", "List-Unsubscribe: <https://example.com/u>"),
	fieldRow("header-encoded-word", "List-Archive: <https://example.com/=?utf-8?q?x?=>", "within brackets", "List-Archive: <https://example.com/x> (=?utf-8?q?the_archive?=)"),
	fieldRow("header-encoded-word", "List-Future-Field: =?utf-8?q?x?=", "in a List field that is not known", "X-List-Field: =?utf-8?q?x?="),
	fieldRow("header-encoded-word", unsubscribe+"List-Unsubscribe-Post: =?utf-8?q?List-Unsubscribe=3DOne-Click?=", "in List-Unsubscribe-Post", unsubscribe+oneClick),
	fieldRow("header-encoded-word", "Auto-Submitted: =?utf-8?q?auto-generated?=", "in Auto-Submitted", "Auto-Submitted: auto-generated (=?utf-8?q?by_a_program?=)"),
	fieldRow("header-encoded-word", "DKIM-Signature: v=1; a=rsa-sha256; d=example.com;\n s==?utf-8?q?x?=; b=", "in DKIM-Signature", "DKIM-Signature: v=1; a=rsa-sha256; d=example.com;\n s=x; h=from; bh=aGk=; b=aGk/YQ=="),
	fieldRow("header-encoded-word", "ARC-Seal: =?utf-8?q?x?=", "in ARC-Seal", "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=example.com; s=x; b=aGk="),
	fieldRow("header-encoded-word", "Received: from =?utf-8?q?x?= by y; Mon, 2 Jan 2006 15:04:05 +0000", "in Received", "Received: from x (=?utf-8?q?x?=) by y; Mon, 2 Jan 2006 15:04:05 +0000"),
	fieldRow("header-encoded-word", "Importance: =?utf-8?q?high?=", "in Importance", "Importance: high"),
	fieldRow("header-encoded-word", "List-ID: \"=?utf-8?q?x?=\" <x.example.com>", "in a quoted string of List-ID", "List-ID: =?utf-8?q?x?= <x.example.com>"),
	subjectRow("header-encoded-word", "=?iso-8859-1?q?Gr=C3=BC=C3=9Fe?=", "UTF-8 with another label", "=?iso-8859-1?q?Gr=FC=DFe?="),

	subjectRow("header-control-char", "a\x1b[31mb", "ESC", "a\tb"),
	subjectRow("header-control-char", "a\x7fb", "DEL", "a~b"),
	fieldRow("header-control-char", "X-A: a\x01b", "in any field", "X-A: a b"),
	fieldRow("header-control-char", "Cc: \"a\x01b\" <a@a.test>", "in a name", "Cc: \"a\tb\" <a@a.test>"),
	fieldRow("header-control-char", "Reply-To: a\x02b@a.test", "in an address", "Reply-To: ab@a.test"),
	fieldRow("header-control-char", mimeVersion+"Content-Disposition: attachment; filename=\"a\x1bb.txt\"", "in a file name", mimeVersion+"Content-Disposition: attachment; filename=\"a b.txt\""),
	subjectRow("header-control-char", "=?utf-8?q?x=0D=0ABcc:_eve@example.com?=", "CR LF in a word, Q", "=?utf-8?q?x=09y?="),
	subjectRow("header-control-char", "=?utf-8?b?eA0KQmNjOiBlQGV4YW1wbGUuY29t?=", "CR LF in a word, B", "=?utf-8?b?eHg=?="),
	subjectRow("header-control-char", "=?utf-8?q?=1B[31mx?=", "ESC in a word", "=?iso-2022-jp?b?GyRCJCIbKEI=?="),
	subjectRow("header-control-char", "=?iso-2022-jp?q?x=0Ay?=", "LF in a word of ISO 2022", "=?utf-16be?b?AAoAYQ==?="),
	subjectRow("header-control-char", "=?utf-8?q?x=00?=", "NUL in a word", "=?utf-8?q?x0?="),
	fieldRow("header-control-char", "X-Campaign: =?utf-8?q?x=0D=0ABcc:_eve@example.com?=", "CR LF in a word of another field", "X-Campaign: =?utf-8?q?x?="),
	fieldRow("header-control-char", "Cc: =?utf-8?q?x=0Ay?= <a@a.test>", "LF in a word in a name", "Cc: =?utf-8?q?x_y?= <a@a.test>"),
	fieldRow("header-control-char", mimeVersion+"Content-Disposition: attachment; filename*=UTF-8''a%0D%0Ab.pdf", "CR LF in a file name", mimeVersion+"Content-Disposition: attachment; filename*=UTF-8''a%20b.pdf"),
	fieldRow("header-control-char", mimeVersion+"Content-Disposition: attachment; filename*0*=UTF-8''a%0D;\n filename*1*=%0Ab.pdf", "CR LF in the sections of a file name", mimeVersion+"Content-Disposition: attachment; filename*0*=UTF-8''a%C3;\n filename*1*=%BCb.pdf"),

	subjectRow("header-control-char", "=?utf-8?q?a=C2=85b?=", "a line end of Unicode in a word", "=?utf-8?q?a=C2=A0b?="),
	{id: "header-control-char", why: "CR LF in a word in a file name", bad: sample{header: mimeVersion + "Content-Disposition: attachment; filename=\"=?utf-8?q?a=0D=0Ab?=\"\n"},
		also: "mime-param-encoded-word", good: sample{header: mimeVersion + "Content-Disposition: attachment; filename=\"a b\"\n"}},
	{id: "header-double-encoded", why: "UTF-8 of UTF-8, without encoded words", bad: sample{without: "Subject", header: "Subject: GrÃ¼ÃŸe\n", change: withUTF8},
		good: sample{without: "Subject", header: "Subject: Grüße\n", change: withUTF8}},
	subjectRow("header-double-encoded", "=?utf-8?q?=3D=3Futf-8=3Fq=3FGr=3DC3=3DBC=3F=3D?=", "a word in a word", "=?utf-8?q?what_=3D=3Futf-8=3Fq=3Fx=3F=3D_means?="),
	subjectRow("header-double-encoded", "=?utf-8?q?Re:_=3D=3Futf-8=3Fq=3FGr=3DC3=3DBC=3F=3D?=", "a word in a word, behind Re:", "=?utf-8?q?Re:_x?="),
	subjectRow("header-double-encoded", "=?utf-8?q?Gr=C3=83=C2=BC=C3=83=C2=9Fe?=", "UTF-8 of UTF-8", "=?utf-8?q?Gr=C3=BC=C3=9Fe?="),
	subjectRow("header-double-encoded", "=?utf-8?q?gr=C3=83?= =?utf-8?q?=C2=BCn?=", "UTF-8 of UTF-8 in two words", "=?utf-8?q?gr=C3=BC?= =?utf-8?q?n?="),
	fieldRow("header-double-encoded", "Cc: =?utf-8?b?PT91dGYtOD9xP0o9QzM9QkZyZz89?= <a@a.test>", "a word in a name", "Cc: =?utf-8?b?SsO2cmc=?= <a@a.test>"),
	fieldRow("header-double-encoded", mimeVersion+"Content-Disposition: attachment; filename*=UTF-8''%3D%3Futf-8%3Fq%3Fx%3F%3D", "a word in a file name", mimeVersion+"Content-Disposition: attachment; filename*=UTF-8''x%3D%3F"),
	fieldRow("header-double-encoded", mimeVersion+"Content-Disposition: attachment; filename*=UTF-8''Gr%25C3%25BCn.pdf", "a file name", mimeVersion+"Content-Disposition: attachment; filename*=UTF-8''100%25%20Gr%C3%BCn%2520.pdf"),

	fieldRow("header-list-invalid", "List-Unsubscribe: https://example.com/u", "no brackets", "List-Unsubscribe: <https://example.com/u>"),
	fieldRow("header-list-invalid", "List-Unsubscribe: <mailto:u@example.com>, https://example.com/u", "no brackets, the second", "List-Unsubscribe: <mailto:u@example.com>, (a) <https://example.com/u> (b)"),
	fieldRow("header-list-invalid", "List-Unsubscribe:", "empty", "List-Unsubscribe: <https://example.com/\n u>"),
	fieldRow("header-list-invalid", "List-Unsubscribe: <u@example.com>", "an address without mailto:", "List-Unsubscribe: <MAILTO:u@example.com>"),
	fieldRow("header-list-invalid", "List-Unsubscribe: <https://example.com/u>,", "a comma at the end", "List-Unsubscribe: <https://example.com/u,v>"),
	fieldRow("header-list-invalid", "List-Unsubscribe: <https://example.com/u> <mailto:u@example.com>", "no comma", "List-Unsubscribe: <https://example.com/u>,<mailto:u@example.com>"),
	fieldRow("header-list-invalid", "List-Help: NO", "NO in another field than List-Post", "List-Post: NO (posting is not allowed)"),
	fieldRow("header-duplicate", unsubscribe+unsubscribe[:len(unsubscribe)-1], "List-Unsubscribe", unsubscribe+"List-Help: <https://example.com/h>"),

	fieldRow("header-one-click-invalid", oneClick, "no List-Unsubscribe", unsubscribe+oneClick),
	fieldRow("header-one-click-invalid", unsubscribe+"List-Unsubscribe-Post: One-Click", "another value", unsubscribe+"List-Unsubscribe-Post:\n List-Unsubscribe=One-Click"),
	fieldRow("header-one-click-invalid", "List-Unsubscribe: <http://example.com/u>\n"+oneClick, "no https", "List-Unsubscribe: <mailto:u@example.com>, <HTTPS://example.com/u>\n"+oneClick),
	fieldRow("header-one-click-invalid", "List-Unsubscribe: <mailto:u@example.com>\n"+oneClick, "mailto only", "List-Unsubscribe: <mailto:u@example.com>"),

	fieldRow("header-auto-submitted-invalid", "Auto-Submitted:", "empty", "Auto-Submitted: no"),
	fieldRow("header-auto-submitted-invalid", "Auto-Submitted: (a)", "a comment only", "Auto-Submitted: (a) AUTO-REPLIED (b)"),
	fieldRow("header-auto-submitted-invalid", "Auto-Submitted: auto generated", "two words", "Auto-Submitted: auto-generated; type=x"),
	fieldRow("header-auto-submitted-invalid", "Auto-Submitted: \"auto-generated\"", "in quotes", "Auto-Submitted: auto-notified; owner-email=\"ann@example.com\""),
	fieldRow("header-auto-submitted-unknown", "Auto-Submitted: yes", "yes", "Auto-Submitted: auto-mine"),
	fieldRow("header-auto-submitted-unknown", "Auto-Submitted: generated", "another keyword", "Auto-Submitted: auto-generated"),

	fieldRow("header-disposition-notification-invalid", "Disposition-Notification-To: yes", "no address", "Disposition-Notification-To: Ann <ann@example.com>, a@b.test"),
	fieldRow("header-disposition-notification-invalid", "Disposition-Notification-To:", "empty", "Disposition-Notification-To: ann@example.com"),
	fieldRow("header-disposition-notification-invalid", "Disposition-Notification-To: us: ann@example.com;", "a group", "Disposition-Notification-To: \"us:\" <ann@example.com>"),

	fieldRow("header-address-bare-ip", "Reply-To: ann@192.0.2.1", "IPv4", "Reply-To: ann@[192.0.2.1]"),
	fieldRow("header-address-bare-ip", "Cc: Ann <ann@127.0.0.1>, a@b.test", "in a list", "Cc: Ann <ann@127.0.0.1.test>, a@b.test"),
}

var partRows = []ruleRow{
	contentIDRow("mime-content-id-invalid", "no brackets", "logo@x.example", "<logo@x.example>"),
	contentIDRow("mime-content-id-invalid", "an empty right side", "<logo.png@>", "<logo.png@x>"),
	contentIDRow("mime-content-id-invalid", "empty", "<>", "<1@x>"),
	contentIDRow("mime-content-id-unqualified", "no right side", "<logo.png> (c)", "<logo.png@x> (c)"),
	{id: "mime-content-id-duplicate", why: "without a right side", bad: sample{header: multipartMixed, body: mixed("Content-ID: <1>\n\na", "Content-ID: <1>\n\nb")}, also: "mime-content-id-unqualified",
		good: sample{header: multipartMixed, body: mixed("Content-ID: <1@x>\n\na", "Content-ID: <1@y>\n\nb")}},
	contentIDRow("mime-content-id-invalid", "a space", "<a b.png@x>", "<a_b.png@x>"),
	contentIDRow("mime-content-id-invalid", "two", "<a@x> <b@x>", " (c) <a@x>"),
	{id: "mime-content-id-invalid", why: "of the message", bad: sample{header: mimeVersion + "Content-ID: 1\n"}, good: sample{header: mimeVersion + "Content-ID: <1@x>\n"}},
	{id: "mime-content-id-duplicate", why: "two images", bad: sample{header: multipartMixed, body: mixed("Content-ID: <1@x>\n\na", "Content-ID: <1@x>\n\nb")},
		good: sample{header: multipartMixed, body: mixed("Content-ID: <1@x>\n\na", "Content-ID: <2@x>\n\nb")}},
	{id: "mime-content-id-duplicate", why: "of the message and a part", bad: sample{header: multipartMixed + "Content-ID: <1@x>\n", body: mixed("Content-ID: <1@x>\n\na")},
		good: sample{header: multipartMixed, body: mixed("Content-Type: message/external-body; access-type=x-a\nContent-ID: <1@x>\n\na", "Content-Type: message/external-body; access-type=x-b\nContent-ID: <1@x>\n\nb")}},

	{id: "mime-charset-mismatch", why: "UTF-8 as ISO 8859-1", bad: typed("text/plain; charset=iso-8859-1", "Grüße\n"), good: typed("text/plain; charset=iso-8859-1", "Gr\xfc\xdfe\n")},
	{id: "mime-charset-mismatch", why: "UTF-8 as windows-1252", bad: typed("text/html; charset=windows-1252", "it’s\n"), good: typed("text/html; charset=windows-1252", "it\x92s CAF\xc9\xbb\n")},
	{id: "mime-charset-mismatch", why: "UTF-8 as KOI8-R", bad: typed("text/plain; charset=KOI8-R", "Привет\n"), good: typed("text/plain; charset=KOI8-R", "\xf0\xd2\xc9\xd7\xc5\xd4\n")},
	{id: "mime-charset-mismatch", why: "UTF-8 as GBK", bad: typed("text/plain; charset=gbk", "你好，世界\n"), good: typed("text/plain; charset=gbk", "\xc4\xe3\xba\xc3\n")},
	{id: "mime-charset-mismatch", why: "UTF-8 as ISO 8859-15, in an attachment", bad: typed("text/csv; charset=iso-8859-15; name=a.csv", "Größe;Länge\n"), good: typed("text/csv; charset=iso-8859-15; name=a.csv", "Spa\xdf\xbb\n")},

	qp("mime-qp-encoded-line-end", "=0D=0A", "a=0D=0Ab\n", "a\nb\n"),
	qp("mime-qp-encoded-line-end", "with a soft line break in it", "a=0D=\n=0Ab\n", "a=\nb\n"),
	{id: "mime-qp-encoded-line-end", why: "an attached file excepted", bad: sample{header: mimeVersion + "Content-Type: text/html\nContent-Transfer-Encoding: quoted-printable\n", body: "a=0D=0A=\nb=0D=0A\n"},
		good: sample{header: mimeVersion + "Content-Type: application/octet-stream\nContent-Transfer-Encoding: quoted-printable\n", body: "a=0D=0Ab\n"}},

	calendar("no parameter", "", "METHOD:REQUEST", "; method=REQUEST"),
	calendar("another method", "; method=CANCEL", "METHOD:REQUEST", "; method=request"),
	calendar("no METHOD", "; method=REQUEST", "X-A:b", ""),
	calendar("a folded METHOD", "; method=CANCEL", "METH\n OD;X-A=b:REQUEST", "; METHOD=REQUEST; name=invite.ics"),
	calendar("METHOD of another component", "; method=REQUEST", "BEGIN:VEVENT\nMETHOD:REQUEST\nEND:VEVENT", ""),

	disposition("mime-param-sections", "attachment; filename*0*=UTF-8''Gr%C3%BCn;\n filename*2*=.pdf", "a gap", "attachment; filename*1*=.pdf;\n filename*0*=UTF-8''Gr%C3%BCn"),
	disposition("mime-param-sections", "attachment; filename*01=a; filename*00=b", "zeros before the number", "attachment; filename*1=a; filename*0=b"),
	disposition("mime-param-sections", "attachment; filename*1=a; filename*2=b.pdf", "it begins with 1", "attachment; filename*0=a; filename*1=b.pdf;\n filename=x.pdf"),
	disposition("mime-param-sections", "attachment; filename*0=a; filename*0*=''b", "twice", "attachment; filename*0*=''b"),
	disposition("mime-param-sections", "attachment; filename*=''a; filename*0=b", "whole and in sections", "attachment; filename*=''a; filename=b"),
	disposition("mime-param-sections", "attachment; filename*a=b", "no number", "attachment; filename*0=b"),
	disposition("mime-param-charset-mismatch", "attachment; filename*=UTF-8''Gr%FCn.pdf", "ISO 8859-1 as UTF-8", "attachment; filename*=iso-8859-1''Gr%FCn.pdf"),
	disposition("mime-param-charset-mismatch", "attachment; filename*=us-ascii''Gr%C3%BCn.pdf", "UTF-8 as US-ASCII", "attachment; filename*=us-ascii''a%20b.pdf"),
	disposition("mime-param-charset-mismatch", "attachment; filename*0*=UTF-8''Gr%C3;\n filename*1*=n.pdf", "half a character", "attachment; filename*0*=UTF-8''Gr%C3;\n filename*1*=%BCn.pdf"),
	disposition("mime-charset-unknown", "attachment; filename*=utf8''a", "in a file name", "attachment; filename*=utf-8''a"),
	disposition("mime-param-encoded-word", "attachment; filename*0=\"=?UTF-8?B?5paH5Lu2\";\n filename*1=\"LnBkZg==?=\"", "in sections", `attachment; filename*0="a"; filename*1=".pdf"`),

	siblings("mime-alternatives-in-mixed", "text and HTML", "mixed", []string{"\nhi", "Content-Type: text/html\n\n<p>hi"},
		"alternative", []string{"\nhi", "Content-Type: text/html\n\n<p>hi"}),
	siblings("mime-alternatives-in-mixed", "with an attachment", "mixed", []string{"\nHello Bob, hi", "Content-Type: text/html\n\n<p>Hello <b>Bob</b>", "Content-Type: image/png\n\nx"},
		"mixed", []string{"\nHello Bob, hi", "Content-Type: text/html\nContent-Disposition: attachment; filename=a.html\n\n<p>Hello <b>Bob</b>"}),
	siblings("mime-alternatives-in-mixed", "HTML with its pictures", "mixed", []string{"\nhi", "Content-Type: multipart/related; type=\"text/html\"; boundary=c\n\n--c\nContent-Type: text/html\n\n<p>hi\n--c--"},
		"alternative", []string{"\nhi", "Content-Type: multipart/related; type=\"text/html\"; boundary=c\n\n--c\nContent-Type: text/html\n\n<p>hi\n--c--"}),
	siblings("mime-alternatives-in-mixed", "both inline", "mixed", []string{"Content-Disposition: inline\n\nhi", "Content-Type: text/html\nContent-Disposition: inline\n\n<p>hi"},
		"mixed", []string{"Content-Disposition: inline\n\nhi", "Content-Type: text/html; name=hi.html\nContent-Disposition: inline\n\n<p>hi"}),
	siblings("mime-alternatives-in-mixed", "a footer excepted", "mixed", []string{"\nhi", "Content-Type: text/html\n\n<p>hi"},
		"mixed", []string{"Content-Type: text/html\n\n<p>hi", "\nhi"}),
	siblings("mime-alternatives-in-mixed", "another text excepted", "mixed", []string{"\nhi", "Content-Type: text/html\n\n<p>hi"},
		"mixed", []string{"\nSee the report below.", "Content-Type: text/html\n\n<table><tr><td>42</table>"}),
	siblings("mime-alternatives-in-mixed", "a text after it excepted", "mixed", []string{"\nhi", "Content-Type: text/html\n\n<p>hi"},
		"mixed", []string{"\nhi", "Content-Type: text/html\n\n<p>hi", "\nbye"}),
	siblings("mime-attachment-in-alternative", "a PDF", "alternative", []string{"\nhi", "Content-Type: application/pdf\nContent-Disposition: attachment; filename=a.pdf\n\nx"},
		"mixed", []string{"\nhi", "Content-Type: application/pdf\nContent-Disposition: attachment; filename=a.pdf\n\nx"}),
	siblings("mime-attachment-in-alternative", "a file", "alternative", []string{"\nhi", "Content-Type: application/pdf; name=a.pdf\n\nx"},
		"alternative", []string{"\nhi", "Content-Type: application/pdf\n\nx"}),
	siblings("mime-attachment-in-alternative", "an invitation excepted", "alternative", []string{"\nhi", "Content-Type: text/plain\nContent-Disposition: attachment\n\nx"},
		"alternative", []string{"\nhi", "Content-Type: text/calendar; name=invite.ics\nContent-Disposition: attachment\n\nx", "Content-Type: application/pdf\n\nx"}),
	siblings("mime-related-type-missing", "left out", "related", []string{"Content-Type: text/html\n\n<p>hi"},
		"related; type=\"text/html\"", []string{"Content-Type: text/html\n\n<p>hi"}),
}

func contentIDRow(id, why, bad, good string) ruleRow {
	of := func(value string) sample {
		return sample{header: multipartMixed, body: mixed("\ntext", "Content-Type: image/png\nContent-ID: "+value+"\n\nx")}
	}
	return ruleRow{id: id, why: why, bad: of(bad), good: of(good)}
}

// calendar is a calendar with that line and the wrong or the right parameter.
func calendar(why, bad, line, good string) ruleRow {
	of := func(param string) sample {
		return sample{header: mimeVersion + "Content-Type: text/calendar" + param + "\n", body: "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n" + line + "\nEND:VCALENDAR\n"}
	}
	return ruleRow{id: "mime-calendar-method", why: why, bad: of(bad), good: of(good)}
}

// siblings is a rule with the parts of a multipart that break it, and others.
func siblings(id, why, badKind string, bad []string, goodKind string, good []string) ruleRow {
	of := func(kind string, parts []string) sample {
		return sample{header: mimeVersion + "Content-Type: multipart/" + kind + "; boundary=b\n", body: mixed(parts...)}
	}
	return ruleRow{id: id, why: why, bad: of(badKind, bad), good: of(goodKind, good)}
}
