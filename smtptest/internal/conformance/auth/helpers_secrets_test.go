package auth_test

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/go-smtptest/smtp/smtptest/internal/conformance/play"
	"github.com/go-smtptest/smtp/smtptest/lint"
	"github.com/go-smtptest/smtp/smtptest/report"
)

// fieldTexts returns the text of each field in v, at any depth, on a line of its
// own. It is for searching a record: unlike %+v it follows pointers, and no String
// method can hide a field from it.
func fieldTexts(v any) string {
	var b strings.Builder
	addFieldTexts(&b, reflect.ValueOf(v))
	return b.String()
}

func addFieldTexts(b *strings.Builder, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		b.WriteString(v.String() + "\n")
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type() != reflect.TypeFor[time.Time]() {
				addFieldTexts(b, v.Field(i))
			}
		}
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			b.WriteString(string(v.Bytes()) + "\n")
			return
		}
		for i := range v.Len() {
			addFieldTexts(b, v.Index(i))
		}
	case reflect.Map:
		for iter := v.MapRange(); iter.Next(); {
			addFieldTexts(b, iter.Key())
			addFieldTexts(b, iter.Value())
		}
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			addFieldTexts(b, v.Elem())
		}
	}
}

// TestFieldTexts verifies that the search of a record misses no field.
func TestFieldTexts(t *testing.T) {
	type inner struct{ text string }
	got := fieldTexts([]any{inner{"a"}, &inner{"b"}, map[string]inner{"c": {"d"}}, []byte("e"), [1]smtptest.Reply{"f"}, (*inner)(nil), 1})
	if want := "a\nb\nc\nd\ne\nf\n"; got != want {
		t.Errorf("fieldTexts() = %q, want %q", got, want)
	}
}

// output returns all that a server and the packages about its record show of
// what came, once the server's test has failed and ended.
func output(t *testing.T, srv *smtptest.Server, tb *play.FakeTB) string {
	t.Helper()
	tb.Errorf("a failure, so that the log has the dialogue")
	tb.End()
	var page bytes.Buffer
	if err := report.Write(&page, srv); err != nil {
		t.Fatal(err)
	}
	findings := lint.Check(srv.Sessions())
	return srv.Transcript() + tb.Errors() + tb.Logged() + page.String() +
		fieldTexts(srv.Sessions()) + fieldTexts(srv.Messages()) + fieldTexts(findings) + fmt.Sprint(findings)
}

// checkHidden fails the test if the text shows one of the secrets, in any case.
func checkHidden(t *testing.T, text string, secrets []string) {
	t.Helper()
	upper := strings.ToUpper(text)
	for _, secret := range secrets {
		if i := strings.Index(upper, strings.ToUpper(secret)); i >= 0 {
			t.Errorf("%q shows in upper case: ...%q...", secret, upper[max(0, i-200):min(len(upper), i+200)])
			return
		}
	}
}
