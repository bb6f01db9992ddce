package smtptest_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"testing"
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
