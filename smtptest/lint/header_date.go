package lint

import (
	"slices"
	"strings"
	"time"
)

// checkDates checks Date and Resent-Date.
func checkDates(in *inspector, fields []field) {
	for _, f := range fields {
		if f.broken || f.name != "date" && f.name != "resent-date" {
			continue
		}
		date, problem := parseDate(in.text(f))
		if problem != "" {
			in.report("header-date-invalid", f.start, f.end, "%s: %s", canonical(f.name), problem)
		} else if away := date.Sub(in.at); f.name == "date" && !in.at.IsZero() && away.Abs() > 24*time.Hour {
			in.report("header-date-skewed", f.start, f.end, "%v from the time of reception", away.Round(time.Second))
		}
	}
}

var (
	dayNames   = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
	monthNames = []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}
)

// parseDate parses a date-time (RFC 5322 3.3) without the obsolete forms, which
// must not be generated. Not: mail.ParseDate, which takes them, and any weekday.
func parseDate(s string) (date time.Time, problem string) {
	if open := strings.IndexByte(s, '('); open >= 0 {
		if skipCFWS(s, open) < len(s) {
			return date, "a comment that is not at the end"
		}
		s = s[:open]
	}
	weekday, rest, named := strings.Cut(s, ",")
	if !named {
		rest = s
	}
	parts := strings.FieldsFunc(rest, func(r rune) bool { return r < 0x80 && isSpace(byte(r)) })
	if len(parts) != 5 {
		return date, "not [weekday,] day month year time zone"
	}
	date, problem = parseDay(parts[0], parts[1], parts[2])
	if problem != "" {
		return date, problem
	}
	if named {
		n := slices.Index(dayNames, strings.ToLower(strings.TrimLeft(weekday, " \t\r\n")))
		if n < 0 {
			return date, quote(weekday) + " is no weekday"
		}
		if time.Weekday(n) != date.Weekday() {
			return date, "that day is a " + date.Weekday().String()
		}
	}
	clock, problem := parseClock(parts[3])
	if problem != "" {
		return date, problem
	}
	zone, problem := parseZone(parts[4])
	return date.Add(clock - zone), problem
}

func parseDay(day, month, year string) (date time.Time, problem string) {
	d, ok := number(day, 1, 2)
	if !ok {
		return date, quote(day) + " is no day"
	}
	m := slices.Index(monthNames, strings.ToLower(month)) + 1
	if m == 0 {
		return date, quote(month) + " is no month"
	}
	y, ok := number(year, 4, 6)
	if !ok || y < 1900 {
		return date, quote(year) + " is no year of four digits since 1900"
	}
	date = time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	if date.Day() != d {
		return date, "there is no such day"
	}
	return date, ""
}

// parseClock parses a time-of-day; second 60 is a leap second.
func parseClock(s string) (clock time.Duration, problem string) {
	parts := strings.Split(s, ":")
	units := []time.Duration{time.Hour, time.Minute, time.Second}
	most := []int{23, 59, 60}
	if len(parts) < 2 || len(parts) > 3 {
		return 0, quote(s) + " is no time"
	}
	for i, part := range parts {
		n, ok := number(part, 2, 2)
		if !ok || n > most[i] {
			return 0, quote(s) + " is no time"
		}
		clock += time.Duration(n) * units[i]
	}
	return clock, ""
}

func parseZone(s string) (zone time.Duration, problem string) {
	if s == "" || s[0] != '+' && s[0] != '-' {
		return 0, quote(s) + " is no zone: +hhmm or -hhmm"
	}
	n, ok := number(s[1:], 4, 4)
	if !ok || n%100 > 59 {
		return 0, quote(s) + " is no zone: +hhmm or -hhmm"
	}
	zone = time.Duration(n/100)*time.Hour + time.Duration(n%100)*time.Minute
	if s[0] == '-' {
		zone = -zone
	}
	return zone, ""
}

// number is a number of least to most digits.
func number(s string, least, most int) (n int, ok bool) {
	if len(s) < least || len(s) > most {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = 10*n + int(s[i]-'0')
	}
	return n, true
}
