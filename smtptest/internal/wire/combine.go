package wire

import (
	"slices"
	"strings"

	"github.com/go-smtptest/smtp/smtptest/internal/show"
)

// Combine returns SMTP's reply to a message to these recipients, each of which got its
// own reply: "" if it is 250.
func Combine(to []string, each []Reply) Reply {
	var worst Reply
	var refused []string
	same := true
	each = each[:min(len(each), len(to))]
	for i, r := range each {
		if r == "" || r == NoReply || r.Code()/100 == 2 {
			continue
		}
		same = same && (worst == "" || r == worst)
		refused = append(refused, "<"+to[i]+">")
		if worst == "" || worst.Code()/100 == 5 && r.Code()/100 == 4 {
			worst = r
		}
	}
	switch {
	case worst == "" && slices.Contains(each, NoReply):
		return NoReply
	case worst == "" || same && len(refused) == len(to):
		return worst
	}
	last := worst[strings.LastIndexByte(string(worst), '\n')+1:]
	line := strings.TrimSpace(string(last))
	if len(line) > len("550") {
		line += ":"
	}
	line += " " + strings.Map(show.ASCII, strings.Join(refused, ", "))
	return Reply(line[:min(len(line), 510)])
}
