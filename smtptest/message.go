package smtptest

import (
	"io"
	"net/mail"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/mailtext"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// Attachment is a part of a message that is not its text: what has a file
// name, is marked as an attachment, or is neither plain text nor HTML.
type Attachment struct {
	Filename    string // decoded (RFC 2231, RFC 2047); "" if it has none. It is the sender's word: never a path to write to
	ContentType string // "image/png", in lower case, without parameters
	ContentID   string // without <>; "" if it has none
	Inline      bool   // Content-Disposition is inline, or it has a ContentID only
	Data        string // octets, without the transfer encoding; text keeps its charset and line ends
}

// CharsetReader converts text in charsets other than UTF-8, US-ASCII and
// ISO-8859-1, for Subject, Text, HTML and file names. If it is nil, such bytes
// stay as they are, and Problems reports it.
// golang.org/x/net/html/charset.NewReaderLabel has its signature. It serves all
// messages of the process, so that a Message is plain data: set it once, in init
// or TestMain, before any message is read. Several goroutines may call it at a
// time.
var CharsetReader func(charset string, input io.Reader) (io.Reader, error)

// Header returns the message's header, with values as sent but unfolded, and keys
// as [net/textproto.CanonicalMIMEHeaderKey] returns them. A line that is not a
// field ends the header, as in a real relay; Problems reports it. Header never
// returns nil.
func (m Message) Header() mail.Header { return mailtext.Header(m.Data) }

// Subject returns the decoded Subject field (RFC 2047), or "" if there is none.
func (m Message) Subject() string {
	return mailtext.Words(m.Header().Get("Subject"), CharsetReader)
}

// Text returns the first text/plain part, decoded to UTF-8 (smtpd's decode_data),
// or "" if there is none. A message without MIME fields is one text/plain part.
// Line ends are LF.
func (m Message) Text() string { return m.read().Text }

// HTML returns the first text/html part, decoded to UTF-8, or "" if there is
// none. Line ends are LF.
func (m Message) HTML() string { return m.read().HTML }

// Attachments returns the parts that are not the text, in order, or nil if there
// are none.
func (m Message) Attachments() []Attachment {
	var all []Attachment
	for _, a := range m.read().Attachments {
		all = append(all, Attachment(a))
	}
	return all
}

// Links returns the http, https and mailto addresses in the href attributes of
// HTML and in Text, in order and without duplicates, or nil if there are none.
func (m Message) Links() []string { return m.read().Links() }

// Problems returns what the other methods had to guess or leave out, in
// sentences. It returns nil if they had to do neither.
func (m Message) Problems() []string { return m.read().Problems }

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
