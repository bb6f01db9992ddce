package sasl

import (
	"strings"
	"unicode/utf8"
)

func (x *exchange) startPlain() step { return clientFirst(x.plain) }

// plain takes PLAIN's only message, [authzid] NUL authcid NUL passwd
// (RFC 4616 section 2).
func (x *exchange) plain(response []byte) ([]byte, step, error) {
	parts := strings.Split(string(response), "\x00")
	switch {
	case len(parts) != 3:
		return nil, nil, malformed("not two NULs")
	case !utf8.Valid(response):
		return nil, nil, malformed("not UTF-8")
	case parts[1] == "":
		return nil, nil, malformed("no user name")
	case parts[2] == "":
		return nil, nil, malformed("no password")
	}
	x.authzid, x.user = parts[0], parts[1]
	return nil, nil, x.verify(parts[2])
}

func (x *exchange) startLogin() step { return x.login }

// login begins LOGIN, whose first prompt is left out for a client that sent the
// user name at once. Some clients know the prompts by these very words.
func (x *exchange) login(response []byte) ([]byte, step, error) {
	if response == nil {
		return []byte("Username:"), x.loginUser, nil
	}
	return x.loginUser(response)
}

// loginUser takes any octets, as loginPassword does: there is no grammar.
func (x *exchange) loginUser(response []byte) ([]byte, step, error) {
	x.user = string(response)
	return []byte("Password:"), x.loginPassword, nil
}

func (x *exchange) loginPassword(response []byte) ([]byte, step, error) {
	return nil, nil, x.verify(string(response))
}
