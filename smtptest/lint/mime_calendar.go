package lint

import "strings"

// checkCalendar compares the parameter method with the METHOD of the calendar
// (RFC 5545 8.1, RFC 6047 2.4).
func checkCalendar(in *inspector, t text) {
	method := calendarMethod(t.decoded)
	q, ok := getParam(t.params, "method")
	switch {
	case method == "" && ok:
		in.report("mime-calendar-method", q.start, q.end, "the parameter is %s, and the calendar has no METHOD", quote(q.value))
	case method != "" && !ok:
		in.report("mime-calendar-method", t.typed.start, t.typed.end, "no method parameter, and the calendar has METHOD:%s", quote(method))
	case !strings.EqualFold(method, q.value):
		in.report("mime-calendar-method", q.start, q.end, "the parameter is %s, and the calendar has METHOD:%s", quote(q.value), quote(method))
	}
}

// unfold joins the lines of a calendar that were folded (RFC 5545 3.1).
var unfold = strings.NewReplacer("\r\n ", "", "\r\n\t", "", "\n ", "", "\n\t", "")

// calendarMethod returns the value of the METHOD of a calendar, or "" if there is
// none. Those of its components are not properties of the calendar.
func calendarMethod(s string) string {
	depth := 0
	for line := range strings.Lines(unfold.Replace(s)) {
		name, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		name, _, _ = strings.Cut(name, ";")
		switch upper(name) {
		case "BEGIN":
			depth++
		case "END":
			if depth--; depth == 0 {
				return "" // a second calendar has its own
			}
		case "METHOD":
			if depth == 1 {
				return strings.TrimSpace(value)
			}
		}
	}
	return ""
}
