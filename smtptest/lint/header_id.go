package lint

import "strings"

// checkMessageIDs checks the fields of message ids.
func checkMessageIDs(in *inspector, fields []field) {
	for _, f := range fields {
		if f.broken {
			continue
		}
		switch f.name {
		case "message-id", "resent-message-id":
			n, problem := msgIDs(in.text(f))
			if problem == "" && n != 1 {
				problem = "several message ids"
			}
			reportID(in, "header-message-id-invalid", f, problem)
		case "in-reply-to", "references":
			_, problem := msgIDs(in.text(f))
			reportID(in, "header-references-invalid", f, problem)
		}
	}
}

func reportID(in *inspector, id string, f field, problem string) {
	if problem != "" {
		in.report(id, f.start, f.end, "%s: %s", canonical(f.name), problem)
	}
}

// msgIDs counts the message ids that are all of s (RFC 5322 3.6.4).
func msgIDs(s string) (n int, problem string) {
	i := skipCFWS(s, 0)
	for ; i < len(s); n++ {
		end := strings.IndexByte(s[i:], '>')
		if s[i] != '<' || end < 0 {
			return n, "not in <>"
		}
		if id := s[i+1 : i+end]; !isMsgID(id) {
			return n, quote(id) + " is not left@right"
		}
		i = skipCFWS(s, i+end+1)
	}
	if n == 0 {
		return 0, "no message id"
	}
	return n, ""
}

// isMsgID says whether s is what stands in the <> of a msg-id. Neither side is
// an address: no quotes, and no host names that must exist.
func isMsgID(s string) bool {
	left, right, _ := strings.Cut(s, "@")
	if !isDotAtom(left) {
		return false
	}
	return isDotAtom(right) || strings.HasPrefix(right, "[") && literalLen(right) == len(right) && !strings.ContainsAny(right, " \t\r\n")
}
