package smtptest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"unicode/utf8"
)

// Debugging is smtpd's DebuggingServer as a Handler: it prints each message to
// w, byte for byte as smtpd does with decode_data=False, each line in Python's
// notation for bytes, and accepts it. A message is one Write, so messages of
// several sessions never mix. An error of w answers 451; a nil w panics.
func Debugging(w io.Writer) Handler { return newDebugging(w, false) }

// DebuggingText is Debugging as smtpd does with decode_data=True: lines as they
// are, without the options. Octets that are not UTF-8 show as U+FFFD.
func DebuggingText(w io.Writer) Handler { return newDebugging(w, true) }

func newDebugging(w io.Writer, text bool) Handler {
	if w == nil {
		panic("smtptest: Debugging with a nil Writer: give os.Stdout, or leave Server.Handler nil")
	}
	return &debugging{w: w, text: text}
}

type debugging struct {
	mu   sync.Mutex
	w    io.Writer
	text bool
}

// ProcessMessage prints the message.
func (d *debugging) ProcessMessage(_ context.Context, m Message) Reply {
	var b bytes.Buffer
	b.WriteString("---------- MESSAGE FOLLOWS ----------\n")
	if !d.text {
		if len(m.MailOptions) > 0 {
			fmt.Fprintf(&b, "mail options: %s\n", pyList(m.MailOptions))
		}
		if n := len(m.RcptOptions); n > 0 && len(m.RcptOptions[n-1]) > 0 {
			fmt.Fprintf(&b, "rcpt options: %s\n\n", pyList(m.RcptOptions[n-1]))
		}
	}
	d.content(&b, m)
	b.WriteString("------------ END MESSAGE ------------\n")
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.w.Write(b.Bytes()); err != nil {
		return "451 4.3.0 Error: cannot print the message"
	}
	return ""
}

// content prints the lines, with X-Peer behind the header.
func (d *debugging) content(b *bytes.Buffer, m Message) {
	host, _, err := net.SplitHostPort(m.Peer)
	if err != nil {
		host = m.Peer
	}
	show := pyBytes
	if d.text {
		show = func(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
	}
	inHeader := true
	for _, line := range d.lines(strings.TrimSuffix(m.Data, "\r\n")) {
		if inHeader && line == "" {
			fmt.Fprintln(b, show("X-Peer: "+host))
			inHeader = false
		}
		fmt.Fprintln(b, show(line))
	}
}

// lines splits as Python's splitlines does: text at more characters than bytes.
func (d *debugging) lines(s string) []string {
	isEnd := func(r rune) bool { return r == '\n' || r == '\r' }
	if d.text {
		isEnd = func(r rune) bool { return strings.ContainsRune("\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029", r) }
	}
	var lines []string
	s = strings.ReplaceAll(s, "\r\n", "\n") // by smtpd itself
	s = strings.ReplaceAll(s, "\r\n", "\n") // by splitlines: what was CR CR LF
	for s != "" {
		i := strings.IndexFunc(s, isEnd)
		if i < 0 {
			return append(lines, s)
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		lines, s = append(lines, s[:i]), s[i+size:]
	}
	return lines
}

// pyBytes is Python's repr of bytes.
func pyBytes(s string) string { return "b" + pyQuote(s, func(c byte) bool { return c >= 0x7f }) }

// pyList is Python's repr of a list of strings, in upper case as smtpd keeps
// options.
func pyList(options []string) string {
	quoted := make([]string, len(options))
	for i, o := range options {
		quoted[i] = pyQuote(strings.ToUpper(o), func(c byte) bool { return c == 0x7f })
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

func pyQuote(s string, escaped func(byte) bool) string {
	quote := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	var b strings.Builder
	b.WriteByte(quote)
	for i := range len(s) {
		switch c := s[i]; {
		case c == quote || c == '\\':
			b.WriteString(`\` + string(c))
		case c == '\t':
			b.WriteString(`\t`)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c < ' ' || escaped(c):
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte(quote)
	return b.String()
}
