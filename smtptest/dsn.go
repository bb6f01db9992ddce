package smtptest

import (
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

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
	d.Ret = asciiUpper(option(m.MailOptions, "RET"))
	d.Envid, _ = wire.DecodeXtext(option(m.MailOptions, "ENVID"))
	for _, options := range m.RcptOptions {
		var r RecipientDSN
		if notify := option(options, "NOTIFY"); notify != "" {
			r.Notify = strings.Split(asciiUpper(notify), ",")
		}
		r.OrcptType, r.Orcpt = wire.DecodeOrcpt(option(options, "ORCPT"))
		d.Recipients = append(d.Recipients, r)
	}
	return d
}

// option is the value of a parameter; "" if it is not there.
func option(options []string, keyword string) string {
	for _, o := range options {
		if word, value, _ := strings.Cut(o, "="); asciiUpper(word) == keyword {
			return value
		}
	}
	return ""
}
