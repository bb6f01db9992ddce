package smtptest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/certs"
	"github.com/go-smtptest/smtp/smtptest/internal/show"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// configureTLS makes the TLS configuration in use. life must be held.
func (s *Server) configureTLS() error {
	s.tls = nil
	if s.config.TLS == nil && !s.implicit {
		return nil
	}
	config := &tls.Config{}
	if s.config.TLS != nil {
		config = s.config.TLS.Clone()
	}
	if len(config.Certificates) == 0 && config.GetCertificate == nil { // GetConfigForClient may choose this one
		cert, err := certs.Local(s.hostname())
		if err != nil {
			return err
		}
		config.Certificates = []tls.Certificate{cert}
	}
	for i, cert := range config.Certificates {
		if len(cert.Certificate) == 0 {
			return fmt.Errorf("TLS.Certificates[%d] is empty: check the error of what has made it, such as tls.LoadX509KeyPair", i)
		}
	}
	if config.ClientCAs == nil && config.ClientAuth >= tls.VerifyClientCertIfGiven {
		config.ClientCAs = x509.NewCertPool()
		config.ClientCAs.AppendCertsFromPEM(s.RootPEM())
	}
	s.tls = config
	return nil
}

// Certificate returns the server's certificate: the first one of TLS, or the
// generated one. It returns nil before Start, and if there is no TLS.
func (s *Server) Certificate() *x509.Certificate {
	if !s.started() || s.tls == nil {
		return nil
	}
	return certs.For(s.tls, "")
}

// NewCertificate returns a certificate for the hosts, which are names or literal
// addresses. The authority that [Server.ClientTLSConfig] and [Server.RootPEM]
// trust signs it. It is valid from 1970, and so on the clock of a synctest
// bubble, until notAfter; a time in the past makes an expired certificate. It
// serves servers and clients. If the certificate cannot be generated,
// NewCertificate panics; no host is known that causes this.
func NewCertificate(notAfter time.Time, hosts ...string) tls.Certificate {
	ca, err := certs.Root()
	if err == nil {
		var cert tls.Certificate
		if cert, err = ca.Issue(notAfter, hosts); err == nil {
			return cert
		}
	}
	panic(fmt.Sprintf("smtptest: NewCertificate: %v", err))
}

// ClientTLSConfig is what a client needs to trust the server, whether its
// certificate is the throw-away one, made by NewCertificate or self-signed. Its
// ServerName is the Hostname ("localhost" if that is not set): the throw-away
// certificate is good for it, for localhost, 127.0.0.1 and ::1. Each call returns
// a new one.
func (s *Server) ClientTLSConfig() *tls.Config {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.RootPEM())
	return &tls.Config{RootCAs: roots, ServerName: certs.Bare(s.hostname())}
}

// RootPEM is the certificate authority that a client must trust, in PEM: write
// it to a file for a service that is configured by one (SSL_CERT_FILE). Before
// Start it is the authority of this process.
func (s *Server) RootPEM() []byte {
	var roots []byte
	if ca, err := certs.Root(); err == nil {
		roots = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Leaf.Raw})
	}
	if s.Certificate() == nil {
		return roots
	}
	chain := s.tls.Certificates[0].Certificate
	if top := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: chain[len(chain)-1]}); !bytes.Equal(top, roots) {
		roots = append(roots, top...)
	}
	return roots
}

func (ch *Channel) verbStartTLS(arg string) verdict {
	switch {
	case ch.Server.tls == nil:
		return verdict{reply: ch.say(repNoPlace)}
	case arg != "":
		return verdict{reply: ch.syntax("STARTTLS", "5.5.4")}
	case ch.underTLS:
		return verdict{reply: ch.say(repOverTLS)}
	case ch.State == StateGreeted:
		return verdict{reply: ch.say(repNoHello)}
	case ch.State != StateHello:
		return verdict{reply: ch.say(repNoPlace)}
	}
	return verdict{ch.say(repReadyTLS), func(*Channel) {}}
}

// modeStartTLS follows a 220, whoever said it: whatever came in clear behind
// the command is forgotten unread (RFC 3207 4.2), and so is all that the client
// has said.
func (ch *Channel) modeStartTLS(told Reply) {
	if told == NoReply || !strings.HasPrefix(string(told), "2") || ch.Server.tls == nil || ch.underTLS {
		return
	}
	ch.drop(ch.r.Bytes())
	ch.r.Forget()
	ch.ahead = false
	if err := ch.flush(); err != nil {
		ch.lost(err)
		return
	}
	if !ch.handshake() {
		return
	}
	ch.Server.mu.Lock()
	defer ch.Server.mu.Unlock()
	ch.reset(isReset)
	ch.State, ch.SeenGreeting, ch.Extended, ch.User = StateGreeted, "", false, ""
	ch.session.helo, ch.session.user = "", ""
}

// drop records octets that are thrown away with the event that has just been
// recorded.
func (ch *Channel) drop(b []byte) {
	if len(b) == 0 {
		return
	}
	ch.Server.mu.Lock()
	defer ch.Server.mu.Unlock()
	ch.session.exchanges.last().unusual().dropped = ch.showUnread(b)
}

// handshakeTimeout is how long a client may take over its handshake. One that
// waits for a greeting in clear would wait for ever.
const handshakeTimeout = 10 * time.Second

// handshake begins TLS on the connection; a TLS row has its moment before it.
// False means that the session goes no further.
func (ch *Channel) handshake() bool {
	t := turn{name: "TLS", line: "TLS", flags: isEvent}
	if ch.matchTLS(&t); t.skip && !ch.over {
		ch.ignore()
	}
	if ch.over {
		return false
	}
	ch.begin(&t)
	below := &transport{Conn: ch.raw, ch: ch, head: bytes.Clone(ch.r.Bytes())}
	ch.r.Forget()
	conn := tls.Server(below, ch.Server.tls)
	ch.armHandshake()
	defer ch.arm(time.Time{})
	if err := ch.shake(conn); err != nil {
		ch.handshakeFailed(&t, below.cause(err, ch.Server.implicit), err)
		return false
	}
	below.shaken = true
	ch.Conn, ch.underTLS, ch.below = conn, true, below
	ch.r.Reset(conn)
	ch.newSilence()
	info := infoOf(conn.ConnectionState(), ch.Server.tls)
	ch.Server.mu.Lock()
	ch.session.tls = info
	ch.Server.mu.Unlock()
	ch.noteTLS(&t, info.Version) // the cipher suite depends on the machines: it is in Session.TLS
	return true
}

func (ch *Channel) armHandshake() {
	limit := handshakeTimeout
	if idle := ch.idleLimit(); idle > 0 {
		limit = min(limit, idle)
	}
	ch.arm(time.Now().Add(limit))
}

// awaitHello waits for the beginning of the ClientHello before Raw is sent in
// place of a handshake: a client discards what it has read together with the 220
// to STARTTLS (RFC 3207 4.2). It reports whether the session goes on.
func (a *act) awaitHello() bool {
	ch := a.ch
	if a.turn.name != "TLS" || a.row.Raw == "" {
		return true
	}
	ch.armHandshake()
	for ch.r.Buffered() == 0 {
		if err := ch.r.Fill(); err != nil {
			ch.handshakeFailed(a.turn, (&transport{}).cause(err, ch.Server.implicit), err)
			return false
		}
	}
	return true
}

// handshakeFailed ends the session.
func (ch *Channel) handshakeFailed(t *turn, cause string, err error) {
	ch.noteTLS(t, "failed: "+cause)
	if plain := (tls.RecordHeaderError{}); errors.As(err, &plain) {
		ch.drop(plain.RecordHeader[:])
	}
	if ch.isInterrupted() {
		ch.finish(EndServer)
	} else {
		ch.finish(EndTLS)
	}
}

// infoOf is what was negotiated, for the record.
func infoOf(state tls.ConnectionState, config *tls.Config) *TLSInfo {
	info := &TLSInfo{
		Version:     tls.VersionName(state.Version),
		CipherSuite: tls.CipherSuiteName(state.CipherSuite),
		ServerName:  state.ServerName,
		ALPN:        state.NegotiatedProtocol,
	}
	if len(config.Certificates) == 1 && config.GetCertificate == nil && config.GetConfigForClient == nil {
		info.Cert = config.Certificates[0].Certificate[0]
	}
	if len(state.PeerCertificates) > 0 {
		info.ClientCert = state.PeerCertificates[0].Raw
	}
	return info
}

// shake is the handshake itself, with a context that ends with the server or
// the test. A function of Server.TLS that panics or leaves its goroutine fails the
// test, and the handshake.
func (ch *Channel) shake(conn *tls.Conn) (err error) {
	ctx, cancel := context.WithCancel(ch.Server.base)
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-ch.gone:
			cancel()
		case <-ctx.Done():
		}
	})
	defer watch.Wait()
	defer cancel()
	ch.enterUserCode("")
	ch.enter(stageShake)
	defer ch.enter(stageNone)
	returned := false
	defer func() {
		if p := recover(); p != nil || !returned {
			ch.blame("a function of Server.TLS", p)
			err = fmt.Errorf("panicked: %v", p)
		}
	}()
	err = conn.HandshakeContext(ctx)
	returned = true
	return err
}

// transport is the connection below TLS. It tells an end by close_notify, which
// TLS reports without reading on, from one without.
type transport struct {
	net.Conn
	ch     *Channel
	head   []byte // what came during a row's Delay
	began  bool   // something came
	ended  bool
	shaken bool        // the handshake has ended
	broke  atomic.Bool // reading or writing has failed, or has come to the end
}

// cause says why a handshake failed.
func (t *transport) cause(err error, implicit bool) string {
	switch {
	case t.began:
		return show.Printable(err.Error()) // a function of Server.TLS may say what the client said
	case implicit:
		return "the client sent nothing; here TLS comes before the greeting (RFC 8314 3.3), for which a client of STARTTLS or of no TLS waits in vain"
	}
	return "the client sent nothing"
}

func (t *transport) Read(b []byte) (int, error) {
	if len(t.head) > 0 {
		n := copy(b, t.head)
		t.head = t.head[n:]
		t.began = true
		return n, nil
	}
	n, err := 0, net.ErrClosed // if it panics
	t.ch.guardConn(func() { n, err = t.Conn.Read(b) })
	t.began = t.began || n > 0
	t.ended = t.ended || err == io.EOF
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.broke.Store(true)
	}
	return n, err
}

// Close does nothing during the handshake. If its context ends, crypto/tls closes the
// connection on a goroutine of its own, where a panic would end the process; the
// server closes it too.
func (t *transport) Close() error {
	if !t.shaken {
		return nil
	}
	return t.Conn.Close()
}

func (t *transport) Write(b []byte) (int, error) {
	n, err := 0, net.ErrClosed // if it panics
	t.ch.guardConn(func() { n, err = t.Conn.Write(b) })
	if err != nil {
		t.broke.Store(true)
	}
	return n, err
}

// noteTruncation records, at the end of input, that TLS was not closed as it
// should be.
func (ch *Channel) noteTruncation() {
	if ch.below == nil || !ch.below.ended {
		return
	}
	ch.Server.mu.Lock()
	defer ch.Server.mu.Unlock()
	ch.session.truncated = true
}

// noteAlert says in the transcript what TLS had against a record behind the
// handshake (RFC 8446 6.2).
func (ch *Channel) noteAlert(err error) {
	ch.Server.mu.Lock()
	defer ch.Server.mu.Unlock()
	ch.session.exchanges.last().unusual().note("TLS failed: " + show.Printable(err.Error()))
}

// noteTLS says in the transcript what became of the handshake.
func (ch *Channel) noteTLS(t *turn, what string) {
	ch.Server.mu.Lock()
	defer ch.Server.mu.Unlock()
	ch.record(t).unusual().note(what)
}

// matchTLS lets a row for TLS do what it says before the handshake.
func (ch *Channel) matchTLS(t *turn) {
	t.at = time.Since(ch.session.start)
	r := ch.match(t)
	if r == nil {
		return
	}
	ch.perform(r, t)
	t.skip = r.Reply == wire.NoReply || r.Raw != ""
	if err := ch.flush(); err != nil && !ch.over {
		ch.lost(err)
	}
}

// ignore reads and drops what a client says whose handshake a row has
// prevented, until it leaves.
func (ch *Channel) ignore() {
	ch.arm(time.Time{})
	ch.enter(stageHeld)
	defer ch.enter(stageNone)
	for ch.r.Fill() == nil {
		ch.r.Forget()
	}
	if ch.isInterrupted() {
		ch.finish(EndServer)
	}
	ch.finish(EndTLS)
}

// tlsConn is the connection as one under TLS.
func (ch *Channel) tlsConn() (*tls.Conn, bool) {
	conn, ok := ch.Conn.(*tls.Conn)
	return conn, ok
}
