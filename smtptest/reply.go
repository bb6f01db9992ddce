package smtptest

import "github.com/go-smtptest/smtp/smtptest/internal/wire"

// A Reply is an SMTP reply as it is sent, without the last line end: "250 OK", or
// "250-first\n250 second" with LF or CRLF between the lines. An invalid Reply fails the
// test; use [Rule].Raw to send invalid bytes. The zero Reply means the server's own reply
// in a Rule, "250 OK" from a Handler, and from a CommandFunc that the built-in verb runs.
type Reply string

// NoReply sends nothing. It is valid in a Rule, from a Handler and from a
// CommandFunc.
const NoReply = Reply(wire.NoReply)

// Code returns the three-digit code of the reply, or 0 if it has none.
func (r Reply) Code() int { return wire.Reply(r).Code() }
