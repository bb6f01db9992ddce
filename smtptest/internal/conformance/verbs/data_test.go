package verbs_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

// A content is what is sent after the 354, and what is recorded of it. Data
// being empty means: as sent, without the end.
type content struct {
	name, why string
	sent      string // with the CRLF.CRLF
	data      string
	unstuffed []int // offsets of lines that lost a dot which was not doubled
}

func (c content) row() play.Case {
	return play.Case{Name: c.name, Why: c.why, In: play.InData, Split: len(c.sent) < 80, Talk: play.Talk("C+ "+c.sent, "S: "+play.OK, play.SayQuit),
		Want: []smtptest.Message{play.Message(func(m *smtptest.Message) { m.Data, m.Unstuffed = c.data, c.unstuffed })}}
}

func TestConformanceData(t *testing.T) {
	long := strings.Repeat("x", 5000)
	var rows []play.Case
	for _, c := range []content{
		{"one line", "4.1.1.4: the CRLF before the dot is content", "a\r\n.\r\n", "a\r\n", nil},
		{"empty message", "4.1.1.4: the first CRLF may be DATA's own", ".\r\n", "", nil},
		{"empty line", "4.1.1.4", "\r\n.\r\n", "\r\n", nil},
		{"empty lines", "4.1.1.4", "\r\n\r\na\r\n\r\n\r\n.\r\n", "\r\n\r\na\r\n\r\n\r\n", nil},
		{"first line of two dots", "4.5.2", "..\r\n.\r\n", ".\r\n", nil},
		{"first line stuffed", "4.5.2", "..a\r\n.\r\n", ".a\r\n", nil},
		{"line of two dots", "4.5.2", "a\r\n..\r\nb\r\n.\r\n", "a\r\n.\r\nb\r\n", nil},
		{"line of three dots", "4.5.2: one dot goes", "...\r\n.\r\n", "..\r\n", nil},
		{"dot that was not stuffed", "4.5.2: it goes all the same", "a\r\n.b\r\n.\r\n", "a\r\nb\r\n", []int{3}},
		{"two dots that were not stuffed", "4.5.2", ".b\r\n.c\r\n..d\r\n.\r\n", "b\r\nc\r\n.d\r\n", []int{0, 3}},
		{"dot inside", "4.5.2", "a.\r\nb.c\r\n.\r\n", "a.\r\nb.c\r\n", nil},
		{"dot cr", "trap: .\\rX keeps its CR", ".\rX\r\n.\r\n", "\rX\r\n", []int{0}},
		{"cr cr lf", "trap: A\\r\\r\\n.\\r\\n is an end", "A\r\r\n.\r\n", "A\r\r\n", nil},
		{"lf cr lf", "4.1.1.4: contains CRLF.CRLF", "A\n\r\n.\r\n", "A\n\r\n", nil},
		{"nul cr lf", "4.1.1.4: contains CRLF.CRLF", "A\x00\r\n.\r\n", "A\x00\r\n", nil},
		{"nul", "kept", "a\x00b\r\n.\r\n", "a\x00b\r\n", nil},
		{"8 bit", "RFC 6152 3: kept", "gr\xfc\xdfe\r\n.\r\n", "gr\xfc\xdfe\r\n", nil},
		{"utf-8", "kept", "grüße\r\n.\r\n", "grüße\r\n", nil},
		{"bare lf", "2.3.8: kept", "a\nb\nc\r\n.\r\n", "a\nb\nc\r\n", nil},
		{"bare cr", "2.3.8: kept", "a\rb\rc\r\n.\r\n", "a\rb\rc\r\n", nil},
		{"lf and stuffed dot", "4.5.2: a line begins after CRLF only", "a\n..b\r\n.\r\n", "a\n..b\r\n", nil},
		{"line of 998", "4.5.3.1.6", long[:998] + "\r\n.\r\n", long[:998] + "\r\n", nil},
		{"line of 998, dot first", "4.5.3.1.6: without the doubled dot", ".." + long[:997] + "\r\n.\r\n", "." + long[:997] + "\r\n", nil},
		{"line of 5000", "4.5.3.1.6: more may be taken, and is", long + "\r\n.\r\n", long + "\r\n", nil},
		{"looks like commands", "4.1.1.4: nothing in it is a command", "RSET\r\nQUIT\r\nDATA\r\n.\r\n", "RSET\r\nQUIT\r\nDATA\r\n", nil},
		{"header and text", "no Received, nothing added", "Subject: x\r\n\r\ny\r\n.\r\n", "Subject: x\r\n\r\ny\r\n", nil},
		{"percent", "trap: client text never is a format", "%s%d\r\n.\r\n", "%s%d\r\n", nil},
	} {
		rows = append(rows, c.row())
	}
	play.Run(t, rows)
}

// TestConformanceLookAlikes is about octets that some server takes for the end
// of data: none is, there is no reply before the true end and one there, and
// what looks like a command is content.
func TestConformanceLookAlikes(t *testing.T) {
	const smuggled = "MAIL FROM:<e@evil.test>\r\n"
	var rows []play.Case
	for _, c := range []struct{ name, sent, kept string }{
		{"lf . lf", "\n.\n", "\n.\n"},
		{"lf . crlf", "\n.\r\n", "\n.\r\n"},
		{"crlf . lf", "\r\n.\n", "\r\n\n"},
		{"cr . cr", "\r.\r", "\r.\r"},
		{"cr . lf", "\r.\n", "\r.\n"},
		{"lf . cr", "\n.\r", "\n.\r"},
		{"crlf . cr", "\r\n.\r", "\r\n\r"},
		{"cr . crlf", "\r.\r\n", "\r.\r\n"},
		{"crlf . cr crlf", "\r\n.\r\r\n", "\r\n\r\r\n"},
		{"cr crlf . cr crlf", "\r\r\n.\r\r\n", "\r\r\n\r\r\n"},
		{"lf cr . lf cr", "\n\r.\n\r", "\n\r.\n\r"},
		{"lf lf . lf lf", "\n\n.\n\n", "\n\n.\n\n"},
		{"cr cr . cr cr", "\r\r.\r\r", "\r\r.\r\r"},
		{"crlf nul . crlf", "\r\n\x00.\r\n", "\r\n\x00.\r\n"},
		{"crlf . nul crlf", "\r\n.\x00\r\n", "\r\n\x00\r\n"},
		{"cr nul lf . crlf", "\r\x00\n.\r\n", "\r\x00\n.\r\n"},
		{"crlf . cr nul lf", "\r\n.\r\x00\n", "\r\n\r\x00\n"},
		{"crlf . space crlf", "\r\n. \r\n", "\r\n \r\n"},
		{"crlf . tab crlf", "\r\n.\t\r\n", "\r\n\t\r\n"},
		{"crlf space . crlf", "\r\n .\r\n", "\r\n .\r\n"},
		{"vertical tabs", "\v.\v", "\v.\v"},
		{"form feeds", "\f.\f", "\f.\f"},
		{"next lines, latin-1", "\x85.\x85", "\x85.\x85"},
		{"next lines, utf-8", "\u0085.\u0085", "\u0085.\u0085"},
		{"line separators", "\u2028.\u2028", "\u2028.\u2028"},
		{"full-width dot", "\r\n\uff0e\r\n", "\r\n\uff0e\r\n"},
		{"crlf . . crlf", "\r\n..\r\n", "\r\n.\r\n"},
	} {
		var lost []int
		if c.kept != c.sent && !strings.Contains(c.sent, "..") {
			lost = []int{1 + strings.Index(c.kept, "\r\n") + 2}
		}
		m := play.Message(func(m *smtptest.Message) { m.Data, m.Unstuffed = "A"+c.kept+smuggled, lost })
		rows = append(rows, play.Case{Name: c.name, Why: "4.1.1.4: only CRLF.CRLF ends the data", In: play.InData, Split: true, Want: []smtptest.Message{m},
			Talk: play.Talk("C+ A"+c.sent+smuggled, play.Silence, "C: .", "S: "+play.OK, play.SayQuit)})
		if !strings.HasPrefix(c.sent, "\r\n") { // right after the 354, which ends with DATA's own CRLF
			continue
		}
		m = play.Message(func(m *smtptest.Message) { m.Data = c.kept[2:] + smuggled })
		if lost != nil {
			m.Unstuffed = []int{0}
		}
		rows = append(rows, play.Case{Name: "first line, " + c.name[5:], Why: "4.1.1.4: only CRLF.CRLF ends the data", In: play.InData, Want: []smtptest.Message{m},
			Talk: play.Talk("C+ "+c.sent[2:]+smuggled, play.Silence, "C: .", "S: "+play.OK, play.SayQuit)})
	}
	play.Run(t, rows)
}

// TestConformanceEndOfData is about what comes right behind the end.
func TestConformanceEndOfData(t *testing.T) {
	mailAgain := "S: " + play.MailOK
	play.Run(t, []play.Case{
		{Name: "command in the same segment", Why: "4.1.1.4: what follows is the next command", In: play.InData, Split: true, Want: []smtptest.Message{play.Message()},
			Talk: play.Talk("C+ text\r\n.\r\nMAIL FROM:<c@client.test>\r\n", "S: "+play.OK, mailAgain, play.SayQuit), Outcomes: []string{smtptest.OutcomeAccepted, smtptest.OutcomeAborted}},
		{Name: "dot twice", Why: "4.1.1.4: the second is a command", In: play.InData, Want: []smtptest.Message{play.Message()},
			Talk: play.Talk("C+ text\r\n.\r\n.\r\n", "S: "+play.OK, "S: "+play.Unknown("."), play.SayQuit)},
		{Name: "end and quit", Why: "Postfix pipelines them", In: play.InData, Want: []smtptest.Message{play.Message()},
			Talk: play.Talk("C+ text\r\n.\r\nQUIT\r\n", "S: "+play.OK, "S: "+play.Bye, play.Closed)},
		{Name: "early end", Why: "content that was not stuffed ends early, and its rest is junk", In: play.InData,
			Talk: play.Talk("C+ text\r\n.\r\nmore text\r\n\r\nQUIT me\r\n.\r\n", "S: "+play.OK, "S: "+play.Unknown("MORE"),
				"S: 500 5.5.2 Error: bad syntax", "S: 501 5.5.4 Syntax: QUIT", "S: "+play.Unknown("."), play.SayQuit), Want: []smtptest.Message{play.Message()}},
		{Name: "end in five segments", Why: "4.1.1.4", In: play.InData, Want: []smtptest.Message{play.Message()},
			Talk: play.Talk("C+ text\r", play.Silence, "C+ \n", play.Silence, "C+ .", play.Silence, "C+ \r", play.Silence, "C+ \n", "S: "+play.OK, play.SayQuit)},
		{Name: "half an end", Why: "4.1.1.10: nothing is recorded of an unfinished message", In: play.InData,
			Talk: []string{"C+ text\r\n.\r", play.Silence}, Outcomes: []string{smtptest.OutcomeAborted}},
		{Name: "disconnect in the middle", Why: "4.1.1.10, trap: it does not count", In: play.InData,
			Talk: []string{"C+ text\r\n", play.Silence}, Outcomes: []string{smtptest.OutcomeAborted}},
		{Name: "half closed in the middle", Why: "4.1.1.10", In: play.InData, End: smtptest.EndClosed,
			Talk: []string{"C+ text\r\n", play.Shut, play.Closed}, Outcomes: []string{smtptest.OutcomeAborted}},
		{Name: "disconnect after 354", Why: "4.1.1.10", In: play.InData, Outcomes: []string{smtptest.OutcomeAborted}},
	})
}

// TestConformanceSize is about content over the limit: it is read to its end,
// answered once, and the session goes on.
func TestConformanceSize(t *testing.T) {
	limit := func(n int64) func(*smtptest.Server) {
		return func(srv *smtptest.Server) {
			srv.SizeLimit = n
			srv.Extensions = []string{"SIZE 1000", "ENHANCEDSTATUSCODES"}
		}
	}
	begin := []string{"C: EHLO client.test", "S: 250-localhost", "S: 250-SIZE 1000", "S: 250 ENHANCEDSTATUSCODES"}
	rows := []play.Case{
		{Name: "one over", Why: "RFC 1870 4", In: play.Greeted, Setup: limit(32), Split: true,
			Talk: play.Talk(begin, play.SayMail, play.SayRcpt, play.SayData, "C: "+strings.Repeat("x", 31), "C: .", "S: "+play.TooMuch, "C: NOOP", "S: "+play.OK, play.SayQuit)},
		{Name: "just fits", Why: "RFC 1870 5: the last CRLF counts", In: play.Greeted, Setup: limit(32), Want: []smtptest.Message{
			play.Message(func(m *smtptest.Message) { m.Data = strings.Repeat("x", 30) + "\r\n" })},
			Talk: play.Talk(begin, play.SayMail, play.SayRcpt, play.SayData, "C: "+strings.Repeat("x", 30), "C: .", "S: "+play.OK, play.SayQuit)},
		{Name: "doubled dots do not count", Why: "RFC 1870 5", In: play.Greeted, Setup: limit(6), Want: []smtptest.Message{
			play.Message(func(m *smtptest.Message) { m.Data = ".\r\n.\r\n" })},
			Talk: play.Talk(begin, play.SayMail, play.SayRcpt, play.SayData, "C: ..", "C: ..", "C: .", "S: "+play.OK, play.SayQuit)},
		{Name: "no commands from the surplus", Why: "trap: drained to the dot", In: play.Greeted, Setup: limit(10),
			Talk:     play.Talk(begin, play.SayMail, play.SayRcpt, play.SayData, "C+ "+strings.Repeat("RSET\r\n", 20_000), play.Silence, "C: .", "S: "+play.TooMuch, play.SayQuit),
			Outcomes: []string{smtptest.OutcomeRefused}},
		{Name: "transaction is over", Why: "4.1.1.4: the buffers are cleared, refused or not", In: play.Greeted, Setup: limit(10), Want: []smtptest.Message{play.Message()},
			Talk: play.Talk(begin, play.SayMail, play.SayRcpt, play.SayData, "C: 12345678901", "C: .", "S: "+play.TooMuch, "C: RCPT TO:<c@server.test>", "S: "+play.NeedMail,
				play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayQuit), Outcomes: []string{smtptest.OutcomeRefused, smtptest.OutcomeAccepted}},
		{Name: "declared too big", Why: "RFC 1870 6.1: refused at MAIL", In: play.Greeted, Setup: limit(1000), Want: []smtptest.Message{play.Message()},
			Talk: play.Talk(begin, "C: MAIL FROM:<a@client.test> SIZE=1001", "S: "+sizeOver, "C: DATA", "S: "+play.NeedRcpt, play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayQuit)},
		{Name: "declared too small", Why: "RFC 1870 6.3: what counts is the content", In: play.Greeted, Setup: limit(1000),
			Talk: play.Talk(begin, "C: MAIL FROM:<a@client.test> SIZE=1", "S: "+play.MailOK, play.SayRcpt, play.SayData, "C: "+strings.Repeat("x", 1001), "C: .", "S: "+play.TooMuch, play.SayQuit)},
		{Name: "declared small, is bigger", Why: "RFC 1870 6.3: the declaration is an estimate", In: play.Greeted, Setup: limit(1000), Want: []smtptest.Message{
			play.Message(func(m *smtptest.Message) { m.MailOptions = []string{"SIZE=1"} })},
			Talk: play.Talk(begin, "C: MAIL FROM:<a@client.test> SIZE=1", "S: "+play.MailOK, play.SayRcpt, play.SayData, play.SayText, play.SayQuit)},
		{Name: "greatest limit", Why: "a limit of any size is one", In: play.Greeted, Setup: limit(math.MaxInt64), Want: []smtptest.Message{play.Message()},
			Talk: play.Talk(begin, play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayQuit)},
		{Name: "least limit", Why: "Server.SizeLimit: negative is none", In: play.Greeted, Setup: limit(math.MinInt64), Want: []smtptest.Message{play.Message()},
			Talk: play.Talk(begin, play.SayMail, play.SayRcpt, play.SayData, play.SayText, play.SayQuit)},
		{Name: "disconnect in the surplus", Why: "4.1.1.10", In: play.Greeted, Setup: limit(10), Outcomes: []string{smtptest.OutcomeAborted},
			Talk: play.Talk(begin, play.SayMail, play.SayRcpt, play.SayData, "C: 12345678901234567890", play.Silence)},
	}
	play.Run(t, rows)
}

// TestOneVerdictOnSize verifies that a content of exactly SizeLimit octets is accepted and
// that one octet more gets a 552, by DATA or BDAT, declared or not.
func TestOneVerdictOnSize(t *testing.T) {
	const limit = 1000
	setup := func(srv *smtptest.Server) { srv.SizeLimit, srv.Extensions = limit, []string{"SIZE", "CHUNKING"} }
	begin := []string{"C: EHLO client.test", "S: 250-localhost", "S: 250-SIZE 1000", "S: 250 CHUNKING"}
	contents := map[string]func(size int) (lines []string, data string){
		"one line":           func(n int) ([]string, string) { return lineOf("", n) },
		"many short lines":   func(n int) ([]string, string) { return lineOf(strings.Repeat("\r\n", 300), n) },
		"dots at line start": func(n int) ([]string, string) { return lineOf(strings.Repeat(".\r\n", 200), n) },
	}
	for name, content := range contents {
		for _, size := range []int{limit - 1, limit, limit + 1, limit + 2, limit + 3} {
			for _, how := range []string{"DATA", "DATA with SIZE=", "BDAT"} {
				lines, data := content(size)
				talk, accepted := slices.Clone(begin), size <= limit
				final := "S: 250 OK"
				if !accepted {
					final = "S: 552 Error: Too much mail data"
				}
				if how == "DATA with SIZE=" {
					talk = append(talk, fmt.Sprintf("C: MAIL FROM:<a@client.test> SIZE=%d", size))
					if !accepted {
						talk = append(talk, "S: 552 Error: message size exceeds fixed maximum message size")
					} else {
						talk = append(talk, "S: 250 OK")
					}
				} else {
					talk = append(talk, "C: MAIL FROM:<a@client.test>", "S: 250 OK")
				}
				if how != "DATA with SIZE=" || accepted {
					talk = append(talk, "C: RCPT TO:<b@server.test>", "S: 250 OK")
					if how == "BDAT" {
						talk = append(talk, fmt.Sprintf("C+ BDAT %d LAST\r\n%s", size, data), final)
					} else {
						talk = append(talk, "C: DATA", "S: 354 End data with <CR><LF>.<CR><LF>")
						talk = append(talk, lines...)
						talk = append(talk, "C: .", final)
					}
				}
				synctest.Test(t, func(t *testing.T) {
					srv := smtptest.NewUnstartedServer(t)
					setup(srv)
					srv.StartInMemory()
					if err := play.Converse(play.Dial(t, srv), play.StepsOf(append([]string{"S: " + play.Greeting}, talk...))); err != nil {
						t.Errorf("%s, %d octets by %s: %v", name, size, how, err)
					}
					if got := srv.Messages(); (len(got) == 1) != accepted || accepted && got[0].Data != data {
						t.Errorf("%s, %d octets by %s: %d messages", name, size, how, len(got))
					}
				})
			}
		}
	}
}

// lineOf returns a content of n octets that begins with these lines, and how a client
// sends it.
func lineOf(begin string, n int) (lines []string, data string) {
	data = begin + strings.Repeat("x", n-len(begin)-2) + "\r\n"
	for line := range strings.SplitSeq(strings.TrimSuffix(data, "\r\n"), "\r\n") {
		if strings.HasPrefix(line, ".") {
			line = "." + line
		}
		lines = append(lines, "C: "+line)
	}
	return lines, data
}
