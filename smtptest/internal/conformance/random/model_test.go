package random_test

import (
	"bufio"
	"encoding/base64"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

var (
	modelSteps = flag.Int("model.steps", 20_000, "commands that TestModel sends")
	modelSeed  = flag.Uint64("model.seed", 0, "seed of TestModel's walk; 0 draws one")
)

// machine is RFC 5321's state machine with RFC 3030's and RFC 4954's, as a
// table: for each command and state the code of the reply and, behind it, the
// next state if it is another. ^ is the state after HELO or EHLO; 5?? is 554 if
// a recipient was refused in this transaction, else 503 (RFC 5321 3.3); 50x and
// 5xx are 501 after HELO, which has no parameters, else 503 and 555.
//
// The states: Greeted, Helo, Ehlo, Mail given, Rcpt given, in Bdat, bdat Failed.
var machine = []struct {
	send  string
	cells string // G H E M R B F
}{
	{"EHLO client.test", "250E 250E 250E 250E 250E 250E 250E"},
	{"HELO client.test", "250H 250H 250H 250H 250H 250H 250H"},
	{"EHLO", "501 501 501 501 501 501 501"},
	{"HELO a_b", "501 501 501 501 501 501 501"},
	{"LHLO client.test", "500 500 500 500 500 500 500"},
	{"MAIL FROM:<a@client.test>", "503 250M 250M 503 503 503 503"},
	{"MAIL FROM:<>", "503 250M 250M 503 503 503 503"},
	{"MAIL FROM:<a@client.test> SIZE=10", "503 501 250M 50x 50x 50x 50x"},
	{"MAIL FROM:<a@client.test> FOO=1", "503 501 555 50x 50x 50x 50x"},
	{"MAIL FROM: <a@client.test>", "503 501 501 501 501 501 501"},
	{"MAIL TO:<a@client.test>", "503 501 501 501 501 501 501"},
	{"RCPT TO:<b@server.test>", "503 503 503 250R 250R 503 503"},
	{"RCPT TO:<gone@server.test>", "550 550 550 550! 550! 550 550"},
	{"RCPT TO:<b>", "503 503 503 501 501 503 503"},
	{"RCPT TO:<b@server.test> NOTIFY=NEVER", "503 503 503 5xx 5xx 503 503"},
	{"DATA", "503 503 503 5?? 354. 503F 503"},
	{"DATA now", "503 503 503 5?? 501 503F 503"},
	{"BDAT 5\r\n12345", "503 503 503 5??F 250B 250B 503"},
	{"BDAT 5 LAST\r\n1234\n", "503 503 503 5??F 250+ 250+ 503"},
	{"BDAT 0 LAST\r\n", "503 503 503 5??F 250+ 250+ 503"},
	{"BDAT five", "501 501 501 501F 501F 501F 501"},
	{"RSET", "250 250 250 250^ 250^ 250^ 250^"},
	{"RSET now", "501 501 501 501 501 501 501"},
	{"NOOP", "250 250 250 250 250 250 250"},
	{"VRFY b", "252 252 252 252 252 252 252"},
	{"VRFY", "501 501 501 501 501 501 501"},
	{"EXPN b", "502 502 502 502 502 502 502"},
	{"HELP", "214 214 214 214 214 214 214"},
	{"HELP frob", "504 504 504 504 504 504 504"},
	{"STARTTLS", "500 500 500 500 500 500 500"},
	{"AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00ann\x00secret")), "503 503 235A 503 503 503 503"},
	{"AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00ann\x00wrong")), "503 503 535a 503 503 503 503"},
	{"TURN", "502 502 502 502 502 502 502"},
	{"FROB", "500 500 500 500 500 500 500"},
	{"", "500 500 500 500 500 500 500"},
	{"NOOP " + strings.Repeat("x", 600), "500 500 500 500 500 500 500"},
	{"QUIT now", "501 501 501 501 501 501 501"},
	{"QUIT", "221Q 221Q 221Q 221Q 221Q 221Q 221Q"},
}

const machineStates = "GHEMRBF"

// walker is where the model stands.
type walker struct {
	state    byte
	hello    byte // H or E
	refused  bool // a recipient, in this transaction
	loggedIn bool
	messages int
}

// step is the model: the codes that come back for a command, and what else it
// makes the client send.
func (w *walker) step(n int) (codes []string, more string) {
	cell := strings.Fields(machine[n].cells)[strings.IndexByte(machineStates, w.state)]
	code, next := cell[:3], cell[3:]
	switch {
	case code == "5??" && w.refused:
		code = "554"
	case code == "5??":
		code = "503"
	case code[2] == 'x' && w.hello == 'H':
		code = "501"
	case code == "50x":
		code = "503"
	case code == "5xx":
		code = "555"
	case w.loggedIn && (next == "A" || next == "a"):
		code, next = "503", ""
	}
	codes = []string{code}
	switch next {
	case "":
	case "!":
		w.refused = true
	case ".":
		codes = append(codes, "250")
		more = "text\r\n.\r\n"
		w.end(true)
	case "+":
		w.end(true)
	case "^":
		w.end(false)
	case "A":
		w.loggedIn = true
	case "a":
	case "H", "E":
		w.hello = next[0]
		w.end(false)
	default:
		w.refused = w.refused && next != "M"
		w.state = next[0]
	}
	return codes, more
}

func (w *walker) end(recorded bool) {
	w.state, w.refused = w.hello, false
	if recorded {
		w.messages++
	}
}

// TestModel walks at random through the model and the server, which must agree
// in every reply and every message. All of it:
//
//	go test ./smtptest/internal/conformance/random -run TestModel -model.steps=1000000 -v
func TestModel(t *testing.T) {
	seed := *modelSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	srv := smtptest.NewUnstartedServer(t)
	srv.Extensions = append(srv.Extensions, "CHUNKING")
	srv.Users = map[string]string{"ann": "secret"}
	srv.Script(smtptest.Rule{On: "RCPT TO:<gone@server.test>", Reply: "550 5.1.1 gone"})
	srv.StartInMemory()
	random := rand.New(rand.NewPCG(seed, 1))
	covered := map[[2]byte]bool{}
	steps, walks := 0, 0
	for ; steps < *modelSteps; walks++ {
		n, want, err := walk(play.Dial(t, srv), random, covered)
		steps += n
		if err != nil {
			t.Fatalf("-model.seed=%d, walk %d: %v", seed, walks+1, err)
		}
		if got := len(srv.Drain()); got != want {
			t.Fatalf("-model.seed=%d, walk %d: %d messages recorded; the model says %d", seed, walks+1, got, want)
		}
	}
	t.Logf("-model.seed=%d: %d steps in %d sessions, %d of %d transitions", seed, steps, walks, len(covered), len(machine)*len(machineStates))
}

// walk is one session, up to its QUIT. Its commands go out in one write, or in
// pieces of any size.
func walk(c net.Conn, random *rand.Rand, covered map[[2]byte]bool) (steps, messages int, err error) {
	defer c.Close()
	var out strings.Builder
	var want, sent []string
	w := walker{state: 'G', hello: 'G'}
	for w.state != 'Q' {
		n := random.IntN(len(machine))
		if machine[n].send == "QUIT" && random.IntN(8) > 0 {
			continue // longer sessions see more
		}
		covered[[2]byte{byte(n), w.state}] = true
		out.WriteString(machine[n].send)
		if !strings.HasPrefix(machine[n].send, "BDAT") || strings.HasSuffix(machine[n].send, "five") {
			out.WriteString("\r\n")
		}
		codes, more := w.step(n)
		out.WriteString(more)
		for range codes {
			sent = append(sent, fmt.Sprintf("%q", play.Short(machine[n].send)))
		}
		want = append(want, codes...)
		steps++
	}
	go writePieces(c, out.String(), rand.New(rand.NewPCG(random.Uint64(), 2)))
	r := bufio.NewReader(c)
	if got, err := play.ReadCode(r); got != "220" {
		return steps, 0, fmt.Errorf("greeting %s, %v", got, err)
	}
	for i := range want {
		got, err := play.ReadCode(r)
		if got != want[i] {
			return steps, 0, fmt.Errorf("step %d: %s: %s, %v; the model says %s\n%s", i, sent[i], got, err, want[i], strings.Join(sent[:i+1], "\n"))
		}
	}
	if rest, err := io.ReadAll(r); len(rest) > 0 || err != nil {
		return steps, 0, fmt.Errorf("after QUIT: %q, %v", rest, err)
	}
	return steps, w.messages, nil
}

func writePieces(c net.Conn, s string, random *rand.Rand) {
	most := 1 << random.IntN(14)
	for s != "" {
		n := min(len(s), 1+random.IntN(most))
		if _, err := io.WriteString(c, s[:n]); err != nil {
			return
		}
		s = s[n:]
	}
}
