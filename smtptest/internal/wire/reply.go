package wire

import (
	"errors"
	"fmt"
	"strings"
)

// Reply is an SMTP reply as on the wire, without its last line end.
type Reply string

// NoReply is the Reply that is not sent.
const NoReply Reply = "(no reply)"

// Code returns the three-digit code of the reply, or 0 if it has none.
func (r Reply) Code() int {
	if len(r) < 3 {
		return 0
	}
	n := 0
	for i := range 3 {
		if r[i] < '0' || r[i] > '9' {
			return 0
		}
		n = n*10 + int(r[i]-'0')
	}
	return n
}

// Recorded returns the reply as it is recorded: "" if nothing was sent.
func (r Reply) Recorded() Reply {
	if r == NoReply {
		return ""
	}
	return r
}

// maxReplyLine is the longest line of a reply, CRLF included (RFC 5321
// 4.5.3.1.5).
const maxReplyLine = 512

// CheckReply says what is wrong with a reply, in a sentence for the author of
// a test. Lines are separated by LF or CRLF; the last has no line end.
func CheckReply(s string) error {
	if strings.HasSuffix(s, "\n") {
		return errors.New("ends with a line end: leave it out, it is added")
	}
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		if i < len(lines)-1 {
			line = strings.TrimSuffix(line, "\r")
		}
		if err := checkReplyLine(line, lines[0], i == len(lines)-1); err != nil {
			return fmt.Errorf("%w (RFC 5321 4.2); use Raw to send an invalid reply", err)
		}
	}
	return nil
}

func checkReplyLine(line, first string, last bool) error {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' || line[1] < '0' || line[1] > '5' || line[2] < '0' || line[2] > '9' {
		return errors.New("a reply begins with a code from 200 to 559, as in \"250 OK\"")
	}
	if line[:3] != first[:3] {
		return fmt.Errorf("all lines of a reply have the same code, %s", first[:3])
	}
	switch {
	case len(line) == 3 && last:
		return nil
	case last && (line[3] != ' ' || len(line) == 4 && line != "334 "): // an empty challenge (RFC 4954 4)
		return errors.New("the last line has a space and text after the code, as in \"250 OK\"")
	case !last && (len(line) == 3 || line[3] != '-'):
		return errors.New("a line before the last has a hyphen after the code, as in \"250-first\"")
	}
	return CheckText(line[4:])
}

// CheckText says what is wrong with the text of one line of a reply, behind
// code and separator.
func CheckText(s string) error {
	if n := len("250 ") + len(s) + len(crlf); n > maxReplyLine {
		return fmt.Errorf("a line has %d octets; at most %d are allowed, CRLF included", n, maxReplyLine)
	}
	for i := range len(s) {
		if c := s[i]; c != '\t' && (c < ' ' || c > '~') {
			return fmt.Errorf("octet %#02x is not printable ASCII", c)
		}
	}
	return nil
}

// AppendReply appends the reply as it goes over the wire.
func AppendReply(dst []byte, s string) []byte {
	for {
		line, rest, more := strings.Cut(s, "\n")
		dst = append(dst, strings.TrimSuffix(line, "\r")...)
		dst = append(dst, "\r\n"...)
		if !more {
			return dst
		}
		s = rest
	}
}

// AddEnhanced puts an enhanced status code in front of the text of each line
// (RFC 2034 4).
func AddEnhanced(s, code string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		b.WriteString(line[:4] + code + " " + line[4:])
	}
	return b.String()
}

// FirstReply returns the reply that octets begin with, without its last line
// end, or "" if they begin with none. A reply is complete: each of its lines ends
// with CRLF and has the same code (RFC 5321 4.2). Its text may be anything, as a
// client understands a reply by its code.
func FirstReply(octets string) string {
	for end := 0; ; end += len(crlf) {
		line, _, complete := strings.Cut(octets[end:], "\r\n")
		if !complete || !hasCode(line) || line[:3] != octets[:3] || strings.ContainsAny(line, "\r\n") {
			return ""
		}
		end += len(line)
		switch {
		case len(line) == 3 || line[3] == ' ':
			return octets[:end]
		case line[3] != '-':
			return ""
		}
	}
}

func hasCode(line string) bool {
	return len(line) >= 3 && '2' <= line[0] && line[0] <= '5' && isDigits(line[1:3], 2)
}
