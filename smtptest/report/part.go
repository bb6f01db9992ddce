package report

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html/template"
	"strings"

	"github.com/go-smtptest/smtp/smtptest"
)

// The most that is shown of the parts of a message.
const (
	maxParts  = 100
	maxBinary = 4 << 10 // octets of a part that is neither a text nor a picture
)

// part is a part of a message, which can be opened.
type part struct {
	Number      string // "0" is the message itself, "2.1" is the first part of its second part
	Type, Name  string
	Size        string
	Disposition string
	ID          string // Content-ID, without its angle brackets
	Fields      []field
	HasParts    bool
	Text, Cut   string
	HTML        string       // as the frame's document, unless the message shows it, too
	Picture     template.URL // as the address of an image
	Dump        string       // of other content
}

// parts returns the parts of a tree in order, and how many more there are. The
// message itself shows shown.
func parts(root smtptest.Part, shown string, images *images) (list []part, more int) {
	var walk func(p smtptest.Part, number string)
	walk = func(p smtptest.Part, number string) {
		if len(list) == maxParts {
			more++
		} else {
			list = append(list, newPart(p, number, shown, images))
		}
		for i, child := range p.Parts {
			walk(child, strings.TrimPrefix(fmt.Sprint(number, ".", i+1), "0."))
		}
	}
	walk(root, "0")
	return list, more
}

func newPart(p smtptest.Part, number, shown string, images *images) part {
	v := part{
		Number: number, Type: printable(p.ContentType), Name: printable(p.Filename), Size: octets(len(p.Data)),
		Disposition: printable(p.Disposition), ID: printable(p.ContentID), Fields: fields(p.RawHeader), HasParts: p.Parts != nil,
	}
	if number == "0" {
		v.Fields = nil // the message shows them
	}
	switch {
	case v.HasParts:
	case p.Text != "":
		v.Text, v.Cut = cut(p.Text, maxText)
		if p.ContentType == "text/html" && p.Text != shown && len(p.Text) <= maxHTML {
			v.HTML = document(p.Text, images)
		}
	case images.take(p.ContentType, p.Data):
		v.Picture = template.URL(address(p.ContentType, p.Data))
	case p.Data != "":
		dumped := p.Data[:min(len(p.Data), maxBinary)]
		if v.Dump = hex.Dump([]byte(dumped)); len(dumped) < len(p.Data) {
			v.Cut = octets(len(p.Data))
		}
	}
	return v
}

// address returns a picture as an address.
func address(contentType, data string) string {
	return "data:" + contentType + ";base64," + base64.StdEncoding.EncodeToString([]byte(data))
}
