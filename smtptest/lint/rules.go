package lint

import "slices"

// Rule is one kind of finding.
type Rule struct {
	ID      string // "data-bare-lf"
	Level   Level  // of its findings, unless Summary says when they have another
	OptIn   bool   // found on request only: common libraries do it in their normal use, or the test must know more than the record
	RFC     string // "RFC 5321 2.3.8"; "" if no RFC speaks of it
	Summary string // what the client did, in a sentence
}

// rule is a Rule as the tables have it, each beside the code that finds it.
type rule struct {
	id    string
	level Level
	off   bool
	rfc   string
	what  string
}

var allRules = slices.Concat(sessionRules, helloRules, commandRules, pathRules, paramRules, tlsRules, authRules, dataRules, acrossRules, headerRules, mimeRules)

var ruleOf = map[string]rule{}

func init() {
	for _, r := range allRules {
		ruleOf[r.id] = r
	}
}

// Rules lists all kinds of findings: session and order, command syntax and
// addresses, TLS and AUTH, content, header section, MIME.
func Rules() []Rule {
	rules := make([]Rule, len(allRules))
	for i, r := range allRules {
		rules[i] = Rule{ID: r.id, Level: r.level, OptIn: r.off, RFC: r.rfc, Summary: r.what}
	}
	return rules
}
