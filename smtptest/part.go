package smtptest

import (
	"net/mail"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/mailtext"
)

// Part is a part of a message (RFC 2045 2.4): the message itself, which
// [Message.MIME] returns, a part of a multipart, or the message in a part of type
// message/rfc822. A Part is a copy; a test may change it.
type Part struct {
	// RawHeader is the header as sent, without the empty line at its end.
	RawHeader string
	// Header has the fields with values as sent but unfolded. Field decodes them.
	Header mail.Header
	// ContentType is the type in lower case, without parameters, as in "text/plain".
	// If the part names no type, it is the default: "text/plain", and
	// "message/rfc822" in a multipart/digest (RFC 2046 5.1.5).
	ContentType string
	// Params has the parameters of the content type, decoded (RFC 2231, RFC 2047).
	// The names are in lower case. If there are none, it is nil.
	Params map[string]string
	// Disposition is "attachment", "inline" or another word in lower case, or "" if
	// the part has no Content-Disposition.
	Disposition string
	// DispositionParams has the parameters of the disposition, like Params.
	DispositionParams map[string]string
	// Filename is the decoded file name, or "" if there is none. The sender chose it:
	// never use it as a path.
	Filename string
	// RawContentID is the Content-ID as sent, as in "<logo@example.com>".
	RawContentID string
	// ContentID is the Content-ID without its angle brackets, as a cid: address has it.
	ContentID string
	// Data has the bytes of the body, without the transfer encoding. Those of a
	// multipart are its body as sent.
	Data string
	// Text is the text of a text/* part, decoded to UTF-8 with LF line ends. It is
	// "" for other types, except for a multipart that could not be divided.
	Text string
	// Parts are the parts of a multipart, or the message in a message/rfc822. It is
	// nil for other types, and for a multipart that could not be divided.
	Parts []Part
}

// MIME returns the message as the tree of its parts. It never fails: Problems
// reports what it had to guess or leave out. It reads at most 20 levels and 1000
// parts.
func (m Message) MIME() Part { return newPart(m.read().Root) }

// Structure returns the content types of the message's parts, nested as they are,
// with their file names, in one line:
//
//	multipart/mixed(multipart/alternative(text/plain, text/html), application/pdf "invoice.pdf")
//
// A multipart without parentheses could not be divided.
func (m Message) Structure() string { return m.read().Root.Structure() }

// Field returns the decoded value of the first field of that name, in any case, or
// "" if there is none.
func (p Part) Field(name string) string {
	return mailtext.Words(p.Header.Get(name), CharsetReader)
}

func newPart(p mailtext.Part) Part {
	part := Part{
		RawHeader: p.RawHeader, Header: p.Header, ContentType: p.ContentType, Params: p.Params,
		Disposition: p.Disposition, DispositionParams: p.DispositionParams, Filename: p.Filename,
		RawContentID: p.RawContentID, ContentID: p.ContentID, Data: p.Data, Text: p.Text,
	}
	for _, child := range p.Parts {
		part.Parts = append(part.Parts, newPart(child))
	}
	return part
}

// Param returns a parameter of the attachment's Content-Type, decoded, or "" if
// there is none. The name is in any case:
//
//	a.Param("method") // "REQUEST"
func (a Attachment) Param(name string) string {
	return mediaParam(a.RawContentType, name)
}

// DispositionParam returns a parameter of the attachment's Content-Disposition,
// decoded, or "" if there is none.
func (a Attachment) DispositionParam(name string) string {
	return mediaParam(mailtext.Header(a.RawHeader).Get("Content-Disposition"), name)
}

// Field returns the decoded value of the first field of that name in the header
// of the attachment, or "" if there is none.
func (a Attachment) Field(name string) string {
	return mailtext.Words(mailtext.Header(a.RawHeader).Get(name), CharsetReader)
}

func mediaParam(field, name string) string {
	_, params := mailtext.MediaType(field, CharsetReader)
	return params[strings.ToLower(name)]
}
