package smtptest_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

// transcriptLines are the lines of a transcript: nothing that a client sends is
// in them that cannot be printed.
var transcriptLines = regexp.MustCompile(`^(?:(?:C: |S: |-- )[\pL\pM\pN\pP\pS ]*\n)*$`)

// FuzzSession feeds a session anything: it answers each command with a
// well-formed reply, the same whether the octets come in one write or one by
// one, records the same, and ends when the client does.
func FuzzSession(f *testing.F) {
	for _, talk := range play.PathTo {
		f.Add(play.Joined(play.StepsOf(talk)).Send)
	}
	f.Add("EHLO a\r\nMAIL FROM:<\"a> b\"@c.d> SIZE=10 BODY=8BITMIME RET=FULL\r\nRCPT TO:<b@c.d> NOTIFY=NEVER\r\nDATA\r\n..x\r\n.y\r\n\r.\n\r\n.\r\nQUIT\r\n")
	f.Add("EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<Postmaster>\r\nBDAT 3\r\nabcBDAT 0 LAST\r\nBDAT 1\r\nxRSET\r\nAUTH PLAIN AGEAYg==\r\nAUTH LOGIN\r\n*\r\n")
	f.Add("\r\n \r\nNOOP\nNOOP\rNOOP\r\n" + strings.Repeat("x", 1100) + "\r\nHELP MAIL\r\nVRFY \xff\r\nSTARTTLS\r\n")
	f.Fuzz(func(t *testing.T, sent string) {
		if len(sent) > 4000 {
			return
		}
		said, messages := feed(t, sent)
		said1, messages1 := feed(t, strings.Split(sent, "")...)
		if said != said1 {
			t.Errorf("%q: the answers differ (-one write +octet by octet):\n%s", sent, cmp.Diff(said, said1))
		}
		if diff := cmp.Diff(messages, messages1); diff != "" {
			t.Errorf("%q: the records differ (-one write +octet by octet):\n%s", sent, diff)
		}
	})
}

// feed sends the pieces to a server that offers much, and returns what it said
// and recorded.
func feed(t *testing.T, pieces ...string) (said string, messages []smtptest.Message) {
	synctest.Test(t, func(t *testing.T) {
		srv := offersMuch(t)
		srv.StartInMemory()
		c := play.Listen(play.Dial(t, srv))
		synctest.Wait()
		for _, p := range pieces {
			c.Say(play.Step{Send: p})
		}
		c.Close()
		s := srv.WaitSession(func(smtptest.Session) bool { return true })
		synctest.Wait()
		said, messages = c.Heard(), play.Envelopes(srv.Messages())
		answeredAll(t, s, said)
		consistent(t, s, messages)
		if got := s.Transcript(); !transcriptLines.MatchString(got) {
			t.Errorf("%q: Transcript() has other lines:\n%q", pieces, got)
		}
	})
	return said, messages
}

func offersMuch(t *testing.T) *smtptest.Server {
	srv := smtptest.NewUnstartedServer(t)
	srv.Extensions = append(srv.Extensions, "CHUNKING", "BINARYMIME", "DSN", "DELIVERBY", "FUTURERELEASE", "MT-PRIORITY")
	srv.Users = map[string]string{"a": "b"}
	srv.Mechanisms = []string{"PLAIN", "LOGIN"}
	return srv
}

// answeredAll says that the client has heard one reply to each command and other
// event of a session without a script, but for a handshake
// and a chunk that did not end.
func answeredAll(t *testing.T, s smtptest.Session, said string) {
	t.Helper()
	heardWhole(t, s, said)
	for i, e := range s.Exchanges {
		cutOff := i == len(s.Exchanges)-1 && chunkSize(e) > e.Octets
		if e.Reply == "" && !cutOff && !(e.Event && e.Command == "TLS") {
			t.Errorf("%q has no reply\n%s", e.Command, s.Transcript())
		}
	}
}

// chunkSize is what a BDAT announces, 0 with other commands.
func chunkSize(e smtptest.Exchange) int {
	words := strings.Fields(e.Command + " - -")
	if !strings.EqualFold(words[0], "BDAT") {
		return 0
	}
	size, _ := strconv.Atoi(words[1])
	return size
}

// heardWhole says that what the client has heard are whole replies, those of the
// record.
func heardWhole(t *testing.T, s smtptest.Session, said string) {
	t.Helper()
	var recorded []string
	for _, e := range s.Exchanges {
		if e.Reply != "" {
			recorded = append(recorded, play.OnWire(e.Reply))
		}
	}
	heard, rest := repliesIn(said)
	if diff := cmp.Diff(recorded, heard); diff != "" || rest != "" {
		t.Errorf("the client has not heard what was recorded, or no whole replies; %q is left (-recorded +heard):\n%s", rest, diff)
	}
}

var replyLine = regexp.MustCompile(`^[2-5][0-5][0-9](?:[- ][\t -~]*)?\r\n$`)

// repliesIn are the whole replies at the beginning of what a server said: the
// same code in all lines, a hyphen behind it in all but the last (RFC 5321 4.2.1).
func repliesIn(said string) (whole []string, rest string) {
	begin, end := 0, 0
	for line := range strings.Lines(said) {
		end += len(line)
		if !replyLine.MatchString(line) || line[:3] != said[begin:begin+3] {
			break
		}
		if line[3] != '-' {
			whole = append(whole, said[begin:end])
			begin = end
		}
	}
	return whole, said[begin:]
}

// consistent says that the messages are those whose end of data was answered
// with a success, and no others.
func consistent(t *testing.T, s smtptest.Session, messages []smtptest.Message) {
	t.Helper()
	var accepted []smtptest.Reply
	for _, e := range s.Exchanges {
		words := strings.Fields(strings.ToUpper(e.Command) + " -")
		lastChunk := words[0] == "BDAT" && words[len(words)-2] == "LAST"
		if (lastChunk || e.Event && e.Command == ".") && e.Reply.Code()/100 == 2 {
			accepted = append(accepted, e.Reply)
		}
	}
	outcomes := 0
	for _, tr := range s.Transactions {
		if tr.Outcome == smtptest.OutcomeAccepted {
			outcomes++
		}
	}
	var told []smtptest.Reply
	for _, m := range messages {
		told = append(told, m.Reply)
	}
	if diff := cmp.Diff(accepted, told); diff != "" || outcomes != len(messages) {
		t.Errorf("%d transactions accepted; replies (-by exchanges +by messages):\n%s\n%s", outcomes, diff, s.Transcript())
	}
}

// FuzzTLSSession is FuzzSession under STARTTLS: what came in clear behind the
// command is never answered, and what comes under TLS is answered as a session
// in clear would answer it.
func FuzzTLSSession(f *testing.F) {
	f.Add("", "EHLO a\r\nRSET\r\nMAIL FROM:<a@c.d>\r\nRCPT TO:<b@c.d>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n")
	f.Add("NOOP\r\nMAIL FROM:<evil@c.d>\r\nNO", "OP\r\nEHLO a\r\nAUTH PLAIN AGEAYg==\r\n")
	f.Fuzz(func(t *testing.T, clear, under string) {
		words := strings.ToUpper(under)
		if len(clear)+len(under) > 4000 || strings.Contains(words, "STARTTLS") || strings.Contains(words, "HELP") {
			return // what these say depends on TLS
		}
		want, wantMessages := feed(t, under)
		said, messages := feedTLS(t, clear, under)
		if said = play.Greeting + "\r\n" + said; said != want {
			t.Errorf("%q in clear, %q under TLS: the answers differ (-in clear +under TLS):\n%s", clear, under, cmp.Diff(want, said))
		}
		for i := range messages {
			messages[i].TLS = false
		}
		if diff := cmp.Diff(wantMessages, messages); diff != "" {
			t.Errorf("%q in clear, %q under TLS: the records differ (-in clear +under TLS):\n%s", clear, under, diff)
		}
	})
}

// feedTLS is feed under STARTTLS; it sends the clear octets in one write with the
// command.
func feedTLS(t *testing.T, clear, under string) (said string, messages []smtptest.Message) {
	synctest.Test(t, func(t *testing.T) {
		srv := offersMuch(t)
		srv.TLS = &tls.Config{}
		srv.StartInMemory()
		conn := play.Dial(t, srv)
		var inClear strings.Builder
		r := bufio.NewReader(io.TeeReader(conn, &inClear))
		for _, step := range []struct{ send, want string }{{"", "220"}, {"EHLO a\r\n", "250"}, {"STARTTLS\r\n" + clear, "220"}} {
			io.WriteString(conn, step.send)
			if code, err := play.ReadCode(r); code != step.want || r.Buffered() > 0 {
				t.Fatalf("%q was answered %s, %v, with %d octets behind it", step.send, code, err, r.Buffered())
			}
		}
		c := play.Listen(tls.Client(conn, srv.ClientTLSConfig()))
		c.Say(play.Step{Send: under})
		c.Close()
		s := srv.WaitSession(func(smtptest.Session) bool { return true })
		synctest.Wait()
		said, messages = c.Heard(), play.Envelopes(srv.Messages())
		answeredAll(t, s, inClear.String()+said)
		consistent(t, s, messages)
	})
	return said, messages
}

// FuzzScript sets any rule and plays a session: the rule is refused with a
// sentence, or the session goes on until the client leaves and the server
// closes, whatever the rule does to it; what was recorded as sent is what came.
func FuzzScript(f *testing.F) {
	f.Add("RCPT TO:<b@server.test>", "450 4.2.1 later", "", 1, 0, 0, "", uint16(0))
	f.Add("CONNECT", "", "220 hi\r\n", 0, 1, 3, "close", uint16(1))
	f.Add("BODY 3", "", "", 0, 0, 2, "reset", uint16(2))
	f.Add("IDLE EHLO", "421 bye", "", 0, 0, 0, "", uint16(4))
	f.Add(".", "", "", 0, 0, 0, "hold", uint16(8))
	f.Add("*", "", "", 2, 1, -1, "half-close", uint16(0x115))
	f.Add("RESPONSE", "535 5.7.8 no", "", 0, 0, 0, "", uint16(8))
	f.Add("BDAT", "452 4.3.1 full", "", 1, 0, 0, "", uint16(0))
	f.Add(". <b@server.test>", "452-4.2.2 full\n452 4.2.2 today", "", 0, 0, -1, "", uint16(0x48))
	f.Add("QUIT", "", "221 bye\r\n", 0, 0, 0, "drop", uint16(0x40))
	f.Add("NOOP", "", "", 0, 0, 0, "", uint16(32))
	f.Fuzz(func(t *testing.T, on, reply, raw string, skip, times, chunk int, then string, bits uint16) {
		rule := smtptest.Rule{On: on, Skip: skip, Times: times, Reply: smtptest.Reply(reply), Raw: raw, Chunk: chunk, Then: smtptest.Then(then),
			Keep: bits&1 != 0, Discard: bits&2 != 0, Per: smtptest.Scope(bits >> 8 & 62)}
		if bits&4 != 0 {
			rule.Delay = time.Minute
		}
		if bits&8 != 0 {
			rule.Pause = time.Second
		}
		if bits&16 != 0 {
			rule.For, rule.Every = time.Minute, time.Hour
		}
		if bits&32 != 0 {
			rule.Delay = smtptest.Forever
		}
		if len(raw)+len(reply) > 500 {
			return // see rowTalk
		}
		synctest.Test(t, func(t *testing.T) { playRow(t, rule, bits&64 != 0) })
	})
}

// rowTalk meets all events but TLS. Half an hour between two writes is more than
// the longest reply takes octet by octet.
var rowTalk = []string{
	"EHLO a\r\n", "AUTH PLAIN\r\n", "AGEAYg==\r\n",
	"MAIL FROM:<a@client.test>\r\nRCPT TO:<b@server.test>\r\nRCPT TO:<c@server.test>\r\n", "DATA\r\n", "text\r\n.\r\n",
	"MAIL FROM:<a@client.test>\r\nRCPT TO:<b@server.test>\r\n", "BDAT 3\r\nabc", "BDAT 2 LAST\r\n\r\n",
	"RSET\r\nVRFY b\r\n", "NOOP\r\nQUIT\r\n",
}

// TestRowTalk says that FuzzScript meets each event.
func TestRowTalk(t *testing.T) {
	smtp := []string{"CONNECT", "EHLO", "AUTH", "RESPONSE", "MAIL", "RCPT", "DATA", "BODY 3", ".", "BDAT", "BDAT 2 LAST", "RSET", "VRFY", "NOOP", "QUIT", "IDLE AUTH", "IDLE DATA"}
	for i, on := range append(smtp, "LHLO", ". <b@server.test>", ". <c@server.test>", "QUIT") {
		synctest.Test(t, func(t *testing.T) {
			fired := playRow(t, smtptest.Rule{On: on, Times: 1, Delay: time.Second, Then: smtptest.Close}, i >= len(smtp))
			if diff := cmp.Diff([]int{1}, fired); diff != "" {
				t.Errorf("%s: Fired() mismatch (-want +got):\n%s", on, diff)
			}
		})
	}
}

// playRow plays rowTalk with the rule, and returns how often it fired.
func playRow(t *testing.T, rule smtptest.Rule, lmtp bool) (fired []int) {
	tb := &play.FakeTB{}
	srv := rowServer(tb, lmtp)
	play.Try(func() { srv.Script(rule); srv.StartInMemory() })
	if got := tb.Errors(); got != "" {
		if !strings.HasPrefix(got, "smtptest: ") {
			t.Errorf("%v was refused with %q", rule, got)
		}
		tb.End()
		return nil
	}
	c := play.Listen(play.Dial(t, srv))
	for _, send := range rowTalk {
		if lmtp {
			send = strings.Replace(send, "EHLO", "LHLO", 1)
		}
		c.Say(play.Step{Send: send})
		time.Sleep(30 * time.Minute)
	}
	c.Close()
	fired = srv.Fired()
	srv.Close()
	tb.End()
	s := srv.Sessions()[0]
	checkRow(t, rule, s, c.Heard())
	if !lmtp && !rule.Keep && !rule.Discard && rule.Raw == "" && rule.Then != smtptest.HalfClose {
		consistent(t, s, srv.Messages())
	}
	return fired
}

// rowServer waits for the next write of rowTalk as long as it takes.
func rowServer(tb smtptest.TB, lmtp bool) *smtptest.Server {
	srv := smtptest.NewUnstartedServer(tb)
	srv.Extensions = append(srv.Extensions, "CHUNKING")
	srv.Users = map[string]string{"a": "b"}
	srv.LMTP = lmtp
	srv.IdleTimeout = -1
	return srv
}

// checkRow says that the session has ended, that all was read that the rule let be
// read, and that the client has heard what was recorded: the beginning, if the
// rule breaks the connection off or holds a reply when the client leaves.
func checkRow(t *testing.T, rule smtptest.Rule, s smtptest.Session, heard string) {
	said := play.Spoken(s)
	cut := rule.Then == smtptest.Reset || rule.Then == smtptest.Hold && s.End != smtptest.EndQuit
	if heard != said && !(cut && strings.HasPrefix(said, heard)) {
		t.Errorf("%v: what was recorded is not what came (-recorded +heard):\n%s\n%s", rule, cmp.Diff(said, heard), s.Transcript())
	}
	if rule.Raw == "" && !cut {
		heardWhole(t, s, heard)
	}
	if s.End == "" || s.End == smtptest.EndClosed && s.Unread != "" && rule.Delay != smtptest.Forever {
		t.Errorf("%v: the session ended as %q, with %q unread", rule, s.End, s.Unread)
	}
}
