package record_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/google/go-cmp/cmp"
)

// mebibyte returns a message of about 1 MiB with this header.
func mebibyte(header string) string {
	return header + strings.Repeat(strings.Repeat("x", 62)+"\r\n", 1<<14)
}

const subject = "Subject: large\r\n\r\n"

// removals are the ways in which a test removes the only message.
var removals = map[string]func(t *testing.T, srv *smtptest.Server) smtptest.Message{
	"Drain": func(_ *testing.T, srv *smtptest.Server) smtptest.Message { return srv.Drain()[0] },
	"Take":  func(_ *testing.T, srv *smtptest.Server) smtptest.Message { return srv.Take(nil) },
	"TakeContext": func(t *testing.T, srv *smtptest.Server) smtptest.Message {
		m, err := srv.TakeContext(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return m
	},
}

func heldBytes() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestReleaseFreesMemory verifies that a server holds little of the messages that the
// test has removed, whatever their header is.
func TestReleaseFreesMemory(t *testing.T) {
	for _, c := range []struct{ name, header string }{
		{"a short header", subject},
		{"no header", "\r\n"},
		{"no empty line", "not a field\r\n"},
		{"fields only", strings.Repeat("X-Field: "+strings.Repeat("x", 60)+"\r\n", 1<<14)},
		{"one field of many lines", "X-Field: x\r\n" + strings.Repeat(" "+strings.Repeat("x", 60)+"\r\n", 1<<14)},
		{"one line", strings.Repeat("x", 1<<20)},
	} {
		t.Run(c.name, func(t *testing.T) {
			content := mebibyte(c.header)
			for name, remove := range removals {
				srv := smtptest.NewInMemoryServer(t)
				before := heldBytes()
				const messages = 10
				for range messages {
					if err := play.Deliver(srv, "a@client.test", content); err != nil {
						t.Fatal(err)
					}
					remove(t, srv)
				}
				if held := (heldBytes() - before) >> 20; held > 7 {
					t.Errorf("%s: %d MiB are held of %d messages", name, held, messages)
				}
				runtime.KeepAlive(srv)
				srv.Close()
			}
		})
	}
}

// TestReleaseOrder verifies which contents are released: those that were removed first,
// as far as all removed ones have more than 4 MiB.
func TestReleaseOrder(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		name     string
		sizes    []int
		take     []int // the messages that are taken, from 0, before a Drain removes the others; nil: no Drain
		released string
	}{
		{"small messages", []int{100, 100, 100}, []int{}, "..."},
		{"exactly 4 MiB", []int{mib, mib, mib, mib}, []int{}, "...."},
		{"one byte more", []int{mib, mib, mib, mib + 1}, []int{}, "R..."},
		{"one large message", []int{5 * mib}, []int{}, "R"},
		{"the large one was removed last", []int{100, 100, 5 * mib}, []int{}, "RRR"},
		{"in the order of removal", []int{mib, mib, mib, mib, mib}, []int{3}, "...R."},
		{"messages that are not removed do not count", []int{mib, mib, mib, mib, mib, mib}, nil, "......"},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := smtptest.NewInMemoryServer(t)
			for i, size := range c.sizes {
				content := subject + strings.Repeat("x", size-len(subject)-2)
				if err := play.Deliver(srv, fmt.Sprintf("m%d@client.test", i), content); err != nil {
					t.Fatal(err)
				}
			}
			for _, i := range c.take {
				srv.Take(func(m smtptest.Message) bool { return m.From == fmt.Sprintf("m%d@client.test", i) })
			}
			if c.take != nil {
				srv.Drain()
			}
			got := ""
			for _, s := range srv.Sessions() {
				if s.Transactions[0].Released {
					got += "R"
				} else {
					got += "."
				}
			}
			if got != c.released {
				t.Errorf("released: %s, want %s", got, c.released)
			}
		})
	}
}

// TestReleaseKeeps verifies what a released transaction keeps, and that values returned
// earlier do not change.
func TestReleaseKeeps(t *testing.T) {
	for _, c := range []struct{ name, content, kept string }{
		{"header", mebibyte("Subject: x\r\nTo: b@server.test\r\n\r\n"), "Subject: x\r\nTo: b@server.test\r\n\r\n"},
		{"folded header", mebibyte("Subject: x\r\n y\r\n\r\n"), "Subject: x\r\n y\r\n\r\n"},
		{"empty header", mebibyte("\r\n"), "\r\n"},
		{"no field", mebibyte(""), ""},
		{"a line that is no field ends the header", mebibyte("Subject: x\r\nhello\r\n\r\n"), "Subject: x\r\n"},
		{"dots", mebibyte("Subject: x\r\n\r\n..\r\n"), "Subject: x\r\n\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := smtptest.NewInMemoryServer(t)
			for range 5 {
				if err := play.Deliver(srv, "a@client.test", c.content); err != nil {
					t.Fatal(err)
				}
			}
			messages, sessions := srv.Messages(), srv.Sessions()
			if diff := cmp.Diff(messages, srv.Drain()); diff != "" {
				t.Errorf("Drain() (-Messages() +Drain()):\n%s", diff)
			}
			want, got := sessions[0].Transactions[0], srv.Sessions()[0].Transactions[0]
			if len(want.Data) < 1<<20 || messages[0].Data != want.Data {
				t.Error("a value that was returned before the release has changed")
			}
			want.SHA256 = fmt.Sprintf("%x", sha256.Sum256([]byte(want.Data[len(c.kept):])))
			want.Data, want.Released = c.kept, true
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("released transaction (-want +got):\n%s", diff)
			}
		})
	}
}

// TestReleaseIsShown verifies that the transcript says it: five of these messages are
// more than 5 MiB, four more than 4 MiB.
func TestReleaseIsShown(t *testing.T) {
	srv := smtptest.NewInMemoryServer(t)
	for range 5 {
		if err := play.Deliver(srv, "a@client.test", mebibyte(subject)); err != nil {
			t.Fatal(err)
		}
	}
	srv.Drain()
	const want = "C: Subject: large\nC: \n-- 1048596 octets in all; the server released what followed the header, because Drain or Take removed the message\nC: .\n"
	for i, s := range srv.Sessions() {
		if got := strings.Contains(s.Transcript(), want); got != (i < 2) {
			t.Errorf("session %d: the transcript reports a release: %v\n%.1000s", s.ID, got, s.Transcript())
		}
	}
}
