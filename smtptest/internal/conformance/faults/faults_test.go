package faults_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

// A fault is a script as a user spells it, and what a raw client then sees. The
// faults_*_test.go files hold one or more for each of faultTitles.
type fault struct {
	n        int                    // in faultTitles
	name     string                 // of one among several with the same number
	setup    func(*smtptest.Server) // before Start; nil: the defaults
	rules    []smtptest.Rule
	implicit bool                   // TLS from the first octet
	begin    func(*smtptest.Server) // after Start, before the talk
	talk     []string               // see the constants below
	ends     string                 // each session's End with the outcome of its transactions
	told     []smtptest.Reply       // Message.Reply of all that was recorded
}

// faultTitles are all faults that a script must be able to say.
var faultTitles = []struct {
	n           int
	name, title string
}{
	{1, "nobody_listens", "nobody listens (refused), and back again at the same address"},
	{2, "never_greeted", "accepted, never greeted"},
	{3, "late_greeting", "late greeting"},
	{4, "closed_without_greeting", "closed without a greeting"},
	{5, "refusing_greeting", "421, 4yz, 554 greeting"},
	{6, "odd_greeting", "odd greeting (multi-line, no ESMTP, long)"},
	{7, "reset", "RST now, RST after a time or after n octets"},
	{8, "half_close", "half-close: FIN sent, still reading"},
	{9, "closed_after_octets", "closed after n octets sent"},
	{11, "connection_refused_421", "connection n refused with 421, or connections over a cap"},
	{12, "closed_after_messages", "closed after n messages or n sessions"},
	{15, "stops_reading", "stops reading, so the client's writes block"},
	{17, "idle_421", "idle 421: unsolicited, readable before the client's next command"},
	{18, "set_of_verbs", "4yz or 5yz for a set of verbs"},
	{19, "any_reply_for_a_verb", "any code and text for one verb"},
	{20, "verb_with_argument", "the same for a verb with a given argument"},
	{21, "on_condition", "on a condition: address, parameter, content, session, TLS state, user"},
	{23, "first_times", "first n times, then normal"},
	{24, "ordered_list", "an ordered list of different answers"},
	{25, "scopes", "scopes: per server, per connection, per transaction, on connection k, on message k"},
	{26, "probability", "with a probability, from a seed that is printed and can be given"},
	{27, "quota", "quota: n messages (or recipients) per time, then 421/450/451/452, in virtual time too"},
	{28, "greylisting", "greylisting by (peer, sender, recipient) until a time has passed"},
	{29, "refused_at_data", "refused at DATA before 354"},
	{30, "refused_after_dot", "refused after the dot"},
	{31, "early_reply", "354 and then an early 550 while the client still writes"},
	{32, "error_but_recorded", "error reply although the message is recorded"},
	{33, "ambiguous_delivery", "message recorded, connection gone before the 250"},
	{34, "thrown_away", "250 although the message is thrown away"},
	{35, "some_recipients", "some recipients refused, some not"},
	{36, "lmtp_recipients", "LMTP: a reply per recipient after the dot"},
	{38, "wrong_class", "wrong class of reply (250 to DATA, 354 to RCPT)"},
	{39, "odd_codes", "unassigned, out-of-range or short codes"},
	{40, "quit", "QUIT: error, no reply, closed"},
	{41, "rset", "RSET fails or closes"},
	{42, "noop", "NOOP fails (a pool's health check)"},
	{43, "several_lines", "VRFY, EXPN, HELP with several lines"},
	{44, "421_at_any_verb", "421 and close at any verb"},
	{45, "error_and_close", "another error and close"},
	{46, "unsolicited_421", "250, then unsolicited 221 or 421 and close"},
	{47, "too_many", "too many recipients (452), too many bad commands (421)"},
	{48, "lf_only", "LF only"},
	{49, "cr_only", "CR only"},
	{50, "no_line_end", "no line end"},
	{51, "cut_short", "multi-line reply cut short, then silence or close"},
	{52, "different_codes", "different codes within one reply"},
	{53, "missing_separator", "code without text, missing separator, tab"},
	{54, "control_characters", "invalid UTF-8, control characters, NUL"},
	{55, "endless_reply", "over-long line, endless reply"},
	{56, "random_bytes", "random bytes, then close"},
	{57, "nothing_then_close", "nothing, then close"},
	{58, "two_replies", "two replies to one command"},
	{59, "reply_swallowed", "a reply swallowed (n-1 for n pipelined)"},
	{60, "replies_merged", "replies merged into one segment, or held until the group ends"},
	{61, "reply_split", "split per octet, per line, per n octets, with a pause between"},
	{63, "malformed_status_code", "malformed enhanced status code"},
	{64, "ehlo_refused", "EHLO refused, HELO works"},
	{65, "extension_hidden", "one extension hidden"},
	{66, "line_added", "any line added"},
	{67, "another_list", "another list before and after TLS or AUTH"},
	{69, "odd_size", "odd SIZE (0, tiny, none, huge)"},
	{70, "mixed_case", "keywords in mixed case"},
	{71, "offered_then_refused", "offered, then refused when used"},
	{72, "accepted_never_offered", "accepted although never offered (off by default)"},
	{73, "one_line_ehlo", "a one-line EHLO reply"},
	{74, "auth_refused", "535, 454, 432, 534, 538, 530, 504"},
	{75, "malformed_challenge", "malformed challenge"},
	{76, "endless_334", "endless 334"},
	{77, "closed_in_auth", "closed in mid-exchange"},
	{78, "oauth_error", "OAuth error challenge, then 535"},
	{80, "auth_cancelled", "cancelled by *"},
	{81, "initial_response_refused", "initial response refused"},
	{82, "anything_accepted", "anything accepted"},
	{84, "starttls_refused", "STARTTLS answered 454, 501, 502"},
	{85, "starttls_closed", "220, then closed"},
	{86, "starttls_garbage", "220, then plain text or garbage"},
	{87, "starttls_injection", "plain-text replies injected behind the 220"},
	{88, "starttls_fragment", "a fragment injected that would glue to the first reply under TLS"},
	{89, "handshake_stalls", "handshake stalls"},
	{90, "bad_certificate", "expired certificate, wrong host, unknown CA"},
	{91, "client_certificate", "client certificate asked for and refused"},
	{92, "no_common_version", "no common version or cipher"},
	{93, "wrong_port", "plain text on a TLS port, and the reverse"},
	{95, "no_close_notify", "connection cut without close_notify"},
	{96, "no_starttls", "STARTTLS not offered"},
	{97, "late_354", "late 354"},
	{98, "closed_after_354", "closed after 354"},
	{99, "closed_in_body", "closed or reset after n body octets"},
	{100, "late_reply_after_dot", "late reply after the dot"},
	{101, "size_limit", "552 at and over the limit, at MAIL SIZE= and at the end"},
	{102, "chunk_refused", "a BDAT chunk refused in the middle"},
	{104, "read_slowly", "body read slowly"},
	{105, "fixed_delay", "fixed"},
	{106, "random_delay", "uniform between two bounds"},
	{110, "forever", "for ever (until Close or until the client leaves)"},
	{111, "octet_by_octet", "per octet"},
}

var allFaults = slices.Concat(connectionFaults, choiceFaults, effectFaults, verbFaults, formFaults, ehloFaults, authFaults, tlsFaults, dataFaults)

// TestFaults plays every fault over TCP and in memory. In memory the moment of
// each octet is exact to the nanosecond; over TCP the talk ends at its first
// wait, where Close shows that nothing has come.
func TestFaults(t *testing.T) {
	entries := map[int][]fault{}
	for _, f := range allFaults {
		entries[f.n] = append(entries[f.n], f)
	}
	var virtual time.Duration
	for _, title := range faultTitles {
		t.Run(fmt.Sprintf("%d_%s", title.n, title.name), func(t *testing.T) {
			if len(entries[title.n]) == 0 {
				t.Errorf("no entry for %q", title.title)
			}
			for _, f := range entries[title.n] {
				t.Run(f.name, func(t *testing.T) {
					if !slices.ContainsFunc(f.talk, func(line string) bool { return line[0] == 'S' || line[0] == '-' }) {
						t.Error("the entry expects nothing")
					}
					t.Run("memory", func(t *testing.T) { virtual += f.inMemory(t) })
					t.Run("tcp", f.overTCP)
				})
			}
		})
		delete(entries, title.n)
	}
	if len(entries) > 0 {
		t.Errorf("entries without a title: %v", slices.Collect(maps.Keys(entries)))
	}
	t.Logf("%v of virtual time", virtual)
}

func (f fault) inMemory(t *testing.T) (took time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		srv := f.server(t)
		srv.WaitTimeout = 1000 * time.Hour // longer than a rule holds a client here
		srv.Script(f.rules...)
		p := &play.Player{T: t, Srv: srv, Virtual: true}
		if f.implicit {
			srv.StartTLSInMemory()
		} else {
			srv.StartInMemory()
		}
		f.play(p)
		f.check(p)
		took = time.Since(began)
	})
	return took
}

func (f fault) overTCP(t *testing.T) {
	t.Parallel()
	srv := f.server(t)
	srv.WaitTimeout = math.MaxInt64 // as startTCP
	p := &play.Player{T: t, Srv: srv}
	srv.Script(p.Watch(f.rules)...)
	if f.implicit {
		srv.StartTLS()
	} else {
		srv.Start()
	}
	if f.play(p) {
		f.check(p)
	}
}

func (f fault) server(t *testing.T) *smtptest.Server {
	srv := smtptest.NewUnstartedServer(t)
	if f.setup != nil {
		f.setup(srv)
	}
	return srv
}

func (f fault) play(p *play.Player) (whole bool) {
	if f.begin != nil {
		f.begin(p.Srv)
	}
	return p.Play(f.talk)
}

// check compares what was recorded, once every session has ended.
func (f fault) check(p *play.Player) {
	p.T.Helper()
	for _, c := range p.All {
		c.Close()
	}
	var ends []string
	for id := 1; id <= len(p.All); id++ {
		s := p.Srv.WaitSession(func(s smtptest.Session) bool { return s.ID == id })
		end := s.End
		for i, tr := range s.Transactions {
			end += []string{": ", ", "}[min(i, 1)] + tr.Outcome
		}
		ends = append(ends, end)
	}
	if diff := cmp.Diff(f.ends, strings.Join(ends, " | ")); diff != "" {
		p.T.Errorf("sessions mismatch (-want +got):\n%s", diff)
	}
	var told []smtptest.Reply
	for _, m := range p.Srv.Messages() {
		told = append(told, m.Reply)
	}
	if diff := cmp.Diff(f.told, told); diff != "" {
		p.T.Errorf("replies to the messages recorded, mismatch (-want +got):\n%s", diff)
	}
	play.CheckAgreement(p.T, p.Srv)
	if p.T.Failed() {
		p.T.Log(p.Srv.Transcript())
	}
}
