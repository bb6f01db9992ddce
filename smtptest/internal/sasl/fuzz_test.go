package sasl

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"testing"
)

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// FuzzExchange: whatever a client says, an exchange does not panic, ends within
// a few rounds, and does not succeed without the password, which no input
// contains. A line of script is one response; the nonces are known, so that
// inputs can get as far as the proof.
func FuzzExchange(f *testing.F) {
	cert := selfSigned(f, newKey(f), x509.Certificate{})
	state, _ := connect(f, tls.VersionTLS12, cert)
	state.TLSUnique = []byte("unique")
	password := rand.Text()
	config := Config{
		Password:    func(user string) (string, bool) { return password, user != "nobody" },
		TLS:         &state,
		Certificate: cert.Leaf,
		Rand:        zeros{},
	}
	seedExchanges(f)
	f.Fuzz(func(t *testing.T, mechanism byte, initial, offered bool, script []byte) {
		config := config
		config.PlusOffered = offered
		x := Start(Names()[int(mechanism)%len(Names())], config)
		if !initial {
			script = append([]byte("\n"), script...)
		}
		for i, response := range bytes.Split(script, []byte("\n")) {
			if i == 0 && !initial {
				response = nil
			}
			challenge, done, err := x.Next(response)
			switch {
			case done && err == nil:
				t.Fatalf("success after %q", script)
			case !done && (err != nil || challenge == nil):
				t.Fatalf("neither a challenge nor the end: %q, %v", challenge, err)
			case done && challenge != nil:
				t.Fatalf("challenge %q at the end", challenge)
			case !done && i > 3:
				t.Fatalf("round %d", i)
			}
		}
	})
}

// seedExchanges adds what a client says that gets everything right but the
// password.
func seedExchanges(f *testing.F) {
	const nonce = "AAAAAAAAAAAAAAAAAAAAAAAA"
	encode := base64.StdEncoding.EncodeToString
	final := func(gs2 string, size int) string {
		return gs2 + "n=user,r=abc\nc=" + encode([]byte(gs2)) + ",r=abc" + nonce + ",p=" + encode(make([]byte, size)) + "\n"
	}
	bound := "c=" + encode([]byte("p=tls-unique,,unique")) + ",r=abc" + nonce + ",p=" + encode(make([]byte, 32))
	scripts := map[string][]string{
		"EXTERNAL":           {"", "user"},
		"SCRAM-SHA-256-PLUS": {"p=tls-unique,,n=user,r=abc\n" + bound, "p=tls-exporter,a=x=2C,n=user,r=abc", "p=tls-server-end-point,,n=user,r=abc"},
		"SCRAM-SHA-1-PLUS":   {final("p=tls-unique,,", 20)},
		"SCRAM-SHA-256":      {final("n,,", 32), final("y,,", 32), final("n,a=user,", 32)},
		"SCRAM-SHA-1":        {final("n,,", 20), "n,,n=nobody,r=abc"},
		"CRAM-MD5":           {"user b913a602c7eda7a495b4e6e7334d3890"},
		"OAUTHBEARER":        {"n,a=user,\x01host=mx\x01auth=Bearer t\x01\x01\n\x01", "n,,\x01\x01"},
		"XOAUTH2":            {"user=user\x01auth=Bearer t\x01\x01\n"},
		"PLAIN":              {"\x00user\x00wrong", "x\x00nobody\x00wrong"},
		"LOGIN":              {"user\nwrong", "nobody\n"},
	}
	for i, name := range Names() {
		for _, script := range scripts[name] {
			f.Add(byte(i), true, false, []byte(script))
			f.Add(byte(i), false, true, []byte(script))
		}
	}
}
