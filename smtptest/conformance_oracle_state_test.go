package smtptest_test

import (
	"strings"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// seen are the variables that smtpd documents, after each step of a case whose
// connection is still open then, and received_data in the end.
type seen struct {
	States   []oracleState
	Received string // as normal has it
}

// variables looks at the channels of a server while a case is played.
type variables struct {
	seen
	channels map[string]*smtptest.Channel // by connection
	first    *smtptest.Channel
}

// after looks at the channel that a step was sent to, the latest if it is new.
func (v *variables) after(srv *smtptest.Server, sessions int, conn string) {
	if v.channels == nil {
		v.channels = map[string]*smtptest.Channel{}
	}
	ch := v.channels[conn]
	if ch == nil {
		ch = smtptest.ChannelOf(srv, sessions)
		v.channels[conn] = ch
		if v.first == nil {
			v.first = ch
		}
	}
	if ch == nil || !smtptest.IsOpen(ch) {
		return
	}
	state := oracleState{State: "COMMAND", Greeting: ch.SeenGreeting, Extended: ch.Extended, RcptTos: ch.RcptTos}
	switch ch.State {
	case smtptest.StateData:
		state.State = "DATA"
		fallthrough
	case smtptest.StateMail, smtptest.StateRcpt:
		state.MailFrom = &ch.MailFrom
	}
	v.States = append(v.States, state.normal())
}

func (v *variables) end() {
	if v.first != nil {
		v.Received = received(seenAsBySMTPD(smtptest.Message{Data: v.first.ReceivedData}, true))
	}
}

// variables are the recorded ones.
func (c oracleCase) variables() seen {
	want := seen{Received: received(oracleMessage{Data: c.Final.Data, DataB64: c.Final.B64, SHA256: c.Final.SHA256})}
	last := map[string]oracleState{}
	for _, s := range c.Steps {
		if s.State != nil {
			last[string(s.Conn)] = s.State.normal()
		} else if last[string(s.Conn)].State == "" {
			last[string(s.Conn)] = oracleState{State: "COMMAND", RcptTos: []string{}}
		}
		if !s.Closed {
			want.States = append(want.States, last[string(s.Conn)])
		}
	}
	return want
}

// received is the digest of received_data; "" if it is empty.
func received(m oracleMessage) string {
	if m = m.normal(); m.SHA256 == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
		return ""
	}
	return m.SHA256
}

// normal is the state in the form that both sides are compared in.
func (s oracleState) normal() oracleState {
	if s.MailFrom != nil {
		from := wire.LeastQuoted(strings.TrimPrefix(*s.MailFrom, "<>"))
		s.MailFrom = &from
	}
	to := []string{}
	for _, r := range s.RcptTos {
		to = append(to, wire.LeastQuoted(r))
	}
	s.RcptTos = to
	return s
}
