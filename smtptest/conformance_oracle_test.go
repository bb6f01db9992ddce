package smtptest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
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
