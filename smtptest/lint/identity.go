package lint

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"

	"github.com/go-smtptest/smtp/smtptest"
)

// copied is a content without what may differ from copy to copy of one message
// (RFC 5322 3.6.3, 3.6.6, 3.6.7). body is the hash of its body.
type copied struct {
	header string
	body   [sha256.Size]byte
}

var (
	idField      = regexp.MustCompile(`(?im)^Message-ID:[ \t\r\n]*(<[^>\r\n]+>)`)
	dateField    = regexp.MustCompile(`(?im)^Date:`)
	resentFields = regexp.MustCompile(`(?im)^Resent-[a-z-]+:.*(\r\n[ \t].*)*`)
	perCopy      = regexp.MustCompile(`(?im)^(Bcc|Received|Return-Path|Resent-[a-z-]+|Delivered-To):.*(\r\n[ \t].*)*\r\n`)
	boundaries   = regexp.MustCompile(`(?i)\bboundary="?([^"\r\n;]+)`)
)

func copiedFrom(t *smtptest.Transaction) copied {
	header, _, _ := strings.Cut(t.Data, "\r\n\r\n")
	return copied{perCopy.ReplaceAllString(header+"\r\n", ""), bodyHash(t)}
}

// bodyHash returns the hash of the body, which is that of the released content if the
// transaction was released.
func bodyHash(t *smtptest.Transaction) (hash [sha256.Size]byte) {
	if t.Released {
		hex.Decode(hash[:], []byte(t.SHA256))
		return hash
	}
	_, body, _ := strings.Cut(t.Data, "\r\n\r\n")
	return sha256.Sum256([]byte(body))
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
func identityOf(t *smtptest.Transaction) (m identity, ok bool) {
	if t.Released && !hasWholeHeader(t) {
		return m, false
	}
	header, _, _ := strings.Cut(t.Data, "\r\n\r\n")
	m.resent = strings.Join(resentFields.FindAllString(header, -1), "\n")
	if id := idField.FindStringSubmatch(header); id != nil {
		m.id = id[1]
		return m, true
	}
	c := copiedFrom(t)
	m.content = sha256.Sum256([]byte(c.header + "\r\n" + string(c.body[:])))
	return m, dateField.MatchString(header)
}

// bodies are hashes of the body of an attempt, made when they are needed.
type bodies struct {
	sent, unbounded *[sha256.Size]byte
}

// sameBody reports whether two attempts are known to have the same body, as far as it
// came. A composer that runs again makes new boundaries.
func sameBody(a, b *attempt) bool {
	if a.partial || b.partial || *a.body(&a.bodies.sent, bodyHash) == *b.body(&b.bodies.sent, bodyHash) {
		return true
	}
	return !a.transaction().Released && !b.transaction().Released &&
		*a.body(&a.bodies.unbounded, unbounded) == *b.body(&b.bodies.unbounded, unbounded)
}

func (a *attempt) body(hash **[sha256.Size]byte, form func(*smtptest.Transaction) [sha256.Size]byte) *[sha256.Size]byte {
	if *hash == nil {
		sum := form(a.transaction())
		*hash = &sum
	}
	return *hash
}

// unbounded returns the hash of the body without the boundaries of its multiparts.
func unbounded(t *smtptest.Transaction) [sha256.Size]byte {
	var pairs []string
	for _, m := range boundaries.FindAllStringSubmatch(t.Data, -1) {
		pairs = append(pairs, m[1], "")
	}
	_, body, _ := strings.Cut(t.Data, "\r\n\r\n")
	return sha256.Sum256([]byte(strings.NewReplacer(pairs...).Replace(body)))
}

// named is a message with a Message-ID.
type named struct {
	copied
	unsure bool // the content was released, and boundaries in it may have been made anew
}

// checkMessageID finds a Message-ID that names two messages.
func checkMessageID(a *across, s *smtptest.Session, k int, ids map[string]named) {
	t := &s.Transactions[k-1]
	if t.Outcome != smtptest.OutcomeAccepted && t.Outcome != smtptest.OutcomeRefused || t.Released && !hasWholeHeader(t) {
		return
	}
	header, _, _ := strings.Cut(t.Data, "\r\n\r\n")
	m := idField.FindStringSubmatch(header)
	if m == nil {
		return
	}
	message := named{copiedFrom(t), t.Released && boundaries.MatchString(header)}
	if other, ok := ids[m[1]]; ok && other.copied != message.copied {
		if !other.unsure && !message.unsure {
			a.found(s, k, "header-message-id-reused", m[1], "another content had the same Message-ID")
		}
		return
	}
	ids[m[1]] = message
}
