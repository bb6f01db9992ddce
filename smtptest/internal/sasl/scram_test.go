package sasl

import (
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"
)

// vector is an exchange as an RFC prints it.
type vector struct {
	mechanism, nonce, salt                            string
	clientFirst, serverFirst, clientFinal, serverLast string
}

var rfc5802 = vector{ // section 5
	"SCRAM-SHA-1", "3rfcNHYJY1ZVvWVs7j", "QSXCR+Q6sek8bf92",
	"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
	"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
	"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
	"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
}

var rfc7677 = vector{ // section 3
	"SCRAM-SHA-256", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", "W22ZaJ0SNY7soEsUEjb6gQ==",
	"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
	"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
	"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
	"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
}

// start begins an exchange in which the server draws the vector's nonce and salt.
func (v vector) start(c Config) Exchange {
	x := newExchange(v.mechanism, c)
	s := newSCRAM(x)
	s.draw = func(io.Reader) (string, []byte, error) {
		salt, err := base64.StdEncoding.DecodeString(v.salt)
		return v.nonce, salt, err
	}
	x.step = clientFirst(s.first)
	return x
}

func TestSCRAMVectors(t *testing.T) {
	for _, v := range []vector{rfc5802, rfc7677} {
		server := []string{v.serverFirst, v.serverLast}
		row{v.mechanism, "the RFC's example", []string{v.clientFirst, v.clientFinal, ""}, server, nil, "user", ""}.
			run(t, v.start(Config{Password: users}))
		row{v.mechanism + " later", "", []string{none, v.clientFirst, v.clientFinal, ""}, append([]string{""}, server...), nil, "user", ""}.
			run(t, v.start(Config{Password: users}))
		row{v.mechanism + " unknown user", "at the proof, not earlier", []string{v.clientFirst, v.clientFinal}, server[:1], ErrCredentials, "user", ""}.
			run(t, v.start(Config{}))
		row{v.mechanism + " last answer", "it is empty", []string{v.clientFirst, v.clientFinal, "x"}, server, ErrMalformed, "user", ""}.
			run(t, v.start(Config{Password: users}))
	}
}

func TestSCRAMClientFirst(t *testing.T) {
	for _, message := range []string{
		"",               // the initial response =
		"n", "n,", "n,,", // cut off
		"n,,n=user", "n,,r=abc,n=user", // no nonce, order
		"n,,n=,r=abc", "n,,n=user,r=", // empty
		"x,,n=user,r=abc", "p,,n=user,r=abc", "p=,,n=user,r=abc", "p=a_b,,n=user,r=abc", "N,,n=user,r=abc", // flag
		"n,b=x,n=user,r=abc", "n,a=,n=user,r=abc", "n,a=x=,n=user,r=abc", // authzid
		"n,,n=a=b,r=abc", "n,,n=a=2c,r=abc", "n,,n=a=2,r=abc", "n,,n=a==2C,r=abc", // name
		"n,,n=us\x00er,r=abc", "n,,n=us\xffer,r=abc", "n,a=\xff,n=user,r=abc", // octets
		"n,,n=user,r=a c", "n,,n=user,r=a\x7f", "n,,n=user,r=ä", // nonce
		"n,,m=x,n=user,r=abc", "n,,n=user,r=abc,m=x", // mandatory extension
		"n,,n=user,r=abc,", "n,,n=user,r=abc,x", "n,,n=user,r=abc,x=", "n,,n=user,r=abc,1=x", // no extension
		"p=tls-unique,,n=user,r=abc", // binding without -PLUS
	} {
		if server, err := play(t, Start("SCRAM-SHA-256", Config{Password: users}), message); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: %q, error %v", message, server, err)
		}
	}
	for message, user := range map[string]string{
		"n,,n=user,r=abc":            "user",
		"y,,n=user,r=abc":            "user",
		"n,,n=a=2Cb=3Dc,r=abc":       "a,b=c",
		"n,,n==3D2C,r=abc":           "=2C",
		"n,,n=user,r=abc,x=y=z,A=ä":  "user",
		"n,a=x=2Cy,n=straße,r=!~":    "straße",
		"n,,n=nobody at all,r=abc=,": "",
	} {
		x := Start("SCRAM-SHA-256", Config{Password: users})
		if _, _, err := x.Next([]byte(message)); (err != nil) != (user == "") || x.User() != user {
			t.Errorf("%q: user %q, error %v", message, x.User(), err)
		}
	}
}

func TestSCRAMClientFinal(t *testing.T) {
	nonce := strings.TrimSuffix(strings.TrimPrefix(rfc5802.serverFirst, "r="), ",s=QSXCR+Q6sek8bf92,i=4096")
	const proof = "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="
	rows := []struct {
		name, message string
		err           error
	}{
		{"right", "c=biws,r=" + nonce + ",p=" + proof, nil},
		{"wrong proof", "c=biws,r=" + nonce + ",p=V" + proof[1:], ErrCredentials},
		{"client nonce only", "c=biws,r=fyko+d2lbbFgONRv9qkxdawL,p=" + proof, ErrCredentials},
		{"longer nonce", "c=biws,r=" + nonce + "x,p=" + proof, ErrCredentials},
		{"header y", "c=eSws,r=" + nonce + ",p=" + proof, ErrCredentials},
		{"header and data", "c=biwsAAAA,r=" + nonce + ",p=" + proof, ErrCredentials},
		{"extension", "c=biws,r=" + nonce + ",x=y,p=" + proof, ErrCredentials}, // the proof is not of this message
		{"mandatory extension", "c=biws,r=" + nonce + ",m=y,p=" + proof, ErrMalformed},
		{"empty", "", ErrMalformed},
		{"no proof", "c=biws,r=" + nonce, ErrMalformed},
		{"empty proof", "c=biws,r=" + nonce + ",p=", ErrMalformed},
		{"short proof", "c=biws,r=" + nonce + ",p=v0X8", ErrMalformed},
		{"long proof", "c=biws,r=" + nonce + ",p=AAAA" + proof, ErrMalformed},
		{"proof not last", "c=biws,r=" + nonce + ",p=" + proof + ",x=y", ErrMalformed},
		{"proof not base64", "c=biws,r=" + nonce + ",p=*" + proof[1:], ErrMalformed},
		{"proof with line end", "c=biws,r=" + nonce + ",p=" + proof + "\n", ErrMalformed},
		{"trailing bits", "c=biws,r=" + nonce + ",p=v0X8v3Bz2T0CJGbJQyF0X+HI4Tt=", ErrMalformed},
		{"no c", "r=" + nonce + ",x=y,p=" + proof, ErrMalformed},
		{"empty c", "c=,r=" + nonce + ",p=" + proof, ErrMalformed},
		{"c not base64", "c=biw,r=" + nonce + ",p=" + proof, ErrMalformed},
		{"no nonce", "c=biws,x=y,p=" + proof, ErrMalformed},
		{"order", "r=" + nonce + ",c=biws,p=" + proof, ErrMalformed},
		{"no extension", "c=biws,r=" + nonce + ",,p=" + proof, ErrMalformed},
		{"NUL", "c=biws,r=" + nonce + ",x=\x00,p=" + proof, ErrMalformed},
		{"not UTF-8", "c=biws,r=" + nonce + ",x=\xff,p=" + proof, ErrMalformed},
		{"error of a client", "e=other-error", ErrMalformed},
	}
	for _, r := range rows {
		client := []string{rfc5802.clientFirst, r.message}
		if r.err == nil {
			client = append(client, "")
		}
		_, err := play(t, rfc5802.start(Config{Password: users}), client...)
		if !errors.Is(err, r.err) || (r.err == nil) != (err == nil) {
			t.Errorf("%s: error %v, want %v", r.name, err, r.err)
		}
	}
}

// A client that says it could bind, had -PLUS been offered, was lied to if it
// was (RFC 5802 section 6).
func TestSCRAMDowngrade(t *testing.T) {
	c := Config{Password: users, PlusOffered: true}
	for _, name := range []string{"SCRAM-SHA-1", "SCRAM-SHA-256"} {
		_, err := play(t, Start(name, c), "y,,n=user,r=abc")
		if !errors.Is(err, ErrWeak) {
			t.Errorf("%s: y with -PLUS offered: %v", name, err)
		}
		if _, err := (scramClient{user: "user", password: "pencil", gs2: "n,,"}).run(t, name, c); err != nil {
			t.Errorf("%s: n with -PLUS offered: %v", name, err)
		}
		c := Config{Password: users}
		if _, err := (scramClient{user: "user", password: "pencil", gs2: "y,,"}).run(t, name, c); err != nil {
			t.Errorf("%s: y without -PLUS offered: %v", name, err)
		}
	}
}

func TestSCRAMUsers(t *testing.T) {
	rows := []struct {
		name   string
		client scramClient
		err    error
	}{
		{"right", scramClient{user: "user", password: "pencil", gs2: "n,,"}, nil},
		{"encoded", scramClient{user: "a,b=c", password: "p,=w", gs2: "n,,"}, nil},
		{"utf8", scramClient{user: "jörg", password: "straße", gs2: "n,,"}, nil},
		{"empty password", scramClient{user: "pub", password: "", gs2: "n,,"}, nil},
		{"extensions", scramClient{user: "user", password: "pencil", gs2: "n,,", extensions: ",x=1,y=a=b"}, nil},
		{"itself", scramClient{user: "user", password: "pencil", gs2: "n,a=user,"}, nil},
		{"other", scramClient{user: "user", password: "pencil", gs2: "n,a=tim,"}, ErrCredentials},
		{"wrong password", scramClient{user: "user", password: "pencil ", gs2: "n,,"}, ErrCredentials},
		{"unknown user", scramClient{user: "nobody", password: "", gs2: "n,,"}, ErrCredentials},
	}
	for _, r := range rows {
		for _, mechanism := range []string{"SCRAM-SHA-1", "SCRAM-SHA-256"} {
			x, err := r.client.run(t, mechanism, Config{Password: users})
			if !errors.Is(err, r.err) || (r.err == nil) != (err == nil) {
				t.Errorf("%s, %s: %v", mechanism, r.name, err)
			}
			if x.User() != r.client.user {
				t.Errorf("%s, %s: user %q", mechanism, r.name, x.User())
			}
		}
	}
}

func TestSCRAMNonceDiffers(t *testing.T) {
	first, _, _ := Start("SCRAM-SHA-1", Config{}).Next([]byte("n,,n=user,r=abc"))
	second, _, _ := Start("SCRAM-SHA-1", Config{}).Next([]byte("n,,n=user,r=abc"))
	if string(first) == string(second) || !strings.HasPrefix(string(first), "r=abc") {
		t.Errorf("challenges %q and %q", first, second)
	}
}

func BenchmarkSCRAM(b *testing.B) {
	for _, v := range []vector{rfc5802, rfc7677} {
		b.Run(v.mechanism, func(b *testing.B) {
			for b.Loop() {
				x := v.start(Config{Password: users})
				for _, message := range []string{v.clientFirst, v.clientFinal, ""} {
					if _, _, err := x.Next([]byte(message)); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
