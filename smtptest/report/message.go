package report

import (
	"mime"
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
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
	Problems          []string
	Source, SourceCut string
	Open              bool
	Unstuffed         int
}

type recipient struct{ To, Options string }

type field struct{ Name, Value string }

type attachment struct {
	Name, Type, Size, ID string
	Inline               bool
}

func newMessage(n int, m smtptest.Message, zero time.Time) message {
	v := message{
		N: n, Session: m.Session, Subject: printable(m.Subject()), From: printable(m.From), MailOptions: options(m.MailOptions),
		Peer: printable(m.Peer), Helo: printable(m.Helo), User: printable(m.User), TLS: m.TLS,
		At: span(m.Time.Sub(zero)), Time: m.Time.Format(time.RFC3339), Size: octets(len(m.Data)),
		Reply: printable(string(m.Reply)), Fields: fields(m.Data), Problems: problems(m),
		Open: n <= maxOpen, Unstuffed: len(m.Unstuffed),
	}
	for i, to := range m.To {
		v.To = append(v.To, recipient{printable(to), options(m.RcptOptions[i])})
	}
	v.Text, v.TextCut = cut(m.Text(), maxText)
	attached := m.Attachments()
	if html := m.HTML(); html != "" {
		html, v.HTMLCut = cut(html, maxHTML)
		v.HTML, v.Blocked = document(html, attached), remote(html)
	}
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
func fields(data string) (list []field) {
	var values [][]string // the lines of each field
	for line := range strings.Lines(data) {
		line = strings.TrimRight(line, "\r\n")
		switch name, value, ok := strings.Cut(line, ":"); {
		case line == "":
			return decoded(list, values)
		case (line[0] == ' ' || line[0] == '\t') && len(list) > 0:
			last := len(values) - 1
			values[last] = append(values[last], strings.TrimLeft(line, " \t"))
		case !ok || name == "" || strings.ContainsAny(name, " \t"):
			return decoded(list, values)
		default:
			list, values = append(list, field{Name: name}), append(values, []string{strings.TrimSpace(value)})
		}
	}
	return decoded(list, values)
}

// decoded gives the fields their values.
func decoded(list []field, values [][]string) []field {
	decoder := mime.WordDecoder{CharsetReader: smtptest.CharsetReader}
	for i := range list {
		list[i].Value = strings.Join(values[i], " ")
		if value, err := decoder.DecodeHeader(list[i].Value); err == nil {
			list[i].Value = value
		}
		list[i].Name, list[i].Value = printable(list[i].Name), printable(list[i].Value)
	}
	return list
}
