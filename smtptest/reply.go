package smtptest

// Reply is an SMTP reply as on the wire, without the last line end:
// "250 OK", or "250-first\n250 second" (LF or CRLF between the lines). A reply
// is well-formed or refused when it is set; malformed octets are said with
// Rule.Raw. The zero Reply means: in a Rule the server's own answer, from a
// Handler "250 OK", from a CommandFunc run the built-in verb.
type Reply string

// NoReply sends nothing. It is valid in a Rule, from a Handler and from a
// CommandFunc.
const NoReply Reply = "(no reply)"

// Code is the three-digit code of the reply, or 0 if it has none.
func (r Reply) Code() int {
	if len(r) < 3 {
		return 0
	}
	n := 0
	for i := range 3 {
		if r[i] < '0' || r[i] > '9' {
			return 0
		}
		n = n*10 + int(r[i]-'0')
	}
	return n
}

// said is the reply as it is recorded: "" if nothing was sent.
func (r Reply) said() Reply {
	if r == NoReply {
		return ""
	}
	return r
}
