package harness

import (
	"context"
	"testing"
)

type named struct{}

func (named) Name() string { return "TestName" }

type broken struct{}

func (broken) Name() string { panic("no name") }

type contextless struct{}

func (contextless) Context() context.Context { return nil }

// TestOptional verifies that a method is absent if it is missing, panics or
// returns nil.
func TestOptional(t *testing.T) {
	for _, test := range []struct {
		name, want string
		ok         bool
		tb         any
	}{
		{"has the method", "TestName", true, named{}},
		{"lacks the method", "", false, struct{}{}},
		{"panics", "", false, broken{}},
		{"embeds a nil testing.TB", "", false, struct{ testing.TB }{}},
		{"a nil *testing.T", "", false, (*testing.T)(nil)},
		{"nil", "", false, nil},
	} {
		got, ok := Optional(test.tb, func(t interface{ Name() string }) string { return t.Name() })
		if got != test.want || ok != test.ok {
			t.Errorf("%s: Optional() = %q, %t, want %q, %t", test.name, got, ok, test.want, test.ok)
		}
	}
	if ctx, ok := Optional(contextless{}, func(t interface{ Context() context.Context }) context.Context { return t.Context() }); ok || ctx != nil {
		t.Errorf("Optional() = %v, %t, want nil, false", ctx, ok)
	}
}

// TestFailed verifies that a panic counts as a failure of the test.
func TestFailed(t *testing.T) {
	if Failed(struct{ testing.TB }{}) || Failed(nil) || Failed(t) {
		t.Error("Failed() = true before anything has failed")
	}
	defer func() {
		if !Failed(nil) {
			t.Error("Failed() = false while a panic runs the Cleanups")
		}
		_ = recover()
	}()
	panic("no")
}
