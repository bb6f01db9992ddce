package report

import (
	"bufio"
	_ "embed"
	"html/template"
	"io"

	explored "github.com/go-smtptest/smtp/smtptest/internal/page"
)

//go:embed explore.html
var exploreText string

var explorePage = template.Must(template.New("explore").Funcs(template.FuncMap{
	"styles": func() template.CSS { return template.CSS(styles) },
}).Parse(exploreText))

// Package explore writes its page if the test imports this package.
func init() { explored.Write = writeExplored }

// writeExplored writes the page of package explore.
func writeExplored(w io.Writer, e explored.Explored) error {
	b := bufio.NewWriter(w)
	if err := explorePage.Execute(b, e); err != nil {
		return err
	}
	return b.Flush()
}
