package explore

import (
	"fmt"
	"slices"
	"strings"
)

// maxDialogue is how many lines of a dialogue are shown.
const maxDialogue = 60

// dialogue returns what the client and the server said up to the end of the delivery
// that met the fault, and in the next one if that is what went wrong.
func dialogue(r *result) string {
	text := ""
	if r.tr.abandoned != "" {
		text = dialogueOf(r.tr)
	} else {
		first, last := r.span()
		for _, s := range r.tr.sessions {
			if n := r.tr.during(s.Start); n >= first && n <= last || slices.Contains(r.tr.open, s.ID) {
				text += s.Transcript()
			}
		}
	}
	if text == "" {
		return ""
	}
	lines := fold(strings.Split(strings.TrimRight(text, "\n"), "\n"))
	if n := len(lines); n > maxDialogue {
		lines = append(lines[:maxDialogue], fmt.Sprintf("... (%d more lines)", n-maxDialogue))
	}
	return strings.Join(lines, "\n") + "\n"
}

// span returns the deliveries that matter. A connection that was opened before them
// may still be in use.
func (r *result) span() (first, last int) {
	first, last = 0, r.sc.during()
	for _, f := range r.findings {
		if strings.HasPrefix(f.id, "next-") {
			last++
			break
		}
	}
	return first, last
}

// fold joins the lines of long replies, and those of the content.
func fold(lines []string) []string {
	var folded []string
	for i := 0; i < len(lines); i++ {
		n := 0
		switch {
		case isContinued(lines[i]):
			for i+n+1 < len(lines) && isContinued(lines[i+n]) {
				n++
			}
		case i > 0 && strings.HasPrefix(lines[i-1], "S: 354"):
			for i+n+1 < len(lines) && strings.HasPrefix(lines[i+n+1], "C: ") && lines[i+n] != "C: ." {
				n++
			}
			n--
		}
		if n < 3 {
			folded = append(folded, lines[i])
			continue
		}
		folded = append(folded, fmt.Sprintf("%s ... (%d lines)", strings.Replace(lines[i], "-", " ", 1), n+1))
		i += n
	}
	return folded
}

// isContinued reports whether the line is one of a reply that goes on.
func isContinued(line string) bool {
	reply, ok := strings.CutPrefix(line, "S: ")
	return ok && len(reply) > 3 && reply[3] == '-'
}
