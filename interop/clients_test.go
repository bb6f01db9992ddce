package interop

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"
	"github.com/go-smtptest/smtp/smtptest"
	gomail "github.com/wneessen/go-mail"
	gomailsmtp "github.com/wneessen/go-mail/smtp"
)

// security is how a client connects and logs in.
type security struct {
	tls      string // "", "starttls" or "implicit"
	user     string // "": no AUTH
	password string
}

// A client delivers mails over one connection if it can, else over one each.
type client struct {
	name    string
	deliver func(t *testing.T, srv *smtptest.Server, sec security, mails ...mail) error
	adds    string // octets that it puts behind every message
	blank   bool   // it makes an empty message an empty line
	empty   bool   // it refuses to send an empty message
	once    bool   // it drops duplicate recipients
	plain   bool   // it speaks no TLS in these tests
}

var clients = []client{
	{name: "net-smtp", deliver: byNetSMTP, blank: true},
	{name: "net-smtp SendMail", deliver: bySendMail, plain: true, blank: true},
	{name: "go-mail", deliver: byGoMail, blank: true},
	{name: "go-smtp", deliver: byGoSMTP, blank: true},
	{name: "smtplib", deliver: bySmtplib, blank: true},
	{name: "curl", deliver: byCurl},
	{name: "swaks", deliver: bySwaks, adds: "\r\n", empty: true},
	{name: "msmtp", deliver: byMsmtp},
	{name: "nodemailer", deliver: byNodemailer, once: true, blank: true},
}

func byNetSMTP(t *testing.T, srv *smtptest.Server, sec security, mails ...mail) error {
	conn, err := srv.DialContext(t.Context(), "", "")
	if err != nil {
		return err
	}
	if sec.tls == "implicit" {
		conn = tls.Client(conn, srv.ClientTLSConfig())
	}
	c, err := smtp.NewClient(conn, "localhost")
	if err != nil {
		return err
	}
	defer c.Close()
	if sec.tls == "starttls" {
		if err := c.StartTLS(srv.ClientTLSConfig()); err != nil {
			return err
		}
	}
	if sec.user != "" {
		if err := c.Auth(smtp.PlainAuth("", sec.user, sec.password, "localhost")); err != nil {
			return err
		}
	}
	for _, m := range mails {
		if err := transact(c, m); err != nil {
			return err
		}
	}
	return c.Quit()
}

// transact is one mail over net/smtp's Client, or go-mail's copy of it.
func transact(c interface {
	Mail(string) error
	Rcpt(string) error
	Data() (io.WriteCloser, error)
}, m mail) error {
	if err := c.Mail(m.from); err != nil {
		return err
	}
	for _, to := range m.to {
		if err := c.Rcpt(to); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, m.data); err != nil {
		return err
	}
	return w.Close()
}

func bySendMail(t *testing.T, srv *smtptest.Server, sec security, mails ...mail) error {
	for _, m := range mails {
		if err := smtp.SendMail(srv.Addr, nil, m.from, m.to, []byte(m.data)); err != nil {
			return err
		}
	}
	return nil
}

// byGoMail uses go-mail's SMTP client: its Msg writes headers of its own.
func byGoMail(t *testing.T, srv *smtptest.Server, sec security, mails ...mail) error {
	options := []gomail.Option{gomail.WithPort(srv.Port()), gomail.WithTLSPolicy(gomail.NoTLS), gomail.WithHELO("client.test")}
	if sec.tls != "" {
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory), gomail.WithTLSConfig(srv.ClientTLSConfig()))
	}
	if sec.tls == "implicit" {
		options = append(options, gomail.WithSSL())
	}
	if sec.user != "" {
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthSCRAMSHA256), gomail.WithUsername(sec.user), gomail.WithPassword(sec.password))
	}
	c, err := gomail.NewClient(srv.Host(), options...)
	if err != nil {
		return err
	}
	conn, err := c.DialToSMTPClientWithContext(t.Context())
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, m := range mails {
		if err := transact(goMailConn{conn}, m); err != nil {
			return err
		}
	}
	return conn.Quit()
}

// goMailConn gives go-mail's client the paths with the brackets that it wants.
type goMailConn struct{ *gomailsmtp.Client }

func (c goMailConn) Mail(from string) error { return c.Client.Mail("<" + from + ">") }
func (c goMailConn) Rcpt(to string) error   { return c.Client.Rcpt("<" + to + ">") }

func byGoSMTP(t *testing.T, srv *smtptest.Server, sec security, mails ...mail) error {
	conn, err := srv.DialContext(t.Context(), "", "")
	if err != nil {
		return err
	}
	var c *gosmtp.Client
	switch sec.tls {
	case "implicit":
		c = gosmtp.NewClient(tls.Client(conn, srv.ClientTLSConfig()))
	case "starttls":
		if c, err = gosmtp.NewClientStartTLS(conn, srv.ClientTLSConfig()); err != nil {
			return err
		}
	default:
		c = gosmtp.NewClient(conn)
	}
	defer c.Close()
	if sec.user != "" {
		if err := c.Auth(sasl.NewPlainClient("", sec.user, sec.password)); err != nil {
			return err
		}
	}
	for _, m := range mails {
		if err := c.SendMail(m.from, m.to, strings.NewReader(m.data)); err != nil {
			return err
		}
	}
	return c.Quit()
}

// job is what the scripts in testdata are told, as JSON.
type job struct {
	Host, CA, TLS, User, Password string
	Port                          int
	Mechanism                     string // "": the client's choice
	LMTP                          bool   // Host is the path of a socket if there is no Port
	Mails                         []jobMail
}

type jobMail struct {
	From string
	To   []string
	Data string
}

// newLogin is a job without mails, by one mechanism.
func newLogin(t *testing.T, srv *smtptest.Server, c credentials) string {
	return encode(t, job{Host: srv.Host(), Port: srv.Port(), CA: caFile(t, srv), TLS: c.tls, User: c.user, Password: c.password, Mechanism: c.mechanism})
}

func newJob(t *testing.T, srv *smtptest.Server, sec security, mails []mail) string {
	j := job{Host: srv.Host(), Port: srv.Port(), CA: caFile(t, srv), TLS: sec.tls, User: sec.user, Password: sec.password}
	for _, m := range mails {
		j.Mails = append(j.Mails, jobMail{m.from, m.to, m.data})
	}
	return encode(t, j)
}

func encode(t *testing.T, j job) string {
	b, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// caFile is the file of the authority that a program is told to trust.
func caFile(t *testing.T, srv *smtptest.Server) string {
	name := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(name, srv.RootPEM(), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func bySmtplib(t *testing.T, srv *smtptest.Server, sec security, mails ...mail) error {
	out, err := runProgram(t, newJob(t, srv, sec, mails), program(t, "python3"), "testdata/smtplib_client.py")
	return told(out, err)
}

func told(out string, err error) error {
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

func byNodemailer(t *testing.T, srv *smtptest.Server, sec security, mails ...mail) error {
	out, err := runProgram(t, newJob(t, srv, sec, mails), nodemailer(t), "testdata/node/client.js")
	return told(out, err)
}

// nodemailer is the path of node, once its package is there.
func nodemailer(t *testing.T) string {
	node := program(t, "node")
	if _, err := os.Stat("testdata/node/node_modules/nodemailer"); err != nil {
		missing(t, "nodemailer is not installed: interop/setup.sh installs it")
	}
	return node
}

func byCurl(t *testing.T, srv *smtptest.Server, sec security, mails ...mail) error {
	scheme := "smtp"
	if sec.tls == "implicit" {
		scheme = "smtps"
	}
	var args []string
	for i, m := range mails {
		if i > 0 {
			args = append(args, "--next")
		}
		file := filepath.Join(t.TempDir(), "mail")
		if err := os.WriteFile(file, []byte(m.data), 0o644); err != nil {
			return err
		}
		args = append(args, "--silent", "--show-error", "--url", scheme+"://"+srv.Addr+"/client.test", "--mail-from", "<"+m.from+">", "--upload-file", file)
		for _, to := range m.to {
			args = append(args, "--mail-rcpt", to)
		}
		if sec.tls != "" {
			args = append(args, "--ssl-reqd", "--cacert", caFile(t, srv))
		}
		if sec.user != "" {
			args = append(args, "--user", sec.user+":"+sec.password)
		}
	}
	return told(runProgram(t, "", program(t, "curl"), args...))
}

func bySwaks(t *testing.T, srv *smtptest.Server, sec security, mails ...mail) error {
	for _, m := range mails {
		from := m.from
		if from == "" {
			from = "<>"
		}
		args := append(swaksArgs(t, srv, sec), "--from", from, "--to", strings.Join(m.to, ","), "--data", "-")
		if sec.user != "" {
			args = append(args, "--auth", "PLAIN", "--auth-user", sec.user, "--auth-password", sec.password)
		}
		if err := told(runProgram(t, m.data, program(t, "swaks"), args...)); err != nil {
			return err
		}
	}
	return nil
}

func byMsmtp(t *testing.T, srv *smtptest.Server, sec security, mails ...mail) error {
	for _, m := range mails {
		from := m.from
		if from == "" {
			from = "<>"
		}
		args := append(msmtpArgs(t, srv, sec), "--from="+from)
		if sec.user != "" {
			args = append(args, "--auth=plain", "--user="+sec.user, "--passwordeval=echo "+sec.password)
		}
		data := bytes.ReplaceAll([]byte(m.data), []byte("\r\n"), []byte("\n")) // it wants the system's line ends
		if err := told(runProgram(t, string(data), program(t, "msmtp"), append(append(args, "--"), m.to...)...)); err != nil {
			return err
		}
	}
	return nil
}
