package lint

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
)

// growthCases are inputs whose size is proportional to n.
var growthCases = []growthCase{
	{"sessions", func(n int) []smtptest.Session {
		sessions := make([]smtptest.Session, n)
		for i := range sessions {
			sessions[i] = dialogue{}.mail("x@client.test", "Subject: x", 1).session(i + 1)
		}
		return sessions
	}},
	{"exchanges", func(n int) []smtptest.Session {
		return one(dialogue{}.repeat(8*n, func(d dialogue, _ int) dialogue { return d.add("NOOP", "250 OK") }))
	}},
	{"unknown commands", func(n int) []smtptest.Session {
		return one(dialogue{}.repeat(8*n, func(d dialogue, i int) dialogue { return d.add(fmt.Sprint("MAYL ", i), "500 no") }))
	}},
	{"the same recipient", func(n int) []smtptest.Session { return one(dialogue{}.mail("x@client.test", "Subject: x", 8*n)) }},
	{"recipients", func(n int) []smtptest.Session {
		d := dialogue{}.mail("x@client.test", "Subject: x", n)
		for i := range n {
			d.Transactions[0].Recipients[i] = smtptest.Recipient{To: fmt.Sprintf("%d@b.test", i), Reply: "450 later"}
		}
		return one(d.again())
	}},
	{"messages", func(n int) []smtptest.Session {
		return one(dialogue{}.repeat(n, func(d dialogue, _ int) dialogue { return d.mail("x@client.test", "Message-ID: <1@a>", 1) }))
	}},
	{"messages with one content", func(n int) []smtptest.Session {
		return one(dialogue{}.repeat(n, func(d dialogue, i int) dialogue {
			d = d.mail("x@client.test", "Subject: x", 1)
			d.Transactions[i].Recipients[0].To = fmt.Sprintf("%d@b.test", i)
			return d
		}))
	}},
	{"messages after one with many recipients", func(n int) []smtptest.Session {
		d := dialogue{}.mail("x@client.test", "Subject: x", n)
		return one(d.repeat(n, func(d dialogue, _ int) dialogue { return d.mail("x@client.test", "Subject: x", 1) }))
	}},
	{"recipients of a message that goes again", func(n int) []smtptest.Session {
		d := dialogue{}.mail("x@client.test", "Message-ID: <1@a>\r\n\r\n"+strings.Repeat("x", 8*n), n)
		for i := range n {
			d.Transactions[0].Recipients[i].To = fmt.Sprintf("%d@b.test", i)
		}
		return one(d.again().again())
	}},
	{"boundaries of a message that goes again", func(n int) []smtptest.Session {
		d := dialogue{}
		for i := range 3 {
			d = d.mail("x@client.test", "Message-ID: <1@a>\r\n\r\n"+strings.Repeat("boundary=x\r\n", n)+strings.Repeat("x", i), 1)
		}
		return one(d)
	}},
	{"sessions with one refused request", func(n int) []smtptest.Session {
		sessions := make([]smtptest.Session, n)
		for i := range sessions {
			sessions[i] = dialogue{}.add("EHLO x", "250 x").add("MAIL FROM:<a@b.test>", "250 OK").add("RCPT TO:<a@b.test>", "550 no").session(i + 1)
		}
		return sessions
	}},
	{"refused messages", func(n int) []smtptest.Session {
		return one(dialogue{}.repeat(n, func(d dialogue, i int) dialogue {
			d = d.mail("x@client.test", "Message-ID: <1@a>", 1)
			d.Exchanges[len(d.Exchanges)-1].Reply = "550 no"
			return d
		}))
	}},
	{"refused credentials", func(n int) []smtptest.Session {
		return one(dialogue{}.repeat(8*n, func(d dialogue, i int) dialogue {
			d = d.add("AUTH PLAIN ****", "535 no")
			d.Exchanges[len(d.Exchanges)-1].Secret = 7
			return d
		}))
	}},
	{"tries of one delivery", func(n int) []smtptest.Session {
		return one(dialogue{}.repeat(n, func(d dialogue, i int) dialogue {
			d = d.mail("x@client.test", "Subject: x", 1)
			d.Transactions[i].Recipients[0].Reply = "450 later"
			return d
		}))
	}},
	{"refused commands and then others", func(n int) []smtptest.Session {
		d := dialogue{}.repeat(n, func(d dialogue, i int) dialogue { return d.add(fmt.Sprintf("RCPT TO:<%d@b.test>", i), "550 no") })
		return one(d.repeat(n, func(d dialogue, i int) dialogue {
			return d.add(fmt.Sprintf("RCPT TO:<x%d@b.test>", i), "550 no").add("RSET", "250 OK")
		}))
	}},
	{"responses in one AUTH", func(n int) []smtptest.Session {
		d := dialogue{}.add("AUTH LOGIN", "334 ")
		return one(d.repeat(n, func(d dialogue, i int) dialogue {
			d = d.add("****", "334 ")
			d.Exchanges[len(d.Exchanges)-1].Secret = uint64(i)
			return d
		}))
	}},
	{"chunks", func(n int) []smtptest.Session {
		d := dialogue{}.add("MAIL FROM:<a@b.test>", "250 OK").add("RCPT TO:<a@b.test>", "250 OK")
		return one(d.repeat(8*n, func(d dialogue, _ int) dialogue { return d.add("BDAT 1", "250 OK") }))
	}},
	{"parameters of MAIL", func(n int) []smtptest.Session {
		return one(dialogue{}.add("MAIL FROM:<a@b.test>"+strings.Repeat(" X=1", 8*n), "250 OK"))
	}},
	{"lines of an EHLO reply", func(n int) []smtptest.Session {
		return one(dialogue{}.add("EHLO x", "250-x"+strings.Repeat("\n250-AUTH PLAIN", 8*n)+"\n250 SIZE"))
	}},
	headerOf("fields", "X-A: b\r\n", ""),
	headerOf("bad fields", "X-A : b\r\n", ""),
	headerOf("folds", " x\r\n", ""),
	headerOf("fields of addresses", "Cc: a@b.test\r\n", ""),
	{"fields of blind recipients", func(n int) []smtptest.Session {
		d := dialogue{}.mail("x@client.test", strings.Repeat("Bcc: b@b.test\r\n", n), n)
		for i := range n {
			d.Transactions[0].Recipients[i].To = fmt.Sprintf(`"%d "@b.test`, i)
		}
		return one(d)
	}},
	headerOf("addresses", " a@b.test,\r\n", ""),
	headerOf("addresses in one another", "a@", ""),
	headerOf("names", "a ", ""),
	headerOf("groups", "a:;,", ""),
	headerOf("references", " <1@a>\r\n", "References: <1@a>\r\n"),
	headerOf("references that are not closed", "<", "References: "),
	headerOf("nested comments", "(", "References: <1@a> "),
	headerOf("comments", "(a)", "References: <1@a> "),
	headerOf("comments before parameters", ";(a)a=b", "Content-Type: text/plain"),
	headerOf("open comments before parameters", ";(", "Content-Type: text/plain"),
	headerOf("quotes", `"`, "Cc: "),
	headerOf("open literals", "a@[", "Cc: "),
	headerOf("parameters", "; a=b", "Content-Type: text/plain"),
	headerOf("encoded words", " =?utf-8?q?x?=", "Subject:"),
	headerOf("encoded words without space", "=?utf-8?q?x?=", "Subject: "),
	headerOf("encoded words in names", "=?utf-8?q?x?= ", "Cc: "),
	headerOf("beginnings of encoded words", "=?utf-8?q?x", "Subject: "),
	headerOf("beginnings of encoded words in names", "=?utf-8?q?x", "Cc: "),
	headerOf("beginnings of encoded words in parameters", "=?utf-8?q?x", "Content-Type: text/plain; name="),
	headerOf("beginnings that are apart", "=?utf-8?q? ", "Subject: "),
	headerOf("equals signs and question marks", "=?", "Subject: "),
	headerOf("question marks", "?", "Subject: =?utf-8?q?x"),
	headerOf("encoded words in a structured field", " =?utf-8?q?x?=", "List-Help:"),
	headerOf("encoded words in a field of any syntax", " =?utf-8?q?x?=", "X-A:"),
	headerOf("beginnings of encoded words in a field of any syntax", "=?utf-8?q?x", "X-A: "),
	headerOf("encoded words in encoded words", " =?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3F=3D?=", "Subject:"),
	headerOf("addresses of a list", " <https://a.test>,", "List-Help:"),
	headerOf("open addresses of a list", "<", "List-Help: "),
	headerOf("comments in the address of a list", "(a)", "List-Help: "),
	headerOf("fields Auto-Submitted", "Auto-Submitted: x\r\n", ""),
	headerOf("control characters", "\x01", "Subject: "),
	headerOf("sections of one parameter", "; a*0=b", "Content-Type: text/plain"),
	{"sections of a parameter", func(n int) []smtptest.Session {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, ";\r\n a*%d*=b", n-i)
		}
		return one(dialogue{}.mail("x@client.test", "Content-Type: text/plain"+b.String()+"\r\n\r\n", 1))
	}},
	headerOf("a long line", "x", "Subject: "),
	headerOf("a long line of commas", ",", "Cc: "),
	bodyOf("lines", "x\r\n", "", ""),
	bodyOf("a line", "x", "", ""),
	bodyOf("dots", "..\r\n", "", ""),
	bodyOf("bare line ends", "\r\n.\n", "", ""),
	bodyOf("NULs", "\x00", "", ""),
	bodyOf("parts", "--b\r\n\r\nx\r\n", "Content-Type: multipart/mixed; boundary=b\r\n", "--b--"),
	bodyOf("parts with errors", "--b\r\nContent-Type: text/plain; charset=x\r\nX\r\n\r\n", "Content-Type: multipart/mixed; boundary=b\r\n", "--b--"),
	bodyOf("parts that are multiparts", "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n", "Content-Type: multipart/mixed; boundary=b\r\n", "--b--"),
	bodyOf("parts with one Content-ID", "--b\r\nContent-ID: <1@a>\r\n\r\nx\r\n", "Content-Type: multipart/mixed; boundary=b\r\n", "--b--"),
	bodyOf("texts and HTML in turn", "--b\r\n\r\nx\r\n--b\r\nContent-Type: text/html\r\n\r\nx\r\n", "Content-Type: multipart/mixed; boundary=b\r\n", "--b--"),
	bodyOf("alternatives that are attachments", "--b\r\nContent-Disposition: attachment\r\n\r\nx\r\n", "Content-Type: multipart/alternative; boundary=b\r\n", "--b--"),
	bodyOf("lines of a calendar", "BEGIN:x\r\n y\r\n", "Content-Type: text/calendar\r\n", ""),
	bodyOf("encoded line ends", "=0D=0A=\r\n", "Content-Transfer-Encoding: quoted-printable\r\n", ""),
	bodyOf("UTF-8 with another label", "ü", "Content-Type: text/plain; charset=iso-8859-1\r\n", ""),
	bodyOf("boundaries in a line", "--b", "Content-Type: multipart/mixed; boundary=b\r\n", ""),
	bodyOf("base64", "QUJD\r\n", "Content-Transfer-Encoding: base64\r\n", ""),
	bodyOf("quoted-printable", "=20=\r\n", "Content-Transfer-Encoding: quoted-printable\r\n", ""),
	bodyOf("UTF-8 twice", "Ã¼x", "Content-Type: text/plain; charset=utf-8\r\n", ""),
	bodyOf("words in the body", "=?utf-8?q?x", "Content-Type: text/plain; charset=utf-8\r\n", ""),
	bodyOf("uses of Content-IDs", "<img src=cid:x>", "Content-Type: text/html\r\n", ""),
	bodyOf("open tags", "<a ", "Content-Type: text/html\r\n", "cid:"),
	bodyOf("open HTML comments", "<!-- cid:", "Content-Type: text/html\r\n", ""),
	bodyOf("tags in open HTML comments", "<!-- <a src=cid:x> ", "Content-Type: text/html\r\n", ""),
	bodyOf("tags in open styles", "<style> <a src=cid:x> ", "Content-Type: text/html\r\n", ""),
	bodyOf("open styles", "<style> url(cid: ", "Content-Type: text/html\r\n", ""),
}

type growthCase struct {
	name  string
	input func(n int) []smtptest.Session
}

// headerOf is a case with a header that has 2n pieces after the field.
func headerOf(name string, piece, field string) growthCase {
	return growthCase{name, func(n int) []smtptest.Session {
		return one(dialogue{}.mail("x@client.test", "From: a@b.test\r\n"+field+strings.Repeat(piece, 2*n)+"\r\n", 3))
	}}
}

// bodyOf is a case with a body that has 2n pieces.
func bodyOf(name string, piece, header, last string) growthCase {
	return growthCase{name, func(n int) []smtptest.Session {
		return one(dialogue{}.mail("x@client.test", "MIME-Version: 1.0\r\n"+header+"\r\n"+strings.Repeat(piece, 2*n)+last+"\r\n", 1))
	}}
}

// dialogue is a session that grows.
type dialogue struct{ smtptest.Session }

func one(d dialogue) []smtptest.Session { return []smtptest.Session{d.session(1)} }

func (d dialogue) session(id int) smtptest.Session {
	d.ID, d.End = id, smtptest.EndClosed
	return d.Session
}

func (d dialogue) repeat(n int, step func(dialogue, int) dialogue) dialogue {
	for i := range n {
		d = step(d, i)
	}
	return d
}

// add adds an exchange of the current transaction.
func (d dialogue) add(command, reply string) dialogue {
	d.Exchanges = append(d.Exchanges, smtptest.Exchange{Command: command, Event: command == ".", Reply: smtptest.Reply(reply),
		At: time.Duration(len(d.Exchanges)), Transaction: len(d.Transactions)})
	return d
}

// mail adds a transaction with n recipients.
func (d dialogue) mail(from, data string, n int) dialogue {
	t := smtptest.Transaction{From: from, Data: data, Octets: len(smtptest.Message{Data: data}.Wire()), Reply: "250 OK", Outcome: smtptest.OutcomeAccepted}
	for range n {
		t.Recipients = append(t.Recipients, smtptest.Recipient{To: "b@b.test", Reply: "250 OK", Accepted: true})
	}
	d.Transactions = append(d.Transactions, t)
	d = d.add("MAIL FROM:<"+from+">", "250 OK")
	for range n {
		d = d.add("RCPT TO:<b@b.test>", "250 OK")
	}
	return d.add("DATA", "354 go").add(".", "250 OK")
}

// again adds the first transaction again.
func (d dialogue) again() dialogue {
	t := d.Transactions[0]
	d = d.mail(t.From, t.Data, len(t.Recipients))
	d.Transactions[1].Recipients = t.Recipients
	return d
}

var offRules = func() (ids []string) {
	for _, r := range allRules {
		if r.off {
			ids = append(ids, r.id)
		}
	}
	return ids
}()

// TestCheckMemoryGrowth verifies that the bytes that Check allocates are
// proportional to the input. An input of four times the size needs four times as
// many, and up to seven times as many where append lets a slice grow by a quarter
// instead of to its double. It would need sixteen times as many if the cost grew
// with the square. BenchmarkCheckGrowth shows the same for the time.
func TestCheckMemoryGrowth(t *testing.T) {
	for _, c := range growthCases {
		t.Run(c.name, func(t *testing.T) {
			small, large := allocated(c.input(250)), allocated(c.input(1000))
			if large > 8*small+pools {
				t.Errorf("Check() allocates %d bytes for an input of size n and %d for one of 4n", small, large)
			}
		})
	}
}

// pools is more than Check allocates for regular expressions if the garbage
// collector has emptied the pools of package regexp.
const pools = 512 << 10

// allocated returns how many bytes Check allocates.
func allocated(sessions []smtptest.Session) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	Check(sessions, offRules...)
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// BenchmarkCheckGrowth reports how many times as long Check takes for an input of
// size 4n as for one of size n.
func BenchmarkCheckGrowth(b *testing.B) {
	for _, c := range growthCases {
		b.Run(c.name, func(b *testing.B) {
			small, large := c.input(1000), c.input(4000)
			var times [2]time.Duration
			for b.Loop() {
				for i, sessions := range [][]smtptest.Session{small, large} {
					start := time.Now()
					Check(sessions, offRules...)
					if d := time.Since(start); times[i] == 0 || d < times[i] {
						times[i] = d
					}
				}
			}
			b.ReportMetric(float64(times[1])/float64(times[0]), "4n/n")
		})
	}
}
