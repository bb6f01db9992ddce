package sasl

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"testing"
)

// clientBinding is what a client finds on its own end of a connection.
func clientBinding(t *testing.T, name string, state tls.ConnectionState) []byte {
	t.Helper()
	switch name {
	case "tls-unique":
		return state.TLSUnique
	case "tls-server-end-point": // the test's certificates are signed with SHA-256
		sum := sha256.Sum256(state.PeerCertificates[0].Raw)
		return sum[:]
	}
	data, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", []byte{}, 32)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestChannelBinding(t *testing.T) {
	cert := selfSigned(t, newKey(t), x509.Certificate{DNSNames: []string{"mx.example"}})
	other := selfSigned(t, newKey(t), x509.Certificate{DNSNames: []string{"mx.example"}})
	rows := []struct {
		name    string
		version uint16
		ok      bool
	}{
		{"tls-exporter", tls.VersionTLS13, true},
		{"tls-exporter", tls.VersionTLS12, true}, // RFC 9266 section 4.2: with extended master secret
		{"tls-unique", tls.VersionTLS12, true},
		{"tls-unique", tls.VersionTLS13, false}, // RFC 8446 appendix C.5
		{"tls-server-end-point", tls.VersionTLS12, true},
		{"tls-server-end-point", tls.VersionTLS13, true},
		{"tls-unknown", tls.VersionTLS13, false},
	}
	for _, r := range rows {
		server, client := connect(t, r.version, cert)
		middle, elsewhere := connect(t, r.version, other)
		config := Config{Password: users, TLS: &server, Certificate: cert.Leaf, PlusOffered: true}
		right := scramClient{user: "user", password: "pencil", gs2: "p=" + r.name + ",,", data: clientBinding(t, r.name, client)}
		wrong := right
		wrong.data = clientBinding(t, r.name, elsewhere)
		for _, mechanism := range []string{"SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"} {
			_, err := right.run(t, mechanism, config)
			if (err == nil) != r.ok || !r.ok && !errors.Is(err, ErrCredentials) {
				t.Errorf("%s, %s: %v", mechanism, r.name, err)
			}
			if _, err := wrong.run(t, mechanism, config); !errors.Is(err, ErrCredentials) {
				t.Errorf("%s, %s of another connection: %v", mechanism, r.name, err)
			}
			relayed := Config{Password: users, TLS: &middle, Certificate: other.Leaf}
			if _, err := right.run(t, mechanism, relayed); !errors.Is(err, ErrCredentials) {
				t.Errorf("%s, %s through a man in the middle: %v", mechanism, r.name, err)
			}
		}
	}
}

func TestChannelBindingMisused(t *testing.T) {
	cert := selfSigned(t, newKey(t), x509.Certificate{})
	server, client := connect(t, tls.VersionTLS13, cert)
	data := clientBinding(t, "tls-exporter", client)
	offered := Config{Password: users, TLS: &server, Certificate: cert.Leaf, PlusOffered: true}
	rows := []struct {
		name, mechanism string
		config          Config
		gs2             string
		data            []byte
		want            error
	}{
		{"no data", "SCRAM-SHA-256-PLUS", offered, "p=tls-exporter,,", nil, ErrCredentials},
		{"data cut", "SCRAM-SHA-256-PLUS", offered, "p=tls-exporter,,", data[:31], ErrCredentials},
		{"data of another type", "SCRAM-SHA-256-PLUS", offered, "p=tls-server-end-point,,", data, ErrCredentials},
		{"case of the type", "SCRAM-SHA-256-PLUS", offered, "p=TLS-exporter,,", data, ErrCredentials},
		{"flag n", "SCRAM-SHA-256-PLUS", offered, "n,,", nil, ErrMalformed},
		{"flag y", "SCRAM-SHA-256-PLUS", offered, "y,,", nil, ErrMalformed},
		{"not the -PLUS mechanism", "SCRAM-SHA-256", offered, "p=tls-exporter,,", data, ErrMalformed},
		{"in clear", "SCRAM-SHA-256-PLUS", Config{Password: users}, "p=tls-exporter,,", data, ErrCredentials},
		{"no handshake", "SCRAM-SHA-256-PLUS", Config{Password: users, TLS: &tls.ConnectionState{}}, "p=tls-exporter,,", data, ErrCredentials},
		{"no certificate", "SCRAM-SHA-256-PLUS", Config{Password: users, TLS: &server}, "p=tls-server-end-point,,", data, ErrCredentials},
	}
	for _, r := range rows {
		c := scramClient{user: "user", password: "pencil", gs2: r.gs2, data: r.data}
		if _, err := c.run(t, r.mechanism, r.config); !errors.Is(err, r.want) {
			t.Errorf("%s: %v, want %v", r.name, err, r.want)
		}
	}
}

func TestEndPoint(t *testing.T) {
	raw := []byte("certificate")
	sha256 := sha256.Sum256(raw)
	sha384 := sha512.Sum384(raw)
	sha512 := sha512.Sum512(raw)
	for algorithm, want := range map[x509.SignatureAlgorithm][]byte{
		x509.MD5WithRSA: sha256[:], x509.SHA1WithRSA: sha256[:], x509.ECDSAWithSHA1: sha256[:],
		x509.SHA256WithRSA: sha256[:], x509.SHA256WithRSAPSS: sha256[:], x509.ECDSAWithSHA256: sha256[:],
		x509.SHA384WithRSA: sha384[:], x509.SHA384WithRSAPSS: sha384[:], x509.ECDSAWithSHA384: sha384[:],
		x509.SHA512WithRSA: sha512[:], x509.SHA512WithRSAPSS: sha512[:], x509.ECDSAWithSHA512: sha512[:],
		x509.PureEd25519: nil, x509.UnknownSignatureAlgorithm: nil,
	} {
		got, err := endPoint(&x509.Certificate{Raw: raw, SignatureAlgorithm: algorithm})
		if !bytes.Equal(got, want) || (err == nil) != (want != nil) {
			t.Errorf("%v: %x, error %v", algorithm, got, err)
		}
	}
}

// A certificate that has no end-point binding leaves the other types.
func TestChannelBindingEd25519(t *testing.T) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := selfSigned(t, key, x509.Certificate{})
	server, client := connect(t, tls.VersionTLS13, cert)
	config := Config{Password: users, TLS: &server, Certificate: cert.Leaf}
	for name, ok := range map[string]bool{"tls-exporter": true, "tls-server-end-point": false} {
		c := scramClient{user: "user", password: "pencil", gs2: "p=" + name + ",,", data: clientBinding(t, name, client)}
		if _, err := c.run(t, "SCRAM-SHA-256-PLUS", config); (err == nil) != ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
