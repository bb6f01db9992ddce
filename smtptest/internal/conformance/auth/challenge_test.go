package auth_test

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"encoding/base64"
	"net/smtp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

// scramAuth is SCRAM-SHA-256's client (RFC 5802 3), which believes the server.
type scramAuth struct {
	user, password string
	endPoint       []byte // binds to a certificate (RFC 5929 4.1); nil: to nothing
}

func (a scramAuth) Start(*smtp.ServerInfo) (string, []byte, error) {
	if a.endPoint != nil {
		return "SCRAM-SHA-256-PLUS", []byte(a.gs2() + a.bare()), nil
	}
	return "SCRAM-SHA-256", []byte(a.gs2() + a.bare()), nil
}

func (a scramAuth) gs2() string {
	if a.endPoint != nil {
		return "p=tls-server-end-point,,"
	}
	return "n,,"
}

func (a scramAuth) bare() string { return "n=" + a.user + ",r=Zm9v" }

func (a scramAuth) Next(challenge []byte, more bool) ([]byte, error) {
	switch {
	case !more:
		return nil, nil
	case strings.HasPrefix(string(challenge), "v="):
		return []byte{}, nil
	}
	fields := strings.Split(string(challenge), ",") // r=, s=, i=
	salt, err := base64.StdEncoding.DecodeString(fields[1][2:])
	if err != nil {
		return nil, err
	}
	salted, err := pbkdf2.Key(sha256.New, a.password, salt, 4096, sha256.Size)
	if err != nil {
		return nil, err
	}
	final := "c=" + play.Base64(a.gs2()+string(a.endPoint)) + "," + fields[0]
	proof := mac(salted, "Client Key")
	stored := sha256.Sum256(proof)
	subtle.XORBytes(proof, proof, mac(stored[:], a.bare()+","+string(challenge)+","+final))
	return []byte(final + ",p=" + base64.StdEncoding.EncodeToString(proof)), nil
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// overhearing keeps the challenges, as they are on the wire.
type overhearing struct {
	smtp.Auth
	challenges *[]string
}

func (o overhearing) Next(challenge []byte, more bool) ([]byte, error) {
	if more && len(challenge) > 0 {
		*o.challenges = append(*o.challenges, play.Base64(string(challenge)))
	}
	return o.Auth.Next(challenge, more)
}

// TestChallengesMasked: what a server says of the password is a digest too, by
// which it can be guessed, and with a nonce no transcript is golden.
func TestChallengesMasked(t *testing.T) {
	for _, c := range []struct {
		auth       smtp.Auth
		challenges int
	}{
		{smtp.CRAMMD5Auth("ann", "secret"), 1},
		{scramAuth{user: "ann", password: "secret"}, 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			delayed := smtptest.Rule{On: "AUTH", Delay: 1, Optional: true}
			for _, rules := range [][]smtptest.Rule{nil, {delayed}} {
				one, two := overheard(t, c.auth, c.challenges, rules), overheard(t, c.auth, c.challenges, rules)
				if diff := cmp.Diff(one, two); diff != "" {
					t.Errorf("Transcript() differs from run to run:\n%s", diff)
				}
			}
		})
	}
}

// overheard logs in, and returns the transcript.
func overheard(t *testing.T, auth smtp.Auth, challenges int, rules []smtptest.Rule) string {
	t.Helper()
	tb := &play.FakeTB{}
	srv := smtptest.NewUnstartedServer(tb)
	srv.Users = map[string]string{"ann": "secret"}
	srv.StartInMemory()
	srv.Script(rules...)
	var said []string
	c := srv.Client()
	if err := c.Auth(overhearing{auth, &said}); err != nil || len(said) != challenges {
		t.Errorf("Auth() = %v after %d challenges, want %d", err, len(said), challenges)
	}
	c.Quit()
	transcript := srv.WaitSession(nil).Transcript()
	checkHidden(t, output(t, srv, tb), said)
	return transcript
}

// TestEndPoint: a binding to the server's certificate is one to that which the
// client was shown (RFC 5929 4).
func TestEndPoint(t *testing.T) {
	never := time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct{ name, shown string }{{"one.test", "one.test"}, {"two.test", "two.test"}, {"sub.three.test", "*.three.test"}, {"other.test", "one.test"}, {"", "one.test"}} {
		synctest.Test(t, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			srv.Users = map[string]string{"ann": "secret"}
			srv.TLS = &tls.Config{Certificates: []tls.Certificate{
				smtptest.NewCertificate(never, "one.test"), smtptest.NewCertificate(never, "two.test"), smtptest.NewCertificate(never, "*.three.test")}}
			srv.StartInMemory()
			client, err := smtp.NewClient(play.Dial(t, srv), "localhost")
			if err != nil {
				t.Fatal(err)
			}
			defer client.Quit()
			if err := client.StartTLS(&tls.Config{ServerName: c.name, InsecureSkipVerify: true}); err != nil {
				t.Fatal(err)
			}
			state, _ := client.TLSConnectionState()
			cert := state.PeerCertificates[0]
			if got := cert.DNSNames[0]; got != c.shown {
				t.Errorf("%s: the certificate shown is %s's, want %s's", c.name, got, c.shown)
			}
			sum := sha256.Sum256(cert.Raw)
			if err := client.Auth(scramAuth{"ann", "secret", sum[:]}); err != nil {
				t.Errorf("%s: Auth() = %v", c.name, err)
			}
		})
	}
}
