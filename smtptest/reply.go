package smtptest

import "github.com/go-smtptest/smtp/smtptest/internal/wire"

// Reply is an SMTP reply as on the wire, without the last line end:
// "250 OK", or "250-first\n250 second" (LF or CRLF between the lines). A reply
// is well-formed or refused when it is set; malformed octets are said with
// Rule.Raw. The zero Reply means: in a Rule the server's own answer, from a
// Handler "250 OK", from a CommandFunc run the built-in verb.
type Reply string

// NoReply sends nothing. It is valid in a Rule, from a Handler and from a
// CommandFunc.
const NoReply = Reply(wire.NoReply)

// Code returns the three-digit code of the reply, or 0 if it has none.
func (r Reply) Code() int { return wire.Reply(r).Code() }

// said is the reply as it is recorded: "" if nothing was sent.
func (r Reply) said() Reply {
	if r == NoReply {
		return ""
	}
	return r
}
