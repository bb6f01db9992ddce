package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os/exec"
	"sync"
	"time"

	bradfitz "github.com/bradfitz/go-smtpd/smtpd"
	chrj "github.com/chrj/smtpd"
	emersion "github.com/emersion/go-smtp"
	mhale "github.com/mhale/smtpd"
	smtpmock "github.com/mocktools/go-smtp-mock/v2"

	"github.com/go-smtptest/smtp/smtptest"
)

// A target is a server that can be measured.
type target struct {
	name    string
	process bool   // it runs outside this process: only its time can be measured
	weak    bool   // it has no Close that waits, or none that works with open connections
	but     string // the scenario in which it does nothing but wait, for minutes
	start   func() (running, error)
}

// running is a server at work.
type running struct {
	addr  string
	wait  func(n int) // until n messages are recorded; nil: it cannot say
	read  func() int  // what a test would read: all messages
	close func()
}

var targets = []target{
	{name: "floor", start: startFloor},
	{name: "smtptest", start: startSmtptest},
	{name: "go-smtp", start: startEmersion},
	{name: "go-smtp-mock", start: startMock, but: "close"},
	{name: "go-smtpd", start: startBradfitz, weak: true},
	{name: "mhale-smtpd", start: startMhale, weak: true},
	{name: "chrj-smtpd", start: startChrj, weak: true, but: "fresh"},
	{name: "smtp-sink", start: startSink, process: true},
}

func startFloor() (running, error) {
	f, err := newFloor()
	if err != nil {
		return running{}, err
	}
	return running{addr: f.ln.Addr().String(), wait: func(int) {}, read: f.count, close: f.close}, nil
}

func startSmtptest() (running, error) {
	srv := smtptest.NewServer(nil)
	return running{addr: srv.Addr, wait: func(n int) { srv.Wait(n) }, read: func() int { return len(srv.Messages()) }, close: srv.Close}, nil
}

// inbox is the recording backend for servers that bring none.
type inbox struct {
	mu       sync.Mutex
	messages []recorded
	arrived  sync.Cond
}

type recorded struct {
	from, data string
	to         []string
}

func newInbox() *inbox {
	b := &inbox{}
	b.arrived.L = &b.mu
	return b
}

func (b *inbox) add(m recorded) {
	b.mu.Lock()
	b.messages = append(b.messages, m)
	b.mu.Unlock()
	b.arrived.Broadcast()
}

func (b *inbox) wait(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.messages) < n {
		b.arrived.Wait()
	}
}

func (b *inbox) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.messages)
}

// emersionSession records what go-smtp hands it.
type emersionSession struct {
	box *inbox
	m   recorded
}

func (s *emersionSession) Mail(from string, _ *emersion.MailOptions) error {
	s.m.from = from
	return nil
}

func (s *emersionSession) Rcpt(to string, _ *emersion.RcptOptions) error {
	s.m.to = append(s.m.to, to)
	return nil
}

func (s *emersionSession) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.m.data = string(b)
	s.box.add(s.m)
	return nil
}

func (s *emersionSession) Reset()        { s.m = recorded{} }
func (s *emersionSession) Logout() error { return nil }

func startEmersion() (running, error) {
	box := newInbox()
	srv := emersion.NewServer(emersion.BackendFunc(func(*emersion.Conn) (emersion.Session, error) {
		return &emersionSession{box: box}, nil
	}))
	srv.Domain = "localhost"
	srv.MaxRecipients = 0
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return running{}, err
	}
	go srv.Serve(ln)
	return running{addr: ln.Addr().String(), wait: box.wait, read: box.count, close: func() { srv.Close() }}, nil
}

func startMock() (running, error) {
	srv := smtpmock.New(smtpmock.ConfigurationAttr{MultipleRcptto: true, MultipleMessageReceiving: true, MsgSizeLimit: 64 << 20})
	if err := srv.Start(); err != nil {
		return running{}, err
	}
	wait := func(n int) {
		if _, err := srv.WaitForMessages(n, 5*time.Second); err != nil {
			panic(err)
		}
	}
	return running{addr: fmt.Sprintf("127.0.0.1:%d", srv.PortNumber()), wait: wait, read: func() int { return len(srv.Messages()) }, close: func() { srv.Stop() }}, nil
}

// bradfitzMail is go-smtpd's envelope.
type bradfitzMail struct {
	box  *inbox
	m    recorded
	data []byte
}

func (e *bradfitzMail) AddRecipient(to bradfitz.MailAddress) error {
	e.m.to = append(e.m.to, to.Email())
	return nil
}

func (e *bradfitzMail) BeginData() error { return nil }

func (e *bradfitzMail) Write(line []byte) error {
	e.data = append(e.data, line...)
	return nil
}

func (e *bradfitzMail) Close() error {
	e.m.data = string(e.data)
	e.box.add(e.m)
	return nil
}

func startBradfitz() (running, error) {
	box := newInbox()
	srv := &bradfitz.Server{Hostname: "localhost", OnNewMail: func(_ bradfitz.Connection, from bradfitz.MailAddress) (bradfitz.Envelope, error) {
		return &bradfitzMail{box: box, m: recorded{from: from.Email()}}, nil
	}}
	return box.behind(srv.Serve)
}

func startMhale() (running, error) {
	box := newInbox()
	srv := &mhale.Server{Hostname: "localhost", DisableReverseDNS: true, MaxRecipients: 1 << 20, Timeout: 5 * time.Minute,
		Handler: func(_ net.Addr, from string, to []string, data []byte) error {
			box.add(recorded{from: from, to: to, data: string(data)})
			return nil
		}}
	return box.behind(srv.Serve)
}

func startChrj() (running, error) {
	box := newInbox()
	srv := &chrj.Server{MaxConnections: -1, MaxMessageSize: 64 << 20, MaxRecipients: 1 << 20,
		Handler: func(_ chrj.Peer, m chrj.Envelope) error {
			box.add(recorded{from: m.Sender, to: m.Recipients, data: string(m.Data)})
			return nil
		}}
	return box.behind(srv.Serve)
}

// behind runs a server that records into the box and has no Close of use.
func (b *inbox) behind(serve func(net.Listener) error) (running, error) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return running{}, err
	}
	go serve(ln)
	return running{addr: ln.Addr().String(), wait: b.wait, read: b.count, close: func() { ln.Close() }}, nil
}

// startSink runs Postfix's smtp-sink, which keeps nothing.
func startSink() (running, error) {
	path, err := exec.LookPath("smtp-sink")
	if err != nil {
		path = "/usr/sbin/smtp-sink"
	}
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return running{}, err
	}
	addr := ln.Addr().String()
	ln.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, path, "-u", "nobody", "-m", "4000", "inet:"+addr, "4000")
	if err := cmd.Start(); err != nil {
		cancel()
		return running{}, err
	}
	for range 2000 {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			break
		}
		time.Sleep(time.Millisecond)
	}
	return running{addr: addr, wait: func(int) {}, close: func() { cancel(); cmd.Wait() }}, nil
}
