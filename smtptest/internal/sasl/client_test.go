package sasl

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"io"
	"strings"
	"testing"
)

// scramClient is the other side of SCRAM, written from RFC 5802 section 3.
type scramClient struct {
	user, password string
	gs2            string // header
	data           []byte // channel binding
	extensions     string // of its last message
}

// run plays the client's part and returns the server's verdict. A server that
// accepts the client without knowing the password itself fails the test.
func (c scramClient) run(t *testing.T, mechanism string, config Config) (Exchange, error) {
	t.Helper()
	x := Start(mechanism, config)
	bare := "n=" + strings.NewReplacer(",", "=2C", "=", "=3D").Replace(c.user) + ",r=Zm9vYmFy"
	challenge, done, err := x.Next([]byte(c.gs2 + bare))
	if done {
		return x, err
	}
	final, signature := c.final(t, mechanism, bare, string(challenge))
	if challenge, done, err = x.Next([]byte(final)); done {
		if err == nil {
			t.Error("success without the server's signature")
		}
		return x, err
	}
	if string(challenge) != "v="+signature {
		t.Errorf("server's signature is %q, want %q", challenge, signature)
	}
	if challenge, done, err = x.Next([]byte{}); !done {
		t.Errorf("not over, but %q", challenge)
	}
	return x, err
}

func (c scramClient) final(t *testing.T, mechanism, bare, serverFirst string) (message, signature string) {
	t.Helper()
	var nonce, salt string
	var count int
	fields := strings.NewReplacer(",s=", " ", ",i=", " ").Replace(serverFirst)
	if n, err := fmt.Sscanf(fields, "r=%s %s %d", &nonce, &salt, &count); n != 3 || !strings.HasPrefix(nonce, "Zm9vYmFy") {
		t.Fatalf("%q: %v", serverFirst, err)
	}
	octets, err := base64.StdEncoding.DecodeString(salt)
	if err != nil || len(octets) < 8 || count < 4096 {
		t.Fatalf("%q: %v", serverFirst, err)
	}
	bound := base64.StdEncoding.EncodeToString(append([]byte(c.gs2), c.data...))
	message = "c=" + bound + ",r=" + nonce + c.extensions
	h := sha256.New
	if strings.HasPrefix(mechanism, "SCRAM-SHA-1") {
		h = sha1.New
	}
	proof, signature := scramKeys(t, h, c.password, octets, count, bare+","+serverFirst+","+message)
	return message + ",p=" + proof, signature
}

func scramKeys(t *testing.T, h func() hash.Hash, password string, salt []byte, count int, message string) (proof, signature string) {
	t.Helper()
	salted, err := pbkdf2.Key(h, password, salt, count, h().Size())
	if err != nil {
		t.Fatal(err)
	}
	mac := func(key []byte, text string) []byte {
		m := hmac.New(h, key)
		io.WriteString(m, text)
		return m.Sum(nil)
	}
	clientKey := mac(salted, "Client Key")
	stored := h()
	stored.Write(clientKey)
	for i, b := range mac(stored.Sum(nil), message) {
		clientKey[i] ^= b
	}
	return base64.StdEncoding.EncodeToString(clientKey),
		base64.StdEncoding.EncodeToString(mac(mac(salted, "Server Key"), message))
}

// FuzzSCRAM: a client gets in with its password and with no other, whatever
// octets name and password have.
func FuzzSCRAM(f *testing.F) {
	f.Add("user", "pencil", "")
	f.Add("a,b=c", "p,=w", "=2C")
	f.Add("\u00e9", "\x00\xff", "pencil")
	f.Fuzz(func(t *testing.T, user, password, other string) {
		config := Config{Password: func(name string) (string, bool) { return password, name == user }}
		for _, mechanism := range []string{"SCRAM-SHA-1", "SCRAM-SHA-256"} {
			x, err := scramClient{user: user, password: password, gs2: "n,,"}.run(t, mechanism, config)
			if err == nil && x.User() != user {
				t.Errorf("user %q", x.User())
			}
			if err != nil && !badName(user) {
				t.Errorf("%s: %v", mechanism, err)
			}
			_, err = scramClient{user: user, password: other, gs2: "n,,"}.run(t, mechanism, config)
			if err == nil && hmacKey(other) != hmacKey(password) {
				t.Errorf("%s: success with %q", mechanism, other)
			}
		}
	})
}

// badName tells the names that RFC 5802 section 7 cannot express.
func badName(name string) bool {
	return name == "" || strings.ToValidUTF8(name, "") != name || strings.Contains(name, "\x00")
}

// hmacKey is what a short password is as a key of HMAC: NULs at its end are lost
// (RFC 2104 section 2).
func hmacKey(password string) string {
	if len(password) > 64 {
		return password
	}
	return strings.TrimRight(password, "\x00")
}
