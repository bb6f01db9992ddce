package smtptest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
	"github.com/google/go-cmp/cmp"
)

// oracleCase is a dialogue recorded from Python's smtpd (testdata/smtpd-oracle.json).
type oracleCase struct {
	Name     string
	Kind     string
	Departs  []string // where smtpd is at odds with the standards
	Config   oracleConfig
	Steps    []oracleStep
	Messages []oracleMessage
	Final    struct {
		Data   *string `json:"received_data"`
		B64    string  `json:"received_data_b64"`
		SHA256 string  `json:"received_data_sha256"`
	}
	Stdout  string              // of DebuggingServer
	Relayed []oracleMessage     // by PureProxy
	Refused []map[string][2]any // by its upstream, for each delivery
	Error   *string             // of the construction
	Family  string
}

type oracleConfig struct {
	DecodeData bool `json:"decode_data"`
	UTF8       bool `json:"enable_SMTPUTF8"`
	Limit      int  `json:"data_size_limit"`
	Server     string
	Replies    []string
	Raises     bool
	Listen     string
	Upstream   struct {
		Refuse map[string]string
		Mail   string `json:"mail_reply"`
		Data   string `json:"data_reply"`
		End    string `json:"end_reply"`
	}
	ListenFails bool `json:"listen_fails"`
	PortInUse   bool `json:"port_in_use"`
}

type oracleStep struct {
	Conn     json.RawMessage
	Send     string
	SendB64  string   `json:"send_b64"`
	Parts    [][2]any `json:"send_parts"`
	Expect   string
	Closed   bool
	Shutdown bool
	Inject   json.RawMessage
	State    *oracleState // absent: as before
}

// oracleState is the documented variables of an SMTPChannel after a step.
type oracleState struct {
	State    string   `json:"smtp_state"`
	Greeting string   `json:"seen_greeting"`
	Extended bool     `json:"extended_smtp"`
	MailFrom *string  `json:"mailfrom"`
	RcptTos  []string `json:"rcpttos"`
}

type oracleMessage struct {
	MailFrom    string   `json:"mailfrom"`
	RcptTos     []string `json:"rcpttos"`
	MailOptions []string `json:"mail_options"`
	RcptOptions []string `json:"rcpt_options"`
	Data        *string  `json:",omitempty"`
	DataB64     string   `json:"data_b64,omitempty"`
	SHA256      string   `json:"data_sha256,omitempty"`
}

// played is what came of a case: the replies to each step, whether the server
// then closed, and the messages that the Handler saw.
type played struct {
	Replies  []string
	Closed   []bool
	Messages []oracleMessage
	Printed  string              // by Debugging
	Relayed  []oracleMessage     `json:",omitempty"` // by Relay
	Refused  []map[string]string `json:",omitempty"` // by its upstream
}

func (s oracleStep) octets() string {
	if s.SendB64 != "" {
		b, err := base64.StdEncoding.DecodeString(s.SendB64)
		if err != nil {
			panic(err)
		}
		return string(b)
	}
	all := s.Send
	for _, p := range s.Parts {
		all += strings.Repeat(p[0].(string), int(p[1].(float64)))
	}
	return all
}

// want is the case as recorded, with our names in the place of smtpd's.
func (c oracleCase) want(peer string) played {
	names := strings.NewReplacer("{fqdn}", "localhost", "{version}", "ESMTP smtptest", "{peer}", peer)
	p := played{Printed: names.Replace(c.Stdout)}
	for _, s := range c.Steps {
		p.Replies = append(p.Replies, names.Replace(s.Expect))
		p.Closed = append(p.Closed, s.Closed)
	}
	for _, m := range c.Messages {
		p.Messages = append(p.Messages, m.normal())
	}
	for _, m := range c.Relayed {
		if m.Data != nil {
			data := names.Replace(*m.Data)
			m.Data = &data
		}
		p.Relayed = append(p.Relayed, m.normal())
	}
	for _, d := range c.Refused {
		refused := map[string]string{}
		for to, reply := range d {
			refused[to] = fmt.Sprintf("%v %v", reply[0], reply[1])
		}
		p.Refused = append(p.Refused, refused)
	}
	return p
}

// normal is the message in the form that both sides are compared in: the
// mailboxes in their least quoted spelling, and a digest of the data.
func (m oracleMessage) normal() oracleMessage {
	if m.MailFrom == "<>" {
		m.MailFrom = ""
	}
	m.MailFrom = wire.LeastQuoted(m.MailFrom)
	for i, to := range m.RcptTos {
		m.RcptTos[i] = wire.LeastQuoted(to)
	}
	if len(m.MailOptions) == 0 {
		m.MailOptions = nil
	}
	if len(m.RcptOptions) == 0 {
		m.RcptOptions = nil
	}
	if b, err := base64.StdEncoding.DecodeString(m.DataB64); err == nil && m.DataB64 != "" {
		text := string(b)
		m.Data, m.DataB64 = &text, ""
	}
	if m.Data != nil {
		sum := sha256.Sum256([]byte(*m.Data))
		m.Data, m.SHA256 = nil, hex.EncodeToString(sum[:])
	}
	return m
}

// seenAsBySMTPD is a message as smtpd hands it over: options in upper case, those
// of RCPT of the last one only, none with decode_data; CRLF turned into LF, and
// no line end after the last line.
func seenAsBySMTPD(m smtptest.Message, decode bool) oracleMessage {
	text := strings.ReplaceAll(strings.TrimSuffix(m.Data, "\r\n"), "\r\n", "\n")
	o := oracleMessage{MailFrom: m.From, RcptTos: m.To, Data: &text}
	if !decode {
		for _, option := range m.MailOptions {
			o.MailOptions = append(o.MailOptions, strings.ToUpper(option))
		}
		for _, option := range m.RcptOptions[len(m.RcptOptions)-1] {
			o.RcptOptions = append(o.RcptOptions, strings.ToUpper(option))
		}
	}
	return o.normal()
}

// oracleCases are those of every testdata/smtpd-oracle*.json.
func oracleCases(t *testing.T) []oracleCase {
	files, err := filepath.Glob("testdata/smtpd-oracle*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no testdata/smtpd-oracle*.json", err)
	}
	var all []oracleCase
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var file struct{ Cases []oracleCase }
		if err := json.Unmarshal(b, &file); err != nil {
			t.Fatal(err)
		}
		all = append(all, file.Cases...)
	}
	return all
}

// mailmanCases are played by the package mailman, which has the MailmanProxy.
const mailmanCases = 18

// TestOracle plays every case against a server made as the recorded one was.
// What is not at odds with the standards must be equal to the letter; the rest
// is equal too, or decided otherwise: see decisions. No case is left out.
func TestOracle(t *testing.T) {
	pinned := readPinned(t)
	ours := map[string]played{}
	var equal, decided, mailman int
	cases := oracleCases(t)
	for _, c := range cases {
		if c.Config.Server == "MailmanProxy" {
			mailman++
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			if c.Kind == "construct" {
				c.construct(t)
				equal++ // or the test has failed
				return
			}
			look := variables{}
			want, got := c.want("127.0.0.1"), c.play(t, &look)
			diff := cmp.Diff(want, got)
			if diff == "" {
				diff = cmp.Diff(c.variables(), look.seen)
			}
			if diff == "" {
				equal++
				t.Run("tcp", c.overTCP)
				return
			}
			if err := undecided(c); err != nil {
				t.Fatalf("%v (-smtpd +ours):\n%s", err, diff)
			}
			decided++
			ours[c.Name] = got
			if diff := cmp.Diff(pinned[c.Name], got); diff != "" && !*update {
				t.Errorf("decided otherwise, and not as pinned (-pinned +got):\n%s", diff)
			}
		})
	}
	writePinned(t, ours)
	if len(pinned) != len(ours) && !*update {
		t.Errorf("%d cases are pinned, %d decided otherwise: run with -update", len(pinned), len(ours))
	}
	if mailman != mailmanCases || equal+decided+mailman != len(cases) {
		t.Errorf("of %d cases %d are equal, %d decided otherwise and %d of MailmanProxy (want %d)", len(cases), equal, decided, mailman, mailmanCases)
	}
	t.Logf("oracle: %d cases: %d equal, %d decided otherwise, %d of MailmanProxy in package mailman, none skipped", len(cases), equal, decided, mailman)
}

// undecided says why a case may not differ from smtpd.
func undecided(c oracleCase) error {
	injects := slices.ContainsFunc(c.Steps, func(s oracleStep) bool { return s.Inject != nil })
	if injects {
		return nil // smtpd's attributes were set from outside; here only a CommandFunc may
	}
	if len(c.Departs) == 0 {
		return errors.New("smtpd does here as the standards say")
	}
	for _, id := range c.Departs {
		if decisions[id].instead == "" {
			return fmt.Errorf("there is no decision on %q", id)
		}
	}
	return nil
}

// decisions are the differences from smtpd, by the departures that
// testdata/smtpd-oracle.json names: what this server does instead, and why.
var decisions = map[string]struct{ instead, why string }{
	"after-quit":            {"nothing after QUIT is carried out", "RFC 5321 4.1.1.10"},
	"command-length":        {"512 octets count CRLF; each extension adds its own octets to its own command", "RFC 5321 4.5.3.1.4, RFC 1870 3"},
	"drop-on-error":         {"unparsable input gets its 5yz, a failing Handler 451; the session goes on", "RFC 5321 3.8"},
	"empty-message":         {"a dot right after DATA ends an empty message", "RFC 5321 4.1.1.4"},
	"helo-domain":           {"the name is a domain or an address literal, else 501; text after it is accepted", "RFC 5321 4.1.1.1"},
	"help-code":             {"HELP answers 214, 504 for an unknown topic", "RFC 5321 4.2.3, 4.3.2"},
	"lenient-path":          {"a path is as the grammar says, else 501; `Server.Lenient` accepts more", "RFC 5321 4.1.2"},
	"local-part-rewritten":  {"local parts are recorded as sent", "RFC 5321 2.4"},
	"no-trace-field":        {"the same: the recorded octets are the client's", "a fake is no relay"},
	"noop-argument":         {"an argument of NOOP is ignored", "RFC 5321 4.1.1.9"},
	"null-forward-path":     {"RCPT TO:<> is 501", "RFC 5321 4.1.1.3"},
	"path-length":           {"local parts have at most 64 octets, domains 255, paths 256", "RFC 5321 4.5.3.1"},
	"quit-argument":         {"QUIT with an argument is 501", "RFC 5321 4.1.1.10, 4.3.2"},
	"rcpt-options-last":     {"each accepted recipient has its own options", "the documentation of process_message"},
	"relay-line-ends":       {"bare CR and LF are handed on unchanged", "RFC 5321 2.3.8"},
	"relay-loses-refusals":  {"the client hears what the upstream refused", "RFC 5321 4.2.5, 6.1"},
	"repeat-greeting":       {"a second HELO or EHLO begins afresh", "RFC 5321 4.1.4"},
	"reply-encoding-sticky": {"replies are ASCII", "RFC 5321 4.2"},
	"reply-octets":          {"what may not stand in a reply is echoed as ?, and cut", "RFC 5321 4.2, 4.5.3.1.5"},
	"shared-limits":         {"limits belong to the session", "RFC 1870 3"},
	"size-count":            {"every CRLF counts, also the last one, which smtpd does not count; doubled dots count once", "RFC 1870 5"},
	"size-unadvertised":     {"SIZE= is 555 where it is not offered", "RFC 5321 4.1.1.11"},
	"strict-parameter":      {"a keyword with a hyphen is unknown (555), no syntax error", "RFC 5321 4.1.2"},
	"stuck-after-552":       {"after too much data the transaction is over", "RFC 5321 4.1.1.4"},
	"syntax-space":          {"the 501 shows MAIL FROM:<address>, which is accepted, without a space", "RFC 5321 3.3"},
	"unchecked-reply":       {"an illegal reply of a Handler fails the test and is 451; a 4yz or 5yz refuses the message; 421 closes", "RFC 5321 4.2, 3.8"},
	"utf8-unasked":          {"UTF-8 needs SMTPUTF8", "RFC 6531 3.1"},
	"verb-folding":          {"verbs are ASCII", "RFC 5321 2.4"},
	"vrfy-502":              {"VRFY without an argument is 501", "RFC 5321 4.2.4"},
}

// What this server answers in the cases that are decided otherwise is pinned;
// -update writes it anew, to be read in the diff.
const pinnedFile = "testdata/smtpd-decided.json"

var update = flag.Bool("update", false, "write golden files anew")

func readPinned(t *testing.T) map[string]played {
	b, err := os.ReadFile(pinnedFile)
	if err != nil && !*update {
		t.Fatal(err)
	}
	pinned := map[string]played{}
	if err == nil {
		if err := json.Unmarshal(b, &pinned); err != nil {
			t.Fatal(err)
		}
	}
	return pinned
}

func writePinned(t *testing.T, ours map[string]played) {
	if !*update {
		return
	}
	b, err := json.MarshalIndent(ours, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(pinnedFile, append(b, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
