package interop

import (
	"context"
	"net/smtp"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/explore"
	"github.com/google/go-cmp/cmp"
	jordan "github.com/jordan-wright/email"
	gomailv2 "gopkg.in/gomail.v2"
	mailv2 "gopkg.in/mail.v2"
)

// An explored client is played under every fault.
type explored struct {
	sender
	tcp   bool     // it takes no dialer
	known []string // the violations that it has
	shown bool     // docs/explore.md has its table
}

var exploredClients = []explored{
	{sender: senders[0], known: []string{"false-failure"}, shown: true},
	{sender: senders[1], known: []string{"false-failure", "connection-left-open"}, shown: true},
	{sender: senders[2], known: []string{"false-failure"}, shown: true},
	{sender: sender{"net/smtp SendMail", "", bySendMailTo}, tcp: true, known: []string{"hang", "false-failure"}},
	{sender: sender{"gomail.v2", "gopkg.in/gomail.v2", byGomailV2}, tcp: true, known: []string{"hang"}},
	{sender: sender{"mail.v2", "gopkg.in/mail.v2", byMailV2}, tcp: true, known: []string{"hang", "connection-left-open"}},
	{sender: sender{"email", "github.com/jordan-wright/email", byJordan}, tcp: true, known: []string{"hang", "false-failure"}},
}

func bySendMailTo(_ context.Context, srv *smtptest.Server, _ bool) error {
	return smtp.SendMail(srv.Addr, nil, "ann@example.com", []string{"bob@example.com"}, []byte(content))
}

func byGomailV2(_ context.Context, srv *smtptest.Server, _ bool) error {
	m := gomailv2.NewMessage()
	m.SetHeader("From", "ann@example.com")
	m.SetHeader("To", "bob@example.com")
	m.SetBody("text/plain", content)
	d := gomailv2.Dialer{Host: srv.Host(), Port: srv.Port()}
	return d.DialAndSend(m)
}

func byMailV2(_ context.Context, srv *smtptest.Server, _ bool) error {
	m := mailv2.NewMessage()
	m.SetHeader("From", "ann@example.com")
	m.SetHeader("To", "bob@example.com")
	m.SetBody("text/plain", content)
	return mailv2.NewDialer(srv.Host(), srv.Port(), "", "").DialAndSend(m)
}

func byJordan(_ context.Context, srv *smtptest.Server, _ bool) error {
	e := jordan.NewEmail()
	e.From, e.To, e.Text = "ann@example.com", []string{"bob@example.com"}, []byte(content)
	return e.Send(srv.Addr, nil)
}

// withoutSecrets leaves out what is about TLS and AUTH, for all clients alike.
func withoutSecrets(step, fault string) bool {
	return !slices.Contains([]string{"STARTTLS", "TLS", "AUTH", "RESPONSE"}, step) && fault != "no-STARTTLS" && fault != "no-AUTH" && !strings.HasSuffix(fault, "-certificate")
}

const explorePage = "../docs/explore.md"

// TestExploreClients plays real clients under every fault. A client has the violations
// that are known, and no others. docs/explore.md has the tables of some of them.
func TestExploreClients(t *testing.T) {
	const begin, end = "<!-- measured: go test -run TestExploreClients -update, in interop -->\n", "<!-- end of measured -->\n"
	page, err := os.ReadFile(explorePage)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(page), begin)
	written, after, ends := strings.Cut(rest, end)
	if !found || !ends {
		t.Fatalf("%s has no place for the tables, between %q and %q", explorePage, begin, end)
	}
	var measured strings.Builder
	for _, c := range exploredClients {
		t.Run(c.name, func(t *testing.T) {
			table := exploreClient(t, c)
			if c.shown {
				measured.WriteString("### " + c.name + version(t, c.module) + "\n\n```\n" + table + "```\n\n")
			}
		})
	}
	if *update {
		if err := os.WriteFile(explorePage, []byte(before+begin+measured.String()+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(written, measured.String()); diff != "" {
		t.Errorf("tables mismatch (-written in docs/explore.md +measured), to be written with -update:\n%s", diff)
	}
}

var duration = regexp.MustCompile(`(?m)^(\d+ scenarios) in .*$`)

// exploreClient plays a client, and returns its table.
func exploreClient(t *testing.T, c explored) string {
	cfg := explore.Config{TCP: c.tcp, Allow: c.known, Only: withoutSecrets}
	explore.Run(t, cfg, func(t *testing.T, srv *smtptest.Server) func(context.Context) error {
		return func(ctx context.Context) error { return c.send(ctx, srv, false) }
	})
	b, err := os.ReadFile(filepath.Join(t.ArtifactDir(), "explore.txt"))
	if err != nil {
		t.Fatal(err)
	}
	text := duration.ReplaceAllString(string(b), "$1")
	for _, id := range c.known {
		if !c.tcp && !strings.Contains(text, "\n"+id+": ") { // over TCP some depend on the time
			t.Errorf("the client has no %s any more: remove it from known", id)
		}
	}
	return text
}
