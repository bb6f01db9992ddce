package sasl

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"
	"time"
)

func newKey(t testing.TB) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// selfSigned fills in what a certificate needs besides its names and algorithm.
func selfSigned(t testing.TB, key crypto.Signer, template x509.Certificate) tls.Certificate {
	t.Helper()
	template.SerialNumber = big.NewInt(1)
	template.NotBefore = time.Unix(0, 0)
	template.NotAfter = time.Unix(1<<32, 0)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// handshake returns both ends' view of one TLS connection.
func handshake(t testing.TB, server, client *tls.Config) (s, c tls.ConnectionState) {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	server.SessionTicketsDisabled = true // a ticket would wait for a client that reads
	far, near := tls.Server(a, server), tls.Client(b, client)
	failed := make(chan error, 1)
	go func() { failed <- far.Handshake() }()
	if err := near.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	return far.ConnectionState(), near.ConnectionState()
}

// connect makes a connection of the given TLS version.
func connect(t testing.TB, version uint16, cert tls.Certificate) (s, c tls.ConnectionState) {
	t.Helper()
	return handshake(t,
		&tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: version, MaxVersion: version},
		&tls.Config{InsecureSkipVerify: true, ServerName: "mx.example"})
}

// connectAs makes a connection in which the client has a certificate, which the
// server trusts or does not look at.
func connectAs(t testing.TB, names x509.Certificate, trusted bool) *tls.ConnectionState {
	t.Helper()
	key := newKey(t)
	own := selfSigned(t, key, names)
	config := &tls.Config{
		Certificates: []tls.Certificate{selfSigned(t, key, x509.Certificate{Subject: pkix.Name{CommonName: "mx.example"}})},
		ClientAuth:   tls.RequireAnyClientCert,
	}
	if trusted {
		config.ClientAuth = tls.RequireAndVerifyClientCert
		config.ClientCAs = x509.NewCertPool()
		config.ClientCAs.AddCert(own.Leaf)
	}
	state, _ := handshake(t, config, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{own}})
	return &state
}
