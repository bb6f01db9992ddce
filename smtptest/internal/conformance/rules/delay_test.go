package rules_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/go-smtptest/smtp/smtptest/lint"
	"github.com/google/go-cmp/cmp"
)

// delayed brings a client to a rule that delays the answer to DATA.
func delayed(t *testing.T, srv *smtptest.Server, delay time.Duration) net.Conn {
	c := play.Arrive(t, srv, play.RcptGiven)
	srv.Script(smtptest.Rule{On: "DATA", Delay: delay})
	io.WriteString(c, "DATA\r\n")
	return c
}

// TestLeaveInDelay is the client that loses its patience in a rule's Delay.
// Nothing is answered to who has left, and the session ends at that moment.
func TestLeaveInDelay(t *testing.T) {
	for _, tt := range []struct {
		name, why string
		delay     time.Duration
		says      string
		leave     func(net.Conn)
		end       string
		did       string
		at        time.Duration
	}{
		{"silent", "end of input", time.Minute, "", hangUp, smtptest.EndClosed, "left during a delay of 1m", 30 * time.Second},
		{"QUIT", "it came before the 354 and is no content", time.Minute, "QUIT\r\n", hangUp, smtptest.EndClosed, "left during a delay of 1m", 30 * time.Second},
		{"QUIT, for ever", "Forever lasts until the client leaves", smtptest.Forever, "QUIT\r\n", hangUp, smtptest.EndClosed, "left during a delay of Forever", 30 * time.Second},
		{"half a command", "it will not be completed", time.Minute, "QU", hangUp, smtptest.EndClosed, "left during a delay of 1m", 30 * time.Second},
		{"half closed, for ever", "there is nothing to wait for", smtptest.Forever, "QUIT\r\n", shutDown, smtptest.EndClosed, "left during a delay of Forever", 30 * time.Second},
		{"content, for ever", "none of it is answered", smtptest.Forever, "text\r\n.\r\nQUIT\r\n", hangUp, smtptest.EndClosed, "left during a delay of Forever", 30 * time.Second},
		{"much content", "more than is read ahead", time.Minute, strings.Repeat("a line\r\n", 2000), hangUp, smtptest.EndClosed, "left during a delay of 1m", 30 * time.Second},
		{"reset", "the connection breaks", time.Minute, "QUIT\r\n", play.Abort, smtptest.EndReset, "left during a delay of 1m", 30 * time.Second},
		{"reset, much content", "more than is read ahead", time.Minute, strings.Repeat("a line\r\n", 2000), play.Abort, smtptest.EndReset, "left during a delay of 1m", 30 * time.Second},
		{"half closed", "it has commands to be answered", time.Minute, "text\r\n.\r\nQUIT\r\n", shutDown, smtptest.EndQuit, "after 1m", time.Minute},
		{"half closed, nothing waits", "the delayed command is to be answered", time.Minute, "", shutDown, smtptest.EndClosed, "after 1m", time.Minute},
		{"half closed behind QUIT", "the network knows that it is still there", time.Minute, "QUIT\r\n", shutDown, smtptest.EndClosed, "after 1m", time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := smtptest.NewInMemoryServer(t)
				c := delayed(t, srv, tt.delay)
				time.Sleep(30 * time.Second)
				if _, err := io.WriteString(c, tt.says); err != nil {
					t.Error(err)
				}
				tt.leave(c)
				time.Sleep(2 * time.Minute)
				s := srv.Sessions()[0]
				data := play.FirstExchange(s, "DATA")
				if s.End != tt.end || s.Duration != tt.at || data.Effects != tt.did {
					t.Errorf("%s\nEnd = %q at %v, Effects = %q; want %q at %v, %q", tt.why, s.End, s.Duration, data.Effects, tt.end, tt.at, tt.did)
				}
				if left := strings.HasPrefix(tt.did, "left"); left != (data.Reply == "") {
					t.Errorf("%s\nReply = %q", tt.why, data.Reply)
				}
			})
		})
	}
}

func hangUp(c net.Conn)   { c.Close() }
func shutDown(c net.Conn) { c.(interface{ CloseWrite() error }).CloseWrite() }

// TestLeaveInDelayTCP holds how far that goes where a close looks like a
// half-close: who says QUIT alone has left, and Forever ends with the input.
func TestLeaveInDelayTCP(t *testing.T) {
	for _, tt := range []struct {
		name, says string
		delay      time.Duration
		did        string
	}{
		{"QUIT", "QUIT\r\n", time.Hour, "left during a delay of 1h"},
		{"quit", "quit\r\n", time.Hour, "left during a delay of 1h"},
		{"content", "text\r\n.\r\n", smtptest.Forever, "left during a delay of Forever"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := smtptest.NewServer(t)
			c := play.Arrive(t, srv, play.RcptGiven)
			begun := make(chan struct{})
			srv.Script(smtptest.Rule{On: "DATA", Delay: tt.delay, If: func(smtptest.Event) bool { close(begun); return true }})
			io.WriteString(c, "DATA\r\n")
			<-begun
			io.WriteString(c, tt.says)
			c.Close()
			s := srv.WaitSession(nil)
			if data := play.FirstExchange(s, "DATA"); s.End != smtptest.EndClosed || data.Reply != "" || data.Effects != tt.did {
				t.Errorf("End = %q, Reply = %q, Effects = %q; want %q", s.End, data.Reply, data.Effects, tt.did)
			}
		})
	}
}

// TestLeaveInDelayLint holds that nobody is blamed for a 354 that it did not
// see.
func TestLeaveInDelayLint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewInMemoryServer(t)
		c := delayed(t, srv, time.Minute)
		time.Sleep(30 * time.Second)
		if _, err := io.WriteString(c, "QUIT\r\n"); err != nil {
			t.Error(err)
		}
		c.Close()
		time.Sleep(time.Minute)
		if found := lint.Check(srv.Sessions()); found != nil {
			t.Errorf("Check() = %v, want nothing", found)
		}
		if strings.Contains(srv.Transcript(), "354") {
			t.Errorf("Transcript() = %s", srv.Transcript())
		}
	})
}

// TestServerClosesInDelay holds who it was that ended a delay.
func TestServerClosesInDelay(t *testing.T) {
	for _, tt := range []struct {
		name, says string
		rule       smtptest.Rule
		end        func(*smtptest.Server)
		at         string // the exchange
	}{
		{"Close", "DATA\r\n", smtptest.Rule{On: "DATA", Delay: time.Minute}, (*smtptest.Server).Close, "DATA"},
		{"Stop in content", "DATA\r\n", smtptest.Rule{On: "BODY 5", Delay: time.Minute}, (*smtptest.Server).Stop, "BODY 5"},
		{"input waits", "DATA\r\nQUIT\r\n", smtptest.Rule{On: "DATA", Delay: time.Minute}, (*smtptest.Server).CloseClientConnections, "DATA"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := smtptest.NewInMemoryServer(t)
				c := play.Arrive(t, srv, play.RcptGiven)
				srv.Script(tt.rule)
				io.WriteString(c, tt.says)
				synctest.Wait()
				io.WriteString(c, "a line\r\n")
				time.Sleep(10 * time.Second)
				tt.end(srv)
				synctest.Wait()
				s := srv.Sessions()[0]
				if did := play.FirstExchange(s, tt.at).Effects; s.End != smtptest.EndServer || did != "the server closed during a delay of 1m" {
					t.Errorf("End = %q, Effects = %q", s.End, did)
				}
			})
		})
	}
}

// TestCloseWithUnread is a client that closes at the moment of a reply. Its
// connection breaks if the reply was first; the record says the same either way.
func TestCloseWithUnread(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			srv := smtptest.NewInMemoryServer(t)
			srv.Script(smtptest.Rule{On: "NOOP", Delay: 30 * time.Second})
			c := play.Arrive(t, srv, play.EHLO)
			io.WriteString(c, "NOOP\r\n")
			c.SetReadDeadline(time.Now().Add(30 * time.Second))
			c.Read(make([]byte, 1)) // fails, whether there is something or not
			c.Close()
			if s := srv.WaitSession(nil); s.End != smtptest.EndClosed || s.Duration != 30*time.Second {
				t.Fatalf("End = %q at %v, want %q", s.End, s.Duration, smtptest.EndClosed)
			}
		})
	}
}

// TestBodyAnswerTime holds the time of a dot whose content a rule has answered.
func TestBodyAnswerTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewUnstartedServer(t)
		srv.TLS = &tls.Config{}
		srv.StartInMemory()
		srv.Script(smtptest.Rule{On: "BODY", Reply: "450 4.3.0 later"})
		c := srv.Client()
		c.StartTLS(srv.ClientTLSConfig())
		c.Mail("a@client.test")
		c.Rcpt("b@server.test")
		w, _ := c.Data()
		time.Sleep(time.Minute)
		w.Close()
		c.Quit()
		dot := play.FirstExchange(srv.WaitSession(nil), ".")
		want := smtptest.Exchange{Command: ".", Event: true, On: ".", At: time.Minute, TLS: true, Octets: dot.Octets, Transaction: 1}
		if diff := cmp.Diff(want, dot); diff != "" {
			t.Errorf("exchange mismatch (-want +got):\n%s", diff)
		}
	})
}

// TestLeaveHandler holds that a client that closes behind a pipelined command
// ends the context of a Handler at work.
func TestLeaveHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := smtptest.NewUnstartedServer(t)
		var left time.Duration
		srv.Handler = smtptest.HandlerFunc(func(ctx context.Context, m smtptest.Message) smtptest.Reply {
			began := time.Now()
			<-ctx.Done()
			left = time.Since(began)
			return ""
		})
		srv.StartInMemory()
		c := play.Arrive(t, srv, play.InData)
		io.WriteString(c, "text\r\n.\r\nQUIT\r\n")
		time.Sleep(10 * time.Second)
		c.Close()
		synctest.Wait()
		if left != 10*time.Second {
			t.Errorf("the context ended after %v, want 10s", left)
		}
	})
}

// TestResetWithUnread is a client that resets its connection at the moment of a
// reply.
func TestResetWithUnread(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			srv := smtptest.NewInMemoryServer(t)
			c := play.Arrive(t, srv, play.EHLO)
			srv.Script(smtptest.Rule{On: "NOOP", Delay: 30 * time.Second})
			io.WriteString(c, "NOOP\r\n")
			c.SetReadDeadline(time.Now().Add(30 * time.Second))
			c.Read(make([]byte, 1))
			play.Abort(c)
			if s := srv.WaitSession(nil); s.End != smtptest.EndReset {
				t.Fatalf("End = %q, want %q", s.End, smtptest.EndReset)
			}
		})
	}
}

// TestSilenceJitter holds that each round of a silence has a length of its own,
// also one that Skip lets pass, and that the transcript says how long it was.
func TestSilenceJitter(t *testing.T) {
	for skip := range 2 {
		synctest.Test(t, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			srv.Seed, srv.IdleTimeout = 7, -1
			srv.Script(smtptest.Rule{On: "IDLE EHLO", Skip: skip, Delay: 10 * time.Second, Jitter: 100 * time.Second, Raw: "250 x\r\n"})
			srv.StartInMemory()
			c := play.Arrive(t, srv, play.EHLO)
			time.Sleep(time.Hour)
			c.Close()
			synctest.Wait()
			rounds := map[time.Duration]bool{}
			before := time.Duration(0)
			for i, e := range srv.Sessions()[0].Exchanges[2:] {
				round := e.At - before
				if i > 0 || skip == 0 {
					if want := "after " + round.String(); e.Effects != want {
						t.Errorf("Skip %d: at %v: Effects = %q, want %q", skip, e.At, e.Effects, want)
					}
				} else if said, err := time.ParseDuration(strings.TrimPrefix(e.Effects, "after ")); err != nil || round == 2*said {
					t.Errorf("Skip %d: two rounds took %v, the second was %q, as the first", skip, round, e.Effects)
				}
				if rounds[round] {
					t.Errorf("Skip %d: more than one round took %v", skip, round)
				}
				rounds[round], before = true, e.At
			}
			if len(rounds) < 20 {
				t.Errorf("Skip %d: %d rounds in an hour", skip, len(rounds))
			}
		})
	}
}
