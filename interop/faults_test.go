package interop

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"net/textproto"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"
	"github.com/go-smtptest/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
	gomail "github.com/wneessen/go-mail"
)

var update = flag.Bool("update", false, "write the tables of docs/faults.md")

// A stage is where a client waits for the server, or writes to it.
type stage struct {
	name   string
	on     string
	secure bool // the session uses STARTTLS and AUTH
	keep   bool // the message is recorded, whatever is answered
}

var stages = []stage{
	{name: "greeting", on: "CONNECT"},
	{name: "EHLO", on: "EHLO"},
	{name: "STARTTLS", on: "STARTTLS", secure: true},
	{name: "handshake", on: "TLS", secure: true},
	{name: "AUTH", on: "AUTH", secure: true},
	{name: "MAIL", on: "MAIL"},
	{name: "RCPT", on: "RCPT"},
	{name: "DATA", on: "DATA"},
	{name: "content", on: "BODY 1000"},
	{name: "dot", on: "."},
	{name: "dot, message stored", on: ".", keep: true},
	{name: "QUIT", on: "QUIT"},
}

// misfortunes are what happens at each stage.
var misfortunes = []struct {
	name string
	row  smtptest.Rule
}{
	{"421", smtptest.Rule{Reply: "421 4.3.2 going down"}},
	{"451", smtptest.Rule{Reply: "451 4.3.0 later"}},
	{"550", smtptest.Rule{Reply: "550 5.7.1 no"}},
	{"stall", smtptest.Rule{Delay: smtptest.Forever}},
	{"close", smtptest.Rule{Reply: smtptest.NoReply, Then: smtptest.Close}},
	{"reset", smtptest.Rule{Reply: smtptest.NoReply, Then: smtptest.Reset}},
}

// A sender is a client that sends one mail over the in-memory network, as its
// documentation shows it, with the time-outs that it has by default.
type sender struct {
	name   string
	module string // "": in the standard library
	send   func(ctx context.Context, srv *smtptest.Server, secure bool) error
}

var senders = []sender{
	{"net/smtp", "", sendByNetSMTP},
	{"go-mail", "github.com/wneessen/go-mail", sendByGoMail},
	{"go-smtp", "github.com/emersion/go-smtp", sendByGoSMTP},
}

// patience is how long a client is waited for that waits for ever.
const patience = 24 * time.Hour

// dial connects to srv, and closes the connection once patience has passed.
func dial(ctx context.Context, srv *smtptest.Server) (net.Conn, error) {
	conn, err := srv.DialContext(ctx, "tcp", "mx.example.com:25")
	if err != nil {
		return nil, err
	}
	time.AfterFunc(patience, func() { conn.Close() })
	return settled{conn}, nil
}

// settled writes when the server has done all that it does about what came
// before: so a write never races with the end of the connection.
type settled struct{ net.Conn }

func (c settled) Write(b []byte) (int, error) {
	synctest.Wait()
	return c.Conn.Write(b)
}

func sendByNetSMTP(ctx context.Context, srv *smtptest.Server, secure bool) error {
	conn, err := dial(ctx, srv)
	if err != nil {
		return err
	}
	c, err := smtp.NewClient(conn, "localhost")
	if err != nil {
		return err
	}
	defer c.Close()
	if secure {
		if err := c.StartTLS(srv.ClientTLSConfig()); err != nil {
			return err
		}
		if err := c.Auth(smtp.PlainAuth("", "ann", "open-sesame", "localhost")); err != nil {
			return err
		}
	}
	if err := c.Mail("ann@example.com"); err != nil {
		return err
	}
	if err := c.Rcpt("bob@example.com"); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, newContent()); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return c.Quit()
}

func sendByGoMail(ctx context.Context, srv *smtptest.Server, secure bool) error {
	options := []gomail.Option{gomail.WithHELO("client.test"), gomail.WithTLSPolicy(gomail.NoTLS),
		gomail.WithDialContextFunc(func(ctx context.Context, network, addr string) (net.Conn, error) { return dial(ctx, srv) })}
	if secure {
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory), gomail.WithTLSConfig(srv.ClientTLSConfig()),
			gomail.WithSMTPAuth(gomail.SMTPAuthPlain), gomail.WithUsername("ann"), gomail.WithPassword("open-sesame"))
	}
	c, err := gomail.NewClient("localhost", options...)
	if err != nil {
		return err
	}
	m := gomail.NewMsg()
	m.SetMessageIDWithValue("1@example.com")
	if err := errors.Join(m.From("ann@example.com"), m.To("bob@example.com")); err != nil {
		return err
	}
	m.SetBodyWriter(gomail.TypeTextPlain, func(w io.Writer) (int64, error) { return io.Copy(w, newContent()) })
	return c.DialAndSendWithContext(ctx, m)
}

func sendByGoSMTP(ctx context.Context, srv *smtptest.Server, secure bool) error {
	conn, err := dial(ctx, srv)
	if err != nil {
		return err
	}
	c := gosmtp.NewClient(conn)
	if secure {
		if c, err = gosmtp.NewClientStartTLS(conn, srv.ClientTLSConfig()); err != nil {
			return err
		}
	}
	defer c.Close()
	if secure {
		if err := c.Auth(sasl.NewPlainClient("", "ann", "open-sesame")); err != nil {
			return err
		}
	}
	if err := c.SendMail("ann@example.com", []string{"bob@example.com"}, newContent()); err != nil {
		return err
	}
	return c.Quit()
}

// content is longer than what a client gathers before it writes, 4096 octets.
var content = strings.Repeat(strings.Repeat("x", 70)+"\r\n", 75)

func newContent() io.Reader { return strings.NewReader(content) }

// An end is how a client's work ended.
type end struct {
	err      error
	recorded int
	took     time.Duration
}

// meet lets a client meet a misfortune at a stage.
func meet(t *testing.T, c sender, s stage, row smtptest.Rule) (e end) {
	row.On, row.Keep = s.on, s.keep
	if row.Reply == smtptest.NoReply && strings.HasPrefix(s.on, "BODY") {
		row.Reply = "" // content has no answer that could be kept back
	}
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewUnstartedServer(t)
		if s.secure {
			srv.TLS = &tls.Config{}
			srv.Users = map[string]string{"ann": "open-sesame"}
		}
		srv.Script(row)
		srv.StartInMemory()
		began := time.Now()
		e.err = c.send(t.Context(), srv, s.secure)
		e.took = time.Since(began)
		synctest.Wait()
		e.recorded = srv.Count()
	})
	return e
}

const faultsPage = "../docs/faults.md"

// TestClientsMeetFaults lets each client meet each misfortune at each stage,
// and holds the tables of docs/faults.md against what it returns.
func TestClientsMeetFaults(t *testing.T) {
	const begin, end = "<!-- measured: go test -run TestClientsMeetFaults -update, in interop -->\n", "<!-- end of measured -->\n"
	page, err := os.ReadFile(faultsPage)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(page), begin)
	written, after, ends := strings.Cut(rest, end)
	if !found || !ends {
		t.Fatalf("%s has no place for the tables, between %q and %q", faultsPage, begin, end)
	}
	var measured strings.Builder
	for _, c := range senders {
		measured.WriteString(table(t, c))
	}
	if *update {
		if err := os.WriteFile(faultsPage, []byte(before+begin+measured.String()+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(written, measured.String()); diff != "" {
		t.Errorf("what clients return mismatch (-written in docs/faults.md +measured), to be written with -update:\n%s", diff)
	}
}

// table is what one client returns, in Markdown.
func table(t *testing.T, c sender) string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s%s\n\n", c.name, version(t, c.module))
	b.WriteString("| at | fault | error | `errors.As` or `Is` finds | recorded | after |\n|---|---|---|---|---|---|\n")
	for _, s := range stages {
		for _, m := range misfortunes {
			if s.on == "TLS" && m.row.Reply != "" && m.row.Reply != smtptest.NoReply {
				continue // a handshake has no reply
			}
			e := meet(t, c, s, m.row)
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", s.name, m.name, e.text(), e.kind(), e.stored(), e.after())
		}
	}
	b.WriteString("\n")
	return b.String()
}

// version is that of a module in go.mod, behind a space.
func version(t *testing.T, module string) string {
	if module == "" {
		return ""
	}
	b, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == module {
			return " " + f[1]
		}
	}
	t.Fatalf("go.mod does not require %s", module)
	return ""
}

// addresses are what the errors of package net say of the connection.
var addresses = regexp.MustCompile(` tcp 127\.0\.0\.1:\d+->127\.0\.0\.1:1`)

func (e end) text() string {
	switch {
	case e.err == nil:
		return "nil"
	case e.took == patience:
		return "none, it waits for ever"
	}
	text := strings.ReplaceAll(addresses.ReplaceAllString(e.err.Error(), " tcp"), "\n", "; ")
	return "`" + strings.ReplaceAll(text, "|", "\\|") + "`"
}

// kind is what a caller can find in the error by errors.As and errors.Is.
func (e end) kind() string {
	var (
		sent    *gomail.SendError
		refused *gosmtp.SMTPError
		reply   *textproto.Error
		timeOut net.Error
		errno   syscall.Errno
	)
	switch {
	case e.err == nil || e.took == patience:
		return ""
	case errors.As(e.err, &sent):
		return fmt.Sprintf("`*mail.SendError`, code %d, IsTemp %t", sent.ErrorCode(), sent.IsTemp())
	case errors.As(e.err, &refused):
		return fmt.Sprintf("`*smtp.SMTPError`, code %d, Temporary %t", refused.Code, refused.Temporary())
	case errors.As(e.err, &reply):
		return fmt.Sprintf("`*textproto.Error`, code %d", reply.Code)
	case errors.As(e.err, &timeOut) && timeOut.Timeout():
		return "`net.Error`, Timeout true"
	case errors.As(e.err, &errno):
		return fmt.Sprintf("`syscall.Errno`, %s", errno)
	case errors.Is(e.err, io.EOF):
		return "`io.EOF`"
	}
	return "no type to go by"
}

func (e end) stored() string {
	return map[bool]string{false: "no", true: "yes"}[e.recorded > 0]
}

func (e end) after() string {
	if e.took == patience {
		return ""
	}
	return e.took.String()
}
