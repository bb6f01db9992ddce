// Package explore runs a mail-sending client under every fault at every step of its
// own dialogue. It reports where the client loses mail, sends it twice, hangs, reports
// a failure although the mail was accepted, leaves a dead pool behind, or sends a
// password without TLS.
//
//	func TestMailerUnderFaults(t *testing.T) {
//		explore.Run(t, explore.Config{Retry: explore.Temporary | explore.Lost}, func(t *testing.T, srv *smtptest.Server) func(context.Context) error {
//			m := mailer.New(srv.DialContext) // in a bubble of testing/synctest, with its T
//			t.Cleanup(m.Close)
//			return func(ctx context.Context) error { return m.Send(ctx, "bob@example.com", mail) }
//		})
//	}
//
// [Run] first plays the client without a fault and learns two things: the dialogue,
// and how many copies each recipient gets. Then it plays the client once for each fault
// at each step, in virtual time, each time with a new client and a new server. After
// the delivery that met the fault, the same client delivers once more without a fault:
// that finds dead pools. Nothing is random.
//
// What RFC 5321 makes unavoidable is no violation: an error after the reply to a mail
// was lost, because nobody can know whether the mail was accepted, and two copies after
// that (RFC 5321 4.2.5 and 6.1, RFC 1047).
//
// docs/explore.md explains the table that Run writes, each fault and each violation.
//
// A panic in the function that delivers, or in the one that makes the client, is a
// violation. A panic in a goroutine that the client starts, or in a Cleanup, ends the
// test binary, as in every Go test.
package explore
