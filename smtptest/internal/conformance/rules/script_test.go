package rules_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

// refusals are scripts that can never do what they say. want is what follows
// the rule's text: the field, and what to do.
var refusals = []struct {
	name  string
	setup func(*smtptest.Server)
	rules []smtptest.Rule // the last is refused
	want  string
}{
	{"no event", nil, []smtptest.Rule{{Reply: "250 OK"}}, `On: is empty; name an event, such as "RCPT", "CONNECT" or "."`},
	{"line end", nil, []smtptest.Rule{{On: "RCPT TO:<bob@example.com>\r\n", Reply: "450 later"}}, around},
	{"LF at its end", nil, []smtptest.Rule{{On: "RCPT TO:<bob@example.com>\n", Reply: "450 later"}}, around},
	{"line end of a verb", nil, []smtptest.Rule{{On: "RCPT\r\n", Reply: "450 later"}}, around},
	{"space behind", nil, []smtptest.Rule{{On: "RCPT TO:<bob@example.com> ", Reply: "450 later"}}, around},
	{"space before", nil, []smtptest.Rule{{On: " RCPT", Reply: "450 later"}}, around},
	{"two spaces", nil, []smtptest.Rule{{On: "NOOP  x", Reply: "450 later"}}, around},
	{"TAB before an argument", nil, []smtptest.Rule{{On: "NOOP \tx", Reply: "450 later"}}, around},
	{"two lines", nil, []smtptest.Rule{{On: "EHLO x\r\ny", Reply: "450 later"}}, control},
	{"two lines of verbs", nil, []smtptest.Rule{{On: "X\r\nY", Reply: "450 later"}}, control},
	{"NUL in a verb", nil, []smtptest.Rule{{On: "XA\x00B", Reply: "450 later"}}, control},
	{"TAB in a verb", nil, []smtptest.Rule{{On: "XA\tB", Reply: "450 later"}}, control},
	{"DEL in an argument", nil, []smtptest.Rule{{On: "NOOP a\x7fb", Reply: "450 later"}}, control},
	{"line end after IDLE", nil, []smtptest.Rule{{On: "IDLE RCPT\n", Reply: "421 no"}}, around},
	{"unknown verb", nil, []smtptest.Rule{{On: "FROB", Reply: "250 OK"}}, `On: "FROB" is not an event; use one of CONNECT TLS RESPONSE BODY . IDLE * ("." is the end of data), a verb of ` + verbList + `, a key of Server.Commands or X...`},
	{"argument to CONNECT", nil, []smtptest.Rule{{On: "CONNECT 127.0.0.1", Reply: "421 no"}}, `On: CONNECT takes no argument; use If`},
	{"argument to TLS", play.WithTLS, []smtptest.Rule{{On: "TLS 1.3", Then: smtptest.Close}}, `On: TLS takes no argument; use If`},
	{"argument to *", nil, []smtptest.Rule{{On: "* x", Reply: "421 no"}}, `On: * takes no argument; use If`},
	{"BODY half", nil, []smtptest.Rule{{On: "BODY half", Then: smtptest.Close}}, `On: "half" is not a number of octets`},
	{"BODY -1", nil, []smtptest.Rule{{On: "BODY -1", Then: smtptest.Close}}, `On: "-1" is not a number of octets`},
	{"IDLE of nothing", nil, []smtptest.Rule{{On: "IDLE FROB", Reply: "421 no"}},
		`On: IDLE follows an event, but "FROB" is not an event; use one of CONNECT TLS RESPONSE BODY . IDLE * ("." is the end of data), a verb of ` + verbList + `, a key of Server.Commands or X...`},
	{"IDLE of no answer", nil, []smtptest.Rule{{On: "IDLE BODY", Reply: "421 no"}},
		`On: IDLE follows only events that have a reply; name one of them, or use "IDLE" for any`},
	{"recipient without LMTP", nil, []smtptest.Rule{{On: ". <bob@example.com>", Reply: "452 full"}},
		`On: only LMTP replies for each recipient at the end of data; set Server.LMTP, or use If`},
	{"recipient without brackets", play.WithLMTP, []smtptest.Rule{{On: ". bob@example.com", Reply: "452 full"}},
		`On: the argument is a recipient in angle brackets, as in ". <bob@example.com>"`},
	{"MAIL without FROM:", nil, []smtptest.Rule{{On: "MAIL <a@client.test>", Reply: "451 no"}},
		`On: the argument of MAIL begins with "FROM:", as in "MAIL FROM:<bob@example.com>"`},
	{"RCPT without TO:", nil, []smtptest.Rule{{On: "RCPT bob@example.com", Reply: "451 no"}},
		`On: the argument of RCPT begins with "TO:", as in "RCPT TO:<bob@example.com>"`},
	{"MAIL without brackets", nil, []smtptest.Rule{{On: "MAIL FROM:a@client.test", Reply: "451 no"}},
		`On: a path needs angle brackets, as in "MAIL FROM:<bob@example.com>"; for clients that leave them out use If`},
	{"RCPT without brackets", nil, []smtptest.Rule{{On: "RCPT TO:bob@example.com", Reply: "451 no"}},
		`On: a path needs angle brackets, as in "RCPT TO:<bob@example.com>"; for clients that leave them out use If`},

	{"BDAT", nil, []smtptest.Rule{{On: "BDAT", Reply: "552 enough"}}, `On: "BDAT" is not served; put "CHUNKING" into Server.Extensions`},
	{"XCLIENT", nil, []smtptest.Rule{{On: "XCLIENT", Reply: "550 no"}}, `On: "XCLIENT" is not served; put "XCLIENT" with its attributes into Server.Extensions`},
	{"LHLO", nil, []smtptest.Rule{{On: "LHLO", Reply: "550 no"}}, `On: "LHLO" is not served; set Server.LMTP`},
	{"EHLO in LMTP", play.WithLMTP, []smtptest.Rule{{On: "EHLO", Reply: "550 no"}}, `On: "EHLO" is not served; with LMTP it is LHLO`},
	{"IDLE BDAT", nil, []smtptest.Rule{{On: "IDLE BDAT", Reply: "421 no"}},
		`On: IDLE follows an event, but "BDAT" is not served; put "CHUNKING" into Server.Extensions`},
	{"TLS", nil, []smtptest.Rule{{On: "TLS", Then: smtptest.Close}}, `On: the server has no TLS; set Server.TLS or use NewTLSServer`},
	{"STARTTLS granted", nil, []smtptest.Rule{{On: "STARTTLS", Reply: "220 go"}}, `Reply: a 220 to STARTTLS begins a TLS handshake; set Server.TLS`},
	{"STARTTLS granted, raw", nil, []smtptest.Rule{{On: "STARTTLS", Raw: "220 go\r\n"}}, `Reply: a 220 to STARTTLS begins a TLS handshake; set Server.TLS`},
	{"RESPONSE", nil, []smtptest.Rule{{On: "RESPONSE", Reply: "535 no"}},
		`On: RESPONSE never occurs because AUTH is not offered; set Server.Users or Authenticate, or give AUTH a Reply of 334`},

	{"no code", nil, []smtptest.Rule{{On: "NOOP", Reply: "hello"}}, `Reply: a reply begins with a code from 200 to 559, as in "250 OK"` + saidRaw},
	{"code 199", nil, []smtptest.Rule{{On: "NOOP", Reply: "199 hello"}}, `Reply: a reply begins with a code from 200 to 559, as in "250 OK"` + saidRaw},
	{"code 600", nil, []smtptest.Rule{{On: "NOOP", Reply: "600 hello"}}, `Reply: a reply begins with a code from 200 to 559, as in "250 OK"` + saidRaw},
	{"no separator", nil, []smtptest.Rule{{On: "NOOP", Reply: "250OK"}}, `Reply: the last line has a space and text after the code, as in "250 OK"` + saidRaw},
	{"ends with a hyphen", nil, []smtptest.Rule{{On: "NOOP", Reply: "250-OK"}}, `Reply: the last line has a space and text after the code, as in "250 OK"` + saidRaw},
	{"space before the last", nil, []smtptest.Rule{{On: "NOOP", Reply: "250 a\n250 b"}}, `Reply: a line before the last has a hyphen after the code, as in "250-first"` + saidRaw},
	{"differing codes", nil, []smtptest.Rule{{On: "NOOP", Reply: "250-a\n251 b"}}, `Reply: all lines of a reply have the same code, 250` + saidRaw},
	{"line end", nil, []smtptest.Rule{{On: "NOOP", Reply: "250 OK\r\n"}}, `Reply: ends with a line end: leave it out, it is added`},
	{"control character", nil, []smtptest.Rule{{On: "NOOP", Reply: "250 \x00"}}, `Reply: octet 0x00 is not printable ASCII` + saidRaw},
	{"long line", nil, []smtptest.Rule{{On: "NOOP", Reply: smtptest.Reply("250 " + strings.Repeat("x", 507))}},
		`Reply: a line has 513 octets; at most 512 are allowed, CRLF included` + saidRaw},
	{"Reply with Raw", nil, []smtptest.Rule{{On: "NOOP", Reply: "250 OK", Raw: "250 OK\r\n"}}, `Raw: excludes Reply; give only one of them`},
	{"Reply on TLS", play.WithTLS, []smtptest.Rule{{On: "TLS", Reply: "250 OK"}}, `Reply: a handshake has no reply; use Raw, or NoReply with Then`},
	{"NoReply on BODY", nil, []smtptest.Rule{{On: "BODY", Reply: smtptest.NoReply}}, `Reply: NoReply has no effect on BODY; remove it`},
	{"NoReply on IDLE", nil, []smtptest.Rule{{On: "IDLE", Reply: smtptest.NoReply, Then: smtptest.Close}},
		`Reply: NoReply has no effect on IDLE; remove it`},

	{"Keep with Discard", nil, []smtptest.Rule{{On: ".", Keep: true, Discard: true}}, `Discard: excludes Keep; give only one of them`},
	{"Keep at CONNECT", nil, []smtptest.Rule{{On: "CONNECT", Keep: true}}, `Keep: has no effect on CONNECT; remove it`},
	{"Keep at TLS", play.WithTLS, []smtptest.Rule{{On: "TLS", Keep: true}}, `Keep: has no effect on TLS; remove it`},
	{"Keep at BODY", nil, []smtptest.Rule{{On: "BODY", Keep: true}}, `Keep: has no effect on BODY; remove it`},
	{"Keep at IDLE", nil, []smtptest.Rule{{On: "IDLE", Keep: true}}, `Keep: has no effect on IDLE; remove it`},
	{"Keep at DATA", nil, []smtptest.Rule{{On: "DATA", Keep: true}}, `Keep: has no effect on DATA; remove it`},
	{"Discard at STARTTLS", nil, []smtptest.Rule{{On: "STARTTLS", Discard: true}}, `Discard: has no effect on STARTTLS; remove it`},
	{"Discard at NOOP", nil, []smtptest.Rule{{On: "NOOP", Discard: true}}, `Discard: has no effect on NOOP; remove it`},
	{"Discard at HELP", nil, []smtptest.Rule{{On: "HELP", Discard: true}}, `Discard: has no effect on HELP; remove it`},
	{"Discard at *", nil, []smtptest.Rule{{On: "*", Discard: true}}, `Discard: has no effect on *; remove it`},

	{"negative Skip", nil, []smtptest.Rule{{On: "NOOP", Skip: -1}}, `Skip: must not be negative`},
	{"negative Times", nil, []smtptest.Rule{{On: "NOOP", Times: -1}}, `Times: must not be negative`},
	{"negative For", nil, []smtptest.Rule{{On: "NOOP", For: -1}}, `For: must not be negative`},
	{"negative Every", nil, []smtptest.Rule{{On: "NOOP", Every: -1}}, `Every: must not be negative`},
	{"negative Delay", nil, []smtptest.Rule{{On: "NOOP", Delay: -1}}, `Delay: must not be negative`},
	{"negative Jitter", nil, []smtptest.Rule{{On: "NOOP", Jitter: -1}}, `Jitter: must not be negative`},
	{"negative Pause", nil, []smtptest.Rule{{On: "NOOP", Pause: -1}}, `Pause: must not be negative`},
	{"negative Chunk", nil, []smtptest.Rule{{On: "NOOP", Chunk: -2}}, `Chunk: must not be negative`},
	{"negative Chance", nil, []smtptest.Rule{{On: "NOOP", Chance: -0.1, Reply: "451 no"}}, `Chance: must be from 0 to 1`},
	{"Chance over 1", nil, []smtptest.Rule{{On: "NOOP", Chance: 30, Reply: "451 no"}}, `Chance: must be from 0 to 1`},
	{"Chance NaN", nil, []smtptest.Rule{{On: "NOOP", Chance: math.NaN(), Reply: "451 no"}}, `Chance: must be from 0 to 1`},
	{"Every alone", nil, []smtptest.Rule{{On: "NOOP", Every: time.Hour, Reply: "451 no"}}, `Every: has no effect without Skip, Times or For; give one of them`},
	{"For never over", nil, []smtptest.Rule{{On: "NOOP", Every: time.Hour, For: time.Hour, Reply: "451 no"}},
		`For: must be shorter than Every, or it never ends; make Every longer`},
	{"Per alone", nil, []smtptest.Rule{{On: "NOOP", Per: smtptest.PerSession, Reply: "451 no"}}, `Per: has no effect without Skip, Times or For; give one of them`},
	{"Per 1", nil, []smtptest.Rule{{On: "NOOP", Per: 1, Times: 1, Reply: "451 no"}}, `Per: unknown bits Scope(1); combine PerSession, PerTransaction, PerPeer, PerSender and PerRecipient with |`},
	{"Per 1 without a count", nil, []smtptest.Rule{{On: "NOOP", Per: 1, Reply: "451 no"}}, `Per: unknown bits Scope(1); combine PerSession, PerTransaction, PerPeer, PerSender and PerRecipient with |`},
	{"Per with unknown bits beside scopes", nil, []smtptest.Rule{{On: "NOOP", Per: smtptest.PerPeer | 65, Times: 1, Reply: "451 no"}}, `Per: unknown bits Scope(65); combine PerSession, PerTransaction, PerPeer, PerSender and PerRecipient with |`},
	{"recipient of MAIL", nil, []smtptest.Rule{{On: "MAIL", Per: smtptest.PerRecipient, Times: 1, Reply: "451 no"}}, `Per: MAIL has no recipient; remove PerRecipient`},
	{"sender of CONNECT", nil, []smtptest.Rule{{On: "CONNECT", Per: smtptest.PerSender, Times: 1, Reply: "421 no"}}, `Per: CONNECT has no sender; remove PerSender`},

	{"after Forever", nil, []smtptest.Rule{{On: "NOOP", Delay: smtptest.Forever, Reply: "250 OK"}}, forever},
	{"Then after Forever", nil, []smtptest.Rule{{On: "NOOP", Delay: smtptest.Forever, Then: smtptest.Close}}, forever},
	{"Pause after Forever", nil, []smtptest.Rule{{On: "NOOP", Delay: smtptest.Forever, Pause: time.Second}}, forever},
	{"Jitter and Forever", nil, []smtptest.Rule{{On: "NOOP", Delay: smtptest.Forever, Jitter: time.Second}}, forever},
	{"Discard after Forever", nil, []smtptest.Rule{{On: ".", Delay: smtptest.Forever, Discard: true}}, forever},
	{"Jitter after almost Forever", nil, []smtptest.Rule{{On: "NOOP", Delay: smtptest.Forever - 1, Jitter: 2}}, `Jitter: is too long to be added to Delay; shorten one of them`},
	{"unknown Then", nil, []smtptest.Rule{{On: "NOOP", Then: "explode"}}, `Then: "explode" is unknown; use Close, Drop, Reset, HalfClose or Hold`},
	{"Hold of nothing", nil, []smtptest.Rule{{On: "NOOP", Reply: smtptest.NoReply, Then: smtptest.Hold}}, `Then: the rule has no reply to hold; give a Reply or Raw`},
	{"Hold at BODY", nil, []smtptest.Rule{{On: "BODY", Then: smtptest.Hold}}, `Then: the rule has no reply to hold; give a Reply or Raw`},
	{"Hold of 421", nil, []smtptest.Rule{{On: "NOOP", Reply: "421 no", Then: smtptest.Hold}}, `Then: the Reply 421 always closes the connection, so it cannot be held; use Raw`},
	{"Hold at TLS", play.WithTLS, []smtptest.Rule{{On: "TLS", Raw: "220 x\r\n", Then: smtptest.Hold}}, `Then: Hold has no effect on TLS because no reply follows; remove it`},
	{"Hold of pieces", nil, []smtptest.Rule{{On: "NOOP", Chunk: 1, Then: smtptest.Hold}}, `Then: Hold excludes Chunk and Pause; remove them`},
	{"HalfClose after 421", nil, []smtptest.Rule{{On: "NOOP", Reply: "421 no", Then: smtptest.HalfClose}}, `Then: the Reply 421 always closes the connection; use Raw to keep it open`},
	{"Chunk of nothing", nil, []smtptest.Rule{{On: "NOOP", Reply: smtptest.NoReply, Chunk: 1}}, `Chunk: the rule writes nothing; give Reply or Raw, or remove it`},
	{"Pause of a handshake", play.WithTLS, []smtptest.Rule{{On: "TLS", Pause: time.Second}}, `Pause: the rule writes nothing; give Reply or Raw, or remove it`},
	{"nothing", nil, []smtptest.Rule{{On: "NOOP"}}, `the rule does nothing; give Reply, Delay, Then or another action`},
	{"nothing but counting", nil, []smtptest.Rule{{On: "NOOP", Times: 1, Optional: true}}, `the rule does nothing; give Reply, Delay, Then or another action`},
	{"nothing after silence", nil, []smtptest.Rule{{On: "IDLE", Delay: time.Second}}, `the rule does nothing; give Reply, Raw or Then`},

	{"below the same verb", nil, []smtptest.Rule{{On: "RCPT", Reply: "450 no"}, {On: "RCPT TO:<bob@example.com>", Reply: "550 no"}}, covered},
	{"below a pattern", nil, []smtptest.Rule{{On: "RCPT TO:<*@example.com>", Reply: "450 no"}, {On: "RCPT TO:<BOB@example.com>", Reply: "550 no"}}, covered},
	{"below *", nil, []smtptest.Rule{{On: "*", Delay: time.Second}, {On: "CONNECT", Reply: "421 no"}}, covered},
	{"below the same octets", nil, []smtptest.Rule{{On: "BODY", Then: smtptest.Close}, {On: "BODY 0", Reply: "550 no"}}, covered},
	{"below the same silence", nil, []smtptest.Rule{{On: "IDLE", Delay: time.Second, Reply: "250 OK"}, {On: "IDLE RCPT", Delay: time.Second, Reply: "421 no"}}, covered},
}

const (
	verbList = "EHLO HELO LHLO MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY EXPN HELP STARTTLS AUTH XCLIENT TURN SEND SOML SAML"
	saidRaw  = " (RFC 5321 4.2); use Raw to send an invalid reply"
	around   = "On: has white space or a line end around the verb or its argument; remove it"
	control  = "On: contains a control character; write * for it in an argument, or use If"
	forever  = "Delay: with Forever the rule never replies; remove what follows the Delay, or give a finite Delay"
	covered  = "On: rule 1 above matches every event of this rule; move this rule before it, or give that one Times or If"
)

// TestRefusedRules sets each script before and after Start: the test fails at
// once, with the rule, the field and what to do.
func TestRefusedRules(t *testing.T) {
	for _, r := range refusals {
		t.Run(r.name, func(t *testing.T) {
			last := len(r.rules)
			want := fmt.Sprintf("smtptest: rule %d: %s: %s", last, r.rules[last-1], r.want)
			for when, set := range map[string]func(*smtptest.Server){
				"before Start": func(srv *smtptest.Server) { srv.Script(r.rules...); srv.StartInMemory() },
				"after Start":  func(srv *smtptest.Server) { srv.StartInMemory(); srv.Script(r.rules...) },
			} {
				tb := &play.FakeTB{}
				srv := smtptest.NewUnstartedServer(tb)
				if r.setup != nil {
					r.setup(srv)
				}
				play.Try(func() { set(srv) })
				if diff := cmp.Diff(want, tb.Errors()); diff != "" {
					t.Errorf("%s: Script() mismatch (-want +got):\n%s", when, diff)
				}
				srv.Close()
			}
		})
	}
}

// TestCheck verifies that Check returns what Script reports, before and after Start,
// and that it changes no script.
func TestCheck(t *testing.T) {
	for _, r := range refusals {
		t.Run(r.name, func(t *testing.T) {
			last := len(r.rules)
			want := fmt.Sprintf("smtptest: rule %d: %s: %s", last, r.rules[last-1], r.want)
			tb := &play.FakeTB{}
			srv := smtptest.NewUnstartedServer(tb)
			if r.setup != nil {
				r.setup(srv)
			}
			kept := smtptest.Rule{On: "NOOP", Reply: "250 kept", Optional: true}
			srv.Script(kept)
			for _, start := range []func(){func() {}, srv.StartInMemory} {
				start()
				if err := srv.Check(r.rules...); err != nil && err.Error() != want || srv.Fired() == nil || err == nil && srv.Addr != "" {
					t.Errorf("Check() = %v, want %s", err, want)
				}
			}
			if err := srv.Check(kept); err != nil {
				t.Errorf("Check() of an allowed rule = %v", err)
			}
			if diff := cmp.Diff([]int{0}, srv.Fired()); diff != "" {
				t.Errorf("Fired() (-want +got):\n%s", diff)
			}
			tb.End()
			if got := tb.Errors(); got != "" {
				t.Errorf("failure %q", got)
			}
		})
	}
	if err := new(smtptest.Server).Check(); err == nil || !strings.Contains(err.Error(), "Check of a zero Server") {
		t.Errorf("Check() of a zero Server = %v", err)
	}
}

// TestAllowedRules are near the refused ones.
func TestAllowedRules(t *testing.T) {
	all := func(srv *smtptest.Server) {
		play.WithTLS(srv)
		play.WithUsers(srv)
		srv.Extensions = append(srv.Extensions, "CHUNKING")
		srv.Commands = map[string]smtptest.CommandFunc{"FROB": func(*smtptest.Channel, string) smtptest.Reply { return "" }}
	}
	for _, rules := range [][]smtptest.Rule{
		{{On: "frob", Reply: "250 OK"}, {On: "XYZZY plugh", Reply: "250 OK"}, {On: "IDLE frob", Reply: "421 no"}},
		{{On: "NOOP a\tb", Reply: "450 later"}, {On: "MAIL FROM:<ü@bücher.test>", Reply: "451 no"}},
		{{On: "BDAT", Reply: "552 enough"}, {On: "RESPONSE", Reply: "535 no"}, {On: "TLS", Then: smtptest.Reset}, {On: "STARTTLS", Raw: "220 go\r\n250 x\r\n"}},
		{{On: "MAIL *", Reply: "451 no"}, {On: "RCPT to:<a@b.test>", Reply: "451 no"}, {On: "RCPT", Reply: "250 OK"}},
		{{On: "QUIT", Discard: true}, {On: "RSET", Discard: true}, {On: "EHLO", Keep: true, Reply: "550 no"}, {On: "AUTH", Discard: true}},
		{{On: "*", Times: 1, Delay: time.Second}, {On: "*", Delay: time.Second}, {On: "TLS", Delay: time.Second}, {On: "BODY", Then: smtptest.Close}},
		{{On: "IDLE", Delay: time.Second, Reply: "250 OK"}, {On: "IDLE", Delay: time.Minute, Reply: "421 no"}},
		{{On: "BODY 5", Chunk: 5, Pause: time.Second}, {On: "BODY", Delay: smtptest.Forever}},
		{{On: "NOOP", Raw: "421 no\r\n", Then: smtptest.HalfClose}, {On: "DATA", Reply: "559 no"}},
		{{On: ".", Keep: true, Delay: smtptest.Forever}},
		{{On: "EHLO", Chunk: math.MaxInt}, {On: "NOOP", Delay: smtptest.Forever - 1, Jitter: 1}},
	} {
		tb := &play.FakeTB{}
		srv := smtptest.NewUnstartedServer(tb)
		all(srv)
		srv.Script(rules...)
		srv.StartInMemory()
		srv.Script(rules...)
		if got := tb.Errors(); got != "" {
			t.Errorf("Script(): %s", got)
		}
		srv.Close()
	}
}

// TestScriptIfBlocks has an If that does not return for a second: what asks about
// the script, and what replaces it, need not wait for it, and its event is then
// answered by the script in force.
func TestScriptIfBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewInMemoryServer(t)
		first := play.Listen(play.Arrive(t, srv, play.EHLO))
		second := play.Listen(play.Arrive(t, srv, play.EHLO))
		sleeps := func(smtptest.Event) bool { time.Sleep(time.Second); return true }
		srv.Script(smtptest.Rule{On: "NOOP", If: sleeps, Reply: "450 old", Optional: true}, smtptest.Rule{On: "NOOP", If: sleeps, Reply: "450 older", Optional: true})
		first.Say(play.Step{Send: "NOOP\r\n"})
		second.Say(play.Step{Send: "NOOP\r\n"})
		began := time.Now()
		if diff := cmp.Diff([]int{0, 0}, srv.Fired()); diff != "" || len(srv.Unused()) != 2 {
			t.Errorf("Fired (-want +got):\n%s", diff)
		}
		if _, err := srv.WaitContext(t.Context(), 0); err != nil {
			t.Error(err)
		}
		srv.Script(smtptest.Rule{On: "NOOP", Reply: "250 new"})
		if took := time.Since(began); took != 0 {
			t.Errorf("they took %v", took)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if a, b := first.Heard(), second.Heard(); a != "250 new\r\n" || b != a {
			t.Errorf("NOOP was answered %q and %q", a, b)
		}
		if diff := cmp.Diff([]int{2}, srv.Fired()); diff != "" {
			t.Errorf("Fired (-want +got):\n%s", diff)
		}
	})
}

// TestScriptIfForever has an If that never returns: a Wait says so in its time,
// and so does Close.
func TestScriptIfForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tb := &play.FakeTB{}
		srv := smtptest.NewInMemoryServer(tb)
		never := make(chan bool)
		defer close(never)
		srv.Script(smtptest.Rule{On: "NOOP", If: func(smtptest.Event) bool { return <-never }, Reply: "450 no"})
		c := play.Listen(play.Arrive(t, srv, play.EHLO))
		c.Say(play.Step{Send: "NOOP\r\n"})
		play.Try(func() { srv.Wait(1) })
		tb.End()
		for _, want := range []string{"smtptest: Wait(1): ", "smtptest: Close: the test's own code has not returned within 24h0m0s: If of rule 1: {On: \"NOOP\", If: func, Reply: \"450 no\"} in session 1; "} {
			if got := tb.Errors(); !strings.Contains(got, want) {
				t.Errorf("no %q in %s", want, got)
			}
		}
	})
}
