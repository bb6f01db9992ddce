package smtptest

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-smtptest/smtp/smtptest/internal/script"
	"github.com/go-smtptest/smtp/smtptest/internal/secret"
	"github.com/go-smtptest/smtp/smtptest/internal/session"
	"github.com/go-smtptest/smtp/smtptest/internal/show"
	"github.com/go-smtptest/smtp/smtptest/internal/wire"
)

// compile prepares the rules of a script. The error is a sentence for the author of
// the test.
func (s *Server) compile(rules []Rule) ([]*script.Rule, error) {
	compiled := make([]*script.Rule, len(rules))
	passwords := s.passwords()
	for i, r := range rules {
		compiled[i] = r.compiled(ruleText(i+1, r, passwords))
	}
	return compiled, script.Compile(compiled, s.facts())
}

// passwords returns what masks the passwords of Users; nil if there are none.
func (s *Server) passwords() *strings.Replacer {
	if s.started() {
		return secret.Passwords(s.config.Users)
	}
	return secret.Passwords(s.Users)
}

// ruleText returns the nth rule with its number, without secrets. passwords may be nil.
func ruleText(n int, rule Rule, passwords *strings.Replacer) string {
	text := fmt.Sprintf("rule %d: %s", n, rule)
	if passwords != nil && secret.IsLoginEvent(rule.On) {
		text = passwords.Replace(text)
	}
	return text
}

// compiled returns the rule for the script; text is what messages call it.
func (r Rule) compiled(text string) *script.Rule {
	c := &script.Rule{
		On: r.On, Skip: r.Skip, Times: r.Times, Per: script.Scope(r.Per),
		For: r.For, Every: r.Every, Chance: r.Chance, Optional: r.Optional,
		Action: script.Action{
			Delay: r.Delay, Jitter: r.Jitter, Reply: wire.Reply(r.Reply), Raw: r.Raw, Keep: r.Keep, Discard: r.Discard,
			Chunk: r.Chunk, Pause: r.Pause, Then: string(r.Then),
		},
		Text: text, Origin: r,
	}
	if r.If != nil {
		c.If = func(v script.View) bool { return r.If(eventOf(v)) }
	}
	return c
}

// eventOf returns the event that an If sees.
func eventOf(v script.View) Event {
	e := Event{Verb: v.Verb, Arg: v.Arg, Open: v.Open, Errors: v.Errors}
	e.Message = Message{
		Session:     v.Session,
		Transaction: v.Transaction,
		Time:        v.Time,
		Peer:        v.Peer,
		Helo:        v.Helo,
		User:        v.User,
		TLS:         v.TLS,
		From:        v.From,
		To:          v.To,
		MailOptions: v.MailOptions,
		RcptOptions: v.RcptOptions,
		Data:        v.Data,
		Unstuffed:   v.Unstuffed,
		Chunks:      v.Chunks,
	}
	return e
}

// verbNames returns the verbs of the command table.
var verbNames = sync.OnceValue(func() []string {
	var names []string
	for _, v := range session.Verbs() {
		names = append(names, v.Name)
	}
	return names
})

// facts returns what a script must fit in the configuration.
func (s *Server) facts() script.Facts {
	return script.Facts{
		Known:    s.started(),
		Verbs:    verbNames(),
		Serves:   s.engine.Serves,
		Custom:   func(verb string) bool { return s.config.Commands[verb] != nil },
		LMTP:     s.config.LMTP,
		TLS:      s.engine.TLS != nil,
		Implicit: s.engine.Implicit,
		Asks:     s.engine.OffersAuth() || s.config.Commands["AUTH"] != nil,
	}
}

// checkScript verifies at Start what needs the Server's fields.
func (s *Server) checkScript() error {
	rules, passwords := s.script.Rules(), s.passwords()
	for i, r := range rules {
		r.Text = ruleText(i+1, r.Origin.(Rule), passwords)
	}
	facts := s.facts()
	if err := facts.Check(rules); err != nil {
		return err
	}
	if script.IsRandom(rules) {
		s.seed()
	}
	return nil
}

// String writes the rule as a literal, without the fields that are zero and
// without the secrets of AUTH in On.
func (r Rule) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "{On: %q", secret.ShowOn(r.On))
	field := func(set bool, name string, value any) {
		if set {
			fmt.Fprintf(&b, ", %s: %v", name, value)
		}
	}
	field(r.If != nil, "If", "func")
	field(r.Skip != 0, "Skip", r.Skip)
	field(r.Times != 0, "Times", r.Times)
	field(r.Per != 0, "Per", r.Per)
	field(r.For != 0, "For", show.Duration(r.For))
	field(r.Every != 0, "Every", show.Duration(r.Every))
	field(r.Chance != 0, "Chance", r.Chance)
	field(r.Optional, "Optional", true)
	field(r.Delay != 0, "Delay", show.Duration(r.Delay))
	field(r.Jitter != 0, "Jitter", show.Duration(r.Jitter))
	field(r.Reply == NoReply, "Reply", "NoReply")
	field(r.Reply != "" && r.Reply != NoReply, "Reply", strconv.Quote(string(r.Reply)))
	field(r.Raw != "", "Raw", show.Quote(r.Raw))
	field(r.Keep, "Keep", true)
	field(r.Discard, "Discard", true)
	field(r.Chunk == ByLine, "Chunk", "ByLine")
	field(r.Chunk != 0 && r.Chunk != ByLine, "Chunk", r.Chunk)
	field(r.Pause != 0, "Pause", show.Duration(r.Pause))
	field(r.Then != "", "Then", string(r.Then))
	b.WriteByte('}')
	return b.String()
}

const allScopes = PerSession | PerTransaction | PerPeer | PerSender | PerRecipient

// String names the scopes, as in "PerPeer|PerSender". It writes bits that are no
// scope as a number, as in "PerPeer|Scope(1)".
func (s Scope) String() string {
	var names []string
	for i, name := range []string{"PerSession", "PerTransaction", "PerPeer", "PerSender", "PerRecipient"} {
		if s&(PerSession<<i) != 0 {
			names = append(names, name)
		}
	}
	if unknown := s &^ allScopes; unknown != 0 {
		names = append(names, fmt.Sprintf("Scope(%d)", uint8(unknown)))
	}
	if names == nil {
		return "PerServer"
	}
	return strings.Join(names, "|")
}

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
