package lint

import "strings"

func subject(bad, why, good string) ruleRow {
	return ruleRow{id: "header-encoded-word", why: why,
		bad: sample{without: "Subject", header: "Subject: " + bad + "\n"}, good: sample{without: "Subject", header: "Subject: " + good + "\n"}}
}

func phrase(bad, why, good string) ruleRow {
	return ruleRow{id: "header-encoded-word", why: "name: " + why,
		bad: sample{header: "Cc: " + bad + "\n"}, good: sample{header: "Cc: " + good + "\n"}}
}

var wordRows = []ruleRow{
	subject("\n =?utf-8?q?"+strings.Repeat("x", 64)+"?=", "76 long", "\n =?utf-8?q?"+strings.Repeat("x", 55)+"?=\n =?utf-8?q?"+strings.Repeat("x", 63)+"?="),
	subject("=?utf8?q?x?=", "charset not registered", "=?ISO-8859-15*de?Q?=A4?= =?KOI8-R?B?8NLJ18XU?="),
	subject("=?utf-8?x?eA==?=", "encoding X", "=?utf-8?b?eA==?="),
	subject("=?utf-8?q?a b?=", "a space inside", "=?utf-8?q?a_b?="),
	subject("=?utf-8?q??=", "empty", "what is =??= and =?a?c?b?= and =?"),
	subject("=?utf-8?q?a", "not closed", "=?a?b"),
	subject("=?utf-8?q?a?b?=", "a question mark inside", "=?utf-8?q?a=3Fb?="),
	subject("=?utf-8?q?a=3?=", "Q, half of a digit pair", "=?utf-8?q?a=3d?="),
	subject("=?utf-8?b?eA=?=", "B, padding", "=?utf-8?b?eA==?="),
	subject("=?utf-8?b?e_A=?=", "B, alphabet", "=?iso-8859-1?B?e/A=?="),
	subject("=?utf-8?q?=C3?= =?utf-8?q?=BC?=", "a character in two", "=?utf-8?q?=C3=BC?= =?utf-8?q?=C3=BC?="),
	subject("=?us-ascii?q?=FC?=", "not US-ASCII", "=?iso-8859-1?q?=FC?="),
	subject("a=?utf-8?q?x?=", "no space before", "a =?utf-8?q?x?="),
	subject("=?utf-8?q?x?=, a", "no space behind", "=?utf-8?q?x?= , a"),
	subject(`"=?utf-8?q?x?="`, "quotes around it", `" =?utf-8?q?x?= "`),
	subject("=?utf-8?q?x?==?utf-8?q?y?=", "none between two", "=?utf-8?q?x?=\n =?utf-8?q?y?="),
	phrase(`"=?utf-8?q?x?=" <a@b>`, "in quotes", `=?utf-8?q?x?= "y =? z" <a@b>`),
	phrase("=?utf-8?q?x?=@b", "as a local part", "=?utf-8?q?x?= <x@b>"),
	phrase("a@=?utf-8?q?x?=", "as a domain", "xn--bcher-kva@xn--bcher-kva"),
	phrase("=?utf-8?q?x?=<a@b>", "no space behind", "x<a@b>"),
	phrase("a =?utf-8?q?x,_y?= <a@b>", "a comma inside", "a =?utf-8?q?x=2C_y?= <a@b>"),
	phrase("=?utf-8?q?x?=y <a@b>", "text behind", "=?utf-8?q?x?= y <a@b>"),
	phrase("y=?utf-8?q?x?= <a@b>", "text before", "y =?utf-8?b?LA==?= <a@b>"),
	phrase("a@b (y=?utf-8?q?x?=)", "in a comment, text before", "a@b (=?utf-8?q?x?= (=?utf-8?q?y?=))"),
	phrase("=?utf-8?q?x y?= <a@b>", "a space inside", "=?utf-8?q?x?=\n =?utf-8?q?y?= <a@b>"),
	{id: "header-encoded-word-line", why: "two on 77 characters", bad: sample{without: "Subject", header: "Subject: =?utf-8?q?" + strings.Repeat("x", 42) + "?= =?utf-8?q?x?=\n"},
		good: sample{without: "Subject", header: "Subject: =?utf-8?q?" + strings.Repeat("x", 41) + "?= =?utf-8?q?x?=\n"}},
	{id: "header-encoded-word-line", why: "in a folded line", bad: sample{header: "Cc: a@b,\n =?utf-8?q?x?= <" + strings.Repeat("x", 58) + "@b>\n"},
		good: sample{header: "Cc: =?utf-8?q?x?= <a@b>,\n " + strings.Repeat("x", 75) + "@b\n"}},
}
