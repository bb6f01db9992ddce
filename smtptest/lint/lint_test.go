package lint_test

import (
	"crypto/tls"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/lint"
	"github.com/google/go-cmp/cmp"
)

// A row shows a rule: a dialogue that triggers it, and a near miss that does
// not.
type row struct {
	id     string
	why    string                 // of the near miss: why it is none
	setup  func(*smtptest.Server) // before Start
	script []smtptest.Rule
	tls    func(*tls.Config) // of the client
	bad    []string          // see play
	with   []string          // what else the dialogue is guilty of
	good   []string
	has    []string               // what the near miss is guilty of
	clean  func(*smtptest.Server) // setup of the near miss; nil: the same
	calm   func(*tls.Config)      // tls of the near miss; nil: the same
	mute   bool                   // the script is for the trigger only
}

// client plays a dialogue in a bubble.
type client struct {
	t    *testing.T
	srv  *smtptest.Server
	tls  func(*tls.Config)
	conn net.Conn
	quit bool
}

// play says the lines, each when all that comes back has been read. A line is
// sent with CRLF; "+" sends the rest as it is, "~" waits, and "<" does what it
// names. What is still open at the end is closed by QUIT.
func (c *client) play(lines []string) {
	c.dial()
	for _, line := range lines {
		switch arg := line[min(1, len(line)):]; {
		case strings.HasPrefix(line, "+"):
			c.say(arg)
		case strings.HasPrefix(line, "~"):
			d, err := time.ParseDuration(arg)
			if err != nil {
				c.t.Fatal(err)
			}
			time.Sleep(d)
			c.hear()
		case line == "<close":
			c.conn.Close()
			c.quit = true
		case line == "<cut": // TLS without close_notify
			c.conn.(*tls.Conn).NetConn().Close()
			c.quit = true
		case line == "<stop":
			c.srv.Close()
			c.quit = true
		case line == "<again":
			c.finish()
			c.dial()
		case line == "<tls":
			c.encrypt()
		default:
			c.quit = c.quit || strings.HasPrefix(line, "QUIT")
			c.say(line + "\r\n")
		}
	}
	c.finish()
}

func (c *client) dial() {
	conn, err := c.srv.DialContext(c.t.Context(), "", "")
	if err != nil {
		c.t.Fatal(err)
	}
	c.conn, c.quit = conn, false
	c.hear()
}

func (c *client) finish() {
	if !c.quit {
		c.say("QUIT\r\n")
	}
	c.conn.Close()
	synctest.Wait()
}

func (c *client) say(s string) {
	io.WriteString(c.conn, s) // fails after the server has closed
	c.hear()
}

func (c *client) hear() {
	synctest.Wait()
	c.conn.SetReadDeadline(time.Now().Add(1))
	for buf := make([]byte, 4096); ; {
		if _, err := c.conn.Read(buf); err != nil {
			break
		}
	}
	c.conn.SetReadDeadline(time.Time{})
}

func (c *client) encrypt() {
	config := c.srv.ClientTLSConfig()
	if c.tls != nil {
		c.tls(config)
	}
	conn := tls.Client(c.conn, config)
	conn.Handshake() // what fails is recorded
	c.conn = conn
	c.hear()
}

// findings plays a dialogue and returns the findings, those of rules that are
// off too if they are named.
func findings(t *testing.T, r row, lines []string, also ...string) (found []lint.Finding) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewUnstartedServer(t)
		srv.Extensions = append(srv.Extensions, "CHUNKING", "BINARYMIME", "DSN", "FUTURERELEASE 1000 2100-01-01T00:00:00Z", "DELIVERBY", "MT-PRIORITY", "REQUIRETLS")
		if r.setup != nil {
			r.setup(srv)
		}
		srv.StartInMemory()
		srv.Script(r.script...)
		c := client{t: t, srv: srv, tls: r.tls}
		c.play(lines)
		srv.Close()
		found = lint.Check(srv.Sessions(), also...)
	})
	return found
}

func ids(found []lint.Finding) []string {
	list := []string{}
	for _, f := range found {
		if !slices.Contains(list, f.ID) {
			list = append(list, f.ID)
		}
	}
	slices.Sort(list)
	return list
}

var allRows = slices.Concat(sessionRows, helloRows, commandRows, pathRows, paramRows, tlsRows, authRows, dataRows, acrossRows)

// TestRules holds each rule against its dialogue and its near miss; both must
// show nothing else than what is said.
func TestRules(t *testing.T) {
	for _, r := range allRows {
		t.Run(r.id, func(t *testing.T) {
			want := slices.Sorted(slices.Values(append([]string{r.id}, r.with...)))
			found := findings(t, r, r.bad, r.id)
			if diff := cmp.Diff(want, ids(found)); diff != "" {
				t.Errorf("ids of the trigger (-want +got):\n%s\n%v", diff, found)
			}
			if r.clean != nil {
				r.setup = r.clean
			}
			if r.calm != nil {
				r.tls = r.calm
			}
			if r.mute {
				r.script = nil
			}
			found = findings(t, r, r.good, r.id)
			if diff := cmp.Diff(append([]string{}, r.has...), ids(found)); diff != "" {
				t.Errorf("%s\nids of the near miss (-want +got):\n%s\n%v", r.why, diff, found)
			}
		})
	}
}

// TestEveryRule holds that no rule is without a dialogue and a near miss.
func TestEveryRule(t *testing.T) {
	rows := map[string]row{}
	for _, r := range allRows {
		rows[r.id] = r
	}
	for _, rule := range lint.Rules() {
		if strings.HasPrefix(rule.ID, "mime-") || strings.HasPrefix(rule.ID, "header-") && rule.ID != "header-message-id-reused" {
			continue // see TestEveryContentRuleIsTested
		}
		r, ok := rows[rule.ID]
		if !ok || r.bad == nil || r.good == nil || r.why == "" {
			t.Errorf("%s: no dialogue, or no near miss with its reason", rule.ID)
		}
	}
}

// Pieces of dialogues.
const (
	hi   = "EHLO client.test"
	from = "MAIL FROM:<ann@client.test>"
	to   = "RCPT TO:<bob@test.example>"
)

const header = "Date: Sat, 01 Jan 2000 00:00:00 +0000\r\nFrom: Ann <ann@client.test>\r\nTo: Bob <bob@test.example>\r\n" +
	"Subject: Test\r\nMessage-ID: <1@client.test>\r\n"

// text is a content without fault and with the given lines as its body.
func text(lines ...string) string {
	return header + "\r\n" + strings.Join(lines, "\r\n")
}

// mail is a whole transaction with that body.
func mail(lines ...string) []string { return []string{from, to, "DATA", text(lines...), "."} }

// said joins pieces: strings and lists of them.
func said(pieces ...any) []string {
	var lines []string
	for _, p := range pieces {
		switch p := p.(type) {
		case string:
			lines = append(lines, p)
		case []string:
			lines = append(lines, p...)
		}
	}
	return lines
}

func without(keywords ...string) func(*smtptest.Server) {
	return func(srv *smtptest.Server) {
		srv.Extensions = slices.DeleteFunc(srv.Extensions, func(e string) bool {
			return slices.Contains(keywords, strings.Fields(e)[0])
		})
	}
}
