package frameworks

import (
	"crypto/tls"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
)

func TestProgram(t *testing.T) {
	srv := smtptest.NewUnstartedServer(t)
	srv.TLS = &tls.Config{} // STARTTLS, with a certificate of the server's own
	srv.RequireTLS = true
	srv.Start()

	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, srv.RootPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "run", "./cmd/signup", "bob@example.com")
	cmd.Env = append(os.Environ(), "SMTP_ADDR="+srv.Addr, "SSL_CERT_FILE="+roots)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	m := srv.Wait(1)[0]
	if m.Subject() != "Welcome" || !m.TLS {
		t.Errorf("Subject() = %q, TLS = %t", m.Subject(), m.TLS)
	}
}
