package smtptest

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// GoString returns the rule as Go code that can be pasted into a call of
// [Server.Script], for %#v. It leaves out the fields that are zero, and masks
// nothing. An If is a function, of which it writes a comment only.
func (r Rule) GoString() string {
	var b strings.Builder
	v, separator := reflect.ValueOf(r), ""
	for i := range v.NumField() {
		name, f := v.Type().Field(i).Name, v.Field(i)
		switch {
		case f.IsZero():
		case name == "Chunk" && r.Chunk == ByLine:
			b.WriteString(separator + "Chunk: smtptest.ByLine")
			separator = ", "
		case f.Kind() == reflect.Func:
			b.WriteString(separator + "/* " + name + ": func(e smtptest.Event) bool */")
			separator = " " // a comment takes no comma
		default:
			b.WriteString(separator + name + ": " + goValue(f.Interface()))
			separator = ", "
		}
	}
	return "smtptest.Rule{" + b.String() + "}"
}

// goValue returns the value of a field of a Rule as Go code.
func goValue(value any) string {
	switch v := value.(type) {
	case string:
		return strconv.Quote(v)
	case time.Duration:
		return goDuration(v)
	case Reply:
		if v == NoReply {
			return "smtptest.NoReply"
		}
		return strconv.Quote(string(v))
	case Then:
		if name := map[Then]string{Close: "Close", Drop: "Drop", Reset: "Reset", HalfClose: "HalfClose", Hold: "Hold"}[v]; name != "" {
			return "smtptest." + name
		}
		return strconv.Quote(string(v))
	case Scope:
		if v&^allScopes != 0 {
			return strconv.Itoa(int(v))
		}
		return "smtptest." + strings.ReplaceAll(v.String(), "|", " | smtptest.")
	}
	return fmt.Sprint(value)
}

// goDuration returns d as Go code, in the largest unit of which it is a multiple.
func goDuration(d time.Duration) string {
	if d == Forever {
		return "smtptest.Forever"
	}
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{time.Hour, "time.Hour"}, {time.Minute, "time.Minute"}, {time.Second, "time.Second"}, {time.Millisecond, "time.Millisecond"}, {time.Microsecond, "time.Microsecond"}} {
		switch {
		case d == unit.size:
			return unit.name
		case d%unit.size == 0:
			return fmt.Sprintf("%d * %s", d/unit.size, unit.name)
		}
	}
	return strconv.Itoa(int(d))
}
