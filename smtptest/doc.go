// Package smtptest is an httptest for mail: a fake SMTP server inside the test
// process, on an ephemeral loopback port or on a network in memory. The service
// under test sends mail to it; the test reads back exactly what arrived, and
// scripts what the server answers, so that retries and error handling are
// tested too.
//
//	func TestWelcomeMail(t *testing.T) {
//		srv := smtptest.NewServer(t) // started; closed when the test ends
//		app := signup.New(srv.Addr)  // "127.0.0.1:40123"
//		app.Register("bob@example.com")
//
//		msg := srv.Wait(1)[0] // fails the test, with the dialogue, if it never comes
//		if diff := cmp.Diff([]string{"bob@example.com"}, msg.To); diff != "" {
//			t.Errorf("recipients (-want +got):\n%s", diff)
//		}
//	}
//
// # What happens to a command
//
//	conn -> read line -> parse -> script -> [delay] -> verb -> Handler (only at the end of data)
//	                                |                   | (reply, commit)
//	                                +--> final reply <--+ -> commit if that is the verb's success -> record -> write
//
// A script (Server.Script) is a table of Rules. The first rule that fires
// answers an event: a command, the connection itself ("CONNECT"), the end of
// data (".") and others. What no rule answers the server answers itself, as
// RFC 5321 says and with the texts of Python's smtpd. A reply takes effect only
// if it is the command's success: a scripted 450 to RCPT adds no recipient.
//
// A message is recorded before its 250 is written, so a client that has read
// its 250 finds the message in Messages. Reading (Messages, Sessions,
// Transcript) never blocks on traffic and never copies message data.
//
// # When a test fails
//
// The test's log shows the dialogue: of many sessions one of each kind, alike in
// their course and, if that makes no more than eight kinds, in their addresses;
// times since the session's start, an ! at what was refused, the rules that
// answered. A Wait that fails says what did arrive and what came nearest. A test
// that panics has failed too; but of one that panics in a synctest bubble the
// testing package prints no log without -v.
//
// If a test has not ended shortly before its deadline (go test -timeout), the server
// fails it with the dialogue and what each session waits for, and closes, so that a
// client that waits for it returns. In a synctest bubble it does so once nothing has
// happened for WaitTimeout while a rule holds a client.
//
// With go test -artifacts, transcript.txt, a session-N.txt for each session and
// a message-N.eml for each message are kept in the test's ArtifactDir, of tests
// that pass too; the attribute smtptest.artifacts of the test (go test -json)
// says where. Without the flag the testing package deletes that directory, and
// nothing is written. Where there is no such flag, in other frameworks, the
// files of a test that fails are kept, if its TB has an ArtifactDir.
// Server.Artifact adds files, and package report a page to look at.
//
// # Time
//
// Delays, windows and timeouts are those of package time. In a bubble of
// testing/synctest, with NewInMemoryServer and a client that connects with
// Server.DialContext, minutes of back-off take milliseconds.
//
// # Strictness
//
// The server is never more lenient than a real relay: only CRLF ends a line,
// only CRLF.CRLF ends data, what EHLO did not offer is not accepted, commands
// out of order get 503. It listens on loopback addresses only, looks nothing up
// in the DNS and sends nothing anywhere, unless a Handler such as Relay is
// told to. Passwords and tokens are masked in everything that it writes:
// in a line with a word like AUTH, LOGIN or PASS, and in each line from an AUTH up
// to one that succeeds, it shows valid commands and replaces the rest by ****.
// Message content is not masked.
//
// # Standards
//
// RFC 5321 (SMTP), 1870 (SIZE), 2033 (LMTP), 2034 (enhanced status codes),
// 2852 (DELIVERBY), 2920 (PIPELINING), 3030 (CHUNKING, BINARYMIME), 3207
// (STARTTLS), 3461 (DSN), 4865 (FUTURERELEASE), 4954 (AUTH), 6152 (8BITMIME),
// 6531 (SMTPUTF8), 6710 (MT-PRIORITY), 8314 (implicit TLS), 8689 (REQUIRETLS),
// 9422 (LIMITS).
package smtptest
