package session

import (
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// replyText is one of the server's own replies: smtpd's text, and the same with an
// enhanced status code in front (RFC 2034 4).
type replyText struct{ plain, enhanced wire.Reply }

func newReplyText(reply wire.Reply, code string) replyText {
	if code == "" {
		return replyText{reply, reply}
	}
	return replyText{reply, wire.Reply(wire.AddEnhanced(string(reply), code))}
}

// text chooses by what the server offers.
func (p *protocol) text(r replyText) wire.Reply {
	if p.enhanced {
		return r.enhanced
	}
	return r.plain
}

// The replies that more than one place gives. The texts are smtpd's where it
// has one.
var (
	replyOK             = newReplyText("250 OK", "2.0.0")
	replyAccepted       = replyOK
	replyMailOK         = newReplyText("250 OK", "2.1.0")
	replyRcptOK         = newReplyText("250 OK", "2.1.5")
	replyGoAhead        = newReplyText("354 End data with <CR><LF>.<CR><LF>", "")
	replyBye            = newReplyText("221 Bye", "2.0.0")
	replyVrfy           = newReplyText("252 Cannot VRFY user, but will accept message and attempt delivery", "2.5.0")
	replyNoExpn         = newReplyText("502 EXPN not implemented", "5.5.1")
	replyNoHelp         = newReplyText("502 HELP not implemented", "5.5.1")
	replyObsolete       = newReplyText("502 Error: command not implemented", "5.5.1")
	replyEmpty          = newReplyText("500 Error: bad syntax", "5.5.2")
	replyTooLong        = newReplyText("500 Error: line too long", "5.5.2")
	replyNoHello        = newReplyText("503 Error: send HELO first", "5.5.1")
	replyNested         = newReplyText("503 Error: nested MAIL command", "5.5.1")
	replyNoMail         = newReplyText("503 Error: need MAIL command", "5.5.1")
	replyNoRcpt         = newReplyText("503 Error: need RCPT command", "5.5.1")
	replyNoValidRcpt    = newReplyText("554 Error: no valid recipients", "5.5.1")
	replyRefusing       = newReplyText("503 Error: no mail here, send QUIT", "5.5.1")
	replyNeverMail      = newReplyText("521 Error: this host takes no mail, send QUIT", "5.3.2")
	replyBadBody        = newReplyText("501 Error: BODY can only be one of 7BIT, 8BITMIME", "5.5.4")
	replyBadBody3       = newReplyText("501 Error: BODY can only be one of 7BIT, 8BITMIME, BINARYMIME", "5.5.4")
	replyBadUTF8        = newReplyText("501 Error: SMTPUTF8 takes no arguments", "5.5.4")
	replyTooBig         = newReplyText("552 Error: message size exceeds fixed maximum message size", "5.3.4")
	replyTooMuch        = newReplyText("552 Error: Too much mail data", "5.3.4")
	replyTooSoon        = newReplyText("555 Error: BY is below the announced minimum", "5.5.4")
	replyTooLate        = newReplyText("501 Error: the hold is longer than announced", "5.5.4")
	replyManyMails      = newReplyText("421 Error: too many transactions in this session", "4.3.2")
	replyManyCommands   = newReplyText("421 Error: too many commands", "4.7.0")
	replyManyRcpts      = newReplyText("452 Error: too many recipients", "4.5.3")
	replyManyDomains    = newReplyText("452 Error: too many recipient domains", "4.5.3")
	replyMailParam      = newReplyText("555 MAIL FROM parameters not recognized or not implemented", "5.5.4")
	replyRcptParam      = newReplyText("555 RCPT TO parameters not recognized or not implemented", "5.5.4")
	replyMailASCII      = newReplyText("550 Error: non-ASCII address without SMTPUTF8", "5.6.7")
	replyRcptASCII      = newReplyText("553 Error: non-ASCII address without SMTPUTF8", "5.6.7")
	replyUserCodeFailed = newReplyText("451 Error: the test's own code failed", "4.3.0")
	replyIdle           = newReplyText("421 Error: idle too long", "4.4.2")
	replyNeedTLS        = newReplyText("530 Must issue a STARTTLS command first", "5.7.0")
	replyNeedAuth       = newReplyText("530 Authentication required", "5.7.0")
	replyAuthOK         = newReplyText("235 Authentication successful", "2.7.0")
	replyAuthFailed     = newReplyText("535 Authentication credentials invalid", "5.7.8")
	replyAuthTwice      = newReplyText("503 Error: already authenticated", "5.5.1")
	replyEncrypt        = newReplyText("538 Encryption required for requested authentication mechanism", "5.7.11")
	replyNoMechanism    = newReplyText("504 Unrecognized authentication type", "5.5.4")
	replyBadBase64      = newReplyText("501 Error: cannot decode base64", "5.5.2")
	replyNoInitial      = newReplyText("501 Error: this mechanism takes no initial response", "5.7.0")
	replyMalformed      = newReplyText("501 Error: malformed authentication response", "5.5.2")
	replyCancelled      = newReplyText("501 Authentication cancelled", "5.7.0")
	replyLongResponse   = newReplyText("500 Authentication exchange line is too long", "5.5.6")
	replyReadyTLS       = newReplyText("220 Ready to start TLS", "2.0.0")
	replyOverTLS        = newReplyText("503 Error: already under TLS", "5.5.1")
	replyBadSequence    = newReplyText("503 Error: command out of place", "5.5.1")
)

// syntax is the 501 for a command: "501 Syntax: MAIL FROM:<address>".
func (p *protocol) syntax(verb, code string) wire.Reply {
	return p.text(newReplyText(wire.Reply("501 Syntax: "+commands[verb].usage(p.Extended)), code))
}

// unknown is the 500 for a verb that is in no table. The verb is echoed as
// smtpd does, upper-cased; what may not stand in a reply shows as "?".
func (p *protocol) unknown(name string) wire.Reply {
	if len(name) > 400 {
		name = name[:400]
	}
	var b strings.Builder
	b.WriteString(`500 Error: command "`)
	for _, r := range strings.ToUpper(fullUpper.Replace(name)) {
		if r != '\t' && (r < ' ' || r > '~') {
			r = '?'
		}
		b.WriteRune(r)
	}
	b.WriteString(`" not recognized`)
	return p.text(newReplyText(wire.Reply(b.String()), "5.5.2"))
}

// fullUpper holds the letters that become ASCII by Unicode's full upper-casing
// and not by the simple one of package strings.
var fullUpper = strings.NewReplacer("ß", "SS", "ﬀ", "FF", "ﬁ", "FI", "ﬂ", "FL", "ﬃ", "FFI", "ﬄ", "FFL", "ﬅ", "ST", "ﬆ", "ST")
