package smtptest

import (
	"net"
	"slices"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// verbXclient lets a client say on whose behalf it speaks (Postfix XCLIENT_README).
func (ch *Channel) verbXclient(arg string) verdict {
	if ch.rec != nil {
		return verdict{reply: ch.say(repNoPlace)}
	}
	attrs := strings.Fields(arg)
	if len(attrs) == 0 {
		return verdict{reply: ch.syntax(commands["XCLIENT"], "5.5.4")}
	}
	said := map[string]string{}
	for _, attr := range attrs {
		name, value, ok := strings.Cut(attr, "=")
		plain, err := wire.DecodeXtext(value)
		name = asciiUpper(name)
		if !ok || err != nil || !slices.Contains(strings.Fields(ch.Server.features.value("XCLIENT")), name) {
			return verdict{reply: ch.syntax(commands["XCLIENT"], "5.5.4")}
		}
		if plain == "[UNAVAILABLE]" || plain == "[TEMPUNAVAIL]" {
			plain = ""
		}
		said[name] = plain
	}
	return verdict{ch.Server.greeting(), func(ch *Channel) { ch.commitXclient(said) }}
}

// commitXclient begins the session anew, as the client that was named.
func (ch *Channel) commitXclient(said map[string]string) {
	ch.State, ch.SeenGreeting, ch.Extended = StateGreeted, said["HELO"], said["PROTO"] == "ESMTP"
	if addr, ok := said["ADDR"]; ok {
		ch.Peer = strings.TrimPrefix(addr, "IPV6:")
		if port := said["PORT"]; port != "" {
			ch.Peer = net.JoinHostPort(ch.Peer, port)
		}
		ch.session.peer = ch.Peer
	}
	if login, ok := said["LOGIN"]; ok {
		ch.User, ch.session.user = login, login
	}
}
