package session

import (
	"strconv"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// What a server takes of one client, so that one that never ends does not take all
// memory.
const (
	MaxLines = 1_000_000 // lines in a session; the next gets a 421
	maxRcpts = 100_000   // recipients in a transaction; the next gets a 452
)

// limits is what a LIMITS line announces (RFC 9422); 0 is none.
type limits struct {
	mails       int // MAILMAX: transactions in a session
	rcpts       int // RCPTMAX: recipients in a transaction
	rcptDomains int // RCPTDOMAINMAX: different domains of them
}

// parseLimits reads the arguments of LIMITS. Names that are not known are
// passed over; an error of syntax voids the whole line.
func parseLimits(args string) limits {
	var l limits
	for _, arg := range strings.Fields(args) {
		name, value, ok := strings.Cut(arg, "=")
		n, err := strconv.ParseUint(value, 10, 32)
		if !ok || name == "" || value == "" {
			return limits{}
		}
		var to *int
		switch wire.Upper(name) {
		case "MAILMAX":
			to = &l.mails
		case "RCPTMAX":
			to = &l.rcpts
		case "RCPTDOMAINMAX":
			to = &l.rcptDomains
		default:
			continue
		}
		if err != nil || len(value) > 6 || value[0] == '0' {
			return limits{}
		}
		*to = int(n)
	}
	return l
}

// overMails is the refusal of one transaction more than LIMITS allows, or "".
func overMails(p *protocol) wire.Reply {
	if most := p.limits.mails; most > 0 && p.transactionCount >= most {
		return p.text(replyManyMails)
	}
	return ""
}

// overRcpts is the refusal of one recipient more than is allowed, or "".
func overRcpts(p *protocol, mailbox string) wire.Reply {
	l := p.limits
	if n := len(p.To); n >= maxRcpts || l.rcpts > 0 && n >= l.rcpts {
		return p.text(replyManyRcpts)
	}
	if l.rcptDomains == 0 {
		return ""
	}
	if d := p.domains.of(p.To); len(d) >= l.rcptDomains && !d[domainOf(mailbox)] {
		return p.text(replyManyDomains)
	}
	return ""
}

// domains are those of the recipients so far, each of which is looked at once.
type domains struct {
	all    map[string]bool
	looked int
	first  *string // of the list
	last   string  // that was looked at
}

// of returns the domains of the list. It begins anew if a CommandFunc has replaced
// or shortened the list. It does not find out that one has replaced an element
// before the last in place.
func (d *domains) of(to []string) map[string]bool {
	if n := d.looked; n > len(to) || n > 0 && (&to[0] != d.first || to[n-1] != d.last) {
		*d = domains{}
	}
	if d.all == nil {
		d.all = make(map[string]bool)
	}
	if len(to) > 0 {
		d.first, d.last = &to[0], to[len(to)-1]
	}
	for ; d.looked < len(to); d.looked++ {
		d.all[domainOf(to[d.looked])] = true
	}
	return d.all
}

// domainOf is the domain of a mailbox, in upper case; "" for Postmaster.
func domainOf(mailbox string) string {
	i := strings.LastIndexByte(mailbox, '@')
	if i < 0 {
		return ""
	}
	return wire.Upper(mailbox[i+1:])
}
