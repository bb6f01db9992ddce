package lint

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// crlf makes CRLFs of line ends; ␍ and ␊ are a CR and an LF of their own.
var crlf = strings.NewReplacer("\n", "\r\n", "␍", "\r", "␊", "\n")

// sample is a well-formed message with changes.
type sample struct {
	without string // fields to leave out, between spaces
	header  string // fields to add
	body    string // with CRLF for line ends; "" is one line of text
	data    string // in place of all that
	change  func(c *content)
}

const (
	sampleHeader = "Date: Mon, 2 Jan 2006 15:04:05 +0000\nFrom: Ann <ann@example.com>\nTo: bob@example.com\n" +
		"Message-ID: <1@example.com>\nSubject: hello\n"
	mimeVersion = "MIME-Version: 1.0\n"
)

func (s sample) content() content {
	data := s.data
	if data == "" {
		for line := range strings.Lines(sampleHeader) {
			name, _, _ := strings.Cut(line, ":")
			if !strings.Contains(" "+s.without+" ", " "+name+" ") {
				data += line
			}
		}
		body := s.body
		if body == "" {
			body = "text\n"
		}
		data += s.header + "\n" + body
	}
	c := content{data: crlf.Replace(data), from: "ann@example.com", to: []string{"bob@example.com"},
		at: time.Date(2006, 1, 2, 16, 0, 0, 0, time.UTC)}
	if s.change != nil {
		s.change(&c)
	}
	return c
}

func withUTF8(c *content)   { c.utf8 = true }
func withBinary(c *content) { c.binary = true }

// findings are the ids that a content is reported for, each with its octets and
// detail.
func findings(c content) (ids []string, lines []string) {
	seen := map[string]bool{}
	c.check(func(id string, offset int, octets, detail string) {
		seen[id] = true
		lines = append(lines, Finding{ID: id, Offset: offset, Octets: octets, Detail: detail}.String())
	})
	return slices.Sorted(maps.Keys(seen)), lines
}

// ruleRow is a rule with a content that breaks it and one that nearly does.
type ruleRow struct {
	id, why   string
	bad, good sample
	also      string // an id that the bad one cannot be without
}

func testRules(t *testing.T, rows []ruleRow) {
	for _, row := range rows {
		t.Run(row.id+"/"+row.why, func(t *testing.T) {
			want := strings.Fields(row.id + " " + row.also)
			slices.Sort(want)
			got, lines := findings(row.bad.content())
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("check() mismatch (-want +got):\n%s%s\n%q", diff, strings.Join(lines, "\n"), row.bad.content().data)
			}
			if got, lines := findings(row.good.content()); got != nil {
				t.Errorf("the near miss is reported:\n%s\n%q", strings.Join(lines, "\n"), row.good.content().data)
			}
		})
	}
}

func TestHeaderRules(t *testing.T) {
	testRules(t, slices.Concat(headerRows, headerFieldRows, addressRows, wordRows, fieldRows))
}
func TestMIMERules(t *testing.T) { testRules(t, slices.Concat(mimeRows, mimeBodyRows, partRows)) }

// TestEveryContentRuleIsTested: a rule has a row, and a row has a rule.
func TestEveryContentRuleIsTested(t *testing.T) {
	rules := map[string]bool{}
	for _, r := range slices.Concat(headerRules, mimeRules) {
		if rules[r.id] {
			t.Errorf("%s is there twice", r.id)
		}
		rules[r.id] = true
	}
	delete(rules, "header-message-id-reused") // about two messages
	tested := map[string]bool{}
	for _, r := range slices.Concat(headerRows, headerFieldRows, addressRows, wordRows, fieldRows, mimeRows, mimeBodyRows, partRows) {
		tested[r.id] = true
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(rules)), slices.Sorted(maps.Keys(tested))); diff != "" {
		t.Errorf("rules and rows mismatch (-rules +rows):\n%s", diff)
	}
}

// TestContentWhere: a finding has the octets that it is about, and findings come
// in the order of these.
func TestContentWhere(t *testing.T) {
	c := sample{without: "Date", header: "Subject: again\nX-Bad : x\n" + mimeVersion + "Content-Transfer-Encoding: quoted-printable\n",
		body: "good\nbad=zz\n"}.content()
	_, got := findings(c)
	want := []string{
		`header-missing-date: no Date field`,
		`header-duplicate: a second Subject at octet 95: "Subject: again"`,
		`header-malformed: white space before the colon at octet 111: "X-Bad : x"`,
		`mime-qp-invalid: = without two hexadecimal digits at octet 197: "=zz\r\n"`,
	}
	for i, line := range got {
		got[i] = strings.Replace(strings.TrimPrefix(line, "session 0: "), " (warning)", "", 1)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("check() mismatch (-want +got):\n%s", diff)
	}
}

// TestContentLimits: hostile content costs neither memory nor stack.
func TestContentLimits(t *testing.T) {
	many := strings.Repeat("X-Bad : x\n", 30_000)
	deep := strings.Builder{}
	for i := range 1000 {
		b := strings.Repeat("b", i%60+1) + strings.Repeat("c", i/60+1)
		deep.WriteString("Content-Type: multipart/mixed; boundary=" + b + "\n\n--" + b + "\n")
	}
	for _, c := range []struct {
		name, why string
		content   content
	}{
		{"fields", "maxSame of an id", sample{header: many}.content()},
		{"nested", "maxDepth", sample{header: mimeVersion + deep.String()}.content()},
		{"parts", "one boundary a line", sample{header: mimeVersion + "Content-Type: multipart/mixed; boundary=b\n", body: strings.Repeat("--b\n", 50_000)}.content()},
		{"boundaries in a line", "not a boundary each", sample{header: mimeVersion + "Content-Type: multipart/mixed; boundary=b\n", body: strings.Repeat("--b", 500_000)}.content()},
		{"comments", "open ones", sample{header: "Cc: " + strings.Repeat("(", 500_000) + "\nReferences: " + strings.Repeat("(", 500_000) + "\n"}.content()},
		{"parameters", "open comments", sample{header: mimeVersion + "Content-Type: text/plain" + strings.Repeat(";(", 500_000) + "\n"}.content()},
		{"quotes", "open ones", sample{header: mimeVersion + "Content-Type: text/plain" + strings.Repeat(`;a="`, 50_001) + "\n"}.content()},
		{"words", "open ones", sample{header: "Comments: " + strings.Repeat("=?utf-8?q?x", 200_000) + "\nCc: " + strings.Repeat("=?utf-8?q?x", 200_000) + "\n"}.content()},
		{"ats", "addresses that begin in one another", sample{header: "X-To: " + strings.Repeat("a@", 100_000) + "\n", change: func(c *content) { c.to = append(c.to, "c@example.com") }}.content()},
		{"ids", "open ones", sample{header: "References: " + strings.Repeat("<", 1_000_000) + "\n"}.content()},
		{"html", "addresses of no part", sample{header: mimeVersion + "Content-Type: text/html\n", body: strings.Repeat("<img src=cid:x>\n", 5_000)}.content()},
	} {
		t.Run(c.name, func(t *testing.T) {
			count := map[string]int{}
			c.content.check(func(id string, _ int, octets, detail string) {
				if count[id]++; count[id] > maxSame || len(octets) > maxOctets || len(detail) > 1000 {
					t.Fatalf("%s: %s, %d times, %d octets, %d octets of detail", c.why, id, count[id], len(octets), len(detail))
				}
			})
		})
	}
}

// FuzzContent: nothing panics, and findings lie within the content.
func FuzzContent(f *testing.F) {
	for _, row := range slices.Concat(headerRows, headerFieldRows, addressRows, wordRows, fieldRows, mimeRows, mimeBodyRows, partRows) {
		for _, c := range []content{row.bad.content(), row.good.content()} {
			f.Add(c.data, c.from, strings.Join(c.to, " "), c.utf8, c.binary)
		}
	}
	known := map[string]bool{}
	for _, r := range slices.Concat(headerRules, mimeRules) {
		known[r.id] = true
	}
	f.Fuzz(func(t *testing.T, data, from, to string, utf8, binary bool) {
		c := content{data: data, from: from, to: strings.Fields(to), utf8: utf8, binary: binary}
		last := -1
		c.check(func(id string, offset int, octets, detail string) {
			inside := offset == -1 && octets == "" || offset >= 0 && offset <= len(data) && strings.HasPrefix(data[offset:], octets)
			if !known[id] || !inside || offset < last || len(octets) > maxOctets || detail == "" {
				t.Errorf("%q: %s at %d after %d: %q, %s", data, id, offset, last, octets, detail)
			}
			last = offset
		})
	})
}
