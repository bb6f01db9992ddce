package faults_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

// TestUnused has a rule that never fires in each script: the test fails at its
// end, and is told how far the rule came.
func TestUnused(t *testing.T) {
	never := func(smtptest.Event) bool { return false }
	twice := play.Talk(play.PathTo[play.MailGiven], play.SayTo("bob@example.org", play.RcptOK), play.SayTo("eve@example.net", play.RcptOK), play.SayQuit)
	for _, test := range []struct {
		name  string
		setup func(*smtptest.Server)
		rules []smtptest.Rule
		talk  []string
		want  []string
	}{
		{"never came", nil, []smtptest.Rule{{On: "RSET", Reply: "451 no"}}, delivery,
			[]string{`rule 1 never fired: {On: "RSET", Reply: "451 no"}`, `	RSET never came`}},
		{"nobody came", nil, []smtptest.Rule{{On: "*", Skip: 1, Reply: "451 no"}}, nil,
			[]string{`rule 1 never fired: {On: "*", Skip: 1, Reply: "451 no"}`, `	no client connected`}},
		{"argument differed", nil, []smtptest.Rule{{On: "RCPT TO:<bob@example.com>", Reply: "550 no"}}, twice,
			[]string{`rule 1 never fired: {On: "RCPT TO:<bob@example.com>", Reply: "550 no"}`,
				`	RCPT came 2 times, matched 0; nearest miss, session 1: RCPT TO:<bob@example.org>`}},
		{"no such condition", nil, []smtptest.Rule{{On: "RCPT", If: never, Reply: "550 no"}}, twice,
			[]string{`rule 1 never fired: {On: "RCPT", If: func, Reply: "550 no"}`, `	RCPT came 2 times; If returned false 2 times`}},
		{"one of each", nil, []smtptest.Rule{{On: "RCPT TO:<bob@*>", If: never, Reply: "550 no"}}, twice,
			[]string{`rule 1 never fired: {On: "RCPT TO:<bob@*>", If: func, Reply: "550 no"}`,
				`	RCPT came 2 times; If returned false; nearest miss, session 1: RCPT TO:<eve@example.net>`}},
		{"taken", nil, []smtptest.Rule{{On: "RCPT", Times: 2, Delay: time.Second}, {On: "RCPT", Reply: "550 no"}},
			play.Talk(play.PathTo[play.MailGiven], "C: RCPT TO:<b@server.test>", "-- 1s", "S: "+play.RcptOK, "C: RCPT TO:<b@server.test>", "-- 1s", "S: "+play.RcptOK, play.SayQuit),
			[]string{`rule 2 never fired: {On: "RCPT", Reply: "550 no"}`, `	RCPT came 2 times; rule 1 handled both`}},
		{"one taken", nil, []smtptest.Rule{{On: "RCPT TO:<bob@*>", Times: 1, Chunk: 1}, {On: "RCPT TO:<bob@example.*>", Times: 1, Reply: "550 no"}}, twice,
			[]string{`rule 2 never fired: {On: "RCPT TO:<bob@example.*>", Times: 1, Reply: "550 no"}`,
				`	RCPT came 2 times; rule 1 handled 1; nearest miss, session 1: RCPT TO:<eve@example.net>`}},
		{"both skipped", nil, []smtptest.Rule{{On: "RCPT", Skip: 2, Reply: "450 4.2.1 greylisted"}}, twice,
			[]string{`rule 1 never fired: {On: "RCPT", Skip: 2, Reply: "450 4.2.1 greylisted"}`, `	RCPT came 2 times, matched 2, both skipped`}},
		{"one skipped", nil, []smtptest.Rule{{On: "RCPT TO:<bob@*>", Skip: 1, Reply: "450 no"}}, twice,
			[]string{`rule 1 never fired: {On: "RCPT TO:<bob@*>", Skip: 1, Reply: "450 no"}`,
				`	RCPT came 2 times, matched 1, skipped; nearest miss, session 1: RCPT TO:<eve@example.net>`}},
		{"all skipped", nil, []smtptest.Rule{{On: "*", Skip: 9, Reply: "421 no"}}, delivery,
			[]string{`rule 1 never fired: {On: "*", Skip: 9, Reply: "421 no"}`, `	an event came 7 times, matched 7, all skipped`}},
		{"too late", nil, []smtptest.Rule{{On: "RCPT", Skip: 1, For: time.Minute, Reply: "450 no"}},
			play.Talk(play.PathTo[play.MailGiven], play.SayRcpt, "C~ 1m", play.SayRcpt, play.SayQuit),
			[]string{`rule 1 never fired: {On: "RCPT", Skip: 1, For: 1m, Reply: "450 no"}`, `	RCPT came 2 times, matched 2, 1 skipped, 1 after For was over`}},
		{"content too short", nil, []smtptest.Rule{{On: "BODY 1000", Then: smtptest.Close}}, delivery,
			[]string{`rule 1 never fired: {On: "BODY 1000", Then: close}`, `	BODY 1000 never came: the longest content had 6 octets`}},
		{"chunks too short", play.WithExtensions("CHUNKING"), []smtptest.Rule{{On: "BODY 1000", Then: smtptest.Close}},
			play.Talk("S: "+play.Greeting, play.EHLOWith("CHUNKING"), play.SayMail, play.SayRcpt, "C+ BDAT 2\r\nab", "S: 250 2.0.0 2 octets received", "C+ BDAT 3 LAST\r\ncde", "S: "+play.OK, play.SayQuit),
			[]string{`rule 1 never fired: {On: "BODY 1000", Then: close}`, `	BODY 1000 never came: the longest content had 5 octets`}},
		{"never so silent", nil, []smtptest.Rule{{On: "IDLE EHLO", Delay: time.Minute, Reply: "421 no"}},
			play.Talk(play.PathTo[play.EHLO], "C~ 59s", play.SayQuit),
			[]string{`rule 1 never fired: {On: "IDLE EHLO", Delay: 1m, Reply: "421 no"}`, `	IDLE EHLO never came: no client was silent for 1m then`}},
		{"secret", play.WithUsers, []smtptest.Rule{{On: "AUTH LOGIN", Reply: "535 no"}}, play.Talk(begunAuth, sayAuth, play.SayQuit),
			[]string{`rule 1 never fired: {On: "AUTH LOGIN", Reply: "535 no"}`, `	AUTH came once, matched 0; nearest miss, session 1: AUTH PLAIN ****`}},
		{"secret response", play.WithUsers, []smtptest.Rule{{On: "RESPONSE *", If: never, Reply: "535 no"}, {On: "RESPONSE =", Reply: "535 no"}},
			play.Talk(begunAuth, play.Said("AUTH PLAIN", "334 "), play.Said("AGFubgBzZWNyZXQ=", "235 2.7.0 Authentication successful"), play.SayQuit),
			[]string{`rule 1 never fired: {On: "RESPONSE *", If: func, Reply: "535 no"}`, `	RESPONSE came once; If returned false`,
				`smtptest: rule 2 never fired: {On: "RESPONSE =", Reply: "535 no"}`, `	RESPONSE came once, matched 0; nearest miss, session 1: RESPONSE ****`}},
		{"allowed to", nil, []smtptest.Rule{{On: "RSET", Reply: "451 no", Optional: true}, {On: "NOOP", Chance: 0.5, Reply: "451 no"}}, delivery, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tb := &play.FakeTB{}
				srv := smtptest.NewUnstartedServer(tb)
				if test.setup != nil {
					test.setup(srv)
				}
				srv.Script(test.rules...)
				srv.StartInMemory()
				if p := (&play.Player{T: t, Srv: srv, Virtual: true}); test.talk != nil {
					p.Play(test.talk)
				}
				tb.End()
				want := ""
				if test.want != nil {
					want = "smtptest: " + strings.Join(test.want, "\n")
				}
				if diff := cmp.Diff(want, tb.Errors()); diff != "" {
					t.Errorf("report mismatch (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// skippedTB has called Skip.
type skippedTB struct{ *play.FakeTB }

func (skippedTB) Skipped() bool { return true }

// TestSkipped: a test that is skipped has not come to what its rules are for.
func TestSkipped(t *testing.T) {
	for _, skipped := range []bool{false, true} {
		fake := &play.FakeTB{}
		var tb smtptest.TB = fake
		if skipped {
			tb = skippedTB{fake}
		}
		smtptest.NewInMemoryServer(tb).Script(smtptest.Rule{On: "NOOP", Reply: "451 4.3.0 no"})
		fake.End()
		if failed := fake.Errors() != ""; failed == skipped {
			t.Errorf("skipped %t: failure %q", skipped, fake.Errors())
		}
	}
}

// TestCounts reads Fired and Unused, of this script and of the next.
func TestCounts(t *testing.T) {
	tb := &play.FakeTB{}
	srv := smtptest.NewInMemoryServer(tb)
	srv.Script(smtptest.Rule{On: "NOOP", Times: 2, Reply: "451 4.3.0 no"}, smtptest.Rule{On: "VRFY", Reply: "252 x"}, smtptest.Rule{On: "NOOP", Reply: "450 4.3.0 no"})
	c := play.Arrive(t, srv, play.EHLO)
	play.Converse(c, play.StepsOf([]string{"C: NOOP", "C: NOOP", "C: NOOP", "S: 451 4.3.0 no", "S: 451 4.3.0 no", "S: 450 4.3.0 no"}))
	if diff := cmp.Diff([]int{2, 0, 1}, srv.Fired()); diff != "" {
		t.Errorf("Fired() mismatch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]smtptest.Rule{{On: "VRFY", Reply: "252 x"}}, srv.Unused()); diff != "" {
		t.Errorf("Unused() mismatch (-want +got):\n%s", diff)
	}
	srv.Script(smtptest.Rule{On: "NOOP", Times: 1, Reply: "452 4.3.0 no"})
	play.Converse(c, play.StepsOf([]string{"C: NOOP", "C: NOOP", "S: 452 4.3.0 no", "S: " + play.OK}))
	if diff := cmp.Diff([]int{1}, srv.Fired()); diff != "" {
		t.Errorf("Fired() mismatch (-want +got):\n%s", diff)
	}
	srv.Script()
	tb.End()
	want := "smtptest: rule 2 was replaced before it fired: {On: \"VRFY\", Reply: \"252 x\"}\n\tVRFY never came"
	if diff := cmp.Diff(want, tb.Errors()); diff != "" {
		t.Errorf("report of the replaced script, mismatch (-want +got):\n%s", diff)
	}
}

// TestCountsStay reads Fired and Unused at the end, with a test and without one.
func TestCountsStay(t *testing.T) {
	tb := &play.FakeTB{}
	for name, end := range map[string]struct {
		tb  smtptest.TB
		end func(*smtptest.Server)
	}{
		"Close, nil TB":       {nil, (*smtptest.Server).Close},
		"Close":               {&play.FakeTB{}, (*smtptest.Server).Close},
		"the end of the test": {tb, func(*smtptest.Server) { tb.End() }},
	} {
		srv := smtptest.NewInMemoryServer(end.tb)
		idle := smtptest.Rule{On: "VRFY", Reply: "252 x", Optional: true}
		srv.Script(smtptest.Rule{On: "CONNECT", Reply: "220 x"}, idle)
		play.Dial(t, srv).Read(make([]byte, 1))
		end.end(srv)
		if diff := cmp.Diff([]int{1, 0}, srv.Fired()); diff != "" {
			t.Errorf("%s: Fired() mismatch (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff([]smtptest.Rule{idle}, srv.Unused()); diff != "" {
			t.Errorf("%s: Unused() mismatch (-want +got):\n%s", name, diff)
		}
	}
}

// TestMarks holds that the transcript says which rule answered, and what it did.
func TestMarks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewInMemoryServer(t)
		srv.Script(
			smtptest.Rule{On: "CONNECT", Delay: time.Minute},
			smtptest.Rule{On: "HELO", Chunk: 5, Pause: time.Second},
			smtptest.Rule{On: "MAIL", Raw: "250 " + strings.Repeat("\x00", 5000) + "\r\n"},
			smtptest.Rule{On: "RCPT", Then: smtptest.Hold},
			smtptest.Rule{On: "BODY 3", Delay: time.Second},
			smtptest.Rule{On: ".", Keep: true, Delay: 10 * time.Second, Reply: smtptest.NoReply},
			smtptest.Rule{On: "IDLE .", Delay: 30 * time.Second, Reply: "421 4.4.2 too long", Then: smtptest.Reset},
		)
		c, err := srv.DialContext(context.Background(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		c.Write([]byte("HELO client.test\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<b@server.test>\r\nDATA\r\ntext\r\n.\r\n"))
		time.Sleep(time.Hour)
		want := `-- session 1
-- rule 1: after 1m
S: 220 localhost ESMTP smtptest
C: HELO client.test
-- rule 2: by 5 octets every 1s
S: 250 localhost
C: MAIL FROM:<a@client.test>
-- rule 3
S: "250 ` + strings.Repeat(`\x00`, 38) + `"... (5006 octets)
C: RCPT TO:<b@server.test>
-- rule 4: hold
S: 250 2.1.5 OK
C: DATA
S: 354 End data with <CR><LF>.<CR><LF>
-- rule 5 at BODY 3: after 1s
C: text
C: .
-- rule 6: kept; after 10s; no reply
-- rule 7 at IDLE .: after 30s; reset
S: 421 4.4.2 too long
-- closed by rule
`
		if diff := cmp.Diff(want, srv.Transcript()); diff != "" {
			t.Errorf("Transcript() mismatch (-want +got):\n%s", diff)
		}
	})
}
