package lint

import (
	"crypto/sha256"
	"regexp"
	"strings"

	"github.com/go-smtptest/smtp/smtptest"
)

// copied is a content without what may differ from copy to copy of one message
// (RFC 5322 3.6.3, 3.6.6, 3.6.7).
type copied struct{ header, body string }

var (
	idField      = regexp.MustCompile(`(?im)^Message-ID:[ \t\r\n]*(<[^>\r\n]+>)`)
	dateField    = regexp.MustCompile(`(?im)^Date:`)
	resentFields = regexp.MustCompile(`(?im)^Resent-[a-z-]+:.*(\r\n[ \t].*)*`)
	perCopy      = regexp.MustCompile(`(?im)^(Bcc|Received|Return-Path|Resent-[a-z-]+|Delivered-To):.*(\r\n[ \t].*)*\r\n`)
	boundaries   = regexp.MustCompile(`(?i)\bboundary="?([^"\r\n;]+)`)
)

func copiedFrom(data string) copied {
	header, body, _ := strings.Cut(data, "\r\n\r\n")
	return copied{perCopy.ReplaceAllString(header+"\r\n", ""), body}
}

// identity is what two sendings of one message have in common: its Message-ID or,
// if it has none, its content with a Date in it. Resent fields make another
// sending of it, which somebody wants (RFC 5322 3.6.6).
type identity struct {
	id, resent string
	content    [sha256.Size]byte
}

// identityOf returns the identity of a content. ok is false if the content does
// not tell: two equal messages without a Date are two messages.
func identityOf(data string) (m identity, ok bool) {
	header, _, _ := strings.Cut(data, "\r\n\r\n")
	m.resent = strings.Join(resentFields.FindAllString(header, -1), "\n")
	if id := idField.FindStringSubmatch(header); id != nil {
		m.id = id[1]
		return m, true
	}
	c := copiedFrom(data)
	m.content = sha256.Sum256([]byte(c.header + "\r\n" + c.body))
	return m, dateField.MatchString(header)
}

// bodies are hashes of the body of an attempt, made when they are needed.
type bodies struct {
	sent, unbounded *[sha256.Size]byte
}

// sameBody reports whether two attempts have the same body. A composer that runs
// again makes new boundaries.
func sameBody(a, b *attempt) bool {
	return *a.body(&a.bodies.sent, copied.asSent) == *b.body(&b.bodies.sent, copied.asSent) ||
		*a.body(&a.bodies.unbounded, copied.unbounded) == *b.body(&b.bodies.unbounded, copied.unbounded)
}

func (a *attempt) body(hash **[sha256.Size]byte, form func(copied) string) *[sha256.Size]byte {
	if *hash == nil {
		header, body, _ := strings.Cut(a.transaction().Data, "\r\n\r\n")
		sum := sha256.Sum256([]byte(form(copied{header, body})))
		*hash = &sum
	}
	return *hash
}

func (c copied) asSent() string { return c.body }

// unbounded returns the body without the boundaries of its multiparts.
func (c copied) unbounded() string {
	var pairs []string
	for _, text := range []string{c.header, c.body} {
		for _, m := range boundaries.FindAllStringSubmatch(text, -1) {
			pairs = append(pairs, m[1], "")
		}
	}
	return strings.NewReplacer(pairs...).Replace(c.body)
}

// checkMessageID finds a Message-ID that names two messages.
func checkMessageID(a *across, s *smtptest.Session, k int, ids map[string]copied) {
	t := &s.Transactions[k-1]
	if t.Outcome != smtptest.OutcomeAccepted && t.Outcome != smtptest.OutcomeRefused {
		return
	}
	header, _, _ := strings.Cut(t.Data, "\r\n\r\n")
	m := idField.FindStringSubmatch(header)
	if m == nil {
		return
	}
	content := copiedFrom(t.Data)
	if other, ok := ids[m[1]]; ok && other != content {
		a.found(s, k, "header-message-id-reused", m[1], "another content had the same Message-ID")
		return
	}
	ids[m[1]] = content
}
