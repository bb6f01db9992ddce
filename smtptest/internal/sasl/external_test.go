package sasl

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"testing"
)

func TestExternal(t *testing.T) {
	full := connectAs(t, x509.Certificate{
		Subject:        pkix.Name{CommonName: "Tim"},
		DNSNames:       []string{"client.example"},
		EmailAddresses: []string{"tim@example.com", "tom@example.com"},
	}, true)
	dns := connectAs(t, x509.Certificate{Subject: pkix.Name{CommonName: "Tim"}, DNSNames: []string{"client.example"}}, true)
	cn := connectAs(t, x509.Certificate{Subject: pkix.Name{CommonName: "Tim"}}, true)
	nameless := connectAs(t, x509.Certificate{Subject: pkix.Name{Country: []string{"CH"}}}, true)
	unverified := connectAs(t, x509.Certificate{Subject: pkix.Name{CommonName: "Tim"}}, false)
	anonymous, _ := connect(t, tls.VersionTLS13, selfSigned(t, newKey(t), x509.Certificate{}))

	rows := []struct {
		row
		tls *tls.ConnectionState
	}{
		{row{"empty", "RFC 4422 appendix A: the user is the certificate's", []string{""}, nil, nil, "tim@example.com", ""}, full},
		{row{"later", "", []string{none, ""}, []string{""}, nil, "tim@example.com", ""}, full},
		{row{"itself", "", []string{"tim@example.com"}, nil, nil, "tim@example.com", "tim@example.com"}, full},
		{row{"second name", "all names are the client's", []string{"tom@example.com"}, nil, nil, "tim@example.com", "tom@example.com"}, full},
		{row{"common name", "all names are the client's", []string{"Tim"}, nil, nil, "tim@example.com", "Tim"}, full},
		{row{"other", "", []string{"root"}, nil, ErrCredentials, "tim@example.com", "root"}, full},
		{row{"dns", "no mail address", []string{""}, nil, nil, "client.example", ""}, dns},
		{row{"cn", "no subject alternative name", []string{""}, nil, nil, "Tim", ""}, cn},
		{row{"nameless", "", []string{""}, nil, ErrCredentials, "", ""}, nameless},
		{row{"nameless claim", "", []string{"Tim"}, nil, ErrCredentials, "", "Tim"}, nameless},
		{row{"unverified", "anyone can sign a name", []string{""}, nil, ErrCredentials, "Tim", ""}, unverified},
		{row{"no certificate", "", []string{""}, nil, ErrCredentials, "", ""}, &anonymous},
		{row{"clear", "", []string{""}, nil, ErrCredentials, "", ""}, nil},
		{row{"clear claim", "", []string{"Tim"}, nil, ErrCredentials, "", "Tim"}, nil},
		{row{"NUL", "RFC 4422 appendix A.1", []string{"Ti\x00m"}, nil, ErrMalformed, "", "Ti\x00m"}, full},
		{row{"not UTF-8", "RFC 4422 appendix A.1", []string{"\xff"}, nil, ErrMalformed, "", "\xff"}, full},
	}
	for _, r := range rows {
		r.run(t, Start("EXTERNAL", Config{TLS: r.tls, Password: users}))
	}
}

func TestExternalCheck(t *testing.T) {
	unverified := connectAs(t, x509.Certificate{Subject: pkix.Name{CommonName: "Tim"}}, false)
	unknown := errors.New("unknown certificate")
	for _, r := range []struct {
		tls     *tls.ConnectionState
		authzid string
		want    seen
	}{
		{unverified, "", seen{"EXTERNAL", "", "Tim", "", nil}},
		{unverified, "root", seen{"EXTERNAL", "root", "Tim", "root", nil}},
		{unverified, "root", seen{"EXTERNAL", "root", "Tim", "root", unknown}},
		{nil, "root", seen{"EXTERNAL", "root", "root", "root", nil}},
		{nil, "", seen{"EXTERNAL", "", "", "", unknown}},
	} {
		got := seen{err: r.want.err}
		_, err := play(t, Start("EXTERNAL", Config{TLS: r.tls, Check: got.check}), r.authzid)
		if got != r.want {
			t.Errorf("Check got %+v, want %+v", got, r.want)
		}
		if !errors.Is(err, r.want.err) || (err == nil) != (r.want.err == nil) {
			t.Errorf("error %v, want %v", err, r.want.err)
		}
	}
}
