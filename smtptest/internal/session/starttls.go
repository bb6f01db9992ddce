package session

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/journal"
	"github.com/go-smtptest/smtp/smtptest/internal/show"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

func decideStartTLS(p *protocol, arg string) verdict {
	switch {
	case p.TLS == nil:
		return verdict{reply: p.text(replyBadSequence)}
	case arg != "":
		return verdict{reply: p.syntax("STARTTLS", "5.5.4")}
	case p.underTLS():
		return verdict{reply: p.text(replyOverTLS)}
	case p.State == StateGreeted:
		return verdict{reply: p.text(replyNoHello)}
	case p.State != StateHello:
		return verdict{reply: p.text(replyBadSequence)}
	}
	return verdict{p.text(replyReadyTLS), func(*Conn) {}}
}

// followStartTLS begins TLS after a 220, even if a rule sent it. It discards the bytes that
// came without TLS after the command (RFC 3207 4.2), and the state of the session.
func followStartTLS(c *Conn, sent wire.Reply) {
	if sent == wire.NoReply || !strings.HasPrefix(string(sent), "2") || c.TLS == nil || c.underTLS() {
		return
	}
	recordDropped(c, c.r.Bytes())
	c.r.Forget()
	c.inputWaiting = false
	if err := c.flush(); err != nil {
		c.endOnError(err)
		return
	}
	if !handshake(c) {
		return
	}
	c.Journal.Lock()
	defer c.Journal.Unlock()
	c.reset(journal.Reset)
	c.State, c.Helo, c.Extended, c.User = StateGreeted, "", false, ""
	c.record.Helo, c.record.User = "", ""
}

// recordDropped records bytes that are thrown away with the event that has just been recorded.
func recordDropped(c *Conn, b []byte) {
	if len(b) == 0 {
		return
	}
	c.Journal.Lock()
	defer c.Journal.Unlock()
	c.record.Exchanges.Last().Unusual().Dropped = c.mask.unread(b)
}

// handshakeTimeout is how long a client may take over its handshake. One that waits for
// a greeting in clear would wait for ever.
const handshakeTimeout = 10 * time.Second

// handshake begins TLS on the connection; a rule for TLS fires before it. It returns
// false if the session goes no further.
func handshake(c *Conn) bool {
	e := event{name: "TLS", line: "TLS", flags: journal.Event}
	if skip := ruleForTLS(c, &e); skip && !c.done {
		discardInput(c)
	}
	if c.done {
		return false
	}
	c.recordStart(&e)
	below := &transport{Conn: c.netConn, pipe: &c.pipe, head: bytes.Clone(c.r.Bytes())}
	c.r.Forget()
	conn := tls.Server(below, c.TLS)
	armHandshake(c)
	defer c.setReadDeadline(time.Time{})
	if err := runHandshake(c, conn); err != nil {
		handshakeFailed(c, &e, below.cause(err, c.Implicit), err)
		return false
	}
	below.shaken = true
	state := conn.ConnectionState()
	c.conn, c.secure, c.tlsTransport = conn, &state, below
	c.r.Reset(conn)
	c.resetIdle()
	info := infoOf(state, c.TLS)
	c.Journal.Lock()
	defer c.Journal.Unlock()
	c.record.TLS = info
	c.exchangeOf(&e).Unusual().Note(info.Version) // the cipher suite depends on the machines: it is in Session.TLS
	return true
}

// ruleForTLS carries out a rule for TLS before the handshake. It returns true
// if there is to be none.
func ruleForTLS(c *Conn, e *event) (skip bool) {
	r, err := c.fireTimedRule(e)
	if err != nil && !c.done {
		c.endOnError(err)
	}
	return r != nil && (r.Reply == wire.NoReply || r.Raw != "")
}

// discardInput reads and drops what a client sends whose handshake a rule has prevented,
// until it leaves.
func discardInput(c *Conn) {
	c.setReadDeadline(time.Time{})
	c.enter(StageHeld)
	defer c.enter(StageNone)
	for c.r.Fill() == nil {
		c.r.Forget()
	}
	if c.isInterrupted() {
		c.setEnd(EndServer)
	}
	c.setEnd(EndTLS)
}

func armHandshake(c *Conn) {
	limit := handshakeTimeout
	if idle := c.idleLimit(); idle > 0 {
		limit = min(limit, idle)
	}
	c.setReadDeadline(time.Now().Add(limit))
}

// awaitHello waits for the beginning of the ClientHello before Raw is sent in place of
// a handshake: a client discards what it has read together with the 220 to STARTTLS
// (RFC 3207 4.2). It reports whether the session goes on.
func awaitHello(c *Conn, e *event) bool {
	armHandshake(c)
	for c.r.Buffered() == 0 {
		if err := c.r.Fill(); err != nil {
			handshakeFailed(c, e, (&transport{}).cause(err, c.Implicit), err)
			return false
		}
	}
	return true
}

// handshakeFailed ends the session.
func handshakeFailed(c *Conn, e *event, cause string, err error) {
	c.Journal.Lock()
	c.exchangeOf(e).Unusual().Note("failed: " + cause)
	c.Journal.Unlock()
	if plain := (tls.RecordHeaderError{}); errors.As(err, &plain) {
		recordDropped(c, plain.RecordHeader[:])
	}
	if c.isInterrupted() {
		c.setEnd(EndServer)
	} else {
		c.setEnd(EndTLS)
	}
}

// infoOf returns what was negotiated, for the record.
func infoOf(state tls.ConnectionState, config *tls.Config) *journal.TLS {
	info := &journal.TLS{
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

// runHandshake is the handshake itself, with a context that ends with the server or the test.
// A function of Server.TLS that panics or leaves its goroutine fails the test, and the
// handshake.
func runHandshake(c *Conn, conn *tls.Conn) (err error) {
	ctx, cancel := context.WithCancel(c.Base)
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-c.interruptedCh:
			cancel()
		case <-ctx.Done():
		}
	})
	defer watch.Wait()
	defer cancel()
	c.enter(StageShake)
	defer c.enter(StageNone)
	failed := c.callUserAs("a function of Server.TLS", "", func() { err = conn.HandshakeContext(ctx) })
	if failed != nil {
		return failed
	}
	return err
}

// recordTruncation records, at the end of input, that TLS was not closed as it should be.
func recordTruncation(c *Conn) {
	if c.tlsTransport == nil || !c.tlsTransport.ended {
		return
	}
	c.Journal.Lock()
	defer c.Journal.Unlock()
	c.record.Truncated = true
}

// recordTLSAlert records the error of TLS in a record after the handshake (RFC 8446 6.2).
func recordTLSAlert(c *Conn, err error) {
	c.Journal.Lock()
	defer c.Journal.Unlock()
	c.record.Exchanges.Last().Unusual().Note("TLS failed: " + show.Printable(err.Error()))
}
