package sasl

import (
	"cmp"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"
)

func (x *exchange) startExternal() step { return clientFirst(x.external) }

// external takes the authorization identity, which may be empty (RFC 4422
// appendix A). The user is the first name in the client's certificate: a mail
// address, a DNS name, or the common name. Check may do without a certificate;
// the user is then whom the client claims to be.
func (x *exchange) external(response []byte) ([]byte, step, error) {
	x.authzid = string(response)
	if !utf8.Valid(response) || strings.Contains(x.authzid, "\x00") {
		return nil, nil, malformed("the authorization identity is not UTF-8 without NUL")
	}
	names := x.certificateNames()
	x.user = append(names, "")[0]
	if x.Check != nil {
		x.user = cmp.Or(x.user, x.authzid)
		return nil, nil, x.verify(x.authzid)
	}
	switch {
	case x.TLS == nil || len(x.TLS.VerifiedChains) == 0:
		return nil, nil, refused(errors.New("no verified client certificate"))
	case len(names) == 0:
		return nil, nil, refused(errors.New("no name in the client certificate"))
	case slices.Contains(names, x.authzid):
		return nil, nil, nil
	}
	return nil, nil, x.authorize()
}

// certificateNames are the names by which the client's certificate, verified or
// not, knows it.
func (x *exchange) certificateNames() []string {
	if x.TLS == nil || len(x.TLS.PeerCertificates) == 0 {
		return nil
	}
	return subjectNames(x.TLS.PeerCertificates[0])
}

func subjectNames(c *x509.Certificate) []string {
	names := slices.Concat(c.EmailAddresses, c.DNSNames, []string{c.Subject.CommonName})
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}
