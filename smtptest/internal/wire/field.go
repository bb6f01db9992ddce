package wire

import "strings"

// AddField adds a field, without its line end, to the end of a message's
// header: where smtpd puts it, before the first empty line.
func AddField(data, field string) string {
	field += "\r\n"
	if strings.HasPrefix(data, "\r\n") {
		return field + data
	}
	if i := strings.Index(data, "\r\n\r\n"); i >= 0 {
		return data[:i+2] + field + data[i+2:]
	}
	return data + field
}
