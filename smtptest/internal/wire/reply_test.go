package wire

import (
	"strings"
	"testing"
)

func TestFirstReply(t *testing.T) {
	long := strings.Repeat("x", 5000)
	for octets, want := range map[string]string{
		"250\r\n":                         "250",
		"250 \r\n":                        "250 ",
		"250 OK\r\n":                      "250 OK",
		"599 no\r\n":                      "599 no",
		"250 \xff\x00\t" + long + "\r\n":  "250 \xff\x00\t" + long,
		"250-a\r\n250-\r\n250 b\r\n":      "250-a\r\n250-\r\n250 b",
		"250-a\r\n250\r\n":                "250-a\r\n250",
		"250 a\r\n550 b\r\n":              "250 a",
		"250 a\r\n250":                    "250 a",
		"250-a\r\n250 b\r\n250 c\r\nmore": "250-a\r\n250 b",

		"":                              "",
		"\r\n":                          "",
		"2":                             "",
		"25\r\n":                        "",
		"250":                           "",
		"250 OK":                        "",
		"250 OK\r":                      "",
		"250 OK\n":                      "",
		"250 OK\n\r\n":                  "",
		"250 O\rK\r\n":                  "",
		"250-a\n250 b\r\n":              "",
		"250-a\r\n":                     "",
		"250-a\r\n25":                   "",
		"250-a\r\n\r\n250 b\r\n":        "",
		"250-a\r\n251 b\r\n":            "",
		"250-a\r\n550-b\r\n250 c\r\n":   "",
		"250OK\r\n":                     "",
		"250\tOK\r\n":                   "",
		"2500\r\n":                      "",
		"150 a\r\n":                     "",
		"650 a\r\n":                     "",
		"2x0 a\r\n":                     "",
		" 250 a\r\n":                    "",
		"hello\r\n250 OK\r\n":           "",
		"\r\n250 OK\r\n":                "",
		"\u0662\u0665\u0660 OK\r\n":     "",
		strings.Repeat("250-\r\n", 1e5): "",
	} {
		if got := FirstReply(octets); got != want {
			t.Errorf("FirstReply(%.60q) = %.60q, want %.60q", octets, got, want)
		}
	}
}
