package auth_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-smtptest/smtp/smtptest"
)

// FuzzSecrets makes dialogues with secrets from a grammar of lines that look like
// logins, and verifies that the secrets show nowhere. Each byte of the program is
// one choice of the grammar.
func FuzzSecrets(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte("\x00\x01\x00\x03\x00\x00\x00\x01\x02\x00\x00\x00\x02\x00\x00"))
	f.Add([]byte("\x02\x01\x02\x05\x01\x07\xff\x02\x00\x01\x02\x03\x01\x01\x00\x04"))
	f.Add([]byte("\x01\x03\x01\x04\x0f\x03\x03\x01\x02\x02\x04\x02\x02\x01\x03\x01\x02\x00"))
	f.Fuzz(func(t *testing.T, program []byte) {
		if len(program) > 200 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			g := &loginGrammar{program: program}
			setup := choose(g, loginServers)
			pieces := g.dialogue()
			hides(t, setup, hushes, pieces)
		})
	})
}

// loginServers do not accept the secret: after a success it may show.
var loginServers = []func(*smtptest.Server){
	withOther,
	func(*smtptest.Server) {},
	asksInAuth,
	func(srv *smtptest.Server) { withOther(srv); srv.RequireAuth = true },
	func(srv *smtptest.Server) {
		srv.Script(smtptest.Rule{On: "*", Optional: true, Reply: "450 4.3.0 later"})
	},
	func(srv *smtptest.Server) { srv.Authenticate = func(c smtptest.Credentials) bool { panic(c) } },
}

// A loginGrammar makes lines from a program, which it follows to its end.
type loginGrammar struct {
	program []byte
	begun   bool // a line with a login word has come
}

func (g *loginGrammar) next() int {
	if len(g.program) == 0 {
		return 0
	}
	n := int(g.program[0])
	g.program = g.program[1:]
	return n
}

func choose[T any](g *loginGrammar, of []T) T { return of[g.next()%len(of)] }

// dialogue returns what the client sends, in one piece or line by line.
func (g *loginGrammar) dialogue() []string {
	pipelined := g.next()%2 == 1
	sent := "BOGUS\r\n"
	for range 1 + g.next()%8 {
		sent += g.line() + choose(g, []string{"\r\n", "\r\n", "\r\n", "\n", "\r"})
	}
	if pipelined {
		return []string{"BOGUS\r\n", sent}
	}
	return append([]string{"BOGUS\r\n"}, strings.SplitAfter(sent, "\r\n")...)
}

// line is one line: a valid command, one with a login word, or, once there was
// such a one, any line with a secret.
func (g *loginGrammar) line() string {
	switch kind := g.next() % 4; {
	case kind == 3:
		return choose(g, []string{"EHLO x", "NOOP", "MAIL FROM:<a@b.example>", "RCPT TO:<a@b.example>", "RSET", "DATA", "*", ".", "HELP"})
	case kind == 2 && g.begun:
		return choose(g, []string{"", " ", "HELP ", "NOOP ", "EHLO ", "EHLO x ", "MAIL FROM:<a@b.example> ", "MAIL FROM:<a@b.example> SIZE=", "FOO ", "x", "BDAT ", "VRFY "}) + g.secret()
	case kind == 1:
		g.begun = true
		return choose(g, []string{"AUTH", "AUTH LOGIN", "auth plain", "AUTH FOO", "XAUTH LOGIN", "a1 AUTHENTICATE PLAIN", "LOGIN", "USER bob", "PASS", "Authorization:"})
	}
	g.begun = true
	before := choose(g, []string{"", "", " ", "a1 ", "NOOP ", "HELP ", "EHLO x ", "MAIL FROM:<a@b.example> ", "RCPT TO:<a@b.example> SIZE=1 ", "FOO,", "<", "NOOP\n", "\x00"})
	return before + g.word(before == "") + choose(g, []string{" ", " PLAIN ", " LOGIN ", "=", ":", ": Basic ", "\t", " bob ", " = ", "\x00"}) + g.secret()
}

// word is a login word, with its letters in any case and blanks between them.
func (g *loginGrammar) word(first bool) string {
	words := []string{"AUTH", "XAUTH", "LOGIN", "PASS", "PASSWORD", "APOP", "AUTHENTICATE", "AUTHORIZATION", "PROXY-AUTHORIZATION", "USER"}
	if !first {
		words = words[:len(words)-1]
	}
	word, style, n := choose(g, words), g.next(), g.next()
	if n %= len(word); style&1 != 0 && word[n:] != "" && n > 0 && word[n] != '-' && word[n-1] != '-' {
		word = word[:n] + strings.Repeat(" ", 1+style>>4) + word[n:]
	}
	if style&2 != 0 {
		word = strings.ToLower(word)
	}
	if style&4 != 0 {
		word = word[:1] + strings.ToLower(word[1:])
	}
	return word
}

func (g *loginGrammar) secret() string {
	return choose(g, []string{hush, hushB64, hushPlain, "bob " + hush, strings.ToUpper(hush), hushB64 + "\t" + hush, "<" + hush + ">", hush + "@b.example", "=" + hushB64})
}
