package content_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// resetLink is the link in texts with something around it.
const resetLink = "https://shop.test/reset?t=1"

// TestLinksInText verifies where a link ends in a text. If the end is a guess, a
// problem contains the text.
func TestLinksInText(t *testing.T) {
	for _, c := range []struct {
		text, want, problem string // want is "" if there is no link
	}{
		// Punctuation of the text.
		{"See " + resetLink + ".", resetLink, ""},
		{resetLink + ", or", resetLink, ""},
		{resetLink + "?!", resetLink, ""},
		{resetLink + "...", resetLink, ""},
		{"Click:" + resetLink + ";", resetLink, ""},
		{resetLink + "/a.b,c", resetLink + "/a.b,c", ""},
		{resetLink + "。", resetLink, ""},
		{resetLink + "，或者", resetLink, ""},
		{resetLink + "؟", resetLink, ""},
		// Marks of emphasis. A token may end in _ or -.
		{"_" + resetLink + "_", resetLink, ""},
		{"__" + resetLink + "__", resetLink, ""},
		{"_see " + resetLink + "_", resetLink, ""},
		{"_see " + resetLink + " and https://b.test/_", resetLink + " https://b.test/", ""},
		{"*" + resetLink + "*", resetLink, ""},
		{"**see " + resetLink + "**.", resetLink, ""},
		{"~~" + resetLink + "~~", resetLink, ""},
		{"-" + resetLink + "-", resetLink, ""},
		{"`" + resetLink + "`", resetLink, ""},
		{"|" + resetLink + "|", resetLink, ""},
		{resetLink + "x_", resetLink + "x_", ""},
		{resetLink + "x-", resetLink + "x-", ""},
		{"snake_case and " + resetLink + "_", resetLink + "_", ""},
		{"_done_ " + resetLink + "_", resetLink + "_", ""},
		{"_a\n" + resetLink + "_", resetLink + "_", ""},
		// Brackets: pairs belong to a link.
		{"(" + resetLink + ")", resetLink, ""},
		{"(see " + resetLink + ").", resetLink, ""},
		{"[a](" + resetLink + ")", resetLink, ""},
		{"{" + resetLink + "}", resetLink, ""},
		{"https://x.test/Go_(game)", "https://x.test/Go_(game)", ""},
		{"(https://x.test/Go_(game))", "https://x.test/Go_(game)", ""},
		{"https://x.test/((a))", "https://x.test/((a))", ""},
		{"https://x.test/a(b", "https://x.test/a", ""},
		{"https://x.test/{id}", "https://x.test/{id}", ""},
		{"http://[::1]:80/a", "http://[::1]:80/a", ""},
		// Quotation marks.
		{`"` + resetLink + `"`, resetLink, ""},
		{"'" + resetLink + "'", resetLink, ""},
		{"'https://a.test/','https://b.test/'", "https://a.test/ https://b.test/", ""},
		{"https://x.test/O'Neill/", "https://x.test/O'Neill/", ""},
		{"´" + resetLink + "´", resetLink, ""},
		// Angle brackets (RFC 3986 appendix C).
		{"<" + resetLink + ">", resetLink, ""},
		{"<URL:" + resetLink + ">", resetLink, ""},
		{"<https://x.test/a.>", "https://x.test/a.", ""},
		{"<https://x.test/a\n  b\n\tc>", "https://x.test/abc", ""},
		{"< https://x.test/a >", "https://x.test/a", ""},
		{"<https://x.test/a b>", "https://x.test/ab", "white space"},
		{"<https://x.test/a-\nb>", "https://x.test/a-b", "white space"},
		{"<https://x.test/a\n\nb>", "https://x.test/a", ""},
		{"<https://x.test/a", "https://x.test/a", ""},
		{"<https://x.test/a <b>", "https://x.test/a", ""},
		{"<https://x.test/é>", "https://x.test/", `"https://x.test/é"`},
		{"<mailto:a@x.test>", "mailto:a@x.test", ""},
		// Letters outside ASCII.
		{"点击" + resetLink + "完成注册", resetLink, resetLink + "完成注册"},
		{"https://x.test/straße.html ok", "https://x.test/stra", `"https://x.test/straße.html"`},
		{"https://x.test/a?q=ü&b=c", "https://x.test/a?q=", `"https://x.test/a?q=ü&b=c"`},
		{"https://x.test/#ü", "https://x.test/#", `"https://x.test/#ü"`},
		{"https://x.test/(é)", "https://x.test/", `"https://x.test/(é)"`},
		{"https://x.test/a.é", "https://x.test/a", `"https://x.test/a.é"`},
		{"https://x.test/e\u0301", "https://x.test/e", "it is not ASCII"},
		{"https://x.test/１", "https://x.test/", "it is not ASCII"},
		{"https://x.test/😀", "https://x.test/", "it is not ASCII"},
		{"https://x.test/a@é", "https://x.test/a@", "it is not ASCII"},
		{"https://x.test:80é", "https://x.test:80", "it is not ASCII"},
		{"https://x.test/col·lecció", "https://x.test/col", `"https://x.test/col·lecció"`},
		{"https://x.test/don’t", "https://x.test/don", `"https://x.test/don’t"`},
		{"https://x.test/a\u2011b", "https://x.test/a", "it is not ASCII"},
		{"https://x.test/a\u00adb", "https://x.test/a", "it is not ASCII"},
		{"https://par·lel.test/", "", ""},
		{"https://shop\u2011a.test/", "", ""},
		{"https://shop.test‐ or", "https://shop.test", ""},
		{"https://shop.test—see", "https://shop.test", ""},
		{"https://shöp.test/a", "", ""},
		{"https://shop.test完成", "", ""},
		{"https://shop.teste\u0301/a", "", ""},
		{"https://shop１.test/a", "", ""},
		{"https://i❤.test/a", "", ""},
		{"https://I❤️x.test/a", "", ""},
		{"https://shop.test❤", "https://shop.test", ""},
		{"https://shop.test→ next", "https://shop.test", ""},
		{"https://usér@x.test/", "", ""},
		{"https://a:b@x.test:80é", "https://a:b@x.test:80", "it is not ASCII"},
		{"https://[::1]:80é", "https://[::1]:80", "it is not ASCII"},
		{"https://[::1]é", "", ""},
		{"https://caf\xe9 x", "", "no UTF-8"},
		{"https://x.test/caf\xe9 x", "https://x.test/caf", "it is not ASCII"},
		{"mailto:jürgen@x.test", "", ""},
		{"mailto:a@exämple.test", "", ""},
		{"mailto:a@x.test?subject=ü", "mailto:a@x.test?subject=", "it is not ASCII"},
		// What is no link.
		{"https://...", "", ""},
		{"https://", "", ""},
		{"https:x", "", ""},
		{"xhttps://x.test/", "", ""},
		{"ftp://x.test/", "", ""},
		{"mailto:", "", ""},
	} {
		t.Run(c.text, func(t *testing.T) {
			m := messageOf("Content-Type: text/plain; charset=utf-8\n\n" + c.text)
			if diff := cmp.Diff(c.want, joined(m.Links())); diff != "" {
				t.Errorf("Links() mismatch (-want +got):\n%s", diff)
			}
			checkProblem(t, m, c.problem)
		})
	}
}

func joined(links []string) (all string) {
	for i, link := range links {
		if i > 0 {
			all += " "
		}
		all += link
	}
	return all
}

// TestLinksAround verifies that characters of any script that are put around a
// link are not part of it, and are not reported.
func TestLinksAround(t *testing.T) {
	for _, around := range []string{
		"“ ”", "„ “", "« »", "‹ ›", "‘ ’", "‚ ‘", "「 」", "『 』", "〝 〟", "＂ ＂", "❝ ❞", // quotation marks
		"（ ）", "［ ］", "｛ ｝", "【 】", "〈 〉", "《 》", "⟨ ⟩", "｟ ｠", "༺ ༻", "⁅ ⁆", // brackets
		"– –", "— —", "‐ ‐", "― ―", "〜 〜", "－ －", "⸺ ⸺", "− −", "～ ～", // dashes
		"… …", "⋯ ⋯", "︙ ︙", "᠁ ᠁", // ellipses
		"\u00a0 \u00a0", "\u202f \u202f", "\u3000 \u3000", "\u2007 \u2007", "\u200b \u200b", "\ufeff \ufeff", "\u2060 \u2060", "\u2028 \u2028", // spaces
		"＿ ＿", "＊ ＊", "、 。", "• •", "† †",
	} {
		var before, after string
		fmt.Sscanf(around, "%s %s", &before, &after)
		if before == "" || after == "" {
			runes := []rune(around)
			before, after = string(runes[0]), string(runes[2])
		}
		for _, link := range []string{resetLink, "https://shop.test", "https://shop.test/", "mailto:a@shop.test"} {
			for _, text := range []string{before + link + after, before + link + after + " x", before + link + after + "ж", "x" + before + link + "." + after} {
				m := messageOf("Content-Type: text/plain; charset=utf-8\n\n" + text)
				if got := m.Links(); len(got) != 1 || got[0] != link || m.Problems() != nil {
					t.Errorf("%q: Links() = %q, want %q; Problems() = %q", text, got, link, m.Problems())
				}
			}
		}
	}
}

// TestLinksInHTML verifies that an href is read as browsers read it (HTML 13.2.5,
// URL Standard 4.4).
func TestLinksInHTML(t *testing.T) {
	for _, c := range []struct{ html, want string }{
		{`<a href="https://x.test/a">`, "https://x.test/a"},
		{`<a href='https://x.test/a'>`, "https://x.test/a"},
		{`<a href=https://x.test/a/>`, "https://x.test/a/"},
		{"<A\nHREF\n=\n\"HTTPS://X.test/a\"\n>", "HTTPS://X.test/a"},
		{`<a class="x"href="https://x.test/a">`, "https://x.test/a"},
		{`<a/href="https://x.test/a"/>`, "https://x.test/a"},
		{`<a title="a > b" href="https://x.test/a">`, "https://x.test/a"},
		{`<a title='"' href="https://x.test/a">`, "https://x.test/a"},
		{`<a disabled href="https://x.test/a">`, "https://x.test/a"},
		{`<a href="https://x.test/a" href="https://y.test/">`, "https://x.test/a"},
		{`<area href="https://x.test/a"><link href="https://y.test/">`, "https://x.test/a https://y.test/"},
		{`<a href="mailto:a@x.test?subject=b">`, "mailto:a@x.test?subject=b"},
		// White space and line breaks.
		{"<a href=\" \thttps://x.test/a\n \">", "https://x.test/a"},
		{"<a href=\"https://x.test/a\n\tb\rc\">", "https://x.test/abc"},
		{"<a href=\"htt\nps://x.test/a\">", "https://x.test/a"},
		{`<a href="https://x.test/a b">`, "https://x.test/a b"},
		{"<a href=\"\x01https://x.test/a\x1f\">", "https://x.test/a"},
		{"<a href=\"\u00a0https://x.test/a\">", ""},
		{"<a href=\" \n\">", ""},
		// Character references.
		{`<a href="https://x.test/?a=1&amp;b=2">`, "https://x.test/?a=1&b=2"},
		{`<a href="https://x.test/?a=1&b=2">`, "https://x.test/?a=1&b=2"},
		{`<a href="https://x.test/?a=1&copy=2&lt=3&ampb&amp">`, "https://x.test/?a=1&copy=2&lt=3&ampb&"},
		{`<a href="https://x.test/&#x26;a&#38;b&#38c&#x3D">`, "https://x.test/&a&b&c="},
		{`<a href="&#104;ttps&colon;//x.test/a">`, "https://x.test/a"},
		{`<a href="https://x.test/&eacute;&eacute&eacute=&notit;&semi;&none;&#;&">`, "https://x.test/éé&eacute=&notit;;&none;&#;&"},
		{`<a href="https&#58;//x.test/a&#10;b&Tab;c">`, "https://x.test/abc"},
		// An IRI is left as written.
		{`<a href="https://shöp.test/straße?q=ü">`, "https://shöp.test/straße?q=ü"},
		{`<a href="https://x.test/“a”">`, "https://x.test/“a”"},
		// What is no link.
		{`<a href="javascript:x"><a href="//x.test/"><a href="/a"><a href="tel:1"><a href="">`, ""},
		{`<a data-href="https://x.test/a"><a xhref="https://x.test/b">`, ""},
		{`text href="https://x.test/a"`, ""},
		{`<!-- <a href="https://x.test/a"> --><a href="https://y.test/">`, "https://y.test/"},
		{`<!--[if mso]><a href="https://x.test/a"><![endif]--><a href="https://y.test/">`, "https://y.test/"},
		{`<!--><a href="https://x.test/a">`, "https://x.test/a"},
		{`<!DOCTYPE html><?xml?><a href="https://x.test/a">`, "https://x.test/a"},
		{`<script>"<a href='https://x.test/a'>"</script><a href="https://y.test/">`, "https://y.test/"},
		{`<style></styles <a href="https://x.test/a"></STYLE ><a href="https://y.test/">`, "https://y.test/"},
		{`<title><a href="https://x.test/a"></title>`, ""},
		{`</a href="https://x.test/a">`, ""},
		{`<a href="https://x.test/a`, ""},
		{`<a href="https://x.test/a"`, ""},
		{`a < b href="https://x.test/a" <`, ""},
		{`<1 href="https://x.test/a">`, ""},
	} {
		t.Run(c.html, func(t *testing.T) {
			m := messageOf("Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n" + c.html)
			if diff := cmp.Diff(c.want, joined(m.Links())); diff != "" || m.Problems() != nil {
				t.Errorf("Links() mismatch (-want +got):\n%s%q", diff, m.Problems())
			}
		})
	}
}
