package wire

import (
	"slices"
	"strings"
	"testing"
)

// endless is a client that sends the same octets for ever.
type endless struct {
	octets []byte
	sent   int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.octets[e.sent:])
	e.sent = (e.sent + n) % len(e.octets)
	return n, nil
}

// BenchmarkLine is one command of a pipelined transaction.
func BenchmarkLine(b *testing.B) {
	group := "MAIL FROM:<a@client.test>\r\n" + strings.Repeat("RCPT TO:<b@server.test>\r\n", 98) + "DATA\r\n"
	var r Reader
	r.Reset(&endless{octets: []byte(group)})
	b.SetBytes(int64(len(group) / 100))
	b.ReportAllocs()
	for b.Loop() {
		for {
			if _, _, ok := r.Line(); ok {
				break
			}
			if err := r.Fill(); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkDot is the content of one message, from the first octet to the
// string that is recorded. It comes in pieces of a Reader's buffer. Stuffed is
// a dot at the beginning of each line.
func BenchmarkDot(b *testing.B) {
	const text = " some text of a line, about as much as most lines have\r\n"
	for _, of := range []struct {
		name  string
		start string // of each line
		size  int
	}{
		{"1KiB", "-", 1 << 10},
		{"1KiB stuffed", "..", 1 << 10},
		{"1MiB", "-", 1 << 20},
		{"1MiB stuffed", "..", 1 << 20},
	} {
		b.Run(of.name, func(b *testing.B) {
			lines := of.size / len("-"+text)
			content := []byte(strings.Repeat(of.start+text, lines) + ".\r\n")
			var c Content
			b.SetBytes(int64(len(content)))
			b.ReportAllocs()
			for b.Loop() {
				c.Begin(-1, 0)
				done := decode(&c, content)
				if got := c.Take(); !done || len(got) != lines*len("-"+text) {
					b.Fatalf("%d octets, done = %t", len(got), done)
				}
			}
		})
	}
}

// decode says whether the content had an end.
func decode(c *Content, src []byte) (done bool) {
	var d Dot
	for piece := range slices.Chunk(src, bufferSize) {
		_, done = d.Decode(c, piece)
	}
	return done
}

// BenchmarkPath is the argument of one MAIL or RCPT, up to its parameters.
func BenchmarkPath(b *testing.B) {
	for _, of := range []struct {
		name, path string
		parse      func(string, bool) (Path, string, error)
		utf8       bool
	}{
		{"reverse", "<bounce+4711@mail.client.test> SIZE=1000", ReversePath, false},
		{"null", "<> SIZE=1000", ReversePath, false},
		{"forward", "<bob@server.test>", ForwardPath, false},
		{"postmaster", "<Postmaster>", ForwardPath, false},
		{"quoted", `<"bob \"b\" smith"@server.test>`, ForwardPath, false},
		{"source route", "<@a.test,@b.test:bob@server.test>", ForwardPath, false},
		{"address literal", "<bob@[IPv6:2001:db8::1]>", ForwardPath, false},
		{"utf-8", "<jörg@bücher.test>", ForwardPath, true},
	} {
		b.Run(of.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := of.parse(of.path, of.utf8); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkParams is what follows the path of one MAIL or RCPT.
func BenchmarkParams(b *testing.B) {
	for _, of := range []struct{ name, params string }{
		{"none", ""},
		{"one", " SIZE=1000"},
		{"three", " SIZE=1000 BODY=8BITMIME SMTPUTF8"},
		{"dsn", " NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;bob@server.test"},
	} {
		b.Run(of.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Params(of.params, false); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkAppendReply is one reply, written into a buffer that is there.
func BenchmarkAppendReply(b *testing.B) {
	for _, of := range []struct{ name, reply string }{
		{"one line", "250 2.1.5 OK"},
		{"eight lines", "250-localhost\n250-PIPELINING\n250-SIZE 33554432\n250-8BITMIME\n250-SMTPUTF8\n250-ENHANCEDSTATUSCODES\n250-DSN\n250 HELP"},
	} {
		b.Run(of.name, func(b *testing.B) {
			buf := make([]byte, 0, maxReplyLine)
			b.ReportAllocs()
			for b.Loop() {
				buf = AppendReply(buf[:0], of.reply)
			}
		})
	}
}
