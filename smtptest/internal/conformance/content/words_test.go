package content_test

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
)

// words are values of a Subject. If a word is broken, a problem contains the
// text.
var words = []struct{ name, sent, want, problem string }{
	{"no word", "Hello", "Hello", ""},
	{"a word", "=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Grüße", ""},
	{"a word in base64", "=?UTF-8?B?R3LDvMOfZQ==?=", "Grüße", ""},
	{"words beside text", "Re: =?utf-8?q?Gr=C3=BC?= and =?utf-8?q?more?= text", "Re: Grü and more text", ""},
	{"words of two charsets", "=?iso-8859-1?q?=E9?= =?utf-8?q?=C3=BC?=", "éü", ""},
	{"a word in a comment", "(=?utf-8?q?=C3=BC?=)", "(ü)", ""},
	{"underscores and equals signs", "=?utf-8?q?a_b=5Fc=3D=3D?=", "a b_c==", ""},
	{"lower-case digits", "=?utf-8?q?=c3=bc?=", "ü", ""},
	{"no padding", "=?utf-8?B?R3LDvMOfZQ?=", "Grüße", "wrong padding"},
	{"half of the padding", "=?utf-8?B?R3LDvMOfZQ=?=", "Grüße", "wrong padding"},
	{"cut off base64", "=?utf-8?B?R3LDvMOfZ?=", "Grüß", "wrong padding"},
	{"octets that are not base64", "=?utf-8?B?R3LD*vMOfZQ==?=", "Grüße", "alphabet"},
	{"text after the padding", "=?utf-8?B?R3LDvMOfZQ==QUJD?=", "Grüße", "alphabet"},
	{"white space in base64", "=?utf-8?B?R3LD vMOfZQ==?=", "Grüße", "white space in it"},
	{"a folded word", "=?utf-8?B?R3LD\n\tvMOfZQ==?=", "Grüße", "white space in it"},
	{"white space in Q", "=?utf-8?q?Gr=C3=BC abc?=", "Grü abc", "white space in it"},
	{"no digits", "=?utf-8?Q?a=G1?=", "a=G1", "hexadecimal"},
	{"one digit", "=?utf-8?Q?a=C?=", "a=C", "hexadecimal"},
	{"raw UTF-8 in Q", "=?utf-8?q?Grüße?=", "Grüße", "Q must encode"},
	{"a question mark in Q", "=?utf-8?q?a?b?=", "a?b", "Q must encode"},
	{"no end", "=?utf-8?Q?Gr=C3=BC=C3=9Fe", "=?utf-8?Q?Gr=C3=BC=C3=9Fe", "without its end"},
	{"half an end", "=?utf-8?B?R3LDvMOfZQ==?", "=?utf-8?B?R3LDvMOfZQ==?", "without its end"},
	{"no end before text", "=?utf-8?Q?Gr=C3=BC and text", "=?utf-8?Q?Gr=C3=BC and text", "without its end"},
	{"no end before a word", "=?utf-8?Q?Gr=C3=BC =?utf-8?Q?=C3=9Fe?=", "=?utf-8?Q?Gr=C3=BC ße", "without its end"},
	{"no text", "a =?utf-8?q??= b", "a  b", "without text"},
	{"another encoding", "=?utf-8?X?abc?=", "=?utf-8?X?abc?=", "neither B nor Q"},
	{"two letters as encoding", "=?utf-8?QB?abc?=", "=?utf-8?QB?abc?=", "neither B nor Q"},
	{"no encoding", "=?utf-8?abc?=", "=?utf-8?abc?=", "neither B nor Q"},
	{"no charset", "=??Q?abc?=", "=??Q?abc?=", "neither B nor Q"},
	{"an unknown charset", "=?x-klingon?Q?abc?= d", "=?x-klingon?Q?abc?= d", "not known"},
	{"an unknown charset beside a known one", "=?x-klingon?Q?abc?= =?utf-8?q?=C3=BC?=", "=?x-klingon?Q?abc?= ü", "not known"},
	{"octets that are not UTF-8", "=?utf-8?q?a=E9?=", "a\uFFFD", "not of its charset"},
	{"octets that are not US-ASCII", "=?us-ascii?q?a=E9?=", "a\uFFFD", "not of its charset"},
	{"a character in two words", "=?utf-8?q?Gr=C3?= =?utf-8?q?=BC?=", "Grü", "divided"},
	{"a character in two words of base64", "=?UTF-8?B?R3LD?=\n =?utf-8?B?vMOfZQ==?=", "Grüße", "divided"},
	{"text before the word", "a=?utf-8?q?=C3=BC?=", "aü", "beside it"},
	{"text after the word", "=?utf-8?q?=C3=BC?=a", "üa", "beside it"},
	{"a word after the word", "=?utf-8?q?=C3=BC?==?utf-8?q?=C3=BC?=", "üü", "beside it"},
	{"brackets around the word", "[=?utf-8?q?=C3=BC?=]", "[ü]", "beside it"},
	{"octets that are not UTF-8 beside words", "=?utf-8?q?=C3=BC?= caf\xe9", "ü caf\uFFFD", "no UTF-8"},
	{"the beginning of a word as text", "How to begin with =?utf-8?q? in a header", "How to begin with =?utf-8?q? in a header", ""},
	{"the beginning and the end of a word as text", "From =?utf-8?q? up to ?= it is", "From =?utf-8?q? up to ?= it is", ""},
	{"less than the beginning of a word", "=?utf-8", "=?utf-8", ""},
	{"an equals sign and a question mark", "2 =? 3 ?= 4", "2 =? 3 ?= 4", ""},
	{"a query", "https://x.test/?a=?b?c", "https://x.test/?a=?b?c", ""},
}

// TestEncodedWords verifies that encoded words are decoded as far as possible, and
// that Problems reports each one that is broken: in a Subject, in another field, in
// the name of an address, and in a file name.
func TestEncodedWords(t *testing.T) {
	for _, c := range words {
		t.Run(c.name, func(t *testing.T) {
			m := messageOf("Subject: " + c.sent + "\n\nx")
			if got := m.Subject(); got != c.want {
				t.Errorf("Subject() = %q, want %q", got, c.want)
			}
			checkProblem(t, m, c.problem)
			checkProblem(t, messageOf("X-Other: "+c.sent+"\n\nx"), c.problem)
			checkProblem(t, messageOf(multipartOf("m", "mixed", "Content-Description: "+c.sent+"\n\nx")), c.problem)
			if c.problem != "" && !strings.ContainsAny(c.sent, "[]") {
				if m := messageOf("To: " + c.sent + " <a@x.test>\n\nx"); m.Problems() == nil {
					t.Errorf("in an address: Addresses() = %q without a problem", m.Addresses("To"))
				}
			}
			if strings.Contains(c.sent, `"`) {
				return
			}
			m = messageOf("Content-Type: application/pdf; name=\"" + c.sent + "\"\n\nx")
			if got := m.MIME().Filename; got != c.want {
				t.Errorf("in a file name: %q, want %q", got, c.want)
			}
			checkProblem(t, m, c.problem)
		})
	}
}

// checkProblem verifies that a problem contains the text, or that there is none.
func checkProblem(t *testing.T, m smtptest.Message, want string) {
	t.Helper()
	problems := m.Problems()
	if want == "" && problems != nil || want != "" && !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, want) }) {
		t.Errorf("%.40q: Problems() = %q, want one about %q", m.Data, problems, want)
	}
}

// TestCharsetReaderLosesOctets verifies that Problems reports what a CharsetReader
// replaced.
func TestCharsetReaderLosesOctets(t *testing.T) {
	t.Cleanup(func() { smtptest.CharsetReader = nil })
	smtptest.CharsetReader = func(_ string, input io.Reader) (io.Reader, error) {
		b, err := io.ReadAll(input)
		return strings.NewReader(strings.ReplaceAll(string(b), "?", "\uFFFD")), err
	}
	for _, data := range []string{
		"Subject: =?x?b?YT8=?=\n\n",
		"To: =?x?b?YT8=?= <a@x.test>\n\n",
		"Content-Type: text/plain; charset=x\n\na?",
		"Content-Type: application/pdf; name*=x''a%3F\n\n",
	} {
		checkProblem(t, messageOf(data), "not of it")
	}
}

// TestFileNames verifies the names of attachments, and that Problems reports what
// was guessed or lost (RFC 2231, RFC 2183 2.3).
func TestFileNames(t *testing.T) {
	for _, c := range []struct{ params, want, problem string }{
		{`filename=a.pdf`, "a.pdf", ""},
		{`filename="a;b (1).pdf"`, "a;b (1).pdf", ""},
		{`FileName="a.pdf"`, "a.pdf", ""},
		{`filename*=utf-8''Gr%C3%BC.pdf`, "Grü.pdf", ""},
		{`filename*=UTF-8'de'Gr%c3%bc.pdf`, "Grü.pdf", ""},
		{`filename*=iso-8859-1''Gr%FC.pdf`, "Grü.pdf", ""},
		{`filename*=''a.pdf`, "a.pdf", ""},
		{`filename=a.pdf; filename*=utf-8''%C3%BC.pdf`, "ü.pdf", ""},
		{`filename*0=a; filename*1=b.pdf`, "ab.pdf", ""},
		{`filename*1=b.pdf; filename*0=a`, "ab.pdf", ""},
		{`filename*0*=utf-8''a%C3; filename*1*=%BC; filename*2=.pdf`, "aü.pdf", ""},
		{`filename*2=.pdf; filename*1*=%BC; filename*0*=utf-8''a%C3`, "aü.pdf", ""},
		{`filename*0=a;filename*1=b;filename*2=c;filename*3=d;filename*4=e;filename*5=f;filename*6=g;filename*7=h;filename*8=i;filename*9=j;filename*10=k`, "abcdefghijk", ""},
		{`filename="=?utf-8?q?=C3=BC.pdf?="`, "ü.pdf", ""},
		{`filename*1="a"; filename*2="b.pdf"`, "ab.pdf", "piece 0 is missing"},
		{`filename*0*=utf-8''a; filename*2*=b.pdf`, "ab.pdf", "piece 1 is missing"},
		{`filename*10=c; filename*0=a`, "ac", "piece 1 is missing"},
		{`filename*2*=%BC.pdf; filename*1*=utf-8''%C3`, "ü.pdf", "piece 0 is missing"},
		{`filename*0=a; filename*0=a; filename*1=b`, "ab", "came twice"},
		{`filename*01=b; filename*00=a`, "ab", "leading zeros"},
		{`filename*x=a.pdf`, "", "not a number"},
		{`filename*-1=a.pdf`, "", "not a number"},
		{`filename*+1=a.pdf`, "", "not a number"},
		{`filename*1*2=a.pdf`, "", "not a number"},
		{`filename*99999999999999999999=a.pdf`, "", "not a number"},
		{`filename*=UTF-8''Gr%FCn.pdf`, "Gr\uFFFDn.pdf", "no UTF-8"},
		{`filename*=utf-8''a%G1.pdf`, "a%G1.pdf", "hexadecimal"},
		{`filename*=utf-8''a%`, "a%", "hexadecimal"},
		{`filename*0*=utf-8''a%C; filename*1*=3%BC.pdf`, "aü.pdf", "hexadecimal"},
		{`filename*=x-klingon''a%62.pdf`, "ab.pdf", "not known"},
		{`filename*=Gr%C3%BC.pdf`, "Grü.pdf", "no charset"},
		{`filename*=utf-8'Gr%C3%BC.pdf`, "Grü.pdf", "no charset"},
		{`filename*=it's%20a.pdf`, "it's a.pdf", "no charset"},
		{`filename*0=a; filename*1*=%C3%BC.pdf`, "aü.pdf", "no charset"},
		{`filename*="utf-8''Gr%C3%BC.pdf"`, "Grü.pdf", "quotes"},
		{`filename*=utf-8''"Gr%C3%BC.pdf"`, "Grü.pdf", "quotes"},
		{`filename*0*=utf-8''a; filename*1*=utf-8''b.pdf`, "ab.pdf", "more than the first piece"},
		{`filename*=utf-8''a; filename*0=b`, "a", "in several"},
		{`filename*0="=?UTF-8?B?5paH5Lu2"; filename*1="LnBkZg==?="`, "文件.pdf", "encoded words in pieces"},
		{`filename*1="LnBkZg==?="; filename*0="=?UTF-8?B?5paH5Lu2"`, "文件.pdf", "encoded words in pieces"},
		{`filename*0="=?utf-8?q?a=C3=BC?="; filename*1=" =?utf-8?q?.pdf?="`, "aü.pdf", "encoded words in pieces"},
		{`filename*0="=?utf-8?q?a=C3=BC"; filename*2=".pdf?="`, "aü.pdf", "piece 1 is missing"},
		{`filename*0="=?utf-8?q?a=C3=BC"; filename*1=".pdf"`, "=?utf-8?q?a=C3=BC.pdf", "without its end"},
		{`filename==?utf-8?q?=C3=BC.pdf?=`, "ü.pdf", "invalid media parameter"},
		{`filename=a.pdf; filename=b.pdf`, "a.pdf", "duplicate"},
		{`filename=a b.pdf`, "a b.pdf", "invalid media parameter"},
		{`filename="a.pdf`, "a.pdf", "invalid media parameter"},
		{`name=a.pdf`, "a.pdf", "RFC 2183 2.3"},
	} {
		t.Run(c.params, func(t *testing.T) {
			for _, params := range []string{c.params, strings.ReplaceAll(c.params, "; ", ";\n\t")} {
				m := messageOf("Content-Type: application/pdf\nContent-Disposition: attachment; " + params + "\n\n%PDF")
				if got := m.Attachments()[0].Filename; got != c.want {
					t.Errorf("Filename = %q, want %q", got, c.want)
				}
				checkProblem(t, m, c.problem)
			}
		})
	}
	for data, want := range map[string]string{
		"Content-Disposition: filename=a.pdf\n\nx":                   "a.pdf",
		"Content-Type: application/pdf; filename=a.pdf\n\nx":         "a.pdf",
		"Content-Type: name=a.pdf\n\nx":                              "a.pdf",
		"Content-Disposition: attachment filename=a.pdf\n\nx":        "a.pdf",
		"Content-Type: application/pdf;; name = \"a.pdf\" ;\n\n%PDF": "a.pdf",
	} {
		m := messageOf(data)
		if got := m.MIME().Filename; got != want || m.Problems() == nil {
			t.Errorf("%q: Filename = %q, want %q; Problems() = %q", data, got, want, m.Problems())
		}
	}
}
