// Package profile makes a smtptest.Server look like a well-known receiver: its
// greeting, its EHLO lines before and after TLS, and the refusals that it is
// known for. What is here was read in the receivers' public documentation, or
// seen in a session with them where that is silent; each Profile names its
// source, and a comment where one text has another. They may say other things
// tomorrow.
//
// What the server does not serve is not listed, even where the receiver lists
// it: an EHLO reply must not offer what is answered with 500 or 502 (RFC 5321
// 4.2.4).
package profile

import (
	"crypto/tls"
	"slices"

	"github.com/go-smtptest/smtp/smtptest"
)

// A Profile is a receiver. A literal is all that another one takes.
type Profile struct {
	Name       string                    // of the receiver
	Source     string                    // the documentation or session that says so
	Hostname   string                    // as Server.Hostname; the source's own example
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
	Blocked           = "blocked"             // to MAIL, RCPT or the end of data: the client's address or content is not wanted
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
	if srv == nil {
		panic("profile: Apply to no Server: make one with NewUnstartedServer")
	}
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

// Postfix is Postfix with a certificate, and otherwise as it comes. Its ETRN is
// not served and so left out: a test of it appends "ETRN" to Server.Extensions
// and serves it by Server.Commands; for a domain that it does not relay to,
// Postfix says "459 <example.com>: service unavailable".
var Postfix = Profile{
	Name: "Postfix",
	Source: "seen: the smtpd(8) of Postfix 3.7.11, run with default settings but for those that provoke each refusal " +
		"(greeting, EHLO lines, refusals; the client's address is made 192.0.2.1); postfix.org: SASL_README (mechanisms)",
	Hostname:   "server.example.com",
	Greeting:   "ESMTP Postfix",
	Extensions: []string{"PIPELINING", "SIZE 10240000", "VRFY", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8", "CHUNKING"},
	SizeLimit:  10240000,
	StartTLS:   true,
	Mechanisms: []string{"PLAIN", "LOGIN"},
	Refusals: map[string]smtptest.Reply{
		UnknownUser:       "550 5.1.1 <bob@example.com>: Recipient address rejected: User unknown in local recipient table",
		RelayDenied:       "454 4.7.1 <bob@example.com>: Relay access denied", // 554 5.7.1 under reject_unauth_destination
		TooManyRecipients: "452 4.5.3 Error: too many recipients",
		TryLater:          "450 4.7.1 <bob@example.com>: Recipient address rejected: Service temporarily unavailable", // SMTPD_POLICY_README's greylisting
		TooBig:            "552 5.3.4 Message size exceeds fixed limit",                                               // to MAIL; to the end of data: 552 5.3.4 Error: message file too big
		NoRoom:            "452 4.3.1 Insufficient system storage",
		Blocked:           "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using bl.example.com", // to RCPT: smtpd_delay_reject
		RateLimited:       "421 4.7.0 server.example.com Error: too many connections from 192.0.2.1",             // to CONNECT
		BadPassword:       "535 5.7.8 Error: authentication failed: (reason unavailable)",                        // the SASL server gave none
		TLSRequired:       "530 5.7.0 Must issue a STARTTLS command first",
	},
}

// Gmail is Google's service, for mail to it and, with Users or Authenticate,
// through it. The refusals are without the sentences that point to help pages.
var Gmail = Profile{
	Name: "Gmail",
	Source: "developers.google.com/gmail/imap/xoauth2-protocol (greeting and EHLO lines), " +
		"support.google.com/a/answer/3726730 (refusals), also as quoted by lib/sisimai/rhost/google.rb of github.com/sisimai/rb-sisimai",
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
		MailboxFull:       "452 4.2.2 The recipient's inbox is out of storage space. - gsmtp", // "... is over quota." in older copies of the page
		TooManyRecipients: "452 4.5.3 Your message has too many recipients. - gsmtp",
		TryLater: "450-4.2.1 The user you are trying to contact is receiving mail too quickly.\n" +
			"450-4.2.1 Please resend your message at a later time. If the user is able to\n" +
			"450 4.2.1 receive mail at that time, your message will be delivered. - gsmtp",
		TooBig: "552 5.3.4 Your message exceeded Google's message size limits. - gsmtp", // 5.2.3 in older copies of the page
		Blocked: "421-4.7.0 Our system has detected an unusual rate of unsolicited mail originating\n" +
			"421-4.7.0 from your IP address. To protect our users from spam, mail sent from your\n" +
			"421 4.7.0 IP address has been temporarily blocked. - gsmtp",
		RateLimited:  "421 4.7.0 Try again later, closing connection. - gsmtp",
		BadPassword:  "535 5.7.8 Username and Password not accepted. - gsmtp", // in sessions with smtp.gmail.com; 5.7.1 in older copies of the page
		AuthRequired: "530 5.7.0 Authentication Required. - gsmtp",            // in sessions with smtp.gmail.com; 5.5.1 in older copies of the page
		TLSRequired:  "530 5.7.0 Must issue a STARTTLS command first. - gsmtp",
	},
}

// ExchangeOnline is Microsoft's service, for mail to it and, with Users or
// Authenticate, through it. The documentation does not say which command each
// refusal is the answer to, and often has the enhanced code alone.
var ExchangeOnline = Profile{
	Name: "Exchange Online",
	Source: "learn.microsoft.com: Fix issues with printers, scanners, and LOB applications that send email using Office 365 (greeting), " +
		"Email non-delivery reports and SMTP errors in Exchange Online (refusals, but where a comment names another page); " +
		"pastebin.com/TyT9zjLJ: a session with smtp.office365.com in 2019 (EHLO lines, mechanisms)",
	Hostname:   "BY1PR10CA0041.outlook.office365.com",
	Greeting:   "Microsoft ESMTP MAIL Service ready at Mon, 1 Jun 2015 12:00:00 +0000",
	Extensions: []string{"SIZE 157286400", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES", "8BITMIME", "BINARYMIME", "CHUNKING", "SMTPUTF8"},
	SizeLimit:  157286400,
	StartTLS:   true,
	Mechanisms: []string{"LOGIN", "XOAUTH2"},
	Refusals: map[string]smtptest.Reply{
		// all: Use Directory Based Edge Blocking to reject messages sent to invalid recipients
		UnknownUser: "550 5.4.1 [bob@example.com]: Recipient address rejected: Access denied",
		// 550: "550 5.7.64 TenantAttribution" when sending emails through Exchange Online Protection
		RelayDenied: "550 5.7.64 TenantAttribution; Relay Access Denied",
		// 452: RFC 5321 4.5.3.1.10
		TooManyRecipients: "452 4.5.3 Too many recipients",
		TryLater:          "432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded",
		// all: Use the delist portal to remove yourself from the blocked senders list, which has 5.7.606-649
		Blocked: "550 5.7.606 Access denied, banned sending IP [192.0.2.1]; To request removal from this list " +
			"please visit https://sender.office.com/ and follow the directions.",
		// 451: Fix email delivery issues for error code 451 4.7.500-699 (ASxxx) in Exchange Online
		RateLimited: "451 4.7.500 Access denied, please try again later",
		// 530: Use SMTP for email in a multitenant environment (Dynamics 365 Business Central)
		AuthRequired: "530 5.7.57 Client was not authenticated to send anonymous mail during MAIL FROM",
	},
}
