package smtptest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"os"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/memnet"
	"github.com/go-smtptest/smtp/smtptest/internal/session"
)

// listen fills in Listener and Addr. life must be held.
func (s *Server) listen() error {
	isLazy := s.Listener == nil || s.Listener == &s.lazy
	switch {
	case s.inMemory && !isLazy:
		return errors.New("StartInMemory with a Listener of its own: leave Listener nil, or use Start")
	case s.inMemory:
		s.lazy.Close()
		s.mem = memnet.Listen(0)
		s.Listener = s.mem
	case isLazy:
		ln, err := s.lazy.open()
		if err != nil {
			return err
		}
		s.Listener = ln
	default:
		s.foreign = true
		if v := reflect.ValueOf(s.Listener); v.Kind() == reflect.Pointer && v.IsNil() {
			return fmt.Errorf("the Listener is a nil %T: check the error of what has made it, or leave Listener nil", s.Listener)
		}
		if isClosedListener(s.Listener) {
			return fmt.Errorf("the Listener at %s is closed already: give one that is open, or leave Listener nil", s.Listener.Addr())
		}
	}
	s.Addr = s.Listener.Addr().String()
	return nil
}

// lazyListener is a listener on a loopback port that it opens when the port is needed.
type lazyListener struct {
	mu     sync.Mutex
	ln     net.Listener // nil until it is open
	closed bool
}

// open returns the listener on the port.
func (l *lazyListener) open() (net.Listener, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, fmt.Errorf("the Listener was closed and not replaced: set another one, or do not close it: %w", net.ErrClosed)
	}
	if l.ln == nil {
		ln, err := listenLoopback()
		if err != nil {
			return nil, err
		}
		l.ln = ln
	}
	return l.ln, nil
}

func (l *lazyListener) Accept() (net.Conn, error) {
	ln, err := l.open()
	if err != nil {
		return nil, err
	}
	return ln.Accept()
}

// Close closes the port, or keeps it from being opened.
func (l *lazyListener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return net.ErrClosed
	}
	l.closed = true
	if l.ln == nil {
		return nil
	}
	return l.ln.Close()
}

// Addr returns the address of the port, and one with port 0 if none can be opened.
func (l *lazyListener) Addr() net.Addr {
	ln, err := l.open()
	if err != nil {
		return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}
	}
	return ln.Addr()
}

// isClosedListener says that nobody can connect to a socket any more. Of other listeners it
// is not known.
func isClosedListener(ln net.Listener) bool {
	socket, ok := ln.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := socket.SyscallConn()
	if err == nil {
		err = raw.Control(func(uintptr) {})
	}
	return errors.Is(err, net.ErrClosed)
}

// listenLoopback takes an ephemeral port; addresses are literal, so that
// nothing is ever looked up. Loopback has one path and loses nobody: what TCP
// does about that is left out, as it costs system calls for each server and each
// connection.
func listenLoopback() (net.Listener, error) {
	lc := net.ListenConfig{KeepAlive: -1}
	lc.SetMultipathTCP(false)
	ln, err := lc.Listen(context.Background(), "tcp4", "127.0.0.1:0")
	if err != nil {
		if ln6, err6 := lc.Listen(context.Background(), "tcp6", "[::1]:0"); err6 == nil {
			return ln6, nil
		}
	}
	return ln, err
}

// relisten is listen at the address that a stopped server had. life must be
// held.
func (s *Server) relisten() error {
	if s.inMemory {
		mem := memnet.Listen(0)
		s.mu.Lock()
		s.mem, s.Listener = mem, mem
		s.mu.Unlock()
		return nil
	}
	ln, err := s.reserved.Listen()
	if errors.Is(err, errors.ErrUnsupported) {
		addr := s.Listener.Addr()
		ln, err = net.Listen(addr.Network(), addr.String())
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.Listener = ln
	s.mu.Unlock()
	return nil
}

// accept serves until its listener is closed.
func (s *Server) accept(ln net.Listener, ended <-chan struct{}) {
	reported := false
	for {
		conn, err := ln.Accept()
		switch {
		case err != nil && !isTemporary(err):
			if !isClosed(ended) && !errors.Is(err, net.ErrClosed) { // closed by the test that made it
				s.errorf("smtptest: nobody can connect any more, as the Listener at %s has failed: %v; an outage is made with Stop", s.Addr, err)
			}
			return
		case err == nil && conn != nil:
			s.admit(conn, ended)
			continue
		case err == nil && !reported:
			reported = true
			s.errorf("smtptest: Accept of the Listener (%T) returned no connection and no error: return one of them", ln)
		}
		select { // while there are no file descriptors, not again and again
		case <-time.After(time.Millisecond):
		case <-ended:
			return
		}
	}
}

// acceptOwn is accept on a Listener of the server's own, which is no code of the test.
func (s *Server) acceptOwn(ln net.Listener, ended <-chan struct{}) {
	s.accept(ln, ended)
	s.mu.Lock()
	s.accepting--
	s.mu.Unlock()
	s.journal.Wake()
}

// isTemporary says that Accept may be called again: the error was about one
// connection (ECONNABORTED), or there are too many (EMFILE).
func isTemporary(err error) bool {
	ne, ok := err.(interface{ Temporary() bool })
	return ok && ne.Temporary()
}

// admit begins a session, unless the server is on its way down.
func (s *Server) admit(conn net.Conn, ended <-chan struct{}) {
	s.mu.Lock()
	if isClosed(ended) {
		s.mu.Unlock()
		what := fmt.Sprintf("Close of a connection (%T)", conn)
		s.run(what, func() { conn.Close() }, func(p any) { s.reportUserFailure(what, p) })
		return
	}
	s.journal.Lock()
	c := session.New(&s.engine, conn)
	s.journal.Unlock()
	s.live = append(s.live, c)
	s.mu.Unlock()
	go s.converse(c)
}

// converse is the goroutine of a session.
func (s *Server) converse(c *session.Conn) {
	defer func() { // even if the test's own code leaves the goroutine
		s.mu.Lock()
		s.live = slices.DeleteFunc(s.live, func(other *session.Conn) bool { return other == c })
		s.mu.Unlock()
		s.journal.Wake()
	}()
	c.Serve()
}

// conns returns the sessions that have not ended, in order of connection.
func (s *Server) conns() []*session.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.live)
}

// DialContext connects to the server. Network and address are ignored, so that
// it fits the dialer fields of mail clients and reaches the server under any
// name; in memory it is the only way in. It does no TLS. The connection is
// refused while the server is stopped or closed.
func (s *Server) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	if ctx == nil {
		return nil, errors.New("smtptest: DialContext with a nil context: give t.Context() or context.Background()")
	}
	var mem *memnet.Listener
	var ln net.Listener
	var ended <-chan struct{}
	if s.started() {
		s.mu.Lock()
		mem, ln, ended = s.mem, s.Listener, s.ended
		s.mu.Unlock()
	}
	if ended == nil {
		return nil, fmt.Errorf("smtptest: DialContext of %s", phaseErrors[s.phase.Load()])
	}
	if mem != nil {
		return mem.Dial(ctx)
	}
	if isClosed(ended) {
		return nil, refusedAt(ln.Addr())
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, ln.Addr().Network(), ln.Addr().String())
	if err == nil && isClosed(ended) { // meanwhile the port may have become another server's
		conn.Close()
		return nil, refusedAt(ln.Addr())
	}
	return conn, err
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// refusedAt is the error of a dial to an address where nobody listens.
func refusedAt(addr net.Addr) error {
	return &net.OpError{Op: "dial", Net: addr.Network(), Addr: addr, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
}

// Client returns a connected net/smtp client that has read the greeting and
// not yet said EHLO. A server with implicit TLS is spoken to over TLS. It fails
// the test if the server cannot be reached, or does not greet within
// WaitTimeout. The test closes it (Quit or Close); Server.Close ends it too.
func (s *Server) Client() *smtp.Client {
	s.test().Helper()
	if !s.started() {
		s.wrongPhase("Client")
		return nil
	}
	conn, err := s.DialContext(context.Background(), "", "")
	if err != nil {
		s.fatalf("smtptest: Client: %v", err)
		return nil
	}
	if s.engine.Implicit {
		conn = tls.Client(conn, s.ClientTLSConfig())
	}
	timeout := s.waitTimeout()
	conn.SetDeadline(time.Now().Add(timeout))
	c, err := smtp.NewClient(conn, s.hostname())
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("no greeting within %v", timeout)
	}
	if err != nil {
		conn.Close()
		s.fatalf("smtptest: Client: %v", err)
		return nil
	}
	conn.SetDeadline(time.Time{})
	return c
}

// Host is the host part of Addr; "" for a Unix socket.
func (s *Server) Host() string {
	host, _, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return ""
	}
	return host
}

// Port is the port of Addr; 0 for a Unix socket.
func (s *Server) Port() int {
	_, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(port)
	return n
}
