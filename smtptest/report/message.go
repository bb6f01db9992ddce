package report

import (
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/mailtext"
)

// message is one mail.
type message struct {
	N, Session        int
	Subject, From     string
	MailOptions       string
	To                []recipient
	Peer, Helo, User  string
	TLS               bool
	At, Time, Size    string
	Reply             string
	Fields            []field
	Text, TextCut     string
	HTML              string // as the frame's document
	HTMLCut           string
	Blocked           bool // HTML names content that the frame does not load
	Attachments       []attachment
	Structure         string
	Parts             []part
	MoreParts         int // that are not shown
	Problems          []string
	Source, SourceCut string
	Open              bool
	Unstuffed         int
	Released          bool // only the header is there
}

type recipient struct{ To, Options string }

type field struct{ Name, Value string }

type attachment struct {
	Name, Type, Size, ID string
	Inline               bool
}

// newMessage returns the view of a message. If its content was released, released is the
// size of it, and m.Data is the header.
func newMessage(n int, m smtptest.Message, released int, zero time.Time) message {
	v := message{
		N: n, Session: m.Session, Subject: printable(m.Subject()), From: printable(m.From), MailOptions: options(m.MailOptions),
		Peer: printable(m.Peer), Helo: printable(m.Helo), User: printable(m.User), TLS: m.TLS,
		At: span(m.Time.Sub(zero)), Time: m.Time.Format(time.RFC3339), Size: octets(len(m.Data)),
		Reply: printable(string(m.Reply)), Fields: fields(m.Data),
		Open: n <= maxOpen, Unstuffed: len(m.Unstuffed),
	}
	for i, to := range m.To {
		v.To = append(v.To, recipient{printable(to), options(m.RcptOptions[i])})
	}
	if released > 0 {
		v.Released, v.Size = true, octets(released)
		return v
	}
	v.Problems = problems(m)
	v.Text, v.TextCut = cut(m.Text(), maxText)
	attached := m.Attachments()
	shown := newImages(attached)
	html := m.HTML()
	if html != "" {
		var first string
		first, v.HTMLCut = cut(html, maxHTML)
		v.HTML, v.Blocked = document(first, shown), remote(first)
	}
	v.Structure = printable(m.Structure())
	v.Parts, v.MoreParts = parts(m.MIME(), html, shown)
	for _, a := range attached {
		v.Attachments = append(v.Attachments, attachment{printable(a.Filename), printable(a.ContentType), octets(len(a.Data)), printable(a.ContentID), a.Inline})
	}
	v.Source, v.SourceCut = cut(m.Data, maxText)
	return v
}

func problems(m smtptest.Message) (list []string) {
	for _, p := range m.Problems() {
		list = append(list, printable(p))
	}
	return list
}

func options(list []string) string { return printable(strings.Join(list, " ")) }

// fields are the header's, in order, unfolded and decoded for reading.
func fields(header string) (list []field) {
	for _, f := range mailtext.Fields(header) {
		list = append(list, field{printable(f.Name), printable(mailtext.Words(f.Value, smtptest.CharsetReader))})
	}
	return list
}
