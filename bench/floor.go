package main

import (
	"bytes"
	"net"
	"strings"
	"sync"
)

// floorServer answers whatever comes with canned replies and keeps the
// contents: it parses nothing, checks nothing and records nothing else.
type floorServer struct {
	ln      net.Listener
	running sync.WaitGroup

	mu       sync.Mutex
	conns    map[net.Conn]struct{}
	messages []string
}

func newFloor() (*floorServer, error) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &floorServer{ln: ln, conns: map[net.Conn]struct{}{}}
	f.running.Add(1)
	go f.accept()
	return f, nil
}

func (f *floorServer) accept() {
	defer f.running.Done()
	for {
		c, err := f.ln.Accept()
		if err != nil {
			return
		}
		f.mu.Lock()
		f.conns[c] = struct{}{}
		f.mu.Unlock()
		f.running.Add(1)
		go f.serve(c)
	}
}

func (f *floorServer) close() {
	f.ln.Close()
	f.mu.Lock()
	for c := range f.conns {
		c.Close()
	}
	f.mu.Unlock()
	f.running.Wait()
}

func (f *floorServer) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.messages)
}

var (
	replyGreeting = []byte("220 floor ESMTP\r\n")
	replyEhlo     = []byte("250-floor\r\n250-PIPELINING\r\n250 SIZE\r\n")
	replyOK       = []byte("250 OK\r\n")
	replyGo       = []byte("354 go on\r\n")
	replyBye      = []byte("221 Bye\r\n")
	lineEnd       = []byte("\r\n")
	dataEnd       = []byte("\r\n.\r\n")
)

func (f *floorServer) serve(c net.Conn) {
	defer f.running.Done()
	defer func() {
		c.Close()
		f.mu.Lock()
		delete(f.conns, c)
		f.mu.Unlock()
	}()
	if _, err := c.Write(replyGreeting); err != nil {
		return
	}
	in, out := make([]byte, 0, 4096), make([]byte, 0, 512)
	first := make([]byte, 0, 2048)
	for {
		n, err := c.Read(in[len(in):cap(in)])
		if err != nil {
			return
		}
		in = in[:len(in)+n]
		rest := in
		for {
			i := bytes.Index(rest, lineEnd)
			if i < 0 {
				break
			}
			verb := rest[:min(4, i)]
			rest = rest[i+2:]
			switch string(verb) {
			case "EHLO":
				out = append(out, replyEhlo...)
			case "DATA":
				out = append(out, replyGo...)
				if len(rest) == 0 {
					if _, err := c.Write(out); err != nil {
						return
					}
					out = out[:0]
				}
				var content string
				if content, rest, err = f.content(c, first, rest); err != nil {
					return
				}
				f.mu.Lock()
				f.messages = append(f.messages, content)
				f.mu.Unlock()
				out = append(out, replyOK...)
			case "QUIT":
				c.Write(append(out, replyBye...))
				return
			default:
				out = append(out, replyOK...)
			}
		}
		if _, err := c.Write(out); err != nil {
			return
		}
		in = append(in[:0], rest...)
		out = out[:0]
	}
}

const floorBlock = 1 << 20

// content reads up to the end of data, into first and then into blocks.
func (f *floorServer) content(c net.Conn, first, rest []byte) (content string, after []byte, err error) {
	cur := append(first[:0], lineEnd...) // DATA's own CRLF may begin the end
	cur = append(cur, rest...)
	var blocks [][]byte
	from := 0
	for {
		if i := bytes.Index(cur[from:], dataEnd); i >= 0 {
			end := from + i
			after = append(after, cur[end+len(dataEnd):]...)
			return joined(append(blocks, cur[:end+2])), after, nil
		}
		from = max(0, len(cur)-len(dataEnd)+1)
		if len(cur) == cap(cur) {
			blocks = append(blocks, cur[:from])
			cur = append(make([]byte, 0, min(4*cap(cur), floorBlock)), cur[from:]...)
			from = 0
		}
		n, err := c.Read(cur[len(cur):cap(cur)])
		if err != nil {
			return "", nil, err
		}
		cur = cur[:len(cur)+n]
	}
}

// joined is the content in one string, without the CRLF before it.
func joined(blocks [][]byte) string {
	size := -len(lineEnd)
	for _, b := range blocks {
		size += len(b)
	}
	var s strings.Builder
	s.Grow(max(0, size))
	skip := len(lineEnd)
	for _, b := range blocks {
		s.Write(b[min(skip, len(b)):])
		skip = max(0, skip-len(b))
	}
	return s.String()
}
