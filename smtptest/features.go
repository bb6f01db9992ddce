package smtptest

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// features is what the Extensions offer, read once by Start.
type features struct {
	offered   []offer
	enhanced  bool
	utf8      bool
	sizeLimit int // octets; negative: none
	mailLine  int // octets that a MAIL line may have after EHLO, CRLF included
	rcptLine  int
	limits    limits
}

// offer is an extension that is offered, or anything else that EHLO says.
type offer struct {
	keyword, value string // keyword in upper case
	line           string // of the EHLO reply; "" for what TLS and Users bring
}

// commandLine is the longest command line without extensions (RFC 5321
// 4.5.3.1.4).
const commandLine = 512

// lineGrowth is how much longer an extension lets MAIL and RCPT be.
var lineGrowth = []struct {
	keyword    string
	mail, rcpt int
	rfc        string
}{
	{"SIZE", 26, 0, "RFC 1870 3"},
	{"SMTPUTF8", 10, 0, "RFC 6531 3.1"},
	{"BINARYMIME", 16, 0, "RFC 3030 3"},
	{"DSN", 114, 548, "RFC 3461 5.4"},
	{"DELIVERBY", 17, 0, "RFC 2852 2"},
	{"FUTURERELEASE", 34, 0, "RFC 4865 3"},
	{"MT-PRIORITY", 15, 0, "RFC 6710 3"},
	{"REQUIRETLS", 11, 0, "RFC 8689 2"},
	{"AUTH", 500, 0, "RFC 4954 3"},
}

// read takes the Extensions and limits from the configuration.
func (f *features) read(s *Server) error {
	if !validHost(s.hostname()) {
		return fmt.Errorf("the Hostname %q is neither a domain nor an address literal (RFC 5321 4.1.2)", s.config.Hostname)
	}
	if wire.CheckText(string(s.greeting()[len("220 "):])) != nil {
		return fmt.Errorf("the Greeting %q is no line of text (RFC 5321 4.2)", s.config.Greeting)
	}
	*f = features{
		offered:   make([]offer, 0, len(s.config.Extensions)+1),         // and AUTH
		sizeLimit: int(max(-1, min(s.config.SizeLimit, math.MaxInt-2))), // a CRLF more can be counted
	}
	if s.config.SizeLimit == 0 {
		f.sizeLimit = DefaultSizeLimit
	}
	for _, line := range s.config.Extensions {
		if line == "" || wire.CheckText(line) != nil {
			return fmt.Errorf("in Extensions %q is no EHLO line", line)
		}
		keyword, value, _ := strings.Cut(line, " ")
		if !wire.IsKeyword(keyword) {
			return fmt.Errorf("in Extensions %q does not begin with a keyword (RFC 5321 4.1.1.1); to say it all the same give EHLO a Rule with Reply", line)
		}
		keyword = wire.Upper(keyword)
		if keyword == "SIZE" && value == "" {
			line = keyword // ehlo adds the number
		}
		if f.has(keyword) {
			return fmt.Errorf("in Extensions %s stands twice", keyword)
		}
		f.offered = append(f.offered, offer{keyword, value, line})
	}
	f.enhanced, f.utf8 = f.has("ENHANCEDSTATUSCODES"), f.has("SMTPUTF8")
	f.limits = parseLimits(f.value("LIMITS"))
	return nil
}

// check finds what the extensions need of each other and of the rest of the
// configuration.
func (f *features) check(s *Server) error {
	for _, need := range []struct{ keyword, needs, rfc string }{
		{"BINARYMIME", "CHUNKING", "RFC 3030 3"},
		{"SMTPUTF8", "8BITMIME", "RFC 6531 3.1"},
	} {
		if f.has(need.keyword) && !f.has(need.needs) {
			return fmt.Errorf("in Extensions %s needs %s (%s)", need.keyword, need.needs, need.rfc)
		}
	}
	switch {
	case f.has("STARTTLS") && (s.config.Commands["STARTTLS"] == nil || s.tls != nil && !s.implicit):
		return fmt.Errorf("do not write it into Extensions: STARTTLS is offered by setting Server.TLS")
	case f.has("AUTH") && (s.config.Commands["AUTH"] == nil || s.offersAuth()):
		return fmt.Errorf("do not write it into Extensions: AUTH is offered by setting Server.Users or Authenticate; Mechanisms chooses")
	}
	if s.offersAuth() {
		f.offered = append(f.offered, offer{keyword: "AUTH"})
	}
	f.mailLine, f.rcptLine = commandLine, commandLine
	for _, g := range lineGrowth {
		if f.has(g.keyword) {
			f.mailLine += g.mail
			f.rcptLine += g.rcpt
		}
	}
	return nil
}

func (f *features) has(keyword string) bool {
	return slices.ContainsFunc(f.offered, func(o offer) bool { return o.keyword == keyword })
}

// value is what stands behind an offered keyword; "" if nothing does.
func (f *features) value(keyword string) string {
	for _, o := range f.offered {
		if o.keyword == keyword {
			return o.value
		}
	}
	return ""
}

// ehlo is the reply to EHLO in the channel's present state: before and after
// TLS different lines are offered.
func (ch *Channel) ehlo() Reply {
	s := ch.Server
	b := append(make([]byte, 0, 256), "250-"...)
	b = append(b, ch.FQDN...)
	last := 0
	begin := func(line string) {
		b = append(b, '\n')
		last = len(b)
		b = append(append(b, "250-"...), line...)
	}
	for _, o := range s.features.offered {
		if o.line == "" || o.keyword == "REQUIRETLS" && !ch.underTLS { // RFC 8689 2
			continue
		}
		begin(o.line)
		if o.keyword == "SIZE" && o.value == "" {
			b = strconv.AppendInt(append(b, ' '), int64(max(0, s.features.sizeLimit)), 10)
		}
	}
	if s.tls != nil && !ch.underTLS {
		begin("STARTTLS")
	}
	if m := s.mechanisms(ch); len(m) > 0 {
		begin("AUTH " + strings.Join(m, " "))
	}
	b[last+len("250")] = ' '
	return Reply(b)
}

func validHost(name string) bool {
	return wire.ValidDomain(name, false) || wire.ValidLiteral(name)
}
