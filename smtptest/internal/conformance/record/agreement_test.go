package record_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

// TestRecordedReply verifies that the record has a reply to the content only if
// the client got all of it.
func TestRecordedReply(t *testing.T) {
	const accepted, refused, aborted = smtptest.OutcomeAccepted, smtptest.OutcomeRefused, smtptest.OutcomeAborted
	raw := func(octets string, then smtptest.Then) []smtptest.Rule {
		return []smtptest.Rule{{On: ".", Raw: octets, Then: then}}
	}
	slowly := func(r smtptest.Rule) []smtptest.Rule {
		r.On, r.Chunk, r.Pause = ".", 7, time.Minute
		return []smtptest.Rule{r}
	}
	closes := (*smtptest.Server).Close
	stays := func(*smtptest.Server) { time.Sleep(time.Hour) }
	for _, test := range []struct {
		name    string
		rules   []smtptest.Rule
		then    func(*smtptest.Server) // the client leaves after it; nil: at once
		reply   smtptest.Reply
		outcome string
	}{
		{"reply", []smtptest.Rule{{On: ".", Reply: "250 yes"}}, nil, "250 yes", accepted},
		{"reply of two lines", []smtptest.Rule{{On: ".", Reply: "250-yes\n250 yes"}}, nil, "250-yes\n250 yes", accepted},
		{"no reply", []smtptest.Rule{{On: ".", Reply: smtptest.NoReply}}, nil, "", refused},
		{"no reply, closed", []smtptest.Rule{{On: ".", Reply: smtptest.NoReply, Then: smtptest.Close}}, nil, "", aborted},
		{"kept without reply", []smtptest.Rule{{On: ".", Reply: smtptest.NoReply, Keep: true}}, nil, "", accepted},
		{"whole", raw("250 yes\r\n", ""), nil, "250 yes", accepted},
		{"whole, several lines", raw("250-yes\r\n250-\r\n250\r\n", smtptest.Close), nil, "250-yes\r\n250-\r\n250", accepted},
		{"whole, odd text", raw("250 \xff\x00"+strings.Repeat("x", 600)+"\r\n", ""), nil, "250 \xff\x00" + smtptest.Reply(strings.Repeat("x", 600)), accepted},
		{"whole refusal", raw("550 no\r\n", ""), nil, "550 no", refused},
		{"whole refusal, closed", raw("550 no\r\n", smtptest.Close), nil, "550 no", refused},
		{"two replies", raw("250 yes\r\n550 no\r\n", ""), nil, "250 yes", accepted},
		{"a reply and a half", raw("250 yes\r\n55", smtptest.Drop), nil, "250 yes", accepted},
		{"half a line", raw("250 ye", ""), nil, "", accepted},
		{"half a line, closed", raw("250 ye", smtptest.Close), nil, "", accepted},
		{"half a code", raw("25", smtptest.Reset), nil, "", accepted},
		{"half a reply", raw("250-half\r\n25", smtptest.Close), nil, "", accepted},
		{"half a reply, whole lines", raw("250-half\r\n", smtptest.HalfClose), nil, "", accepted},
		{"half a refusal", raw("550-half\r\n55", ""), nil, "", refused},
		{"half a refusal, closed", raw("550-half\r\n55", smtptest.Close), nil, "", aborted},
		{"CR", raw("250 yes\r", ""), nil, "", accepted},
		{"LF", raw("250 yes\n", ""), nil, "", accepted},
		{"LF between", raw("250-yes\n250 yes\r\n", ""), nil, "", accepted},
		{"two codes", raw("250-yes\r\n251 yes\r\n", ""), nil, "", accepted},
		{"no space", raw("250yes\r\n", ""), nil, "", accepted},
		{"no code", raw("yes\r\n", ""), nil, "", refused},
		{"code of no class", raw("650 yes\r\n", ""), nil, "", refused},
		{"nothing but an end", raw("\r\n", ""), nil, "", refused},
		{"nothing but an end, closed", raw("\r\n", smtptest.Close), nil, "", aborted},
		{"late", []smtptest.Rule{{On: ".", Delay: time.Minute}}, stays, play.OK, accepted},
		{"never", []smtptest.Rule{{On: ".", Delay: smtptest.Forever}}, nil, "", aborted},
		{"late, and the server closes", []smtptest.Rule{{On: ".", Delay: time.Minute}}, closes, "", aborted},
		{"late and kept, and the server closes", []smtptest.Rule{{On: ".", Delay: time.Minute, Keep: true}}, closes, "", accepted},
		{"slowly", slowly(smtptest.Rule{Reply: "250 yes, slowly"}), stays, "250 yes, slowly", accepted},
		{"slowly, and the client leaves", slowly(smtptest.Rule{Reply: "250 yes, slowly"}), nil, "", accepted},
		{"slowly, and the server closes", slowly(smtptest.Rule{Reply: "250 yes, slowly"}), closes, "", accepted},
		{"slow refusal, and the client leaves", slowly(smtptest.Rule{Reply: "550 no, slowly"}), nil, "", aborted},
		{"slow octets", slowly(smtptest.Rule{Raw: "250 yes, slowly\r\n"}), stays, "250 yes, slowly", accepted},
		{"slow octets, and the client leaves", slowly(smtptest.Rule{Raw: "250 yes, slowly\r\n"}), nil, "", accepted},
		{"slow octets after a reply, and the client leaves", slowly(smtptest.Rule{Raw: "250 yes\r\n550 no\r\n"}), nil, "", accepted},
		{"slow octets after a short reply, and the client leaves", slowly(smtptest.Rule{Raw: "250\r\n550 no\r\n"}), nil, "250", accepted},
		{"held, and the client leaves", []smtptest.Rule{{On: ".", Then: smtptest.Hold}}, nil, play.OK, accepted},
		{"held, and the server closes", []smtptest.Rule{{On: ".", Then: smtptest.Hold}}, closes, "", accepted},
		{"after a half-close", []smtptest.Rule{{On: "DATA", Then: smtptest.HalfClose}}, nil, "", accepted},
	} {
		for name, send := range map[string]string{"DATA": "DATA\r\ntext\r\n.\r\n", "BDAT": "BDAT 6 LAST\r\ntext\r\n"} {
			if name == "BDAT" && test.rules[0].On == "DATA" {
				continue
			}
			t.Run(test.name+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					srv := smtptest.NewUnstartedServer(t)
					play.WithExtensions("CHUNKING")(srv)
					srv.Script(test.rules...)
					srv.StartInMemory()
					c := play.Listen(play.Dial(t, srv))
					c.Say(play.Step{Send: envelope})
					c.Say(play.Step{Send: send})
					if test.then != nil {
						test.then(srv)
					}
					c.Close()
					x := srv.WaitSession(nil).Transactions[0]
					if x.Reply != test.reply || x.Outcome != test.outcome {
						t.Errorf("Reply = %q, Outcome = %q; want %q, %q", x.Reply, x.Outcome, test.reply, test.outcome)
					}
					play.CheckAgreement(t, srv)
				})
			})
		}
	}
}

// TestRecordedWithoutHandlersReply verifies that a transaction is aborted, not
// refused, if the server closes before the Handler has returned its reply.
func TestRecordedWithoutHandlersReply(t *testing.T) {
	for _, reply := range []smtptest.Reply{"", "550 no", smtptest.NoReply} {
		for _, lmtp := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				srv := smtptest.NewUnstartedServer(t)
				srv.LMTP = lmtp
				srv.Handler = smtptest.HandlerFunc(func(ctx context.Context, _ smtptest.Message) smtptest.Reply {
					<-ctx.Done()
					return reply
				})
				srv.StartInMemory()
				c := play.Listen(play.Dial(t, srv))
				hello := map[bool]string{false: "EHLO", true: "LHLO"}[lmtp]
				c.Say(play.Step{Send: strings.Replace(envelope, "EHLO", hello, 1) + "DATA\r\ntext\r\n.\r\n"})
				srv.Close()
				if x := srv.Sessions()[0].Transactions[0]; x.Reply != "" || x.Outcome != smtptest.OutcomeAborted || x.Recipients[0].FinalReply != "" {
					t.Errorf("%q, LMTP %t: Reply = %q, Outcome = %q, FinalReply = %q; want none, aborted", reply, lmtp, x.Reply, x.Outcome, x.Recipients[0].FinalReply)
				}
				play.CheckAgreement(t, srv)
			})
		}
	}
}

// TestRecordedRecipientReplies verifies the same for the replies to recipients:
// those to RCPT, and those to each of them at the end of data.
func TestRecordedRecipientReplies(t *testing.T) {
	for _, test := range []struct {
		name  string
		rules []smtptest.Rule
		want  []string // the reply to RCPT, and the final one
		reply smtptest.Reply
	}{
		{"whole", []smtptest.Rule{{On: "RCPT", Raw: "250 rcpt\r\n"}, {On: ".", Raw: "250 dot\r\n"}}, []string{"250 rcpt, 250 dot", "250 rcpt, 250 dot"}, "250 dot"},
		{"half", []smtptest.Rule{{On: "RCPT", Raw: "250 rcpt"}, {On: ".", Raw: "250 dot"}}, []string{", ", ", "}, ""},
		{"half of the second", []smtptest.Rule{{On: "RCPT", Skip: 1, Raw: "250-rcpt\r\n"}, {On: ".", Skip: 1, Raw: "250-dot\r\n"}}, []string{play.RcptOK + ", " + play.OK, ", "}, play.OK},
		{"two for the first", []smtptest.Rule{{On: ".", Times: 1, Raw: "250 dot\r\n550 no\r\n"}, {On: ".", Reply: smtptest.NoReply}}, []string{play.RcptOK + ", 250 dot", play.RcptOK + ", "}, "250 dot"},
		{"the second slowly", []smtptest.Rule{{On: ".", Skip: 1, Reply: "250 yes, slowly", Pause: time.Minute}}, []string{play.RcptOK + ", " + play.OK, play.RcptOK + ", "}, play.OK},
		{"the second never", []smtptest.Rule{{On: ".", Skip: 1, Delay: smtptest.Forever}}, []string{play.RcptOK + ", " + play.OK, play.RcptOK + ", "}, play.OK},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := smtptest.NewUnstartedServer(t)
				srv.LMTP = true
				srv.Script(test.rules...)
				srv.StartInMemory()
				c := play.Listen(play.Dial(t, srv))
				c.Say(play.Step{Send: "LHLO client.test\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<b@server.test>\r\nRCPT TO:<c@server.test>\r\nDATA\r\ntext\r\n.\r\n"})
				c.Close()
				x := srv.WaitSession(nil).Transactions[0]
				var got []string
				for _, r := range x.Recipients {
					got = append(got, string(r.Reply+", "+r.FinalReply))
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("replies to the recipients, mismatch (-want +got):\n%s", diff)
				}
				if x.Reply != test.reply {
					t.Errorf("Reply = %q, want %q", x.Reply, test.reply)
				}
				play.CheckAgreement(t, srv)
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewInMemoryServer(t)
		srv.Script(smtptest.Rule{On: "RCPT", Reply: "250 yes, slowly", Pause: time.Minute})
		c := play.Listen(play.Arrive(t, srv, play.MailGiven))
		c.Say(play.Step{Send: "RCPT TO:<b@server.test>\r\n"})
		c.Close()
		if r := srv.WaitSession(nil).Transactions[0].Recipients[0]; r.Reply != "" || !r.Accepted {
			t.Errorf("a recipient who got a part of its reply is recorded as %+v", r)
		}
	})
}

// TestRefusedContent verifies that a transaction whose content a BODY rule has
// refused is recorded with that reply, whatever the client does then.
func TestRefusedContent(t *testing.T) {
	for _, rule := range []smtptest.Rule{{Reply: "552 5.3.4 too big"}, {Raw: "552 5.3.4 too big\r\n"}, {Reply: "452 4.3.1 full"}, {Reply: "421 4.3.2 down"},
		{Reply: "552 5.3.4 too big", Then: smtptest.Close}, {Reply: "552 5.3.4 too big", Then: smtptest.Drop},
		{Reply: "552 5.3.4 too big", Then: smtptest.Reset}, {Reply: "552 5.3.4 too big", Then: smtptest.HalfClose}} {
		rule.On = "BODY 3"
		for begin, ends := range map[string][]string{
			"DATA\r\ntext\r\n":                             {"", "text\r\n.\r\n", "text\r\n.\r\nRSET\r\n", ".\r\nQUIT\r\n"},
			"BDAT 6\r\ntext\r\n":                           {"", "RSET\r\n", "QUIT\r\n", "EHLO client.test\r\n", "BDAT 6 LAST\r\ntext\r\n", "BDAT 6 LAST\r\ntext\r\nRSET\r\nQUIT\r\n"},
			"BDAT 12 LAST\r\ntext\r\n":                     {"", "text\r\n", "text\r\nRSET\r\nQUIT\r\n"},
			"BDAT 2\r\nteBDAT 4 LAST\r\nxt\r\n":            {"", "QUIT\r\n"},
			"BDAT 2\r\nteBDAT 2\r\nxtBDAT 9 LAST\r\n\r\nx": {"", "QUIT\r\n"},
		} {
			for _, end := range ends {
				t.Run(rule.String()+begin+end, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						srv := smtptest.NewUnstartedServer(t)
						play.WithExtensions("CHUNKING")(srv)
						srv.Script(rule, smtptest.Rule{On: "BODY 4", Optional: true, Reply: "550 a second time"})
						srv.StartInMemory()
						c := play.Listen(play.Dial(t, srv))
						c.Say(play.Step{Send: envelope})
						c.Say(play.Step{Send: begin})
						c.Say(play.Step{Send: end})
						c.Close()
						x := srv.WaitSession(nil).Transactions[0]
						want := smtptest.Reply(strings.TrimSuffix(string(rule.Reply)+rule.Raw, "\r\n"))
						if x.Reply != want || x.Outcome != smtptest.OutcomeRefused {
							t.Errorf("Reply = %q, Outcome = %q; want %q, refused", x.Reply, x.Outcome, want)
						}
						play.CheckAgreement(t, srv)
					})
				})
			}
		}
	}
}

// TestChunkThatStops verifies that a BDAT is recorded before what happens while
// its chunk comes, and with the octets that came.
func TestChunkThatStops(t *testing.T) {
	const waits = smtptest.Forever
	for _, test := range []struct {
		name string
		lmtp bool
		rule smtptest.Rule
		sent string
		then func(*smtptest.Server, *play.Listener)
		want []string // from BDAT on: On, Reply's code, Octets
		end  string
	}{
		{name: "idle", sent: "BDAT 9\r\ntext", want: []string{"BDAT 0 4", "IDLE RCPT 421 0"}, end: smtptest.EndIdle},
		{name: "idle, last", sent: "BDAT 9 LAST\r\ntext", want: []string{"BDAT 0 4", "IDLE RCPT 421 0"}, end: smtptest.EndIdle},
		{name: "idle, LMTP", lmtp: true, sent: "BDAT 9 LAST\r\ntext", want: []string{"BDAT 0 4", "IDLE RCPT 421 0"}, end: smtptest.EndIdle},
		{name: "idle, no octet", sent: "BDAT 9 LAST\r\n", want: []string{"BDAT 0 0", "IDLE RCPT 421 0"}, end: smtptest.EndIdle},
		{name: "idle, second chunk", sent: "BDAT 2\r\nteBDAT 9 LAST\r\nxt", want: []string{"BDAT 250 2", "BDAT 0 2", "IDLE BDAT 421 0"}, end: smtptest.EndIdle},
		{name: "idle, out of place", sent: "RSET\r\nBDAT 9 LAST\r\ntext", want: []string{"BDAT 0 4", "IDLE RSET 421 0"}, end: smtptest.EndIdle},
		{name: "an IDLE rule", rule: smtptest.Rule{On: "IDLE RCPT", Times: 1, Delay: time.Minute, Reply: "421 4.4.2 bye"}, sent: "BDAT 9\r\ntext",
			want: []string{"BDAT 0 4", "IDLE RCPT 421 0"}, end: smtptest.EndReply},
		{name: "an IDLE rule closes", rule: smtptest.Rule{On: "IDLE", Delay: time.Minute, Then: smtptest.Close}, sent: "BDAT 9\r\ntext",
			want: []string{"BDAT 0 4", "IDLE RCPT 0 0"}, end: smtptest.EndRule},
		{name: "a BODY rule closes", rule: smtptest.Rule{On: "BODY 3", Then: smtptest.Close}, sent: "BDAT 9\r\ntext",
			want: []string{"BDAT 0 3", "BODY 3 0 0"}, end: smtptest.EndRule},
		{name: "a BODY rule replies", rule: smtptest.Rule{On: "BODY 3", Reply: "552 no"}, sent: "BDAT 4\r\ntextQUIT\r\n",
			want: []string{"BDAT 0 4", "BODY 3 552 0", "QUIT 221 0"}, end: smtptest.EndQuit},
		{name: "a BODY rule replies, last", rule: smtptest.Rule{On: "BODY 3", Reply: "552 no"}, sent: "BDAT 4 LAST\r\ntextQUIT\r\n",
			want: []string{"BDAT 0 4", "BODY 3 552 0", "QUIT 221 0"}, end: smtptest.EndQuit},
		{name: "a BODY rule waits", rule: smtptest.Rule{On: "BODY 3", Delay: waits}, sent: "BDAT 9\r\ntext", then: func(_ *smtptest.Server, c *play.Listener) { c.Close() },
			want: []string{"BDAT 0 3", "BODY 3 0 0"}, end: smtptest.EndClosed},
		{name: "the client leaves", sent: "BDAT 9\r\ntext", then: func(_ *smtptest.Server, c *play.Listener) { c.Close() }, want: []string{"BDAT 0 4"}, end: smtptest.EndClosed},
		{name: "the server closes", sent: "BDAT 9\r\ntext", then: func(srv *smtptest.Server, _ *play.Listener) { srv.Close() }, want: []string{"BDAT 0 4"}, end: smtptest.EndServer},
		{name: "the server closes, LMTP", lmtp: true, sent: "BDAT 9 LAST\r\ntext", then: func(srv *smtptest.Server, _ *play.Listener) { srv.Close() }, want: []string{"BDAT 0 4"}, end: smtptest.EndServer},
		{name: "it does not stop", sent: "BDAT 4 LAST\r\ntextQUIT\r\n", want: []string{"BDAT 250 4", "QUIT 221 0"}, end: smtptest.EndQuit},
		{name: "it does not stop, LMTP", lmtp: true, sent: "BDAT 4 LAST\r\ntextQUIT\r\n", want: []string{"BDAT 250 4", "BDAT 250 4", "QUIT 221 0"}, end: smtptest.EndQuit},
		{name: "it does not stop, out of place in LMTP", lmtp: true, sent: "BDAT x\r\nBDAT 4 LAST\r\ntextQUIT\r\n",
			want: []string{"BDAT 501 0", "BDAT 503 4", "BDAT 503 4", "QUIT 221 0"}, end: smtptest.EndQuit},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := smtptest.NewUnstartedServer(t)
				play.WithExtensions("CHUNKING")(srv)
				srv.LMTP = test.lmtp
				if test.rule.On != "" {
					srv.Script(test.rule)
				}
				srv.StartInMemory()
				c := play.Listen(play.Dial(t, srv))
				hello := map[bool]string{false: "EHLO", true: "LHLO"}[test.lmtp]
				c.Say(play.Step{Send: hello + " client.test\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<b@server.test>\r\nRCPT TO:<c@server.test>\r\n" + test.sent})
				if open := srv.Sessions()[0]; test.then != nil && !slices.ContainsFunc(open.Exchanges, func(e smtptest.Exchange) bool { return e.On == "BDAT" }) {
					t.Error("the BDAT is not in the record of the open session")
				}
				if test.then != nil {
					test.then(srv, c)
				}
				s := srv.WaitSession(nil)
				var got []string
				for _, e := range s.Exchanges {
					if e.On == "BDAT" || got != nil {
						got = append(got, strings.Join([]string{e.On, strconv.Itoa(e.Reply.Code()), strconv.Itoa(e.Octets)}, " "))
					}
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("exchanges mismatch (-want +got):\n%s", diff)
				}
				if s.End != test.end {
					t.Errorf("End = %q, want %q", s.End, test.end)
				}
				play.CheckAgreement(t, srv)
			})
		})
	}
}
