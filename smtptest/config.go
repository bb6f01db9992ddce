package smtptest

import (
	"cmp"
	"crypto/tls"
	"errors"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/script"
	"github.com/go-smtptest/smtp/smtptest/internal/session"
)

// config is the configuration as Start has read it. Sessions look here only:
// what is written into the Server's fields later has no effect and races with
// nothing.
type config struct {
	Hostname        string
	Greeting        string
	Extensions      []string
	SizeLimit       int64
	TLS             *tls.Config
	Users           map[string]string
	Authenticate    func(Credentials) bool
	Mechanisms      []string
	ClearMechanisms []string
	RequireTLS      bool
	RequireAuth     bool
	LMTP            bool
	Lenient         bool
	Handler         Handler
	Commands        map[string]CommandFunc
	Parameters      map[string]func(value string) error
	Observe         func(Event)
	Seed            uint64
	IdleTimeout     time.Duration
}

// snapshot reads the configuration fields.
func (s *Server) snapshot() config {
	return config{
		Hostname:        s.Hostname,
		Greeting:        s.Greeting,
		Extensions:      slices.Clone(s.Extensions),
		SizeLimit:       s.SizeLimit,
		TLS:             s.TLS,
		Users:           maps.Clone(s.Users),
		Authenticate:    s.Authenticate,
		Mechanisms:      slices.Clone(s.Mechanisms),
		ClearMechanisms: slices.Clone(s.ClearMechanisms),
		RequireTLS:      s.RequireTLS,
		RequireAuth:     s.RequireAuth,
		LMTP:            s.LMTP,
		Lenient:         s.Lenient,
		Handler:         s.Handler,
		Commands:        maps.Clone(s.Commands),
		Parameters:      maps.Clone(s.Parameters),
		Observe:         s.Observe,
		Seed:            s.Seed,
		IdleTimeout:     s.IdleTimeout,
	}
}

// setEngine sets the configuration of the sessions, but for Implicit, TLS and Foreign.
func (s *Server) setEngine() {
	c, e := &s.config, &s.engine
	e.Hostname = s.hostname()
	e.Greeting = cmp.Or(c.Greeting, "ESMTP smtptest")
	e.Extensions = c.Extensions
	e.SizeLimit = cmp.Or(c.SizeLimit, DefaultSizeLimit)
	e.Users = c.Users
	e.Mechanisms = c.Mechanisms
	e.ClearMechanisms = c.ClearMechanisms
	e.RequireTLS = c.RequireTLS
	e.RequireAuth = c.RequireAuth
	e.LMTP = c.LMTP
	e.Lenient = c.Lenient
	e.IdleTimeout = c.IdleTimeout
	e.MaxLines = session.MaxLines
	e.Message = messageOf(s)
	e.EachRecipient = isEach(c.Handler)
	e.Observe = c.observe()
	e.Authenticate = c.authenticate()
	e.Commands = commandsOf(s)
	e.Parameters = c.Parameters
	e.Host = host{s}
	e.Base = s.testContext()
	e.Script = &s.script
	e.Journal = &s.journal
	e.If = make(chan struct{}, 1)
}

// isEach reports whether the Handler gives a reply for each recipient.
func isEach(h Handler) bool {
	_, ok := h.(RecipientHandler)
	return ok
}

// observe returns Observe as sessions call it.
func (c *config) observe() func(script.View) {
	if c.Observe == nil {
		return nil
	}
	return func(v script.View) { c.Observe(eventOf(v)) }
}

// authenticate returns Authenticate as sessions call it.
func (c *config) authenticate() func(session.Credentials) bool {
	if c.Authenticate == nil {
		return nil
	}
	return func(shown session.Credentials) bool { return c.Authenticate(Credentials(shown)) }
}

// hostname is what the server calls itself.
func (s *Server) hostname() string { return cmp.Or(s.config.Hostname, "localhost") }

// check finds the mistakes that are about one field alone and no matter of the
// protocol.
func (c *config) check() error {
	switch h := c.Handler.(type) {
	case HandlerFunc:
		if h == nil {
			return errors.New("the Handler is a nil HandlerFunc: give a function, or leave Handler nil")
		}
	case *Relay:
		return h.check()
	}
	return nil
}

// reportChanges fails the test for fields that were written after Start: their
// author believes that they have an effect.
func (s *Server) reportChanges() {
	s.test().Helper()
	if s.ended == nil {
		return // not started
	}
	was, is := reflect.ValueOf(&s.config).Elem(), reflect.ValueOf(s).Elem()
	for i, field := range configFields() {
		if changed(was.Field(i), is.FieldByIndex(field.Index)) {
			s.errorf("smtptest: Server.%s was changed after Start, which has no effect: make the server with NewUnstartedServer, set the field, then call Start", field.Name)
		}
	}
}

// reportUnmet fails the test for a requirement that no client could meet, if clients were
// refused for it.
func (s *Server) reportUnmet() {
	s.test().Helper()
	s.journal.Lock()
	unmet := s.engine.Unmet
	s.journal.Unlock()
	c := &s.config
	mayLogIn := len(c.Users) > 0 || c.Authenticate != nil || c.Commands["AUTH"] != nil
	switch {
	case unmet.Passed:
	case unmet.TLS && s.engine.TLS == nil:
		s.errorf("smtptest: Server.RequireTLS is set, but Server.TLS is not, so every client got a 530: set TLS, start the server with StartTLS, or leave RequireTLS out")
	case unmet.Auth && (!mayLogIn || c.Mechanisms != nil && len(c.Mechanisms) == 0):
		s.errorf("smtptest: Server.RequireAuth is set, but no client can log in, so every client got a 530: set Users or Authenticate, or leave RequireAuth out")
	}
}

// configFields are the Server's fields of the same names as config's.
var configFields = sync.OnceValue(func() []reflect.StructField {
	all := reflect.TypeFor[config]()
	fields := make([]reflect.StructField, all.NumField())
	for i := range fields {
		fields[i], _ = reflect.TypeFor[Server]().FieldByName(all.Field(i).Name)
	}
	return fields
})

// changed compares as far as values of the kind can be compared: functions only
// by whether there is one.
func changed(was, is reflect.Value) bool {
	switch was.Kind() {
	case reflect.Func, reflect.Interface:
		return was.IsNil() != is.IsNil()
	case reflect.Map:
		return was.Len() != is.Len() || was.IsNil() != is.IsNil()
	case reflect.Slice:
		if was.Len() != is.Len() {
			return true
		}
		for i := range was.Len() {
			if was.Index(i).String() != is.Index(i).String() {
				return true
			}
		}
		return false
	}
	return !was.Equal(is)
}
