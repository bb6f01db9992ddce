package rules_test

import (
	"fmt"
	"go/parser"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
)

// TestRuleGoString verifies that a rule is written as Go code. Each text is the code
// of the value beside it, so the compiler verifies that it can be pasted.
func TestRuleGoString(t *testing.T) {
	for _, test := range []struct {
		rule smtptest.Rule
		want string
	}{
		{smtptest.Rule{}, `smtptest.Rule{}`},
		{smtptest.Rule{On: ".", Times: 1, Reply: "451 4.3.0 later"}, `smtptest.Rule{On: ".", Times: 1, Reply: "451 4.3.0 later"}`},
		{smtptest.Rule{On: "EHLO", Reply: "250-mx\n250 HELP"}, `smtptest.Rule{On: "EHLO", Reply: "250-mx\n250 HELP"}`},
		{smtptest.Rule{On: "AUTH PLAIN AGEAYg==", Raw: "\x00\xff\r\n"}, `smtptest.Rule{On: "AUTH PLAIN AGEAYg==", Raw: "\x00\xff\r\n"}`},
		{smtptest.Rule{On: ".", Keep: true, Reply: smtptest.NoReply, Then: smtptest.Reset}, `smtptest.Rule{On: ".", Reply: smtptest.NoReply, Keep: true, Then: smtptest.Reset}`},
		{smtptest.Rule{On: "*", Skip: 2, Delay: smtptest.Forever, Optional: true}, `smtptest.Rule{On: "*", Skip: 2, Optional: true, Delay: smtptest.Forever}`},
		{smtptest.Rule{On: "*", Delay: time.Hour, Jitter: 90 * time.Second, Pause: 200 * time.Millisecond, For: time.Minute, Every: 1500 * time.Nanosecond},
			`smtptest.Rule{On: "*", For: time.Minute, Every: 1500, Delay: time.Hour, Jitter: 90 * time.Second, Pause: 200 * time.Millisecond}`},
		{smtptest.Rule{On: "*", Delay: -5 * time.Microsecond}, `smtptest.Rule{On: "*", Delay: -5 * time.Microsecond}`},
		{smtptest.Rule{On: "RCPT", Per: smtptest.PerPeer | smtptest.PerSender, Chance: 0.25}, `smtptest.Rule{On: "RCPT", Per: smtptest.PerPeer | smtptest.PerSender, Chance: 0.25}`},
		{smtptest.Rule{On: "RCPT", Per: 1, Chunk: 3, Then: "fly"}, `smtptest.Rule{On: "RCPT", Per: 1, Chunk: 3, Then: "fly"}`},
		{smtptest.Rule{On: "EHLO", Chunk: smtptest.ByLine, Then: smtptest.Hold}, `smtptest.Rule{On: "EHLO", Chunk: smtptest.ByLine, Then: smtptest.Hold}`},
		{smtptest.Rule{On: "EHLO", Skip: -1, Then: smtptest.Close}, `smtptest.Rule{On: "EHLO", Skip: -1, Then: smtptest.Close}`},
		{smtptest.Rule{On: "EHLO", Then: smtptest.Drop}, `smtptest.Rule{On: "EHLO", Then: smtptest.Drop}`},
		{smtptest.Rule{On: "EHLO", Then: smtptest.HalfClose}, `smtptest.Rule{On: "EHLO", Then: smtptest.HalfClose}`},
		{smtptest.Rule{If: func(smtptest.Event) bool { return true }, Skip: 1}, `smtptest.Rule{/* If: func(e smtptest.Event) bool */ Skip: 1}`},
		{smtptest.Rule{On: "RCPT", If: func(smtptest.Event) bool { return true }}, `smtptest.Rule{On: "RCPT", /* If: func(e smtptest.Event) bool */}`},
	} {
		got := fmt.Sprintf("%#v", test.rule)
		if got != test.want {
			t.Errorf("GoString() = %s\nwant         %s", got, test.want)
		}
		if _, err := parser.ParseExpr(got); err != nil {
			t.Errorf("%s: %v", got, err)
		}
	}
}

// TestRuleGoStringFields verifies that GoString writes every field.
func TestRuleGoStringFields(t *testing.T) {
	for i := range reflect.TypeFor[smtptest.Rule]().NumField() {
		var r smtptest.Rule
		f := reflect.ValueOf(&r).Elem().Field(i)
		switch f.Kind() {
		case reflect.String:
			f.SetString("x")
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Float64:
			f.SetFloat(math.SmallestNonzeroFloat64)
		case reflect.Uint8:
			f.SetUint(2)
		case reflect.Func:
			r.If = func(smtptest.Event) bool { return true }
		default:
			f.SetInt(7)
		}
		got := r.GoString()
		if _, err := parser.ParseExpr(got); err != nil || got == "smtptest.Rule{}" {
			t.Errorf("%s: %s: %v", reflect.TypeFor[smtptest.Rule]().Field(i).Name, got, err)
		}
	}
}
