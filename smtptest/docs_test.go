package smtptest_test

import (
	"encoding/json"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"maps"
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
		"explore/table.go":  {"os.WriteFile"},                // in an ArtifactDir
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

// TestExamples holds that every exported type has an Example whose output is
// checked.
func TestExamples(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	pkg, err := doc.NewFromFiles(fset, files, "github.com/go-smtptest/smtp/smtptest")
	if err != nil {
		t.Fatal(err)
	}
	if len(pkg.Types) == 0 {
		t.Fatal("no types were found")
	}
	for _, typ := range pkg.Types {
		if !slices.ContainsFunc(typ.Examples, func(e *doc.Example) bool { return e.Output != "" }) {
			t.Errorf("type %s has no Example%s with an Output", typ.Name, typ.Name)
		}
	}
}

// TestREADME holds README's command list against the command table, and its first
// test against the one that is run.
func TestREADME(t *testing.T) {
	b, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := string(b)
	for _, row := range smtptest.CommandRows() {
		if !strings.Contains(readme, row) {
			t.Errorf("README's command list has no row %s", row)
		}
	}
	first, err := os.ReadFile("../first_test.go")
	if err != nil {
		t.Fatal(err)
	}
	if _, body, _ := strings.Cut(string(first), "\n"); !strings.Contains(readme, "```go\npackage shop_test\n"+body+"```\n") {
		t.Error("README's first test is not first_test.go")
	}
	if n := strings.Count(readme, "\n"); n >= 150 {
		t.Errorf("README has %d lines, want fewer than 150", n)
	}
}

// rowTests are the tests of each row of README's table of smtpd's names, by the
// first name in it.
var rowTests = map[string][]string{
	"SMTPServer(localaddr, ...)": {"TestArgumentAddress", "TestOracle"},
	"remoteaddr":                 {"TestRelayAddress"},
	"data_size_limit":            {"TestArgumentSize", "TestConformanceSize"},
	"enable_SMTPUTF8":            {"TestArgumentUTF8", "TestArgumentDecodeUTF8"},
	"decode_data":                {"TestArgumentDecode", "TestMessageReading"},
	"process_message":            {"TestConformanceHandler", "TestHandlerSees", "TestHandlerContext", "TestHandlerFailures", "TestRefusedMessage"},
	"mail_options":               {"TestHandlerSees"},
	"DebuggingServer":            {"TestDebugging", "TestDebuggingSessions", "TestOracle"},
	"PureProxy":                  {"TestRelayEnvelope", "TestRelayRefusals", "TestRelayFailures", "TestRelayChain", "TestRelaySecure", "TestOracle"},
	"MailmanProxy":               {"mailman.TestRelay", "mailman.TestMailman", "mailman.TestOracle"},
	"SMTPChannel":                {"TestChannelReplace", "TestChannelAsk", "TestChannelXclient", "TestCommandFailures"},
	"smtp_server":                {"TestChannelVariables"},
	"smtp_state":                 {"TestChannelVariables", "TestChannelState", "TestOracle"},
	"received_lines":             {"TestChannelVariables", "TestChannelAskRecords", "TestOracle"},
}

var quoted = regexp.MustCompile("`([^`]*)`")

func names(cell string) (all []string) {
	for _, m := range quoted.FindAllStringSubmatch(cell, -1) {
		all = append(all, m[1])
	}
	return all
}

// TestSmtpdTable holds README's table of smtpd's names against the code: each
// name of ours exists, and each row has tests and an example.
func TestSmtpdTable(t *testing.T) {
	b, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(b), "| smtpd | here | example |\n|---|---|---|\n")
	table, _, ended := strings.Cut(table, "\n\n")
	if !found || !ended {
		t.Fatal("README has no table of smtpd's names")
	}
	known := declared(t, ".", "")
	maps.Copy(known, declared(t, "mailman", "mailman."))
	subjects, err := filepath.Glob("internal/conformance/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range subjects {
		maps.Copy(known, declared(t, dir, ""))
	}
	var rows []string
	for line := range strings.Lines(table + "\n") {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 3 {
			t.Fatalf("row %q has %d cells", line, len(cells))
		}
		row := names(cells[0])[0]
		rows = append(rows, row)
		for _, name := range append(append(names(cells[1]), names(cells[2])...), rowTests[row]...) {
			if strings.ToUpper(name) != name && !known[name] { // all upper case: an extension
				t.Errorf("%s: there is no %s", row, name)
			}
		}
		if len(rowTests[row]) == 0 || len(names(cells[2])) == 0 {
			t.Errorf("%s has no test or no example", row)
		}
	}
	slices.Sort(rows)
	if want := slices.Sorted(maps.Keys(rowTests)); !slices.Equal(want, rows) {
		t.Errorf("rows of the table:\n%q\nrows with tests:\n%q", rows, want)
	}
}

// declared are the functions, types, methods and fields of a package's files,
// those of its tests too: "Name", "Type.Name".
func declared(t *testing.T, dir, prefix string) map[string]bool {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatal(dir, err)
	}
	all := map[string]bool{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			for _, name := range declares(decl) {
				all[prefix+name] = true
			}
		}
	}
	return all
}

func declares(decl ast.Decl) (all []string) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		name := d.Name.Name
		if d.Recv != nil {
			name = receiver(d.Recv.List[0].Type) + "." + name
		}
		return []string{name}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			typ, ok := spec.(*ast.TypeSpec)
			if !ok {
				continue
			}
			all = append(all, typ.Name.Name)
			var fields *ast.FieldList
			switch tt := typ.Type.(type) {
			case *ast.StructType:
				fields = tt.Fields
			case *ast.InterfaceType:
				fields = tt.Methods
			default:
				continue
			}
			for _, f := range fields.List {
				for _, n := range f.Names {
					all = append(all, typ.Name.Name+"."+n.Name)
				}
			}
		}
	}
	return all
}

func receiver(e ast.Expr) string {
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

// TestDifferences holds the list at the end of docs/smtpd.md against the
// decisions, and those against the departures that were recorded.
func TestDifferences(t *testing.T) {
	var table strings.Builder
	for _, id := range slices.Sorted(maps.Keys(decisions)) {
		d := decisions[id]
		table.WriteString("| `" + id + "` | " + d.instead + " | " + d.why + " |\n")
	}
	b, err := os.ReadFile("../docs/smtpd.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(string(b), "\n|---|---|---|\n"+table.String()) {
		t.Errorf("the list of differences at the end of docs/smtpd.md is to be:\n%s", table.String())
	}
	b, err = os.ReadFile("testdata/smtpd-oracle.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Departures map[string]any }
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	if recorded, ours := slices.Sorted(maps.Keys(file.Departures)), slices.Sorted(maps.Keys(decisions)); !slices.Equal(recorded, ours) {
		t.Errorf("departures of smtpd:\n%q\ndecisions:\n%q", recorded, ours)
	}
}
