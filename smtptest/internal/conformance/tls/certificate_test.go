package tls_test

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

// TestClientCertificates: those of NewCertificate are taken where certificates
// are asked for and ClientCAs says nothing, and EXTERNAL knows the client by it.
func TestClientCertificates(t *testing.T) {
	ours := smtptest.NewCertificate(time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC), "client.test")
	late := smtptest.NewCertificate(time.Unix(1, 0), "client.test")
	for _, test := range []struct {
		name  string
		auth  tls.ClientAuthType
		certs []tls.Certificate
		talk  []string // after EHLO; nil: the handshake fails
		known bool     // EXTERNAL is offered
		user  string
	}{
		{"required and given", tls.RequireAndVerifyClientCert, []tls.Certificate{ours}, []string{"C: AUTH EXTERNAL =", "S: 235 2.7.0 Authentication successful"}, true, "client.test"},
		{"as another", tls.RequireAndVerifyClientCert, []tls.Certificate{ours}, []string{"C: AUTH EXTERNAL " + play.Base64("ann"), "S: 535 5.7.8 Authentication credentials invalid"}, true, ""},
		{"if given", tls.VerifyClientCertIfGiven, nil, []string{"C: AUTH EXTERNAL =", "S: 504 5.5.4 Unrecognized authentication type"}, false, ""},
		{"unverified", tls.RequestClientCert, []tls.Certificate{late}, []string{"C: AUTH EXTERNAL =", "S: 504 5.5.4 Unrecognized authentication type"}, false, ""},
		{"required and missing", tls.RequireAndVerifyClientCert, nil, nil, false, ""},
		{"expired", tls.RequireAndVerifyClientCert, []tls.Certificate{late}, nil, false, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := smtptest.NewUnstartedServer(t)
				srv.TLS, srv.Users = &tls.Config{ClientAuth: test.auth}, map[string]string{}
				srv.StartInMemory()
				config := srv.ClientTLSConfig()
				config.Certificates = test.certs
				c := upgrade(t, srv, play.SayEHLOTLS, config)
				mechanisms := "AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN"
				if test.known {
					mechanisms = "AUTH EXTERNAL" + mechanisms[4:]
				}
				err := play.Converse(c, play.StepsOf(play.Talk(play.EHLOWith(mechanisms), test.talk)))
				if (err != nil) != (test.talk == nil) {
					t.Error(err)
				}
				c.Close()
				s := srv.WaitSession(func(smtptest.Session) bool { return true })
				if s.User != test.user || (s.End == smtptest.EndTLS) != (test.talk == nil) {
					t.Errorf("User = %q, End = %q", s.User, s.End)
				}
			})
		})
	}
}

// TestNegotiated: what was agreed on is recorded.
func TestNegotiated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewUnstartedServer(t)
		srv.TLS = &tls.Config{NextProtos: []string{"smtp"}}
		srv.StartTLSInMemory()
		config := srv.ClientTLSConfig()
		config.MaxVersion, config.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}
		config.ServerName, config.NextProtos = "127.0.0.1", []string{"smtp"}
		c := tls.Client(play.Dial(t, srv), config)
		if err := play.Converse(c, play.StepsOf(play.Talk("S: "+play.Greeting, play.SayQuit))); err != nil {
			t.Fatal(err)
		}
		s := srv.WaitSession(func(smtptest.Session) bool { return true })
		want := &smtptest.TLSInfo{Version: "TLS 1.2", CipherSuite: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", ALPN: "smtp", Cert: srv.Certificate().Raw}
		if diff := cmp.Diff(want, s.TLS); diff != "" {
			t.Errorf("TLS mismatch (-want +got):\n%s", diff)
		}
	})
}

const rootEnv = "SMTPTEST_ROOT"

// TestProcessKeys: another process has another authority.
func TestProcessKeys(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.Close()
	root := srv.RootPEM()
	if os.Getenv(rootEnv) != "" {
		os.Stdout.Write(root)
		return
	}
	out, err := play.RunElsewhere(rootEnv, "^TestProcessKeys$")
	if err != nil || !strings.Contains(out, "BEGIN CERTIFICATE") || strings.Contains(out, string(root)) {
		t.Errorf("the other process says, %v:\n%s\nhere it is\n%s", err, out, root)
	}
}

// TestCertificate: the throw-away certificate is good for this machine under
// each of its names and for the Hostname, on any clock from 1970 on, and is made
// once; a client that has RootPEM trusts it.
func TestCertificate(t *testing.T) {
	for _, hostname := range []string{"", "mx.example.com", "[192.0.2.1]", "[IPv6:2001:db8::1]"} {
		started := func() *smtptest.Server {
			srv := smtptest.NewUnstartedServer(t)
			srv.Hostname, srv.TLS = hostname, &tls.Config{}
			srv.Start()
			return srv
		}
		srv := started()
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(srv.RootPEM()) {
			t.Fatal("RootPEM() holds no certificate")
		}
		for _, name := range []string{"localhost", "127.0.0.1", "::1", srv.ClientTLSConfig().ServerName} {
			for _, year := range []int{1971, 2000, 2099} {
				at := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
				if _, err := srv.Certificate().Verify(x509.VerifyOptions{DNSName: name, Roots: roots, CurrentTime: at}); err != nil {
					t.Errorf("Hostname %q: %v", hostname, err)
				}
			}
		}
		if srv.Certificate().VerifyHostname("other.test") == nil {
			t.Errorf("Hostname %q: good for other names too", hostname)
		}
		if second := started(); !second.Certificate().Equal(srv.Certificate()) {
			t.Errorf("Hostname %q: made twice", hostname)
		}
	}
	if before := smtptest.NewUnstartedServer(nil); before.Certificate() != nil || len(before.RootPEM()) == 0 {
		t.Error("before Start there is no certificate, but an authority")
	}
}

// TestCertificateBeside: the throw-away certificate serves too where a function
// of TLS looks at the client's hello and chooses no configuration.
func TestCertificateBeside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewUnstartedServer(t)
		name := ""
		srv.TLS = &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			name = hello.ServerName
			return nil, nil
		}}
		srv.StartTLSInMemory()
		if err := play.Converse(tls.Client(play.Dial(t, srv), srv.ClientTLSConfig()), play.StepsOf(play.Talk("S: "+play.Greeting, play.SayQuit))); err != nil {
			t.Fatal(err)
		}
		if name != "localhost" || srv.Certificate() == nil {
			t.Errorf("ServerName = %q, Certificate() = %v", name, srv.Certificate())
		}
	})
}
