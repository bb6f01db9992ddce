package smtptest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"time"
)

// issuer is a certificate authority.
type issuer struct {
	leaf *x509.Certificate
	key  *ecdsa.PrivateKey
}

// authority is the certificate authority of this process. Its key is never
// written anywhere.
var authority = sync.OnceValues(func() (*issuer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "smtptest throw-away authority"},
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
	return &issuer{leaf, key}, err
})

// NewCertificate returns a certificate for the hosts (names, or literal
// addresses), signed by the authority that ClientTLSConfig and RootPEM trust.
// It is valid from 1970, so on the clock of a synctest bubble too, until
// notAfter: a time in the past makes an expired one. It serves servers and
// clients. Problems, of which none is known, panic.
func NewCertificate(notAfter time.Time, hosts ...string) tls.Certificate {
	ca, err := authority()
	if err != nil {
		panic(fmt.Sprintf("smtptest: NewCertificate: %v", err))
	}
	cert, err := ca.issue(notAfter, hosts)
	if err != nil {
		panic(fmt.Sprintf("smtptest: NewCertificate: %v", err))
	}
	return cert
}

func (ca *issuer) issue(notAfter time.Time, hosts []string) (tls.Certificate, error) {
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
		if ip := net.ParseIP(bareHost(host)); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
		if template.Subject.CommonName == "" && len(host) <= 64 {
			template.Subject.CommonName = host
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.leaf, &key.PublicKey, ca.key)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der, ca.leaf.Raw}, PrivateKey: key, Leaf: leaf}, err
}

// bareHost is a domain as it is, and an address literal without what only SMTP
// writes around it (RFC 5321 4.1.3).
func bareHost(host string) string {
	host = strings.Trim(host, "[]")
	const tag = "IPv6:"
	if len(host) > len(tag) && strings.EqualFold(host[:len(tag)], tag) {
		return host[len(tag):]
	}
	return host
}

// locals are the throw-away certificates of this process, by Hostname.
var locals struct {
	sync.Mutex
	certs map[string]tls.Certificate
}

// localCertificate is the throw-away certificate for this machine, made once
// per process and Hostname.
func localCertificate(hostname string) (tls.Certificate, error) {
	locals.Lock()
	defer locals.Unlock()
	if cert, ok := locals.certs[hostname]; ok {
		return cert, nil
	}
	ca, err := authority()
	if err != nil {
		return tls.Certificate{}, err
	}
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	if hostname != "localhost" {
		hosts = append(hosts, hostname)
	}
	cert, err := ca.issue(ca.leaf.NotAfter, hosts)
	if err != nil {
		return tls.Certificate{}, err
	}
	if locals.certs == nil {
		locals.certs = make(map[string]tls.Certificate)
	}
	locals.certs[hostname] = cert
	return cert, nil
}
