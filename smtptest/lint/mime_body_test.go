package lint

import (
	"encoding/base64"
	"strings"
)

// encoded is a message of one text with a transfer encoding.
func encoded(encoding, body string) sample {
	return sample{header: mimeVersion + "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: " + encoding + "\n", body: body}
}

func qp(id, why, bad, good string) ruleRow {
	return ruleRow{id: id, why: why, bad: encoded("quoted-printable", bad), good: encoded("quoted-printable", good)}
}

func b64(id, why, bad, good string) ruleRow {
	return ruleRow{id: id, why: why, bad: encoded("base64", bad), good: encoded("base64", good)}
}

// typed is a message of one body with a type, 8bit.
func typed(kind, body string) sample {
	return sample{header: mimeVersion + "Content-Type: " + kind + "\nContent-Transfer-Encoding: 8bit\n", body: body}
}

// inBase64 is a message of one text in base64, its octets as in the string.
func inBase64(kind, text string) sample {
	return sample{header: mimeVersion + "Content-Type: " + kind + "\nContent-Transfer-Encoding: base64\n",
		body: base64.StdEncoding.EncodeToString([]byte(text)) + "\n"}
}

func inBinary(s sample) sample {
	s.change = withBinary
	return s
}

var mimeBodyRows = []ruleRow{
	{id: "mime-cte-unknown", why: "8-bit", bad: encoded("8-bit", "text\n"), good: encoded("(a) 8BIT (b)", "text\n")},
	{id: "mime-cte-unknown", why: "utf-8", bad: encoded("utf-8", "text\n"), good: encoded("x-uuencode", "text\n")},
	{id: "mime-cte-unknown", why: "a parameter", bad: encoded("base64; x=y", "dGV4dA==\n"), good: encoded("Base64", "dGV4dA==\n")},
	{id: "mime-cte-mismatch", why: "7bit is not", bad: encoded("7bit", "ü\n"), good: encoded("8bit", "ü\n")},
	{id: "mime-cte-mismatch", why: "7bit is the default", bad: sample{header: mimeVersion + "Content-Type: text/plain; charset=utf-8\n", body: "ü\n"},
		good: sample{body: "ü\n"}}, // not MIME: data-8bit says it
	{id: "mime-cte-mismatch", why: "a part in 8bit", bad: sample{header: multipartMixed, body: mixed("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nü")},
		good: sample{header: multipartMixed, body: mixed("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nu")}},
	{id: "mime-cte-mismatch", why: "binary", bad: encoded("binary", "text\n"), good: inBinary(encoded("binary", "text\n"))},
	{id: "mime-cte-mismatch", why: "8bit with an LF", bad: inBinary(encoded("8bit", "a␊b\n")),
		good: encoded("8bit", "a␊b\n")}, // data-bare-lf says it
	{id: "mime-cte-mismatch", why: "8bit with a CR", bad: inBinary(encoded("8bit", "a␍b\n")), good: inBinary(encoded("8bit", "a\nb\n"))},
	{id: "mime-cte-mismatch", why: "7bit with a NUL", bad: inBinary(encoded("7bit", "a\x00b\n")), good: inBinary(typedBinary("application/octet-stream", "a\x00b␊"))},
	{id: "mime-cte-mismatch", why: "8bit with a long line", bad: inBinary(encoded("8bit", strings.Repeat("x", 999)+"\n")), good: inBinary(encoded("8bit", strings.Repeat("x", 998)+"\n"))},
	{id: "mime-cte-mismatch", why: "a part in binary", bad: inBinary(sample{header: multipartMixed + "Content-Transfer-Encoding: 8bit\n", body: mixed("Content-Type: image/png\nContent-Transfer-Encoding: binary\n\n\x00")}),
		good: inBinary(sample{header: multipartMixed + "Content-Transfer-Encoding: binary\n", body: mixed("Content-Type: image/png\nContent-Transfer-Encoding: binary\n\n\x00")})},

	b64("mime-base64-invalid", "another character", "dGV4d$==\n", "dGV4\ndA==\n"),
	b64("mime-base64-invalid", "no padding", "dGV4dA\n", "dGV4\n"),
	b64("mime-base64-invalid", "more behind the padding", "dGV4dA==\ndGV4dA==\n", "dGV4dA==\n\n"),
	b64("mime-base64-invalid", "three paddings", "d===\n", "dG==\n"),
	b64("mime-base64-invalid", "the URL alphabet", "dGV-\n", "dGV+\n"),
	b64("mime-base64-invalid", "a space", "dGV4 dA==\n", "dGV4dA==\n"),
	b64("mime-base64-line-too-long", "80 on a line", strings.Repeat("dGV4", 20)+"\n", strings.Repeat("dGV4", 19)+"\n"),
	qp("mime-qp-invalid", "no digits", "a=b\n", "a=3Db\n"),
	qp("mime-qp-invalid", "one digit", "a=3\n", "a=\n3\n"),
	qp("mime-qp-invalid", "raw UTF-8", "ü\n", "=C3=BC\n"),
	qp("mime-qp-invalid", "a control character", "a\x01b\n", "a\tb\n"),
	qp("mime-qp-invalid", "a space last", "a \nb\n", "a=20\nb\n"),
	qp("mime-qp-invalid", "a space behind a soft break", "a= \nb\n", "a=\n b\n"),
	qp("mime-qp-line-too-long", "77 on a line", strings.Repeat("x", 77)+"\n", strings.Repeat("x", 75)+"=\n"+strings.Repeat("x", 76)+"\n"),
	qp("mime-qp-lowercase-hex", "=c3", "=c3=bc\n", "=C3=BC\n"),

	{id: "mime-charset-missing", why: "plain text", bad: typed("text/plain", "ü\n"), good: typed("text/plain; charset=iso-8859-1", "\xfc\n")},
	{id: "mime-charset-missing", why: "HTML in base64", bad: inBase64("text/html", "ü"), good: inBase64("text/html", "&uuml;")},
	{id: "mime-charset-missing", why: "an attached file excepted", bad: typed("text/plain; x=y", "ü\n"), good: typed("text/plain; name=a.txt", "ü\n")},
	{id: "mime-charset-missing", why: "types that have a default of their own excepted", bad: sample{header: mimeVersion + "Content-Transfer-Encoding: 8bit\n", body: "ü\n"}, good: typed("text/calendar", "ü\n")},
	{id: "mime-charset-mismatch", why: "UTF-8 that is ISO 8859-1", bad: typed("text/plain; charset=utf-8", "\xfc\n"), good: typed("text/plain; charset=UTF-8", "ü\ufffd\n")},
	{id: "mime-charset-mismatch", why: "us-ascii that is UTF-8", bad: inBase64("text/plain; charset=us-ascii", "ü"), good: inBase64("text/plain; charset=us-ascii", "u")},
	{id: "mime-charset-mismatch", why: "half a character", bad: encoded("quoted-printable", "=C3\n"), good: encoded("quoted-printable", "=C3=BC\n")},
	{id: "mime-charset-unknown", why: "utf8", bad: typed("text/plain; charset=utf8", "ü\n"), good: typed("text/plain; charset=csUTF8", "ü\n")},
	{id: "mime-charset-unknown", why: "cp1252", bad: typed("text/plain; charset=cp1252", "ü\n"), good: typed("application/x; charset=cp1252", "ü\n")},
	{id: "mime-text-not-canonical", why: "LF in base64", bad: inBase64("text/plain; charset=utf-8", "a\nb"), good: inBase64("text/plain; charset=utf-8", "a\r\nb")},
	{id: "mime-text-not-canonical", why: "CR in base64", bad: inBase64("text/html; charset=utf-8", "a\r"), good: inBase64("text/plain; charset=utf-16be", "\x00a\x00\r\x00\n")},
	{id: "mime-text-not-canonical", why: "an attached file excepted", bad: encoded("quoted-printable", "a=0Ab\n"), good: inBase64("text/plain; charset=utf-8; name=a.txt", "a\nb")},
	{id: "mime-text-not-canonical", why: "binary", bad: inBinary(encoded("binary", "a␊b")), good: inBinary(typedBinary("image/svg+xml", "a␊b"))},
	{id: "mime-text-double-encoded", why: "UTF-8 of UTF-8", bad: typed("text/plain; charset=utf-8", "GrÃ¼ÃŸe\n"), good: typed("text/plain; charset=utf-8", "Ã¼ is what ü becomes, NÃO\n")},
	{id: "mime-text-double-encoded", why: "with characters of windows-1252", bad: typed("text/html; charset=utf-8", "itâ€™s\n"), good: typed("text/html; charset=utf-8", "it’s â\n")},
	{id: "mime-text-double-encoded", why: "in a word", bad: typed("text/plain; charset=utf-8", "VOILÃ€ cafÃ©\n"), good: typed("text/plain; charset=utf-8", "VIVE LA LIBERTÉ… AU CAFÉ ! CAFÉ™, CAFÉ’s\n")},
	{id: "mime-text-double-encoded", why: "base64 of base64", bad: inBase64("text/plain; charset=utf-8", base64.StdEncoding.EncodeToString([]byte("Hello Bob, how are you?"))),
		good: inBase64("text/plain; charset=utf-8", "abcdefghijklmnopqrstuvwxyz01")},
	{id: "mime-text-double-encoded", why: "an encoded word in a body", bad: typed("text/plain; charset=utf-8", "Hello =?utf-8?q?J=C3=BCrgen?=\n"),
		good: typed("text/plain; charset=utf-8", "You wrote:\nSubject: =?utf-8?q?J=C3=BCrgen?=\n =?utf-8?q?J=C3=BCrgen?=\n> =?utf-8?q?a?=\nand \"=?utf-8?q?a?=\"\n")},

	{id: "mime-alternative-order", why: "HTML first", bad: sample{header: mimeVersion + "Content-Type: multipart/alternative; boundary=b\n", body: mixed("Content-Type: text/html\n\n<p>text", "\ntext")},
		good: sample{header: mimeVersion + "Content-Type: multipart/alternative; boundary=b\n", body: mixed("\ntext", "Content-Type: text/html\n\n<p>text", "Content-Type: text/calendar\n\nBEGIN")}},
	{id: "mime-alternative-order", why: "no alternatives", bad: sample{header: mimeVersion + "Content-Type: multipart/alternative; boundary=b\n", body: mixed("Content-Type: text/html\n\n<p>text", "Content-Type: text/plain\n\ntext")},
		good: sample{header: multipartMixed, body: mixed("Content-Type: text/html\n\n<p>text", "\ntext")}},
	{id: "mime-related-start-missing", why: "an image", bad: sample{header: multipartMixed, body: mixed("Content-Type: text/html\n\n<img src=\"cid:a@b\">", "Content-Type: image/png\nContent-ID: <A@b>\n\nx")},
		good: sample{header: multipartMixed, body: mixed("Content-Type: text/html\n\n<img src=\"CID:a%40b&amp;c\"> <a href=cid>src=\"x:cid:y\" cid:x</a>", "Content-Type: image/png\nContent-ID: (c) <a@b&c>\n\nx")}},
	{id: "mime-related-start-missing", why: "in a style sheet", bad: typed("text/html", "<STYLE>p { background: url(cid:x) }</STYLE>\n"),
		good: typed("text/html", "<p title=\"src\">the source is src=\"cid:x\" or url(cid:y) <!-- <img src=\"cid:z\"> --> 1 < 2 src=cid:v <img data-src='cid:w'></p>\n")},
	{id: "mime-related-start-missing", why: "after other attributes", bad: typed("text/html", "<img alt=x\nsrc=cid:x>\n"), good: typed("text/html", "<!-- not closed <img src=cid:x>\n")},
	{id: "mime-related-start-missing", why: "in a style", bad: typed("text/html", "<p style='background: url(cid:x)'>\n"), good: typed("text/plain", "<p style='background: url(cid:x)'>\n")},
	{id: "mime-related-start-missing", why: "the start", bad: sample{header: mimeVersion + "Content-Type: multipart/related; boundary=b; type=\"text/plain\"; start=\"<1@a>\"\n", body: mixed("Content-ID: <2@a>\n\ntext")},
		good: sample{header: mimeVersion + "Content-Type: multipart/related; boundary=b; type=\"text/plain\"; start=\"<2@a>\"\n", body: mixed("Content-ID: <2@a>\n\ntext")}},
}

// typedBinary is a message of one body in binary.
func typedBinary(kind, body string) sample {
	return sample{header: mimeVersion + "Content-Type: " + kind + "\nContent-Transfer-Encoding: binary\n", body: body}
}
