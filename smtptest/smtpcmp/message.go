// Package smtpcmp has options of go-cmp for mail and dialogues, and golden
// files. A wanted and a recorded mail compare in one line, and the difference
// shows the line that changed:
//
//	if diff := cmp.Diff(want, got, smtpcmp.Message("Date", "Message-ID")); diff != "" {
//		t.Errorf("welcome mail mismatch (-want +got):\n%s", diff)
//	}
//
// The options work on smtptest.Message wherever it occurs, also in a slice, and
// go together with those of cmp and cmpopts.
package smtpcmp

import (
	"mime"
	"net/mail"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-smtptest/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Message compares messages as their recipients read them:
//
//   - the fields of the header, decoded and in any order, and those of addresses by
//     name and address;
//   - the structure of the message, and of each part the parameters of its type, its
//     disposition with its parameters, and its other fields;
//   - the Content-IDs by what they do: whether there is one, whether it has angle
//     brackets, and which part each cid: of the HTML shows;
//   - the decoded text, HTML and attachments, and the messages within the message.
//
// It leaves out the fields that are named in ignored, in the header of the message
// and of each part. If Content-Type is ignored, the types still compare. It replaces
// the ids of Content-IDs, and MIME boundaries, by 1, 2, 3 in the order of the parts,
// on both sides. It ignores transfer encodings, the case of charsets, and whether
// lines end in CRLF or LF. To compare bytes, compare Data without this option.
//
// It ignores Session, Transaction, Time, Peer and Helo: they vary from run to run. Reply,
// MailOptions (but for SIZE), RcptOptions, Unstuffed and Chunks are compared if
// both messages have them, so that a wanted message needs no more than From, To
// and Data (and User and TLS, if it came so).
func Message(ignored ...string) cmp.Option {
	return cmp.Options{
		cmp.FilterPath(isField("Session", "Transaction", "Time", "Peer", "Helo"), cmp.Ignore()),
		cmp.FilterPath(isField("Reply", "MailOptions", "RcptOptions", "Unstuffed", "Chunks"),
			cmp.FilterValues(eitherUnsaid, cmp.Ignore())),
		cmp.FilterPath(within(isField("MailOptions")), cmpopts.IgnoreSliceElements(isSize)),
		cmp.FilterPath(isField("Data"), cmp.Transformer("smtpcmp.Message", func(data string) content {
			return readContent(data, ignored, 0)
		})),
	}
}

// IgnoreOrder compares the recipients of a message, and the messages of a
// slice, in any order.
func IgnoreOrder() cmp.Option {
	return cmp.Options{
		cmpopts.AcyclicTransformer("smtpcmp.IgnoreOrder", sortMessages),
		cmpopts.AcyclicTransformer("smtpcmp.IgnoreOrder", sortRecipients),
	}
}

// isField is the filter for fields of smtptest.Message.
func isField(names ...string) func(cmp.Path) bool {
	message := reflect.TypeFor[smtptest.Message]()
	return func(p cmp.Path) bool {
		field, ok := p.Last().(cmp.StructField)
		return ok && p.Index(-2).Type() == message && slices.Contains(names, field.Name())
	}
}

// within is the filter for what is directly in what is passes.
func within(is func(cmp.Path) bool) func(cmp.Path) bool {
	return func(p cmp.Path) bool { return is(p[:len(p)-1]) }
}

// isSize says whether a parameter of MAIL is RFC 1870's: it counts octets that
// are ignored.
func isSize(option string) bool {
	name, _, _ := strings.Cut(option, "=")
	return strings.EqualFold(name, "SIZE")
}

// eitherUnsaid says whether one of the two values says nothing: it is "" or has
// no elements but such.
func eitherUnsaid(x, y any) bool {
	unsaid := func(v any) bool {
		if options, ok := v.([][]string); ok {
			return len(slices.Concat(options...)) == 0
		}
		return reflect.ValueOf(v).Len() == 0
	}
	return unsaid(x) || unsaid(y)
}

// field is the value of a field as it compares; as it stands if it cannot be
// decoded.
func field(name, value string, decoder *mime.WordDecoder) string {
	if addressed[strings.TrimPrefix(name, "Resent-")] {
		if list, err := addresses(value, decoder); err == nil {
			return list
		}
	}
	if decoded, err := decoder.DecodeHeader(value); err == nil {
		return decoded
	}
	return value
}

// addressed are the fields that are lists of addresses (RFC 5322 3.6).
var addressed = map[string]bool{"From": true, "Sender": true, "Reply-To": true, "To": true, "Cc": true, "Bcc": true}

// addresses are a list of them, written in one way. Names are quoted: one without
// its quotes may be no list, or another.
func addresses(value string, decoder *mime.WordDecoder) (string, error) {
	parser := mail.AddressParser{WordDecoder: decoder}
	list, err := parser.ParseList(value)
	written := make([]string, len(list))
	for i, a := range list {
		written[i] = (&mail.Address{Address: a.Address}).String()
		if a.Name != "" {
			written[i] = strconv.Quote(a.Name) + " " + written[i]
		}
	}
	return strings.Join(written, ", "), err
}

// lines are those of a text, without their ends. The last needs none.
func lines(s string) []string {
	var all []string
	for line := range strings.Lines(s) {
		all = append(all, strings.TrimRight(line, "\r\n"))
	}
	return all
}

// sortMessages orders by what is seen first, so that fields which vary from run
// to run decide last.
func sortMessages(messages []smtptest.Message) []smtptest.Message {
	key := func(m smtptest.Message) []string {
		m = sortRecipients(m)
		return []string{m.From, strings.Join(m.To, "\n"), m.Subject(), m.Text(), m.HTML(), m.Data}
	}
	return slices.SortedStableFunc(slices.Values(messages), func(a, b smtptest.Message) int { return slices.Compare(key(a), key(b)) })
}

// sortRecipients keeps the parameters of each recipient with it.
func sortRecipients(m smtptest.Message) smtptest.Message {
	order := make([]int, len(m.To))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(m.To[a], m.To[b]) })
	to, options := slices.Clone(m.To), slices.Clone(m.RcptOptions)
	for i, from := range order {
		to[i] = m.To[from]
		if len(options) == len(to) {
			options[i] = m.RcptOptions[from]
		}
	}
	m.To, m.RcptOptions = to, options
	return m
}
