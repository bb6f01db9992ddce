package sasl

import (
	"bytes"
	"errors"
	"net/smtp"
	"slices"
	"strings"
	"testing"
)

// none stands for an absent initial response in a row's client messages.
const none = "(none)"

// row is one exchange: what the client says, what the server says, and the end.
type row struct {
	name, reason string
	client       []string
	server       []string
	err          error // nil is success
	user         string
	authzid      string
}

func (r row) run(t *testing.T, x Exchange) {
	t.Run(r.name, func(t *testing.T) {
		server, err := play(t, x, r.client...)
		if !errors.Is(err, r.err) || (r.err == nil) != (err == nil) {
			t.Errorf("error %v, want %v: %s", err, r.err, r.reason)
		}
		if !slices.Equal(server, r.server) {
			t.Errorf("server said %q, want %q: %s", server, r.server, r.reason)
		}
		if x.User() != r.user || x.Authzid() != r.authzid {
			t.Errorf("user %q as %q, want %q as %q: %s", x.User(), x.Authzid(), r.user, r.authzid, r.reason)
		}
	})
}

// play gives the client's messages to an exchange, which must end with the last.
func play(t *testing.T, x Exchange, client ...string) (server []string, err error) {
	t.Helper()
	for i, message := range client {
		response := []byte(message)
		if message == none {
			response = nil
		}
		challenge, done, err := x.Next(response)
		if !done {
			if err != nil || challenge == nil {
				t.Fatalf("%q: challenge %q with error %v", message, challenge, err)
			}
			server = append(server, string(challenge))
			continue
		}
		if i != len(client)-1 {
			t.Fatalf("%q: over after message %d: %v", client, i+1, err)
		}
		if _, again, late := x.Next([]byte{}); !again || !errors.Is(late, ErrMalformed) {
			t.Errorf("after the end: done %v, error %v", again, late)
		}
		return server, err
	}
	t.Fatalf("%q: not over; server said %q", client, server)
	return nil, nil
}

// users is a Config.Password. Tim is RFC 2195's and RFC 4616's, user RFC 5802's
// and RFC 7677's; pub has an empty password.
func users(user string) (string, bool) {
	password, ok := map[string]string{
		"tim": "tanstaaftanstaaf", "user": "pencil", "pub": "", "a,b=c": "p,=w",
		"two words": "secret", "jörg": "straße",
		"user@example.com":     "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==",
		"someuser@example.com": "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg",
	}[user]
	return password, ok
}

// seen is a Config.Check that notes its arguments and answers with err.
type seen struct {
	mechanism, authzid, user, secret string
	err                              error
}

func (s *seen) check(mechanism, authzid, user, secret string) error {
	s.mechanism, s.authzid, s.user, s.secret = mechanism, authzid, user, secret
	return s.err
}

// drive lets a net/smtp client talk to an exchange as its Client.Auth does: an
// empty initial response is left out there.
func drive(t *testing.T, auth smtp.Auth, c Config) (Exchange, error) {
	t.Helper()
	mechanism, response, err := auth.Start(&smtp.ServerInfo{Name: "mx.example", TLS: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(response) == 0 {
		response = nil
	}
	x := Start(mechanism, c)
	for {
		challenge, done, err := x.Next(response)
		if done {
			return x, err
		}
		response, err = auth.Next(challenge, true)
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestStart(t *testing.T) {
	for _, name := range []string{"", "plain", "SCRAM-SHA-512", "SCRAM-SHA-1-PLUS-PLUS", "GSSAPI"} {
		if Start(name, Config{}) != nil {
			t.Errorf("Start(%q) is not nil", name)
		}
	}
	for _, name := range Names() {
		if Start(name, Config{}) == nil {
			t.Errorf("Start(%q) is nil", name)
		}
	}
}

func TestNames(t *testing.T) {
	names := Names()
	weaker := []string{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN"}
	for i := range weaker[1:] {
		if slices.Index(names, weaker[i]) >= slices.Index(names, weaker[i+1]) {
			t.Errorf("%s is not before %s", weaker[i], weaker[i+1])
		}
	}
	if names[0] = "changed"; Names()[0] == "changed" {
		t.Error("Names shares its result")
	}
}

func TestPlaintext(t *testing.T) {
	shown := []string{"LOGIN", "OAUTHBEARER", "PLAIN", "XOAUTH2"}
	for _, name := range append(Names(), "GSSAPI") {
		if got, want := Plaintext(name), slices.Contains(shown, name); got != want {
			t.Errorf("Plaintext(%q) = %v", name, got)
		}
	}
}

// A client that begins without its initial response gets an empty challenge in
// all mechanisms where it speaks first.
func TestNoInitialResponse(t *testing.T) {
	for _, name := range Names() {
		challenge, done, err := Start(name, Config{}).Next(nil)
		prompted := name == "LOGIN" || name == "CRAM-MD5"
		if done || err != nil || challenge == nil || prompted != (len(challenge) > 0) {
			t.Errorf("%s: challenge %q, done %v, error %v", name, challenge, done, err)
		}
	}
}

// Without Password nobody can get in, whatever the mechanism.
func TestNoUsers(t *testing.T) {
	x := Start("PLAIN", Config{})
	row{"plain", "no Password", []string{"\x00tim\x00"}, nil, ErrMalformed, "", ""}.run(t, x)
	x = Start("LOGIN", Config{})
	row{"login", "no Password", []string{"", ""}, []string{"Password:"}, ErrCredentials, "", ""}.run(t, x)
}

func TestRandFails(t *testing.T) {
	for name, first := range map[string]string{"CRAM-MD5": none, "SCRAM-SHA-256": "n,,n=user,r=abc"} {
		_, err := play(t, Start(name, Config{Password: users, Rand: bytes.NewReader([]byte("short"))}), first)
		if !errors.Is(err, ErrCredentials) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// Errors end in logs and transcripts, where no secret belongs.
func TestErrorsKeepSecrets(t *testing.T) {
	const xoauth2 = "user=tim\x01auth=Bearer S3CRET\x01\x01"
	for mechanism, client := range map[string][]string{
		"PLAIN":       {"\x00tim\x00S3CRET"},
		"LOGIN":       {"tim", "S3CRET"},
		"XOAUTH2":     {xoauth2, xoauth2},
		"OAUTHBEARER": {"n,a=tim,\x01auth=Bearer S3CRET\x01\x01", "S3CRET"},
		"EXTERNAL":    {"S3CRET\x00"},
		"CRAM-MD5":    {none, "tim S3CRET"},
		"SCRAM-SHA-1": {"n,,n=tim,r=abc", "c=S3CRET"},
	} {
		_, err := play(t, Start(mechanism, Config{Password: users}), client...)
		if err == nil || strings.Contains(err.Error(), "S3CRET") {
			t.Errorf("%s: error %v", mechanism, err)
		}
	}
}
