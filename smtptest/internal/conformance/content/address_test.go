package content_test

import (
	"io"
	"net/mail"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// TestAddresses verifies what is read of address lists (RFC 5322 3.4), and that
// Problems reports what was guessed. An address is written as "name|address".
func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		sent, want, problem string
	}{
		// Correct lists.
		{"a@x.test", "|a@x.test", ""},
		{"Ann <a@x.test>, b@x.test", "Ann|a@x.test, |b@x.test", ""},
		{"Ann<a@x.test>,<b@x.test>", "Ann|a@x.test, |b@x.test", ""},
		{"\"Doe, Jo\\\"hn\" <j@x.test>", "Doe, Jo\"hn|j@x.test", ""},
		{"\"Dr.\" Ann <a@x.test>", "Dr. Ann|a@x.test", ""},
		{"John Q. Public <j@x.test>", "John Q. Public|j@x.test", ""},
		{"Ann\n\tB. <a@x.test>,\n b@x.test", "Ann B.|a@x.test, |b@x.test", ""},
		{"Team: a@x.test, B <b@x.test>;, c@x.test", "|a@x.test, B|b@x.test, |c@x.test", ""},
		{"\"A, B\": a@x.test; , C:;", "|a@x.test", ""},
		{"undisclosed-recipients:;", "", ""},
		{"a@x.test (Ann)", "Ann|a@x.test", ""},
		{"Ann (Sales) <a@x.test> (x)", "Ann|a@x.test", ""},
		{"a@x.test (=?utf-8?q?J=C3=B6rg?=)", "Jörg|a@x.test", ""},
		{"a@[192.0.2.1], b@[IPv6:2001:db8::1]", "|a@[192.0.2.1], |b@[IPv6:2001:db8::1]", ""},
		{"\"a b\"@x.test, <\"c@d\"@x.test>", "|a b@x.test, |c@d@x.test", ""},
		{"Jörg <jörg@exämple.test>", "Jörg|jörg@exämple.test", ""},
		{"=?utf-8?q?J=C3=B6rg?= <j@x.test>", "Jörg|j@x.test", ""},
		{"=?iso-8859-1?q?J=F6rg?=\n =?iso-8859-1?q?_M=FCller?= <j@x.test>", "Jörg Müller|j@x.test", ""},
		{"=?utf-8?b?Sg==?= \"Q.\" =?utf-8?q?=C3=BC?= <j@x.test>", "J Q. ü|j@x.test", ""},
		{"=?utf-8?q?Doe=2C_John?= <j@x.test>", "Doe, John|j@x.test", ""},
		{"", "", ""},
		// Obsolete syntax (RFC 5322 4.4).
		{"a@x.test,, b@x.test,", "|a@x.test, |b@x.test", ""},
		{"a @ x.test", "|a@x.test", ""},
		{"a . b @ x . test", "|a.b@x.test", ""},
		{"<@r1.test,@r2.test:a@x.test>", "|a@x.test", ""},
		{"(only a comment)", "", ""},
		// Broken senders.
		{"Doe, John <j@x.test>", "Doe, John|j@x.test", "comma in a name"},
		{"a@x.test, Doe, John, MD <j@x.test>, b@x.test", "|a@x.test, Doe, John, MD|j@x.test, |b@x.test", "comma in a name"},
		{"Team: Doe, John <j@x.test>;", "Doe, John|j@x.test", "comma in a name"},
		{"=?utf-8?q?D=C3=B6?=, John <j@x.test>", "Dö, John|j@x.test", "comma in a name"},
		{"a@x.test; b@x.test", "|a@x.test, |b@x.test", "semicolon"},
		{"Ann <a@x.test>; Bob <b@x.test>;", "Ann|a@x.test, Bob|b@x.test", "semicolon"},
		{"a@x.test b@x.test", "|a@x.test, |b@x.test", "no comma"},
		{"Ann <a@x.test> Bob <b@x.test>", "Ann|a@x.test, Bob|b@x.test", "no comma"},
		{"Ann <a@x.test", "Ann|a@x.test", "not closed"},
		{"Ann <a@x.test, Bob <b@x.test>", "Ann|a@x.test, Bob|b@x.test", "not closed"},
		{"Ann a@x.test>", "Ann|a@x.test", "> without its <"},
		{"<<a@x.test>>", "|a@x.test", "doubled"},
		{"Ann a@x.test", "Ann|a@x.test", "without angle brackets"},
		{"a@x.test <a@x.test>", "a@x.test|a@x.test", "special character"},
		{"'a@x.test' <a@x.test>", "'a@x.test'|a@x.test", "special character"},
		{"Ann [Sales] <a@x.test>", "Ann [Sales]|a@x.test", "special character"},
		{"\"Ann <a@x.test>", "Ann|a@x.test", "quotation mark"},
		{"Ann (x <a@x.test>", "Ann x|a@x.test", "comment"},
		{"<a@x.test> Ann", "Ann|a@x.test", "name after"},
		{"<a b@x.test>", "|a b@x.test", "breaks the syntax"},
		{"a@x.test.", "|a@x.test.", "breaks the syntax"},
		{"a@b@x.test", "|a@b@x.test", "breaks the syntax"},
		{"root", "|root", "without a domain"},
		{"root, b@x.test", "|root, |b@x.test", "without a domain"},
		{"Ann <root>", "Ann|root", "without a domain"},
		{"undisclosed recipients", "", "no address"},
		{"Ann <>", "", "empty address"},
		{"Undisclosed recipients:", "", "without its end"},
		{"Team: a@x.test, b@x.test", "|a@x.test, |b@x.test", "without its end"},
		{"a@x.test: b@x.test", "|a@x.test, |b@x.test", "colon"},
		{"mailto:a@x.test", "|a@x.test", "mailto:"},
		{"Ann <mailto:a@x.test>", "Ann|a@x.test", "mailto:"},
		{"J\xf6rg <j@x.test>", "J\uFFFDrg|j@x.test", "no UTF-8"},
		{"\"=?utf-8?q?J=C3=B6rg?=\" <j@x.test>", "Jörg|j@x.test", "in quotes"},
		{"\"=?utf-8?q?Doe,_J=C3=B6rg?=\" <j@x.test>", "Doe, Jörg|j@x.test", "in quotes"},
		{"=?utf-8?q?Doe,_J=C3=B6rg?= <j@x.test>", "Doe, Jörg|j@x.test", "must encode"},
		{"=?utf-8?q?J=C3=B6rg <j@x.test>?=", "Jörg|j@x.test", "encoded word"},
		{"=?utf-8?q?J=C3=B6rg_=3Cj=40x.test=3E?=", "Jörg|j@x.test", "within an encoded word"},
		{"=?utf-8?q?j=40x.test?=", "|j@x.test", "within an encoded word"},
		{"=?utf-8?q?J=C3=B6rg <j@x.test>", "=?utf-8?q?J=C3=B6rg|j@x.test", "without its end"},
		{"=?utf-8?b?SsO2cmc?= <j@x.test>", "Jörg|j@x.test", "padding"},
		{"=?x-klingon?q?J?= <j@x.test>", "=?x-klingon?q?J?=|j@x.test", "not known"},
		{"=?utf-8?q?J=C3?= =?utf-8?q?=B6rg?= <j@x.test>", "Jörg|j@x.test", "divided"},
	} {
		t.Run(c.sent, func(t *testing.T) {
			for _, field := range []string{"To", "From", "Sender", "Reply-To", "Cc", "Bcc", "Resent-To", "Resent-From", "Disposition-Notification-To"} {
				m := messageOf(field + ": " + c.sent + "\n\nx")
				if diff := cmp.Diff(c.want, written(m.Addresses(strings.ToLower(field)))); diff != "" {
					t.Errorf("Addresses(%q) mismatch (-want +got):\n%s", field, diff)
				}
				checkProblem(t, m, c.problem)
			}
		})
	}
}

func written(list []mail.Address) string {
	var all []string
	for _, a := range list {
		all = append(all, a.Name+"|"+a.Address)
	}
	return strings.Join(all, ", ")
}

// TestAddressesOfFields verifies that the addresses of all fields of a name are
// returned, and those of any field.
func TestAddressesOfFields(t *testing.T) {
	m := messageOf("To: a@x.test\nX-Other: Ann <c@x.test>\nTO: b@x.test\n\nx")
	for field, want := range map[string]string{"To": "|a@x.test, |b@x.test", "x-other": "Ann|c@x.test", "Cc": ""} {
		if got := written(m.Addresses(field)); got != want {
			t.Errorf("Addresses(%q) = %s, want %s", field, got, want)
		}
	}
	if got := m.Addresses("Cc"); got != nil {
		t.Errorf("Addresses() = %#v, want nil", got)
	}
	if got := (smtptest.Message{}).Addresses(""); got != nil {
		t.Errorf("Addresses() of the zero Message = %#v, want nil", got)
	}
}

// TestAddressesCharset verifies that names are decoded in any charset that
// CharsetReader knows.
func TestAddressesCharset(t *testing.T) {
	t.Cleanup(func() { smtptest.CharsetReader = nil })
	smtptest.CharsetReader = func(_ string, input io.Reader) (io.Reader, error) {
		b, err := io.ReadAll(input)
		return strings.NewReader(strings.ToUpper(string(b))), err
	}
	m := messageOf("To: =?x-loud?q?ann?= <a@x.test>, \"=?x-loud?b?Ym9i?=\" <b@x.test>, c@x.test (=?x-loud?q?c?=)\n\n")
	if got, want := written(m.Addresses("To")), "ANN|a@x.test, BOB|b@x.test, C|c@x.test"; got != want {
		t.Errorf("Addresses() = %s, want %s", got, want)
	}
}

// TestAddressesAsNetMail verifies that a correct list is read as net/mail reads it.
func TestAddressesAsNetMail(t *testing.T) {
	for _, list := range []string{
		`Ann <a@x.test>, "B, C" <b@x.test>, G: d@x.test, "e f"@x.test;, =?utf-8?q?J=C3=B6rg?= <j@x.test>, k@x.test (Kay)`,
		`a.b@[192.0.2.1], <a@x.test>, "A B." <c@x.test>, "\"" <d@x.test>`,
		`a@x.test ( Ann  B. ), b@x.test (first) (second)`,
		`"A"(c)"B" <b@x.test>, "C"(c)D <d@x.test>, E (c) F <f@x.test>`,
	} {
		want, err := mail.ParseAddressList(list)
		if err != nil {
			t.Fatal(list, err)
		}
		m := messageOf("To: " + list + "\n\n")
		got := m.Addresses("To")
		if len(got) != len(want) || m.Problems() != nil {
			t.Fatalf("%s: %d addresses, want %d; Problems() = %q", list, len(got), len(want), m.Problems())
		}
		for i := range want {
			if got[i] != *want[i] {
				t.Errorf("%s: address %d is %q, want %q", list, i, got[i], *want[i])
			}
		}
	}
}
