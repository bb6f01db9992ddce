package smtpcmp_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/smtpcmp"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestMessage compares one message with another. In Data LF stands for CRLF
// unless it has a CR. diff is what the lines of the difference show.
func TestMessage(t *testing.T) {
	const multipart = "Content-Type: multipart/mixed; boundary=\"B\"\n\n--B\n\ntext\n--B\nContent-Type: image/png; name=a.png\nContent-Transfer-Encoding: base64\n\nUE5H\n--B--\n"
	for _, c := range []struct {
		name, reason string
		x, y         smtptest.Message
		options      []cmp.Option
		diff         []string
	}{
		{"same", "the zero Message", smtptest.Message{}, smtptest.Message{}, nil, nil},
		{"run", "each run has others",
			smtptest.Message{Session: 1, Time: time.Unix(1, 0), Peer: "127.0.0.1:1", Helo: "a"},
			smtptest.Message{Session: 2, Time: time.Unix(2, 0), Peer: "127.0.0.1:2", Helo: "b"}, nil, nil},
		{"envelope", "it is wanted or not",
			smtptest.Message{From: "a@x.test", To: []string{"b@x.test"}, User: "ann", TLS: true},
			smtptest.Message{From: "b@x.test", To: []string{"c@x.test"}, User: "bob"}, nil,
			[]string{`- "ann"`, `+ "bob"`, "- true", "+ false", `- "a@x.test"`, `+ "b@x.test"`, `- "b@x.test"`, `+ "c@x.test"`}},
		{"unsaid", "a wanted message says nothing of them",
			smtptest.Message{},
			smtptest.Message{Reply: "250 OK", MailOptions: []string{"BODY=8BITMIME"}, RcptOptions: [][]string{{"NOTIFY=NEVER"}}, Unstuffed: []int{0}, Chunks: []int{5}}, nil, nil},
		{"no parameters", "as they are recorded for two recipients",
			smtptest.Message{RcptOptions: [][]string{nil, nil}}, smtptest.Message{RcptOptions: [][]string{{"NOTIFY=NEVER"}, nil}}, nil, nil},
		{"said", "both do",
			smtptest.Message{Reply: "250 OK", MailOptions: []string{"BODY=8BITMIME"}}, smtptest.Message{Reply: "451 later", MailOptions: []string{"SMTPUTF8"}}, nil,
			[]string{`- "BODY=8BITMIME"`, `+ "SMTPUTF8"`, `- "250 OK"`, `+ "451 later"`}},
		{"addresses", "RFC 5322 3.4: brackets, quotes and spaces say nothing",
			smtptest.Message{Data: "From: a@x.test\nTo: \"Bob\" <b@x.test>,c@x.test\nResent-To: d@x.test\n\n"},
			smtptest.Message{Data: "From: <a@x.test>\nTo: =?utf-8?q?Bob?= <b@x.test>, <c@x.test>\nResent-To: <d@x.test>\n\n"}, nil, nil},
		{"other addresses", "each is seen",
			smtptest.Message{Data: "To: Bob <b@x.test>, c@x.test\n\n"}, smtptest.Message{Data: "To: Bob <b@x.test>, d@x.test\n\n"}, nil,
			[]string{"- <c@x.test>", "+ <d@x.test>"}},
		{"no addresses", "broken lists are text",
			smtptest.Message{Data: "To: undisclosed recipients\n\n"}, smtptest.Message{Data: "To: Undisclosed recipients\n\n"}, nil,
			[]string{"- undisclosed", "+ Undisclosed"}},
		{"quotes missing", "RFC 5322 3.2.5: it is no list without them",
			smtptest.Message{Data: "To: \"Doe, John\" <j@x.test>\n\n"}, smtptest.Message{Data: "To: Doe, John <j@x.test>\n\n"}, nil,
			[]string{`- `, `+ `}},
		{"an address in a name", "one recipient is not two",
			smtptest.Message{Data: "To: \"Ann <a@x.test>, Bob\" <b@x.test>\n\n"}, smtptest.Message{Data: "To: Ann <a@x.test>, Bob <b@x.test>\n\n"}, nil,
			[]string{`- `, `+ `}},
		{"quotes missing in an address", "RFC 5321 4.1.2",
			smtptest.Message{Data: "To: \"a b\"@x.test\n\n"}, smtptest.Message{Data: "To: <a b@x.test>\n\n"}, nil,
			[]string{`- `, `+ `}},
		{"names in an unknown charset", "they stay as they are",
			smtptest.Message{Data: "From: =?x-unknown?q?A?= <a@x.test>\n\n"}, smtptest.Message{Data: "From: =?x-unknown?q?B?= <a@x.test>\n\n"}, nil,
			[]string{"- =?x-unknown?q?A?=", "+ =?x-unknown?q?B?="}},
		{"size", "RFC 1870: that of ignored fields, too",
			smtptest.Message{MailOptions: []string{"size=9", "BODY=8BITMIME"}}, smtptest.Message{MailOptions: []string{"BODY=8BITMIME", "SIZE=10"}}, nil, nil},
		{"line like a size", "it is none", smtptest.Message{Data: "\nSIZE=1\n"}, smtptest.Message{Data: "\nSIZE=2\n"}, nil, []string{`- "SIZE=1"`, `+ "SIZE=2"`}},
		{"ignored fields", "in any case, folded, or not there",
			smtptest.Message{Data: "DATE: 1\nX-Id: 2\n 3\nSubject: Hi\n\nHi!\n"}, smtptest.Message{Data: "date: 4\nSubject: Hi\n\nHi!\n"},
			[]cmp.Option{smtpcmp.Message("Date", "x-id")}, nil},
		{"other fields", "not ignored",
			smtptest.Message{Data: "Date: 1\nSubject: Hi\n\n"}, smtptest.Message{Data: "Date: 1\nSubject: Hello\n\n"},
			[]cmp.Option{smtpcmp.Message("Date")}, []string{`- "Subject": {"Hi"}`, `+ "Subject": {"Hello"}`}},
		{"order of fields", "RFC 5322 3.6", smtptest.Message{Data: "A: 1\nB: 2\n\n"}, smtptest.Message{Data: "B: 2\nA: 1\n\n"}, nil, nil},
		{"order of one field's values", "RFC 5321 4.4: Received", smtptest.Message{Data: "A: 1\nA: 2\n\n"}, smtptest.Message{Data: "A: 2\nA: 1\n\n"}, nil,
			[]string{`- "1"`, `+ "1"`}},
		{"encoded words", "RFC 2047", smtptest.Message{Data: "From: =?utf-8?q?J=C3=B6rg?= <j@x.test>\n\n"}, smtptest.Message{Data: "From:\n =?utf-8?b?SsO2cmc=?= <j@x.test>\n\n"}, nil, nil},
		{"line ends", "a literal of the test's", smtptest.Message{Data: "A: 1\r\n\r\none\r\ntwo\r\n"}, smtptest.Message{Data: "A: 1\r\n\r\none\ntwo"}, nil, nil},
		{"changed line", "the one thing that a difference must show",
			smtptest.Message{Data: "\none\ntwo\nthree\n"}, smtptest.Message{Data: "\none\n2\nthree\n"}, nil, []string{`- "two"`, `+ "2"`}},
		{"changed line in base64", "nobody reads that",
			smtptest.Message{Data: "Content-Transfer-Encoding: base64\n\nb25lCnR3bwo=\n"}, smtptest.Message{Data: "Content-Transfer-Encoding: base64\n\nb25lCjIK\n"}, nil,
			[]string{`- "two"`, `+ "2"`}},
		{"encodings", "the same for the recipient",
			smtptest.Message{Data: "Content-Transfer-Encoding: base64\n\nb25lCg==\n"}, smtptest.Message{Data: "Content-Transfer-Encoding: quoted-printable\n\no=6Ee\n"}, nil, nil},
		{"boundary", "RFC 2046 5.1.1", smtptest.Message{Data: multipart}, smtptest.Message{Data: strings.ReplaceAll(multipart, "B", "other 1")}, nil, nil},
		{"kind of multipart", "beside the boundary",
			smtptest.Message{Data: multipart}, smtptest.Message{Data: strings.ReplaceAll(multipart, "mixed", "related")}, nil,
			[]string{`- "multipart/mixed"`, `+ "multipart/related"`}},
		{"boundary in a problem", "it quotes the field",
			smtptest.Message{Data: strings.Replace(multipart, "\n\n", "; x\n\n", 1)},
			smtptest.Message{Data: strings.Replace(strings.ReplaceAll(multipart, "B", "other 1"), "\n\n", "; x\n\n", 1)}, nil, nil},
		{"attachment", "decoded", smtptest.Message{Data: multipart}, smtptest.Message{Data: strings.ReplaceAll(multipart, "a.png", "b.png")}, nil,
			[]string{`- "a.png"`, `+ "b.png"`}},
		{"broken", "what cannot be read is a difference",
			smtptest.Message{Data: multipart}, smtptest.Message{Data: strings.ReplaceAll(multipart, "--B--\n", "")}, nil,
			[]string{"- nil", "+ `\"multipart/mixed\" without its closing boundary`"}},
		{"nesting", "a PDF is no alternative", smtptest.Message{Data: invoice}, smtptest.Message{Data: strings.Replace(invoice, "/mixed", "/alternative", 1)}, nil,
			[]string{`- "multipart/mixed"`, `+ "multipart/alternative"`}},
		{"side by side", "alternatives are nested", smtptest.Message{Data: entities("mixed", entities("alternative", "\na", "Content-Type: text/html\n\nb"))},
			smtptest.Message{Data: entities("mixed", "\na", "Content-Type: text/html\n\nb")}, nil, []string{`- "multipart/alternative("`, `- "multipart/alternative"`}},
		{"parameter of a type", "RFC 6047 2.4: method", smtptest.Message{Data: entities("mixed", "Content-Type: text/calendar; method=REQUEST\n\nx")},
			smtptest.Message{Data: entities("mixed", "Content-Type: text/calendar\n\nx")}, nil, []string{`- "method": "REQUEST"`}},
		{"parameter of the message's type", "RFC 3676: format", smtptest.Message{Data: "Content-Type: text/plain; format=flowed\n\nx"}, smtptest.Message{Data: "Content-Type: text/plain\n\nx"}, nil,
			[]string{`- "format": "flowed"`}},
		{"charset", "its case says nothing", smtptest.Message{Data: "Content-Type: text/plain; charset=UTF-8\n\nx"}, smtptest.Message{Data: "Content-Type: Text/Plain; Charset=\"utf-8\"\n\nx"}, nil, nil},
		{"parameters in another order and form", "RFC 2231", smtptest.Message{Data: "Content-Type: text/plain; a=1; b*=utf-8''%62\n\nx"}, smtptest.Message{Data: "Content-Type: text/plain;\n\tb=b;\n\ta=1\n\nx"}, nil, nil},
		{"disposition", "RFC 2183 2", smtptest.Message{Data: entities("mixed", "Content-Type: image/png\nContent-Disposition: inline\n\nx")},
			smtptest.Message{Data: entities("mixed", "Content-Type: image/png\nContent-Disposition: attachment\n\nx")}, nil, []string{`- "inline"`, `+ "attachment"`}},
		{"parameter of a disposition", "RFC 2183 2.7", smtptest.Message{Data: entities("mixed", "Content-Disposition: attachment; size=1\n\nx")},
			smtptest.Message{Data: entities("mixed", "Content-Disposition: attachment; size=2\n\nx")}, nil, []string{`- "size": "1"`, `+ "size": "2"`}},
		{"field of a part", "decoded", smtptest.Message{Data: entities("mixed", "Content-Description: a\n\nx")}, smtptest.Message{Data: entities("mixed", "Content-Description: b\n\nx")}, nil,
			[]string{`- "Content-Description": {"a"}`, `+ "Content-Description": {"b"}`}},
		{"ignored fields of parts", "in any case", smtptest.Message{Data: entities("mixed", "content-type: text/plain; a=1\nContent-Disposition: inline; b=1\nContent-ID: <a>\nX-A: 1\n\nx")},
			smtptest.Message{Data: entities("mixed", "x-a: 2\n\nx")}, []cmp.Option{smtpcmp.Message("Content-Type", "content-disposition", "content-id", "x-a")}, nil},
		{"encoding of a part", "it is ignored", smtptest.Message{Data: entities("mixed", "Content-Transfer-Encoding: base64\n\neA==")}, smtptest.Message{Data: entities("mixed", "\nx")}, nil, nil},
		{"Content-IDs", "each run has others", smtptest.Message{Data: related("<a@x>", "<b@x>", "a@x", "b@x")}, smtptest.Message{Data: related("<c@y>", "<d%y>", "c@y", "d%25y")}, nil, nil},
		{"pictures the other way round", "each cid: shows another", smtptest.Message{Data: related("<a@x>", "<b@x>", "a@x", "b@x")}, smtptest.Message{Data: related("<c@x>", "<d@x>", "d@x", "c@x")}, nil,
			[]string{"- ", "+ "}},
		{"a cid: that shows nothing", "it did before", smtptest.Message{Data: related("<a@x>", "<b@x>", "a@x", "b@x")}, smtptest.Message{Data: related("<a@x>", "<b@x>", "a@x", "c@x")}, nil,
			[]string{"- ", "+ "}},
		{"cid:s that show nothing", "whatever their ids are", smtptest.Message{Data: related("<a@x>", "<b@x>", "a@x", "c@x")}, smtptest.Message{Data: related("<a@x>", "<b@x>", "a@x", "d@x")}, nil, nil},
		{"a cid: that is text", "it is not loaded", smtptest.Message{Data: "\nYour cid:1 is\n"}, smtptest.Message{Data: "\nYour cid:2 is\n"}, nil, []string{`- "Your cid:1`, `+ "Your cid:2`}},
		{"a cid: in the text of a picture", "as Outlook writes it", smtptest.Message{Data: entities("mixed", "\n[cid:a@x]", "Content-ID: <a@x>\nContent-Type: image/png\n\nx")},
			smtptest.Message{Data: entities("mixed", "\n[cid:b@x]", "Content-ID: <b@x>\nContent-Type: image/png\n\nx")}, nil, nil},
		{"Content-IDs that are numbers", "each is replaced once", smtptest.Message{Data: related("<2>", "<1>", "2", "1")}, smtptest.Message{Data: related("<a@x>", "<b@x>", "a@x", "b@x")}, nil, nil},
		{"brackets of a Content-ID", "RFC 2045 7", smtptest.Message{Data: related("<a@x>", "<b@x>", "a@x", "b@x")}, smtptest.Message{Data: related("c@x", "<b@x>", "c@x", "b@x")}, nil,
			[]string{`- "<1>"`, `+ "1"`}},
		{"no brackets on both sides", "the ids are others", smtptest.Message{Data: related("a@x", "<b@x>", "a@x", "b@x")}, smtptest.Message{Data: related("c@x", "<b@x>", "c@x", "b@x")}, nil, nil},
		{"no Content-ID", "it is lost", smtptest.Message{Data: related("<a@x>", "<b@x>", "a@x", "b@x")}, smtptest.Message{Data: strings.Replace(related("<a@x>", "<b@x>", "a@x", "b@x"), "Content-ID: <b@x>\n", "", 1)}, nil,
			[]string{`- "<2>"`}},
		{"one Content-ID twice", "it was two", smtptest.Message{Data: related("<a@x>", "<b@x>", "a@x", "a@x")}, smtptest.Message{Data: related("<a@x>", "<a@x>", "a@x", "a@x")}, nil,
			[]string{`- "<2>"`, `+ "<1>"`}},
		{"start of related", "RFC 2387 3.2", smtptest.Message{Data: "Content-Type: multipart/related; start=\"<a@x>\"; boundary=B\n\n--B\nContent-ID: <a@x>\n\nx\n--B--\n"},
			smtptest.Message{Data: "Content-Type: multipart/related; start=\"<b@x>\"; boundary=C\n\n--C\nContent-ID: <b@x>\n\nx\n--C--\n"}, nil, nil},
		{"another start of related", "RFC 2387 3.2", smtptest.Message{Data: "Content-Type: multipart/related; start=\"<a@x>\"; boundary=B\n\n--B\nContent-ID: <a@x>\n\nx\n--B\nContent-ID: <b@x>\n\nx\n--B--\n"},
			smtptest.Message{Data: "Content-Type: multipart/related; start=\"<b@x>\"; boundary=B\n\n--B\nContent-ID: <a@x>\n\nx\n--B\nContent-ID: <b@x>\n\nx\n--B--\n"}, nil,
			[]string{`- "<1>"`, `+ "<2>"`}},
		{"a field that repeats a Content-ID", "as Gmail writes it", smtptest.Message{Data: entities("mixed", "Content-ID: <a@x>\nX-Attachment-Id: a@x\n\nx")},
			smtptest.Message{Data: entities("mixed", "Content-ID: <b@x>\nX-Attachment-Id: b@x\n\nx")}, nil, nil},
		{"boundaries of nested multiparts", "each run has others", smtptest.Message{Data: invoice}, smtptest.Message{Data: strings.ReplaceAll(strings.ReplaceAll(invoice, "B0", "x"), "B1", "y")}, nil, nil},
		{"a message in the message", "its boundary and its encoding say nothing", smtptest.Message{Data: entities("mixed", "Content-Type: message/rfc822\n\n"+invoice)},
			smtptest.Message{Data: entities("mixed", "Content-Type: message/rfc822\n\n"+strings.ReplaceAll(invoice, "B1", "y"))}, nil, nil},
		{"another message in the message", "a line of it shows", smtptest.Message{Data: entities("mixed", "Content-Type: message/rfc822\n\n"+invoice)},
			smtptest.Message{Data: entities("mixed", "Content-Type: message/rfc822\n\n"+strings.ReplaceAll(invoice, "Dear Bob", "Dear Rob"))}, nil, []string{`- "Dear Bob"`, `+ "Dear Rob"`}},
		{"a multipart that is an attachment", "its boundary says nothing", smtptest.Message{Data: entities("mixed", "Content-Disposition: attachment\n"+invoice)},
			smtptest.Message{Data: entities("mixed", "Content-Disposition: attachment\n"+strings.ReplaceAll(invoice, "B1", "y"))}, nil, nil},
		{"other options", "fields of Message and of Attachment are where they were",
			smtptest.Message{User: "ann", Data: multipart}, smtptest.Message{User: "bob", Data: strings.ReplaceAll(multipart, "UE5H", "UE5I")},
			[]cmp.Option{cmpopts.IgnoreFields(smtptest.Message{}, "User"), cmpopts.IgnoreFields(smtptest.Attachment{}, "Data"), smtpcmp.Message()}, nil},
		{"recipients in order", "as they were sent", smtptest.Message{To: []string{"a", "b"}}, smtptest.Message{To: []string{"b", "a"}}, nil, []string{`- "a"`, `+ "a"`}},
		{"recipients in any order", "asked for", smtptest.Message{To: []string{"a", "b", "a"}}, smtptest.Message{To: []string{"a", "a", "b"}},
			[]cmp.Option{smtpcmp.Message(), smtpcmp.IgnoreOrder()}, nil},
		{"recipients twice", "duplicates count", smtptest.Message{To: []string{"a", "b", "a"}}, smtptest.Message{To: []string{"a", "b"}},
			[]cmp.Option{smtpcmp.IgnoreOrder(), smtpcmp.Message()}, []string{`- "a"`}},
		{"parameters in any order", "they stay with their recipient",
			smtptest.Message{To: []string{"a", "b"}, RcptOptions: [][]string{{"NOTIFY=NEVER"}, nil}},
			smtptest.Message{To: []string{"b", "a"}, RcptOptions: [][]string{nil, {"NOTIFY=NEVER"}}}, []cmp.Option{smtpcmp.Message(), smtpcmp.IgnoreOrder()}, nil},
		{"parameters of another", "they do not", smtptest.Message{To: []string{"a", "b"}, RcptOptions: [][]string{{"NOTIFY=NEVER"}, nil}},
			smtptest.Message{To: []string{"b", "a"}, RcptOptions: [][]string{{"NOTIFY=NEVER"}, nil}}, []cmp.Option{smtpcmp.Message(), smtpcmp.IgnoreOrder()},
			[]string{`- {"NOTIFY=NEVER"}`, "- nil", "+ nil", `+ {"NOTIFY=NEVER"}`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, m := range []*smtptest.Message{&c.x, &c.y} {
				if !strings.Contains(m.Data, "\r") {
					m.Data = strings.ReplaceAll(m.Data, "\n", "\r\n")
				}
			}
			if c.options == nil {
				c.options = []cmp.Option{smtpcmp.Message()}
			}
			report := cmp.Diff(c.x, c.y, c.options...)
			shows(t, report, c.diff, c.reason)
			if diff := cmp.Diff([]*smtptest.Message{&c.x}, []*smtptest.Message{&c.y}, c.options...); (diff == "") != (c.diff == nil) {
				t.Errorf("%s: in a slice of pointers it is otherwise:\n%s", c.reason, diff)
			}
		})
	}
}

// entities returns a multipart whose boundary is B0, or B1 and so on if its parts
// have that.
func entities(kind string, parts ...string) string {
	n := 0
	for strings.Contains(strings.Join(parts, ""), fmt.Sprint("--B", n)) {
		n++
	}
	s := fmt.Sprintf("Content-Type: multipart/%s; boundary=B%d\n\n", kind, n)
	for _, part := range parts {
		s += fmt.Sprintf("--B%d\n%s\n", n, part)
	}
	return s + fmt.Sprintf("--B%d--\n", n)
}

var invoice = entities("mixed", entities("alternative", "\nDear Bob", "Content-Type: text/html\n\n<p>Dear Bob"), "Content-Type: application/pdf; name=a.pdf\n\n%PDF")

// related returns HTML that shows two pictures, and two pictures with Content-IDs.
func related(id1, id2, cid1, cid2 string) string {
	return entities("related", "Content-Type: text/html\n\n<img src=\"cid:"+cid1+"\">\n<p style='background: url(cid:"+cid2+")'>",
		"Content-Type: image/png\nContent-ID: "+id1+"\n\none", "Content-Type: image/png\nContent-ID: "+id2+"\n\ntwo")
}

// shows holds a difference against what its lines that are marked - or + must
// show, each after its mark.
func shows(t *testing.T, report string, want []string, reason string) {
	t.Helper()
	if (report == "") != (want == nil) {
		t.Errorf("%s: the difference must show %q:\n%s", reason, want, report)
	}
	for _, w := range want {
		isThere := false
		for line := range strings.Lines(report) {
			isThere = isThere || line[:1] == w[:1] && strings.Contains(line, w[2:])
		}
		if !isThere {
			t.Errorf("%s: no line of the difference shows %q:\n%s", reason, w, report)
		}
	}
}

// TestIgnoreOrderOfMessages: services send at once. What varies from run to run
// does not decide on the order.
func TestIgnoreOrderOfMessages(t *testing.T) {
	mail := func(to, date, text string) smtptest.Message {
		return smtptest.Message{From: "a@x.test", To: []string{to}, Data: "Date: " + date + "\r\n\r\n" + text + "\r\n"}
	}
	want := []smtptest.Message{mail("b", "1", "one"), mail("b", "2", "two"), mail("c", "3", "one")}
	got := []smtptest.Message{mail("c", "4", "one"), mail("b", "5", "two"), mail("b", "6", "one")}
	options := cmp.Options{smtpcmp.Message("Date"), smtpcmp.IgnoreOrder()}
	if diff := cmp.Diff(want, got, options); diff != "" {
		t.Errorf("messages mismatch (-want +got):\n%s", diff)
	}
	got[0].Data += "more\r\n"
	shows(t, cmp.Diff(want, got, options), []string{`+ "more"`}, "a line more")
	if got[0].To[0] != "c" {
		t.Error("comparing has changed the order of what is compared")
	}
}
