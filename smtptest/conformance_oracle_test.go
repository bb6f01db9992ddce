package smtptest_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

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
	Stdout   string // of DebuggingServer
}

type oracleConfig struct {
	DecodeData bool `json:"decode_data"`
	UTF8       bool `json:"enable_SMTPUTF8"`
	Limit      int  `json:"data_size_limit"`
	Server     string
	Replies    []string
	Raises     bool
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
	Printed  string // by Debugging
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
func (c oracleCase) want() played {
	names := strings.NewReplacer("{fqdn}", "localhost", "{version}", "ESMTP smtptest", "{peer}", "127.0.0.1")
	p := played{Printed: names.Replace(c.Stdout)}
	for _, s := range c.Steps {
		p.Replies = append(p.Replies, names.Replace(s.Expect))
		p.Closed = append(p.Closed, s.Closed)
	}
	for _, m := range c.Messages {
		p.Messages = append(p.Messages, m.normal())
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

// server is the case's smtpd, as one of ours. The returned function gives the
// messages that its Handler saw; a DebuggingServer prints them.
func (c oracleCase) server(tb smtptest.TB, printed io.Writer) (*smtptest.Server, func() []oracleMessage) {
	srv := smtptest.NewUnstartedServer(tb)
	srv.Extensions, srv.SizeLimit = nil, -1
	if c.Config.Limit > 0 {
		srv.Extensions, srv.SizeLimit = []string{"SIZE"}, int64(c.Config.Limit)
	}
	if !c.Config.DecodeData {
		srv.Extensions = append(srv.Extensions, "8BITMIME")
	}
	if c.Config.UTF8 {
		srv.Extensions = append(srv.Extensions, "SMTPUTF8")
	}
	srv.Extensions = append(srv.Extensions, "HELP")
	var mu sync.Mutex
	var seen []oracleMessage
	if c.Config.Server == "DebuggingServer" {
		srv.Handler = smtptest.Debugging(printed)
		if c.Config.DecodeData {
			srv.Handler = smtptest.DebuggingText(printed)
		}
		return srv, func() []oracleMessage { return nil }
	}
	srv.Handler = smtptest.HandlerFunc(func(_ context.Context, m smtptest.Message) smtptest.Reply {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, seenAsBySMTPD(m, c.Config.DecodeData))
		if c.Config.Raises {
			panic("process_message failed")
		}
		if n := len(seen); n <= len(c.Config.Replies) {
			return smtptest.Reply(c.Config.Replies[n-1])
		}
		return ""
	})
	return srv, func() []oracleMessage {
		mu.Lock()
		defer mu.Unlock()
		return seen
	}
}

// play runs a case in memory, where synctest.Wait shows that nothing else comes
// back.
func (c oracleCase) play(t *testing.T) (got played) {
	synctest.Test(t, func(t *testing.T) {
		var printed bytes.Buffer
		srv, messages := c.server(&fakeTB{}, &printed) // illegal replies of its Handler are failures
		srv.StartInMemory()
		defer srv.Close()
		clients := map[string]*listener{}
		for _, s := range c.Steps {
			client := clients[string(s.Conn)]
			if client == nil {
				client = listenTo(dial(t, srv))
				clients[string(s.Conn)] = client
			}
			client.say(turn{send: s.octets(), shut: s.Shutdown})
			got.Replies = append(got.Replies, client.heard())
			got.Closed = append(got.Closed, client.ended())
		}
		srv.Close()
		got.Messages, got.Printed = messages(), printed.String()
	})
	return got
}

// overTCP runs a case that is equal over TCP: the same replies in the same
// order.
func (c oracleCase) overTCP(t *testing.T) {
	srv, _ := c.server(t, io.Discard)
	srv.Start()
	want := c.want()
	clients := map[string]interface{ Close() error }{}
	for i, s := range c.Steps {
		conn, ok := clients[string(s.Conn)].(interface {
			Close() error
			Write([]byte) (int, error)
			Read([]byte) (int, error)
		})
		if !ok {
			fresh := dial(t, srv)
			clients[string(s.Conn)], conn = fresh, fresh
		}
		if _, err := conn.Write([]byte(s.octets())); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		if s.Shutdown {
			conn.(interface{ CloseWrite() error }).CloseWrite()
		}
		got, err := readN(conn, len(want.Replies[i]))
		if got != want.Replies[i] {
			t.Fatalf("step %d, %q: %v, replies (-want +got):\n%s", i, short(s.octets()), err, cmp.Diff(want.Replies[i], got))
		}
	}
}

func readN(r interface{ Read([]byte) (int, error) }, n int) (string, error) {
	buf := make([]byte, n)
	for have := 0; have < n; {
		m, err := r.Read(buf[have:])
		have += m
		if err != nil {
			return string(buf[:have]), err
		}
	}
	return string(buf), nil
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

// TestOracle plays every dialogue against a server configured as the recorded
// one was. What is not at odds with the standards must be equal to the letter;
// the rest is equal too, or decided otherwise: see decisions.
func TestOracle(t *testing.T) {
	pinned := readPinned(t)
	ours := map[string]played{}
	var equal, decided, elsewhere int
	for _, c := range oracleCases(t) {
		if c.Kind != "dialogue" || strings.HasSuffix(c.Config.Server, "Proxy") {
			elsewhere++
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			want, got := c.want(), c.play(t)
			diff := cmp.Diff(want, got)
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
	t.Logf("oracle: %d dialogues equal, %d decided otherwise, %d of proxies and construction not in this table", equal, decided, elsewhere)
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
