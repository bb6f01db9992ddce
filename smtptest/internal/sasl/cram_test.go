package sasl

import (
	"bytes"
	"errors"
	"net/smtp"
	"regexp"
	"strings"
	"testing"
	"time"
)

// rfc2195 makes the challenge of RFC 2195 section 2.
func rfc2195() Config {
	return Config{
		Password: users,
		Hostname: "postoffice.reston.mci.net",
		Now:      func() time.Time { return time.Unix(697170952, 0) },
		Rand:     bytes.NewReader([]byte{0, 0, 0, 0, 0, 0, 1896 >> 8, 1896 & 0xff}),
	}
}

func TestCRAM(t *testing.T) {
	challenge := []string{"<1896.697170952@postoffice.reston.mci.net>"}
	const digest = "b913a602c7eda7a495b4e6e7334d3890"
	rows := []row{
		{"rfc", "RFC 2195 section 2", []string{none, "tim " + digest}, challenge, nil, "tim", ""},
		{"initial", "RFC 4954 section 4: the server speaks first", []string{"tim " + digest}, nil, ErrInitialResponse, "", ""},
		{"initial =", "an empty one too", []string{""}, nil, ErrInitialResponse, "", ""},
		{"wrong digest", "", []string{none, "tim c" + digest[1:]}, challenge, ErrCredentials, "tim", ""},
		{"unknown user", "", []string{none, "tom " + digest}, challenge, ErrCredentials, "tom", ""},
		{"spaces in the name", "the digest is behind the last", []string{none, "two words " + digest}, challenge, ErrCredentials, "two words", ""},
		{"upper case", "RFC 2195 section 2: lower-case", []string{none, "tim " + strings.ToUpper(digest)}, challenge, ErrMalformed, "", ""},
		{"short", "", []string{none, "tim " + digest[1:]}, challenge, ErrMalformed, "", ""},
		{"long", "", []string{none, "tim 0" + digest}, challenge, ErrMalformed, "", ""},
		{"not hexadecimal", "", []string{none, "tim g" + digest[1:]}, challenge, ErrMalformed, "", ""},
		{"hole", "", []string{none, "tim bb" + "\x00" + digest[3:]}, challenge, ErrMalformed, "", ""},
		{"no user", "", []string{none, " " + digest}, challenge, ErrMalformed, "", ""},
		{"no digest", "", []string{none, "tim"}, challenge, ErrMalformed, "", ""},
		{"empty", "", []string{none, ""}, challenge, ErrMalformed, "", ""},
		{"line end", "", []string{none, "tim " + digest + "\r\n"}, challenge, ErrMalformed, "", ""},
	}
	for _, r := range rows {
		r.run(t, Start("CRAM-MD5", rfc2195()))
	}
}

func TestCRAMChallengeDiffers(t *testing.T) {
	form := regexp.MustCompile(`^<[0-9]+\.[0-9]+@localhost>$`)
	first, _, _ := Start("CRAM-MD5", Config{}).Next(nil)
	second, _, _ := Start("CRAM-MD5", Config{}).Next(nil)
	if !form.Match(first) || bytes.Equal(first, second) {
		t.Errorf("challenges %q and %q", first, second)
	}
}

// The caller owns the challenge: writing to it must not change the answer.
func TestCRAMChallengeIsACopy(t *testing.T) {
	x := Start("CRAM-MD5", rfc2195())
	challenge, _, _ := x.Next(nil)
	clear(challenge)
	if _, _, err := x.Next([]byte("tim b913a602c7eda7a495b4e6e7334d3890")); err != nil {
		t.Error(err)
	}
}

func TestNetSMTPCRAM(t *testing.T) {
	for _, user := range []string{"tim", "two words", "jörg", "a,b=c"} {
		password, _ := users(user)
		x, err := drive(t, smtp.CRAMMD5Auth(user, password), Config{Password: users})
		if err != nil || x.User() != user {
			t.Errorf("%s: user %q, error %v", user, x.User(), err)
		}
		_, err = drive(t, smtp.CRAMMD5Auth(user, password+"!"), Config{Password: users})
		if !errors.Is(err, ErrCredentials) {
			t.Errorf("%s, wrong password: %v", user, err)
		}
	}
}
