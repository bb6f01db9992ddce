package interop

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/smtp"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"
	"github.com/go-smtptest/smtp/smtptest"
	gomail "github.com/wneessen/go-mail"
	"github.com/xdg-go/scram"
)

// clientTLS is what a client in Go trusts, and shows.
func (c credentials) clientTLS(srv *smtptest.Server) *tls.Config {
	config := srv.ClientTLSConfig()
	config.Certificates = c.certificates
	return config
}

// dialNetSMTP is a net/smtp client that has done TLS.
func dialNetSMTP(srv *smtptest.Server, c credentials) (*smtp.Client, error) {
	client := srv.Client()
	if c.tls == "starttls" {
		if err := client.StartTLS(c.clientTLS(srv)); err != nil {
			client.Close()
			return nil, err
		}
	}
	return client, nil
}

func loginNetSMTP(t *testing.T, srv *smtptest.Server, c credentials) error {
	client, err := dialNetSMTP(srv, c)
	if err != nil {
		return err
	}
	defer client.Close()
	auth := smtp.PlainAuth("", c.user, c.password, "localhost")
	if c.mechanism == "CRAM-MD5" {
		auth = smtp.CRAMMD5Auth(c.user, c.password)
	}
	if err := client.Auth(auth); err != nil {
		return err
	}
	return client.Quit()
}

// scramAuth lets xdg-go/scram log in through net/smtp.
type scramAuth struct {
	mechanism    string
	conversation *scram.ClientConversation
}

func (a scramAuth) Start(*smtp.ServerInfo) (string, []byte, error) {
	first, err := a.conversation.Step("")
	return a.mechanism, []byte(first), err
}

func (a scramAuth) Next(fromServer []byte, more bool) ([]byte, error) {
	if !more {
		if !a.conversation.Valid() {
			return nil, errors.New("welcomed without the server's signature")
		}
		return nil, nil
	}
	response, err := a.conversation.Step(string(fromServer))
	return []byte(response), err
}

func loginScram(t *testing.T, srv *smtptest.Server, c credentials) error {
	client, err := dialNetSMTP(srv, c)
	if err != nil {
		return err
	}
	defer client.Close()
	hash := scram.SHA256
	if strings.HasPrefix(c.mechanism, "SCRAM-SHA-1") {
		hash = scram.SHA1
	}
	user, err := hash.NewClient(c.user, c.password, "")
	if err != nil {
		return err
	}
	conversation := user.NewConversation()
	if strings.HasSuffix(c.mechanism, "-PLUS") {
		state, _ := client.TLSConnectionState()
		binding, err := scram.NewTLSExporterBinding(&state)
		if err != nil {
			return err
		}
		conversation = user.NewConversationWithChannelBinding(binding)
	}
	if err := client.Auth(scramAuth{c.mechanism, conversation}); err != nil {
		return err
	}
	return client.Quit()
}

func loginGoMail(t *testing.T, srv *smtptest.Server, c credentials) error {
	auth := gomail.SMTPAuthType(c.mechanism)
	switch auth {
	case gomail.SMTPAuthPlain:
		auth = gomail.SMTPAuthPlainNoEnc
	case gomail.SMTPAuthLogin:
		auth = gomail.SMTPAuthLoginNoEnc
	}
	options := []gomail.Option{gomail.WithPort(srv.Port()), gomail.WithTLSPolicy(gomail.NoTLS), gomail.WithHELO("client.test"),
		gomail.WithSMTPAuth(auth), gomail.WithUsername(c.user), gomail.WithPassword(c.password)}
	if c.tls != "" {
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory), gomail.WithTLSConfig(c.clientTLS(srv)))
	}
	if c.tls == "implicit" {
		options = append(options, gomail.WithSSL())
	}
	client, err := gomail.NewClient(srv.Host(), options...)
	if err != nil {
		return err
	}
	conn, err := client.DialToSMTPClientWithContext(t.Context())
	if err != nil {
		return err
	}
	return conn.Quit()
}

// loginGoSASL logs in by go-sasl through go-smtp.
func loginGoSASL(t *testing.T, srv *smtptest.Server, c credentials) error {
	conn, err := srv.DialContext(t.Context(), "", "")
	if err != nil {
		return err
	}
	var client *gosmtp.Client
	switch c.tls {
	case "implicit":
		client = gosmtp.NewClient(tls.Client(conn, c.clientTLS(srv)))
	case "starttls":
		if client, err = gosmtp.NewClientStartTLS(conn, c.clientTLS(srv)); err != nil {
			return err
		}
	default:
		client = gosmtp.NewClient(conn)
	}
	defer client.Close()
	var auth sasl.Client
	switch c.mechanism {
	case "PLAIN":
		auth = sasl.NewPlainClient("", c.user, c.password)
	case "LOGIN":
		auth = sasl.NewLoginClient(c.user, c.password)
	case "OAUTHBEARER":
		auth = sasl.NewOAuthBearerClient(&sasl.OAuthBearerOptions{Username: c.user, Token: c.password})
	case "EXTERNAL":
		auth = sasl.NewExternalClient(c.user)
	}
	if err := client.Auth(auth); err != nil {
		return err
	}
	return client.Quit()
}

func loginSmtplib(t *testing.T, srv *smtptest.Server, c credentials) error {
	out, err := runProgram(t, newLogin(t, srv, c), program(t, "python3"), "testdata/smtplib_client.py")
	return told(out, err)
}

func loginNodemailer(t *testing.T, srv *smtptest.Server, c credentials) error {
	out, err := runProgram(t, newLogin(t, srv, c), nodemailer(t), "testdata/node/client.js")
	return told(out, err)
}

func loginCurl(t *testing.T, srv *smtptest.Server, c credentials) error {
	scheme := "smtp"
	if c.tls == "implicit" {
		scheme = "smtps"
	}
	args := []string{"--silent", "--show-error", "--url", scheme + "://" + srv.Addr + "/client.test", "--request", "NOOP", "--login-options", "AUTH=" + c.mechanism}
	if c.tls != "" {
		args = append(args, "--ssl-reqd", "--cacert", caFile(t, srv))
	}
	switch c.mechanism {
	case "XOAUTH2", "OAUTHBEARER":
		args = append(args, "--user", c.user, "--oauth2-bearer", c.password)
	default:
		args = append(args, "--user", c.user+":"+c.password)
	}
	return told(runProgram(t, "", program(t, "curl"), args...))
}

func loginSwaks(t *testing.T, srv *smtptest.Server, c credentials) error {
	args := append(swaksArgs(t, srv, c.security), "--quit-after", "AUTH", "--auth", c.mechanism, "--auth-user", c.user, "--auth-password", c.password)
	return told(runProgram(t, "", program(t, "swaks"), args...))
}

func loginMsmtp(t *testing.T, srv *smtptest.Server, c credentials) error {
	args := append(msmtpArgs(t, srv, c.security), "--auth="+strings.ToLower(c.mechanism), "--user="+c.user, "--passwordeval=echo "+c.password,
		"--from=ann@example.com", "--", "bob@example.com")
	return told(runProgram(t, "Subject: Test\n\nHi!\n", program(t, "msmtp"), args...))
}

func swaksArgs(t *testing.T, srv *smtptest.Server, sec security) []string {
	args := []string{"--server", srv.Host(), "--port", fmt.Sprint(srv.Port()), "--helo", "client.test", "--hide-all"}
	switch sec.tls {
	case "starttls":
		args = append(args, "--tls")
	case "implicit":
		args = append(args, "--tls-on-connect")
	}
	if sec.tls != "" {
		args = append(args, "--tls-verify", "--tls-ca-path", caFile(t, srv))
	}
	return args
}

func msmtpArgs(t *testing.T, srv *smtptest.Server, sec security) []string {
	args := []string{"--file=/dev/null", "--domain=client.test", "--set-date-header=off", "--set-msgid-header=off", "--set-from-header=off"}
	if srv.Port() == 0 {
		args = append(args, "--host=localhost", "--port=24", "--socket="+srv.Addr)
	} else {
		args = append(args, "--host="+srv.Host(), fmt.Sprint("--port=", srv.Port()))
	}
	if sec.tls != "" {
		args = append(args, "--tls=on", "--tls-trust-file="+caFile(t, srv), "--tls-starttls="+map[bool]string{true: "on", false: "off"}[sec.tls == "starttls"])
	}
	return args
}
