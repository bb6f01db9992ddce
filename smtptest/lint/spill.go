package lint

import "strings"

// spill is content that comes as commands, because there was no 354 or because the
// content ended too early.
type spill struct {
	on      bool // the lines are content
	dot     bool // a content has ended in this session
	text    bool // since then there were only lines that are no commands
	finding int  // where the finding about the first of them is; -1 if there is none

	transaction int // the one whose content ended last
}

// isSpilled reports whether a line is content, about which there is a finding. Other
// rules do not judge such lines.
func isSpilled(w *walk, x *step) bool {
	s := &w.spill
	switch {
	case x.Event || x.answer:
		return false
	case s.on && (x.verb == "" || x.Pipelined):
		s.on = x.Command != "."
		return true
	}
	s.on = false
	id, detail := whySpilled(w, x)
	if id == "" {
		return false
	}
	s.on = x.Command != "."
	s.report(w, x, id, detail)
	return true
}

// whySpilled returns what proves that a line is content; id is "" if nothing does.
func whySpilled(w *walk, x *step) (id, detail string) {
	prev := &w.prev
	unknown := x.verb == "" && x.code == 500 && x.Rule == ""
	switch {
	case x.verb != "" || w.muted:
	case prev.verb == "DATA" && prev.said == "" && !prev.Event:
		return "data-before-354", "content came although DATA got no reply"
	case prev.verb == "DATA" && prev.told() != 3 && (unknown || isContent(x.Command)):
		if isEarly(w, x) {
			return "data-before-354", "content came before the reply to DATA"
		}
		if prev.told() == 2 && w.hasSeen(prev.n) {
			return "data-before-354", "content came although the reply to DATA was no 354"
		}
		if w.hasSeen(prev.n) {
			return "data-after-refusal", "content came although DATA was refused"
		}
	case !unknown || w.astray:
	case x.Command == "." && w.spill.dot, w.spill.text && x.Pipelined:
		return "data-dot-not-stuffed", "content came as commands: a line of it with a lone dot had ended it"
	}
	return "", ""
}

// report adds the finding, in the place of that about an unknown command.
func (s *spill) report(w *walk, x *step, id, detail string) {
	n := len(w.findings)
	if id == "data-dot-not-stuffed" && s.transaction > 0 {
		w.within[s.transaction].cut = true
	}
	w.found(x, id, x.Command, "%s", detail)
	if s.text && s.finding >= 0 && s.finding < n && len(w.findings) > n {
		f := &w.findings[s.finding]
		f.ID, f.Level, f.RFC, f.Detail = id, w.findings[n].Level, w.findings[n].RFC, detail
		w.findings = w.findings[:n]
	}
	s.finding = -1
}

// advance takes in what the step means for the lines to come.
func (s *spill) advance(x *step) {
	switch {
	case x.verb == ".":
		s.dot, s.text, s.finding, s.transaction = true, true, -1, x.Transaction
	case x.verb != "" || x.answer:
		s.text, s.finding = false, -1
	}
}

// isContent says that a line is a header field or the final dot.
func isContent(line string) bool {
	field, _, ok := strings.Cut(line, ":")
	return line == "." || ok && field != "" && !strings.ContainsFunc(field, func(r rune) bool { return r <= ' ' || r > '~' })
}
