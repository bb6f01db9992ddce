package session

import (
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/journal"
	"github.com/go-smtptest/smtp/smtptest/internal/secret"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// mask hides the secrets of a client in what is recorded.
type mask struct {
	grammar      *protocol
	maskNextLine bool     // an AUTH has begun, and none has succeeded since
	after334     bool     // the last reply was a 334
	secrets      []string // that were masked: the last maxSecrets
}

// maxSecrets is how many secrets of a session are looked for in the texts of others.
const maxSecrets = 8

// maxRest is how much is shown of bytes that no command has taken.
const maxRest = 512

// command masks the command line of e for the record and for replies that quote it.
func (m *mask) command(e *event) { e.line, e.masked = m.show(e.line) }

// answer masks the line of e, which answers the prompt of a Command.
func (m *mask) answer(e *event) {
	if m.maskNextLine {
		e.line, e.masked = m.response(e.line)
	} else {
		m.command(e)
	}
}

// show returns the line as the record may show it. It masks a line with a login
// word, and each line from an AUTH up to the next AUTH that succeeds: there, the
// client may send its secret in any line. The parts that are commands with
// valid arguments stay, as they cannot be secrets.
func (m *mask) show(line string) (shown string, h journal.Hidden) {
	n := 0
	if !m.maskNextLine {
		word := secret.LoginWord(line)
		if word < 0 {
			return line, journal.Hidden{}
		}
		n = strings.LastIndexFunc(line[:word], secret.IsLineEnd) + 1
	}
	shown, h = m.hide(line, n+m.commandsLen(line[n:]))
	m.maskNextLine = m.maskNextLine || h != (journal.Hidden{})
	return shown, h
}

// response is show for a line that the client sends after a 334.
func (m *mask) response(line string) (shown string, h journal.Hidden) { return m.hide(line, 0) }

// hide masks the line after its first n bytes. A rest that is empty, cancels
// (*) or means an empty response (=) is not a secret.
func (m *mask) hide(line string, n int) (shown string, h journal.Hidden) {
	word := strings.Trim(line[n:], blanks)
	if word == "" || word == "*" || word == "=" {
		return line, journal.Hidden{}
	}
	n += strings.Index(line[n:], word)
	m.secrets = append(m.secrets[max(0, len(m.secrets)-maxSecrets+1):], word)
	return line[:n] + secret.Mask, journal.Hidden{Secret: secret.Fingerprint(word), Length: len(line)}
}

// unread returns bytes that no command has taken as the record may show
// them: up to the first secret.
func (m *mask) unread(b []byte) string {
	text := string(b[:min(len(b), maxRest)])
	if m.after334 && text != "" {
		return secret.Mask
	}
	shown, _ := m.show(text)
	return shown
}

// reply notes what the reply to e means for the masking of later lines. 235 is the
// success of AUTH whatever the verb (RFC 4954 6).
func (m *mask) reply(e *event, sent wire.Reply) {
	code := sent.Code()
	m.after334 = code == 334
	switch {
	case m.after334:
		m.maskNextLine = true
	case code == 235 || code/100 == 2 && (e.name == "AUTH" || e.name == "RESPONSE"):
		m.maskNextLine = false
	}
}

// redact masks the known secrets in a text that a rule or the test's own code has made
// for a login: those of this session and the passwords of users. Elsewhere, a password
// is more likely to be a word of the text by chance.
func (m *mask) redact(text string) string {
	if e := m.grammar.at; e.name != "AUTH" && e.masked == (journal.Hidden{}) {
		return text
	}
	return secret.Redact(text, m.grammar.passwords, m.secrets)
}

// commandsLen returns the length of the part of the line, from its start, that
// consists of commands with valid arguments. There are several if the client ends
// its commands by something other than CRLF.
func (m *mask) commandsLen(line string) int {
	n := 0
	for n < len(line) {
		command := line[n:]
		if i := strings.IndexFunc(command, secret.IsLineEnd); i >= 0 {
			command = command[:i]
		}
		k := m.commandLen(command)
		n += k
		if k < len(command) {
			return n
		}
		n++ // what ends the command
	}
	return len(line)
}

// commandLen is commandsLen for one command.
func (m *mask) commandLen(line string) int {
	name, arg, _ := strings.Cut(line, " ")
	verb := wire.Upper(name)
	if commands[verb] == nil && m.grammar.Commands[verb] == nil {
		return 0
	}
	m.maskNextLine = m.maskNextLine || verb == "AUTH"
	n := len(name)
	if arg = strings.TrimLeft(arg, blanks); arg != "" {
		if k := m.argumentLen(verb, arg); k > 0 {
			n = len(line) - len(arg) + k
		}
	}
	if strings.Trim(line[n:], blanks) == "" {
		return len(line)
	}
	return n
}

// argumentLen returns the length of the valid argument of the verb at the start
// of s, or 0 if there is none.
func (m *mask) argumentLen(verb, s string) int {
	word, rest, _ := strings.Cut(s, " ")
	ok := false
	switch verb {
	case "MAIL", "SEND", "SOML", "SAML":
		return m.pathLen(s, "FROM:", wire.ReversePath, mailParams)
	case "RCPT":
		return m.pathLen(s, "TO:", wire.ForwardPath, rcptParams)
	case "VRFY":
		return m.pathLen(s, "", wire.ForwardPath, nil)
	case "EHLO", "HELO", "LHLO":
		ok = validHost(word)
	case "HELP":
		ok = commands[wire.Upper(word)] != nil
	case "AUTH":
		ok = secret.IsMechanism(word)
	case "BDAT":
		if _, err := wire.ParseSize(word); err != nil {
			return 0
		}
		if wire.Upper(strings.Trim(rest, blanks)) == "LAST" {
			return len(s)
		}
		ok = true
	}
	if !ok {
		return 0
	}
	return len(word)
}

// pathLen returns the length of a path and its valid parameters at the start of
// s, with the keyword before the path.
func (m *mask) pathLen(s, word string, parse func(string, bool) (wire.Path, string, error), table map[string]*param) int {
	path, ok := keyword(s, word)
	if !ok {
		return 0
	}
	_, rest, err := parse(strings.TrimLeft(path, blanks), true)
	if err != nil {
		return 0
	}
	for {
		text, _, _ := strings.Cut(strings.TrimLeft(rest, " "), " ")
		p, err := wire.Params(text, true)
		if err != nil || len(p) == 0 || !isKnown(m.grammar, table, p[0]) {
			return len(s) - len(rest)
		}
		rest = rest[strings.Index(rest, text)+len(text):]
	}
}
