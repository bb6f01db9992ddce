package smtptest

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// verbXclient lets a client say on whose behalf it speaks (Postfix XCLIENT_README).
func (ch *Channel) verbXclient(arg string) verdict {
	if ch.rec != nil {
		return verdict{reply: ch.say(repNoPlace)}
	}
	said := map[string]string{}
	for _, attr := range strings.Fields(arg) {
		name, value, ok := strings.Cut(attr, "=")
		plain, err := wire.DecodeXtext(value)
		name = wire.Upper(name)
		if !ok || err != nil || !slices.Contains(strings.Fields(ch.Server.features.value("XCLIENT")), name) {
			return verdict{reply: ch.syntax("XCLIENT", "5.5.4")}
		}
		if said[name], ok = xclientValue(name, plain); !ok {
			return verdict{reply: ch.syntax("XCLIENT", "5.5.4")}
		}
	}
	if len(said) == 0 {
		return verdict{reply: ch.syntax("XCLIENT", "5.5.4")}
	}
	return verdict{ch.Server.greeting(), func(ch *Channel) { ch.commitXclient(said) }}
}

// xclientValue checks an attribute; what is not available is "".
func xclientValue(name, value string) (known string, ok bool) {
	switch wire.Upper(value) {
	case "[UNAVAILABLE]", "[TEMPUNAVAIL]":
		return "", true
	}
	switch name {
	case "ADDR", "DESTADDR":
		const tag = "IPV6:"
		tagged := len(value) > len(tag) && wire.Upper(value[:len(tag)]) == tag
		if tagged {
			value = value[len(tag):]
		}
		addr, err := netip.ParseAddr(value)
		return value, err == nil && addr.Is6() == tagged && addr.Zone() == ""
	case "PORT", "DESTPORT":
		_, err := strconv.ParseUint(value, 10, 16)
		return value, err == nil
	case "PROTO":
		value = wire.Upper(value)
		return value, value == "SMTP" || value == "ESMTP"
	}
	return value, value != ""
}

// commitXclient begins the session anew, as the client that was named.
func (ch *Channel) commitXclient(said map[string]string) {
	ch.State, ch.SeenGreeting, ch.Extended = StateGreeted, said["HELO"], said["PROTO"] == "ESMTP"
	ch.session.helo = ch.SeenGreeting
	if addr, ok := said["ADDR"]; ok {
		ch.Peer = addr
		if port := said["PORT"]; port != "" {
			ch.Peer = net.JoinHostPort(addr, port)
		}
		ch.session.peer = ch.Peer
	}
	if login, ok := said["LOGIN"]; ok {
		ch.User, ch.session.user = login, login
	}
}
