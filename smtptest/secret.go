package smtptest

import (
	"bytes"
	"encoding/base64"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/sasl"
	"github.com/go-smtptest/smtp/smtptest/internal/script"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// masked replaces a password, a token or a digest wherever the server shows a line.
const masked = "****"

// secretSeed keys the fingerprints of this process.
var secretSeed = maphash.MakeSeed()

// maskLine masks the command line of t for the record and for replies that quote
// the line.
func (ch *Channel) maskLine(t *turn) { t.line, t.hidden = ch.show(t.line) }

// show returns the line as the record may show it. It masks a line with a login
// word, and each line from an AUTH up to the next AUTH that succeeds: there, the
// client may send its secret in any line. The parts that are commands with
// valid arguments stay, as they cannot be secrets.
func (ch *Channel) show(line string) (shown string, h hidden) {
	n := 0
	if !ch.secretive {
		word := loginWord(line)
		if word < 0 {
			return line, hidden{}
		}
		n = strings.LastIndexFunc(line[:word], isLineEnd) + 1
	}
	shown, h = ch.mask(line, n+ch.commandsLen(line[n:]))
	ch.secretive = ch.secretive || h != (hidden{})
	return shown, h
}

// isLineEnd reports whether a client that does not send CRLF may have meant c as
// the end of a command.
func isLineEnd(c rune) bool { return c != '\t' && wire.IsControl(c) }

// showResponse is show for a line that the client sends after a 334.
func (ch *Channel) showResponse(line string) (shown string, h hidden) { return ch.mask(line, 0) }

// mask masks the line after its first n bytes. A rest that is empty, cancels
// (*) or stands for an empty response (=) is not a secret.
func (ch *Channel) mask(line string, n int) (shown string, h hidden) {
	secret := strings.Trim(line[n:], blanks)
	if secret == "" || secret == "*" || secret == "=" {
		return line, hidden{}
	}
	n += strings.Index(line[n:], secret)
	ch.secrets = append(ch.secrets[max(0, len(ch.secrets)-maxSecrets+1):], secret)
	return line[:n] + masked, hidden{secret: maphash.String(secretSeed, secret), length: len(line)}
}

// showUnread returns bytes that no command has taken as the record may show
// them: up to the first secret.
func (ch *Channel) showUnread(b []byte) string {
	text := string(b[:min(len(b), maxRest)])
	if ch.after334 && text != "" {
		return masked
	}
	shown, _ := ch.show(text)
	return shown
}

const maxRest = 512 // bytes

// loginWord returns the index of the first word in the line by which clients of
// SMTP, IMAP, POP3, NNTP or HTTP log in, or -1. Its time is linear in the length
// of the line.
func loginWord(line string) int {
	for i := range len(line) {
		for _, word := range loginWords[line[i]|0x20] {
			if isLoginWord(line, i, word) {
				return i
			}
		}
	}
	return -1
}

func hasLoginWord(s string) bool { return loginWord(s) >= 0 }

// loginWords has the login words by their first letter.
var loginWords = [256][]string{
	'a': {"auth", "apop"},
	'b': {"bearer"},
	'l': {"login", "logon"},
	'p': {"pass", "pwd"},
	's': {"sasl"},
	'u': {"user"},
	'x': {"xauth"},
}

// isLoginWord reports whether the line has the login word at i, or a longer one
// that begins with it. At the start of a command, a secret may follow the word
// directly.
func isLoginWord(line string, i int, word string) bool {
	j := wordEnd(line, i, word)
	if j < 0 {
		return false
	}
	begins := i == 0 || !isLetter(line[i-1])
	ends := j == len(line) || !isLetter(line[j])
	spaced := j-i > len(word)
	after := wire.Upper(line[j:min(j+2, len(line))])
	switch word {
	case "user": // a common word, but at the start of a command, and not in User-Agent
		return ends && !strings.HasPrefix(after, "-") && isFirst(line, i)
	case "auth": // also OAuth and AUTHENTICATE, but not author or authority
		isAuthor := after == "OR" && wordEnd(line, i, "authoriz") < 0 && wordEnd(line, i, "authoris") < 0
		return begins && spaced || !spaced && (!isAuthor || isFirst(line, i))
	case "login": // also XLOGIN
		return !spaced || begins && ends
	case "pass": // also PASSWD, password, passphrase and passcode
		ends = ends || after[0] == 'W' || after == "PH" || after == "CO"
	}
	return begins && ends || isFirst(line, i)
}

// wordEnd returns the end of the word that begins at line[i], in any case and with
// blanks between its letters or without; -1 if another word is there.
func wordEnd(line string, i int, word string) int {
	for n := range len(word) {
		for n > 0 && i < len(line) && (line[i] <= ' ' || line[i] > '~') {
			i++
		}
		if i == len(line) || line[i]|0x20 != word[n] {
			return -1
		}
		i++
	}
	return i
}

// isFirst reports whether line[i] is the first letter or digit of a command.
func isFirst(line string, i int) bool {
	for i--; i >= 0 && !isAlnum(line[i]); i-- {
		if isLineEnd(rune(line[i])) {
			return true
		}
	}
	return i < 0
}

// commandsLen returns the length of the part of the line, from its start, that
// consists of commands with valid arguments. There are several if the client ends
// its commands by something other than CRLF.
func (ch *Channel) commandsLen(line string) int {
	n := 0
	for n < len(line) {
		command := line[n:]
		if i := strings.IndexFunc(command, isLineEnd); i >= 0 {
			command = command[:i]
		}
		k := ch.commandLen(command)
		n += k
		if k < len(command) {
			return n
		}
		n++ // what ends the command
	}
	return len(line)
}

// commandLen is commandsLen for one command.
func (ch *Channel) commandLen(line string) int {
	name, arg, _ := strings.Cut(line, " ")
	verb := wire.Upper(name)
	if commands[verb] == nil && ch.Server.config.Commands[verb] == nil {
		return 0
	}
	ch.secretive = ch.secretive || verb == "AUTH"
	n := len(name)
	if arg = strings.TrimLeft(arg, blanks); arg != "" {
		if k := ch.argumentLen(verb, arg); k > 0 {
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
func (ch *Channel) argumentLen(verb, s string) int {
	word, rest, _ := strings.Cut(s, " ")
	ok := false
	switch verb {
	case "MAIL", "SEND", "SOML", "SAML":
		return ch.pathLen(s, "FROM:", wire.ReversePath, mailParams)
	case "RCPT":
		return ch.pathLen(s, "TO:", wire.ForwardPath, rcptParams)
	case "VRFY":
		return ch.pathLen(s, "", wire.ForwardPath, nil)
	case "EHLO", "HELO", "LHLO":
		ok = validHost(word)
	case "HELP":
		ok = commands[wire.Upper(word)] != nil
	case "AUTH":
		ok = isMechanism(word)
	case "BDAT":
		if _, err := sizeOf(word); err != nil {
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
func (ch *Channel) pathLen(s, word string, parse func(string, bool) (wire.Path, string, error), table map[string]*param) int {
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
		if err != nil || len(p) == 0 || !ch.isKnown(table, p[0]) {
			return len(s) - len(rest)
		}
		rest = rest[strings.Index(rest, text)+len(text):]
	}
}

// isMechanism reports whether s can be the name of a mechanism (RFC 4422 3.1).
// A name that the server does not know must be in upper case: base64 and
// passwords hardly ever are. A Rule.On may have a * in it.
func isMechanism(s string) bool {
	if slices.Contains(sasl.Names(), wire.Upper(s)) {
		return true
	}
	for i := range len(s) {
		if !isAlnum(s[i]) && s[i] != '-' && s[i] != '_' && s[i] != '*' {
			return false
		}
	}
	return s != "" && len(s) <= 20 && s == wire.Upper(s)
}

func isLetter(c byte) bool { return 'a' <= wire.Lower(c) && wire.Lower(c) <= 'z' }

func isAlnum(c byte) bool { return isLetter(c) || '0' <= c && c <= '9' }

// shownOn returns Rule.On without secrets. Its verb, and the pattern for a path, a
// host name or a mechanism, are not secrets.
func shownOn(on string) string {
	verb, arg, _ := strings.Cut(on, " ")
	word, _, _ := strings.Cut(arg, " ")
	n := len(verb)
	verb = wire.Upper(verb)
	switch verb {
	case "MAIL", "RCPT", "EHLO", "HELO", "LHLO":
		n = len(on) - len(arg) + len(word)
	case "AUTH":
		if isMechanism(word) {
			n = len(on) - len(arg) + len(word)
		}
	}
	if !isLoginEvent(verb+on[n:]) || strings.Trim(on[n:], " *=") == "" {
		return on
	}
	return on[:n] + " " + masked
}

// isLoginEvent reports whether the event of Rule.On is the login of a client.
func isLoginEvent(on string) bool {
	verb, _, _ := strings.Cut(on, " ")
	verb = wire.Upper(verb)
	return verb == "RESPONSE" || !script.IsPseudo(verb) && hasLoginWord(on)
}

// The secrets of one session that the server looks for in the texts of others.
const (
	maxSecrets = 8 // those that came last
	minSecret  = 4 // bytes: shorter ones occur by chance
)

// redact masks the known secrets in a text that a rule or the test's own code
// has made for a login: those of this session and the passwords of Server.Users.
// Elsewhere, a password is more likely to be a word of the text by chance.
func (ch *Channel) redact(text string) string {
	if t := &ch.turn; t.name != "AUTH" && t.hidden == (hidden{}) {
		return text
	}
	if passwords := ch.Server.passwords; passwords != nil {
		text = passwords.Replace(text)
	}
	var secrets []string
	for _, s := range ch.secrets {
		for _, word := range append(strings.Fields(s), s) {
			if !hasLoginWord(word) && !slices.Contains(sasl.Names(), wire.Upper(word)) {
				secrets = append(secrets, word)
			}
			secrets = append(secrets, decoded(word)...)
		}
	}
	return replacer(secrets).Replace(text)
}

// decoded returns the strings in a response in base64 (RFC 4616 2, RFC 7628 3.1).
func decoded(response string) []string {
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(response, "="))
	if err != nil {
		return nil
	}
	all := strings.FieldsFunc(string(b[bytes.LastIndexByte(b, 0)+1:]), wire.IsControl) // not the user of PLAIN
	for _, s := range all {
		if _, token, ok := strings.Cut(s, "Bearer "); ok {
			all = append(all, token)
		}
	}
	return all
}

// passwordsOf returns what masks the passwords of users, as they are and in the
// base64 of LOGIN and PLAIN; nil if there are none.
func passwordsOf(users map[string]string) *strings.Replacer {
	if len(users) == 0 {
		return nil
	}
	var secrets []string
	for user, password := range users {
		if len(password) < minSecret {
			continue
		}
		secrets = append(secrets, password)
		for _, s := range []string{password, "\x00" + user + "\x00" + password, user + "\x00" + user + "\x00" + password} {
			secrets = append(secrets, base64.StdEncoding.EncodeToString([]byte(s)))
		}
	}
	return replacer(secrets)
}

// replacer masks secrets, also in the form that %q gives them. The longest come
// first, so that none is masked in part.
func replacer(secrets []string) *strings.Replacer {
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, s := range secrets {
		if len(s) < minSecret {
			continue
		}
		pairs = append(pairs, s, masked)
		if q := strconv.Quote(s); q[1:len(q)-1] != s {
			pairs = append(pairs, q[1:len(q)-1], masked)
		}
	}
	return strings.NewReplacer(pairs...)
}
