package smtpcmp_test

import (
	"testing"

	"github.com/go-smtptest/smtp/smtptest/smtpcmp"
	"github.com/google/go-cmp/cmp"
)

func TestTranscript(t *testing.T) {
	for _, c := range []struct {
		name, reason, x, y string
		ignored            []string
		diff               []string
	}{
		{"changed line", "it shows", "C: NOOP\nS: 250 OK\n", "C: NOOP\nS: 451 later\n", nil, []string{`- "S: 250 OK"`, `+ "S: 451 later"`}},
		{"field", "ignored", "S: 354 go\nC: Date: 1\nC: A: x\nC: \nC: Hi\n", "S: 354 go\nC: A: x\nC: date: 2\nC: \nC: Hi\n", []string{"Date"}, nil},
		{"other field", "not ignored", "S: 354 go\nC: Date: 1\n", "S: 354 go\nC: Date: 2\n", []string{"A"}, []string{`- "C: Date: 1"`, `+ "C: Date: 2"`}},
		{"folded field", "RFC 5322 2.2.3; a tab is quoted", "S: 354 go\nC: A: 1\nC:  2\nC: \"\\t3\"\nC: B: 4\n", "S: 354 go\nC: B: 4\n", []string{"A"}, nil},
		{"quoted field", "8 bits", "S: 354 go\nC: \"A: \\u00fc\"\n", "S: 354 go\n", []string{"A"}, nil},
		{"text like a field", "behind the header", "S: 354 go\nC: \nC: Date: 1\n", "S: 354 go\nC: \nC: Date: 2\n", []string{"Date"},
			[]string{`- "C: Date: 1"`, `+ "C: Date: 2"`}},
		{"empty line", "an editor took its space; the header ends there", "S: 354 go\nC: \nC: Date: 1\n", "S: 354 go\nC:\nC: Date: 1\n", []string{"Date"}, nil},
		{"second mail", "it has a header of its own", "S: 354 go\nC: \nC: Hi\nC: .\nS: 250 OK\nS: 354 go\nC: Date: 1\n", "S: 354 go\nC: \nC: Hi\nC: .\nS: 250 OK\nS: 354 go\n", []string{"Date"}, nil},
		{"BDAT", "RFC 3030", "C: BDAT 9 LAST\nC: Date: 1\n", "C: BDAT 9 LAST\nC: Date: 2\n", []string{"Date"}, nil},
		{"boundary", "as is, quoted, in a quoted line", "C: Content-Type: multipart/mixed; boundary=\"a\"\nC: --a\nC: --a--\nC: \"\\tboundary=\\\"c\\\"\"\n",
			"C: Content-Type: multipart/mixed; boundary=b1\nC: --b1\nC: --b1--\nC: \"\\tboundary=\\\"d\\\"\"\n", nil, nil},
		{"no boundary", "a line of dashes", "C: --a\n", "C: --b\n", nil, []string{`- "C: --a"`, `+ "C: --b"`}},
		{"EHLO", "the name of the machine", "C: EHLO a\n", "C: EHLO b\n", nil, nil},
		{"HELO for EHLO", "another verb", "C: EHLO a\n", "C: HELO a\n", nil, []string{`- "C: EHLO"`, `+ "C: HELO"`}},
		{"sizes", "they come from what is ignored", "C: MAIL FROM:<a> SIZE=9 BODY=7BIT\n-- 9 octets in all\n", "C: MAIL FROM:<a> SIZE=10 BODY=7BIT\n-- 10 octets in all\n", []string{"Date"}, nil},
		{"sizes that count", "nothing is ignored", "-- 9 octets in all\n", "-- 10 octets in all\n", nil, []string{`- "-- 9 octets in all"`, `+ "-- 10 octets in all"`}},
		{"other numbers", "they count", "-- rule 1: kept\n", "-- rule 2: kept\n", []string{"Date"}, []string{`- "-- rule 1: kept"`, `+ "-- rule 2: kept"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			shows(t, cmp.Diff(c.x, c.y, smtpcmp.Transcript(c.ignored...)), c.diff, c.reason)
		})
	}
}
