package session

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// decideXclient lets a client say on whose behalf it speaks (Postfix XCLIENT_README).
func decideXclient(p *protocol, arg string) verdict {
	if p.opened {
		return verdict{reply: p.text(replyBadSequence)}
	}
	said := map[string]string{}
	for _, attr := range strings.Fields(arg) {
		name, value, ok := strings.Cut(attr, "=")
		plain, err := wire.DecodeXtext(value)
		name = wire.Upper(name)
		if !ok || err != nil || !slices.Contains(strings.Fields(p.offered("XCLIENT")), name) {
			return verdict{reply: p.syntax("XCLIENT", "5.5.4")}
		}
		if said[name], ok = xclientValue(name, plain); !ok {
			return verdict{reply: p.syntax("XCLIENT", "5.5.4")}
		}
	}
	if len(said) == 0 {
		return verdict{reply: p.syntax("XCLIENT", "5.5.4")}
	}
	return verdict{p.greeting(), func(c *Conn) { commitXclient(c, said) }}
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
func commitXclient(c *Conn, said map[string]string) {
	c.State, c.Helo, c.Extended = StateGreeted, said["HELO"], said["PROTO"] == "ESMTP"
	c.record.Helo = c.Helo
	if addr, ok := said["ADDR"]; ok {
		c.peer = addr
		if port := said["PORT"]; port != "" {
			c.peer = net.JoinHostPort(addr, port)
		}
		c.record.Peer = c.peer
	}
	if login, ok := said["LOGIN"]; ok {
		c.User, c.record.User = login, login
	}
}
