package main

import (
	"bytes"
	"fmt"
	"log"
	"net"
	"strings"
)

// client is the one load client for all servers. It writes what it is given
// and counts replies; it allocates nothing while it is at it.
type client struct {
	conn net.Conn
	buf  []byte
	in   []byte // of buf, not yet counted
}

func dialClient(addr string) *client {
	c := &client{buf: make([]byte, 16<<10)}
	c.dial(addr)
	return c
}

// dial connects, reads the greeting and says EHLO.
func (c *client) dial(addr string) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		log.Fatal(err)
	}
	c.conn, c.in = conn, nil
	c.expect(1)
	c.do(helloLine, 1)
}

var (
	helloLine  = []byte("EHLO client.test\r\n")
	mailLine   = []byte("MAIL FROM:<a@client.test>\r\n")
	rcptLine   = []byte("RCPT TO:<b@server.test>\r\n")
	dataLine   = []byte("DATA\r\n")
	quitLine   = []byte("QUIT\r\n")
	tiny       = []byte("Subject: hi\r\n\r\nhi\r\n.\r\n")
	kilobyte   = []byte("Subject: hi\r\n\r\n" + strings.Repeat("0123456789012345678901234567890123456789012345678901234567890123456789012345\r\n", 13)[:1008-15] + "\r\n.\r\n")
	groupLines = bytes.Join([][]byte{mailLine, rcptLine, dataLine}, nil)
	groupNext  = bytes.Join([][]byte{kilobyte, mailLine, rcptLine, dataLine}, nil)
)

// do sends octets and reads n replies.
func (c *client) do(b []byte, n int) {
	if _, err := c.conn.Write(b); err != nil {
		log.Fatal(err)
	}
	c.expect(n)
}

// expect reads n replies, none of which may be a refusal.
func (c *client) expect(n int) {
	for n > 0 {
		i := bytes.IndexByte(c.in, '\n')
		if i < 0 {
			k := copy(c.buf, c.in)
			m, err := c.conn.Read(c.buf[k:])
			if err != nil {
				log.Fatal(err)
			}
			c.in = c.buf[:k+m]
			continue
		}
		line := c.in[:i]
		if len(line) < 4 || line[0] > '3' {
			log.Fatalf("reply %q", line)
		}
		if line[3] != '-' {
			n--
		}
		c.in = c.in[i+1:]
	}
}

// send delivers one message, command by command.
func (c *client) send(content []byte) {
	c.do(mailLine, 1)
	c.do(rcptLine, 1)
	c.do(dataLine, 1)
	c.do(content, 1)
}

// pipeline delivers n messages of a kilobyte, each in one group with the next
// one's envelope (RFC 2920 3.1).
func (c *client) pipeline(n int) {
	c.do(groupLines, 3)
	for range n - 1 {
		c.do(groupNext, 4)
	}
	c.do(kilobyte, 1)
}

// large delivers one message of the given size; declared sends SIZE= with it.
func (c *client) large(size int, declared bool) {
	if declared {
		c.do(fmt.Appendf(nil, "MAIL FROM:<a@client.test> SIZE=%d\r\n", size), 1)
	} else {
		c.do(mailLine, 1)
	}
	c.do(rcptLine, 1)
	c.do(dataLine, 1)
	piece := bytes.Repeat([]byte("012345678901234567890123456789012345678901234567890123456789\r\n"), 1040)
	text := size - len(lineEnd)
	for sent := 0; sent < text; sent += len(piece) {
		if _, err := c.conn.Write(piece[:min(len(piece), text-sent)]); err != nil {
			log.Fatal(err)
		}
	}
	c.do([]byte("\r\n.\r\n"), 1)
}

// recipients sends n RCPT, pipelined by 100.
func (c *client) recipients(n int) {
	c.do(mailLine, 1)
	group := bytes.Repeat(rcptLine, 100)
	for range n / 100 {
		c.do(group, 100)
	}
	c.do([]byte("RSET\r\n"), 1)
}

// quit says QUIT and waits for the end, with or without a reply. It resets the
// connection that the server has closed: otherwise each leaves the server's
// port in TIME-WAIT for a minute (RFC 9293 3.3.2), and with thousands of them
// the search for a free port costs ten times what is to be measured.
func (c *client) quit() {
	c.conn.Write(quitLine)
	for {
		if _, err := c.conn.Read(c.buf); err != nil {
			c.conn.(*net.TCPConn).SetLinger(0)
			c.conn.Close()
			return
		}
	}
}
