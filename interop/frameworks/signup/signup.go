// Package signup is the service under test of the recipes in
// docs/frameworks.md: it welcomes a new user by mail.
package signup

import (
	"fmt"
	"net/smtp"
	"os"
	"strings"
)

const mail = `From: Shop <shop@example.com>
To: %s
Subject: Welcome

Glad to have you.
`

// Register sends the mail to the relay at addr, over STARTTLS if that offers it.
func Register(addr, user string) error {
	body := strings.ReplaceAll(fmt.Sprintf(mail, user), "\n", "\r\n")
	return smtp.SendMail(addr, nil, "shop@example.com", []string{user}, []byte(body))
}

// Main is the program: its argument is the user, and SMTP_ADDR is the relay.
func Main() {
	if err := Register(os.Getenv("SMTP_ADDR"), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "signup:", err)
		os.Exit(1)
	}
}
