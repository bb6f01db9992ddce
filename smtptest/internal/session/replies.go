package session

import (
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// said is one of the server's own replies: smtpd's text, and the same with an
// enhanced status code in front (RFC 2034 4).
type said struct{ plain, enhanced wire.Reply }

func text(reply wire.Reply, code string) said {
	if code == "" {
		return said{reply, reply}
	}
	return said{reply, wire.Reply(wire.AddEnhanced(string(reply), code))}
}

// say chooses by what the server offers.
func (p *protocol) say(r said) wire.Reply {
	if p.enhanced {
		return r.enhanced
	}
	return r.plain
}

// The replies that more than one place gives. The texts are smtpd's where it
// has one.
var (
	repOK           = text("250 OK", "2.0.0")
	repAccepted     = repOK
	repMailOK       = text("250 OK", "2.1.0")
	repRcptOK       = text("250 OK", "2.1.5")
	repGoAhead      = text("354 End data with <CR><LF>.<CR><LF>", "")
	repBye          = text("221 Bye", "2.0.0")
	repVrfy         = text("252 Cannot VRFY user, but will accept message and attempt delivery", "2.5.0")
	repNoExpn       = text("502 EXPN not implemented", "5.5.1")
	repNoHelp       = text("502 HELP not implemented", "5.5.1")
	repAncient      = text("502 Error: command not implemented", "5.5.1")
	repEmpty        = text("500 Error: bad syntax", "5.5.2")
	repTooLong      = text("500 Error: line too long", "5.5.2")
	repNoHello      = text("503 Error: send HELO first", "5.5.1")
	repNested       = text("503 Error: nested MAIL command", "5.5.1")
	repNoMail       = text("503 Error: need MAIL command", "5.5.1")
	repNoRcpt       = text("503 Error: need RCPT command", "5.5.1")
	repAllGone      = text("554 Error: no valid recipients", "5.5.1")
	repRefusing     = text("503 Error: no mail here, send QUIT", "5.5.1")
	repNeverMail    = text("521 Error: this host takes no mail, send QUIT", "5.3.2")
	repBadBody      = text("501 Error: BODY can only be one of 7BIT, 8BITMIME", "5.5.4")
	repBadBody3     = text("501 Error: BODY can only be one of 7BIT, 8BITMIME, BINARYMIME", "5.5.4")
	repBadUTF8      = text("501 Error: SMTPUTF8 takes no arguments", "5.5.4")
	repTooBig       = text("552 Error: message size exceeds fixed maximum message size", "5.3.4")
	repTooMuch      = text("552 Error: Too much mail data", "5.3.4")
	repTooSoon      = text("555 Error: BY is below the announced minimum", "5.5.4")
	repTooLate      = text("501 Error: the hold is longer than announced", "5.5.4")
	repManyMails    = text("421 Error: too many transactions in this session", "4.3.2")
	repManyCommands = text("421 Error: too many commands", "4.7.0")
	repManyRcpts    = text("452 Error: too many recipients", "4.5.3")
	repManyDomains  = text("452 Error: too many recipient domains", "4.5.3")
	repMailParam    = text("555 MAIL FROM parameters not recognized or not implemented", "5.5.4")
	repRcptParam    = text("555 RCPT TO parameters not recognized or not implemented", "5.5.4")
	repMailASCII    = text("550 Error: non-ASCII address without SMTPUTF8", "5.6.7")
	repRcptASCII    = text("553 Error: non-ASCII address without SMTPUTF8", "5.6.7")
	repConfused     = text("451 Error: the test's own code failed", "4.3.0")
	repIdle         = text("421 Error: idle too long", "4.4.2")
	repNeedTLS      = text("530 Must issue a STARTTLS command first", "5.7.0")
	repNeedAuth     = text("530 Authentication required", "5.7.0")
	repAuthOK       = text("235 Authentication successful", "2.7.0")
	repAuthFailed   = text("535 Authentication credentials invalid", "5.7.8")
	repAuthTwice    = text("503 Error: already authenticated", "5.5.1")
	repEncrypt      = text("538 Encryption required for requested authentication mechanism", "5.7.11")
	repNoMechanism  = text("504 Unrecognized authentication type", "5.5.4")
	repBadBase64    = text("501 Error: cannot decode base64", "5.5.2")
	repNoInitial    = text("501 Error: this mechanism takes no initial response", "5.7.0")
	repMalformed    = text("501 Error: malformed authentication response", "5.5.2")
	repCancelled    = text("501 Authentication cancelled", "5.7.0")
	repLongResponse = text("500 Authentication exchange line is too long", "5.5.6")
	repReadyTLS     = text("220 Ready to start TLS", "2.0.0")
	repOverTLS      = text("503 Error: already under TLS", "5.5.1")
	repNoPlace      = text("503 Error: command out of place", "5.5.1")
)

// syntax is the 501 for a command: "501 Syntax: MAIL FROM: <address>".
func (p *protocol) syntax(verb, code string) wire.Reply {
	return p.say(text(wire.Reply("501 Syntax: "+commands[verb].usage(p.Extended)), code))
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
	return p.say(text(wire.Reply(b.String()), "5.5.2"))
}

// fullUpper holds the letters that become ASCII by Unicode's full upper-casing
// and not by the simple one of package strings.
var fullUpper = strings.NewReplacer("ß", "SS", "ﬀ", "FF", "ﬁ", "FI", "ﬂ", "FL", "ﬃ", "FFI", "ﬄ", "FFL", "ﬅ", "ST", "ﬆ", "ST")
