package lint

import (
	"regexp"
	"slices"
	"strings"
)

// listFields have addresses in angle brackets (RFC 2369 2).
var listFields = []string{"list-help", "list-unsubscribe", "list-subscribe", "list-post", "list-owner", "list-archive"}

// checkLists checks the fields for mailing lists, and one-click unsubscription.
func checkLists(in *inspector, fields []field, has map[string][]field) {
	for _, f := range fields {
		if !slices.Contains(listFields, f.name) || f.broken || hasWordIn(in.text(f)) {
			continue
		}
		if _, problem := listURLs(in.text(f), f.name == "list-post"); problem != "" {
			in.report("header-list-invalid", f.start, f.end, "%s: %s", canonical(f.name), problem)
		}
	}
	for _, f := range has["list-unsubscribe-post"] {
		if !f.broken && !hasWordIn(in.text(f)) {
			checkOneClick(in, f, has["list-unsubscribe"])
		}
	}
}

// checkOneClick checks a List-Unsubscribe-Post (RFC 8058 3.1).
func checkOneClick(in *inspector, f field, unsubscribe []field) {
	const id = "header-one-click-invalid"
	switch value := strings.Trim(in.text(f), " \t\r\n"); {
	case !strings.EqualFold(value, "List-Unsubscribe=One-Click"):
		in.report(id, f.start, f.end, "the value is not List-Unsubscribe=One-Click")
	case len(unsubscribe) == 0:
		in.report(id, f.start, f.end, "there is no List-Unsubscribe")
	case !unsubscribe[0].broken:
		urls, problem := listURLs(in.text(unsubscribe[0]), false)
		https := func(url string) bool { return strings.HasPrefix(strings.ToLower(url), "https:") }
		if problem == "" && !slices.ContainsFunc(urls, https) {
			in.report(id, unsubscribe[0].start, unsubscribe[0].end, "List-Unsubscribe has no https address")
		}
	}
}

var scheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:.`)

// listURLs returns the addresses of a field, or what is wrong with it. White space
// within the brackets does not count. List-Post may be NO.
func listURLs(s string, mayBeNo bool) (urls []string, problem string) {
	i := skipCFWS(s, 0)
	if n := tokenLen(s[i:]); mayBeNo && strings.EqualFold(s[i:i+n], "no") && skipCFWS(s, i+n) == len(s) {
		return nil, ""
	}
	for {
		end := strings.IndexByte(s[i:], '>')
		switch {
		case i == len(s):
			return nil, "no address"
		case s[i] != '<' || end < 0:
			return nil, "an address that is not in <>"
		}
		url := strings.Join(strings.Fields(s[i+1:i+end]), "")
		if !scheme.MatchString(url) {
			return nil, quote(url) + " is no URL"
		}
		urls = append(urls, url)
		if i = skipCFWS(s, i+end+1); i == len(s) {
			return urls, ""
		}
		switch s[i] {
		case ',':
		case '<':
			return nil, "no comma after " + quote("<"+url+">")
		default:
			return urls, "" // other text is for a reader to ignore
		}
		i = skipCFWS(s, i+1)
	}
}

// hasWordIn reports whether there is an encoded word in s, about which there is
// another rule.
func hasWordIn(s string) bool {
	_, _, ok := findWord(s)
	return ok
}

// autoKeywords are registered for Auto-Submitted (RFC 3834 5, RFC 5436 2.7.1). Others
// begin with auto- too.
var autoKeywords = []string{"no", "auto-generated", "auto-replied", "auto-notified"}

// checkAutoSubmitted checks the fields Auto-Submitted (RFC 3834 5).
func checkAutoSubmitted(in *inspector, fields []field) {
	for _, f := range fields {
		if f.broken || hasWordIn(in.text(f)) {
			continue
		}
		s := in.text(f)
		i := skipCFWS(s, 0)
		n := tokenLen(s[i:])
		keyword := strings.ToLower(s[i : i+n])
		rest := s[skipCFWS(s, i+n):]
		switch {
		case keyword == "":
			in.report("header-auto-submitted-invalid", f.start, f.end, "Auto-Submitted without a keyword")
		case rest != "" && rest[0] != ';':
			in.report("header-auto-submitted-invalid", f.start, f.end, "%s is no keyword", quote(strings.Trim(s, " \t\r\n")))
		case !slices.Contains(autoKeywords, keyword) && !strings.HasPrefix(keyword, "auto-"):
			in.report("header-auto-submitted-unknown", f.start, f.end, "%s is not registered", quote(keyword))
		}
	}
}
