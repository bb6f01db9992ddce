package journal

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

const (
	// maxRemoved is how many bytes of content the removed messages may hold together.
	maxRemoved = 4 << 20
	// maxHeader is how many bytes of its header a released message keeps.
	maxHeader = 64 << 10
)

// removal is what Drain and Take have removed and what still holds its content.
type removal struct {
	whole []*Transaction // in the order in which they were removed
	bytes int            // of their content
}

// add returns the messages that were removed first and whose content must be released
// for the newly removed ones.
func (r *removal) add(removed ...*Transaction) (release []*Transaction) {
	for _, t := range removed {
		r.whole = append(r.whole, t)
		r.bytes += len(t.Data)
	}
	for r.bytes > maxRemoved {
		t := r.whole[0]
		r.whole[0] = nil
		r.whole = r.whole[1:]
		r.bytes -= len(t.Data)
		release = append(release, t)
	}
	return release
}

// Release replaces the contents of the messages, which Drain or Take returned for it, by
// their headers and hashes. The lock must not be held: hashing takes long.
func (j *Journal) Release(messages []*Transaction) {
	for _, t := range messages {
		n := wire.HeaderLen(t.Data, maxHeader)
		if n == len(t.Data) {
			continue // nothing to release
		}
		hash := sha256.Sum256([]byte(t.Data[n:]))
		header := strings.Clone(t.Data[:n])
		j.Lock()
		t.Released, t.SHA256, t.Data = len(t.Data)-n, hex.EncodeToString(hash[:]), header
		j.Unlock()
	}
}
