package mailman_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/template"
)

// bin is where Debian's package keeps Mailman's programs.
const bin = "/usr/lib/mailman3/bin"

// instance is a real Mailman 3 that runs in a folder of the test's own, as the
// user who runs the test.
type instance struct {
	t      *testing.T
	dir    string
	rest   string // base of the REST interface
	output output
	stop   func()
}

// requireMailman skips the test unless all tools are required: Mailman takes
// seconds of both cores and much memory to start.
func requireMailman(t *testing.T) {
	if os.Getenv("SMTPTEST_REQUIRE_TOOLS") == "" {
		t.Skip("no Mailman is started: set SMTPTEST_REQUIRE_TOOLS=1 for that; smtptest/mailman/setup.sh installs it (Debian, Ubuntu)")
	}
	if _, err := os.Stat(filepath.Join(bin, "master")); err != nil {
		t.Fatalf("no Mailman 3 here: %v; smtptest/mailman/setup.sh installs it (Debian, Ubuntu)", err)
	}
}

// startMailman starts Mailman, which sends its mail to smtpAddr, and waits until
// it takes requests and mail. It ends with the test.
func startMailman(t *testing.T, smtpAddr string) *instance {
	ports := freePorts(t, 2)
	m := &instance{t: t, dir: t.TempDir(), rest: "http://restadmin:restpass@" + ports[0] + "/3.1/"}
	m.output.waiting = []string{"lmtp runner started.", "Listening at: "}
	m.output.ready = make(chan struct{})
	m.configure("hash", smtpAddr, ports[0], ports[1])
	m.configure("regex", smtpAddr, ports[0], ports[1])
	ended := m.run()

	select {
	case <-m.output.ready:
	case <-ended:
		t.Fatal("Mailman ended at once")
	}
	m.untilAnswers(ports[1], ended)
	return m
}

// run starts the master process, and says when it has ended.
func (m *instance) run() (ended chan struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	master := exec.CommandContext(ctx, filepath.Join(bin, "master"), "-C", m.config("hash"))
	master.Stdout, master.Stderr = &m.output, &m.output
	master.Cancel = func() error { return master.Process.Signal(syscall.SIGTERM) } // it ends its runners
	if err := master.Start(); err != nil {
		m.t.Fatal(err)
	}
	ended = make(chan struct{})
	go func() {
		master.Wait()
		close(ended)
	}()
	m.stop = sync.OnceFunc(func() {
		cancel()
		<-ended
		if m.t.Failed() {
			m.t.Logf("Mailman said:\n%s", m.output.String())
		}
	})
	m.t.Cleanup(m.stop)
	return ended
}

// untilAnswers dials the LMTP port until somebody listens: Mailman says that its
// runner has started a moment before it does, and nothing afterwards.
func (m *instance) untilAnswers(addr string, ended <-chan struct{}) {
	for {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return
		}
		select {
		case <-ended:
			m.t.Fatalf("Mailman ended before it listened at %s", addr)
		default:
		}
	}
}

// freePorts are addresses at which nobody listens, below the ports that Linux
// gives out by itself (from 32768): so no connection takes one of them in the
// seconds until Mailman listens there.
func freePorts(t *testing.T, n int) []string {
	var addrs []string
	for len(addrs) < n && t.Context().Err() == nil {
		addr := fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000))
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		defer ln.Close() // only at the end, so that they differ
		addrs = append(addrs, addr)
	}
	return addrs
}

// config is the configuration with a type of map, and data the folder of the
// maps.
func (m *instance) config(kind string) string { return filepath.Join(m.dir, kind+".cfg") }
func (m *instance) data() string              { return filepath.Join(m.dir, "var", "data") }

// regexMap has Mailman write its map again as one of the type regex, and returns
// the path.
func (m *instance) regexMap() string {
	dir := filepath.Join(m.dir, "regex")
	if err := os.Mkdir(dir, 0o700); err != nil {
		m.t.Fatal(err)
	}
	aliases := exec.CommandContext(m.t.Context(), filepath.Join(bin, "mailman"), "--run-as-root", "-C", m.config("regex"), "aliases", "-d", dir)
	if out, err := aliases.CombinedOutput(); err != nil {
		m.t.Fatalf("mailman aliases: %v\n%s", err, out)
	}
	return filepath.Join(dir, "postfix_lmtp")
}

// post makes a thing by the REST interface.
func (m *instance) post(what string, fields ...string) {
	m.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	resp, err := http.PostForm(m.rest+what, form)
	if err != nil {
		m.t.Fatal(err)
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	body.ReadFrom(resp.Body)
	if resp.StatusCode/100 != 2 {
		m.t.Fatalf("POST %s %v: %s\n%s", what, fields, resp.Status, body.String())
	}
}

// output keeps what Mailman prints, and closes ready when all that is waited for
// was printed.
type output struct {
	mu      sync.Mutex
	text    strings.Builder
	waiting []string
	ready   chan struct{}
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p)
	for len(o.waiting) > 0 && strings.Contains(o.text.String(), o.waiting[0]) {
		if o.waiting = o.waiting[1:]; len(o.waiting) == 0 {
			close(o.ready)
		}
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// configure writes the configuration with a type of map.
func (m *instance) configure(kind, smtp, rest, lmtp string) {
	fields := map[string]any{
		"Dir": m.dir, "Bin": bin, "Kind": kind,
		"Idle": []string{"archive", "bounces", "digest", "nntp", "retry", "task"},
		"Busy": []string{"command", "in", "out", "pipeline", "virgin"},
	}
	for name, addr := range map[string]string{"SMTP": smtp, "REST": rest, "LMTP": lmtp} {
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			m.t.Fatal(err)
		}
		fields[name] = port
	}
	var text strings.Builder
	if err := configuration.Execute(&text, fields); err != nil {
		m.t.Fatal(err)
	}
	postfix := fmt.Sprintf("[postfix]\npostmap_command: /bin/true\ntransport_file_type: %s\n", kind)
	for name, text := range map[string]string{m.config(kind): text.String(), m.config("postfix-" + kind): postfix} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			m.t.Fatal(err)
		}
	}
}

// configuration is a mailman.cfg with all paths in one folder, only the runners
// that lists and their commands need, and the logs that matter on the output.
var configuration = template.Must(template.New("").Parse(`
[mailman]
site_owner: owner@lists.test
layout: test
[paths.test]
var_dir: {{.Dir}}/var
queue_dir: $var_dir/queue
list_data_dir: $var_dir/lists
lock_dir: $var_dir/locks
data_dir: $var_dir/data
cache_dir: $var_dir/cache
messages_dir: $var_dir/messages
archive_dir: $var_dir/archives
template_dir: $var_dir/templates
log_dir: $var_dir/log
pid_file: $var_dir/master.pid
lock_file: $lock_dir/master.lck
bin_dir: {{.Bin}}
etc_dir: {{.Dir}}
[database]
class: mailman.database.sqlite.SQLiteDatabase
url: sqlite:///$DATA_DIR/mailman.db
[webservice]
hostname: 127.0.0.1
port: {{.REST}}
workers: 1
admin_user: restadmin
admin_pass: restpass
[mta]
incoming: mailman.mta.postfix.LMTP
outgoing: mailman.mta.deliver.deliver
smtp_host: 127.0.0.1
smtp_port: {{.SMTP}}
lmtp_host: 127.0.0.1
lmtp_port: {{.LMTP}}
configuration: {{.Dir}}/postfix-{{.Kind}}.cfg
[logging.http]
path: /dev/stdout
[logging.runner]
path: /dev/stdout
[logging.error]
path: /dev/stdout
[logging.smtp]
path: /dev/stdout
{{range $runner := .Idle}}[runner.{{$runner}}]
start: no
{{end}}{{range $runner := .Busy}}[runner.{{$runner}}]
sleep_time: 0.1s
{{end}}`))
