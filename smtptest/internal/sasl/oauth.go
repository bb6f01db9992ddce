package sasl

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// What is said to a client whose token is refused, before it may acknowledge
// that and be refused: RFC 7628 section 3.2.2, and the form that Google
// documents for XOAUTH2.
const (
	bearerInvalid = `{"status":"invalid_token","scope":"mail"}`
	bearerUnclear = `{"status":"invalid_request","scope":"mail"}`
	xoauthInvalid = `{"status":"401","schemes":"bearer","scope":"mail"}`
)

func (x *exchange) startXOAuth2() step { return clientFirst(x.xoauth2) }

// xoauth2 takes "user=" user ^A "auth=Bearer " token ^A ^A.
func (x *exchange) xoauth2(response []byte) ([]byte, step, error) {
	message, ended := strings.CutSuffix(string(response), "\x01\x01")
	fields := strings.Split(message, "\x01")
	if !ended || len(fields) != 2 {
		return nil, nil, malformed("not user=, ^A, auth=, ^A, ^A")
	}
	user, ok := strings.CutPrefix(fields[0], "user=")
	if !ok || user == "" || !utf8.ValidString(user) {
		return nil, nil, malformed("no user=")
	}
	auth, ok := strings.CutPrefix(fields[1], "auth=")
	token, bearer := bearerToken(auth)
	if !ok || !bearer {
		return nil, nil, malformed("no auth=Bearer")
	}
	x.user = user
	if err := x.verify(token); err != nil {
		return acknowledged(xoauthInvalid, "", err)
	}
	return nil, nil, nil
}

func (x *exchange) startOAuthBearer() step { return clientFirst(x.oauthBearer) }

// oauthBearer takes the message of RFC 7628 section 3.1: a GS2 header, then
// ^A key=value ... ^A ^A. A message without a bearer token keeps to that
// grammar, so it is refused as a wrong token is: with a JSON challenge.
func (x *exchange) oauthBearer(response []byte) ([]byte, step, error) {
	if !utf8.Valid(response) {
		return nil, nil, malformed("not UTF-8")
	}
	header, rest, err := cutGS2(string(response))
	if err != nil {
		return nil, nil, err
	}
	if header.flag == 'p' {
		return nil, nil, malformed("channel binding in a mechanism that has none")
	}
	auth, err := keyValues(rest)
	if err != nil {
		return nil, nil, err
	}
	x.authzid, x.user = header.authzid, header.authzid
	token, ok := bearerToken(auth)
	if !ok {
		return acknowledged(bearerUnclear, "\x01", refused(errors.New("no bearer token")))
	}
	if err := x.verify(token); err != nil {
		return acknowledged(bearerInvalid, "\x01", err)
	}
	return nil, nil, nil
}

// keyValues returns the value of "auth" in ^A *(key "=" value ^A) ^A
// (RFC 7628 section 3.1), "" if there is none. Unknown keys are allowed.
func keyValues(s string) (auth string, err error) {
	s, begun := strings.CutPrefix(s, "\x01")
	s, ended := strings.CutSuffix(s, "\x01")
	if !begun || !ended {
		return "", malformed("not between two ^A")
	}
	seen := false
	for s != "" {
		pair, rest, ok := strings.Cut(s, "\x01")
		key, value, assigned := strings.Cut(pair, "=")
		switch {
		case !ok:
			return "", malformed("one ^A at the end")
		case !assigned || key == "" || strings.ContainsFunc(key, func(r rune) bool { return !isAlpha(r) }):
			return "", malformed("not key=value")
		case strings.ContainsFunc(value, func(r rune) bool { return r > '~' || r < ' ' && !strings.ContainsRune("\t\r\n", r) }):
			return "", malformed("value with characters that are not ASCII text")
		case key == "auth" && seen:
			return "", malformed("two auth=")
		case key == "auth":
			auth, seen = value, true
		}
		s = rest
	}
	return auth, nil
}

// bearerToken takes the token from an HTTP Authorization value (RFC 6750
// section 2.1); the scheme's name is case-insensitive (RFC 9110 section 11.1).
func bearerToken(auth string) (token string, ok bool) {
	scheme, token, _ := strings.Cut(auth, " ")
	token = strings.TrimLeft(token, " ")
	return token, strings.EqualFold(scheme, "Bearer") && token != ""
}

// acknowledged sends an error challenge; the exchange fails with err when the
// client has answered it, and ErrMalformed beside it if not with answer. The
// error does not quote the client, which may have sent its token again.
func acknowledged(challenge, answer string, err error) ([]byte, step, error) {
	return []byte(challenge), func(response []byte) ([]byte, step, error) {
		if string(response) != answer {
			err = fmt.Errorf("%w; %w to the error, not %q", err, ErrMalformed, answer)
		}
		return nil, nil, err
	}, nil
}
