// Package play plays conversations with a server. It is for tests, and only tests
// import it.
//
// A conversation is a list of lines, the talk of a [Case]. Each line begins with two
// characters:
//
//	C: text  the client sends the text and CRLF
//	C+ text  the client sends the text without CRLF
//	C-       the client shuts down its sending side and continues to read
//	S: text  the server must send the text and CRLF
//	S-       the server must close the connection
//	--       the server must send nothing so far
//
// [Run] plays cases. [Converse] plays steps on a connection of the caller's own, and
// a [Listener] reads all that comes in a bubble of testing/synctest. A [Player] also
// understands lines that take time, start TLS, connect again, or stop the server; see
// CONTRIBUTING.md.
//
// The lists [SayEHLO], [SayMail] and so on are commands with their replies. [Talk]
// joins lists and lines. [PathTo] has the talk that leads to each [State].
package play

import (
	"context"
	"net"
)

func init() { ForbidDNS() }

// ForbidDNS makes each lookup in the DNS panic: a server looks nothing up, whatever a
// client, a message or a script names. Each test that imports the package runs under
// this rule.
func ForbidDNS() {
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		panic("a name is looked up in the DNS")
	}}
}
