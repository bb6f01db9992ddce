package wire

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

// chunks reads its octets in pieces whose sizes repeat.
type chunks struct {
	data  []byte
	sizes []byte
	n     int
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.data) == 0 {
		return 0, io.EOF
	}
	size := len(c.data)
	if len(c.sizes) > 0 {
		size = int(c.sizes[c.n%len(c.sizes)]) + 1
		c.n++
	}
	n := copy(p, c.data[:min(size, len(c.data))])
	c.data = c.data[n:]
	return n, nil
}

// lines are what a Reader makes of its source.
func lines(src io.Reader) []string {
	var r Reader
	r.Reset(src)
	var all []string
	for {
		line, long, ok := r.Line()
		if !ok {
			if r.Fill() != nil {
				return all
			}
			continue
		}
		if long {
			all = append(all, "long: "+string(line))
		} else {
			all = append(all, string(line))
		}
	}
}

// FuzzReader: lines end at CRLF and nowhere else, however the octets arrive.
func FuzzReader(f *testing.F) {
	f.Add([]byte("NOOP\r\nQUIT\r\n"), []byte{0})
	f.Add([]byte("a\rb\nc\r\r\n\r\n\n\r"), []byte{2, 0})
	f.Add(append(bytes.Repeat([]byte("x"), MaxLine-2), "\r\nQUIT\r\n"...), []byte{255, 1})
	f.Add(append(bytes.Repeat([]byte("x"), MaxLine-1), "\r\nQUIT\r\n"...), []byte{255})
	f.Fuzz(func(t *testing.T, data, sizes []byte) {
		var want []string
		parts := strings.Split(string(data), "\r\n")
		for _, line := range parts[:len(parts)-1] {
			if len(line)+2 > MaxLine {
				line = "long: " + line[:longLine]
			}
			want = append(want, line)
		}
		got := lines(&chunks{data: data, sizes: sizes})
		if strings.Join(got, "\r\n") != strings.Join(want, "\r\n") || len(got) != len(want) {
			t.Errorf("%q in pieces of %v: lines %q, want %q", data, sizes, got, want)
		}
	})
}

// stuff is the sender's side of RFC 5321 4.5.2, with the end of data.
func stuff(content []byte) []byte {
	stuffed := bytes.ReplaceAll(content, []byte("\r\n."), []byte("\r\n.."))
	if bytes.HasPrefix(content, []byte(".")) {
		stuffed = append([]byte("."), stuffed...)
	}
	return append(stuffed, ".\r\n"...)
}

// FuzzDot: decode(encode(x)) == x however the octets arrive, and what follows
// the end of data is left alone.
func FuzzDot(f *testing.F) {
	f.Add([]byte(".\r\n..\r\n.a\r\n\r.\n.\r."), []byte{0}, 100)
	f.Add([]byte("\r\n.\r\r\n"), []byte{1, 0}, -1)
	f.Add(bytes.Repeat([]byte("line\r\n."), 3000), []byte{255}, 1<<20)
	f.Fuzz(func(t *testing.T, content, sizes []byte, limit int) {
		if len(content) > 0 && !bytes.HasSuffix(content, crlf) {
			content = append(bytes.Clone(content), crlf...)
		}
		const after = "QUIT\r\n"
		var src Reader
		src.Reset(&chunks{data: append(stuff(content), after...), sizes: sizes})
		var c Content
		c.Begin(limit, len(content))
		var dot Dot
		for done := false; !done; {
			if src.Buffered() == 0 && src.Fill() != nil {
				t.Fatalf("%q: no end found", content)
			}
			var n int
			n, done = dot.Decode(&c, src.Bytes())
			src.Discard(n)
		}
		rest := string(src.Bytes())
		for src.Fill() == nil {
			rest = string(src.Bytes())
		}
		over := limit >= 0 && len(content) > limit // RFC 1870 5: each CRLF counts
		if c.Over() != over || c.Len() != len(content) || rest != after || c.Unstuffed != nil {
			t.Errorf("%q, limit %d: Over %t, Len %d, Unstuffed %v, rest %q", content, limit, c.Over(), c.Len(), c.Unstuffed, rest)
		}
		if got := c.Take(); !over && got != string(content) || over && (!strings.HasPrefix(string(content), got) || len(got) > limit) {
			t.Errorf("%q, limit %d: got %q", content, limit, got)
		}
	})
}

// FuzzPath: a path that is taken is taken again from its parts, and the least
// quoted form of a mailbox is a mailbox with the same meaning.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"<>", "<a@b.test> SIZE=1", "<@r.test,@s.test:a@b.test>", `<"a\"b>"@[IPv6:::1]>`, "<Postmaster>", "<ü@bücher.test> SMTPUTF8"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for name, parse := range map[string]func(string, bool) (Path, string, error){"reverse": ReversePath, "forward": ForwardPath} {
			p, rest, err := parse(s, true)
			if err != nil || p.Domain == "" {
				continue
			}
			again, rest2, err := parse("<"+p.Mailbox+">"+rest, true)
			if err != nil || again.Mailbox != p.Mailbox || rest2 != rest || p.Mailbox != p.Local+"@"+p.Domain {
				t.Errorf("%s %q: %+v, again %+v, %v", name, s, p, again, err)
			}
			least := LeastQuoted(p.Mailbox)
			q, _, err := parse("<"+least+">", true)
			if err != nil || Unquote(q.Local) != Unquote(p.Local) || LeastQuoted(least) != least {
				t.Errorf("%s %q: least quoted %q: %+v, %v", name, s, least, q, err)
			}
			if _, _, err := parse(s, false); (err == nil) != isASCII(s[:len(s)-len(rest)]) {
				t.Errorf("%s %q without SMTPUTF8: %v", name, s, err)
			}
		}
	})
}

// FuzzParams: what is taken is the same again when it is written with single
// spaces; no value check panics; xtext is undone by its decoder.
func FuzzParams(f *testing.F) {
	f.Add(" SIZE=10   BODY=8BITMIME")
	f.Add(" BY=-5;R HOLDUNTIL=2030-01-01T00:00:00Z MT-PRIORITY=-9")
	f.Add(" ORCPT=utf-8;\\x{20AC}@x.test NOTIFY=NEVER ENVID=a+2B AUTH=e+3Dmc2@b.test RET=HDRS HOLDFOR=9")
	f.Fuzz(func(t *testing.T, s string) {
		params, err := Params(s, true)
		if err == nil {
			var joined strings.Builder
			for _, p := range params {
				joined.WriteString(" " + p.Text)
				for _, check := range []func(string) error{CheckRet, CheckEnvid, CheckNotify, CheckPriority, CheckAuth} {
					check(p.Value)
				}
				CheckBy(p.Value)
				CheckHoldFor(p.Value)
				CheckHoldUntil(p.Value)
				CheckSize(p.Value)
				if CheckOrcpt(p.Value, true) == nil {
					if kind, addr := DecodeOrcpt(p.Value); kind == "" || addr == "" || !utf8.ValidString(addr) {
						t.Errorf("ORCPT=%s stands for %q;%q", p.Value, kind, addr)
					}
				}
			}
			again, err := Params(joined.String(), true)
			if err != nil || len(again) != len(params) {
				t.Errorf("%q: %v, again %v, %v", s, params, again, err)
			}
		}
		if back, err := DecodeXtext(EncodeXtext(s)); err != nil || back != s {
			t.Errorf("xtext of %q: %q, %v", s, back, err)
		}
	})
}

// FuzzReply: a reply that is taken goes over the wire as whole lines of at
// most 512 octets.
func FuzzReply(f *testing.F) {
	f.Add("250 OK")
	f.Add("250-a\r\n250-b\n250 c")
	f.Add("354")
	f.Fuzz(func(t *testing.T, s string) {
		if CheckReply(s) != nil {
			return
		}
		wire := string(AppendReply(nil, s))
		for line := range strings.SplitAfterSeq(wire, "\n") {
			if line == "" {
				continue
			}
			if len(line) > maxReplyLine || !strings.HasSuffix(line, "\r\n") || strings.Count(line, "\r") != 1 || line[:3] != s[:3] {
				t.Errorf("%q: line %q", s, line)
			}
		}
	})
}
