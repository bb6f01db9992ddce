// Package report shows what clients sent to a smtptest.Server as one page to
// look at: each session as a timeline; each message with its envelope, its
// header, its structure, its text and its HTML; each part, which can be opened; and
// what the clients did wrong.
//
//	func TestWelcomeMail(t *testing.T) {
//		srv := smtptest.NewServer(t)
//		report.OnFailure(t, srv)
//		...
//	}
//
// The page is one file that loads nothing from elsewhere and runs no script.
// Mail is shown in a frame that it cannot leave: scripts are dead there, and
// remote content is not loaded.
package report

import (
	"bufio"
	_ "embed"
	"errors"
	"html/template"
	"io"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/harness"
)

// OnFailure keeps the page as report.html if the test t fails, beside the other
// files that go test -artifacts keeps (see smtptest.Server.Artifact). Without
// the flag nothing is written, and the log says so.
func OnFailure(t smtptest.TB, srv *smtptest.Server) {
	if mistake := harness.NilTB(t); mistake != "" {
		panic("report: OnFailure: " + mistake)
	}
	if t != nil { // of a nil one the Server speaks
		t.Helper()
	}
	if srv == nil {
		const mistake = "report: OnFailure without a Server: make it first"
		if t == nil {
			panic(mistake)
		}
		t.Fatalf(mistake)
		return
	}
	srv.Artifact(t, "report.html", func(w io.Writer) error {
		title, _ := harness.Optional(t, func(t interface{ Name() string }) string { return t.Name() })
		return write(w, srv, title)
	})
}

// Write writes the page about all that the server has recorded so far. It may
// be called at any time, also after Close.
func Write(w io.Writer, srv *smtptest.Server) error {
	if w == nil || srv == nil {
		return errors.New("report: Write without a Writer or a Server: give both")
	}
	return write(w, srv, "")
}

func write(w io.Writer, srv *smtptest.Server, title string) error {
	b := bufio.NewWriter(w)
	if err := page.Execute(b, newView(srv, title)); err != nil {
		return err
	}
	return b.Flush()
}

//go:embed page.html
var pageText string

//go:embed page.css
var styles string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"styles": func() template.CSS { return template.CSS(styles) },
}).Parse(pageText))
