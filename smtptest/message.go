package smtptest

import (
	"io"
	"net/mail"
	"net/textproto"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/mailtext"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// Attachment is a part of a message that is not one of its texts; [Message.Text]
// has the rules. Attachments can be compared with ==.
type Attachment struct {
	// Filename is decoded (RFC 2231, RFC 2047), or "" if there is none. The sender
	// chose it: never use it as a path.
	Filename    string
	ContentType string // "image/png", in lower case, without parameters
	ContentID   string // without <>; "" if it has none
	// Inline is true if the Content-Disposition is inline, or if there is none and
	// the part has a Content-ID.
	Inline bool
	// Data has the bytes, without the transfer encoding. Text keeps its charset and
	// line ends.
	Data string
	// RawContentType is the Content-Type as sent but unfolded, with its parameters.
	// Param reads one of them.
	RawContentType string
	// RawHeader is the header as sent, without the empty line at its end. Field reads
	// one field.
	RawHeader string
}

// CharsetReader converts text in charsets other than UTF-8, US-ASCII and
// ISO-8859-1: in header fields, texts, addresses and file names. If it is nil, such
// text stays as it is, and Problems reports it.
// golang.org/x/net/html/charset.NewReaderLabel has its signature. It serves all
// messages of the process, so that a Message is plain data: set it once, in init
// or TestMain, before any message is read. Several goroutines may call it at the
// same time.
var CharsetReader func(charset string, input io.Reader) (io.Reader, error)

// Header returns the message's header, with values as sent but unfolded, and keys
// as [net/textproto.CanonicalMIMEHeaderKey] returns them. Unfolding removes only
// the line ends (RFC 5322 2.2.3). A line that is not a field ends the header, as in
// a real relay; Problems reports it. Header never returns nil.
func (m Message) Header() mail.Header { return mailtext.Header(m.Data) }

// Subject returns the decoded Subject field (RFC 2047), or "" if there is none.
func (m Message) Subject() string {
	return mailtext.Words(m.Header().Get("Subject"), CharsetReader)
}

// Addresses returns the addresses in all fields of that name, in order, with
// decoded names, or nil if there are none:
//
//	m.Addresses("To")
//
// It returns the members of groups. An Address has no quotes around its local part,
// as in package net/mail. Addresses never fails: it reads what a broken sender
// wrote as a person would, and Problems reports it for From, Sender, Reply-To, To,
// Cc, Bcc, their Resent- fields and Disposition-Notification-To.
func (m Message) Addresses(field string) []mail.Address {
	return mailtext.Addresses(m.Header()[textproto.CanonicalMIMEHeaderKey(field)], CharsetReader)
}

// Text returns the text/plain parts, decoded to UTF-8 (smtpd's decode_data), or ""
// if there is none. A message without MIME fields is one text/plain part. Line ends
// are LF. These rules divide a message into texts and attachments:
//
//   - A part of type text/plain or text/html is a text, and any other part is an
//     attachment.
//   - A part that is marked "attachment" is an attachment, whatever its type. So is
//     one with a disposition that is neither "attachment" nor "inline" (RFC 2183 2.8).
//   - A text with a file name is an attachment if another text without a file name
//     is beside it, or any other text is before it. The only text is no attachment.
//   - Of the parts of a multipart/alternative, the last one that has a text of the
//     kind counts, and file names do not.
//   - If there are several texts, they are joined in order, with an empty line
//     between them.
//   - A message within the message is an attachment, with all that it has.
//   - A multipart that cannot be divided is a text.
func (m Message) Text() string { return m.read().Text }

// HTML returns the text/html parts, decoded to UTF-8, or "" if there is none. Line
// ends are LF. The rules are those of Text.
func (m Message) HTML() string { return m.read().HTML }

// Attachments returns the parts that are not texts, in order, or nil if there are
// none. Text has the rules.
func (m Message) Attachments() []Attachment {
	var all []Attachment
	for _, a := range m.read().Attachments {
		all = append(all, Attachment(a))
	}
	return all
}

// Links returns the http, https and mailto addresses in the href attributes of
// HTML and in Text, in order and without duplicates, or nil if there are none. An
// href is read as browsers read it, and left as written if it is not ASCII.
//
// In text, a link ends before the first byte outside ASCII and before the text's
// punctuation. Quotation marks, brackets, dashes, ellipses, spaces, underscores and
// asterisks around a link are not part of it. Brackets in pairs are, and so is a _
// or a - at its end if none is before it, because a token may end so. In angle
// brackets, white space that divides a link is removed (RFC 3986 appendix C). If a
// letter outside ASCII is in the host or directly after it, there is no link. If
// one cuts the rest of a link short, Problems reports it.
func (m Message) Links() []string {
	links, _ := m.read().Links()
	return links
}

// Problems returns what the other methods had to guess or leave out, in
// sentences. It returns nil if they had to do neither.
func (m Message) Problems() []string {
	read := m.read()
	_, problems := read.Links()
	return append(read.Problems, problems...)
}

func (m Message) read() mailtext.Mail { return mailtext.Parse(m.Data, CharsetReader) }

// DSN is what a client has asked for in the way of delivery status
// notifications (RFC 3461), decoded. The server itself sends none. The options
// as sent are in MailOptions and RcptOptions.
type DSN struct {
	Ret        string         // "FULL" or "HDRS"; "" if it was not said
	Envid      string         // "" if none
	Recipients []RecipientDSN // parallel to Message.To
}

// RecipientDSN is the part of a DSN that is for one recipient.
type RecipientDSN struct {
	Notify    []string // "NEVER", or some of "SUCCESS", "FAILURE" and "DELAY"; nil if it was not said
	OrcptType string   // of the original recipient, as in "rfc822"; "" if it was not said
	Orcpt     string   // the original recipient, as in "bob@example.com"
}

// DSN reads the message's options.
func (m Message) DSN() DSN {
	var d DSN
	d.Ret = wire.Upper(option(m.MailOptions, "RET"))
	d.Envid, _ = wire.DecodeXtext(option(m.MailOptions, "ENVID"))
	for _, options := range m.RcptOptions {
		var r RecipientDSN
		if notify := option(options, "NOTIFY"); notify != "" {
			r.Notify = strings.Split(wire.Upper(notify), ",")
		}
		r.OrcptType, r.Orcpt = wire.DecodeOrcpt(option(options, "ORCPT"))
		d.Recipients = append(d.Recipients, r)
	}
	return d
}

// option is the value of a parameter; "" if it is not there.
func option(options []string, keyword string) string {
	for _, o := range options {
		if word, value, _ := strings.Cut(o, "="); wire.Upper(word) == keyword {
			return value
		}
	}
	return ""
}

// Wire is the content as it came over the wire, without the final dot line:
// dots stuffed for DATA, verbatim for BDAT.
func (m Message) Wire() string {
	if m.Chunks != nil || (!strings.HasPrefix(m.Data, ".") && !strings.Contains(m.Data, "\r\n.") && len(m.Unstuffed) == 0) {
		return m.Data
	}
	var b strings.Builder
	b.Grow(len(m.Data) + 16)
	unstuffed := m.Unstuffed
	for start := 0; start < len(m.Data); {
		lost := len(unstuffed) > 0 && unstuffed[0] == start
		if lost {
			unstuffed = unstuffed[1:]
		}
		if lost || m.Data[start] == '.' {
			b.WriteByte('.')
		}
		end := len(m.Data)
		if i := strings.Index(m.Data[start:], "\r\n"); i >= 0 {
			end = start + i + 2
		}
		b.WriteString(m.Data[start:end])
		start = end
	}
	return b.String()
}
