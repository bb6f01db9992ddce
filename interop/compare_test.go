package interop

import (
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/smtpcmp"
	"github.com/google/go-cmp/cmp"
	gomail "github.com/wneessen/go-mail"
)

// composers write a mail with an alternative, a picture and an attachment, each
// time with another Date, Message-ID and boundaries.
var composers = []struct {
	name string
	send func(t *testing.T, srv *smtptest.Server)
}{
	{"go-mail", composeByGoMail},
	{"nodemailer", func(t *testing.T, srv *smtptest.Server) {
		composeBy(t, srv, nodemailer(t), "testdata/node/compose.js")
	}},
	{"python", func(t *testing.T, srv *smtptest.Server) {
		composeBy(t, srv, program(t, "python3"), "testdata/compose.py")
	}},
}

func composeBy(t *testing.T, srv *smtptest.Server, path, script string) {
	t.Helper()
	_, port, _ := strings.Cut(srv.Addr, ":")
	if out, err := runProgram(t, "", path, script, port); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func composeByGoMail(t *testing.T, srv *smtptest.Server) {
	m := gomail.NewMsg()
	m.FromFormat("Jörg", "joerg@example.com")
	m.To("bob@example.com", "eve@example.com")
	m.Subject("Grüße")
	m.SetDate()
	m.SetMessageID()
	m.SetBodyString(gomail.TypeTextPlain, "Schöne Grüße!\n")
	m.AddAlternativeString(gomail.TypeTextHTML, "<p>Schöne Grüße! <img src=\"cid:logo.png\"></p>\n")
	m.EmbedReader("logo.png", strings.NewReader("\x89PNG"))
	m.AttachReader("Grüße.txt", strings.NewReader("hällo"))
	c, err := gomail.NewClient("localhost", gomail.WithDialContextFunc(srv.DialContext), gomail.WithTLSPolicy(gomail.NoTLS))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.DialAndSendWithContext(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}

// readsWell holds what is read of a composed mail against what was composed.
func readsWell(t *testing.T, m smtptest.Message) {
	t.Helper()
	files := map[string]string{}
	for _, a := range m.Attachments() {
		files[a.ContentType] = strings.TrimSuffix(a.Data, "\r\n") // Python ends a text so
		if a.ContentType == "text/plain" && a.Filename != "Grüße.txt" {
			t.Errorf("Filename = %q, want %q", a.Filename, "Grüße.txt")
		}
	}
	got := []any{m.Subject(), m.Text(), strings.HasPrefix(m.HTML(), "<p>Schöne Grüße! <img"), files, m.Problems()}
	want := []any{"Grüße", "Schöne Grüße!\n", true, map[string]string{"image/png": "\x89PNG", "text/plain": "hällo"}, []string(nil)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Subject, Text, HTML, Attachments, Problems mismatch (-want +got):\n%s", diff)
	}
}

// TestCompare: what one client sends twice is the same for smtpcmp, and is not
// without it.
func TestCompare(t *testing.T) {
	options := smtpcmp.Message("Date", "Message-ID")
	for _, c := range composers {
		t.Run(c.name, func(t *testing.T) {
			var mails []smtptest.Message
			var dialogues []string
			for range 2 {
				srv := smtptest.NewServer(t)
				c.send(t, srv)
				mails = append(mails, srv.Wait(1)...)
				dialogues = append(dialogues, srv.WaitSession(nil).Transcript())
			}
			if mails[0].Data == mails[1].Data {
				t.Error("the two mails are the same to the octet: they test nothing")
			}
			if diff := cmp.Diff(mails[0], mails[1], options); diff != "" {
				t.Errorf("second mail mismatch (-first +second):\n%s", diff)
			}
			if diff := cmp.Diff(dialogues[0], dialogues[1], smtpcmp.Transcript("Date", "Message-ID")); diff != "" {
				t.Errorf("second dialogue mismatch (-first +second):\n%s", diff)
			}
			other := mails[1]
			other.To = other.To[:1]
			if cmp.Equal(mails[0], other, options) {
				t.Error("a recipient less is no difference")
			}
			readsWell(t, mails[0])
		})
	}
}
