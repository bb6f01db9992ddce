package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

var dataRules = []rule{
	{"data-bare-lf", Error, false, "RFC 5321 2.3.8", "The content has LF without CR."},
	{"data-bare-cr", Error, false, "RFC 5321 2.3.8", "The content has CR without LF."},
	{"data-nul", Error, false, "RFC 5322 3.5", "The content has a NUL."},
	{"data-line-too-long", Error, false, "RFC 5321 4.5.3.1.6", "A line of the content has more than 998 octets."},
	{"data-line-over-78", Warning, true, "RFC 5322 2.1.1", "A line of the content has more than 78 octets."},
	{"data-8bit", Error, false, "RFC 6152 3", "The content has bytes outside ASCII, and MAIL had no BODY=8BITMIME."},
	{"data-8bit-not-mime", Error, false, "RFC 5321 2.4", "The body has bytes outside ASCII, and no MIME field allows them."},
	{"data-dot-not-stuffed", Error, false, "RFC 5321 4.5.2", "A line began with a single dot, or content came as commands after a lone dot: the client does not double them."},
	{"data-possibly-overstuffed", Warning, false, "RFC 5321 4.5.2", "Dots are doubled that needed none: by BDAT, or twice."},
	{"data-empty", Error, false, "RFC 5321 4.1.1.4", "The content was empty."},
	{"data-eod-lookalike", Error, false, "RFC 5321 4.1.1.4", "The content has what some servers take for its end."},
	{"data-extra-blank-line", Warning, true, "RFC 5321 4.1.1.4", "The client added an empty line at the end of the content."},
	{"data-no-final-newline", Warning, false, "RFC 5321 4.1.1.4", "The content came by BDAT and does not end in CRLF."},
	{"bdat-length-wrong", Error, false, "RFC 3030 2", "A chunk had another size than BDAT said: what followed it was no command, or the client waited before it was complete."},
	{"bdat-after-failure", Error, false, "RFC 3030 2", "BDAT came after a BDAT was seen to be refused."},
	{"rset-missing-after-bdat-failure", Error, false, "RFC 3030 2", "MAIL or DATA came after a refused BDAT without RSET."},
	{"binarymime-with-data", Error, false, "RFC 3030 3", "DATA came after BODY=BINARYMIME."},
	{"null-sender-misused", Warning, false, "RFC 5321 4.5.5", "The null sender was used for a message that is no report and not Auto-Submitted."},
}

// body is the content of a transaction, under examination.
type body struct {
	*walk
	under within
	t     *smtptest.Transaction
	k     int // of it within the session
	whole bool
	bdat  bool
	bin   bool // BODY=BINARYMIME
}

// checkContent judges the content of transaction k. If its end was not reached,
// what had come proves some faults all the same.
func checkContent(w *walk, k int) {
	b := body{walk: w, under: w.within[k], t: &w.s.Transactions[k-1], k: k}
	b.bdat, b.bin = b.t.Chunks != nil || b.under.last.verb == "BDAT", b.option("BODY=BINARYMIME")
	m := smtptest.Message{Data: b.t.Data, Unstuffed: b.t.Unstuffed, Chunks: b.t.Chunks}
	wired := m.Wire()
	if b.bdat {
		wired = b.t.Data
	}
	switch ended := b.under.end.n > 0; {
	case ended && b.t.Octets == 0:
		if hasRecipient(w, b.t) {
			b.found("data-empty", -1, "", "the content has no octet")
		}
	case b.t.Released:
		b.lookOctets()
		b.lookDots(wired)
		if hasWholeHeader(b.t) {
			b.lookMeaning()
		}
	case b.t.Data == "":
	case !ended:
		b.under.end = b.under.last
		if b.t.Pipelined && b.under.waits && upper(b.t.Data) != "QUIT\r\n" {
			b.found("data-before-354", -1, "", "content came before the reply to DATA")
		}
		b.lookOctets()
		b.lookDots(wired)
	default:
		b.whole = len(wired) == b.t.Octets
		b.lookSize()
		b.lookOctets()
		b.lookDots(wired)
		if b.whole && !b.under.cut {
			b.lookEnd()
			b.lookMeaning()
		}
	}
}

// hasWholeHeader reports whether the header of a released transaction is there up to its
// end.
func hasWholeHeader(t *smtptest.Transaction) bool {
	return t.Data == "\r\n" || strings.HasSuffix(t.Data, "\r\n\r\n")
}

// hasRecipient says that a recipient was there: without one a lone dot is what
// answers a 354 (RFC 2920 3.1).
func hasRecipient(w *walk, t *smtptest.Transaction) bool {
	return slices.ContainsFunc(t.Recipients, func(r smtptest.Recipient) bool { return r.Accepted || r.Reply.Code()/100 == 2 })
}

// option says that MAIL had a parameter.
func (b *body) option(param string) bool {
	return slices.ContainsFunc(b.t.MailOptions, func(o string) bool { return upper(o) == param })
}

func (b *body) found(id string, offset int, octets, format string, args ...any) {
	b.add(Finding{ID: id, Session: b.s.ID, Exchange: b.under.end.n, Transaction: b.k, Offset: offset, Octets: octets, Detail: fmt.Sprintf(format, args...)})
}

// at reports the first of several places, up to the end of its line.
func (b *body) at(id string, offset, n int, format string, args ...any) {
	more := ""
	if n > 1 {
		more = fmt.Sprintf("; %d in all, the first", n)
	}
	octets := ""
	if offset < len(b.t.Data) { // else they were released
		octets, _, _ = strings.Cut(b.t.Data[offset:], "\r\n")
	} else {
		offset = -1
	}
	b.found(id, offset, octets, format+"%s", append(args, more)...)
}

// lookSize compares with SIZE= and with the limit. The last CRLF may be the
// transport's own.
func (b *body) lookSize() {
	params, _ := wire.Params(strings.Join(b.t.MailOptions, " "), true)
	size, declared := sizeOf(params)
	have := int64(len(b.t.Data))
	if !b.whole {
		have++ // at least
	}
	limit := walk{offers: b.under.offers}
	switch {
	case declared && have-2 > size:
		b.found("size-underdeclared", -1, "", "SIZE=%d, and the content has %d octets", size, have)
	case declared && have < size/2 && b.whole:
		b.found("size-overdeclared", -1, "", "SIZE=%d, and the content has %d octets", size, have)
	case !declared && have > 64<<10 && limit.offered("SIZE"):
		b.found("size-not-declared", -1, "", "the content has %d octets", have)
	}
	if overLimit(&limit, have) && !overLimit(&limit, size) {
		b.found("size-over-limit", -1, "", "the content has %d octets, and SIZE %s was offered", have, b.under.offers["SIZE"])
	}
}

// lookOctets finds octets that no content, or no line of it, may have.
func (b *body) lookOctets() {
	data := b.t.Data
	if !b.whole {
		data = strings.TrimSuffix(data, "\r") // its LF may be cut off
	}
	is8bit := highOctet(data)
	if is8bit >= 0 && b.option("BODY=7BIT") {
		b.at("body-param-wrong", is8bit, 1, "an octet outside ASCII, and BODY=7BIT")
	}
	if b.bin {
		return
	}
	if i := bareLF(data); i >= 0 {
		b.at("data-bare-lf", max(0, i-1), strings.Count(data, "\n")-strings.Count(data, "\r\n"), "LF without CR")
	}
	if i := bareCR(data); i >= 0 {
		b.at("data-bare-cr", i, strings.Count(data, "\r")-strings.Count(data, "\r\n"), "CR without LF")
	}
	if i := strings.IndexByte(data, 0); i >= 0 {
		b.at("data-nul", i, strings.Count(data, "\x00"), "NUL")
	}
	b.lookLines(data)
	b.look8bit(data)
}

func (b *body) lookLines(data string) {
	for _, limit := range []struct {
		id     string
		octets int
	}{{"data-line-too-long", 998}, {"data-line-over-78", 78}} {
		first, n := -1, 0
		for start := 0; start < len(data); {
			line, _, _ := strings.Cut(data[start:], "\r\n")
			if len(line) > limit.octets {
				if n++; first < 0 {
					first = start
				}
			}
			start += len(line) + 2
		}
		if n > 0 {
			b.at(limit.id, first, n, "a line of more than %d octets", limit.octets)
		}
	}
}

// look8bit: the header may be in UTF-8 with SMTPUTF8, the body may not be 8-bit
// without BODY=8BITMIME.
func (b *body) look8bit(data string) {
	header, _, separated := strings.Cut(data, "\r\n\r\n")
	start := 0
	if b.option("SMTPUTF8") && separated {
		start = len(header)
	}
	i := highOctet(data[start:])
	if i >= 0 && !b.option("BODY=8BITMIME") {
		b.at("data-8bit", start+i, 1, "an octet outside ASCII")
	}
	if !separated || !b.option("BODY=8BITMIME") {
		return
	}
	if i := highOctet(data[len(header):]); i >= 0 && !saysEightBit(header, data) {
		b.at("data-8bit-not-mime", len(header)+i, 1, "an octet outside ASCII, and no MIME field that allows it")
	}
}

var (
	isMIME     = regexp.MustCompile(`(?im)^MIME-Version:`)
	saidBinary = regexp.MustCompile(`(?im)^Content-Transfer-Encoding:(\s|\([^()]*\))*"?(8bit|binary)`)
)

func saysEightBit(header, data string) bool {
	return isMIME.MatchString(header) && saidBinary.MatchString(data)
}

// lookDots judges dots at the start of lines, as they came over the wire.
func (b *body) lookDots(wired string) {
	if n := len(b.t.Unstuffed); n > 0 && (b.t.Released || b.t.Unstuffed[0] < len(b.t.Data)) {
		b.at("data-dot-not-stuffed", b.t.Unstuffed[0], n, "a dot at the start of a line that was not doubled")
	}
	if !b.bin {
		b.lookAlike(wired)
	}
	if b.whole {
		b.lookOverstuffed()
	}
}

// ends are what some servers take for the end of content: dots between line
// ends of which one is not CRLF, or with something beside them.
var ends = regexp.MustCompile(`(\r\n|\r|\n|\r\x00\n)\.(\r\n|\r\x00\n|\r|\n)|\r\n(\x00\.|\.\x00|\.[ \t])\r\n|[\v\f][.][\v\f]|\x{85}\.\x{85}|\x{2028}\.\x{2028}`)

// lookAlike: by BDAT a dot stands for itself, so that there only broken line
// ends are a danger. To search for ends around the dots only is much faster than to
// search all of a content.
func (b *body) lookAlike(wired string) {
	const before, behind = 3, 4 // the most of what ends has on the sides of a dot
	text := "\r\n" + wired
	for at := 0; ; at++ {
		n := strings.IndexByte(text[at:], '.')
		if n < 0 {
			break
		}
		if at += n; at == 0 || strings.IndexByte("\r\n\x00\v\f\x85\xa8", text[at-1]) < 0 {
			continue
		}
		from := max(0, at-before)
		for _, m := range ends.FindAllStringIndex(text[from:min(len(text), at+behind)], -1) {
			if from+m[0] <= at && at < from+m[1] && b.foundAlike(wired, text[from+m[0]:from+m[1]], from+m[0]) {
				return
			}
		}
	}
	if i := strings.Index(text, fullStop); i >= 0 {
		b.foundAlike(wired, fullStop, i)
	}
}

const fullStop = "\r\n\uff0e\r\n"

// foundAlike reports what was found at that place in the content with a line end before
// it, unless it is the end itself.
func (b *body) foundAlike(wired, found string, at int) bool {
	if found == "\r\n.\r\n" || b.bdat && strings.HasPrefix(found, "\r\n") && strings.HasSuffix(found, "\r\n") {
		return false
	}
	b.found("data-eod-lookalike", b.dataOffset(wired, max(0, at-2)), found, "some servers take this for the end of the content")
	return true
}

// dataOffset is where an octet of the wire stands in Data.
func (b *body) dataOffset(wired string, i int) int {
	if b.bdat {
		return i
	}
	dots := strings.Count("\r\n"+wired[:i], "\r\n.")
	return i - dots
}

// lookOverstuffed: an ellipsis, or a path as in ../lib, is no doubled dot.
func (b *body) lookOverstuffed() {
	first, n := -1, 0
	for start := 0; start < len(b.t.Data); {
		line, _, _ := strings.Cut(b.t.Data[start:], "\r\n")
		switch {
		case b.bdat && line != "..", !strings.HasPrefix(line, "."):
		case !strings.HasPrefix(line, ".."):
			return
		case len(line) == 2 || !strings.ContainsRune(`./\`, rune(line[2])):
			if n++; first < 0 {
				first = start
			}
		}
		start += len(line) + 2
	}
	if n > 0 {
		b.at("data-possibly-overstuffed", first, n, "two dots at the start of a line, and no line with one")
	}
}

// lookEnd judges how the content ends.
func (b *body) lookEnd() {
	data := b.t.Data
	if b.bdat && !b.bin && !strings.HasSuffix(data, "\r\n") {
		b.at("data-no-final-newline", len(data)-1, 1, "the content does not end in CRLF")
	}
	if _, text, _ := strings.Cut(data, "\r\n\r\n"); strings.HasSuffix(text, "\r\n\r\n") {
		b.at("data-extra-blank-line", len(data)-2, 1, "an empty line at the end")
	}
}

var (
	report        = regexp.MustCompile(`(?im)^Content-Type:(\s|\([^()]*\))*multipart/report\b`)
	autoSubmitted = regexp.MustCompile(`(?im)^Auto-Submitted:(?:[ \t]|\r\n[ \t]|\([^()]*\))*([a-z-]+)`)
)

// isAutomatic reports whether Auto-Submitted says that a program sent the message.
func isAutomatic(header string) bool {
	m := autoSubmitted.FindStringSubmatch(header)
	return m != nil && !strings.EqualFold(m[1], "no")
}

// lookMeaning judges the content by itself and in its relation to the envelope.
func (b *body) lookMeaning() {
	c := content{data: b.t.Data, released: b.t.Released, from: b.t.From, utf8: b.option("SMTPUTF8"), binary: b.bin, at: b.s.Start.Add(b.under.end.At)}
	for _, r := range b.t.Recipients {
		if r.Accepted {
			c.to = append(c.to, r.To)
		}
	}
	c.check(func(id string, offset int, octets, detail string) {
		b.found(id, offset, octets, "%s", detail)
	})
	header, _, _ := strings.Cut(b.t.Data, "\r\n\r\n")
	if b.t.From == "" && !report.MatchString(header) && !isAutomatic(header) {
		b.found("null-sender-misused", -1, "", "the content is neither a multipart/report nor Auto-Submitted")
	}
	if b.option("SMTPUTF8") && highOctet(header) < 0 && highOctet(b.t.From) < 0 &&
		!slices.ContainsFunc(b.t.Recipients, func(r smtptest.Recipient) bool { return highOctet(r.To) >= 0 }) {
		b.found("smtputf8-unneeded", -1, "", "envelope and header are in ASCII")
	}
}
