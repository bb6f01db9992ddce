package sasl

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"errors"
)

var errBinding = errors.New("channel binding not available")

// channelBinding returns the data that names this very TLS connection, or its
// server, on both ends.
func channelBinding(name string, state *tls.ConnectionState, own *x509.Certificate) ([]byte, error) {
	switch {
	case state == nil || !state.HandshakeComplete:
		return nil, errBinding
	case name == "tls-exporter":
		// Not a nil context: RFC 9266 section 2 wants one of length zero, which
		// TLS 1.2 tells from none (RFC 5705 section 4).
		return state.ExportKeyingMaterial("EXPORTER-Channel-Binding", []byte{}, 32)
	case name == "tls-unique" && len(state.TLSUnique) > 0:
		// TLS 1.3 has none (RFC 8446 appendix C.5).
		return state.TLSUnique, nil
	case name == "tls-server-end-point" && own != nil:
		return endPoint(own)
	}
	return nil, errBinding
}

// endPoint hashes a certificate with the hash of its signature, or SHA-256 in
// place of MD5 and SHA-1 (RFC 5929 section 4.1). A signature without a hash of
// its own, as Ed25519, has no such binding.
func endPoint(c *x509.Certificate) ([]byte, error) {
	switch c.SignatureAlgorithm {
	case x509.MD5WithRSA, x509.SHA1WithRSA, x509.ECDSAWithSHA1,
		x509.SHA256WithRSA, x509.SHA256WithRSAPSS, x509.ECDSAWithSHA256:
		sum := sha256.Sum256(c.Raw)
		return sum[:], nil
	case x509.SHA384WithRSA, x509.SHA384WithRSAPSS, x509.ECDSAWithSHA384:
		sum := sha512.Sum384(c.Raw)
		return sum[:], nil
	case x509.SHA512WithRSA, x509.SHA512WithRSAPSS, x509.ECDSAWithSHA512:
		sum := sha512.Sum512(c.Raw)
		return sum[:], nil
	}
	return nil, errBinding
}
