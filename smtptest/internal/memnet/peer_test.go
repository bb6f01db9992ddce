package memnet

import (
	"testing"
	"testing/synctest"
)

// TestPeerLeft holds what is known of a peer that ends its side.
func TestPeerLeft(t *testing.T) {
	for _, row := range []struct {
		name                string
		end                 func(c, s *Conn)
		left, closed, reset bool
	}{
		{name: "stays", end: func(c, s *Conn) {}},
		{name: "half-closes", end: func(c, s *Conn) { c.CloseWrite() }},
		{name: "closes", end: func(c, s *Conn) { c.Close() }, left: true, closed: true},
		{name: "closes with octets unread", end: func(c, s *Conn) { s.Write([]byte("a")); c.Close() }, left: true, closed: true},
		{name: "half-closes, then closes", end: func(c, s *Conn) { c.CloseWrite(); c.Close() }, left: true, closed: true},
		{name: "resets", end: func(c, s *Conn) { c.Reset() }, left: true, reset: true},
		{name: "resets twice", end: func(c, s *Conn) { c.Reset(); c.Close() }, left: true, reset: true},
		{name: "stays when this end closes", end: func(c, s *Conn) { s.Close() }},
	} {
		for _, early := range []bool{false, true} {
			t.Run(row.name, func(t *testing.T) {
				inBubble(t, 64, func(t *testing.T, c, s *Conn) {
					var waits <-chan struct{}
					if early {
						waits = s.PeerLeft()
					}
					row.end(c, s)
					synctest.Wait()
					if !early {
						waits = s.PeerLeft()
					}
					left := false
					select {
					case <-waits:
						left = true
					default:
					}
					if closed, reset := s.PeerEnd(); left != row.left || closed != row.closed || reset != row.reset {
						t.Errorf("left %t, closed %t, reset %t; want %t, %t, %t", left, closed, reset, row.left, row.closed, row.reset)
					}
				})
			})
		}
	}
}
