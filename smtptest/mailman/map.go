package mailman

import (
	"fmt"
	"net"
	"os"
	"regexp"
	"strings"
	"sync"

	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// Map is Mailman's own word on its lists: the file postfix_lmtp in its data
// folder (data_dir in mailman.cfg), which is looked up as Postfix does and read
// again when it has changed. A file that is missing or not as Mailman writes it
// is an error that names the file and the line.
//
// In a file of the type hash, a recipient is looked up as it is, and then
// without what follows a plus sign: all of ant@, ant-request@,
// ant-bounces+verp@ and ant-confirm+cookie@ are found. In one of the type regex
// the patterns decide alone; Mailman's let -bounces and -confirm have a plus
// sign, and no other address. Neither is sensitive to case. The name of a list
// may have hyphens, and may end as the address of another list does.
func Map(path string) Lists {
	file := &mapFile{path: path}
	return file.lookup
}

// mapFile is a postfix_lmtp as last read.
type mapFile struct {
	path string

	mu       sync.Mutex
	text     string
	exact    map[string]string // LMTP addresses by recipient, in lower case; nil before the first reading
	patterns []pattern
}

type pattern struct {
	recipient *regexp.Regexp
	addr      string
}

// lookup is the file's Lists. Comparing the text tells a change for certain, as
// the time of a file that was just replaced does not.
func (f *mapFile) lookup(recipient string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	text, err := os.ReadFile(f.path)
	if err != nil {
		return "", err
	}
	if f.exact == nil || f.text != string(text) {
		if err := f.parse(string(text)); err != nil {
			f.exact = nil
			return "", err
		}
	}
	recipient = strings.ToLower(wire.LeastQuoted(recipient))
	for _, p := range f.patterns {
		if p.recipient.MatchString(recipient) {
			return p.addr, nil
		}
	}
	if addr, ok := f.exact[recipient]; ok {
		return addr, nil
	}
	at := strings.LastIndexByte(recipient, '@')
	if plus := strings.IndexByte(recipient[:max(at, 0)], '+'); plus > 0 {
		recipient = recipient[:plus] + recipient[at:]
	}
	return f.exact[recipient], nil
}

// parse reads lines of an address or /pattern/, white space and
// lmtp:[host]:port.
func (f *mapFile) parse(text string) error {
	f.text, f.exact, f.patterns = text, map[string]string{}, nil
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if err := f.entry(strings.Fields(line)); err != nil {
			return fmt.Errorf("%s:%d: %w", f.path, n, err)
		}
	}
	return nil
}

func (f *mapFile) entry(fields []string) error {
	transport, isLMTP := strings.CutPrefix(fields[len(fields)-1], "lmtp:")
	host, port, err := net.SplitHostPort(transport)
	if len(fields) != 2 || !isLMTP || err != nil {
		return fmt.Errorf("%q is not an address and lmtp:[host]:port, as Mailman writes it", strings.Join(fields, " "))
	}
	key, addr := fields[0], net.JoinHostPort(host, port)
	if !strings.HasPrefix(key, "/") {
		f.exact[strings.ToLower(key)] = addr
		return nil
	}
	if len(key) < 2 || !strings.HasSuffix(key, "/") {
		return fmt.Errorf("the pattern %s does not end in a slash", key)
	}
	recipient, err := regexp.Compile("(?i)" + key[1:len(key)-1])
	if err != nil {
		return fmt.Errorf("the pattern %s: %w", key, err)
	}
	f.patterns = append(f.patterns, pattern{recipient, addr})
	return nil
}
