package verbs_test

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

// TestRepliesBeforeWaiting verifies that a client has all replies so far before its
// session waits for the test's own code or for a rule, although it has sent
// everything in one write. So no Close takes away the reply to a recorded message.
func TestRepliesBeforeWaiting(t *testing.T) {
	type setup = func(srv *smtptest.Server, block func())
	cond := func(on string) setup {
		return func(srv *smtptest.Server, block func()) {
			srv.Script(smtptest.Rule{On: on, If: func(smtptest.Event) bool { block(); return true }, Delay: 1})
		}
	}
	waits := func(rule smtptest.Rule) setup {
		return func(srv *smtptest.Server, _ func()) { srv.Script(rule) }
	}
	command := func(verb string, f func(*smtptest.Channel)) setup {
		return func(srv *smtptest.Server, block func()) {
			play.WithCommand(verb, func(ch *smtptest.Channel, _ string) smtptest.Reply { f(ch); block(); return "" })(srv)
		}
	}
	process := func(srv *smtptest.Server, block func()) {
		play.WithHandler(func(_ context.Context, m smtptest.Message) smtptest.Reply {
			if m.Data != "text\r\n" {
				block()
			}
			return ""
		})(srv)
	}
	authenticate := func(srv *smtptest.Server, block func()) {
		srv.Authenticate = func(smtptest.Credentials) bool { block(); return true }
	}
	parameter := func(srv *smtptest.Server, block func()) {
		srv.Parameters = map[string]func(string) error{"X": func(string) error { block(); return nil }}
	}
	message := play.Talk(play.SayMail, play.SayRcpt, play.SayData, play.SayText)
	envelope := play.Talk(message, play.SayMail, play.SayRcpt)
	chunk := play.Talk(play.SayMail, play.SayRcpt, "C+ BDAT 1\r\nx", "S: 250 2.0.0 1 octet received")
	for _, test := range []struct {
		name  string
		setup setup
		talk  []string // ends with what the session waits at
	}{
		{"If on a verb", cond("NOOP"), play.Talk(message, "C: NOOP")},
		{"If on MAIL", cond("MAIL FROM:<x@*>"), play.Talk(message, "C: MAIL FROM:<x@client.test>")},
		{"If on RCPT", cond("RCPT TO:<x@*>"), play.Talk(envelope, "C: RCPT TO:<x@server.test>")},
		{"If on BODY", cond("BODY 9"), play.Talk(envelope, play.SayData, "C: 9 octets")},
		{"If on a chunk", cond("BODY 20"), play.Talk(message, chunk, "C+ BDAT 20\r\n12345678901234567890")},
		{"If on RESPONSE", cond("RESPONSE"), play.Talk(message, "C: AUTH PLAIN", "S: 334 ", "C: AGFubgBzZWNyZXQ=")},
		{"If on TLS", cond("TLS"), play.Talk(message, "C: STARTTLS", "S: "+play.TLSReady)},
		{"If on an unknown verb", cond("*"), play.Talk("C: XFOO")},
		{"CommandFunc", command("XFOO", func(*smtptest.Channel) {}), play.Talk(message, "C: XFOO")},
		{"CommandFunc for a built-in verb", command("NOOP", func(*smtptest.Channel) {}), play.Talk(message, "C: NOOP")},
		{"CommandFunc for BDAT", command("BDAT", func(*smtptest.Channel) {}), play.Talk(message, play.SayMail, play.SayRcpt, "C+ BDAT 1\r\nx")},
		{"CommandFunc after Ask", command("XFOO", func(ch *smtptest.Channel) { ch.Ask("350 go on") }), play.Talk(message, "C: XFOO", "S: 350 go on", "C: yes")},
		{"Handler", process, play.Talk(envelope, play.SayData, "C: more", "C: .")},
		{"Handler for chunks", process, play.Talk(message, chunk, "C: BDAT 0 LAST")},
		{"Authenticate", authenticate, play.Talk(message, "C: AUTH PLAIN AGFubgBzZWNyZXQ=")},
		{"Authenticate after a RESPONSE", authenticate, play.Talk(message, "C: AUTH PLAIN", "S: 334 ", "C: AGFubgBzZWNyZXQ=")},
		{"Parameters of MAIL", parameter, play.Talk(message, "C: MAIL FROM:<a@client.test> X")},
		{"Parameters of RCPT", parameter, play.Talk(message, play.SayMail, "C: RCPT TO:<a@client.test> X")},
		{"Delay", waits(smtptest.Rule{On: "NOOP", Delay: smtptest.Forever}), play.Talk(message, "C: NOOP")},
		{"Delay of the next message", waits(smtptest.Rule{On: ".", Skip: 1, Delay: time.Hour}), play.Talk(envelope, play.SayData, "C: text", "C: .")},
		{"Delay of the content", waits(smtptest.Rule{On: "BODY 20", Delay: time.Hour}), play.Talk(envelope, "C+ BDAT 20\r\n12345678901234567890")},
		{"Hold", waits(smtptest.Rule{On: "NOOP", Then: smtptest.Hold}), play.Talk(message, "C: NOOP")},
		{"Pause of a reply", waits(smtptest.Rule{On: "NOOP", Reply: "250-a\n250 b", Chunk: smtptest.ByLine, Pause: time.Hour}), play.Talk(message, "C: NOOP", "S: 250-a")},
		{"Pause of the content", waits(smtptest.Rule{On: "BODY", Chunk: 1, Pause: time.Hour}), play.Talk(chunk, "C+ BDAT 20\r\n12345678901234567890")},
	} {
		t.Run(test.name, func(t *testing.T) { checkBefore(t, test.setup, play.Joined(play.StepsOf(test.talk))) })
	}
}

// checkBefore plays all after EHLO in one write. When nothing more happens the
// client must have what it expects, and Close must end at once if the test's own
// code returns.
func checkBefore(t *testing.T, setup func(*smtptest.Server, func()), all play.Step) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewUnstartedServer(t)
		srv.Extensions = []string{"CHUNKING", "PIPELINING", "ENHANCEDSTATUSCODES"}
		play.WithTLS(srv)
		play.WithUsers(srv)
		srv.ClearMechanisms = []string{"PLAIN"}
		release := make(chan struct{})
		setup(srv, func() { <-release })
		srv.StartInMemory()
		c := play.Listen(play.Dial(t, srv))
		c.Say(play.Step{Send: "EHLO client.test\r\n"})
		c.Heard()
		c.Say(all)
		if diff := cmp.Diff(all.Expect, c.Heard()); diff != "" {
			t.Errorf("replies (-want +got):\n%s", diff)
		}
		began := time.Now()
		time.AfterFunc(time.Second, func() { close(release) })
		srv.Close()
		if took := time.Since(began); took > time.Second {
			t.Errorf("Close took %v", took)
		}
		if n := strings.Count(all.Expect, play.GoAhead); srv.Count() > n {
			t.Errorf("Count() = %d, but the client has the reply to at most %d", srv.Count(), n)
		}
	})
}

// TestRepliesBeforeNextRecipient verifies the same for the replies of LMTP to one
// message: it is recorded with the first of them.
func TestRepliesBeforeNextRecipient(t *testing.T) {
	for name, rule := range map[string]smtptest.Rule{
		"If":    {On: ". <c@server.test>", Reply: "450 no"},
		"Delay": {On: ". <c@server.test>", Delay: smtptest.Forever},
		"Hold":  {On: ". <c@server.test>", Then: smtptest.Hold},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := smtptest.NewUnstartedServer(t)
				srv.LMTP = true
				srv.StartInMemory()
				release := make(chan struct{})
				if name == "If" {
					rule.If = func(smtptest.Event) bool { <-release; return true }
				}
				srv.Script(rule)
				c := play.Listen(play.Dial(t, srv))
				c.Say(play.Step{Send: "LHLO client.test\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<b@server.test>\r\nRCPT TO:<c@server.test>\r\nDATA\r\ntext\r\n.\r\n"})
				if got := c.Heard(); srv.Count() != 1 || !strings.HasSuffix(got, play.GoAhead+"\r\n"+play.OK+"\r\n") {
					t.Errorf("Count() = %d, replies %q", srv.Count(), got)
				}
				close(release)
			})
		})
	}
}

// TestCloseBehindMessage verifies over a network that a client gets the 250 of its
// message if the server closes while the next command waits for an If, whether the
// If runs or waits for its turn.
func TestCloseBehindMessage(t *testing.T) {
	play.Networks(t, func(t *testing.T, start func(*smtptest.Server)) {
		srv := smtptest.NewUnstartedServer(t)
		reached, release := make(chan struct{}), make(chan struct{})
		srv.Script(smtptest.Rule{On: "NOOP", If: func(smtptest.Event) bool { close(reached); <-release; return true }, Reply: "250 no", Times: 1})
		start(srv)
		clients := [2]net.Conn{}
		for i := range clients {
			clients[i] = play.Arrive(t, srv, play.InData)
			io.WriteString(clients[i], "text\r\n.\r\nNOOP\r\n")
			srv.Wait(i + 1)
			if i == 0 {
				<-reached
			}
		}
		var closing sync.WaitGroup
		closing.Go(srv.Close)
		for i, c := range clients {
			if got, err := io.ReadAll(c); string(got) != play.OK+"\r\n" {
				t.Errorf("client %d has %q, %v", i+1, got, err)
			}
		}
		close(release)
		closing.Wait()
	})
}
