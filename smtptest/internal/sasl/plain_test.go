package sasl

import (
	"errors"
	"net/smtp"
	"testing"
)

func TestPlain(t *testing.T) {
	rows := []row{
		{"rfc", "RFC 4616 section 4, first example", []string{none, "\x00tim\x00tanstaaftanstaaf"}, []string{""}, nil, "tim", ""},
		{"initial", "RFC 4954 section 4", []string{"\x00tim\x00tanstaaftanstaaf"}, nil, nil, "tim", ""},
		{"itself", "a user may act as itself", []string{"tim\x00tim\x00tanstaaftanstaaf"}, nil, nil, "tim", "tim"},
		{"other", "RFC 4616 section 2: authorization", []string{"user\x00tim\x00tanstaaftanstaaf"}, nil, ErrCredentials, "tim", "user"},
		{"utf8", "RFC 4616 section 2", []string{"\x00jörg\x00straße"}, nil, nil, "jörg", ""},
		{"wrong password", "", []string{"\x00tim\x00tanstaaf"}, nil, ErrCredentials, "tim", ""},
		{"unknown user", "", []string{"\x00tom\x00tanstaaftanstaaf"}, nil, ErrCredentials, "tom", ""},
		{"case", "names are compared as they are", []string{"\x00Tim\x00tanstaaftanstaaf"}, nil, ErrCredentials, "Tim", ""},
		{"empty", "the initial response =", []string{""}, nil, ErrMalformed, "", ""},
		{"empty answer", "", []string{none, ""}, []string{""}, ErrMalformed, "", ""},
		{"one NUL", "", []string{"tim\x00tanstaaftanstaaf"}, nil, ErrMalformed, "", ""},
		{"three NULs", "a line end replaced by NUL", []string{"\x00tim\x00tanstaaftanstaaf\x00"}, nil, ErrMalformed, "", ""},
		{"no user", "1*SAFE", []string{"\x00\x00tanstaaftanstaaf"}, nil, ErrMalformed, "", ""},
		{"no password", "1*SAFE, though pub's password is empty", []string{"\x00pub\x00"}, nil, ErrMalformed, "", ""},
		{"latin1", "RFC 4616 section 2: UTF-8", []string{"\x00j\xf6rg\x00stra\xdfe"}, nil, ErrMalformed, "", ""},
	}
	for _, r := range rows {
		r.run(t, Start("PLAIN", Config{Password: users}))
	}
}

func TestLogin(t *testing.T) {
	both := []string{"Username:", "Password:"}
	rows := []row{
		{"prompts", "", []string{none, "tim", "tanstaaftanstaaf"}, both, nil, "tim", ""},
		{"initial", "smtplib sends the user at once", []string{"tim", "tanstaaftanstaaf"}, both[1:], nil, "tim", ""},
		{"wrong password", "", []string{none, "tim", "tan"}, both, ErrCredentials, "tim", ""},
		{"unknown user", "not told apart", []string{none, "tom", "tan"}, both, ErrCredentials, "tom", ""},
		{"no password", "", []string{"tim", ""}, both[1:], ErrCredentials, "tim", ""},
		{"empty password", "there is no grammar against it", []string{"pub", ""}, both[1:], nil, "pub", ""},
		{"empty user", "the initial response = is a user name", []string{"", "tan"}, both[1:], ErrCredentials, "", ""},
		{"octets", "there is no grammar", []string{"\x00\xff", "\x00"}, both[1:], ErrCredentials, "\x00\xff", ""},
	}
	for _, r := range rows {
		r.run(t, Start("LOGIN", Config{Password: users}))
	}
}

func TestPlainCheck(t *testing.T) {
	busy := errors.New("database down")
	for _, want := range []seen{
		{"PLAIN", "Ursel", "Kurt", "xipj3plmq", nil}, // RFC 4616 section 4, second example
		{"PLAIN", "Ursel", "Kurt", "xipj3plmq", busy},
	} {
		got := seen{err: want.err}
		_, err := play(t, Start("PLAIN", Config{Check: got.check, Password: users}), "Ursel\x00Kurt\x00xipj3plmq")
		if got != want {
			t.Errorf("Check got %+v, want %+v", got, want)
		}
		if !errors.Is(err, want.err) || (err == nil) != (want.err == nil) {
			t.Errorf("error %v, want %v", err, want.err)
		}
		if err != nil && !errors.Is(err, ErrCredentials) {
			t.Errorf("error %v is not ErrCredentials", err)
		}
	}
	got := seen{}
	if _, err := play(t, Start("LOGIN", Config{Check: got.check}), "tim", "x"); err != nil {
		t.Error(err)
	}
	if want := (seen{"LOGIN", "", "tim", "x", nil}); got != want {
		t.Errorf("Check got %+v, want %+v", got, want)
	}
}

func TestNetSMTPPlain(t *testing.T) {
	x, err := drive(t, smtp.PlainAuth("", "tim", "tanstaaftanstaaf", "mx.example"), Config{Password: users})
	if err != nil || x.User() != "tim" {
		t.Errorf("user %q, error %v", x.User(), err)
	}
	_, err = drive(t, smtp.PlainAuth("", "tim", "wrong", "mx.example"), Config{Password: users})
	if !errors.Is(err, ErrCredentials) {
		t.Errorf("wrong password: %v", err)
	}
}
