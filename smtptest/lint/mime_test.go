package lint

import "strings"

// mixed is the body of a multipart with the boundary b.
func mixed(parts ...string) string {
	return "--b\n" + strings.Join(parts, "\n--b\n") + "\n--b--\n"
}

const multipartMixed = mimeVersion + "Content-Type: multipart/mixed; boundary=b\n"

func contentType(bad, why, good string) ruleRow {
	return ruleRow{id: "mime-content-type-invalid", why: why,
		bad: sample{header: mimeVersion + "Content-Type: " + bad + "\n"}, good: sample{header: mimeVersion + "Content-Type: " + good + "\n"}}
}

func disposition(id, bad, why, good string) ruleRow {
	return ruleRow{id: id, why: why, bad: sample{header: mimeVersion + "Content-Disposition: " + bad + "\n"},
		good: sample{header: mimeVersion + "Content-Disposition: " + good + "\n"}}
}

func boundary(id, why, bad, good string) ruleRow {
	return ruleRow{id: id, why: why, bad: sample{header: multipartMixed, body: bad}, good: sample{header: multipartMixed, body: good}}
}

var mimeRows = []ruleRow{
	{id: "mime-version-missing", why: "left out", bad: sample{header: "Content-Type: text/plain\n"}, good: sample{header: "Content-Length: 6\nContent-Class: x\n"}},
	{id: "mime-version-missing", why: "2.0", bad: sample{header: "MIME-Version: 2.0\n"}, good: sample{header: "MIME-Version: (a) 1 .(b)0 (c)\n"}},

	contentType("text", "no subtype", "text / plain"),
	contentType("", "empty", "(a) text/plain (b) ; (c) charset = us-ascii (d)"),
	contentType("text/plain; charset", "no value", "text/plain;charset=\"utf-8\""),
	contentType("text/plain; charset=", "empty value", "text/plain; x=\"\""),
	contentType("text/plain;", "a semicolon last", "text/plain"),
	contentType("text/plain charset=utf-8", "no semicolon", "text/plain; charset=utf-8"),
	contentType("text/plain; charset=utf-8; charset=utf-8", "twice", "text/plain; charset=utf-8; x=1"),
	contentType("text/plain; x=a/b", "a slash without quotes", `text/plain; x="a/b"`),
	contentType("text/plain; x=a b", "a space without quotes", `text/plain; x="a b"`),
	contentType(`text/plain; x="a`, "a quote not closed", `text/plain; x="a\"; b"`),
	contentType(`text/plain; x=a"b"`, "quotes around a part", `text/plain; x="ab"`),
	contentType("text/plain; x (a", "a comment not closed", "text/plain; x (a) = (b(c)) y"),
	contentType("text/plain, text/html", "a list", "text/x-plain+foo; x=y"),
	disposition("mime-content-type-invalid", "attachment; filename=my file.txt", "a file name with a space", `attachment; filename="my file.txt"`),
	disposition("mime-content-type-invalid", "attachment; filename*=UTF-8''%zz", "no % encoding", "attachment; filename=x; filename*=UTF-8''%C3%bc"),
	disposition("mime-content-type-invalid", `attachment; filename*="UTF-8''x"`, "RFC 2231 in quotes", "attachment; filename*0*=UTF-8'en'x;\n filename*1=\"y z\"; filename*2*=%20"),
	disposition("mime-content-type-invalid", "attachment; filename*=x", "RFC 2231 without a charset", "attachment; filename*=''x"),
	disposition("mime-content-type-invalid", `; filename=x`, "no disposition", `inline; filename=x`),
	{id: "mime-content-type-invalid", why: "a boundary with = and no quotes", bad: sample{header: mimeVersion + "Content-Type: multipart/mixed; boundary=a=b\n", body: "--a=b\n\ntext\n--a=b--\n"},
		good: sample{header: mimeVersion + "Content-Type: multipart/mixed; boundary=\"a=b\"\n", body: "--a=b\n\ntext\n--a=b--\n"}},

	{id: "mime-boundary-missing", why: "no parameter", bad: sample{header: mimeVersion + "Content-Type: multipart/mixed\n", body: mixed("\ntext")}, good: sample{header: multipartMixed, body: mixed("\ntext")}},
	{id: "mime-boundary-missing", why: "empty", bad: sample{header: mimeVersion + "Content-Type: multipart/mixed; boundary=\"\"\n", body: mixed("\ntext")},
		good: sample{header: mimeVersion + "Content-Type: multipart/mixed; boundary*0=b; boundary*1=c\n", body: "--bc\n\ntext\n--bc--\n"}},
	{id: "mime-boundary-invalid", why: "71 characters", bad: ofBoundary(strings.Repeat("b", 71)), good: ofBoundary(strings.Repeat("b", 70))},
	{id: "mime-boundary-invalid", why: "an asterisk", bad: ofBoundary("b*"), good: ofBoundary("'()+_,-./:=? b")},
	{id: "mime-boundary-invalid", why: "a space last", bad: ofBoundary("b "), good: ofBoundary("b c")},
	boundary("mime-boundary-not-found", "another boundary", "--a\n\ntext\n--a--\n", mixed("\ntext")),
	boundary("mime-boundary-not-found", "not at the start of a line", "x--b\n\ntext\n", "preamble\n"+mixed("\ntext --b--")),
	boundary("mime-boundary-not-found", "a longer one", "--bb\n\ntext\n--bb--\n", "--b \t\n\ntext\n--b-- \nepilogue\n"),
	boundary("mime-boundary-not-closed", "no --", "--b\n\ntext\n--b\n\ntext\n", mixed("\ntext", "\ntext")),
	{id: "mime-boundary-not-closed", why: "the inner one", bad: sample{header: multipartMixed, body: mixed("Content-Type: multipart/mixed; boundary=c\n\n--c\n\ntext")},
		good: sample{header: multipartMixed, body: mixed("Content-Type: multipart/mixed; boundary=c\n\n--c\n\ntext\n--c--")}},
	{id: "mime-boundary-collision", why: "the outer one is a prefix", bad: sample{header: multipartMixed, body: mixed("Content-Type: multipart/mixed; boundary=bc\n\n--bc\n\ntext\n--bc--")},
		good: sample{header: multipartMixed, body: mixed("Content-Type: multipart/mixed; boundary=cb\n\n--cb\n\ntext\n--cb--", "Content-Type: multipart/mixed; boundary=cb\n\n--cb\n\ntext\n--cb--")}},
	{id: "mime-boundary-collision", why: "equal", bad: sample{header: multipartMixed, body: mixed("Content-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n--b--")},
		good: sample{header: multipartMixed, body: mixed("Content-Type: multipart/mixed; boundary=B\n\n--B\n\ntext\n--B--")}},
	boundary("mime-multipart-empty", "closed at once", "--b--\n", "--b\n\n--b--\n"),

	{id: "mime-multipart-encoded", why: "base64", bad: sample{header: multipartMixed + "Content-Transfer-Encoding: base64\n", body: mixed("\ntext")},
		good: sample{header: multipartMixed + "Content-Transfer-Encoding: 8bit\n", body: mixed("Content-Transfer-Encoding: base64\n\ndGV4dA==")}},
	{id: "mime-multipart-encoded", why: "a message", bad: sample{header: multipartMixed, body: mixed("Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\n" + sampleHeader)},
		good: sample{header: multipartMixed, body: mixed("Content-Type: message/rfc822\n\nbroken header", "Content-Type: message/global\nContent-Transfer-Encoding: base64\n\ndGV4dA==")}},

	disposition("mime-param-encoded-word", `attachment; filename="=?utf-8?q?=C3=BC?="`, "a file name", "attachment; filename*=utf-8''%C3%BC"),
	disposition("mime-param-encoded-word", `attachment; filename="a =?utf-8?b?eA==?="`, "in the middle", `attachment; filename="what =? is ?= it"`),
	disposition("mime-param-non-ascii", "attachment; filename=\"\xc3\xbc\"", "a file name", `attachment; filename="u"`),
	{id: "mime-param-non-ascii", why: "with SMTPUTF8 it may be", bad: sample{header: mimeVersion + "Content-Type: text/plain; name=ü\n"},
		good: sample{header: mimeVersion + "Content-Type: text/plain; name=ü\n", change: withUTF8}},
	disposition("mime-filename-path", `attachment; filename="../../etc/passwd"`, "upwards", `attachment; filename="a..b c.tar.gz"`),
	disposition("mime-filename-path", `attachment; filename="C:\temp\a.txt"`, "backslashes", `attachment; filename="the \"a\".txt"`),
	disposition("mime-filename-path", `attachment; filename="C:\\temp"`, "backslashes, quoted", `attachment; filename="C:temp"`),
	disposition("mime-filename-path", "attachment; filename*=utf-8''a%2Fb", "RFC 2231", "attachment; filename*=utf-8''a%20b"),
	disposition("mime-filename-path", `attachment; filename=".."`, "the directory above", `attachment; filename="..."`),
	{id: "mime-filename-path", why: "in an encoded word", also: "mime-param-encoded-word", bad: sample{header: mimeVersion + "Content-Disposition: attachment; filename=\"=?utf-8?q?a=2Fb?=\"\n"},
		good: sample{header: mimeVersion + "Content-Type: application/pdf; name=a.pdf\n"}},
}

func ofBoundary(b string) sample {
	return sample{header: mimeVersion + "Content-Type: multipart/mixed;\n boundary=\n \"" + b + "\"\n", body: "--" + b + "\n\ntext\n--" + b + "--\n"}
}
