package sasl

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
)

// unbase64 decodes the messages that the documents print.
func unbase64(t *testing.T, text string) string {
	t.Helper()
	message, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(message)
}

func TestXOAuth2(t *testing.T) {
	google := unbase64(t, "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ==")
	const someuser = "someuser@example.com"
	rejected := []string{xoauthInvalid}
	wrong := func(message string) []string { return []string{message, ""} }
	rows := []row{
		{"google", "the document's example", []string{google}, nil, nil, someuser, ""},
		{"later", "", []string{none, google}, []string{""}, nil, someuser, ""},
		{"scheme", "case-insensitive as in HTTP", []string{"user=tim\x01auth=bearer tanstaaftanstaaf\x01\x01"}, nil, nil, "tim", ""},
		{"wrong token", "JSON, empty answer, failure", wrong("user=tim\x01auth=Bearer t\x01\x01"), rejected, ErrCredentials, "tim", ""},
		{"unknown user", "", wrong("user=tom\x01auth=Bearer t\x01\x01"), rejected, ErrCredentials, "tom", ""},
		{"answer", "the refusal stays a refusal", []string{"user=tim\x01auth=Bearer t\x01\x01", "x"}, rejected, ErrCredentials, "tim", ""},
		{"answer", "and the answer is not empty", []string{"user=tim\x01auth=Bearer t\x01\x01", "x"}, rejected, ErrMalformed, "tim", ""},
		{"right answer", "no second chance", []string{"user=tim\x01auth=Bearer t\x01\x01", google}, rejected, ErrCredentials, "tim", ""},
		{"empty", "", []string{""}, nil, ErrMalformed, "", ""},
		{"one ^A", "", []string{"user=tim\x01auth=Bearer t\x01"}, nil, ErrMalformed, "", ""},
		{"three ^A", "", []string{"user=tim\x01auth=Bearer t\x01\x01\x01"}, nil, ErrMalformed, "", ""},
		{"spaces for ^A", "Google: no spaces", []string{"user=tim auth=Bearer t"}, nil, ErrMalformed, "", ""},
		{"order", "", []string{"auth=Bearer t\x01user=tim\x01\x01"}, nil, ErrMalformed, "", ""},
		{"no user", "", []string{"user=\x01auth=Bearer t\x01\x01"}, nil, ErrMalformed, "", ""},
		{"no token", "", []string{"user=tim\x01auth=Bearer \x01\x01"}, nil, ErrMalformed, "", ""},
		{"no scheme", "", []string{"user=tim\x01auth=tanstaaftanstaaf\x01\x01"}, nil, ErrMalformed, "", ""},
		{"no auth", "", []string{"user=tim\x01Bearer t\x01\x01"}, nil, ErrMalformed, "", ""},
		{"latin1", "", []string{"user=j\xf6rg\x01auth=Bearer t\x01\x01"}, nil, ErrMalformed, "", ""},
		{"more fields", "", []string{"user=tim\x01auth=Bearer t\x01host=x\x01\x01"}, nil, ErrMalformed, "", ""},
	}
	for _, r := range rows {
		r.run(t, Start("XOAUTH2", Config{Password: users}))
	}
}

func TestOAuthBearer(t *testing.T) {
	rfc := unbase64(t, "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB")
	const user = "user@example.com"
	invalid, unclear := []string{bearerInvalid}, []string{bearerUnclear}
	wrong := func(message string) []string { return []string{message, "\x01"} }
	rows := []row{
		{"rfc", "RFC 7628 section 4.1", []string{rfc}, nil, nil, user, user},
		{"later", "", []string{none, rfc}, []string{""}, nil, user, user},
		{"y", "a flag of RFC 5801 section 4", []string{"y" + rfc[1:]}, nil, nil, user, user},
		{"encoded name", "RFC 5801 section 4", []string{"n,a=a=2Cb=3Dc,\x01auth=Bearer p,=w\x01\x01"}, nil, nil, "a,b=c", "a,b=c"},
		{"spaces", "RFC 6750 section 2.1: 1*SP", []string{"n,a=tim,\x01auth=BEARER  tanstaaftanstaaf\x01\x01"}, nil, nil, "tim", "tim"},
		{"wrong token", "RFC 7628 section 4.3: JSON, ^A, failure", wrong("n,a=tim,\x01auth=Bearer t\x01\x01"), invalid, ErrCredentials, "tim", "tim"},
		{"unknown user", "", wrong("n,a=tom,\x01auth=Bearer t\x01\x01"), invalid, ErrCredentials, "tom", "tom"},
		{"no user", "only Check knows whose token it is", wrong("n,,\x01auth=Bearer t\x01\x01"), invalid, ErrCredentials, "", ""},
		{"empty answer", "the refusal stays a refusal", []string{"n,a=tim,\x01auth=Bearer t\x01\x01", ""}, invalid, ErrCredentials, "tim", "tim"},
		{"empty answer", "but RFC 7628 section 3.2.3 wants ^A", []string{"n,a=tim,\x01auth=Bearer t\x01\x01", ""}, invalid, ErrMalformed, "tim", "tim"},
		{"no pairs", "the grammar allows it", wrong("n,,\x01\x01"), unclear, ErrCredentials, "", ""},
		{"empty auth", "the grammar allows it", wrong("n,a=tim,\x01auth=\x01\x01"), unclear, ErrCredentials, "tim", "tim"},
		{"scheme", "the grammar allows it", wrong("n,a=tim,\x01auth=Basic dGlt\x01\x01"), unclear, ErrCredentials, "tim", "tim"},
		{"p", "no channel binding in OAUTHBEARER", []string{"p=tls-unique" + rfc[1:]}, nil, ErrMalformed, "", ""},
		{"^A", "the answer to an error that was not sent", []string{"\x01"}, nil, ErrMalformed, "", ""},
		{"empty", "", []string{""}, nil, ErrMalformed, "", ""},
		{"no header", "", []string{"\x01auth=Bearer t\x01\x01"}, nil, ErrMalformed, "", ""},
		{"one comma", "", []string{"n,\x01auth=Bearer t\x01\x01"}, nil, ErrMalformed, "", ""},
		{"name", "a= is missing", []string{"n,tim,\x01auth=Bearer t\x01\x01"}, nil, ErrMalformed, "", ""},
		{"empty name", "", []string{"n,a=,\x01auth=Bearer t\x01\x01"}, nil, ErrMalformed, "", ""},
		{"no first ^A", "", []string{"n,,auth=Bearer t\x01\x01"}, nil, ErrMalformed, "", ""},
		{"one ^A", "", []string{"n,,\x01auth=Bearer t\x01"}, nil, ErrMalformed, "", ""},
		{"three ^A", "", []string{"n,,\x01auth=Bearer t\x01\x01\x01"}, nil, ErrMalformed, "", ""},
		{"no =", "", []string{"n,,\x01auth\x01\x01"}, nil, ErrMalformed, "", ""},
		{"no key", "", []string{"n,,\x01=x\x01\x01"}, nil, ErrMalformed, "", ""},
		{"key", "1*ALPHA", []string{"n,,\x01h0st=x\x01\x01"}, nil, ErrMalformed, "", ""},
		{"value", "VCHAR, SP, HTAB, CR, LF", []string{"n,,\x01auth=Bearer \x02\x01\x01"}, nil, ErrMalformed, "", ""},
		{"twice", "", []string{"n,,\x01auth=Bearer a\x01auth=Bearer b\x01\x01"}, nil, ErrMalformed, "", ""},
		{"latin1", "", []string{"n,a=j\xf6rg,\x01auth=Bearer t\x01\x01"}, nil, ErrMalformed, "", ""},
	}
	for _, r := range rows {
		r.run(t, Start("OAUTHBEARER", Config{Password: users}))
	}
}

// The error challenges are JSON objects with a status (RFC 7628 section 3.2.2).
func TestOAuthErrorChallenges(t *testing.T) {
	for challenge, want := range map[string]string{bearerInvalid: "invalid_token", bearerUnclear: "invalid_request", xoauthInvalid: "401"} {
		var got struct{ Status string }
		if err := json.Unmarshal([]byte(challenge), &got); err != nil || got.Status != want {
			t.Errorf("%s: status %q, error %v", challenge, got.Status, err)
		}
	}
}

func TestOAuthCheck(t *testing.T) {
	expired := errors.New("expired")
	for mechanism, message := range map[string]string{
		"XOAUTH2":     "user=tim\x01auth=Bearer abc\x01\x01",
		"OAUTHBEARER": "n,a=tim,\x01auth=Bearer abc\x01\x01",
	} {
		var got seen
		if _, err := play(t, Start(mechanism, Config{Check: got.check}), message); err != nil {
			t.Errorf("%s: %v", mechanism, err)
		}
		if got.mechanism != mechanism || got.user != "tim" || got.secret != "abc" {
			t.Errorf("%s: Check got %+v", mechanism, got)
		}
		answer := map[string]string{"XOAUTH2": "", "OAUTHBEARER": "\x01"}[mechanism]
		got.err = expired
		_, err := play(t, Start(mechanism, Config{Check: got.check}), message, answer)
		if !errors.Is(err, expired) || !errors.Is(err, ErrCredentials) || errors.Is(err, ErrMalformed) {
			t.Errorf("%s, expired: %v", mechanism, err)
		}
	}
}

// TestErrorIsStatedOnce verifies that no text of an error has the same part
// twice, if Check returns ErrCredentials by itself or within its own error.
func TestErrorIsStatedOnce(t *testing.T) {
	wrapped := fmt.Errorf("%w: the token has expired", ErrCredentials)
	for _, check := range []struct{ err, want error }{{ErrCredentials, ErrCredentials}, {wrapped, wrapped}, {errors.New("expired"), refused(errors.New("expired"))}} {
		for _, c := range []struct {
			mechanism string
			client    []string
			more      string // after the error
		}{
			{"PLAIN", []string{"\x00tim\x00abc"}, ""},
			{"LOGIN", []string{none, "tim", "abc"}, ""},
			{"XOAUTH2", []string{"user=tim\x01auth=Bearer abc\x01\x01", ""}, ""},
			{"XOAUTH2", []string{"user=tim\x01auth=Bearer abc\x01\x01", "x"}, `; malformed response to the error, not ""`},
			{"OAUTHBEARER", []string{"n,a=tim,\x01auth=Bearer abc\x01\x01", "\x01"}, ""},
			{"OAUTHBEARER", []string{"n,a=tim,\x01auth=Bearer abc\x01\x01", ""}, `; malformed response to the error, not "\x01"`},
		} {
			x := Start(c.mechanism, Config{Check: func(string, string, string, string) error { return check.err }})
			if _, err := play(t, x, c.client...); err == nil || err.Error() != c.mechanism+": "+check.want.Error()+c.more {
				t.Errorf("error %v, want %s: %v%s", err, c.mechanism, check.want, c.more)
			}
		}
	}
}
