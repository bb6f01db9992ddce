package misuse_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
)

// nonFatalTB goes on after Fatalf, as a TB may that is not of package testing.
type nonFatalTB struct{ *play.FakeTB }

func (f nonFatalTB) Fatalf(format string, args ...any) { f.Errorf(format, args...) }

// place is where a method of a Server is called.
type place string

const (
	onZero      place = "zero Server"
	onUnstarted place = "unstarted"
	onStarted   place = "started"
	onStopped   place = "stopped"
	onClosed    place = "closed"
	onNil       place = "nil TB"         // problems panic
	afterTest   place = "test has ended" // problems are written to standard error
	inHandler   place = "in a Handler"
	inCommand   place = "in a CommandFunc"
	inIf        place = "in an If"
	inClose     place = "in a Handler while Close waits for it"
)

var allPlaces = []place{onZero, onUnstarted, onStarted, onStopped, onClosed, onNil, afterTest, inHandler, inCommand, inIf, inClose}

// misuse is a call, and what it says in each place; it works in the others, and
// nowhere does it take time, but to wait for what may still come.
type misuse struct {
	call string // the method, and its arguments
	do   func(srv *smtptest.Server, tb smtptest.TB) error
	says map[place]string
}

// says makes a column of the same sentence.
func says(sentence string, places ...place) map[place]string {
	column := map[place]string{}
	for _, p := range places {
		column[p] = sentence
	}
	return column
}

// also joins columns; the last one that has a place counts.
func also(columns ...map[place]string) map[place]string {
	all := map[place]string{}
	for _, column := range columns {
		for p, sentence := range column {
			all[p] = sentence
		}
	}
	return all
}

const zeroServer, notStarted = "a zero Server: make it with NewServer or one of its siblings", "a server that is not started: call Start first"

// ends is for a call that waits for what Close waits for: both end after
// WaitTimeout, in either order, so what the call says depends on the order.
const ends = "(ends)"

var (
	everywhere = func(sentence string) map[place]string { return says(sentence, allPlaces...) }
	unready    = also(says(zeroServer, onZero), says(notStarted, onUnstarted))
	unreached  = also(unready, says("connection refused", onStopped, onClosed, afterTest, inClose))
	selfWait   = also(says("the test's own code has not returned within 24h0m0s: Handler in session 1", inHandler), says(ends, inClose),
		says(`the test's own code has not returned within 24h0m0s: Commands["XPROBE"] in session 1`, inCommand),
		says("the test's own code has not returned within 24h0m0s: If of rule 1", inIf))
	inVain = also(unready, says("nothing more within 24h0m0s", onStarted, onStopped, onNil),
		says("nothing more within 24h0m0s; session 1 is in your Handler, which has not returned", inHandler),
		says(`nothing more within 24h0m0s; session 1 is in your Commands["XPROBE"], which has not returned`, inCommand),
		says("nothing more within 24h0m0s; session 1 is in your If of rule 1", inIf),
		says("the server is closed", onClosed, afterTest), says(ends, inClose))
	startAgain = also(says(zeroServer, onZero), says("already started: NewServer starts it", onStarted, onNil, inHandler, inCommand, inIf),
		says("a stopped server: Restart ends its outage", onStopped), says("a closed server: make a new one", onClosed, afterTest), says(ends, inClose))
	sockets = says("use NewInMemoryServer there", onUnstarted)
)

// calls turns a method without arguments or results into one of the matrix.
func calls(method func(*smtptest.Server)) func(*smtptest.Server, smtptest.TB) error {
	return func(srv *smtptest.Server, _ smtptest.TB) error { method(srv); return nil }
}

var misuses = []misuse{
	{"Artifact", artifact("note.txt", play.WriteText("")), says("would never be written: ask for it before the test ends", afterTest)},
	{"Artifact(nil TB)", calls(func(s *smtptest.Server) { s.Artifact(nil, "note.txt", play.WriteText("")) }), everywhere("without a TB: give the test that may fail")},
	{"Artifact(no name)", artifact("", play.WriteText("")), everywhere(`"" is not a plain file name`)},
	{"Artifact(own name)", artifact("Session-2.txt", play.WriteText("")), everywhere(`"Session-2.txt" is the name of a file of the server's own: give another`)},
	{"Artifact(nil func)", artifact("note.txt", nil), everywhere(`nothing writes "note.txt": give a function`)},
	{"Certificate", calls(func(s *smtptest.Server) { s.Certificate() }), nil},
	{"Check", checking(smtptest.Rule{On: "RCPT", Reply: "450 later"}), says(zeroServer, onZero)},
	{"Check(zero rule)", checking(smtptest.Rule{}), also(everywhere(`rule 1: {On: ""}: On: is empty; name an event`), says(zeroServer, onZero))},
	{"Client", calls(func(s *smtptest.Server) {
		if c := s.Client(); c != nil {
			c.Close()
		}
	}), unreached},
	{"ClientTLSConfig", calls(func(s *smtptest.Server) { s.ClientTLSConfig() }), nil},
	{"Close", calls((*smtptest.Server).Close), also(selfWait, says(zeroServer, onZero))},
	{"CloseClientConnections", calls((*smtptest.Server).CloseClientConnections), nil},
	{"Count", calls(func(s *smtptest.Server) { s.Count() }), nil},
	{"DialContext", dialing(context.Background()), unreached},
	{"DialContext(nil)", dialing(noContext), everywhere("nil context: give t.Context() or context.Background()")},
	{"Drain", calls(func(s *smtptest.Server) { s.Drain() }), nil},
	{"Fired", calls(func(s *smtptest.Server) { s.Fired() }), nil},
	{"Host", calls(func(s *smtptest.Server) { s.Host() }), nil},
	{"Messages", calls(func(s *smtptest.Server) { s.Messages() }), nil},
	{"Port", calls(func(s *smtptest.Server) { s.Port() }), nil},
	{"Restart", calls((*smtptest.Server).Restart), also(unready, selfWait, says("not stopped: it ends what Stop began", onStarted, onNil, inHandler, inCommand, inIf))},
	{"RootPEM", calls(func(s *smtptest.Server) { s.RootPEM() }), nil},
	{"Script()", calls(func(s *smtptest.Server) { s.Script() }), says(zeroServer, onZero)},
	{"Script(rule)", calls(func(s *smtptest.Server) {
		s.Script(smtptest.Rule{On: "IDLE", Delay: 48 * time.Hour, Reply: "421 no", Optional: true})
	}), says(zeroServer, onZero)},
	{"Script(zero rule)", calls(func(s *smtptest.Server) { s.Script(smtptest.Rule{}) }), also(everywhere(`rule 1: {On: ""}: On: is empty; name an event`), says(zeroServer, onZero))},
	{"Sessions", calls(func(s *smtptest.Server) { s.Sessions() }), nil},
	{"Start", calls((*smtptest.Server).Start), also(startAgain, sockets)},
	{"StartInMemory", calls((*smtptest.Server).StartInMemory), startAgain},
	{"StartTLS", calls((*smtptest.Server).StartTLS), also(startAgain, sockets)},
	{"StartTLSInMemory", calls((*smtptest.Server).StartTLSInMemory), startAgain},
	{"Stop", calls((*smtptest.Server).Stop), also(unready, selfWait, says("a stopped server: Restart ends its outage", onStopped))},
	{"Take(nil)", calls(func(s *smtptest.Server) { s.Take(nil) }), inVain},
	{"TakeContext(any)", taking(context.Background()), inVain},
	{"TakeContext(nil)", taking(noContext), everywhere("nil context: give t.Context() or context.Background()")},
	{"Transcript", calls(func(s *smtptest.Server) { s.Transcript() }), nil},
	{"Unused", calls(func(s *smtptest.Server) { s.Unused() }), nil},
	{"Wait(0)", calls(func(s *smtptest.Server) { s.Wait(0) }), nil},
	{"Wait(1)", calls(func(s *smtptest.Server) { s.Wait(1) }), inVain},
	{"Wait(-1)", calls(func(s *smtptest.Server) { s.Wait(-1) }), everywhere("Wait(-1): the number to wait for is negative")},
	{"WaitContext(0)", waiting(context.Background(), 0), nil},
	{"WaitContext(1)", waiting(context.Background(), 1), inVain},
	{"WaitContext(-1)", waiting(context.Background(), -1), everywhere("WaitContext(-1): the number to wait for is negative")},
	{"WaitContext(nil)", waiting(noContext, 0), everywhere("nil context: give t.Context() or context.Background()")},
	{"WaitFor(nil)", calls(func(s *smtptest.Server) { s.WaitFor(nil) }), inVain},
	{"WaitQuiet(0)", calls(func(s *smtptest.Server) { s.WaitQuiet(0) }), everywhere("WaitQuiet(0s): the time is not positive")},
	{"WaitQuiet(1m)", calls(func(s *smtptest.Server) { s.WaitQuiet(time.Minute) }), also(unready,
		says("not quiet within 24h0m0s: busy in session 1", inHandler, inCommand, inIf), says("the server is closed", onClosed, afterTest), says(ends, inClose))},
	{"WaitSession(nil)", calls(func(s *smtptest.Server) { s.WaitSession(nil) }), inVain},
	{"WaitSessions(0)", calls(func(s *smtptest.Server) { s.WaitSessions(0) }), nil},
	{"WaitSessions(1)", calls(func(s *smtptest.Server) { s.WaitSessions(1) }), inVain},
	{"WaitSessions(-1)", calls(func(s *smtptest.Server) { s.WaitSessions(-1) }), everywhere("WaitSessions(-1): the number to wait for is negative")},
}

var noContext context.Context

func artifact(name string, write func(io.Writer) error) func(*smtptest.Server, smtptest.TB) error {
	return func(srv *smtptest.Server, tb smtptest.TB) error { srv.Artifact(tb, name, write); return nil }
}

func dialing(ctx context.Context) func(*smtptest.Server, smtptest.TB) error {
	return func(srv *smtptest.Server, _ smtptest.TB) error {
		c, err := srv.DialContext(ctx, "", "")
		if err == nil {
			c.Close()
		}
		return err
	}
}

func checking(rules ...smtptest.Rule) func(*smtptest.Server, smtptest.TB) error {
	return func(srv *smtptest.Server, _ smtptest.TB) error { return srv.Check(rules...) }
}

func waiting(ctx context.Context, n int) func(*smtptest.Server, smtptest.TB) error {
	return func(srv *smtptest.Server, _ smtptest.TB) error {
		_, err := srv.WaitContext(ctx, n)
		return err
	}
}

func taking(ctx context.Context) func(*smtptest.Server, smtptest.TB) error {
	return func(srv *smtptest.Server, _ smtptest.TB) error {
		_, err := srv.TakeContext(ctx, nil)
		return err
	}
}

// TestMisuseRows holds that no method is forgotten.
func TestMisuseRows(t *testing.T) {
	rows := map[string]bool{}
	for _, m := range misuses {
		method, _, _ := strings.Cut(m.call, "(")
		rows[method] = true
	}
	server := reflect.TypeFor[*smtptest.Server]()
	for i := range server.NumMethod() {
		if name := server.Method(i).Name; !rows[name] {
			t.Errorf("misuses has no row for Server.%s", name)
		}
	}
}

// TestMisusePlaces calls each method in each place: it works, or the test fails
// with one sentence that says what to do. Where there is no test to fail, the
// sentence is that of a panic, or goes to standard error. A call that waits for
// itself ends after WaitTimeout, and names the session and the function. Nothing is
// logged to a test that has ended (fakeTB panics then).
func TestMisusePlaces(t *testing.T) {
	for _, m := range misuses {
		t.Run(m.call, func(t *testing.T) {
			for _, p := range allPlaces {
				for _, soft := range []bool{false, true} {
					var err error
					synctest.Test(t, func(*testing.T) { err = m.in(p, soft) })
					if err != nil {
						t.Errorf("%s (Fatalf returns: %t): %v", p, soft, err)
					}
				}
			}
		})
	}
}

// in plays the call in a place.
func (m misuse) in(p place, soft bool) error {
	fake := &play.FakeTB{}
	var tb smtptest.TB = fake
	if soft {
		tb = nonFatalTB{fake}
	}
	var said []string
	var took time.Duration
	srv := p.visit(tb, func(srv *smtptest.Server) {
		defer func(began time.Time) { took = time.Since(began) }(time.Now())
		if err := m.do(srv, tb); err != nil {
			said = append(said, err.Error())
		}
	}, func(panicked any) { said = append(said, fmt.Sprint(panicked)) })
	var dead error
	want := m.says[p]
	if (p == inHandler || p == inCommand || p == inIf) && !strings.Contains(want, "the test's own code has not returned") {
		dead = play.Deliver(srv, "a@client.test", "text")
	}
	if p == onNil || p == onUnstarted {
		srv.Close()
	}
	if p != afterTest {
		fake.End()
	}
	said = append(said, slices.DeleteFunc(fake.Failures, func(failure string) bool {
		return !soft && strings.Contains(failure, "left its goroutine") || // that of Fatalf
			p == inClose && strings.HasPrefix(failure, "smtptest: Close: ")
	})...)
	all := strings.Join(said, "\n")
	own := strings.HasPrefix(all, "smtptest: ") || want == "connection refused"
	switch {
	case want == ends:
	case dead != nil:
		return fmt.Errorf("the next client: %w", dead)
	case want == "" && all != "":
		return fmt.Errorf("it says %q", all)
	case want != "" && (len(said) != 1 || !own || !strings.Contains(all, want)):
		return fmt.Errorf("it says %q, want a sentence with %q", said, want)
	case took != 0 && !strings.Contains(want, "within") && !strings.HasPrefix(m.call, "WaitQuiet("):
		return fmt.Errorf("it takes %v", took)
	}
	return nil
}

// visit makes a server for tb and calls f at this place of its life.
func (p place) visit(tb smtptest.TB, f func(*smtptest.Server), panicked func(any)) *smtptest.Server {
	var srv *smtptest.Server
	switch p {
	case inHandler, inCommand, inIf, inClose:
		return p.session(tb, f)
	case onZero:
		srv = new(smtptest.Server)
	case onUnstarted:
		srv = smtptest.NewUnstartedServer(tb)
	case onNil:
		srv = smtptest.NewInMemoryServer(nil)
	default:
		srv = smtptest.NewInMemoryServer(tb)
	}
	switch p {
	case onStopped:
		srv.Stop()
	case onClosed:
		srv.Close()
	case afterTest:
		if soft, ok := tb.(nonFatalTB); ok {
			tb = soft.FakeTB
		}
		tb.(*play.FakeTB).End()
	}
	stderr := stderrOf(func() {
		play.Try(func() {
			if p := play.PanicOf(func() { f(srv) }); p != nil {
				panicked(p)
			}
		})
	})
	if stderr != "" {
		panicked(strings.TrimSuffix(stderr, "\n"))
	}
	return srv
}

// stderrOf calls f and returns what it writes to standard error.
func stderrOf(f func()) string {
	file, err := os.CreateTemp("", "stderr")
	if err != nil {
		panic(err)
	}
	defer os.Remove(file.Name())
	defer file.Close()
	old := os.Stderr
	defer func() { os.Stderr = old }()
	os.Stderr = file
	f()
	text, err := os.ReadFile(file.Name())
	if err != nil {
		panic(err)
	}
	return string(text)
}

// session is visit for the places on a server's own goroutines. The Handler's is
// reached by a message, the others by a verb of their own.
func (p place) session(tb smtptest.TB, f func(*smtptest.Server)) *smtptest.Server {
	srv := smtptest.NewUnstartedServer(tb)
	var once sync.Once
	done := make(chan struct{})
	probe := func(here place) {
		if here == p {
			once.Do(func() { defer close(done); f(srv) })
		}
	}
	arrived := make(chan struct{})
	play.WithHandler(func(ctx context.Context, _ smtptest.Message) smtptest.Reply {
		if p == inClose {
			close(arrived)
			<-ctx.Done()
			probe(inClose)
		}
		probe(inHandler)
		return ""
	})(srv)
	play.WithCommand("XPROBE", func(*smtptest.Channel, string) smtptest.Reply { probe(inCommand); return "250 2.0.0 OK" })(srv)
	srv.StartInMemory()
	srv.Script(smtptest.Rule{On: "XPROBE", If: func(smtptest.Event) bool { probe(inIf); return false }, Reply: "450 no", Optional: true})
	c, err := srv.DialContext(context.Background(), "", "")
	if err != nil {
		panic(err)
	}
	defer c.Close()
	io.WriteString(c, "EHLO client.test\r\nXPROBE\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<b@server.test>\r\nDATA\r\ntext\r\n.\r\nQUIT\r\n")
	if p == inClose {
		<-arrived
		srv.Close()
	}
	io.ReadAll(c)
	<-done // Stop closes the connection, and then waits
	return srv
}

// TestLateCall verifies that no method ends the process on a goroutine that
// outlives the test of its server. The TB panics if anything reaches it then.
func TestLateCall(t *testing.T) {
	for _, m := range misuses {
		t.Run(m.call, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tb := &play.FakeTB{}
				srv := smtptest.NewInMemoryServer(tb)
				tb.End()
				play.Try(func() {
					if p := play.PanicOf(func() { _ = m.do(srv, tb) }); p != nil {
						t.Errorf("it panics: %v", p)
					}
				})
			})
		})
	}
}
