package lint

import (
	"slices"
	"strings"
	"testing"
)

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

// plainTexts are texts that are not encoded words (RFC 2047 6.1, RFC 5322 2.2.1).
var plainTexts = []string{
	"How to begin with =?utf-8?q? in a header",
	"How to begin with =?UTF-8?B? in a header",
	"=?utf-8?q?",
	"=?utf-8?q?a",
	"=?utf-8?q?a?",
	"=?utf-8?q?=",
	"=?utf-8?q?a b",
	"=?utf-8?q?=?utf-8?b?",
	"it begins with =?utf-8?q? and ends with ?=",
	"it begins with =?utf-8?q?text and ends with ?= there",
	"it begins with =?utf-8?q? and ends with text?= there",
	"why =?utf-8?q?what? and =?utf-8?b?how? are not closed",
	"=?" + strings.Repeat("x", 100) + "?q?a?b",
	"=?iso-8859-1?x?",
	"x=?utf-8?q?y and =?utf-8",
	"if a=?b?c:d then e=?f?g:h",
	"?=?q?=?b?=",
}

// TestPlainText verifies that text which only looks like the beginning of an
// encoded word is no finding, in any field and parameter and in a body.
func TestPlainText(t *testing.T) {
	long := strings.Repeat("x", 70)
	for _, s := range plainTexts {
		for _, c := range []sample{
			{without: "Subject", header: "Subject: " + s + "\n"},
			{without: "Subject", header: "Subject: " + long + "\n " + s + "\n"},
			{header: "Comments: " + s + "\n"},
			{header: "X-Text: " + s + "\n"},
			{header: "Cc: \"" + s + "\" <a@b>\n"},
			{header: "Cc: a@b (" + s + ")\n"},
			{header: mimeVersion + "Content-Description: " + s + "\n"},
			{header: mimeVersion + "Content-Type: text/plain; name=\"" + s + "\"\n"},
			{header: mimeVersion + "Content-Disposition: attachment; filename=\"" + s + "\"\n"},
			{header: mimeVersion + "Content-Type: text/plain\n", body: s + "\n"},
		} {
			if got, lines := findings(c.content()); got != nil && !slices.Equal(got, []string{"header-line-over-78"}) {
				t.Errorf("%q is reported:\n%s", s, strings.Join(lines, "\n"))
			}
		}
	}
}

// TestPlainNames verifies the same for a display name, which is made of atoms.
func TestPlainNames(t *testing.T) {
	for _, s := range []string{"How =?utf-8?q? begins", "=?utf-8?q?a", "=?utf-8?q?", "=?utf-8?b? and ?=", "x=?utf-8?q?y", "=?utf-8?q?=?utf-8?b?"} {
		if got, lines := findings(sample{header: "Cc: " + s + " <a@b>\n"}.content()); got != nil {
			t.Errorf("%q is reported:\n%s", s, strings.Join(lines, "\n"))
		}
	}
}
