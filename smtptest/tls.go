package smtptest

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/certs"
)

// configureTLS makes the TLS configuration in use. life must be held.
func (s *Server) configureTLS() error {
	s.engine.TLS = nil
	if s.config.TLS == nil && !s.engine.Implicit {
		return nil
	}
	config := &tls.Config{}
	if s.config.TLS != nil {
		config = s.config.TLS.Clone()
	}
	if len(config.Certificates) == 0 && config.GetCertificate == nil { // GetConfigForClient may choose this one
		cert, err := certs.Local(s.hostname())
		if err != nil {
			return err
		}
		config.Certificates = []tls.Certificate{cert}
	}
	for i, cert := range config.Certificates {
		if len(cert.Certificate) == 0 {
			return fmt.Errorf("TLS.Certificates[%d] is empty: check the error of what has made it, such as tls.LoadX509KeyPair", i)
		}
	}
	if config.ClientCAs == nil && config.ClientAuth >= tls.VerifyClientCertIfGiven {
		config.ClientCAs = x509.NewCertPool()
		config.ClientCAs.AppendCertsFromPEM(s.RootPEM())
	}
	s.engine.TLS = config
	return nil
}

// Certificate returns the server's certificate: the first one of TLS, or the
// generated one. It returns nil before Start, and if there is no TLS.
func (s *Server) Certificate() *x509.Certificate {
	if !s.started() || s.engine.TLS == nil {
		return nil
	}
	return certs.For(s.engine.TLS, "")
}

// NewCertificate returns a certificate for the hosts, which are names or literal
// addresses. The authority that [Server.ClientTLSConfig] and [Server.RootPEM]
// trust signs it. It is valid from 1970, and so on the clock of a synctest
// bubble, until notAfter; a time in the past makes an expired certificate. It
// serves servers and clients. If the certificate cannot be generated,
// NewCertificate panics; no host is known that causes this.
func NewCertificate(notAfter time.Time, hosts ...string) tls.Certificate {
	ca, err := certs.Root()
	if err == nil {
		var cert tls.Certificate
		if cert, err = ca.Issue(notAfter, hosts); err == nil {
			return cert
		}
	}
	panic(fmt.Sprintf("smtptest: NewCertificate: %v", err))
}

// ClientTLSConfig is what a client needs to trust the server, whether its
// certificate is the throw-away one, made by NewCertificate or self-signed. Its
// ServerName is the Hostname ("localhost" if that is not set): the throw-away
// certificate is good for it, for localhost, 127.0.0.1 and ::1. Each call returns
// a new one.
func (s *Server) ClientTLSConfig() *tls.Config {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.RootPEM())
	return &tls.Config{RootCAs: roots, ServerName: certs.Bare(s.hostname())}
}

// RootPEM is the certificate authority that a client must trust, in PEM: write
// it to a file for a service that is configured by one (SSL_CERT_FILE). Before
// Start it is the authority of this process.
func (s *Server) RootPEM() []byte {
	var roots []byte
	if ca, err := certs.Root(); err == nil {
		roots = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Leaf.Raw})
	}
	if s.Certificate() == nil {
		return roots
	}
	chain := s.engine.TLS.Certificates[0].Certificate
	if top := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: chain[len(chain)-1]}); !bytes.Equal(top, roots) {
		roots = append(roots, top...)
	}
	return roots
}
