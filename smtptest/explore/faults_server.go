package explore

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
)

// wholeFaults returns the faults of the whole run that make sense after the trial
// without faults.
func wholeFaults(tr *trial) []*fault {
	faults := missingExtensions(tr)
	if tr.usesTLS() {
		faults = append(faults,
			badCertificate("expired-certificate", func(host string) tls.Certificate {
				return smtptest.NewCertificate(time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), host)
			}),
			badCertificate("foreign-certificate", foreignCertificate),
			badCertificate("wrong-name-certificate", func(string) tls.Certificate {
				return smtptest.NewCertificate(time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), "other.example.net")
			}))
	}
	return append(faults,
		&fault{name: "nobody", class: setting, always: true, outage: -1},
		&fault{name: "nobody-10-minutes", class: setting, slow: true, outage: 10 * time.Minute},
		&fault{name: "idle-421", class: setting, slow: true, rules: []smtptest.Rule{{On: "IDLE", Delay: 30 * time.Second, Reply: "421 4.4.2 idle for too long"}}})
}

// missingExtensions returns a fault for each line of the EHLO replies after the first.
func missingExtensions(tr *trial) []*fault {
	hellos := helloEvents(tr)
	var keywords []string
	for _, e := range hellos {
		for _, line := range extensionLines(e.Reply) {
			if k := keyword(line); !slices.Contains(keywords, k) {
				keywords = append(keywords, k)
			}
		}
	}
	var faults []*fault
	for _, k := range keywords {
		faults = append(faults, &fault{name: "no-" + k, class: setting, always: true, rules: strip(hellos, k)})
	}
	return faults
}

// helloEvents returns the EHLOs of the first session that has a transaction.
func helloEvents(tr *trial) []event {
	for _, s := range tr.sessions {
		if len(s.Transactions) > 0 {
			return slices.DeleteFunc(eventsOf([]smtptest.Session{s}), func(e event) bool {
				return e.On != "EHLO" && e.On != "LHLO" || e.Reply.Code() != 250
			})
		}
	}
	return nil
}

// extensionLines returns the lines of an EHLO reply that name extensions.
func extensionLines(reply smtptest.Reply) []string {
	lines := strings.Split(strings.ReplaceAll(string(reply), "\r\n", "\n"), "\n")
	return lines[1:]
}

// keyword returns the keyword of a line of an EHLO reply.
func keyword(line string) string {
	word, _, _ := strings.Cut(line[min(4, len(line)):], " ")
	return strings.ToUpper(word)
}

// strip returns the rules that remove an extension from the EHLO replies of a
// session. Rules do that, and not the fields of the server: fields such as RequireTLS
// stay as they are.
func strip(hellos []event, k string) []smtptest.Rule {
	var rules []smtptest.Rule
	for i, e := range hellos {
		stripped := without(e.Reply, k)
		if stripped == e.Reply {
			continue
		}
		r := smtptest.Rule{On: e.On, Reply: stripped}
		if i > 0 {
			r.Skip, r.Per = i, smtptest.PerSession
		}
		if i < len(hellos)-1 && k != "STARTTLS" {
			r.Times, r.Per = 1, smtptest.PerSession
		}
		rules = append(rules, r)
	}
	return rules
}

// without returns the reply without the line of the extension.
func without(reply smtptest.Reply, k string) smtptest.Reply {
	lines := strings.Split(strings.ReplaceAll(string(reply), "\r\n", "\n"), "\n")
	lines = append(lines[:1:1], slices.DeleteFunc(slices.Clone(lines[1:]), func(line string) bool { return keyword(line) == k })...)
	for i, line := range lines {
		separator := "-"
		if i == len(lines)-1 {
			separator = " "
		}
		lines[i] = line[:3] + separator + line[4:]
	}
	return smtptest.Reply(strings.Join(lines, "\n"))
}

// badCertificate returns the fault that the server shows a certificate that a client
// must not trust. It is set twice: Config.Server may start the server.
func badCertificate(name string, make func(host string) tls.Certificate) *fault {
	set := func(srv *smtptest.Server) {
		config := &tls.Config{}
		if srv.TLS != nil {
			config = srv.TLS.Clone()
		}
		config.Certificates = []tls.Certificate{make(srv.Hostname)}
		config.GetCertificate, config.GetConfigForClient = nil, nil
		srv.TLS = config
	}
	return &fault{name: name, class: setting, always: true, cert: true, before: set, setup: set}
}

// foreignCertificate returns a certificate of an authority that nobody trusts. The
// chain ends with the authority of the server, which has not signed it: so
// ClientTLSConfig, which trusts the end of the chain, does not trust this one.
func foreignCertificate(host string) tls.Certificate {
	key := foreignKey()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "foreign"},
		DNSNames:     []string{host, "localhost"},
		NotBefore:    time.Unix(0, 0),
		NotAfter:     time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	issuer := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "foreign authority"}}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, &key.PublicKey, key)
	if err != nil {
		panic(err) // no host is known that causes this
	}
	root, _ := pem.Decode(new(smtptest.Server).RootPEM())
	return tls.Certificate{Certificate: [][]byte{der, root.Bytes}, PrivateKey: key}
}

var foreignKey = sync.OnceValue(func() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	return key
})
