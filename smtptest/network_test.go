package smtptest_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

// TestMain verifies that no test of the package asks the DNS. The tests in
// internal/conformance verify it too, because they import the package play.
func TestMain(m *testing.M) {
	play.ForbidDNS()
	os.Exit(m.Run())
}

func TestLoopback(t *testing.T) {
	for _, srv := range []*smtptest.Server{smtptest.NewServer(t), smtptest.NewTLSServer(t)} {
		if ip := net.ParseIP(srv.Host()); !ip.IsLoopback() {
			t.Errorf("Addr = %s is no loopback address", srv.Addr)
		}
	}
}

// TestInMemoryAddr verifies that the address of a server in memory is that of no
// mail server, however it is started, and that its connections have the same port.
func TestInMemoryAddr(t *testing.T) {
	for name, start := range map[string]func(*smtptest.Server){
		"StartInMemory":    (*smtptest.Server).StartInMemory,
		"StartTLSInMemory": (*smtptest.Server).StartTLSInMemory,
		"Restart":          func(srv *smtptest.Server) { srv.StartInMemory(); srv.Stop(); srv.Restart() },
	} {
		t.Run(name, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			start(srv)
			if srv.Addr != "localhost:1" || srv.Listener.Addr().String() != srv.Addr || srv.Host() != "localhost" || srv.Port() != 1 {
				t.Errorf("Addr = %q, Listener.Addr() = %v, Host() = %q, Port() = %d, want localhost:1", srv.Addr, srv.Listener.Addr(), srv.Host(), srv.Port())
			}
			if got := play.Dial(t, srv).RemoteAddr().String(); got != "127.0.0.1:1" {
				t.Errorf("RemoteAddr() = %s, want 127.0.0.1:1", got)
			}
		})
	}
}

// TestUnreached verifies that a failed wait says how to reach a server in memory
// to which no client has connected, and says so of no other server.
func TestUnreached(t *testing.T) {
	const hint = "reach it by DialContext or Client"
	for _, c := range []struct {
		name  string
		start func(*smtptest.Server)
		want  int // times that the hint is in the failure and the log
	}{
		{"in memory", (*smtptest.Server).StartInMemory, 1},
		{"in memory, with TLS", (*smtptest.Server).StartTLSInMemory, 1},
		{"in memory, restarted", func(srv *smtptest.Server) { srv.StartInMemory(); srv.Stop(); srv.Restart() }, 1},
		{"in memory, a client connected", func(srv *smtptest.Server) {
			srv.StartInMemory()
			srv.Client().Close()
		}, 0},
		{"in memory, a client connected before Drain", func(srv *smtptest.Server) {
			srv.StartInMemory()
			play.SendMail(srv, "ann@example.com", "bob@example.com", "Hi!\r\n")
			srv.Drain()
		}, 0},
		{"with sockets", (*smtptest.Server).Start, 0},
	} {
		for name, wait := range map[string]func(*play.FakeTB, *smtptest.Server){
			"Wait":    func(_ *play.FakeTB, srv *smtptest.Server) { srv.Wait(1) },
			"WaitFor": func(_ *play.FakeTB, srv *smtptest.Server) { srv.WaitFor(nil) },
			"WaitSession": func(_ *play.FakeTB, srv *smtptest.Server) {
				srv.WaitSession(func(smtptest.Session) bool { return false })
			},
			"WaitSessions": func(_ *play.FakeTB, srv *smtptest.Server) { srv.WaitSessions(9) },
			"WaitContext": func(tb *play.FakeTB, srv *smtptest.Server) {
				_, err := srv.WaitContext(context.Background(), 1)
				tb.Logf("%v", err)
			},
		} {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				tb := &play.FakeTB{}
				srv := smtptest.NewUnstartedServer(tb)
				c.start(srv)
				srv.Close() // which ends the wait
				play.Try(func() { wait(tb, srv) })
				tb.End()
				if got := strings.Count(tb.Errors()+tb.Logged(), hint); got != c.want {
					t.Errorf("%q is there %d times, want %d:\n%s\n%s", hint, got, c.want, tb.Errors(), tb.Logged())
				}
			})
		}
	}
	t.Run("no wait", func(t *testing.T) {
		tb := &play.FakeTB{}
		smtptest.NewInMemoryServer(tb)
		tb.Errorf("the client could not connect")
		tb.End()
		if got := strings.Count(tb.Logged(), hint); got != 1 {
			t.Errorf("%q is there %d times, want 1:\n%s", hint, got, tb.Logged())
		}
	})
}

// namedListener gives connections another client's address.
type namedListener struct {
	net.Listener
	addr net.Addr
}

func (l namedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return namedConn{c, l.addr}, err
}

type namedConn struct {
	net.Conn
	addr net.Addr
}

func (c namedConn) RemoteAddr() net.Addr { return c.addr }

// TestPeer: it is the address as package net writes it, whatever a Listener says.
func TestPeer(t *testing.T) {
	for _, addr := range []net.Addr{
		&net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 7},
		&net.TCPAddr{IP: net.IPv4(192, 0, 2, 7).To4(), Port: 7},
		&net.TCPAddr{IP: net.ParseIP("fe80::1"), Port: 7, Zone: "eth0"},
		&net.TCPAddr{Port: 7},
		&net.UnixAddr{Name: "@", Net: "unix"},
	} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		srv := smtptest.NewUnstartedServer(t)
		srv.Listener = namedListener{ln, addr}
		srv.Start()
		if err := play.Deliver(srv, "a@client.test", "text"); err != nil {
			t.Fatal(err)
		}
		if got, want := srv.Wait(1)[0].Peer, addr.String(); got != want {
			t.Errorf("%T: Peer = %q, want %q", addr, got, want)
		}
	}
}

// TestNetworkCalls lists all that the package and its sub-packages could reach
// the network by, file by file and as often as it is there: a call that is not in
// the list has to be justified here.
func TestNetworkCalls(t *testing.T) {
	want := map[string][]string{
		"listen.go":                         {"net.Dialer", "net.Listen", "net.ListenConfig"}, // to itself; at literal loopback addresses
		"internal/reserve/reserve_linux.go": {"syscall.Listen", "syscall.Socket"},             // at the address that Stop has reserved
		"internal/upstream/upstream.go":     {"net.Dialer"},                                   // to the Addr of a Relay
	}
	if diff := cmp.Diff(want, callsOf(t, networkNames)); diff != "" {
		t.Errorf("network calls (-want +got):\n%s", diff)
	}
}

// TestFileCalls lists all that writes a file: what the test has asked for.
func TestFileCalls(t *testing.T) {
	want := map[string][]string{
		"artifact.go":       {"os.Create", "os.MkdirAll"},    // in an ArtifactDir
		"smtpcmp/golden.go": {"os.MkdirAll", "os.WriteFile"}, // with -update
	}
	if diff := cmp.Diff(want, callsOf(t, fileNames)); diff != "" {
		t.Errorf("calls that write files (-want +got):\n%s", diff)
	}
}

// callsOf are the names that match, by file.
func callsOf(t *testing.T, names *regexp.Regexp) map[string][]string {
	calls := map[string][]string{}
	for _, file := range sources(t) {
		calls[file] = callsIn(t, file, names)
	}
	maps.DeleteFunc(calls, func(_ string, calls []string) bool { return len(calls) == 0 })
	return calls
}

// sources returns the package's files that are not tests, and its sub-packages'.
// It leaves out internal/conformance, which only tests import.
func sources(t *testing.T) []string {
	var files []string
	for _, pattern := range []string{"*.go", "*/*.go", "*/*/*.go"} {
		matches, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, matches...)
	}
	return slices.DeleteFunc(files, func(file string) bool { return strings.HasSuffix(file, "_test.go") })
}

// Of some packages most of what they have reaches the network, or starts what may.
var networkNames = regexp.MustCompile(`^import (net/http|net/rpc|log/syslog|os/exec|plugin|C)(/|$)|` +
	`^(net|tls|smtp|textproto|syscall)\.(Dial|Lookup|Resolve|Listen(Config|Packet|TCP|Unix|UDP|IP)?$|DefaultResolver|SendMail|Socket$|Connect$|Send)`)

var fileNames = regexp.MustCompile(`^import (io/ioutil|os/exec|plugin|C)$|^(os|syscall)\.(Create|Open(File|Root)$|Write|Mkdir|Rename|Link|Symlink|Append)`)

// callsIn are the names in the file that match, each as often as it stands there,
// and its imports that do, or hide where a name comes from.
func callsIn(t *testing.T, file string, names *regexp.Regexp) []string {
	var calls []string
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	packages := map[string]string{} // by the name that the file gives them
	for _, spec := range tree.Imports {
		from, _ := strconv.Unquote(spec.Path.Value)
		name := path.Base(from)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		packages[name] = path.Base(from)
		if call := "import " + from; names.MatchString(call) || name == "." {
			calls = append(calls, call)
		}
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if pkg, ok := sel.X.(*ast.Ident); ok {
				if name := packages[pkg.Name] + "." + sel.Sel.Name; names.MatchString(name) {
					calls = append(calls, name)
				}
			}
		}
		return true
	})
	slices.Sort(calls)
	return calls
}

// TestSecurityPromises holds that each test named in SECURITY.md exists.
func TestSecurityPromises(t *testing.T) {
	b, err := os.ReadFile("../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	tests, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	moved, err := filepath.Glob("internal/conformance/*/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	tests = append(tests, moved...)
	var all strings.Builder
	for _, file := range tests {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(source)
	}
	names := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z]+)`").FindAllStringSubmatch(string(b), -1)
	if len(names) == 0 {
		t.Error("SECURITY.md names no test")
	}
	for _, name := range names {
		if !strings.Contains(all.String(), "\nfunc "+name[1]+"(") {
			t.Errorf("SECURITY.md names %s, which does not exist", name[1])
		}
	}
}
