package smtpcmp

import (
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
)

// Transcript compares two dialogues (smtptest.Server.Transcript) line by line,
// without the header fields named in ignored, and whatever the MIME boundaries
// are and the client calls itself in EHLO. If fields are ignored, so are the
// sizes of messages: the number of octets, and SIZE of MAIL.
func Transcript(ignored ...string) cmp.Option {
	isWhole := func(p cmp.Path) bool { return len(p) == 1 }
	return cmp.FilterPath(isWhole, cmp.Transformer("smtpcmp.Transcript", func(dialogue string) []string {
		return readDialogue(dialogue, ignored)
	}))
}

var (
	shownHelo     = regexp.MustCompile(`(?i)^(C: (?:EHLO|HELO|LHLO)) .*`)
	shownSize     = regexp.MustCompile(`(?i)^(C: MAIL .* SIZE=)\d+|^(-- )\d+( octets? in all)$`)
	shownBoundary = regexp.MustCompile(`(?i)boundary=[\\"]*([^\\";\s]+)[\\"]*`)
)

// readDialogue returns the lines that are to be compared.
func readDialogue(dialogue string, ignored []string) []string {
	delimiters := map[string]bool{}
	for _, found := range shownBoundary.FindAllStringSubmatch(dialogue, -1) {
		delimiters["C: --"+found[1]] = true
	}
	var kept []string
	for _, line := range withoutFields(lines(dialogue), ignored) {
		if start := strings.TrimSuffix(line, "--"); delimiters[start] {
			line = "C: --boundary" + line[len(start):]
		}
		if len(ignored) > 0 {
			line = shownSize.ReplaceAllString(line, "${1}${2}n$3")
		}
		line = shownHelo.ReplaceAllString(line, "$1")
		kept = append(kept, shownBoundary.ReplaceAllString(line, "boundary"))
	}
	return kept
}

// withoutFields leaves out the named fields of each content's header. An editor
// may have taken the space from the line that ends a header.
func withoutFields(dialogue, names []string) []string {
	var kept []string
	var inHeader, dropped bool
	for _, line := range dialogue {
		line = strings.TrimRight(line, " ")
		sent, isClient := strings.CutPrefix(line, "C: ")
		switch {
		case strings.HasPrefix(line, "S: 354"), isClient && strings.HasPrefix(strings.ToUpper(sent), "BDAT "):
			inHeader, dropped = true, false
		case !isClient:
			inHeader = false
		case inHeader && !isContinuation(sent):
			dropped = isNamed(sent, names)
		}
		if !inHeader || !dropped {
			kept = append(kept, line)
		}
	}
	return kept
}

// isContinuation says whether a line of a header goes on with the field before
// it. A transcript quotes what it cannot show, a tab for one.
func isContinuation(sent string) bool {
	return strings.HasPrefix(sent, " ") || strings.HasPrefix(sent, `" `) || strings.HasPrefix(sent, `"\t`)
}

func isNamed(sent string, names []string) bool {
	name, _, _ := strings.Cut(strings.TrimPrefix(sent, `"`), ":")
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}
