package report

import (
	"strconv"
	"strings"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
)

// session is one connection.
type session struct {
	ID               int
	Peer, Helo, User string
	At, Took, End    string
	TLS              string
	Open, Bad        bool
	Refused, Rows    int
	Messages         []int
	Exchanges        []exchange
	Left, Head       int    // Left exchanges are not shown after the first Head
	Unfinished       string // content that came and did not end
}

// exchange is one row of a timeline.
type exchange struct {
	At           string
	Kind         string // "command", "content", "connect", "tls" or "event"
	Command      string
	Reply        string
	Lines        []string // instead of Reply, if there are many
	Raw          bool
	Silent       bool // a row of the script left it without a reply
	Refused      bool // told 4yz or 5yz, or the handshake failed
	Row, Effects string
	TLS          bool
	Marks        []string // "AUTH", "pipelined"
	Octets       string
	Content      string // of content that became no message
	Cut          string // the size of Content, if it is cut
	Message      int    // the number of the message that it became
}

func newSession(s smtptest.Session, zero time.Time, numbered numbering) session {
	se := session{
		ID: s.ID, Peer: printable(s.Peer), Helo: printable(s.Helo), User: printable(s.User),
		At: span(s.Start.Sub(zero)), Took: span(s.Duration), End: s.End,
	}
	if s.TLS != nil {
		se.TLS = tlsText(s.TLS)
	}
	for i, x := range s.Exchanges {
		e := newExchange(s.ID, x, numbered)
		if e.Refused {
			se.Refused++
		}
		if e.Row != "" {
			se.Rows++
		}
		if e.Message > 0 {
			se.Messages = append(se.Messages, e.Message)
		}
		if min(i, len(s.Exchanges)-1-i) < maxExchanges/2 {
			e.content(s, x)
			se.Exchanges = append(se.Exchanges, e)
		}
	}
	if se.Left = len(s.Exchanges) - len(se.Exchanges); se.Left > 0 {
		se.Head = maxExchanges / 2
	}
	se.Unfinished = unfinished(s)
	se.Bad = se.Refused > 0 || se.Rows > 0 || s.End != smtptest.EndQuit || len(se.Messages) == 0
	return se
}

// unfinished says how much content came that did not end.
func unfinished(s smtptest.Session) string {
	n := len(s.Transactions)
	if n == 0 || s.Transactions[n-1].Outcome != smtptest.OutcomeAborted || s.Transactions[n-1].Octets == 0 {
		return ""
	}
	for _, e := range s.Exchanges {
		if e.Transaction == n && (kind(e) == "content" || strings.HasSuffix(strings.ToUpper(e.Command), " LAST")) {
			return "" // it ended, and was not answered
		}
	}
	return octets(s.Transactions[n-1].Octets)
}

func tlsText(info *smtptest.TLSInfo) string {
	parts := []string{info.Version, info.CipherSuite}
	if info.ServerName != "" {
		parts = append(parts, "name "+printable(info.ServerName))
	}
	if info.ALPN != "" {
		parts = append(parts, "ALPN "+printable(info.ALPN))
	}
	if info.ClientCert != nil {
		parts = append(parts, "client certificate")
	}
	return strings.Join(parts, ", ")
}

func newExchange(session int, x smtptest.Exchange, numbered numbering) exchange {
	e := exchange{
		At: span(x.At), Kind: kind(x), Command: printable(x.Command), Reply: replyText(x),
		Raw: x.Raw != "", Refused: x.Reply.Code() >= 400 || strings.HasPrefix(x.Effects, "failed"), Effects: printable(x.Effects), TLS: x.TLS,
	}
	if lines := strings.Split(e.Reply, "\n"); len(lines) > 3 {
		e.Reply, e.Lines = "", lines
	}
	e.Silent = x.Reply == "" && x.Raw == "" && x.Rule != "" && e.Kind != "event" && e.Kind != "tls"
	if x.Rule != "" {
		row, rule, _ := strings.Cut(x.Rule, ": ")
		e.Row = row + " " + rule
	}
	if verb, _, _ := strings.Cut(x.Command, " "); strings.EqualFold(verb, "AUTH") || x.Secret != 0 {
		e.Marks = append(e.Marks, "AUTH")
	}
	if x.Pipelined {
		e.Marks = append(e.Marks, "pipelined")
	}
	if x.TooLong {
		e.Marks = append(e.Marks, "line too long")
	}
	if x.Octets > 0 || e.Kind == "content" {
		e.Octets = octets(x.Octets)
		e.Message = numbered.of[[2]int{session, x.Transaction}]
	}
	return e
}

// content shows content that became no message.
func (e *exchange) content(s smtptest.Session, x smtptest.Exchange) {
	if e.Octets == "" || e.Message > 0 || x.Transaction == 0 || x.Transaction > len(s.Transactions) {
		return
	}
	data := s.Transactions[x.Transaction-1].Data
	e.Content, e.Cut = cut(data, maxContent)
}

func kind(x smtptest.Exchange) string {
	switch {
	case !x.Event:
		return "command"
	case x.Command == "CONNECT":
		return "connect"
	case x.Command == "TLS":
		return "tls"
	case strings.HasPrefix(x.Command, "."):
		return "content"
	}
	return "event"
}

// replyText is what was sent to the client; octets that are no reply are
// quoted.
func replyText(x smtptest.Exchange) string {
	if x.Raw != "" {
		return brief(strconv.Quote(x.Raw))
	}
	var lines []string
	for line := range strings.Lines(string(x.Reply)) {
		lines = append(lines, printable(strings.TrimRight(line, "\r\n")))
	}
	return strings.Join(lines, "\n")
}
