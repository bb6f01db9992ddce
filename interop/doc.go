// Package interop tests smtptest with real mail clients: net/smtp, go-mail,
// go-smtp, go-sasl, xdg-go/scram, Python's smtplib, curl, swaks, msmtp and
// nodemailer. It is a module of its own, so that a user's go.sum never sees them.
// setup.sh installs the programs that it runs.
package interop
