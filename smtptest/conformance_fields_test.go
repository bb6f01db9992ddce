package smtptest_test

import (
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// TestMessageTransaction verifies that a message has the number of its
// transaction, and an event that of the present one or of the one to come.
func TestMessageTransaction(t *testing.T) {
	srv := smtptest.NewServer(t)
	var seen []int
	srv.Script(
		smtptest.Rule{On: "*", If: func(e smtptest.Event) bool { seen = append(seen, e.Transaction); return false }, Reply: ok, Optional: true},
		smtptest.Rule{On: "RCPT TO:<gone@server.test>", Reply: "550 5.1.1 gone"},
	)
	gone := said("RCPT TO:<gone@server.test>", "550 5.1.1 gone")
	first := talk(reach[ehlo], sayMail, gone, "C: RSET", "S: "+ok, sayMail, sayRcpt, sayData, sayText, sayMail, gone, sayQuit)
	second := talk(reach[ehlo], sayMail, sayRcpt, sayData, sayText, sayMail, sayRcpt, sayData, sayText, sayQuit)
	for _, talk := range [][]string{first, second} {
		if err := converse(dial(t, srv), turnsOf(talk)); err != nil {
			t.Fatal(err)
		}
	}
	srv.WaitSessions(2)
	var got [][2]int
	for _, m := range srv.Messages() {
		got = append(got, [2]int{m.Session, m.Transaction})
	}
	if diff := cmp.Diff([][2]int{{1, 2}, {2, 1}, {2, 2}}, got); diff != "" {
		t.Errorf("Session and Transaction, mismatch (-want +got):\n%s", diff)
	}
	// CONNECT, EHLO; MAIL, RCPT, RSET; MAIL, RCPT, DATA, "."; MAIL, RCPT, QUIT; and so on
	if diff := cmp.Diff([]int{1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3}, seen); diff != "" {
		t.Errorf("Event.Transaction, mismatch (-want +got):\n%s", diff)
	}
}
