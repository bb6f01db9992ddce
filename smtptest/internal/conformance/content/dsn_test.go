package content_test

import (
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// TestDSN reads options, as sent and in any case.
func TestDSN(t *testing.T) {
	for _, c := range []struct {
		name string
		m    smtptest.Message
		want smtptest.DSN
	}{
		{"none", smtptest.Message{RcptOptions: [][]string{nil, {"FOO"}}}, smtptest.DSN{Recipients: make([]smtptest.RecipientDSN, 2)}},
		{"all", smtptest.Message{
			MailOptions: []string{"SIZE=1", "ret=hdrs", "ENVID=QQ+2B314+20159"},
			RcptOptions: [][]string{{"notify=success,Delay", "ORCPT=rfc822;Bob+2B1@example.com"}, {"NOTIFY=NEVER"}, {`ORCPT=utf-8;t\x{F6}1\x{2B}@example.com`}},
		}, smtptest.DSN{Ret: "HDRS", Envid: "QQ+314 159", Recipients: []smtptest.RecipientDSN{
			{Notify: []string{"SUCCESS", "DELAY"}, OrcptType: "rfc822", Orcpt: "Bob+1@example.com"},
			{Notify: []string{"NEVER"}},
			{OrcptType: "utf-8", Orcpt: "t\u00f61+@example.com"},
		}}},
		{"unencoded", smtptest.Message{RcptOptions: [][]string{{"ORCPT=UTF-8;t\u00f61@example.com"}}},
			smtptest.DSN{Recipients: []smtptest.RecipientDSN{{OrcptType: "UTF-8", Orcpt: "t\u00f61@example.com"}}}},
	} {
		if diff := cmp.Diff(c.want, c.m.DSN()); diff != "" {
			t.Errorf("%s: DSN() mismatch (-want +got):\n%s", c.name, diff)
		}
	}
}
