package report

import (
	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/lint"
)

// finding is one thing that a client did wrong.
type finding struct {
	ID, Level, RFC string
	Session        int
	Message        int // that it is in; 0 if in none
	Detail, Octets string
}

// findings are those of package lint.
func findings(sessions []smtptest.Session, numbered numbering) (list []finding) {
	for _, f := range lint.Check(sessions) {
		octets := ""
		if f.Octets != "" {
			octets = printable(f.Octets)
		}
		list = append(list, finding{
			ID: f.ID, Level: f.Level.String(), RFC: f.RFC, Session: f.Session,
			Message: numbered.of[[2]int{f.Session, f.Transaction}],
			Detail:  printable(f.Detail), Octets: octets,
		})
	}
	return list
}
