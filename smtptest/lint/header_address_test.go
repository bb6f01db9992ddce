package lint

func addresses(bad, why, good string) ruleRow {
	return ruleRow{id: "header-address-invalid", why: why,
		bad: sample{header: "Cc: " + bad + "\n"}, good: sample{header: "Cc: " + good + "\n"}}
}

func recipients(to ...string) func(c *content) {
	return func(c *content) { c.to = to }
}

var addressRows = []ruleRow{
	addresses("Doe, John <j@a.test>", "a comma in a name", `"Doe, John" <j@a.test>`),
	addresses("John Q. Public <j@a.test>", "a dot in a name", `"John Q." Public <j@a.test>`),
	addresses("Ann@home <a@a.test>", "an at in a name", `"Ann@home" <a@a.test>`),
	addresses("Ann [work] <a@a.test>", "brackets in a name", `Ann (work (home)) <a@a.test>`),
	addresses("bob", "no domain", "bob@a"),
	addresses("", "empty", "undisclosed-recipients:;"),
	addresses("a@a.test,", "a comma last", "a@a.test,\n b@a.test"),
	addresses("a@a.test,,b@a.test", "two commas", "a@a.test,b@a.test"),
	addresses("a@a.test; b@a.test", "a semicolon", "g: a@a.test, B <b@a.test>;, c@a.test"),
	addresses("g: h: a@a.test;;", "a group in a group", "g: (nobody) ;"),
	addresses("g: a@a.test", "a group not closed", "g:a@a.test;"),
	addresses("Ann <>", "no address in the brackets", "Ann <a@a.test>"),
	addresses("<a@a.test", "not closed", "<a@a.test>"),
	addresses("Ann a@a.test", "no brackets", "Ann<a@a.test>"),
	addresses("<@r.test:a@a.test>", "an obsolete route", "<a@a.test>"),
	addresses("a..b@a.test", "two dots", "a.b@a.test"),
	addresses("a.@a.test", "a dot before the at", `"a."@a.test`),
	addresses("a. b@a.test", "a space in the local part", `"a b"@a.test`),
	addresses("a@a.test.", "a dot last", "a@a_b.test"),
	addresses("a@[127.0.0.1", "a literal not closed", "a@[127.0.0.1]"),
	addresses(`"Ann <a@a.test>`, "a quote not closed", `"Ann \" <x" <a@a.test>`),
	addresses("Ann (x <a@a.test>", "a comment not closed", `Ann (x\() <a@a.test>`),
	addresses("a@a.test b@a.test", "no comma", "a @ a.test (b@a.test)"),
	addresses("a@b@a.test", "two ats", `"a@b"@a.test`),
	{id: "header-address-invalid", why: "two in Sender", bad: sample{header: "Sender: a@a.test, b@a.test\n"}, good: sample{header: "Sender: <a@a.test>\n"}},
	{id: "header-address-invalid", why: "empty Reply-To", bad: sample{header: "Reply-To: \n"}, good: sample{header: "Bcc: \n"}},
	{id: "header-address-invalid", why: "resent", bad: sample{header: "Resent-Date: 2 Jan 2006 15:04:05 +0000\nResent-From: a\n"},
		good: sample{header: "Resent-Date: 2 Jan 2006 15:04:05 +0000\nResent-From: a@b\n"}},

	{id: "header-sender-missing", why: "two authors", bad: sample{without: "From", header: "From: Ann <ann@example.com>, c@example.com\n"},
		good: sample{without: "From", header: "From: Ann <ann@example.com>, c@example.com\nSender: ann@example.com\n"}},
	{id: "header-sender-redundant", why: "equal", bad: sample{header: "Sender: The other Ann <ann@EXAMPLE.com>\n"}, good: sample{header: "Sender: Ann@example.com\n"}},
	{id: "header-from-mismatch", why: "another domain", bad: sample{change: func(c *content) { c.from = "bounces@mail.example.com" }},
		good: sample{change: func(c *content) { c.from = "bounces@EXAMPLE.com" }}},
	{id: "header-from-mismatch", why: "a subdomain", bad: sample{change: func(c *content) { c.from = "ann@ann@com" }},
		good: sample{change: func(c *content) { c.from = "" }}},

	{id: "header-bcc-leaked", why: "Bob reads it", bad: sample{header: "Bcc: eve@example.com\n", change: recipients("bob@example.com", "eve@example.com")},
		good: sample{header: "Bcc: Eve <EVE@example.com>\n", change: recipients("eve@example.com")}}, // her own copy
	{id: "header-bcc-leaked", why: "resent", bad: sample{header: "Resent-Date: 2 Jan 2006 15:04:05 +0000\nResent-From: a@b\nResent-Bcc: eve@example.com\n"},
		good: sample{header: "Resent-Date: 2 Jan 2006 15:04:05 +0000\nResent-From: a@b\nResent-Bcc: undisclosed:;\n"}},
	{id: "header-rcpt-disclosed", why: "in X-Recipients", bad: sample{header: "X-Recipients: bob@example.com <Eve@example.com>\n", change: recipients("bob@example.com", "eve@example.com")},
		good: sample{header: "X-Recipients: bob@example.com steve@example.com\n", change: recipients("bob@example.com", "eve@example.com")}},
	{id: "header-rcpt-disclosed", why: "sendmail's Apparently-To", bad: sample{header: "Apparently-To: <eve@example.com>\n", change: recipients("bob@example.com", "eve@example.com")},
		good: sample{header: "X-Original-To: eve@example.com\n", change: recipients("eve@example.com")}}, // she knows
	{id: "header-rcpt-disclosed", why: "a copy to the author", bad: sample{header: "X-Also: c@example.com\n", change: recipients("ann@example.com", "c@example.com")},
		good: sample{header: "X-Sender: ann@example.com\n", change: recipients("bob@example.com", "ann@example.com")}},
	{id: "header-no-destination", why: "left out", bad: sample{without: "To"}, good: sample{without: "To", header: "Bcc:\n"}},
}
