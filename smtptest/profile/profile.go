// Package profile makes a smtptest.Server look like a well-known receiver: its
// greeting, its EHLO lines before and after TLS, and the refusals that it is
// known for. What is here comes from the receivers' public documentation, named
// in each Profile; they may say other things tomorrow.
package profile

import (
	"crypto/tls"
	"slices"

	"github.com/go-smtptest/smtp/smtptest"
)

// A Profile is a receiver. A literal is all that another one takes.
type Profile struct {
	Name       string                    // of the receiver
	Source     string                    // the public documentation that says so
	Hostname   string                    // as Server.Hostname; the documentation's own example
	Greeting   string                    // as Server.Greeting
	Extensions []string                  // as Server.Extensions: the EHLO lines but STARTTLS and AUTH
	SizeLimit  int64                     // as Server.SizeLimit
	StartTLS   bool                      // it offers STARTTLS; AUTH is offered after it only
	Mechanisms []string                  // of AUTH, where there is somebody to log in
	Refusals   map[string]smtptest.Reply // what it refuses with, by the names below
}

// Names of refusals, for Profile.Refusals. A receiver need not have all.
const (
	UnknownUser       = "unknown user"        // to RCPT: there is no such mailbox
	RelayDenied       = "relay denied"        // to RCPT: not a domain of its own
	MailboxFull       = "mailbox full"        // to RCPT
	TooManyRecipients = "too many recipients" // to RCPT
	TryLater          = "try later"           // to RCPT: greylisted, or too much at the moment
	TooBig            = "too big"             // to MAIL with SIZE, or to the end of data
	NoRoom            = "no room"             // to MAIL: its disk is full
	Blocked           = "blocked"             // to MAIL or the end of data: the client's address or content is not wanted
	RateLimited       = "rate limited"        // to CONNECT or MAIL: the client comes too often
	BadPassword       = "bad password"        // to AUTH
	AuthRequired      = "auth required"       // to MAIL
	TLSRequired       = "TLS required"        // to MAIL or AUTH
)

// Apply makes the server, which has not been started, look like the receiver.
// It sets Hostname, Greeting, Extensions and SizeLimit; TLS, unless the test has
// set its own; and Mechanisms, if Users or Authenticate are already set. It
// makes the server refuse nothing: a script does, with Refusals.
func (p Profile) Apply(srv *smtptest.Server) {
	srv.Hostname, srv.Greeting, srv.SizeLimit = p.Hostname, p.Greeting, p.SizeLimit
	srv.Extensions = slices.Clone(p.Extensions)
	if p.StartTLS && srv.TLS == nil {
		srv.TLS = &tls.Config{}
	}
	if srv.Users != nil || srv.Authenticate != nil {
		srv.Mechanisms = slices.Clone(p.Mechanisms)
	}
}

// All are the profiles of this package.
var All = []Profile{Postfix, Gmail, ExchangeOnline}

// Postfix is Postfix as it comes. ETRN is listed, as there, and answered as an
// unknown command.
var Postfix = Profile{
	Name: "Postfix",
	Source: "postfix.org: XFORWARD_README (greeting and EHLO lines), TLS_README, DSN_README, SMTPUTF8_README, BDAT_README, " +
		"SASL_README, LOCAL_RECIPIENT_README, SMTPD_POLICY_README, postconf(5)",
	Hostname:   "server.example.com",
	Greeting:   "ESMTP Postfix",
	Extensions: []string{"PIPELINING", "SIZE 10240000", "VRFY", "ETRN", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8", "CHUNKING"},
	SizeLimit:  10240000,
	StartTLS:   true,
	Mechanisms: []string{"PLAIN", "LOGIN"},
	Refusals: map[string]smtptest.Reply{
		UnknownUser:       "550 5.1.1 <bob@example.com>: Recipient address rejected: User unknown in local recipient table",
		RelayDenied:       "454 4.7.1 <bob@example.com>: Relay access denied",
		TooManyRecipients: "452 4.5.3 Error: too many recipients",
		TryLater:          "450 4.7.1 <bob@example.com>: Recipient address rejected: Service temporarily unavailable",
		TooBig:            "552 5.3.4 Message size exceeds fixed limit",
		NoRoom:            "452 4.3.1 Insufficient system storage",
		Blocked:           "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using bl.example.com",
		RateLimited:       "421 4.7.0 server.example.com Error: too many connections from 192.0.2.1",
		BadPassword:       "535 5.7.8 Error: authentication failed: authentication failure",
		TLSRequired:       "530 5.7.0 Must issue a STARTTLS command first",
	},
}

// Gmail is Google's service, for mail to it and, with Users or Authenticate,
// through it.
var Gmail = Profile{
	Name: "Gmail",
	Source: "developers.google.com/gmail/imap/xoauth2-protocol (greeting and EHLO lines), " +
		"support.google.com/a/answer/3726730 (refusals)",
	Hostname:   "mx.google.com",
	Greeting:   "ESMTP 12sm2095603fks.9",
	Extensions: []string{"SIZE 35651584", "8BITMIME", "ENHANCEDSTATUSCODES", "PIPELINING"},
	SizeLimit:  35651584,
	StartTLS:   true,
	Mechanisms: []string{"LOGIN", "PLAIN", "XOAUTH2"},
	Refusals: map[string]smtptest.Reply{
		UnknownUser: "550-5.1.1 The email account that you tried to reach does not exist. Please try\n" +
			"550-5.1.1 double-checking the recipient's email address for typos or\n" +
			"550 5.1.1 unnecessary spaces. - gsmtp",
		MailboxFull:       "452 4.2.2 The email account that you tried to reach is over quota. - gsmtp",
		TooManyRecipients: "452 4.5.3 Your message has too many recipients. - gsmtp",
		TryLater: "450-4.2.1 The user you are trying to contact is receiving mail too quickly.\n" +
			"450-4.2.1 Please resend your message at a later time. If the user is able to\n" +
			"450 4.2.1 receive mail at that time, your message will be delivered. - gsmtp",
		TooBig: "552 5.3.4 Your message exceeded Google's message size limits. - gsmtp",
		Blocked: "421-4.7.0 Our system has detected an unusual rate of unsolicited mail originating\n" +
			"421-4.7.0 from your IP address. To protect our users from spam, mail sent from your\n" +
			"421 4.7.0 IP address has been temporarily blocked. - gsmtp",
		RateLimited:  "421 4.7.0 Try again later, closing connection. - gsmtp",
		BadPassword:  "535 5.7.8 Username and Password not accepted. - gsmtp",
		AuthRequired: "530 5.7.0 Authentication Required. - gsmtp",
		TLSRequired:  "530 5.7.0 Must issue a STARTTLS command first. - gsmtp",
	},
}

// ExchangeOnline is Microsoft's service, for mail to it and, with Authenticate,
// through it.
var ExchangeOnline = Profile{
	Name: "Exchange Online",
	Source: "learn.microsoft.com: Use Telnet to test SMTP communication on Exchange servers (greeting and EHLO lines), " +
		"Authenticate an IMAP, POP or SMTP connection using OAuth, " +
		"Email non-delivery reports and SMTP errors in Exchange Online (refusals)",
	Hostname:   "mail1.fabrikam.com",
	Greeting:   "Microsoft ESMTP MAIL Service ready at Fri, 5 Aug 2016 16:24:41 -0700",
	Extensions: []string{"SIZE 37748736", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES", "8BITMIME", "BINARYMIME", "CHUNKING"},
	SizeLimit:  37748736,
	StartTLS:   true,
	Mechanisms: []string{"XOAUTH2"},
	Refusals: map[string]smtptest.Reply{
		UnknownUser:       "550 5.4.1 Recipient address rejected: Access denied",
		RelayDenied:       "550 5.7.64 TenantAttribution; Relay Access Denied",
		TooManyRecipients: "452 4.5.3 Too many recipients",
		TryLater:          "432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded",
		Blocked:           "550 5.7.606 Access denied, banned sending IP [192.0.2.1]",
		RateLimited:       "451 4.7.500 Access denied, please try again later",
		AuthRequired:      "530 5.7.57 Client was not authenticated to send anonymous mail during MAIL FROM",
	},
}
