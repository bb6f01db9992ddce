package memnet

import "time"

var past = time.Unix(1, 0)

// semantics is what TCP over the loopback interface of Linux does; want has a
// word for every call.
var semantics = []struct {
	name   string
	reason string
	do     func(client, server hand)
	want   string
}{{
	name:   "close after a last word",
	reason: "421 and close: a client that is about to write must still read the 421",
	do: func(client, server hand) {
		server.write("421")
		server.close()
		client.write("x")
		client.read(3)
		client.fill(1)
		client.read(1)
		client.write("x")
	},
	want: "ok ok ok 421 EPIPE EOF EPIPE",
}, {
	name:   "close delivers",
	reason: "FIN comes after the data, however much later they are read",
	do: func(client, server hand) {
		client.write("abc")
		client.close()
		server.read(3)
		server.read(1)
		server.read(1)
		server.close()
	},
	want: "ok ok abc EOF EOF ok",
}, {
	name:   "empty write after the peer closed",
	reason: "no segment is sent, so no reset comes back",
	do: func(client, server hand) {
		server.close()
		client.read(1)
		client.write("")
		client.write("x")
		client.fill(1)
	},
	want: "ok EOF ok ok EPIPE",
}, {
	name:   "close with unread data",
	reason: "Linux sends RST; what it delivered before can be read",
	do: func(client, server hand) {
		client.write("DATA")
		server.read(1)
		server.write("421")
		server.close()
		client.read(3)
		client.read(1)
		client.read(1)
		client.write("x")
	},
	want: "ok D ok ok 421 ECONNRESET EOF EPIPE",
}, {
	name:   "close with unread data after FIN",
	reason: "in CLOSE_WAIT a reset is EPIPE, and the end of data stays EOF",
	do: func(client, server hand) {
		client.write("DATA")
		server.read(1)
		server.closeWrite()
		client.read(1)
		server.close()
		client.fill(1)
		client.read(1)
	},
	want: "ok D ok EOF ok EPIPE EOF",
}, {
	name:   "close after the peer closed",
	reason: "with unread data or not, nobody is there to be told",
	do: func(client, server hand) {
		client.write("DATA")
		server.read(1)
		client.close()
		server.close()
	},
	want: "ok D ok ok",
}, {
	name:   "reset, then read",
	reason: "what was delivered first; the error comes once",
	do: func(client, server hand) {
		server.write("abc")
		server.reset()
		client.read(3)
		client.read(1)
		client.read(1)
		client.write("x")
		client.close()
	},
	want: "ok ok abc ECONNRESET EOF EPIPE ok",
}, {
	name:   "reset, then write",
	reason: "the error comes once, whoever asks first; delivered data stay",
	do: func(client, server hand) {
		server.write("abc")
		server.reset()
		client.fill(1)
		client.write("x")
		client.read(3)
		client.read(1)
	},
	want: "ok ok ECONNRESET EPIPE abc EOF",
}, {
	name:   "reset after FIN",
	reason: "in CLOSE_WAIT a reset is EPIPE",
	do: func(client, server hand) {
		server.closeWrite()
		client.read(1)
		server.reset()
		client.fill(1)
		client.write("x")
		client.read(1)
	},
	want: "ok EOF ok EPIPE EPIPE EOF",
}, {
	name:   "reset after the peer's FIN",
	reason: "the peer closed its half only: it is told",
	do: func(client, server hand) {
		client.closeWrite()
		server.read(1)
		server.reset()
		client.read(1)
		client.read(1)
	},
	want: "ok EOF ok ECONNRESET EOF",
}, {
	name:   "reset twice, and after close",
	reason: "a closed connection is closed, no panic",
	do: func(client, server hand) {
		server.reset()
		server.reset()
		server.close()
		client.read(1)
		client.close()
		client.reset()
	},
	want: "ok ErrClosed ErrClosed ECONNRESET ok ErrClosed",
}, {
	name:   "half close",
	reason: "FIN ends one direction only",
	do: func(client, server hand) {
		client.write("abc")
		client.closeWrite()
		client.closeWrite()
		client.write("x")
		server.read(3)
		server.read(1)
		server.write("def")
		client.read(3)
		server.close()
		client.read(1)
	},
	want: "ok ok ok EPIPE abc EOF ok def ok EOF",
}, {
	name:   "half close after a reset",
	reason: "there is no connection to half close",
	do: func(client, server hand) {
		server.reset()
		client.read(1)
		client.closeWrite()
	},
	want: "ok ECONNRESET ENOTCONN",
}, {
	name:   "after own close",
	reason: "every method fails, Close too",
	do: func(client, server hand) {
		client.close()
		client.read(1)
		client.write("x")
		client.closeWrite()
		client.deadline(client.conn.SetDeadline, time.Time{})
		client.close()
	},
	want: "ok ErrClosed ErrClosed ErrClosed ErrClosed ErrClosed",
}, {
	name:   "read deadline before data",
	reason: "a late Read fails even with data there, which a later one gets",
	do: func(client, server hand) {
		server.write("abc")
		client.read(1)
		client.deadline(client.conn.SetReadDeadline, past)
		client.read(2)
		client.write("x")
		client.deadline(client.conn.SetReadDeadline, time.Time{})
		client.read(2)
	},
	want: "ok a ok timeout ok ok bc",
}, {
	name:   "write deadline before room",
	reason: "a late Write fails even with room in the buffer",
	do: func(client, server hand) {
		client.deadline(client.conn.SetWriteDeadline, past)
		client.write("x")
		server.write("a")
		client.read(1)
		client.deadline(client.conn.SetDeadline, time.Time{})
		client.write("y")
		server.read(1)
	},
	want: "ok timeout ok a ok ok y",
}, {
	name:   "deadline before the peer's end",
	reason: "a late Read or Write does not even look",
	do: func(client, server hand) {
		server.reset()
		client.read(1)
		client.deadline(client.conn.SetDeadline, past)
		client.read(1)
		client.write("x")
	},
	want: "ok ECONNRESET ok timeout timeout",
}, {
	name:   "waiting Read, deadline moved to the past",
	reason: "this is how a server wakes its idle connections",
	do: func(client, server hand) {
		client.await(func() { client.read(1) }, func() { client.conn.SetReadDeadline(past) })
	},
	want: "timeout",
}, {
	name:   "waiting Read, own close",
	reason: "Close ends it",
	do: func(client, server hand) {
		client.await(func() { client.read(1) }, func() { client.conn.Close() })
	},
	want: "ErrClosed",
}, {
	name:   "waiting Read, peer closes",
	reason: "FIN ends it",
	do: func(client, server hand) {
		client.await(func() { client.read(1) }, func() { server.conn.Close() })
	},
	want: "EOF",
}, {
	name:   "waiting Read, peer resets",
	reason: "RST ends it",
	do: func(client, server hand) {
		client.await(func() { client.read(1) }, func() { server.conn.Reset() })
	},
	want: "ECONNRESET",
}, {
	name:   "waiting Write, deadline",
	reason: "back-pressure must not hang a client that has a timeout",
	do: func(client, server hand) {
		client.conn.SetWriteDeadline(time.Now().Add(time.Millisecond))
		client.fill(1 << 20)
	},
	want: "timeout",
}, {
	name:   "waiting Write, own close",
	reason: "Close ends it",
	do: func(client, server hand) {
		client.await(func() { client.fill(1 << 20) }, func() {
			server.conn.Read(make([]byte, 1))
			client.conn.Close()
		})
	},
	want: "ErrClosed",
}, {
	name:   "waiting Write, peer closes",
	reason: "there is unread data, so it is a reset",
	do: func(client, server hand) {
		client.await(func() { client.fill(1 << 20) }, func() {
			server.conn.Read(make([]byte, 1))
			server.conn.Close()
		})
	},
	want: "ECONNRESET",
}, {
	name:   "waiting Write, peer resets",
	reason: "RST ends it",
	do: func(client, server hand) {
		client.await(func() { client.fill(1 << 20) }, func() {
			server.conn.Read(make([]byte, 1))
			server.conn.Reset()
		})
	},
	want: "ECONNRESET",
}}
