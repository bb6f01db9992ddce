package smtptest_test

import (
	"encoding/json"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
)

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
