package report_test

import (
	"context"
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/explore"
)

// TestExplorePage verifies that package explore writes its page, and that a cell opens
// its dialogue in a real browser.
func TestExplorePage(t *testing.T) {
	b := browser(t)
	var page string
	t.Run("explored", func(t *testing.T) {
		cfg := explore.Config{
			Allow: []string{"false-failure"},
			Only:  func(step, fault string) bool { return step == "dot" || step == "QUIT" },
		}
		explore.Run(t, cfg, func(t *testing.T, srv *smtptest.Server) func(context.Context) error {
			return func(ctx context.Context) error { return sendAndQuit(ctx, srv) }
		})
		html, err := os.ReadFile(filepath.Join(t.ArtifactDir(), "explore.html"))
		if err != nil {
			t.Fatal(err)
		}
		page = string(html)
	})
	file := address(t, "explore.html", page)
	shown := b.show(t, file, 1200, 900)
	var visible bool
	b.evaluate(t, shown, `document.getElementById("dot/answer-then-close").checkVisibility()`, &visible)
	if visible {
		t.Error("a dialogue is open at once")
	}
	var text string
	b.evaluate(t, shown, `(() => { document.querySelector('a[title="dot/answer-then-close"]').click(); return [...document.querySelectorAll(".scenario")].filter(s => s.checkVisibility()).map(s => s.innerText).join("\n") })()`, &text)
	for _, want := range []string{"false-failure", "answer-then-close", "-- closed by rule", "srv.Script("} {
		if !strings.Contains(text, want) {
			t.Errorf("the open dialogue has no %q:\n%s", want, text)
		}
	}
	var width int
	b.evaluate(t, b.show(t, file, 390, 800), "document.documentElement.scrollWidth", &width)
	if width > 390 {
		t.Errorf("on a phone the page is %d pixels wide", width)
	}
}

// sendAndQuit sends a mail, and returns the error of QUIT.
func sendAndQuit(ctx context.Context, srv *smtptest.Server) error {
	conn, err := srv.DialContext(ctx, "tcp", "mx:25")
	if err != nil {
		return err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	conn.SetDeadline(deadline)
	c, err := smtp.NewClient(conn, srv.Hostname)
	if err != nil {
		return err
	}
	if err := c.Mail("shop@example.com"); err != nil {
		return err
	}
	if err := c.Rcpt("bob@example.com"); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	w.Write([]byte("Subject: Hi\r\n\r\n<b>Hi</b>!\r\n"))
	if err := w.Close(); err != nil {
		return err
	}
	return c.Quit()
}
