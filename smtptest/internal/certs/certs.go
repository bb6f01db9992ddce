// Package certs generates the certificate authority of this process, and
// certificates that it signs. Their keys are written nowhere.
package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"strings"
	"sync"
	"time"
)

// An Authority is a certificate authority.
type Authority struct {
	Leaf *x509.Certificate
	key  *ecdsa.PrivateKey
}

// Root returns the certificate authority of this process, which the first call
// generates.
var Root = sync.OnceValues(func() (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "smtptest generated authority"},
		NotBefore:             time.Unix(0, 0),
		NotAfter:              time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
		SerialNumber:          big.NewInt(1),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	return &Authority{leaf, key}, err
})

// Issue returns a certificate for the hosts, which are names or literal
// addresses. It is valid from 1970, and so on the clock of a synctest bubble,
// until notAfter. It serves servers and clients.
func (ca *Authority) Issue(notAfter time.Time, hosts []string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		NotBefore:    time.Unix(0, 0),
		NotAfter:     notAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(Bare(host)); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
		if template.Subject.CommonName == "" && len(host) <= 64 {
			template.Subject.CommonName = host
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.Leaf, &key.PublicKey, ca.key)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der, ca.Leaf.Raw}, PrivateKey: key, Leaf: leaf}, err
}

// Bare returns a domain unchanged, and an address literal without the brackets
// and the tag that only SMTP writes (RFC 5321 4.1.3).
func Bare(host string) string {
	host = strings.Trim(host, "[]")
	const tag = "IPv6:"
	if len(host) > len(tag) && strings.EqualFold(host[:len(tag)], tag) {
		return host[len(tag):]
	}
	return host
}

// locals holds the results of Local, by host name.
var locals struct {
	sync.Mutex
	certs map[string]tls.Certificate
}

// Local returns a certificate for this machine under the given host name and
// for localhost, 127.0.0.1 and ::1. It is generated once for each process and
// host name.
func Local(hostname string) (tls.Certificate, error) {
	locals.Lock()
	defer locals.Unlock()
	if cert, ok := locals.certs[hostname]; ok {
		return cert, nil
	}
	ca, err := Root()
	if err != nil {
		return tls.Certificate{}, err
	}
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	if hostname != "localhost" {
		hosts = append(hosts, hostname)
	}
	cert, err := ca.Issue(ca.Leaf.NotAfter, hosts)
	if err != nil {
		return tls.Certificate{}, err
	}
	if locals.certs == nil {
		locals.certs = make(map[string]tls.Certificate)
	}
	locals.certs[hostname] = cert
	return cert, nil
}

// For returns the certificate that config shows to a client that asks for the
// name: the first one that is valid for it, else the first one (RFC 6066 3). It
// returns nil if config has none.
func For(config *tls.Config, name string) *x509.Certificate {
	var first *x509.Certificate
	for _, cert := range config.Certificates {
		leaf := cert.Leaf
		if leaf == nil {
			leaf, _ = x509.ParseCertificate(cert.Certificate[0])
		}
		switch {
		case leaf != nil && name != "" && leaf.VerifyHostname(name) == nil:
			return leaf
		case first == nil:
			first = leaf
		}
	}
	return first
}
