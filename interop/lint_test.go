package interop

import (
	"slices"
	"testing"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/lint"
	"github.com/google/go-cmp/cmp"
)

// habits are what each client does wrong in its normal use, by lint's rules,
// those that are opt-in too. What is not here, it does not.
var habits = map[string]struct {
	always   []string
	eightBit []string // with 8-bit content besides
	secure   []string // over TLS besides
	refused  []string // after the wrong password, without opt-in rules
}{
	"net-smtp":          {always: []string{"hello-name-not-fqdn", "smtputf8-unneeded"}},
	"net-smtp SendMail": {always: []string{"hello-name-not-fqdn", "smtputf8-unneeded"}},
	"go-mail":           {always: []string{"smtputf8-unneeded"}},
	"go-smtp":           {always: []string{"hello-name-not-fqdn"}, refused: []string{"quit-missing"}},
	"smtplib":           {secure: []string{"tls-no-sni"}, refused: []string{"quit-missing"}},
	"curl":              {eightBit: []string{"data-8bit"}, secure: []string{"tls-no-sni"}, refused: []string{"quit-missing"}},
	"swaks":             {always: []string{"data-extra-blank-line"}, eightBit: []string{"data-8bit"}, secure: []string{"tls-no-sni"}},
	"msmtp":             {eightBit: []string{"data-8bit"}, refused: []string{"quit-missing"}},
	"nodemailer":        {always: []string{"quit-missing"}, eightBit: []string{"data-8bit"}, refused: []string{"quit-missing"}},
}

// faultless is a mail whose content is no fault of anybody.
func faultless(id, more string) mail {
	return mail{from: "ann@example.com", to: []string{"bob@example.com", "eve@example.org"},
		data: "Date: " + time.Now().Format(time.RFC1123Z) + "\r\nMessage-ID: <" + id + "@example.com>\r\n" +
			"From: Ann <ann@example.com>\r\nTo: Bob <bob@example.com>, eve@example.org\r\nSubject: Test\r\n" + more}
}

// TestLint delivers faultless mails: all that is found is the client's.
func TestLint(t *testing.T) {
	ascii := []mail{faultless("1", "\r\n.\r\n..\r\n.dot\r\n"), faultless("2", "\r\nHi!\r\n")}
	eightBit := faultless("3", "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGr\u00fc\u00dfe\r\n")
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			habit, ok := habits[c.name]
			if !ok {
				t.Fatal("habits has no such client")
			}
			t.Run("two mails", func(t *testing.T) {
				lintDelivery(t, c, "", habit.always, ascii...)
			})
			t.Run("8 bit", func(t *testing.T) {
				lintDelivery(t, c, "", slices.Concat(habit.always, habit.eightBit), eightBit)
			})
			if c.plain {
				return
			}
			for _, mode := range []string{"starttls", "implicit"} {
				t.Run(mode, func(t *testing.T) {
					lintDelivery(t, c, mode, slices.Concat(habit.always, habit.secure), ascii[0])
				})
			}
			t.Run("wrong password", func(t *testing.T) {
				srv := secureServer(t, "implicit")
				if err := c.deliver(t, srv, security{"implicit", "ann", "friend"}, ascii[0]); err == nil {
					t.Error("delivered with the wrong password")
				}
				compareFindings(t, habit.refused, lint.Check(ended(srv)))
			})
		})
	}
}

func lintDelivery(t *testing.T, c client, mode string, want []string, mails ...mail) {
	var srv *smtptest.Server
	var sec security
	if mode == "" {
		srv = smtptest.NewServer(t)
	} else {
		srv, sec = secureServer(t, mode), security{mode, "ann", "open-sesame"}
	}
	if err := c.deliver(t, srv, sec, mails...); err != nil {
		t.Fatal(err)
	}
	srv.Wait(len(mails))
	var off []string
	for _, r := range lint.Rules() {
		if r.OptIn {
			off = append(off, r.ID)
		}
	}
	compareFindings(t, want, lint.Check(ended(srv), off...))
}

// ended waits until all sessions have ended: the clients have.
func ended(srv *smtptest.Server) []smtptest.Session {
	n := 0
	srv.WaitSession(func(smtptest.Session) bool { n++; return n == len(srv.Sessions()) })
	return srv.Sessions()
}

func compareFindings(t *testing.T, want []string, found []lint.Finding) {
	t.Helper()
	got := []string{}
	for _, f := range found {
		got = append(got, f.ID)
	}
	slices.Sort(got)
	if diff := cmp.Diff(append([]string{}, slices.Sorted(slices.Values(want))...), slices.Compact(got)); diff != "" {
		t.Errorf("Check() mismatch (-want +got):\n%s\n%v", diff, found)
	}
}
