package smtptest_test

import (
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

var replyLines = regexp.MustCompile(`^(?:[2-5][0-5][0-9](?:[- ][\t -~]*)?\r\n)*$`)

// FuzzSession feeds a session anything: it answers with well-formed replies
// only, the same whether the octets come in one write or one by one, records
// the same, and ends when the client does.
func FuzzSession(f *testing.F) {
	for _, talk := range reach {
		f.Add(joined(turnsOf(talk)).send)
	}
	f.Add("EHLO a\r\nMAIL FROM:<\"a> b\"@c.d> SIZE=10 BODY=8BITMIME RET=FULL\r\nRCPT TO:<b@c.d> NOTIFY=NEVER\r\nDATA\r\n..x\r\n.y\r\n\r.\n\r\n.\r\nQUIT\r\n")
	f.Add("EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<Postmaster>\r\nBDAT 3\r\nabcBDAT 0 LAST\r\nBDAT 1\r\nxRSET\r\nAUTH PLAIN AGEAYg==\r\nAUTH LOGIN\r\n*\r\n")
	f.Add("\r\n \r\nNOOP\nNOOP\rNOOP\r\n" + strings.Repeat("x", 1100) + "\r\nHELP MAIL\r\nVRFY \xff\r\nSTARTTLS\r\n")
	f.Fuzz(func(t *testing.T, sent string) {
		if len(sent) > 4000 {
			return
		}
		said, messages := feed(t, sent)
		if !replyLines.MatchString(said) {
			t.Errorf("%q was answered %q", sent, said)
		}
		said1, messages1 := feed(t, strings.Split(sent, "")...)
		if said != said1 {
			t.Errorf("%q: the answers differ (-one write +octet by octet):\n%s", sent, cmp.Diff(said, said1))
		}
		if diff := cmp.Diff(messages, messages1); diff != "" {
			t.Errorf("%q: the records differ (-one write +octet by octet):\n%s", sent, diff)
		}
	})
}

// feed sends the pieces to a server that offers much, and returns what it said
// and recorded.
func feed(t *testing.T, pieces ...string) (said string, messages []smtptest.Message) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewUnstartedServer(t)
		srv.Extensions = append(srv.Extensions, "CHUNKING", "BINARYMIME", "DSN", "DELIVERBY", "FUTURERELEASE", "MT-PRIORITY")
		srv.Users = map[string]string{"a": "b"}
		srv.Mechanisms = []string{"PLAIN", "LOGIN"}
		srv.StartInMemory()
		c := listenTo(dial(t, srv))
		synctest.Wait()
		for _, p := range pieces {
			c.say(turn{send: p})
		}
		c.Close()
		srv.WaitSession(func(smtptest.Session) bool { return true })
		synctest.Wait()
		said, messages = c.heard(), envelopes(srv.Messages())
	})
	return said, messages
}
